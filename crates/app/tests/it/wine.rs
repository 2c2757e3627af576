//! The wine models of the model-serving tutorial: seven PMML documents that Spark, R and others wrote, over all its rows. The
//! files lie beside the repository; where CI is set they must.

use std::{fmt::Write as _, path::PathBuf};

use serde_json::{Value, json};

use crate::{
    golden::lineage,
    serve::Server,
    support::{Temp, lines, run},
};

const COLUMNS: [&str; 11] = [
    "fixed acidity",
    "volatile acidity",
    "citric acid",
    "residual sugar",
    "chlorides",
    "free sulfur dioxide",
    "total sulfur dioxide",
    "density",
    "pH",
    "sulphates",
    "alcohol",
];

fn folder() -> Option<PathBuf> {
    lineage("lightbend__model-serving-tutorial")
}

/// Returns the rows of the table, each a JSON object.
fn rows(folder: &std::path::Path) -> Vec<Value> {
    let table = std::fs::read_to_string(folder.join("data/winequality_red.csv")).unwrap();
    let row = |line: &str| {
        let cells = COLUMNS.iter().zip(line.split(';'));
        cells.map(|(name, cell)| ((*name).to_owned(), json!(cell.parse::<f64>().unwrap()))).collect()
    };
    table.lines().map(|line| Value::Object(row(line))).collect()
}

#[test]
fn all_rows_are_scored_by_all_models() {
    let Some(folder) = folder() else { return };
    let rows = rows(&folder);
    assert_eq!(rows.len(), 1599);
    let temp = Temp::new();
    let mut text = String::new();
    rows.iter().for_each(|row| writeln!(text, "{row}").unwrap());
    let input = temp.write("rows.jsonl", text);
    let golden: Value = serde_json::from_slice(&std::fs::read(folder.join("golden_wine.json")).unwrap()).unwrap();
    let entries = std::fs::read_dir(folder.join("data")).unwrap().map(|entry| entry.unwrap().path());
    let models: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|e| e == "pmml")).collect();
    assert_eq!(models.len(), 7);
    for model in models {
        let (name, path) = (model.file_stem().unwrap().to_string_lossy().into_owned(), model.display().to_string());
        let answers = lines(&run(&["score", &path, &input, "--format", "jsonl"]).ok());
        assert_eq!(answers.len(), 1599, "{name}");
        let answered =
            |answer: &Value| answer.as_object().is_some_and(|row| row.values().all(|value| !value.is_null()));
        assert!(answers.iter().all(answered), "{name}: a row without a result");
        // None of them carries rows to verify it by, and `verify` says so.
        run(&["verify", &path]).fails(1, "carries no rows to verify it by");
        if name == "winequalityLinearRegression" {
            for want in golden["pmml_linear_regression"].as_array().unwrap() {
                let answer = answers[want["row"].as_u64().unwrap() as usize].as_object().unwrap();
                let (got, want) = (answer.values().next().unwrap().as_f64().unwrap(), want["value"].as_f64().unwrap());
                assert!((got - want).abs() <= 1e-9 * want, "{got}, not {want}");
            }
        }
    }
}

#[test]
fn a_document_is_served_through_every_dialect() {
    let Some(folder) = folder() else { return };
    let row = rows(&folder).swap_remove(0);
    let temp = Temp::new();
    let model = folder.join("data/winequalityLinearRegression.pmml");
    temp.write("models/wine.pmml", std::fs::read(model).unwrap());
    let server = Server::start(&[&temp.path("models")]).until_ready();
    let post = |path: &str, body: &Value| -> Value {
        let (status, body) = server.send("POST", path, &body.to_string());
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&body).unwrap()
    };
    let is_right = |got: &Value, all: &Value| {
        let got = got.as_f64().unwrap_or_else(|| panic!("{all}"));
        assert!((got - 5.178126058334128).abs() < 1e-9, "{all}");
    };
    let native = post("/api/v1/serve/wine", &json!([row]));
    is_right(native[0].as_object().unwrap().values().next().unwrap(), &native);
    let tensor = |name: &&str| json!({"name": name, "datatype": "FP64", "shape": [1], "data": [row[*name]]});
    let (status, metadata) = server.send("GET", "/v2/models/wine", "");
    assert!(status == 200 && metadata.contains("\"fixed acidity\""), "{metadata}");
    // The document reads some of the columns; V2 takes no tensor that a model has no input for.
    let read = COLUMNS.iter().filter(|name| metadata.contains(&format!("\"{name}\"")));
    let v2 = post("/v2/models/wine/infer", &json!({"inputs": read.map(tensor).collect::<Vec<_>>()}));
    is_right(&v2["outputs"][0]["data"][0], &v2);
    let columns: Value = COLUMNS.iter().map(|name| ((*name).to_owned(), json!([row[*name]]))).collect();
    let mist = post("/api/wine?serve", &columns);
    assert_eq!(mist["success"], true, "{mist}");
}
