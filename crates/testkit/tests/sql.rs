//! SQLTransformer beside real Spark: every expression and aggregate of `tests/sql/`, its name, its type and its values, as
//! Spark 3.5 and Spark 4 (ANSI mode) gave them, of plain rows and of rows at the edges of their types; `tests/sql/make.py` asked.

use std::{collections::BTreeSet, fmt::Write as _, path::Path};

use model::{Buffer, ModelFiles};
use serde_json::{Map, Value, json};
use testkit::case::{Case, Outcome, run_case};

const TYPES: &[(&str, &str)] = &[
    ("i", "int"),
    ("l", "bigint"),
    ("d", "double"),
    ("f", "float"),
    ("dec", "decimal(10,2)"),
    ("s", "string"),
    ("n", "string"),
    ("b", "boolean"),
    ("dt", "date"),
    ("ts", "timestamp"),
    ("a", "array<string>"),
    ("ai", "array<int>"),
    ("st", "struct<x:int,y:string>"),
    ("bin", "binary"),
];

/// What is refused by name, and why it is: nothing else may be.
#[rustfmt::skip]
const NOT_SERVED: &[&str] = &[
    "`approx_count_distinct`", "`explode`", "`format_string` of", "`map`", "`max_by` by", "`mode` of",
    "`named_struct`", "`percentile_approx`", "`percentile` with", "`sentences`", "`struct`", "`to_char`", "`to_number`",
    "`try_to_number`", "functions of higher order", "the difference of two dates", "`st` of type struct",
    "with a pattern that is not constant", "a conversion that is not served", "a pattern, unit or zone that is not constant",
    "in the date pattern", "`decode` from other than UTF-8", "`encode` to other than UTF-8", "`format_number` with a pattern",
    "the time zone \"PST\"", "`lpad` and `rpad` of bytes", "`overlay` of bytes", "`timestamp_seconds` of fractions",
    "an interval without `AS name`", "intervals of two units", "`format_string` with a pattern", "`regexp_substr` with a pattern",
];

fn lines(name: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sql").join(name);
    let text = std::fs::read_to_string(path).expect("the file is there");
    text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

fn artifact(statement: &str, version: &str) -> ModelFiles {
    let metadata = json!({
        "class": "org.apache.spark.ml.feature.SQLTransformer", "uid": "sql", "timestamp": 0, "sparkVersion": version,
        "paramMap": {"statement": statement}, "defaultParamMap": {}
    });
    let bytes = Buffer::from(metadata.to_string().into_bytes());
    ModelFiles::new([("metadata/part-00000".to_owned(), bytes)])
}

/// Whether the expression names the column.
fn names(expression: &str, column: &str) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    expression.split(|c: char| !is_word(c)).any(|word| word.eq_ignore_ascii_case(column))
}

fn case(rows: &str, expression: &str, statement: &str, version: &str, expected: Vec<Value>, whole: bool) -> Case {
    let used: Vec<_> = TYPES.iter().filter(|(name, _)| names(statement, name) || *name == "i").collect();
    let schema: Vec<Value> = used.iter().map(|(name, ty)| json!({"name": name, "type": ty})).collect();
    let mut input = Vec::new();
    for row in lines(rows) {
        let cells: Map<String, Value> = used.iter().map(|(name, _)| ((*name).to_owned(), row[*name].clone())).collect();
        input.extend(Value::Object(cells).to_string().into_bytes());
        input.push(b'\n');
    }
    Case {
        name: expression.to_owned(),
        meta: json!({
            "input_schema": schema, "tolerance": {"rel": 1e-14, "abs": 0.0}, "whole_table": whole, "unordered": whole
        }),
        files: artifact(statement, version),
        input,
        expected,
        other: None,
    }
}

/// What came of the expressions of one version.
#[derive(Default)]
struct Tally {
    right: usize,
    wrong: String,
    refused: BTreeSet<String>,
}

impl Tally {
    fn add(&mut self, version: &str, expression: &str, outcome: Outcome) {
        match outcome {
            Outcome::Passed => self.right += 1,
            Outcome::Waits(why) => drop(self.refused.insert(format!("{expression}: {why}"))),
            Outcome::Failed(why) => {
                let _ = writeln!(self.wrong, "{version}: {expression}: {why}");
            }
        }
    }
}

/// What becomes of a statement that Spark does not take.
fn refused(expression: &str, statement: &str, version: &str) -> Outcome {
    let inputs = case("rows.jsonl", expression, statement, version, Vec::new(), false).inputs().expect("types");
    let options = formats::ReadOptions { inputs, ..formats::ReadOptions::default() };
    match formats::read(&artifact(statement, version), &options) {
        Ok(_) => Outcome::Waits("answered though Spark refuses it".to_owned()),
        Err(_) => Outcome::Passed,
    }
}

fn expressions(version: &str, rows: &str, golden: &str, tally: &mut Tally) {
    for line in lines(golden) {
        let Some(expression) = line["expr"].as_str() else { continue };
        let statement = format!("SELECT {expression} FROM __THIS__");
        let outcome = match (&line["name"], line["rows"].as_array()) {
            (Value::String(name), Some(values)) => {
                let row = |value: &Value| match value.get("_error") {
                    Some(_) => value.clone(),
                    None => json!({ name.as_str(): value }),
                };
                run_case(&case(rows, expression, &statement, version, values.iter().map(row).collect(), false))
            }
            // Spark refuses it: so must we, by whatever name.
            _ => refused(expression, &statement, version),
        };
        tally.add(version, expression, outcome);
    }
}

fn aggregates(version: &str, rows: &str, golden: &str, tally: &mut Tally) {
    for line in lines(golden) {
        let Some(expression) = line["agg"].as_str() else { continue };
        for (key, tail) in [("all", ""), ("by", " GROUP BY s IS NULL, b")] {
            let statement = format!("SELECT {expression} FROM __THIS__{tail}");
            let Some(name) = line["name"].as_str() else {
                tally.add(version, &statement, refused(expression, &statement, version));
                continue;
            };
            let Some(values) = line[key].as_array() else { continue };
            let values = values.iter().map(|value| json!({ name: value })).collect();
            tally.add(version, &statement, run_case(&case(rows, expression, &statement, version, values, true)));
        }
    }
}

#[test]
fn as_spark_has_it() {
    let mut tally = Tally::default();
    for (version, major) in [("3.5.9", "3"), ("4.3.0", "4")] {
        for name in ["rows", "edges"] {
            let (rows, golden) = (format!("{name}.jsonl"), format!("{name}.{major}.jsonl"));
            expressions(version, &rows, &golden, &mut tally);
            aggregates(version, &rows, &golden, &mut tally);
        }
    }
    let refused: Vec<&str> = tally.refused.iter().map(String::as_str).collect();
    println!("{} right, {} refused\n{}", tally.right, refused.len(), refused.join("\n"));
    assert!(tally.wrong.is_empty(), "{} right\n{}", tally.right, tally.wrong);
    let unlike = refused.iter().find(|why| !NOT_SERVED.iter().any(|name| why.contains(name)));
    assert_eq!(unlike, None, "refused, though it is served");
    assert!(tally.right >= 5399, "{} right", tally.right);
}
