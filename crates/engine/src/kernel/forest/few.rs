//! Few rows: each alone through all trees, small trees by the answers of all their nodes, others by walks.
//!
//! What a tree gives is its leaf; leaves are summed when all are known, so it is the forest's order that counts; or their values are summed as they
//! come, where they come in that order. Several rows go through a tree one after the other while its tables are at hand.

use super::{
    answered::{self, Asking},
    answers::{Answers, Tables},
    packed::{Node, Packed},
    sum::Sink,
};

/// Rows that go through a tree together: their leaves stay in the first cache.
pub const ROWS: usize = 16;

/// Answers rows; so many at most as [`ROWS`]. Returns whether all is summed.
pub fn answer(answers: &Answers, asking: Asking<'_>, rows: &[u32], sink: &mut Sink<'_>) -> bool {
    let mut sums = [0.0; ROWS];
    let sums = &mut sums[..rows.len()];
    rows.iter().zip(sums.iter_mut()).for_each(|(row, sum)| *sum = sink.totals[*row as usize]);
    match &answers.tables {
        Tables::Leaves(pairs, heaps) => {
            let places = places(rows, sink);
            answered::leaves(answers, pairs, heaps, asking, &places[..rows.len()], sink.leaves);
            return false;
        }
        Tables::Pairs(pairs) => answered::add_pairs(answers, pairs, asking, sums),
        Tables::Pairs32(pairs) => answered::add_pairs(answers, pairs, asking, sums),
        Tables::Heaps(heaps) => answered::add_heaps(answers, heaps, asking, sums),
        Tables::Heaps32(heaps) => answered::add_heaps(answers, heaps, asking, sums),
    }
    rows.iter().zip(sums).for_each(|(row, sum)| sink.totals[*row as usize] = *sum);
    true
}

/// Walks rows through the trees that are packed, and sums the leaves of all trees; so many rows at most as [`ROWS`].
pub fn walk<'a, N: Node>(
    packed: &Packed<N>,
    cells: impl Iterator<Item = &'a N::Cells>,
    rows: &[u32],
    sink: &mut Sink<'_>,
) where
    N::Cells: 'a,
{
    let (trees, places) = (sink.sums.trees, places(rows, sink));
    for ((cells, row), place) in cells.zip(rows).zip(places) {
        packed.row(cells, &mut sink.leaves[place..][..trees]);
        sink.sum(*row, place);
    }
}

fn places(rows: &[u32], sink: &Sink<'_>) -> [usize; ROWS] {
    let mut places = [0; ROWS];
    rows.iter().zip(&mut places).enumerate().for_each(|(i, (row, place))| *place = sink.place(i, *row));
    places
}
