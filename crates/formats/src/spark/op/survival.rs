//! AFTSurvivalRegressionModel: `exp` of a linear score, and where a column is named for them the quantiles of the Weibull
//! distribution around it.

use std::sync::Arc;

use plan::{Expr, Func, Invalid, LinearOp, VectorOp, Weights};

use crate::{
    ReadError,
    spark::{Stage, lower::Lowering},
};

/// What Spark takes where no probabilities are set.
const PROBABILITIES: [f64; 9] = [0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99];

pub fn lower(stage: &Stage<'_>, lowering: &mut Lowering<'_>) -> Result<(), ReadError> {
    let table = stage.table("data")?;
    let row = table.only_row()?;
    let (coefficients, intercept) = (row.column("coefficients")?.vector(0)?, row.column("intercept")?.f64(0)?);
    let scale = row.column("scale")?.f64(0)?;
    let features = lowering.vector(stage, stage.text_or("featuresCol", "features")?, coefficients.size())?;
    lowering.label(stage.text_or("labelCol", "label")?);
    let (prediction, quantiles) = (stage.text_or("predictionCol", "prediction")?, stage.text_or("quantilesCol", "")?);
    let probabilities = stage.f64s("quantileProbabilities")?.unwrap_or_else(|| PROBABILITIES.into());
    if prediction.is_empty() && quantiles.is_empty() {
        return Ok(());
    }
    let op = LinearOp::Dot { weights: coefficients.into_weights(), intercept };
    let score = lowering.node(stage, op, &[features], &["score"])?[0];
    let name = if prediction.is_empty() { "prediction" } else { prediction };
    let scale_of_row = lowering.node(stage, Expr::call(Func::Exp, [Expr::Input(0)]), &[score], &[name])?[0];
    if !prediction.is_empty() {
        lowering.show(stage, prediction, scale_of_row)?;
    }
    if quantiles.is_empty() {
        return Ok(());
    }
    if probabilities.is_empty() || !probabilities.iter().all(|q| 0.0 < *q && *q < 1.0) {
        let got = format!("{probabilities:?}");
        return Err(stage.meta.fault("quantileProbabilities", "numbers between 0 and 1, one at least", got));
    }
    let factors: Arc<[f64]> = probabilities.iter().map(|&q| libm::exp(libm::log(-libm::log1p(-q)) * scale)).collect();
    let one = VectorOp::Assemble { sizes: vec![Some(0)], invalid: Invalid::Keep, form: stage.meta.compressed() };
    let one = lowering.node(stage, one, &[scale_of_row], &["prediction"])?;
    let intercepts = vec![0.0; factors.len()].into();
    let weights = Weights::Dense { columns: 1, values: factors };
    lowering.make(stage, LinearOp::Scores { weights, intercepts, intercept_first: false }, &one, quantiles).map(drop)
}
