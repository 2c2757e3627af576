//! ImputerModel: what is missing gets what stands for it.

use plan::FeatureOp;

use crate::{
    ReadError,
    spark::{
        Stage,
        lower::{Accepts, Lowering},
    },
};

pub fn lower(stage: &Stage<'_>, lowering: &mut Lowering<'_>) -> Result<(), ReadError> {
    stage.text_or("strategy", "mean")?;
    let missing = stage.f64_or("missingValue", f64::NAN)?;
    let table = stage.table("data")?;
    let surrogates = table.only_row()?;
    for (input, output) in stage.pairs()? {
        let surrogate = surrogates.column(&input)?.f64(0)?;
        let slot = lowering.column(stage, &input, Accepts::Number)?;
        lowering.make(stage, FeatureOp::Impute { missing, surrogate }, &[slot], &output)?;
    }
    Ok(())
}
