//! Scalers: StandardScalerModel, RobustScalerModel, MaxAbsScalerModel, MinMaxScalerModel.

use plan::VectorOp;

use crate::{
    ReadError,
    spark::{Stage, lower::Lowering},
};

/// StandardScalerModel. A deviation of 0 scales by 0, as Spark does.
pub fn standard(stage: &Stage<'_>, lowering: &mut Lowering<'_>) -> Result<(), ReadError> {
    let shifts = stage.bool_or("withMean", false)?;
    shift_and_scale(stage, lowering, ("mean", shifts), ("std", stage.bool_or("withStd", true)?))
}

/// RobustScalerModel: the same with the median and the range between two quantiles.
pub fn robust(stage: &Stage<'_>, lowering: &mut Lowering<'_>) -> Result<(), ReadError> {
    let shifts = stage.bool_or("withCentering", false)?;
    shift_and_scale(stage, lowering, ("median", shifts), ("range", stage.bool_or("withScaling", true)?))
}

/// Lowers a stage by the columns of its data, and whether each is used.
fn shift_and_scale(
    stage: &Stage<'_>,
    lowering: &mut Lowering<'_>,
    (center_name, shifts): (&str, bool),
    (spread_name, scales): (&str, bool),
) -> Result<(), ReadError> {
    let table = stage.table("data")?;
    let row = table.only_row()?;
    let (center, spread) = (row.column(center_name)?, row.column(spread_name)?);
    let (centers, spreads) = (center.dense(0)?, spread.dense(0)?);
    if spreads.len() != centers.len() {
        let expected = format!("a vector of the size of `{spread_name}`, {}", spreads.len());
        return Err(center.fault(expected, centers.len().to_string()));
    }
    let size = centers.len();
    let shift = shifts.then(|| centers.into());
    let factor = |&spread: &f64| if spread == 0.0 { 0.0 } else { 1.0 / spread };
    let scale = scales.then(|| spreads.iter().map(factor).collect());
    let input = lowering.vector(stage, stage.input()?, size)?;
    let slot = lowering.make(stage, VectorOp::Standardize { shift, scale }, &[input], &stage.output()?)?;
    lowering.claim_size(slot, size);
    Ok(())
}

/// MaxAbsScalerModel. An element that was 0 in all of training stays as it is.
pub fn max_abs(stage: &Stage<'_>, lowering: &mut Lowering<'_>) -> Result<(), ReadError> {
    let largest = stage.table("data")?.only_row()?.column("maxAbs")?.dense(0)?;
    let (size, factor) = (largest.len(), |&max: &f64| if max == 0.0 { 1.0 } else { 1.0 / max });
    let factors = largest.iter().map(factor).collect();
    let input = lowering.vector(stage, stage.input()?, size)?;
    let slot = lowering.make(stage, VectorOp::Multiply { factors }, &[input], &stage.output()?)?;
    lowering.claim_size(slot, size);
    Ok(())
}

/// MinMaxScalerModel.
pub fn min_max(stage: &Stage<'_>, lowering: &mut Lowering<'_>) -> Result<(), ReadError> {
    let table = stage.table("data")?;
    let row = table.only_row()?;
    let (from, to) = (row.column("originalMin")?.dense(0)?, row.column("originalMax")?.dense(0)?);
    let (min, max) = (stage.f64_or("min", 0.0)?, stage.f64_or("max", 1.0)?);
    let size = from.len();
    let input = lowering.vector(stage, stage.input()?, size)?;
    let op = VectorOp::MinMax { from: from.into(), to: to.into(), min, max, form: stage.meta.compressed() };
    let slot = lowering.make(stage, op, &[input], &stage.output()?)?;
    lowering.claim_size(slot, size);
    Ok(())
}
