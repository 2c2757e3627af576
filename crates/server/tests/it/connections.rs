//! Connections: kept, idle, slow, left.

use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::atomic::Ordering,
    time::Duration,
};

use server::{Config, MistConfig};

use crate::{
    limits::until,
    world::{World, ask, read},
};

const ROW: &str = r#"{"x":1}"#;

/// Reads to the end of the stream; whether the peer closed it.
fn closed(stream: &mut TcpStream) -> bool {
    let mut rest = Vec::new();
    match stream.read_to_end(&mut rest) {
        Ok(_) => rest.is_empty(),
        Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
    }
}

#[test]
fn one_connection_answers_many_requests() {
    let world = World::new(Config::default(), MistConfig::default());
    let mut stream = world.connect();
    for _ in 0..3 {
        assert_eq!(ask(&mut stream, "POST", "/api/v1/serve/double", &[], ROW).status, 200);
        assert_eq!(ask(&mut stream, "POST", "/api/v1/serve/panic", &[], ROW).status, 500, "a panic costs one request");
        assert_eq!(ask(&mut stream, "GET", "/nowhere", &[], "").status, 404);
    }
}

#[test]
fn requests_in_one_packet_are_answered_in_order() {
    let world = World::new(Config::default(), MistConfig::default());
    let mut stream = world.connect();
    let request = |x: u32| {
        let body = format!("{{\"x\":{x}}}");
        format!("POST /api/v1/serve/double HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}", body.len())
    };
    stream.write_all((1..=3).map(request).collect::<String>().as_bytes()).unwrap();
    let bodies: Vec<String> = (0..3).map(|_| read(&mut stream, false).unwrap().body).collect();
    assert_eq!(bodies, [r#"{"y":2.0}"#, r#"{"y":4.0}"#, r#"{"y":6.0}"#]);
}

#[test]
fn an_idle_connection_is_closed_and_one_with_a_request_is_not() {
    let config = Config { idle_timeout_ms: 80, head_timeout_ms: 80, ..Config::default() };
    let world = World::new(config, MistConfig::default());
    let mut busy = world.connect();
    assert_eq!(ask(&mut busy, "POST", "/api/v1/serve/sleep", &[], ROW).status, 200, "a second, twelve times the limit");
    assert!(closed(&mut busy));
    let mut silent = world.connect();
    assert!(closed(&mut silent), "no request at all");
    let mut slow = world.connect();
    slow.write_all(b"GET /health/live HTTP/1.1\r\nhost:").unwrap();
    assert!(closed(&mut slow), "a head without an end");
    let mut idle = world.connect();
    assert_eq!(ask(&mut idle, "GET", "/health/live", &[], "").status, 200);
    assert!(closed(&mut idle), "no second request");
}

#[test]
fn more_connections_than_allowed_wait() {
    let world = World::new(Config { connections_max: 1, ..Config::default() }, MistConfig::default());
    let mut first = world.connect();
    assert_eq!(ask(&mut first, "GET", "/health/live", &[], "").status, 200);
    let mut second = world.connect();
    second.write_all(b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    second.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    assert!(read(&mut second, false).is_none(), "not taken while the first is open");
    drop(first);
    second.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    assert_eq!(read(&mut second, false).unwrap().status, 200);
}

#[test]
fn a_caller_that_leaves_cancels_its_call() {
    let world = World::new(Config::default(), MistConfig::default());
    let leave = |model: &str, begun: usize| {
        let mut stream = world.connect();
        let head = format!("POST /api/v1/serve/{model} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", ROW.len());
        stream.write_all(format!("{head}{ROW}").as_bytes()).unwrap();
        until("the call begins", || world.seen.begun.load(Ordering::SeqCst) == begun);
    };
    leave("sleep", 1);
    until("the later answer is dropped", || world.seen.dropped.load(Ordering::SeqCst) == 1);
    leave("spin", 2);
    until("the computation is cancelled", || world.seen.cancelled.load(Ordering::SeqCst) == 1);
    let page = world.get("/metrics").body;
    for model in ["sleep", "spin"] {
        let line = format!("forebay_requests_total{{dialect=\"native\",model=\"{model}\",code=\"499\"}} 1");
        assert!(page.contains(&line), "{line} in {page}");
    }
}
