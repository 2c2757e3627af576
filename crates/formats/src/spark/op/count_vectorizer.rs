//! CountVectorizerModel: how often each term of a vocabulary occurs.

use std::sync::Arc;

use plan::EncodeOp;

use crate::{
    ReadError,
    spark::{
        Stage,
        lower::{Accepts, Lowering, attributes::Group},
    },
};

pub fn lower(stage: &Stage<'_>, lowering: &mut Lowering<'_>) -> Result<(), ReadError> {
    let tf_min = stage.f64_or("minTF", 1.0)?;
    let binary = stage.bool_or("binary", false)?;
    let vocabulary: Arc<[Box<str>]> = stage.table("data")?.only_row()?.column("vocabulary")?.texts(0)?.into();
    let size = vocabulary.len() as u32;
    let input = lowering.column(stage, stage.input()?, Accepts::Texts)?;
    let op = EncodeOp::TermCounts { vocabulary, tf_min, binary };
    let slot = lowering.make(stage, op, &[input], &stage.output()?)?;
    lowering.set_attributes(slot, Group::numeric(size));
    Ok(())
}
