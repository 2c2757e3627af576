//! Keys, roles, models and rates, on REST and gRPC.

use server::{AuthConfig, Config, Key, MistConfig, Role, Secret};
use tonic::{Code, Request, metadata::MetadataValue};
use wire::inference::{
    ModelMetadataRequest, RepositoryIndexRequest, RepositoryModelLoadRequest, ServerLiveRequest,
    grpc_inference_service_client::GrpcInferenceServiceClient as Client,
};

use crate::{
    grpc::{channel, floats},
    world::{Answer, World},
};

const PREDICTS: &str = "predicts-0123456789";
const READS: &str = "reads-0123456789abc";
const RULES: &str = "rules-0123456789abc";
const LIMITED: &str = "limited-0123456789a";

fn key(name: &str, key: &str, roles: &[Role]) -> Key {
    Key { name: name.into(), key: Secret(key.into()), roles: roles.into(), ..Key::default() }
}

fn auth() -> AuthConfig {
    let limited =
        Key { models: vec!["dou*".into(), "wh*e".into()], ..key("limited", LIMITED, &[Role::Predict, Role::Read]) };
    let keys = vec![
        key("predicts", PREDICTS, &[Role::Predict]),
        key("reads", READS, &[Role::Read]),
        key("rules", RULES, &[Role::Admin]),
        limited,
    ];
    AuthConfig { keys, ..AuthConfig::default() }
}

fn ask(world: &World, method: &str, path: &str, key: &str, body: &str) -> Answer {
    world.send(method, path, &[("x-api-key", key)], body)
}

#[test]
fn every_role_may_do_what_it_says_and_no_more() {
    let world = World::guarded(&auth());
    let row = r#"{"x":1}"#;
    let tfs = r#"{"instances":[1]}"#;
    for (method, path, body, predicts, reads, rules) in [
        ("POST", "/api/v1/serve/double", row, 200, 403, 200),
        ("POST", "/v1/models/double:predict", tfs, 200, 403, 200),
        ("POST", "/api/double?serve", r#"{"x":[1]}"#, 200, 403, 200),
        ("GET", "/v1/models/double", "", 200, 200, 200),
        ("GET", "/v2/models/double", "", 200, 200, 200),
        ("GET", "/api/v1/models/double", "", 200, 200, 200),
        ("GET", "/api/v1/models", "", 403, 200, 200),
        ("POST", "/v2/repository/index", "", 403, 200, 200),
        ("GET", "/api/v2/traces", "", 403, 200, 200),
        ("GET", "/metrics", "", 403, 200, 200),
        ("POST", "/v2/repository/models/double/load", "", 403, 403, 200),
        // Nowhere to publish into, but let in.
        ("DELETE", "/api/v1/models/double", "", 403, 403, 400),
    ] {
        for (key, status) in [(PREDICTS, predicts), (READS, reads), (RULES, rules)] {
            let answer = ask(&world, method, path, key, body);
            assert_eq!(answer.status, status, "{method} {path} by {key}: {}", answer.body);
        }
        let answer = world.send(method, path, &[], body);
        assert_eq!(
            (answer.status, answer.header("www-authenticate")),
            (401, Some("Bearer realm=\"forebay\"")),
            "{path}"
        );
    }
    for path in ["/health/live", "/health/ready", "/v2/health/live", "/v2/health/ready", "/v2", "/ping"] {
        assert_eq!(world.get(path).status, 200, "{path} is open");
    }
    let page = ask(&world, "GET", "/metrics", READS, "").body;
    assert!(page.contains("forebay_auth_refusals_total{reason=\"missing\"} 12"), "{page}");
    assert!(page.contains("forebay_auth_refusals_total{reason=\"role\"} 11"), "{page}");
}

#[test]
fn keys_are_sent_by_either_header_and_a_wrong_one_is_no_stranger() {
    let auth = AuthConfig { anonymous: vec![Role::Predict], metrics_open: true, ..auth() };
    let world = World::guarded(&auth);
    let status = |headers: &[(&str, &str)]| {
        let answer = world.send("GET", "/api/v1/models", headers, "");
        (answer.status, answer.header("www-authenticate").map(str::to_owned))
    };
    let challenge = |text: &str| Some(format!("Bearer realm=\"forebay\"{text}"));
    assert_eq!(status(&[("authorization", &format!("Bearer {READS}"))]).0, 200);
    assert_eq!(status(&[("authorization", &format!("bearer  {READS} "))]).0, 200);
    for wrong in ["Bearer reads-0123456789abd", "Basic YTpi", "Bearer", "Bearer a.b.c"] {
        assert_eq!(status(&[("authorization", wrong)]), (401, challenge(", error=\"invalid_token\"")), "{wrong}");
    }
    assert_eq!(status(&[("x-api-key", "")]).0, 401);
    assert_eq!(status(&[]), (401, challenge("")), "strangers have another role");
    assert_eq!(world.post("/api/v1/serve/double", r#"{"x":1}"#).status, 200, "which is this one");
    assert_eq!(ask(&world, "POST", "/api/v1/serve/double", "nobody-knows-this", r#"{"x":1}"#).status, 401);
    assert_eq!(world.get("/metrics").status, 200, "open by configuration");
    assert_eq!(world.get("/nowhere").status, 404);
}

#[test]
fn each_protocol_refuses_in_its_own_words() {
    let world = World::guarded(&auth());
    let check = |path: &str, key: &str, expected: serde_json::Value| {
        let mut body = ask(&world, "POST", path, key, "{}").json();
        if let Some(error) = body.pointer_mut("/error/request_id") {
            *error = "*".into();
        }
        assert_eq!(body, expected, "{path}");
    };
    let message = "this takes the role predict; the caller has read";
    let native = serde_json::json!({"error": {
        "kind": "PermissionDenied", "message": message, "violations": [], "request_id": "*",
    }});
    check("/api/v1/serve/double", READS, native);
    check("/v2/models/double/infer", READS, serde_json::json!({"error": message}));
    check("/v1/models/double:predict", READS, serde_json::json!({"error": message}));
    check("/invocations", READS, serde_json::json!({"error_code": "PERMISSION_DENIED", "message": message}));
    check("/openscoring/model/double", READS, serde_json::json!({"message": message}));
    let mist = ask(&world, "POST", "/api/double?serve", READS, "{}").json();
    assert_eq!((&mist["success"], &mist["errors"][0]), (&false.into(), &message.into()), "{mist}");
}

#[test]
fn a_key_asks_its_own_models_alone() {
    let world = World::guarded(&auth());
    let status = |method: &str, path: &str, body: &str| ask(&world, method, path, LIMITED, body).status;
    let row = r#"{"x":1}"#;
    assert_eq!(status("POST", "/api/v1/serve/double", row), 200);
    assert_eq!(status("POST", "/api/v1/serve/where", row), 200);
    assert_eq!(status("GET", "/v2/models/double/stats", ""), 200);
    for (method, path) in [
        ("POST", "/api/v1/serve/vectors"),
        ("POST", "/api/v1/serve/who"),
        ("POST", "/v1/models/vectors:predict"),
        ("POST", "/v1/models/vectors/versions/1:predict"),
        ("GET", "/v1/models/vectors/metadata"),
        ("POST", "/v2/models/vectors/infer"),
        ("POST", "/api/vectors?serve"),
        ("POST", "/openscoring/model/vectors"),
        ("GET", "/api/v1/models/vectors/versions/1"),
        // About all of them.
        ("GET", "/api/v1/models"),
        ("GET", "/v2/models/stats"),
        ("POST", "/v2/repository/index"),
        ("GET", "/api/v2/traces"),
        ("POST", "/invocations"),
    ] {
        assert_eq!(status(method, path, row), 403, "{method} {path}");
    }
    let route = r#"{"routes":[{"name":"double","model":"vectors"}]}"#;
    let mist: MistConfig = serde_json::from_str(route).unwrap_or_default();
    assert_eq!(mist.routes.len(), 1, "a route whose name is another model's");
    let config = Config { default_model: "double".into(), ..Config::default() };
    let world = World::adjusted(config, &[], |state| state.with_auth(&auth()).unwrap());
    assert_eq!(ask(&world, "POST", "/invocations", LIMITED, r#"{"dataframe_records":[{"x":1}]}"#).status, 200);
}

#[test]
fn more_than_the_rate_is_told_when_to_come_back() {
    let slow = Key { rate_per_s: 0.01, burst: 2, ..key("slow", PREDICTS, &[Role::Predict]) };
    let world =
        World::guarded(&AuthConfig { keys: vec![slow, key("rules", RULES, &[Role::Admin])], ..AuthConfig::default() });
    let send = |key: &str| ask(&world, "POST", "/api/v1/serve/double", key, r#"{"x":1}"#);
    assert_eq!([send(PREDICTS).status, send(PREDICTS).status], [200, 200]);
    let refused = send(PREDICTS);
    assert_eq!(refused.status, 429, "{}", refused.body);
    let after: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((90..=100).contains(&after), "{after}");
    assert_eq!(send(RULES).status, 200, "others are not slowed");
    let mut client = Client::new(channel(&world));
    let error = world.runtime.block_on(client.model_infer(with(PREDICTS, floats("double", &[1.0])))).unwrap_err();
    assert_eq!(error.code(), Code::ResourceExhausted, "one rate for all protocols");
}

fn with<T>(key: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", MetadataValue::try_from(format!("Bearer {key}")).unwrap());
    request
}

#[test]
fn grpc_asks_for_the_same() {
    let world = World::guarded(&auth());
    let mut client = Client::new(channel(&world));
    let run = &world.runtime;
    let mut infer = |key: &str, model: &str| {
        run.block_on(client.model_infer(with(key, floats(model, &[1.0])))).map(drop).map_err(|status| status.code())
    };
    assert_eq!(infer(PREDICTS, "double"), Ok(()));
    assert_eq!(infer(READS, "double"), Err(Code::PermissionDenied));
    assert_eq!(infer("nobody-knows-this", "double"), Err(Code::Unauthenticated));
    assert_eq!(infer(LIMITED, "double"), Ok(()));
    assert_eq!(infer(LIMITED, "vectors"), Err(Code::PermissionDenied));
    let stream = |client: &mut Client<tonic::transport::Channel>, key: &str, model: &str| {
        let requests = tokio_stream::iter(vec![floats(model, &[1.0])]);
        run.block_on(async {
            let mut answers = client.model_stream_infer(with(key, requests)).await?.into_inner();
            Ok::<_, tonic::Status>(answers.message().await?.map(|answer| answer.error_message))
        })
    };
    assert_eq!(stream(&mut client, READS, "double").unwrap_err().code(), Code::PermissionDenied);
    assert_eq!(stream(&mut client, LIMITED, "double").unwrap(), Some(String::new()));
    let refused = stream(&mut client, LIMITED, "vectors").unwrap().unwrap();
    assert!(refused.contains("not `vectors`"), "{refused}");
    let index = |client: &mut Client<_>, key| {
        run.block_on(client.repository_index(with(key, RepositoryIndexRequest::default())))
            .map(drop)
            .map_err(|e| e.code())
    };
    assert_eq!(index(&mut client, READS), Ok(()));
    assert_eq!(index(&mut client, PREDICTS), Err(Code::PermissionDenied));
    assert_eq!(index(&mut client, LIMITED), Err(Code::PermissionDenied));
    let load = RepositoryModelLoadRequest { model_name: "double".into(), ..Default::default() };
    let mut load =
        |key| run.block_on(client.repository_model_load(with(key, load.clone()))).map(drop).map_err(|e| e.code());
    assert_eq!((load(READS), load(RULES)), (Err(Code::PermissionDenied), Ok(())));
    let metadata = ModelMetadataRequest { name: "double".into(), ..Default::default() };
    let mut client = Client::new(channel(&world));
    assert_eq!(run.block_on(client.model_metadata(metadata)).unwrap_err().code(), Code::Unauthenticated);
    assert!(run.block_on(client.server_live(ServerLiveRequest {})).unwrap().into_inner().live, "health is open");
}

#[test]
fn keys_are_read_again_while_serving() {
    let world = World::guarded(&auth());
    let status = |key: &str| ask(&world, "GET", "/api/v1/models", key, "").status;
    assert_eq!((status(READS), status("another-0123456789")), (200, 401));
    let other = AuthConfig { keys: vec![key("another", "another-0123456789", &[Role::Read])], ..AuthConfig::default() };
    world.state.set_auth(&other).unwrap();
    assert_eq!((status(READS), status("another-0123456789")), (401, 200));
    let wrong = AuthConfig { keys: vec![key("short", "short", &[Role::Read])], ..AuthConfig::default() };
    let error = world.state.set_auth(&wrong).unwrap_err();
    assert!(error.contains("at least 16") && !error.contains("short-"), "{error}");
    assert!(
        world.state.set_auth(&AuthConfig::default()).unwrap_err().contains("restart"),
        "a door is not taken out by a file"
    );
    assert_eq!(status("another-0123456789"), 200, "what is wrong changes nothing");
}

#[test]
fn configurations_that_are_no_door_are_refused() {
    let check = |key: Key, part: &str| {
        let error = AuthConfig { keys: vec![key], ..AuthConfig::default() }.check().unwrap_err();
        assert!(error.contains(part), "{error}");
    };
    let good = || key("a", PREDICTS, &[Role::Read]);
    check(Key { roles: Vec::new(), ..good() }, "roles");
    check(Key { name: String::new(), ..good() }, "name");
    check(Key { key: Secret::default(), ..good() }, "one of");
    check(Key { certificate: "x".into(), ..good() }, "one of");
    check(Key { key: Secret::default(), sha256: "abc".into(), ..good() }, "64 hexadecimal");
    check(Key { key: Secret::default(), sha256: "+f".repeat(32), ..good() }, "64 hexadecimal");
    check(Key { key: Secret::default(), file: "/nowhere/at/all".into(), ..good() }, "cannot read");
    check(Key { rate_per_s: -1.0, ..good() }, "rate_per_s");
    let admin = AuthConfig { anonymous: vec![Role::Admin], ..auth() };
    assert!(admin.check().unwrap_err().contains("anonymous"));
    let twice = AuthConfig { keys: vec![good(), Key { name: "b".into(), ..good() }], ..AuthConfig::default() };
    assert!(twice.check().unwrap_err().contains("the same"));
}

#[test]
fn a_digest_is_as_good_as_its_key() {
    let sha256 = "3c97dcedfd615f5dcf3d43edeeea4d44c3063608c352cc429f09709706f55a6d";
    let by_digest = Key { key: Secret::default(), sha256: sha256.into(), ..key("d", "", &[Role::Read]) };
    let world = World::guarded(&AuthConfig { keys: vec![by_digest], ..AuthConfig::default() });
    assert_eq!(ask(&world, "GET", "/api/v1/models", "hello-world-hello", "").status, 401);
    assert_eq!(ask(&world, "GET", "/api/v1/models", sha256, "").status, 401, "the digest itself opens nothing");
    assert_eq!(ask(&world, "GET", "/api/v1/models", DIGESTED, "").status, 200);
}

const DIGESTED: &str = "digested-0123456789";
