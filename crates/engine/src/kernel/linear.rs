//! Kernels of linear models.
//!
//! A sum runs over the features in their order, one product after the other, whichever of weights and features is sparse:
//! the bits do not depend on the machine. Dense weights are taken four rows at a time, each with a sum of its own, since one
//! sum alone waits for its additions; where there is one row of weights, the rows of a tile are taken together ([`products`]).

use std::sync::Arc;

use model::{FaultKind, FaultValue, column::Row};
use plan::{LinearOp, Weights};

use super::Site;
use crate::{
    error::CompileError,
    frame::{Env, Home},
    store::VectorStore,
};

mod lanes;
mod products;

/// An op of the family, ready to run.
pub struct LinearKernel {
    weights: Weights,
    form: Form,
}

enum Form {
    Dot { intercept: f64 },
    Pair { intercept: f64 },
    Scores { intercepts: Arc<[f64]>, intercept_first: bool },
}

/// One row of weights.
#[derive(Clone, Copy)]
pub(super) enum WeightRow<'a> {
    Dense(&'a [f64]),
    Sparse { indices: &'a [u32], values: &'a [f64] },
}

impl LinearKernel {
    pub(crate) fn new(op: &LinearOp, _site: &Site<'_>) -> Result<LinearKernel, CompileError> {
        let form = match op {
            LinearOp::Dot { intercept, .. } => Form::Dot { intercept: *intercept },
            LinearOp::Pair { intercept, .. } => Form::Pair { intercept: *intercept },
            LinearOp::Scores { intercepts, intercept_first, .. } => {
                Form::Scores { intercepts: intercepts.clone(), intercept_first: *intercept_first }
            }
        };
        Ok(LinearKernel { weights: op.weights().clone(), form })
    }

    pub(crate) fn run(&self, env: &Env<'_>, inputs: &[Home], outputs: &[Option<Home>]) {
        let [Some(output)] = *outputs else { return };
        let frame = env.frame;
        let vectors = frame.vectors(inputs[0]);
        let features = |row: usize| {
            let features = vectors.is_valid(row).then(|| vectors.row(row));
            checked(&self.weights, features).map_err(|(kind, value)| env.refuse(row, 0, kind, value)).ok()
        };
        if let Form::Dot { intercept } = self.form {
            let cells = frame.cells(output);
            let product = |row: usize| features(row).map(|x| dot(self.weights.row(0), x, 0.0) + intercept);
            return match inputs.get(1).map(|offset| frame.cells(*offset)) {
                None => products::each(&self.weights, env, &vectors, |row, product| {
                    cells.set(row, product.map(|product| (product + intercept).to_bits()));
                }),
                Some(offsets) => frame.each_live(|row| {
                    let sum = offsets.number(row).and_then(|offset| Some(product(row)? + offset));
                    cells.set(row, sum.map(f64::to_bits));
                }),
            };
        }
        let mut out = frame.vectors_mut(output);
        if let Form::Pair { intercept } = &self.form
            && let WeightRow::Dense(weights) = self.weights.row(0)
            && frame.all_live()
            && pairs(weights, *intercept, &vectors, &mut out)
        {
            return;
        }
        out.clear();
        for row in 0..frame.rows() {
            let Some(x) = Some(row).filter(|&row| frame.is_live(row)).and_then(features) else {
                out.push_null();
                continue;
            };
            let start = out.values.len();
            match &self.form {
                Form::Dot { .. } => unreachable!("a dot is no vector"),
                Form::Pair { intercept } => {
                    let m = dot(self.weights.row(0), x, 0.0) + intercept;
                    out.values.extend([-m, m]);
                }
                Form::Scores { intercepts, intercept_first } => {
                    scores(&self.weights, intercepts, *intercept_first, x, &mut out.values);
                }
            }
            out.end_dense(start);
        }
    }
}

/// Writes the scores of all rows together, where each has as many features as there are weights; returns whether it was
/// done.
fn pairs(weights: &[f64], intercept: f64, features: &VectorStore, out: &mut VectorStore) -> bool {
    let fits = |row: usize| features.is_valid(row) && features.row(row).size() == weights.len();
    let rows = features.len();
    let (scores, _) = out.set_matrix(rows, 2).as_chunks_mut::<2>();
    let (mut row, mut sums) = (0, [0.0; lanes::TOGETHER_MAX]);
    while row < rows {
        if let Some(sums) = products::together(weights, features, row, &mut sums) {
            for (sum, pair) in sums.iter().zip(&mut scores[row..]) {
                *pair = [-(sum + intercept), sum + intercept];
            }
            row += sums.len();
            continue;
        }
        if !fits(row) {
            return false;
        }
        let score = dot(WeightRow::Dense(weights), features.row(row), 0.0) + intercept;
        scores[row] = [-score, score];
        row += 1;
    }
    true
}

/// Returns the features where they are there and as many as the weights.
pub(super) fn checked<'a>(weights: &Weights, features: Option<Row<'a>>) -> Result<Row<'a>, (FaultKind, FaultValue)> {
    let expected = u64::from(weights.columns());
    match features {
        None => Err((FaultKind::Null, FaultValue::Null)),
        Some(x) if x.size() as u64 != expected => {
            Err((FaultKind::Size { expected }, FaultValue::Size(x.size() as u64)))
        }
        Some(x) => Ok(x),
    }
}

/// What the kernel asks of weights.
pub(super) trait Rows {
    fn row(&self, row: usize) -> WeightRow<'_>;

    /// Adds each row's products to its score.
    fn add_products(&self, x: Row<'_>, scores: &mut [f64]);
}

impl Rows for Weights {
    fn row(&self, row: usize) -> WeightRow<'_> {
        match self {
            Weights::Dense { columns, values } => {
                let n = *columns as usize;
                WeightRow::Dense(&values[row * n..(row + 1) * n])
            }
            Weights::Sparse { offsets, indices, values, .. } => match offsets.get(row..row + 2) {
                Some(ends) => {
                    let range = ends[0] as usize..ends[1] as usize;
                    WeightRow::Sparse { indices: &indices[range.clone()], values: &values[range] }
                }
                // No features, so no row of weights was saved.
                None => WeightRow::Sparse { indices: &[], values: &[] },
            },
        }
    }

    fn add_products(&self, x: Row<'_>, scores: &mut [f64]) {
        const TOGETHER: usize = 4;
        let whole = match self {
            Weights::Dense { .. } => scores.len() / TOGETHER * TOGETHER,
            Weights::Sparse { .. } => 0,
        };
        let (fours, rest) = scores.split_at_mut(whole);
        for (i, four) in fours.chunks_exact_mut(TOGETHER).enumerate() {
            let rows: [&[f64]; TOGETHER] = std::array::from_fn(|k| match self.row(i * TOGETHER + k) {
                WeightRow::Dense(row) => row,
                WeightRow::Sparse { .. } => unreachable!("taken four at a time only where dense"),
            });
            match x {
                Row::Dense(x) => {
                    let begin: [f64; TOGETHER] = std::array::from_fn(|k| four[k]);
                    let [a, b, c, d] = rows.map(|row| &row[..x.len()]);
                    for (i, x) in x.iter().enumerate() {
                        four[0] += a[i] * x;
                        four[1] += b[i] * x;
                        four[2] += c[i] * x;
                        four[3] += d[i] * x;
                    }
                    for (k, sum) in four.iter_mut().enumerate().filter(|(_, sum)| !sum.is_finite()) {
                        *sum = fused(rows[k], x, begin[k]);
                    }
                }
                Row::Sparse { indices, values, .. } => {
                    for (&i, x) in indices.iter().zip(values) {
                        for (sum, row) in four.iter_mut().zip(rows) {
                            *sum += row[i as usize] * x;
                        }
                    }
                }
            }
        }
        for (k, sum) in rest.iter_mut().enumerate() {
            *sum = dot(self.row(whole + k), x, *sum);
        }
    }
}

/// Adds a score for each row of weights to `out`.
pub(super) fn scores(weights: &Weights, intercepts: &[f64], intercept_first: bool, x: Row<'_>, out: &mut Vec<f64>) {
    let start = out.len();
    out.resize(start + intercepts.len(), 0.0);
    let scores = &mut out[start..];
    if intercept_first {
        scores.copy_from_slice(intercepts);
    }
    weights.add_products(x, scores);
    if !intercept_first {
        scores.iter_mut().zip(intercepts).for_each(|(s, b)| *s += b);
    }
}

/// Returns the sum of products, each added as it is, before it is rounded: a product alone cannot overflow then. So Java's BLAS
/// does with vectors that are both dense, which shows where a plain sum is not finite.
#[cold]
fn fused(w: &[f64], x: &[f64], sum: f64) -> f64 {
    w.iter().zip(x).fold(sum, |sum, (w, x)| libm::fma(*w, *x, sum))
}

/// Returns the sum of products of what both sides store, in the order of the features, from `sum` on.
#[inline]
pub(super) fn dot(weights: WeightRow<'_>, x: Row<'_>, sum: f64) -> f64 {
    match (weights, x) {
        (WeightRow::Dense(w), Row::Dense(x)) => {
            let total = w.iter().zip(x).fold(sum, |sum, (w, x)| sum + w * x);
            if total.is_finite() { total } else { fused(w, x, sum) }
        }
        (WeightRow::Dense(w), Row::Sparse { indices, values, .. }) => {
            indices.iter().zip(values).fold(sum, |sum, (&i, x)| sum + w[i as usize] * x)
        }
        (WeightRow::Sparse { indices, values }, Row::Dense(x)) => {
            indices.iter().zip(values).fold(sum, |sum, (&i, w)| sum + w * x[i as usize])
        }
        (WeightRow::Sparse { indices: a, values: w }, Row::Sparse { indices: b, values: x, .. }) => {
            let (mut i, mut j, mut sum) = (0, 0, sum);
            while i < a.len() && j < b.len() {
                match a[i].cmp(&b[j]) {
                    std::cmp::Ordering::Less => i += 1,
                    std::cmp::Ordering::Greater => j += 1,
                    std::cmp::Ordering::Equal => {
                        sum += w[i] * x[j];
                        (i, j) = (i + 1, j + 1);
                    }
                }
            }
            sum
        }
    }
}

#[cfg(test)]
mod tests;
