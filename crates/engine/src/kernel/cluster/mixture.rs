//! Shares of a mixture's components.

use std::sync::Arc;

use model::column::Row;
use plan::Component;

use super::{Refusal, null, set_i32, sized};
use crate::frame::{Env, Home};

/// [`plan::ClusterOp::Mixture`].
pub struct Mixture {
    weights: Arc<[f64]>,
    components: Arc<[Component]>,
}

impl Mixture {
    pub fn new(weights: Arc<[f64]>, components: Arc<[Component]>) -> Mixture {
        Mixture { weights, components }
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

    fn row(&self, x: Row<'_>, shares: &mut Vec<f64>) -> Result<(), Refusal> {
        sized(x, self.components[0].shift.len())?;
        shares.clear();
        let density = |c: &Component| libm::exp(c.constant - 0.5 * square(c, x));
        shares.extend(self.weights.iter().zip(&*self.components).map(|(w, c)| f64::EPSILON + w * density(c)));
        let sum = shares.iter().fold(0.0, |sum, s| sum + s);
        shares.iter_mut().for_each(|s| *s /= sum);
        Ok(())
    }
}

/// Returns `|root x - shift|^2`.
fn square(component: &Component, x: Row<'_>) -> f64 {
    let size = component.shift.len();
    let mut square = 0.0;
    for (i, shift) in component.shift.iter().enumerate() {
        let root = &component.root[i * size..(i + 1) * size];
        let v = match x {
            Row::Dense(x) => root.iter().zip(x).fold(*shift, |v, (r, x)| v - r * x),
            Row::Sparse { indices, values, .. } => {
                indices.iter().zip(values).fold(*shift, |v, (&i, x)| v - root[i as usize] * x)
            }
        };
        square += v * v;
    }
    square
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
