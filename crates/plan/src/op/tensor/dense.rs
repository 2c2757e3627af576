//! Products of matrices.

use model::Type;

use super::{Formal, Given, dtype};

/// Ops of the family.
#[derive(Clone, Debug, PartialEq)]
pub enum DenseOp {
    /// The product of matrices, of the last two dimensions; those before broadcast. A tensor of one dimension is a row on the
    /// left, a column on the right, and that dimension is not in the result. Either may be transposed first (its last two
    /// dimensions). A sum runs over the common dimension in order.
    MatMul { transpose: [bool; 2] },
}

impl DenseOp {
    pub fn name(&self) -> &'static str {
        match self {
            DenseOp::MatMul { .. } => "matmul",
        }
    }

    pub(super) fn infer(&self, formal: &Formal<'_>) -> Given {
        match self {
            DenseOp::MatMul { .. } => match (dtype(formal, 0), dtype(formal, 1)) {
                (Some(a), Some(b)) if a == b => Ok(vec![Type::scalar(a)]),
                _ => Err("two tensors of numbers of one type"),
            },
        }
    }
}
