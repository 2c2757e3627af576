//! Scalar expressions. What computes on plain numbers alone is a flat program on cells ([`fast`]).

use model::PredictError;
use plan::expr::ExprOp;

use super::Site;
use crate::{
    error::CompileError,
    frame::{Env, Home},
};

mod fast;

/// An expression, ready to run.
pub enum ExprKernel {
    Fast(fast::Fast),
}

impl ExprKernel {
    pub(crate) fn new(op: &ExprOp, site: &Site<'_>) -> Result<ExprKernel, CompileError> {
        let expr = op
            .typed(site.inputs)
            .map_err(|what| CompileError::Plan(plan::PlanError::Expression { step: site.step.clone(), what }))?;
        if let Some(fast) = fast::Fast::new(&expr, site)? {
            return Ok(ExprKernel::Fast(fast));
        }
        Err(CompileError::Unimplemented(format!("the expression {expr} in {}", site.step)))
    }

    pub(crate) fn run(&self, env: &Env<'_>, inputs: &[Home], outputs: &[Option<Home>]) -> Result<(), PredictError> {
        match self {
            ExprKernel::Fast(fast) => fast.run(env, inputs, outputs),
        }
    }
}
