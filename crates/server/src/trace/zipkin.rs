//! Spans as Zipkin's v2 JSON (<https://zipkin.io/zipkin-api/#/>).

use super::Kept;
use crate::answer::Object;

/// Appends one span.
pub(crate) fn put_span(out: &mut String, span: &Kept, service: &str) {
    let mut object = Object::new(out);
    object.text("traceId", &format!("{:032x}", span.trace_id));
    object.text("id", &format!("{:016x}", span.id));
    if span.parent != 0 {
        object.text("parentId", &format!("{:016x}", span.parent));
    }
    if span.is_server {
        object.text("kind", "SERVER");
    }
    object.text("name", &span.name);
    object.plain("timestamp", span.begun.as_micros());
    // Zipkin reads 0 as unknown.
    object.plain("duration", span.took.as_micros().max(1));
    let mut endpoint = Object::new(object.key("localEndpoint"));
    endpoint.text("serviceName", service);
    endpoint.end();
    if !span.tags.is_empty() {
        let mut tags = Object::new(object.key("tags"));
        for (key, value) in &span.tags {
            tags.text(key, value);
        }
        tags.end();
    }
    object.end();
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_span_has_zipkins_fields() {
        let mut span = Kept {
            trace_id: 0xa,
            id: 0xb,
            parent: 0,
            name: "decode".into(),
            is_server: true,
            begun: Duration::from_micros(1_500),
            took: Duration::from_nanos(10),
            tags: vec![("model", "m\"".to_owned())],
        };
        let mut out = String::new();
        put_span(&mut out, &span, "forebay");
        let expected = r#"{"traceId":"0000000000000000000000000000000a","id":"000000000000000b","kind":"SERVER","name":"decode","timestamp":1500,"duration":1,"localEndpoint":{"serviceName":"forebay"},"tags":{"model":"m\""}}"#;
        assert_eq!(out, expected);
        (span.parent, span.is_server, span.tags) = (0xc, false, Vec::new());
        out.clear();
        put_span(&mut out, &span, "forebay");
        assert!(out.contains(r#""parentId":"000000000000000c","name""#), "{out}");
    }
}
