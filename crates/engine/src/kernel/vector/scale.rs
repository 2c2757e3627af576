//! Element by element, each with parameters of its own.

use std::sync::Arc;

use model::column::Row;
use plan::Compressed;

use super::{Refusal, end_compressed, extend_dense, map, wrong_size};
use crate::{
    frame::{Env, Home},
    store::VectorStore,
};

pub enum Scale {
    /// As it came, whatever it is.
    Same,
    Shift(Arc<[f64]>),
    /// `(x - shift) * scale`; pairs of both.
    Both(Box<[(f64, f64)]>),
    Multiply(Arc<[f64]>),
    MinMax(MinMax),
}

pub struct MinMax {
    from: Arc<[f64]>,
    /// `(max - min) / (to - from)`; 0 marks an element that was the same in all of training.
    scale: Box<[f64]>,
    min: f64,
    middle: f64,
    form: Compressed,
}

impl Scale {
    pub fn standardize(shift: Option<Arc<[f64]>>, scale: Option<Arc<[f64]>>) -> Scale {
        match (shift, scale) {
            (None, None) => Scale::Same,
            (None, Some(factors)) => Scale::Multiply(factors),
            (Some(shift), None) => Scale::Shift(shift),
            (Some(shift), Some(scale)) => Scale::Both(shift.iter().copied().zip(scale.iter().copied()).collect()),
        }
    }

    pub fn min_max(from: Arc<[f64]>, to: &[f64], (min, max): (f64, f64), form: Compressed) -> Scale {
        let scale = from.iter().zip(to).map(|(from, to)| {
            let range = to - from;
            if range == 0.0 { 0.0 } else { (max - min) / range }
        });
        Scale::MinMax(MinMax { scale: scale.collect(), from, min, middle: (min + max) / 2.0, form })
    }

    pub fn run(&self, env: &Env<'_>, input: Home, output: Home) {
        match self {
            Scale::Same => same(env, input, output),
            Scale::Shift(shift) => map(env, input, output, |row, out| {
                shifted(row, out, shift.len(), |values| values.iter_mut().zip(&**shift).for_each(|(v, s)| *v -= s))
            }),
            Scale::Both(pairs) => map(env, input, output, |row, out| {
                shifted(row, out, pairs.len(), |values| {
                    values.iter_mut().zip(&**pairs).for_each(|(v, (shift, scale))| *v = (*v - shift) * scale);
                })
            }),
            Scale::Multiply(factors) => map(env, input, output, |row, out| multiplied(row, out, factors)),
            Scale::MinMax(kernel) => map(env, input, output, |row, out| kernel.row(row, out)),
        }
    }
}

/// Hands every row through, null too.
fn same(env: &Env<'_>, input: Home, output: Home) {
    let vectors = env.frame.vectors(input);
    let mut out = env.frame.vectors_mut(output);
    out.clear();
    for row in 0..env.frame.rows() {
        if env.frame.is_live(row) && vectors.is_valid(row) { out.push(vectors.row(row)) } else { out.push_null() }
    }
}

/// Ends a dense row of at most `longest` elements, changed by `f`.
fn shifted(row: Row<'_>, out: &mut VectorStore, longest: usize, f: impl FnOnce(&mut [f64])) -> Result<(), Refusal> {
    if row.size() > longest {
        return Err(wrong_size(longest, row.size()));
    }
    let start = out.values.len();
    extend_dense(&mut out.values, row);
    f(&mut out.values[start..]);
    out.end_dense(start);
    Ok(())
}

/// Ends a row of the same form. A sparse row is too long only where it stores an element that has no factor.
fn multiplied(row: Row<'_>, out: &mut VectorStore, factors: &[f64]) -> Result<(), Refusal> {
    let (index_start, start) = (out.indices.len(), out.values.len());
    match row {
        Row::Dense(values) => {
            if values.len() > factors.len() {
                return Err(wrong_size(factors.len(), values.len()));
            }
            out.values.extend(values.iter().zip(factors).map(|(v, f)| v * f));
            out.end_dense(start);
        }
        Row::Sparse { size, indices, values } => {
            if indices.last().is_some_and(|&last| last as usize >= factors.len()) {
                return Err(wrong_size(factors.len(), size));
            }
            out.values.extend(indices.iter().zip(values).map(|(&i, v)| v * factors[i as usize]));
            out.indices.extend_from_slice(indices);
            out.end_sparse(size as u32, index_start, start);
        }
    }
    Ok(())
}

impl MinMax {
    fn row(&self, row: Row<'_>, out: &mut VectorStore) -> Result<(), Refusal> {
        let size = self.scale.len();
        if row.size() != size {
            return Err(wrong_size(size, row.size()));
        }
        let start = out.values.len();
        extend_dense(&mut out.values, row);
        for ((v, from), scale) in out.values[start..].iter_mut().zip(&*self.from).zip(&*self.scale) {
            if !v.is_nan() {
                *v = if *scale == 0.0 { self.middle } else { (*v - from) * scale + self.min };
            }
        }
        end_compressed(out, start, size, self.form);
        Ok(())
    }
}
