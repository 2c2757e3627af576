//! `SupportVectorMachineModel`.

use super::*;

const VECTORS: &str = r#"<VectorDictionary numberOfVectors="2">
    <VectorFields numberOfFields="3"><FieldRef field="x"/><CategoricalPredictor name="s" value="a" coefficient="1"/>
    <FieldRef field="z"/></VectorFields>
    <VectorInstance id="v"><REAL-SparseArray n="3"><Indices>1 3</Indices><REAL-Entries>2 -1</REAL-Entries></REAL-SparseArray>
    </VectorInstance>
    <VectorInstance id="w"><Array n="3" type="real">0 4 0.5</Array></VectorInstance></VectorDictionary>"#;

fn machine(categories: &str, coefficients: [f64; 2], constant: f64) -> String {
    let [v, w] = coefficients;
    format!(
        "<SupportVectorMachine {categories}><SupportVectors><SupportVector vectorId=\"v\"/><SupportVector vectorId=\"w\"/>\
         </SupportVectors><Coefficients absoluteValue=\"{constant}\"><Coefficient value=\"{v}\"/><Coefficient value=\"{w}\"/>\
         </Coefficients></SupportVectorMachine>"
    )
}

fn model(function: &str, attributes: &str, kernel: &str, machines: &str) -> String {
    let schema = schema(&["x", "s", "z"]);
    let output = if function == "classification" && !attributes.contains("All") {
        shares(&["low", "mid"])
    } else {
        String::new()
    };
    format!(
        "<SupportVectorMachineModel functionName=\"{function}\" {attributes}>{schema}{output}{kernel}{VECTORS}{machines}\
         </SupportVectorMachineModel>"
    )
}

#[test]
fn every_kernel() {
    // The row is (3, 1, 2): its products are 4 and 5, its distances 1 + 1 + 9 and 9 + 9 + 2.25.
    let row = json!({"x": 3.0, "s": "a", "z": 2.0});
    for (kernel, f) in [
        ("<LinearKernelType/>", [4.0, 5.0]),
        (r#"<PolynomialKernelType gamma="0.5" coef0="1" degree="2"/>"#, [9.0, 12.25]),
        ("<PolynomialKernelType/>", [5.0, 6.0]),
        (r#"<RadialBasisKernelType gamma="0.1"/>"#, [(-1.1_f64).exp(), (-2.025_f64).exp()]),
        (r#"<SigmoidKernelType gamma="0.1" coef0="-0.2"/>"#, [0.2_f64.tanh(), 0.3_f64.tanh()]),
    ] {
        let expected = 2.0 * f[0] - 0.5 * f[1] + 0.25;
        let model = model("regression", "", kernel, &machine("", [2.0, -0.5], 0.25));
        check(
            &[X, S, Z, Y].concat(),
            &model,
            &[(row.clone(), json!({"y": expected})), (json!({"x": 3.0, "s": null, "z": 2.0}), refused())],
        );
    }
}

#[test]
fn coefficients_alone_are_a_plane() {
    let machine = r#"<SupportVectorMachine><Coefficients absoluteValue="1"><Coefficient value="2"/><Coefficient value="10"/>
        <Coefficient value="-1"/></Coefficients></SupportVectorMachine>"#;
    let model = model("regression", r#"svmRepresentation="Coefficients""#, "<LinearKernelType/>", machine);
    check(
        &[X, S, Z, Y].concat(),
        &model,
        &[
            (json!({"x": 3.0, "s": "a", "z": 0.5}), json!({"y": 16.5})),
            (json!({"x": 3.0, "s": "b", "z": 0.5}), json!({"y": 6.5})),
        ],
    );
}

#[test]
fn one_against_one_goes_below_a_threshold_and_max_wins_above_it() {
    let fields = [X, S, Z, THREE].concat();
    let categories = r#"targetCategory="low" alternateTargetCategory="mid""#;
    // 4 + 0 of (3, 1, 2); 2 of (0, 0, -2).
    let rows = |first: &str, second: &str| {
        [first, second].map(|won| {
            let (low, mid) = if won == "low" { (1.0, 0.0) } else { (0.0, 1.0) };
            json!({"y": won, "p_low": low, "p_mid": mid})
        })
    };
    let inputs = [json!({"x": 3.0, "s": "a", "z": 2.0}), json!({"x": 0.0, "s": "b", "z": -2.0})];
    for (attributes, own, answers) in [
        (r#"classificationMethod="OneAgainstOne" threshold="3""#, "", rows("mid", "low")),
        (r#"classificationMethod="OneAgainstOne" threshold="3" maxWins="true""#, "", rows("low", "mid")),
        // The machine's own threshold comes first; what it is for is seen from its categories.
        (r#"threshold="3""#, r#"threshold="5""#, rows("low", "low")),
    ] {
        let machines = machine(&format!("{categories} {own}"), [1.0, 0.0], 0.0);
        let model = model("classification", attributes, "<LinearKernelType/>", &machines);
        let pairs: Vec<_> = inputs.iter().cloned().zip(answers).collect();
        check(&fields, &model, &pairs);
    }
}

#[test]
fn one_against_all_takes_the_smallest_or_with_max_wins_the_largest() {
    let fields = [X, S, Z, THREE].concat();
    let machines = [
        machine(r#"targetCategory="low""#, [1.0, 0.0], 0.0),
        machine(r#"targetCategory="mid""#, [0.0, 1.0], 0.0),
        machine(r#"targetCategory="high""#, [0.5, 0.0], 3.0),
    ];
    // 4, 5 and 5 of (3, 1, 2).
    for (attributes, expected) in [
        (r#"classificationMethod="OneAgainstAll""#, "low"),
        (r#"classificationMethod="OneAgainstAll" maxWins="true""#, "mid"),
    ] {
        let model = model("classification", attributes, "<LinearKernelType/>", &machines.concat());
        check(&fields, &model, &[(json!({"x": 3.0, "s": "a", "z": 2.0}), json!({"y": expected}))]);
    }
}

#[test]
fn a_number_that_rounds_to_1_is_the_category_and_to_0_the_alternate_one() {
    let fields = [X, S, Z, THREE].concat();
    let machines = machine(r#"targetCategory="mid""#, [0.5, 0.0], 0.0);
    let model = model("classification", r#"alternateBinaryTargetCategory="low""#, "<LinearKernelType/>", &machines);
    check(
        &fields,
        &model,
        &[
            (json!({"x": 0.5, "s": "b", "z": 0.0}), json!({"y": "mid", "p_mid": 1.0, "p_low": 0.0})),
            (json!({"x": 0.25, "s": "b", "z": 0.0}), json!({"y": "low"})),
            (json!({"x": 1.5, "s": "b", "z": 0.0}), refused()),
        ],
    );
}

#[test]
fn contradictions_are_refused_by_name() {
    let of = |from: &str, to: &str| {
        let model = model("regression", "", "<LinearKernelType/>", &machine("", [1.0, 1.0], 0.0));
        refusal(&[X, S, Z, Y].concat(), &model.replacen(from, to, 1))
    };
    assert!(of("vectorId=\"w\"", "vectorId=\"u\"").contains("vectorId"));
    assert!(of("0 4 0.5", "0 4").contains("attribute n"));
    assert!(of("<Indices>1 3<", "<Indices>1 4<").contains("Indices"));
    assert!(of("<SupportVector vectorId=\"w\"/>", "").contains("SupportVector"));
    assert!(of("<LinearKernelType/>", "").contains("kernel"));
}
