//! Tables of any size: one row group open at a time, a chunk of rows decoded at a time, only the columns asked for.

use std::{fs::File, sync::Arc};

use ::parquet::schema::types::SchemaDescPtr;
use bytes::Bytes;
use model::Buffer;

use super::{
    Budget, Limits,
    chunk::Shared,
    footer::{self, Footer},
    group::{Columns, OpenGroup, Rows},
    page::Input,
    schema,
};
use crate::{
    arrow::fit,
    error::CodecError,
    guard::guarded,
    table::{Chunk, ReadOptions, Source},
};

/// The rows of a Parquet file in chunks.
///
/// Memory stays bounded whatever the file holds: a chunk has at most [`ReadOptions::chunk_rows_max`] rows, fewer where the
/// texts of a dictionary are long, and needs at most [`Limits::decoded_bytes_max`].
pub struct ParquetSource {
    options: ReadOptions,
    shared: Arc<Shared>,
    schema: SchemaDescPtr,
    footer: Footer,
    columns: Columns,
    open: Option<OpenGroup>,
    next_group: usize,
    rows_given: u64,
}

impl std::fmt::Debug for ParquetSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ParquetSource").field("rows", &self.footer.rows).finish_non_exhaustive()
    }
}

impl ParquetSource {
    /// Opens a file and reads its footer.
    pub fn open(file: File, options: ReadOptions, limits: &Limits) -> Result<ParquetSource, CodecError> {
        ParquetSource::new(Input::file(file)?, options, limits)
    }

    /// Opens a file that lies in memory.
    pub fn of_bytes(bytes: Buffer, options: ReadOptions, limits: &Limits) -> Result<ParquetSource, CodecError> {
        ParquetSource::new(Input::Memory(Bytes::from_owner(bytes)), options, limits)
    }

    fn new(input: Input, options: ReadOptions, limits: &Limits) -> Result<ParquetSource, CodecError> {
        guarded("parquet", || {
            let footer = footer::read(&input, limits)?;
            let schema: SchemaDescPtr = Arc::new(schema::build(&footer, limits)?);
            let wanted = |root: usize| {
                let name = schema.root_schema().get_fields()[root].name();
                options.fields.iter().any(|field| &*field.name == name)
            };
            let leaves = (0..schema.num_columns()).filter(|&leaf| wanted(schema.get_column_root_idx(leaf)));
            let leaves: Vec<usize> = leaves.collect();
            let shared = Shared::new(input, Budget::new(limits.decoded_bytes_max), leaves.len());
            let columns = Columns::new(shared.clone(), schema.clone(), &leaves)?;
            Ok(ParquetSource { options, shared, schema, footer, columns, open: None, next_group: 0, rows_given: 0 })
        })
    }

    /// Returns the rows of the whole file.
    pub fn rows(&self) -> u64 {
        self.footer.rows
    }

    /// Returns the names of the file's columns, in their order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.schema.root_schema().get_fields().iter().map(|field| field.name())
    }

    fn next_rows(&mut self) -> Result<Option<Rows>, CodecError> {
        loop {
            if let Some(open) = &mut self.open
                && let Some(rows) = self.columns.next(open)?
            {
                return Ok(Some(rows));
            }
            let Some(group) = self.footer.groups.get(self.next_group) else { return Ok(None) };
            self.next_group += 1;
            let rows_max = self.options.chunk_rows_max.max(1) as u64;
            self.open = Some(self.columns.open(group, rows_max, self.open.take())?);
        }
    }

    fn next(&mut self) -> Result<Option<Chunk>, CodecError> {
        let first_row = self.rows_given;
        let Some(rows) = self.next_rows()? else { return Ok(None) };
        let (batch, bad) = fit::fields(rows.count, |name| rows.column(name), first_row, &self.options)?;
        self.rows_given += batch.rows() as u64;
        let part = self.rows_given as f64 / self.footer.rows as f64;
        let bytes_read = (self.shared.input.len() as f64 * part) as u64;
        Ok(Some(Chunk { batch, bad, first_row, bytes_read }))
    }
}

impl Source for ParquetSource {
    fn next_chunk(&mut self) -> Result<Option<Chunk>, CodecError> {
        guarded("parquet", || self.next())
    }
}
