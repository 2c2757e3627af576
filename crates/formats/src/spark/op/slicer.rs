//! VectorSlicer: some elements, by place or by the name that the column's attributes give them.

use plan::{SlotId, VectorOp};

use crate::{
    ReadError,
    spark::{
        Stage,
        lower::{Accepts, Lowering, attributes::Group},
    },
};

pub fn lower(stage: &Stage<'_>, lowering: &mut Lowering<'_>) -> Result<(), ReadError> {
    let mut places = stage.u32s("indices")?.unwrap_or_default();
    let names = stage.texts("names")?.unwrap_or_default();
    if places.is_empty() && names.is_empty() {
        return Err(stage.meta.fault("indices", "one feature at least, here or in `names`", "none"));
    }
    let input = lowering.column(stage, stage.input()?, Accepts::Vector)?;
    if !names.is_empty() {
        if names.iter().any(String::is_empty) {
            return Err(stage.meta.fault("names", "names that are not empty", "one that is"));
        }
        match lowering.group_of_numbers(input).and_then(|group| group.places(&names)) {
            Some(found) => places.extend(named(stage, found, &names)?),
            None => return unnamed(stage, lowering, input, places.len() + names.len()),
        }
    }
    let mut sorted = places.clone();
    sorted.sort_unstable();
    if sorted.windows(2).any(|w| w[0] == w[1]) {
        return Err(stage.meta.fault("indices", "each feature once, here or in `names`", "one that is there twice"));
    }
    let group = lowering.group(input).cloned().unwrap_or_else(|| Group::sized(None));
    if let Some(size) = group.size().filter(|size| sorted.last() >= Some(size)) {
        let expected = format!("places of a vector of {size} elements");
        return Err(stage.meta.fault("indices", expected, format!("{:?}", sorted.last().unwrap_or(&0))));
    }
    let op = VectorOp::Select { places: places.as_slice().into(), zeros: false };
    let slot = lowering.make(stage, op, &[input], &stage.output()?)?;
    lowering.set_attributes(slot, group.select(&places));
    Ok(())
}

/// Returns the places of the features of these names.
fn named(stage: &Stage<'_>, places: Vec<Option<u32>>, names: &[String]) -> Result<Vec<u32>, ReadError> {
    let find = |(place, name): (Option<u32>, &String)| {
        place
            .ok_or_else(|| stage.meta.fault("names", "names that the elements of the column have", format!("{name:?}")))
    };
    places.into_iter().zip(names).map(find).collect()
}

/// Nobody has said what the elements are called, so no row can be answered: the stages before this one still can.
fn unnamed(stage: &Stage<'_>, lowering: &mut Lowering<'_>, input: SlotId, size: usize) -> Result<(), ReadError> {
    const EXPECTED: &str = "a column whose elements have names: a schema with the metadata `ml_attr` gives them";
    lowering.warn(stage, &format!("`names` needs {EXPECTED}; every row is refused until then"));
    let op = VectorOp::Refuse { expected: EXPECTED, size: size as u32 };
    let slot = lowering.make(stage, op, &[input], &stage.output()?)?;
    lowering.claim_size(slot, size);
    Ok(())
}
