//! Kernels of tree ensembles.
//!
//! A forest is laid out for walks without branches ([`layout`]). Few rows walk many trees side by side, many rows walk one
//! tree side by side ([`walk`]); a vector too short for some feature, a null one, and a forest that does not fit the
//! layout take the plain walk ([`plain`]). Whatever walks, leaves are summed in the order of the trees, from 0, so every way
//! has the same bits.

use std::{ops::Range, sync::Arc};

use model::{FaultKind, FaultValue, column::Row};
use plan::{Forest, ForestOp, ForestPart};

use super::Site;
use crate::{
    error::CompileError,
    frame::{Env, Home, Scratch},
    store::VectorStore,
};

mod dense;
mod few;
mod layout;
mod masks;
mod normal;
mod packed;
mod plain;
mod ranks;
mod simd;
mod sum;
mod tile;
mod walk;

use few::Few;
use layout::Layout;
use normal::Normal;
use ranks::Ranks;
use simd::Isa;
use sum::{Sink, Sums};
use tile::{Block, Tiles};

/// An op of the family, ready to run.
pub struct ForestKernel {
    forest: Arc<Forest>,
    /// Nothing where the plain walk is the better one, or the only one.
    layout: Option<Layout>,
    /// Nothing where a row would have too many ranks.
    ranked: Option<Box<Ranked>>,
    /// Fewest rows that tiles are for.
    tile_rows_min: usize,
    sums: Sums,
    parts: Box<[ForestPart]>,
    wants: Wants,
}

/// What runs on ranks.
struct Ranked {
    isa: Isa,
    ranks: Ranks,
    tiles: Tiles,
    /// Nothing where walks on keys are better for few rows, or the only ones.
    few: Option<Few>,
}

impl Ranked {
    fn new(normal: &Normal, sums: &Sums, choice: Choice) -> Option<Box<Ranked>> {
        let (ranks, tests) = Ranks::new(normal)?;
        let tiles = Tiles::new(normal, &tests, ranks.bytes, sums, choice.isa);
        let few = if choice.few { Few::new(normal, &tests, ranks.bytes, choice.isa) } else { None };
        Some(Box::new(Ranked { isa: choice.isa, ranks, tiles, few }))
    }
}

/// What anybody reads.
#[derive(Clone, Copy)]
struct Wants {
    /// Sums, as leaves come.
    sums: bool,
    leaves: bool,
}

/// Where a row's features come from.
enum Source<'a> {
    Vectors(std::cell::Ref<'a, VectorStore>),
    /// Row after row of a block, so many each.
    Numbers(Vec<f64>, usize),
}

/// Whether a row holds a number that must not be asked for.
fn has_invalid(row: Row<'_>) -> bool {
    matches!(row, Row::Dense(values) if values.iter().any(|x| x.to_bits() == plain::INVALID))
}

/// What a value should be that a path asks for.
const VALID: &str = "a value that the model takes as valid, where a path asks for it";

/// Rows of a block: their features stay in the first cache while tree after tree passes.
const BLOCK_ROWS: usize = 256;

/// Cells of features that a block may hold.
const BLOCK_CELLS: usize = 6 << 10;

/// What may run.
#[derive(Clone, Copy, Debug)]
struct Choice {
    isa: Isa,
    tiles: bool,
    few: bool,
    walks: bool,
    tile_rows_min: usize,
}

impl Choice {
    fn best() -> Choice {
        Choice { isa: Isa::best(), tiles: true, few: true, walks: true, tile_rows_min: 16 }
    }

    #[cfg(not(test))]
    fn of_this_place() -> Choice {
        Choice::best()
    }

    #[cfg(test)]
    fn of_this_place() -> Choice {
        tests::CHOICE.get().unwrap_or_else(Choice::best)
    }
}

/// Fewest rows that walk one tree side by side.
const TILE_ROWS_MIN: usize = crate::ONE_ROWS + 1;

impl ForestKernel {
    pub(crate) fn new(op: &ForestOp, site: &Site<'_>) -> Result<ForestKernel, CompileError> {
        let wanted = op.parts.iter().zip(site.wanted).filter(|(_, wanted)| **wanted).map(|(part, _)| *part);
        let sums = Sums::new(&op.forest, op.aggregate);
        let mut wants = Wants { sums: false, leaves: false };
        for part in wanted {
            match part {
                ForestPart::Scores | ForestPart::Score | ForestPart::Pair if sums.needs_leaves() => wants.leaves = true,
                ForestPart::Scores | ForestPart::Score | ForestPart::Pair => wants.sums = true,
                ForestPart::Leaf | ForestPart::Leaves | ForestPart::Impurity => wants.leaves = true,
            }
        }
        let (normal, choice) = (Normal::new(&op.forest), Choice::of_this_place());
        let ranked = if choice.tiles { Ranked::new(&normal, &sums, choice) } else { None };
        Ok(ForestKernel {
            layout: if choice.walks { Layout::new(&normal) } else { None },
            ranked,
            tile_rows_min: choice.tile_rows_min,
            sums,
            forest: op.forest.clone(),
            parts: op.parts.as_slice().into(),
            wants,
        })
    }

    pub(crate) fn run(&self, env: &Env<'_>, inputs: &[Home], outputs: &[Option<Home>]) {
        let mut scratch = env.frame.scratch();
        let mut source = match inputs {
            [home @ Home::Store(_)] => Source::Vectors(env.frame.vectors(*home)),
            _ => Source::Numbers(std::mem::take(&mut scratch.features), inputs.len()),
        };
        for output in outputs.iter().flatten() {
            if let Home::Store(_) = output {
                env.frame.vectors_mut(*output).clear();
            }
        }
        let rows = env.frame.rows();
        let mut start = 0;
        while start < rows {
            let end = rows.min(start + self.block_rows());
            source.load(env, inputs, start..end, self.forest.nan_is_invalid);
            self.walk(env, &source, start..end, &mut scratch);
            for (part, output) in self.parts.iter().zip(outputs) {
                if let Some(output) = output {
                    self.write(env, *part, *output, start..end, &scratch);
                }
            }
            start = end;
        }
        if let Source::Numbers(features, _) = source {
            scratch.features = features;
        }
    }

    fn block_rows(&self) -> usize {
        if self.ranked.is_some() {
            return dense::BLOCK_ROWS;
        }
        let cells = self.layout.as_ref().map_or(1, |layout| layout.row_cells());
        (BLOCK_CELLS / cells / walk::LANES * walk::LANES).clamp(walk::LANES, BLOCK_ROWS)
    }

    /// Walks the live rows of a block: leaves their sums in `numbers`, the leaves they reach in `words`. Refuses rows.
    fn walk(&self, env: &Env<'_>, source: &Source<'_>, rows: Range<usize>, scratch: &mut Scratch) {
        let (width, trees) = (self.sums.width, self.sums.trees);
        let Scratch { cells, numbers, rows: lanes, words, bytes, features: room, sums: row_sums, block, .. } = scratch;
        numbers.clear();
        (0..rows.len()).for_each(|_| numbers.extend_from_slice(&self.sums.base));
        words.resize(if self.wants.leaves { rows.len() } else { few::ROWS } * trees, 0);
        lanes.clear();
        let mut sink = Sink {
            sums: &self.sums,
            wants_sums: self.wants.sums,
            totals: numbers,
            leaves: words,
            keeps_leaves: self.wants.leaves,
        };
        match self.ranked.as_deref() {
            Some(ranked) if rows.len() >= self.tile_rows_min => {
                let stride = Tiles::lanes(rows.len());
                block.resize(stride * ranked.ranks.sources.len(), 0.0);
                bytes.resize(stride * ranked.ranks.bytes, 0);
                self.each_row(env, source, rows, ranked.ranks.features_min(), &mut sink, |row, x| {
                    ranked.ranks.gather(x, block, lanes.len(), stride);
                    lanes.push(row);
                });
                ranked.ranks.of_block(ranked.isa, block, stride, bytes);
                let block = Block { lanes: stride, ranks: bytes, rows: lanes, sums: row_sums };
                ranked.tiles.run(&self.sums, block, &mut sink);
            }
            Some(Ranked { ranks, few: Some(few), isa, .. }) => {
                bytes.resize(rows.len() * ranks::ROW_BYTES, 0);
                let (room, _) = bytes.as_chunks_mut();
                self.each_row(env, source, rows, ranks.features_min(), &mut sink, |row, x| {
                    ranks.of_row(*isa, dense_row(x, row_sums), &mut room[lanes.len()]);
                    lanes.push(row);
                });
                for (room, lanes) in room.chunks(few::ROWS).zip(lanes.chunks(few::ROWS)) {
                    few.run(room, lanes, &mut sink);
                }
            }
            _ => {
                let side_by_side = rows.len() >= TILE_ROWS_MIN;
                let least = self.layout.as_ref().map_or(usize::MAX, Layout::features_min);
                if let Some(layout) = &self.layout {
                    layout.reserve(cells, rows.len());
                }
                self.each_row(env, source, rows, least, &mut sink, |row, x| {
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
        if self.sums.needs_leaves() && self.wants.leaves {
            for (totals, leaves) in numbers.chunks_exact_mut(width).zip(words.chunks_exact(trees)) {
                self.sums.of_leaves(totals, leaves, room);
            }
        }
    }

    /// Hands every live row of a block, counted from its first, that has so many features at least to `take`. The others
    /// take the plain walk.
    fn each_row<'s>(
        &self,
        env: &Env<'_>,
        source: &'s Source<'_>,
        rows: Range<usize>,
        least: usize,
        sink: &mut Sink<'_>,
        mut take: impl FnMut(u32, Row<'s>),
    ) {
        let checks = self.forest.nan_is_invalid && matches!(source, Source::Numbers(..));
        for row in rows.clone().filter(|&row| env.frame.is_live(row)) {
            let (features, at) = (source.row(row, rows.start), row - rows.start);
            match features {
                Some(features) if features.size() >= least && !(checks && has_invalid(features)) => {
                    take(at as u32, features);
                }
                _ => {
                    if plain::walk(&self.forest, features, at, sink).is_none() {
                        let (kind, value) = match features {
                            Some(_) if checks => (FaultKind::Rule(VALID), FaultValue::Null),
                            _ => self.refusal(features.map(|f| f.size())),
                        };
                        env.refuse(row, 0, kind, value);
                    }
                }
            }
        }
    }

    fn refusal(&self, size: Option<usize>) -> (FaultKind, FaultValue) {
        match size {
            None => (FaultKind::Null, FaultValue::Null),
            Some(size) => {
                let expected = u64::from(self.forest.features);
                (FaultKind::Size { expected }, FaultValue::Size(size as u64))
            }
        }
    }

    /// Writes one output of the rows of a block.
    fn write(
        &self,
        env: &Env<'_>,
        part: ForestPart,
        output: Home,
        rows: Range<usize>,
        Scratch { numbers, words, .. }: &Scratch,
    ) {
        let (width, trees, start) = (self.sums.width, self.sums.trees, rows.start);
        let totals = |row: usize| &numbers[(row - start) * width..(row - start + 1) * width];
        let leaves = |row: usize| &words[(row - start) * trees..(row - start + 1) * trees];
        let number = |leaf: &u32| f64::from(self.forest.leaf_numbers[*leaf as usize]);
        let is_null = |row: usize| self.forest.nan_is_null && totals(row).iter().any(|total| total.is_nan());
        match part {
            ForestPart::Score | ForestPart::Leaf | ForestPart::Impurity => {
                let cells = env.frame.cells(output);
                for row in rows {
                    let value = env.frame.is_live(row).then(|| match part {
                        ForestPart::Score => (!is_null(row)).then(|| self.sums.score(0, totals(row)[0])),
                        ForestPart::Leaf => Some(number(&leaves(row)[0])),
                        _ => Some(self.forest.leaf_impurities[leaves(row)[0] as usize]),
                    });
                    match value.flatten() {
                        Some(value) => cells.set_f64(row, value),
                        None => cells.set(row, None),
                    }
                }
            }
            ForestPart::Scores | ForestPart::Pair | ForestPart::Leaves => {
                let mut out = env.frame.vectors_mut(output);
                for row in rows {
                    if !env.frame.is_live(row) || part != ForestPart::Leaves && is_null(row) {
                        out.push_null();
                        continue;
                    }
                    let begin = out.values.len();
                    match part {
                        ForestPart::Scores => {
                            let scores = totals(row).iter().enumerate().map(|(k, total)| self.sums.score(k, *total));
                            out.values.extend(scores);
                        }
                        ForestPart::Pair => {
                            let m = self.sums.score(0, totals(row)[0]);
                            out.values.extend([-m, m]);
                        }
                        _ => out.values.extend(leaves(row).iter().map(number)),
                    }
                    out.end_dense(begin);
                }
            }
        }
    }
}

/// Returns the row's elements one after the other, laid out in `room` where they are stored sparsely.
fn dense_row<'a>(row: Row<'a>, room: &'a mut Vec<f64>) -> &'a [f64] {
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

// === impl Source ===

impl Source<'_> {
    /// Loads the numbers of a block's rows; a null one is missing.
    fn load(&mut self, env: &Env<'_>, inputs: &[Home], rows: Range<usize>, nan_is_invalid: bool) {
        let Source::Numbers(features, size) = self else { return };
        features.resize(rows.len() * *size, f64::NAN);
        for (at, home) in inputs.iter().enumerate() {
            let cells = env.frame.cells(*home);
            for (row, features) in rows.clone().zip(features.chunks_exact_mut(*size)) {
                features[at] = match cells.number(row) {
                    Some(x) if nan_is_invalid && x.is_nan() => f64::from_bits(plain::INVALID),
                    Some(x) => x,
                    None => f64::NAN,
                };
            }
        }
    }

    fn row(&self, row: usize, start: usize) -> Option<Row<'_>> {
        match self {
            Source::Vectors(vectors) => vectors.is_valid(row).then(|| vectors.row(row)),
            Source::Numbers(features, size) => Some(Row::Dense(&features[(row - start) * size..][..*size])),
        }
    }
}

#[cfg(test)]
mod tests;
