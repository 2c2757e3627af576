//! The Open Inference Protocol V2 over REST: `/v2`, health, a model's metadata and readiness, `POST .../infer`.
//!
//! How columns stand in tensors is [`codec::v2`]'s. A refused row fails its call; rows that a model drops are left out of the
//! answer, whose first dimension is then shorter. A failure has the protocol's body, `{"error": "..."}`, with the statuses of
//! every dialect. Parameters that the protocol leaves to servers are passed over.

pub(super) mod infer;
mod metadata;
pub(super) mod repository;

pub(super) use metadata::{model, ready, server};

use http::StatusCode;
use model::{Name, Version};
use registry::Which;

use crate::{
    answer::{Answer, Object},
    api::{Asked, health},
    error::{ServeError, asked as wrong},
    query,
    state::State,
};

/// The protocol's extensions that are spoken here, by the names that clients look for.
pub(super) const EXTENSIONS: [&str; 5] =
    ["binary_tensor_data", "classification", "model_configuration", "model_repository", "statistics"];

/// Returns the error as this protocol and gRPC say it: in one text, with everything that does not fit.
pub(super) fn message(error: &ServeError) -> String {
    error.whole_text()
}

/// Returns the error as this protocol writes it.
pub(super) fn failure(error: ServeError) -> Answer {
    let message = message(&error);
    let mut body = String::new();
    let mut object = Object::new(&mut body);
    object.text("error", &message);
    object.end();
    Answer::failure(error, body)
}

/// What may stand in the place of a version.
const A_VERSION: &str = "a whole number above 0, or a label";

/// Returns the version in the path, where there is one.
fn version<'a>(asked: &Asked<'a>) -> Result<Which<'a>, ServeError> {
    match asked.version {
        Some("") => Err(wrong("version", "", A_VERSION)),
        version => parse_version(version.unwrap_or_default()),
    }
}

/// Returns the version that a text says, by its number or a label; the empty one says none.
pub(super) fn parse_version(text: &str) -> Result<Which<'_>, ServeError> {
    if text.is_empty() {
        return Ok(Which::Newest);
    }
    let is_number = text.bytes().all(|b| b.is_ascii_digit());
    match text.parse().ok().filter(|&number| number > 0) {
        Some(number) if is_number => Ok(Which::Number(Version(number))),
        None if !is_number && Name::new(text).is_ok() => Ok(Which::Label(text)),
        _ => Err(wrong("version", text, A_VERSION)),
    }
}

/// No path of this protocol but `infer` takes a query.
fn no_query(asked: &Asked<'_>) -> Result<(), ServeError> {
    match query::pairs(asked.query())?.first() {
        Some((key, _)) => Err(query::unknown(key, &[])),
        None => Ok(()),
    }
}

pub(super) fn live() -> Answer {
    Answer::json(r#"{"live":true}"#)
}

/// Ready as `/health/ready` is.
pub(super) fn server_ready(state: &State) -> Answer {
    let answer = health::ready(state);
    let body = if answer.status == StatusCode::OK { r#"{"ready":true}"# } else { r#"{"ready":false}"# };
    Answer { body: body.into(), ..answer }
}
