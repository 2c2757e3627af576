//! PMML's models of one formula, by hand: what no oracle case shows. Each expected number is worked out beside its row.

use model::{Buffer, ModelFiles};
use serde_json::{Value, json};
use testkit::case::{Case, Outcome, run_case};

mod general;
mod machines;
mod networks;
mod processes;
mod regression;

/// Runs a document whose fields are given by the fields' elements, on rows and what should become of them, every way.
fn check(fields: &str, model: &str, rows: &[(Value, Value)]) {
    let document = format!(
        "<PMML version=\"4.4\" xmlns=\"http://www.dmg.org/PMML-4_4\"><Header/><DataDictionary>{fields}</DataDictionary>{model}</PMML>"
    );
    let lines: Vec<String> = rows.iter().map(|(row, _)| row.to_string()).collect();
    let case = Case {
        name: "by hand".to_owned(),
        meta: json!({"tolerance": {"rel": 1e-12, "abs": 1e-15}}),
        files: files(&document),
        input: lines.join("\n").into_bytes(),
        expected: rows.iter().map(|(_, answer)| answer.clone()).collect(),
        other: None,
    };
    match run_case(&case) {
        Outcome::Passed => {}
        outcome => panic!("{outcome:?} of {document}"),
    }
}

fn files(document: &str) -> ModelFiles {
    ModelFiles::new([("model.pmml".to_owned(), Buffer::from(document.as_bytes().to_vec()))])
}

/// Returns why a document is refused.
fn refusal(fields: &str, model: &str) -> String {
    let document = format!("<PMML version=\"4.4\"><Header/><DataDictionary>{fields}</DataDictionary>{model}</PMML>");
    match formats::read(&files(&document), &formats::ReadOptions::default()) {
        Ok(_) => panic!("read {document}"),
        Err(error) => error.to_string(),
    }
}

fn refused() -> Value {
    json!({"_error": ""})
}

const X: &str = r#"<DataField name="x" optype="continuous" dataType="double"/>"#;
const Z: &str = r#"<DataField name="z" optype="continuous" dataType="double"/>"#;
const S: &str =
    r#"<DataField name="s" optype="categorical" dataType="string"><Value value="a"/><Value value="b"/></DataField>"#;
const Y: &str = r#"<DataField name="y" optype="continuous" dataType="double"/>"#;
const TWO: &str =
    r#"<DataField name="y" optype="categorical" dataType="string"><Value value="no"/><Value value="yes"/></DataField>"#;
const THREE: &str = r#"<DataField name="y" optype="categorical" dataType="string">
    <Value value="low"/><Value value="mid"/><Value value="high"/></DataField>"#;

fn schema(names: &[&str]) -> String {
    let fields: String = names.iter().map(|name| format!("<MiningField name=\"{name}\"/>")).collect();
    format!("<MiningSchema>{fields}<MiningField name=\"y\" usageType=\"target\"/></MiningSchema>")
}

fn shares(labels: &[&str]) -> String {
    let of = |label: &&str| format!("<OutputField name=\"p_{label}\" feature=\"probability\" value=\"{label}\"/>");
    format!("<Output>{}</Output>", labels.iter().map(of).collect::<String>())
}

fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}
