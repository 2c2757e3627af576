//! Further listeners: an address that answers some dialects only.

use server::{Config, Dialect, Dialects, Listener, MistConfig, Tls};

use crate::world::{World, ask};

fn status(world: &World, place: usize, method: &str, path: &str, body: &str) -> u16 {
    let mut stream = world.connect_to(world.further[place]);
    ask(&mut stream, method, path, &[], body).status
}

#[test]
fn paths_of_other_dialects_are_not_there() {
    let world = World::with(Config::default(), MistConfig::default(), &[Dialects::of(&[Dialect::Mist, Dialect::Ops])]);
    let status = |method: &str, path: &str, body: &str| status(&world, 0, method, path, body);
    assert_eq!(status("POST", "/api/double?serve", r#"{"x":[1]}"#), 200);
    assert_eq!(status("GET", "/health/live", ""), 200);
    assert_eq!(status("POST", "/api/v1/serve/double", r#"{"x":1}"#), 404);
    assert_eq!(status("POST", "/v1/models/double:predict", r#"{"instances":[1]}"#), 404);
    assert_eq!(world.post("/api/v1/serve/double", r#"{"x":1}"#).status, 200, "the first listener has them all");
}

/// What changes models or tells of changes, and what it is answered where it is served: nothing here can be published.
const CHANGES: [(&str, &str, u16); 9] = [
    ("POST", "/api/v1/models/double/versions", 400),
    ("PUT", "/api/v1/models/double/versions/2", 400),
    ("GET", "/api/v1/models/double/versions/9/artifact", 404),
    ("DELETE", "/api/v1/models/double", 400),
    ("DELETE", "/api/v1/models/double/versions/1", 400),
    ("PUT", "/api/v1/models/double/labels/stable", 400),
    ("DELETE", "/api/v1/models/double/labels/stable", 404),
    ("PUT", "/openscoring/model/double", 400),
    ("DELETE", "/openscoring/model/double", 400),
];

#[test]
fn the_admin_api_has_a_listener_of_its_own() {
    let named = |dialects: &[Dialect]| Listener {
        address: "127.0.0.1:0".to_owned(),
        dialects: dialects.to_vec(),
        tls: Tls::default(),
    };
    let listeners = vec![named(&[Dialect::Admin, Dialect::Openscoring]), named(&[Dialect::Native])];
    let config = Config { listeners, ..Config::default() };
    let further: Vec<Dialects> = config.listeners.iter().map(|listener| config.dialects_of(listener)).collect();
    let world = World::with(config, MistConfig::default(), &further);
    for (method, path, expected) in CHANGES {
        assert_eq!(status(&world, 0, method, path, ""), expected, "{method} {path}");
        let answer = world.send(method, path, &[], "");
        assert!(
            answer.status == 404 && answer.body.contains("models are changed at a listener of their own"),
            "{answer:?}"
        );
        assert_eq!(status(&world, 1, method, path, ""), 404, "{method} {path}");
    }
    assert_eq!(world.get("/api/v1/events").status, 404);
    // Models are looked at on either, and asked where predictions are.
    for path in ["/api/v1/models", "/api/v1/models/double", "/api/v1/models/double/labels"] {
        assert_eq!([status(&world, 0, "GET", path, ""), status(&world, 1, "GET", path, "")], [200, 200], "{path}");
        assert_eq!(world.get(path).status, 200, "{path}");
    }
    let row = r#"{"x":1}"#;
    assert_eq!(world.post("/api/v1/serve/double", row).status, 200);
    assert_eq!(status(&world, 0, "POST", "/api/v1/serve/double", row), 404);
    assert_eq!(status(&world, 1, "POST", "/api/v1/serve/double", row), 200);
    assert_eq!(world.post("/openscoring/model/double", r#"{"arguments": {"x": 1}}"#).status, 200);
}

#[test]
fn where_no_listener_names_it_the_first_answers_the_admin_api() {
    let further = [Dialects::of(&[Dialect::Native]), Dialects::of(&[Dialect::Openscoring])];
    let world = World::with(Config::default(), MistConfig::default(), &further);
    for (method, path, expected) in CHANGES {
        assert_eq!(world.send(method, path, &[], "").status, expected, "{method} {path}");
    }
    assert_eq!(status(&world, 0, "PUT", "/api/v1/models/double/labels/stable", r#"{"version": 1}"#), 405);
    assert_eq!(status(&world, 1, "PUT", "/openscoring/model/double", ""), 400);
}
