//! VectorIndexerModel: categorical elements of vectors to numbers of categories.

use std::sync::Arc;

use plan::{CategoryMap, VectorOp};

use super::invalid;
use crate::{
    ReadError,
    spark::{
        Stage,
        lower::{
            Lowering,
            attributes::{Categories, Group, Kind, java_text},
        },
    },
};

pub fn lower(stage: &Stage<'_>, lowering: &mut Lowering<'_>) -> Result<(), ReadError> {
    let invalid = invalid(stage, "handleInvalid")?;
    let table = stage.table("data")?;
    let row = table.only_row()?;
    let size = row.column("numFeatures")?.count(0)?;
    let column = row.column("categoryMaps")?;
    let (places, categories, range) = column.entries(0)?;
    let mut maps = Vec::with_capacity(range.len());
    for i in range {
        let (values, numbers, inner) = categories.entries(i)?;
        let values = inner.map(|k| Ok((values.f64(k)?, numbers.int(k)? as f64))).collect::<Result<_, ReadError>>()?;
        maps.push(CategoryMap { place: places.count(i)?, values });
    }
    maps.sort_by_key(|map| map.place);
    let rising = maps.windows(2).all(|w| w[0].place < w[1].place);
    if !rising || maps.last().is_some_and(|map| map.place >= size) {
        return Err(column.fault(format!("each feature once, below {size}"), "others"));
    }
    let input = lowering.vector(stage, stage.input()?, size as usize)?;
    let before = lowering.group(input);
    if let Some(known) = before.and_then(Group::size).filter(|&known| known != size) {
        return Err(column.fault(format!("maps of vectors of {known} elements, as the input has"), size.to_string()));
    }
    let group = Group::with_categories(before, size, maps.iter().map(|map| (map.place, kind(map))).collect());
    let op = VectorOp::Categories { size, maps: maps.into(), invalid };
    let slot = lowering.make(stage, op, &[input], &stage.output()?)?;
    lowering.set_attributes(slot, group);
    Ok(())
}

/// Returns what an element is then. What `keep` adds is not among its categories: a model that is loaded has made its
/// attributes before it knows of `handleInvalid`.
fn kind(map: &CategoryMap) -> Kind {
    let mut values: Vec<f64> = map.values.iter().map(|(value, _)| *value).collect();
    values.sort_by(f64::total_cmp);
    let names: Arc<[Box<str>]> = values.into_iter().map(|value| java_text(value).into()).collect();
    if names.len() == 2 { Kind::Binary(Categories::Named(names)) } else { Kind::nominal(names) }
}
