//! `GeneralRegressionModel`.

use super::*;

const MATRICES: &str = r#"<ParameterList><Parameter name="p0"/><Parameter name="p1"/><Parameter name="p2"/></ParameterList>
    <FactorList><Predictor name="s"/></FactorList><CovariateList><Predictor name="x"/></CovariateList>
    <PPMatrix><PPCell value="1" predictorName="x" parameterName="p1"/>
    <PPCell value="a" predictorName="s" parameterName="p2"/><PPCell value="2" predictorName="x" parameterName="p2"/></PPMatrix>"#;

fn general(attributes: &str, function: &str, cells: &str) -> String {
    let schema = schema(&["x", "s", "z"]);
    format!(
        "<GeneralRegressionModel functionName=\"{function}\" {attributes}>{schema}{MATRICES}<ParamMatrix>{cells}</ParamMatrix>\
         </GeneralRegressionModel>"
    )
}

const CELLS: &str = r#"<PCell parameterName="p0" beta="0.5"/><PCell parameterName="p1" beta="0.25"/>
    <PCell parameterName="p2" beta="2"/>"#;

#[test]
fn every_link() {
    // 0.5 + 0.25 * 0.4 + 2 * [s = a] * 0.4^2
    let r: f64 = 0.5 + 0.25 * 0.4 + 2.0 * 0.4 * 0.4;
    for (attributes, expected) in [
        (r#"modelType="regression""#, r),
        (r#"modelType="generalLinear""#, r),
        (r#"modelType="generalizedLinear" linkFunction="identity""#, r),
        (r#"modelType="generalizedLinear" linkFunction="log""#, r.exp()),
        (r#"modelType="generalizedLinear" linkFunction="logc""#, 1.0 - r.exp()),
        (r#"modelType="generalizedLinear" linkFunction="logit""#, logistic(r)),
        (r#"modelType="generalizedLinear" linkFunction="cloglog""#, 1.0 - (-r.exp()).exp()),
        (r#"modelType="generalizedLinear" linkFunction="loglog""#, (-(-r).exp()).exp()),
        (r#"modelType="generalizedLinear" linkFunction="negbin" distParameter="2""#, 1.0 / (2.0 * ((-r).exp() - 1.0))),
        (
            r#"modelType="generalizedLinear" linkFunction="oddspower" linkParameter="2""#,
            1.0 / (1.0 + (1.0 + 2.0 * r).powf(-0.5)),
        ),
        (r#"modelType="generalizedLinear" linkFunction="oddspower" linkParameter="0""#, logistic(r)),
        (r#"modelType="generalizedLinear" linkFunction="power" linkParameter="3""#, r.powf(1.0 / 3.0)),
        (r#"modelType="generalizedLinear" linkFunction="power" linkParameter="0""#, r.exp()),
        (r#"modelType="generalizedLinear" linkFunction="log" offsetValue="1" trialsValue="4""#, 4.0 * (r + 1.0).exp()),
        (
            r#"modelType="generalizedLinear" linkFunction="log" offsetVariable="z" trialsValue="2""#,
            2.0 * (r + 0.5).exp(),
        ),
        (r#"modelType="generalizedLinear" linkFunction="logit" trialsVariable="z""#, 0.5 * logistic(r)),
    ] {
        check(
            &[X, S, Z, Y].concat(),
            &general(attributes, "regression", CELLS),
            &[
                (json!({"x": 0.4, "s": "a", "z": 0.5}), json!({"y": expected})),
                (json!({"x": 0.4, "s": null, "z": 0.5}), json!({"y": null})),
                (json!({"x": null, "s": "a", "z": 0.5}), json!({"y": null})),
            ],
        );
    }
    let error = refusal(
        &[X, S, Z, Y].concat(),
        &general(r#"modelType="generalizedLinear" linkFunction="power""#, "regression", CELLS),
    );
    assert!(error.contains("linkParameter"), "{error}");
}

#[test]
fn an_offset_or_number_of_trials_has_to_be_there() {
    let attributes = r#"modelType="generalizedLinear" linkFunction="log" offsetVariable="z""#;
    check(
        &[X, S, Z, Y].concat(),
        &general(attributes, "regression", CELLS),
        &[
            (json!({"x": 0.0, "s": "b", "z": null}), refused()),
            (json!({"x": null, "s": "b", "z": null}), json!({"y": null})),
        ],
    );
}

#[test]
fn a_binomial_model_may_leave_the_category_out_of_its_cells() {
    let attributes = r#"modelType="generalizedLinear" linkFunction="logit" targetReferenceCategory="no""#;
    let model = general(attributes, "classification", CELLS)
        .replace("<ParameterList>", &format!("{}<ParameterList>", shares(&["no", "yes"])));
    // s is not a: 0.5 + 0.25 * 2.
    let p = logistic(1.0);
    check(
        &[X, S, Z, TWO].concat(),
        &model,
        &[(json!({"x": 2.0, "s": "b"}), json!({"y": "yes", "p_yes": p, "p_no": 1.0 - p}))],
    );
}

#[test]
fn multinomial_and_ordinal_models() {
    let cells = r#"<PCell targetCategory="low" parameterName="p0" beta="0.5"/>
        <PCell targetCategory="mid" parameterName="p0" beta="1"/><PCell targetCategory="mid" parameterName="p1" beta="-1"/>"#;
    let output = format!("{}<ParameterList>", shares(&["low", "mid", "high"]));
    let model = general(r#"modelType="multinomialLogistic""#, "classification", cells);
    let (a, b) = (0.5_f64.exp(), (1.0_f64 - 2.0).exp());
    let sum = a + b + 1.0;
    check(
        &[X, S, Z, THREE].concat(),
        &model.replace("<ParameterList>", &output),
        &[(json!({"x": 2.0, "s": "b"}), json!({"y": "low", "p_low": a / sum, "p_mid": b / sum, "p_high": 1.0 / sum}))],
    );
    let cells = r#"<PCell targetCategory="low" parameterName="p0" beta="-0.5"/>
        <PCell targetCategory="mid" parameterName="p0" beta="1"/><PCell parameterName="p1" beta="0.25"/>"#;
    let normal = |x: f64| match x {
        0.0 => 0.5,
        _ => 0.933_192_798_731_141_9,
    };
    let links: [(&str, &dyn Fn(f64) -> f64); 5] = [
        ("logit", &logistic),
        ("probit", &normal),
        ("cloglog", &|x: f64| 1.0 - (-x.exp()).exp()),
        ("loglog", &|x: f64| (-(-x).exp()).exp()),
        ("cauchit", &|x: f64| 0.5 + x.atan() / std::f64::consts::PI),
    ];
    for (name, f) in links {
        // -0.5 + 0.25 * 2 and 1 + 0.25 * 2.
        let (a, b) = (f(0.0), f(1.5));
        let attributes = format!("modelType=\"ordinalMultinomial\" cumulativeLink=\"{name}\"");
        let model = general(&attributes, "classification", cells).replace("<ParameterList>", &output);
        let winner = if b - a > a { "mid" } else { "low" };
        check(
            &[X, S, Z, THREE].concat(),
            &model,
            &[(json!({"x": 2.0, "s": "b"}), json!({"y": winner, "p_low": a, "p_mid": b - a, "p_high": 1.0 - b}))],
        );
    }
}

#[test]
fn contrasts_of_every_kind_of_matrix() {
    let matrices = [
        (r#"<Matrix kind="any"><Array n="2">1 -1</Array><Array n="2">0.5 4</Array></Matrix>"#, [-1.0, 4.0]),
        (r#"<Matrix kind="symmetric"><Array n="1">1</Array><Array n="2">3 4</Array></Matrix>"#, [3.0, 4.0]),
        (r#"<Matrix kind="diagonal"><Array n="2">7 8</Array></Matrix>"#, [0.0, 8.0]),
        (r#"<Matrix diagDefault="2" offDiagDefault="-2"><MatCell row="1" col="2">9</MatCell></Matrix>"#, [9.0, 2.0]),
    ];
    for (matrix, [of_a, of_b]) in matrices {
        let factor = format!(
            "<Predictor name=\"s\"><Categories><Category value=\"a\"/><Category value=\"b\"/></Categories>{matrix}</Predictor>"
        );
        let schema = schema(&["s"]);
        let model = format!(
            "<GeneralRegressionModel functionName=\"regression\" modelType=\"generalLinear\">{schema}\
             <ParameterList><Parameter name=\"p\"/></ParameterList><FactorList>{factor}</FactorList><CovariateList/>\
             <PPMatrix><PPCell value=\"b\" predictorName=\"s\" parameterName=\"p\"/></PPMatrix>\
             <ParamMatrix><PCell parameterName=\"p\" beta=\"10\"/></ParamMatrix></GeneralRegressionModel>"
        );
        check(
            &[S, Y].concat(),
            &model,
            &[
                (json!({"s": "a"}), json!({"y": 10.0 * of_a})),
                (json!({"s": "b"}), json!({"y": 10.0 * of_b})),
                (json!({"s": null}), json!({"y": null})),
            ],
        );
    }
}

#[test]
fn hazards_have_strata_and_ends() {
    let model = format!(
        r#"<GeneralRegressionModel functionName="regression" modelType="CoxRegression" endTimeVariable="z"
        startTimeVariable="z" statusVariable="y" baselineStrataVariable="s">{}
        <ParameterList><Parameter name="p" referencePoint="2"/></ParameterList><FactorList/>
        <CovariateList><Predictor name="x"/></CovariateList>
        <PPMatrix><PPCell value="1" predictorName="x" parameterName="p"/></PPMatrix>
        <ParamMatrix><PCell parameterName="p" beta="0.5"/></ParamMatrix>
        <BaseCumHazardTables>
        <BaselineStratum value="a" maxTime="10"><BaselineCell time="5" cumHazard="0.4"/>
        <BaselineCell time="1" cumHazard="0.1"/></BaselineStratum>
        <BaselineStratum value="c" maxTime="3"><BaselineCell time="1" cumHazard="0.2"/></BaselineStratum>
        </BaseCumHazardTables></GeneralRegressionModel>"#,
        schema(&["x", "z", "s"])
    );
    // exp(0.5 * x - 0.5 * 2) times the hazard of the last time that is not after z.
    check(
        &[X, Z, S, Y].concat(),
        &model,
        &[
            (json!({"x": 4.0, "z": 6.0, "s": "a"}), json!({"y": 1.0_f64.exp() * 0.4})),
            (json!({"x": 4.0, "z": 4.9, "s": "a"}), json!({"y": 1.0_f64.exp() * 0.1})),
            (json!({"x": null, "z": 0.5, "s": "a"}), json!({"y": 0.0})),
            (json!({"x": null, "z": 5.0, "s": "a"}), json!({"y": null})),
            (json!({"x": 4.0, "z": 10.5, "s": "a"}), json!({"y": null})),
            (json!({"x": 4.0, "z": 6.0, "s": "b"}), json!({"y": null})),
            (json!({"x": 4.0, "z": 6.0, "s": null}), refused()),
            (json!({"x": 4.0, "z": null, "s": "a"}), refused()),
        ],
    );
}
