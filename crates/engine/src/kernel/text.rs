//! Kernels of the family `text`.

use plan::TextOp;

use super::Site;
use crate::{
    error::CompileError,
    frame::{Env, Home},
};

/// An op of the family, ready to run.
pub struct TextKernel;

impl TextKernel {
    pub(crate) fn new(op: &TextOp, site: &Site<'_>) -> Result<TextKernel, CompileError> {
        Err(CompileError::Unimplemented(format!("{} of {}", op.name(), site.step)))
    }

    pub(crate) fn run(&self, _env: &Env<'_>, _inputs: &[Home], _outputs: &[Option<Home>]) {}
}
