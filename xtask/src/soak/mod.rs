//! Long runs: `cargo xtask soak NAME`. In full they leave their figures in `docs/evidence/`; acceptance runs them short and
//! asserts counts.

use std::path::Path;

mod lazy;
mod spark_fuzz;
mod swap;

/// Runs a soak; with `--short` for acceptance, which keeps no evidence.
pub fn run(root: &Path, name: &str, args: &[&str]) -> anyhow::Result<()> {
    match (name, args) {
        ("spark-fuzz", args) => spark_fuzz::run(root, args),
        ("lazy", []) => lazy::run(root, false),
        ("lazy", ["--short"]) => lazy::run(root, true),
        ("swap", []) => swap::run(root, false),
        ("swap", ["--short"]) => swap::run(root, true),
        ("lazy" | "swap", _) => anyhow::bail!("{name} takes nothing, or --short"),
        (other, _) => anyhow::bail!("no soak is called {other:?}; there are lazy, spark-fuzz and swap"),
    }
}

/// Returns the time that so many of a hundred stay below; the times are ordered.
fn percentile_us(times: &[u32], percent: f64) -> u32 {
    let place = (times.len() as f64 * percent / 100.0) as usize;
    times.get(place.min(times.len().saturating_sub(1))).copied().unwrap_or(0)
}
