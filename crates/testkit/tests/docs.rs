//! docs/formats/spark.md: what is read of Spark ML, each class with the cases that PySpark made. `REFRESH=1` writes it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
};

use formats::{ReadOptions, spark};
use serde_json::Value;
use testkit::{
    case::{Case, folders},
    files::root,
};

const PAGE: &str = "docs/formats/spark.md";

const HEAD: &str = "# Spark ML

<!-- Written by `REFRESH=1 cargo test -p testkit --test docs`; changes by hand are lost. -->

`PipelineModel.save`, or `save` of a single model, by Spark 2.0 to 4.x: whole folders, with or without `.crc`, in one part file or
several. Pipelines nest; `CrossValidatorModel` and `TrainValidationSplitModel` stand for their best model. The answer has the columns that
Spark's `transform` would show; a row that Spark raises on is refused, one that it drops is dropped. A row that one stage would
refuse and another drops is dropped, whichever stands first, as Spark filters before it computes; but what `StringIndexerModel`,
`VectorAssembler` and, before 4.0, `VectorSizeHint` refuse is refused though a stage behind them drops it.

## Classes

Cases lie below `conformance/spark/`: models, rows and answers that PySpark made. *Numbers* is the largest difference from Spark in all
pipelines of the differential fuzz and all cases (`docs/evidence/spark-fuzz.json`): `bit-equal`, or the smaller of the relative and the absolute
difference. Parameters that only training reads are passed over; one that is not known is named in a warning.

";

const SQL: &str = "
## SQLTransformer

`SELECT items FROM __THIS__ [WHERE ...] [GROUP BY ... [HAVING ...]]`: columns, `*`, literals, arithmetic, comparison, boolean logic, `CASE`, `CAST` and `::`,
`BETWEEN`, `IN`, `LIKE`, `RLIKE`, aliases, and the functions below, with Spark's types, null rules and column names. What a value that does not fit does (null
or an error) follows the Spark that saved the stage: ANSI from 4.0; `ansi = true` or `false` in `forebay.toml` says otherwise. The session's time zone is UTC
unless `--time-zone` or `time_zone` says so. *Shown by* is a case below `conformance/spark/`, or an expression of `crates/testkit/tests/sql/`, which Spark 3.5
and 4 were asked. Refused by name: joins, subqueries, windows, `current_*`, `rand`, functions that are not below.
";

/// What the cases show of one class.
#[derive(Default)]
struct Shown {
    cases: BTreeSet<String>,
    versions: BTreeSet<String>,
    parameters: BTreeSet<String>,
}

/// Returns what our own cases show, by class.
fn shown() -> BTreeMap<String, Shown> {
    let mut shown: BTreeMap<String, Shown> = BTreeMap::new();
    for folder in folders(&root().join("conformance/spark"), "") {
        let Some(case) = Case::open(&folder).expect("a case") else { continue };
        let inputs = case.inputs().expect("types that we have");
        let options = ReadOptions { inputs, ..ReadOptions::default() };
        // Some cases show what is refused.
        for stage in spark::stages(&case.files, &options).unwrap_or_default() {
            let of = shown.entry(stage.class).or_default();
            of.cases.insert(case.name.clone());
            of.versions.insert(stage.spark.split('.').take(2).collect::<Vec<_>>().join("."));
            of.parameters.extend(stage.parameters);
        }
    }
    shown
}

/// Returns the measured difference of a class, in words.
fn difference(evidence: &Value, class: &str) -> String {
    match &evidence["figures"]["by_class"][class]["largest_difference"] {
        Value::String(text) => text.clone(),
        Value::Number(number) => format!("{:.0e}", number.as_f64().unwrap_or(f64::NAN)),
        _ => String::new(),
    }
}

/// Returns the statements of our own cases, in lower case, with their cases.
fn statements() -> Vec<(String, String)> {
    let mut statements = Vec::new();
    for folder in folders(&root().join("conformance/spark"), "") {
        let Some(case) = Case::open(&folder).expect("a case") else { continue };
        for (name, bytes) in case.files.iter().filter(|(name, _)| name.contains("metadata/part-")) {
            let meta: Value =
                serde_json::from_slice(bytes.as_slice()).unwrap_or_else(|error| panic!("{name}: {error}"));
            if let Some(statement) = meta["paramMap"]["statement"].as_str() {
                statements.push((statement.to_lowercase(), case.name.clone()));
            }
        }
    }
    statements
}

/// Returns whether the statement calls the function.
fn calls(statement: &str, function: &str) -> bool {
    statement.match_indices(function).any(|(at, _)| {
        let before = statement[..at].chars().next_back();
        let of_name = |c: char| c.is_alphanumeric() || c == '_';
        !before.is_some_and(of_name) && statement[at + function.len()..].trim_start().starts_with('(')
    })
}

/// Returns the expressions that `tests/sql/make.py` asked real Spark, as they are written.
fn expressions() -> Vec<String> {
    let read = |name: &str| fs::read_to_string(root().join("crates/testkit/tests/sql").join(name)).unwrap_or_default();
    let all = read("rows.txt") + &read("edges.txt") + &read("aggregates.txt");
    all.lines().map(str::to_owned).collect()
}

fn functions(text: &mut String) {
    text.push_str(SQL);
    let (statements, expressions, mut family) = (statements(), expressions(), "");
    let mut bare = Vec::new();
    for function in spark::sql::documented() {
        if function.family != family {
            family = function.family;
            let _ = write!(text, "\n### {family}\n\n| Function | What it does | Shown by |\n|---|---|---|\n");
        }
        let case = statements.iter().find(|(statement, _)| calls(statement, function.name));
        // Else an expression among those that Spark was asked one by one.
        let asked = || {
            let infix = format!(" {} ", function.name);
            // `trim both` is written `trim(both ...`.
            let spelled = function.name.replace(' ', "(") + " ";
            let of = |expression: &&String| {
                let lower = expression.to_lowercase();
                calls(&lower, function.name) || lower.contains(&infix) || lower.contains(&spelled)
            };
            expressions.iter().find(of).map(|expression| format!("`{}`", expression.replace('|', "\\|")))
        };
        let case = case.map(|(_, case)| format!("`{case}`")).or_else(asked).unwrap_or_default();
        if case.is_empty() {
            bare.push(function.name);
        }
        let usage = function.usage.replace('|', "\\|");
        let _ = writeln!(text, "| `{usage}` | {} | {case} |", function.doc.replace('|', "\\|"));
    }
    assert!(bare.is_empty(), "nobody asked Spark of {bare:?}");
}

fn page() -> String {
    let evidence = fs::read_to_string(root().join("docs/evidence/spark-fuzz.json")).unwrap_or_default();
    let evidence: Value = serde_json::from_str(&evidence).unwrap_or_default();
    let (mut text, shown) = (HEAD.to_owned(), shown());
    let mut package = "";
    for class in spark::classes() {
        let (of, name) = class.name.rsplit_once('.').unwrap_or(("", class.name));
        if of != package {
            package = of;
            let _ = write!(
                text,
                "\n### `{of}`\n\n| Class | What it does | Parameters | Saved by | Cases | Numbers |\n|---|---|---|---|---|---|\n"
            );
        }
        let list = |items: &BTreeSet<String>| items.iter().map(|i| format!("`{i}`")).collect::<Vec<_>>().join(" ");
        let Some(seen) = shown.get(class.name) else {
            let _ = writeln!(text, "| `{name}` | {} | | | | |", class.doc);
            continue;
        };
        let case = seen.cases.first().map_or("", String::as_str);
        let _ = writeln!(
            text,
            "| `{name}` | {} | {} | {} | {}, as `{case}` | {} |",
            class.doc,
            list(&seen.parameters),
            seen.versions.iter().cloned().collect::<Vec<_>>().join(", "),
            seen.cases.len(),
            difference(&evidence, name),
        );
    }
    functions(&mut text);
    text
}

#[test]
fn the_page_on_spark_is_what_the_reader_and_the_cases_say() {
    let (path, page) = (root().join(PAGE), page());
    #[allow(clippy::disallowed_methods, reason = "a test's own switch")]
    if std::env::var_os("REFRESH").is_some() {
        fs::create_dir_all(path.parent().expect("a folder of the page")).expect("docs can be written");
        fs::write(&path, &page).expect("docs can be written");
    }
    let held = fs::read_to_string(&path).unwrap_or_default();
    assert!(held == page, "{PAGE} is stale: REFRESH=1 cargo test -p testkit --test docs");
}
