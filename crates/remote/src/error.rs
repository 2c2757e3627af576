//! Why an engine gave no answer.

use std::io;

use model::{Kind as ErrorKind, PredictError};

use crate::wire::{Code, Kind};

/// Why an engine was not started, or did not answer a call. Each names the engine.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// No library is configured.
    #[error("the engine {0} is not configured; set engines.{0} to the path of its library")]
    NotConfigured(Kind),
    /// The child could not be made.
    #[error("the engine {kind} cannot be started: {what}: {source}")]
    Start { kind: Kind, what: String, source: io::Error },
    /// The engine refuses the model or the call.
    #[error("the engine {kind} refuses: {message}")]
    Refused { kind: Kind, code: Code, message: String },
    /// The process ended; `how` says by what, with its last words.
    #[error("the process of the engine {kind} {how}")]
    Died { kind: Kind, how: String },
    /// No answer in the time that there is.
    #[error("the engine {kind} did not {what} within {within_ms} ms ({key}); its process was ended")]
    Hangs { kind: Kind, what: &'static str, within_ms: u64, key: &'static str },
    /// What came is no answer.
    #[error("the process of the engine {kind} sent what is no answer ({what}); it was ended")]
    Garbled { kind: Kind, what: String },
    /// The model is being unloaded.
    #[error("the engine {0} is being ended")]
    Ending(Kind),
}

impl EngineError {
    /// Returns the kind toward callers where the model cannot be loaded.
    pub fn kind(&self) -> ErrorKind {
        match self {
            EngineError::Refused { code: Code::Unimplemented, .. } => ErrorKind::Unimplemented,
            _ => ErrorKind::FailedPrecondition,
        }
    }
}

impl From<EngineError> for PredictError {
    fn from(error: EngineError) -> PredictError {
        let message = error.to_string();
        match error {
            EngineError::Refused { code: Code::Invalid, message, kind } => {
                PredictError::invalid(None, format!("what the model takes (engine {kind})"), message)
            }
            EngineError::Refused { code: Code::Unimplemented, .. } => PredictError::Unimplemented { what: message },
            EngineError::Refused { code: Code::Exhausted, .. } => {
                PredictError::ResourceExhausted { message, retry_after: None }
            }
            EngineError::Refused { code: Code::Failed, .. } | EngineError::NotConfigured(_) => {
                PredictError::FailedPrecondition { message }
            }
            EngineError::Start { .. }
            | EngineError::Died { .. }
            | EngineError::Hangs { .. }
            | EngineError::Garbled { .. }
            | EngineError::Ending(_) => PredictError::Unavailable { message },
        }
    }
}
