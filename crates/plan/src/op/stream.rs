//! Ops on the rows of a call as one stream, in their order: what a row gives depends on the rows before it, so a plan that
//! holds one is never cut or joined.
//!
//! A row that is refused before, or that a branch does not concern, keeps its place in the stream; its values are missing.

use model::{DType, Type};

use super::{Inferred, same_rows};
use crate::{error::PlanError, expr::Stat, plan::ValueType};

/// Most rows that one statistic is of.
const WINDOW_MAX: u32 = 4_096;

/// Ops on streams.
#[derive(Clone, Debug, PartialEq)]
pub enum StreamOp {
    /// The value of the first column `n` rows before; with `of`, a float64, that statistic of its values in the `n` rows before
    /// (of as many as there are). With further columns only rows count that have this row's values there. Null where there is
    /// no such row, and where the value is null.
    Lag { n: u32, of: Option<Stat> },
}

impl StreamOp {
    pub fn name(&self) -> &'static str {
        match self {
            StreamOp::Lag { .. } => "lag",
        }
    }

    pub(crate) fn infer(&self, inputs: &[ValueType]) -> Inferred {
        let StreamOp::Lag { of, .. } = self;
        let is_single = |ty: &Type| *ty == Type::Text || ty.as_scalar().is_some_and(|d| !d.is_decimal());
        let Some(place) = same_rows(inputs).filter(|_| inputs.iter().all(|input| is_single(&input.ty))) else {
            return Err("columns of strings, numbers or booleans");
        };
        let first = &inputs[0].ty;
        match of {
            Some(_) if !first.as_scalar().is_some_and(DType::is_number) => {
                Err("a column of numbers, and those of its blocks")
            }
            Some(_) => Ok(vec![ValueType { ty: Type::F64, place }]),
            None => Ok(vec![ValueType { ty: first.clone(), place }]),
        }
    }

    pub(crate) fn check(&self) -> Result<(), PlanError> {
        let StreamOp::Lag { n, of } = self;
        let most = if of.is_some() { WINDOW_MAX } else { u32::MAX };
        if (1..=most).contains(n) {
            return Ok(());
        }
        Err(PlanError::parameters("lag", format!("{n} rows back are not within 1 to {most}")))
    }
}
