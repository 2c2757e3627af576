//! Kernels of tree ensembles.
//!
//! A forest is laid out for walks without branches ([`layout`]). Few rows walk many trees side by side, many rows walk one
//! tree side by side ([`walk`]); a vector too short for some feature, a null one, and a forest that does not fit the
//! layout take the plain walk ([`plain`]). Whatever walks, leaves are summed in the order of the trees, from 0, so every way
//! has the same bits.

use std::sync::Arc;

use model::{FaultKind, FaultValue};
use plan::{Aggregate, Forest, ForestOp, ForestPart};

use super::Site;
use crate::{
    error::CompileError,
    frame::{Env, Home, Scratch},
    store::VectorStore,
};

mod layout;
mod plain;
mod walk;

use layout::Layout;

/// An op of the family, ready to run.
pub struct ForestKernel {
    forest: Arc<Forest>,
    /// Nothing where the plain walk is the better one, or the only one.
    layout: Option<Layout>,
    /// The leaves' values times their trees' weights, where those matter.
    weighted: Option<Box<[f64]>>,
    /// What the sums are divided by.
    divisor: Option<f64>,
    parts: Box<[ForestPart]>,
    wants: Wants,
}

/// What anybody reads.
#[derive(Clone, Copy)]
struct Wants {
    sums: bool,
    leaves: bool,
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
        let mut wants = Wants { sums: false, leaves: false };
        for part in wanted {
            match part {
                ForestPart::Scores | ForestPart::Score | ForestPart::Pair => wants.sums = true,
                ForestPart::Leaf | ForestPart::Leaves | ForestPart::Impurity => wants.leaves = true,
            }
        }
        Ok(ForestKernel {
            layout: Layout::new(&op.forest),
            weighted: (op.aggregate == Aggregate::WeightedSum).then(|| weighted(&op.forest)),
            divisor: (op.aggregate == Aggregate::Mean).then(|| op.forest.trees() as f64),
            forest: op.forest.clone(),
            parts: op.parts.as_slice().into(),
            wants,
        })
    }

    pub(crate) fn run(&self, env: &Env<'_>, inputs: &[Home], outputs: &[Option<Home>]) {
        let vectors = env.frame.vectors(inputs[0]);
        let mut scratch = env.frame.scratch();
        for output in outputs.iter().flatten() {
            if let Home::Store(_) = output {
                env.frame.vectors_mut(*output).clear();
            }
        }
        let rows = env.frame.rows();
        let mut start = 0;
        while start < rows {
            let end = rows.min(start + self.block_rows());
            self.walk(env, &vectors, start..end, &mut scratch);
            for (part, output) in self.parts.iter().zip(outputs) {
                if let Some(output) = output {
                    self.write(env, *part, *output, start..end, &scratch);
                }
            }
            start = end;
        }
    }

    fn block_rows(&self) -> usize {
        let cells = self.layout.as_ref().map_or(1, |layout| layout.row_cells());
        (BLOCK_CELLS / cells / walk::LANES * walk::LANES).clamp(walk::LANES, BLOCK_ROWS)
    }

    /// Walks the live rows of a block: leaves their sums in `numbers`, the leaves they reach in `words`. Refuses rows.
    fn walk(&self, env: &Env<'_>, vectors: &VectorStore, rows: std::ops::Range<usize>, scratch: &mut Scratch) {
        let (width, trees) = (self.forest.width as usize, self.forest.trees());
        let Scratch { cells, numbers, rows: lanes, words, .. } = scratch;
        numbers.clear();
        numbers.resize(rows.len() * width, 0.0);
        words.resize(if self.wants.leaves { rows.len() * trees } else { trees }, 0);
        lanes.clear();
        let mut sink = walk::Sink {
            values: self.wants.sums.then(|| self.weighted.as_deref().unwrap_or(&self.forest.leaf_values)),
            width,
            trees,
            sums: numbers,
            leaves: words,
            keeps_leaves: self.wants.leaves,
        };
        let side_by_side = rows.len() >= TILE_ROWS_MIN;
        if let Some(layout) = &self.layout {
            layout.reserve(cells, rows.len());
        }
        for row in rows.clone().filter(|&row| env.frame.is_live(row)) {
            let features = vectors.is_valid(row).then(|| vectors.row(row));
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
        rows: std::ops::Range<usize>,
        Scratch { numbers, words, .. }: &Scratch,
    ) {
        let (width, trees, start) = (self.forest.width as usize, self.forest.trees(), rows.start);
        let total = |sum: f64| self.divisor.map_or(sum, |n| sum / n);
        let sums = |row: usize| &numbers[(row - start) * width..(row - start + 1) * width];
        let leaves = |row: usize| &words[(row - start) * trees..(row - start + 1) * trees];
        let number = |leaf: &u32| f64::from(self.forest.leaf_numbers[*leaf as usize]);
        let one: &dyn Fn(usize) -> f64 = match part {
            ForestPart::Score => &|row| total(sums(row)[0]),
            ForestPart::Leaf => &|row| number(&leaves(row)[0]),
            ForestPart::Impurity => &|row| self.forest.leaf_impurities[leaves(row)[0] as usize],
            ForestPart::Scores | ForestPart::Pair | ForestPart::Leaves => {
                let mut out = env.frame.vectors_mut(output);
                for row in rows {
                    if !env.frame.is_live(row) {
                        out.push_null();
                        continue;
                    }
                    let begin = out.values.len();
                    match part {
                        ForestPart::Scores => out.values.extend(sums(row).iter().map(|s| total(*s))),
                        ForestPart::Pair => {
                            let m = total(sums(row)[0]);
                            out.values.extend([-m, m]);
                        }
                        _ => out.values.extend(leaves(row).iter().map(number)),
                    }
                    out.end_dense(begin);
                }
                return;
            }
        };
        let cells = env.frame.cells(output);
        for row in rows {
            if env.frame.is_live(row) {
                cells.set_f64(row, one(row));
            } else {
                cells.set(row, None);
            }
        }
    }
}

/// Returns every leaf's values times the weight of its tree. A product is the same bits now as in the sum.
fn weighted(forest: &Forest) -> Box<[f64]> {
    let (inner, width) = (forest.split.len(), forest.width as usize);
    let mut values: Box<[f64]> = forest.leaf_values.as_slice().into();
    let mut stack = Vec::new();
    for (&root, &weight) in forest.roots.iter().zip(&forest.weights) {
        stack.push(root as usize);
        while let Some(at) = stack.pop() {
            if at < inner {
                stack.extend([forest.left[at] as usize, forest.right[at] as usize]);
            } else {
                let leaf = (at - inner) * width;
                values[leaf..leaf + width].iter_mut().for_each(|v| *v *= weight);
            }
        }
    }
    values
}

#[cfg(test)]
mod tests;
