//! What Mist's page on real-time models shows, answered by the pipeline it was made with; the requests of its own tests; and
//! every saved Spark pipeline of the ancestors. The files lie beside the repository; where CI is set they must.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::{
    serve::Server,
    support::{Temp, lines, run, run_with},
};

/// Returns a folder of the ancestors' files.
pub fn lineage(folder: &str) -> Option<PathBuf> {
    shared(&format!("lineage/{folder}"))
}

/// Returns the folder among the shared files, where they lie beside the repository.
pub fn shared(folder: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared").join(folder);
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

/// Returns every folder of a saved stage below this one that is no part of another.
fn saved(folder: &Path, found: &mut Vec<PathBuf>) {
    if folder.join("metadata").is_dir() {
        found.push(folder.to_owned());
        return;
    }
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.is_dir()).for_each(|path| saved(&path, found));
}

/// Returns a value that the input may have, from its entry in the signature.
fn any_value(input: &Value) -> Value {
    let size = input["shape"].as_array().and_then(|shape| shape.last()?.as_u64());
    match input["type"].as_str().unwrap() {
        "string" => json!("spark"),
        "array<string>" => json!(["spark", "mist"]),
        ty if ty.starts_with("vector") => json!(vec![1.0; size.unwrap_or(5) as usize]),
        _ => json!(1),
    }
}

#[test]
fn saved_pipelines_of_the_ancestors_load_and_score() {
    let Some(folder) = lineage("") else { return };
    let mut all = Vec::new();
    saved(&folder, &mut all);
    assert!(all.len() > 40, "{} saved stages", all.len());
    for path in all.iter().map(|path| path.display().to_string()) {
        let signature: Value = serde_json::from_str(&run(&["inspect", &path, "--json"]).ok()).unwrap();
        let inputs = signature["signatures"][0]["inputs"].as_array().unwrap();
        let needed = inputs.iter().filter(|input| input["needed"] == true);
        let row: Value = needed.map(|input| (input["name"].as_str().unwrap().to_owned(), any_value(input))).collect();
        // The model may refuse what we made up for it (a vector of another size), by its row and never otherwise.
        let answer = run_with(&["score", &path, "-", "--on-error=row"], row.to_string().as_bytes()).ok();
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert!(answer.is_object() && answer.get("_skipped").is_none(), "{path}: {answer}");
    }
}

/// Compares what Mist's own tests held: numbers within 1e-6, sparse and dense forms alike.
fn assert_near(want: &Value, got: &Value, at: &str) {
    let dense = |value: &Value| match value.get("indices") {
        None => value.get("values").unwrap_or(value).clone(),
        Some(indices) => {
            let mut dense = vec![json!(0.0); value["size"].as_u64().unwrap() as usize];
            let stored = indices.as_array().unwrap().iter().zip(value["values"].as_array().unwrap());
            stored.for_each(|(at, value)| dense[at.as_u64().unwrap() as usize] = value.clone());
            Value::from(dense)
        }
    };
    match (dense(want), dense(got)) {
        (Value::Number(a), Value::Number(b)) => {
            assert!((a.as_f64().unwrap() - b.as_f64().unwrap()).abs() <= 1e-6, "{at}: {b}, not {a}");
        }
        (Value::Array(a), Value::Array(b)) => {
            assert_eq!(a.len(), b.len(), "{at}");
            a.iter().zip(&b).for_each(|(a, b)| assert_near(a, b, at));
        }
        (a, b) => assert_eq!(a, b, "{at}"),
    }
}

#[test]
fn requests_of_mists_own_tests_are_answered() {
    let Some(folder) = lineage("Hydrospheredata__mist") else { return };
    let golden = std::fs::read_to_string(folder.join("golden_local_models.json")).unwrap();
    let golden: Value = serde_json::from_str(&golden).unwrap();
    let cases = golden["cases"].as_array().unwrap();
    assert!(cases.len() > 20);
    for case in cases {
        let mut parameters = case["request"]["parameters"].as_object().unwrap().clone();
        let model = folder.join(parameters.remove("modelPath").unwrap().as_str().unwrap()).display().to_string();
        let data = parameters.values().next().unwrap();
        // One vector by itself stands for a list of one.
        let data = data.as_array().cloned().unwrap_or_else(|| vec![data.clone()]);
        let signature: Value = serde_json::from_str(&run(&["inspect", &model, "--json"]).ok()).unwrap();
        let inputs = signature["signatures"][0]["inputs"].as_array().unwrap();
        let input = inputs.iter().find(|input| input["needed"] == true).unwrap()["name"].as_str().unwrap();
        let rows = data.into_iter().map(|mut value| {
            if let Some(vector) = value.as_object_mut() {
                vector.remove("type");
            }
            json!({ input: value }).to_string() + "\n"
        });
        let got = lines(&run_with(&["score", &model, "-"], rows.collect::<String>().as_bytes()).ok());
        let at = case["case"].as_str().unwrap();
        let column = case["expected"]["column"].as_str().unwrap();
        let got: Vec<Value> = got.iter().map(|row| row[column].clone()).collect();
        match case["expected"].get("values") {
            Some(want) => assert_near(want, &Value::from(got), at),
            // Mist's test asks no more than that.
            None => assert!(got.iter().all(|value| value.as_f64().is_some_and(|x| x != 0.0)), "{at}: {got:?}"),
        }
    }
}
