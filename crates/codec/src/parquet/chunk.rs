//! The pages of column chunks, given to the crate one by one: unpacked, compared with what was promised, and paid for.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use ::parquet::{
    arrow::arrow_reader::RowGroups,
    basic::{Encoding, PageType, Type as Physical},
    column::page::{Page, PageIterator, PageMetadata, PageReader},
    errors::{ParquetError, Result as CrateResult},
    file::metadata::{FileMetaData, ParquetMetaData, RowGroupMetaData},
    schema::types::{ColumnDescPtr, SchemaDescPtr},
};
use bytes::Bytes;

use super::{
    Budget, Damage, damaged, delta,
    footer::{Chunk, Group},
    page::{self, Header, Input, Levels},
    room::Rooms,
    unsupported,
    weight::{Dictionary, cell_bytes, levels_len},
};
use crate::error::CodecError;

/// Page headers hold statistics, but not books.
const HEADER_BYTES_MAX: usize = 16 << 20;
/// How much is read from a file ahead of what was asked for, by all open columns together; and by one, at least
/// and most: so much is still in the processor's cache when it is unpacked.
const READ_AHEAD: usize = 64 << 20;
const READ_AHEAD_MIN: usize = 8 << 10;
const READ_AHEAD_MAX: usize = 256 << 10;
/// How much is read ahead of a page at most where its chunk has had pages as long as that.
const READ_AHEAD_PAGE_MAX: usize = 2 << 20;

/// What the chunks of one reading share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) input: Input,
    pub(super) budget: Budget,
    rooms: Rooms,
    /// Rows that are asked of the crate at a time: no flat column decodes more of a page at once.
    pub(super) rows_at_once: AtomicU64,
    read_ahead: usize,
    /// Our own error, while the crate carries a note of it.
    pub(super) fault: Mutex<Option<CodecError>>,
}

impl Shared {
    pub(super) fn new(input: Input, budget: Budget, columns: usize) -> Arc<Shared> {
        let read_ahead = (READ_AHEAD / columns.max(1)).clamp(READ_AHEAD_MIN, READ_AHEAD_MAX);
        let (rows_at_once, fault) = (AtomicU64::new(u64::MAX), Mutex::new(None));
        Arc::new(Shared { input, budget, rooms: Rooms::default(), rows_at_once, read_ahead, fault })
    }

    fn note(&self, error: CodecError) -> ParquetError {
        let note = ParquetError::General(error.to_string());
        *self.fault.lock().expect("noting does not panic") = Some(error);
        note
    }

    /// Returns our own error where the crate only carried it, else the crate's as ours.
    pub(super) fn noted(&self, error: impl std::fmt::Display) -> CodecError {
        let ours = self.fault.lock().expect("noting does not panic").take();
        ours.unwrap_or_else(|| damaged("the data", error))
    }
}

/// The pages of one chunk.
pub(super) struct Pages {
    shared: Arc<Shared>,
    column: ColumnDescPtr,
    place: Arc<str>,
    chunk: Chunk,
    at: u64,
    values_left: u64,
    /// What was read ahead of `at`, and where it begins.
    window: (u64, Bytes),
    /// Bytes of the longest page so far, in the file.
    longest: usize,
    dictionary: Option<Dictionary>,
    /// The dictionary page, read when the chunk was opened and not yet given.
    pending: Option<Page>,
}

impl Pages {
    /// Opens a chunk and reads its dictionary, if it has one.
    pub(super) fn open(shared: &Arc<Shared>, column: ColumnDescPtr, chunk: Chunk) -> Result<Pages, CodecError> {
        let place = format!("column `{}`", column.path().string()).into();
        let mut pages = Pages {
            shared: shared.clone(),
            column,
            place,
            chunk,
            at: chunk.begin,
            values_left: chunk.values,
            window: (0, Bytes::new()),
            longest: 0,
            dictionary: None,
            pending: None,
        };
        if pages.values_left > 0 {
            let (header, _) = pages.header()?;
            if header.kind == PageType::DICTIONARY_PAGE {
                pages.pending = pages.next_page()?;
            }
        }
        Ok(pages)
    }

    /// Returns the length of the longest text of the dictionary.
    pub(super) fn longest_entry(&self) -> u64 {
        self.dictionary.as_ref().map_or(0, |d| d.longest)
    }

    fn damaged(&self, what: impl std::fmt::Display) -> CodecError {
        damaged(&format!("{}, page at byte {}", self.place, self.at), what)
    }

    /// Returns the range of the file, from the window where it lies there.
    fn get(&mut self, at: u64, len: usize) -> Result<Bytes, CodecError> {
        if let Input::Memory(_) = self.shared.input {
            return self.shared.input.get(at, len, &self.shared.rooms);
        }
        let (begin, window) = &self.window;
        let inside = at.checked_sub(*begin).filter(|from| from + len as u64 <= window.len() as u64);
        if let Some(from) = inside {
            return Ok(window.slice(from as usize..from as usize + len));
        }
        // A page and its header come together: pages of a chunk are about as long as one another.
        let ahead = self.shared.read_ahead.max((self.longest + self.longest / 8).min(READ_AHEAD_PAGE_MAX));
        let ahead = (self.chunk.end - at).min(ahead as u64) as usize;
        // What was read before makes room for it.
        self.window = (0, Bytes::new());
        let window = self.shared.input.get(at, len.max(ahead), &self.shared.rooms)?;
        self.window = (at, window.clone());
        Ok(window.slice(..len))
    }

    /// Reads the header at the place that was reached.
    fn header(&mut self) -> Result<(Header, usize), CodecError> {
        let left = usize::try_from(self.chunk.end - self.at).unwrap_or(usize::MAX);
        let mut len = left.min(1 << 10);
        loop {
            let bytes = self.get(self.at, len)?;
            match page::header(&bytes) {
                Ok((header, header_len)) if header.packed <= left - header_len => return Ok((header, header_len)),
                Ok((header, _)) => {
                    return Err(self.damaged(format_args!("its {} bytes reach past the chunk", header.packed)));
                }
                Err(Damage::EndsEarly) if len < left && len < HEADER_BYTES_MAX => {
                    len = len.saturating_mul(8).min(left).min(HEADER_BYTES_MAX);
                }
                Err(damage) => return Err(self.damaged(format_args!("its header: {damage}"))),
            }
        }
    }

    pub(super) fn next_page(&mut self) -> Result<Option<Page>, CodecError> {
        if let Some(page) = self.pending.take() {
            return Ok(Some(page));
        }
        while self.values_left > 0 {
            if self.at >= self.chunk.end {
                return Err(self.damaged(format_args!("the chunk ends {} values early", self.values_left)));
            }
            let (header, header_len) = self.header()?;
            self.shared.budget.charge(&self.place, header.unpacked as u64)?;
            self.longest = self.longest.max(header_len + header.packed);
            let body_at = self.at + header_len as u64;
            let page = match header.kind {
                PageType::INDEX_PAGE => None,
                PageType::DICTIONARY_PAGE => Some(self.dictionary_page(&header, body_at)?),
                PageType::DATA_PAGE | PageType::DATA_PAGE_V2 => Some(self.data_page(&header, body_at)?),
            };
            self.at = body_at + header.packed as u64;
            if page.is_some() {
                return Ok(page);
            }
        }
        Ok(None)
    }

    fn dictionary_page(&mut self, header: &Header, body_at: u64) -> Result<Page, CodecError> {
        if self.dictionary.is_some() || self.values_left < self.chunk.values {
            return Err(self.damaged("a dictionary that is not the first page"));
        }
        if !matches!(header.encoding, Encoding::PLAIN | Encoding::PLAIN_DICTIONARY) {
            return Err(unsupported(&self.place, format_args!("a dictionary encoded as {}", header.encoding)));
        }
        let packed = self.get(body_at, header.packed)?;
        let buf =
            self.chunk.codec.unpack(&packed, header.unpacked, &self.shared.rooms).map_err(|what| self.damaged(what))?;
        let dictionary = Dictionary::new(&self.column, &buf, header.values).map_err(|what| self.damaged(what))?;
        // The crate keeps the entries beside the page.
        self.shared.budget.charge(&self.place, buf.len() as u64 + 4 * u64::from(header.values))?;
        self.dictionary = Some(dictionary);
        Ok(Page::DictionaryPage { buf, num_values: header.values, encoding: header.encoding, is_sorted: false })
    }

    fn data_page(&mut self, header: &Header, body_at: u64) -> Result<Page, CodecError> {
        let values = u64::from(header.values);
        if values > self.values_left {
            return Err(self.damaged(format_args!("{values} values where the chunk has {} left", self.values_left)));
        }
        let packed = self.get(body_at, header.packed)?;
        let unpack = |packed: &Bytes, len| {
            self.chunk.codec.unpack(packed, len, &self.shared.rooms).map_err(|what| self.damaged(what))
        };
        let (buf, first_value) = match header.levels {
            Levels::Within { definition, repetition } => {
                let buf = unpack(&packed, header.unpacked)?;
                let skipped = levels_len(&self.column, &buf, header.values, definition, repetition);
                (buf, skipped.ok_or_else(|| self.damaged("levels that are longer than the page"))?)
            }
            Levels::Before { definition, repetition, compressed, .. } => {
                let levels = definition as usize + repetition as usize;
                let body = packed.slice(levels..);
                let body_len = header.unpacked - levels;
                let body = if compressed { unpack(&body, body_len)? } else { body };
                if body.len() != body_len {
                    return Err(self.damaged("another size than it states"));
                }
                (if levels == 0 { body } else { [&packed[..levels], &body].concat().into() }, levels)
            }
        };
        self.pay(header, &buf[first_value..])?;
        self.values_left -= values;
        let num_values = header.values;
        Ok(match header.levels {
            Levels::Within { definition, repetition } => Page::DataPage {
                buf,
                num_values,
                encoding: header.encoding,
                def_level_encoding: definition,
                rep_level_encoding: repetition,
                statistics: None,
            },
            Levels::Before { definition, repetition, nulls, rows, .. } => Page::DataPageV2 {
                buf,
                num_values,
                encoding: header.encoding,
                num_nulls: nulls,
                num_rows: rows,
                def_levels_byte_len: definition,
                rep_levels_byte_len: repetition,
                is_compressed: false,
                statistics: None,
            },
        })
    }

    /// Checks that the page's encoding fits the column, and charges what its values will take.
    fn pay(&self, header: &Header, data: &[u8]) -> Result<(), CodecError> {
        let all = u64::from(header.values);
        let at_once = match self.column.max_rep_level() {
            0 => all.min(self.shared.rows_at_once.load(Ordering::Relaxed)),
            _ => all,
        };
        let is_text = self.column.physical_type() == Physical::BYTE_ARRAY;
        let in_damage = |damage: Damage| self.damaged(format_args!("its values: {damage}"));
        let text_bytes = match header.encoding {
            Encoding::PLAIN | Encoding::RLE | Encoding::BYTE_STREAM_SPLIT => 0,
            Encoding::PLAIN_DICTIONARY | Encoding::RLE_DICTIONARY => {
                let Some(dictionary) = &self.dictionary else {
                    return Err(self.damaged("indices into a dictionary that the chunk does not have"));
                };
                match dictionary.text_bytes(data, all, at_once, self.shared.budget.max) {
                    _ if !is_text => 0,
                    sum => sum.map_err(in_damage)?,
                }
            }
            Encoding::DELTA_BINARY_PACKED | Encoding::DELTA_LENGTH_BYTE_ARRAY => {
                if !data.is_empty() {
                    delta::check_head(data, all).map_err(in_damage)?;
                }
                0
            }
            Encoding::DELTA_BYTE_ARRAY if data.is_empty() => 0,
            Encoding::DELTA_BYTE_ARRAY => delta::text_bytes(data, all).map_err(in_damage)?,
            other => return Err(unsupported(&self.place, format_args!("a page encoded as {other}"))),
        };
        let cells = at_once.saturating_mul(cell_bytes(&self.column));
        self.shared.budget.charge(&self.place, cells.saturating_add(text_bytes))
    }
}

// === The crate's side ===

impl PageReader for Pages {
    fn get_next_page(&mut self) -> CrateResult<Option<Page>> {
        self.next_page().map_err(|e| self.shared.note(e))
    }

    fn peek_next_page(&mut self) -> CrateResult<Option<PageMetadata>> {
        if self.pending.is_some() {
            return Ok(Some(PageMetadata { num_rows: None, num_levels: None, is_dict: true }));
        }
        while self.values_left > 0 && self.at < self.chunk.end {
            let (header, len) = self.header().map_err(|e| self.shared.note(e))?;
            let rows = match header.levels {
                Levels::Before { rows, .. } => Some(rows as usize),
                Levels::Within { .. } => None,
            };
            let is_dict = header.kind == PageType::DICTIONARY_PAGE;
            if header.kind != PageType::INDEX_PAGE {
                let num_levels = Some(header.values as usize).filter(|_| !is_dict);
                return Ok(Some(PageMetadata { num_rows: rows, num_levels, is_dict }));
            }
            self.at += (len + header.packed) as u64;
        }
        Ok(None)
    }

    fn skip_next_page(&mut self) -> CrateResult<()> {
        self.get_next_page().map(drop)
    }
}

impl Iterator for Pages {
    type Item = CrateResult<Page>;

    fn next(&mut self) -> Option<CrateResult<Page>> {
        self.get_next_page().transpose()
    }
}

/// Chunks of one column, group after group.
struct Chunks(std::vec::IntoIter<Pages>);

impl Iterator for Chunks {
    type Item = CrateResult<Box<dyn PageReader>>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|pages| Ok(Box::new(pages) as Box<dyn PageReader>))
    }
}

impl PageIterator for Chunks {}

/// Some columns of some groups, opened, as the crate wants them.
pub(super) struct Opened {
    metadata: ParquetMetaData,
    rows: usize,
    columns: Mutex<HashMap<usize, Vec<Pages>>>,
}

impl Opened {
    /// Opens these leaves of these groups. A row of the longest texts of all dictionaries has
    /// [`Opened::longest_row`] bytes.
    pub(super) fn new(
        shared: &Arc<Shared>,
        schema: &SchemaDescPtr,
        groups: &[Group],
        leaves: &[usize],
    ) -> Result<Opened, CodecError> {
        let mut columns = HashMap::new();
        for &leaf in leaves {
            let open = |group: &Group| Pages::open(shared, schema.column(leaf), group.chunks[leaf]);
            columns.insert(leaf, groups.iter().map(open).collect::<Result<Vec<_>, _>>()?);
        }
        let rows = groups.iter().map(|g| g.rows as usize).sum();
        let file = FileMetaData::new(2, rows as i64, None, None, schema.clone(), None);
        Ok(Opened { metadata: ParquetMetaData::new(file, Vec::new()), rows, columns: Mutex::new(columns) })
    }

    pub(super) fn longest_row(&self) -> u64 {
        let columns = self.columns.lock().expect("opening does not panic");
        columns.values().flatten().map(Pages::longest_entry).fold(0, u64::saturating_add)
    }
}

impl RowGroups for Opened {
    fn num_rows(&self) -> usize {
        self.rows
    }

    fn column_chunks(&self, leaf: usize) -> CrateResult<Box<dyn PageIterator>> {
        let chunks = self.columns.lock().expect("opening does not panic").remove(&leaf);
        let chunks = chunks.ok_or_else(|| ParquetError::General(format!("column {leaf} was not opened")))?;
        Ok(Box::new(Chunks(chunks.into_iter())))
    }

    fn row_groups(&self) -> Box<dyn Iterator<Item = &RowGroupMetaData> + '_> {
        Box::new(std::iter::empty())
    }

    fn metadata(&self) -> &ParquetMetaData {
        &self.metadata
    }
}
