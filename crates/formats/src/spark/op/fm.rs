//! Factorization machines, for two classes and for numbers: a linear score, and the products of all pairs of features.

use std::sync::Arc;

use plan::{Choose, ScoreOp, SlotId};

use super::classifier::{self, Columns, Rule};
use crate::{
    ReadError,
    spark::{Stage, lower::Lowering},
};

/// FMClassificationModel: scores are `[-m, m]`.
pub fn classifier(stage: &Stage<'_>, lowering: &mut Lowering<'_>) -> Result<(), ReadError> {
    let (op, features) = machine(stage, lowering, true)?;
    let columns = Columns::of(stage)?;
    let raw = lowering.node(stage, op, &[features], &[columns.raw_name()])?[0];
    let rule = Rule {
        classes: 2,
        probabilities: Some(ScoreOp::LogisticPair.into()),
        thresholds: classifier::thresholds(stage, 2)?,
        from_raw: Choose::Largest,
        from_probability: Choose::Largest,
    };
    classifier::finish(stage, lowering, &columns, raw, rule)
}

/// FMRegressionModel: `m` itself.
pub fn regressor(stage: &Stage<'_>, lowering: &mut Lowering<'_>) -> Result<(), ReadError> {
    let (op, features) = machine(stage, lowering, false)?;
    match stage.text_or("predictionCol", "prediction")? {
        "" => Ok(()),
        name => lowering.make(stage, op, &[features], name).map(drop),
    }
}

fn machine(stage: &Stage<'_>, lowering: &mut Lowering<'_>, pair: bool) -> Result<(ScoreOp, SlotId), ReadError> {
    let table = stage.table("data")?;
    let row = table.only_row()?;
    let (linear, intercept) = (row.column("linear")?.vector(0)?, row.column("intercept")?.f64(0)?);
    let cells = row.column("factors")?;
    let (rows, factors) = cells.dense_matrix(0)?;
    if rows as usize != linear.size() {
        return Err(cells.fault(format!("{} rows, one for each linear weight", linear.size()), rows.to_string()));
    }
    let features = lowering.vector(stage, stage.text_or("featuresCol", "features")?, linear.size())?;
    lowering.label(stage.text_or("labelCol", "label")?);
    let factors: Arc<[f64]> = factors.into();
    Ok((ScoreOp::Factors { weights: linear.into_weights(), intercept, factors, pair }, features))
}
