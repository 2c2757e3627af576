//! Blocks of rows through trees by pages: ranks first, then what tests say, then tree after tree for all rows, sums as the leaves come.
//! Sums of float32 are kept as such here, in the first half of the room of those of float64.

use plan::Precision;

use super::{
    bits::{BLOCK_ROWS, LANES},
    circuit::{Circuits, PAGE, PLANES, Page},
    normal::Normal,
    ranks::{ByteTest, Ranks},
    run,
    simd::{self, Isa},
    sum::{Sink, Sums},
    tops::Tops,
};

pub struct Tiles {
    circuits: Circuits,
    isa: Isa,
    /// Of each tree: whether rows walk on from its exits.
    is_deep: Box<[bool]>,
    /// Of each tree: where the values of its exits begin in `values`; nothing where they are found by the leaf's number.
    tables: Box<[Option<u32>]>,
    /// Value `k` of all exits of a tree, then value `k + 1`.
    values: Box<[f64]>,
    /// The same where sums are of float32.
    singles: Box<[f32]>,
}

/// Values of a leaf that are added one after the other for many rows; more are added row by row.
const NARROW: usize = 4;

/// What rows leave behind in passing.
pub struct Block<'a> {
    /// Rows that there is room for, see [`Tiles::lanes`].
    pub lanes: usize,
    /// Byte after byte of all lanes.
    pub ranks: &'a [u8],
    /// Of each lane: its row.
    pub rows: &'a [u32],
    /// Room for what tests say.
    pub words: &'a mut Vec<u64>,
    /// Room for sums: sum after sum, each of all rows.
    pub sums: &'a mut Vec<f64>,
}

/// The exits of rows, in whole lines of a cache.
#[repr(align(64))]
struct Exits([u8; BLOCK_ROWS]);

/// What becomes of the leaves of a block.
#[derive(Clone, Copy)]
struct Way {
    lanes: usize,
    /// Whether sums are kept for all rows, value by value.
    narrow: bool,
    to_f32: bool,
}

impl Tiles {
    pub fn new(normal: &Normal, tops: &Tops, tests: &[ByteTest], ranks: &Ranks, sums: &Sums, isa: Isa) -> Tiles {
        let is_f32 = sums.precision == Precision::F32;
        let circuits = Circuits::new(normal, tops, tests, ranks, |exits| exit_bits(exits, isa, is_f32));
        let is_deep: Box<[bool]> = (0..normal.trees.len()).map(|tree| tops.is_deep(tree)).collect();
        let mut values = Vec::new();
        let tables = is_deep.iter().enumerate().map(|(tree, is_deep)| {
            let mut pages = circuits.pages_of(tree);
            let (Some((_, page)), None) = (pages.next(), pages.next()) else { return None };
            if *is_deep || sums.leaf_width > NARROW {
                return None;
            }
            let first = u32::try_from(values.len()).ok()?;
            for k in 0..sums.leaf_width {
                let value = |leaf: &u32| sums.values[*leaf as usize * sums.leaf_width + k];
                values.extend(circuits.exits_of(page).iter().map(value));
            }
            Some(first)
        });
        let tables = tables.collect();
        values.extend([0.0; simd::VALUES_ROOM]);
        let singles = if is_f32 { values.drain(..).map(|value| value as f32).collect() } else { Box::default() };
        // What lanes rely on that add leaves without checks.
        let leaves = sums.values.len() / sums.leaf_width;
        let is_there = |exit: &u32| exit & PAGE != 0 || (*exit as usize) < leaves;
        for tree in (0..is_deep.len()).filter(|tree| !is_deep[*tree]) {
            let mut exits = circuits.pages_of(tree).flat_map(|(_, page)| circuits.exits_of(page));
            assert!(exits.all(is_there), "exits are leaves of the forest, or pages");
        }
        assert!(i32::try_from(sums.values.len()).is_ok(), "values are named by four bytes");
        Tiles { circuits, isa, is_deep, tables, values: values.into(), singles }
    }

    /// Returns for how many rows there is room in a block of so many: a power of two.
    pub fn lanes(&self, rows: usize) -> usize {
        rows.next_multiple_of(LANES).next_power_of_two()
    }

    /// Returns how many tests there are, and how many steps.
    pub fn work(&self) -> (usize, usize) {
        self.circuits.work()
    }

    /// Runs the rows of a block; `below` finds the leaves of a deep tree from the exits of its first levels.
    pub fn run(
        &self,
        sums: &Sums,
        block: Block<'_>,
        sink: &mut Sink<'_>,
        below: impl Fn(usize, &[u8], &mut [u32; BLOCK_ROWS]),
    ) {
        let Block { lanes, ranks, rows, words, sums: totals } = block;
        let narrow = sink.wants_sums && sums.leaf_width <= NARROW;
        let way = Way { lanes, narrow, to_f32: sums.precision == Precision::F32 };
        let words = run::aligned(words, self.circuits.words(lanes));
        let totals = way.begin(sums, totals);
        let Exits(exits) = &mut Exits([0; BLOCK_ROWS]);
        let mut leaves = [0; BLOCK_ROWS];
        for group in &self.circuits.groups {
            simd::fill(self.isa, &group.asks, ranks, words, lanes);
            for tree in group.trees.clone() {
                let (_, page) = self.circuits.pages_of(tree).next().expect("a tree has a page");
                simd::numbers(self.isa, &self.circuits, page, words, lanes, exits);
                let table = self.tables[tree].filter(|_| narrow);
                if let Some(first) = table {
                    self.add(sums, tree, first as usize, 1 << page.bits, &exits[..lanes], way, totals);
                }
                let by_leaf = sink.wants_sums && table.is_none();
                if !by_leaf && !sink.keeps_leaves {
                    continue;
                }
                self.leaves(tree, page, words, lanes, exits, &mut leaves);
                if self.is_deep[tree] {
                    below(tree, ranks, &mut leaves);
                }
                if by_leaf && narrow {
                    let target = sums.targets.get(tree).map_or(0, |target| *target as usize);
                    let totals = &mut totals[target * lanes..][..sums.leaf_width * lanes];
                    simd::add_leaves(self.isa, &sums.values, sums.leaf_width, &leaves[..lanes], totals, way.to_f32);
                }
                for (row, leaf) in rows.iter().zip(&leaves) {
                    if sink.keeps_leaves {
                        sink.leaves[*row as usize * sums.trees + tree] = *leaf;
                    }
                    if by_leaf && !narrow {
                        sink.add(*row as usize, tree, *leaf);
                    }
                }
            }
        }
        way.end(sums, totals, rows, sink);
    }

    /// Adds the values of the exits to the sums of all lanes.
    #[allow(clippy::too_many_arguments)]
    fn add(&self, sums: &Sums, tree: usize, first: usize, count: usize, exits: &[u8], way: Way, totals: &mut [f64]) {
        let target = sums.targets.get(tree).map_or(0, |target| *target as usize);
        for k in 0..sums.leaf_width {
            let (first, totals) = (first + k * count, &mut totals[(target + k) * way.lanes..][..way.lanes]);
            match way.to_f32 {
                true => {
                    let totals = simd::singles(totals);
                    simd::add_exits_f32(self.isa, &self.singles[first..], count, exits, totals);
                }
                false => simd::add_exits(self.isa, &self.values[first..], count, exits, totals),
            }
        }
    }

    /// Finds the leaves that rows reach from the exits of the tree's first page; of a deep tree the exits.
    fn leaves(
        &self,
        tree: usize,
        first: &Page,
        words: &mut [u64],
        lanes: usize,
        exits: &mut [u8; BLOCK_ROWS],
        leaves: &mut [u32; BLOCK_ROWS],
    ) {
        simd::take_exits(self.isa, self.circuits.exits_of(first), &exits[..lanes], &mut leaves[..lanes], None);
        for (number, page) in self.circuits.pages_of(tree).skip(1) {
            simd::numbers(self.isa, &self.circuits, page, words, lanes, exits);
            let of = self.circuits.exits_of(page);
            simd::take_exits(self.isa, of, &exits[..lanes], &mut leaves[..lanes], Some(number | PAGE));
        }
    }
}

impl Way {
    /// Lets sums begin.
    fn begin<'a>(self, sums: &Sums, totals: &'a mut Vec<f64>) -> &'a mut [f64] {
        let base = if self.narrow { &sums.base[..] } else { &[] };
        let totals = run::aligned(totals, base.len() * self.lanes);
        for (totals, base) in totals.chunks_exact_mut(self.lanes).zip(base) {
            match self.to_f32 {
                true => simd::singles(totals).fill(*base as f32),
                false => totals.fill(*base),
            }
        }
        totals
    }

    /// Hands the sums over.
    fn end(self, sums: &Sums, totals: &mut [f64], rows: &[u32], sink: &mut Sink<'_>) {
        for (k, column) in totals.chunks_exact_mut(self.lanes).enumerate() {
            let totals = rows.iter().map(|row| *row as usize * sums.width + k);
            match self.to_f32 {
                true => totals.zip(simd::singles(column)).for_each(|(at, sum)| sink.totals[at] = f64::from(*sum)),
                false => totals.zip(column).for_each(|(at, sum)| sink.totals[at] = *sum),
            }
        }
    }
}

/// Returns how many bits the exits of a page may have: more make fewer steps, but larger tables; those of few are in registers.
fn exit_bits(exits: usize, isa: Isa, is_f32: bool) -> usize {
    let least = (exits - 1).checked_ilog2().map_or(0, |last| last as usize + 1);
    match (isa, least) {
        (Isa::Avx512 | Isa::Avx512Vbmi, ..=6) if is_f32 => 6,
        (Isa::Avx512 | Isa::Avx512Vbmi, ..=5) => 5,
        _ => (least + 2).min(PLANES),
    }
}
