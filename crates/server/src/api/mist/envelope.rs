//! The envelope around every answer of a Mist route.

use bytes::Bytes;
use registry::Handle;
use serde::de::IgnoredAny;

use super::routes::MistRoute;
use crate::{
    answer::{Object, put_list, put_text},
    error::ServeError,
};

/// What the envelope repeats of the request.
#[derive(Debug)]
pub(super) struct Request {
    path: Option<String>,
    class_name: Option<String>,
    namespace: String,
    route: String,
    /// The body as it was sent.
    pub parameters: Bytes,
}

impl Request {
    pub fn of(route: &str, entry: Option<&MistRoute>) -> Request {
        Request {
            path: entry.and_then(|entry| entry.path.clone()),
            class_name: entry.and_then(|entry| entry.class_name.clone()),
            namespace: entry.and_then(|entry| entry.namespace.clone()).unwrap_or_else(|| "default".to_owned()),
            route: route.to_owned(),
            parameters: Bytes::new(),
        }
    }

    /// Takes from the model what the configuration does not say.
    pub fn fill(&mut self, handle: &Handle) {
        self.path.get_or_insert_with(|| handle.path().to_owned());
        if self.class_name.is_none() {
            self.class_name = handle.about().class.as_deref().map(str::to_owned);
        }
    }

    /// Options that are unknown are omitted, as Mist omits them.
    fn put(&self, out: &mut String, parameters: &str) {
        let mut object = Object::new(out);
        object.some_text("path", self.path.as_deref());
        object.some_text("className", self.class_name.as_deref());
        object.text("namespace", &self.namespace);
        object.key("parameters").push_str(parameters);
        object.text("route", &self.route);
        object.end();
    }

    /// Returns the body to repeat: as sent, or null where it is no JSON that we would read either.
    fn checked_parameters(&self) -> &str {
        let text = std::str::from_utf8(&self.parameters).unwrap_or_default();
        if serde_json::from_str::<IgnoredAny>(text).is_ok() { text.trim_ascii() } else { "null" }
    }
}

/// Returns the envelope of an answer; `rows` is the JSON array, and the parameters were read, so they are JSON.
pub(super) fn success(rows: &[u8], request: &Request) -> Vec<u8> {
    let mut tail = String::from("},\"errors\":[],\"request\":");
    request.put(&mut tail, std::str::from_utf8(&request.parameters).unwrap_or("null").trim_ascii());
    tail.push('}');
    const HEAD: &[u8] = br#"{"success":true,"payload":{"result":"#;
    [HEAD, rows, tail.as_bytes()].concat()
}

/// Returns the envelope of a failure: the message, and each thing that does not fit.
pub(super) fn failure(error: &ServeError, request: &Request) -> String {
    let mut errors = vec![error.to_string()];
    let violations = error.violations();
    if violations.len() > 1 {
        errors.extend(violations.iter().map(ToString::to_string));
    }
    let mut out = String::from(r#"{"success":false,"payload":{},"errors":"#);
    put_list(&mut out, &errors, |out, text| put_text(out, text));
    out.push_str(",\"request\":");
    request.put(&mut out, request.checked_parameters());
    out.push('}');
    out
}

#[cfg(test)]
mod tests {
    use model::PredictError;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn the_request_is_repeated_as_it_was_sent() {
        let entry = MistRoute {
            name: "r".into(),
            path: Some("/jobs/x.jar".into()),
            class_name: Some("C$".into()),
            namespace: Some("n".into()),
            model: None,
        };
        let mut request = Request::of("r", Some(&entry));
        request.parameters = Bytes::from_static(b" {\"text\": [1.50]}\n");
        let envelope = String::from_utf8(success(b"[{}]", &request)).unwrap();
        let expected = r#"{"success":true,"payload":{"result":[{}]},"errors":[],"request":{"path":"/jobs/x.jar","className":"C$","namespace":"n","parameters":{"text": [1.50]},"route":"r"}}"#;
        assert_eq!(envelope, expected);
    }

    #[test]
    fn a_body_that_is_no_json_is_null() {
        for body in ["{\"a\":", "", "\u{1}", &"[".repeat(100_000)] {
            let mut request = Request::of("r", None);
            request.parameters = Bytes::from(body.to_owned());
            let error = PredictError::NotFound { what: "model `r`".into() }.into();
            let envelope: Value = serde_json::from_str(&failure(&error, &request)).unwrap();
            let repeated = json!({"namespace": "default", "parameters": null, "route": "r"});
            assert_eq!((&envelope["request"], &envelope["errors"]), (&repeated, &json!(["model `r` not found"])));
        }
    }
}
