//! What Mist's own test-suite asked of its saved pipelines, answered: the files lie beside the repository.

use codec::json::{Decoder, EncodeOptions, Limits, encode};
use formats::ReadOptions;
use model::{Call, Predictor};
use serde_json::{Map, Value, json};
use testkit::{
    compare::{Tolerance, row_difference},
    files::{model_files, shared},
    predictor::answer,
};

const TOLERANCE: Tolerance = Tolerance { rel: 1e-6, abs: 1e-6 };

/// Returns the rows that the model answers to values of its one input.
fn rows(model: &plan::Model, values: &[Value]) -> Result<Vec<Map<String, Value>>, String> {
    let servable = engine::Servable::new(model).map_err(|e| e.to_string())?;
    let signature = &servable.signatures()[0];
    let fields = signature.fields(None);
    let needed: Vec<_> = fields.iter().filter(|field| !field.optional).collect();
    let [input] = needed.as_slice() else { return Err(format!("{} inputs", needed.len())) };
    let rows: Vec<Value> = values.iter().map(|value| json!({ (&*input.name): value })).collect();
    let types = vec![None; fields.len()];
    let decoder = Decoder::new(&fields, &types, Limits::default()).map_err(|e| e.to_string())?;
    let rows = decoder.rows(json!(rows).to_string().as_bytes(), true).map_err(|e| e.to_string())?;
    let batch = answer(servable.call(Call::new(rows.batch))).map_err(|e| e.to_string())?;
    let mut body = Vec::new();
    encode(&batch, EncodeOptions::default(), &mut body).map_err(|e| e.to_string())?;
    serde_json::from_slice(&body).map_err(|e| e.to_string())
}

/// Vectors were sent with the number of their form, which says what their keys say.
fn without_type(value: &Value) -> Value {
    match value {
        Value::Object(vector) => {
            vector.iter().filter(|(key, _)| *key != "type").map(|(k, v)| (k.clone(), v.clone())).collect()
        }
        Value::Array(items) => items.iter().map(without_type).collect(),
        other => other.clone(),
    }
}

/// Returns how many of the requests are answered, or what is wrong with an answer.
fn check(case: &Value, model: &plan::Model) -> Result<(), String> {
    let parameters = case["request"]["parameters"].as_object().ok_or("no parameters")?;
    let data = parameters.iter().find(|(name, _)| *name != "modelPath").map(|(_, data)| without_type(data));
    let data = match data.ok_or("no data")? {
        Value::Array(rows) => rows,
        one => vec![one],
    };
    let got = rows(model, &data)?;
    let column = case["expected"]["column"].as_str().ok_or("no column")?;
    let Some(want) = case["expected"]["values"].as_array() else {
        let is_zero = |row: &Map<String, Value>| row[column].as_f64().is_none_or(|x| x == 0.0);
        return if got.iter().any(is_zero) { Err("a prediction of 0".to_owned()) } else { Ok(()) };
    };
    if want.len() != got.len() {
        return Err(format!("{} rows, not {}", got.len(), want.len()));
    }
    for (want, got) in want.iter().zip(&got) {
        let (want, got) = (json!({ column: want }), json!({ column: got[column] }));
        if let Some(difference) = row_difference(&want, &got, TOLERANCE) {
            return Err(difference);
        }
    }
    Ok(())
}

#[test]
fn mists_models_answer_what_its_tests_asked() {
    let Some(shared) = shared() else {
        #[allow(clippy::disallowed_methods, reason = "a test's own switch")]
        let ci = std::env::var_os("CI").is_some();
        assert!(!ci, "the shared files must be there where CI is set");
        return;
    };
    let mist = shared.join("lineage/Hydrospheredata__mist");
    let golden = std::fs::read(mist.join("golden_local_models.json")).expect("the golden file lies there");
    let golden: Value = serde_json::from_slice(&golden).expect("the golden file is JSON");
    let cases = golden["cases"].as_array().expect("a list of cases");
    let mut failed = Vec::new();
    for case in cases {
        let path = mist.join(case["request"]["parameters"]["modelPath"].as_str().expect("a path"));
        let model = formats::read(&model_files(&path).expect("the model lies there"), &ReadOptions::default());
        let done = model.map_err(|e| e.to_string()).and_then(|model| check(case, &model));
        failed.extend(done.err().map(|why| format!("{}: {why}", case["case"])));
    }
    assert!(failed.is_empty() && cases.len() >= 20, "{} cases:\n{}", cases.len(), failed.join("\n"));
}
