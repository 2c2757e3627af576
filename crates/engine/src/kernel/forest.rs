//! Kernels of tree ensembles.
//!
//! A forest is brought to one form first ([`normal`]); then kernels are chosen by its shape and the processor ([`run`]). Most work on
//! ranks, a byte for each feature ([`ranks`]): many rows by what each test says of all of them, a bit a row ([`bits`], [`circuit`], [`tile`]), few rows by
//! the answers of all nodes of a tree ([`answers`]) or by a walk down many trees side by side ([`packed`]). Where ranks
//! do not pay, rows walk on keys ([`layout`], [`walk`]); a vector too short for some feature, and a null one, take the plain walk
//! ([`plain`]), as does what no layout takes. Whatever runs, leaves are summed in the order of the trees ([`sum`]), so every way has
//! the same bits.

use std::ops::Range;

use model::{FaultKind, FaultValue, column::Row};
use plan::{Forest, ForestOp, ForestPart};

use super::Site;
use crate::{
    error::CompileError,
    frame::{Env, Home, Scratch},
    store::VectorStore,
};

mod answered;
mod answers;
mod bits;
mod circuit;
mod codes;
mod descend;
mod few;
mod keys;
mod layout;
mod normal;
mod packed;
mod plain;
mod ranked;
mod ranks;
mod run;
mod simd;
mod sum;
mod tile;
mod tops;
mod walk;

pub use run::{Trees, Wants};
pub use simd::Isa;

use run::Feed;
use sum::Sink;

/// An op of the family, ready to run.
pub struct ForestKernel {
    trees: Box<Trees>,
    parts: Box<[ForestPart]>,
}

/// Where a row's features come from.
enum Source<'a> {
    Vectors(std::cell::Ref<'a, VectorStore>),
    /// Row after row of a block, so many each.
    Numbers(Vec<f64>, usize),
}

/// The rows of a block, as an op takes them: live ones, and of those that lack features the plain walk says which are refused.
struct Fed<'a> {
    env: &'a Env<'a>,
    source: &'a Source<'a>,
    forest: &'a Forest,
    rows: Range<usize>,
}

impl ForestKernel {
    pub(crate) fn new(op: &ForestOp, site: &Site<'_>) -> Result<ForestKernel, CompileError> {
        let wanted = op.parts.iter().zip(site.wanted).filter(|(_, wanted)| **wanted).map(|(part, _)| *part);
        let mut wants = Wants { scores: false, leaves: false };
        for part in wanted {
            match part {
                ForestPart::Scores | ForestPart::Score | ForestPart::Pair => wants.scores = true,
                ForestPart::Leaf | ForestPart::Leaves | ForestPart::Impurity => wants.leaves = true,
            }
        }
        let trees = Box::new(Trees::new(&op.forest, op.aggregate, wants));
        Ok(ForestKernel { trees, parts: op.parts.as_slice().into() })
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
            let end = rows.min(start + self.trees.block_rows());
            source.load(env, inputs, start..end, self.trees.forest.nan_is_invalid);
            let feed = Fed { env, source: &source, forest: &self.trees.forest, rows: start..end };
            self.trees.run(end - start, &feed, &mut scratch);
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

    /// Writes one output of the rows of a block.
    fn write(
        &self,
        env: &Env<'_>,
        part: ForestPart,
        output: Home,
        rows: Range<usize>,
        Scratch { numbers, words, .. }: &Scratch,
    ) {
        let (width, trees, start) = (self.trees.sums.width, self.trees.sums.trees, rows.start);
        let totals = |row: usize| &numbers[(row - start) * width..(row - start + 1) * width];
        let leaves = |row: usize| &words[(row - start) * trees..(row - start + 1) * trees];
        let number = |leaf: &u32| f64::from(self.trees.forest.leaf_numbers[*leaf as usize]);
        let is_null = |row: usize| self.trees.forest.nan_is_null && totals(row).iter().any(|total| total.is_nan());
        match part {
            ForestPart::Score | ForestPart::Leaf | ForestPart::Impurity => {
                let cells = env.frame.cells(output);
                for row in rows {
                    let value = env.frame.is_live(row).then(|| match part {
                        ForestPart::Score => (!is_null(row)).then(|| self.trees.sums.score(0, totals(row)[0])),
                        ForestPart::Leaf => Some(number(&leaves(row)[0])),
                        _ => Some(self.trees.forest.leaf_impurities[leaves(row)[0] as usize]),
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
                            let scores =
                                totals(row).iter().enumerate().map(|(k, total)| self.trees.sums.score(k, *total));
                            out.values.extend(scores);
                        }
                        ForestPart::Pair => {
                            let m = self.trees.sums.score(0, totals(row)[0]);
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

/// Whether a row holds a number that must not be asked for.
fn has_invalid(row: Row<'_>) -> bool {
    matches!(row, Row::Dense(values) if values.iter().any(|x| x.to_bits() == plain::INVALID))
}

// === impl Fed ===

impl Feed for Fed<'_> {
    fn each<'s>(&'s self, least: usize, sink: &mut Sink<'_>, mut take: impl FnMut(u32, Row<'s>)) {
        let checks = self.forest.nan_is_invalid && matches!(self.source, Source::Numbers(..));
        for row in self.rows.clone().filter(|&row| self.env.frame.is_live(row)) {
            let (features, at) = (self.source.row(row, self.rows.start), row - self.rows.start);
            match features {
                Some(features) if features.size() >= least && !(checks && has_invalid(features)) => {
                    take(at as u32, features);
                }
                _ => {
                    if let Err(feature) = plain::walk(self.forest, features, at, sink) {
                        self.refuse(row, features.map(|f| f.size()), checks.then_some(feature));
                    }
                }
            }
        }
    }
}

impl Fed<'_> {
    #[cold]
    fn refuse(&self, row: usize, size: Option<usize>, invalid: Option<usize>) {
        let expected = u64::from(self.forest.features);
        let (kind, value) = match (size, invalid) {
            (Some(_), Some(feature)) => return self.env.refuse_invalid(row, feature),
            (None, _) => (FaultKind::Null, FaultValue::Null),
            (Some(size), None) => (FaultKind::Size { expected }, FaultValue::Size(size as u64)),
        };
        self.env.refuse(row, 0, kind, value);
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
