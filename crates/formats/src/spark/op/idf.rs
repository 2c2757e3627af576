//! IDFModel: features weighed by how rare they are among documents.

use plan::VectorOp;

use crate::{
    ReadError,
    spark::{Stage, lower::Lowering},
};

pub fn lower(stage: &Stage<'_>, lowering: &mut Lowering<'_>) -> Result<(), ReadError> {
    let factors = stage.table("data")?.only_row()?.column("idf")?.dense(0)?;
    let input = lowering.vector(stage, stage.input()?, factors.len())?;
    let size = factors.len();
    let slot = lowering.make(stage, VectorOp::Multiply { factors: factors.into() }, &[input], &stage.output()?)?;
    lowering.claim_size(slot, size);
    Ok(())
}
