//! `RegressionModel`.

use super::*;

fn regression(method: &str, inner: &str) -> String {
    let schema = schema(&["x", "s"]);
    format!(
        "<RegressionModel functionName=\"regression\" normalizationMethod=\"{method}\">{schema}{inner}</RegressionModel>"
    )
}

#[test]
fn a_missing_category_counts_nothing_and_a_missing_number_everything() {
    let table = r#"<RegressionTable intercept="1">
        <NumericPredictor name="x" exponent="2" coefficient="3"/>
        <CategoricalPredictor name="s" value="a" coefficient="10"/>
        <CategoricalPredictor name="s" value="b" coefficient="20"/>
        <CategoricalPredictor name="s" value="a" coefficient="40"/></RegressionTable>"#;
    check(
        &[X, S, Y].concat(),
        &regression("none", table),
        &[
            // 3 * 2^2 + 10 + 1: of one field in a row the first that fits.
            (json!({"x": 2.0, "s": "a"}), json!({"y": 23.0})),
            (json!({"x": 2.0, "s": "b"}), json!({"y": 33.0})),
            (json!({"x": 2.0, "s": null}), json!({"y": 13.0})),
            (json!({"x": null, "s": "a"}), json!({"y": null})),
            // What stands behind a missing number is not looked at.
            (json!({"x": null, "s": "c"}), json!({"y": null})),
            (json!({"x": 2.0, "s": "c"}), refused()),
            (json!({"x": "NaN", "s": "a"}), refused()),
        ],
    );
}

/// Fields with bounds and replacements, whole numbers and 32-bit ones are judged where the table comes to them, as plain ones are.
#[test]
fn an_invalid_value_behind_a_missing_one_is_not_looked_at() {
    let fields = [
        r#"<DataField name="n" optype="continuous" dataType="integer"><Interval closure="closedClosed" leftMargin="0" rightMargin="9"/></DataField>"#,
        S,
        Y,
    ];
    let model = r#"<RegressionModel functionName="regression"><MiningSchema><MiningField name="x"/><MiningField name="n" missingValueReplacement="4"/>
        <MiningField name="s" missingValueReplacement="b"/><MiningField name="y" usageType="target"/></MiningSchema><RegressionTable intercept="1">
        <NumericPredictor name="x" coefficient="2"/><NumericPredictor name="n" coefficient="10"/>
        <CategoricalPredictor name="s" value="b" coefficient="100"/></RegressionTable></RegressionModel>"#;
    check(
        &[X, &fields.concat()].concat(),
        model,
        &[
            (json!({"x": 1.0, "n": 3, "s": "a"}), json!({"y": 33.0})),
            (json!({"x": 1.0}), json!({"y": 143.0})),
            (json!({"n": 20, "s": "b"}), json!({"y": null})),
            (json!({"n": 3, "s": "c"}), json!({"y": null})),
            (json!({"x": 1.0, "n": 20, "s": "b"}), refused()),
            (json!({"x": 1.0, "n": 3, "s": "c"}), refused()),
        ],
    );
}

/// What is invalid, and stays or is replaced, is no outlier; a missing value is not valid, whatever is done to invalid ones.
#[test]
fn only_valid_values_are_outliers() {
    let x = r#"<DataField name="x" optype="continuous" dataType="double"><Interval closure="closedClosed" leftMargin="0" rightMargin="9"/></DataField>"#;
    let model = |treatment: &str| {
        format!(
            r#"<RegressionModel functionName="regression"><MiningSchema><MiningField name="x" {treatment} outliers="asExtremeValues" lowValue="1" highValue="5"/>
            <MiningField name="z" invalidValueTreatment="asIs"/><MiningField name="y" usageType="target"/></MiningSchema>
            <Output><OutputField name="v" feature="transformedValue" dataType="boolean" optype="categorical"><Apply function="isValid"><FieldRef field="z"/></Apply></OutputField>
            </Output><RegressionTable intercept="0"><NumericPredictor name="x" coefficient="1"/></RegressionTable></RegressionModel>"#
        )
    };
    let rows = |invalid: f64| {
        [
            (json!({"x": 0.5, "z": 1.0}), json!({"y": 1.0, "v": true})),
            (json!({"x": 7.0}), json!({"y": 5.0, "v": false})),
            (json!({"x": 20.0, "z": "NaN"}), json!({"y": invalid, "v": false})),
            (json!({"z": 1.0}), json!({"y": null, "v": true})),
        ]
    };
    let fields = [x, Z, Y].concat();
    check(&fields, &model(r#"invalidValueTreatment="asIs""#), &rows(20.0));
    check(&fields, &model(r#"invalidValueTreatment="asValue" invalidValueReplacement="8""#), &rows(8.0));
}

#[test]
fn products_of_fields_are_missing_with_any_of_them() {
    let table = r#"<RegressionTable intercept="0"><PredictorTerm coefficient="2">
        <FieldRef field="x"/><FieldRef field="z" mapMissingTo="5"/><FieldRef field="x"/></PredictorTerm></RegressionTable>"#;
    let schema = schema(&["x", "z"]);
    let model = format!("<RegressionModel functionName=\"regression\">{schema}{table}</RegressionModel>");
    check(
        &[X, Z, Y].concat(),
        &model,
        &[
            (json!({"x": 3.0, "z": 0.5}), json!({"y": 9.0})),
            (json!({"x": 3.0, "z": null}), json!({"y": 90.0})),
            (json!({"x": null, "z": 1.0}), json!({"y": null})),
        ],
    );
}

#[test]
fn normalizations_of_a_number() {
    let table = r#"<RegressionTable intercept="0.5"><NumericPredictor name="x" coefficient="1"/></RegressionTable>"#;
    let e = 1.5_f64;
    for (method, expected) in [
        ("exp", e.exp()),
        ("softmax", logistic(e)),
        ("logit", logistic(e)),
        ("cloglog", 1.0 - (-e.exp()).exp()),
        ("loglog", (-(-e).exp()).exp()),
        ("cauchit", 0.5 + e.atan() / std::f64::consts::PI),
        // A table of the normal distribution.
        ("probit", 0.933_192_798_731_141_9),
    ] {
        check(&[X, S, Y].concat(), &regression(method, table), &[(json!({"x": 1.0}), json!({"y": expected}))]);
    }
}

fn classes(method: &str, names: &[&str], op: &str) -> String {
    let tables: String = names
        .iter()
        .enumerate()
        .map(|(i, name)| {
            format!(
                "<RegressionTable intercept=\"{i}\" targetCategory=\"{name}\"><NumericPredictor name=\"x\" \
                 coefficient=\"0.25\"/></RegressionTable>"
            )
        })
        .collect();
    let schema = format!(
        "<MiningSchema><MiningField name=\"x\"/><MiningField name=\"y\" usageType=\"target\" {op}/></MiningSchema>"
    );
    let output = shares(names);
    format!(
        "<RegressionModel functionName=\"classification\" normalizationMethod=\"{method}\">{schema}{output}{tables}\
         </RegressionModel>"
    )
}

#[test]
fn two_categories_by_every_method() {
    // The sums are 0.5 and 1.5.
    let cases = [
        ("none", 0.5),
        ("logit", logistic(0.5)),
        ("probit", 0.691_462_461_274_013_1),
        ("cloglog", 1.0 - (-0.5_f64.exp()).exp()),
        ("loglog", (-(-0.5_f64).exp()).exp()),
        ("cauchit", 0.5 + 0.5_f64.atan() / std::f64::consts::PI),
        ("simplemax", 0.25),
        ("softmax", logistic(-1.0)),
    ];
    for (method, p) in cases {
        let winner = if p >= 1.0 - p { "no" } else { "yes" };
        let expected = json!({"y": winner, "p_no": p, "p_yes": 1.0 - p});
        check(
            &[X, TWO].concat(),
            &classes(method, &["no", "yes"], ""),
            &[(json!({"x": 2.0}), expected), (json!({"x": null}), json!({"y": null, "p_no": null, "p_yes": null}))],
        );
    }
}

#[test]
fn ordered_categories_accumulate() {
    let f = |x: f64| logistic(x);
    let (a, b) = (f(0.25), f(1.25));
    check(
        &[X, THREE].concat(),
        &classes("logit", &["low", "mid", "high"], "optype=\"ordinal\""),
        &[(json!({"x": 1.0}), json!({"y": "low", "p_low": a, "p_mid": b - a, "p_high": 1.0 - b}))],
    );
    // Kept between 0 and 1: 0.25, then 1.
    check(
        &[X, THREE].concat(),
        &classes("none", &["low", "mid", "high"], "optype=\"ordinal\""),
        &[(json!({"x": 1.0}), json!({"y": "mid", "p_low": 0.25, "p_mid": 0.75, "p_high": 0.0}))],
    );
}

#[test]
fn a_method_that_the_standard_rules_out_refuses_rows_that_would_have_a_result() {
    for (method, op) in [("exp", ""), ("probit", ""), ("softmax", "optype=\"ordinal\"")] {
        check(
            &[X, THREE].concat(),
            &classes(method, &["low", "mid", "high"], op),
            &[(json!({"x": 1.0}), refused()), (json!({"x": null}), json!({"y": null}))],
        );
    }
    let error = refusal(&[X, THREE].concat(), &classes("odds", &["low", "mid", "high"], ""));
    assert!(error.contains("normalizationMethod") && error.contains("\"odds\"") || error.contains("odds"), "{error}");
}

#[test]
fn floats_round_at_every_step() {
    let table = r#"<RegressionTable intercept="0.3"><NumericPredictor name="x" coefficient="0.1"/>
        <NumericPredictor name="z" coefficient="0.2"/></RegressionTable>"#;
    let schema = schema(&["x", "z"]);
    let model = format!(
        "<RegressionModel functionName=\"regression\" x-mathContext=\"float\">{schema}{table}</RegressionModel>"
    );
    let expected = (0.1_f32 * 0.7_f32 + 0.2_f32 * 1.3_f32) + 0.3_f32;
    check(&[X, Z, Y].concat(), &model, &[(json!({"x": 0.7, "z": 1.3}), json!({"y": f64::from(expected)}))]);
}
