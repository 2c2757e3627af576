//! Normalizer, DCT, PolynomialExpansion: vectors of any size to vectors, nothing learned.

use plan::VectorOp;

use crate::{
    ReadError,
    spark::{
        Stage,
        lower::{Accepts, Lowering, attributes::Group},
    },
};

/// Normalizer.
pub fn lower(stage: &Stage<'_>, lowering: &mut Lowering<'_>) -> Result<(), ReadError> {
    let p = stage.f64_or("p", 2.0)?;
    if p.is_nan() || p < 1.0 {
        return Err(stage.meta.fault("p", "1 or more", p.to_string()));
    }
    of_same_size(stage, lowering, VectorOp::Normalize { p })
}

/// DCT.
pub fn cosine(stage: &Stage<'_>, lowering: &mut Lowering<'_>) -> Result<(), ReadError> {
    of_same_size(stage, lowering, VectorOp::Cosine { inverse: stage.bool_or("inverse", false)? })
}

/// PolynomialExpansion.
pub fn polynomial(stage: &Stage<'_>, lowering: &mut Lowering<'_>) -> Result<(), ReadError> {
    let input = lowering.column(stage, stage.input()?, Accepts::Vector)?;
    let op = VectorOp::Products { degree: stage.u32_or("degree", 1, 2)? };
    lowering.make(stage, op, &[input], &stage.output()?).map(drop)
}

/// Of the input's attributes only the size is that of the output, too.
fn of_same_size(stage: &Stage<'_>, lowering: &mut Lowering<'_>, op: VectorOp) -> Result<(), ReadError> {
    let input = lowering.column(stage, stage.input()?, Accepts::Vector)?;
    let slot = lowering.make(stage, op, &[input], &stage.output()?)?;
    if let Some(size) = lowering.group(input).map(Group::size) {
        lowering.set_attributes(slot, Group::sized(size));
    }
    Ok(())
}
