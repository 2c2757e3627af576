//! `GaussianProcessModel`.

use super::*;

fn process(kernel: &str, rows: &[(f64, f64)]) -> String {
    let schema = schema(&["x"]);
    let rows: String = rows.iter().map(|(x, y)| format!("<row><x>{x}</x><y>{y}</y></row>")).collect();
    let output = r#"<Output><OutputField name="mean" feature="predictedValue"/><OutputField name="error" feature="standardError"/></Output>"#;
    format!(
        "<GaussianProcessModel functionName=\"regression\">{schema}{output}{kernel}<TrainingInstances><InstanceFields>\
         <InstanceField field=\"x\" column=\"x\"/><InstanceField field=\"y\" column=\"y\"/></InstanceFields>\
         <InlineTable>{rows}</InlineTable></TrainingInstances></GaussianProcessModel>"
    )
}

#[test]
fn one_training_row_by_every_kernel() {
    // k = gamma * e^-d, the mean k * y / (gamma + noise), the variance gamma - k^2 / (gamma + noise).
    let (gamma, noise, y): (f64, f64, f64) = (2.0, 0.5, 3.0);
    let lambda = r#"<Lambda><Array n="1" type="real">2</Array></Lambda>"#;
    let of = |name: &str, more: &str, inside: &str| {
        format!("<{name} gamma=\"{gamma}\" noiseVariance=\"{noise}\" {more}>{inside}</{name}>")
    };
    for (kernel, d) in [
        (of("RadialBasisKernel", "lambda=\"2\"", ""), 1.5_f64 * 1.5 / 2.0),
        (of("ARDSquaredExponentialKernel", "", lambda), 1.5 * 1.5 / 2.0),
        (of("AbsoluteExponentialKernel", "", lambda), 1.5),
        (of("GeneralizedExponentialKernel", "degree=\"3\"", lambda), 1.5 * 1.5 * 1.5),
    ] {
        let k = gamma * (-d).exp();
        let variance = gamma - k * k / (gamma + noise);
        let mean = k * y / (gamma + noise);
        check(
            &[X, Y].concat(),
            &process(&kernel, &[(1.0, y)]),
            &[
                (
                    json!({"x": 4.0}),
                    json!({"y": mean, "mean": mean, "error": variance.sqrt(), "variance": variance,
                    "standard_deviation": variance.sqrt(), "variance_with_noise": variance + noise}),
                ),
                (json!({"x": null}), json!({"y": null, "error": null})),
            ],
        );
    }
}

#[test]
fn rows_that_say_the_same_need_noise() {
    let kernel = r#"<RadialBasisKernel gamma="1" noiseVariance="0"/>"#;
    let error = refusal(&[X, Y].concat(), &process(kernel, &[(1.0, 1.0), (1.0, 1.0)]));
    assert!(error.contains("positive definite") && error.contains("noise"), "{error}");
}
