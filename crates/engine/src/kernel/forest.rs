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

mod layout;
mod normal;
mod plain;
mod sum;
mod walk;

use layout::Layout;
use normal::Normal;
use sum::{Sink, Sums};

/// An op of the family, ready to run.
pub struct ForestKernel {
    forest: Arc<Forest>,
    /// Nothing where the plain walk is the better one, or the only one.
    layout: Option<Layout>,
    sums: Sums,
    parts: Box<[ForestPart]>,
    wants: Wants,
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

/// Rows of a block: their features stay in the first cache while tree after tree passes.
const BLOCK_ROWS: usize = 256;

/// Cells of features that a block may hold.
const BLOCK_CELLS: usize = 6 << 10;

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
        Ok(ForestKernel {
            layout: Layout::new(&Normal::new(&op.forest)),
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
            source.load(env, inputs, start..end);
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
        let cells = self.layout.as_ref().map_or(1, |layout| layout.row_cells());
        (BLOCK_CELLS / cells / walk::LANES * walk::LANES).clamp(walk::LANES, BLOCK_ROWS)
    }

    /// Walks the live rows of a block: leaves their sums in `numbers`, the leaves they reach in `words`. Refuses rows.
    fn walk(&self, env: &Env<'_>, source: &Source<'_>, rows: Range<usize>, scratch: &mut Scratch) {
        let (width, trees) = (self.sums.width, self.sums.trees);
        let Scratch { cells, numbers, rows: lanes, words, features: room, .. } = scratch;
        numbers.clear();
        (0..rows.len()).for_each(|_| numbers.extend_from_slice(&self.sums.base));
        words.resize(if self.wants.leaves { rows.len() * trees } else { trees }, 0);
        lanes.clear();
        let mut sink = Sink {
            sums: &self.sums,
            wants_sums: self.wants.sums,
            totals: numbers,
            leaves: words,
            keeps_leaves: self.wants.leaves,
        };
        let side_by_side = rows.len() >= TILE_ROWS_MIN;
        if let Some(layout) = &self.layout {
            layout.reserve(cells, rows.len());
        }
        for row in rows.clone().filter(|&row| env.frame.is_live(row)) {
            let features = source.row(row, rows.start);
            match (&self.layout, features) {
                (Some(layout), Some(features)) if features.size() >= layout.features_min() => {
                    let lane = lanes.len();
                    lanes.push((row - rows.start) as u32);
                    layout.gather(features, cells, lane, side_by_side);
                }
                _ => {
                    if plain::walk(&self.forest, features, row - rows.start, &mut sink).is_none() {
                        let (kind, value) = self.refusal(features.map(|f| f.size()));
                        env.refuse(row, 0, kind, value);
                    }
                }
            }
        }
        match &self.layout {
            Some(layout) if side_by_side => layout.walk_tile(cells, lanes, &mut sink),
            Some(layout) => layout.walk_rows(cells, lanes, &mut sink),
            None => {}
        }
        if self.sums.needs_leaves() && self.wants.leaves {
            for (totals, leaves) in numbers.chunks_exact_mut(width).zip(words.chunks_exact(trees)) {
                self.sums.of_leaves(totals, leaves, room);
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

// === impl Source ===

impl Source<'_> {
    /// Loads the numbers of a block's rows; a null one is missing.
    fn load(&mut self, env: &Env<'_>, inputs: &[Home], rows: Range<usize>) {
        let Source::Numbers(features, size) = self else { return };
        features.resize(rows.len() * *size, f64::NAN);
        for (at, home) in inputs.iter().enumerate() {
            let cells = env.frame.cells(*home);
            for (row, features) in rows.clone().zip(features.chunks_exact_mut(*size)) {
                features[at] = cells.number(row).unwrap_or(f64::NAN);
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
