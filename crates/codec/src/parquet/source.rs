//! Tables of any size: one row group open at a time, a chunk of rows decoded at a time, only the columns asked for.

use std::{
    fs::File,
    ops::ControlFlow,
    sync::{Arc, atomic::Ordering},
};

use ::parquet::{
    arrow::{FieldLevels, ProjectionMask, arrow_reader::ParquetRecordBatchReader},
    schema::types::SchemaDescPtr,
};
use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_schema::Schema;
use bytes::Bytes;
use model::Buffer;

use super::{
    Budget, Limits,
    chunk::{Opened, Shared},
    damaged,
    footer::{self, Footer, Group},
    page::Input,
    schema,
    weight::cell_bytes,
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
    /// The columns of the schema that are read, and their leaves.
    levels: FieldLevels,
    leaves: Vec<usize>,
    open: Option<ParquetRecordBatchReader>,
    next_group: usize,
    /// Rows of the open group that were not yet given.
    rows_left: u64,
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
            let mask = ProjectionMask::leaves(&schema, leaves.iter().copied());
            let levels = schema::levels(&schema, mask)?;
            let shared = Shared::new(input, Budget::new(limits.decoded_bytes_max), leaves.len());
            let (open, next_group, rows_left, rows_given) = (None, 0, 0, 0);
            Ok(ParquetSource {
                options,
                shared,
                schema,
                footer,
                levels,
                leaves,
                open,
                next_group,
                rows_left,
                rows_given,
            })
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

    /// Opens the next group that has rows; chunks of it have as many rows as stay within the budget.
    fn open_group(&mut self) -> Result<ControlFlow<()>, CodecError> {
        let Some(group) = self.footer.groups.get(self.next_group..self.next_group + 1) else {
            return Ok(ControlFlow::Break(()));
        };
        self.next_group += 1;
        self.rows_left = group[0].rows;
        let budget = &self.shared.budget;
        let mut rows = self.rows_left.min(self.options.chunk_rows_max.max(1) as u64).max(1);
        self.shared.rows_at_once.store(rows, Ordering::Relaxed);
        budget.reset();
        if self.leaves.is_empty() {
            self.open = None;
            return Ok(ControlFlow::Continue(()));
        }
        let opened = Opened::new(&self.shared, &self.schema, group, &self.leaves)?;
        // Half of the budget for the texts of one chunk, were they all the longest; and the rest for what else there is.
        rows = rows.min(budget.max / 2 / opened.longest_row().max(1)).max(1);
        self.shared.rows_at_once.store(rows, Ordering::Relaxed);
        budget.charge("a chunk of rows", self.claimed_bytes(&group[0], rows))?;
        let reader = ParquetRecordBatchReader::try_new_with_row_groups(&self.levels, &opened, rows as usize, None);
        self.open = Some(reader.map_err(|e| self.shared.noted(e))?);
        Ok(ControlFlow::Continue(()))
    }

    /// Returns what a chunk takes if the group's counts are true, texts aside.
    fn claimed_bytes(&self, group: &Group, rows: u64) -> u64 {
        self.leaves.iter().fold(0, |sum: u64, &leaf| {
            let column = self.schema.column(leaf);
            sum.saturating_add(group.chunks[leaf].values.min(rows).saturating_mul(cell_bytes(&column)))
        })
    }

    fn next_rows(&mut self) -> Result<Option<RecordBatch>, CodecError> {
        while self.rows_left == 0 {
            if self.open_group()?.is_break() {
                return Ok(None);
            }
        }
        let Some(reader) = &mut self.open else {
            let rows = self.rows_left.min(self.options.chunk_rows_max.max(1) as u64);
            self.rows_left -= rows;
            let options = RecordBatchOptions::new().with_row_count(Some(rows as usize));
            let rows = RecordBatch::try_new_with_options(Arc::new(Schema::empty()), Vec::new(), &options);
            return rows.map(Some).map_err(|e| damaged("the data", e));
        };
        let rows = match reader.next() {
            Some(rows) => rows.map_err(|e| self.shared.noted(e))?,
            None => return Err(damaged("the data", format_args!("it ends {} rows early", self.rows_left))),
        };
        self.shared.budget.reset();
        let given = rows.num_rows() as u64;
        if given == 0 || given > self.rows_left {
            return Err(damaged("the data", format_args!("{given} rows where {} are left", self.rows_left)));
        }
        self.rows_left -= given;
        Ok(Some(rows))
    }

    fn next(&mut self) -> Result<Option<Chunk>, CodecError> {
        let first_row = self.rows_given;
        let Some(rows) = self.next_rows()? else { return Ok(None) };
        let (batch, bad) = fit::fields(&rows, first_row, &self.options)?;
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
