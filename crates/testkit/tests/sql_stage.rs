//! SQLTransformer as a stage: which columns there are after it, what inputs it takes where no schema says, what the version
//! that saved it and the user's options change.

use std::sync::Arc;

use engine::Servable;
use formats::ReadOptions;
use model::{Buffer, InputSpec, ModelFiles, Type};
use serde_json::{Value, json};
use testkit::case::{Case, Outcome, run_case};

fn artifact(statement: &str, version: &str) -> ModelFiles {
    let metadata = json!({
        "class": "org.apache.spark.ml.feature.SQLTransformer", "uid": "sql", "timestamp": 0, "sparkVersion": version,
        "paramMap": {"statement": statement}, "defaultParamMap": {}
    });
    ModelFiles::new([("metadata/part-00000".to_owned(), Buffer::from(metadata.to_string().into_bytes()))])
}

fn refusal(statement: &str) -> String {
    match formats::read(&artifact(statement, "3.5.9"), &ReadOptions::default()) {
        Ok(_) => panic!("{statement}: answered"),
        Err(error) => error.to_string(),
    }
}

/// Names and types.
type Fields = Vec<(String, String)>;

/// Returns the names and types of inputs and outputs.
fn signature(statement: &str, inputs: &[(&str, Type)]) -> (Fields, Fields) {
    let spec = |(name, ty): &(&str, Type)| InputSpec { name: (*name).into(), ty: ty.clone(), metadata: None };
    let options = ReadOptions { inputs: inputs.iter().map(spec).collect(), ..ReadOptions::default() };
    let model = formats::read(&artifact(statement, "3.5.9"), &options).expect(statement);
    let signature = model.signatures().remove(0);
    let list = |fields: &[model::Field]| fields.iter().map(|f| (f.name.to_string(), f.ty().to_string())).collect();
    (list(&signature.inputs), list(&signature.outputs))
}

fn names(fields: &[(String, String)]) -> Vec<&str> {
    fields.iter().map(|(name, _)| name.as_str()).collect()
}

/// Runs rows through a statement; `expected` is the whole table.
fn check(statement: &str, schema: &[(&str, &str)], input: &[Value], expected: &[Value], whole: bool) {
    let schema: Vec<Value> = schema.iter().map(|(name, ty)| json!({"name": name, "type": ty})).collect();
    let lines: Vec<String> = input.iter().map(Value::to_string).collect();
    let case = Case {
        name: statement.to_owned(),
        meta: json!({"input_schema": schema, "whole_table": whole, "unordered": whole}),
        files: artifact(statement, "3.5.9"),
        input: lines.join("\n").into_bytes(),
        expected: expected.to_vec(),
        other: None,
    };
    match run_case(&case) {
        Outcome::Passed => {}
        other => panic!("{statement}: {other:?}"),
    }
}

#[test]
fn the_items_are_the_columns() {
    let (inputs, outputs) =
        signature("SELECT b AS c, a, a + 1, A k FROM __THIS__", &[("a", Type::I32), ("b", Type::Text)]);
    assert_eq!(names(&inputs), ["b", "a"]);
    assert_eq!(names(&outputs), ["c", "a", "(a + 1)", "k"]);
    assert_eq!(outputs[2].1, "int32");
    let (_, outputs) = signature("SELECT *, upper(s) AS u, __THIS__.s FROM __THIS__", &[]);
    assert_eq!(names(&outputs), ["s", "u"]);
    let (_, outputs) = signature("SELECT * EXCEPT (s), length(s) n FROM __THIS__", &[]);
    assert_eq!(names(&outputs), ["n"]);
    assert!(refusal("SELECT *, upper(s) AS s FROM __THIS__").contains("output column `s`"));
}

#[test]
fn usage_tells_what_a_column_may_be() {
    let (inputs, _) = signature(
        "SELECT log(x + 1) l, upper(s) u, coalesce(note, '') n, y > 1.5 AS big, NOT flag AS no, year(d) AS y,
         m + INTERVAL 1 DAY AS next FROM __THIS__",
        &[],
    );
    let of = |name: &str| inputs.iter().find(|(n, _)| n == name).map(|(_, ty)| ty.as_str());
    assert_eq!([of("x"), of("s"), of("note")], [Some("int64"), Some("string"), Some("string")]);
    assert_eq!([of("y"), of("flag"), of("d"), of("m")], [Some("int64"), Some("bool"), Some("string"), Some("date")]);
}

#[test]
fn types_come_with_the_call() {
    let files = artifact("SELECT x * 2 AS y FROM __THIS__", "3.5.9");
    let model = formats::read(&files, &ReadOptions::default()).expect("readable");
    let servable = Servable::new(&model).expect("runnable");
    for (row, want) in [(json!({"x": 3}), json!({"y": 6})), (json!({"x": 1.25}), json!({"y": 2.5}))] {
        let case = Case {
            name: "call".to_owned(),
            meta: json!({"input_schema": [], "whole_table": true}),
            files: files.clone(),
            input: row.to_string().into_bytes(),
            expected: vec![want],
            other: None,
        };
        assert_eq!(run_case(&case), Outcome::Passed);
    }
    drop(servable);
}

#[test]
fn rows_go_where_the_condition_is_not_true() {
    let rows = [json!({"x": 1}), json!({"x": null}), json!({"x": -1})];
    let skipped = json!({"_skipped": true});
    let want = [json!({"x": 1, "y": 1.0}), skipped.clone(), skipped];
    check("SELECT *, 1 / x AS y FROM __THIS__ WHERE x > 0", &[("x", "int")], &rows, &want, false);
}

#[test]
fn groups_have_conditions_names_and_numbers() {
    let rows =
        [json!({"k": "a", "x": 1}), json!({"k": "b", "x": 5}), json!({"k": "a", "x": 3}), json!({"k": null, "x": 2})];
    let schema = [("k", "string"), ("x", "int")];
    let want = [json!({"u": "A", "n": 2, "half": 2.0}), json!({"u": "B", "n": 1, "half": 2.5})];
    let statement =
        "SELECT upper(k) AS u, count(*) AS n, sum(x) / 2 AS half FROM __THIS__ GROUP BY u HAVING sum(x) > 2";
    check(statement, &schema, &rows, &want, true);
    let statement = "SELECT upper(k) AS u, count(*) AS n, sum(x) / 2 AS half FROM __THIS__ GROUP BY 1 HAVING half >= 2";
    check(statement, &schema, &rows, &want, true);
    check("SELECT max(x) FROM __THIS__ WHERE k = 'z'", &schema, &rows, &[json!({"max(x)": null})], true);
    let distinct = [json!({"e": true}), json!({"e": null}), json!({"e": false})];
    check("SELECT DISTINCT k = 'a' AS e FROM __THIS__", &schema, &rows, &distinct, true);
    assert!(refusal("SELECT x, count(*) FROM __THIS__ GROUP BY k").contains("`x` is neither a key"));
}

#[test]
fn ansi_mode_is_the_versions_or_the_users() {
    let read = |version: &str, ansi| {
        let schema = vec![InputSpec { name: "x".into(), ty: Type::I32, metadata: None }];
        let options = ReadOptions { inputs: schema, ansi, ..ReadOptions::default() };
        let model = formats::read(&artifact("SELECT CAST('a' AS INT) + x AS y FROM __THIS__", version), &options);
        let servable = Servable::new(&model.expect("readable")).expect("runnable");
        let mut batch = model::Batch::new(1);
        let mut column = model::Builder::new(&Type::I32);
        assert!(column.push_int(1));
        batch.push(Arc::from("x"), column.finish());
        let call = model::Call { batch, ..model::Call::default() };
        testkit::predictor::answer(model::Predictor::call(&servable, call)).is_ok()
    };
    assert_eq!([read("3.5.9", None), read("4.0.0", None)], [true, false]);
    assert_eq!([read("3.5.9", Some(true)), read("4.0.0", Some(false))], [false, true]);
}

#[test]
fn days_begin_in_the_time_zone() {
    let read = |zone: &str| {
        let options = ReadOptions { time_zone: Some(zone.into()), ..ReadOptions::default() };
        let model = formats::read(&artifact("SELECT hour(t) AS h FROM __THIS__", "3.5.9"), &options).expect("readable");
        Servable::new(&model).map(drop)
    };
    assert!(read("UTC").is_ok() && read("+02:00").is_ok() && read("Europe/Berlin").is_ok());
    assert!(read("Mars").is_err());
}

#[test]
fn statements_are_bounded() {
    let many = |part: &str, count: usize| (0..count).map(|i| format!("{part}{i}")).collect::<Vec<_>>().join(", ");
    for (statement, what) in [
        (format!("SELECT {} FROM __THIS__", many("x", 20_001)), "at most 20000 items"),
        (format!("SELECT count(*) FROM __THIS__ GROUP BY {}", many("x", 257)), "at most 256 keys"),
        (format!("SELECT {}1{} FROM __THIS__", "(".repeat(80), ")".repeat(80)), "brackets within brackets"),
        (format!("SELECT x{} FROM __THIS__", " + x".repeat(400)), "words and signs of one expression"),
        (format!("SELECT x{} FROM __THIS__", " + x".repeat(230)), "levels of one expression"),
        (format!("SELECT '{}' FROM __THIS__", "x".repeat(1 << 20)), "bytes"),
    ] {
        let error = refusal(&statement);
        assert!(error.contains(what), "{error}");
    }
    let sum = format!("SELECT {} AS y FROM __THIS__", vec!["x"; 200].join(" + "));
    check(&sum, &[("x", "int")], &[json!({"x": 2})], &[json!({"y": 400})], false);
    let any = format!(
        "SELECT * FROM __THIS__ WHERE {}",
        (0..120).map(|i| format!("x = {i}")).collect::<Vec<_>>().join(" OR ")
    );
    check(&any, &[("x", "int")], &[json!({"x": 119})], &[json!({"x": 119})], false);
}

#[test]
fn what_is_not_served_is_told_by_name() {
    for (statement, what) in [
        ("SELECT rand() r FROM __THIS__", "`rand`"),
        ("SELECT current_timestamp() r FROM __THIS__", "`current_timestamp`"),
        ("SELECT my_udf(x) FROM __THIS__", "`my_udf`"),
        ("SELECT x FROM __THIS__ ORDER BY x", "ORDER BY"),
        ("SELECT x FROM __THIS__ LIMIT 3", "LIMIT"),
        ("SELECT sum(x) OVER (PARTITION BY y) FROM __THIS__", "windows"),
        ("SELECT * FROM __THIS__ a JOIN __THIS__ b", "joins"),
        ("SELECT (SELECT 1) FROM __THIS__", "subqueries"),
        ("SELECT x FROM other", "the table other"),
        ("SELECT transform(a, x -> x + 1) FROM __THIS__", "higher order"),
        ("SELECT x FROM __THIS__ UNION SELECT y FROM __THIS__", "UNION"),
        ("SELEC x", "a SELECT of Spark SQL"),
        ("SELECT upper(1, 2) FROM __THIS__", "takes 1 arguments"),
        ("SELECT array(1) + 1 FROM __THIS__", "does not take"),
    ] {
        let error = refusal(statement);
        assert!(error.contains(what), "{statement}: {error}");
    }
}
