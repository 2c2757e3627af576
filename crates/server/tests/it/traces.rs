//! Spans on their way to collectors.

use std::{
    io::{Read, Write},
    net::TcpListener,
    sync::mpsc,
    time::Duration,
};

use serde_json::Value;
use server::{Config, MistConfig, TraceConfig};

use crate::world::World;

/// Answers 202 to everything, and tells the path and the body of each request.
fn collector() -> (String, mpsc::Receiver<(String, Value)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, mut seen) = (stream.unwrap(), Vec::new());
            let (head, body) = loop {
                let mut piece = [0; 4096];
                let n = stream.read(&mut piece).unwrap();
                assert!(n > 0, "the exporter sends a whole request");
                seen.extend_from_slice(&piece[..n]);
                let text = String::from_utf8(seen.clone()).unwrap();
                let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                let length = |line: &str| line.to_lowercase().strip_prefix("content-length: ")?.parse::<usize>().ok();
                if body.len() == head.lines().find_map(length).expect("a length") {
                    break (head.to_owned(), body.to_owned());
                }
            };
            stream.write_all(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n").unwrap();
            let path = head.split(' ').nth(1).unwrap().to_owned();
            if tell.send((path, serde_json::from_str(&body).unwrap())).is_err() {
                return;
            }
        }
    });
    (address, told)
}

#[test]
fn collectors_get_the_spans() {
    let (address, told) = collector();
    let trace = TraceConfig {
        sample: 1.0,
        zipkin: format!("http://{address}/api/v2/spans"),
        otlp: format!("http://{address}/v1/traces"),
        ..TraceConfig::default()
    };
    let world = World::traced(Config::default(), MistConfig::default(), trace);
    world.post("/api/v1/serve/double", r#"{"x":1}"#);
    let next = || told.recv_timeout(Duration::from_secs(20)).expect("the exporter sends");
    let (zipkin, otlp) = (next(), next());
    assert_eq!((&*zipkin.0, &*otlp.0), ("/api/v2/spans", "/v1/traces"));
    let names: Vec<&str> = zipkin.1.as_array().unwrap().iter().map(|span| span["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["post /api/v1/serve/{model}", "decode", "predict", "encode"]);
    let spans = &otlp.1["resourceSpans"][0]["scopeSpans"][0]["spans"];
    assert_eq!(spans.as_array().unwrap().len(), 4);
    assert_eq!(spans[0]["traceId"], zipkin.1[0]["traceId"]);
}

#[test]
fn a_collector_that_is_gone_costs_spans_and_no_request() {
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let trace = TraceConfig { sample: 1.0, zipkin: format!("http://{gone}/"), ..TraceConfig::default() };
    let world = World::traced(Config::default(), MistConfig::default(), trace);
    assert_eq!(world.post("/api/v1/serve/double", r#"{"x":1}"#).status, 200);
    for _ in 0..400 {
        if world.get("/metrics").body.contains("forebay_spans_dropped_total 4") {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("dropped spans are counted: {}", world.get("/metrics").body);
}
