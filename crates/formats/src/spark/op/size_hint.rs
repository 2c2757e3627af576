//! VectorSizeHint: a column of vectors in its own place, its size checked and known.

use plan::VectorOp;

use crate::{
    ReadError,
    spark::{
        Stage,
        lower::{Lowering, attributes::Group},
    },
};

pub fn lower(stage: &Stage<'_>, lowering: &mut Lowering<'_>) -> Result<(), ReadError> {
    let name = stage.input()?;
    if stage.meta.param("size").is_none() {
        return Err(stage.absent("size", "the size of vectors"));
    }
    let size = stage.u32_or("size", 0, 0)?;
    let input = lowering.vector(stage, name, size as usize)?;
    let group = lowering.group(input).filter(|group| group.size().is_some()).cloned();
    let group = group.unwrap_or_else(|| Group::sized(Some(size)));
    if let Some(known) = group.size().filter(|&known| known != size) {
        return Err(stage.meta.fault("size", format!("{known}, which the column `{name}` has"), size.to_string()));
    }
    let skip = match stage.text_or("handleInvalid", "error")? {
        "error" => false,
        "skip" => true,
        "optimistic" => {
            lowering.set_attributes(input, group);
            return Ok(());
        }
        other => return Err(stage.meta.fault("handleInvalid", "error, skip or optimistic", other)),
    };
    let slot = lowering.node(stage, VectorOp::OfSize { size, skip }, &[input], &[name])?[0];
    // Since 4.0 the check is one of SQL.
    if !skip && !stage.meta.is_from(4, 0) {
        lowering.pin(stage, slot);
    }
    lowering.set_attributes(slot, group);
    lowering.drop_column(name);
    lowering.show(stage, name, slot)
}
