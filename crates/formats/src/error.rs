//! Why an artifact is not a model that we can serve.

use plan::PlanError;

/// Why a reader returned no model. Each names the file, and where it can the class and the field.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// No format recognises the files.
    #[error("not a model of a known format; known are: {known}")]
    NotAModel { known: String },
    /// A file that the artifact must have is not there.
    #[error("{file}: {class}: missing{}", hint(help))]
    Missing { file: String, class: String, help: &'static str },
    /// A document is not well formed.
    #[error("{file}: {what}")]
    Syntax { file: String, what: String },
    /// A field is absent, of another type, or out of its range.
    #[error("{file}: {class}: {field}: expected {expected}, got {got}")]
    Field { file: String, class: String, field: String, expected: Box<str>, got: Box<str> },
    /// A class that no reader of the format knows.
    #[error("{file}: class {class} is not supported")]
    UnknownClass { file: String, class: String },
    /// More than a limit allows.
    #[error("{file}: {what} is {got}, more than the limit {limit} ({key})")]
    TooLarge { file: String, what: String, got: u64, limit: u64, key: &'static str },
    /// A table does not decode.
    #[error("{file}: {source}")]
    Table { file: String, source: Box<codec::CodecError> },
    /// A step's parameters, or the types between steps, do not agree.
    #[error("{file}: {class}: {stage}: {source}")]
    Plan { file: String, class: String, stage: String, source: Box<PlanError> },
    /// Something of a known class that we do not read yet.
    #[error("{file}: {class}: not implemented: {what}")]
    Unimplemented { file: String, class: String, what: String },
}

fn hint(help: &str) -> String {
    if help.is_empty() { String::new() } else { format!("; {help}") }
}
