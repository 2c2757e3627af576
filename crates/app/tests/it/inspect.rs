//! `forebay inspect`.

use serde_json::{Value, json};

use crate::support::run;

#[test]
fn a_plan_is_readable() {
    let text = run(&["inspect", "examples/models/text"]).ok();
    for line in [
        "model      text",
        "format     spark",
        "class      org.apache.spark.ml.PipelineModel",
        "signature  default",
        "separable  yes",
    ] {
        assert!(text.lines().any(|l| l == line), "{line}\n{text}");
    }
    let places =
        ["= split(text)", "= hash_counts(words) [1000", "output prediction: float64"].map(|part| text.find(part));
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{text}");
}

#[test]
fn json_has_names_dtypes_and_shapes() {
    let about: Value = serde_json::from_str(&run(&["inspect", "examples/models/text", "--json"]).ok()).unwrap();
    let of = |side: &str, name: &str| {
        let fields = about["signatures"][0][side].as_array().unwrap();
        fields.iter().find(|field| field["name"] == name).unwrap().clone()
    };
    let text = of("inputs", "text");
    assert_eq!((&text["dtype"], &text["shape"], &text["needed"]), (&json!("string"), &json!([]), &json!(true)));
    let features = of("outputs", "features");
    assert_eq!((&features["dtype"], &features["shape"]), (&json!("float64"), &json!([1000])));
    assert_eq!(
        (&about["name"], &about["format"], &about["separable"]),
        (&json!("text"), &json!("spark"), &json!(true))
    );
    assert!(about["nodes"].as_u64() >= Some(4) && about["artifact_bytes"].as_u64() > Some(1000));
}

#[test]
fn inputs_whose_type_the_data_settles_say_so() {
    let about = |schema: &[&str]| -> Value {
        let args = [&["inspect", "conformance/spark/hashingtf-int/model", "--json"], schema].concat();
        serde_json::from_str(&run(&args).ok()).unwrap()
    };
    let open = about(&[]);
    let name = open["signatures"][0]["inputs"][0]["name"].as_str().unwrap().to_owned();
    assert_eq!(open["signatures"][0]["inputs"][0]["from_data"], json!(true));
    let given = about(&["--schema", &format!("{name} array<int>")]);
    let input = &given["signatures"][0]["inputs"][0];
    assert_eq!((&input["from_data"], &input["type"]), (&json!(false), &json!("array<int32>")));
}

#[test]
fn every_model_of_the_cases_has_a_plan() {
    let root = testkit::files::root().join("conformance/spark");
    let cases = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path());
    for case in cases.filter(|case| case.join("model").is_dir()) {
        let about: Value = serde_json::from_slice(&std::fs::read(case.join("case.json")).unwrap()).unwrap();
        // Spark refuses some for the schema as such, so do we.
        if about.get("transform_error").is_some() {
            continue;
        }
        let mut columns = about["input_schema"].clone();
        for column in columns.as_array_mut().unwrap() {
            let metadata = about["input_metadata"][column["name"].as_str().unwrap()].clone();
            column["metadata"] = metadata;
        }
        let (model, schema) = (case.join("model"), json!({ "columns": columns }).to_string());
        let text = run(&["inspect", model.to_str().unwrap(), "--schema", &schema]).ok();
        assert!(text.contains("\nplan\n  input  ") && text.contains("\n  output "), "{text}");
    }
}
