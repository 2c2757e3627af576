//! Why a request got no answer, and the only table from [`Kind`] to HTTP statuses and gRPC codes.
//!
//! Dialects write their own bodies from a [`ServeError`]; which status it has is decided here. Where a protocol fixes
//! another one, its dialect says so beside its body.

use std::{sync::Arc, time::Duration};

use codec::CodecError;
use http::StatusCode;
use model::{Kind, PredictError, Violation};

/// Why a request got no answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ServeError {
    #[error(transparent)]
    Predict(#[from] PredictError),
    /// `served` says what is, at the same address.
    #[error("nothing is served at {path}; {served}")]
    NoRoute { path: String, served: &'static str },
    #[error(
        "{path} is not answered here: models are changed at a listener of their own, the one of [[server.listeners]] that names \
         `admin`"
    )]
    AdminApart { path: String },
    #[error("{path} takes {allow}, not {method}")]
    Method { path: String, method: String, allow: String },
    #[error("the answer is {offered}, which the accept header {accept:?} leaves out")]
    NotAcceptable { offered: &'static str, accept: String },
    #[error("the body must be {takes}, not {got}; send the header `content-type` with what it is")]
    MediaType { got: String, takes: String },
    #[error("bodies compressed with {got} are not read; send gzip, deflate, zstd or the body as it is")]
    Encoding { got: String },
    #[error("the body is over the limit of {limit} bytes (server.body_bytes_max)")]
    BodyTooLarge { limit: usize },
    #[error("the bodies in flight are over the limit of {limit} bytes (server.bodies_bytes_max)")]
    BodiesTooLarge { limit: usize },
    #[error("the body did not arrive within {ms} ms (server.body_timeout_ms)")]
    BodyTimeout { ms: u64 },
    #[error("the body broke off: {reason}")]
    BodyBroken { reason: String },
    /// The part of the request beside the body: a query key, a header, a name in the path.
    #[error("{what} {got:?}: expected {expected}")]
    Asked { what: String, got: String, expected: String },
    /// Nobody is known by what the request brought, or it brought nothing (`is_sent`).
    #[error("{message}")]
    Unauthenticated { message: String, is_sent: bool },
    /// In the words of the protocol that is spoken.
    #[error("{message}")]
    Worded { kind: Kind, message: String },
}

impl From<CodecError> for ServeError {
    fn from(error: CodecError) -> ServeError {
        ServeError::Predict(error.into())
    }
}

/// The table. What a client sees of a kind is decided here and nowhere else.
pub const fn status(kind: Kind) -> StatusCode {
    match kind {
        Kind::InvalidArgument | Kind::FailedPrecondition => StatusCode::BAD_REQUEST,
        Kind::NotFound => StatusCode::NOT_FOUND,
        Kind::AlreadyExists | Kind::InUse => StatusCode::CONFLICT,
        Kind::Unauthenticated => StatusCode::UNAUTHORIZED,
        Kind::PermissionDenied => StatusCode::FORBIDDEN,
        Kind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Kind::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        Kind::Overloaded | Kind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        // Nobody reads it; `requests_total` and the log show 499.
        Kind::Cancelled => match StatusCode::from_u16(499) {
            Ok(status) => status,
            Err(_) => StatusCode::BAD_REQUEST,
        },
        Kind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        Kind::Unimplemented => StatusCode::NOT_IMPLEMENTED,
        Kind::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
    }
}

/// The code of gRPC for each kind.
pub(crate) const fn grpc_code(kind: Kind) -> u8 {
    match kind {
        Kind::Cancelled => 1,
        Kind::InvalidArgument => 3,
        Kind::DeadlineExceeded => 4,
        Kind::NotFound => 5,
        Kind::AlreadyExists => 6,
        Kind::PermissionDenied => 7,
        Kind::TooLarge | Kind::ResourceExhausted | Kind::Overloaded => 8,
        Kind::FailedPrecondition | Kind::InUse => 9,
        Kind::Unimplemented => 12,
        Kind::Internal => 13,
        Kind::Unavailable => 14,
        Kind::Unauthenticated => 16,
    }
}

impl ServeError {
    /// Returns the kind toward the caller.
    pub fn kind(&self) -> Kind {
        use ServeError::*;
        match self {
            Predict(error) => error.kind(),
            NoRoute { .. } | AdminApart { .. } => Kind::NotFound,
            Method { .. } | NotAcceptable { .. } | MediaType { .. } | BodyBroken { .. } | Asked { .. } => {
                Kind::InvalidArgument
            }
            Encoding { .. } => Kind::Unimplemented,
            BodyTooLarge { .. } => Kind::TooLarge,
            BodiesTooLarge { .. } => Kind::Overloaded,
            BodyTimeout { .. } => Kind::DeadlineExceeded,
            Unauthenticated { .. } => Kind::Unauthenticated,
            Worded { kind, .. } => *kind,
        }
    }

    /// Returns the status: the kind's, or HTTP's own where the protocol has a sharper one.
    pub fn status(&self) -> StatusCode {
        match self {
            ServeError::Method { .. } => StatusCode::METHOD_NOT_ALLOWED,
            ServeError::NotAcceptable { .. } => StatusCode::NOT_ACCEPTABLE,
            ServeError::MediaType { .. } | ServeError::Encoding { .. } => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            ServeError::BodyTimeout { .. } => StatusCode::REQUEST_TIMEOUT,
            _ => status(self.kind()),
        }
    }

    /// Returns when to come back, where the answer says it.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            ServeError::Predict(
                PredictError::Overloaded { retry_after, .. } | PredictError::ResourceExhausted { retry_after, .. },
            ) => Some(retry_after.unwrap_or(RETRY_AFTER_DEFAULT)),
            ServeError::BodiesTooLarge { .. } => Some(RETRY_AFTER_DEFAULT),
            _ => None,
        }
    }

    /// Returns the error with everything that does not fit in one text, for protocols that have no list of it.
    pub fn whole_text(&self) -> String {
        let violations: Vec<String> = self.violations().iter().map(Violation::to_string).collect();
        if violations.len() > 1 { violations.join("; ") } else { self.to_string() }
    }

    /// Returns everything in the request that does not fit.
    pub fn violations(&self) -> Vec<Violation> {
        match self {
            ServeError::Predict(error) => error.violations(),
            ServeError::Asked { what, got, expected } => vec![Violation {
                row: None,
                field: Some(Arc::from(what.as_str())),
                expected: Some(expected.clone()),
                got: Some(got.clone()),
            }],
            _ => Vec::new(),
        }
    }
}

/// A queue that is full empties within moments; HTTP counts in whole seconds.
const RETRY_AFTER_DEFAULT: Duration = Duration::from_secs(1);

/// Returns the error of a query key, header or name that does not fit; what was got is cut to a readable length.
pub(crate) fn asked(what: impl Into<String>, got: &str, expected: impl Into<String>) -> ServeError {
    ServeError::Asked { what: what.into(), got: cut(got), expected: expected.into() }
}

/// Returns the text, cut to a length that a message can carry.
pub(crate) fn cut(text: &str) -> String {
    const CHARS_MAX: usize = 120;
    match text.char_indices().nth(CHARS_MAX) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_status_and_code() {
        let table = [
            (Kind::InvalidArgument, 400, 3),
            (Kind::FailedPrecondition, 400, 9),
            (Kind::NotFound, 404, 5),
            (Kind::AlreadyExists, 409, 6),
            (Kind::InUse, 409, 9),
            (Kind::Unauthenticated, 401, 16),
            (Kind::PermissionDenied, 403, 7),
            (Kind::TooLarge, 413, 8),
            (Kind::ResourceExhausted, 429, 8),
            (Kind::Overloaded, 503, 8),
            (Kind::Cancelled, 499, 1),
            (Kind::Internal, 500, 13),
            (Kind::Unimplemented, 501, 12),
            (Kind::Unavailable, 503, 14),
            (Kind::DeadlineExceeded, 504, 4),
        ];
        for (kind, code, grpc) in table {
            assert_eq!((status(kind).as_u16(), grpc_code(kind)), (code, grpc), "{kind}");
        }
    }

    #[test]
    fn a_full_queue_says_when_to_return() {
        let error = ServeError::from(PredictError::Overloaded { message: "full".into(), retry_after: None });
        assert_eq!((error.status().as_u16(), error.retry_after()), (503, Some(Duration::from_secs(1))));
        let error = ServeError::from(PredictError::Unavailable { message: "loading".into() });
        assert_eq!((error.status().as_u16(), error.retry_after()), (503, None));
    }
}
