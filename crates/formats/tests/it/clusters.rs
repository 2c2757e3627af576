//! Clusters, topics and recommendations whose parts do not agree: refused with the file, the class and the field.

use formats::{Limits, ReadError};
use model::{DType, InputSpec, Type};
use serde_json::{Value, json};

use crate::artifact::{Artifact, matrix, parts};

/// Returns a model of this class, without tables.
fn model(class: &str, params: Value, extra: Value) -> Artifact {
    let mut artifact = crate::artifact::saved("Model", params, json!({}), extra);
    let text = String::from_utf8(artifact.files[0].1.clone()).expect("JSON");
    artifact.files[0].1 = text.replace("feature.Model", class).into_bytes();
    artifact
}

fn check(artifact: &Artifact, expected: &[&str]) {
    check_within(artifact, Limits::default(), expected);
}

fn check_within(artifact: &Artifact, limits: Limits, expected: &[&str]) {
    let error = artifact.read_with(Vec::new(), limits).expect_err("a broken artifact").to_string();
    for part in expected {
        assert!(error.contains(part), "{part:?} is not in {error:?}");
    }
}

fn vector() -> Type {
    parts(&[
        ("type", Type::scalar(DType::I8)),
        ("size", Type::I32),
        ("indices", Type::list(Type::I32)),
        ("values", Type::list(Type::F64)),
    ])
}

fn dense(values: &[f64]) -> Value {
    json!({ "type": 1, "size": null, "indices": null, "values": values })
}

fn sparse(size: i64) -> Value {
    json!({ "type": 0, "size": size, "indices": [0], "values": [1.0] })
}

fn square(rows: u32, columns: u32, values: &[f64]) -> Value {
    json!({ "type": 1, "numRows": rows, "numCols": columns, "colPtrs": null, "rowIndices": null, "values": values,
        "isTransposed": false })
}

fn kmeans(centers: &[Value]) -> Artifact {
    let rows: Vec<Value> =
        centers.iter().zip(0..).map(|(c, i)| json!({ "clusterIdx": i, "clusterCenter": c })).collect();
    let columns = [("clusterIdx", Type::I32), ("clusterCenter", vector())];
    model("clustering.KMeansModel", json!({}), json!({})).table("data", &columns, rows.into())
}

#[test]
fn centers_of_different_or_immense_sizes() {
    assert!(kmeans(&[dense(&[1.0]), sparse(1)]).read().is_ok());
    check(
        &kmeans(&[dense(&[1.0, 2.0]), dense(&[1.0])]),
        &["clusterCenter: expected a vector of 2, as the others, got 1"],
    );
    check(&kmeans(&[sparse(1 << 28), sparse(1 << 28)]), &["the size of all centres is", "(values_max)"]);
    check(&kmeans(&[]), &["KMeansModel", "clusterCenter"]);
    let other = model("clustering.KMeansModel", json!({ "distanceMeasure": "manhattan" }), json!({}));
    check(&other, &["distanceMeasure: expected euclidean or cosine, got manhattan"]);
}

/// A bisecting model: of each node its number, its norm and its children.
fn tree(version: &str, root: i32, nodes: &[(i32, f64, &[i32])]) -> Artifact {
    let row = |(index, norm, children): &(i32, f64, &[i32])| json!({ "index": index, "center": dense(&[1.0]), "norm": norm, "children": children });
    let columns =
        [("index", Type::I32), ("center", vector()), ("norm", Type::F64), ("children", Type::list(Type::I32))];
    let rows: Vec<Value> = nodes.iter().map(row).collect();
    let mut artifact =
        model("clustering.BisectingKMeansModel", json!({}), json!({})).table("data/data", &columns, rows.into());
    let old = json!({ "class": "org.apache.spark.mllib.clustering.BisectingKMeansModel", "version": version,
        "rootId": root, "distanceMeasure": "cosine" });
    artifact.files.push(("data/metadata/part-00000".to_owned(), old.to_string().into_bytes()));
    artifact
}

#[test]
fn trees_of_centers_that_are_none() {
    assert!(tree("3.0", -1, &[(-1, 1.0, &[0, 1]), (0, 1.0, &[]), (1, 1.0, &[])]).read().is_ok());
    check(&tree("4.0", 0, &[(0, 1.0, &[])]), &["data/metadata/part-00000", "version: expected 1.0, 2.0 or 3.0"]);
    check(&tree("3.0", -1, &[(-1, 1.0, &[-1])]), &["children: expected a node -1 with one parent"]);
    check(&tree("3.0", -1, &[(-1, 1.0, &[0, 0]), (0, 1.0, &[])]), &["expected a node 0 with one parent"]);
    check(&tree("3.0", 7, &[(0, 1.0, &[])]), &["expected a node 7 with one parent"]);
    check(&tree("3.0", -1, &[(-1, 1.0, &[])]), &["index: expected leaves from 0 on"]);
    check(&tree("3.0", 0, &[(0, 0.0, &[])]), &["norm: expected a norm that a distance can be measured with"]);
    let mut bare = tree("3.0", 0, &[(0, 1.0, &[])]);
    bare.files.retain(|(path, _)| !path.starts_with("data/metadata"));
    check(&bare, &["data/metadata/part-00000", "missing"]);
}

fn mixture(weights: &[f64], mean: Value, covariance: Value) -> Artifact {
    let columns = [("weights", Type::list(Type::F64)), ("mus", Type::list(vector())), ("sigmas", Type::list(matrix()))];
    let row = json!([{ "weights": weights, "mus": [mean], "sigmas": [covariance] }]);
    model("clustering.GaussianMixtureModel", json!({}), json!({})).table("data", &columns, row)
}

#[test]
fn mixtures_that_do_not_agree() {
    assert!(mixture(&[1.0], dense(&[1.0]), square(1, 1, &[2.0])).read().is_ok());
    let one = || square(1, 1, &[2.0]);
    check(
        &mixture(&[0.5, 0.5], dense(&[1.0]), one()),
        &["sigmas: expected as many means and covariances as weights, 2"],
    );
    check(&mixture(&[1.0], dense(&[1.0, 2.0]), one()), &["sigmas: expected a matrix of 2 x 2, got 1 x 1"]);
    let lopsided = square(2, 2, &[1.0, 0.5, 0.0, 1.0]);
    check(&mixture(&[1.0], dense(&[1.0, 2.0]), lopsided), &["expected a symmetric matrix"]);
    check(&mixture(&[1.0], sparse(100_000), one()), &["not implemented: 1 covariances of 100000 features"]);
}

fn topics(terms: u32, matrix_value: Value, prior: &[f64], shape: f64) -> Artifact {
    let columns = [
        ("vocabSize", Type::I32),
        ("topicsMatrix", matrix()),
        ("docConcentration", vector()),
        ("gammaShape", Type::F64),
    ];
    let row = json!([{ "vocabSize": terms, "topicsMatrix": matrix_value, "docConcentration": dense(prior),
        "gammaShape": shape }]);
    model("clustering.LocalLDAModel", json!({}), json!({})).table("data", &columns, row)
}

#[test]
fn topics_that_do_not_agree() {
    let two = || square(2, 1, &[1.0, 2.0]);
    assert!(topics(2, two(), &[0.5], 100.0).read().is_ok());
    check(&topics(3, two(), &[0.5], 100.0), &["topicsMatrix: expected a matrix of 3 rows", "got 2 x 1"]);
    check(&topics(2, two(), &[0.5, 0.5], 100.0), &["docConcentration: expected a number for each of 1 topics, got 2"]);
    check(&topics(2, two(), &[0.5], 0.5), &["gammaShape: expected a number from 1 on, got 0.5"]);
    check(&topics(0, square(0, 0, &[]), &[], 100.0), &["got 0 x 0"]);
}

fn distributed(k: u64, terms: u64, ids: &[i64]) -> Artifact {
    let rows: Vec<Value> = ids.iter().map(|id| json!({ "id": id, "topicWeights": dense(&[1.0]) })).collect();
    let mut artifact = model("clustering.DistributedLDAModel", json!({}), json!({})).table(
        "oldModel/data/topicCounts",
        &[("id", Type::I64), ("topicWeights", vector())],
        rows.into(),
    );
    let old = json!({ "class": "org.apache.spark.mllib.clustering.DistributedLDAModel", "version": "1.0", "k": k,
        "vocabSize": terms, "docConcentration": vec![0.5; k.min(3) as usize], "gammaShape": 100.0 });
    artifact.files.push(("oldModel/metadata/part-00000".to_owned(), old.to_string().into_bytes()));
    artifact
}

#[test]
fn graphs_that_do_not_agree() {
    assert!(distributed(1, 2, &[-1, -2, 0, 77]).read().is_ok());
    check(&distributed(1, 2, &[-3]), &["id: expected a term among 2, got 2"]);
    check(&distributed(1, 2, &[i64::MIN]), &["id: expected a term among 2"]);
    check(&distributed(2, 2, &[-1]), &["topicWeights: expected a number for each of 2 topics, got 1"]);
    check(&distributed(9, 2, &[-1]), &["docConcentration: expected a number for each of 9 topics"]);
    check(&distributed(3, 2_000_000_000, &[-1]), &["the number of topics times terms is 6000000000", "(values_max)"]);
    check(&distributed(1 << 40, 2, &[]), &["k: expected an integer from 1 to 2147483647"]);
}

fn factors(rank: u32, users: Value, params: Value) -> Artifact {
    let columns = [("id", Type::I32), ("features", Type::list(Type::F64))];
    model("recommendation.ALSModel", params, json!({ "rank": rank })).table("userFactors", &columns, users).table(
        "itemFactors",
        &columns,
        json!([{ "id": 1, "features": [1.0, 2.0] }]),
    )
}

#[test]
fn factors_that_do_not_agree() {
    let user = |features: &[f64]| json!({ "id": 1, "features": features });
    assert!(factors(2, json!([user(&[1.0, 2.0])]), json!({ "coldStartStrategy": "DROP" })).read().is_ok());
    assert!(factors(1, json!([]), json!({})).read().is_ok());
    check(&factors(0, json!([]), json!({})), &["rank: expected an integer from 1 on"]);
    check(&factors(2, json!([user(&[1.0])]), json!({})), &["features: expected 2 numbers, as the rank says, got 1"]);
    check(&factors(1, json!([user(&[1.0]), user(&[2.0])]), json!({})), &["userFactors id", "got 1 twice"]);
    check(&factors(1, json!([]), json!({ "coldStartStrategy": "zero" })), &["coldStartStrategy: expected nan or drop"]);
}

fn frequent(item: Type, rows: Value, params: Value) -> Artifact {
    let columns = [("items", Type::list(item)), ("freq", Type::I64)];
    model("fpm.FPGrowthModel", params, json!({})).table("data", &columns, rows)
}

#[test]
fn frequent_sets_that_are_no_rules() {
    let one = json!([{ "items": ["a"], "freq": 3 }, { "items": ["a", "b"], "freq": 3 }]);
    let plan = frequent(Type::Text, one.clone(), json!({})).plan();
    assert!(plan.contains("1 rules of 2 items"), "{plan}");
    let dates = json!([{ "items": [1], "freq": 3 }]);
    let plan = frequent(Type::I32, dates, json!({ "itemsCol": "basket" })).plan();
    assert!(plan.contains("basket: array<int32>"), "{plan}");
    let numbers = InputSpec { name: "items".into(), ty: Type::list(Type::F64), metadata: None };
    assert!(frequent(Type::Text, json!([]), json!({})).read_with(vec![numbers], Limits::default()).is_ok());
    check(&frequent(Type::Text, one.clone(), json!({ "minConfidence": 1.5 })), &["minConfidence", "got 1.5"]);
    let lists = json!([{ "items": [["a"]], "freq": 3 }]);
    check(&frequent(Type::list(Type::Text), lists, json!({})), &["not implemented: items of array<string>"]);
    let limits = Limits { values_max: 8, ..Limits::default() };
    check_within(&frequent(Type::Text, one, json!({})), limits, &["squares of all sets' sizes is 5"]);
}

#[test]
fn what_has_no_transform_is_refused_with_the_reason() {
    for (class, why) in [("clustering.PowerIterationClustering", "clusters"), ("fpm.PrefixSpan", "patterns")] {
        let error = model(class, json!({}), json!({})).read().expect_err("no model");
        assert!(matches!(error, ReadError::Unimplemented { .. }), "{error}");
        let text = error.to_string();
        assert!(text.contains(class) && text.contains(why) && text.contains("has no transform"), "{text}");
    }
}
