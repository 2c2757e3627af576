//! Bucketizer (what QuantileDiscretizer makes, too), of one column or several.

use plan::{EncodeOp, Expr, Func, Invalid, SlotId};

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
    let pairs = stage.pairs()?;
    let splits = splits(stage, pairs.len())?;
    let mut inputs = Vec::with_capacity(pairs.len());
    for (input, _) in &pairs {
        inputs.push(lowering.column(stage, input, Accepts::Number)?);
    }
    if invalid == Invalid::Skip && inputs.len() > 1 {
        inputs = present(stage, lowering, inputs)?;
    }
    for ((input, (_, output)), splits) in inputs.into_iter().zip(pairs).zip(splits) {
        lowering.make(stage, EncodeOp::Bucket { splits: splits.into(), invalid }, &[input], &output)?;
    }
    Ok(())
}

fn splits(stage: &Stage<'_>, columns: usize) -> Result<Vec<Vec<f64>>, ReadError> {
    let many = stage.meta.is_set("inputCols");
    let name = if many { "splitsArray" } else { "splits" };
    let splits = if many { stage.f64_arrays(name)? } else { stage.f64s(name)?.map(|splits| vec![splits]) };
    let splits = splits.ok_or_else(|| stage.absent(name, "the borders of the buckets"))?;
    if splits.len() != columns {
        return Err(stage.meta.fault(name, format!("borders for each of {columns} columns"), splits.len().to_string()));
    }
    if !splits.iter().all(|splits| splits.len() >= 3 && splits.windows(2).all(|w| w[0] < w[1])) {
        return Err(stage.meta.fault(name, "three borders at least, which rise", "others"));
    }
    Ok(splits)
}

/// Returns the inputs of rows in which none is null or NaN. Spark drops the other rows before it looks for a bucket, so a
/// value out of range in one column refuses no row that another column drops.
fn present(stage: &Stage<'_>, lowering: &mut Lowering<'_>, inputs: Vec<SlotId>) -> Result<Vec<SlotId>, ReadError> {
    let mut gates = Vec::with_capacity(inputs.len());
    for &input in &inputs {
        let all: std::sync::Arc<[f64]> = [f64::NEG_INFINITY, f64::INFINITY].into();
        let op = EncodeOp::Bucket { splits: all, invalid: Invalid::Skip };
        gates.extend(lowering.node(stage, op, &[input], &["is present"])?);
    }
    let mut passed = Vec::with_capacity(inputs.len());
    for &input in &inputs {
        let value = Expr::call(Func::ToF64, [Expr::Input(0)]);
        let gates_passed = (1..=gates.len() as u32).map(|gate| Expr::call(Func::IsNull, [Expr::Input(gate)]));
        let any_null =
            gates_passed.reduce(|a, b| Expr::call(Func::Or, [a, b])).unwrap_or(Expr::Const(plan::Scalar::Bool(false)));
        let op = Expr::call(Func::If, [any_null, value.clone(), value]);
        let reads: Vec<SlotId> = std::iter::once(input).chain(gates.iter().copied()).collect();
        passed.extend(lowering.node(stage, op, &reads, &["present"])?);
    }
    Ok(passed)
}
