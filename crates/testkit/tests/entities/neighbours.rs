use serde_json::json;

use crate::{NUMBER, TEXT, check, check_refused, document};

/// Two clusters without ids at (0) and (4), a field of three values compared by a table.
fn clusters(extra: &str, measure: &str) -> String {
    let model = format!(
        r#"<ClusteringModel functionName="clustering" modelClass="centerBased" numberOfClusters="2" {extra}>
<MiningSchema><MiningField name="x"/><MiningField name="s"/></MiningSchema>
<Output><OutputField name="id" feature="clusterId"/><OutputField name="name" feature="predictedDisplayValue"/>
<OutputField name="a" feature="affinity"/><OutputField name="of1" feature="affinity" value="1"/>
<OutputField name="second" feature="entityId" rank="2"/><OutputField name="third" feature="entityId" rank="3"/>
<OutputField name="far" feature="affinity" rank="2"/></Output>
<ComparisonMeasure kind="distance">{measure}</ComparisonMeasure>
<ClusteringField field="x"/>
<ClusteringField field="s" compareFunction="table"><Comparisons><Matrix kind="symmetric">
<Array n="1">0</Array><Array n="2">1 0</Array><Array n="3">3 2 0</Array></Matrix></Comparisons></ClusteringField>
<Cluster name="low"><Array n="2" type="string">0 u</Array></Cluster>
<Cluster name="high"><Array n="2" type="string">4 w</Array></Cluster></ClusteringModel>"#
    );
    let values = r#"optype="ordinal" dataType="string"><Value value="u"/><Value value="v"/><Value value="w"/>"#;
    document(&[("x", NUMBER), ("s", values)], &model)
}

/// From (1, v): |1 - 0| + 1 = 2 to the first, |1 - 4| + 2 = 5 to the second. Without s the sum counts twice.
#[test]
fn clusters_without_ids_are_numbered_and_values_compared_by_tables() {
    check(
        &clusters("", "<cityBlock/>"),
        &[
            (
                json!({"x": 1, "s": "v"}),
                json!({"_target": "1", "id": "1", "name": "low", "a": 2.0, "of1": 2.0, "second": "2", "third": null, "far": 5.0}),
            ),
            (json!({"x": 3, "s": null}), json!({"id": "2", "a": 2.0, "of1": 6.0, "far": 6.0})),
            (json!({"x": 2, "s": "w"}), json!({"id": "2", "name": "high", "a": 2.0, "of1": 5.0})),
            (json!({"x": null, "s": null}), json!("refused")),
            (json!({"x": 0, "s": "q"}), json!("refused")),
        ],
    );
    check_refused(&clusters(r#"modelName="m" modelClass2="x""#, "<nearest/>"), &["ComparisonMeasure", "nearest"]);
    let distributions = clusters("", "<cityBlock/>").replace("centerBased", "distributionBased");
    check_refused(&distributions, &["not implemented", "distributionBased"]);
}

fn neighbours(attributes: &str) -> String {
    let row = |id: &str, x: &str, y: &str, c: &str| {
        let x = if x.is_empty() { String::new() } else { format!("<x>{x}</x>") };
        format!("<row><id>{id}</id>{x}<y>{y}</y><c>{c}</c></row>")
    };
    let rows = [row("i", "1", "10", "a"), row("j", "3", "20", "b"), row("k", "9", "40", "b"), row("l", "", "7", "c")];
    let model = format!(
        r#"<NearestNeighborModel functionName="mixed" numberOfNeighbors="2" instanceIdVariable="id" {attributes}>
<MiningSchema><MiningField name="x" missingValueReplacement="100"/><MiningField name="y" usageType="target"/>
<MiningField name="c" usageType="target"/></MiningSchema>
<Output><OutputField name="yy" feature="predictedValue" targetField="y"/>
<OutputField name="cc" feature="predictedValue" targetField="c"/>
<OutputField name="n1" feature="entityId"/><OutputField name="n3" feature="entityId" rank="3"/>
<OutputField name="d1" feature="affinity" rank="1"/><OutputField name="d3" feature="affinity" rank="3"/>
<OutputField name="dk" feature="affinity" value="k"/></Output>
<TrainingInstances><InstanceFields><InstanceField field="id" column="id"/><InstanceField field="x" column="x"/>
<InstanceField field="y" column="y"/><InstanceField field="c" column="c"/></InstanceFields>
<InlineTable>{}</InlineTable></TrainingInstances>
<ComparisonMeasure kind="distance"><euclidean/></ComparisonMeasure><KNNInputs><KNNInput field="x"/></KNNInputs>
</NearestNeighborModel>"#,
        rows.concat()
    );
    document(&[("x", NUMBER), ("y", NUMBER), ("c", TEXT)], &model)
}

/// From 4: j at 1, i at 3, k at 5; the last instance lacks x and lies at 100, as the mining schema says.
#[test]
fn neighbours_speak_for_each_target() {
    let row = |y: f64, c: &str| json!({"y": y, "c": c, "yy": y, "cc": c, "n1": "j", "n3": "k", "d1": 1.0, "d3": 5.0, "dk": 5.0});
    check(&neighbours(""), &[(json!({"x": 4}), row(15.0, "b"))]);
    check(&neighbours(r#"continuousScoringMethod="median""#), &[(json!({"x": 4}), row(15.0, "b"))]);
    // Weights 1 / (1 + 0.5) and 1 / (3 + 0.5).
    let (near, far) = (1.0 / 1.5, 1.0 / 3.5);
    let weighted =
        r#"continuousScoringMethod="weightedAverage" categoricalScoringMethod="weightedMajorityVote" threshold="0.5""#;
    let mean = (near * 20.0 + far * 10.0) / (near + far);
    check(&neighbours(weighted), &[(json!({"x": 4}), row(mean, "b"))]);
    // From 90 the nearest is the one that lacks x; c and b have a vote each, and b more cases in the table.
    let last = json!({"y": 23.5, "c": "b", "n1": "l", "d1": 10.0, "n3": "j", "dk": 81.0});
    check(&neighbours(""), &[(json!({"x": 90}), last.clone()), (json!({"x": null}), json!({"n1": "l", "d1": 0.0}))]);
}

#[test]
fn neighbours_that_are_too_many_are_refused() {
    let five = neighbours("").replace(r#"numberOfNeighbors="2""#, r#"numberOfNeighbors="5""#);
    check_refused(&five, &["numberOfNeighbors", "within 1 to 4"]);
    let nothing = neighbours("").replace(r#"<KNNInput field="x"/>"#, r#"<KNNInput field="q"/>"#);
    check_refused(&nothing, &["KNNInput", "q"]);
}

/// A score of its own: 3 x. What is invalid is missing, and what is missing scores NaN.
#[test]
fn anomalies_are_what_another_model_says() {
    let model = r#"<AnomalyDetectionModel functionName="regression" algorithmType="other">
<MiningSchema><MiningField name="x"/></MiningSchema><Output><OutputField name="score" feature="predictedValue"/></Output>
<RegressionModel functionName="regression"><MiningSchema><MiningField name="x"/></MiningSchema>
<RegressionTable intercept="0"><NumericPredictor name="x" coefficient="3"/></RegressionTable></RegressionModel>
</AnomalyDetectionModel>"#;
    let text = document(&[("x", NUMBER)], model);
    check(
        &text,
        &[
            (json!({"x": 2}), json!({"score": 6.0})),
            (json!({"x": null}), json!({"score": "NaN"})),
            (json!({"x": "NaN"}), json!({"score": "NaN"})),
        ],
    );
    // A depth of 3 x among 3 rows: c(3) = 2 (ln 2 + 0.57721566) - 4/3.
    let forest = text.replace(r#"algorithmType="other""#, r#"algorithmType="iforest" sampleDataSize="3""#);
    let score = |depth: f64| 2.0_f64.powf(-depth / (2.0 * (2.0_f64.ln() + 0.57721566) - 4.0 / 3.0));
    check(&forest, &[(json!({"x": 0.5}), json!({"score": score(1.5)}))]);
    check_refused(&text.replace(r#"algorithmType="other""#, r#"algorithmType="iforest""#), &["sampleDataSize"]);
    check_refused(
        &text.replace(r#"algorithmType="other""#, r#"algorithmType="clusterMeanDist""#),
        &["clusterMeanDist"],
    );
}

/// Weather (rain 0.3) to ground (wet 0.9 with rain, else 0.2): what the ground says of the weather.
#[test]
fn networks_answer_by_what_is_seen() {
    let node = |name: &str, inner: &str| format!(r#"<DiscreteNode name="{name}">{inner}</DiscreteNode>"#);
    let share = |value: &str, p: f64| format!(r#"<ValueProbability value="{value}" probability="{p}"/>"#);
    let given = |value: &str, wet: f64| {
        let shares = [share("wet", wet), share("dry", 1.0 - wet)].concat();
        format!(
            r#"<DiscreteConditionalProbability><ParentValue parent="w" value="{value}"/>{shares}</DiscreteConditionalProbability>"#
        )
    };
    let weather = node("w", &[share("rain", 0.3), share("sun", 0.7)].concat());
    let ground = node("g", &[given("sun", 0.2), given("rain", 0.9)].concat());
    let model = |nodes: &str| {
        let model = format!(
            r#"<BayesianNetworkModel functionName="classification"><MiningSchema><MiningField name="g"/>
<MiningField name="w" usageType="target"/></MiningSchema><Output><OutputField name="p" feature="probability" value="rain"/></Output>
<BayesianNetworkNodes>{nodes}</BayesianNetworkNodes></BayesianNetworkModel>"#
        );
        document(&[("w", TEXT), ("g", TEXT)], &model)
    };
    check(
        &model(&format!("{weather}{ground}")),
        &[
            (json!({"g": "wet"}), json!({"w": "rain", "p": 0.27 / (0.27 + 0.14)})),
            (json!({"g": "dry"}), json!({"w": "sun", "p": 0.03 / (0.03 + 0.56)})),
            (json!({"g": null}), json!({"w": "sun", "p": 0.3})),
            (json!({"g": "ice"}), json!({"w": "sun", "p": 0.3})),
        ],
    );
    check_refused(&model(&format!(r#"{weather}<ContinuousNode name="g"/>"#)), &["not implemented", "ContinuousNode"]);
    check_refused(&model(&weather), &["BayesianNetworkModel", "active fields"]);
    check_refused(&model(&format!("{weather}{}", node("g", &given("sun", 0.2)))), &["combination"]);
}

/// Densities of one input and counts of another; " 1" and "1.0" are one category of an integer.
#[test]
fn categories_of_numbers_are_one_however_written() {
    let model = r#"<NaiveBayesModel functionName="classification" threshold="0.001">
<MiningSchema><MiningField name="s"/><MiningField name="y" usageType="target"/></MiningSchema>
<Output><OutputField name="p1" feature="probability" value="1"/></Output>
<BayesInputs><BayesInput fieldName="s">
<PairCounts value="u"><TargetValueCounts><TargetValueCount value=" 1" count="3"/><TargetValueCount value="2" count="0"/></TargetValueCounts></PairCounts>
<PairCounts value="v"><TargetValueCounts><TargetValueCount value="1.0" count="1"/><TargetValueCount value="2" count="4"/></TargetValueCounts></PairCounts>
</BayesInput></BayesInputs>
<BayesOutput fieldName="y"><TargetValueCounts><TargetValueCount value="1" count="4"/><TargetValueCount value="2" count="4"/></TargetValueCounts></BayesOutput>
</NaiveBayesModel>"#;
    let text = document(&[("s", TEXT), ("y", r#"optype="categorical" dataType="integer""#)], model);
    check(
        &text,
        &[
            (json!({"s": "u"}), json!({"y": 1, "p1": 0.75 / (0.75 + 0.001)})),
            (json!({"s": "v"}), json!({"y": 2, "p1": 0.25 / 1.25})),
            (json!({"s": "w"}), json!({"y": 1, "p1": 0.5})),
        ],
    );
    check_refused(&text.replace(r#"count="3""#, r#"count="-3""#), &["count", "0 or above"]);
}
