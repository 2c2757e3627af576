use serde_json::{Value, json};

use crate::{NUMBER, check, check_refused, document};

fn series(best: &str, values: &[f64], output: &str, body: &str) -> String {
    let values: String =
        values.iter().enumerate().map(|(i, v)| format!(r#"<TimeValue index="{i}" value="{v}"/>"#)).collect();
    let model = format!(
        r#"<TimeSeriesModel functionName="timeSeries" bestFit="{best}"><MiningSchema><MiningField name="y" usageType="target"/>
<MiningField name="h" usageType="supplementary"/></MiningSchema>{output}<TimeSeries usage="original">{values}</TimeSeries>{body}</TimeSeriesModel>"#
    );
    document(&[("y", NUMBER), ("h", r#"optype="continuous" dataType="integer""#)], &model)
}

fn forecasts(document: &str, expected: &[f64]) {
    let rows: Vec<(Value, Value)> =
        expected.iter().enumerate().map(|(i, y)| (json!({"h": i + 1}), json!({"y": y, "predicted_y": y}))).collect();
    check(document, &rows);
}

fn array(values: &str) -> String {
    format!(r#"<Array n="{}" type="real">{values}</Array>"#, values.split(' ').count())
}

/// Level 10, growing by a tenth, each second step doubled, the others halved: 11/2, 12.1 * 2, 13.31/2.
#[test]
fn trends_and_seasons_multiply() {
    let body = |trend: &str, more: &str| {
        format!(
            r#"<ExponentialSmoothing {more}><Level alpha="0.5" smoothedValue="10" quadraticSmoothedValue="8" cubicSmoothedValue="7"/>
<Trend_ExpoSmooth trend="{trend}" gamma="0.1" phi="0.5" smoothedValue="1.1"/>
<Seasonality_ExpoSmooth type="multiplicative" period="2">{}</Seasonality_ExpoSmooth></ExponentialSmoothing>"#,
            array("0.5 2")
        )
    };
    let of = |trend: &str, more: &str| series("ExponentialSmoothing", &[], "", &body(trend, more));
    forecasts(&of("multiplicative", ""), &[5.5, 24.2, 6.655]);
    forecasts(&of("additive", ""), &[5.55, 24.4, 6.65]);
    // 10 + 1.1 (1/2), 10 + 1.1 (1/2 + 1/4).
    forecasts(&of("damped_additive", ""), &[5.275, 21.65]);
    forecasts(&of("damped_multiplicative", ""), &[5.0 * 1.1_f64.powf(0.5), 20.0 * 1.1_f64.powf(0.75)]);
    // Brown: 2 * 10 - 8 and a slope of (10 - 8).
    forecasts(&of("double_exponential", ""), &[7.0, 32.0]);
    // Brown's quadratic: a = 30 - 24 + 7 = 13; b = (0.5 / 0.5) (3.5 * 10 - 6 * 8 + 2.5 * 7) = 4.5; c = 10 - 16 + 7 = 1.
    forecasts(&of("polynomial_exponential", ""), &[0.5 * (13.0 + 4.5 + 0.5), 2.0 * (13.0 + 9.0 + 2.0)]);
    forecasts(&of("additive", r#"transformation="squareroot""#), &[5.55 * 5.55, 24.4 * 24.4]);
    check_refused(&of("sideways", ""), &["trend", "sideways"]);
    check_refused(&of("additive", "").replace(r#"period="2""#, r#"period="3""#), &["Array"]);
}

/// ARIMA(1, 1, 1) on 10, 12, 13, 15: the last difference is 2, the last error 0.2. 0.5 * 2 + 0.4 * 0.2 = 1.08; then halves.
/// Errors of the forecasts: the weights of past errors are 1, 0.9, summed 1, 1.9.
#[test]
fn differences_and_errors_go_on() {
    let arima = format!(
        r#"<ARIMA RMSE="2" predictionMethod="conditionalLeastSquares"><NonseasonalComponent p="1" d="1" q="1">
<AR>{}</AR><MA><MACoefficients>{}</MACoefficients><Residuals>{}</Residuals></MA></NonseasonalComponent></ARIMA>"#,
        array("0.5"),
        array("0.4"),
        array("0.2")
    );
    let values = [10.0, 12.0, 13.0, 15.0];
    forecasts(&series("ARIMA", &values, "", &arima), &[16.08, 16.62, 16.89]);
    let output = r#"<Output><OutputField name="se" feature="standardError"/><OutputField name="low" feature="confidenceIntervalLower" value="95"/></Output>"#;
    let (first, second) = (2.0, 2.0 * (1.0 + 1.9 * 1.9_f64).sqrt());
    let z = 1.9599639845400538;
    check(
        &series("ARIMA", &values, output, &arima),
        &[
            (json!({"h": null}), json!({"y": 16.08, "se": first, "low": 16.08 - z * first})),
            (json!({"h": 2}), json!({"y": 16.62, "se": second, "low": 16.62 - z * second})),
            (json!({"h": 0}), json!("refused")),
            (json!({"h": 1000000}), json!("refused")),
        ],
    );
    check_refused(&series("ARIMA", &[], "", &arima), &["ARIMA", "values"]);
    check_refused(&series("ARIMA", &values, "", &arima.replace(r#"p="1""#, r#"p="2""#)), &["2 coefficients"]);
    check_refused(&series("GARCH", &values, "", "<GARCH/>"), &["not implemented", "GARCH"]);
}

/// Differences of a period of two are 1 and 2; with a mean of 0.5 each part of the period goes up by a half.
#[test]
fn seasons_are_differenced_by_their_period() {
    let arima = r#"<ARIMA constantTerm="0.5"><SeasonalComponent P="0" D="1" Q="0" period="2"/></ARIMA>"#;
    forecasts(&series("ARIMA", &[1.0, 5.0, 2.0, 7.0], "", arima), &[2.5, 7.5, 3.0, 8.0]);
}

/// Means of two numbers against 10 with a variance of 4; a call begins anew, and a row without a number gives none.
#[test]
fn baselines_see_the_rows_before() {
    let model = |test: &str| {
        let model = format!(
            r#"<BaselineModel functionName="regression"><MiningSchema><MiningField name="x"/><MiningField name="z" usageType="target"/></MiningSchema>
{test}</BaselineModel>"#
        );
        document(&[("x", NUMBER), ("z", NUMBER)], &model)
    };
    let gaussian = |mean: f64| format!(r#"<GaussianDistribution mean="{mean}" variance="4"/>"#);
    let test = format!(
        r#"<TestDistributions field="x" testStatistic="zValue" windowSize="2"><Baseline>{}</Baseline></TestDistributions>"#,
        gaussian(10.0)
    );
    let root = 2.0_f64.sqrt();
    check(
        &model(&test),
        &[
            (json!({"x": 12}), json!({"z": 1.0})),
            (json!({"x": null}), json!({"z": null})),
            (json!({"x": 9}), json!({"z": 0.5 / root})),
            (json!({"x": 9}), json!({"z": -1.0 / root})),
        ],
    );
    let uniform = r#"<TestDistributions field="x" testStatistic="CUSUM" resetValue="-1"><Baseline><UniformDistribution lower="0" upper="2"/></Baseline>
<Alternate><UniformDistribution lower="1" upper="2"/></Alternate></TestDistributions>"#;
    // Within both twice as likely under the second; where the second has nothing, back to the reset value.
    check(
        &model(uniform),
        &[
            (json!({"x": 1.5}), json!({"z": 2.0_f64.ln()})),
            (json!({"x": 1.5}), json!({"z": 2.0 * 2.0_f64.ln()})),
            (json!({"x": 0.5}), json!({"z": -1.0})),
        ],
    );
    check_refused(
        &model(&test.replace("zValue", "chiSquareDistribution")),
        &["not implemented", "chiSquareDistribution"],
    );
    check_refused(&model(&test.replace(r#"variance="4""#, r#"variance="0""#)), &["GaussianDistribution", "above 0"]);
}
