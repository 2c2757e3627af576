//! Long runs: `cargo xtask soak NAME`. In full they leave their figures in `docs/evidence/`; acceptance runs them short and
//! asserts counts.

use std::path::Path;

mod swap;

/// Runs a soak; `short` is for acceptance, which keeps no evidence.
pub fn run(root: &Path, name: &str, short: bool) -> anyhow::Result<()> {
    match name {
        "swap" => swap::run(root, short),
        other => anyhow::bail!("no soak is called {other:?}; there is swap"),
    }
}
