//! `NeuralNetwork`.

use super::*;

const INPUTS: &str = r#"<NeuralInputs><NeuralInput id="0"><DerivedField optype="continuous" dataType="double">
    <FieldRef field="x"/></DerivedField></NeuralInput><NeuralInput id="1"><DerivedField optype="continuous" dataType="double">
    <FieldRef field="z"/></DerivedField></NeuralInput></NeuralInputs>"#;

fn network(function: &str, attributes: &str, layers: &str, outputs: &str) -> String {
    let schema = schema(&["x", "z"]);
    format!(
        "<NeuralNetwork functionName=\"{function}\" {attributes}>{schema}{INPUTS}{layers}<NeuralOutputs>{outputs}\
         </NeuralOutputs></NeuralNetwork>"
    )
}

fn plain(neuron: &str) -> String {
    format!(
        "<NeuralOutput outputNeuron=\"{neuron}\"><DerivedField optype=\"continuous\" dataType=\"double\"><FieldRef \
         field=\"y\"/></DerivedField></NeuralOutput>"
    )
}

#[test]
fn layers_say_otherwise_than_the_network() {
    // z = x + 2 z - 1 and its rectified form, or what the layer says.
    let layer = |attributes: &str| {
        format!(
            "<NeuralLayer {attributes}><Neuron id=\"2\" bias=\"-1\"><Con from=\"0\" weight=\"1\"/><Con from=\"1\" weight=\"2\"/>\
             </Neuron></NeuralLayer>"
        )
    };
    for (network_says, layer_says, expected) in [
        (r#"activationFunction="rectifier""#, "", [2.0, 0.0]),
        (r#"activationFunction="rectifier" x-leakage="0.5""#, "", [2.0, -1.0]),
        (r#"activationFunction="rectifier""#, r#"activationFunction="identity""#, [2.0, -2.0]),
        (r#"activationFunction="threshold" threshold="1.5""#, "", [1.0, 0.0]),
        (r#"activationFunction="threshold" threshold="1.5""#, r#"threshold="2""#, [0.0, 0.0]),
        (r#"activationFunction="Gauss""#, "", [(-4.0_f64).exp(), (-4.0_f64).exp()]),
        (r#"activationFunction="Elliott""#, "", [2.0 / 3.0, -2.0 / 3.0]),
    ] {
        check(
            &[X, Z, Y].concat(),
            &network("regression", network_says, &layer(layer_says), &plain("2")),
            &[
                (json!({"x": 1.0, "z": 1.0}), json!({"y": expected[0]})),
                (json!({"x": 1.0, "z": -1.0}), json!({"y": expected[1]})),
                (json!({"x": null, "z": 1.0}), json!({"y": null})),
            ],
        );
    }
}

#[test]
fn radial_functions_take_the_nearest_width_and_altitude() {
    let model = |neuron: &str| {
        let layer = format!(
            "<NeuralLayer><Neuron id=\"2\" {neuron}><Con from=\"0\" weight=\"1\"/><Con from=\"1\" weight=\"1\"/></Neuron></NeuralLayer>"
        );
        network("regression", r#"activationFunction="radialBasis" width="2" altitude="3""#, &layer, &plain("2"))
    };
    // The distance of (3, 0) from (1, 1) is 5; the altitude counts for each of two connections.
    for (neuron, expected) in [
        ("", (2.0 * 3.0_f64.ln() - 5.0 / 8.0).exp()),
        (r#"width="1""#, (2.0 * 3.0_f64.ln() - 2.5).exp()),
        (r#"altitude="1""#, (-5.0 / 8.0_f64).exp()),
    ] {
        check(&[X, Z, Y].concat(), &model(neuron), &[(json!({"x": 3.0, "z": 0.0}), json!({"y": expected}))]);
    }
    let error = refusal(&[X, Z, Y].concat(), &model("").replace("width=\"2\"", ""));
    assert!(error.contains("width"), "{error}");
}

#[test]
fn the_result_is_led_back_along_the_lines_of_its_norm() {
    let layer = r#"<NeuralLayer><Neuron id="2"><Con from="0" weight="1"/></Neuron></NeuralLayer>"#;
    let output = |outliers: &str| {
        format!(
            "<NeuralOutput outputNeuron=\"2\"><DerivedField optype=\"continuous\" dataType=\"double\"><NormContinuous \
             field=\"y\" {outliers}><LinearNorm orig=\"10\" norm=\"0\"/><LinearNorm orig=\"20\" norm=\"1\"/>\
             <LinearNorm orig=\"40\" norm=\"2\"/></NormContinuous></DerivedField></NeuralOutput>"
        )
    };
    for (outliers, below, above) in [
        ("", json!(5.0), json!(50.0)),
        (r#"outliers="asExtremeValues""#, json!(10.0), json!(40.0)),
        (r#"outliers="asMissingValues""#, json!(null), json!(null)),
    ] {
        let model = network("regression", r#"activationFunction="identity""#, layer, &output(outliers));
        check(
            &[X, Z, Y].concat(),
            &model,
            &[
                (json!({"x": 0.5, "z": 0.0}), json!({"y": 15.0})),
                (json!({"x": 1.0, "z": 0.0}), json!({"y": 20.0})),
                (json!({"x": 1.5, "z": 0.0}), json!({"y": 30.0})),
                (json!({"x": -0.5, "z": 0.0}), json!({"y": below})),
                (json!({"x": 2.5, "z": 0.0}), json!({"y": above})),
                (json!({"x": null, "z": 0.0}), json!({"y": null})),
            ],
        );
    }
}

#[test]
fn categories_of_a_layer_that_is_normalized() {
    let layers = r#"<NeuralLayer normalizationMethod="simplemax"><Neuron id="a"><Con from="0" weight="1"/></Neuron>
        <Neuron id="b"><Con from="1" weight="1"/></Neuron></NeuralLayer>"#;
    let of = |neuron: &str, label: &str| {
        format!(
            "<NeuralOutput outputNeuron=\"{neuron}\"><DerivedField optype=\"continuous\" dataType=\"double\"><FieldRef \
             field=\"is {label}\"/></DerivedField></NeuralOutput>"
        )
    };
    let derived = |label: &str| {
        format!(
            "<DerivedField name=\"is {label}\" optype=\"continuous\" dataType=\"double\"><NormDiscrete field=\"y\" \
             value=\"{label}\"/></DerivedField>"
        )
    };
    let local =
        format!("<LocalTransformations>{}{}</LocalTransformations><NeuralInputs>", derived("no"), derived("yes"));
    let output = format!(
        "<Output>{}<OutputField name=\"neuron\" feature=\"entityId\"/></Output>{local}",
        shares(&["no", "yes"]).replace("<Output>", "").replace("</Output>", "")
    );
    let outputs = [of("b", "no"), of("a", "yes")].concat();
    let model = network("classification", r#"activationFunction="identity""#, layers, &outputs);
    check(
        &[X, Z, TWO].concat(),
        &model.replace("<NeuralInputs>", &output),
        &[
            (json!({"x": 3.0, "z": 1.0}), json!({"y": "yes", "p_yes": 0.75, "p_no": 0.25, "neuron": "a"})),
            // Of two that are equal the one whose output stands first.
            (json!({"x": 2.0, "z": 2.0}), json!({"y": "no", "neuron": "b"})),
            (json!({"x": 2.0, "z": -2.0}), refused()),
        ],
    );
}

#[test]
fn a_connection_from_nowhere_is_refused_by_name() {
    let layer = |from: &str| {
        format!("<NeuralLayer><Neuron id=\"2\"><Con from=\"{from}\" weight=\"1\"/></Neuron></NeuralLayer>")
    };
    for from in ["9", "2"] {
        let model = network("regression", r#"activationFunction="identity""#, &layer(from), &plain("2"));
        let error = refusal(&[X, Z, Y].concat(), &model);
        assert!(error.contains("attribute from"), "{error}");
    }
}
