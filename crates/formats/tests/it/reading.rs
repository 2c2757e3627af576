//! What stages become.

use formats::Limits;
use model::{InputSpec, Takes, Type};
use plan::{ForestSplit, Model, Op};
use serde_json::{Value, json};

use crate::artifact::{Artifact, inner, leaf, matrix, node, parts, pipeline, saved, stage};

fn tokenizer(input: &str, output: &str) -> Artifact {
    stage("Tokenizer", json!({ "inputCol": input, "outputCol": output }))
}

fn assembler(inputs: &[&str], output: &str) -> Artifact {
    stage("VectorAssembler", json!({ "inputCols": inputs, "outputCol": output }))
}

fn indexer(input: &str, output: &str) -> Artifact {
    indexer_of(input, output, &["a", "b"])
}

fn indexer_of(input: &str, output: &str, labels: &[&str]) -> Artifact {
    let table = [("labelsArray", Type::list(Type::list(Type::Text)))];
    stage("StringIndexerModel", json!({ "inputCol": input, "outputCol": output })).table(
        "data",
        &table,
        json!([{ "labelsArray": [labels] }]),
    )
}

fn linear(features: &str, label: &str, coefficients: &[f64]) -> Artifact {
    let table = [("intercept", Type::F64), ("coefficients", Type::VECTOR)];
    stage("LinearRegressionModel", json!({ "featuresCol": features, "labelCol": label })).table(
        "data",
        &table,
        json!([{ "intercept": 1.0, "coefficients": coefficients }]),
    )
}

fn logistic(params: Value) -> Artifact {
    let table = [
        ("numClasses", Type::I32),
        ("interceptVector", Type::VECTOR),
        ("coefficientMatrix", matrix()),
        ("isMultinomial", Type::BOOL),
    ];
    let weights = json!({ "type": 1, "numRows": 1, "numCols": 2, "values": [1.0, 2.0], "isTransposed": true });
    let row =
        json!({ "numClasses": 2, "interceptVector": [0.5], "coefficientMatrix": weights, "isMultinomial": false });
    stage("LogisticRegressionModel", params).table("data", &table, json!([row]))
}

fn takes(model: &Model, name: &str) -> Takes {
    let plan = model.plan(None).expect("a plan");
    plan.inputs.iter().find(|input| &*input.name == name).expect("an input").takes.clone()
}

fn check_takes(artifact: &Artifact, name: &str, expected: &[Type]) {
    let expected = match expected {
        [one] => Takes::One(one.clone()),
        several => Takes::From(several.to_vec()),
    };
    assert_eq!(takes(&artifact.read().expect("a model"), name), expected);
}

fn check_outputs(artifact: &Artifact, expected: &[(&str, bool)]) {
    let model = artifact.read().unwrap_or_else(|error| panic!("{error}"));
    let outputs = model.plan(None).expect("a plan").outputs.iter().map(|o| (&*o.name, o.default));
    assert_eq!(outputs.collect::<Vec<_>>(), expected);
}

#[test]
fn inputs_come_first_then_what_stages_add() {
    let artifact = pipeline(&[tokenizer("text", "words"), assembler(&["x"], "v")]);
    check_outputs(&artifact, &[("text", true), ("x", true), ("words", true), ("v", true)]);
}

#[test]
fn labels_and_what_only_feeds_them_are_for_those_who_ask() {
    let numbers = assembler(&["x", "y"], "features");
    let artifact = pipeline(&[indexer("kind", "k"), numbers.clone(), linear("features", "k", &[1.0, 2.0])]);
    let expected = [("kind", false), ("x", true), ("y", true), ("k", false), ("features", true), ("prediction", true)];
    check_outputs(&artifact, &expected);
    // Where another stage reads the index, too, it serves.
    let both = assembler(&["k", "x"], "features");
    let artifact = pipeline(&[indexer("kind", "k"), both, linear("features", "k", &[1.0, 2.0])]);
    check_outputs(&artifact, &[("kind", true), ("x", true), ("k", true), ("features", true), ("prediction", true)]);
    // Where a statement names it, Spark does not transform without it.
    for statement in ["SELECT *, k > 0 AS b FROM __THIS__", "SELECT kind, x, y, k FROM __THIS__ WHERE k < 9"] {
        let sql = stage("SQLTransformer", json!({ "statement": statement }));
        let artifact = pipeline(&[indexer("kind", "k"), sql, numbers.clone(), linear("features", "k", &[1.0, 2.0])]);
        let names: Vec<_> = artifact.read().unwrap().plan(None).unwrap().outputs.iter().map(|o| o.default).collect();
        assert!(names.iter().all(|shown| *shown), "{statement}");
    }
    let all = stage("SQLTransformer", json!({ "statement": "SELECT * FROM __THIS__" }));
    check_outputs(&pipeline(&[indexer("kind", "k"), numbers, all, linear("features", "k", &[1.0, 2.0])]), &expected);
}

#[test]
fn an_input_takes_what_all_its_readers_work_with() {
    let bucketizer = stage("Bucketizer", json!({ "inputCol": "x", "outputCol": "b", "splits": ["-Inf", 0.0, "Inf"] }));
    check_takes(&tokenizer("x", "w"), "x", &[Type::Text]);
    check_takes(&bucketizer, "x", &[Type::F64]);
    // Labels tell what the column was: an integer of the caller's must not miss the label 1.0.
    check_takes(&indexer("x", "i"), "x", &[Type::Text]);
    check_takes(&indexer_of("x", "i", &["1.0", "2.5", "1.0E10"]), "x", &[Type::F64, Type::Text]);
    check_takes(&indexer_of("x", "i", &["1", "-2"]), "x", &[Type::I64, Type::Text]);
    check_takes(&indexer_of("x", "i", &[]), "x", &[Type::Text, Type::I64, Type::F64, Type::BOOL]);
    check_takes(&pipeline(&[bucketizer.clone(), indexer_of("x", "i", &["1.0"])]), "x", &[Type::F64]);
    check_takes(&pipeline(&[bucketizer.clone(), indexer_of("x", "i", &["1"])]), "x", &[Type::I64]);
    check_takes(&pipeline(&[assembler(&["x"], "v"), bucketizer.clone()]), "x", &[Type::F64]);
    check_takes(&assembler(&["x"], "v"), "x", &[Type::I64, Type::F64, Type::BOOL, Type::VECTOR]);
}

#[test]
fn the_size_of_a_model_tells_numbers_from_vectors() {
    let model = |inputs: &[&str]| pipeline(&[assembler(inputs, "v"), linear("v", "label", &[1.0, 2.0, 3.0])]);
    check_takes(&model(&["x", "y", "z"]), "y", &[Type::I64, Type::F64, Type::BOOL]);
    check_takes(&model(&["x"]), "x", &[Type::VECTOR]);
    check_takes(&model(&["x", "y"]), "x", &[Type::VECTOR, Type::I64, Type::F64, Type::BOOL]);
}

#[test]
fn many_columns_are_no_burden() {
    let names: Vec<String> = (0..20_000).map(|i| format!("x{i}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let model = pipeline(&[assembler(&names, "v"), linear("v", "label", &[1.0; 20_000])]);
    check_takes(&model, "x19999", &[Type::I64, Type::F64, Type::BOOL]);
    let splits = vec![json!([0.0, 1.0, 2.0]); 2000];
    let outputs: Vec<String> = names[..2000].iter().map(|name| format!("{name}_bucket")).collect();
    let params =
        json!({ "inputCols": names[..2000], "outputCols": outputs, "splitsArray": splits, "handleInvalid": "skip" });
    check_takes(&stage("Bucketizer", params), "x1999", &[Type::F64]);
}

#[test]
fn a_schema_says_more_than_the_stages() {
    let spec = InputSpec { name: "x".into(), ty: Type::I32, metadata: None };
    let model = indexer("x", "i").read_with(vec![spec], Limits::default()).expect("a model");
    assert_eq!(takes(&model, "x"), Takes::One(Type::I32));
}

#[test]
fn names_of_categories_come_from_upstream_or_from_the_schema() {
    let back = |name: &str| stage("IndexToString", json!({ "inputCol": name, "outputCol": "s" }));
    assert!(pipeline(&[indexer("x", "i"), back("i")]).plan().contains("label(i) [2 labels]"));
    let metadata = Some(r#"{"ml_attr":{"type":"nominal","vals":["u","v","w"]}}"#.into());
    let spec = InputSpec { name: "i".into(), ty: Type::F64, metadata };
    let model = back("i").read_with(vec![spec], Limits::default()).expect("a model");
    assert!(model.plan(None).expect("a plan").to_string().contains("[3 labels]"));
}

#[test]
fn the_hash_is_that_of_the_version_that_saved() {
    let hashing = |version: &str| {
        saved("HashingTF", json!({ "inputCol": "w", "outputCol": "v" }), json!({}), json!({ "sparkVersion": version }))
    };
    assert!(hashing("2.4.8").plan().contains("Murmur3Tail"));
    assert!(hashing("3.0.0").plan().contains("Murmur3]"));
    assert!(hashing("10.1").plan().contains("Murmur3]"));
}

#[test]
fn parameters_fall_back_to_defaults_of_the_file_then_of_the_class() {
    let gram = |params: Value, defaults: Value| saved("NGram", params, defaults, json!({})).plan();
    assert!(gram(json!({ "inputCol": "w", "n": 4 }), json!({ "n": 3 })).contains("[4]"));
    assert!(gram(json!({ "inputCol": "w" }), json!({ "n": 3 })).contains("[3]"));
    assert!(gram(json!({ "inputCol": "w" }), Value::Null).contains("[2]"));
    assert!(gram(json!({ "inputCol": "w" }), Value::Null).contains("NGram_1__output"));
}

#[test]
fn unknown_parameters_are_warned_of() {
    let artifact = stage("Tokenizer", json!({ "inputCol": "t", "outputCol": "w", "sharpness": 3 }));
    let warnings = artifact.read().expect("a model").warnings;
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].contains("`sharpness`"), "{warnings:?}");
    let harmless = logistic(json!({ "maxIter": 3, "regParam": 0.1, "family": "auto" }));
    assert!(harmless.read().expect("a model").warnings.is_empty());
}

#[test]
fn a_classifier_shows_the_columns_that_have_names() {
    let names = |raw: &str, probability: &str, prediction: &str| {
        logistic(json!({ "rawPredictionCol": raw, "probabilityCol": probability, "predictionCol": prediction }))
    };
    check_outputs(&names("", "", "c"), &[("features", true), ("c", true)]);
    check_outputs(&names("", "p", ""), &[("features", true), ("p", true)]);
    check_outputs(&names("r", "", "c"), &[("features", true), ("r", true), ("c", true)]);
    // The class follows from the probability itself, from the scores, or from the probability that is shown.
    assert!(names("", "", "c").plan().contains("if(lt(0.5, sigmoid($0)), 1.0, 0.0)"));
    assert!(names("r", "p", "c").plan().contains("choose(r) [Above(0.0)]"));
    assert!(names("", "p", "c").plan().contains("choose(p) [Above(0.5)]"));
}

#[test]
fn two_thresholds_stand_for_one() {
    assert!(
        logistic(json!({ "thresholds": [0.25, 0.75], "probabilityCol": "p", "rawPredictionCol": "" }))
            .plan()
            .contains("Above(0.75)")
    );
    assert!(logistic(json!({ "thresholds": [0.5, 0.5], "threshold": 0.7 })).read().is_err());
    // Before 2.4 defaults were saved as if they had been set.
    let params = json!({ "thresholds": [0.25, 0.75], "threshold": 0.5, "rawPredictionCol": "" });
    let table = [("numClasses", Type::I32), ("intercept", Type::F64), ("coefficients", Type::VECTOR)];
    let old = saved("LogisticRegressionModel", params, Value::Null, json!({ "sparkVersion": "2.0.2" }));
    let old = old.table("data", &table, json!([{ "numClasses": 2, "intercept": 0.1, "coefficients": [1.0, 2.0] }]));
    assert!(old.plan().contains("Above(0.75)"));
}

#[test]
fn labels_of_spark_2_are_one_list() {
    let old = stage("StringIndexerModel", json!({ "inputCol": "x", "outputCol": "i" })).table(
        "data",
        &[("labels", Type::list(Type::Text))],
        json!([{ "labels": ["a", "b", "c"] }]),
    );
    assert!(old.plan().contains("[3 labels"));
}

fn forest_of(artifact: &Artifact) -> plan::Forest {
    let model = artifact.read().unwrap_or_else(|error| panic!("{error}"));
    let plan = model.plan(None).expect("a plan").clone();
    let forest = plan.nodes.iter().find_map(|node| match &node.op {
        Op::Forest(op) => Some(op.forest.clone()),
        _ => None,
    });
    plan::Forest::clone(&forest.expect("a forest"))
}

#[test]
fn nodes_are_found_by_id_in_any_part_and_order() {
    let tree = saved("DecisionTreeRegressionModel", json!({}), json!({}), json!({ "numFeatures": 3 }))
        .part("data", 1, &node(), json!([leaf(4, 40.0, &[]), inner(0, 1, 4, 2, &[0.5], -1)]))
        .part("data", 0, &node(), json!([leaf(3, 30.0, &[]), inner(1, 2, 3, 0, &[-1.5], -1), leaf(2, 20.0, &[])]));
    let forest = forest_of(&tree);
    assert_eq!((&*forest.leaf_values, &*forest.leaf_numbers), (&[20.0, 30.0, 40.0][..], &[0, 1, 2][..]));
    assert_eq!((&*forest.left, &*forest.right, &*forest.roots), (&[1, 2][..], &[4, 3][..], &[0][..]));
    assert_eq!((forest.features, &*forest.feature), (3, &[2, 0][..]));
}

#[test]
fn the_smaller_side_of_a_categorical_split_is_kept() {
    let set = |categories: i32, left: &[f64]| {
        let nodes = json!([inner(0, 1, 2, 0, left, categories), leaf(1, 1.0, &[]), leaf(2, 2.0, &[])]);
        let forest = forest_of(&stage("DecisionTreeRegressionModel", json!({})).table("data", &node(), nodes));
        (forest.split[0], forest.sets[0].to_vec())
    };
    assert_eq!(set(5, &[0.0, 3.0]), (ForestSplit::Set { set: 0, left_if_in: true }, vec![0b01001]));
    assert_eq!(set(5, &[0.0, 3.0, 4.0]), (ForestSplit::Set { set: 0, left_if_in: false }, vec![0b00110]));
    assert_eq!(set(4, &[1.0, 2.0]), (ForestSplit::Set { set: 0, left_if_in: true }, vec![0b0110]));
    assert_eq!(set(70, &[69.0]).1, [0, 1 << 5]);
}

#[test]
fn trees_are_weighed_whatever_their_columns_are_called() {
    for [id, weight] in [["treeID", "weights"], ["_1", "_3"]] {
        let rows = json!([{ id: 1, weight: 0.5 }, { id: 0, weight: 1.0 }]);
        let mut leaves = json!([{ "treeID": 1, "nodeData": leaf(0, 7.0, &[]) }]);
        leaves.as_array_mut().expect("rows").push(json!({ "treeID": 0, "nodeData": leaf(0, 8.0, &[]) }));
        let forest = saved("GBTRegressionModel", json!({}), json!({}), json!({ "numTrees": 2 }))
            .table("treesMetadata", &[(id, Type::I32), (weight, Type::F64)], rows)
            .table("data", &[("treeID", Type::I32), ("nodeData", parts(&node()))], leaves);
        let forest = forest_of(&forest);
        assert_eq!((&*forest.weights, &*forest.leaf_values), (&[1.0, 0.5][..], &[8.0, 7.0][..]));
    }
}

#[test]
fn leaves_of_a_random_forest_are_shares() {
    let rows = json!([{ "treeID": 0, "nodeData": leaf(0, 0.0, &[3.0, 1.0]) }]);
    let forest = saved("RandomForestClassificationModel", json!({}), json!({}), json!({ "numClasses": 2 }))
        .table(
            "treesMetadata",
            &[("treeID", Type::I32), ("weights", Type::F64)],
            json!([{ "treeID": 0, "weights": 1.0 }]),
        )
        .table("data", &[("treeID", Type::I32), ("nodeData", parts(&node()))], rows);
    assert_eq!(forest_of(&forest).leaf_values, [0.75, 0.25]);
}

#[test]
fn files_that_begin_with_a_dot_or_an_underscore_are_no_data() {
    let mut artifact = indexer("x", "i");
    for name in ["data/_SUCCESS", "data/.part-00000.crc", "metadata/_SUCCESS", "metadata/.part-00000.crc"] {
        artifact.files.push((name.to_owned(), b"no data".to_vec()));
    }
    artifact.files.push(("metadata/a-part-00000".to_owned(), b"\n".to_vec()));
    artifact.read().expect("a model");
}
