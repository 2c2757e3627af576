//! Kernels of the family `linear`.

use plan::LinearOp;

use super::Site;
use crate::{
    error::CompileError,
    frame::{Env, Home},
};

/// An op of the family, ready to run.
pub struct LinearKernel;

impl LinearKernel {
    pub(crate) fn new(op: &LinearOp, site: &Site<'_>) -> Result<LinearKernel, CompileError> {
        Err(CompileError::Unimplemented(format!("{} of {}", op.name(), site.step)))
    }

    pub(crate) fn run(&self, _env: &Env<'_>, _inputs: &[Home], _outputs: &[Option<Home>]) {}
}
