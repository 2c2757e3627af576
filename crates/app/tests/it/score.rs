//! `forebay score`.

use std::{
    fs,
    io::{Read, Write},
    path::Path,
    process::Stdio,
};

use serde_json::{Value, json};

use crate::support::{Temp, assert_close, command, example, finish, jsonl, lines, run, run_with};

const TEXT: &str = "examples/models/text";
const MIXED: &str = "examples/models/mixed";

/// A model of the examples: its documented request gets Spark's answer.
fn check_example(name: &str) {
    let request = jsonl(&example(&format!("requests/{name}.json")));
    let mut expected = example(&format!("requests/{name}.expected.json"));
    let got = lines(&run_with(&["score", &format!("examples/models/{name}"), "-"], request.as_bytes()).ok());
    // Spark hands through columns that the model does not read; a table of answers holds the model's own.
    for row in expected.iter_mut().filter_map(Value::as_object_mut) {
        row.retain(|column, _| got[0].get(column).is_some());
        assert!(row.contains_key("prediction"));
    }
    assert_close(&expected, &got);
}

#[test]
fn the_documented_requests_get_sparks_answers() {
    ["text", "mixed", "breast-cancer"].into_iter().for_each(check_example);
}

#[test]
fn tables_of_every_format_give_the_same_answers() {
    let temp = Temp::new();
    for (model, input) in [(TEXT, "examples/data/sentences.jsonl"), (MIXED, "examples/data/people.csv")] {
        let want = run(&["score", model, input]).ok();
        let mut from = input.to_owned();
        for name in ["a.parquet", "b.arrow", "c.csv", "d.jsonl"] {
            let to = temp.path(name);
            assert_eq!(run(&["score", model, &from, "-o", &to]).ok(), "");
            assert_eq!(run(&["score", model, &to]).ok(), want, "{name}");
            from = to;
        }
    }
    let left: Vec<_> = fs::read_dir(temp.path("")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left.len(), 4, "no unfinished file is left: {left:?}");
}

#[test]
fn formats_are_named_where_no_file_name_tells() {
    let temp = Temp::new();
    let want = run(&["score", TEXT, "examples/data/sentences.jsonl"]).ok();
    for format in ["parquet", "arrow", "csv"] {
        let table = temp.path("table");
        run(&["score", TEXT, "examples/data/sentences.jsonl", "-o", &table, "--output-format", format]).ok();
        let bytes = fs::read(&table).unwrap();
        assert_eq!(run_with(&["score", TEXT, "-", "--format", format], &bytes).ok(), want, "{format} from a pipe");
        run(&["score", TEXT, &table])
            .fails(2, "tells no format; name it with --format (jsonl, csv, parquet, arrow, v2)");
    }
    run(&["score", TEXT, "x.jsonl", "--format", "excel"]).fails(2, "\"excel\" is no format");
}

#[test]
fn an_open_inference_request_has_such_an_answer() {
    let score = |body: &str, more: &[&str]| {
        run_with(&[&["score", TEXT, "-", "--format", "v2"][..], more].concat(), body.as_bytes())
    };
    let texts = r#"{"name": "text", "shape": [2], "datatype": "BYTES", "data": ["spark is fast", "no"]}"#;
    let body = format!(
        r#"{{"id": "1", "inputs": [{texts}], "outputs": [{{"name": "prediction"}}, {{"name": "probability"}}]}}"#
    );
    let answer: Value = serde_json::from_str(&score(&body, &[]).ok()).unwrap();
    let rows = lines(&run_with(&["score", TEXT, "-"], b"{\"text\":\"spark is fast\"}\n{\"text\":\"no\"}").ok());
    let outputs = &answer["outputs"];
    assert_eq!((&answer["model_name"], &answer["id"]), (&json!("text"), &json!("1")));
    assert_eq!(outputs[0]["data"], json!([rows[0]["prediction"], rows[1]["prediction"]]));
    assert_eq!((&outputs[1]["shape"], &outputs[1]["datatype"]), (&json!([2, 2]), &json!("FP64")));
    let flat: Vec<&Value> = rows.iter().flat_map(|row| row["probability"].as_array().unwrap()).collect();
    assert_eq!(outputs[1]["data"], json!(flat));
    score(&body, &["--on-error", "row"]).fails(2, "no place for refused rows");
    score(&body, &["--output-format", "csv"]).fails(2, "a v2 request has a v2 answer");
    score("{}", &[]).fails(1, "expected an inference request");
    run(&["score", TEXT, "-", "--output-format", "v2"]).fails(2, "v2 is the answer to a v2 request");
}

#[test]
fn nothing_is_written_where_only_the_time_is_wanted() {
    let table = "examples/data/sentences.jsonl";
    let ran = run(&["score", TEXT, table, "--output-format", "none", "--summary"]);
    assert_eq!((ran.code, ran.out.as_str()), (0, ""));
    let rows = fs::read_to_string(testkit::files::root().join(table)).unwrap().lines().count();
    assert!(ran.err.contains(&format!("{rows} rows")), "{}", ran.err);
    run(&["score", TEXT, table, "--output-format", "none", "-o", "x"]).fails(2, "none writes nothing");
}

#[test]
fn outputs_are_those_asked_for_in_that_order() {
    let row = b"{\"text\":\"spark\"}";
    assert_eq!(
        run_with(&["score", TEXT, "--outputs", "prediction,words"], row).ok(),
        "{\"prediction\":1.0,\"words\":[\"spark\"]}\n"
    );
    run_with(&["score", TEXT, "--outputs", "predicton"], row)
        .fails(2, "the model has no `predicton`; there are text, words");
    run_with(&["score", TEXT, "--signature", "other"], row).fails(2, "no `other`; there are default");
}

const ROWS: &str = "{\"text\":\"a\"}\n{\"text\":7}\n{\"text\":\"b\"}\n";

#[test]
fn a_refused_row_ends_the_run_with_its_number() {
    let ran = run_with(&["score", TEXT, "--outputs", "words"], ROWS.as_bytes());
    let out = ran.fails(1, "standard input: row 1: column `text`: expected string, got 7");
    assert_eq!(out, "{\"words\":[\"a\"]}\n", "what came before it stays");
}

#[test]
fn a_refused_row_keeps_its_place_when_asked() {
    let out = run_with(&["score", TEXT, "--outputs", "words", "--on-error=row"], ROWS.as_bytes()).ok();
    let rows = lines(&out);
    assert_eq!((&rows[0], &rows[2]), (&json!({"words": ["a"]}), &json!({"words": ["b"]})));
    assert!(rows[1]["_error"].as_str().is_some_and(|error| error.contains("column `text`")), "{out}");
}

#[test]
fn dropped_rows_are_left_out_or_marked() {
    let case = "conformance/spark/bucketizer-inf-skip";
    let (model, input) = (format!("{case}/model"), format!("{case}/input.jsonl"));
    let schema = "--schema=x double";
    let marked = lines(&run(&["score", &model, &input, schema, "--on-error=row"]).ok());
    let places: Vec<usize> = (0..marked.len()).filter(|&row| marked[row] == json!({"_skipped": true})).collect();
    assert_eq!((marked.len(), places), (15, vec![13, 14]));
    let ran = run(&["score", &model, &input, schema, "--summary"]);
    assert_eq!((ran.code, lines(&ran.out)), (0, marked[..13].to_vec()));
    assert!(ran.err.contains("15 rows") && ran.err.contains("2 dropped"), "{}", ran.err);
}

/// A schema given as text, as a file of DDL and as a file of JSON decides what a number is.
#[test]
fn a_schema_settles_what_rows_leave_open() {
    let temp = Temp::new();
    let model = "conformance/spark/hashingtf-int/model";
    let rows = fs::read_to_string(testkit::files::root().join("conformance/spark/hashingtf-int/input.jsonl")).unwrap();
    let score = |schema: &str| run_with(&["score", model, "--schema", schema, "--on-error=row"], rows.as_bytes()).ok();
    let column = lines(&rows)[0].as_object().unwrap().keys().next().unwrap().clone();
    let ints = score(&format!("{column} array<int>"));
    let doubles = score(&format!("{column} array<double>"));
    assert_ne!(ints, doubles, "Spark hashes an int and the same double differently");
    assert_eq!(ints, score(&temp.write("s.ddl", format!("{column} array<int>\n"))));
    let json = json!({"columns": [{"name": column, "type": "array<int>"}]}).to_string();
    assert_eq!(ints, score(&temp.write("s.json", &json)));
    assert_eq!(ints, score(&json));
    let temp = Temp::new();
    let copied = temp.copy(model, "m");
    temp.write("m/forebay.toml", format!("[[inputs]]\nname = '{column}'\ntype = 'array<double>'\n"));
    let beside =
        |more: &[&str]| run_with(&[&["score", &copied, "--on-error=row"], more].concat(), rows.as_bytes()).ok();
    assert_eq!(beside(&[]), doubles);
    assert_eq!(beside(&["--schema", &format!("{column} array<int>")]), ints, "the command line wins");
    run_with(&["score", model, "--schema", "x wat"], b"").fails(2, "--schema: ");
    run_with(&["score", model, "--schema", "no/such.json"], b"").fails(2, "no such file, read as DDL");
}

#[test]
fn what_stands_beside_the_artifact_holds_for_it() {
    let temp = Temp::new();
    let model = temp.copy(TEXT, "m");
    let row = b"{\"text\":\"spark\"}";
    temp.write("m/forebay.toml", "outputs = ['prediction']\n");
    assert_eq!(run_with(&["score", &model], row).ok(), "{\"prediction\":1.0}\n");
    temp.write("m/forebay.toml", "outputs = ['nothing']\n");
    run_with(&["score", &model], row).fails(1, "forebay.toml: outputs: the model has no `nothing`");
    temp.write("m/forebay.toml", "[[inputs]]\nname = 'text'\ntype = 'txt'\n");
    run_with(&["score", &model], row).fails(1, "forebay.toml: inputs: `text`: ");
    temp.write("m/forebay.toml", "output = []\n");
    run_with(&["score", &model], row).fails(1, "unknown field `output`");
}

#[test]
fn versions_are_picked_from_numbered_folders() {
    let temp = Temp::new();
    temp.copy(TEXT, "m/2");
    temp.copy(MIXED, "m/10");
    let model = temp.path("m");
    assert!(run(&["inspect", &model]).ok().starts_with("model      m, version 10\n"));
    let row = b"{\"text\":\"spark\"}";
    assert!(run_with(&["score", &model, "--version", "2"], row).ok().contains("\"prediction\":1.0"));
    run_with(&["score", &model, "--version", "3"], row).fails(1, "has no version 3; there are: 2, 10");
    run_with(&["score", "examples/models"], row).fails(1, "holds several models (breast-cancer, mixed, text)");
}

/// Many rows, with one in their midst that is refused where `bad` says so.
fn many(rows: usize, bad: Option<usize>) -> String {
    let row = |i: usize| match bad {
        Some(bad) if bad == i => "{\"text\":[1]}\n".to_owned(),
        _ => format!("{{\"text\":\"spark number {i} of many\"}}\n"),
    };
    (0..rows).map(row).collect()
}

#[test]
fn threads_change_nothing_in_the_answer() {
    let temp = Temp::new();
    let input = temp.write("many.jsonl", many(30_000, None));
    let score = |threads| run(&["score", TEXT, &input, "--outputs", "features,prediction", "--threads", threads]).ok();
    let alone = score("1");
    assert_eq!(alone.lines().count(), 30_000);
    assert!(alone == score("3"), "three threads");
    let input = temp.write("bad.jsonl", many(30_000, Some(20_001)));
    for threads in ["1", "3"] {
        let ran = run(&["score", TEXT, &input, "--outputs", "features,prediction", "--threads", threads]);
        let out = ran.fails(1, "row 20001: column `text`: expected string, got");
        assert!(out.lines().eq(alone.lines().take(20_001)), "all rows before the refused one, {threads} thread(s)");
    }
}

#[test]
fn a_refusal_does_not_wait_for_more_input() {
    let mut child = command(&["score", TEXT, "--threads", "2"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(many(1_000, Some(7)).as_bytes()).unwrap();
    // The input stays open until the run has ended.
    assert_eq!(child.wait().unwrap().code(), Some(1));
    drop(input);
}

#[test]
fn nothing_is_written_where_that_is_asked() {
    let args = ["score", TEXT, "examples/data/sentences.jsonl", "--output-format", "none"];
    assert_eq!(run(&args).ok(), "");
    run(&[&args[..], &["-o", "x"]].concat()).fails(2, "none writes nothing");
}

#[test]
fn a_file_appears_when_it_is_complete() {
    let temp = Temp::new();
    let out = temp.write("out.jsonl", "the old one");
    run_with(&["score", TEXT, "-", "-o", &out], ROWS.as_bytes()).fails(1, "row 1");
    assert_eq!(fs::read_to_string(&out).unwrap(), "the old one");
    assert!(!Path::new(&format!("{out}.partial")).exists());
    run_with(&["score", TEXT, "-", "-o", &out, "--outputs", "words"], b"{\"text\":\"a\"}").ok();
    assert_eq!(fs::read_to_string(&out).unwrap(), "{\"words\":[\"a\"]}\n");
    run(&["score", TEXT, "examples/data/sentences.jsonl", "-o", "/dev/null", "--output-format", "csv"]).ok();
    assert!(!Path::new("/dev/null").is_file(), "a device is written to, not replaced");
}

#[test]
fn an_interrupt_ends_the_run_with_130() {
    let temp = Temp::new();
    let out = temp.path("out.jsonl");
    let mut child = command(&["score", TEXT, "-", "-o", &out]).stdin(Stdio::piped()).spawn().unwrap();
    // Kept open: waiting would close it, and the end of the input ends the run as well.
    let _input = child.stdin.take();
    let partial = format!("{out}.partial");
    while !Path::new(&partial).exists() {
        std::thread::yield_now();
    }
    let kill = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(!Path::new(&partial).exists() && !Path::new(&out).exists());
}

#[test]
fn a_closed_pipe_ends_quietly() {
    let temp = Temp::new();
    let input = temp.write("many.jsonl", many(30_000, None));
    let mut child = command(&["score", TEXT, &input]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = [0; 10];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let done = child.wait_with_output().unwrap();
    assert_eq!((done.status.code(), done.stderr.as_slice()), (Some(0), &b""[..]));
}

#[test]
fn the_summary_counts() {
    let ran = run_with(&["score", TEXT, "--on-error=row", "--summary"], ROWS.as_bytes());
    assert!(
        ran.code == 0 && ran.err.starts_with("forebay: 3 rows (") && ran.err.contains(", 1 refused, "),
        "{}",
        ran.err
    );
}

#[test]
fn an_empty_input_is_an_empty_answer() {
    assert_eq!(run_with(&["score", TEXT, "-"], b"").ok(), "");
    assert_eq!(run_with(&["score", TEXT, "-"], b"\n\n").ok(), "");
}

#[test]
fn a_models_classifier_is_as_good_as_sparks() {
    let table = "examples/data/breast-cancer.csv";
    let text = fs::read_to_string(testkit::files::root().join(table)).unwrap();
    let mut records = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let label = records.next().unwrap().iter().position(|name| *name == "label").expect("the truth is in the table");
    let mut scored = command(&["score", "examples/models/breast-cancer", table]);
    scored.args(["--outputs", "prediction"]);
    let answers = lines(&finish(scored, b"").ok());
    let right = answers
        .iter()
        .zip(records)
        .filter(|(answer, record)| answer["prediction"].as_f64() == record[label].parse::<f64>().ok());
    let path = testkit::files::root().join("examples/requests/breast-cancer.accuracy.json");
    let spark: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    assert_eq!(
        (answers.len(), right.count()),
        (spark["rows"].as_u64().unwrap() as usize, spark["correct"].as_u64().unwrap() as usize)
    );
}
