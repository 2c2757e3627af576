//! Kernels of what a model asserts.

use plan::tensor::CheckOp;

use super::{Args, Done, refuse};

pub(super) struct CheckKernel {
    op: CheckOp,
}

impl CheckKernel {
    pub fn new(op: &CheckOp) -> CheckKernel {
        CheckKernel { op: *op }
    }

    pub fn run(&self, args: &Args<'_>) -> Done {
        match self.op {
            CheckOp::Require => {
                let truth = args.get(1)?;
                if truth.get::<bool>().is_none_or(|truth| truth.contains(&false)) {
                    return Err(refuse("what the model asserts of its values", "values of which it is not so"));
                }
                if let Some(value) = args.whole(0).map(|value| value.clone()) {
                    args.put(0, value);
                }
                Ok(())
            }
        }
    }
}
