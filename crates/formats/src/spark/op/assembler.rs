//! VectorAssembler: numbers, booleans and vectors side by side.

use plan::VectorOp;

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
    let names = stage.texts("inputCols")?.ok_or_else(|| stage.absent("inputCols", "the names of columns"))?;
    let mut inputs = Vec::with_capacity(names.len());
    for name in &names {
        inputs.push(lowering.column(stage, name, Accepts::Part)?);
    }
    let sizes = inputs.iter().map(|&input| lowering.size_of(input, 0)).collect();
    lowering.make(stage, VectorOp::Assemble { sizes, invalid }, &inputs, &stage.output()?).map(drop)
}
