//! Engines of others, from outside and without any: what their configuration says, what becomes of a library that is none, and
//! which models say that an engine could run them. Real engines are asked in `acceptance/`.

use serde_json::{Value, json};

use crate::{
    serve::Server,
    support::{Ran, Temp, command, finish, run},
};

/// A field of a message of protocol buffers.
fn field(number: u8, bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let bytes = bytes.as_ref();
    assert!(bytes.len() < 128, "a length of one byte");
    [&[number << 3 | 2, bytes.len() as u8], bytes].concat()
}

fn varint(number: u8, value: u8) -> Vec<u8> {
    vec![number << 3, value]
}

/// An ONNX model of one node, of this op and domain.
fn onnx(op: &str, domain: &str) -> Vec<u8> {
    let shape = field(2, field(1, field(2, "n")));
    let value = |name: &str| [field(1, name), field(2, field(1, [varint(1, 1), shape.clone()].concat()))].concat();
    let node = [field(1, "x"), field(2, "y"), field(4, op), field(7, domain)].concat();
    let graph = [field(1, node), field(2, "g"), field(11, value("x")), field(12, value("y"))].concat();
    let other = if domain.is_empty() { Vec::new() } else { field(8, [field(1, domain), varint(2, 1)].concat()) };
    [varint(1, 8), field(7, graph), field(8, varint(2, 17)), other].concat()
}

/// A frozen graph of a placeholder and of one node, of this op, over it.
fn graph(op: &str) -> Vec<u8> {
    let dtype = field(5, [field(1, "dtype"), field(2, varint(6, 7))].concat());
    let placeholder = [field(1, "x"), field(2, "Placeholder"), dtype].concat();
    [field(1, placeholder), field(1, [field(1, "y"), field(2, op), field(3, "x")].concat())].concat()
}

fn with(args: &[&str], variables: &[(&str, &str)]) -> Ran {
    let mut command = command(args);
    command.envs(variables.iter().copied());
    finish(command, b"")
}

const TENSORFLOW: &str = "FOREBAY_ENGINES__TENSORFLOW";
const ONNXRUNTIME: &str = "FOREBAY_ENGINES__ONNXRUNTIME";

#[test]
fn a_wrong_configuration_names_its_key() {
    let temp = Temp::new();
    let file = temp.write("f.toml", "[engines]\ntensorflow = '/no/such/library.so'\n");
    run(&["config", "check", &file]).fails(2, "engines.tensorflow: \"/no/such/library.so\" is no file");
    let file = temp.write("f.toml", "[engines]\nonnxruntime = 'Cargo.toml'\n");
    run(&["config", "check", &file]).fails(2, "engines.onnxruntime: \"Cargo.toml\" is no absolute path");
    let file = temp.write("f.toml", "[engines]\ntensorflw = ''\n");
    run(&["config", "check", &file]).fails(2, "unknown key `engines.tensorflw`; did you mean `engines.tensorflow`?");
    let file = temp.write("f.toml", "[engines]\nthreads = 0\n");
    run(&["config", "check", &file]).fails(2, "engines: threads, waiting_max and cpu_seconds_max are at least 1");
}

#[test]
fn a_model_names_an_engine_that_is_there_and_reads_it() {
    let temp = Temp::new();
    let model = temp.write("m.onnx", onnx("Abs", ""));
    temp.write("m.toml", "engine = 'onnxruntime'\n");
    run(&["inspect", &model]).fails(1, "the engine onnxruntime is not configured; set engines.onnxruntime");
    temp.write("m.toml", "engine = 'torch'\n");
    run(&["inspect", &model]).fails(1, "expected one of `native`, `tensorflow`, `onnxruntime`");
    temp.write("m.toml", "engine = 'tensorflow'\n");
    let library = temp.write("library.so", "none");
    with(&["inspect", &model], &[(TENSORFLOW, &library)])
        .fails(1, "engine: tensorflow does not run models of the format onnx; onnxruntime does");
    temp.write("m.toml", "engine = 'native'\n");
    let about: Value = serde_json::from_str(&run(&["inspect", &model, "--json"]).ok()).unwrap();
    assert_eq!(about["engine"], "native");
    assert_eq!(about["ops"], json!([{ "op": "Abs (opset 17)", "nodes": 1, "support": "native" }]));
}

#[test]
fn a_library_that_is_none_is_told_by_its_key() {
    let temp = Temp::new();
    let library = temp.write("library.so", "this is no library\n");
    let model = temp.write("m.onnx", onnx("Abs", ""));
    temp.write("m.toml", "engine = 'onnxruntime'\n");
    with(&["inspect", &model], &[(ONNXRUNTIME, &library)]).fails(1, "is not its library");
    let frozen = temp.write("g.pb", graph("StringLower"));
    temp.write("g.toml", "engine = 'tensorflow'\n");
    let told = with(&["inspect", &frozen], &[(TENSORFLOW, &library)]);
    let line = told.err.clone();
    told.fails(1, "engines.tensorflow");
    assert!(line.contains("the engine tensorflow refuses") && line.contains("is not its library"), "{line}");
}

#[test]
fn ops_that_are_missing_are_named_with_the_engine_that_has_them() {
    let temp = Temp::new();
    let model = temp.write("m.onnx", onnx("UnfoldTensor", "com.microsoft"));
    let shown = run(&["inspect", &model]).fails(1, "com.microsoft.UnfoldTensor");
    assert_eq!(shown, "ops        1 only by an engine: com.microsoft.UnfoldTensor (opset 1)\n");
    run(&["inspect", &model])
        .fails(1, "the engine onnxruntime could run it: `engine = \"onnxruntime\"` in the model's forebay.toml and its library as `engines.onnxruntime`");
    let frozen = temp.write("g.pb", graph("RaggedCross"));
    let shown = run(&["inspect", &frozen, "--json"]).fails(1, "the engine tensorflow could run it");
    let ops: Value = serde_json::from_str(&shown).unwrap();
    let support = |op: &str| {
        let all = ops["ops"].as_array().unwrap();
        all.iter().find(|used| used["op"] == op).map(|used| used["support"].clone())
    };
    assert_eq!(support("RaggedCross"), Some(json!("engine")));
    assert_eq!(support("Placeholder"), Some(json!("native")));
}

#[test]
fn what_reaches_outside_is_for_no_engine() {
    let temp = Temp::new();
    let library = temp.write("library.so", "none");
    let frozen = temp.write("g.pb", graph("ReadFile"));
    let told = run(&["inspect", &frozen]);
    assert!(!told.err.contains("could run it"), "{}", told.err);
    assert_eq!(told.fails(1, "ReadFile"), "ops        1 native: Placeholder\n           1 refused: ReadFile\n");
    temp.write("g.toml", "engine = 'tensorflow'\n");
    // Before any library is opened.
    with(&["inspect", &frozen], &[(TENSORFLOW, &library)])
        .fails(1, "the ops ReadFile, which reach outside of the model");
}

#[test]
fn a_server_lives_without_its_engine() {
    let temp = Temp::new();
    let library = temp.write("library.so", "this is no library\n");
    temp.write("models/other/1/m.onnx", onnx("Abs", ""));
    temp.write("models/other/forebay.toml", "engine = 'onnxruntime'\n");
    temp.write("models/own/1/m.onnx", onnx("Abs", ""));
    let file = temp.write("f.toml", format!("[engines]\nonnxruntime = '{library}'\n"));
    let server = Server::start(&["--config", &file, &temp.path("models")]).until_settled(&["other", "own"]);
    let (status, body) = server.send("GET", "/api/v1/models/other", "");
    assert!(status == 200 && body.contains("is not its library"), "{status} {body}");
    let (status, body) = server.send("POST", "/api/v1/serve/own", "[{\"x\": -1.5}]");
    assert_eq!((status, body.as_str()), (200, "[{\"y\":1.5}]"));
}

#[test]
fn a_child_that_nobody_speaks_to_ends() {
    assert_eq!(run(&["engine-child"]).ok(), "");
    let spoken = finish(command(&["engine-child"]), b"hello, child");
    spoken.fails(1, "an engine's process: a frame that begins with \"hell\"");
    assert!(!run(&["--help"]).ok().contains("engine-child"));
}
