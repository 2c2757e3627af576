//! The access log: a line a request, and nothing of what the request held.

use std::{fs, path::PathBuf};

use serde_json::Value;
use server::{AccessLogConfig, AuthConfig, Config, Key, Role, Secret};
use wire::inference::grpc_inference_service_client::GrpcInferenceServiceClient as Client;

use crate::{
    grpc::{channel, floats},
    limits::until,
    world::World,
};

fn path(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{name}", std::process::id()));
    let _ = fs::remove_file(&path);
    path
}

fn world(config: &AccessLogConfig, auth: &AuthConfig) -> World {
    World::adjusted(Config::default(), &[], |state| state.with_access_log(config).unwrap().with_auth(auth).unwrap())
}

fn lines(path: &PathBuf) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn each_request_has_its_line_and_no_value_of_it() {
    let path = path("access");
    let config = AccessLogConfig { to: path.to_str().unwrap().to_owned(), ..AccessLogConfig::default() };
    let key = |name: &str, roles: &[Role]| Key {
        name: name.into(),
        key: Secret(format!("{name}-0123456789abcdef")),
        roles: roles.into(),
        ..Key::default()
    };
    let auth = AuthConfig { keys: vec![key("scorer", &[Role::Predict])], ..AuthConfig::default() };
    let world = world(&config, &auth);
    let sent = [("x-api-key", "scorer-0123456789abcdef"), ("x-request-id", "order-17")];
    let body = r#"[{"x":70707},{"x":2}]"#;
    assert_eq!(world.send("POST", "/api/v1/serve/double?timeout_ms=9999", &sent, body).status, 200);
    assert_eq!(world.send("POST", "/v1/models/double:predict", &sent, r#"{"instances":[1]}"#).status, 200);
    assert_eq!(world.send("POST", "/api/v1/serve/nobody", &sent, "{}").status, 404);
    assert_eq!(world.post("/api/v1/serve/double", "{}").status, 401);
    assert_eq!(world.get("/nowhere").status, 404);
    let mut request = tonic::Request::new(floats("double", &[1.0, 2.0, 3.0]));
    request.metadata_mut().insert("x-api-key", "scorer-0123456789abcdef".parse().unwrap());
    world.runtime.block_on(Client::new(channel(&world)).model_infer(request)).unwrap();
    until("six lines are written", || lines(&path).len() == 6);
    let lines = lines(&path);
    let shown =
        |line: &Value, keys: &[&str]| keys.iter().map(|key| line[*key].to_string()).collect::<Vec<_>>().join(" ");
    let what = ["dialect", "model", "version", "code", "rows", "key"];
    assert_eq!(shown(&lines[0], &what), r#""native" "double" 1 200 2 "scorer""#);
    assert_eq!(shown(&lines[1], &what), r#""tfs" "double" 1 200 1 "scorer""#);
    assert_eq!(shown(&lines[2], &what), r#""native" null null 404 0 "scorer""#);
    assert_eq!(shown(&lines[3], &what), r#""native" null null 401 0 null"#);
    assert_eq!(shown(&lines[4], &what), r#""native" null null 404 0 null"#);
    assert_eq!(shown(&lines[5], &what), r#""v2-grpc" "double" 1 200 3 "scorer""#);
    assert_eq!(shown(&lines[0], &["request_id", "method", "path"]), r#""order-17" "POST" "/api/v1/serve/double""#);
    assert_eq!((&lines[0]["bytes_in"], &lines[0]["bytes_out"]), (&body.len().into(), &26.into()), "{}", lines[0]);
    for line in &lines {
        assert!(line["us"].as_u64().unwrap() > 0 && line["peer"].as_str().unwrap().starts_with("127.0.0.1:"), "{line}");
        assert!(line["time"].as_str().unwrap().ends_with('Z'), "{line}");
    }
    let text = fs::read_to_string(&path).unwrap();
    assert!(!text.contains("70707") && !text.contains("0123456789abcdef") && !text.contains("9999"), "{text}");
}

#[test]
fn of_a_sample_there_are_all_failures_and_files_are_bounded() {
    let path = path("sampled");
    let config =
        AccessLogConfig { to: path.to_str().unwrap().to_owned(), sample: 0.25, file_bytes_max: 1200, files_kept: 1 };
    let world = world(&config, &AuthConfig::default());
    for _ in 0..16 {
        assert_eq!(world.get("/health/live").status, 200);
        assert_eq!(world.get("/nowhere").status, 404);
    }
    world.send("GET", "/nowhere", &[("x-request-id", "last")], "");
    let before = path.with_file_name(format!("{}.1", path.file_name().unwrap().to_str().unwrap()));
    let all = || [lines(&before), lines(&path)].concat();
    until("the last failure is written", || all().last().is_some_and(|line| line["request_id"] == "last"));
    let (page, all) = (world.get("/metrics").body, all());
    let of = |code: u16| all.iter().filter(|line| line["code"] == code).count();
    assert!(all.len() <= 12 && (1..=2).contains(&of(200)) && of(404) + of(200) == all.len(), "{all:?}");
    assert!(fs::metadata(&path).unwrap().len() <= 1200 && fs::metadata(&before).unwrap().len() <= 1200);
    assert!(page.contains("forebay_access_log_dropped_total 0"), "{page}");
}
