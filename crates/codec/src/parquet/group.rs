//! The columns of a row group that is open, chunk by chunk: texts are decoded here, all others by the crate.

use std::{
    slice,
    sync::{Arc, atomic::Ordering},
};

use ::parquet::{
    arrow::{FieldLevels, ProjectionMask, arrow_reader::ParquetRecordBatchReader},
    schema::types::SchemaDescPtr,
};
use arrow_array::RecordBatch;
use model::Column;

use super::{
    chunk::{Opened, Shared},
    damaged,
    footer::Group,
    schema,
    texts::{self, Grown, Texts},
    weight::cell_bytes,
};
use crate::{arrow::convert, error::CodecError};

/// The columns that are read.
pub(super) struct Columns {
    shared: Arc<Shared>,
    schema: SchemaDescPtr,
    /// Leaves of texts that are read here, as long as their pages are such.
    texts: Vec<usize>,
    others: Vec<usize>,
    /// How the others become Arrow's.
    levels: FieldLevels,
}

/// A group that is open.
pub(super) struct OpenGroup {
    group: Group,
    rows_left: u64,
    /// Rows of a chunk, and chunks that were given.
    rows_at_once: u64,
    given: usize,
    texts: Vec<(usize, Reader)>,
    others: Option<ParquetRecordBatchReader>,
}

enum Reader {
    Ours(Box<Texts>),
    Crate(Box<ParquetRecordBatchReader>),
}

/// A chunk of rows.
pub(super) struct Rows {
    pub(super) count: usize,
    texts: Vec<(String, Column)>,
    others: Option<RecordBatch>,
}

// === impl Columns ===

impl Columns {
    pub(super) fn new(shared: Arc<Shared>, schema: SchemaDescPtr, leaves: &[usize]) -> Result<Columns, CodecError> {
        let types = schema::types(&schema)?;
        let name = |leaf: usize| schema.get_column_root(leaf).name();
        let is_text = |leaf: usize| {
            let is_only = leaves.iter().all(|&other| other == leaf || name(other) != name(leaf));
            is_only && texts::is_one(&schema, leaf, &types[schema.get_column_root_idx(leaf)])
        };
        let (texts, others): (Vec<_>, Vec<_>) = leaves.iter().partition(|leaf| is_text(**leaf));
        let levels = schema::levels(&schema, ProjectionMask::leaves(&schema, others.iter().copied()))?;
        Ok(Columns { shared, schema, texts, others, levels })
    }

    /// Opens a group that has rows; chunks of it have as many rows as stay within the budget, and so many at most.
    pub(super) fn open(&self, group: &Group, rows_max: u64) -> Result<OpenGroup, CodecError> {
        let budget = &self.shared.budget;
        let mut rows = group.rows.min(rows_max).max(1);
        self.shared.rows_at_once.store(rows, Ordering::Relaxed);
        budget.reset();
        let opened = Opened::new(&self.shared, &self.schema, slice::from_ref(group), &self.others)?;
        let open = |leaf: &usize| Texts::open(&self.shared, &self.schema.column(*leaf), group.chunks[*leaf]);
        let texts = self.texts.iter().map(open).collect::<Result<Vec<Texts>, _>>()?;
        // Half of the budget for the texts of one chunk, were they all the longest; and the rest for what else there is.
        let longest = texts.iter().map(Texts::longest_entry).fold(opened.longest_row(), u64::saturating_add);
        rows = rows.min(budget.max / 2 / longest.max(1)).max(1);
        self.shared.rows_at_once.store(rows, Ordering::Relaxed);
        budget.charge("a chunk of rows", self.claimed_bytes(group, rows))?;
        let others = (!self.others.is_empty()).then(|| self.reader(&self.levels, &opened, rows)).transpose()?;
        let texts = self.texts.iter().copied().zip(texts.into_iter().map(|texts| Reader::Ours(Box::new(texts))));
        let (texts, group) = (texts.collect(), group.clone());
        Ok(OpenGroup { rows_left: group.rows, group, rows_at_once: rows, given: 0, texts, others })
    }

    fn reader(&self, levels: &FieldLevels, opened: &Opened, rows: u64) -> Result<ParquetRecordBatchReader, CodecError> {
        let reader = ParquetRecordBatchReader::try_new_with_row_groups(levels, opened, rows as usize, None);
        reader.map_err(|e| self.shared.noted(e))
    }

    /// Returns what a chunk takes if the group's counts are true, texts aside.
    fn claimed_bytes(&self, group: &Group, rows: u64) -> u64 {
        self.texts.iter().chain(&self.others).fold(0, |sum: u64, &leaf| {
            let column = self.schema.column(leaf);
            sum.saturating_add(group.chunks[leaf].values.min(rows).saturating_mul(cell_bytes(&column)))
        })
    }

    /// Has the crate read a leaf of the group, from the first row that was not given on.
    fn by_crate(&self, open: &OpenGroup, leaf: usize) -> Result<ParquetRecordBatchReader, CodecError> {
        let levels = schema::levels(&self.schema, ProjectionMask::leaves(&self.schema, [leaf]))?;
        let opened = Opened::new(&self.shared, &self.schema, slice::from_ref(&open.group), &[leaf])?;
        let mut reader = self.reader(&levels, &opened, open.rows_at_once)?;
        for _ in 0..open.given {
            self.rows(&mut reader, open.rows_at_once)?;
            self.shared.budget.reset();
        }
        Ok(reader)
    }

    /// Returns the next rows of what the crate reads, which are so many.
    fn rows(&self, reader: &mut ParquetRecordBatchReader, count: u64) -> Result<RecordBatch, CodecError> {
        let rows = match reader.next() {
            Some(rows) => rows.map_err(|e| self.shared.noted(e))?,
            None => return Err(damaged("the data", format_args!("it ends {count} rows early"))),
        };
        if rows.num_rows() as u64 != count {
            return Err(damaged("the data", format_args!("{} rows where there are {count}", rows.num_rows())));
        }
        Ok(rows)
    }

    /// Returns the next rows of the group, or nothing at its end.
    pub(super) fn next(&self, open: &mut OpenGroup) -> Result<Option<Rows>, CodecError> {
        let count = open.rows_left.min(open.rows_at_once);
        if count == 0 {
            return Ok(None);
        }
        let others = match &mut open.others {
            Some(reader) => Some(self.rows(reader, count)?),
            None => None,
        };
        let mut texts = Vec::with_capacity(open.texts.len());
        for at in 0..open.texts.len() {
            let leaf = open.texts[at].0;
            let name = self.schema.get_column_root(leaf).name().to_owned();
            let column = self.texts(open, at, count)?;
            texts.push((name, column));
        }
        self.shared.budget.reset();
        open.rows_left -= count;
        open.given += 1;
        Ok(Some(Rows { count: count as usize, texts, others }))
    }

    /// Returns the next rows of a column of texts.
    fn texts(&self, open: &mut OpenGroup, at: usize, count: u64) -> Result<Column, CodecError> {
        let leaf = open.texts[at].0;
        if let Reader::Ours(texts) = &mut open.texts[at].1 {
            let mut grown = Grown::default();
            if texts.take(count as usize, &mut grown)? {
                return grown.finish(&self.schema.column(leaf));
            }
            open.texts[at].1 = Reader::Crate(Box::new(self.by_crate(open, leaf)?));
        }
        let Reader::Crate(reader) = &mut open.texts[at].1 else { unreachable!("made one just now") };
        let rows = self.rows(reader, count)?;
        convert::column(self.schema.get_column_root(leaf).name(), rows.column(0))
    }
}

// === impl Rows ===

impl Rows {
    /// Returns the column of this name.
    pub(super) fn column(&self, name: &str) -> Option<Result<Column, CodecError>> {
        if let Some((_, column)) = self.texts.iter().find(|(of, _)| of == name) {
            return Some(Ok(column.clone()));
        }
        let array = self.others.as_ref()?.column_by_name(name)?;
        Some(convert::column(name, array))
    }
}
