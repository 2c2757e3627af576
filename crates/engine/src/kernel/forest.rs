//! Kernels of the family `forest`.

use plan::ForestOp;

use super::Site;
use crate::{
    error::CompileError,
    frame::{Env, Home},
};

/// An op of the family, ready to run.
pub struct ForestKernel;

impl ForestKernel {
    pub(crate) fn new(_op: &ForestOp, site: &Site<'_>) -> Result<ForestKernel, CompileError> {
        Err(CompileError::Unimplemented(format!("{} of {}", "forest", site.step)))
    }

    pub(crate) fn run(&self, _env: &Env<'_>, _inputs: &[Home], _outputs: &[Option<Home>]) {}
}
