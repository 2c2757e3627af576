//! Hashes that neighbours share: buckets of random projections, least hashes of sets.

use std::sync::Arc;

use model::{FaultKind, FaultValue, column::Row};

use super::{Refusal, null, wrong_size};
use crate::{
    frame::{Env, Home},
    store::VectorStore,
};

/// [`plan::FeatureOp::Project`] and [`plan::FeatureOp::MinHash`].
pub enum Neighbours {
    Project { rows: Arc<[f64]>, columns: usize, factor: f64 },
    MinHash(Arc<[(i32, i32)]>),
}

/// The prime that hashes of places are taken modulo (Spark's `HASH_PRIME`).
const PRIME: i64 = 2_038_074_743;

impl Neighbours {
    pub(super) fn project(rows: Arc<[f64]>, columns: u32, factor: f64) -> Neighbours {
        Neighbours::Project { rows, columns: columns as usize, factor }
    }

    pub(super) fn run(&self, env: &Env<'_>, input: Home, output: Home) {
        let vectors = env.frame.vectors(input);
        let mut lists = env.frame.lists_mut(output);
        lists.clear();
        for row in 0..env.frame.rows() {
            if !env.frame.is_live(row) {
                lists.push_null();
                continue;
            }
            let done = match vectors.is_valid(row) {
                true => self.row(vectors.row(row), lists.vectors_mut()),
                false => Err(null()),
            };
            match done {
                Ok(()) => lists.end(),
                Err((kind, value)) => {
                    env.refuse(row, 0, kind, value);
                    lists.push_null();
                }
            }
        }
    }

    /// Adds the hashes of one vector; a refused one adds none.
    fn row(&self, x: Row<'_>, out: &mut VectorStore) -> Result<(), Refusal> {
        match self {
            Neighbours::Project { columns, .. } if x.size() != *columns => Err(wrong_size(*columns, x.size())),
            Neighbours::Project { rows, columns, factor } => {
                rows.chunks_exact((*columns).max(1)).for_each(|row| push(out, (dot(row, x) * factor).floor()));
                Ok(())
            }
            Neighbours::MinHash(pairs) => {
                if non_zeros(x).next().is_none() {
                    let rule = "vectors with an element that is not 0";
                    return Err((FaultKind::Rule(rule), FaultValue::Size(x.size() as u64)));
                }
                for &(a, b) in pairs.iter() {
                    let hash = |i: i64| (1 + i).wrapping_mul(a.into()).wrapping_add(b.into()) % PRIME;
                    let least = non_zeros(x).map(hash).min().expect("there is a place, as was just seen");
                    push(out, least as f64);
                }
                Ok(())
            }
        }
    }
}

fn push(out: &mut VectorStore, hash: f64) {
    let start = out.values.len();
    out.values.push(hash);
    out.end_dense(start);
}

fn dot(row: &[f64], x: Row<'_>) -> f64 {
    match x {
        Row::Dense(values) => row.iter().zip(values).fold(0.0, |sum, (w, x)| sum + x * w),
        Row::Sparse { indices, values, .. } => {
            indices.iter().zip(values).fold(0.0, |sum, (&i, x)| sum + x * row[i as usize])
        }
    }
}

/// Returns the places whose elements are not 0, in order.
fn non_zeros(x: Row<'_>) -> impl Iterator<Item = i64> + '_ {
    let (values, indices) = match x {
        Row::Dense(values) => (values, None),
        Row::Sparse { indices, values, .. } => (values, Some(indices)),
    };
    let place = move |k: usize| indices.map_or(k as i64, |indices| i64::from(indices[k]));
    values.iter().enumerate().filter(|(_, value)| **value != 0.0).map(move |(k, _)| place(k))
}
