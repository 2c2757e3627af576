//! One row of weights with all rows of a tile.
//!
//! The sum of a row takes one addition after the other; rows that are summed side by side wait together ([`lanes`]).

use model::column::Row;
use plan::Weights;

use super::{
    Rows, WeightRow, checked, dot, fused,
    lanes::{self, TOGETHER_MAX},
};
use crate::{frame::Env, store::VectorStore};

/// Calls `f` with every row and its product, in their order; with none where the row is not live, or is refused now.
pub(super) fn each(weights: &Weights, env: &Env<'_>, vectors: &VectorStore, mut f: impl FnMut(usize, Option<f64>)) {
    let rows = env.frame.rows();
    let mut sums = [0.0; TOGETHER_MAX];
    let mut row = 0;
    while row < rows {
        if let WeightRow::Dense(w) = weights.row(0)
            && let Some(sums) = together(w, vectors, row, &mut sums)
            && (row..row + sums.len()).all(|row| env.frame.is_live(row))
        {
            for sum in sums {
                f(row, Some(*sum));
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

/// Returns the products of the rows from this one on, where there are several and all of them are dense and of the right size.
pub(super) fn together<'s>(
    w: &[f64],
    vectors: &VectorStore,
    first: usize,
    sums: &'s mut [f64; TOGETHER_MAX],
) -> Option<&'s [f64]> {
    let count = match of(w, vectors, first, sums) {
        true => TOGETHER_MAX,
        false if of::<FEW>(w, vectors, first, sums.first_chunk_mut().expect("fewer than all")) => FEW,
        false => return None,
    };
    let sums = &mut sums[..count];
    if sums.iter().any(|sum| !sum.is_finite()) {
        for (k, sum) in sums.iter_mut().enumerate().filter(|(_, sum)| !sum.is_finite()) {
            let Row::Dense(x) = vectors.row(first + k) else { unreachable!("they were just seen to be dense") };
            *sum = fused(w, x, 0.0);
        }
    }
    Some(sums)
}

/// Rows that are summed side by side where there are not more.
const FEW: usize = 4;

/// Sums up the products of so many rows, where there are so many of the right kind; returns whether there are.
#[inline]
fn of<const N: usize>(w: &[f64], vectors: &VectorStore, first: usize, sums: &mut [f64; N]) -> bool {
    if first + N > vectors.len() {
        return false;
    }
    let mut x: [&[f64]; N] = [&[]; N];
    for (k, x) in x.iter_mut().enumerate() {
        match vectors.row(first + k) {
            Row::Dense(values) if values.len() == w.len() && vectors.is_valid(first + k) => *x = values,
            _ => return false,
        }
    }
    *sums = lanes::dots(w, x);
    true
}
