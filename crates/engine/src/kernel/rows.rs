//! Kernels of the family `rows`: what becomes of a row.

use plan::RowsOp;

use crate::frame::{Env, Home};

/// An op of the family, ready to run.
pub struct RowsKernel {
    op: RowsOp,
}

impl RowsKernel {
    pub(crate) fn new(op: &RowsOp) -> RowsKernel {
        RowsKernel { op: op.clone() }
    }

    pub(crate) fn run(&self, env: &Env<'_>, inputs: &[Home]) {
        match self.op {
            RowsOp::Keep => {
                let keep = env.frame.cells(inputs[0]);
                env.frame.each_live(|row| {
                    if keep.get(row) != Some(1) {
                        env.skip(row);
                    }
                });
            }
        }
    }
}
