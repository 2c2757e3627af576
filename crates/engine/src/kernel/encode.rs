//! Kernels between labels, categories, tokens and numbers.
//!
//! What depends on the model alone is worked out when the kernel is made: tables of terms and labels by their bytes, labels
//! of numbers by the numbers' bits (so that no number is written as text to be looked up), the divisor of a hash.

mod bucket;
mod find;
mod hash_counts;
pub(super) mod index;
mod label;
mod one_hot;
mod sort;
mod term_counts;

use std::hint::select_unpredictable;

use model::{DType, FaultKind, FaultValue};
use plan::EncodeOp;

use super::Site;
use crate::{
    error::CompileError,
    frame::{Env, Home},
    store::VectorStore,
};

/// An op of the family, ready to run.
pub enum EncodeKernel {
    HashCounts(hash_counts::HashCounts),
    TermCounts(term_counts::TermCounts),
    Index(index::Index),
    Label(label::Label),
    OneHot(one_hot::OneHot),
    Bucket(bucket::Bucket),
    Find(find::Find),
}

impl EncodeKernel {
    pub(crate) fn new(op: &EncodeOp, site: &Site<'_>) -> Result<EncodeKernel, CompileError> {
        Ok(match op {
            EncodeOp::HashCounts { size, hash, binary } => {
                EncodeKernel::HashCounts(hash_counts::HashCounts::new(*size, *hash, *binary, site)?)
            }
            EncodeOp::TermCounts { vocabulary, tf_min, binary } => {
                EncodeKernel::TermCounts(term_counts::TermCounts::new(vocabulary, *tf_min, *binary))
            }
            EncodeOp::Index { labels, invalid } => EncodeKernel::Index(index::Index::new(labels, *invalid, site)?),
            EncodeOp::Place { labels } => EncodeKernel::Index(index::Index::place(labels, site)?),
            EncodeOp::Label { labels } => EncodeKernel::Label(label::Label::new(labels, site)?),
            EncodeOp::OneHot { categories, invalid, .. } => {
                EncodeKernel::OneHot(one_hot::OneHot::new(*categories, op.one_hot_size(), *invalid))
            }
            EncodeOp::Bucket { splits, invalid } => EncodeKernel::Bucket(bucket::Bucket::new(splits, *invalid)),
            EncodeOp::Find(table) => EncodeKernel::Find(find::Find::new(table, site)?),
        })
    }

    pub(crate) fn run(&self, env: &Env<'_>, inputs: &[Home], outputs: &[Option<Home>]) {
        let Some(output) = outputs[0] else { return };
        match self {
            EncodeKernel::HashCounts(k) => k.run(env, inputs[0], output),
            EncodeKernel::TermCounts(k) => k.run(env, inputs[0], output),
            EncodeKernel::Index(k) => k.run(env, inputs[0], output),
            EncodeKernel::Label(k) => k.run(env, inputs[0], output),
            EncodeKernel::OneHot(k) => k.run(env, inputs[0], output),
            EncodeKernel::Bucket(k) => k.run(env, inputs[0], output),
            EncodeKernel::Find(k) => k.run(env, inputs, output),
        }
    }
}

/// Refuses a row whose only input is null.
fn refuse_null(env: &Env<'_>, row: usize) {
    env.refuse(row, 0, FaultKind::Null, FaultValue::Null);
}

/// Returns a cell as a fault shows it.
fn fault_value(dtype: DType, cell: u64) -> FaultValue {
    match dtype {
        DType::Bool => FaultValue::text(if cell == 0 { "false" } else { "true" }),
        DType::F32 | DType::F64 => FaultValue::Number(crate::frame::as_f64(dtype, cell)),
        _ => FaultValue::Int(cell as i64),
    }
}

/// Counts that end up in a sparse vector.
struct Counts {
    size: u32,
    /// Counts below are left out.
    least: f64,
    binary: bool,
}

impl Counts {
    /// Ends a row: its entries are the places pushed to `indices` from `start` on, each with how often it is among them.
    #[inline]
    fn end(&self, out: &mut VectorStore, start: usize) {
        let value_start = out.values.len();
        let places = &mut out.indices[start..];
        out.values.resize(value_start + places.len(), 0.0);
        let counts = &mut out.values[value_start..];
        let kept = if places.len() <= sort::MOST {
            let sorted = sort::sorted(places);
            self.tally(places, counts, |_, at| sorted[at])
        } else {
            places.sort_unstable();
            self.tally(places, counts, |places, at| places[at])
        };
        out.indices.truncate(start + kept);
        out.values.truncate(value_start + kept);
        out.end_sparse(self.size, start, value_start);
    }

    /// Writes the entries to the front, returns how many there are; `sorted` tells the places in order. Whether a place is the
    /// last of its kind is as good as random: an entry is written always, and kept or not.
    #[inline]
    fn tally(&self, places: &mut [u32], counts: &mut [f64], sorted: impl Fn(&[u32], usize) -> u32) -> usize {
        let (len, mut kept, mut run) = (places.len(), 0, 0);
        for at in 0..len {
            let place = sorted(places, at);
            let is_last = at + 1 == len || sorted(places, at + 1) != place;
            run += 1;
            let count = f64::from(run);
            places[kept] = place;
            counts[kept] = if self.binary { 1.0 } else { count };
            kept += usize::from(is_last & (count >= self.least));
            run = select_unpredictable(is_last, 0_u32, run);
        }
        kept
    }
}

#[cfg(test)]
mod tests;
