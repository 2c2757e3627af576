//! One case folder.

use std::{
    fs,
    path::{Path, PathBuf},
};

use codec::{
    Chunk, CodecError, ReadOptions, Source,
    json::{EncodeOptions, JsonlSource, encode},
    schema,
};
use model::{Batch, InputSpec, OnFault};
use serde_json::{Value, json};

use super::compare::{self, Tolerance};
use crate::{failure::Failure, model_arg::ModelArg, score::scorer::Scorer};

/// Bytes of one file of a case.
const FILE_BYTES_MAX: u64 = 1 << 30;

/// Folders within folders that are searched for cases.
const DEPTH_MAX: usize = 8;

/// A case as its folder says it.
pub struct Case {
    folder: PathBuf,
    about: Value,
}

/// Returns the case folders at and below a folder, in their order.
pub fn find(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    descend(folder, 0, &mut found)?;
    found.sort();
    Ok(found)
}

fn descend(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    if folder.join("case.json").is_file() {
        found.push(folder.to_owned());
        return Ok(());
    }
    if depth == DEPTH_MAX {
        return Ok(());
    }
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            descend(&path, depth + 1, found)?;
        }
    }
    Ok(())
}

impl Case {
    /// Reads what a case is; nothing where its folder has no rows to score.
    pub fn open(folder: &Path) -> Result<Option<Case>, String> {
        let bytes = read(&folder.join("case.json"))?;
        let about: Value = serde_json::from_slice(&bytes).map_err(|error| format!("case.json: {error}"))?;
        let rows = about.get("no_model").and_then(Value::as_bool) != Some(true) && folder.join("input.jsonl").is_file();
        Ok(rows.then(|| Case { folder: folder.to_owned(), about }))
    }

    /// Scores the rows with the model (the case's own where none is given); returns what is wrong with the answers.
    pub fn run(&self, model: Option<&ModelArg>) -> Result<(), String> {
        let expected = self.rows("expected.jsonl")?;
        let own = ModelArg { model: self.artifact(), version: None, schema: None, time_zone: None };
        let (model, inputs) = (model.unwrap_or(&own), self.inputs()?);
        // What the case says of its rows is true of them; the command line fills in where it says nothing.
        let opened = if inputs.is_empty() { model.open() } else { model.open_with(inputs) };
        let opened = match opened {
            Ok(opened) => opened,
            Err(_) if !expected.is_empty() && expected.iter().all(|row| row.get("_error").is_some()) => return Ok(()),
            Err(Failure::Refused(error) | Failure::Usage(error)) => return Err(error),
            Err(_) => return Err("the model cannot be read".to_owned()),
        };
        let (signature, _) = opened.signature(None).map_err(|_| "the model has no signature".to_owned())?;
        let options = ReadOptions { keep_bad_rows: true, ..opened.read_options(signature, None) };
        let input = read(&self.folder.join("input.jsonl"))?;
        let answers = gather(&input, options).map_err(|error| format!("input.jsonl: {error}")).and_then(|chunk| {
            let grouped = signature.grouped;
            let scorer =
                Scorer { predictor: opened.predictor(), signature: None, outputs: None, discard: false, grouped };
            let empty =
                || Chunk { batch: opened.no_rows(signature, None), bad: Vec::new(), first_row: 0, bytes_read: 0 };
            let chunk = chunk.or_else(|| grouped.then(empty));
            chunk.map_or(Ok(Batch::default()), |chunk| Ok(scorer.score(chunk).map_err(|e| e.to_string())?.batch))
        });
        match answers {
            Ok(batch) => self.compare(&expected, as_rows(&batch)?),
            Err(_) if !expected.is_empty() && expected.iter().all(|row| row.get("_error").is_some()) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn compare(&self, expected: &[Value], mut got: Vec<Value>) -> Result<(), String> {
        let tolerance = self.tolerance();
        let whole_table = self.about.get("whole_table").and_then(Value::as_bool) == Some(true);
        if whole_table {
            // A table of its own holds no places of rows that are not in it.
            got.retain(|row| row.get("_skipped").is_none());
        }
        if expected.len() != got.len() {
            return Err(format!("{} rows, expected {}", got.len(), expected.len()));
        }
        if whole_table {
            return same_rows(expected, &got, tolerance);
        }
        let mut rows = expected.iter().zip(&got).enumerate();
        let first = rows.find_map(|(row, (want, got))| Some((row, compare::row(want, got, tolerance)?)));
        first.map_or(Ok(()), |(row, what)| Err(format!("row {row}: {what}")))
    }

    fn tolerance(&self) -> Tolerance {
        let of = |key: &str| self.about.get("tolerance")?.get(key)?.as_f64();
        let default = Tolerance::default();
        Tolerance { rel: of("rel").unwrap_or(default.rel), abs: of("abs").unwrap_or(default.abs) }
    }

    /// Returns the artifact: the one that the case names, else the first `model*`.
    fn artifact(&self) -> PathBuf {
        let named = self.about.get("model").and_then(Value::as_str).filter(|name| !name.contains(".."));
        let named = named.map(|name| self.folder.join(name)).filter(|path| path.exists());
        named.unwrap_or_else(|| {
            let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
            let models = entries.filter(|entry| entry.file_name().as_encoded_bytes().starts_with(b"model"));
            models.map(|entry| entry.path()).min().unwrap_or_else(|| self.folder.join("model"))
        })
    }

    /// Returns the types and the metadata of the input columns.
    fn inputs(&self) -> Result<Vec<InputSpec>, String> {
        let Some(columns) = self.about.get("input_schema").and_then(Value::as_array) else { return Ok(Vec::new()) };
        let mut columns = columns.clone();
        for column in columns.iter_mut().filter_map(Value::as_object_mut) {
            let name = column.get("name").and_then(Value::as_str).unwrap_or_default();
            if let Some(metadata) = self.about.get("input_metadata").and_then(|all| all.get(name)) {
                column.insert("metadata".to_owned(), metadata.clone());
            }
        }
        let text = json!({ "columns": columns }).to_string();
        schema::parse(&text).map_err(|error| format!("case.json: input_schema: {error}"))
    }

    fn rows(&self, file: &str) -> Result<Vec<Value>, String> {
        let text = read(&self.folder.join(file))?;
        let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
        lines.map(|line| serde_json::from_slice(line).map_err(|error| format!("{file}: {error}"))).collect()
    }
}

/// Returns whether each expected row has an answer of its own, in any order.
fn same_rows(expected: &[Value], got: &[Value], tolerance: Tolerance) -> Result<(), String> {
    let mut left: Vec<&Value> = got.iter().collect();
    for (row, want) in expected.iter().enumerate() {
        let place = left.iter().position(|got| compare::row(want, got, tolerance).is_none());
        left.swap_remove(place.ok_or_else(|| format!("row {row} is missing from the table"))?);
    }
    Ok(())
}

/// Returns the whole input as one chunk.
fn gather(input: &[u8], options: ReadOptions) -> Result<Option<Chunk>, CodecError> {
    let rows = input.iter().filter(|byte| **byte == b'\n').count() + 1;
    let options = ReadOptions { chunk_rows_max: rows, chunk_bytes_max: input.len() + 1, settle_rows: rows, ..options };
    JsonlSource::new(input, options)?.next_chunk()
}

/// Returns the rows of an answer as JSON objects.
pub(super) fn as_rows(batch: &Batch) -> Result<Vec<Value>, String> {
    let mut text = Vec::new();
    let options = EncodeOptions { on_fault: OnFault::MarkRow, ..EncodeOptions::default() };
    encode(batch, options, &mut text).map_err(|error| error.to_string())?;
    serde_json::from_slice(&text).map_err(|error| format!("the answer is not JSON, this is a bug: {error}"))
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let size = fs::metadata(path).map_err(|error| format!("{}: {error}", path.display()))?.len();
    if size > FILE_BYTES_MAX {
        return Err(format!("{} is {size} bytes, more than the limit {FILE_BYTES_MAX}", path.display()));
    }
    fs::read(path).map_err(|error| format!("{}: {error}", path.display()))
}
