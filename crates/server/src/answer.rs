//! An answer before it is HTTP, and the JSON that every dialect writes by hand.

use std::{
    fmt::Display,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use codec::coding::Coding;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use hyper::body::Frame;
use model::{RequestId, Violation};
use tokio::sync::mpsc;

use crate::{context::REQUEST_ID, error::ServeError, outgoing::Outgoing};

pub(crate) const JSON: &str = "application/json";
pub(crate) const BYTES: &str = "application/octet-stream";

/// Says of a body of Open Inference V2 where its JSON ends and the bytes of tensors begin.
pub(crate) const INFERENCE_HEADER: HeaderName = HeaderName::from_static("inference-header-content-length");

/// What a route answers.
#[derive(Debug)]
pub(crate) struct Answer {
    pub status: StatusCode,
    pub content_type: &'static str,
    pub body: Bytes,
    /// Where the body's JSON ends, where bytes follow it.
    pub json_bytes: Option<usize>,
    /// How the body is packed.
    pub coding: Option<Coding>,
    /// Headers that this answer has besides.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Bytes that come one after the other, in the place of the body.
    pub stream: Option<mpsc::Receiver<Frame<Bytes>>>,
    /// Why there is no better answer: for the log, and for the headers that depend on it.
    pub error: Option<ServeError>,
}

impl Answer {
    pub fn json(body: impl Into<Bytes>) -> Answer {
        let (status, body) = (StatusCode::OK, body.into());
        Answer {
            status,
            content_type: JSON,
            body,
            json_bytes: None,
            coding: None,
            stream: None,
            headers: Vec::new(),
            error: None,
        }
    }

    /// Returns an answer of Open Inference V2 with tensors in binary.
    pub fn binary(body: impl Into<Bytes>, json_bytes: usize) -> Answer {
        Answer { content_type: BYTES, json_bytes: Some(json_bytes), ..Answer::json(body) }
    }

    pub fn failure(error: ServeError, body: String) -> Answer {
        Answer { status: error.status(), error: Some(error), ..Answer::json(body) }
    }

    pub fn into_response(self, id: &RequestId) -> Response<Outgoing> {
        let body = self.stream.map_or_else(|| Outgoing::full(self.body), Outgoing::stream);
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        if let Ok(id) = HeaderValue::from_str(id.as_str()) {
            headers.insert(REQUEST_ID, id);
        }
        if let Some(at) = self.json_bytes {
            headers.insert(INFERENCE_HEADER, HeaderValue::from(at as u64));
        }
        if let Some(coding) = self.coding {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
            headers.append(header::VARY, HeaderValue::from_static("accept-encoding"));
        }
        headers.extend(self.headers);
        if let Some(error) = &self.error {
            if let Some(after) = error.retry_after() {
                // Whole seconds, rounded up: coming back early would be refused again.
                headers.insert(header::RETRY_AFTER, HeaderValue::from(after.as_millis().div_ceil(1000) as u64));
            }
            if let ServeError::Unauthenticated { is_sent, .. } = error {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge(*is_sent)));
            }
            if let ServeError::Method { allow, .. } = error
                && let Ok(allow) = HeaderValue::from_str(allow)
            {
                headers.insert(header::ALLOW, allow);
            }
        }
        response
    }
}

/// Returns what to send (RFC 6750, section 3); where something was sent, that it is not taken.
const fn challenge(is_sent: bool) -> &'static str {
    if is_sent { "Bearer realm=\"forebay\", error=\"invalid_token\"" } else { "Bearer realm=\"forebay\"" }
}

/// Appends a JSON string.
pub(crate) fn put_text(out: &mut String, text: &str) {
    out.push('"');
    let mut begin = 0;
    for (at, b) in text.bytes().enumerate() {
        let escape: &str = match b {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0x00..0x20 => "",
            _ => continue,
        };
        out.push_str(&text[begin..at]);
        match escape {
            "" => out.push_str(&format!("\\u{b:04x}")),
            escape => out.push_str(escape),
        }
        begin = at + 1;
    }
    out.push_str(&text[begin..]);
    out.push('"');
}

/// Writes a JSON object member by member, the separators right.
pub(crate) struct Object<'a> {
    out: &'a mut String,
    begun: bool,
}

impl<'a> Object<'a> {
    pub fn new(out: &'a mut String) -> Object<'a> {
        out.push('{');
        Object { out, begun: false }
    }

    /// Writes the key, and returns where its value goes.
    pub fn key(&mut self, key: &str) -> &mut String {
        if self.begun {
            self.out.push(',');
        }
        self.begun = true;
        put_text(self.out, key);
        self.out.push(':');
        self.out
    }

    pub fn text(&mut self, key: &str, value: &str) {
        put_text(self.key(key), value);
    }

    pub fn some_text(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(key, value);
        }
    }

    /// Writes what prints as JSON: a number, `true`, `false`.
    pub fn plain(&mut self, key: &str, value: impl Display) {
        let value = value.to_string();
        self.key(key).push_str(&value);
    }

    pub fn list<T>(&mut self, key: &str, items: impl IntoIterator<Item = T>, put: impl FnMut(&mut String, T)) {
        put_list(self.key(key), items, put);
    }

    pub fn end(self) {
        self.out.push('}');
    }
}

/// Appends a JSON array.
pub(crate) fn put_list<T>(out: &mut String, items: impl IntoIterator<Item = T>, mut put: impl FnMut(&mut String, T)) {
    out.push('[');
    for (i, item) in items.into_iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        put(out, item);
    }
    out.push(']');
}

/// Appends a violation as error bodies show it.
pub(crate) fn put_violation(out: &mut String, violation: Violation) {
    let mut object = Object::new(out);
    if let Some(row) = violation.row {
        object.plain("row", row);
    }
    object.some_text("field", violation.field.as_deref());
    object.some_text("expected", violation.expected.as_deref());
    object.some_text("got", violation.got.as_deref());
    object.end();
}

/// Returns the time as `2026-01-31T23:59:59.123Z`.
pub(crate) fn rfc3339(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let (days, second) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    let (year, month, day) = civil(days as i64);
    let (h, m, s, ms) = (second / 3600, second / 60 % 60, second % 60, since.subsec_millis());
    format!("{year:04}-{month:02}-{day:02}T{h:02}:{m:02}:{s:02}.{ms:03}Z")
}

/// Returns the date of a day since 1970-01-01 (Howard Hinnant's `civil_from_days`).
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, of_year - (153 * shifted + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let mut out = String::new();
        put_text(&mut out, text);
        assert_eq!(out, expected);
        assert_eq!(serde_json::from_str::<String>(&out).unwrap(), text, "it reads back");
    }

    #[test]
    fn texts_are_escaped() {
        check("plain ä", "\"plain ä\"");
        check("\"a\\b\"\n\u{1}x", r#""\"a\\b\"\n\u0001x""#);
        check("", "\"\"");
    }

    #[test]
    fn objects_and_lists() {
        let mut out = String::new();
        let mut object = Object::new(&mut out);
        object.text("a", "x");
        object.some_text("b", None);
        object.list("c", [1, 2], |out, n| out.push_str(&n.to_string()));
        object.end();
        assert_eq!(out, r#"{"a":"x","c":[1,2]}"#);
    }

    #[test]
    fn times() {
        let at = |s: u64, ms: u64| rfc3339(UNIX_EPOCH + Duration::from_millis(s * 1000 + ms));
        assert_eq!(at(0, 0), "1970-01-01T00:00:00.000Z");
        assert_eq!(at(951_827_696, 7), "2000-02-29T12:34:56.007Z");
        assert_eq!(at(1_798_761_599, 999), "2026-12-31T23:59:59.999Z");
    }
}
