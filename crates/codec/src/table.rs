//! Tables in chunks: what every file format looks like to those who score it.
//!
//! A [`Source`] gives an input of any size as chunks of bounded rows and bytes; a [`Sink`] takes answers in the same order.
//! The types of fields that the data settles are settled from the first rows of the input and kept for the rest.

use std::path::Path;

use model::{Batch, Field, OnFault, RowFault, Type};

use crate::error::CodecError;

/// A run of rows of an input.
#[derive(Clone, Debug)]
pub struct Chunk {
    /// One column for each field that was asked for, in their order; without optional ones that the input does not have.
    pub batch: Batch,
    /// Why rows of this chunk do not fit their fields, one fault a row, by rising row (counted within the chunk); the batch
    /// has nulls there. Empty unless [`ReadOptions::keep_bad_rows`].
    pub bad: Vec<RowFault>,
    /// The number of the chunk's first row in the input, counted from 0.
    pub first_row: u64,
    /// Bytes of the input read so far, where the input has bytes that can be counted; for progress.
    pub bytes_read: u64,
}

impl Chunk {
    /// Returns the first rows, so many at most, and the rest where there is one; nothing is copied.
    pub(crate) fn split(self, rows: usize) -> (Chunk, Option<Chunk>) {
        if self.batch.rows() <= rows {
            return (self, None);
        }
        let (bad, mut bad_rest): (Vec<_>, Vec<_>) = self.bad.into_iter().partition(|fault| fault.row < rows);
        bad_rest.iter_mut().for_each(|fault| fault.row -= rows);
        let rest = Chunk {
            batch: self.batch.slice(rows, self.batch.rows() - rows),
            bad: bad_rest,
            first_row: self.first_row + rows as u64,
            bytes_read: self.bytes_read,
        };
        let batch = self.batch.slice(0, rows);
        (Chunk { batch, bad, first_row: self.first_row, bytes_read: self.bytes_read }, Some(rest))
    }
}

/// An input that is read in chunks. After an error or the end it gives nothing more of use.
pub trait Source {
    /// Returns the next rows (at least one), or nothing at the end of the input.
    fn next_chunk(&mut self) -> Result<Option<Chunk>, CodecError>;
}

/// Returns all rows of an input that may have so many, with the faults of those that do not fit; nothing where it has none.
pub fn whole(source: &mut dyn Source, rows_max: usize) -> Result<Option<(Batch, Vec<RowFault>)>, CodecError> {
    let (mut batches, mut bad, mut rows) = (Vec::new(), Vec::new(), 0);
    while let Some(mut chunk) = source.next_chunk()? {
        chunk.bad.iter_mut().for_each(|fault| fault.row += rows);
        bad.append(&mut chunk.bad);
        rows += chunk.batch.rows();
        if rows > rows_max {
            let (what, got, limit) = ("the number of rows".to_owned(), rows as u64, rows_max as u64);
            return Err(CodecError::TooLarge { what, got, limit, key: "rows_max" });
        }
        batches.push(chunk.batch);
    }
    Ok(match batches.len() {
        0 => None,
        1 => batches.pop().map(|batch| (batch, bad)),
        _ => Some((Batch::concat(&batches), bad)),
    })
}

/// An output that takes answers in chunks, all with the same columns.
pub trait Sink {
    /// Writes the rows of the batch. Rows that its domain 0 marks as refused or skipped are written or left out as
    /// [`WriteOptions::on_fault`] says.
    fn write(&mut self, batch: &Batch) -> Result<(), CodecError>;

    /// Writes what ends the output, and flushes it. An output that is dropped without this is not complete.
    fn finish(self: Box<Self>) -> Result<(), CodecError>;
}

/// What a source reads and how much at once.
#[derive(Clone, Debug)]
pub struct ReadOptions {
    /// The columns to read; other columns of the input are not.
    pub fields: Vec<Field>,
    /// Types from a user's schema by the fields' order, over what the fields take. Empty where there is no schema.
    pub types: Vec<Option<Type>>,
    /// Most rows of a chunk.
    pub chunk_rows_max: usize,
    /// Bytes of input after which a chunk ends early.
    pub chunk_bytes_max: usize,
    /// Longest line or record.
    pub line_bytes_max: usize,
    /// Rows from which the types of fields are settled that take several.
    pub settle_rows: usize,
    /// Whether a row with a value that does not fit is kept, with its fault in [`Chunk::bad`]; else the first chunk with
    /// such a row is an error.
    pub keep_bad_rows: bool,
}

impl ReadOptions {
    /// Returns the default limits for these fields: 8,192 rows or 16 MiB a chunk, lines of 16 MiB.
    pub fn new(fields: Vec<Field>) -> ReadOptions {
        ReadOptions {
            fields,
            types: Vec::new(),
            chunk_rows_max: 8192,
            chunk_bytes_max: 16 << 20,
            line_bytes_max: 16 << 20,
            settle_rows: 1000,
            keep_bad_rows: false,
        }
    }

    /// Returns the type that the schema gives the field of this place.
    pub fn given(&self, field: usize) -> Option<&Type> {
        self.types.get(field).and_then(Option::as_ref)
    }
}

/// How a sink writes.
#[derive(Clone, Debug, Default)]
pub struct WriteOptions {
    /// Whether refused and skipped rows keep their places.
    pub on_fault: OnFault,
}

/// The formats of tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// One JSON object a line.
    Jsonl,
    Csv,
    Parquet,
    /// Arrow IPC, file or stream.
    Arrow,
    /// One Open Inference V2 request ([`crate::v2`]): no table, so it has no [`Source`].
    V2,
}

impl Format {
    pub const ALL: [Format; 5] = [Format::Jsonl, Format::Csv, Format::Parquet, Format::Arrow, Format::V2];

    /// The name that users write after `--format`.
    pub const fn name(self) -> &'static str {
        match self {
            Format::Jsonl => "jsonl",
            Format::Csv => "csv",
            Format::Parquet => "parquet",
            Format::Arrow => "arrow",
            Format::V2 => "v2",
        }
    }

    /// Returns the format of this name.
    pub fn from_name(name: &str) -> Option<Format> {
        Format::ALL.into_iter().find(|format| format.name() == name)
    }

    /// Returns the format that the end of a file's name tells, if it does.
    pub fn of_path(path: &Path) -> Option<Format> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "jsonl" | "ndjson" => Some(Format::Jsonl),
            "csv" => Some(Format::Csv),
            "parquet" => Some(Format::Parquet),
            "arrow" | "arrows" | "feather" | "ipc" => Some(Format::Arrow),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_tell_formats() {
        for (name, format) in [
            ("a.jsonl", Some(Format::Jsonl)),
            ("dir.csv/a.PARQUET", Some(Format::Parquet)),
            ("a.csv", Some(Format::Csv)),
            ("a.arrow", Some(Format::Arrow)),
            ("a.json", None),
            ("csv", None),
        ] {
            assert_eq!(Format::of_path(Path::new(name)), format, "{name}");
        }
        assert_eq!(Format::from_name("arrow"), Some(Format::Arrow));
    }
}
