//! Long runs: `cargo xtask soak NAME`. In full they leave their figures in `docs/evidence/`; acceptance runs them short and
//! asserts counts.

use std::{
    fs,
    path::{Path, PathBuf},
};

mod drain;
mod lazy;
mod load;
mod overload;
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
        ("drain", []) => drain::run(root, false),
        ("drain", ["--short"]) => drain::run(root, true),
        ("overload", []) => overload::run(root, false),
        ("overload", ["--short"]) => overload::run(root, true),
        ("drain" | "lazy" | "overload" | "swap", _) => anyhow::bail!("{name} takes nothing, or --short"),
        (other, _) => {
            anyhow::bail!("no soak is called {other:?}; there are drain, lazy, overload, spark-fuzz and swap")
        }
    }
}

/// A folder of a soak, taken away when dropped.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> anyhow::Result<Scratch> {
        let folder = std::env::temp_dir().join(format!("forebay-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        Ok(Scratch(folder))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Returns the time that so many of a hundred stay below; the times are ordered.
fn percentile_us(times: &[u32], percent: f64) -> u32 {
    let place = (times.len() as f64 * percent / 100.0) as usize;
    times.get(place.min(times.len().saturating_sub(1))).copied().unwrap_or(0)
}
