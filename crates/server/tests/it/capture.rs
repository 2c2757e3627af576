//! Captured calls: files that a model can be asked with again.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use server::{CaptureConfig, Config};

use crate::{limits::until, world::World};

fn folder(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{name}", std::process::id()));
    let _ = fs::remove_dir_all(&path);
    path
}

fn world(folder: &Path, config: CaptureConfig) -> World {
    let config = CaptureConfig { folder: folder.to_str().unwrap().to_owned(), ..config };
    World::adjusted(Config::default(), &[], |state| state.with_capture(&config).unwrap())
}

fn files(folder: &Path, model: &str) -> Vec<PathBuf> {
    let found = fs::read_dir(folder.join(model)).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = found.map(|entry| entry.path()).collect();
    files.sort();
    files
}

fn rows(folder: &Path, model: &str) -> Vec<Value> {
    let texts = files(folder, model).into_iter().map(|file| fs::read_to_string(file).unwrap());
    let lines = texts.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>());
    lines.map(|line| serde_json::from_str(&line).unwrap()).collect()
}

#[test]
fn a_call_is_rows_of_what_was_asked_and_answered() {
    let folder = folder("captured");
    let world = world(&folder, CaptureConfig::default());
    let id = [("x-request-id", "order-17")];
    let answer = world.send("POST", "/api/v1/serve/double?on_error=row", &id, r#"[{"x":1},{"x":13},{"x":2.5}]"#);
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(world.post("/v1/models/double:predict", r#"{"instances":[4]}"#).status, 200);
    assert_eq!(
        world.post("/api/v1/serve/double", r#"{"x":"no number"}"#).status,
        400,
        "what is not answered is not captured"
    );
    until("four rows", || rows(&folder, "double").len() == 4);
    let rows = rows(&folder, "double");
    let bare = |row: &Value| {
        let mut row = row.clone();
        let time = row.as_object_mut().unwrap().remove("_time").unwrap_or_default();
        assert!(row.get("_error").is_some() || time.as_str().unwrap().ends_with('Z'), "{row}");
        row
    };
    assert_eq!(bare(&rows[0]), json!({"x": 1.0, "y": 2.0, "_request_id": "order-17", "_version": "1"}));
    assert!(rows[1]["_error"].is_string(), "{}", rows[1]);
    assert_eq!(bare(&rows[2]), json!({"x": 2.5, "y": 5.0, "_request_id": "order-17", "_version": "1"}));
    assert_eq!((&rows[3]["x"], &rows[3]["y"]), (&json!(4.0), &json!(8.0)));
    // What was captured can be asked again.
    assert_eq!(world.post("/api/v1/serve/double", &rows[2].to_string()).body, r#"{"y":5.0}"#);
    let counts = "forebay_capture_rows_total 5";
    until("they are counted", || world.get("/metrics").body.lines().any(|line| line == counts));
    assert!(world.get("/metrics").body.contains("forebay_capture_dropped_total 0"));
}

#[test]
fn samples_models_and_fields_are_chosen() {
    let folder = folder("chosen");
    let config = CaptureConfig {
        sample: 0.5,
        models: vec!["dou*".into()],
        fields_never: vec!["x".into()],
        ..CaptureConfig::default()
    };
    let world = world(&folder, config);
    for _ in 0..10 {
        assert_eq!(world.post("/api/v1/serve/double", r#"{"x":70707}"#).status, 200);
        assert_eq!(world.post("/api/v1/serve/where", r#"{"x":1}"#).status, 200);
    }
    until("half of them", || rows(&folder, "double").len() == 5);
    assert!(rows(&folder, "double").iter().all(|row| row.get("x").is_none() && row["y"] == 141_414.0));
    assert!(files(&folder, "where").is_empty(), "another model");
}

#[test]
fn files_are_few_and_bounded() {
    let folder = folder("bounded");
    let config = CaptureConfig { file_bytes_max: 200, files_max: 3, ..CaptureConfig::default() };
    let world = world(&folder, config);
    for x in 0..40 {
        assert_eq!(
            world.post("/api/v1/serve/double", &format!("{{\"x\":{x}}}")).status,
            if x == 13 { 400 } else { 200 }
        );
    }
    let last = || rows(&folder, "double").last().is_some_and(|row| row["x"] == 39.0);
    until("the last one", last);
    let files = files(&folder, "double");
    assert!(files.len() <= 3, "{files:?}");
    assert!(files.iter().all(|file| fs::metadata(file).unwrap().len() < 400));
}

#[test]
fn callers_of_different_outputs_have_files_of_their_own() {
    let folder = folder("outputs");
    let config = CaptureConfig { files_max: 3, ..CaptureConfig::default() };
    let world = world(&folder, config);
    let ask = |outputs: &str, x: usize| {
        let path = format!("/api/v1/serve/double?outputs={outputs}");
        assert_eq!(world.post(&path, &format!("{{\"x\":{x}}}")).status, 200);
    };
    for x in 0..30 {
        ask(["y", "y,x"][x % 2], if x == 13 || x == 14 { 0 } else { x });
    }
    until("all rows", || rows(&folder, "double").len() == 30);
    assert_eq!(files(&folder, "double").len(), 2);
    assert!(world.get("/metrics").body.contains("forebay_capture_pruned_rows_total 0"));
    // Three sets of columns have room, and no more: the file of the one asked for longest ago goes.
    ask("x,y", 1);
    ask("x", 1);
    let counts = "forebay_capture_pruned_rows_total 15";
    until("the lost rows are counted", || world.get("/metrics").body.lines().any(|line| line == counts));
    until("the others are there", || rows(&folder, "double").len() == 17);
    assert_eq!(files(&folder, "double").len(), 3);
}

#[test]
fn parquet_files_are_whole_at_the_end() {
    let folder = folder("parquet");
    let config = CaptureConfig { format: "parquet".into(), ..CaptureConfig::default() };
    let mut world = world(&folder, config);
    assert_eq!(world.post("/api/v1/serve/double", r#"[{"x":1},{"x":2}]"#).status, 200);
    world.stop();
    world.stopped();
    drop(world);
    until("the file is ended", || {
        files(&folder, "double").iter().any(|file| file.extension().is_some_and(|e| e == "parquet"))
    });
    let bytes = fs::read(&files(&folder, "double")[0]).unwrap();
    assert!(bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1"));
}
