//! The hostile PMML documents: each ends as its index says, without a panic, and before a limit against hangs.

use std::{path::Path, sync::mpsc, time::Duration};

use codec::json::{Decoder, Limits};
use engine::Servable;
use formats::ReadOptions;
use model::{Call, OnFault, Predictor, Type};
use serde_json::{Value, json};
use testkit::{
    files::{model_files, shared},
    predictor::answer,
};

/// Longer than any document takes in a debug build on a busy machine.
const HANG: Duration = Duration::from_secs(60);

/// Reads the document and scores a row of it; `Err` is why it is refused.
fn score(path: &Path, row: &Value) -> Result<(), String> {
    let files = model_files(path).map_err(|error| error.to_string())?;
    let model = formats::read(&files, &ReadOptions::default()).map_err(|error| error.to_string())?;
    let servable = Servable::new(&model).map_err(|error| error.to_string())?;
    let fields = servable.signatures()[0].fields(None);
    let types: Vec<Option<Type>> = vec![None; fields.len()];
    let decoder = Decoder::new(&fields, &types, Limits::default()).map_err(|error| error.to_string())?;
    let rows = decoder.rows(json!([row]).to_string().as_bytes(), true).map_err(|error| error.to_string())?;
    let call = Call { batch: rows.batch, on_fault: OnFault::MarkRow, ..Call::default() };
    answer(servable.call(call)).map(drop).map_err(|error| error.to_string())
}

fn within_limits(path: &Path, row: Value) -> Result<(), String> {
    let (done, ended) = mpsc::channel();
    let (path, name) = (path.to_owned(), path.display().to_string());
    let work = std::thread::spawn(move || {
        let result = score(&path, &row);
        let _ = done.send(());
        result
    });
    match ended.recv_timeout(HANG) {
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("{name} did not end"),
        _ => work.join().unwrap_or_else(|_| panic!("{name} panicked")),
    }
}

#[test]
fn each_ends_as_expected() {
    let Some(shared) = shared() else {
        #[allow(clippy::disallowed_methods, reason = "a test's own switch")]
        let ci = std::env::var_os("CI").is_some();
        assert!(!ci, "the shared files must be there where CI is set");
        return;
    };
    let folder = shared.join("conformance/hostile/pmml");
    let index: Value = serde_json::from_slice(&std::fs::read(folder.join("index.json")).unwrap()).unwrap();
    let index = index.as_object().unwrap();
    assert!(index.len() >= 19, "the documents are there");
    let mut wrong = String::new();
    for (name, about) in index {
        let row = match name.as_str() {
            "regex-redos.pmml" => json!({"s": "a".repeat(40) + "!"}),
            "textindex-recursive.pmml" => json!({"t": "a a"}),
            _ => json!({}),
        };
        let ended = within_limits(&folder.join(name), row);
        let expected = about["expected"].as_str().unwrap();
        if expected == "reject" && ended.is_ok() {
            wrong.push_str(&format!("{name}: read and scored, expected to be refused\n"));
        }
        if expected == "score-in-bounded-time"
            && let Err(error) = &ended
        {
            wrong.push_str(&format!("{name}: expected an answer, got: {error}\n"));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
