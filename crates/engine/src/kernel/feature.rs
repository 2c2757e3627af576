//! Kernels that make features: products ([`interact`]), hashes of rows ([`hash_columns`]), means of words' vectors
//! ([`word_mean`]), buckets of neighbours ([`neighbours`]), numbers in the place of others ([`replace`]).
//!
//! Sums and products run in the order that the plan's op names, so that the bits are those of the JVM.

use model::{FaultKind, FaultValue};
use plan::FeatureOp;

use super::Site;
use crate::{
    error::CompileError,
    frame::{Env, Home},
};

mod hash_columns;
mod interact;
mod neighbours;
mod replace;
mod word_mean;
mod word_sums;

/// An op of the family, ready to run.
pub enum FeatureKernel {
    Interact(interact::Interact),
    HashColumns(hash_columns::HashColumns),
    WordMean(word_mean::WordMean),
    Neighbours(neighbours::Neighbours),
    Replace(replace::Replace),
}

impl FeatureKernel {
    pub(crate) fn new(op: &FeatureOp, site: &Site<'_>) -> Result<FeatureKernel, CompileError> {
        Ok(match op {
            FeatureOp::Interact { parts, form } => FeatureKernel::Interact(interact::Interact::new(parts, *form)),
            FeatureOp::HashColumns { columns, size } => {
                FeatureKernel::HashColumns(hash_columns::HashColumns::new(columns, *size, site))
            }
            FeatureOp::WordMean { words, vectors, size } => {
                FeatureKernel::WordMean(word_mean::WordMean::new(words, vectors, *size))
            }
            FeatureOp::Project { rows, columns, factor } => {
                FeatureKernel::Neighbours(neighbours::Neighbours::project(rows.clone(), *columns, *factor))
            }
            FeatureOp::MinHash { pairs } => FeatureKernel::Neighbours(neighbours::Neighbours::MinHash(pairs.clone())),
            FeatureOp::Impute { missing, surrogate } => {
                FeatureKernel::Replace(replace::Replace::Impute { missing: *missing, surrogate: *surrogate })
            }
            FeatureOp::Lookup { keys, values, null, other } => {
                FeatureKernel::Replace(replace::Replace::lookup(keys, values, *null, *other))
            }
        })
    }

    pub(crate) fn run(&self, env: &Env<'_>, inputs: &[Home], outputs: &[Option<Home>]) {
        let [Some(output)] = *outputs else { return };
        match self {
            FeatureKernel::Interact(k) => k.run(env, inputs, output),
            FeatureKernel::HashColumns(k) => k.run(env, inputs, output),
            FeatureKernel::WordMean(k) => k.run(env, inputs[0], output),
            FeatureKernel::Neighbours(k) => k.run(env, inputs[0], output),
            FeatureKernel::Replace(k) => k.run(env, inputs[0], output),
        }
    }
}

/// What a row is refused with.
type Refusal = (FaultKind, FaultValue);

fn null() -> Refusal {
    (FaultKind::Null, FaultValue::Null)
}

fn wrong_size(expected: usize, got: usize) -> Refusal {
    (FaultKind::Size { expected: expected as u64 }, FaultValue::Size(got as u64))
}

#[cfg(test)]
mod tests;
