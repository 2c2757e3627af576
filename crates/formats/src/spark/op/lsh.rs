//! BucketedRandomProjectionLSHModel and MinHashLSHModel: hashes that near vectors share.

use plan::{FeatureOp, Weights};

use crate::{
    ReadError,
    spark::{
        Stage,
        lower::{Accepts, Lowering},
    },
};

/// BucketedRandomProjectionLSHModel.
pub fn projection(stage: &Stage<'_>, lowering: &mut Lowering<'_>) -> Result<(), ReadError> {
    let length = stage.f64_or("bucketLength", f64::NAN)?;
    if length.is_nan() || length <= 0.0 {
        return Err(stage.meta.fault("bucketLength", "a number above 0", length.to_string()));
    }
    stage.u32_or("numHashTables", 1, 1)?;
    let matrix = stage.table("data")?.only_row()?.column("randUnitVectors")?.matrix(0)?;
    let Weights::Dense { columns, values } = matrix.weights else {
        return Err(stage.unimplemented("random vectors that are sparse"));
    };
    let input = lowering.vector(stage, stage.input()?, columns as usize)?;
    let op = FeatureOp::Project { rows: values, columns, factor: 1.0 / length };
    lowering.make(stage, op, &[input], &stage.output()?).map(drop)
}

/// MinHashLSHModel.
pub fn min_hash(stage: &Stage<'_>, lowering: &mut Lowering<'_>) -> Result<(), ReadError> {
    stage.u32_or("numHashTables", 1, 1)?;
    let table = stage.table("data")?;
    let cells = table.only_row()?.column("randCoefficients")?;
    let (items, range) = cells.items(0)?;
    let narrow = |i: usize| {
        let int = items.int(i)?;
        i32::try_from(int).map_err(|_| cells.fault("an integer of 32 bits", int.to_string()))
    };
    let numbers: Vec<i32> = range.map(narrow).collect::<Result<_, _>>()?;
    let (pairs, []) = numbers.as_chunks::<2>() else {
        return Err(cells.fault("pairs of numbers", format!("{} numbers", numbers.len())));
    };
    let op = FeatureOp::MinHash { pairs: pairs.iter().map(|[a, b]| (*a, *b)).collect() };
    let input = lowering.column(stage, stage.input()?, Accepts::Vector)?;
    lowering.make(stage, op, &[input], &stage.output()?).map(drop)
}
