//! Bucketizer (what QuantileDiscretizer makes, too), of one column or several.

use plan::{EncodeOp, Expr, Func, Invalid, RowsOp, SlotId};

use super::invalid;
use crate::{
    ReadError,
    spark::{
        Stage,
        lower::{
            Accepts, Lowering,
            attributes::{Kind, java_text},
        },
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
        keep_present(stage, lowering, &inputs)?;
    }
    for ((input, (_, output)), splits) in inputs.into_iter().zip(pairs).zip(splits) {
        let names: Vec<Box<str>> =
            splits.windows(2).map(|w| format!("{}, {}", java_text(w[0]), java_text(w[1])).into()).collect();
        let slot = lowering.make(stage, EncodeOp::Bucket { splits: splits.into(), invalid }, &[input], &output)?;
        lowering.set_attributes(slot, Kind::nominal(names));
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

/// Drops rows in which any of the inputs is null or NaN. Spark does so before it looks for a bucket, so a value out of range
/// in one column refuses no row that another column drops.
fn keep_present(stage: &Stage<'_>, lowering: &mut Lowering<'_>, inputs: &[SlotId]) -> Result<(), ReadError> {
    /// Inputs of one expression: some are enough to make gates few, and far from the most that one takes.
    const TOGETHER: usize = 8;
    for inputs in inputs.chunks(TOGETHER) {
        let present = lowering.node(stage, all_present(0..inputs.len() as u32), inputs, &["all are present"])?;
        lowering.node(stage, RowsOp::Keep, &present, &[])?;
    }
    Ok(())
}

/// Whether all of these inputs are numbers: neither null nor NaN. Halved, so that many columns do not nest deeply.
fn all_present(inputs: std::ops::Range<u32>) -> Expr {
    if inputs.len() <= 1 {
        let number = Expr::call(Func::ToF64, [Expr::Input(inputs.start)]);
        // False for NaN, null for null: neither is true.
        return Expr::call(Func::Eq, [number.clone(), number]);
    }
    let middle = inputs.start + (inputs.end - inputs.start) / 2;
    Expr::call(Func::And, [all_present(inputs.start..middle), all_present(middle..inputs.end)])
}
