//! Columns of one value a row, decoded here: which rows hold one, and where the values of a page lie.
//!
//! The crate makes arrays of its own, page by page, and each is looked at and copied once more when a column is made of it. Here a run of
//! rows goes straight from its page into the column. What the values are, texts or numbers, is told by [`Values`]. A page in an
//! encoding that is not known here is left to the crate, with all rows of its group.

use std::sync::Arc;

use ::parquet::{
    basic::Encoding,
    column::page::Page,
    schema::types::{ColumnDescPtr, SchemaDescriptor},
};
use arrow_buffer::{BooleanBufferBuilder, NullBuffer};
use bytes::Bytes;
use model::Column;

use super::{
    Damage,
    chunk::{Pages, Shared},
    damaged,
    footer::{Chunk, Group},
    hybrid::Runs,
    lists::sized,
};
use crate::error::CodecError;

/// Rows of a whole file that are taken apart together.
const AT_ONCE: usize = 8192;

/// Room for rows that is made before they are there.
const ROOM_MAX: usize = 1 << 20;

/// The values of a column as they grow.
pub(super) trait Values {
    /// The entries that pages may have numbers of.
    type Dictionary;

    /// Returns the dictionary of so many entries, or nothing where the page holds fewer.
    fn dictionary(page: Bytes, entries: usize) -> Option<Self::Dictionary>;

    /// Makes room for so many rows, of so many bytes together.
    fn reserve(&mut self, rows: usize, bytes: usize);

    /// Returns the bytes of all values.
    fn bytes(&self) -> usize;

    /// Adds the rows, of which some are null.
    fn add(&mut self, rows: &Present, from: From<'_, Self::Dictionary>) -> Result<(), Damage>;

    /// Returns the column of all rows.
    fn column(self, nulls: Option<NullBuffer>) -> Result<Column, Damage>;
}

/// Where the next values are, one for each row that is not null.
pub(super) enum From<'a, D> {
    /// They lie in the page from this place on, which is moved past them.
    Plain(&'a Bytes, &'a mut usize),
    /// They have numbers among the entries.
    Coded(&'a mut Runs, &'a D),
}

/// Which of some rows are not null.
#[derive(Default)]
pub(super) struct Present {
    pub(super) rows: usize,
    /// How many of them are there.
    pub(super) count: usize,
    /// 1 for each row that is; nothing where all are alike.
    levels: Vec<u32>,
}

/// A column as it grows.
pub(super) struct Grown<V> {
    values: V,
    rows: usize,
    /// Made at the first null.
    valid: Option<BooleanBufferBuilder>,
}

/// A chunk that is read, from the first row on.
pub(super) struct Flat<V: Values> {
    pages: Pages,
    column: ColumnDescPtr,
    dictionary: Option<V::Dictionary>,
    open: Option<Open>,
    /// Bytes of the values that were taken last.
    taken: usize,
    present: Present,
}

/// A page of which not all rows were given.
struct Open {
    rows: usize,
    /// Which rows are there; nothing where all are.
    levels: Option<Runs>,
    body: Body,
}

enum Body {
    Plain { bytes: Bytes, at: usize },
    Coded(Runs),
}

/// Returns whether each row of the column holds one value or none, and nothing is above it.
pub(super) fn is_flat(schema: &SchemaDescriptor, leaf: usize) -> bool {
    let column = schema.column(leaf);
    schema.get_column_root(leaf).is_primitive() && column.max_rep_level() == 0 && column.max_def_level() <= 1
}

/// Reads a leaf of all groups; nothing where a page is not as it is known here. The budget is then as it was.
pub(super) fn read<V: Values>(
    shared: &Arc<Shared>,
    column: &ColumnDescPtr,
    groups: &[Group],
    leaf: usize,
    values: V,
) -> Result<Option<Column>, CodecError> {
    let left = shared.budget.left();
    let mut grown = Grown::new(values);
    for group in groups {
        let mut flat = Flat::<V>::open(shared, column, group.chunks[leaf])?;
        for start in (0..group.rows).step_by(AT_ONCE) {
            let rows = (group.rows - start).min(AT_ONCE as u64);
            if !flat.take(rows as usize, &mut grown)? {
                shared.budget.set_left(left);
                return Ok(None);
            }
        }
    }
    grown.finish(column).map(Some)
}

// === impl Flat ===

impl<V: Values> Flat<V> {
    pub(super) fn open(shared: &Arc<Shared>, column: &ColumnDescPtr, chunk: Chunk) -> Result<Flat<V>, CodecError> {
        let pages = Pages::open(shared, column.clone(), chunk)?;
        let column = column.clone();
        Ok(Flat { pages, column, dictionary: None, open: None, taken: 0, present: Present::default() })
    }

    /// Returns the length of the longest text of the dictionary.
    pub(super) fn longest_entry(&self) -> u64 {
        self.pages.longest_entry()
    }

    /// Returns the next rows as a column; nothing where that can't be done here.
    pub(super) fn next(&mut self, rows: usize, values: V) -> Result<Option<Column>, CodecError> {
        let mut grown = Grown::new(values);
        if self.take(rows, &mut grown)? { grown.finish(&self.column).map(Some) } else { Ok(None) }
    }

    /// Adds the next rows; returns whether that could be done here.
    fn take(&mut self, rows: usize, grown: &mut Grown<V>) -> Result<bool, CodecError> {
        let mut left = rows;
        let before = grown.values.bytes();
        // One chunk is about as long as the other: room that grows step by step is touched, and copied, more than once.
        grown.values.reserve(rows.min(ROOM_MAX), self.taken + self.taken / 16);
        while left > 0 {
            let Some(open) = self.open.as_mut().filter(|open| open.rows > 0) else {
                if !self.open_page()? {
                    return Ok(false);
                }
                continue;
            };
            let now = left.min(open.rows);
            let taken = open.take(now, self.dictionary.as_ref(), &mut self.present, grown);
            taken.map_err(|damage| in_column(&self.column, damage))?;
            left -= now;
        }
        self.taken = grown.values.bytes() - before;
        Ok(true)
    }

    /// Opens the next page of rows; returns whether it is one that can be read here.
    fn open_page(&mut self) -> Result<bool, CodecError> {
        let ends_early = || in_column(&self.column, Damage::EndsEarly);
        // The page that was read makes room for the next one.
        self.open = None;
        let page = self.pages.next_page()?.ok_or_else(ends_early)?;
        let optional = self.column.max_def_level() > 0;
        let (levels, data, rows, encoding) = match page {
            Page::DictionaryPage { buf, num_values, .. } => {
                self.dictionary = Some(V::dictionary(buf, num_values as usize).ok_or_else(ends_early)?);
                return Ok(true);
            }
            Page::DataPage { buf, num_values, encoding, def_level_encoding, .. } => {
                if optional && def_level_encoding != Encoding::RLE {
                    return Ok(false);
                }
                let (levels, data) = if optional { sized(&buf).ok_or_else(ends_early)? } else { (&[][..], &buf[..]) };
                (buf.slice_ref(levels), buf.slice_ref(data), num_values, encoding)
            }
            Page::DataPageV2 { buf, num_values, encoding, def_levels_byte_len, rep_levels_byte_len, .. } => {
                let (first, levels) = (rep_levels_byte_len as usize, def_levels_byte_len as usize);
                let parts = buf.get(first..).and_then(|rest| rest.split_at_checked(levels));
                let (levels, data) = parts.ok_or_else(ends_early)?;
                (buf.slice_ref(levels), buf.slice_ref(data), num_values, encoding)
            }
        };
        let runs = |bytes, width| Runs::new(bytes, width).map_err(|damage| in_column(&self.column, damage));
        let body = match encoding {
            Encoding::PLAIN => Body::Plain { bytes: data, at: 0 },
            Encoding::PLAIN_DICTIONARY | Encoding::RLE_DICTIONARY => Body::Coded(match data.first() {
                Some(&width) => runs(data.slice(1..), width)?,
                // Of nothing but nulls there are no numbers.
                None => runs(data, 0)?,
            }),
            _ => return Ok(false),
        };
        let levels = optional.then(|| runs(levels, 1)).transpose()?;
        self.open = Some(Open { rows: rows as usize, levels, body });
        Ok(true)
    }
}

fn in_column(column: &ColumnDescPtr, damage: Damage) -> CodecError {
    damaged(&format!("column `{}`", column.path().string()), format_args!("its values: {damage}"))
}

// === impl Open ===

impl Open {
    /// Adds rows, of which there are so many here.
    fn take<V: Values>(
        &mut self,
        rows: usize,
        dictionary: Option<&V::Dictionary>,
        present: &mut Present,
        grown: &mut Grown<V>,
    ) -> Result<(), Damage> {
        self.rows -= rows;
        present.read(rows, self.levels.as_mut())?;
        grown.push_valid(present);
        let from = match &mut self.body {
            Body::Plain { bytes, at } => From::Plain(bytes, at),
            Body::Coded(runs) => {
                From::Coded(runs, dictionary.ok_or(Damage::Says("numbers of a dictionary that is not there"))?)
            }
        };
        grown.values.add(present, from)
    }
}

// === impl Present ===

impl Present {
    fn read(&mut self, rows: usize, levels: Option<&mut Runs>) -> Result<(), Damage> {
        self.levels.clear();
        self.rows = rows;
        self.count = match levels {
            None => rows,
            Some(levels) => match levels.same(rows) {
                Some(level) => rows * usize::from(level == 1),
                None => {
                    levels.extend(rows, &mut self.levels)?;
                    self.levels.iter().filter(|level| **level == 1).count()
                }
            },
        };
        Ok(())
    }

    /// Spreads the values of the rows that are there over all rows; null ones have the default.
    pub(super) fn spread<T: Copy + Default>(&self, values: &mut Vec<T>) {
        if self.count == self.rows {
            return;
        }
        let (start, mut from) = (values.len() - self.count, values.len());
        values.resize(start + self.rows, T::default());
        for row in (0..self.rows).rev() {
            let is_there = self.levels.get(row) == Some(&1);
            from -= usize::from(is_there);
            values[start + row] = if is_there { values[from] } else { T::default() };
        }
    }
}

// === impl Grown ===

impl<V: Values> Grown<V> {
    fn new(values: V) -> Grown<V> {
        Grown { values, rows: 0, valid: None }
    }

    /// Adds a bit for each row: all the same, or as the levels say.
    fn push_valid(&mut self, Present { rows, count, levels }: &Present) {
        let before = self.rows;
        self.rows += rows;
        if count == rows && self.valid.is_none() {
            return;
        }
        let valid = self.valid.get_or_insert_with(|| {
            let mut bits = BooleanBufferBuilder::new(before + rows);
            bits.append_n(before, true);
            bits
        });
        if levels.is_empty() {
            valid.append_n(*rows, count == rows);
        } else {
            levels.iter().for_each(|level| valid.append(*level == 1));
        }
    }

    fn finish(self, column: &ColumnDescPtr) -> Result<Column, CodecError> {
        let nulls = self.valid.map(|mut bits| NullBuffer::new(bits.finish()));
        self.values.column(nulls).map_err(|damage| in_column(column, damage))
    }
}
