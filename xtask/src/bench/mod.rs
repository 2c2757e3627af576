//! The benchmarks: `cargo xtask bench [PART...]` measures and writes docs/performance.md.
//!
//! Every figure that is held to a limit is a ratio to a peer in the same run, or far below its limit: absolute times are of
//! one machine. A part leaves its figures in `docs/evidence/bench-PART.json`, and [`page`] renders all of them, so that one
//! part can be measured anew alone; a test holds the page to the evidence. Peers are programs of their own: real Spark
//! behind `acceptance/lib/spark_bench.py`, the JVM's PMML evaluators behind `pmml_bench.py`, compilers of forests
//! behind `forest_bench.py`, ONNX Runtime behind `tensor_bench.py`, axum and tonic in `bench/`, which is outside the workspace.
//!
//! On two cores or more: what is measured has the first core to itself, who measures it the second.

use std::path::Path;

use serde_json::Value;

mod batch;
mod forest;
mod inputs;
mod machine;
pub mod page;
mod pmml;
mod rest;
mod rows;
mod soaks;
mod spent;
mod start;
mod tensors;
mod wire;
mod wrk;

/// The core of what is measured, and the core of who sends requests to it.
const CORE: usize = 0;
const OTHER_CORE: usize = 1;

/// What a part needs.
struct Bench<'a> {
    root: &'a Path,
    binary: &'a Path,
    /// Spark's times from an earlier run, where Spark shall not run now.
    spark_from: Option<&'a Path>,
}

/// A part: how it measures, and how its figures look on the page.
struct Part {
    name: &'static str,
    measure: fn(&Bench<'_>) -> anyhow::Result<Value>,
    title: &'static str,
    render: fn(&Value) -> String,
}

const PARTS: [Part; 8] =
    [rows::PART, batch::PART, forest::PART, pmml::PART, tensors::PART, rest::PART, wire::PART, start::PART];

/// Measures the named parts, or all, and writes the page.
pub fn run(root: &Path, args: &[&str]) -> anyhow::Result<()> {
    let mut names = args.to_vec();
    let spark_from = names.iter().position(|arg| *arg == "--spark-from");
    let spark_from = spark_from.map(|at| names.drain(at..(at + 2).min(args.len())).nth(1));
    anyhow::ensure!(spark_from != Some(None), "--spark-from: name a file that spark_bench.py printed");
    let spark_from = spark_from.flatten().map(Path::new);
    let known = || PARTS.map(|part| part.name).join(", ");
    let unknown = names.iter().find(|name| !PARTS.iter().any(|part| part.name == **name));
    anyhow::ensure!(unknown.is_none(), "{:?} is no part; there are {}", unknown.unwrap_or(&""), known());
    let binary = crate::server::binary(root)?;
    let bench = Bench { root, binary: &binary, spark_from };
    for part in PARTS.iter().filter(|part| names.is_empty() || names.contains(&part.name)) {
        eprintln!("measuring {}", part.name);
        let machine = machine::facts()?;
        let mut figures = (part.measure)(&bench)?;
        figures["machine"] = machine;
        let command = format!("cargo xtask bench {}", part.name);
        crate::evidence::write(root, &format!("bench-{}", part.name), &command, &figures)?;
        println!("{}", (part.render)(&figures));
    }
    page::write(root)
}

/// Returns the middle of the values, the mean of the two middle ones where there are two.
fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        n if n.is_multiple_of(2) => f64::midpoint(sorted[n / 2 - 1], sorted[n / 2]),
        n => sorted[n / 2],
    }
}

/// Returns the number at a path of keys such as `text.rows`; NaN where there is none.
fn number(value: &Value, path: &str) -> f64 {
    path.split('.').fold(value, |value, key| &value[key]).as_f64().unwrap_or(f64::NAN)
}

/// Rounds to so many decimals, for evidence that people read.
fn rounded(value: f64, decimals: i32) -> f64 {
    let scale = 10f64.powi(decimals);
    (value * scale).round() / scale
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(&[]).is_nan());
    }
}
