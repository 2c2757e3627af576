//! A case folder, asked through `forebay score`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Context as _;
use serde_json::{Value, json};

use super::compare::{self, Distance};

/// What the answers to a case are.
pub enum Verdict {
    /// All are Spark's; how far from it, by the place of the stage that made them.
    Agrees(Vec<(usize, Distance)>),
    Differs(String),
    /// The model holds what is not read yet, by name.
    Waits(String),
}

/// A case as its folder says it.
pub struct Case {
    folder: PathBuf,
    about: Value,
    /// The class behind each group of columns, in the order of the stages.
    stages: Vec<(String, Vec<String>)>,
}

impl Case {
    pub fn open(folder: &Path) -> anyhow::Result<Case> {
        let about: Value = serde_json::from_slice(&fs::read(folder.join("case.json"))?)?;
        let texts = |list: &Value| {
            let items = list.as_array().cloned().unwrap_or_default();
            items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect::<Vec<_>>()
        };
        let class = |value: &Value| {
            let name = value["class"].as_str().unwrap_or_default();
            name.rsplit('.').next().unwrap_or_default().to_owned()
        };
        let stages = match about["stages"].as_array() {
            Some(stages) => stages.iter().map(|stage| (class(stage), texts(&stage["columns"]))).collect(),
            None => vec![(class(&about), texts(&about["outputs"]))],
        };
        Ok(Case { folder: folder.to_owned(), about, stages })
    }

    pub fn name(&self) -> &str {
        self.about["name"].as_str().unwrap_or_default()
    }

    pub fn what(&self) -> &str {
        self.about["what"].as_str().unwrap_or_default()
    }

    /// Returns the class of a stage.
    pub fn class(&self, stage: usize) -> &str {
        &self.stages[stage].0
    }

    /// Returns whether the model has several stages whose outputs the case does not tell apart.
    pub fn is_pipeline(&self) -> bool {
        self.about["no_model"] == true || self.about["stages"].is_null() && self.class(0).ends_with("PipelineModel")
    }

    /// Scores the rows and compares.
    pub fn run(&self, binary: &Path) -> anyhow::Result<Verdict> {
        let want = lines(&fs::read(self.folder.join("expected.jsonl"))?)?;
        let schema = self.folder.join("schema.json");
        fs::write(&schema, self.schema().to_string())?;
        let output = Command::new(binary)
            .args(["score", "--on-error", "row", "--schema"])
            .args([&schema, &self.folder.join("model"), &self.folder.join("input.jsonl")])
            .output()?;
        fs::remove_file(&schema)?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            return Ok(self.refused(&said, output.status.code(), &want));
        }
        let got = lines(&output.stdout).context("our own answer")?;
        if self.about["whole_table"] == true { Ok(self.table(&want, got)) } else { Ok(self.rows(&want, &got)) }
    }

    fn refused(&self, said: &str, code: Option<i32>, want: &[Value]) -> Verdict {
        if said.contains(" is not supported") || said.contains("not implemented: ") {
            Verdict::Waits(said.to_owned())
        } else if code == Some(1) && want.iter().all(|row| row.get("_error").is_some()) {
            Verdict::Agrees(Vec::new())
        } else {
            Verdict::Differs(format!("exit {code:?}: {said}"))
        }
    }

    fn schema(&self) -> Value {
        let mut columns = self.about["input_schema"].as_array().cloned().unwrap_or_default();
        for column in &mut columns {
            let metadata = self.about["input_metadata"].get(column["name"].as_str().unwrap_or_default()).cloned();
            if let Some(metadata) = metadata {
                column["metadata"] = metadata;
            }
        }
        json!({ "columns": columns })
    }

    fn tolerance(&self) -> compare::Tolerance {
        let of = |name: &str, default| self.about["tolerance"][name].as_f64().unwrap_or(default);
        compare::Tolerance { rel: of("rel", 1e-9), abs: of("abs", 1e-12) }
    }

    fn rows(&self, want: &[Value], got: &[Value]) -> Verdict {
        if want.len() != got.len() {
            return Verdict::Differs(format!("{} rows, expected {}", got.len(), want.len()));
        }
        let mut seen = Vec::new();
        for (row, (want, got)) in want.iter().zip(got).enumerate() {
            match self.row(want, got, &mut seen) {
                Ok(()) => {}
                Err(what) => return Verdict::Differs(format!("row {row}: {what}")),
            }
        }
        Verdict::Agrees(seen)
    }

    /// Compares a row. What a stage makes of inputs that are not Spark's to the bit tells nothing of its own class, so distances
    /// are taken up to the first stage that is not at none.
    fn row(&self, want: &Value, got: &Value, seen: &mut Vec<(usize, Distance)>) -> Result<(), String> {
        for mark in ["_skipped", "_error"] {
            match (want.get(mark), got.get(mark)) {
                (Some(_), Some(_)) => return Ok(()),
                (Some(why), None) => return Err(format!("{mark} ({why}) expected, got {got}")),
                (None, Some(why)) => return Err(format!("{mark} ({why}) got, expected {want}")),
                (None, None) => {}
            }
        }
        let mut exact = true;
        for (stage, (_, columns)) in self.stages.iter().enumerate() {
            let mut farthest = Distance::default();
            for name in columns.iter().filter(|name| !name.starts_with('_')) {
                let Some(value) = want.get(name) else { continue };
                let other = got.get(name).ok_or_else(|| format!("no output {name}"))?;
                let distance = match self.class(stage).ends_with("DCT") {
                    true => compare::distance_in_vector(value, other),
                    false => self.distance(name, value, other),
                };
                let near = distance.filter(|distance| distance.is_within(self.tolerance()));
                let near = near.ok_or_else(|| format!("{name} is {other}, expected {value}"))?;
                farthest = farthest.max(near);
            }
            if exact {
                seen.push((stage, farthest));
            }
            exact &= farthest.is_none();
        }
        Ok(())
    }

    fn distance(&self, name: &str, want: &Value, got: &Value) -> Option<Distance> {
        let as_set = self.about["sets"].as_array().is_some_and(|sets| sets.iter().any(|set| set == name))
            || self.class(0) == "FPGrowthModel";
        match (want, got) {
            (Value::Array(want), Value::Array(got)) if as_set => {
                let sorted = |items: &[Value]| {
                    let mut texts: Vec<String> = items.iter().map(Value::to_string).collect();
                    texts.sort();
                    texts
                };
                (sorted(want) == sorted(got)).then(Distance::default)
            }
            _ => compare::distance(want, got),
        }
    }

    fn table(&self, want: &[Value], mut left: Vec<Value>) -> Verdict {
        let mut seen = Vec::new();
        for row in want {
            let hit = left.iter().position(|got| self.row(row, got, &mut Vec::new()).is_ok());
            let Some(hit) = hit else { return Verdict::Differs(format!("no row {row} in {left:?}")) };
            let got = left.swap_remove(hit);
            self.row(row, &got, &mut seen).expect("it was compared before");
        }
        if left.is_empty() { Verdict::Agrees(seen) } else { Verdict::Differs(format!("rows too many: {left:?}")) }
    }
}

fn lines(bytes: &[u8]) -> anyhow::Result<Vec<Value>> {
    let lines = bytes.split(|&b| b == b'\n').filter(|line| !line.trim_ascii().is_empty());
    lines.map(|line| Ok(serde_json::from_slice(line)?)).collect()
}
