//! Ops on rows as such: which of them go on.
//!
//! A gate has no output: what it does is done to the rows. So it is run not because somebody reads it but because it stands
//! in the plan ([`crate::Plan::gates`] says when).

use model::Type;

use super::Inferred;
use crate::plan::{Place, ValueType};

/// Ops that say what becomes of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowsOp {
    /// One boolean column in, nothing out: rows where it is not true (false, null) are dropped from here on. Later nodes do
    /// not see them; earlier ones did, and a row that one of them refused stays refused.
    Keep,
}

impl RowsOp {
    pub fn name(&self) -> &'static str {
        match self {
            RowsOp::Keep => "keep",
        }
    }

    pub(crate) fn infer(&self, inputs: &[ValueType]) -> Inferred {
        match (self, inputs) {
            (RowsOp::Keep, [ValueType { ty, place: Place::Rows(_) }]) if *ty == Type::BOOL => Ok(Vec::new()),
            (RowsOp::Keep, _) => Err("one boolean column"),
        }
    }
}
