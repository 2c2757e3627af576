//! Elements by their places: gathering, scattering, sorting.

use super::{Formal, Given, dtype, tensor};

/// Ops of the family.
#[derive(Clone, Debug, PartialEq)]
pub enum IndexOp {
    /// Slices of the first input along `axis` by the indices of the second (int32 or int64). Where `from_end` says so, negative
    /// ones count from the end; out of range is refused. The first `batch` dimensions are common to both.
    Gather { axis: i64, batch: usize, from_end: bool },
}

impl IndexOp {
    pub fn name(&self) -> &'static str {
        match self {
            IndexOp::Gather { .. } => "gather",
        }
    }

    pub(super) fn infer(&self, formal: &Formal<'_>) -> Given {
        match self {
            IndexOp::Gather { .. } => match (tensor(formal, 0), dtype(formal, 1)) {
                (Some(ty), Some(index)) if index.is_int() => Ok(vec![ty.clone()]),
                _ => Err("a tensor, and indices"),
            },
        }
    }
}
