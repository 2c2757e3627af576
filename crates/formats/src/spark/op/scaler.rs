//! StandardScalerModel and MinMaxScalerModel.

use plan::VectorOp;

use crate::{
    ReadError,
    spark::{Stage, lower::Lowering},
};

/// StandardScalerModel. A deviation of 0 scales by 0, as Spark does.
pub fn standard(stage: &Stage<'_>, lowering: &mut Lowering<'_>) -> Result<(), ReadError> {
    let table = stage.table("data")?;
    let row = table.only_row()?;
    let (std, mean) = (row.column("std")?, row.column("mean")?);
    let (deviations, means) = (std.dense(0)?, mean.dense(0)?);
    if deviations.len() != means.len() {
        return Err(mean.fault(format!("a vector of the size of `std`, {}", deviations.len()), means.len().to_string()));
    }
    let size = means.len();
    let shift = stage.bool_or("withMean", false)?.then(|| means.into());
    let factor = |&std: &f64| if std == 0.0 { 0.0 } else { 1.0 / std };
    let scale = stage.bool_or("withStd", true)?.then(|| deviations.iter().map(factor).collect());
    let input = lowering.vector(stage, stage.input()?, size)?;
    let slot = lowering.make(stage, VectorOp::Standardize { shift, scale }, &[input], &stage.output()?)?;
    lowering.claim_size(slot, size);
    Ok(())
}

/// MinMaxScalerModel.
pub fn min_max(stage: &Stage<'_>, lowering: &mut Lowering<'_>) -> Result<(), ReadError> {
    let table = stage.table("data")?;
    let row = table.only_row()?;
    let (from, to) = (row.column("originalMin")?.dense(0)?, row.column("originalMax")?.dense(0)?);
    let (min, max) = (stage.f64_or("min", 0.0)?, stage.f64_or("max", 1.0)?);
    let input = lowering.vector(stage, stage.input()?, from.len())?;
    let op = VectorOp::MinMax { from: from.into(), to: to.into(), min, max };
    lowering.make(stage, op, &[input], &stage.output()?).map(drop)
}
