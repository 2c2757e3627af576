//! Further listeners: an address that answers some dialects only.

use server::{Config, Dialect, Dialects, MistConfig};

use crate::world::{World, ask};

#[test]
fn paths_of_other_dialects_are_not_there() {
    let world = World::with(Config::default(), MistConfig::default(), &[Dialects::of(&[Dialect::Mist, Dialect::Ops])]);
    let status = |place: usize, method: &str, path: &str, body: &str| {
        let mut stream = world.connect_to(world.further[place]);
        ask(&mut stream, method, path, &[], body).status
    };
    assert_eq!(status(0, "POST", "/api/double?serve", r#"{"x":[1]}"#), 200);
    assert_eq!(status(0, "GET", "/health/live", ""), 200);
    assert_eq!(status(0, "POST", "/api/v1/serve/double", r#"{"x":1}"#), 404);
    assert_eq!(status(0, "POST", "/v1/models/double:predict", r#"{"instances":[1]}"#), 404);
    assert_eq!(world.post("/api/v1/serve/double", r#"{"x":1}"#).status, 200, "the first listener has them all");
}
