//! What is known of models outlives the process.

use std::fs;

use serde_json::Value;

use crate::{
    serve::Server,
    support::{Temp, run},
};

/// Starts a server of the folder `models`, whose catalogue is in `state`.
fn start(temp: &Temp, state: &str) -> Server {
    Server::start(&[&temp.path("models"), "--state", &temp.path(state)]).until_ready()
}

fn labels(server: &Server, args: &[&str]) -> String {
    let url = format!("http://{}", server.address());
    run(&[&["labels", "words"], args, &["--server", &url]].concat()).ok()
}

#[test]
fn labels_survive_a_restart_and_a_backup() {
    let temp = Temp::new();
    temp.copy("examples/models/text", "models/words/1");
    let server = start(&temp, "state");
    assert_eq!(labels(&server, &["stable=1"]), "stable 1\n");
    temp.copy("examples/models/text", "models/words/2");
    // It is ended without notice.
    drop(server);
    let server = start(&temp, "state");
    assert_eq!(labels(&server, &[]), "stable 1\n");
    let (status, body) = server.send("POST", "/api/v1/serve/words?label=stable", r#"{"text": "spark"}"#);
    assert!(status == 200 && body.contains("prediction"), "{body}");
    assert_eq!(server.send("GET", "/v2/models/words/versions/2/ready", "").0, 200, "the newest is up too");

    let file = temp.path("backup.json");
    let of = |what: &str, state: &str| {
        run(&["catalogue", what, &file, "--models", &temp.path("models"), "--state", &temp.path(state)])
    };
    let said = of("backup", "state").ok();
    assert!(said.starts_with("backed up 2 versions, 1 labels, "), "{said}");
    assert!(!said.contains(" 0 events"), "{said}");
    drop(server);
    assert!(of("restore", "other").ok().starts_with("restored 2 versions, 1 labels, "));
    assert_eq!(labels(&start(&temp, "other"), &[]), "stable 1\n");
    fs::write(&file, "{\"forebay_catalogue\": 9}").unwrap();
    of("restore", "other").fails(1, "no backup of a catalogue");
    assert_eq!(labels(&start(&temp, "empty"), &[]), "", "another catalogue knows nothing of it");
}

#[test]
fn a_number_keeps_its_bytes_over_a_restart() {
    let temp = Temp::new();
    temp.copy("examples/models/text", "models/words/1");
    drop(start(&temp, "state"));
    fs::rename(temp.path("models/words/1"), temp.path("before")).unwrap();
    temp.copy("examples/models/mixed", "models/words/1");
    let status = |server: &Server| -> Value {
        serde_json::from_str(&server.send("GET", "/api/v1/models/words/versions/1", "").1).unwrap()
    };
    let server = start(&temp, "state");
    let body = status(&server);
    let health = body["health"].as_str().unwrap_or_default();
    assert!(body["state"] == "end" && health.contains("version 1 changed on disk; versions are immutable"), "{body}");
    drop(server);
    fs::remove_dir_all(temp.path("models/words/1")).unwrap();
    fs::rename(temp.path("before"), temp.path("models/words/1")).unwrap();
    assert_eq!(status(&start(&temp, "state"))["state"], "available");
}

#[test]
fn a_catalogue_that_cannot_be_there_is_named() {
    let temp = Temp::new();
    temp.copy("examples/models/text", "models/words/1");
    let with = |url: &str| {
        let config = temp.write("f.toml", format!("[catalogue]\nurl = '{url}'\n"));
        run(&["serve", &temp.path("models"), "--http", "127.0.0.1:0", "--config", &config])
    };
    with("mysql://me:secret@host/db").fails(2, "`mysql` is no catalogue: expected nothing, `memory`");
    with(&format!("sqlite:{}", temp.write("text.db", "this is no database, whatever it is called")))
        .fails(2, "file is not a database");
    // Where nobody named a place, serving goes on without one.
    let file = temp.write("file", "");
    let server = Server::start(&[&temp.path("models"), "--state", &file]).until_ready();
    assert!(server.send("PUT", "/api/v1/models/words/labels/stable", r#"{"version": 1}"#).0 == 200);
}
