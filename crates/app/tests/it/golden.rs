//! What Mist's page on real-time models shows, answered by the pipeline it was made with; and every saved Spark pipeline of
//! the ancestors, as far as its classes are read. The files lie beside the repository; where CI is set they must.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::{
    serve::Server,
    support::{Temp, run},
};

/// Returns a folder of the ancestors' files.
fn lineage(folder: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/lineage").join(folder);
    if path.is_dir() {
        return Some(path);
    }
    #[allow(clippy::disallowed_methods, reason = "a test's own switch")]
    let ci = std::env::var_os("CI").is_some();
    assert!(!ci, "the shared files must be there where CI is set");
    println!("the shared files were not found beside the repository: passed over");
    None
}

/// Compares numbers within 1e-12, all else exactly, no column more or less.
fn assert_equal(want: &Value, got: &Value, at: &str) {
    match (want, got) {
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            assert!((a - b).abs() <= 1e-12 * a.abs().max(b.abs()), "{at}: {b}, not {a}");
        }
        (Value::Array(a), Value::Array(b)) => {
            assert_eq!(a.len(), b.len(), "{at}");
            a.iter().zip(b).enumerate().for_each(|(i, (a, b))| assert_equal(a, b, &format!("{at}[{i}]")));
        }
        (Value::Object(a), Value::Object(b)) => {
            let (mut of_a, mut of_b): (Vec<_>, Vec<_>) = (a.keys().collect(), b.keys().collect());
            of_a.sort();
            of_b.sort();
            assert_eq!(of_a, of_b, "{at}");
            a.iter().for_each(|(key, value)| assert_equal(value, &b[key], &format!("{at}.{key}")));
        }
        (a, b) => assert_eq!(a, b, "{at}"),
    }
}

#[test]
fn mists_page_is_answered_to_the_letter() {
    let Some(folder) = lineage("Hydrospheredata__hydro-serving-runtime") else { return };
    let golden = std::fs::read_to_string(folder.join("golden_text_classification.json")).unwrap();
    let golden: Value = serde_json::from_str(&golden).unwrap();
    let (request, want) = (&golden["request"], &golden["response"]);
    let temp = Temp::new();
    let pipeline = folder.join("models/logisticregression").display().to_string();
    temp.copy(&pipeline, "models/classification");
    let entry = &want["request"];
    let config = temp.write(
        "forebay.toml",
        format!(
            "[[mist.routes]]\nname = \"classification\"\npath = {}\nclass_name = {}\nnamespace = {}\n",
            entry["path"], entry["className"], entry["namespace"]
        ),
    );
    let ask = |args: &[&str]| {
        let server = Server::start(&[&[temp.path("models").as_str()], args].concat()).until_ready();
        let path = request["path"].as_str().unwrap();
        let (status, body) = server.send("POST", path, &request["body"].to_string());
        assert_eq!(status, 200, "{body}");
        serde_json::from_str::<Value>(&body).unwrap()
    };
    assert_equal(want, &ask(&["--config", &config]), "answer");
    // Without an entry the envelope tells what is known: the path below the models directory, the saved class.
    let bare = ask(&[]);
    assert_equal(&want["payload"], &bare["payload"], "payload");
    let told = &bare["request"];
    assert_eq!(told["path"], "classification");
    assert_eq!(told["className"], "org.apache.spark.ml.PipelineModel");
    assert_eq!(told["namespace"], "default");
    assert_eq!(told["route"], "classification");
    assert_eq!(told["parameters"], request["body"]);
}

#[test]
fn saved_pipelines_of_the_ancestors_are_read_or_refused_by_class() {
    let Some(folder) = lineage("Hydrospheredata__hydro-serving-runtime") else { return };
    let mut read = Vec::new();
    for entry in std::fs::read_dir(folder.join("models")).unwrap() {
        let path = entry.unwrap().path();
        if !path.join("metadata").is_dir() {
            continue;
        }
        let inspected = run(&["inspect", &path.display().to_string()]);
        if inspected.code == 0 {
            read.push(path.file_name().unwrap().to_string_lossy().into_owned());
        } else {
            assert!(inspected.err.contains("class org.apache.spark."), "{}: {}", path.display(), inspected.err);
        }
    }
    for name in ["logisticregression", "countvectorizer", "ngram", "minmaxscaler", "standardscaler", "pm_spark"] {
        assert!(read.iter().any(|n| n == name), "{name} is read; read are {read:?}");
    }
}
