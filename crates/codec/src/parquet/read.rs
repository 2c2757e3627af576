//! Model data: a whole file in memory, at once.

use std::sync::Arc;

use ::parquet::{
    arrow::{ProjectionMask, arrow_reader::ParquetRecordBatchReader},
    schema::types::SchemaDescPtr,
};
use arrow_array::{RecordBatch, RecordBatchReader};
use bytes::Bytes;
use model::{Batch, Buffer};

use super::{
    Budget, Limits,
    chunk::{Opened, Shared},
    damaged, footer,
    footer::Footer,
    page::Input,
    schema,
    weight::cell_bytes,
};
use crate::{arrow::convert, error::CodecError, guard::guarded};

/// Returns all columns of a file, in the order of its schema.
///
/// The Arrow schema that some writers put into the footer is not looked at: the Parquet schema alone says what the columns
/// are. Whatever the file holds, the answer is its content or an error, within the limits.
pub fn read(bytes: &Buffer, limits: &Limits) -> Result<Batch, CodecError> {
    guarded("parquet", || read_all(Input::Memory(Bytes::from_owner(bytes.clone())), limits))
}

fn read_all(input: Input, limits: &Limits) -> Result<Batch, CodecError> {
    let footer = footer::read(&input, limits)?;
    let schema: SchemaDescPtr = Arc::new(schema::build(&footer, limits)?);
    if footer.rows > limits.rows_max {
        return Err(CodecError::TooLarge {
            what: "the file: rows".to_owned(),
            got: footer.rows,
            limit: limits.rows_max,
            key: "rows_max",
        });
    }
    let rows = footer.rows as usize;
    let levels = schema::levels(&schema, ProjectionMask::all())?;
    let budget = Budget::new(limits.decoded_bytes_max);
    budget.charge("the footer", claimed_bytes(&footer, &schema))?;
    budget.reset();
    let leaves: Vec<usize> = (0..schema.num_columns()).collect();
    if leaves.is_empty() {
        return Ok(Batch::new(rows));
    }
    let shared = Shared::new(input, budget, leaves.len());
    let opened = Opened::new(&shared, &schema, &footer.groups, &leaves)?;
    // All rows in one piece: nothing is joined afterwards.
    let mut reader = ParquetRecordBatchReader::try_new_with_row_groups(&levels, &opened, rows.max(1), None)
        .map_err(|e| shared.noted(e))?;
    let batch = match reader.next() {
        Some(batch) => batch.map_err(|e| shared.noted(e))?,
        None => RecordBatch::new_empty(reader.schema()),
    };
    if batch.num_rows() != rows {
        return Err(damaged("the data", format_args!("{} rows where the footer claims {rows}", batch.num_rows())));
    }
    convert::batch(&batch)
}

/// Returns what the columns would take if all the counts of the footer were true, texts aside.
fn claimed_bytes(footer: &Footer, schema: &SchemaDescPtr) -> u64 {
    let chunks = footer.groups.iter().flat_map(|group| group.chunks.iter().zip(schema.columns()));
    chunks.fold(0, |sum: u64, (chunk, column)| sum.saturating_add(chunk.values.saturating_mul(cell_bytes(column))))
}
