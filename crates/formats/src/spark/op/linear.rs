//! LinearRegressionModel.

use plan::LinearOp;

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
    let op = LinearOp::Dot { weights: coefficients.into_weights(), intercept };
    match stage.text_or("predictionCol", "prediction")? {
        "" => Ok(()),
        name => lowering.make(stage, op, &[features], name).map(drop),
    }
}
