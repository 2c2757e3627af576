//! Kernels of distances: to all points, to the nearest ([`measure`] says how far, [`nearest`] which are), and what the nearest
//! say together ([`judge`]); texts among documents ([`documents`]).

use plan::DistanceOp;

use crate::frame::{Env, Home};

mod documents;
mod judge;
mod measure;
mod nearest;

/// An op of the family, ready to run.
pub enum DistanceKernel {
    All(nearest::All),
    Nearest(nearest::Nearest),
    Judge(judge::Judge),
    Documents(documents::Documents),
}

impl DistanceKernel {
    pub(crate) fn new(op: &DistanceOp) -> DistanceKernel {
        match op {
            DistanceOp::All { measure, points } => DistanceKernel::All(nearest::All::new(measure, points)),
            DistanceOp::Nearest { measure, points, count } => {
                DistanceKernel::Nearest(nearest::Nearest::new(measure, points, *count as usize))
            }
            DistanceOp::Documents(corpus) => DistanceKernel::Documents(documents::Documents::new(corpus)),
            DistanceOp::Judge { values, verdict, count, single } => {
                DistanceKernel::Judge(judge::Judge::new(values.clone(), verdict.clone(), *count as usize, *single))
            }
        }
    }

    pub(crate) fn run(&self, env: &Env<'_>, inputs: &[Home], outputs: &[Option<Home>]) {
        match self {
            DistanceKernel::All(kernel) => kernel.run(env, inputs, outputs),
            DistanceKernel::Nearest(kernel) => kernel.run(env, inputs, outputs),
            DistanceKernel::Judge(kernel) => kernel.run(env, inputs, outputs),
            DistanceKernel::Documents(kernel) => kernel.run(env, inputs[0], outputs),
        }
    }
}

/// Rounds to 32 bits where that is asked for: what Java's float arithmetic gives after each operation.
#[inline(always)]
pub(in crate::kernel) fn rounded(single: bool, value: f64) -> f64 {
    if single { f64::from(value as f32) } else { value }
}

#[cfg(test)]
mod tests;
