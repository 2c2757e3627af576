//! Scripts: requests and the answers that are expected, one file per topic.
//!
//! ```text
//! config {"rows_max": 3}        the server's configuration; `mist {...}` and `trace {...}` likewise (first lines only)
//! # what this shows
//! POST /path?query
//! header: value
//! | body
//! -> 200
//! header: value
//! | {"json": "*"}                the whole body; "*" stands for any value
//! ~ text                         the body contains it
//! ```

use serde_json::Value;

use crate::world::{Answer, World};

#[derive(Debug, Default)]
struct Exchange {
    line: usize,
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<String>,
    status: Option<u16>,
    expected_headers: Vec<(String, String)>,
    expected_body: Vec<String>,
    contains: Vec<String>,
}

/// Runs a script against a server of its own.
pub fn run(script: &str) {
    let setting = |key: &str| script.lines().find_map(|line| line.strip_prefix(key)).unwrap_or("{}");
    let config = serde_json::from_str(setting("config ")).unwrap();
    let mist = serde_json::from_str(setting("mist ")).unwrap();
    let trace = serde_json::from_str(setting("trace ")).unwrap();
    let world = World::traced(config, mist, trace);
    let exchanges = parse(script);
    assert!(!exchanges.is_empty(), "a script without a request shows nothing");
    for exchange in exchanges {
        let headers: Vec<(&str, &str)> = exchange.headers.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        let answer = world.send(&exchange.method, &exchange.path, &headers, &exchange.body.join("\n"));
        check(&exchange, &answer);
    }
}

fn parse(script: &str) -> Vec<Exchange> {
    let mut all: Vec<Exchange> = Vec::new();
    for (number, line) in script.lines().enumerate() {
        let skipped = ["#", "config ", "mist ", "trace "].iter().any(|start| line.starts_with(start));
        if line.is_empty() || skipped {
            continue;
        }
        let here = format!("line {}: {line}", number + 1);
        if let Some((method, path)) = line.split_once(" /").filter(|(m, _)| m.bytes().all(|b| b.is_ascii_uppercase())) {
            let (method, path) = (method.to_owned(), format!("/{path}"));
            all.push(Exchange { line: number + 1, method, path, ..Exchange::default() });
            continue;
        }
        let exchange = all.last_mut().unwrap_or_else(|| panic!("{here}: a request comes first"));
        let answered = exchange.status.is_some();
        if let Some(text) = line.strip_prefix("| ") {
            if answered { &mut exchange.expected_body } else { &mut exchange.body }.push(text.to_owned());
        } else if let Some(text) = line.strip_prefix("~ ") {
            exchange.contains.push(text.to_owned());
        } else if let Some(status) = line.strip_prefix("-> ") {
            exchange.status = Some(status.parse().unwrap_or_else(|_| panic!("{here}: a status")));
        } else {
            let (key, value) = line.split_once(": ").unwrap_or_else(|| panic!("{here}: a header"));
            let headers = if answered { &mut exchange.expected_headers } else { &mut exchange.headers };
            headers.push((key.to_owned(), value.to_owned()));
        }
    }
    all
}

fn check(exchange: &Exchange, answer: &Answer) {
    let Exchange { line, method, path, .. } = exchange;
    let here = format!("line {line}: {method} {path}\n{answer:#?}\n");
    assert_eq!(Some(answer.status), exchange.status, "{here}");
    for (key, value) in &exchange.expected_headers {
        let got = answer.header(key);
        assert!(got.is_some_and(|got| value == "*" || got == value), "{here}expected {key}: {value}");
    }
    if !exchange.expected_body.is_empty() {
        let expected: Value = serde_json::from_str(&exchange.expected_body.join("\n")).unwrap();
        assert!(fits(&expected, &answer.json()), "{here}expected {expected}");
    }
    for text in &exchange.contains {
        assert!(answer.body.contains(text.as_str()), "{here}expected it to contain {text}");
    }
    assert!(answer.header("x-request-id").is_some(), "{here}every answer has a request id");
}

/// Returns whether the value is the expected one; `"*"` is any. Numbers are compared as they are written.
fn fits(expected: &Value, got: &Value) -> bool {
    match (expected, got) {
        (Value::String(any), _) if any == "*" => true,
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| fits(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(k, v)| b.get(k).is_some_and(|got| fits(v, got)))
        }
        (a, b) => a == b,
    }
}
