//! The case runner.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use codec::json::{Decoder, EncodeOptions, Limits, encode, encode_table};
use engine::Servable;
use formats::{ReadError, ReadOptions};
use model::{Batch, Call, Field, InputSpec, Mark, ModelFiles, OnFault, Predictor, RowFault, Type};
use serde_json::{Value, json};

use crate::{
    compare::{Tolerance, row_difference},
    files::model_files,
    predictor::answer,
};

/// What became of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Passed,
    /// The case needs what is not read yet: the class, or the field, by name.
    Waits(String),
    Failed(String),
}

/// A case as its folder says it.
pub struct Case {
    pub name: String,
    pub meta: Value,
    pub files: ModelFiles,
    /// One JSON object a line.
    pub input: Vec<u8>,
    pub expected: Vec<Value>,
    /// What a second evaluator of the format answers, where it differs.
    pub other: Option<Vec<Value>>,
}

/// Returns the folders below `root` that are cases with an artifact and rows, by name; only those whose path holds `filter`.
pub fn folders(root: &Path, filter: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root).into_iter().flatten().flatten();
    let is_case = |path: &PathBuf| path.join("case.json").is_file() && path.join("input.jsonl").is_file();
    let mut found: Vec<PathBuf> = entries.map(|e| e.path()).filter(is_case).collect();
    found.retain(|path| path.to_string_lossy().contains(filter));
    found.sort();
    found
}

impl Case {
    /// Returns the case of a folder; nothing where it holds parameters only.
    pub fn open(folder: &Path) -> Result<Option<Case>, String> {
        let read = |name: &str| {
            let path = folder.join(name);
            std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))
        };
        let meta: Value = serde_json::from_slice(&read("case.json")?).map_err(|e| e.to_string())?;
        if meta.get("no_model") == Some(&Value::Bool(true)) {
            return Ok(None);
        }
        let rows = |bytes: Vec<u8>| -> Result<Vec<Value>, String> {
            let lines = bytes.split(|&b| b == b'\n').filter(|line| !line.is_empty());
            lines.map(|line| serde_json::from_slice(line).map_err(|e| e.to_string())).collect()
        };
        Ok(Some(Case {
            name: folder.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            files: model_files(&artifact(folder)).map_err(|e| e.to_string())?,
            input: read("input.jsonl")?,
            expected: rows(read("expected.jsonl")?)?,
            other: read("expected_pmml4s.jsonl").ok().map(rows).transpose()?,
            meta,
        }))
    }

    fn flag(&self, name: &str) -> bool {
        self.meta.get(name) == Some(&Value::Bool(true))
    }

    fn tolerance(&self) -> Tolerance {
        let of = |name: &str, default: f64| self.meta["tolerance"][name].as_f64().unwrap_or(default);
        Tolerance { rel: of("rel", 1e-9), abs: of("abs", 1e-12) }
    }

    /// Returns where a row differs from the oracle's. Where two evaluators differ and the case does not say who is right,
    /// either of them is, and so is a refusal that one of them makes.
    fn difference(&self, row: usize, want: &Value, got: &Value) -> Option<String> {
        let difference = row_difference(want, got, self.tolerance())?;
        let dispute = self.meta.get("disputed").filter(|dispute| !dispute.is_null());
        let Some(dispute) = dispute else { return Some(difference) };
        let follows =
            dispute["follows_spec"].as_str().unwrap_or_default().split_whitespace().next().unwrap_or_default();
        let other = self.other.as_ref().and_then(|rows| rows.get(row));
        let as_other = other.is_some_and(|other| row_difference(other, got, self.tolerance()).is_none());
        let refused = want.get("_error").is_some() || got.get("_error").is_some();
        let fine = match follows {
            _ if follows.starts_with("jpmml") => false,
            _ if follows.starts_with("pmml4s") => as_other,
            _ => as_other || refused,
        };
        (!fine).then_some(difference)
    }

    /// Returns what the case says of its input columns.
    pub fn inputs(&self) -> Result<Vec<InputSpec>, String> {
        let columns = self.meta["input_schema"].as_array().cloned().unwrap_or_default();
        let with_metadata = columns.into_iter().map(|mut column| {
            let metadata = self.meta["input_metadata"].get(column["name"].as_str().unwrap_or_default()).cloned();
            if let (Some(metadata), Some(column)) = (metadata, column.as_object_mut()) {
                column.insert("metadata".to_owned(), metadata);
            }
            column
        });
        let text = json!({"columns": with_metadata.collect::<Vec<_>>()}).to_string();
        codec::schema::parse_json(text.as_bytes()).map_err(|e| e.to_string())
    }
}

/// Returns the artifact in a case's folder: `model`, or the first `model.*`.
fn artifact(folder: &Path) -> PathBuf {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|e| e.path());
    let is_model = |path: &PathBuf| path.file_stem().is_some_and(|stem| stem == "model");
    let mut found: Vec<PathBuf> = entries.filter(is_model).collect();
    found.sort();
    found.into_iter().next().unwrap_or_else(|| folder.join("model"))
}

/// Runs the case of a folder in every way.
pub fn run(folder: &Path) -> Outcome {
    let case = match Case::open(folder) {
        Ok(Some(case)) => case,
        Ok(None) => return Outcome::Waits("parameters without a model".to_owned()),
        Err(error) => return Outcome::Failed(error),
    };
    run_case(&case)
}

/// What Spark says where its Python workers do not start: nothing of the model.
pub const BROKEN_ORACLE: &str = "An exception was thrown from the Python worker";

/// Runs the case in every way.
pub fn run_case(case: &Case) -> Outcome {
    let broken = |row: &Value| row["_error"].as_str().is_some_and(|error| error.contains(BROKEN_ORACLE));
    if !case.expected.is_empty() && case.expected.iter().all(broken) {
        return Outcome::Waits("an oracle that answered".to_owned());
    }
    let inputs = match case.inputs() {
        Ok(inputs) => inputs,
        Err(error) => return Outcome::Waits(format!("an input type: {error}")),
    };
    let options = ReadOptions { inputs: inputs.clone(), ..ReadOptions::default() };
    let refused = |error: String| {
        let all = case.expected.iter().all(|row| row.get("_error").is_some());
        if all { Outcome::Passed } else { Outcome::Failed(error) }
    };
    let model = match formats::read(&case.files, &options) {
        Ok(model) => model,
        Err(error @ (ReadError::UnknownClass { .. } | ReadError::Unimplemented { .. })) => {
            return Outcome::Waits(error.to_string());
        }
        Err(error) => return refused(error.to_string()),
    };
    let separable = model.plans.iter().all(|(_, plan)| plan.not_separable().is_none());
    match Servable::new(&model) {
        Ok(servable) => match answers(case, &servable, &inputs, separable) {
            Ok(()) => Outcome::Passed,
            Err(error) => Outcome::Failed(error),
        },
        Err(engine::CompileError::Unimplemented(what)) => Outcome::Waits(what),
        Err(error) => refused(error.to_string()),
    }
}

fn answers(case: &Case, servable: &Servable, inputs: &[InputSpec], separable: bool) -> Result<(), String> {
    let signature = &servable.signatures()[0];
    let fields = signature.fields(None);
    let given = |field: &Field| inputs.iter().find(|spec| spec.name == field.name).map(|spec| spec.ty.clone());
    let types: Vec<Option<Type>> = fields.iter().map(given).collect();
    let decoder = Decoder::new(&fields, &types, Limits::default()).map_err(|e| e.to_string())?;
    let body = [b"[".as_slice(), &case.input.trim_ascii().replace_newlines(), b"]"].concat();
    let rows = decoder.rows(&body, true).map_err(|e| e.to_string())?;
    let together = match (predict(servable, &rows.batch), rows.bad.first()) {
        // No group is right without a row that does not fit.
        (Ok(_), Some(bad)) if signature.grouped => Err(bad.to_string()),
        (answer, _) => answer,
    };
    let together = match together {
        Ok(batch) => batch,
        Err(_) if case.expected.iter().all(|row| row.get("_error").is_some()) => return Ok(()),
        Err(error) => return Err(error),
    };
    if signature.grouped || !separable {
        the_same_again(servable, &rows.batch, &together)?;
    } else {
        every_other_way(servable, &rows.batch, &together)?;
    }
    shown_where_it_lies(servable, &rows.batch, &together)?;
    compare(case, &marked(together, &rows.bad))
}

trait ReplaceNewlines {
    fn replace_newlines(&self) -> Vec<u8>;
}

impl ReplaceNewlines for [u8] {
    fn replace_newlines(&self) -> Vec<u8> {
        self.iter().map(|&b| if b == b'\n' { b',' } else { b }).collect()
    }
}

fn predict(servable: &Servable, batch: &Batch) -> Result<Batch, String> {
    let call = Call { batch: batch.clone(), on_fault: OnFault::MarkRow, ..Call::default() };
    answer(servable.call(call)).map_err(|e| e.to_string())
}

/// Runs the rows one by one, in chunks, and joined behind themselves; the rows must have the same bits as together.
fn every_other_way(servable: &Servable, batch: &Batch, together: &Batch) -> Result<(), String> {
    let rows = batch.rows();
    for chunk in [1, 7, 20] {
        let mut start = 0;
        while start < rows {
            let len = chunk.min(rows - start);
            let part = predict(servable, &batch.slice(start, len))?;
            same_bits(together, start, &part, 0, len).map_err(|at| format!("{at}: alone in {len} rows it differs"))?;
            start += len;
        }
    }
    let joined = predict(servable, &Batch::concat(&[batch.clone(), batch.clone()]))?;
    same_bits(together, 0, &joined, rows, rows).map_err(|at| format!("{at}: joined with others it differs"))
}

/// Groups and streams are of all rows or of none: there is no other way, but the same again.
fn the_same_again(servable: &Servable, batch: &Batch, together: &Batch) -> Result<(), String> {
    let again = predict(servable, batch)?;
    if again.rows() != together.rows() {
        return Err(format!("{} rows, then {}", together.rows(), again.rows()));
    }
    same_bits(together, 0, &again, 0, again.rows()).map_err(|at| format!("{at}: the second time it differs"))
}

/// Writes the answer from where it lies; it must be the same text as that of the batch.
fn shown_where_it_lies(servable: &Servable, batch: &Batch, together: &Batch) -> Result<(), String> {
    let options = EncodeOptions { on_fault: OnFault::MarkRow, ..EncodeOptions::default() };
    let (mut want, mut got) = (Vec::new(), Vec::new());
    encode(together, options, &mut want).map_err(|e| e.to_string())?;
    let mut call = Call { batch: batch.clone(), on_fault: OnFault::MarkRow, ..Call::default() };
    match servable.show(&mut call, &mut |table| encode_table(table, options, &mut got)) {
        None => Ok(()),
        Some(Err(error)) => Err(format!("shown where it lies: {error}")),
        Some(Ok(())) if got == want => Ok(()),
        Some(Ok(())) => Err("shown where it lies it differs".to_owned()),
    }
}

fn same_bits(a: &Batch, a_start: usize, b: &Batch, b_start: usize, len: usize) -> Result<(), String> {
    for row in 0..len {
        let (x, y) = (a.domains()[0].mark(a_start + row), b.domains()[0].mark(b_start + row));
        let same = match (x, y) {
            (Mark::Refused(x), Mark::Refused(y)) => x.to_string() == y.to_string(),
            (x, y) => x == y,
        };
        if !same {
            return Err(format!("row {}", a_start + row));
        }
        for (name, _) in a.values() {
            if let (Mark::Live, Some(x), Some(y)) = (x, a.column(name), b.column(name))
                && !x.row_eq(a_start + row, y, b_start + row)
            {
                return Err(format!("row {}, {name}", a_start + row));
            }
        }
    }
    Ok(())
}

/// Returns the batch with the rows marked that did not fit their fields.
fn marked(batch: Batch, bad: &[RowFault]) -> Batch {
    let mut batch = batch;
    let mut marks: Vec<Mark> = (0..batch.rows()).map(|row| batch.domains()[0].mark(row).clone()).collect();
    bad.iter().for_each(|fault| marks[fault.row] = Mark::Refused(Arc::new(fault.clone())));
    batch.set_marks(marks.into());
    batch
}

fn compare(case: &Case, batch: &Batch) -> Result<(), String> {
    let mut body = Vec::new();
    let options = EncodeOptions { on_fault: OnFault::MarkRow, ..EncodeOptions::default() };
    encode(batch, options, &mut body).map_err(|e| e.to_string())?;
    let got: Vec<Value> = serde_json::from_slice(&body).map_err(|e| format!("our own answer is no JSON: {e}"))?;
    if case.flag("whole_table") {
        return table_difference(case, got);
    }
    if got.len() != case.expected.len() {
        return Err(format!("{} rows, expected {}", got.len(), case.expected.len()));
    }
    for (row, (want, got)) in case.expected.iter().zip(&got).enumerate() {
        if let Some(difference) = case.difference(row, want, got) {
            return Err(format!("row {row}: {difference}"));
        }
    }
    Ok(())
}

fn table_difference(case: &Case, mut left: Vec<Value>) -> Result<(), String> {
    // A table of its own holds no places of rows that are not in it.
    left.retain(|row| row.get("_skipped").is_none());
    for want in &case.expected {
        let hit = left.iter().position(|got| row_difference(want, got, case.tolerance()).is_none());
        left.swap_remove(hit.ok_or_else(|| format!("no row {want}"))?);
    }
    if left.is_empty() { Ok(()) } else { Err(format!("{} rows too many", left.len())) }
}

/// The cases of a family, run and counted.
#[derive(Debug, Default)]
pub struct Tally {
    pub passed: Vec<String>,
    pub waits: Vec<(String, String)>,
    pub failed: Vec<(String, String)>,
}

impl Tally {
    /// Runs all cases below `root`.
    pub fn run(root: &Path, filter: &str) -> Tally {
        let mut tally = Tally::default();
        for folder in folders(root, filter) {
            let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
            match run(&folder) {
                Outcome::Passed => tally.passed.push(name),
                Outcome::Waits(why) => tally.waits.push((name, why)),
                Outcome::Failed(why) => tally.failed.push((name, why)),
            }
        }
        tally
    }

    /// Returns the summary, then every failure.
    pub fn report(&self) -> String {
        let (passed, waits, failed) = (self.passed.len(), self.waits.len(), self.failed.len());
        let mut text = format!("{passed} cases pass, {waits} wait for a class, {failed} fail");
        for (name, why) in &self.failed {
            text.push_str(&format!("\n  {name}: {why}"));
        }
        text
    }
}
