//! Interaction: the products of columns, categories one-hot by what their metadata say.

use std::collections::HashSet;

use model::Type;
use plan::{FeatureOp, Interacting};

use crate::{
    ReadError,
    spark::{
        Stage,
        lower::{
            Accepts, Lowering,
            attributes::{Attribute, Categories, Group, Kind},
        },
    },
};

/// Most products that are named.
const NAMES_MAX: usize = 1 << 16;

/// A column, encoded.
struct Part {
    interacting: Interacting,
    /// What its elements are called; nothing where they are too many.
    elements: Option<Vec<Attribute>>,
}

pub fn lower(stage: &Stage<'_>, lowering: &mut Lowering<'_>) -> Result<(), ReadError> {
    let names = stage.texts("inputCols")?.ok_or_else(|| stage.absent("inputCols", "the names of columns"))?;
    if names.is_empty() || names.iter().collect::<HashSet<_>>().len() < names.len() {
        return Err(stage.meta.fault("inputCols", "names of different columns, one at least", format!("{names:?}")));
    }
    let (mut inputs, mut parts) = (Vec::with_capacity(names.len()), Vec::with_capacity(names.len()));
    for name in &names {
        let input = lowering.column(stage, name, Accepts::Number)?;
        let refuse = |expected: &str, got: &str| stage.meta.fault(format!("column `{name}`"), expected, got);
        parts.push(match lowering.type_of(input) {
            Type::Vector { .. } => match lowering.group_of_numbers(input).filter(|group| group.is_known()) {
                Some(group) => of_vectors(name, group).map_err(|got| refuse(COUNTED, got))?,
                None => return Err(refuse(KNOWN, "none known; a schema with the metadata `ml_attr` gives them")),
            },
            ty if *ty == Type::BOOL => return Err(refuse("a column of numbers or vectors", "one of booleans")),
            _ => of_numbers(name, lowering.kind(input)).map_err(|got| refuse(COUNTED, got))?,
        });
        inputs.push(input);
    }
    let group = products(&parts);
    let parts = parts.into_iter().map(|part| part.interacting).collect();
    let op = FeatureOp::Interact { parts, form: stage.meta.compressed() };
    let slot = lowering.make(stage, op, &inputs, &stage.output()?)?;
    if let Some(group) = group {
        lowering.set_attributes(slot, group);
    }
    Ok(())
}

const KNOWN: &str = "vectors whose elements the column's metadata describe";
const COUNTED: &str = "categories whose number the column's metadata tell";

/// Returns what a category of the kind counts through; nothing of what counts as a number: binary elements do, and those of one
/// category.
fn categories(kind: &Kind) -> Result<Option<&Categories>, &'static str> {
    match kind {
        Kind::Nominal(categories) => match categories.count() {
            Some(0 | 1) => Ok(None),
            Some(_) => Ok(Some(categories)),
            None => Err("categories without names or a number"),
        },
        Kind::Numeric | Kind::Binary(_) => Ok(None),
    }
}

/// Returns the categories whose names are part of an element's name: those of a single one, too.
fn spelt(kind: &Kind) -> Option<&Categories> {
    match kind {
        Kind::Nominal(categories) if categories.count() != Some(0) => Some(categories),
        _ => None,
    }
}

fn of_numbers(name: &str, kind: Option<&Kind>) -> Result<Part, &'static str> {
    let categories = kind.map_or(Ok(None), categories)?;
    let count = categories.and_then(Categories::count);
    let interacting = Interacting { size: None, categories: count.map(|count| (0, count)).into_iter().collect() };
    Ok(Part { interacting, elements: named(name.to_owned(), kind.and_then(spelt)) })
}

fn of_vectors(column: &str, group: &Group) -> Result<Part, &'static str> {
    let (mut counts, mut uncounted) = (Vec::new(), None);
    group.each_category(|place, kind| match categories(kind) {
        Ok(Some(categories)) => counts.extend(categories.count().map(|count| (place, count))),
        Ok(None) => {}
        Err(what) => uncounted = Some(what),
    });
    if let Some(what) = uncounted {
        return Err(what);
    }
    let interacting = Interacting { size: group.size(), categories: counts.into() };
    let mut elements = (interacting.encoded() <= NAMES_MAX as u64).then(Vec::new);
    if elements.is_some() {
        let mut place = 0;
        group.each(|name, kind| {
            let name = name.map_or_else(|| format!("{column}_{place}"), |name| format!("{column}_{name}"));
            match (&mut elements, named(name, spelt(kind))) {
                (Some(elements), Some(named)) => elements.extend(named),
                (elements, _) => *elements = None,
            }
            place += 1;
        });
    }
    Ok(Part { interacting, elements })
}

/// Returns the elements that a number, or one for each of its categories, becomes.
fn named(name: String, categories: Option<&Categories>) -> Option<Vec<Attribute>> {
    let Some(categories) = categories else { return Some(vec![Attribute::new(name, Kind::Numeric)]) };
    let binary = |value: Box<str>| Attribute::new(format!("{name}_{value}"), Kind::Binary(Categories::Unknown));
    let names = categories.names().filter(|names| names.len() <= NAMES_MAX)?;
    Some(names.into_iter().map(binary).collect())
}

/// Returns what the products are called, the first column's elements outermost.
fn products(parts: &[Part]) -> Option<Group> {
    let mut made: Vec<Attribute> = Vec::new();
    for (i, part) in parts.iter().rev().enumerate() {
        let heads = part.elements.as_ref()?;
        if i == 0 {
            made.clone_from(heads);
            continue;
        }
        if heads.len().checked_mul(made.len())? > NAMES_MAX {
            return None;
        }
        let name = |attribute: &Attribute| attribute.name.clone().unwrap_or_default();
        let product = |head, tail| Attribute::new(format!("{}:{}", name(head), name(tail)), Kind::Numeric);
        made = heads.iter().flat_map(|head| made.iter().map(move |tail| product(head, tail))).collect();
    }
    Some(Group::listed(made))
}
