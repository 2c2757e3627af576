//! What the stages become that make features of columns, and what of them is refused.

use formats::{Limits, ReadError};
use model::{DType, InputSpec, Type};
use plan::{Compressed, EncodeOp, FeatureOp, Op, VectorOp};
use serde_json::{Value, json};

use crate::artifact::{Artifact, matrix, pipeline, saved, stage};

fn refused(artifact: &Artifact, expected: &[&str]) {
    refused_with(artifact, Vec::new(), expected);
}

fn refused_with(artifact: &Artifact, inputs: Vec<InputSpec>, expected: &[&str]) {
    let error = artifact.read_with(inputs, Limits::default()).expect_err("a broken artifact").to_string();
    for part in expected {
        assert!(error.contains(part), "{part:?} is not in {error:?}");
    }
}

fn input(name: &str, ty: Type, metadata: Option<Value>) -> InputSpec {
    InputSpec { name: name.into(), ty, metadata: metadata.map(|m| m.to_string().into()) }
}

fn ops(artifact: &Artifact, inputs: Vec<InputSpec>) -> Vec<Op> {
    let model = artifact.read_with(inputs, Limits::default()).unwrap_or_else(|error| panic!("{error}"));
    model.plan(None).expect("a plan").nodes.iter().map(|node| node.op.clone()).collect()
}

/// Returns the names of the outputs, and whether each is there by default.
fn outputs(artifact: &Artifact) -> Vec<(String, bool)> {
    let model = artifact.read().unwrap_or_else(|error| panic!("{error}"));
    let plan = model.plan(None).expect("a plan");
    plan.outputs.iter().map(|o| (o.name.to_string(), o.default)).collect()
}

fn output_type(artifact: &Artifact, inputs: Vec<InputSpec>, name: &str) -> Type {
    let model = artifact.read_with(inputs, Limits::default()).unwrap_or_else(|error| panic!("{error}"));
    let plan = model.plan(None).expect("a plan");
    let types = plan.infer(&plan.first_types()).expect("a plan with types");
    let output = plan.outputs.iter().find(|o| &*o.name == name).expect("an output");
    types[output.slot.index()].clone().expect("a type").ty
}

fn indexer(column: &str, output: &str, labels: &[&str]) -> Artifact {
    let table = [("labelsArray", Type::list(Type::list(Type::Text)))];
    stage("StringIndexerModel", json!({ "inputCol": column, "outputCol": output })).table(
        "data",
        &table,
        json!([{ "labelsArray": [labels] }]),
    )
}

fn interaction(columns: &[&str]) -> Artifact {
    stage("Interaction", json!({ "inputCols": columns, "outputCol": "o" }))
}

fn assembler(columns: &[&str], output: &str) -> Artifact {
    stage("VectorAssembler", json!({ "inputCols": columns, "outputCol": output }))
}

/// Returns the sizes that the columns of the only interaction are encoded to.
fn interacted(artifact: &Artifact, inputs: Vec<InputSpec>) -> Vec<u64> {
    let ops = ops(artifact, inputs);
    let sizes = ops.iter().filter_map(|op| match op {
        Op::Feature(FeatureOp::Interact { parts, .. }) => Some(parts.iter().map(|part| part.encoded()).collect()),
        _ => None,
    });
    let [sizes] = <[Vec<u64>; 1]>::try_from(sizes.collect::<Vec<_>>()).expect("one interaction");
    sizes
}

#[test]
fn categories_of_an_indexer_are_spread_by_an_interaction() {
    let stages = [indexer("c", "i", &["a", "b", "d"]), interaction(&["i", "x"])];
    assert_eq!(interacted(&pipeline(&stages), Vec::new()), [3, 1]);
    // One category alone counts as a number.
    let single = pipeline(&[indexer("c", "i", &["a"]), interaction(&["i", "x"])]);
    let [Op::Encode(_), Op::Feature(FeatureOp::Interact { parts, .. })] = &ops(&single, Vec::new())[..] else {
        panic!()
    };
    assert!(parts.iter().all(|part| part.categories.is_empty()), "{parts:?}");
}

#[test]
fn elements_of_an_assembled_vector_are_known() {
    let stages = [indexer("c", "i", &["a", "b"]), assembler(&["i", "x"], "v"), interaction(&["v", "y"])];
    // One column of two categories, and `x`, which could have held vectors until then.
    assert_eq!(interacted(&pipeline(&stages), Vec::new()), [3, 1]);
    let (file, no_size) = ("column `v`", "whose elements the column's metadata describe");
    let vectors = || input("x", Type::VECTOR, None);
    refused_with(&pipeline(&stages), vec![vectors()], &[file, no_size]);
    let metadata = json!({ "ml_attr": { "num_attrs": 4 } });
    let sized = input("x", Type::VECTOR, Some(metadata));
    assert_eq!(interacted(&pipeline(&stages), vec![sized]), [6, 1]);
}

#[test]
fn vectors_interact_only_if_their_elements_are_known() {
    let (artifact, vector) = (interaction(&["v", "x"]), |m| input("v", Type::VECTOR, Some(m)));
    let expected = "vectors whose elements the column's metadata describe";
    refused_with(&artifact, vec![vector(json!({ "ml_attr": { "num_attrs": 3 } }))], &["column `v`", expected]);
    let nominal = json!({ "ml_attr": { "num_attrs": 3, "attrs": { "nominal": [{ "idx": 1, "num_vals": 4 }] } } });
    assert_eq!(interacted(&artifact, vec![vector(nominal)]), [6, 1]);
    let uncounted = json!({ "ml_attr": { "num_attrs": 3, "attrs": { "nominal": [{ "idx": 1 }] } } });
    refused_with(&artifact, vec![vector(uncounted)], &["column `v`", "categories whose number"]);
    refused_with(
        &artifact,
        vec![input("x", Type::BOOL, None), vector(json!({ "num_attrs": 1, "attrs": {} }))],
        &["column `x`", "one of booleans"],
    );
    refused(&interaction(&["x", "x"]), &["inputCols", "names of different columns"]);
}

#[test]
fn products_beyond_all_bounds_are_refused() {
    let vector = |name| input(name, Type::VECTOR, Some(json!({ "num_attrs": 4096, "attrs": {} })));
    let inputs = vec![vector("a"), vector("b"), vector("c")];
    refused_with(&interaction(&["a", "b", "c"]), inputs, &["Interaction", "2^22 products"]);
}

/// Returns the model of a formula over a pipeline.
fn rformula(label: &str, stages: &[Artifact]) -> Artifact {
    let table = [("label", Type::Text), ("terms", Type::list(Type::list(Type::Text))), ("hasIntercept", Type::BOOL)];
    let row = json!({ "label": label, "terms": [["c"], ["x"]], "hasIntercept": true });
    let mut formula = stage("RFormulaModel", json!({ "formula": "y ~ c + x" })).table("data", &table, json!([row]));
    let inner = pipeline(stages).files.into_iter();
    formula.files.extend(inner.map(|(path, bytes)| (format!("pipelineModel/{path}"), bytes)));
    formula
}

fn formula_stages() -> Vec<Artifact> {
    let renames = [("vectorCol", Type::Text), ("prefixesToRewrite", Type::Map(Type::Text.into(), Type::Text.into()))];
    let rewriter = stage("VectorAttributeRewriter", json!({})).table(
        "data",
        &renames,
        json!([{ "vectorCol": "features", "prefixesToRewrite": [["i_", "c_"]] }]),
    );
    let pruner = stage("ColumnPruner", json!({})).table(
        "data",
        &[("columnsToPrune", Type::list(Type::Text))],
        json!([{ "columnsToPrune": ["i", "none"] }]),
    );
    vec![indexer("c", "i", &["a", "b"]), assembler(&["i", "x"], "features"), rewriter, pruner]
}

#[test]
fn a_formula_gives_features_and_a_label_to_those_who_bring_it() {
    let named = |names: &[(&str, bool)]| names.iter().map(|(n, d)| ((*n).to_owned(), *d)).collect::<Vec<_>>();
    let expected = named(&[("c", true), ("x", true), ("y", false), ("features", true), ("label", false)]);
    assert_eq!(outputs(&rformula("y", &formula_stages())), expected);
    // A label of that name, and a formula without one, are left alone.
    let without = named(&[("c", true), ("x", true), ("features", true)]);
    assert_eq!(outputs(&rformula("label", &formula_stages())), without);
    assert_eq!(outputs(&rformula("", &formula_stages())), without);
}

#[test]
fn text_labels_are_indexed_by_the_formulas_own_pipeline() {
    let mut stages = formula_stages();
    stages.push(indexer("y", "label", &["no", "yes"]));
    let outputs = outputs(&rformula("y", &stages));
    assert!(outputs.contains(&("label".to_owned(), false)) && outputs.contains(&("y".to_owned(), false)));
}

#[test]
fn what_a_pruner_left_out_is_not_there() {
    let stages = [rformula("y", &formula_stages()), interaction(&["i", "x"])];
    refused(&pipeline(&stages), &["column `i`", "one that an earlier stage leaves out"]);
}

#[test]
fn a_formula_without_its_pipeline_is_refused() {
    let mut formula = rformula("y", &formula_stages());
    formula.files.retain(|(path, _)| !path.starts_with("pipelineModel/"));
    refused(&formula, &["pipelineModel/metadata/part-00000", "RFormulaModel"]);
}

#[test]
fn word_vectors_of_all_versions_are_the_same() {
    let model = |size| stage("Word2VecModel", json!({ "inputCol": "t", "outputCol": "o", "vectorSize": size }));
    let rows = [("word", Type::Text), ("vector", Type::list(Type::F64))];
    let of_rows = model(2).part("data", 0, &rows, json!([{ "word": "a", "vector": [1.0, 2.0] }])).part(
        "data",
        1,
        &rows,
        json!([{ "word": "b", "vector": [3.0, 4.0] }]),
    );
    let row = [("wordIndex", Type::Map(Type::Text.into(), Type::I32.into())), ("wordVectors", Type::list(Type::F64))];
    let in_one = |index: Value| {
        model(2).table("data", &row, json!([{ "wordIndex": index, "wordVectors": [3.0, 4.0, 1.0, 2.0] }]))
    };
    let of = |artifact: &Artifact| match ops(artifact, Vec::new()).remove(0) {
        Op::Feature(FeatureOp::WordMean { words, vectors, size: 2 }) => (words.to_vec(), vectors.to_vec()),
        op => panic!("{op:?}"),
    };
    // As Spark saves them: float32, all in one part.
    let of_floats = |rows: Value| {
        model(2).table("data", &[("word", Type::Text), ("vector", Type::list(Type::scalar(DType::F32)))], rows)
    };
    let in_one_part = of_floats(json!([{ "word": "a", "vector": [1.0, 2.0] }, { "word": "b", "vector": [3.0, 4.0] }]));
    let expected = (vec!["a".into(), "b".into()], vec![1.0, 2.0, 3.0, 4.0]);
    assert_eq!(of(&of_rows), expected);
    assert_eq!(of(&in_one_part), expected);
    let uneven = json!([{ "word": "a", "vector": [1.0] }, { "word": "b", "vector": [2.0, 3.0, 4.0] }]);
    refused(&of_floats(uneven), &["vector", "2 numbers for \"a\"", "got 1"]);
    let nothing = json!([{ "word": "a", "vector": [1.0, 2.0] }, { "word": "b", "vector": null }]);
    refused(&of_floats(nothing), &["vector", "an array"]);
    assert_eq!(of(&in_one(json!([["a", 1], ["b", 0]]))), expected);
    refused(&in_one(json!([["a", 2]])), &["wordVectors", "2 numbers for \"a\" at place 2", "4 in all"]);
    let short = model(3).table("data", &rows, json!([{ "word": "a", "vector": [1.0, 2.0] }]));
    refused(&short, &["vector", "3 numbers for \"a\"", "got 2"]);
}

fn one_hot_of_spark_2(version: &str) -> Artifact {
    let params = json!({ "inputCol": "i", "outputCol": "o" });
    saved("OneHotEncoder", params, json!({}), json!({ "sparkVersion": version }))
}

#[test]
fn the_smaller_form_is_that_of_the_version_that_saved() {
    let form = |version: &str| {
        let params = json!({ "inputCols": ["a", "b"], "outputCol": "o" });
        let assembler = saved("VectorAssembler", params, json!({}), json!({ "sparkVersion": version }));
        let [Op::Vector(VectorOp::Assemble { form, .. })] = ops(&assembler, Vec::new())[..] else { panic!() };
        form
    };
    for version in ["2.0.0", "3.5.9", "4.0.5", "4"] {
        assert_eq!(form(version), Compressed::Plain, "{version}");
    }
    for version in ["4.1.0", "4.3.0", "4.10.0-SNAPSHOT", "5.0.0"] {
        assert_eq!(form(version), Compressed::Headed, "{version}");
    }
}

#[test]
fn the_encoder_of_spark_2_takes_its_size_from_metadata() {
    let stages = [indexer("c", "i", &["a", "b", "d"]), one_hot_of_spark_2("2.1.0")];
    assert_eq!(output_type(&pipeline(&stages), Vec::new(), "o"), Type::Vector { size: Some(2) });
    refused(&one_hot_of_spark_2("2.1.0"), &["column `i`", "`ml_attr`"]);
    let single = pipeline(&[indexer("c", "i", &["a"]), one_hot_of_spark_2("2.1.0")]);
    refused(&single, &["column `i`", "two categories at least"]);
    // From Spark 3 on that is the name of an estimator.
    let error = pipeline(&[indexer("c", "i", &["a", "b"]), one_hot_of_spark_2("3.0.0")]).read();
    assert!(matches!(error, Err(ReadError::UnknownClass { .. })), "{error:?}");
}

#[test]
fn an_encoder_and_the_metadata_of_its_column_agree() {
    let model = |size: u32| {
        let table = [("categorySizes", Type::list(Type::I32))];
        stage("OneHotEncoderModel", json!({ "inputCol": "i", "outputCol": "o" })).table(
            "data",
            &table,
            json!([{ "categorySizes": [size] }]),
        )
    };
    let indexed = |size| pipeline(&[indexer("c", "i", &["a", "b", "d"]), model(size)]);
    assert_eq!(output_type(&indexed(3), Vec::new(), "o"), Type::Vector { size: Some(2) });
    refused(&indexed(4), &["column `i`", "metadata of 3 values, as the model was trained with"]);
    let numeric = input("i", Type::F64, Some(json!({ "ml_attr": { "type": "numeric" } })));
    refused_with(&model(3), vec![numeric], &["column `i`", "a column of categories"]);
}

#[test]
fn target_encoders_that_contradict_themselves() {
    let numbers = || Type::list(Type::F64);
    let table = [("index", Type::I32), ("categories", numbers()), ("counts", numbers()), ("stats", numbers())];
    let model = |rows: Value| {
        stage("TargetEncoderModel", json!({ "inputCol": "c", "outputCol": "o" })).table("data", &table, rows)
    };
    let row = |index: i32, categories: &[f64], counts: &[f64]| json!({ "index": index, "categories": categories, "counts": counts, "stats": categories });
    let all = 2_147_483_647.0;
    assert!(model(json!([row(0, &[0.0, all], &[1.0, 1.0])])).read().is_ok());
    refused(&model(json!([row(0, &[0.0, 1.0], &[1.0, 1.0])])), &["categories of row 0", "2147483647"]);
    refused(&model(json!([row(0, &[0.0, all], &[1.0])])), &["counts of row 0", "as many"]);
    refused(&model(json!([row(1, &[0.0, all], &[1.0, 1.0])])), &["a row for each of 1 columns, numbered from 0"]);
}

#[test]
fn hashes_of_neighbours_that_are_none() {
    let coefficients = [("randCoefficients", Type::list(Type::I64))];
    let min_hash = |numbers: &[i64]| {
        let model = stage("MinHashLSHModel", json!({ "inputCol": "v", "outputCol": "o" }));
        model.table("data", &coefficients, json!([{ "randCoefficients": numbers }]))
    };
    let hashes = Type::list(Type::Vector { size: Some(1) });
    assert_eq!(output_type(&min_hash(&[1, 2]), Vec::new(), "o"), hashes);
    refused(&min_hash(&[1, 2, 3]), &["randCoefficients", "pairs of numbers", "3 numbers"]);
    refused(&min_hash(&[1, 1 << 40]), &["randCoefficients", "32 bits"]);
    let vectors = json!({ "type": 1, "numRows": 1, "numCols": 2, "values": [1.0, 2.0], "isTransposed": false });
    let projection = |length: f64| {
        let params = json!({ "inputCol": "v", "outputCol": "o", "bucketLength": length });
        let model = stage("BucketedRandomProjectionLSHModel", params);
        model.table("data", &[("randUnitVectors", matrix())], json!([{ "randUnitVectors": vectors }]))
    };
    assert_eq!(output_type(&projection(0.5), Vec::new(), "o"), hashes);
    refused(&projection(0.0), &["bucketLength", "above 0"]);
}

#[test]
fn decimals_are_read_where_numbers_are() {
    let decimal = || Type::scalar(DType::Decimal(10, 2));
    let imputer = stage("ImputerModel", json!({ "inputCol": "d", "outputCol": "o" })).table(
        "data",
        &[("d", Type::F64)],
        json!([{ "d": 1.5 }]),
    );
    assert_eq!(output_type(&imputer, vec![input("d", decimal(), None)], "o"), decimal());
    let indexed = ops(&indexer("d", "o", &["1.50", "2.00"]), vec![input("d", decimal(), None)]);
    assert!(matches!(&indexed[..], [Op::Expr(_), Op::Encode(EncodeOp::Index { .. })]), "{indexed:?}");
    let assembled = ops(&assembler(&["d", "d"], "o"), vec![input("d", decimal(), None)]);
    assert!(matches!(&assembled[..], [Op::Expr(_), Op::Vector(_)]), "{assembled:?}");
    refused(&stage("ImputerModel", json!({ "inputCol": "d", "outputCol": "o" })), &["data/part-*.parquet"]);
    refused_with(&indexer("d", "o", &["a"]), vec![input("d", Type::BOOL, None)], &["column `d`", "strings or numbers"]);
}
