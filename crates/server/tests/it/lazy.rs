//! Models that are loaded by the first call.

use std::sync::atomic::Ordering;

use server::Config;

use crate::world::World;

const ROW: &str = "[{\"x\": 4}]";

/// What `/metrics` says under this name.
fn metric(world: &World, name: &str) -> String {
    let page = world.get("/metrics").body;
    let line = page.lines().find(|line| line.split(' ').next() == Some(name)).map(str::to_owned);
    line.unwrap_or_else(|| panic!("no {name}")).split(' ').nth(1).unwrap().to_owned()
}

/// The version of a model in `/api/v1/models/{name}/versions/1`: its state, and whether it is cold.
fn state(world: &World, name: &str) -> (String, bool) {
    let version = world.get(&format!("/api/v1/models/{name}/versions/1")).json();
    (version["state"].as_str().unwrap().to_owned(), version["cold"] == true)
}

fn index(world: &World, name: &str) -> String {
    let all = world.post("/v2/repository/index", "").json();
    let one = all.as_array().unwrap().iter().find(|one| one["name"] == name).unwrap().clone();
    format!("{} {}", one["state"].as_str().unwrap(), one["reason"].as_str().unwrap())
}

#[test]
fn a_cold_model_is_ready_and_its_first_call_loads_it() {
    let world = World::lazy(Config::default(), 0);
    assert_eq!(world.get("/health/ready").status, 200);
    let verified = world.seen.loads.load(Ordering::SeqCst);
    assert_eq!(world.get("/v2/models/double/ready").status, 200);
    let tfs = world.get("/v1/models/double").json();
    assert_eq!(tfs["model_version_status"][0]["state"], "AVAILABLE");
    assert_eq!(state(&world, "double"), ("available".to_owned(), true));
    assert_eq!(index(&world, "double"), "READY cold: the first call loads it");
    assert_eq!(world.seen.loads.load(Ordering::SeqCst), verified, "to ask for its state loads nothing");
    for _ in 0..2 {
        let answer = world.post("/api/v1/serve/double", ROW);
        assert_eq!((answer.status, answer.json()[0]["y"].as_f64()), (200, Some(8.0)), "{answer:?}");
    }
    assert_eq!(world.seen.loads.load(Ordering::SeqCst), verified + 1);
    assert_eq!(
        (state(&world, "double"), index(&world, "double")),
        (("available".to_owned(), false), "READY ".to_owned())
    );
    assert_eq!(metric(&world, "forebay_activations_total{result=\"ok\"}"), "1");
    assert_eq!(metric(&world, "forebay_loaded_bytes"), "64");
    assert_eq!(metric(&world, "forebay_models{state=\"available\"}"), "1");
}

#[test]
fn every_dialect_waits_for_a_cold_model() {
    let config = Config { default_model: "double".to_owned(), ..Config::default() };
    let world = World::lazy(config, 0);
    let tensor = r#"{"inputs": [{"name": "x", "datatype": "FP64", "shape": [1], "data": [4]}]}"#;
    for (path, body) in [
        ("/api/v1/serve/double", ROW),
        ("/v2/models/double/infer", tensor),
        ("/v2/models/double/versions/1/infer", tensor),
        ("/v1/models/double:predict", r#"{"instances": [{"x": 4}]}"#),
        ("/invocations", r#"{"dataframe_records": [{"x": 4}]}"#),
        ("/openscoring/model/double", r#"{"arguments": {"x": 4}}"#),
        ("/v2/repository/models/double/load", ""),
    ] {
        let answer = world.post(path, body);
        assert_eq!(answer.status, 200, "{path} {answer:?}");
        assert!(!state(&world, "double").1, "{path}");
        assert_eq!(world.post("/v2/repository/models/double/unload", "").status, 200);
        assert!(state(&world, "double").1, "{path}");
    }
    for path in ["/v2/models/double", "/v2/models/double/config", "/v1/models/double/metadata", "/api/v1/models/double"]
    {
        let answer = world.get(path);
        assert_eq!(answer.status, 200, "{path} {answer:?}");
        assert!(!state(&world, "double").1, "{path} shows what only a loaded model knows");
        assert_eq!(world.post("/v2/repository/models/double/unload", "").status, 200);
    }
}

#[test]
fn many_callers_wait_for_one_load_each_within_its_own_time() {
    let world = World::lazy(Config::default(), 0);
    let verified = world.seen.loads.load(Ordering::SeqCst);
    world.seen.load_ms.store(1_000, Ordering::SeqCst);
    std::thread::scope(|scope| {
        let patient: Vec<_> = (0..8).map(|_| scope.spawn(|| world.post("/api/v1/serve/double", ROW).status)).collect();
        let hurried =
            scope.spawn(|| world.send("POST", "/api/v1/serve/double", &[("x-forebay-timeout-ms", "50")], ROW).status);
        assert_eq!(hurried.join().unwrap(), 504);
        // The network threads are free meanwhile.
        assert_eq!(world.get("/health/live").status, 200);
        patient.into_iter().for_each(|caller| assert_eq!(caller.join().unwrap(), 200));
    });
    assert_eq!(world.seen.loads.load(Ordering::SeqCst), verified + 1);
}

#[test]
fn memory_goes_to_those_that_are_asked_for() {
    // Room for two.
    let world = World::lazy(Config::default(), 128);
    for name in ["double", "count", "double", "big", "who"] {
        let _ = world.post(&format!("/api/v1/serve/{name}"), ROW);
    }
    let cold = |name| state(&world, name).1;
    assert_eq!([cold("double"), cold("count"), cold("who")], [false, true, false]);
    assert_eq!(metric(&world, "forebay_evictions_total"), "1");
    assert_eq!(metric(&world, "forebay_loaded_bytes"), "128");
}
