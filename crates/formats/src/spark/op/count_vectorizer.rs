//! CountVectorizerModel: how often each term of a vocabulary occurs.

use plan::EncodeOp;

use crate::{
    ReadError,
    spark::{
        Stage,
        lower::{Accepts, Lowering},
    },
};

pub fn lower(stage: &Stage<'_>, lowering: &mut Lowering<'_>) -> Result<(), ReadError> {
    let tf_min = stage.f64_or("minTF", 1.0)?;
    let binary = stage.bool_or("binary", false)?;
    let vocabulary = stage.table("data")?.only_row()?.column("vocabulary")?.texts(0)?.into();
    let input = lowering.column(stage, stage.input()?, Accepts::Texts)?;
    let op = EncodeOp::TermCounts { vocabulary, tf_min, binary };
    lowering.make(stage, op, &[input], &stage.output()?).map(drop)
}
