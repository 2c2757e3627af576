//! Bodies that are slow, endless or many.

use std::{
    io::Write,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use server::{Config, MistConfig};

use crate::world::{World, ask, read};

/// Waits until the condition holds; a test that waits in vain fails.
pub fn until(what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(20), "{what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

const CHUNKED: &str = "POST /api/v1/serve/double HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n";

#[test]
fn a_body_in_pieces_is_joined() {
    let world = World::new(Config::default(), MistConfig::default());
    let mut stream = world.connect();
    for piece in [CHUNKED, "4\r\n{\"x\"\r\n", "2\r\n: \r\n", "2\r\n4}\r\n", "0\r\n\r\n"] {
        stream.write_all(piece.as_bytes()).unwrap();
        std::thread::sleep(Duration::from_millis(10));
    }
    let answer = read(&mut stream, false).unwrap();
    assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"y":8.0}"#));
}

#[test]
fn a_body_without_a_length_is_counted_while_it_comes() {
    let world = World::new(Config { body_bytes_max: 100, ..Config::default() }, MistConfig::default());
    let mut stream = world.connect();
    stream.write_all(format!("{CHUNKED}80\r\n{}", " ".repeat(128)).as_bytes()).unwrap();
    assert_eq!(read(&mut stream, false).unwrap().status, 413);
}

#[test]
fn who_sends_a_body_that_is_refused_sees_the_answer() {
    let world = World::new(Config { body_bytes_max: 1 << 20, ..Config::default() }, MistConfig::default());
    let body = vec![b' '; 3 << 20];
    for (path, status) in [("/api/v1/serve/double", 413), ("/api/v1/serve/nobody", 404), ("/nowhere", 404)] {
        let mut stream = world.connect();
        let head = format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", body.len());
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(&body).unwrap();
        assert_eq!(read(&mut stream, false).unwrap().status, status, "{path}");
        assert_eq!(ask(&mut stream, "GET", "/health/live", &[], "").status, 200, "the connection goes on");
    }
}

#[test]
fn who_asks_before_sending_is_told_at_once() {
    let world = World::new(Config { body_bytes_max: 100, ..Config::default() }, MistConfig::default());
    let mut stream = world.connect();
    let expect = |length: usize| {
        let line = "POST /api/v1/serve/double HTTP/1.1\r\nhost: x\r\nexpect: 100-continue";
        format!("{line}\r\ncontent-length: {length}\r\n\r\n")
    };
    stream.write_all(expect(7).as_bytes()).unwrap();
    assert_eq!(read(&mut stream, false).unwrap().status, 100);
    stream.write_all(br#"{"x":1}"#).unwrap();
    assert_eq!(read(&mut stream, false).unwrap().status, 200);
    stream.write_all(expect(1000).as_bytes()).unwrap();
    assert_eq!(read(&mut stream, false).unwrap().status, 413);
}

#[test]
fn a_body_that_does_not_come_is_not_waited_for() {
    let world = World::new(Config { body_timeout_ms: 50, ..Config::default() }, MistConfig::default());
    let mut stream = world.connect();
    stream.write_all(b"POST /api/v1/serve/double HTTP/1.1\r\nhost: x\r\ncontent-length: 8\r\n\r\n{").unwrap();
    let answer = read(&mut stream, false).unwrap();
    assert_eq!(answer.status, 408, "{answer:?}");
    assert!(answer.body.contains("server.body_timeout_ms"), "{answer:?}");
}

#[test]
fn all_bodies_together_are_bounded() {
    let config = Config { bodies_bytes_max: 50, ..Config::default() };
    let world = World::new(config, MistConfig::default());
    let mut stream = world.connect();
    stream.write_all(CHUNKED.as_bytes()).unwrap();
    for _ in 0..3 {
        let _ = stream.write_all(format!("14\r\n{}\r\n", " ".repeat(20)).as_bytes());
        std::thread::sleep(Duration::from_millis(20));
    }
    let answer = read(&mut stream, false).unwrap();
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")), "{answer:?}");
    assert_eq!(world.post("/api/v1/serve/double", r#"{"x":1}"#).status, 200);
}

#[test]
fn a_head_that_is_too_long_or_has_too_many_headers_is_refused() {
    let config = Config { head_bytes_max: 8192, headers_max: 20, ..Config::default() };
    let world = World::new(config, MistConfig::default());
    let long = "a".repeat(9000);
    assert_eq!(world.send("GET", "/health/live", &[("x-long", &long)], "").status, 431);
    let many: Vec<(&str, &str)> = (0..30).map(|_| ("x-one", "1")).collect();
    assert_eq!(world.send("GET", "/health/live", &many, "").status, 431);
    assert_eq!(world.get("/health/live").status, 200);
}

#[test]
fn a_full_queue_refuses_at_once() {
    let config = Config { compute_threads: 1, compute_queue_max: 1, ..Config::default() };
    let world = World::new(config, MistConfig::default());
    let waiting = |n: &str| {
        let page = world.get("/metrics").body;
        page.contains(&format!("\nforebay_compute_waiting {n}\n"))
    };
    std::thread::scope(|scope| {
        let spin = || world.post("/api/v1/serve/spin?timeout_ms=3000", r#"{"x":1}"#).status;
        let first = scope.spawn(spin);
        until("the first call runs", || world.seen.begun.load(Ordering::SeqCst) == 1);
        let second = scope.spawn(spin);
        until("the second call waits", || waiting("1"));
        let third = world.post("/api/v1/serve/spin", r#"{"x":1}"#);
        assert_eq!((third.status, third.header("retry-after")), (503, Some("1")), "{third:?}");
        assert!(third.body.contains("server.compute_queue_max"), "{third:?}");
        assert_eq!(world.post("/api/v1/serve/double", r#"{"x":1}"#).status, 200, "cheap calls go on");
        assert_eq!([first.join().unwrap(), second.join().unwrap()], [504, 504]);
    });
}

#[test]
fn a_broken_request_is_refused_and_the_server_goes_on() {
    let world = World::new(Config::default(), MistConfig::default());
    for bytes in ["\r\n\r\n\r\n", "GET\r\n\r\n", "POST /x HTTP/9.9\r\n\r\n", "\u{0}\u{1}\u{2}\r\n\r\n"] {
        let mut stream = world.connect();
        stream.write_all(bytes.as_bytes()).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let answer = read(&mut stream, false);
        assert!(answer.as_ref().is_none_or(|answer| answer.status == 400), "{bytes:?}: {answer:?}");
    }
    let mut stream = world.connect();
    assert_eq!(ask(&mut stream, "GET", "/health/live", &[], "").status, 200);
}
