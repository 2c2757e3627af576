//! Spans as the JSON of OpenTelemetry's protocol (<https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding>).

use super::Kept;
use crate::answer::Object;

/// The protocol's numbers for a span's kind and for a status of failure.
const INTERNAL: u8 = 1;
const SERVER: u8 = 2;
const ERROR: u8 = 2;

/// Returns the body of one export request.
pub(super) fn body<'a>(spans: impl Iterator<Item = &'a Kept>, service: &str) -> String {
    let mut out = String::new();
    let mut root = Object::new(&mut out);
    root.list("resourceSpans", [spans], |out, spans| {
        let mut of_resource = Object::new(out);
        let mut resource = Object::new(of_resource.key("resource"));
        resource.list("attributes", [("service.name", service)], put_attribute);
        resource.end();
        of_resource.list("scopeSpans", [spans], |out, spans| {
            let mut of_scope = Object::new(out);
            let mut scope = Object::new(of_scope.key("scope"));
            scope.text("name", "forebay");
            scope.text("version", env!("CARGO_PKG_VERSION"));
            scope.end();
            of_scope.list("spans", spans, put_span);
            of_scope.end();
        });
        of_resource.end();
    });
    root.end();
    out
}

fn put_span(out: &mut String, span: &Kept) {
    let mut object = Object::new(out);
    object.text("traceId", &format!("{:032x}", span.trace_id));
    object.text("spanId", &format!("{:016x}", span.id));
    if span.parent != 0 {
        object.text("parentSpanId", &format!("{:016x}", span.parent));
    }
    object.text("name", &span.name);
    object.plain("kind", if span.is_server { SERVER } else { INTERNAL });
    // Numbers of 64 bits are texts in protobuf's JSON.
    object.text("startTimeUnixNano", &span.begun.as_nanos().to_string());
    object.text("endTimeUnixNano", &(span.begun + span.took).as_nanos().to_string());
    object.list("attributes", span.tags.iter().map(|(key, value)| (*key, &**value)), put_attribute);
    if let Some((_, error)) = span.tags.iter().find(|(key, _)| *key == "error") {
        let mut status = Object::new(object.key("status"));
        status.plain("code", ERROR);
        status.text("message", error);
        status.end();
    }
    object.end();
}

fn put_attribute(out: &mut String, (key, text): (&str, &str)) {
    let mut attribute = Object::new(out);
    attribute.text("key", key);
    let mut value = Object::new(attribute.key("value"));
    value.text("stringValue", text);
    value.end();
    attribute.end();
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_request_has_the_protocols_fields() {
        let span = Kept {
            trace_id: 0xa,
            id: 0xb,
            parent: 0xc,
            name: "post /x".into(),
            is_server: true,
            begun: Duration::from_nanos(5),
            took: Duration::from_nanos(2),
            tags: vec![("error", "no".to_owned())],
        };
        let got: serde_json::Value = serde_json::from_str(&body([&span].into_iter(), "s")).unwrap();
        let text = |value: &str| serde_json::json!({"stringValue": value});
        let expected = serde_json::json!({"resourceSpans": [{
            "resource": {"attributes": [{"key": "service.name", "value": text("s")}]},
            "scopeSpans": [{"scope": {"name": "forebay", "version": env!("CARGO_PKG_VERSION")}, "spans": [{
                "traceId": "0000000000000000000000000000000a", "spanId": "000000000000000b",
                "parentSpanId": "000000000000000c", "name": "post /x", "kind": 2,
                "startTimeUnixNano": "5", "endTimeUnixNano": "7",
                "attributes": [{"key": "error", "value": text("no")}], "status": {"code": 2, "message": "no"},
            }]}],
        }]});
        assert_eq!(got, expected);
    }
}
