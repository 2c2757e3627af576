//! The columns of a row group that is open, chunk by chunk: texts and numbers are decoded here, all others by the crate.

use std::{
    slice,
    sync::{Arc, atomic::Ordering},
};

use ::parquet::{
    arrow::{FieldLevels, ProjectionMask, arrow_reader::ParquetRecordBatchReader},
    schema::types::SchemaDescPtr,
};
use arrow_array::RecordBatch;
use model::{Column, DType};

use super::{
    chunk::{Opened, Shared},
    damaged,
    flat::Flat,
    footer::{Chunk, Group},
    numbers::{self, Numbers},
    schema,
    texts::{self, Texts},
    weight::cell_bytes,
};
use crate::{arrow::convert, error::CodecError};

/// Rows of numbers that are decoded ahead of the chunk that they are for. A dictionary is looked up for as many rows as possible
/// while it lies in the cache: each chunk anew, it comes from memory or from a cache far away.
const AHEAD_ROWS: u64 = 1 << 15;

/// The part of the budget that rows ahead may take.
const AHEAD_PART: u64 = 4;

/// The columns that are read.
pub(super) struct Columns {
    shared: Arc<Shared>,
    schema: SchemaDescPtr,
    /// Leaves that are read here, as long as their pages are such.
    ours: Vec<(usize, Kind)>,
    others: Vec<usize>,
    /// How the others become Arrow's.
    levels: FieldLevels,
}

/// What is read here.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    Number(DType),
}

/// A group that is open.
pub(super) struct OpenGroup {
    group: Group,
    rows_left: u64,
    /// Rows of a chunk, and chunks that were given.
    rows_at_once: u64,
    given: usize,
    /// Rows of numbers that are decoded together, and what they take.
    rows_ahead: u64,
    bytes_ahead: u64,
    ours: Vec<Leaf>,
    others: Option<ParquetRecordBatchReader>,
}

struct Leaf {
    leaf: usize,
    reader: Reader,
    /// Rows that were decoded, and how many of them were given.
    ahead: Option<(Column, usize)>,
}

enum Reader {
    Texts(Box<Flat<Texts>>),
    Words(Box<Flat<Numbers<u32>>>, DType),
    LongWords(Box<Flat<Numbers<u64>>>, DType),
    Crate(Box<ParquetRecordBatchReader>),
}

/// A chunk of rows.
pub(super) struct Rows {
    pub(super) count: usize,
    ours: Vec<(String, Column)>,
    others: Option<RecordBatch>,
}

// === impl Columns ===

impl Columns {
    pub(super) fn new(shared: Arc<Shared>, schema: SchemaDescPtr, leaves: &[usize]) -> Result<Columns, CodecError> {
        let types = schema::types(&schema)?;
        let name = |leaf: usize| schema.get_column_root(leaf).name();
        let kind = |leaf: usize| {
            let ty = &types[schema.get_column_root_idx(leaf)];
            let number = || numbers::dtype(&schema, leaf, ty).map(Kind::Number);
            let is_only = leaves.iter().all(|&other| other == leaf || name(other) != name(leaf));
            if texts::is_one(&schema, leaf, ty) { Some(Kind::Text) } else { number() }.filter(|_| is_only)
        };
        let ours: Vec<_> = leaves.iter().filter_map(|&leaf| Some((leaf, kind(leaf)?))).collect();
        let others: Vec<_> =
            leaves.iter().copied().filter(|leaf| ours.iter().all(|(other, _)| other != leaf)).collect();
        let levels = schema::levels(&schema, ProjectionMask::leaves(&schema, others.iter().copied()))?;
        Ok(Columns { shared, schema, ours, others, levels })
    }

    /// Opens a group that has rows; chunks of it have as many rows as stay within the budget, and so many at most. The group before
    /// leaves its room.
    pub(super) fn open(
        &self,
        group: &Group,
        rows_max: u64,
        before: Option<OpenGroup>,
    ) -> Result<OpenGroup, CodecError> {
        let budget = &self.shared.budget;
        // Its pages are gone before those of this one come: they make room for them.
        let decoded: Vec<_> = before.into_iter().flat_map(|group| group.ours).map(|leaf| leaf.ahead).collect();
        let mut rows = group.rows.min(rows_max).max(1);
        self.shared.rows_at_once.store(rows, Ordering::Relaxed);
        budget.reset();
        let opened = Opened::new(&self.shared, &self.schema, slice::from_ref(group), &self.others)?;
        let open = |(leaf, kind): &(usize, Kind)| self.leaf(*leaf, *kind, group.chunks[*leaf]);
        let mut ours = self.ours.iter().map(open).collect::<Result<Vec<Leaf>, _>>()?;
        ours.iter_mut().zip(decoded).for_each(|(leaf, decoded)| leaf.ahead = decoded);
        // Half of the budget for the texts of one chunk, were they all the longest; and the rest for what else there is.
        let longest = ours.iter().map(Leaf::longest_entry).fold(opened.longest_row(), u64::saturating_add);
        rows = rows.min(budget.max / 2 / longest.max(1)).max(1);
        self.shared.rows_at_once.store(rows, Ordering::Relaxed);
        budget.charge("a chunk of rows", self.claimed_bytes(group, rows))?;
        let others = (!self.others.is_empty()).then(|| self.reader(&self.levels, &opened, rows)).transpose()?;
        let (rows_ahead, bytes_ahead) = self.ahead(group, rows);
        let (group, rows_left) = (group.clone(), group.rows);
        Ok(OpenGroup { group, rows_left, rows_at_once: rows, given: 0, rows_ahead, bytes_ahead, ours, others })
    }

    fn leaf(&self, leaf: usize, kind: Kind, chunk: Chunk) -> Result<Leaf, CodecError> {
        let (shared, column) = (&self.shared, &self.schema.column(leaf));
        let reader = match kind {
            Kind::Text => Reader::Texts(Box::new(Flat::open(shared, column, chunk)?)),
            Kind::Number(dtype) if dtype.width() == 4 => {
                Reader::Words(Box::new(Flat::open(shared, column, chunk)?), dtype)
            }
            Kind::Number(dtype) => Reader::LongWords(Box::new(Flat::open(shared, column, chunk)?), dtype),
        };
        Ok(Leaf { leaf, reader, ahead: None })
    }

    /// Returns how many rows of numbers are decoded together, at least those of a chunk, and how many bytes they take if they are more.
    fn ahead(&self, group: &Group, rows: u64) -> (u64, u64) {
        let width = |(_, kind): &(usize, Kind)| match kind {
            Kind::Text => 0,
            Kind::Number(dtype) => dtype.width() as u64,
        };
        let row_bytes = self.ours.iter().map(width).sum::<u64>().max(1);
        let ahead = AHEAD_ROWS.min(group.rows).min(self.shared.budget.max / AHEAD_PART / row_bytes) / rows * rows;
        if ahead > rows { (ahead, ahead * row_bytes) } else { (rows, 0) }
    }

    fn reader(&self, levels: &FieldLevels, opened: &Opened, rows: u64) -> Result<ParquetRecordBatchReader, CodecError> {
        let reader = ParquetRecordBatchReader::try_new_with_row_groups(levels, opened, rows as usize, None);
        reader.map_err(|e| self.shared.noted(e))
    }

    /// Returns what a chunk takes if the group's counts are true, texts aside.
    fn claimed_bytes(&self, group: &Group, rows: u64) -> u64 {
        let leaves = self.ours.iter().map(|(leaf, _)| leaf).chain(&self.others);
        leaves.fold(0, |sum: u64, &leaf| {
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
        let mut ours = Vec::with_capacity(open.ours.len());
        for at in 0..open.ours.len() {
            let name = self.schema.get_column_root(open.ours[at].leaf).name().to_owned();
            let column = self.column(open, at, count)?;
            ours.push((name, column));
        }
        self.shared.budget.reset();
        self.shared.budget.charge("rows of numbers", open.bytes_ahead)?;
        open.rows_left -= count;
        open.given += 1;
        Ok(Some(Rows { count: count as usize, ours, others }))
    }

    /// Returns the next rows of a column that is read here.
    fn column(&self, open: &mut OpenGroup, at: usize, count: u64) -> Result<Column, CodecError> {
        let ahead = open.rows_left.min(open.rows_ahead);
        if let Some(column) = open.ours[at].next(count as usize, ahead as usize)? {
            return Ok(column);
        }
        let leaf = open.ours[at].leaf;
        if !matches!(open.ours[at].reader, Reader::Crate(_)) {
            open.ours[at].reader = Reader::Crate(Box::new(self.by_crate(open, leaf)?));
        }
        let Reader::Crate(reader) = &mut open.ours[at].reader else { unreachable!("made one just now") };
        let rows = self.rows(reader, count)?;
        convert::column(self.schema.get_column_root(leaf).name(), rows.column(0))
    }
}

// === impl Leaf ===

impl Leaf {
    /// Returns the length of the longest text of the dictionary.
    fn longest_entry(&self) -> u64 {
        match &self.reader {
            Reader::Texts(texts) => texts.longest_entry(),
            _ => 0,
        }
    }

    /// Returns the next rows, of numbers decoded so many together; nothing where that is the crate's.
    fn next(&mut self, rows: usize, together: usize) -> Result<Option<Column>, CodecError> {
        if self.ahead.as_ref().is_none_or(|(column, given)| *given == column.len()) {
            let used = self.ahead.take().map(|(column, _)| column);
            let decoded = match &mut self.reader {
                Reader::Texts(texts) => return texts.next(rows, Texts::default()),
                Reader::Words(numbers, dtype) => numbers.next(together, Numbers::in_place_of(used, *dtype))?,
                Reader::LongWords(numbers, dtype) => numbers.next(together, Numbers::in_place_of(used, *dtype))?,
                Reader::Crate(_) => None,
            };
            self.ahead = decoded.map(|column| (column, 0));
        }
        let Some((column, given)) = &mut self.ahead else { return Ok(None) };
        let part = column.slice(*given, rows);
        *given += rows;
        Ok(Some(part))
    }
}

// === impl Rows ===

impl Rows {
    /// Returns the column of this name.
    pub(super) fn column(&self, name: &str) -> Option<Result<Column, CodecError>> {
        if let Some((_, column)) = self.ours.iter().find(|(of, _)| of == name) {
            return Some(Ok(column.clone()));
        }
        let array = self.others.as_ref()?.column_by_name(name)?;
        Some(convert::column(name, array))
    }
}
