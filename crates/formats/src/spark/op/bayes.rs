//! NaiveBayesModel: multinomial, complement, Bernoulli and Gaussian.
//!
//! `pi` holds the logarithms of the classes' shares, `theta` those of the features within a class (of the Gaussian kind: means),
//! `sigma` the variances of the Gaussian kind; before Spark 3 there was no such kind and no such column.

use std::sync::Arc;

use plan::{Choose, Events, Op, ScoreOp, Weights};

use super::classifier::{self, Columns, Rule};
use crate::{
    ReadError,
    spark::{
        Stage,
        data::{Cells, Matrix, Rows},
        lower::Lowering,
    },
};

pub fn lower(stage: &Stage<'_>, lowering: &mut Lowering<'_>) -> Result<(), ReadError> {
    let table = stage.table("data")?;
    let row = table.only_row()?;
    let priors = row.column("pi")?.dense(0)?;
    let cells = row.column("theta")?;
    let theta = cells.matrix(0)?;
    if theta.rows as usize != priors.len() {
        return Err(cells.fault(format!("{} rows, one for each class", priors.len()), theta.rows.to_string()));
    }
    let columns = Columns::of(stage)?;
    let features =
        lowering.vector(stage, stage.text_or("featuresCol", "features")?, theta.weights.columns() as usize)?;
    lowering.label(stage.text_or("labelCol", "label")?);
    let classes = priors.len();
    let thresholds = classifier::thresholds(stage, classes)?;
    let kind = stage.text_or("modelType", "multinomial")?;
    let op: Op = match kind {
        "multinomial" => events(theta, priors, Events::Counts).into(),
        "complement" => events(theta, vec![0.0; priors.len()], Events::Counts).into(),
        "bernoulli" => bernoulli(&cells, &theta, priors)?.into(),
        "gaussian" => gaussian(&row, &cells, priors)?.into(),
        other => {
            return Err(stage.meta.fault("modelType", "multinomial, complement, bernoulli or gaussian", other));
        }
    };
    let mut raw = lowering.node(stage, op, &[features], &[columns.raw_name()])?[0];
    if kind == "complement" {
        raw = lowering.node(stage, ScoreOp::LogShares, &[raw], &[columns.raw_name()])?[0];
    }
    let rule = Rule {
        classes,
        probabilities: Some(plan::VectorOp::Softmax.into()),
        thresholds,
        from_raw: Choose::Largest,
        from_probability: Choose::Largest,
    };
    classifier::finish(stage, lowering, &columns, raw, rule)
}

/// Column by column, products are added to the intercepts; row by row, a row's sum is.
fn events(theta: Matrix, intercepts: Vec<f64>, events: Events) -> ScoreOp {
    let intercept_first = !theta.transposed;
    ScoreOp::Events { weights: theta.weights, intercepts: intercepts.into(), intercept_first, events }
}

/// A feature that is there adds `theta`, one that is not adds `log(1 - exp(theta))`: the latter are summed beforehand.
fn bernoulli(cells: &Cells<'_>, theta: &Matrix, priors: Vec<f64>) -> Result<ScoreOp, ReadError> {
    let columns = theta.weights.columns();
    let (_, values) = cells.dense_matrix(0)?;
    let absent = |value: f64| libm::log1p(-libm::exp(value));
    let sum = |(prior, row): (&f64, &[f64])| {
        let begin = if theta.transposed { 0.0 } else { *prior };
        let sum = row.iter().fold(begin, |sum, &value| sum + absent(value));
        if theta.transposed { sum + prior } else { sum }
    };
    let intercepts: Vec<f64> = match columns {
        0 => priors,
        n => priors.iter().zip(values.chunks(n as usize)).map(sum).collect(),
    };
    let values: Arc<[f64]> = values.iter().map(|&value| value - absent(value)).collect();
    Ok(ScoreOp::Events {
        weights: Weights::Dense { columns, values },
        intercepts: intercepts.into(),
        intercept_first: !theta.transposed,
        events: Events::Marks,
    })
}

fn gaussian(row: &Rows<'_>, theta: &Cells<'_>, priors: Vec<f64>) -> Result<ScoreOp, ReadError> {
    let (_, means) = theta.dense_matrix(0)?;
    let sigma = row.column("sigma")?;
    let (rows, variances) = sigma.dense_matrix(0)?;
    if rows as usize != priors.len() || variances.len() != means.len() {
        return Err(sigma.fault("variances of as many classes and features as `theta` has", format!("{rows} rows")));
    }
    let logs = |row: &[f64]| row.iter().fold(0.0, |sum, &value| sum + libm::log(value));
    let log_variances = match means.len().checked_div(priors.len()) {
        None | Some(0) => vec![0.0; priors.len()],
        Some(features) => variances.chunks(features).map(logs).collect(),
    };
    Ok(ScoreOp::Gaussian {
        priors: priors.into(),
        means: means.into(),
        variances: variances.into(),
        log_variances: log_variances.into(),
    })
}
