//! Trees, segmentations, rule sets and scorecards of PMML by small documents worked by hand, for what no document of others shows;
//! and the two ways that an ensemble runs (one forest, tree by tree), which answer alike.

use model::{Buffer, ModelFiles};
use serde_json::{Value, json};
use testkit::case::{Case, Outcome, run_case};

/// Returns a document of fields `x` and `z` (numbers), `s` (a, b or c) and the target `y`.
fn document(target: &str, model: &str) -> String {
    format!(
        r#"<PMML xmlns="http://www.dmg.org/PMML-4_4" version="4.4"><Header/><DataDictionary>
        <DataField name="x" optype="continuous" dataType="double"/>
        <DataField name="z" optype="continuous" dataType="double"><Interval closure="closedClosed" leftMargin="0" rightMargin="9"/></DataField>
        <DataField name="s" optype="categorical" dataType="string"><Value value="a"/><Value value="b"/><Value value="c"/></DataField>
        <DataField name="y" {target}</DataField></DataDictionary>{model}</PMML>"#
    )
}

const SCHEMA: &str = r#"<MiningSchema><MiningField name="x"/><MiningField name="z"/><MiningField name="s"/><MiningField name="y" usageType="target"/></MiningSchema>"#;
const NUMBER: &str = r#"optype="continuous" dataType="double">"#;
const CLASS: &str = r#"optype="categorical" dataType="string"><Value value="no"/><Value value="yes"/>"#;

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
        name: "trees".to_owned(),
        meta: json!({"tolerance": {"rel": 1e-12, "abs": 1e-12}}),
        files: files(document),
        input: rows.iter().flat_map(|(input, _)| format!("{input}\n").into_bytes()).collect(),
        expected: expected.collect(),
        other: None,
    };
    assert_eq!(run_case(&case), Outcome::Passed, "{document}");
}

/// Returns a tree of a regression: `x < 1` is 1, of the rest `s` in a, b is 2, else 3; the node above the last two is 5.
fn tree(attributes: &str, factor: f64) -> String {
    let score = |base: f64| base * factor;
    let (root, low, high, ab, other) = (score(4.0), score(1.0), score(5.0), score(2.0), score(3.0));
    format!(
        r#"<TreeModel functionName="regression" {attributes}>{SCHEMA}<Node score="{root}" defaultChild="h"><True/>
        <Node id="l" score="{low}"><SimplePredicate field="x" operator="lessThan" value="1"/></Node>
        <Node id="h" score="{high}" defaultChild="o"><SimplePredicate field="x" operator="greaterOrEqual" value="1"/>
        <Node id="ab" score="{ab}"><SimpleSetPredicate field="s" booleanOperator="isIn"><Array n="2" type="string">a b</Array></SimpleSetPredicate></Node>
        <Node id="o" score="{other}"><SimplePredicate field="s" operator="equal" value="c"/></Node></Node></Node></TreeModel>"#
    )
}

fn segmentation(attributes: &str, segments: &[(String, &str, String)]) -> String {
    let one = |(attributes, predicate, model): &(String, &str, String)| {
        format!("<Segment {attributes}>{predicate}{model}</Segment>")
    };
    let segments: String = segments.iter().map(one).collect();
    format!(
        r#"<MiningModel functionName="regression">{SCHEMA}<Segmentation {attributes}>{segments}</Segmentation></MiningModel>"#
    )
}

/// The rows of all trees here: known ones, then a missing `x`, a missing `s`, both, and an unknown `s`.
fn rows() -> [Value; 6] {
    [
        json!({"x": 0.5, "s": null}),
        json!({"x": 1.0, "s": "b"}),
        json!({"x": 2.0, "s": "c"}),
        json!({"x": null, "s": "a"}),
        json!({"x": 2.0, "s": null}),
        json!({"x": 2.0, "s": "d"}),
    ]
}

fn expect(model: &str, answers: [Value; 6]) {
    let with = |answer: Value| if answer == "refused" { answer } else { json!({"y": answer}) };
    let rows: Vec<_> = rows().into_iter().zip(answers.map(with)).collect();
    check(&document(NUMBER, model), &rows);
}

/// Every strategy, as a tree and as an ensemble of it, which is a forest; a segment with a predicate makes it no forest.
#[test]
fn strategies_are_the_same_in_a_tree_a_forest_and_a_committee() {
    let n = || Value::Null;
    let v = |x: f64| json!(x);
    // A value that the dictionary does not list is invalid: it is refused where the tree asks for it.
    let bad = || json!("refused");
    let cases = [
        (r#"missingValueStrategy="none""#, [v(1.0), v(2.0), v(3.0), n(), n(), bad()]),
        (
            r#"missingValueStrategy="none" noTrueChildStrategy="returnLastPrediction""#,
            [v(1.0), v(2.0), v(3.0), v(4.0), v(5.0), bad()],
        ),
        (r#"missingValueStrategy="lastPrediction""#, [v(1.0), v(2.0), v(3.0), v(4.0), v(5.0), bad()]),
        (r#"missingValueStrategy="nullPrediction""#, [v(1.0), v(2.0), v(3.0), n(), n(), bad()]),
        (r#"missingValueStrategy="defaultChild""#, [v(1.0), v(2.0), v(3.0), v(2.0), v(3.0), bad()]),
    ];
    for (attributes, answers) in cases {
        expect(&tree(attributes, 1.0), answers.clone());
        let always = "<True/>";
        let sometimes = r#"<CompoundPredicate booleanOperator="or"><SimplePredicate field="z" operator="isMissing"/><False/></CompoundPredicate>"#;
        for predicate in [always, sometimes] {
            let segments =
                [(String::new(), always, tree(attributes, 1.0)), (String::new(), predicate, tree(attributes, 10.0))];
            let sum = segmentation(r#"multipleModelMethod="sum""#, &segments);
            let eleven = |answer: &Value| answer.as_f64().map_or(answer.clone(), |x| json!(x * 11.0));
            expect(&sum, answers.each_ref().map(eleven));
        }
    }
}

#[test]
fn weights_and_missing_results_of_segments() {
    let trees = || {
        let weighted = |weight: f64| format!(r#"weight="{weight}""#);
        [(weighted(1.0), "<True/>", tree("", 1.0)), (weighted(3.0), "<True/>", tree("", 2.0))]
    };
    let n = || Value::Null;
    let of = |attributes: &str| segmentation(attributes, &trees());
    // 1 * 1 + 3 * 2 = 7 parts of 4.
    let weighted = [json!(1.75), json!(3.5), json!(5.25), n(), n(), json!("refused")];
    expect(&of(r#"multipleModelMethod="weightedAverage""#), weighted);
    let sum = [json!(7.0), json!(14.0), json!(21.0), n(), n(), json!("refused")];
    expect(&of(r#"multipleModelMethod="x-weightedSum""#), sum.clone());
    expect(&of(r#"multipleModelMethod="weightedSum" missingPredictionTreatment="returnMissing""#), sum);
    let median = [json!(1.5), json!(3.0), json!(4.5), n(), n(), json!("refused")];
    expect(&of(r#"multipleModelMethod="median""#), median);
    // One tree that always answers beside one that does not: a share of 1/4 is missing.
    let last = tree(r#"noTrueChildStrategy="returnLastPrediction""#, 1.0);
    let mixed = [(r#"weight="3""#.to_owned(), "<True/>", last), (r#"weight="1""#.to_owned(), "<True/>", tree("", 1.0))];
    let skip = |threshold: &str| {
        let attributes = format!(
            r#"multipleModelMethod="weightedAverage" missingPredictionTreatment="skipSegment" missingThreshold="{threshold}""#
        );
        segmentation(&attributes, &mixed)
    };
    let known = [json!(1.0), json!(2.0), json!(3.0)];
    let [a, b, c] = known;
    expect(&skip("0.25"), [a.clone(), b.clone(), c.clone(), json!(4.0), json!(5.0), json!("refused")]);
    expect(&skip("0.2"), [a, b, c, n(), n(), json!("refused")]);
}

#[test]
fn a_value_is_refused_only_where_a_path_asks_for_it() {
    let model = segmentation(
        r#"multipleModelMethod="sum""#,
        &[(String::new(), "<True/>", tree("", 1.0)), (String::new(), "<True/>", tree("", 1.0))],
    );
    for model in [tree("", 2.0), model] {
        check(
            &document(NUMBER, &model),
            &[
                (json!({"x": 0.0, "s": "nothing of the kind"}), json!({"y": 2.0})),
                (json!({"x": "no number", "s": "a"}), json!("refused")),
                (json!({"x": 0.0, "z": 1e9, "s": "a"}), json!({"y": 2.0})),
            ],
        );
    }
}

fn voter(score: &str, below: f64) -> String {
    format!(
        r#"<TreeModel functionName="classification">{SCHEMA}<Node score="{score}"><True/>
        <Node score="{score}"><SimplePredicate field="x" operator="lessThan" value="{below}"/></Node></Node></TreeModel>"#
    )
}

#[test]
fn votes_are_counted_and_a_tie_goes_to_the_class_first_voted_for() {
    let of = |method: &str, predicate: &str| {
        let segment =
            |weight: f64, model: String| format!(r#"<Segment weight="{weight}">{predicate}{model}</Segment>"#);
        let segments: String = [(1.0, "yes", 5.0), (1.0, "no", 5.0), (4.0, "no", 3.0), (2.0, "yes", 2.0)]
            .map(|(weight, score, below)| segment(weight, voter(score, below)))
            .concat();
        let output = r#"<Output><OutputField name="p" feature="probability" value="yes"/></Output>"#;
        document(
            CLASS,
            &format!(
                r#"<MiningModel functionName="classification">{SCHEMA}{output}<Segmentation multipleModelMethod="{method}">{segments}</Segmentation></MiningModel>"#
            ),
        )
    };
    let sometimes = r#"<SimplePredicate field="z" operator="isMissing"/>"#;
    for predicate in ["<True/>", sometimes] {
        let rows = [
            (json!({"x": 1.0}), json!({"y": "yes", "p": 0.5})),
            (json!({"x": 2.5}), json!({"y": "no", "p": 1.0 / 3.0})),
            // Two of four do not vote, and no class has more than those.
            (json!({"x": 4.0}), json!({"y": null})),
            (json!({"x": 9.0}), json!("refused")),
        ];
        // Two for nothing are more than one for either class.
        check(&of("majorityVote", predicate), &rows);
        let rows = [
            (json!({"x": 1.0}), json!({"y": "no", "p": 3.0 / 8.0})),
            (json!({"x": 2.5}), json!({"y": "no", "p": 1.0 / 6.0})),
            (json!({"x": 4.0}), json!({"y": null})),
        ];
        check(&of("weightedMajorityVote", predicate), &rows);
    }
}

#[test]
fn the_first_segment_whose_predicate_is_true_answers() {
    let below = |x: f64| format!(r#"<SimplePredicate field="x" operator="lessThan" value="{x}"/>"#);
    let (one, two) = (below(1.0), below(2.0));
    let leaf = |score: f64| {
        format!(r#"<TreeModel functionName="regression">{SCHEMA}<Node score="{score}"><True/></Node></TreeModel>"#)
    };
    let segments =
        [(r#"id="first""#.to_owned(), one.as_str(), leaf(1.0)), (r#"id="second""#.to_owned(), two.as_str(), leaf(2.0))];
    let model = segmentation(r#"multipleModelMethod="selectFirst""#, &segments).replace(
        "<Segmentation",
        r#"<Output><OutputField name="who" feature="entityId"/><OutputField name="second" feature="predictedValue" segmentId="second"/></Output><Segmentation"#,
    );
    let rows = [
        (json!({"x": 0.0}), json!({"y": 1.0, "who": "first", "second": null})),
        (json!({"x": 1.5}), json!({"y": 2.0, "who": "second", "second": 2.0})),
        (json!({"x": 3.0}), json!({"y": null, "who": null, "second": null})),
        (json!({"x": null}), json!({"y": null, "who": null, "second": null})),
    ];
    check(&document(NUMBER, &model), &rows);
}

/// What says whether a category is valid is made in the branch that asks first; outside of it, it is made again.
#[test]
fn a_field_that_a_branch_judged_is_judged_outside_too() {
    let sometimes = r#"<CompoundPredicate booleanOperator="or"><SimplePredicate field="z" operator="isMissing"/><False/></CompoundPredicate>"#;
    let segments = [(String::new(), sometimes, tree("", 10.0)), (String::new(), "<True/>", tree("", 1.0))];
    let sum = segmentation(r#"multipleModelMethod="sum""#, &segments);
    let none = Value::Null;
    expect(&sum, [json!(11.0), json!(22.0), json!(33.0), none.clone(), none, json!("refused")]);
}

/// The model around takes 20 as it is, though it is no valid `z`: the segment's own field, which says nothing, does not judge it
/// again; one that makes invalid values missing does.
#[test]
fn a_segment_takes_values_as_the_model_around_it_left_them() {
    let outer = SCHEMA.replace(r#"name="z""#, r#"name="z" invalidValueTreatment="asIs""#);
    let one = |own: &str| {
        let schema = SCHEMA.replace(r#"name="z""#, &format!(r#"name="z" {own}"#));
        let table = r#"<RegressionTable intercept="1"><NumericPredictor name="z" coefficient="2"/></RegressionTable>"#;
        let part = format!(r#"<RegressionModel functionName="regression">{schema}{table}</RegressionModel>"#);
        let model = segmentation(r#"multipleModelMethod="average""#, &[(String::new(), "<True/>", part)]);
        document(NUMBER, &model.replacen(SCHEMA, &outer, 1))
    };
    check(&one(""), &[(json!({"z": 20.0}), json!({"y": 41.0}))]);
    check(&one(r#"invalidValueTreatment="asMissing""#), &[(json!({"z": 20.0}), json!({"y": null}))]);
    check(
        &one(r#"invalidValueTreatment="asMissing" missingValueReplacement="3""#),
        &[(json!({"z": 20.0}), json!({"y": 7.0}))],
    );
}

/// A chosen segment's result is as the segment's own targets made it; those of the model around stand in where none was chosen.
#[test]
fn targets_of_a_choice_stand_in_for_a_segment() {
    let above = r#"<SimplePredicate field="x" operator="greaterThan" value="1"/>"#;
    let part = format!(
        r#"<RegressionModel functionName="regression">{SCHEMA}<RegressionTable intercept="5"/></RegressionModel>"#
    );
    let targets = r#"<Targets><Target field="y" rescaleFactor="10"><TargetValue defaultValue="7"/></Target></Targets>"#;
    let of = |method: &str| {
        let model =
            segmentation(&format!(r#"multipleModelMethod="{method}""#), &[(String::new(), above, part.clone())]);
        document(NUMBER, &model.replacen(SCHEMA, &format!("{SCHEMA}{targets}"), 1))
    };
    for method in ["selectFirst", "modelChain"] {
        check(&of(method), &[(json!({"x": 2.0}), json!({"y": 5.0})), (json!({"x": 0.0}), json!({"y": 70.0}))]);
    }
    check(&of("sum"), &[(json!({"x": 2.0}), json!({"y": 50.0}))]);
    let whole = of("selectFirst").replace("rescaleFactor", r#"castInteger="round" rescaleFactor"#);
    check(&whole, &[(json!({"x": 2.0}), json!({"y": 5.0})), (json!({"x": 0.0}), json!({"y": 70}))]);
}

/// What a segment that did not run would have told is asked for by a segment that does run, not by one that does not either.
#[test]
fn a_result_is_needed_only_where_a_segment_asks_for_it() {
    let schema = r#"<MiningSchema><MiningField name="x"/></MiningSchema>"#;
    let above = r#"<SimplePredicate field="x" operator="greaterThan" value="1"/>"#;
    let is_a = r#"<SimplePredicate field="s" operator="equal" value="a"/>"#;
    let first = format!(
        r#"<RegressionModel functionName="regression">{schema}<Output><OutputField name="p" feature="predictedValue"/></Output><RegressionTable intercept="3"/>
        </RegressionModel>"#
    );
    let own = SCHEMA.replace("<MiningSchema>", r#"<MiningSchema><MiningField name="p"/>"#);
    let last = format!(
        r#"<RegressionModel functionName="regression">{own}<RegressionTable intercept="0"><NumericPredictor name="p" coefficient="4"/></RegressionTable></RegressionModel>"#
    );
    let segments = [(String::new(), above, first), (String::new(), is_a, last)];
    check(
        &document(NUMBER, &segmentation(r#"multipleModelMethod="modelChain""#, &segments)),
        &[
            (json!({"x": 2.0, "s": "a"}), json!({"y": 12.0})),
            (json!({"x": 0.0, "s": "b"}), json!({"y": null})),
            (json!({"x": 0.0, "s": "a"}), json!("refused")),
        ],
    );
}

/// A part of a chain that names no target predicts something of its own: here a category, in a chain that ends with a number.
#[test]
fn a_part_without_a_target_has_one_of_its_own() {
    let schema = r#"<MiningSchema><MiningField name="x"/></MiningSchema>"#;
    let first = format!(
        r#"<TreeModel functionName="classification">{schema}<Output><OutputField name="p" feature="probability" value="up"/></Output><Node score="up"><True/>
        <ScoreDistribution value="up" recordCount="3"/><ScoreDistribution value="down" recordCount="1"/></Node></TreeModel>"#
    );
    let own = SCHEMA.replace("<MiningSchema>", r#"<MiningSchema><MiningField name="p"/>"#);
    let last = format!(
        r#"<RegressionModel functionName="regression">{own}<RegressionTable intercept="0"><NumericPredictor name="p" coefficient="4"/></RegressionTable></RegressionModel>"#
    );
    let segments = [(String::new(), "<True/>", first), (String::new(), "<True/>", last)];
    let text = document(NUMBER, &segmentation(r#"multipleModelMethod="modelChain""#, &segments));
    check(&text, &[(json!({"x": 1.0}), json!({"y": 3.0}))]);
}

/// A segment that is not there has no result (Output, 4.4); without a prediction there is no residual, whatever the truth.
#[test]
fn outputs_of_what_is_not_there_are_missing() {
    let output = r#"<Output><OutputField name="no" feature="predictedValue" segmentId="9"/><OutputField name="r" feature="residual"/></Output>"#;
    let part = (r#"id="1""#.to_owned(), "<True/>", tree("", 1.0));
    let model = segmentation(r#"multipleModelMethod="selectFirst""#, &[part]);
    check(
        &document(NUMBER, &model.replacen(SCHEMA, &format!("{SCHEMA}{output}"), 1)),
        &[
            (json!({"x": 0.0, "y": 3.0}), json!({"y": 1.0, "no": null, "r": 2.0})),
            (json!({"x": 0.0}), json!("refused")),
            (json!({"s": "a"}), json!({"y": null, "no": null, "r": null})),
        ],
    );
}

/// Distributions without confidences give 0; a value that nobody displays otherwise is shown as it is.
#[test]
fn confidences_and_displays_that_nobody_gave() {
    let output = r#"<Output><OutputField name="c" feature="confidence" value="yes"/><OutputField name="p" feature="probability" value="yes"/>
        <OutputField name="d" feature="predictedDisplayValue"/></Output>"#;
    let tree = format!(
        r#"<TreeModel functionName="classification">{SCHEMA}{output}<Node><True/><Node score="true"><SimplePredicate field="x" operator="lessThan" value="1"/>
        <ScoreDistribution value="true" recordCount="3"/><ScoreDistribution value="false" recordCount="1"/></Node></Node></TreeModel>"#
    );
    let boolean = r#"optype="categorical" dataType="boolean">"#;
    check(
        &document(boolean, &tree.replace(r#"value="yes""#, r#"value="true""#)),
        &[
            (json!({"x": 0.0}), json!({"y": true, "c": 0.0, "p": 0.75, "d": true})),
            (json!({"x": 1.0}), json!({"y": null, "c": null, "p": null, "d": null})),
        ],
    );
}

/// The first segment always runs, the second above 1, the third where `s` is a. Lists have the results in the segments' order.
#[test]
fn all_results_are_shown_as_lists() {
    let one = |id: &str, predicate: &'static str, score: f64| {
        let model = format!(
            r#"<TreeModel functionName="regression" noTrueChildStrategy="returnNullPrediction">{SCHEMA}<Node><True/>
            <Node score="{score}"><SimplePredicate field="z" operator="lessThan" value="5"/></Node></Node></TreeModel>"#
        );
        (format!(r#"id="{id}""#), predicate, model)
    };
    let above = r#"<SimplePredicate field="x" operator="greaterThan" value="1"/>"#;
    let is_a = r#"<SimplePredicate field="s" operator="equal" value="a"/>"#;
    let output = r#"<Output><OutputField name="p" feature="predictedValue" dataType="string"/><OutputField name="id" feature="entityId"/>
        <OutputField name="of" feature="predictedValue" segmentId="two"/></Output>"#;
    let all = |first: &'static str, treatment: &str, rows: &[(Value, Value)]| {
        let segments = [one("one", first, 1.5), one("two", above, 2.5), one("three", is_a, 3.5)];
        let model = segmentation(&format!(r#"multipleModelMethod="selectAll" {treatment}"#), &segments);
        check(&document(NUMBER, &model.replacen(SCHEMA, &format!("{SCHEMA}{output}"), 1)), rows);
    };
    let row = |x: f64, s: &str, z: f64| json!({"x": x, "s": s, "z": z});
    all(
        "<True/>",
        "",
        &[
            (
                row(2.0, "a", 1.0),
                json!({"y": [1.5, 2.5, 3.5], "p": [1.5, 2.5, 3.5], "id": ["one", "two", "three"], "of": 2.5}),
            ),
            (row(1.0, "a", 1.0), json!({"y": [1.5, 3.5], "p": [1.5, 3.5], "id": ["one", "three"], "of": null})),
            (json!({"z": 1.0}), json!({"y": [1.5], "p": [1.5], "id": ["one"], "of": null})),
            (row(1.0, "a", 6.0), json!({"y": [null, null], "p": [null, null], "id": ["one", "three"], "of": null})),
        ],
    );
    let none = json!({"y": null, "p": null, "id": null, "of": null});
    all(above, "", &[(row(1.0, "b", 1.0), none.clone()), (json!({"z": 1.0}), none.clone())]);
    all("<True/>", r#"missingPredictionTreatment="skipSegment""#, &[(row(1.0, "a", 6.0), none.clone())]);
    all("<True/>", r#"missingPredictionTreatment="returnMissing""#, &[(row(1.0, "a", 6.0), none)]);
}

/// Probabilities of each segment's own distribution: 1 of 4 and 3 of 4, then 1 of 2.
#[test]
fn all_classes_are_shown_with_their_probabilities() {
    let one = |no: u32, yes: u32| {
        format!(
            r#"<TreeModel functionName="classification">{SCHEMA}<Node><True/><ScoreDistribution value="no" recordCount="{no}"/>
            <ScoreDistribution value="yes" recordCount="{yes}"/></Node></TreeModel>"#
        )
    };
    let above = r#"<SimplePredicate field="x" operator="greaterThan" value="1"/>"#;
    let segments = [(String::new(), "<True/>", one(1, 3)), (String::new(), above, one(2, 2))];
    let model =
        segmentation(r#"multipleModelMethod="selectAll""#, &segments).replacen("regression", "classification", 1);
    let output = r#"<Output><OutputField name="yes" feature="probability" value="yes"/><OutputField name="best" feature="probability"/></Output>"#;
    let text = document(CLASS, &model.replacen(SCHEMA, &format!("{SCHEMA}{output}"), 1));
    check(
        &text,
        &[
            (json!({"x": 2.0}), json!({"y": ["yes", "no"], "yes": [0.75, 0.5], "best": [0.75, 0.5]})),
            (json!({"x": 1.0}), json!({"y": ["yes"], "yes": [0.75], "best": [0.75]})),
        ],
    );
}

/// A tree guesses what is missing (20, 70 or 40), a regression goes on with it: `2 + x / 10` (Model Composition, 3.2: sequences).
#[test]
fn a_model_inside_hands_its_result_on() {
    let model = format!(
        r#"<MiningModel functionName="regression">{SCHEMA}
        <DecisionTree functionName="regression" noTrueChildStrategy="returnLastPrediction"><ResultField name="guess" feature="predictedValue"/>
        <Node score="40"><True/><Node score="20"><SimplePredicate field="s" operator="equal" value="a"/></Node>
        <Node score="70"><SimplePredicate field="s" operator="equal" value="b"/></Node></Node></DecisionTree>
        <Regression functionName="regression"><LocalTransformations><DerivedField name="known" optype="continuous" dataType="double">
        <Apply function="if"><Apply function="isMissing"><FieldRef field="x"/></Apply><FieldRef field="guess"/><Constant dataType="double">10</Constant></Apply>
        </DerivedField></LocalTransformations><RegressionTable intercept="2"><NumericPredictor name="known" coefficient="0.1"/></RegressionTable></Regression>
        </MiningModel>"#
    );
    let text = document(NUMBER, &model);
    let rows = [
        (json!({"s": "a"}), 4.0),
        (json!({"s": "b"}), 9.0),
        (json!({"s": "c"}), 6.0),
        (json!({"s": "a", "x": 1.0}), 3.0),
    ];
    check(&text, &rows.map(|(row, y)| (row, json!({"y": y}))));
}

/// A model that a node holds answers where the walk ends at the node, in a tree and in a MiningModel of 3.2 (selection).
#[test]
fn a_model_inside_of_a_node_answers_for_it() {
    let nodes = r#"<Node><True/>
        <Node id="low"><SimplePredicate field="x" operator="lessThan" value="1"/><Regression functionName="regression"><RegressionTable intercept="1">
        <NumericPredictor name="x" coefficient="2"/></RegressionTable></Regression></Node>
        <Node id="high"><SimplePredicate field="x" operator="greaterOrEqual" value="1"/><DecisionTree functionName="regression"><Node><True/>
        <Node score="5"><SimplePredicate field="s" operator="equal" value="a"/></Node></Node></DecisionTree></Node>
        <Node id="other" score="9"><True/></Node></Node>"#;
    let rows = [
        (json!({"x": 0.5}), json!({"y": 2.0, "id": "low"})),
        (json!({"x": 1.0, "s": "a"}), json!({"y": 5.0, "id": "high"})),
        (json!({"x": 1.0, "s": "b"}), json!({"y": null, "id": "high"})),
        (json!({}), json!({"y": 9.0, "id": "other"})),
    ];
    let output = r#"<Output><OutputField name="id" feature="entityId"/></Output>"#;
    let tree = format!(r#"<TreeModel functionName="regression">{SCHEMA}{output}{nodes}</TreeModel>"#);
    check(&document(NUMBER, &tree), &rows);
    let inside = r#"<DecisionTree functionName="regression">"#;
    let model = format!(
        r#"<MiningModel functionName="regression">{SCHEMA}{output}{inside}{nodes}</DecisionTree></MiningModel>"#
    );
    check(&document(NUMBER, &model), &rows);
}

#[test]
fn a_chain_hands_outputs_on_and_ends_with_the_last_segment_that_runs() {
    let first = tree(r#"missingValueStrategy="defaultChild""#, 1.0).replace(
        "</MiningSchema>",
        r#"</MiningSchema><Output><OutputField name="step" feature="predictedValue"/></Output>"#,
    );
    let above = r#"<SimplePredicate field="step" operator="greaterThan" value="1"/>"#;
    let second =
        r#"<TreeModel functionName="regression"><MiningSchema><MiningField name="step"/><MiningField name="y" usageType="target"/></MiningSchema>
        <Node score="0"><True/><Node score="20"><SimplePredicate field="step" operator="equal" value="2"/></Node>
        <Node score="30"><SimplePredicate field="step" operator="equal" value="3"/></Node></Node></TreeModel>"#
            .to_owned();
    let chain = segmentation(
        r#"multipleModelMethod="modelChain""#,
        &[(String::new(), "<True/>", first), (String::new(), above, second)],
    );
    let v = |x: f64| json!(x);
    expect(&chain, [v(1.0), v(20.0), v(30.0), v(20.0), v(30.0), json!("refused")]);
}

#[test]
fn rules_by_each_criterion() {
    let of = |criterion: &str| {
        document(
            CLASS,
            &format!(
                r#"<RuleSetModel functionName="classification">{SCHEMA}
                <Output><OutputField name="rule" feature="entityId"/><OutputField name="sure" feature="confidence"/></Output>
                <RuleSet defaultScore="no" defaultConfidence="0.25"><RuleSelectionMethod criterion="{criterion}"/>
                <SimpleRule id="r1" score="yes" weight="0.5" confidence="0.6"><SimplePredicate field="x" operator="lessThan" value="5"/></SimpleRule>
                <CompoundRule><SimplePredicate field="s" operator="equal" value="a"/>
                <SimpleRule id="r2" score="no" weight="0.9" confidence="0.8"><SimplePredicate field="x" operator="lessThan" value="3"/></SimpleRule>
                <SimpleRule id="r3" score="yes" weight="0.7" confidence="0.7"><SimplePredicate field="x" operator="lessThan" value="2"/></SimpleRule>
                </CompoundRule></RuleSet></RuleSetModel>"#
            ),
        )
    };
    let x = |x: f64, s: &str| json!({"x": x, "s": s});
    let is = |y: &str, rule: Value, sure: f64| json!({"y": y, "rule": rule, "sure": sure});
    let rows = [
        (x(1.0, "a"), is("yes", json!("r1"), 0.6)),
        (x(2.5, "a"), is("yes", json!("r1"), 0.6)),
        (x(2.5, "b"), is("yes", json!("r1"), 0.6)),
        (x(9.0, "a"), is("no", Value::Null, 0.25)),
    ];
    check(&of("firstHit"), &rows);
    // yes: (0.5 + 0.7) / 3, by its heavier rule; no: 0.9 / 3, then 0.9 / 2.
    let rows = [
        (x(1.0, "a"), is("yes", json!("r3"), 0.4)),
        (x(2.5, "a"), is("no", json!("r2"), 0.45)),
        (x(2.5, "c"), is("yes", json!("r1"), 0.5)),
    ];
    check(&of("weightedSum"), &rows);
    let rows = [(x(1.0, "a"), is("no", json!("r2"), 0.8)), (x(2.5, "b"), is("yes", json!("r1"), 0.6))];
    check(&of("weightedMax"), &rows);
}

#[test]
fn a_scorecard_adds_points_and_gives_reasons() {
    let of = |algorithm: &str| {
        document(
            NUMBER,
            &format!(
                r#"<Scorecard functionName="regression" initialScore="10" reasonCodeAlgorithm="{algorithm}" baselineScore="5">{SCHEMA}
                <Output><OutputField name="r1" feature="reasonCode" rank="1"/><OutputField name="r2" feature="reasonCode" rank="2"/></Output>
                <Characteristics><Characteristic reasonCode="X">
                <Attribute partialScore="2"><SimplePredicate field="x" operator="lessThan" value="1"/></Attribute>
                <Attribute partialScore="9" reasonCode="X9"><SimplePredicate field="x" operator="greaterOrEqual" value="1"/></Attribute></Characteristic>
                <Characteristic reasonCode="S" baselineScore="4">
                <Attribute partialScore="0"><SimplePredicate field="s" operator="equal" value="a"/></Attribute>
                <Attribute partialScore="7"><True/></Attribute></Characteristic></Characteristics></Scorecard>"#
            ),
        )
    };
    let rows = |reasons: [[Value; 2]; 3]| {
        let [[a, b], [c, d], [e, f]] = reasons;
        [
            (json!({"x": 0.0, "s": "a"}), json!({"y": 12.0, "r1": a, "r2": b})),
            (json!({"x": 1.0, "s": "a"}), json!({"y": 19.0, "r1": c, "r2": d})),
            (json!({"x": 1.0, "s": "b"}), json!({"y": 26.0, "r1": e, "r2": f})),
            (json!({"x": null, "s": "b"}), json!("refused")),
        ]
    };
    let n = || Value::Null;
    // Below the baseline: 3 and 4; -4 and 4; -4 and -3.
    check(&of("pointsBelow"), &rows([[json!("S"), json!("X")], [json!("S"), n()], [n(), n()]]));
    check(&of("pointsAbove"), &rows([[n(), n()], [json!("X9"), n()], [json!("X9"), json!("S")]]));
}
