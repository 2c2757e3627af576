//! Kernels of clusters: the nearest centre ([`distance`] says how far, [`nearest`] how it is found), shares of a mixture's
//! components ([`mixture`]), topics of documents ([`topics`]).

use model::{FaultKind, FaultValue, PredictError, column::Row};
use plan::ClusterOp;

use crate::frame::{Cells, Env, Home};

mod distance;
mod mixture;
mod nearest;
mod topics;

/// An op of the family, ready to run.
pub enum ClusterKernel {
    Nearest(nearest::Nearest),
    Descend(nearest::Descend),
    Mixture(mixture::Mixture),
    Topics(topics::Topics),
}

/// What a row is refused with.
type Refusal = (FaultKind, FaultValue);

impl ClusterKernel {
    pub(crate) fn new(op: &ClusterOp) -> ClusterKernel {
        match op {
            ClusterOp::Nearest { centers } => ClusterKernel::Nearest(nearest::Nearest::new(centers)),
            ClusterOp::Descend { centers, branches, distance, nan_last } => {
                ClusterKernel::Descend(nearest::Descend::new(centers, branches, *distance, *nan_last))
            }
            ClusterOp::Mixture { weights, components } => {
                ClusterKernel::Mixture(mixture::Mixture::new(weights.clone(), components.clone()))
            }
            ClusterOp::Topics { weights, prior, start } => {
                ClusterKernel::Topics(topics::Topics::new(weights.clone(), prior.clone(), start.clone()))
            }
        }
    }

    pub(crate) fn run(&self, env: &Env<'_>, inputs: &[Home], outputs: &[Option<Home>]) -> Result<(), PredictError> {
        match self {
            ClusterKernel::Nearest(kernel) => label(env, inputs[0], outputs[0], |x| kernel.row(x)),
            ClusterKernel::Descend(kernel) => label(env, inputs[0], outputs[0], |x| kernel.row(x)),
            ClusterKernel::Mixture(kernel) => kernel.run(env, inputs[0], outputs),
            ClusterKernel::Topics(kernel) => return kernel.run(env, inputs[0], outputs[0]),
        }
        Ok(())
    }
}

/// Writes what `f` answers to the vector of every live row.
fn label(env: &Env<'_>, input: Home, output: Option<Home>, f: impl Fn(Row<'_>) -> Result<i32, Refusal>) {
    let Some(output) = output else { return };
    let vectors = env.frame.vectors(input);
    let cells = env.frame.cells(output);
    env.frame.each_live(|row| {
        let label = if vectors.is_valid(row) { f(vectors.row(row)) } else { Err(null()) };
        match label {
            Ok(label) => set_i32(&cells, row, label),
            Err((kind, value)) => {
                env.refuse(row, 0, kind, value);
                cells.set(row, None);
            }
        }
    });
}

fn set_i32(cells: &Cells<'_>, row: usize, value: i32) {
    cells.set(row, Some(i64::from(value) as u64));
}

fn null() -> Refusal {
    (FaultKind::Null, FaultValue::Null)
}

fn sized(x: Row<'_>, expected: usize) -> Result<(), Refusal> {
    match x.size() {
        size if size == expected => Ok(()),
        size => Err((FaultKind::Size { expected: expected as u64 }, FaultValue::Size(size as u64))),
    }
}

#[cfg(test)]
mod tests;
