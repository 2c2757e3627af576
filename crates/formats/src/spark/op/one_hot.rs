//! OneHotEncoderModel (2.3 and 2.4: the model of OneHotEncoderEstimator).

use plan::{EncodeOp, Invalid};

use super::invalid;
use crate::{
    ReadError,
    spark::{
        Stage,
        lower::{Accepts, Lowering},
    },
};

pub fn lower(stage: &Stage<'_>, lowering: &mut Lowering<'_>) -> Result<(), ReadError> {
    let invalid = invalid(stage, "handleInvalid")?;
    if invalid == Invalid::Skip {
        return Err(stage.meta.fault("handleInvalid", "error or keep", "skip"));
    }
    let drop_last = stage.bool_or("dropLast", true)?;
    let table = stage.table("data")?;
    let sizes = table.only_row()?.column("categorySizes")?;
    let (categories, pairs) = (sizes.counts(0)?, stage.pairs()?);
    if categories.len() != pairs.len() {
        let expected = format!("a number of categories for each of {} columns", pairs.len());
        return Err(sizes.fault(expected, categories.len().to_string()));
    }
    for ((input, output), categories) in pairs.into_iter().zip(categories) {
        let input = lowering.column(stage, &input, Accepts::Number)?;
        lowering.make(stage, EncodeOp::OneHot { categories, drop_last, invalid }, &[input], &output)?;
    }
    Ok(())
}
