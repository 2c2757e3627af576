//! What is no model, no table or no command is refused in one line, with the right exit code.

use std::fs;

use crate::support::{Temp, command, finish, run, run_with};

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
