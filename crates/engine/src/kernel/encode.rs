//! Kernels of the family `encode`.

use plan::EncodeOp;

use super::Site;
use crate::{
    error::CompileError,
    frame::{Env, Home},
};

/// An op of the family, ready to run.
pub struct EncodeKernel;

impl EncodeKernel {
    pub(crate) fn new(op: &EncodeOp, site: &Site<'_>) -> Result<EncodeKernel, CompileError> {
        Err(CompileError::Unimplemented(format!("{} of {}", op.name(), site.step)))
    }

    pub(crate) fn run(&self, _env: &Env<'_>, _inputs: &[Home], _outputs: &[Option<Home>]) {}
}
