//! Long runs: `cargo xtask soak NAME`. In full they leave their figures in `docs/evidence/`; acceptance runs them short and
//! asserts counts.

use std::path::Path;

mod spark_fuzz;
mod swap;

/// Runs a soak; with `--short` for acceptance, which keeps no evidence.
pub fn run(root: &Path, name: &str, args: &[&str]) -> anyhow::Result<()> {
    match (name, args) {
        ("spark-fuzz", args) => spark_fuzz::run(root, args),
        ("swap", []) => swap::run(root, false),
        ("swap", ["--short"]) => swap::run(root, true),
        ("swap", _) => anyhow::bail!("swap takes nothing, or --short"),
        (other, _) => anyhow::bail!("no soak is called {other:?}; there are spark-fuzz and swap"),
    }
}
