//! Statistics, as Triton has them: of each version its own.

use std::collections::BTreeMap;

use model::{Name, Version};
use registry::{Artifact, Found, Scan, Upkeep, Versions};
use serde_json::Value;
use server::{Config, MistConfig, TraceConfig};
use wire::inference::{ModelStatisticsRequest, grpc_inference_service_client::GrpcInferenceServiceClient as Client};

use crate::{
    grpc::channel,
    world::{Files, World},
};

/// Has versions 1 and 2 of `double`, both up.
fn world() -> World {
    let world = World::unloaded(Config::default(), MistConfig::default(), TraceConfig::default());
    let artifact = |number: u64| Artifact {
        number: Some(Version(number)),
        path: format!("here/double/{number}").into(),
        fingerprint: number,
        source: 0,
    };
    let found = Found::Artifacts {
        name: Name::new("double").unwrap(),
        artifacts: vec![artifact(1), artifact(2)],
        upkeep: Upkeep { versions: Versions::All, ..Upkeep::default() },
    };
    let mut manager = world.manager.lock().unwrap();
    manager.aspire(Scan { models: [("double".to_owned(), found)].into() });
    while manager.step(&Files) {}
    drop(manager);
    world
}

/// By version: calls, rows, calls that failed.
fn counts(world: &World, path: &str) -> BTreeMap<String, (u64, u64, u64)> {
    let answer = world.get(path);
    assert_eq!(answer.status, 200, "{answer:?}");
    let all = answer.json()["model_stats"].as_array().unwrap().clone();
    let of = |one: &Value| {
        let count = |value: &Value| value.as_u64().unwrap();
        let failed = count(&one["inference_stats"]["fail"]["count"]);
        (count(&one["execution_count"]), count(&one["inference_count"]), failed)
    };
    all.iter().map(|one| (one["version"].as_str().unwrap().to_owned(), of(one))).collect()
}

#[test]
fn each_version_has_its_own() {
    let world = world();
    let none = (0, 0, 0);
    let two = |one, two| BTreeMap::from([("1".to_owned(), one), ("2".to_owned(), two)]);
    assert_eq!(counts(&world, "/v2/models/double/stats"), two(none, none), "before the first call");
    let infer = |path: &str, status: u16| {
        let body = r#"{"inputs": [{"name": "x", "shape": [2], "datatype": "FP64", "data": [1, 2]}]}"#;
        let body = if status == 200 { body } else { "{}" };
        assert_eq!(world.post(path, body).status, status, "{path}");
    };
    infer("/v2/models/double/versions/1/infer", 200);
    infer("/v2/models/double/versions/1/infer", 400);
    infer("/v2/models/double/infer", 200);
    infer("/v2/models/double/infer", 200);
    let expected = two((1, 2, 1), (2, 4, 0));
    assert_eq!(counts(&world, "/v2/models/double/stats"), expected);
    assert_eq!(counts(&world, "/v2/models/stats"), expected);
    for (version, counted) in expected {
        let own = counts(&world, &format!("/v2/models/double/versions/{version}/stats"));
        assert_eq!(own, BTreeMap::from([(version, counted)]));
    }
    assert_eq!(world.get("/v2/models/double/versions/3/stats").status, 404);

    let mut client = Client::new(channel(&world));
    let mut rows = |version: &str| -> Vec<(String, u64)> {
        let asked = ModelStatisticsRequest { name: "double".into(), version: version.into() };
        let answer = world.runtime.block_on(client.model_statistics(asked)).unwrap().into_inner();
        answer.model_stats.into_iter().map(|one| (one.version, one.inference_count)).collect()
    };
    assert_eq!(rows(""), [("1".to_owned(), 2), ("2".to_owned(), 4)]);
    assert_eq!(rows("1"), [("1".to_owned(), 2)]);
}
