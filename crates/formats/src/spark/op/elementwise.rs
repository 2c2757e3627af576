//! ElementwiseProduct: vectors times one vector, element by element.

use plan::VectorOp;

use crate::{
    ReadError,
    spark::{Stage, lower::Lowering},
};

pub fn lower(stage: &Stage<'_>, lowering: &mut Lowering<'_>) -> Result<(), ReadError> {
    let factors = stage.vector("scalingVec")?.ok_or_else(|| stage.absent("scalingVec", "a vector"))?.into_dense();
    let size = factors.len();
    let input = lowering.vector(stage, stage.input()?, size)?;
    // Unlike the scalers, it takes no shorter vector.
    let op = VectorOp::OfSize { size: size as u32, skip: false };
    let checked = lowering.node(stage, op, &[input], &["of the right size"])?[0];
    lowering.make(stage, VectorOp::Multiply { factors: factors.into() }, &[checked], &stage.output()?).map(drop)
}
