//! What is broken is refused, with the file, the class and the field.

use formats::{Limits, ReadError};
use model::Type;
use serde_json::{Value, json};

use crate::artifact::{Artifact, inner, leaf, matrix, node, parts, pipeline, saved, stage};

/// The error's text holds all of these.
fn check(artifact: &Artifact, expected: &[&str]) {
    check_within(artifact, Limits::default(), expected);
}

fn check_within(artifact: &Artifact, limits: Limits, expected: &[&str]) {
    let error = artifact.read_with(Vec::new(), limits).expect_err("a broken artifact").to_string();
    for part in expected {
        assert!(error.contains(part), "{part:?} is not in {error:?}");
    }
}

fn tokenizer() -> Artifact {
    stage("Tokenizer", json!({ "inputCol": "t", "outputCol": "w" }))
}

fn with_metadata(text: &str) -> Artifact {
    let mut artifact = tokenizer();
    artifact.files[0].1 = text.into();
    artifact
}

fn tree(nodes: Value) -> Artifact {
    stage("DecisionTreeRegressionModel", json!({})).table("data", &node(), nodes)
}

#[test]
fn metadata_that_is_not_well_formed() {
    let file = "metadata/part-00000";
    check(&with_metadata(r#"{"class":"#), &[file, "not well-formed JSON"]);
    check(&with_metadata(r#"{"class":3}"#), &[file, "class: expected a string, got 3"]);
    check(&with_metadata(r#"{"class":"x","uid":"u"}"#), &[file, "sparkVersion: expected a string, got nothing"]);
    let bad = r#"{"class":"x","uid":"u","sparkVersion":"3","paramMap":[]}"#;
    check(&with_metadata(bad), &[file, "paramMap: expected an object, got an array of 0"]);
    let deep = format!(r#"{{"class":{}"#, "[".repeat(100_000));
    check(&with_metadata(&deep), &[file, "recursion limit"]);
    let limits = Limits { metadata_bytes_max: 100, ..Limits::default() };
    check_within(&tokenizer(), limits, &[file, "more than the limit 100 (metadata_bytes_max)"]);
}

#[test]
fn classes_and_stages_that_are_not_there() {
    check(&stage("Frobnicator", json!({})), &["metadata/part-00000", "org.apache.spark.ml.feature.Frobnicator"]);
    let mut broken = pipeline(&[tokenizer(), tokenizer()]);
    broken.files.retain(|(path, _)| !path.starts_with("stages/1_"));
    check(&broken, &["stages/1_Tokenizer_11/metadata", "PipelineModel", "`stageUids`"]);
    let mut swapped = pipeline(&[tokenizer()]);
    swapped.files[1].1 = tokenizer().files[0].1.clone();
    check(&swapped, &["uid: expected Tokenizer_10", "got Tokenizer_1"]);
    check(&pipeline(&[tokenizer(), tokenizer()]), &["output column `w`", "not there yet"]);
}

#[test]
fn parameters_of_another_type_or_out_of_range() {
    let gram = |n: Value| stage("NGram", json!({ "inputCol": "w", "n": n }));
    check(&gram(json!("2")), &["NGram: n: expected an integer from 1 to 2147483647, got \"2\""]);
    check(&gram(json!(0)), &["got 0"]);
    check(&gram(json!(1u64 << 40)), &["got 1099511627776"]);
    check(&gram(json!(2.5)), &["got 2.5"]);
    check(&stage("NGram", json!({ "n": 2 })), &["inputCol: expected the name of a column, got nothing"]);
    let splits = |s: Value| stage("Bucketizer", json!({ "inputCol": "x", "outputCol": "b", "splits": s }));
    check(&splits(json!([0.0, 1.0])), &["splits: expected three borders"]);
    check(&splits(json!([0.0, "NaN", 1.0])), &["splits: expected three borders"]);
    check(&splits(json!([0.0, "nan", 1.0])), &["splits: expected an array of numbers"]);
    let several = json!({ "inputCols": ["a", "b"], "outputCols": ["c"], "stopWords": [] });
    check(&stage("StopWordsRemover", several), &["outputCols: expected as many columns"]);
    let invalid = json!({ "inputCols": ["a"], "outputCol": "v", "handleInvalid": "maybe" });
    check(&stage("VectorAssembler", invalid), &["handleInvalid: expected error, skip or keep, got maybe"]);
    let tokens = |pattern: &str| stage("RegexTokenizer", json!({ "inputCol": "t", "pattern": pattern }));
    check(&tokens("(a"), &["pattern: expected a regular expression of Java", "does not end"]);
    check(&tokens(r"\Ga"), &[r"not implemented: `\G`"]);
}

#[test]
fn tables_that_do_not_agree() {
    let indexer = stage("StringIndexerModel", json!({ "inputCol": "x", "outputCol": "i" }));
    check(&indexer, &["data/part-*.parquet", "StringIndexerModel", "missing"]);
    let texts = Type::list(Type::list(Type::Text));
    let two =
        indexer.clone().table("data", &[("labelsArray", texts.clone())], json!([{ "labelsArray": [["a"], ["b"]] }]));
    check(&two, &["data/part-00000", "labelsArray: expected a list of labels for each of 1 columns, got 2"]);
    let rows = indexer.clone().table("data", &[("labelsArray", texts)], json!([]));
    check(&rows, &["rows: expected one row, got 0"]);
    let other = indexer.clone().table("data", &[("labelsArray", Type::F64)], json!([{ "labelsArray": 1.0 }]));
    check(&other, &["labelsArray: expected an array, got float64"]);
    let named = indexer.clone().table("data", &[("tags", Type::F64)], json!([{ "tags": 1.0 }]));
    check(&named, &["labelsArray: expected a column of this name, got tags"]);
    let mut broken = indexer;
    broken.files.push(("data/part-00000.parquet".to_owned(), b"PAR1PAR1".to_vec()));
    let error = broken.read().expect_err("a broken table");
    assert!(matches!(&error, ReadError::Table { file, .. } if file == "data/part-00000.parquet"), "{error}");
    let scaler = stage("StandardScalerModel", json!({ "inputCol": "v" }));
    let sizes = scaler.table(
        "data",
        &[("std", Type::VECTOR), ("mean", Type::VECTOR)],
        json!([{ "std": [1.0], "mean": [1.0, 2.0] }]),
    );
    check(&sizes, &["mean: expected a vector of the size of `std`, 1, got 2"]);
}

#[test]
fn vectors_and_matrices_that_lie() {
    let vector = parts(&[
        ("type", Type::I32),
        ("size", Type::I32),
        ("indices", Type::list(Type::I32)),
        ("values", Type::list(Type::F64)),
    ]);
    let idf = |value: Value| {
        stage("IDFModel", json!({ "inputCol": "v" })).table(
            "data",
            &[("idf", vector.clone())],
            json!([{ "idf": value }]),
        )
    };
    let sparse =
        |size: i64, indices: &[i32]| json!({ "type": 0, "size": size, "indices": indices, "values": [1.0, 2.0] });
    check(&idf(sparse(2, &[0, 2])), &["idf", "indices rise below 2"]);
    check(&idf(sparse(9, &[2, 1])), &["idf", "indices rise"]);
    check(&idf(sparse(9, &[1])), &["1 indices for 2 values"]);
    check(&idf(sparse(-1, &[0, 1])), &["size: expected an integer from 0"]);
    check(&idf(sparse(i64::from(i32::MAX), &[0, 1])), &["2147483647, more than the limit", "values_max"]);
    check(&idf(json!({ "type": 7, "values": [] })), &["type 0 or 1, got 7"]);
    check(&idf(Value::Null), &["idf: expected a vector, got null"]);

    let regression = |weights: Value| {
        let table = [
            ("numClasses", Type::I32),
            ("interceptVector", Type::VECTOR),
            ("coefficientMatrix", matrix()),
            ("isMultinomial", Type::BOOL),
        ];
        let row =
            json!({ "numClasses": 2, "interceptVector": [0.5], "coefficientMatrix": weights, "isMultinomial": false });
        stage("LogisticRegressionModel", json!({})).table("data", &table, json!([row]))
    };
    let dense = |rows: i32, columns: i32| {
        regression(
            json!({ "type": 1, "numRows": rows, "numCols": columns, "values": [1.0, 2.0], "isTransposed": true }),
        )
    };
    check(&dense(1, 3), &["coefficientMatrix: expected 1 x 3 values, got 2"]);
    check(&dense(i32::MAX, i32::MAX), &["coefficientMatrix: expected 2147483647 x"]);
    check(&dense(2, 1), &["expected 1 rows for 2 classes, got 2"]);
    let compressed = |offsets: &[i32]| {
        regression(json!({ "type": 0, "numRows": 1, "numCols": 3, "colPtrs": offsets, "rowIndices": [0, 2],
            "values": [1.0, 2.0], "isTransposed": true }))
    };
    assert!(compressed(&[0, 2]).read().is_ok());
    for offsets in [&[0, 3][..], &[1, 2], &[0, 1, 2], &[0], &[]] {
        check(&compressed(offsets), &["coefficientMatrix: expected a sparse matrix of 1 lines"]);
    }
}

#[test]
fn nodes_that_are_no_tree() {
    let split = |left, right| inner(0, left, right, 0, &[0.5], -1);
    check(&tree(json!([split(0, 1), leaf(1, 1.0, &[])])), &["nodes of tree 0", "reached twice"]);
    check(&tree(json!([split(1, 1), leaf(1, 1.0, &[])])), &["nodes of tree 0", "reached twice"]);
    check(&tree(json!([split(1, 2), leaf(1, 1.0, &[])])), &["a node of id 2, which another names, got none"]);
    check(&tree(json!([leaf(0, 1.0, &[]), leaf(0, 2.0, &[])])), &["an id for each, got one twice"]);
    check(&tree(json!([leaf(0, 1.0, &[]), leaf(5, 2.0, &[])])), &["2 nodes, of which it reaches 1"]);
    check(&tree(json!([])), &["a node of id 0"]);
    let values = |values: &[f64], categories| {
        tree(json!([inner(0, 1, 2, 0, values, categories), leaf(1, 1.0, &[]), leaf(2, 2.0, &[])]))
    };
    check(&values(&[], -1), &["leftCategoriesOrThreshold: expected one threshold, got 0 values"]);
    check(&values(&[3.0], 3), &["leftCategoriesOrThreshold: expected integers below 3, got 3"]);
    check(&values(&[0.5], 3), &["got 0.5"]);
    check(&values(&[1.0], -2), &["numCategories: expected an integer from 0"]);
    let limits = Limits { nodes_max: 2, ..Limits::default() };
    check_within(&values(&[1.0], -1), limits, &["the number of nodes is 3, more than the limit 2 (nodes_max)"]);
    let features = saved("DecisionTreeRegressionModel", json!({}), json!({}), json!({ "numFeatures": 1 }));
    let far =
        features.table("data", &node(), json!([inner(0, 1, 2, 7, &[0.5], -1), leaf(1, 1.0, &[]), leaf(2, 1.0, &[])]));
    check(&far, &["DecisionTreeRegressionModel", "looks at feature 7 of 1"]);
    let classes = saved("DecisionTreeClassificationModel", json!({}), json!({}), json!({ "numClasses": 3 }));
    check(
        &classes.table("data", &node(), json!([leaf(0, 1.0, &[1.0, 2.0])])),
        &["counts of 3 classes in a leaf, got 2"],
    );
}

#[test]
fn categories_beyond_the_budget() {
    // A set of few bytes in the file may not claim hundreds of megabytes.
    let nodes = json!([inner(0, 1, 2, 0, &[2e9], i32::MAX), leaf(1, 1.0, &[]), leaf(2, 2.0, &[])]);
    let limits = Limits { decoded_bytes_max: 1 << 20, ..Limits::default() };
    check_within(&tree(nodes), limits, &["sets of categories within `decoded_bytes_max`"]);
}

#[test]
fn ensembles_whose_tables_disagree() {
    let of = |ids: Value, leaves: Value| {
        saved("GBTRegressionModel", json!({}), json!({}), json!({ "numTrees": 1 }))
            .table("treesMetadata", &[("treeID", Type::I32), ("weights", Type::F64)], ids)
            .table("data", &[("treeID", Type::I32), ("nodeData", parts(&node()))], leaves)
    };
    let weight = |id: i32| json!({ "treeID": id, "weights": 1.0 });
    let root = |id: i32| json!({ "treeID": id, "nodeData": leaf(0, 1.0, &[]) });
    check(
        &of(json!([weight(0)]), json!([root(0), root(3)])),
        &["treeID: expected a tree that `treesMetadata` names, got 3"],
    );
    check(&of(json!([weight(0), weight(0)]), json!([root(0)])), &["treesMetadata", "one row a tree"]);
    check(&of(json!([weight(0), weight(1)]), json!([root(0), root(1)])), &["expected 1 trees", "numTrees"]);
}

#[test]
fn pipelines_beyond_the_bounds() {
    let mut nested = pipeline(&[tokenizer()]);
    for _ in 0..4 {
        nested = pipeline(&[nested]);
    }
    assert!(nested.read().is_ok());
    let limits = Limits { depth_max: 3, ..Limits::default() };
    check_within(&nested, limits, &["the depth of nested stages is 4", "depth_max"]);
    let many = pipeline(&[tokenizer(), stage("NGram", json!({ "inputCol": "w" }))]);
    check_within(&many, Limits { stages_max: 2, ..Limits::default() }, &["the number of stages is 3", "stages_max"]);
    check_within(&many, Limits { columns_max: 2, ..Limits::default() }, &["the number of columns is 3", "columns_max"]);
}

#[test]
fn types_that_do_not_meet() {
    let words = stage("NGram", json!({ "inputCol": "t", "outputCol": "n" }));
    let both = pipeline(&[tokenizer(), words]);
    check(&both, &["NGram: t: expected a column of array<string>, got one that another stage reads as string"]);
    let hashed = stage("HashingTF", json!({ "inputCol": "w", "outputCol": "f" }));
    let again = stage("HashingTF", json!({ "inputCol": "f", "outputCol": "g" }));
    check(&pipeline(&[tokenizer(), hashed, again]), &["HashingTF_12: hash_counts takes", "got vector[262144]"]);
}
