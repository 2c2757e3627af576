//! Few rows: each alone through all trees, small trees by the answers of all their nodes, others by walks.
//!
//! What a tree gives is its leaf; leaves are summed when all are known, so it is the forest's order that counts. Several rows go
//! through a pair of trees one after the other while its tables are at hand.

use super::{
    answers::Answers,
    packed::{Node, Packed},
    simd,
    sum::Sink,
};

/// Rows that go through a pair of trees together: their leaves stay in the first cache.
pub const ROWS: usize = 16;

/// Runs rows whose bytes are given, `room` each; so many rows at most as [`ROWS`]. Returns where the leaves of each begin.
pub fn answer(answers: &Answers, ranks: &[u8], room: usize, rows: &[u32], sink: &mut Sink<'_>) {
    let places = places(rows, sink);
    simd::answered(answers, ranks, room, &places[..rows.len()], sink.leaves);
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
