//! Openscoring's evaluation requests and responses as JSON, and its tables as CSV.
//!
//! Source: Openscoring's README, sections on `POST /model/${id}`, `/batch` and `/csv`.

use std::sync::Arc;

use model::{Batch, Field, Mark, Reading, Table, Takes, Type, Value};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    CodecError, Sink, WriteOptions,
    columns::{ROWS, Shown},
    csv::{CsvOptions, CsvSink, CsvSource},
    json::{Decoder, Rows, encode::write_text, syntax},
    table::{self, ReadOptions},
};

#[derive(Deserialize)]
struct One<'a> {
    #[serde(default)]
    id: Option<String>,
    #[serde(default, borrow)]
    arguments: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Many<'a> {
    #[serde(default)]
    id: Option<String>,
    #[serde(default, borrow)]
    requests: Vec<One<'a>>,
}

/// The names of requests, which their answers repeat.
#[derive(Clone, Debug, Default)]
pub struct Ids {
    batch: Option<String>,
    rows: Vec<Option<String>>,
}

/// Reads one request.
pub fn one(body: &[u8], decoder: &Decoder) -> Result<(Ids, Rows), CodecError> {
    let request: One<'_> = serde_json::from_slice(body).map_err(|error| syntax(&error, body))?;
    read(None, vec![request], decoder, false)
}

/// Reads a batch of requests; those that do not fit are bad rows, for each is answered by itself.
pub fn many(body: &[u8], decoder: &Decoder) -> Result<(Ids, Rows), CodecError> {
    let request: Many<'_> = serde_json::from_slice(body).map_err(|error| syntax(&error, body))?;
    read(request.id, request.requests, decoder, true)
}

fn read(
    batch: Option<String>,
    requests: Vec<One<'_>>,
    decoder: &Decoder,
    keep_bad_rows: bool,
) -> Result<(Ids, Rows), CodecError> {
    let mut text = Vec::new();
    for request in &requests {
        text.push(if text.is_empty() { b'[' } else { b',' });
        text.extend_from_slice(request.arguments.map_or("{}", RawValue::get).as_bytes());
    }
    if text.is_empty() {
        text.push(b'[');
    }
    text.push(b']');
    let rows = decoder.rows(&text, keep_bad_rows)?;
    Ok((Ids { batch, rows: requests.into_iter().map(|request| request.id).collect() }, rows))
}

/// Appends the answer to one request.
pub fn encode_one(table: &dyn Table, ids: &Ids, out: &mut Vec<u8>) {
    let shown = Shown::new(table, ROWS);
    response(table, &shown, ids.rows.first().and_then(Option::as_deref), 0, out);
}

/// Appends the answers to a batch of requests, each in its place.
pub fn encode_many(table: &dyn Table, ids: &Ids, out: &mut Vec<u8>) {
    let shown = Shown::new(table, ROWS);
    out.push(b'{');
    if let Some(id) = &ids.batch {
        out.extend_from_slice(b"\"id\":");
        write_text(id.as_bytes(), out);
        out.push(b',');
    }
    out.extend_from_slice(b"\"responses\":[");
    for (row, id) in ids.rows.iter().enumerate() {
        if row > 0 {
            out.push(b',');
        }
        response(table, &shown, id.as_deref(), row, out);
    }
    out.extend_from_slice(b"]}");
}

fn response(table: &dyn Table, shown: &Shown<'_>, id: Option<&str>, row: usize, out: &mut Vec<u8>) {
    out.push(b'{');
    if let Some(id) = id {
        out.extend_from_slice(b"\"id\":");
        write_text(id.as_bytes(), out);
        out.push(b',');
    }
    let mark = if row < table.rows() { table.mark(row) } else { Mark::Skipped };
    match mark {
        Mark::Live => {
            out.extend_from_slice(b"\"results\":");
            shown.row(row, out);
        }
        Mark::Refused(fault) => message(&fault.to_string(), out),
        Mark::Skipped => message("the model dropped the row", out),
    }
    out.push(b'}');
}

fn message(text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"\"message\":");
    write_text(text.as_bytes(), out);
}

/// A table as it was sent, without its rows.
#[derive(Clone, Debug)]
pub struct Csv {
    delimiter: u8,
    /// The first column where it names the rows, which the answer repeats.
    ids: Option<(Arc<str>, Value)>,
}

/// Reads a table with a header. The delimiter is the one of comma, semicolon and tab that stands in the header most often.
pub fn csv(body: &[u8], fields: Vec<Field>, rows_max: usize) -> Result<(Csv, Option<Batch>), CodecError> {
    let header = body.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let count = |delimiter: u8| header.iter().filter(|&&byte| byte == delimiter).count();
    // The first of those that stand as often.
    let delimiter = [b',', b';', b'\t'].into_iter().rev().max_by_key(|&byte| count(byte)).unwrap_or(b',');
    let first = header.split(|&byte| byte == delimiter).next().unwrap_or_default();
    let first = String::from_utf8_lossy(first).trim().trim_matches('"').to_owned();
    let names_rows = first.eq_ignore_ascii_case("id") && fields.iter().all(|field| *field.name != *first);
    let mut options = ReadOptions::new(fields);
    if names_rows {
        options.fields.insert(0, id_field(&first));
    }
    options.chunk_rows_max = rows_max.saturating_add(1);
    // What Openscoring reads tables with has an empty cell as no value.
    let csv = CsvOptions { delimiter, empty_text_is_null: true };
    let batch = table::whole(&mut CsvSource::new(body, options, csv)?, rows_max)?;
    let Some((all, _)) = batch else { return Ok((Csv { delimiter, ids: None }, None)) };
    let mut ids = None;
    let mut batch = Batch::new(all.rows());
    for (name, value) in all.values() {
        match value {
            value if names_rows && **name == *first => ids = Some((name.clone(), value.clone())),
            Value::Column { column, .. } => batch.push(name.clone(), column.clone()),
            Value::Whole(_) => {}
        }
    }
    Ok((Csv { delimiter, ids }, Some(batch)))
}

fn id_field(name: &str) -> Field {
    Field {
        name: name.into(),
        takes: Takes::One(Type::Text),
        reading: Reading::Strict,
        nullable: true,
        whole: false,
        default: true,
        optional: false,
        has_default: false,
        gates: false,
        needs: Vec::new(),
        declared: None,
    }
}

impl Csv {
    /// Appends the answer, whose rows have the places of the request's.
    pub fn encode(&self, answer: &Batch, out: &mut Vec<u8>) -> Result<(), CodecError> {
        let mut batch = Batch::new(answer.rows());
        if let Some((name, Value::Column { column, .. })) = &self.ids
            && column.len() == answer.rows()
        {
            batch.push(name.clone(), column.clone());
        }
        for (name, value) in answer.values() {
            match value {
                Value::Column { domain: 0, column } => batch.push(name.clone(), column.clone()),
                _ => {
                    let what = format!("output `{name}`, which has no value for each row, in CSV");
                    return Err(CodecError::Unsupported { what });
                }
            }
        }
        if let Some(marks) = answer.domains().first().and_then(|domain| domain.marks.clone()) {
            batch.set_marks(marks);
        }
        let mut sink = Box::new(CsvSink::delimited(out, WriteOptions::default(), self.delimiter));
        sink.write(&batch)?;
        sink.finish()
    }
}
