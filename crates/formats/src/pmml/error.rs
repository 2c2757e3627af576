//! What is wrong with a document, before its file's name is put to it.

use plan::PlanError;

use crate::ReadError;

/// Why a document is refused; [`Fault::of`] makes a [`ReadError`] of it.
#[derive(Debug)]
pub enum Fault {
    Syntax {
        line: usize,
        what: String,
    },
    Field {
        element: String,
        field: String,
        expected: String,
        got: String,
    },
    TooLarge {
        what: String,
        got: usize,
        limit: usize,
        key: &'static str,
    },
    Unimplemented {
        element: String,
        what: String,
    },
    /// An element that is no model of ours.
    Unknown {
        element: String,
    },
    Plan {
        element: String,
        source: PlanError,
    },
}

impl Fault {
    pub fn syntax(line: usize, what: impl Into<String>) -> Fault {
        Fault::Syntax { line, what: what.into() }
    }

    /// Returns the fault as that of a file.
    pub fn of(self, file: &str) -> ReadError {
        let file = file.to_owned();
        match self {
            Fault::Syntax { line, what } => ReadError::Syntax { file, what: format!("line {line}: {what}") },
            Fault::Field { element, field, expected, got } => {
                ReadError::Field { file, class: element, field, expected: expected.into(), got: got.into() }
            }
            Fault::TooLarge { what, got, limit, key } => {
                ReadError::TooLarge { file, what, got: got as u64, limit: limit as u64, key }
            }
            Fault::Unimplemented { element, what } => ReadError::Unimplemented { file, class: element, what },
            Fault::Unknown { element } => ReadError::UnknownClass { file, class: element },
            Fault::Plan { element, source } => {
                ReadError::Plan { file, class: element, stage: "plan".to_owned(), source: Box::new(source) }
            }
        }
    }
}
