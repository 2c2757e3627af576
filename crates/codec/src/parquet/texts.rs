//! Columns of texts, decoded here.
//!
//! The texts of a page lie under their lengths, or are numbers of a dictionary's entries. The crate copies them into arrays of
//! its own, page by page, and looks at each byte to see that it is text, which is done once more when a column is made of the
//! array. Here a run of rows is taken apart into the places of its texts, and each is copied from where it was unpacked straight
//! into the column. A page in another encoding is left to the crate, with all rows of its group.

use std::sync::Arc;

use ::parquet::{
    basic::{Encoding, Type as Physical},
    column::page::Page,
    schema::types::{ColumnDescPtr, SchemaDescriptor},
};
use arrow_buffer::{BooleanBufferBuilder, NullBuffer, OffsetBuffer};
use arrow_schema::DataType;
use bytes::Bytes;
use model::{Buffer, Column, Text};

use super::{
    Damage,
    chunk::{Pages, Shared},
    damaged,
    footer::{Chunk, Group},
    hybrid::Runs,
    lists::sized,
};
use crate::error::CodecError;

/// Bytes that are copied at once: most texts are no longer.
const STEP: usize = 64;

/// Rows of a whole file that are taken apart together.
const AT_ONCE: usize = 8192;

/// Room that is made before the texts are there.
const ROOM_MAX: usize = 1 << 20;

/// Returns whether the leaf is a column of texts that may be read here; `ty` is the type of its root.
pub(super) fn is_one(schema: &SchemaDescriptor, leaf: usize, ty: &DataType) -> bool {
    let column = schema.column(leaf);
    let root = schema.get_column_root(leaf);
    let flat = root.is_primitive() && column.max_rep_level() == 0 && column.max_def_level() <= 1;
    flat && column.physical_type() == Physical::BYTE_ARRAY && *ty == DataType::Utf8
}

/// Reads a leaf of all groups; nothing where a page is not as this module wants it. The budget is then as it was.
pub(super) fn read(
    shared: &Arc<Shared>,
    column: &ColumnDescPtr,
    groups: &[Group],
    leaf: usize,
) -> Result<Option<Column>, CodecError> {
    let left = shared.budget.left();
    let mut grown = Grown::default();
    for group in groups {
        let mut texts = Texts::open(shared, column, group.chunks[leaf])?;
        for start in (0..group.rows).step_by(AT_ONCE) {
            let rows = (group.rows - start).min(AT_ONCE as u64);
            if !texts.take(rows as usize, &mut grown)? {
                shared.budget.set_left(left);
                return Ok(None);
            }
        }
    }
    grown.finish(column).map(Some)
}

/// The texts of a chunk, from the first one on.
pub(super) struct Texts {
    pages: Pages,
    column: ColumnDescPtr,
    dictionary: Option<Dictionary>,
    open: Option<Open>,
    /// Bytes of the texts that were taken last.
    taken: usize,
    spans: Vec<Span>,
    numbers: Vec<u32>,
}

struct Dictionary {
    bytes: Bytes,
    /// Where the entries begin, each behind its length.
    starts: Vec<u32>,
}

/// A page of which not all rows were given.
struct Open {
    rows: usize,
    /// Which rows are there; nothing where all are.
    levels: Option<Runs>,
    values: Values,
}

enum Values {
    /// Each under its length, from this place on.
    Plain { bytes: Bytes, at: usize },
    /// Numbers of entries.
    Coded(Runs),
}

/// Where a text lies.
#[derive(Clone, Copy, Default)]
struct Span {
    start: u32,
    len: u32,
}

/// A column as it grows.
pub(super) struct Grown {
    offsets: Vec<i32>,
    data: Vec<u8>,
    /// Made at the first null.
    valid: Option<BooleanBufferBuilder>,
}

// === impl Texts ===

impl Texts {
    pub(super) fn open(shared: &Arc<Shared>, column: &ColumnDescPtr, chunk: Chunk) -> Result<Texts, CodecError> {
        let pages = Pages::open(shared, column.clone(), chunk)?;
        let (spans, numbers) = (Vec::new(), Vec::new());
        Ok(Texts { pages, column: column.clone(), dictionary: None, open: None, taken: 0, spans, numbers })
    }

    /// Returns the length of the longest text of the dictionary.
    pub(super) fn longest_entry(&self) -> u64 {
        self.pages.longest_entry()
    }

    /// Adds the next rows; returns whether that could be done here.
    pub(super) fn take(&mut self, rows: usize, grown: &mut Grown) -> Result<bool, CodecError> {
        let mut left = rows;
        grown.offsets.reserve(rows.min(ROOM_MAX));
        let before = grown.data.len();
        // One chunk is about as long as the other: room that grows step by step is touched, and copied, more than once.
        grown.data.reserve(self.taken + self.taken / 16);
        while left > 0 {
            let Some(open) = self.open.as_mut().filter(|open| open.rows > 0) else {
                if !self.open_page()? {
                    return Ok(false);
                }
                continue;
            };
            let now = left.min(open.rows);
            let taken = open.take(now, self.dictionary.as_ref(), &mut self.spans, &mut self.numbers, grown);
            taken.map_err(|damage| in_column(&self.column, damage))?;
            left -= now;
        }
        self.taken = grown.data.len() - before;
        Ok(true)
    }

    /// Opens the next page of rows; returns whether it is one that can be read here.
    fn open_page(&mut self) -> Result<bool, CodecError> {
        let ends_early = || in_column(&self.column, Damage::EndsEarly);
        let page = self.pages.next_page()?.ok_or_else(ends_early)?;
        let optional = self.column.max_def_level() > 0;
        let (levels, data, rows, encoding) = match page {
            Page::DictionaryPage { buf, num_values, .. } => {
                let mut starts = Vec::new();
                plain(&buf, &mut 0, num_values as usize, &mut starts, |span| span.start).ok_or_else(ends_early)?;
                self.dictionary = Some(Dictionary { bytes: buf, starts });
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
        let values = match encoding {
            Encoding::PLAIN => Values::Plain { bytes: data, at: 0 },
            Encoding::PLAIN_DICTIONARY | Encoding::RLE_DICTIONARY => Values::Coded(match data.first() {
                Some(&width) => runs(data.slice(1..), width)?,
                // Of nothing but nulls there are no numbers.
                None => runs(data, 0)?,
            }),
            _ => return Ok(false),
        };
        let levels = optional.then(|| runs(levels, 1)).transpose()?;
        self.open = Some(Open { rows: rows as usize, levels, values });
        Ok(true)
    }
}

fn in_column(column: &ColumnDescPtr, damage: Damage) -> CodecError {
    damaged(&format!("column `{}`", column.path().string()), format_args!("its values: {damage}"))
}

// === impl Open ===

impl Open {
    /// Adds rows, of which there are so many here.
    fn take(
        &mut self,
        rows: usize,
        dictionary: Option<&Dictionary>,
        spans: &mut Vec<Span>,
        numbers: &mut Vec<u32>,
        grown: &mut Grown,
    ) -> Result<(), Damage> {
        self.rows -= rows;
        numbers.clear();
        let there = match &mut self.levels {
            None => rows,
            Some(levels) => match levels.same(rows) {
                Some(level) => rows * usize::from(level == 1),
                None => {
                    levels.extend(rows, numbers)?;
                    numbers.iter().filter(|level| **level == 1).count()
                }
            },
        };
        grown.push_valid(rows, there, numbers);
        let valid: Vec<bool> =
            if there == rows { Vec::new() } else { numbers.iter().map(|level| *level == 1).collect() };
        spans.clear();
        let bytes = match &mut self.values {
            Values::Plain { bytes, at } => {
                plain(bytes, at, there, spans, |span| span).ok_or(Damage::EndsEarly)?;
                &*bytes
            }
            Values::Coded(runs) => {
                numbers.clear();
                runs.extend(there, numbers)?;
                let dictionary = dictionary.ok_or(Damage::Says("numbers of a dictionary that is not there"))?;
                spans.extend(numbers.iter().map_while(|number| dictionary.entry(*number)));
                if spans.len() < there {
                    return Err(Damage::Says("a number past its dictionary"));
                }
                &dictionary.bytes
            }
        };
        if there < rows {
            let mut found = std::mem::take(spans).into_iter();
            let is_there = |row: usize| valid.get(row).copied().unwrap_or(false);
            let of_row = |row| if is_there(row) { found.next().unwrap_or_default() } else { Span::default() };
            *spans = (0..rows).map(of_row).collect();
        }
        grown.push(bytes, spans).ok_or(Damage::Says("more than 2 GiB of texts in one chunk of rows"))
    }
}

impl Dictionary {
    fn entry(&self, number: u32) -> Option<Span> {
        let start = *self.starts.get(number as usize)?;
        let len = self.bytes[..start as usize].last_chunk().map_or(0, |len| u32::from_le_bytes(*len));
        Some(Span { start, len })
    }
}

/// Adds what is kept of the places of so many texts, which lie under their lengths from `at` on; nothing where they are not there.
fn plain<T>(bytes: &[u8], at: &mut usize, count: usize, kept: &mut Vec<T>, keep: impl Fn(Span) -> T) -> Option<()> {
    let all = u32::try_from(bytes.len()).ok()?;
    if count > bytes.len().saturating_sub(*at) / 4 {
        return None;
    }
    let mut start = *at as u32;
    kept.reserve(count);
    for _ in 0..count {
        let len = u32::from_le_bytes(*bytes.get(start as usize..)?.first_chunk()?);
        start += 4;
        if len > all - start {
            return None;
        }
        kept.push(keep(Span { start, len }));
        start += len;
    }
    *at = start as usize;
    Some(())
}

// === impl Grown ===

impl Default for Grown {
    fn default() -> Grown {
        Grown { offsets: vec![0], data: Vec::new(), valid: None }
    }
}

impl Grown {
    /// Adds a bit for each row: all the same, or as the levels say.
    fn push_valid(&mut self, rows: usize, there: usize, levels: &[u32]) {
        if there == rows && self.valid.is_none() {
            return;
        }
        let before = self.offsets.len() - 1;
        let valid = self.valid.get_or_insert_with(|| {
            let mut bits = BooleanBufferBuilder::new(before + rows);
            bits.append_n(before, true);
            bits
        });
        if levels.is_empty() {
            valid.append_n(rows, there == rows);
        } else {
            levels.iter().for_each(|level| valid.append(*level == 1));
        }
    }

    /// Adds texts; nothing where they would be more than a column holds.
    fn push(&mut self, bytes: &[u8], spans: &[Span]) -> Option<()> {
        let mut at = self.data.len();
        let end = spans.iter().fold(at as u64, |sum, span| sum + u64::from(span.len));
        let end = i32::try_from(end).ok()? as usize;
        self.data.reserve(end + STEP - at);
        for span in spans {
            let (start, len) = (span.start as usize, span.len as usize);
            let (parts, _) = bytes[start..].as_chunks::<STEP>();
            // What is copied past a text is written over by the next one.
            match parts.get(..len.div_ceil(STEP)) {
                Some(parts) => parts.iter().for_each(|part| self.data.extend_from_slice(part)),
                None => self.data.extend_from_slice(&bytes[start..start + len]),
            }
            at += len;
            self.data.truncate(at);
            self.offsets.push(at as i32);
        }
        Some(())
    }

    /// Returns the column of all rows.
    pub(super) fn finish(self, column: &ColumnDescPtr) -> Result<Column, CodecError> {
        let nulls = self.valid.map(|mut bits| NullBuffer::new(bits.finish()));
        let text = Text::utf8(OffsetBuffer::new(self.offsets.into()), Buffer::from_vec(self.data), nulls);
        text.map(Column::Text).ok_or_else(|| in_column(column, Damage::Says("a text that is not UTF-8")))
    }
}
