//! What moves elements without computing on them: shapes, slices, joins, paddings.

use model::{DType, Type};

use super::{Formal, Given, is_tensor, tensor};

/// Ops of the family. Axes may be negative: then they count from the end.
#[derive(Clone, Debug, PartialEq)]
pub enum LayoutOp {
    /// The value as it is, of any kind.
    Identity,
    /// To the dimensions of input 1 (integers), one of which may be -1: what is left. A 0 stands for the input's own dimension
    /// at its place, or, where `allow_zero` says so, for none.
    Reshape { allow_zero: bool },
    /// In this order of axes; without one, reversed. Input 1, where given, is the order.
    Transpose { order: Option<Vec<usize>> },
    /// The dimensions as integers of this dtype, from `start` to `end`.
    Shape { start: i64, end: Option<i64>, dtype: DType },
    /// One after the other along an axis: any number of tensors of one type.
    Concat { axis: i64 },
}

impl LayoutOp {
    pub fn name(&self) -> &'static str {
        match self {
            LayoutOp::Identity => "identity",
            LayoutOp::Reshape { .. } => "reshape",
            LayoutOp::Transpose { .. } => "transpose",
            LayoutOp::Shape { .. } => "shape",
            LayoutOp::Concat { .. } => "concat",
        }
    }

    pub(super) fn infer(&self, formal: &Formal<'_>) -> Given {
        match self {
            LayoutOp::Identity => formal.first().copied().flatten().map(|ty| vec![ty.clone()]).ok_or("a value"),
            LayoutOp::Reshape { .. } | LayoutOp::Transpose { .. } => {
                tensor(formal, 0).map(|ty| vec![ty.clone()]).ok_or("a tensor")
            }
            LayoutOp::Shape { dtype, .. } => tensor(formal, 0).map(|_| vec![Type::scalar(*dtype)]).ok_or("a tensor"),
            LayoutOp::Concat { .. } => {
                let first = formal.first().copied().flatten().filter(|ty| is_tensor(ty));
                let alike = formal.iter().all(|ty| *ty == first);
                first.filter(|_| alike).map(|ty| vec![ty.clone()]).ok_or("tensors of one type")
            }
        }
    }
}
