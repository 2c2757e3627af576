//! Kinds of failure toward callers, and the two shapes in which a call fails: as a whole, or a row of it.

use std::{fmt, sync::Arc, time::Duration};

/// The whole vocabulary toward callers; each border maps it to its protocol's statuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The input does not fit the signature.
    InvalidArgument,
    /// The version failed to load, or is not in a state to answer.
    FailedPrecondition,
    /// No such model, version, label, application.
    NotFound,
    /// The same version with other bytes.
    AlreadyExists,
    /// Cannot be deleted; the message says by whom it is used.
    InUse,
    Unauthenticated,
    PermissionDenied,
    /// Over a limit; names the limit and its key.
    TooLarge,
    /// A rate limit; says when to return.
    ResourceExhausted,
    /// The queue is full, the call was shed.
    Overloaded,
    /// The caller went away.
    Cancelled,
    /// Our bug.
    Internal,
    /// Something not read yet, by name.
    Unimplemented,
    /// Still loading, breaker open, worker gone, draining.
    Unavailable,
    /// The caller's time ran out.
    DeadlineExceeded,
}

impl Kind {
    /// The name in error bodies, logs and metric labels.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::InvalidArgument => "InvalidArgument",
            Kind::FailedPrecondition => "FailedPrecondition",
            Kind::NotFound => "NotFound",
            Kind::AlreadyExists => "AlreadyExists",
            Kind::InUse => "InUse",
            Kind::Unauthenticated => "Unauthenticated",
            Kind::PermissionDenied => "PermissionDenied",
            Kind::TooLarge => "TooLarge",
            Kind::ResourceExhausted => "ResourceExhausted",
            Kind::Overloaded => "Overloaded",
            Kind::Cancelled => "Cancelled",
            Kind::Internal => "Internal",
            Kind::Unimplemented => "Unimplemented",
            Kind::Unavailable => "Unavailable",
            Kind::DeadlineExceeded => "DeadlineExceeded",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One thing in the input that does not fit; an answer lists them all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The row, counted from 0, where it is one row's fault.
    pub row: Option<usize>,
    /// The column or field.
    pub field: Option<Arc<str>>,
    pub expected: Option<String>,
    pub got: Option<String>,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut sep = "";
        if let Some(row) = self.row {
            write!(f, "row {row}")?;
            sep = ", ";
        }
        if let Some(field) = &self.field {
            write!(f, "{sep}column `{field}`")?;
            sep = ": ";
        } else if self.row.is_some() {
            sep = ": ";
        }
        if let Some(expected) = &self.expected {
            write!(f, "{sep}expected {expected}")?;
            sep = ", ";
        }
        if let Some(got) = &self.got {
            write!(f, "{sep}got {got}")?;
        }
        Ok(())
    }
}

/// Why a predictor gave no answer to a call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PredictError {
    /// The input does not fit the signature; every violation found.
    #[error("{}", Join(violations))]
    Invalid { violations: Vec<Violation> },
    /// The model refuses a row, and the caller asked that the call fails then. Counts all such rows.
    #[error("row {}: {fault}{}", fault.row, Others(*refused))]
    Refused { fault: Box<RowFault>, refused: usize },
    #[error("{message}")]
    FailedPrecondition { message: String },
    #[error("{what} not found")]
    NotFound { what: String },
    #[error("{what} is {got}, more than the limit {limit} ({key})")]
    TooLarge { what: String, got: u64, limit: u64, key: &'static str },
    #[error("{message}")]
    ResourceExhausted { message: String, retry_after: Option<Duration> },
    #[error("overloaded: {message}")]
    Overloaded { message: String, retry_after: Option<Duration> },
    #[error("the call was cancelled")]
    Cancelled,
    #[error("the deadline passed before the answer was ready")]
    DeadlineExceeded,
    #[error("{message}")]
    Unavailable { message: String },
    #[error("not implemented: {what}")]
    Unimplemented { what: String },
    /// A fault of ours.
    #[error("internal error, this is a bug: {message}")]
    Internal { message: String },
}

impl PredictError {
    /// Returns the error of one violation that belongs to no row.
    pub fn invalid(field: Option<&str>, expected: impl Into<String>, got: impl Into<String>) -> PredictError {
        let violation = Violation {
            row: None,
            field: field.map(Into::into),
            expected: Some(expected.into()),
            got: Some(got.into()),
        };
        PredictError::Invalid { violations: vec![violation] }
    }

    /// Returns the kind toward callers.
    pub fn kind(&self) -> Kind {
        match self {
            PredictError::Invalid { .. } | PredictError::Refused { .. } => Kind::InvalidArgument,
            PredictError::FailedPrecondition { .. } => Kind::FailedPrecondition,
            PredictError::NotFound { .. } => Kind::NotFound,
            PredictError::TooLarge { .. } => Kind::TooLarge,
            PredictError::ResourceExhausted { .. } => Kind::ResourceExhausted,
            PredictError::Overloaded { .. } => Kind::Overloaded,
            PredictError::Cancelled => Kind::Cancelled,
            PredictError::DeadlineExceeded => Kind::DeadlineExceeded,
            PredictError::Unavailable { .. } => Kind::Unavailable,
            PredictError::Unimplemented { .. } => Kind::Unimplemented,
            PredictError::Internal { .. } => Kind::Internal,
        }
    }

    /// Returns the violations that an error body lists: the input's, or the refused row's.
    pub fn violations(&self) -> Vec<Violation> {
        match self {
            PredictError::Invalid { violations } => violations.clone(),
            PredictError::Refused { fault, .. } => vec![Violation {
                row: Some(fault.row),
                field: Some(fault.field.clone()),
                expected: Some(fault.kind.expected()),
                got: Some(fault.value.to_string()),
            }],
            _ => Vec::new(),
        }
    }
}

struct Join<'a>(&'a [Violation]);

impl fmt::Display for Join<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// Violations that the message repeats; the list in the body holds them all.
        const SHOWN: usize = 3;
        for (i, violation) in self.0.iter().take(SHOWN).enumerate() {
            write!(f, "{}{violation}", if i == 0 { "" } else { "; " })?;
        }
        match self.0.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}

struct Others(usize);

impl fmt::Display for Others {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 | 1 => Ok(()),
            2 => f.write_str(" (and 1 more row)"),
            n => write!(f, " (and {} more rows)", n - 1),
        }
    }
}

/// Why a model refuses one row: what was seen, kept small, rendered as text only when read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowFault {
    /// The row in the call's batch, counted from 0.
    pub row: usize,
    /// The column whose value is refused.
    pub field: Arc<str>,
    /// The step that refuses it, as the artifact names it.
    pub step: Arc<str>,
    pub kind: FaultKind,
    pub value: FaultValue,
}

impl fmt::Display for RowFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "column `{}`: {}, got {}", self.field, self.kind, self.value)?;
        if self.step.is_empty() { Ok(()) } else { write!(f, " ({})", self.step) }
    }
}

/// What a refused value should have been. The text completes "column `x`: ...".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// A label or category that training did not see.
    Unseen,
    /// Null where the step needs a value.
    Null,
    /// NaN where the step needs a number.
    NotANumber,
    /// Outside the range that the step covers.
    OutOfRange,
    /// A vector or list of another size.
    Size { expected: u64 },
    /// A value of another type than the input settled on.
    Type { expected: &'static str },
    /// Any other rule, in words that complete "expected ...".
    Rule(&'static str),
}

impl FaultKind {
    /// Returns what the value should have been.
    pub fn expected(&self) -> String {
        match self {
            FaultKind::Unseen => "a label seen in training".to_owned(),
            FaultKind::Null => "a value".to_owned(),
            FaultKind::NotANumber => "a number that is not NaN".to_owned(),
            FaultKind::OutOfRange => "a value within the range of the model".to_owned(),
            FaultKind::Size { expected: 1 } => "1 element".to_owned(),
            FaultKind::Size { expected } => format!("{expected} elements"),
            FaultKind::Type { expected } => (*expected).to_owned(),
            FaultKind::Rule(text) => (*text).to_owned(),
        }
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}", self.expected())
    }
}

/// The refused value itself.
#[derive(Clone, Debug)]
pub enum FaultValue {
    Null,
    Number(f64),
    Int(i64),
    Text(Box<str>),
    /// What it is, where the value itself tells less: `an array`.
    Kind(Box<str>),
    Size(u64),
}

impl FaultValue {
    /// Returns the text, cut to a length that a message can carry.
    pub fn text(text: &str) -> FaultValue {
        const CHARS_MAX: usize = 80;
        match text.char_indices().nth(CHARS_MAX) {
            Some((cut, _)) => FaultValue::Text(format!("{}…", &text[..cut]).into()),
            None => FaultValue::Text(text.into()),
        }
    }
}

impl PartialEq for FaultValue {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (FaultValue::Number(a), FaultValue::Number(b)) => a.to_bits() == b.to_bits(),
            (FaultValue::Null, FaultValue::Null) => true,
            (FaultValue::Int(a), FaultValue::Int(b)) => a == b,
            (FaultValue::Text(a), FaultValue::Text(b)) | (FaultValue::Kind(a), FaultValue::Kind(b)) => a == b,
            (FaultValue::Size(a), FaultValue::Size(b)) => a == b,
            _ => false,
        }
    }
}

impl Eq for FaultValue {}

impl fmt::Display for FaultValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FaultValue::Null => f.write_str("null"),
            FaultValue::Number(x) => write!(f, "{x}"),
            FaultValue::Int(x) => write!(f, "{x}"),
            FaultValue::Text(t) => write!(f, "{t:?}"),
            FaultValue::Kind(kind) => f.write_str(kind),
            FaultValue::Size(n) => write!(f, "{n} elements"),
        }
    }
}
