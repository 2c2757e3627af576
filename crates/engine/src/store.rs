//! Slots without a fixed size: texts, lists, vectors, whole values. Each keeps its buffers from run to run.
//!
//! A store is written row by row, in order: exactly one `push`/`end` a row, `push_null` for rows that are null or not live.

use std::ops::Range;

use model::{Buffer, DType, Whole};

mod vectors;

pub use vectors::VectorStore;

/// What a slot that is not cells holds.
#[derive(Debug)]
pub enum Store {
    Text(TextStore),
    /// Bytes; only their rows' bytes are read.
    Bytes(TextStore),
    Wide(WideStore),
    List(ListStore),
    Vector(VectorStore),
    Whole(Whole),
}

impl Store {
    /// Returns the bytes of the room it has grown to.
    pub fn bytes(&self) -> usize {
        match self {
            Store::Text(s) | Store::Bytes(s) => s.bytes_held(),
            Store::Wide(s) => s.values.capacity() * 16,
            Store::List(s) => s.bytes_held(),
            Store::Vector(s) => s.bytes_held(),
            Store::Whole(whole) => whole.bytes(),
        }
    }
}

/// One bit a row; grows with the rows.
#[derive(Debug, Default)]
pub struct Bits {
    words: Vec<u64>,
    len: usize,
}

impl Bits {
    pub fn clear(&mut self) {
        self.words.clear();
        self.len = 0;
    }

    #[inline]
    pub fn push(&mut self, bit: bool) {
        if self.len.is_multiple_of(64) {
            self.words.push(0);
        }
        if bit {
            let last = self.words.len() - 1;
            self.words[last] |= 1 << (self.len % 64);
        }
        self.len += 1;
    }

    /// Pushes one bit until there are `len`.
    pub fn fill_to(&mut self, len: usize, bit: bool) {
        while self.len < len {
            let (at, free) = (self.len % 64, 64 - self.len % 64);
            let count = free.min(len - self.len);
            if at == 0 {
                self.words.push(0);
            }
            if bit {
                let last = self.words.len() - 1;
                self.words[last] |= (u64::MAX >> (64 - count)) << at;
            }
            self.len += count;
        }
    }

    #[inline]
    pub fn get(&self, row: usize) -> bool {
        self.words[row / 64] >> (row % 64) & 1 == 1
    }

    /// Returns whether every bit is set.
    pub fn all(&self) -> bool {
        self.words.iter().map(|word| word.count_ones() as usize).sum::<usize>() == self.len
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

/// A run of bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Span {
    pub start: u32,
    pub end: u32,
}

impl Span {
    /// Returns the span of the same bytes where they lie `bytes` further to the front; an empty one lies anywhere.
    #[inline]
    pub fn moved_back(self, bytes: u32) -> Span {
        if self.start < self.end { Span { start: self.start - bytes, end: self.end - bytes } } else { Span::default() }
    }
}

/// Texts: runs in one buffer, which is the store's own or an input's.
#[derive(Debug, Default)]
pub struct TextStore {
    pub spans: Vec<Span>,
    pub valid: Bits,
    own: Vec<u8>,
    /// Where the texts lie in somebody else's buffer (an input column, a table of labels); `own` is empty then.
    shared: Option<Buffer>,
    /// Room for a kernel that needs a text for a moment.
    pub scratch: Vec<u8>,
}

impl TextStore {
    /// Forgets the rows, keeps the room.
    pub fn clear(&mut self) {
        self.spans.clear();
        self.valid.clear();
        self.own.clear();
        self.shared = None;
    }

    /// Forgets the rows; the coming ones lie in this buffer (see [`TextStore::push_span`]), which stays held where it was before.
    pub fn clear_shared(&mut self, buffer: &Buffer) {
        self.spans.clear();
        self.valid.clear();
        self.own.clear();
        if !self.shared.as_ref().is_some_and(|held| held.ptr_eq(buffer)) {
            self.shared = Some(buffer.clone());
        }
    }

    /// Forgets the rows; the coming ones are spans of the other's bytes, which are shared where they can be.
    pub fn clear_same(&mut self, other: &TextStore) {
        self.clear();
        match &other.shared {
            Some(buffer) => self.shared = Some(buffer.clone()),
            None => self.own.extend_from_slice(&other.own),
        }
    }

    pub fn len(&self) -> usize {
        self.spans.len()
    }

    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    #[inline]
    pub fn is_valid(&self, row: usize) -> bool {
        self.valid.get(row)
    }

    /// Returns all bytes that the spans point into.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        match &self.shared {
            Some(buffer) => buffer.as_slice(),
            None => &self.own,
        }
    }

    #[inline]
    pub fn row_bytes(&self, row: usize) -> &[u8] {
        let span = self.spans[row];
        &self.bytes()[span.start as usize..span.end as usize]
    }

    #[inline]
    pub fn text(&self, row: usize) -> &str {
        std::str::from_utf8(self.row_bytes(row)).expect("only texts are pushed")
    }

    pub fn push_null(&mut self) {
        self.spans.push(Span::default());
        self.valid.push(false);
    }

    /// Adds a row, its bytes copied.
    pub fn push(&mut self, text: &str) {
        let start = self.own.len() as u32;
        self.own.extend_from_slice(text.as_bytes());
        self.push_span(Span { start, end: self.own.len() as u32 });
    }

    /// Adds a row of bytes, copied; `None` is null.
    pub fn push_bytes(&mut self, bytes: Option<&[u8]>) {
        match bytes {
            Some(bytes) => self.push_own(|own| own.extend_from_slice(bytes)),
            None => self.push_null(),
        }
    }

    /// Adds a row: the bytes that `write` appends to the store's own.
    #[inline]
    pub fn push_own(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.own.len() as u32;
        write(&mut self.own);
        self.push_span(Span { start, end: self.own.len() as u32 });
    }

    /// Adds a row that lies in the bytes already there.
    #[inline]
    pub fn push_span(&mut self, span: Span) {
        debug_assert!(span.start <= span.end && span.end as usize <= self.bytes().len());
        self.spans.push(span);
        self.valid.push(true);
    }

    /// Adds rows that lie in the bytes already there: `cut` sees all bytes and pushes the spans.
    #[inline]
    pub fn push_cut<R>(&mut self, cut: impl FnOnce(&[u8], &mut Vec<Span>) -> R) -> R {
        let bytes = match &self.shared {
            Some(buffer) => buffer.as_slice(),
            None => &self.own,
        };
        let answer = cut(bytes, &mut self.spans);
        self.valid.fill_to(self.spans.len(), true);
        answer
    }

    /// Returns whether spans can still reach so many more bytes.
    #[inline]
    pub fn has_room(&self, bytes: usize) -> bool {
        self.own.len() + bytes <= u32::MAX as usize
    }

    /// Returns the store's own bytes, to write the text of rows whose spans are pushed after.
    pub fn own_bytes(&mut self) -> &mut Vec<u8> {
        debug_assert!(self.shared.is_none());
        &mut self.own
    }

    fn bytes_held(&self) -> usize {
        self.spans.capacity() * 8 + self.own.capacity()
    }

    /// Returns the buffer that is somebody else's, where the texts lie in one.
    pub fn shared(&self) -> Option<&Buffer> {
        self.shared.as_ref()
    }
}

/// Single numbers that grow: items of lists. Encoded as [`crate::frame::Cells`] are.
#[derive(Debug)]
pub struct CellStore {
    pub dtype: DType,
    pub cells: Vec<u64>,
    pub valid: Bits,
}

impl CellStore {
    pub fn new(dtype: DType) -> CellStore {
        CellStore { dtype, cells: Vec::new(), valid: Bits::default() }
    }

    pub fn push(&mut self, cell: Option<u64>) {
        self.cells.push(cell.unwrap_or(0));
        self.valid.push(cell.is_some());
    }
}

/// Decimals: their values; the scale is the type's.
#[derive(Debug, Default)]
pub struct WideStore {
    /// Precision and scale.
    pub digits: (u8, u8),
    pub values: Vec<i128>,
    pub valid: Bits,
}

impl WideStore {
    pub fn new(precision: u8, scale: u8) -> WideStore {
        WideStore { digits: (precision, scale), ..WideStore::default() }
    }

    pub fn clear(&mut self) {
        self.values.clear();
        self.valid.clear();
    }

    pub fn push(&mut self, value: Option<i128>) {
        self.values.push(value.unwrap_or(0));
        self.valid.push(value.is_some());
    }

    /// Returns the row's value where it is not null.
    #[inline]
    pub fn get(&self, row: usize) -> Option<i128> {
        self.valid.get(row).then(|| self.values[row])
    }
}

/// Items of lists.
#[derive(Debug)]
pub enum Items {
    Text(TextStore),
    Bytes(TextStore),
    Cells(CellStore),
    Wide(WideStore),
    List(Box<ListStore>),
    Vector(VectorStore),
}

/// Lists: runs of items.
#[derive(Debug)]
pub struct ListStore {
    /// One more than there are rows.
    offsets: Vec<u32>,
    pub valid: Bits,
    pub items: Items,
}

impl ListStore {
    pub fn new(items: Items) -> ListStore {
        ListStore { offsets: vec![0], valid: Bits::default(), items }
    }

    /// Forgets the rows, keeps the room. The caller clears the items as it fills them (own or shared texts).
    pub fn clear(&mut self) {
        self.offsets.clear();
        self.offsets.push(0);
        self.valid.clear();
        match &mut self.items {
            Items::Text(texts) | Items::Bytes(texts) => texts.clear(),
            Items::Wide(decimals) => decimals.clear(),
            Items::Cells(cells) => {
                cells.cells.clear();
                cells.valid.clear();
            }
            Items::List(lists) => lists.clear(),
            Items::Vector(vectors) => vectors.clear(),
        }
    }

    pub fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    #[inline]
    pub fn is_valid(&self, row: usize) -> bool {
        self.valid.get(row)
    }

    fn bytes_held(&self) -> usize {
        let items = match &self.items {
            Items::Text(texts) | Items::Bytes(texts) => texts.bytes_held(),
            Items::Wide(decimals) => decimals.values.capacity() * 16,
            Items::Cells(cells) => cells.cells.capacity() * 8,
            Items::List(lists) => lists.bytes_held(),
            Items::Vector(vectors) => vectors.bytes_held(),
        };
        items + self.offsets.capacity() * 4
    }

    /// Returns which items make up the row.
    #[inline]
    pub fn range(&self, row: usize) -> Range<usize> {
        self.offsets[row] as usize..self.offsets[row + 1] as usize
    }

    fn items_len(&self) -> usize {
        match &self.items {
            Items::Text(texts) | Items::Bytes(texts) => texts.len(),
            Items::Cells(cells) => cells.cells.len(),
            Items::Wide(decimals) => decimals.values.len(),
            Items::List(lists) => lists.len(),
            Items::Vector(vectors) => vectors.len(),
        }
    }

    /// Ends a row: its items are those pushed since the last row ended.
    #[inline]
    pub fn end(&mut self) {
        self.offsets.push(self.items_len() as u32);
        self.valid.push(true);
    }

    /// Adds rows of texts that lie in the bytes already there: `cut` sees all bytes, pushes the spans, and says behind those of each row
    /// how many there are.
    pub fn push_cut_rows(&mut self, cut: impl FnOnce(&[u8], &mut Vec<Span>, &mut Vec<u32>)) {
        let Items::Text(texts) = &mut self.items else { unreachable!("compiled for lists of texts") };
        texts.push_cut(|bytes, spans| cut(bytes, spans, &mut self.offsets));
        self.valid.fill_to(self.offsets.len() - 1, true);
    }

    pub fn push_null(&mut self) {
        self.offsets.push(self.items_len() as u32);
        self.valid.push(false);
    }

    /// Ends a row whose items, up to this number, are there already.
    pub(crate) fn end_at(&mut self, end: u32, valid: bool) {
        self.offsets.push(end);
        self.valid.push(valid);
    }

    /// Adds a row of another list of the same type.
    pub fn push_row(&mut self, from: &ListStore, row: usize) {
        if !from.is_valid(row) {
            return self.push_null();
        }
        for item in from.range(row) {
            match (&mut self.items, &from.items) {
                (Items::Text(to), Items::Text(from)) if from.is_valid(item) => to.push(from.text(item)),
                (Items::Text(to), Items::Text(_)) => to.push_null(),
                (Items::Bytes(to), Items::Bytes(from)) => {
                    to.push_bytes(from.is_valid(item).then(|| from.row_bytes(item)))
                }
                (Items::Wide(to), Items::Wide(from)) => to.push(from.get(item)),
                (Items::Cells(to), Items::Cells(from)) => {
                    to.push(from.valid.get(item).then(|| from.cells[item]));
                }
                (Items::List(to), Items::List(from)) => to.push_row(from, item),
                (Items::Vector(to), Items::Vector(from)) if from.is_valid(item) => to.push(from.row(item)),
                (Items::Vector(to), Items::Vector(_)) => to.push_null(),
                _ => unreachable!("lists of one type"),
            }
        }
        self.end();
    }

    /// Returns the items, where they are texts.
    pub fn texts(&self) -> &TextStore {
        match &self.items {
            Items::Text(texts) => texts,
            _ => unreachable!("compiled for lists of texts"),
        }
    }

    /// Returns the items to push into, where they are vectors.
    pub fn vectors_mut(&mut self) -> &mut VectorStore {
        match &mut self.items {
            Items::Vector(vectors) => vectors,
            _ => unreachable!("compiled for lists of vectors"),
        }
    }

    /// Returns the items to push into, where they are texts.
    pub fn texts_mut(&mut self) -> &mut TextStore {
        match &mut self.items {
            Items::Text(texts) => texts,
            _ => unreachable!("compiled for lists of texts"),
        }
    }
}
