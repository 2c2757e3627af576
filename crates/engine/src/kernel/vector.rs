//! Kernels of the family `vector`.

use plan::VectorOp;

use super::Site;
use crate::{
    error::CompileError,
    frame::{Env, Home},
};

/// An op of the family, ready to run.
pub struct VectorKernel;

impl VectorKernel {
    pub(crate) fn new(op: &VectorOp, site: &Site<'_>) -> Result<VectorKernel, CompileError> {
        Err(CompileError::Unimplemented(format!("{} of {}", op.name(), site.step)))
    }

    pub(crate) fn run(&self, _env: &Env<'_>, _inputs: &[Home], _outputs: &[Option<Home>]) {}
}
