//! Shares of a mixture's components.
//!
//! A root is kept by columns: its rows' sums grow side by side, each in the order of the vector's elements.

use std::sync::Arc;

use model::column::Row;
use plan::Component;

use super::{Refusal, null, set_i32, sized};
use crate::frame::{Env, Home};

/// [`plan::ClusterOp::Mixture`].
pub struct Mixture {
    weights: Arc<[f64]>,
    components: Arc<[Component]>,
    /// Of each component the root, column by column.
    columns: Box<[Box<[f64]>]>,
}

impl Mixture {
    pub fn new(weights: Arc<[f64]>, components: Arc<[Component]>) -> Mixture {
        let columns = components.iter().map(|c| columns(c.shift.len(), &c.root)).collect();
        Mixture { weights, components, columns }
    }

    pub fn run(&self, env: &Env<'_>, input: Home, outputs: &[Option<Home>]) {
        let frame = env.frame;
        let vectors = frame.vectors(input);
        let mut shares = outputs[0].map(|home| frame.vectors_mut(home));
        let labels = outputs[1].map(|home| frame.cells(home));
        let mut scratch = frame.scratch();
        if let Some(shares) = &mut shares {
            shares.clear();
        }
        for row in 0..frame.rows() {
            let done = match (frame.is_live(row), vectors.is_valid(row)) {
                (false, _) => Ok(false),
                (true, false) => Err(null()),
                (true, true) => self.row(vectors.row(row), &mut scratch.numbers).map(|()| true),
            };
            let is_done = done.unwrap_or_else(|(kind, value)| {
                env.refuse(row, 0, kind, value);
                false
            });
            if let Some(shares) = &mut shares {
                if is_done {
                    let start = shares.values.len();
                    shares.values.extend_from_slice(&scratch.numbers);
                    shares.end_dense(start);
                } else {
                    shares.push_null();
                }
            }
            if let Some(labels) = &labels {
                if is_done { set_i32(labels, row, largest(&scratch.numbers)) } else { labels.set(row, None) }
            }
        }
    }

    /// Leaves the shares in the scratch.
    fn row(&self, x: Row<'_>, scratch: &mut Vec<f64>) -> Result<(), Refusal> {
        let size = self.components[0].shift.len();
        sized(x, size)?;
        scratch.resize(self.weights.len() + size, 0.0);
        let (shares, sums) = scratch.split_at_mut(self.weights.len());
        for (((share, weight), component), columns) in
            shares.iter_mut().zip(&*self.weights).zip(&*self.components).zip(&self.columns)
        {
            sums.copy_from_slice(&component.shift);
            let square = square(columns, x, sums);
            *share = f64::EPSILON + weight * libm::exp(component.constant - 0.5 * square);
        }
        let sum = shares.iter().fold(0.0, |sum, s| sum + s);
        shares.iter_mut().for_each(|s| *s /= sum);
        scratch.truncate(self.weights.len());
        Ok(())
    }
}

/// Returns a square matrix, given row by row, column by column.
fn columns(size: usize, root: &[f64]) -> Box<[f64]> {
    (0..size).flat_map(|column| root.iter().skip(column).step_by(size)).copied().collect()
}

/// Returns `|root x - shift|^2`; the sums begin as the shift.
fn square(columns: &[f64], x: Row<'_>, sums: &mut [f64]) -> f64 {
    match x {
        Row::Dense(x) => x.iter().enumerate().for_each(|(column, x)| take(columns, column, *x, sums)),
        Row::Sparse { indices, values, .. } => {
            indices.iter().zip(values).for_each(|(&column, x)| take(columns, column as usize, *x, sums));
        }
    }
    sums.iter().fold(0.0, |square, v| square + v * v)
}

/// Takes a column, times `x`, off the sums.
#[inline]
fn take(columns: &[f64], column: usize, x: f64, sums: &mut [f64]) {
    let column = &columns[column * sums.len()..][..sums.len()];
    for (row, sum) in sums.iter_mut().enumerate() {
        *sum -= column[row] * x;
    }
}

fn largest(shares: &[f64]) -> i32 {
    let mut best = 0;
    for (i, share) in shares.iter().enumerate().skip(1) {
        if *share > shares[best] {
            best = i;
        }
    }
    best as i32
}
