//! LinearSVCModel: a margin and a threshold on it.

use plan::{Choose, LinearOp};

use super::classifier::{self, Columns, Rule};
use crate::{
    ReadError,
    spark::{Stage, lower::Lowering},
};

pub fn lower(stage: &Stage<'_>, lowering: &mut Lowering<'_>) -> Result<(), ReadError> {
    let table = stage.table("data")?;
    let row = table.only_row()?;
    let (coefficients, intercept) = (row.column("coefficients")?.vector(0)?, row.column("intercept")?.f64(0)?);
    let features = lowering.vector(stage, stage.text_or("featuresCol", "features")?, coefficients.size())?;
    lowering.label(stage.text_or("labelCol", "label")?);
    let choose = Choose::Above(stage.f64_or("threshold", 0.0)?);
    // The class has no probabilities.
    let columns = Columns { probability: "", ..Columns::of(stage)? };
    let op = LinearOp::Pair { weights: coefficients.into_weights(), intercept };
    let raw = lowering.node(stage, op, &[features], &[columns.raw_name()])?[0];
    let rule =
        Rule { classes: 2, probabilities: None, thresholds: None, from_raw: choose.clone(), from_probability: choose };
    classifier::finish(stage, lowering, &columns, raw, rule)
}
