//! Models of PMML that answer with entities or with what came before: rules no document of others shows, worked by hand.
//! For elements that no evaluator has (`TextModel`, `SequenceModel`) the arithmetic stands beside the numbers.

use model::{Buffer, ModelFiles};
use serde_json::{Value, json};
use testkit::case::{Case, Outcome, run_case};

mod entities {
    mod neighbours;
    mod rules;
    mod series;
    mod texts;
}

/// Returns a document; `fields` are names, each with the rest of its `DataField`.
fn document(fields: &[(&str, &str)], model: &str) -> String {
    let field = |(name, rest): &(&str, &str)| match rest.split_once('>') {
        Some((attributes, values)) => format!(r#"<DataField name="{name}" {attributes}>{values}</DataField>"#),
        None => format!(r#"<DataField name="{name}" {rest}/>"#),
    };
    let fields: String = fields.iter().map(field).collect();
    format!(
        r#"<PMML xmlns="http://www.dmg.org/PMML-4_4" version="4.4"><Header/><DataDictionary>{fields}</DataDictionary>{model}</PMML>"#
    )
}

fn files(document: &str) -> ModelFiles {
    ModelFiles::new([("model.pmml".to_owned(), Buffer::from(document.as_bytes().to_vec()))])
}

/// Checks what rows give; the text `refused` says that a row is.
fn check(document: &str, rows: &[(Value, Value)]) {
    let expected = rows.iter().map(|(_, answer)| match answer {
        Value::String(text) if text == "refused" => json!({"_error": "refused"}),
        answer => answer.clone(),
    });
    let case = Case {
        name: "entities".to_owned(),
        meta: json!({"tolerance": {"rel": 1e-12, "abs": 1e-12}}),
        files: files(document),
        input: rows.iter().flat_map(|(input, _)| format!("{input}\n").into_bytes()).collect(),
        expected: expected.collect(),
        other: None,
    };
    assert_eq!(run_case(&case), Outcome::Passed, "{document}");
}

/// Checks that a document is refused with these words.
fn check_refused(document: &str, words: &[&str]) {
    let error = formats::read(&files(document), &formats::ReadOptions::default());
    let error = error.expect_err("a document that is refused").to_string();
    assert!(words.iter().all(|word| error.contains(word)), "{error}");
}

const NUMBER: &str = r#"optype="continuous" dataType="double""#;
const TEXT: &str = r#"optype="categorical" dataType="string""#;
