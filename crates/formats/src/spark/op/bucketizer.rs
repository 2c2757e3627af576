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
    let any_null = lowering.node(stage, any_null(0..gates.len() as u32), &gates, &["any is null"])?[0];
    let mut passed = Vec::with_capacity(inputs.len());
    for &input in &inputs {
        // The same either way: what counts is that the gates come first.
        let value = Expr::call(Func::ToF64, [Expr::Input(0)]);
        let op = Expr::call(Func::If, [Expr::Input(1), value.clone(), value]);
        passed.extend(lowering.node(stage, op, &[input, any_null], &["present"])?);
    }
    Ok(passed)
}

/// Whether any of these inputs is null; halved, so that many columns do not nest deeply.
fn any_null(inputs: std::ops::Range<u32>) -> Expr {
    if inputs.len() <= 1 {
        return Expr::call(Func::IsNull, [Expr::Input(inputs.start)]);
    }
    let middle = inputs.start + (inputs.end - inputs.start) / 2;
    Expr::call(Func::Or, [any_null(inputs.start..middle), any_null(middle..inputs.end)])
}
