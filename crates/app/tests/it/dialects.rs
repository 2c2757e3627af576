//! One row through every dialect has the same numbers, digit for digit; and the ancestors' requests on their own ports.

use std::{net::TcpListener, thread, time::Duration};

use serde_json::{Map, Value, json};

use crate::{
    golden::lineage,
    serve::Server,
    support::{Temp, example},
};

type Row = Map<String, Value>;

/// Sends a body of JSON, which must be answered.
fn ask(server: &Server, path: &str, body: &Value) -> Value {
    let (status, answer) = server.send("POST", path, &body.to_string());
    assert_eq!(status, 200, "{path}: {answer}");
    serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{path}: {error}: {answer}"))
}

/// Sends CSV, returns the rows of the CSV that is answered; cells that are JSON are read as that.
fn ask_csv(server: &Server, path: &str, rows: &[Row], delimiter: char) -> Vec<Row> {
    let cell = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let line = |cells: Vec<String>| cells.join(&delimiter.to_string()) + "\n";
    let mut body = line(rows[0].keys().cloned().collect());
    rows.iter().for_each(|row| body += &line(row.values().map(cell).collect()));
    let (status, answer) = server.send_as("POST", path, "text/csv", &body);
    assert_eq!(status, 200, "{path}: {answer}");
    let mut lines = answer.lines().map(|line| cells(line, delimiter));
    let header = lines.next().unwrap();
    let value = |cell: String| serde_json::from_str(&cell).unwrap_or(Value::String(cell));
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
            let bits = |n: &serde_json::Number| n.as_f64().unwrap().to_bits();
            assert_eq!(bits(a), bits(b), "{at}: {b}, not {a}");
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

/// Returns the answer of Open Inference V2, row by row.
fn by_tensors(server: &Server, model: &str, rows: &[Row]) -> Vec<Row> {
    let (_, metadata) = server.send("GET", &format!("/v2/models/{model}"), "");
    let metadata: Value = serde_json::from_str(&metadata).unwrap();
    let known: Vec<&Value> = metadata["inputs"].as_array().unwrap().iter().map(|input| &input["name"]).collect();
    let tensor = |name: &String| {
        let data: Vec<&Value> = rows.iter().map(|row| &row[name]).collect();
        let datatype = match data[0] {
            Value::String(_) => "BYTES",
            value if value.is_f64() => "FP64",
            _ => "INT64",
        };
        json!({"name": name, "shape": [rows.len()], "datatype": datatype, "data": data})
    };
    let inputs: Vec<Value> = rows[0].keys().filter(|name| known.contains(&&json!(name))).map(tensor).collect();
    let answer = ask(server, &format!("/v2/models/{model}/infer"), &json!({"inputs": inputs}));
    let mut out = vec![Row::new(); rows.len()];
    for output in answer["outputs"].as_array().unwrap() {
        let data = output["data"].as_array().unwrap();
        let size = data.len() / rows.len();
        let is_json = output["parameters"]["content_type"] == "application/json";
        for (at, row) in out.iter_mut().enumerate() {
            let value = match output["shape"].as_array().unwrap().len() {
                2 => Value::Array(data[at * size..(at + 1) * size].to_vec()),
                _ if is_json => serde_json::from_str(data[at].as_str().unwrap()).unwrap(),
                _ => data[at].clone(),
            };
            row.insert(output["name"].as_str().unwrap().to_owned(), value);
        }
    }
    out
}

/// Asks a model in every dialect; the answers of each must be those of the native one.
fn through_every_dialect(model: &str, rows: &[Row]) {
    let server = Server::start(&[&format!("examples/models/{model}")]).until_ready();
    let native = format!("/api/v1/serve/{model}");
    let want = objects(&ask(&server, &native, &json!(rows)));
    let same = |got: &[Row], dialect: &str| assert_rows(&want, got, dialect);
    let split = json!({"columns": rows[0].keys().collect::<Vec<_>>(),
        "data": rows.iter().map(|row| row.values().collect::<Vec<_>>()).collect::<Vec<_>>()});

    same(&turned(&ask(&server, &format!("{native}?form=columns"), &columns(rows))), "native columns");
    let answer = ask(&server, &format!("{native}?form=split"), &split);
    let names: Vec<String> = serde_json::from_value(answer["columns"].clone()).unwrap();
    let row = |row: &Value| names.iter().cloned().zip(row.as_array().unwrap().iter().cloned()).collect();
    same(&answer["data"].as_array().unwrap().iter().map(row).collect::<Vec<_>>(), "native split");
    same(&ask_csv(&server, &native, rows, ','), "native csv");

    same(&by_tensors(&server, model, rows), "v2");

    let predict = format!("/v1/models/{model}:predict");
    same(&objects(&ask(&server, &predict, &json!({"instances": rows}))["predictions"]), "tfs rows");
    same(&turned(&ask(&server, &predict, &json!({"inputs": columns(rows)}))["outputs"]), "tfs columns");

    for (form, body) in [
        ("dataframe_split", split),
        ("dataframe_records", json!(rows)),
        ("instances", json!(rows)),
        ("inputs", columns(rows)),
    ] {
        same(&objects(&ask(&server, "/invocations", &json!({form: body}))["predictions"]), form);
    }

    let evaluate = format!("/openscoring/model/{model}");
    for (row, want) in rows.iter().zip(&want) {
        let answer = ask(&server, &evaluate, &json!({"id": "a", "arguments": row}));
        assert_rows(std::slice::from_ref(want), &[answer["results"].as_object().unwrap().clone()], "openscoring");
    }
    let requests: Vec<Value> = rows.iter().map(|row| json!({"arguments": row})).collect();
    let batch = ask(&server, &format!("{evaluate}/batch"), &json!({"requests": requests}));
    let results = batch["responses"].as_array().unwrap().iter().map(|one| one["results"].as_object().unwrap().clone());
    same(&results.collect::<Vec<_>>(), "openscoring batch");
    same(&ask_csv(&server, &format!("{evaluate}/csv"), rows, ';'), "openscoring csv");

    let envelope = ask(&server, &format!("/api/{model}?serve"), &columns(rows));
    same(&objects(&envelope["payload"]["result"]), "mist");
}

#[test]
fn one_row_has_the_same_numbers_in_every_dialect() {
    for model in ["text", "mixed", "breast-cancer"] {
        let rows = objects(&Value::Array(example(&format!("requests/{model}.json"))));
        through_every_dialect(model, &rows);
        through_every_dialect(model, &rows[..1]);
    }
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
