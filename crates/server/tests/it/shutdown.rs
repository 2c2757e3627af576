//! Up and down: ready, draining, stopped.

use std::{io::Write, net::TcpStream, sync::atomic::Ordering, time::Duration};

use registry::Scan;
use server::{Config, Drained, MistConfig, TraceConfig};

use crate::{
    limits::until,
    world::{Files, World, ask, read},
};

const SLEEP: &[u8] = b"POST /api/v1/serve/sleep HTTP/1.1\r\nhost: x\r\ncontent-length: 7\r\n\r\n{\"x\":1}";
const SPIN: &[u8] = b"POST /api/v1/serve/spin HTTP/1.1\r\nhost: x\r\ncontent-length: 7\r\n\r\n{\"x\":1}";

#[test]
fn ready_names_the_models_on_their_way() {
    let world = World::unloaded(Config::default(), MistConfig::default(), TraceConfig::default());
    let answer = world.get("/health/ready");
    assert_eq!((answer.status, answer.body.as_str()), (503, r#"{"status":"loading"}"#));
    assert_eq!(world.get("/health/live").status, 200);
    let mut manager = world.manager.lock().unwrap();
    let Scan { mut models } = crate::world::scan();
    models.retain(|name, _| ["double", "sleep"].contains(&name.as_str()));
    manager.aspire(Scan { models });
    let answer = world.get("/health/ready");
    assert_eq!((answer.status, answer.body.as_str()), (503, r#"{"status":"loading","loading":["double","sleep"]}"#));
    let answer = world.post("/api/v1/serve/double", r#"{"x":1}"#);
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(answer.body.contains("is loading"), "{answer:?}");
    while manager.step(&Files) {}
    assert_eq!(world.get("/health/ready").status, 200);
}

#[test]
fn what_is_in_flight_is_answered_and_nothing_new_is_taken() {
    let mut world = World::new(Config::default(), MistConfig::default());
    let (mut busy, mut idle) = (world.connect(), world.connect());
    assert_eq!(ask(&mut idle, "GET", "/health/live", &[], "").status, 200);
    busy.write_all(SLEEP).unwrap();
    until("the call begins", || world.seen.begun.load(Ordering::SeqCst) == 1);
    world.stop();
    assert!(read(&mut idle, false).is_none(), "an idle connection is closed at once");
    assert!(TcpStream::connect(world.addr).is_err(), "nobody listens");
    let answer = read(&mut busy, false).unwrap();
    assert_eq!((answer.status, answer.header("connection")), (200, Some("close")));
    assert_eq!(world.stopped(), Drained { cut: 0 });
}

#[test]
fn what_does_not_end_in_time_is_cut() {
    let mut world = World::new(Config { drain_ms: 50, ..Config::default() }, MistConfig::default());
    let mut busy = world.connect();
    busy.write_all(SPIN).unwrap();
    until("the call begins", || world.seen.begun.load(Ordering::SeqCst) == 1);
    world.stop();
    assert_eq!(world.stopped(), Drained { cut: 1 });
    assert!(read(&mut busy, false).is_none());
    until("its call is cancelled", || world.seen.cancelled.load(Ordering::SeqCst) == 1);
}

#[test]
fn balancers_are_told_before_the_listener_closes() {
    let mut world = World::new(Config { drain_delay_ms: 2000, ..Config::default() }, MistConfig::default());
    world.stop();
    until("ready says no", || world.get("/health/ready").status == 503);
    assert_eq!(world.get("/health/ready").body, r#"{"status":"draining"}"#);
    assert_eq!(world.get("/health/live").status, 200);
    assert_eq!(world.post("/api/v1/serve/double", r#"{"x":1}"#).status, 200, "still answering");
    assert_eq!(world.stopped(), Drained { cut: 0 });
    std::thread::sleep(Duration::from_millis(1));
    assert!(TcpStream::connect(world.addr).is_err());
}
