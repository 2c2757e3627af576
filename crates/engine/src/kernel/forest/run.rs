//! Which kernel runs: chosen by the shape of the forest, the processor, and how many rows there are.

use std::sync::Arc;

use model::column::Row;
use plan::{Aggregate, Forest};

use super::{
    bits, few,
    layout::Layout,
    normal::Normal,
    ranked::Ranked,
    simd::Isa,
    sum::{Sink, Sums},
    walk,
};
use crate::frame::Scratch;

/// A forest, laid out for what runs it.
pub struct Trees {
    pub(super) forest: Arc<Forest>,
    /// Nothing where the plain walk is the better one, or the only one.
    layout: Option<Layout>,
    /// Nothing where a row would have too many ranks.
    ranked: Option<Ranked>,
    pub(super) sums: Sums,
    wants: Wants,
}

/// What anybody reads.
#[derive(Clone, Copy, Debug)]
pub struct Wants {
    pub scores: bool,
    /// The leaves that rows reach.
    pub leaves: bool,
}

/// Where a block's rows come from.
pub(super) trait Feed {
    /// Hands every row that has so many features at least to `take`, with its place in the block. Others find their leaves
    /// themselves.
    fn each<'s>(&'s self, least: usize, sink: &mut Sink<'_>, take: impl FnMut(u32, Row<'s>));
}

/// Rows that are all there, so many features each.
struct Flat<'a> {
    x: &'a [f64],
    features: usize,
}

impl Feed for Flat<'_> {
    fn each<'s>(&'s self, least: usize, _: &mut Sink<'_>, mut take: impl FnMut(u32, Row<'s>)) {
        assert!(self.features >= least, "rows have every feature");
        for (at, x) in self.x.chunks_exact(self.features).enumerate() {
            take(at as u32, Row::Dense(x));
        }
    }
}

/// Room for a block at work.
pub(super) struct Room<'a> {
    /// Of each lane: its row.
    pub lanes: &'a mut Vec<u32>,
    pub bytes: &'a mut Vec<u8>,
    pub keys: &'a mut Vec<i32>,
    /// Answers that are not found by a comparison of all nodes; what tests say of a block.
    pub apart: &'a mut Vec<u64>,
    pub block: &'a mut Vec<f64>,
    pub sums: &'a mut Vec<f64>,
}

/// Rows of a block: their features stay in the first cache while tree after tree passes.
const BLOCK_ROWS: usize = 256;

/// Cells of features that a block may hold.
const BLOCK_CELLS: usize = 6 << 10;

/// What may run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Choice {
    pub isa: Isa,
    pub tiles: bool,
    pub few: bool,
    pub walks: bool,
    /// Where it is not to be found by what is likely to be fast.
    pub tile_rows_min: Option<usize>,
}

impl Choice {
    pub fn best() -> Choice {
        Choice { isa: Isa::best(), tiles: true, few: true, walks: true, tile_rows_min: None }
    }

    #[cfg(not(test))]
    fn of_this_place() -> Choice {
        Choice::best()
    }

    #[cfg(test)]
    fn of_this_place() -> Choice {
        super::tests::CHOICE.get().unwrap_or_else(Choice::best)
    }
}

/// Fewest rows that walk one tree side by side.
const TILE_ROWS_MIN: usize = crate::ONE_ROWS + 1;

impl Trees {
    pub fn new(forest: &Arc<Forest>, aggregate: Aggregate, wants: Wants) -> Trees {
        Trees::chosen(forest, aggregate, wants, Choice::of_this_place())
    }

    /// Returns the trees for a processor that has this and no more.
    pub fn on(isa: Isa, forest: &Arc<Forest>, aggregate: Aggregate, wants: Wants) -> Trees {
        Trees::chosen(forest, aggregate, wants, Choice { isa, ..Choice::best() })
    }

    fn chosen(forest: &Arc<Forest>, aggregate: Aggregate, wants: Wants, choice: Choice) -> Trees {
        let sums = Sums::new(forest, aggregate, wants.leaves);
        let normal = Normal::new(forest, |leaf| sums.place(leaf));
        Trees {
            ranked: if choice.tiles { Ranked::new(&normal, &sums, wants, choice) } else { None },
            layout: if choice.walks { Layout::new(&normal) } else { None },
            sums,
            forest: forest.clone(),
            wants,
        }
    }

    /// Adds the scores of rows to `scores`, outside of any plan: `x` has all features of a row, then those of the next.
    pub fn scores(&self, x: &[f64], scratch: &mut Scratch, scores: &mut Vec<f64>) {
        let features = self.forest.features.max(1) as usize;
        for x in x.chunks(self.block_rows() * features) {
            self.run(x.len() / features, &Flat { x, features }, scratch);
            let rows = scratch.numbers.chunks_exact(self.sums.width);
            rows.for_each(|totals| {
                scores.extend(totals.iter().enumerate().map(|(k, total)| self.sums.score(k, *total)))
            });
        }
    }

    /// Returns the most rows that run together.
    pub(super) fn block_rows(&self) -> usize {
        if self.ranked.is_some() {
            return bits::BLOCK_ROWS;
        }
        let cells = self.layout.as_ref().map_or(1, |layout| layout.row_cells());
        (BLOCK_CELLS / cells / walk::LANES * walk::LANES).clamp(walk::LANES, BLOCK_ROWS)
    }

    #[cfg(test)]
    pub(super) fn walks(&self) -> &'static str {
        self.ranked.as_ref().map_or("nothing", Ranked::walks)
    }

    #[cfg(test)]
    pub(super) fn has_codes(&self) -> bool {
        self.ranked.as_ref().is_some_and(|ranked| ranked.ranks.codes().next().is_some())
    }

    fn keeps_leaves(&self) -> bool {
        self.wants.leaves || self.wants.scores && self.sums.needs_leaves()
    }

    /// Runs the rows of a block, so many at most as [`Trees::block_rows`] says: leaves the totals in `numbers`, the leaves
    /// that are wanted in `words`.
    pub(super) fn run(&self, rows: usize, feed: &impl Feed, scratch: &mut Scratch) {
        let (width, trees) = (self.sums.width, self.sums.trees);
        let Scratch { cells, numbers, rows: lanes, words, bytes, keys, features: room, sums: row_sums, block, .. } =
            scratch;
        numbers.clear();
        (0..rows).for_each(|_| numbers.extend_from_slice(&self.sums.base));
        words.resize(if self.keeps_leaves() { rows } else { few::ROWS } * trees, 0);
        lanes.clear();
        let mut sink = Sink {
            sums: &self.sums,
            wants_sums: self.wants.scores && !self.sums.needs_leaves(),
            totals: numbers,
            leaves: words,
            keeps_leaves: self.keeps_leaves(),
        };
        match &self.ranked {
            Some(ranked) if rows >= ranked.tile_rows_min => {
                let mut room_of = Room { lanes, bytes, keys, apart: cells, block, sums: row_sums };
                ranked.run_tile(rows, feed, &mut sink, &mut room_of);
            }
            Some(ranked) if ranked.takes_few => {
                let mut room_of = Room { lanes, bytes, keys, apart: cells, block, sums: row_sums };
                ranked.run_few(rows, feed, &mut sink, &mut room_of);
            }
            _ => {
                let side_by_side = rows >= TILE_ROWS_MIN;
                let least = self.layout.as_ref().map_or(usize::MAX, Layout::features_min);
                if let Some(layout) = &self.layout {
                    layout.reserve(cells, rows);
                }
                feed.each(least, &mut sink, |row, x| {
                    if let Some(layout) = &self.layout {
                        layout.gather(x, cells, lanes.len(), side_by_side);
                        lanes.push(row);
                    }
                });
                match &self.layout {
                    Some(layout) if side_by_side => layout.walk_tile(cells, lanes, &mut sink),
                    Some(layout) => layout.walk_rows(cells, lanes, &mut sink),
                    None => {}
                }
            }
        }
        if self.sums.needs_leaves() && self.keeps_leaves() {
            for (totals, leaves) in numbers.chunks_exact_mut(width).zip(words.chunks_exact(trees)) {
                self.sums.of_leaves(totals, leaves, room);
            }
        }
    }
}

/// Returns so many elements from the beginning of a cache's line on; where each is, is another matter from time to time.
pub(super) fn aligned<T: Copy + Default>(room: &mut Vec<T>, count: usize) -> &mut [T] {
    const LINE: usize = 64;
    let more = LINE / size_of::<T>();
    room.resize(count + more, T::default());
    let first = room.as_ptr().align_offset(LINE).min(more);
    &mut room[first..][..count]
}

/// Returns the row's elements one after the other, laid out in `room` where they are stored sparsely.
pub(super) fn dense_row<'a>(row: Row<'a>, room: &'a mut Vec<f64>) -> &'a [f64] {
    match row {
        Row::Dense(values) => values,
        Row::Sparse { size, indices, values } => {
            room.clear();
            room.resize(size, 0.0);
            indices.iter().zip(values).for_each(|(at, value)| room[*at as usize] = *value);
            room
        }
    }
}
