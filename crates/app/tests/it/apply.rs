//! Models that documents state, and models that are tried before they are published.

use std::path::Path;

use serde_json::Value;

use crate::{
    serve::Server,
    support::{Temp, run},
};

fn served(temp: &Temp) -> (Server, String) {
    std::fs::create_dir(temp.path("models")).unwrap();
    let server = Server::start(&[&temp.path("models")]).until_ready();
    let url = format!("http://{}", server.address());
    (server, url)
}

#[test]
fn a_model_is_tried_and_nothing_is_stored() {
    let temp = Temp::new();
    let (server, url) = served(&temp);
    let upload = |args: &[&str]| run(&[&["upload", "words"], args, &["--server", &url]].concat());
    let said = upload(&["examples/models/text", "--dry-run"]).ok();
    assert!(said.starts_with("words version 1 would be the first one\nformat     spark\n"), "{said}");
    assert!(
        said.contains("\ninput      text string\n") && said.contains("\noutput     prediction float64\n"),
        "{said}"
    );
    assert_eq!(std::fs::read_dir(temp.path("models")).unwrap().count(), 0);
    assert_eq!(server.send("GET", "/api/v1/models/words", "").0, 404);
    let broken = temp.write("broken.pmml", "<PMML");
    upload(&[&broken, "--dry-run"]).fails(1, "model `words` would not load: ");
    upload(&["examples/models/text"]).ok();
    let said = upload(&["examples/models/text", "--dry-run"]).ok();
    assert!(said.starts_with("words version 1 is there already\n"), "{said}");
    let said = upload(&["examples/models/mixed", "--dry-run"]).ok();
    assert!(said.starts_with("words version 2 would be the next one\n"), "{said}");
    upload(&["examples/models/mixed", "--dry-run", "--version", "1"]).fails(1, "versions are immutable");
    assert!(!Path::new(&temp.path("models/words/2")).exists());
}

#[test]
fn documents_are_applied_once() {
    let temp = Temp::new();
    let (server, url) = served(&temp);
    temp.copy("examples/models/text", "stated/artifacts/text");
    let models = "[[models]]\nname = 'words'\npath = 'artifacts/text'\n";
    temp.write("stated/a.toml", models);
    let mixed = testkit::files::root().join("examples/models/mixed");
    let config = r#""config": {"outputs": ["prediction"]}"#;
    temp.write(
        "stated/b.json",
        format!(r#"{{"models": [{{"name": "mixed", "path": {mixed:?}, "version": 7, {config}}}]}}"#),
    );
    temp.write("stated/read.md", "no document");
    let stated = temp.path("stated");
    let apply = |args: &[&str]| run(&[&["apply", "-f", &stated, "--server", &url], args].concat());
    let first = "created   words version 1\ncreated   mixed version 7\n";
    assert_eq!(apply(&["--dry-run"]).ok(), first);
    assert_eq!(server.send("GET", "/api/v1/models/words", "").0, 404, "a dry run changes nothing");
    assert_eq!(apply(&[]).ok(), first);
    let rows = server.send(
        "POST",
        "/api/v1/serve/mixed",
        &std::fs::read_to_string("examples/requests/mixed.json").unwrap_or_else(|_| {
            std::fs::read_to_string(testkit::files::root().join("examples/requests/mixed.json")).unwrap()
        }),
    );
    let rows: Value = serde_json::from_str(&rows.1).unwrap();
    assert_eq!(rows[0].as_object().unwrap().keys().collect::<Vec<_>>(), ["prediction"]);
    assert_eq!(apply(&[]).ok(), "unchanged words version 1\nunchanged mixed version 7\n");
    temp.write("stated/a.toml", format!("{models}[models.config]\noutputs = ['prediction']\n"));
    assert_eq!(apply(&[]).ok(), "updated   words version 2\nunchanged mixed version 7\n");
    let (status, body) = server.send("POST", "/api/v1/serve/words", r#"{"text": "spark"}"#);
    assert_eq!((status, body.as_str()), (200, "{\"prediction\":1.0}"));

    // Labels follow.
    let labelled = format!("{models}labels = ['stable']\n[models.config]\noutputs = ['prediction']\n");
    temp.write("stated/a.toml", labelled);
    let unchanged = "unchanged words version 2\nlabelled  words version 2 stable\nunchanged mixed version 7\n";
    assert_eq!(apply(&["--dry-run"]).ok(), unchanged);
    assert_eq!(apply(&[]).ok(), unchanged);
    assert_eq!(apply(&[]).ok(), "unchanged words version 2\nunchanged mixed version 7\n");
    assert_eq!(server.send("POST", "/api/v1/serve/words?label=stable", r#"{"text": "spark"}"#).0, 200);

    // Nothing is changed where one of them does not load.
    temp.write("stated/c.toml", "[[models]]\nname = 'bad'\npath = 'bad.pmml'\n");
    temp.write("stated/bad.pmml", "<PMML");
    temp.write("stated/a.toml", models);
    assert_eq!(apply(&[]).fails(1, "model `bad` would not load"), "");
    assert!(!Path::new(&temp.path("models/words/3")).exists());
    temp.write("stated/c.toml", "[[models]]\nname = 'words'\npath = 'x'\n");
    apply(&[]).fails(2, "model `words` is stated in ");
}
