//! Pages of other origins: which may ask, and the answers to what their browsers ask first.
//!
//! Source: the Fetch standard, section "CORS protocol".

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use model::RequestId;

use crate::{config::Cors, context::REQUEST_ID, outgoing::Outgoing};

/// How long a browser need not ask again, in seconds.
const MAX_AGE: &str = "600";

impl Cors {
    /// Returns what `access-control-allow-origin` says to this request; nothing where it comes from no page, or from one that
    /// may not ask.
    fn allowed<'a>(&self, headers: &'a HeaderMap) -> Option<&'a HeaderValue> {
        if self.origins.is_empty() {
            return None;
        }
        let origin = headers.get(header::ORIGIN)?;
        let known = |known: &String| known == "*" || known.as_bytes() == origin.as_bytes();
        self.origins.iter().any(known).then_some(origin)
    }

    /// Returns the method that a browser asks leave for, where it does and its page may.
    pub(crate) fn preflight(&self, method: &Method, headers: &HeaderMap) -> Option<Method> {
        if *method != Method::OPTIONS || self.allowed(headers).is_none() {
            return None;
        }
        Method::from_bytes(headers.get(header::ACCESS_CONTROL_REQUEST_METHOD)?.as_bytes()).ok()
    }

    /// Adds the headers without which a browser keeps the answer from its page.
    pub(crate) fn allow(&self, headers: &HeaderMap, answer: &mut HeaderMap) {
        if self.origins.is_empty() {
            return;
        }
        answer.append(header::VARY, HeaderValue::from_static("origin"));
        if let Some(origin) = self.allowed(headers) {
            answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            answer.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_name(REQUEST_ID));
        }
    }
}

/// Returns the leave to send this method with the headers that are asked for.
pub(crate) fn leave(method: &Method, headers: &HeaderMap, id: &RequestId) -> Response<Outgoing> {
    let mut response = Response::new(Outgoing::full(Bytes::new()));
    *response.status_mut() = StatusCode::NO_CONTENT;
    let out = response.headers_mut();
    if let Ok(method) = HeaderValue::from_str(method.as_str()) {
        out.insert(header::ACCESS_CONTROL_ALLOW_METHODS, method);
    }
    if let Some(asked) = headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        out.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
    }
    if let Ok(id) = HeaderValue::from_str(id.as_str()) {
        out.insert(REQUEST_ID, id);
    }
    out.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(MAX_AGE));
    response
}
