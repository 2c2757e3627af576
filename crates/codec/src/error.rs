//! Why bytes are not a batch.

use std::io;

use model::{PredictError, Violation};

/// Why a codec gave no batch, or could not write one.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// The bytes are not the format they should be.
    #[error("{what}: line {line}, column {column} (byte {byte})")]
    Syntax { what: String, line: usize, column: usize, byte: u64 },
    #[error("values are nested deeper than the limit of {limit} levels (line {line}, column {column})")]
    Depth { limit: usize, line: usize, column: usize },
    /// `key` is the configuration key or option that sets the limit.
    #[error("{what} is {got}, more than the limit {limit} ({key})")]
    TooLarge { what: String, got: u64, limit: u64, key: &'static str },
    /// A binary file whose parts do not agree with each other or with its size.
    #[error("{format}: {what}")]
    Damaged { format: &'static str, what: String },
    /// Values that do not fit their fields: the first ones in full, and how many there are.
    #[error("{}", first_of(violations, *total))]
    Violations { violations: Vec<Violation>, total: usize },
    /// A type that the format cannot carry, or that we do not read yet.
    #[error("column `{column}`: {ty} is not supported {context}")]
    UnsupportedType { column: String, ty: String, context: &'static str },
    /// Something else that we do not read or write, by name.
    #[error("not implemented: {what}")]
    Unsupported { what: String },
    /// A schema that does not say what it should; `at` is the byte of its text.
    #[error("schema: expected {expected}, got {got} (at byte {at})")]
    Schema { expected: String, got: String, at: usize },
    #[error("{0}")]
    Io(#[from] io::Error),
}

fn first_of(violations: &[Violation], total: usize) -> String {
    let Some(first) = violations.first() else { return format!("{total} violations") };
    match total {
        0 | 1 => first.to_string(),
        n => format!("{first} (and {} more)", n - 1),
    }
}

impl From<CodecError> for PredictError {
    fn from(error: CodecError) -> PredictError {
        match error {
            CodecError::Violations { mut violations, total } => {
                let more = total.saturating_sub(violations.len());
                if more > 0 {
                    let got = Some(format!("{more} more violations"));
                    violations.push(Violation { row: None, field: None, expected: None, got });
                }
                PredictError::Invalid { violations }
            }
            CodecError::TooLarge { what, got, limit, key } => PredictError::TooLarge { what, got, limit, key },
            CodecError::Unsupported { what } => PredictError::Unimplemented { what },
            CodecError::UnsupportedType { column, ty, context } => {
                PredictError::Unimplemented { what: format!("column `{column}`: {ty} {context}") }
            }
            CodecError::Io(error) => PredictError::Internal { message: error.to_string() },
            error @ CodecError::Damaged { .. } => PredictError::invalid(None, "a sound file", error.to_string()),
            error @ CodecError::Syntax { .. } => PredictError::invalid(None, "well-formed input", error.to_string()),
            error @ CodecError::Depth { .. } => PredictError::invalid(None, "less nesting", error.to_string()),
            CodecError::Schema { expected, got, at } => {
                PredictError::invalid(None, expected, format!("{got} (at byte {at} of the schema)"))
            }
        }
    }
}
