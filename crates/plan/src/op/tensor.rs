//! Whole tensors. Elementwise functions are [`crate::Expr`]; the rest of the family comes with the formats that need it.

use model::{DType, Type};

use super::Inferred;
use crate::plan::{Place, ValueType};

/// How elements are folded into one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reduce {
    Sum,
    Max,
}

/// Ops on whole tensors of numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TensorOp {
    /// Elements of the first input along the first dimension, by the indices of the second (int64; negative ones count from
    /// the end; out of range is refused). The result's shape is the indices' followed by the rest of the first's.
    Gather,
    /// All elements folded into one, in row-major order; rank 0. Of none, a sum is 0 and a maximum is refused.
    Reduce(Reduce),
}

impl TensorOp {
    pub fn name(&self) -> &'static str {
        match self {
            TensorOp::Gather => "gather",
            TensorOp::Reduce(Reduce::Sum) => "reduce_sum",
            TensorOp::Reduce(Reduce::Max) => "reduce_max",
        }
    }

    pub(crate) fn infer(&self, inputs: &[ValueType]) -> Inferred {
        let whole = inputs.iter().all(|i| i.place == Place::Whole && i.ty.as_scalar().is_some());
        match (self, inputs) {
            (TensorOp::Gather, [data, indices]) if whole && indices.ty == Type::I64 => Ok(vec![data.clone()]),
            (TensorOp::Reduce(_), [data]) if whole && data.ty.as_scalar().is_some_and(DType::is_number) => {
                Ok(vec![data.clone()])
            }
            (TensorOp::Gather, _) => Err("a whole tensor of numbers and whole int64 indices"),
            (TensorOp::Reduce(_), _) => Err("a whole tensor of numbers"),
        }
    }
}
