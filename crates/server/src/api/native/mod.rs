//! The native dialect: `POST /api/v1/serve/{model}`, rows in, rows out; `GET /api/v1/models` and one model's metadata.
//!
//! The body is one row object, or an array of them; the answer has the same form. Query: `outputs=a,b`, `on_error=row`,
//! `version=N`, `signature=NAME`, `timeout_ms=N`; an unknown key is refused. Errors have the body
//! `{"error":{"kind","message","violations":[{"row"?,"field"?,"expected"?,"got"?}],"request_id"}}`, which is also that of
//! the router.

pub(crate) mod events;
pub(super) mod models;
pub(super) mod serve;

use crate::{
    answer::{Answer, Object, put_violation},
    context::Context,
    error::ServeError,
};

/// Returns the error as this dialect writes it.
pub(super) fn failure(error: ServeError, context: &Context) -> Answer {
    let mut body = String::new();
    let mut outer = Object::new(&mut body);
    let mut object = Object::new(outer.key("error"));
    object.text("kind", error.kind().name());
    object.text("message", &error.to_string());
    object.list("violations", error.violations(), put_violation);
    object.text("request_id", context.id.as_str());
    object.end();
    outer.end();
    Answer::failure(error, body)
}
