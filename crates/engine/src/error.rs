//! Why a plan cannot run as asked.

use std::sync::Arc;

use model::{PredictError, Violation};
use plan::PlanError;

/// What stands between a plan and a program.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    #[error("no output is called {name:?}; there are {}", known.join(", "))]
    UnknownOutput { name: Arc<str>, known: Vec<String> },
    #[error("column `{name}` is missing")]
    MissingInput { name: Arc<str>, expected: String },
    /// The plan does not work on the types that the input has.
    #[error(transparent)]
    Plan(#[from] PlanError),
    #[error("{step}: the pattern {pattern:?} is not understood: {message}")]
    Pattern { step: Arc<str>, pattern: Arc<str>, message: String },
    #[error("not implemented: {0}")]
    Unimplemented(String),
}

impl From<CompileError> for PredictError {
    fn from(error: CompileError) -> PredictError {
        match error {
            CompileError::MissingInput { name, expected } => PredictError::Invalid {
                violations: vec![Violation {
                    row: None,
                    field: Some(name),
                    expected: Some(expected),
                    got: Some("nothing".to_owned()),
                }],
            },
            CompileError::UnknownOutput { ref name, ref known } => {
                PredictError::invalid(None, format!("an output among {}", known.join(", ")), format!("{name:?}"))
            }
            CompileError::Unimplemented(what) | CompileError::Plan(PlanError::Unimplemented(what)) => {
                PredictError::Unimplemented { what }
            }
            CompileError::Plan(PlanError::Types { step, op, expected, got }) => PredictError::Invalid {
                violations: vec![Violation {
                    row: None,
                    field: None,
                    expected: Some(format!("for {op} of {step}: {expected}")),
                    got: Some(got),
                }],
            },
            other => PredictError::FailedPrecondition { message: other.to_string() },
        }
    }
}
