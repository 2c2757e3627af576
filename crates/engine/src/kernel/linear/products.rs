//! One row of weights with all rows of a tile.
//!
//! The sum of a row takes one addition after the other; four rows that are summed side by side wait together.

use model::column::Row;
use plan::Weights;

use super::{Rows, WeightRow, checked, dot, fused};
use crate::{frame::Env, store::VectorStore};

/// Rows whose sums are made side by side.
const TOGETHER: usize = 4;

/// Calls `f` with every row and its product, in their order; with none where the row is not live, or is refused now.
pub(super) fn each(weights: &Weights, env: &Env<'_>, vectors: &VectorStore, mut f: impl FnMut(usize, Option<f64>)) {
    let rows = env.frame.rows();
    let mut row = 0;
    while row < rows {
        if let WeightRow::Dense(w) = weights.row(0)
            && let Some(sums) = together(w, vectors, row)
            && (row..row + TOGETHER).all(|row| env.frame.is_live(row))
        {
            for sum in sums {
                f(row, Some(sum));
                row += 1;
            }
            continue;
        }
        let product = env.frame.is_live(row).then(|| {
            let features = vectors.is_valid(row).then(|| vectors.row(row));
            match checked(weights, features) {
                Ok(x) => Some(dot(weights.row(0), x, 0.0)),
                Err((kind, value)) => {
                    env.refuse(row, 0, kind, value);
                    None
                }
            }
        });
        f(row, product.flatten());
        row += 1;
    }
}

/// Returns the products of the rows from this one on, where there are so many and all of them are dense and of the right size.
pub(super) fn together(w: &[f64], vectors: &VectorStore, first: usize) -> Option<[f64; TOGETHER]> {
    if first + TOGETHER > vectors.len() {
        return None;
    }
    let mut x: [&[f64]; TOGETHER] = [&[]; TOGETHER];
    for (k, x) in x.iter_mut().enumerate() {
        match vectors.row(first + k) {
            Row::Dense(values) if values.len() == w.len() && vectors.is_valid(first + k) => *x = values,
            _ => return None,
        }
    }
    let mut sums = dots(w, x);
    if sums.iter().any(|sum| !sum.is_finite()) {
        for (sum, x) in sums.iter_mut().zip(x).filter(|(sum, _)| !sum.is_finite()) {
            *sum = fused(w, x, 0.0);
        }
    }
    Some(sums)
}

fn dots(w: &[f64], x: [&[f64]; TOGETHER]) -> [f64; TOGETHER] {
    let [a, b, c, d] = x;
    let (a, b, c, d) = (&a[..w.len()], &b[..w.len()], &c[..w.len()], &d[..w.len()]);
    let mut sums = [0.0; TOGETHER];
    for (i, w) in w.iter().enumerate() {
        sums[0] += w * a[i];
        sums[1] += w * b[i];
        sums[2] += w * c[i];
        sums[3] += w * d[i];
    }
    sums
}
