//! FeatureHasher: whole rows to sparse vectors.

use model::DType;
use plan::{FeatureOp, HashedColumn};

use crate::{
    ReadError,
    spark::{
        Stage,
        lower::{Accepts, Lowering, attributes::Group},
    },
};

/// Spark 3.0 mended the hash, here whatever version saved the stage.
pub fn lower(stage: &Stage<'_>, lowering: &mut Lowering<'_>) -> Result<(), ReadError> {
    let names = stage.texts("inputCols")?.ok_or_else(|| stage.absent("inputCols", "the names of columns"))?;
    if names.is_empty() {
        return Err(stage.meta.fault("inputCols", "one column at least", "none"));
    }
    let categorical = stage.texts("categoricalCols")?.unwrap_or_default();
    let size = stage.u32_or("numFeatures", 1, 1 << 18)?;
    let (mut inputs, mut columns) = (Vec::with_capacity(names.len()), Vec::with_capacity(names.len()));
    for name in names {
        let by_value = categorical.contains(&name);
        let mut input = lowering.own_column(stage, &name, Accepts::Scalar)?;
        if lowering.type_of(input).as_scalar().is_some_and(DType::is_decimal) {
            input = lowering.column(stage, &name, if by_value { Accepts::Scalar } else { Accepts::Number })?;
        }
        inputs.push(input);
        columns.push(HashedColumn { by_value, name: name.into() });
    }
    let slot = lowering.make(stage, FeatureOp::HashColumns { columns, size }, &inputs, &stage.output()?)?;
    lowering.set_attributes(slot, Group::sized(Some(size)));
    Ok(())
}
