//! Where the values of a run live: an arena of 8-byte cells for single numbers, stores for everything else, the live mask
//! and the faults.
//!
//! A cell holds an `f64` by its bits, a `f32` by its bits in the low half, an integer (dates and timestamps too) widened to
//! 64 bits, a boolean as 0 or 1. Cells are `std::cell::Cell`s, so a kernel reads some slots and writes another of one arena
//! without a borrow standing in its way; nothing is shared between threads.

use std::{
    cell::{Cell, Ref, RefCell, RefMut},
    sync::Arc,
};

use model::{DType, FaultKind, FaultValue, Tensor, Whole};

use crate::{
    program::Layout,
    store::{ListStore, Span, Store, TextStore, VectorStore, WideStore},
};

/// Where a slot lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Home {
    /// A block of cells, one a row.
    Cells {
        block: u32,
        dtype: DType,
    },
    Store(u32),
}

/// One row that a kernel refuses or drops.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    pub row: u32,
    /// The node that refuses it, in the program's numbering.
    pub node: u32,
    /// Which of the node's inputs holds the value.
    pub input: u32,
    /// `None` where the model drops the row.
    pub refusal: Option<(FaultKind, FaultValue)>,
}

/// The memory of one schedule of one program.
pub struct Frame {
    /// Rows that it has room for.
    capacity: usize,
    /// Cells of a block: one a row, then the validity words.
    stride: usize,
    arena: Box<[Cell<u64>]>,
    stores: Vec<RefCell<Store>>,
    /// Bytes of constants among the stores, which are the program's.
    shared: usize,
    rows: Cell<usize>,
    /// One bit a row: set while neither refused nor dropped, and, in a branch, concerned.
    live: Box<[Cell<u64>]>,
    faults: RefCell<Vec<Fault>>,
    /// Saved live masks of the branches that are being run.
    masks: RefCell<Vec<u64>>,
    scratch: RefCell<Scratch>,
}

/// Room for a kernel while it runs; what it finds there has no meaning.
#[derive(Debug, Default)]
pub struct Scratch {
    pub cells: Vec<u64>,
    pub numbers: Vec<f64>,
    pub features: Vec<f64>,
    pub sums: Vec<f64>,
    pub block: Vec<f64>,
    pub rows: Vec<u32>,
    pub words: Vec<u32>,
    pub spans: Vec<Span>,
    pub bytes: Vec<u8>,
    pub keys: Vec<i32>,
    /// What functions of one row make; empty between rows.
    pub bump: bumpalo::Bump,
}

/// The cells of one slot.
#[derive(Clone, Copy)]
pub struct Cells<'a> {
    pub dtype: DType,
    data: &'a [Cell<u64>],
    valid: &'a [Cell<u64>],
}

// === impl Frame ===

impl Frame {
    /// Returns a frame for `capacity` rows.
    pub fn new(layout: &Layout, capacity: usize) -> Frame {
        let words = capacity.div_ceil(64);
        let stride = capacity + words;
        let stores: Vec<RefCell<Store>> = layout.stores.iter().map(|ty| RefCell::new(ty.new_store())).collect();
        for (store, value) in &layout.constants {
            stores[*store as usize].replace(Store::Whole(value.clone()));
        }
        Frame {
            capacity,
            stride,
            arena: vec![Cell::new(0); stride * layout.blocks as usize].into_boxed_slice(),
            stores,
            shared: layout.constants.iter().map(|(_, value)| value.bytes()).sum(),
            rows: Cell::new(0),
            live: vec![Cell::new(0); words].into_boxed_slice(),
            faults: RefCell::new(Vec::new()),
            masks: RefCell::new(Vec::new()),
            scratch: RefCell::default(),
        }
    }

    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Returns the bytes that the frame holds: the arena, and the room its stores and the scratch have grown to.
    pub fn bytes(&self) -> usize {
        let stores: usize = self.stores.iter().map(|s| s.borrow().bytes()).sum();
        self.arena.len() * 8 + stores.saturating_sub(self.shared) + self.scratch.borrow().bytes()
    }

    /// Begins a run of so many rows: all live, no fault.
    pub fn begin(&self, rows: usize) {
        assert!(rows <= self.capacity, "a run fits its frame");
        self.rows.set(rows);
        for (i, word) in self.live.iter().enumerate() {
            let left = rows.saturating_sub(i * 64);
            word.set(if left >= 64 { u64::MAX } else { (1 << left) - 1 });
        }
        self.faults.borrow_mut().clear();
        self.masks.borrow_mut().clear();
    }

    /// Returns the rows of this run, live or not.
    #[inline]
    pub fn rows(&self) -> usize {
        self.rows.get()
    }

    #[inline]
    pub fn is_live(&self, row: usize) -> bool {
        self.live[row / 64].get() >> (row % 64) & 1 == 1
    }

    /// Returns whether no row has left the mask.
    pub fn all_live(&self) -> bool {
        self.live.iter().map(|word| word.get().count_ones() as usize).sum::<usize>() == self.rows()
    }

    /// Calls `f` with every live row, in order. Rows that `f` refuses leave the mask at once.
    #[inline]
    pub fn each_live(&self, mut f: impl FnMut(usize)) {
        for (i, word) in self.live.iter().enumerate() {
            let mut bits = word.get();
            if bits == u64::MAX {
                for row in i * 64..i * 64 + 64 {
                    f(row);
                }
            } else {
                while bits != 0 {
                    f(i * 64 + bits.trailing_zeros() as usize);
                    bits &= bits - 1;
                }
            }
        }
    }

    fn kill(&self, row: usize) {
        let word = &self.live[row / 64];
        word.set(word.get() & !(1 << (row % 64)));
    }

    /// Returns the words of the live mask.
    pub fn live_words(&self) -> &[Cell<u64>] {
        &self.live
    }

    /// Returns a stack for saved masks.
    pub fn masks(&self) -> RefMut<'_, Vec<u64>> {
        self.masks.borrow_mut()
    }

    /// Returns room for the kernel that is running.
    pub fn scratch(&self) -> RefMut<'_, Scratch> {
        self.scratch.borrow_mut()
    }

    pub fn faults(&self) -> Ref<'_, Vec<Fault>> {
        self.faults.borrow()
    }

    /// Returns the cells of a slot.
    #[inline]
    pub fn cells(&self, home: Home) -> Cells<'_> {
        let Home::Cells { block, dtype } = home else { unreachable!("compiled for cells") };
        let at = block as usize * self.stride;
        let (data, valid) = self.arena[at..at + self.stride].split_at(self.capacity);
        Cells { dtype, data, valid }
    }

    fn store(&self, home: Home) -> &RefCell<Store> {
        let Home::Store(index) = home else { unreachable!("compiled for a store") };
        &self.stores[index as usize]
    }

    /// Returns a slot that is no cells, to read.
    pub fn store_ref(&self, home: Home) -> Ref<'_, Store> {
        self.store(home).borrow()
    }

    /// Returns a slot that is no cells, to write.
    pub fn store_mut(&self, home: Home) -> RefMut<'_, Store> {
        self.store(home).borrow_mut()
    }

    /// Returns a slot of texts to read.
    pub fn texts(&self, home: Home) -> Ref<'_, TextStore> {
        Ref::map(
            self.store(home).borrow(),
            |s| if let Store::Text(t) = s { t } else { unreachable!("compiled for texts") },
        )
    }

    /// Returns a slot of texts to write; its rows of the last run are still there.
    pub fn texts_mut(&self, home: Home) -> RefMut<'_, TextStore> {
        RefMut::map(self.store(home).borrow_mut(), |s| {
            if let Store::Text(t) = s { t } else { unreachable!("compiled for texts") }
        })
    }

    /// Returns a slot of bytes to read.
    pub fn binaries(&self, home: Home) -> Ref<'_, TextStore> {
        Ref::map(self.store(home).borrow(), |s| {
            if let Store::Bytes(t) = s { t } else { unreachable!("compiled for bytes") }
        })
    }

    pub fn decimals(&self, home: Home) -> Ref<'_, WideStore> {
        Ref::map(self.store(home).borrow(), |s| {
            if let Store::Wide(w) = s { w } else { unreachable!("compiled for decimals") }
        })
    }

    pub fn lists(&self, home: Home) -> Ref<'_, ListStore> {
        Ref::map(
            self.store(home).borrow(),
            |s| if let Store::List(l) = s { l } else { unreachable!("compiled for lists") },
        )
    }

    pub fn lists_mut(&self, home: Home) -> RefMut<'_, ListStore> {
        RefMut::map(self.store(home).borrow_mut(), |s| {
            if let Store::List(l) = s { l } else { unreachable!("compiled for lists") }
        })
    }

    pub fn vectors(&self, home: Home) -> Ref<'_, VectorStore> {
        Ref::map(self.store(home).borrow(), |s| {
            if let Store::Vector(v) = s { v } else { unreachable!("compiled for vectors") }
        })
    }

    pub fn vectors_mut(&self, home: Home) -> RefMut<'_, VectorStore> {
        RefMut::map(self.store(home).borrow_mut(), |s| {
            if let Store::Vector(v) = s { v } else { unreachable!("compiled for vectors") }
        })
    }

    /// Returns a whole value to read.
    #[inline]
    pub fn whole(&self, home: Home) -> Ref<'_, Whole> {
        Ref::map(self.store(home).borrow(), |s| {
            if let Store::Whole(w) = s { w } else { unreachable!("compiled for a whole value") }
        })
    }

    /// Returns a whole value to write; that of the last run is still there.
    #[inline]
    pub fn whole_mut(&self, home: Home) -> RefMut<'_, Whole> {
        RefMut::map(self.store(home).borrow_mut(), |s| {
            if let Store::Whole(w) = s { w } else { unreachable!("compiled for a whole value") }
        })
    }

    /// Returns a tensor to read; nothing where the value is optional and not there.
    #[inline]
    pub fn tensor(&self, home: Home) -> Option<Ref<'_, Tensor>> {
        Ref::filter_map(self.whole(home), Whole::as_tensor).ok()
    }

    /// Returns a tensor to write; that of the last run is still there, so that its room can be used again.
    #[inline]
    pub fn tensor_mut(&self, home: Home) -> RefMut<'_, Tensor> {
        RefMut::map(self.whole_mut(home), |whole| {
            if whole.as_tensor().is_none() {
                *whole = Whole::Tensor(Tensor::default());
            }
            let Whole::Tensor(tensor) = whole else { unreachable!("made one just now") };
            tensor
        })
    }
}

// === impl Scratch ===

impl Scratch {
    fn bytes(&self) -> usize {
        [&self.numbers, &self.features, &self.sums, &self.block].map(Vec::capacity).iter().sum::<usize>() * 8
            + (self.cells.capacity() + self.spans.capacity()) * 8
            + (self.rows.capacity() + self.words.capacity()) * 4
            + self.bytes.capacity()
            + self.bump.allocated_bytes()
    }
}

// === impl Cells ===

impl Cells<'_> {
    #[inline]
    pub fn is_valid(&self, row: usize) -> bool {
        self.valid[row / 64].get() >> (row % 64) & 1 == 1
    }

    /// Returns the row's cell where it is not null.
    #[inline]
    pub fn get(&self, row: usize) -> Option<u64> {
        self.is_valid(row).then(|| self.data[row].get())
    }

    /// Returns the row's number as a float64, where it is not null.
    #[inline]
    pub fn number(&self, row: usize) -> Option<f64> {
        self.get(row).map(|cell| as_f64(self.dtype, cell))
    }

    /// Sets the row; `None` is null.
    #[inline]
    pub fn set(&self, row: usize, cell: Option<u64>) {
        let word = &self.valid[row / 64];
        let bit = 1 << (row % 64);
        match cell {
            Some(cell) => {
                self.data[row].set(cell);
                word.set(word.get() | bit);
            }
            None => word.set(word.get() & !bit),
        }
    }

    /// Sets a row of float64.
    #[inline]
    pub fn set_f64(&self, row: usize, value: f64) {
        debug_assert_eq!(self.dtype, DType::F64);
        self.set(row, Some(value.to_bits()));
    }

    /// Returns the cells of the rows themselves, for kernels over slices; null rows hold anything.
    pub fn data(&self) -> &[Cell<u64>] {
        self.data
    }

    /// Returns the validity words.
    pub fn valid_words(&self) -> &[Cell<u64>] {
        self.valid
    }
}

/// Returns a cell's number as a float64.
#[inline]
pub fn as_f64(dtype: DType, cell: u64) -> f64 {
    match dtype {
        DType::F64 => f64::from_bits(cell),
        DType::F32 => f64::from(f32::from_bits(cell as u32)),
        DType::U64 => cell as f64,
        DType::Bool
        | DType::I8
        | DType::I16
        | DType::I32
        | DType::I64
        | DType::U8
        | DType::U16
        | DType::U32
        | DType::Date
        | DType::Timestamp => cell as i64 as f64,
        DType::Decimal(..) | DType::F16 | DType::BF16 | DType::C64 => unreachable!("{dtype} does not live in cells"),
    }
}

/// What a value should be that tests ask for. Its fault shows the value as the caller brought it, where it is an input's.
pub(crate) const VALID: &str = "a value that the model takes as valid, where its tests ask for it";

/// What a kernel sees of a run: the frame, and the node it works for.
#[derive(Clone, Copy)]
pub struct Env<'a> {
    pub frame: &'a Frame,
    pub call: &'a model::Call,
    pub node: u32,
}

impl Env<'_> {
    /// Refuses a row: the value of the node's input `input` is not one the model takes.
    #[cold]
    pub fn refuse(&self, row: usize, input: usize, kind: FaultKind, value: FaultValue) {
        self.frame.kill(row);
        let (row, input) = (row as u32, input as u32);
        self.frame.faults.borrow_mut().push(Fault { row, node: self.node, input, refusal: Some((kind, value)) });
    }

    /// Refuses a row: the node's input `input` is asked for and is invalid.
    #[cold]
    pub fn refuse_invalid(&self, row: usize, input: usize) {
        self.refuse(row, input, FaultKind::Rule(VALID), FaultValue::Kind("one that is not".into()));
    }

    /// Drops a row, as the model says.
    #[cold]
    pub fn skip(&self, row: usize) {
        self.frame.kill(row);
        self.frame.faults.borrow_mut().push(Fault { row: row as u32, node: self.node, input: 0, refusal: None });
    }
}

/// The names that a fault is rendered with.
#[derive(Clone, Debug)]
pub struct NodeNames {
    pub step: Arc<str>,
    pub inputs: Box<[Arc<str>]>,
}
