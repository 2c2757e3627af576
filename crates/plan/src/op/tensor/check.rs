//! What a model asserts of its values.

use model::{DType, Type};

use super::{Formal, Given, dtype};

/// Ops of the family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckOp {
    /// The first input, of any kind, as it is; where the second (booleans) is not true throughout, the call is refused.
    Require,
}

impl CheckOp {
    pub fn name(&self) -> &'static str {
        match self {
            CheckOp::Require => "require",
        }
    }

    pub(super) fn infer(&self, formal: &Formal<'_>) -> Given {
        let value: Option<&Type> = formal.first().copied().flatten();
        match (value, dtype(formal, 1)) {
            (Some(ty), Some(DType::Bool)) => Ok(vec![ty.clone()]),
            _ => Err("a value, and booleans"),
        }
    }
}
