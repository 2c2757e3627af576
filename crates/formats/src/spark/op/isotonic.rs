//! IsotonicRegressionModel: a line through points, of a number or of one element of a vector.

use plan::ScoreOp;

use crate::{
    ReadError,
    spark::{
        Stage,
        lower::{Accepts, Lowering},
    },
};

pub fn lower(stage: &Stage<'_>, lowering: &mut Lowering<'_>) -> Result<(), ReadError> {
    let table = stage.table("data")?;
    let row = table.only_row()?;
    let (bound_cells, value_cells) = (row.column("boundaries")?, row.column("predictions")?);
    let (bounds, values) = (bound_cells.f64s(0)?, value_cells.f64s(0)?);
    if values.is_empty() || values.len() != bounds.len() {
        let expected = format!("a prediction for each of {} boundaries, and one at least", bounds.len());
        return Err(value_cells.fault(expected, values.len().to_string()));
    }
    if bounds.iter().any(|x| x.is_nan()) || bounds.windows(2).any(|w| w[0].total_cmp(&w[1]).is_gt()) {
        return Err(bound_cells.fault("boundaries that rise", "others"));
    }
    let rises = row.column("isotonic")?.bool(0)?;
    let in_order = |w: &[f64]| if rises { w[0] <= w[1] } else { w[0] >= w[1] };
    if !values.windows(2).all(in_order) {
        let expected = format!("predictions that {}", if rises { "rise" } else { "fall" });
        return Err(value_cells.fault(expected, "others"));
    }
    let features = lowering.column(stage, stage.text_or("featuresCol", "features")?, Accepts::FloatOrVector)?;
    lowering.label(stage.text_or("labelCol", "label")?);
    let feature = stage.u32_or("featureIndex", 0, 0)?;
    let op = ScoreOp::Curve { bounds: bounds.into(), values: values.into(), feature };
    match stage.text_or("predictionCol", "prediction")? {
        "" => Ok(()),
        name => lowering.make(stage, op, &[features], name).map(drop),
    }
}
