//! HashingTF: how often items fall to the places that their hashes name.

use plan::{EncodeOp, Hash};

use crate::{
    ReadError,
    spark::{
        Stage,
        lower::{Accepts, Lowering},
    },
};

/// Spark 3.0 mended the hash of the last bytes; a model goes on with the one that it was trained with.
pub fn lower(stage: &Stage<'_>, lowering: &mut Lowering<'_>) -> Result<(), ReadError> {
    let hash = match stage.meta.spark_major() {
        Some(0..3) => Hash::Murmur3Tail,
        Some(_) => Hash::Murmur3,
        None => return Err(stage.meta.fault("sparkVersion", "a version, which decides the hash", &*stage.meta.spark)),
    };
    let size = stage.u32_or("numFeatures", 1, 1 << 18)?;
    let binary = stage.bool_or("binary", false)?;
    let input = lowering.column(stage, stage.input()?, Accepts::Items)?;
    lowering.make(stage, EncodeOp::HashCounts { size, hash, binary }, &[input], &stage.output()?).map(drop)
}
