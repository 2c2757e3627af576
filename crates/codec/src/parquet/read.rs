//! Model data: a whole file in memory, at once.

use std::sync::Arc;

use ::parquet::{
    arrow::{ProjectionMask, arrow_reader::ParquetRecordBatchReader},
    schema::types::SchemaDescPtr,
};
use arrow_array::{RecordBatch, RecordBatchReader};
use bytes::Bytes;
use model::{Batch, Buffer, Column, Value};

use super::{
    Budget, Limits,
    chunk::{Opened, Shared},
    damaged, flat,
    footer::{self, Footer},
    lists,
    numbers::{self, Numbers},
    page::Input,
    schema,
    texts::{self, Texts},
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
    let budget = Budget::new(limits.decoded_bytes_max);
    budget.charge("the footer", claimed_bytes(&footer, &schema))?;
    budget.reset();
    let mut leaves: Vec<usize> = (0..schema.num_columns()).collect();
    if leaves.is_empty() {
        return Ok(Batch::new(rows));
    }
    let shared = Shared::new(input, budget, leaves.len());
    let ours = ours(&shared, &schema, &footer, &mut leaves)?;
    let others = match leaves[..] {
        [] => Batch::new(rows),
        _ => convert::batch(&by_crate(&shared, &schema, &footer, &leaves)?)?,
    };
    if ours.is_empty() {
        return Ok(others);
    }
    let (mut ours, mut others) = (ours.into_iter().peekable(), others.values().iter());
    let mut batch = Batch::new(rows);
    for (root, field) in schema.root_schema().get_fields().iter().enumerate() {
        if let Some((_, column)) = ours.next_if(|(at, _)| *at == root) {
            batch.push(field.name(), column);
        } else if let Some((name, Value::Column { column, .. })) = others.next() {
            batch.push(name.clone(), column.clone());
        }
    }
    Ok(batch)
}

/// Decodes the texts, numbers and lists of numbers that need no crate, each with the place of its column; what is left is in `leaves`.
fn ours(
    shared: &Arc<Shared>,
    schema: &SchemaDescPtr,
    footer: &Footer,
    leaves: &mut Vec<usize>,
) -> Result<Vec<(usize, Column)>, CodecError> {
    let types = schema::types(schema)?;
    let mut found = Vec::new();
    for leaf in 0..schema.num_columns() {
        let root = schema.get_column_root_idx(leaf);
        let Some(ty) = types.get(root) else { continue };
        let (column, groups) = (&schema.column(leaf), &footer.groups);
        let read = match (lists::items(ty), numbers::dtype(schema, leaf, ty)) {
            (Some(dtype), _) => lists::read(shared, schema, groups, leaf, dtype)?,
            (_, Some(dtype)) if dtype.width() == 4 => {
                flat::read(shared, column, groups, leaf, Numbers::<u32>::new(dtype))?
            }
            (_, Some(dtype)) => flat::read(shared, column, groups, leaf, Numbers::<u64>::new(dtype))?,
            _ if texts::is_one(schema, leaf, ty) => flat::read(shared, column, groups, leaf, Texts::default())?,
            _ => None,
        };
        if let Some(column) = read {
            leaves.retain(|other| *other != leaf);
            found.push((root, column));
        }
    }
    Ok(found)
}

/// Has these leaves decoded by the crate.
fn by_crate(
    shared: &Arc<Shared>,
    schema: &SchemaDescPtr,
    footer: &Footer,
    leaves: &[usize],
) -> Result<RecordBatch, CodecError> {
    let rows = footer.rows as usize;
    let levels = schema::levels(schema, ProjectionMask::leaves(schema, leaves.iter().copied()))?;
    let opened = Opened::new(shared, schema, &footer.groups, leaves)?;
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
    Ok(batch)
}

/// Returns what the columns would take if all the counts of the footer were true, texts aside.
fn claimed_bytes(footer: &Footer, schema: &SchemaDescPtr) -> u64 {
    let chunks = footer.groups.iter().flat_map(|group| group.chunks.iter().zip(schema.columns()));
    chunks.fold(0, |sum: u64, (chunk, column)| sum.saturating_add(chunk.values.saturating_mul(cell_bytes(column))))
}
