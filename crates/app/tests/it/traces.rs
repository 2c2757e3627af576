//! Traces of real models, from outside.

use serde_json::Value;

use crate::{serve::Server, support::Temp};

#[test]
fn a_traced_request_shows_the_steps_of_its_pipeline() {
    let temp = Temp::new();
    let config = temp.write("f.toml", "[trace]\nsample = 1.0\nservice = 'shop'\n");
    let server = Server::start(&["examples/models/text", "--config", &config]).until_ready();
    let (status, body) = server.send("POST", "/api/v1/serve/text", r#"{"text": "spark"}"#);
    assert_eq!(status, 200, "{body}");
    let (status, body) = server.send("GET", "/api/v2/traces?serviceName=shop&spanName=predict", "");
    assert_eq!(status, 200, "{body}");
    let traces: Vec<Vec<Value>> = serde_json::from_str(&body).unwrap();
    let [spans] = &traces[..] else { panic!("one request predicted: {body}") };
    let predict = spans.iter().find(|span| span["name"] == "predict").unwrap();
    let steps = spans.iter().filter(|span| span["parentId"] == predict["id"]);
    let names: Vec<&str> = steps.map(|span| span["name"].as_str().unwrap()).collect();
    let stage = |class: &str| names.iter().any(|name| name.starts_with(class));
    assert!(stage("Tokenizer") && stage("HashingTF") && stage("LogisticRegression"), "{names:?}");
}

#[test]
fn a_share_that_is_none_is_refused() {
    let temp = Temp::new();
    let config = temp.write("f.toml", "[trace]\nsample = 3.0\n");
    crate::support::run(&["config", "check", &config]).fails(2, "trace.sample is 3; expected a share");
}
