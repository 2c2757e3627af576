//! Blocks of rows through trees by pages: ranks first, then tree after tree for all rows, sums as the leaves come.

use plan::Precision;

use super::{
    dense::{BLOCK_ROWS, Dense, LANES, PAGE},
    normal::Normal,
    ranks::{ByteTest, Ranks},
    simd::{self, Isa},
    sum::{Sink, Sums},
    tops::Tops,
};

pub struct Tiles {
    dense: Dense,
    isa: Isa,
    /// Of each tree: whether rows walk on from its exits.
    is_deep: Box<[bool]>,
    /// Of each tree: where the values of its exits begin in `values`; nothing where they are found by the leaf's number.
    tables: Box<[Option<u32>]>,
    /// Value `k` of all exits of a tree, then value `k + 1`.
    values: Box<[f64]>,
}

/// Values of a leaf that are added one after the other for many rows; more are added row by row.
const NARROW: usize = 4;

/// What rows leave behind in passing.
pub struct Block<'a> {
    /// Rows that there is room for, see [`Tiles::lanes`].
    pub lanes: usize,
    /// Byte after byte of all lanes: so many at least as [`Tiles::columns_room`].
    pub ranks: &'a mut [u8],
    /// Of each lane: its row.
    pub rows: &'a [u32],
    /// Room for sums: sum after sum, each of all rows.
    pub sums: &'a mut Vec<f64>,
}

impl Tiles {
    pub fn new(normal: &Normal, tops: &Tops, tests: &[ByteTest], ranks: &Ranks, sums: &Sums, isa: Isa) -> Tiles {
        let dense = Dense::new(normal, tops, tests, ranks);
        let is_deep: Box<[bool]> = (0..normal.trees.len()).map(|tree| tops.is_deep(tree)).collect();
        let mut values = Vec::new();
        let tables = dense.trees.iter().zip(&is_deep).map(|(tree, is_deep)| {
            let [page] = &dense.pages[tree.pages.start as usize..tree.pages.end as usize] else { return None };
            if *is_deep || sums.leaf_width > NARROW {
                return None;
            }
            let first = u32::try_from(values.len()).ok()?;
            for k in 0..sums.leaf_width {
                let value = |leaf: &u32| sums.values[*leaf as usize * sums.leaf_width + k];
                values.extend(dense.exits_of(page).iter().map(value));
            }
            Some(first)
        });
        let tables = tables.collect();
        // What lanes rely on that add leaves without checks.
        let leaves = sums.values.len() / sums.leaf_width;
        let is_there = |exit: &u32| exit & PAGE != 0 || (*exit as usize) < leaves;
        assert!(dense.exits.iter().all(is_there), "exits are leaves of the forest, or pages");
        assert!(i32::try_from(sums.values.len()).is_ok(), "values are named by four bytes");
        Tiles { dense, isa, is_deep, tables, values: values.into() }
    }

    /// Returns for how many rows there is room in a block of so many; walks know a power of two.
    pub fn lanes(&self, rows: usize) -> usize {
        let lanes = rows.next_multiple_of(LANES);
        if self.is_deep.contains(&true) { lanes.next_power_of_two() } else { lanes }
    }

    /// Returns the bytes of a lane.
    pub fn columns_room(&self) -> usize {
        self.dense.columns_room()
    }

    /// Runs the rows of a block; `below` finds the leaves of a deep tree from the exits of its first levels.
    pub fn run(
        &self,
        sums: &Sums,
        block: Block<'_>,
        sink: &mut Sink<'_>,
        below: impl Fn(usize, &[u8], &[u8; BLOCK_ROWS], &mut [u32; BLOCK_ROWS]),
    ) {
        let lanes = block.lanes;
        let narrow = sink.wants_sums && sums.leaf_width <= NARROW;
        block.sums.clear();
        if narrow {
            sums.base.iter().for_each(|base| block.sums.resize(block.sums.len() + lanes, *base));
        }
        let to_f32 = sums.precision == Precision::F32;
        let mut exits = [0; BLOCK_ROWS];
        let mut leaves = [0; BLOCK_ROWS];
        for (tree, (pages, table)) in self.dense.trees.iter().zip(&self.tables).enumerate() {
            let pages = &self.dense.pages[pages.pages.start as usize..pages.pages.end as usize];
            simd::page_exits(self.isa, &self.dense, &pages[0], block.ranks, lanes, &mut exits);
            if let (Some(first), true) = (table, narrow) {
                let exits = &exits[..lanes];
                self.add(sums, tree, *first as usize, self.dense.exits_of(&pages[0]).len(), exits, block.sums);
            }
            let by_leaf = sink.wants_sums && (table.is_none() || !narrow);
            if !by_leaf && !sink.keeps_leaves {
                continue;
            }
            match self.is_deep[tree] {
                true => below(tree, block.ranks, &exits, &mut leaves),
                false => self.leaves(tree, block.ranks, lanes, &mut exits, &mut leaves),
            }
            if by_leaf && narrow {
                let target = sums.targets.get(tree).map_or(0, |target| *target as usize);
                let totals = &mut block.sums[target * lanes..][..sums.leaf_width * lanes];
                simd::add_leaves(self.isa, &sums.values, sums.leaf_width, &leaves[..lanes], totals, to_f32);
            }
            for (row, leaf) in block.rows.iter().zip(&leaves) {
                if sink.keeps_leaves {
                    sink.leaves[*row as usize * sums.trees + tree] = *leaf;
                }
                if by_leaf && !narrow {
                    sink.add(*row as usize, tree, *leaf);
                }
            }
        }
        if narrow {
            for (k, column) in block.sums.chunks_exact(lanes).enumerate() {
                for (row, sum) in block.rows.iter().zip(column) {
                    sink.totals[*row as usize * sums.width + k] = *sum;
                }
            }
        }
    }

    /// Adds the values of the exits to the sums of all lanes.
    fn add(&self, sums: &Sums, tree: usize, first: usize, count: usize, exits: &[u8], totals: &mut [f64]) {
        let to_f32 = sums.precision == Precision::F32;
        let target = sums.targets.get(tree).map_or(0, |target| *target as usize);
        for k in 0..sums.leaf_width {
            let values = &self.values[first + k * count..][..count];
            let totals = &mut totals[(target + k) * exits.len()..][..exits.len()];
            simd::add_exits(self.isa, values, exits, totals, to_f32);
        }
    }

    /// Finds the leaves that rows reach from the exits of the tree's first page.
    fn leaves(
        &self,
        tree: usize,
        ranks: &mut [u8],
        lanes: usize,
        exits: &mut [u8; BLOCK_ROWS],
        leaves: &mut [u32; BLOCK_ROWS],
    ) {
        let pages = self.dense.trees[tree].pages.clone();
        let first = &self.dense.pages[pages.start as usize];
        simd::take_exits(self.isa, self.dense.exits_of(first), &exits[..lanes], &mut leaves[..lanes], None);
        for number in pages.skip(1) {
            let page = &self.dense.pages[number as usize];
            simd::page_exits(self.isa, &self.dense, page, ranks, lanes, exits);
            let of = self.dense.exits_of(page);
            simd::take_exits(self.isa, of, &exits[..lanes], &mut leaves[..lanes], Some(number | PAGE));
        }
    }
}
