//! What is no model, no table or no command is refused in one line, with the right exit code.

use std::fs;

use serde_json::json;

use crate::{
    serve::Server,
    support::{Temp, command, finish, run, run_with},
};

#[test]
fn usage_errors_have_code_2() {
    run(&["scor"]).fails(2, "'scor'");
    run(&["score"]).fails(2, "<MODEL>");
    run(&["score", "examples/models/text", "--on-error=maybe"]).fails(2, "[possible values: fail, row]");
    run(&["score", "examples/models/text", "-", "--threads", "0"]).fails(2, "--threads");
    let ran = run(&[]);
    assert!(ran.code == 2 && ran.err.contains("Usage: forebay <COMMAND>"), "{}", ran.err);
    assert!(run(&["--help"]).ok().contains("serve"));
    assert!(run(&["--version"]).ok().starts_with("forebay "));
}

#[test]
fn what_is_no_model_is_refused_by_name() {
    let temp = Temp::new();
    run(&["inspect", "no/such/model"]).fails(1, "no/such/model: cannot read");
    run(&["inspect", &temp.write("m.bin", "garbage")]).fails(1, "not a model of a known format");
    run(&["inspect", &temp.write("empty/x/_y", "")]).fails(1, "not a model of a known format");
    temp.write("broken/metadata/part-00000", "{\"class\":");
    run(&["inspect", &temp.path("broken")]).fails(1, "metadata/part-00000");
    temp.write(
        "other/metadata/part-00000",
        "{\"class\":\"com.example.Own\",\"uid\":\"o\",\"sparkVersion\":\"3.5.0\",\"paramMap\":{}}",
    );
    run(&["inspect", &temp.path("other")]).fails(1, "class com.example.Own is not supported");
}

#[test]
fn a_damaged_model_is_refused_with_its_file() {
    let temp = Temp::new();
    let model = temp.copy("examples/models/breast-cancer", "m");
    let data = format!("{model}/stages/1_RandomForestClassifier_ef50d3875fb1/data");
    let file = fs::read_dir(&data).unwrap().map(|e| e.unwrap().path()).find(|p| p.extension().is_some()).unwrap();
    let bytes = fs::read(&file).unwrap();
    for len in [0, 3, bytes.len() / 2, bytes.len() - 1] {
        fs::write(&file, &bytes[..len]).unwrap();
        run(&["inspect", &model]).fails(1, "m: stages/1_RandomForestClassifier_ef50d3875fb1/data/part-");
    }
}

#[test]
fn what_is_no_table_is_refused_with_its_place() {
    let temp = Temp::new();
    let model = "examples/models/text";
    run(&["score", model, "no/such.csv"]).fails(1, "no/such.csv: ");
    run(&["score", model, "examples", "--format", "csv"]).fails(1, "name a file");
    run_with(&["score", model], b"{\"text\":\"a\"}\n{\"text\":\n").fails(1, "line 2");
    run_with(&["score", model], b"[1,2]\n").fails(1, "standard input: ");
    run_with(&["score", model], &[b'{'; 100_000]).fails(1, "standard input: ");
    run_with(&["score", model], b"{\"words\":1}").fails(1, "text");
    for name in ["a.parquet", "a.arrow"] {
        run(&["score", model, &temp.write(name, "PAR1 garbage PAR1")]).fails(1, name);
    }
    run(&["score", model, &temp.write("a.csv", "other\n1\n")]).fails(1, "text");
}

#[test]
fn limits_are_those_of_the_configuration() {
    for (variable, value, part) in [
        ("FOREBAY_FORMATS__NODES_MAX", "10", "more than the limit 10 (nodes_max)"),
        ("FOREBAY_FORMATS__STAGES_MAX", "1", "more than the limit 1 (stages_max)"),
        ("FOREBAY_MODELS__ARTIFACT_BYTES_MAX", "1000", "more than the limit 1000 (artifact_bytes_max)"),
    ] {
        let mut command = command(&["inspect", "examples/models/breast-cancer"]);
        command.env(variable, value);
        finish(command, b"").fails(1, part);
    }
}

#[test]
fn an_invalid_value_is_named_by_its_field() {
    let tree = "conformance/pmml/tree-iris/model.pmml";
    let row = r#"{"sepal length (cm)": 5.1, "petal length (cm)": 1.4, "petal width (cm)": "abc"}"#;
    run_with(&["score", tree], row.as_bytes())
        .fails(1, "column `petal width (cm)`: expected a value that the model takes as valid");
    run_with(&["score", tree], row.as_bytes()).fails(1, "got no number");
    let temp = Temp::new();
    let pmml = fs::read_to_string(testkit::files::root().join(tree)).unwrap();
    let width = "<DataField name=\"petal width (cm)\" optype=\"continuous\" dataType=\"float\"";
    let within = pmml.replace(
        &format!("{width}/>"),
        &format!("{width}><Interval closure=\"closedClosed\" leftMargin=\"0\" rightMargin=\"3\"/></DataField>"),
    );
    assert_ne!(within, pmml);
    let row = row.replace("\"abc\"", "70.5");
    run_with(&["score", &temp.write("model.pmml", within)], row.as_bytes())
        .fails(1, "column `petal width (cm)`: expected a value that the model takes as valid, where its tests ask for it, got 70.5");
}

#[test]
fn a_value_that_is_not_in_the_dictionary_is_named_by_its_field() {
    run_with(&["score", "conformance/pmml/domains/model.pmml"], br#"{"sex": "male", "bmi": 1000}"#)
        .fails(1, "column `bmi`: expected a value that the data dictionary calls valid, got 1000");
}

#[test]
fn a_tensor_of_another_shape_is_named() {
    let temp = Temp::new();
    let models = temp.path("models");
    temp.copy("conformance/onnx/fused-gemm", "models/gemm");
    let server = Server::start(&[&models]).until_ready();
    let of = |name: &str, shape: &[usize]| json!({"name": name, "shape": shape, "datatype": "FP32", "data": vec![1.0; shape.iter().product()]});
    let ask = |a: &[usize]| {
        let body = json!({"inputs": [of("a", a), of("b", &[4, 3]), of("c", &[4])]}).to_string();
        server.send("POST", "/v2/models/gemm/infer", &body)
    };
    let (status, answer) = ask(&[2, 3]);
    assert_eq!(status, 200, "{answer}");
    let (status, answer) = ask(&[2, 2]);
    assert_eq!(status, 400, "{answer}");
    assert!(answer.contains("column `a`: expected a tensor of the shape [2, 3], got [2, 2]; "), "{answer}");
    let null = json!({"inputs": [{"name": "a", "shape": [1, 2], "datatype": "FP32", "data": [1.0, null]}]}).to_string();
    let (status, answer) = server.send("POST", "/v2/models/gemm/infer", &null);
    assert!(
        status == 400 && answer.contains("column `a`: expected elements that are not null, got null at 1"),
        "{answer}"
    );
}

#[test]
fn a_quote_that_stays_open_is_refused_by_its_line() {
    let ask = ["score", "examples/models/text", "-", "--format", "csv"];
    run_with(&ask, b"text\n\"un\nspark\nrain\n").fails(1, "a quote is opened here and not closed: line 2");
    assert_eq!(run_with(&ask, b"text\n\"un\nspark\"\nrain").ok().lines().count(), 2);
}
