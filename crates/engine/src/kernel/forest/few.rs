//! Few rows: each alone through all trees, small trees by the answers of all their nodes, others by walks on ranks.
//!
//! What a tree gives is its leaf; leaves are summed when all are known, so it is the forest's order that counts. Several rows go
//! through a pair of trees one after the other while its tables are at hand.

use super::{
    masks::{self, Masks},
    normal::Normal,
    packed::Packed,
    ranks::{ByteTest, ROW_BYTES, RowBytes},
    simd::{self, Isa},
    sum::Sink,
};

/// Rows that go through a pair of trees together: their leaves stay in the first cache.
pub const ROWS: usize = 16;

pub struct Few {
    masks: Option<Masks>,
    packed: Packed,
}

impl Few {
    /// Returns the tables; nothing where a row has too many bytes, or a tree too many nodes.
    pub fn new(normal: &Normal, tests: &[ByteTest], bytes: usize, isa: Isa) -> Option<Few> {
        if bytes > ROW_BYTES {
            return None;
        }
        let by_masks = |tree: usize| isa == Isa::Avx512 && (normal.trees[tree].nodes as usize) < masks::LEAVES;
        let packed = Packed::new(normal, tests, |tree| !by_masks(tree))?;
        let masks = (0..normal.trees.len()).any(by_masks).then(|| Masks::new(normal, tests, by_masks));
        Some(Few { masks, packed })
    }

    /// Runs rows whose bytes are given, so many at most as [`ROWS`].
    pub fn run(&self, ranks: &[RowBytes], rows: &[u32], sink: &mut Sink<'_>) {
        let trees = sink.sums.trees;
        if let Some(masks) = &self.masks {
            for (pair, numbers) in masks.pairs.iter().zip(&masks.trees) {
                for (i, (ranks, row)) in ranks.iter().zip(rows).enumerate() {
                    let [first, second] = simd::leaves_of_pair(pair, ranks);
                    let place = sink.place(i, *row);
                    let leaves = &mut sink.leaves[place..][..trees];
                    leaves[numbers[0] as usize] = first;
                    leaves[numbers[1] as usize] = second;
                }
            }
        }
        for (i, (ranks, row)) in ranks.iter().zip(rows).enumerate() {
            let place = sink.place(i, *row);
            self.packed.row(ranks, &mut sink.leaves[place..][..trees]);
            sink.sum(*row, place);
        }
    }
}
