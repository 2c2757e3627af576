//! Why a plan is not one.

use std::sync::Arc;

/// What is wrong with a plan, or with the types it is asked to run on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// An op does not take such inputs.
    #[error("{step}: {op} takes {expected}, got {got}")]
    Types { step: Arc<str>, op: &'static str, expected: String, got: String },
    /// An expression has no meaning for the types of its inputs.
    #[error("{step}: {what}")]
    Expression { step: Arc<str>, what: String },
    /// The parameters of an op contradict each other, or reach past a bound.
    #[error("{op}: {what}")]
    Parameters { op: &'static str, what: String },
    /// Nodes are out of order, a slot is written twice, or a name is missing.
    #[error("malformed plan: {0}")]
    Shape(String),
    #[error("not implemented: {0}")]
    Unimplemented(String),
}

impl PlanError {
    /// Returns the error of contradicting parameters.
    pub fn parameters(op: &'static str, what: impl Into<String>) -> PlanError {
        PlanError::Parameters { op, what: what.into() }
    }
}
