//! `forebay serve`.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::support::{Temp, assert_close, command, example, run};

/// A running server; it is ended with the test.
pub struct Server {
    child: Child,
    address: String,
    /// What it said after its first line.
    log: Arc<Mutex<String>>,
}

impl Server {
    pub fn start(args: &[&str]) -> Server {
        Server::start_at("127.0.0.1:0", args)
    }

    pub fn start_at(address: &str, args: &[&str]) -> Server {
        Server::spawn(command(&[&["serve", "--http", address], args].concat()))
    }

    /// Returns the number of its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Returns where it listens.
    pub fn address(&self) -> String {
        self.address.replace("0.0.0.0", "127.0.0.1")
    }

    fn spawn(mut command: Command) -> Server {
        let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut err = BufReader::new(child.stderr.take().unwrap());
        let mut first = String::new();
        err.read_line(&mut first).unwrap();
        let said = first.split_once("://").and_then(|(_, rest)| rest.split_once(','));
        let address = said.unwrap_or_else(|| panic!("{first}")).0.to_owned();
        let log = Arc::new(Mutex::new(String::new()));
        let kept = log.clone();
        thread::spawn(move || {
            for line in err.lines().map_while(Result::ok) {
                *kept.lock().unwrap() += &(line + "\n");
            }
        });
        Server { child, address, log }
    }

    /// Sends one request; returns status and body.
    pub fn send(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        self.send_as(method, path, "application/json", body)
    }

    /// Sends a request whose body is of this type.
    pub fn send_as(&self, method: &str, path: &str, content_type: &str, body: &str) -> (u16, String) {
        self.send_to(&self.address(), method, path, content_type, body)
    }

    /// Sends a request to another of its addresses.
    pub fn send_to(&self, address: &str, method: &str, path: &str, content_type: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(address).unwrap();
        let length = body.len();
        let head = format!("{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n");
        write!(stream, "{head}content-type: {content_type}\r\n\r\n{body}").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head[9..12].parse().unwrap(), body.to_owned())
    }

    fn rows(&self, path: &str, rows: &[Value]) -> Vec<Value> {
        let (status, body) = self.send("POST", path, &Value::from(rows).to_string());
        assert_eq!(status, 200, "{body}");
        serde_json::from_str(&body).unwrap()
    }

    pub fn until_ready(self) -> Server {
        until(|| self.send("GET", "/health/ready", "").0 == 200);
        self
    }

    /// Waits until each of these models has loaded or has failed to.
    pub fn until_settled(self, models: &[&str]) -> Server {
        let settled = |model: &&str| {
            let body = self.send("GET", &format!("/api/v1/models/{model}"), "").1;
            ["available", "end"].iter().any(|state| body.contains(&format!("\"state\":\"{state}\"")))
        };
        until(|| models.iter().all(&settled));
        self
    }

    fn signal(&self, name: &str) {
        let status = Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until it is so; a test that waits in vain fails.
#[track_caller]
pub fn until(mut so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !so() {
        assert!(begun.elapsed() < Duration::from_secs(60), "in vain");
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn the_examples_answer_as_spark_did() {
    let server = Server::start(&["examples/models"]).until_ready();
    for name in ["text", "mixed", "breast-cancer"] {
        let request = example(&format!("requests/{name}.json"));
        let mut expected = example(&format!("requests/{name}.expected.json"));
        let got = server.rows(&format!("/api/v1/serve/{name}"), &request);
        for row in expected.iter_mut().filter_map(Value::as_object_mut) {
            row.retain(|column, _| got[0].get(column).is_some());
        }
        assert_close(&expected, &got);
    }
    let (status, body) = server.send("POST", "/api/text?serve", r#"{"text": ["mist makes spark better"]}"#);
    assert!(status == 200 && body.contains("\"success\":true"), "{body}");
}

#[test]
fn one_model_is_served_under_its_own_name() {
    let server = Server::start(&["examples/models/text"]).until_ready();
    let rows = server.rows("/api/v1/serve/text?outputs=prediction", &example("requests/text.json"));
    assert_eq!(rows.len(), 3);
    assert_eq!(server.send("POST", "/api/v1/serve/other", "{}").0, 404);
}

#[test]
fn models_come_change_and_go_while_others_answer() {
    let temp = Temp::new();
    temp.copy("examples/models/text", "models/text");
    temp.write("models/broken/metadata/part-00000", "{\"class\":\"com.example.Own\"");
    let server = Server::start(&[&temp.path("models")]).until_ready();
    let outputs = |name: &str| server.send("POST", &format!("/api/v1/serve/{name}"), r#"{"text":"spark"}"#);
    assert_eq!(outputs("text").0, 200);
    assert_eq!(outputs("broken").0, 400, "a model that does not load says so");
    temp.copy("examples/models/text", "models/second");
    until(|| outputs("second").0 == 200);
    temp.write("models/text/forebay.toml", "outputs = ['prediction']");
    until(|| outputs("text") == (200, "{\"prediction\":1.0}".to_owned()));
    fs::remove_dir_all(temp.path("models/second")).unwrap();
    until(|| outputs("second").0 == 404);
    assert_eq!(outputs("text").0, 200);
}

#[test]
fn no_models_is_a_server_that_is_ready() {
    let temp = Temp::new();
    let mut start = command(&["serve", "--http", "127.0.0.1:0"]);
    start.current_dir(temp.path(""));
    let server = Server::spawn(start).until_ready();
    assert_eq!(server.send("POST", "/api/v1/serve/text", "{}").0, 404);
    run(&["serve", "no/such/models"]).fails(2, "no/such/models: no such models directory");
    run(&["serve", "examples/models", "--http", &server.address]).fails(2, "choose another address with --http");
    run(&["serve", "examples/models", "--http", "nowhere"]).fails(2, "cannot listen on nowhere");
}

#[test]
fn a_signal_ends_it_well() {
    for name in ["-TERM", "-INT"] {
        let mut server = Server::start(&["examples/models"]);
        server.signal(name);
        assert_eq!(server.child.wait().unwrap().code(), Some(0), "{name}");
    }
}

#[test]
fn hangup_applies_what_can_change_and_names_what_cannot() {
    let temp = Temp::new();
    let file = temp.write("f.toml", "[log]\nlevel = 'error'\n");
    let server = Server::start(&["examples/models/text", "--config", &file]).until_ready();
    assert_eq!(server.log(), "", "all of it is below the level");
    temp.write("f.toml", "[log]\nlevel = 'info'\n[server]\nrows_max = 7\n");
    server.signal("-HUP");
    until(|| server.log().contains("the configuration was read again"));
    assert!(server.log().contains("keys=\"server.rows_max\""), "{}", server.log());
    temp.write("f.toml", "[log\n");
    server.signal("-HUP");
    until(|| server.log().contains("the old one holds"));
    assert_eq!(server.send("GET", "/health/live", "").0, 200);
}

#[test]
fn flags_win_over_the_environment() {
    let mut start = command(&["serve", "examples/models/text", "--http", "127.0.0.1:0"]);
    start.envs([
        ("FOREBAY_SERVER__HTTP", "256.0.0.1:1"),
        ("FOREBAY_MODELS__PATH", "no/such"),
        ("FOREBAY_LOG__LEVEL", "off"),
    ]);
    let server = Server::spawn(start).until_ready();
    assert_eq!(server.send("POST", "/api/v1/serve/text", r#"{"text":"spark"}"#).0, 200);
    assert_eq!(server.log(), "");
}

#[test]
fn input_values_are_not_logged() {
    let server = Server::start(&["examples/models", "--log-level", "debug"]).until_ready();
    for body in [r#"{"text":"geheim"}"#, r#"{"text":{"geheim":1}}"#, r#"{"text":"geheim"#, r#"{"city":"geheim"}"#] {
        server.send("POST", "/api/v1/serve/text", body);
        server.send("POST", "/api/v1/serve/mixed", body);
    }
    assert!(!server.log().contains("geheim"), "{}", server.log());
}

/// Returns the columns of rows as tensors: texts as BYTES, numbers as FP64 or INT64.
fn tensors(rows: &[Value]) -> Value {
    let names = rows[0].as_object().unwrap().keys();
    let tensor = |name: &String| {
        let data: Vec<&Value> = rows.iter().map(|row| &row[name]).collect();
        let datatype = match &data {
            data if data.iter().any(|v| v.is_string() && *v != "NaN") => "BYTES",
            data if data.iter().any(|v| v.is_f64() || *v == "NaN") => "FP64",
            _ => "INT64",
        };
        json!({"name": name, "shape": [rows.len()], "datatype": datatype, "data": data})
    };
    names.map(tensor).collect()
}

#[test]
fn open_inference_answers_are_those_of_rows() {
    let server = Server::start(&["examples/models"]).until_ready();
    for name in ["text", "mixed"] {
        let requests = example(&format!("requests/{name}.json"));
        let rows = server.rows(&format!("/api/v1/serve/{name}"), &requests);
        let (status, body) = server.send("GET", &format!("/v2/models/{name}"), "");
        let metadata: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(
            (status, &metadata["platform"], &metadata["versions"]),
            (200, &json!("forebay_spark"), &json!(["1"]))
        );
        let known: Vec<&Value> = metadata["inputs"].as_array().unwrap().iter().map(|input| &input["name"]).collect();
        let mut inputs = tensors(&requests);
        inputs.as_array_mut().unwrap().retain(|input| known.contains(&&input["name"]));
        let body = json!({"inputs": inputs}).to_string();
        let (status, body) = server.send("POST", &format!("/v2/models/{name}/infer"), &body);
        assert_eq!(status, 200, "{body}");
        let answer: Value = serde_json::from_str(&body).unwrap();
        let outputs = answer["outputs"].as_array().unwrap();
        assert_eq!(outputs.len(), rows[0].as_object().unwrap().len());
        for output in outputs {
            check_output(output, &rows);
        }
    }
}

/// Compares a tensor with the column of the rows.
fn check_output(output: &Value, rows: &[Value]) {
    let column: Vec<&Value> = rows.iter().map(|row| &row[output["name"].as_str().unwrap()]).collect();
    let (shape, data) = (output["shape"].as_array().unwrap(), output["data"].as_array().unwrap());
    let is_json = output["parameters"]["content_type"] == "application/json";
    for (row, want) in column.into_iter().enumerate() {
        if let [_, size] = shape.as_slice() {
            let size = size.as_u64().unwrap() as usize;
            let mut dense = vec![json!(0.0); size];
            match want.as_array() {
                Some(values) => dense.clone_from(values),
                None => {
                    let stored = want["indices"].as_array().unwrap().iter().zip(want["values"].as_array().unwrap());
                    stored.for_each(|(at, value)| dense[at.as_u64().unwrap() as usize] = value.clone());
                }
            }
            assert_eq!(data[row * size..(row + 1) * size], dense, "{output}");
        } else if is_json && !data[row].is_null() {
            assert_eq!(&serde_json::from_str::<Value>(data[row].as_str().unwrap()).unwrap(), want);
        } else {
            assert_eq!(&data[row], want, "{output}");
        }
    }
}
