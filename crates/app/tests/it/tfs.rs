//! TensorFlow Serving's REST API on SavedModels: every exchange of the corpus, against a server with all of its models. The
//! cases lie beside the repository; where CI is set they must.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::{golden::shared, serve::Server, support::Temp};

/// Copies a folder with all that lies in it.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name())).unwrap();
        if path.is_dir() {
            copy(&path, &to.join(name));
        } else {
            fs::write(to.join(name), fs::read(&path).unwrap()).unwrap();
        }
    }
}

/// Reads JSON in which the tokens of the protocol stand for numbers that JSON does not have.
fn json(text: &str) -> Value {
    let read = serde_json::from_str(text);
    read.or_else(|_| {
        let quoted = text.replace("NaN", "\"NaN\"").replace("-Infinity", "\"-I\"").replace("Infinity", "\"Infinity\"");
        serde_json::from_str(&quoted.replace("\"-I\"", "\"-Infinity\""))
    })
    .unwrap_or(Value::Null)
}

/// Returns whether two answers are the same, numbers within the tolerance.
fn close(got: &Value, want: &Value, rel: f64, abs: f64) -> bool {
    match (got, want) {
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            (a - b).abs() <= abs.max(rel * a.abs().max(b.abs()))
        }
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| close(a, b, rel, abs)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && b.iter().all(|(key, b)| a.get(key).is_some_and(|a| close(a, b, rel, abs)))
        }
        _ => got == want,
    }
}

/// One exchange; returns what is wrong with the answer.
fn exchange(server: &Server, case: &Value, pair: &Value) -> Option<String> {
    let text = |key: &str| pair[key].as_str().unwrap_or_default();
    let (status, body) = server.send(text("method"), text("path"), text("request_body"));
    if u64::from(status) != pair["status"].as_u64().unwrap() {
        return Some(format!("{status} {body}"));
    }
    let got = json(&body);
    let want = json(text("response_body"));
    let tolerance = |key: &str| case["tolerance"][key].as_f64().unwrap_or(1e-9);
    let same = match text("compare") {
        "json" => close(&got, &want, tolerance("rel"), tolerance("abs")),
        "error_contains" => {
            let part = want["error"].as_str().unwrap().lines().next().unwrap_or_default();
            got["error"].as_str().is_some_and(|error| error.contains(part))
        }
        "status_only" => true,
        other => panic!("an exchange is compared by {other}"),
    };
    (!same).then(|| format!("{body}, not {}", text("response_body")))
}

#[test]
fn every_exchange_of_the_corpus() {
    let Some(folder) = shared("conformance/tensorflow") else { return };
    let mut cases: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.retain(|path| path.join("rest.json").exists());
    cases.sort();
    let temp = Temp::new();
    let models = PathBuf::from(temp.path("models"));
    let read = |path: PathBuf| -> Value { serde_json::from_slice(&fs::read(path).unwrap()).unwrap() };
    let described: Vec<(String, Value)> = cases
        .iter()
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), read(path.join("case.json"))))
        .collect();
    for (path, (name, case)) in cases.iter().zip(&described) {
        let to = models.join(name);
        match case["version"].as_u64() {
            Some(version) => copy(&path.join("model"), &to.join(version.to_string())),
            None => {
                copy(&path.join("model"), &to);
                fs::write(to.join("forebay.toml"), "versions = \"all\"\n").unwrap();
            }
        }
    }
    let server = Server::start(&[&models.display().to_string()]).until_ready();
    let (mut held, mut wrong) = (0, Vec::new());
    for (path, (name, case)) in cases.iter().zip(&described) {
        for pair in read(path.join("rest.json")).as_array().unwrap() {
            let of = format!("{name} {} {}", pair["name"].as_str().unwrap_or_default(), pair["path"].as_str().unwrap());
            match exchange(&server, case, pair) {
                None => held += 1,
                Some(what) => wrong.push(format!("{of}: {}", what.chars().take(300).collect::<String>())),
            }
        }
    }
    println!("TensorFlow Serving: {held} exchanges hold, {} do not", wrong.len());
    assert!(held > 0 && wrong.is_empty(), "{}", wrong.join("\n"));
}
