//! One row through every dialect has the same numbers, digit for digit; and the ancestors' requests on their own ports.

use std::{net::TcpListener, thread, time::Duration};

use serde_json::{Map, Value, json};

use crate::{
    carriers::{self, Tensor},
    golden::{lineage, shared},
    serve::Server,
    support::{Temp, example, lines},
};

pub type Row = Map<String, Value>;

/// Sends a body of JSON, which must be answered.
fn ask(server: &Server, path: &str, body: &Value) -> Value {
    let (status, answer) = server.send("POST", path, &body.to_string());
    assert_eq!(status, 200, "{path}: {answer}");
    serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{path}: {error}: {answer}"))
}

/// Returns rows as CSV.
fn csv(rows: &[Row], delimiter: char) -> String {
    let cell = |value: &Value| match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => format!("\"{}\"", other.to_string().replace('"', "\"\"")),
    };
    let line = |cells: Vec<String>| cells.join(&delimiter.to_string()) + "\n";
    let mut body = line(rows[0].keys().cloned().collect());
    rows.iter().for_each(|row| body += &line(row.values().map(cell).collect()));
    body
}

/// Sends CSV to what answers JSON.
fn csv_answered_in_json(server: &Server, path: &str, rows: &[Row]) -> Value {
    let (status, answer) = server.send_as("POST", path, "text/csv", &csv(rows, ','));
    assert_eq!(status, 200, "{path}: {answer}");
    serde_json::from_str(&answer).unwrap()
}

/// Sends CSV, returns the rows of the CSV that is answered; cells that are JSON are read as that.
fn ask_csv(server: &Server, path: &str, rows: &[Row], delimiter: char) -> Vec<Row> {
    let (status, answer) = server.send_as("POST", path, "text/csv", &csv(rows, delimiter));
    assert_eq!(status, 200, "{path}: {answer}");
    let mut lines = answer.lines().map(|line| cells(line, delimiter));
    let header = lines.next().unwrap();
    let value = |cell: String| match &*cell {
        "" => Value::Null,
        _ => serde_json::from_str(&cell).unwrap_or(Value::String(cell)),
    };
    lines.map(|line| header.iter().cloned().zip(line.into_iter().map(value)).collect()).collect()
}

/// Parts a line of CSV.
fn cells(line: &str, delimiter: char) -> Vec<String> {
    let (mut cells, mut quoted) = (vec![String::new()], false);
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.next_if_eq(&'"').is_some() => cells.last_mut().unwrap().push('"'),
            '"' => quoted = !quoted,
            letter if letter == delimiter && !quoted => cells.push(String::new()),
            letter => cells.last_mut().unwrap().push(letter),
        }
    }
    cells
}

/// Returns columns as rows.
fn turned(columns: &Value) -> Vec<Row> {
    let columns = columns.as_object().unwrap();
    let rows = columns.values().next().unwrap().as_array().unwrap().len();
    let row = |at: usize| columns.iter().map(|(name, column)| (name.clone(), column[at].clone())).collect();
    (0..rows).map(row).collect()
}

fn columns(rows: &[Row]) -> Value {
    let column = |name: &String| (name.clone(), rows.iter().map(|row| row[name].clone()).collect());
    Value::Object(rows[0].keys().map(column).collect())
}

fn objects(rows: &Value) -> Vec<Row> {
    rows.as_array().unwrap().iter().map(|row| row.as_object().unwrap().clone()).collect()
}

/// Asserts that both are the same to the last bit, whatever their dialect's form of vectors.
fn assert_same(want: &Value, got: &Value, at: &str) {
    match (want, got) {
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            // Of single precision, which a dialect may write in fewer digits.
            let is_single = f64::from(a as f32).to_bits() == a.to_bits();
            let same = a.to_bits() == b.to_bits() || (is_single && (a as f32).to_bits() == (b as f32).to_bits());
            assert!(same, "{at}: {b}, not {a}");
        }
        (Value::Array(a), Value::Array(b)) => {
            assert_eq!(a.len(), b.len(), "{at}");
            a.iter().zip(b).for_each(|(a, b)| assert_same(a, b, at));
        }
        // Mist's form of a dense vector.
        (Value::Array(_), Value::Object(b)) => assert_same(want, &b["values"], at),
        (Value::Object(a), Value::Object(b)) => {
            assert_eq!(a.len(), b.len(), "{at}");
            a.iter().for_each(|(key, a)| assert_same(a, &b[key], &format!("{at}.{key}")));
        }
        // Open Inference has sparse vectors dense.
        (Value::Object(a), Value::Array(b)) => {
            let mut dense = vec![json!(0.0); a["size"].as_u64().unwrap() as usize];
            let stored = a["indices"].as_array().unwrap().iter().zip(a["values"].as_array().unwrap());
            stored.for_each(|(i, value)| dense[i.as_u64().unwrap() as usize] = value.clone());
            assert_same(&Value::Array(dense), &Value::Array(b.clone()), at);
        }
        // Values within values are a text of JSON where a dialect has elements alone.
        (Value::Array(_) | Value::Object(_), Value::String(text)) => {
            assert_same(want, &serde_json::from_str(text).unwrap_or_else(|_| panic!("{at}: {text}")), at);
        }
        // An empty cell is no text or an empty one.
        (Value::String(a), Value::Null) => assert_eq!(a, "", "{at}"),
        // A text in a cell that looks like a number.
        (Value::String(a), b) => assert_eq!(a, &b.as_str().map_or_else(|| b.to_string(), str::to_owned), "{at}"),
        (a, b) => assert_eq!(a, b, "{at}"),
    }
}

fn assert_rows(want: &[Row], got: &[Row], dialect: &str) {
    assert_eq!(want.len(), got.len(), "{dialect}");
    for (want, got) in want.iter().zip(got) {
        for (name, want) in want {
            let got = got.get(name).unwrap_or_else(|| panic!("{dialect}: no {name}"));
            assert_same(want, got, &format!("{dialect}: {name}"));
        }
    }
}

/// Returns the inputs of a model as tensors: of one of rows a column each, of one of tensors what its metadata say.
fn tensors(server: &Server, model: &str, rows: &[Row]) -> Vec<Tensor> {
    let (_, metadata) = server.send("GET", &format!("/v2/models/{model}"), "");
    let metadata: Value = serde_json::from_str(&metadata).unwrap();
    let known = metadata["inputs"].as_array().unwrap();
    let known = |name: &String| known.iter().find(|input| input["name"] == **name).map(|input| &input["datatype"]);
    let tensor = |name: &String| {
        let declared = known(name)?;
        let (mut shape, mut data) = (vec![rows.len()], rows.iter().map(|row| row[name].clone()).collect::<Vec<_>>());
        while let Some(Value::Array(first)) = data.first() {
            shape.push(first.len());
            data = data.into_iter().flat_map(|part| part.as_array().unwrap().clone()).collect();
        }
        let datatype = match data.iter().find(|value| !value.is_null()) {
            Some(Value::String(_)) => "BYTES",
            Some(Value::Bool(_)) => "BOOL",
            Some(_) if declared == "FP32" => "FP32",
            Some(value) if value.is_i64() && declared != "FP64" => "INT64",
            _ => "FP64",
        };
        Some(Tensor { name: name.clone(), datatype, shape, data })
    };
    rows[0].keys().filter_map(tensor).collect()
}

/// Returns the answer of Open Inference V2, row by row.
fn by_tensors(server: &Server, model: &str, rows: usize, tensors: &[Tensor]) -> Vec<Row> {
    let input = |tensor: &Tensor| json!({"name": tensor.name, "shape": tensor.shape, "datatype": tensor.datatype, "data": tensor.data});
    let inputs: Vec<Value> = tensors.iter().map(input).collect();
    let answer = ask(server, &format!("/v2/models/{model}/infer"), &json!({"inputs": inputs}));
    let mut out = vec![Row::new(); rows];
    for output in answer["outputs"].as_array().unwrap() {
        let shape: Vec<usize> = serde_json::from_value(output["shape"].clone()).unwrap();
        let data = output["data"].as_array().unwrap().clone();
        carriers::part(&mut out, output["name"].as_str().unwrap(), &shape, data);
    }
    out
}

/// One model and rows of it.
struct Case {
    /// The artifact, from the repository's root.
    path: String,
    model: &'static str,
    rows: Vec<Row>,
    /// It takes tensors: dialects of columns of single values cannot carry them.
    whole: bool,
}

impl Case {
    fn new(path: &str, rows: &[Value]) -> Case {
        let rows = objects(&json!(rows));
        let mut names: Vec<&String> = Vec::new();
        for name in rows.iter().flat_map(|row| row.keys()) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        // What is left out in one row is null in it.
        let full = |row: &Row| {
            names.iter().map(|name| ((*name).clone(), row.get(*name).cloned().unwrap_or_default())).collect()
        };
        let rows = rows.iter().map(full).collect();
        Case { path: path.to_owned(), model: "m", rows, whole: false }
    }

    /// Returns one of our own oracle cases, its first rows.
    fn own(case: &str, file: &str, count: usize) -> Case {
        let folder = format!("conformance/{case}");
        let text = std::fs::read_to_string(testkit::files::root().join(&folder).join("input.jsonl")).unwrap();
        Case::new(&format!("{folder}/{file}"), &lines(&text)[..count])
    }
}

/// Asks a model in every dialect; the answers of each must be those of the native one.
fn through_every_dialect(case: &Case) {
    let (model, temp) = (case.model, Temp::new());
    let from = testkit::files::root().join(&case.path);
    if from.is_dir() {
        temp.copy(&case.path, "models/m");
    } else {
        let to = format!("models/m.{}", from.extension().unwrap().display());
        temp.write(&to, std::fs::read(from).unwrap());
    }
    let server = Server::start(&[&temp.path("models")]).until_ready();
    for rows in [&case.rows[..], &case.rows[..1]] {
        let want = objects(&ask(&server, &format!("/api/v1/serve/{model}"), &json!(rows)));
        let same = |got: &[Row], dialect: &str| assert_rows(&want, got, &format!("{} by {dialect}", case.path));
        as_json(&server, model, rows, same);
        as_tensors(&server, model, rows, &want, same);
        if !case.whole {
            as_tables(&server, model, rows, &want, same);
            openscoring(&server, model, rows, same);
        }
    }
}

/// Forms of JSON: the native ones, TensorFlow Serving's, MLflow's four.
fn as_json(server: &Server, model: &str, rows: &[Row], same: impl Fn(&[Row], &str)) {
    let native = format!("/api/v1/serve/{model}");
    let split = json!({"columns": rows[0].keys().collect::<Vec<_>>(),
        "data": rows.iter().map(|row| row.values().collect::<Vec<_>>()).collect::<Vec<_>>()});
    same(&turned(&ask(server, &format!("{native}?form=columns"), &columns(rows))), "native columns");
    let answer = ask(server, &format!("{native}?form=split"), &split);
    let names: Vec<String> = serde_json::from_value(answer["columns"].clone()).unwrap();
    let row = |row: &Value| names.iter().cloned().zip(row.as_array().unwrap().iter().cloned()).collect();
    same(&answer["data"].as_array().unwrap().iter().map(row).collect::<Vec<_>>(), "native split");

    let predict = format!("/v1/models/{model}:predict");
    let names: Vec<String> = {
        let (_, metadata) = server.send("GET", &format!("/v2/models/{model}"), "");
        let metadata: Value = serde_json::from_str(&metadata).unwrap();
        let names = metadata["outputs"].as_array().unwrap().iter().map(|output| output["name"].as_str().unwrap());
        names.map(str::to_owned).collect()
    };
    // A value alone stands for the one output that there is.
    let named = |row: &Value| match row {
        Value::Object(row) if row.contains_key(&names[0]) || names.len() > 1 => row.clone(),
        value => Row::from_iter([(names[0].clone(), value.clone())]),
    };
    let rows_of = |answer: &Value| match answer {
        Value::Array(rows) => rows.iter().map(named).collect::<Vec<_>>(),
        columns => turned(columns),
    };
    same(&rows_of(&ask(server, &predict, &json!({"instances": rows}))["predictions"]), "tfs rows");
    same(&rows_of(&ask(server, &predict, &json!({"inputs": columns(rows)}))["outputs"]), "tfs columns");

    for (form, body) in [
        ("dataframe_split", split),
        ("dataframe_records", json!(rows)),
        ("instances", json!(rows)),
        ("inputs", columns(rows)),
    ] {
        same(&rows_of(&ask(server, "/invocations", &json!({form: body}))["predictions"]), form);
    }
}

/// Tensors: as JSON, in binary, over gRPC. What bytes cannot say is asked by JSON alone.
fn as_tensors(server: &Server, model: &str, rows: &[Row], want: &[Row], same: impl Fn(&[Row], &str)) {
    let tensors = tensors(server, model, rows);
    same(&by_tensors(server, model, rows.len(), &tensors), "v2");
    let answers_null = want.iter().any(|row| row.values().any(Value::is_null));
    if tensors.iter().all(Tensor::is_plain) && !answers_null {
        same(&carriers::binary(server, model, rows.len(), &tensors), "v2 in binary");
        same(&carriers::v2_grpc(server, model, rows.len(), &tensors), "v2 over grpc");
        same(&carriers::tfs_grpc(server, model, rows.len(), &tensors), "tfs over grpc");
    }
}

/// Tables: CSV (of MLflow too) and Arrow, and Mist's columns.
fn as_tables(server: &Server, model: &str, rows: &[Row], want: &[Row], same: impl Fn(&[Row], &str)) {
    let native = format!("/api/v1/serve/{model}");
    // An empty cell of a column of texts is an empty text there, which Openscoring has as null.
    let lacks_text = |name: &String| {
        let mut values = rows.iter().map(|row| &row[name]);
        values.clone().any(Value::is_null) && values.all(|value| value.is_null() || value.is_string())
    };
    if !rows[0].keys().any(lacks_text) {
        same(&ask_csv(server, &native, rows, ','), "native csv");
    }
    same(&objects(&csv_answered_in_json(server, "/invocations", rows)["predictions"]), "mlflow csv");
    same(&carriers::arrow(server, model, rows, want), "native arrow");
    let envelope = ask(server, &format!("/api/{model}?serve"), &columns(rows));
    same(&objects(&envelope["payload"]["result"]), "mist");
}

fn openscoring(server: &Server, model: &str, rows: &[Row], same: impl Fn(&[Row], &str)) {
    let evaluate = format!("/openscoring/model/{model}");
    let one = |row: &Row| ask(server, &evaluate, &json!({"id": "a", "arguments": row}))["results"].clone();
    same(&objects(&rows.iter().map(one).collect()), "openscoring");
    let requests: Vec<Value> = rows.iter().map(|row| json!({"arguments": row})).collect();
    let batch = ask(server, &format!("{evaluate}/batch"), &json!({"requests": requests}));
    let results = batch["responses"].as_array().unwrap().iter().map(|one| one["results"].clone());
    same(&objects(&results.collect()), "openscoring batch");
    same(&ask_csv(server, &format!("{evaluate}/csv"), rows, ';'), "openscoring csv");
}

#[test]
fn one_row_has_the_same_numbers_in_every_dialect_of_spark() {
    for model in ["text", "mixed", "breast-cancer"] {
        let rows = example(&format!("requests/{model}.json"));
        through_every_dialect(&Case::new(&format!("examples/models/{model}"), &rows));
    }
    // Texts, dates and times; null among the answers.
    through_every_dialect(&Case::own("spark/sql-moments-1", "model", 2));
}

#[test]
fn one_row_has_the_same_numbers_in_every_dialect_of_pmml() {
    // Categories, some missing; dates; texts.
    for (case, count) in [("logistic-iris", 3), ("lightgbm-categories", 6), ("dates", 3), ("texts", 3)] {
        through_every_dialect(&Case::own(&format!("pmml/{case}"), "model.pmml", count));
    }
}

#[test]
fn one_row_has_the_same_numbers_in_every_dialect_of_tensors() {
    let own = |case: &str, file: &str, rows: Value| {
        let case = Case { whole: true, ..Case::new(&format!("{case}/{file}"), rows.as_array().unwrap()) };
        through_every_dialect(&case);
    };
    let Some(folder) = shared("conformance") else { return };
    let at = |case: &str| std::fs::canonicalize(folder.join(case)).unwrap().display().to_string();
    let rows = json!([{"x": [-1.75, 1.25, 0.1]}, {"x": [7.0, -0.2, 1e-7]}]);
    own(&at("onnx/hand_ml_linearclassifier_softmax"), "model.onnx", rows);
    own(&at("tensorflow/tfs_half_plus_two_cpu"), "model", json!([{"x": [1.1]}, {"x": [-7.3]}]));
}

/// Waits until a port is nobody's: another run of this test may have it for a while.
fn until_free(port: u16) {
    for _ in 0..300 {
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return;
        }
        thread::sleep(Duration::from_millis(100));
    }
    panic!("port {port} is another's");
}

#[test]
fn the_ancestors_requests_are_answered_on_their_own_ports() {
    let (Some(mist), Some(wine)) =
        (lineage("Hydrospheredata__hydro-serving-runtime"), lineage("lightbend__model-serving-tutorial"))
    else {
        return;
    };
    let temp = Temp::new();
    temp.copy(&mist.join("models/logisticregression").display().to_string(), "models/classification");
    temp.copy(&wine.join("data/saved").display().to_string(), "models/wine");
    let ports = [(2003, "mist"), (8501, "tfs"), (8083, "native")];
    let listener = |(port, dialect): (u16, &str)| {
        format!("[[server.listeners]]\naddress = \"127.0.0.1:{port}\"\ndialects = [\"{dialect}\"]\n")
    };
    let config = temp.write("forebay.toml", ports.map(listener).concat());
    ports.iter().for_each(|(port, _)| until_free(*port));
    let server = Server::start(&[&temp.path("models"), "--config", &config]).until_ready();
    let send = |port: u16, method: &str, path: &str, body: &str| {
        // As curl sends what `-d` gives it.
        server.send_to(&format!("127.0.0.1:{port}"), method, path, "application/x-www-form-urlencoded", body)
    };
    let serve = r#"{"text": ["mist makes spark better"]}"#;
    let (status, body) = send(2003, "POST", "/api/classification?serve", serve);
    assert!(status == 200 && body.contains("0.5406433544852"), "{body}");
    let (status, body) = send(8501, "GET", "/v1/models/wine/versions/1", "");
    assert!(status == 200 && body.contains("AVAILABLE"), "{body}");
    let (status, body) = send(8501, "GET", "/v1/models/wine/versions/1/metadata", "");
    assert!(status == 200 && body.contains("dense_1_input"), "{body}");
    let row = "[7.4, 0.7, 0.0, 1.9, 0.076, 11.0, 34.0, 0.9978, 3.51, 0.56, 9.4]";
    let predict = format!(r#"{{"signature_name": "predict", "instances": [{{"inputs": {row}}}]}}"#);
    let (status, body) = send(8501, "POST", "/v1/models/wine/versions/1:predict", &predict);
    assert!(status == 200 && body.contains("predictions"), "{body}");
    let (status, body) = send(8083, "POST", "/api/v1/serve/classification", r#"[{"text": "mist"}]"#);
    assert_eq!(status, 200, "{body}");
    for (port, path) in [(2003, "/v1/models/wine"), (8501, "/api/v1/models"), (8083, "/v2")] {
        assert_eq!(send(port, "GET", path, "").0, 404, "{port} {path}");
    }
}
