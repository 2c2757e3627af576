//! The benchmark models and tables, and Spark's times over them; both are made by `acceptance/lib/spark_bench.py`.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::Context as _;
use serde_json::Value;

use super::Bench;
use crate::server::variable;

/// A model of the benchmarks, made by `acceptance/lib/spark_bench.py`, which says what each is.
pub struct Model {
    pub name: &'static str,
    /// Microseconds that a row may take, where that is held.
    pub row_limit_us: Option<f64>,
}

/// Rows of the tables of each.
pub const SIZES: [u64; 2] = [10_000, 1_000_000];

const fn model(name: &'static str, row_limit_us: Option<f64>) -> Model {
    Model { name, row_limit_us }
}

pub const MODELS: [Model; 7] = [
    model("text", Some(3.0)),
    model("forest", Some(8.0)),
    model("word2vec", Some(8.0)),
    model("rformula", Some(8.0)),
    model("gbt", Some(8.0)),
    model("als", Some(8.0)),
    // Its inference runs until it converges, row by row.
    model("lda", None),
];

/// The models that are asked over REST.
pub const SERVED: [&str; 2] = ["text", "forest"];

/// Where models and tables lie.
pub struct Inputs {
    pub folder: PathBuf,
}

impl Inputs {
    /// Returns the inputs, made first where one is missing.
    pub fn ready(bench: &Bench<'_>) -> anyhow::Result<Inputs> {
        let inputs = Inputs { folder: cache()?.join("bench") };
        let tables = MODELS.iter().flat_map(|model| SIZES.map(|rows| inputs.table(model.name, rows)));
        if !tables.chain(MODELS.iter().map(|model| inputs.model(model.name))).all(|path| path.exists()) {
            spark_bench(bench, &inputs, "--make-only")?;
        }
        Ok(inputs)
    }

    pub fn model(&self, model: &str) -> PathBuf {
        self.folder.join(model)
    }

    pub fn table(&self, model: &str, rows: u64) -> PathBuf {
        self.folder.join(format!("{model}-{rows}.parquet"))
    }

    /// Returns one request row with the columns that the model takes, as JSON.
    pub fn row(&self, model: &str) -> anyhow::Result<String> {
        let path = self.folder.join(format!("{model}.row.json"));
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let mut row: Value = serde_json::from_str(&text)?;
        row.as_object_mut().context("a row is an object")?.remove("id");
        Ok(row.to_string())
    }

    /// Returns the seconds of each of Spark's runs by `MODEL-ROWS`, from the kept file or from runs made now.
    pub fn spark(&self, bench: &Bench<'_>) -> anyhow::Result<BTreeMap<String, Vec<f64>>> {
        let said = match bench.spark_from {
            Some(path) => fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?,
            None => spark_bench(bench, self, "--runs=3")?,
        };
        let times: Value = serde_json::from_str(&said).context("what spark_bench.py printed")?;
        let of = |entry: &Value| entry["seconds"].as_array()?.iter().map(Value::as_f64).collect::<Option<Vec<f64>>>();
        let runs = times.as_object().context("what spark_bench.py printed is an object")?.iter();
        runs.map(|(key, entry)| Ok((key.clone(), of(entry).context("seconds")?))).collect()
    }
}

/// Returns the folder outside the tree for what takes long to make.
pub fn cache() -> anyhow::Result<PathBuf> {
    let home = || variable("HOME").context("neither FOREBAY_CACHE nor HOME is set");
    variable("FOREBAY_CACHE").map_or_else(|| Ok(Path::new(&home()?).join(".cache/forebay")), |cache| Ok(cache.into()))
}

fn spark_bench(bench: &Bench<'_>, inputs: &Inputs, arg: &str) -> anyhow::Result<String> {
    eprintln!("running Spark");
    let script = ". acceptance/lib/python.sh && forebay_spark35 && \
                  exec \"$SPARK35_PYTHON\" acceptance/lib/spark_bench.py \"$1\" \"$2\"";
    let output = Command::new("bash")
        .current_dir(bench.root)
        .args(["-c", script, "spark"])
        .arg(&inputs.folder)
        .arg(arg)
        .stderr(Stdio::inherit())
        .output()?;
    anyhow::ensure!(output.status.success(), "Spark did not run; --spark-from FILE takes an earlier run's times");
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
