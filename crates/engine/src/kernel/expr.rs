//! Scalar expressions. What computes on plain numbers alone is a flat program on cells ([`fast`]); all else is a tree of
//! values of any type ([`general`]), its functions in a file for each family of the plan's table.

use plan::expr::ExprOp;

use super::Site;
use crate::{
    error::CompileError,
    frame::{Env, Home},
};

mod arith;
mod cast;
mod coding;
pub(crate) mod fast;
mod format;
mod general;
mod list;
mod mask;
mod math;
mod normal;
mod older;
mod parse;
mod printf;
pub(crate) mod regex;
pub(crate) mod stat;
mod strict;
mod text;
mod time;
mod title;
pub(crate) mod value;
mod wide;
mod zone;

#[cfg(test)]
mod tests;

/// An expression, ready to run.
pub enum ExprKernel {
    Fast(fast::Fast),
    General(general::General),
}

impl ExprKernel {
    pub(crate) fn new(op: &ExprOp, site: &Site<'_>) -> Result<ExprKernel, CompileError> {
        let error = |what| CompileError::Plan(plan::PlanError::Expression { step: site.step.clone(), what });
        let expr = op.typed(site.inputs).map_err(error)?;
        Ok(match fast::Fast::new(&expr, site)? {
            Some(fast) => ExprKernel::Fast(fast),
            None => ExprKernel::General(general::General::new(&expr, site)?),
        })
    }

    pub(crate) fn run(&self, env: &Env<'_>, inputs: &[Home], outputs: &[Option<Home>]) {
        let Some(out) = outputs[0] else { return };
        match self {
            ExprKernel::Fast(fast) => fast.run(env, inputs, out),
            ExprKernel::General(general) => general.run(env, inputs, out),
        }
    }
}
