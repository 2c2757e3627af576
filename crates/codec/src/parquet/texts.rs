//! Texts of a Parquet column.
//!
//! They lie in a page under their lengths, or have numbers among a dictionary's entries. Their places are found first, then each is
//! copied from where it was unpacked straight into the column.

use ::parquet::{basic::Type as Physical, schema::types::SchemaDescriptor};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::DataType;
use bytes::Bytes;
use model::{Buffer, Column, Text};

use super::{
    Damage,
    flat::{self, From, Present, Values},
};

const TOO_MUCH: Damage = Damage::Says("more than 2 GiB of texts in one chunk of rows");

/// Bytes that are copied at once: most texts are no longer.
const STEP: usize = 64;

/// Returns whether the leaf is a column of texts that may be read here; `ty` is the type of its root.
pub(super) fn is_one(schema: &SchemaDescriptor, leaf: usize, ty: &DataType) -> bool {
    let is_bytes = schema.column(leaf).physical_type() == Physical::BYTE_ARRAY;
    flat::is_flat(schema, leaf) && is_bytes && *ty == DataType::Utf8
}

/// Texts as they grow.
pub(super) struct Texts {
    offsets: Vec<i32>,
    data: Vec<u8>,
    spans: Vec<Span>,
    numbers: Vec<u32>,
}

pub(super) struct Dictionary {
    bytes: Bytes,
    /// Where the entries begin, each behind its length.
    starts: Vec<u32>,
}

/// Where a text lies.
#[derive(Clone, Copy, Default)]
struct Span {
    start: u32,
    len: u32,
}

impl Default for Texts {
    fn default() -> Texts {
        Texts { offsets: vec![0], data: Vec::new(), spans: Vec::new(), numbers: Vec::new() }
    }
}

impl Values for Texts {
    type Dictionary = Dictionary;

    fn dictionary(page: Bytes, entries: usize) -> Option<Dictionary> {
        let mut starts = Vec::new();
        plain(&page, &mut 0, entries, &mut starts, |span| span.start)?;
        Some(Dictionary { bytes: page, starts })
    }

    fn reserve(&mut self, rows: usize, bytes: usize) {
        self.offsets.reserve(rows);
        self.data.reserve(bytes);
    }

    fn bytes(&self) -> usize {
        self.data.len()
    }

    fn add(&mut self, rows: &Present, from: From<'_, Dictionary>) -> Result<(), Damage> {
        let from = match from {
            From::Plain(bytes, at) if rows.count == rows.rows => return self.push_plain(bytes, at, rows.count),
            from => from,
        };
        self.spans.clear();
        let bytes = match from {
            From::Plain(bytes, at) => {
                plain(bytes, at, rows.count, &mut self.spans, |span| span).ok_or(Damage::EndsEarly)?;
                bytes
            }
            From::Coded(runs, dictionary) => {
                self.numbers.clear();
                runs.extend(rows.count, &mut self.numbers)?;
                self.spans.extend(self.numbers.iter().map_while(|number| dictionary.entry(*number)));
                if self.spans.len() < rows.count {
                    return Err(Damage::Says("a number past its dictionary"));
                }
                &dictionary.bytes
            }
        };
        rows.spread(&mut self.spans);
        self.push(bytes).ok_or(TOO_MUCH)
    }

    fn column(self, nulls: Option<NullBuffer>) -> Result<Column, Damage> {
        let text = Text::utf8(OffsetBuffer::new(self.offsets.into()), Buffer::from_vec(self.data), nulls);
        text.map(Column::Text).ok_or(Damage::Says("a text that is not UTF-8"))
    }
}

impl Texts {
    /// Adds the texts of the spans; nothing where they would be more than a column holds.
    fn push(&mut self, bytes: &[u8]) -> Option<()> {
        let mut at = self.data.len();
        let end = self.spans.iter().fold(at as u64, |sum, span| sum + u64::from(span.len));
        let end = i32::try_from(end).ok()? as usize;
        self.data.reserve(end + STEP - at);
        let spans = std::mem::take(&mut self.spans);
        for span in &spans {
            let (start, len) = (span.start as usize, span.len as usize);
            at += len;
            self.push_one(&bytes[start..], len, at);
        }
        self.spans = spans;
        Some(())
    }

    /// Adds so many texts that lie under their lengths, one behind the other: where the next one begins is told by the one before, so
    /// each is copied as it is found.
    fn push_plain(&mut self, bytes: &[u8], at: &mut usize, count: usize) -> Result<(), Damage> {
        let mut rest = bytes.get(*at..).filter(|rest| count <= rest.len() / 4).ok_or(Damage::EndsEarly)?;
        let mut end = self.data.len();
        for _ in 0..count {
            let (len, texts) = rest.split_first_chunk().ok_or(Damage::EndsEarly)?;
            let len = u32::from_le_bytes(*len) as usize;
            rest = texts.get(len..).ok_or(Damage::EndsEarly)?;
            end += len;
            if i32::try_from(end).is_err() {
                return Err(TOO_MUCH);
            }
            self.push_one(texts, len, end);
        }
        *at = bytes.len() - rest.len();
        Ok(())
    }

    /// Adds the text that the bytes begin with, which ends all texts at `end`.
    #[inline]
    fn push_one(&mut self, bytes: &[u8], len: usize, end: usize) {
        let (parts, _) = bytes.as_chunks::<STEP>();
        // What is copied past a text is written over by the next one.
        match parts.get(..len.div_ceil(STEP)) {
            Some(parts) => parts.iter().for_each(|part| self.data.extend_from_slice(part)),
            None => self.data.extend_from_slice(&bytes[..len]),
        }
        self.data.truncate(end);
        self.offsets.push(end as i32);
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
