//! What a version is asked before it answers others.

use std::{fs, path::Path, time::Duration};

use crate::{serve::Server, support::Temp};

fn version(server: &Server, number: u64) -> String {
    server.send("GET", &format!("/api/v1/models/words/versions/{number}"), "").1
}

#[test]
fn a_version_that_does_not_answer_its_rows_replaces_nothing() {
    let temp = Temp::new();
    temp.copy("examples/models/text", "models/words/1");
    temp.write("models/words/1/forebay.toml", "[[warm_up]]\ntext = 'mist makes spark better'\n");
    let server = Server::start(&[&temp.path("models")]).until_ready();
    let (status, answer) = server.send("POST", "/api/v1/serve/words", r#"{"text": "spark"}"#);
    assert_eq!(status, 200, "{answer}");
    temp.copy("examples/models/text", "second");
    temp.write("second/forebay.toml", "[[warm_up]]\ntxt = 'no such input'\n");
    fs::rename(temp.path("second"), Path::new(&temp.path("models/words")).join("2")).unwrap();
    let mut seen = String::new();
    for _ in 0..200 {
        seen = version(&server, 2);
        if seen.contains("\"end\"") {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(
        seen.contains("the warm-up fails: the rows of `warm_up`") && seen.contains("row 0, column `text`"),
        "{seen}"
    );
    let (status, answer) = server.send("POST", "/api/v1/serve/words", r#"{"text": "spark"}"#);
    assert_eq!(status, 200, "{answer}");
    assert!(version(&server, 1).contains("\"available\""));
}

#[test]
fn a_damaged_file_of_records_is_told() {
    let temp = Temp::new();
    temp.copy("examples/models/text", "models/words");
    temp.write("models/words/assets.extra/tf_serving_warmup_requests", "no record");
    let server = Server::start(&[&temp.path("models")]).until_ready();
    let (status, answer) = server.send("POST", "/api/v1/serve/words", r#"{"text": "spark"}"#);
    assert!(
        status == 400 && answer.contains("record 0 of assets.extra/tf_serving_warmup_requests is cut off"),
        "{answer}"
    );
}

#[test]
fn a_row_of_the_signature_refuses_nothing() {
    let temp = Temp::new();
    temp.copy("examples/models/text", "models/words");
    temp.write("models/words/forebay.toml", "warm_up = 'signature'\n");
    let server = Server::start(&[&temp.path("models")]).until_ready();
    assert_eq!(server.send("POST", "/api/v1/serve/words", r#"{"text": "spark"}"#).0, 200);
}
