//! Parquet and Arrow: whatever the bytes, a batch or an error.

use model::{Buffer, Field, Takes, Type};

use super::drain;
use crate::{
    CodecError, ReadOptions,
    arrow::{self, ArrowSource},
    parquet::{self, ParquetSource},
};

/// Reads the bytes as a Parquet file: whole, and all its columns in chunks.
pub fn parquet(bytes: &[u8]) {
    let limits = parquet::Limits { decoded_bytes_max: 16 << 20, rows_max: 1 << 20, ..parquet::Limits::default() };
    let bytes = Buffer::from(bytes.to_vec());
    // Whatever comes of it: only that it comes back counts here.
    let _ = parquet::read(&bytes, &limits);
    let open = |options| ParquetSource::of_bytes(bytes.clone(), options, &limits);
    let all = open(ReadOptions::new(Vec::new())).map(|source| source.names().map(as_it_is).collect());
    if let Ok(source) = all.and_then(|fields| open(small_chunks(fields))) {
        drain(source);
    }
}

/// Reads the bytes as Arrow IPC, file or stream.
pub fn arrow_ipc(bytes: &[u8]) {
    let limits = arrow::Limits { message_bytes_max: 16 << 20, ..arrow::Limits::default() };
    let open = |options| ArrowSource::open(bytes, options, &limits);
    let all = open(ReadOptions::new(Vec::new())).map(|source| source.names().map(as_it_is).collect());
    if let Ok(source) = all.and_then(|fields: Vec<Field>| -> Result<_, CodecError> { open(small_chunks(fields)) }) {
        drain(source);
    }
}

fn small_chunks(fields: Vec<Field>) -> ReadOptions {
    ReadOptions { chunk_rows_max: 100, keep_bad_rows: true, ..ReadOptions::new(fields) }
}

/// A field that takes the column of the file in the type that it has.
fn as_it_is(name: &str) -> Field {
    Field {
        name: name.into(),
        takes: Takes::From(vec![Type::F64]),
        nullable: true,
        whole: false,
        default: true,
        optional: false,
        gates: false,
        reading: model::Reading::Strict,
        needs: Vec::new(),
        has_default: false,
        declared: None,
    }
}
