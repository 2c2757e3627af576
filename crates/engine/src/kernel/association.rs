//! Kernels of rules between sets of items ([`fired`]), and of what stands at a number ([`entry`]).

use plan::AssociationOp;

use super::Site;
use crate::{
    error::CompileError,
    frame::{Env, Home},
};

mod entry;
mod fired;

/// An op of the family, ready to run.
pub enum AssociationKernel {
    Fired(fired::Fired),
    Entry(entry::Entries),
    Entries(entry::Entries),
}

impl AssociationKernel {
    pub(crate) fn new(op: &AssociationOp, site: &Site<'_>) -> Result<AssociationKernel, CompileError> {
        Ok(match op {
            AssociationOp::Fired { rules, fires, order } => {
                AssociationKernel::Fired(fired::Fired::new(rules, *fires, order.clone()))
            }
            AssociationOp::Entry { table } => AssociationKernel::Entry(entry::Entries::new(table, None, site)?),
            AssociationOp::Entries { table, limit } => {
                AssociationKernel::Entries(entry::Entries::new(table, *limit, site)?)
            }
        })
    }

    pub(crate) fn run(&self, env: &Env<'_>, inputs: &[Home], outputs: &[Option<Home>]) {
        let [Some(output)] = *outputs else { return };
        match self {
            AssociationKernel::Fired(kernel) => kernel.run(env, inputs, output),
            AssociationKernel::Entry(kernel) => kernel.run(env, inputs[0], output),
            AssociationKernel::Entries(kernel) => kernel.run_many(env, inputs[0], output),
        }
    }
}

#[cfg(test)]
mod tests;
