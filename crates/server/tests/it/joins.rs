//! Concurrent calls of a dear model, joined: everyone gets the answer that is his alone.

use std::{io::Write, sync::atomic::Ordering, time::Duration};

use server::{Config, MistConfig};

use crate::{
    limits::until,
    world::{Answer, World, ask, read},
};

const CLIENTS: usize = 64;
const REQUESTS: usize = 20;
const PATH: &str = "/api/v1/serve/join";

fn world() -> World {
    World::new(Config { compute_threads: 1, ..Config::default() }, MistConfig::default())
}

/// Lets many clients ask one after the other, each for its own numbers; returns how many runs the model made of it.
fn load(world: &World, path: &str, answer: impl Fn(usize, &Answer) + Sync) -> usize {
    let before = world.seen.begun.load(Ordering::SeqCst);
    std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            let answer = &answer;
            scope.spawn(move || {
                let mut stream = world.connect();
                for request in 0..REQUESTS {
                    // From 100 on, so that nobody meets the rows that the fake refuses or drops but those who are to.
                    let x = if client == 0 { 13 } else { 100 + client * REQUESTS + request };
                    answer(x, &ask(&mut stream, "POST", path, &[], &format!("{{\"x\":{x}}}")));
                }
            });
        }
    });
    world.seen.begun.load(Ordering::SeqCst) - before
}

/// The number on a line of the page of metrics.
fn metric(world: &World, series: &str) -> f64 {
    let page = world.get("/metrics").body;
    let line = page.lines().find_map(|line| line.strip_prefix(series));
    line.unwrap_or_else(|| panic!("{series}: {page}")).trim().parse().unwrap()
}

#[test]
fn everyone_gets_his_own_rows_and_faults() {
    let world = world();
    let runs = load(&world, PATH, |x, answer| match x {
        13 => assert!(answer.status == 400 && answer.body.contains("\"row\":0"), "{answer:?}"),
        x => assert_eq!((answer.status, &*answer.body), (200, &*format!("{{\"y\":{:?}}}", 2.0 * x as f64))),
    });
    assert!(runs < CLIENTS * REQUESTS / 2, "{runs} runs");
    let (all, answered) = (r#"forebay_joined_calls_count{model="join"}"#, r#"forebay_joined_calls_sum{model="join"}"#);
    // Calls alone that are refused are no run to learn from.
    assert!(metric(&world, answered) >= ((CLIENTS - 1) * REQUESTS) as f64);
    assert!(metric(&world, all) <= runs as f64);
    assert_eq!(metric(&world, "forebay_queue_seconds_count") as usize, CLIENTS * REQUESTS);
}

#[test]
fn refused_rows_are_marked_for_their_own_caller() {
    let world = world();
    load(&world, "/api/v1/serve/join?on_error=row", |x, answer| {
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.body.contains("_error"), x == 13, "{answer:?}");
    });
}

#[test]
fn spans_say_how_many_calls_were_joined() {
    let world = World::new(Config { compute_threads: 1, ..Config::default() }, MistConfig::default());
    let traced = |world: &World| {
        let (id, b3) = ("463ac35c9f6413ad48485a3953bb6124", "463ac35c9f6413ad48485a3953bb6124-a2fb4a1d1a96d312-1");
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| world.send("POST", PATH, &[("b3", b3)], r#"{"x":1}"#));
            }
        });
        world.get(&format!("/api/v2/trace/{id}")).body
    };
    until("calls are joined", || {
        let spans = traced(&world);
        spans.contains("calls joined") && spans.contains("\"queue\"") && spans.contains("\"doubling\"")
    });
}

#[test]
fn nobody_is_joined_where_the_configuration_says_so() {
    let batching = server::BatchingConfig { enabled: false, ..Default::default() };
    let world = World::batching(Config { compute_threads: 1, ..Config::default() }, batching);
    assert_eq!(load(&world, PATH, |_, _| {}), CLIENTS * REQUESTS);
}

#[test]
fn a_call_waits_for_others_where_the_configuration_says_so() {
    let batching = server::BatchingConfig { rows_max: 4, wait_us: 5_000_000, ..Default::default() };
    let world = World::batching(Config { compute_threads: 4, ..Config::default() }, batching);
    let four = || {
        std::thread::scope(|scope| {
            (0..4).for_each(|_| drop(scope.spawn(|| assert_eq!(world.post(PATH, r#"{"x":1}"#).status, 200))));
        });
        metric(&world, r#"forebay_joined_calls_bucket{model="join",le="4"}"#)
            - metric(&world, r#"forebay_joined_calls_bucket{model="join",le="2"}"#)
    };
    // Alone first, for there is nothing to compare with: four threads take four calls once they are four.
    until("four are joined before the first has waited to the end", || four() > 0.0);
}

#[test]
fn who_leaves_or_is_too_late_is_not_computed() {
    let world = world();
    std::thread::scope(|scope| {
        scope.spawn(|| world.post("/api/v1/serve/spin?timeout_ms=700", r#"{"x":1}"#));
        until("the thread is busy", || world.seen.begun.load(Ordering::SeqCst) == 1);
        let mut leaves = world.connect();
        leaves.write_all(b"POST /api/v1/serve/join HTTP/1.1\r\nhost: x\r\ncontent-length: 7\r\n\r\n{\"x\":1}").unwrap();
        until("it waits", || metric(&world, "forebay_compute_waiting") == 1.0);
        drop(leaves);
        let late = world.post("/api/v1/serve/join?timeout_ms=20", r#"{"x":1}"#);
        assert_eq!(late.status, 504, "{late:?}");
    });
    assert_eq!(world.post(PATH, r#"{"x":1}"#).status, 200);
    assert_eq!(world.seen.begun.load(Ordering::SeqCst), 2, "the one that kept the thread busy, and the last");
    let left = |why: &str| metric(&world, &format!("forebay_queue_left_total{{why=\"{why}\"}}"));
    assert_eq!(left("gone") + left("late"), 2.0);
}

#[test]
fn what_waits_is_answered_when_the_server_stops() {
    let mut world = world();
    let mut streams: Vec<_> = (0..16).map(|_| world.connect()).collect();
    for stream in &mut streams {
        stream.write_all(b"POST /api/v1/serve/join HTTP/1.1\r\nhost: x\r\ncontent-length: 7\r\n\r\n{\"x\":2}").unwrap();
    }
    until("the first is computed", || world.seen.begun.load(Ordering::SeqCst) > 0);
    std::thread::sleep(Duration::from_millis(5));
    world.stop();
    for stream in &mut streams {
        // One whose head was not read yet is closed without an answer, which tells its caller to ask elsewhere.
        assert!(read(stream, false).is_none_or(|answer| answer.status == 200 && answer.body == r#"{"y":4.0}"#));
    }
    assert_eq!(world.stopped().cut, 0);
}
