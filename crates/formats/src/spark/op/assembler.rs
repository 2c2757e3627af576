//! VectorAssembler: numbers, booleans and vectors side by side.

use model::Type;
use plan::{Invalid, SlotId, VectorOp};

use super::invalid;
use crate::{
    ReadError,
    spark::{
        Stage,
        lower::{
            Accepts, Lowering,
            attributes::{Assembled, Group, Kind},
        },
    },
};

pub fn lower(stage: &Stage<'_>, lowering: &mut Lowering<'_>) -> Result<(), ReadError> {
    let invalid = invalid(stage, "handleInvalid")?;
    let names = stage.texts("inputCols")?.ok_or_else(|| stage.absent("inputCols", "the names of columns"))?;
    if names.is_empty() {
        return Err(stage.meta.fault("inputCols", "one column at least", "none"));
    }
    let mut inputs = Vec::with_capacity(names.len());
    for name in &names {
        inputs.push(lowering.column(stage, name, Accepts::Part)?);
    }
    let sizes: Vec<Option<u32>> = inputs.iter().map(|&input| lowering.size_of(input, 0)).collect();
    if invalid == Invalid::Keep {
        // Spark refuses such a table: it could not tell how many NaN a null vector becomes.
        let unsized_vector = |(input, size): &(&SlotId, &Option<u32>)| size.is_none() && !lowering.is_open(**input);
        if let Some(place) = inputs.iter().zip(&sizes).position(|part| unsized_vector(&part)) {
            let expected = format!("vectors of known size in column `{}`, where it is keep", names[place]);
            let got = "none known; a schema with the metadata `{\"ml_attr\": {\"num_attrs\": n}}` gives it";
            return Err(stage.meta.fault("handleInvalid", expected, got));
        }
    }
    let (group, assumed) = elements(lowering, &names, &inputs);
    let op = VectorOp::Assemble { sizes, invalid, form: stage.meta.compressed() };
    let slot = lowering.make(stage, op, &inputs, &stage.output()?)?;
    lowering.pin(stage, slot);
    if let Some(group) = group {
        lowering.set_attributes(slot, group);
        lowering.assume_numbers(slot, assumed);
    }
    Ok(())
}

/// Returns what the elements are, and which inputs are taken for numbers in that.
fn elements(lowering: &Lowering<'_>, names: &[String], inputs: &[SlotId]) -> (Option<Group>, Vec<SlotId>) {
    let (mut assembled, mut assumed) = (Assembled::default(), Vec::new());
    for (name, &input) in names.iter().zip(inputs) {
        match lowering.type_of(input) {
            _ if lowering.is_open(input) => {
                assumed.push(input);
                assembled.scalar(name, Kind::Numeric);
            }
            Type::Vector { .. } => {
                let of_size = || Group::sized(lowering.size_of(input, 0));
                assembled.vector(name, &lowering.group(input).cloned().unwrap_or_else(of_size));
            }
            // Whatever the metadata of other numbers say, Spark takes them for numeric.
            ty => {
                let kind = lowering.kind(input).filter(|_| *ty == Type::F64);
                assembled.scalar(name, kind.cloned().unwrap_or(Kind::Numeric));
            }
        }
    }
    (assembled.finish(), assumed)
}
