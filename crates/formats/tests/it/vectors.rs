//! Stages that make vectors of vectors: what they become, what is known of their results, what is broken.

use formats::Limits;
use model::{InputSpec, Takes, Type};
use serde_json::{Value, json};

use crate::artifact::{Artifact, matrix, pipeline, stage};

fn spec(name: &str, ty: Type, metadata: Option<Value>) -> InputSpec {
    InputSpec { name: name.into(), ty, metadata: metadata.map(|m| m.to_string().into()) }
}

/// Metadata of three elements `a`, `b` (a category), `c`.
fn named() -> Value {
    let numeric = json!([{ "idx": 0, "name": "a" }, { "idx": 2, "name": "c" }]);
    let nominal = json!([{ "idx": 1, "name": "b", "vals": ["u", "v", "w"] }]);
    json!({ "ml_attr": { "attrs": { "numeric": numeric, "nominal": nominal }, "num_attrs": 3 } })
}

fn plan_of(artifact: &Artifact, inputs: Vec<InputSpec>) -> String {
    let model = artifact.read_with(inputs, Limits::default()).unwrap_or_else(|error| panic!("{error}"));
    model.plan(None).expect("a plan").to_string()
}

fn plan_with(artifact: &Artifact, metadata: Value) -> String {
    plan_of(artifact, vec![spec("v", Type::VECTOR, Some(metadata))])
}

fn refused(artifact: &Artifact, inputs: Vec<InputSpec>, expected: &[&str]) {
    let error = artifact.read_with(inputs, Limits::default()).expect_err("a refusal").to_string();
    for part in expected {
        assert!(error.contains(part), "{part:?} is not in {error:?}");
    }
}

fn check(artifact: &Artifact, expected: &[&str]) {
    refused(artifact, Vec::new(), expected);
}

fn slicer(input: &str, output: &str, indices: &[i64], names: &[&str]) -> Artifact {
    stage("VectorSlicer", json!({ "inputCol": input, "outputCol": output, "indices": indices, "names": names }))
}

fn assembler(inputs: &[&str], output: &str, invalid: &str) -> Artifact {
    stage("VectorAssembler", json!({ "inputCols": inputs, "outputCol": output, "handleInvalid": invalid }))
}

fn indexer(output: &str, size: i64, maps: Value) -> Artifact {
    let map = |key, value| Type::Map(Box::new(key), Box::new(value));
    let table = [("numFeatures", Type::I32), ("categoryMaps", map(Type::I32, map(Type::F64, Type::I32)))];
    stage("VectorIndexerModel", json!({ "inputCol": "v", "outputCol": output })).table(
        "data",
        &table,
        json!([{ "numFeatures": size, "categoryMaps": maps }]),
    )
}

fn selector(class: &str, output: &str, selected: &[i64]) -> Artifact {
    let table = [("selectedFeatures", Type::list(Type::I32))];
    stage(class, json!({ "featuresCol": "v", "outputCol": output })).table(
        "data",
        &table,
        json!([{ "selectedFeatures": selected }]),
    )
}

fn takes(artifact: &Artifact, name: &str) -> Takes {
    let model = artifact.read().unwrap_or_else(|error| panic!("{error}"));
    let plan = model.plan(None).expect("a plan");
    plan.inputs.iter().find(|input| &*input.name == name).expect("an input").takes.clone()
}

#[test]
fn a_binarizer_has_the_type_that_its_output_is_read_with() {
    let binarizer =
        |threshold: f64| stage("Binarizer", json!({ "inputCol": "x", "outputCol": "b", "threshold": threshold }));
    let either = Takes::From(vec![Type::F64, Type::VECTOR]);
    assert_eq!(takes(&binarizer(0.5), "x"), either);
    let of_vectors = pipeline(&[binarizer(0.5), stage("Normalizer", json!({ "inputCol": "b", "outputCol": "n" }))]);
    assert_eq!(takes(&of_vectors, "x"), Takes::One(Type::VECTOR));
    let table = [("splits", Type::F64)];
    let buckets = json!({ "inputCol": "b", "outputCol": "k", "splits": ["-Inf", 0.5, "Inf"] });
    let of_numbers = pipeline(&[binarizer(0.5), stage("Bucketizer", buckets).table("none", &table, json!([]))]);
    assert_eq!(takes(&of_numbers, "x"), Takes::One(Type::F64));
    // Between a stage that takes either and one that takes both as parts nothing is settled.
    let open = pipeline(&[binarizer(0.5), assembler(&["b", "y"], "v", "error")]);
    assert_eq!(takes(&open, "x"), either);
    for ty in [Type::I32, Type::F32, Type::BOOL, Type::Text] {
        refused(&binarizer(0.5), vec![spec("x", ty, None)], &["Binarizer", "a column of float64 or of vectors"]);
    }
}

#[test]
fn thresholds_are_one_for_each_column_or_one_for_all() {
    let of = |params: Value| {
        let mut all = json!({ "inputCols": ["a", "b"], "outputCols": ["x", "y"] });
        all.as_object_mut().expect("an object").extend(params.as_object().expect("an object").clone());
        stage("Binarizer", all)
    };
    let plan = of(json!({ "thresholds": [0.5, 2.0] })).plan();
    assert!(plan.contains("[above 0.5]") && plan.contains("[above 2]"), "{plan}");
    let plan = of(json!({ "threshold": 3.0 })).plan();
    assert_eq!(plan.matches("[above 3]").count(), 2, "{plan}");
    check(&of(json!({ "thresholds": [0.5] })), &["thresholds: expected a threshold for each of 2 columns, got 1"]);
    check(&of(json!({ "thresholds": [0.5, 1.0], "threshold": 1.0 })), &["thresholds", "`threshold` is set"]);
    let one = stage("Binarizer", json!({ "inputCol": "a", "thresholds": [0.5] }));
    check(&one, &["thresholds: expected nothing where there is one column"]);
}

#[test]
fn slices_by_name_where_names_are_known() {
    let by_name = slicer("v", "s", &[2], &["b"]);
    assert!(plan_with(&by_name, named()).contains("select(v) [2 places]"));
    refused(&slicer("v", "s", &[], &["d"]), vec![spec("v", Type::VECTOR, Some(named()))], &["names", "\"d\""]);
    refused(&slicer("v", "s", &[1], &["b"]), vec![spec("v", Type::VECTOR, Some(named()))], &["there twice"]);
    refused(&slicer("v", "s", &[3], &[]), vec![spec("v", Type::VECTOR, Some(named()))], &["3 elements, got 3"]);
    check(&slicer("v", "s", &[], &[]), &["one feature at least"]);
    check(&slicer("v", "s", &[-1], &[]), &["indices: expected an array of integers"]);
    // Nobody has said what the elements are called: rows are refused, the model is not.
    let model = by_name.read().expect("a model");
    assert!(model.warnings.iter().any(|warning| warning.contains("ml_attr")), "{:?}", model.warnings);
    assert!(by_name.plan().contains("refuse(v)"));
}

#[test]
fn names_go_through_stages() {
    let indexed = indexer("i", 3, json!([[2, [[1.5, 0], [7.0, 1]]]]));
    let through = |stage: Artifact, output: &str, name: &str| pipeline(&[stage, slicer(output, "s", &[], &[name])]);
    for name in ["a", "b", "c"] {
        assert!(plan_with(&through(indexed.clone(), "i", name), named()).contains("select(i)"));
    }
    let chosen = |class| selector(class, "k", &[2, 1]);
    for class in ["ChiSqSelectorModel", "UnivariateFeatureSelectorModel", "VarianceThresholdSelectorModel"] {
        assert!(plan_with(&through(chosen(class), "k", "b"), named()).contains("select(k)"));
        let gone = through(chosen(class), "k", "a");
        refused(&gone, vec![spec("v", Type::VECTOR, Some(named()))], &["names", "\"a\""]);
    }
    let sliced = pipeline(&[slicer("v", "s", &[2, 1], &[]), slicer("s", "t", &[], &["c"])]);
    assert!(plan_with(&sliced, named()).contains("select(s)"));
}

#[test]
fn a_size_hint_stands_in_the_column_s_place() {
    let hint = |size: i64, invalid: &str| {
        stage("VectorSizeHint", json!({ "inputCol": "v", "size": size, "handleInvalid": invalid }))
    };
    let sized = |invalid: &str| pipeline(&[hint(3, invalid), assembler(&["v", "x"], "all", "keep")]);
    for invalid in ["error", "skip", "optimistic"] {
        let artifact = sized(invalid);
        let model = artifact.read().unwrap_or_else(|error| panic!("{error}"));
        let outputs = &model.plan(None).expect("a plan").outputs;
        assert_eq!(outputs.iter().filter(|output| &*output.name == "v").count(), 1, "{invalid}");
        assert_eq!(artifact.plan().contains("of_size"), invalid != "optimistic");
    }
    let alone = assembler(&["v", "x"], "all", "keep");
    refused(&alone, vec![spec("v", Type::VECTOR, None)], &["handleInvalid", "vectors of known size"]);
    let four = json!({ "ml_attr": { "num_attrs": 4 } });
    for class in ["Normalizer", "DCT"] {
        let passed_on = stage(class, json!({ "inputCol": "v", "outputCol": "w" }));
        plan_with(&pipeline(&[passed_on, assembler(&["w", "x"], "all", "keep")]), four.clone());
    }
    refused(&hint(3, "optimistic"), vec![spec("v", Type::VECTOR, Some(four))], &["size: expected 4", "got 3"]);
    check(&hint(3, "keep"), &["error, skip or optimistic"]);
    check(&stage("VectorSizeHint", json!({ "inputCol": "v" })), &["size: expected the size of vectors, got nothing"]);
}

#[test]
fn selected_features_are_taken_in_the_order_of_the_vector() {
    let plan = selector("UnivariateFeatureSelectorModel", "k", &[5, 2, 7]).read().expect("a model");
    let op = &plan.plan(None).expect("a plan").nodes[0].op;
    let plan::Op::Vector(plan::VectorOp::Select { places, .. }) = op else { panic!("a selection: {op:?}") };
    assert_eq!(**places, [2, 5, 7]);
    check(&selector("ChiSqSelectorModel", "k", &[5, 2, 5]), &["selectedFeatures", "there twice"]);
    check(&selector("ChiSqSelectorModel", "k", &[-5]), &["selectedFeatures", "-5"]);
}

#[test]
fn data_that_contradict_themselves() {
    check(&indexer("i", 3, json!([[3, [[1.5, 0]]]])), &["categoryMaps", "below 3"]);
    check(&indexer("i", 3, json!([[1, [[1.5, 0]]], [1, []]])), &["categoryMaps", "each feature once"]);
    check(&indexer("i", -3, json!([])), &["numFeatures", "-3"]);
    let fits = indexer("i", 4, json!([]));
    refused(&fits, vec![spec("v", Type::VECTOR, Some(named()))], &["categoryMaps", "3 elements"]);

    let pca = |kind: i64, values: &[f64]| {
        let pc = json!({ "type": kind, "numRows": 3, "numCols": 1, "values": values, "isTransposed": false,
            "colPtrs": [0, 1], "rowIndices": [2] });
        stage("PCAModel", json!({ "inputCol": "v", "outputCol": "p", "k": 1 })).table(
            "data",
            &[("pc", matrix())],
            json!([{ "pc": pc }]),
        )
    };
    assert!(pca(1, &[1.0, 2.0, 3.0]).plan().contains("1 x 3"));
    check(&pca(1, &[1.0, 2.0]), &["pc: expected 3 x 1 values, got 2"]);
    check(&pca(0, &[1.0]), &["pc: expected a dense matrix"]);

    let product =
        |vector: Value| stage("ElementwiseProduct", json!({ "inputCol": "v", "outputCol": "e", "scalingVec": vector }));
    assert!(product(json!({ "type": 0, "size": 9, "indices": [2], "values": ["NaN"] })).plan().contains("[9 factors]"));
    for broken in [
        json!({ "type": 0, "size": 9, "indices": [2, 1], "values": [1.0, 2.0] }),
        json!({ "type": 0, "size": 2, "indices": [2], "values": [1.0] }),
        json!({ "type": 0, "size": 9, "indices": [2], "values": [] }),
        json!({ "type": 2, "values": [1.0] }),
        json!([1.0]),
    ] {
        check(&product(broken), &["scalingVec: expected a vector"]);
    }
    let huge = json!({ "type": 0, "size": i32::MAX, "indices": [], "values": [] });
    check(&product(huge), &["the size of `scalingVec`", "values_max"]);
    check(&stage("ElementwiseProduct", json!({ "inputCol": "v" })), &["scalingVec: expected a vector, got nothing"]);

    check(&stage("Normalizer", json!({ "inputCol": "v", "p": 0.5 })), &["p: expected 1 or more, got 0.5"]);
    check(&stage("PolynomialExpansion", json!({ "inputCol": "v", "degree": 0 })), &["degree"]);
    let robust = stage("RobustScalerModel", json!({ "inputCol": "v" })).table(
        "data",
        &[("range", Type::VECTOR), ("median", Type::VECTOR)],
        json!([{ "range": [1.0], "median": [1.0, 2.0] }]),
    );
    check(&robust, &["median: expected a vector of the size of `range`, 1, got 2"]);
}
