//! Events: a list, and a stream that goes on until the server ends.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use server::{Config, Drained, MistConfig};

use crate::world::World;

fn world() -> World {
    World::new(Config::default(), MistConfig::default())
}

/// Asks for a stream; returns it after its head, which is 200.
fn follow(world: &World, headers: &str) -> TcpStream {
    let mut stream = world.connect();
    write!(stream, "GET /api/v1/events HTTP/1.1\r\nhost: x\r\n{headers}\r\n").unwrap();
    let head = until(&mut stream, "\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 200") && head.contains("content-type: text/event-stream"), "{head}");
    stream
}

/// Reads until the text has come.
fn until(stream: &mut TcpStream, text: &str) -> String {
    let (mut all, mut byte) = (Vec::new(), [0]);
    while !String::from_utf8_lossy(&all).contains(text) {
        assert_eq!(stream.read(&mut byte).unwrap(), 1, "{}", String::from_utf8_lossy(&all));
        all.push(byte[0]);
    }
    String::from_utf8(all).unwrap()
}

fn label(world: &World, version: u64) {
    let body = format!("{{\"version\": {version}}}");
    assert_eq!(world.send("PUT", "/api/v1/models/double/labels/stable", &[], &body).status, 200);
}

#[test]
fn what_happened_is_a_list() {
    let world = world();
    let json = [("accept", "application/json")];
    let all = world.send("GET", "/api/v1/events", &json, "").json();
    let events = all["events"].as_array().unwrap();
    let numbers: Vec<u64> = events.iter().map(|event| event["number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=events.len() as u64).collect::<Vec<_>>());
    assert_eq!(all["last"].as_u64(), numbers.last().copied());
    let of = |model: &str| events.iter().find(|event| event["model"] == model).unwrap();
    assert!(of("double")["kind"] == "available" && of("double")["version"] == 1, "{all}");
    assert!(of("broken")["kind"] == "failed" && of("broken")["message"].is_string(), "{all}");

    label(&world, 1);
    assert_eq!(world.send("DELETE", "/api/v1/models/double/labels/stable", &[], "").status, 200);
    let last = numbers.len() as u64;
    let new = world.get(&format!("/api/v1/events?since={last}")).json();
    assert_eq!((&new["events"][0]["kind"], &new["events"][0]["label"]), (&"labelled".into(), &"stable".into()));
    assert_eq!((&new["events"][1]["kind"], &new["last"]), (&"unlabelled".into(), &(last + 2).into()));
    assert_eq!(
        world.get(&format!("/api/v1/events?since={last}&limit=1")).json()["events"].as_array().unwrap().len(),
        1
    );
    assert_eq!(world.get("/api/v1/events?since=x").status, 400);
    assert_eq!(world.get("/api/v1/events?after=1").status, 400);
    assert_eq!(world.send("GET", "/api/v1/events", &[("last-event-id", "x")], "").status, 400);
}

#[test]
fn a_stream_goes_on_where_it_was_left_and_ends_with_the_server() {
    let mut world = world();
    let mut from_now = follow(&world, "accept: text/event-stream\r\n");
    label(&world, 1);
    let said = until(&mut from_now, "\"label\":\"stable\"");
    assert!(said.contains("event: labelled\ndata: {\"number\":") && !said.contains("event: available"), "{said}");
    let number: u64 = said.split("id: ").nth(1).unwrap().lines().next().unwrap().parse().unwrap();

    let mut resumed = follow(&world, &format!("last-event-id: {}\r\n", number - 1));
    let said = until(&mut resumed, "event: labelled");
    assert!(said.contains(&format!("id: {number}\n")) && !said.contains("event: available"), "{said}");
    let mut whole = follow(&world, "last-event-id: 0\r\n");
    assert!(until(&mut whole, "event: labelled").contains("id: 1\nevent: "));

    world.stop();
    let mut rest = String::new();
    from_now.read_to_string(&mut rest).unwrap();
    assert!(rest.ends_with("0\r\n\r\n"), "a stream ends whole: {rest:?}");
    drop((resumed, whole));
    assert_eq!(world.stopped(), Drained { cut: 0 });
}

#[test]
fn followers_are_few() {
    let world = world();
    let all: Vec<TcpStream> = (0..64).map(|_| follow(&world, "")).collect();
    let full = world.get("/api/v1/events");
    assert!(full.status == 503 && full.header("retry-after").is_some(), "{full:?}");
    drop(all);
}
