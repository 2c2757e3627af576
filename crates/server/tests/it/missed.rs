//! What an address of few dialects says of paths that it does not serve.

use server::{Config, Dialect, Dialects, MistConfig};

use crate::world::{World, ask};

#[test]
fn it_is_told_in_the_words_of_the_path_and_names_what_is_served() {
    let alone = |dialect: Dialect| Dialects::of(&[dialect]);
    let world = World::with(Config::default(), MistConfig::default(), &[alone(Dialect::Tfs), alone(Dialect::V2)]);
    let get = |place: usize, path: &str| {
        let mut stream = world.connect_to(world.further[place]);
        let answer = ask(&mut stream, "GET", path, &[], "");
        (answer.status, answer.json()["error"].clone())
    };
    assert_eq!(get(0, "/v1/foo"), (400, "Malformed request: GET /v1/foo".into()));
    // Of no dialect that is here, so in the native words; the hint is of the one that is.
    for (place, path, hint) in [
        (0, "/v2/models/double", "POST /v1/models/{model}:predict"),
        (0, "/api/v1/models", "POST /v1/models/{model}:predict"),
        (1, "/v1/models/double", "POST /v2/models/{model}/infer"),
        (1, "/foo", "POST /v2/models/{model}/infer"),
    ] {
        let (status, error) = get(place, path);
        let message = error["message"].as_str().unwrap();
        assert_eq!(status, 404);
        assert!(message.contains(hint) && !message.contains("/api/v1/serve"), "{message}");
    }
}
