//! VectorSlicer: some elements, by place or by the name that the column's attributes give them.

use plan::VectorOp;

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
        places.extend(named(stage, lowering.group_of_numbers(input), &names)?);
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
    let slot =
        lowering.make(stage, VectorOp::Select { places: places.as_slice().into() }, &[input], &stage.output()?)?;
    lowering.set_attributes(slot, group.select(&places));
    Ok(())
}

/// Returns the places of the features of these names.
fn named(stage: &Stage<'_>, group: Option<&Group>, names: &[String]) -> Result<Vec<u32>, ReadError> {
    let Some(places) = group.and_then(|group| group.places(names)) else {
        let got = "one whose elements have no names that are known; a schema with the metadata `ml_attr` gives them";
        return Err(stage.meta.fault("names", "a column whose elements have names", got));
    };
    let find = |(place, name): (Option<u32>, &String)| {
        place.ok_or_else(|| stage.meta.fault("names", "names that the column has", format!("{name:?}")))
    };
    places.into_iter().zip(names).map(find).collect()
}
