//! How alike rows and points are (Cluster Models, 4.4: `ComparisonMeasure`), and what is shown of the points that are near.
//!
//! Clusters and neighbours share both: their elements name fields with a comparison each, and points with a value for each
//! field. A field of texts is compared by its places among the texts of the points.

use std::{borrow::Cow, cell::RefCell, collections::HashMap, sync::Arc};

use model::Type;
use plan::{
    DistanceOp, VectorOp,
    op::{
        association::Table,
        distance::{Compare, Comparison, Measure, Metric},
    },
};

use crate::pmml::{
    answer::Classes,
    array,
    error::Fault,
    fields::{DataType, Field, OpType, Scope},
    lower::{Lowering, MathContext, Value},
    output,
    xml::Element,
};

/// A field that is compared.
pub struct Part<'d> {
    pub element: Element<'d>,
    pub name: &'d str,
    pub field: Field,
}

/// What the points have for a field; nothing where a point lacks it.
pub type Column<'d> = Vec<Option<Cow<'d, str>>>;

/// A measure at work.
pub struct Measured {
    pub measure: Measure,
    pub inputs: Vec<Value>,
    pub points: Arc<[f64]>,
}

impl Measured {
    /// Returns the best points in order, so many.
    pub fn ranked(&self, cx: &mut Lowering<'_>, at: Element<'_>, count: usize) -> Result<Ranked, Fault> {
        let Measured { measure, inputs, points } = self;
        let op = DistanceOp::Nearest { measure: measure.clone(), points: points.clone(), count: count as u32 };
        let inputs: Vec<&Value> = inputs.iter().collect();
        let mut made = cx.node(at, op, &inputs, &["places", "affinities"])?.into_iter();
        let (Some(places), Some(distances)) = (made.next(), made.next()) else {
            unreachable!("the op has two outputs");
        };
        Ok(Ranked { places, distances, count })
    }
}

/// Returns the fields that elements name.
pub fn parts<'d>(
    cx: &mut Lowering<'_>,
    scope: &Scope<'_, 'd>,
    elements: impl Iterator<Item = Element<'d>>,
) -> Result<Vec<Part<'d>>, Fault> {
    let part = |element: Element<'d>| {
        let name = element.required("field")?;
        Ok(Part { element, name, field: scope.field(cx, element, name)? })
    };
    elements.map(part).collect()
}

/// Returns the measure of a model over its parts; `columns` are what the points have, `counts` what the fields count for where
/// others are missing. `typed` says that points have the fields' types: numbers of floats are rounded.
pub fn lower(
    cx: &mut Lowering<'_>,
    model: Element<'_>,
    parts: &[Part<'_>],
    columns: &[Column<'_>],
    counts: &[f64],
    typed: bool,
) -> Result<Measured, Fault> {
    let comparison = model.required_child("ComparisonMeasure")?;
    let metric = metric(comparison)?;
    let general = comparison.attr("compareFunction").unwrap_or("absDiff");
    let len = columns.first().map_or(0, Vec::len);
    if parts.is_empty() || len == 0 {
        return Err(model.fault("content", "fields to compare and points to compare with", "none"));
    }
    let mut points = vec![0.0; cells(model, "fields times points", parts.len(), len)?];
    let (mut fields, mut inputs) = (Vec::new(), Vec::new());
    for (i, part) in parts.iter().enumerate() {
        let compare = compare(part, general)?;
        let (input, column) = column(cx, part, &compare, &columns[i], typed)?;
        column.into_iter().enumerate().for_each(|(p, value)| points[p * parts.len() + i] = value);
        let weight = part.element.f64("fieldWeight")?.unwrap_or(1.0);
        fields.push(Comparison { compare, weight, counts: counts.get(i).copied().unwrap_or(1.0) });
        inputs.push(input);
    }
    if matches!(metric, Metric::Binary { .. }) && !points.iter().all(|p| *p == 0.0 || *p == 1.0) {
        return Err(model.fault("the points", "0 or 1 for every field, as a similarity needs", "other values"));
    }
    let single = cx.math() == MathContext::Float;
    Ok(Measured { measure: Measure { metric, fields: fields.into(), single }, inputs, points: points.into() })
}

fn metric(comparison: Element<'_>) -> Result<Metric, Fault> {
    let element = comparison.children().next();
    let element = element.ok_or_else(|| comparison.fault("content", "a measure", "none"))?;
    let binary = |above: [f64; 4], below: [f64; 4]| Metric::Binary { above, below };
    Ok(match element.name() {
        "euclidean" => Metric::Euclidean,
        "squaredEuclidean" => Metric::SquaredEuclidean,
        "chebychev" => Metric::Chebychev,
        "cityBlock" => Metric::CityBlock,
        "minkowski" => match element.required_f64("p-parameter")? {
            p if p >= 0.0 => Metric::Minkowski(p),
            p => return Err(element.fault("attribute p-parameter", "a number, 0 or above", p.to_string())),
        },
        "simpleMatching" => binary([1.0, 0.0, 0.0, 1.0], [1.0; 4]),
        "jaccard" => binary([0.0, 0.0, 0.0, 1.0], [0.0, 1.0, 1.0, 1.0]),
        "tanimoto" => binary([1.0, 0.0, 0.0, 1.0], [1.0, 2.0, 2.0, 1.0]),
        "binarySimilarity" => {
            let of = |names: [&'static str; 4]| -> Result<[f64; 4], Fault> {
                let mut numbers = [0.0; 4];
                for (number, name) in numbers.iter_mut().zip(names) {
                    *number = element.required_f64(name)?;
                }
                Ok(numbers)
            };
            let above = of(["c00-parameter", "c01-parameter", "c10-parameter", "c11-parameter"])?;
            binary(above, of(["d00-parameter", "d01-parameter", "d10-parameter", "d11-parameter"])?)
        }
        other => return Err(comparison.fault("content", "a measure of PMML", other)),
    })
}

fn compare(part: &Part<'_>, general: &str) -> Result<Compare, Fault> {
    let element = part.element;
    let own = element.attr("compareFunction");
    Ok(match own.unwrap_or(general) {
        "absDiff" => Compare::AbsDiff,
        "delta" => Compare::Delta,
        "equal" => Compare::Equal,
        "gaussSim" => {
            let scale = element.required_f64("similarityScale")?;
            if scale == 0.0 || scale.is_nan() {
                return Err(element.fault("attribute similarityScale", "a number that is not 0", scale.to_string()));
            }
            Compare::Gauss { scale }
        }
        "table" => table(part)?,
        other => return Err(element.fault("attribute compareFunction", "a function of PMML", other)),
    })
}

/// Returns the table of a field's `Comparisons`, whose rows and columns are the field's valid values in their order.
fn table(part: &Part<'_>) -> Result<Compare, Fault> {
    let matrix = part.element.required_child("Comparisons")?.required_child("Matrix")?;
    if part.field.categories.is_empty() {
        return Err(part.element.unimplemented("compareFunction table of a field that lists no values"));
    }
    let size = part.field.categories.len();
    let rows: Result<Vec<Vec<f64>>, Fault> = matrix.children().map(array::numbers).collect();
    let rows = rows?;
    let kind = matrix.attr("kind").unwrap_or("any");
    let fits = rows.len() == size
        && match kind {
            "symmetric" => rows.iter().enumerate().all(|(i, row)| row.len() == i + 1),
            "any" => rows.iter().all(|row| row.len() == size),
            _ => false,
        };
    if !fits {
        let expected = format!("a row for each of the {size} values, of kind any or symmetric");
        return Err(matrix.fault("content", expected, format!("{} rows of kind {kind}", rows.len())));
    }
    let entry = |i: usize, j: usize| if kind == "symmetric" { rows[i.max(j)][i.min(j)] } else { rows[i][j] };
    let values = (0..size * size).map(|at| entry(at / size, at % size)).collect();
    Ok(Compare::Table { size: size as u32, values })
}

/// Returns a field's numbers: those of the rows and those of the points.
fn column(
    cx: &mut Lowering<'_>,
    part: &Part<'_>,
    compare: &Compare,
    texts: &Column<'_>,
    typed: bool,
) -> Result<(Value, Vec<f64>), Fault> {
    let (element, field) = (part.element, &part.field);
    let by_place = match compare {
        Compare::Table { .. } => true,
        Compare::Delta | Compare::Equal => field.value.ty == Type::Text,
        _ => false,
    };
    if by_place {
        let mut labels = field.categories.to_vec();
        if !matches!(compare, Compare::Table { .. }) {
            labels = texts.iter().flatten().map(|t| t.clone().into_owned()).collect();
            labels.sort_unstable();
            labels.dedup();
        }
        let places: HashMap<&str, usize> = labels.iter().enumerate().rev().map(|(i, l)| (l.as_str(), i)).collect();
        let place = |text: &Option<Cow<'_, str>>| match text {
            None => Ok(f64::NAN),
            Some(text) => {
                let place = places.get(&**text).map(|&p| p as f64);
                place.ok_or_else(|| element.fault("a point", "a value that the field lists", &**text))
            }
        };
        let column: Result<Vec<f64>, Fault> = texts.iter().map(place).collect();
        return Ok((cx.codes(element, field, &labels)?, column?));
    }
    let number = |text: &Option<Cow<'_, str>>| match text {
        None => Ok(f64::NAN),
        Some(text) if field.data == DataType::Boolean => match text.trim() {
            "true" | "1" | "1.0" => Ok(1.0),
            "false" | "0" | "0.0" => Ok(0.0),
            other => Err(element.fault("a point", "true or false", other)),
        },
        Some(text) => {
            let number = element.number("a point", text)?;
            Ok(if typed && field.data == DataType::Float { f64::from(number as f32) } else { number })
        }
    };
    let column: Result<Vec<f64>, Fault> = texts.iter().map(number).collect();
    Ok((cx.number(element, &field.value)?, column?))
}

/// The best points in order.
#[derive(Clone)]
pub struct Ranked {
    pub places: Value,
    pub distances: Value,
    pub count: usize,
}

/// Points by id, and which of them are near.
pub struct Entities {
    pub measured: Measured,
    pub ids: Arc<[String]>,
    /// What is shown for them, where it is not the id.
    pub names: Option<Table>,
    /// The place of the best.
    pub winner: Value,
    /// The places of the best, best first, and how near they are, of as many as were asked for.
    pub ranked: RefCell<Option<Ranked>>,
    /// The distances to all points, where they were asked for.
    pub all: RefCell<Option<Classes>>,
}

/// Most cells of a table that a document spans without writing them all.
const CELLS_MAX: usize = 1 << 25;

/// Returns the cells of so many rows and columns, where they are not too many.
pub fn cells(at: Element<'_>, what: &str, rows: usize, columns: usize) -> Result<usize, Fault> {
    rows.checked_mul(columns).filter(|&cells| cells <= CELLS_MAX).ok_or_else(|| {
        let expected = format!("at most {CELLS_MAX} cells");
        at.fault(what.to_owned(), expected, format!("{rows} x {columns}"))
    })
}

/// Refuses a model whose output fields show so many entities that tables of them all would be too large.
pub fn check_shown(model: Element<'_>, entities: usize) -> Result<(), Fault> {
    let fields = model.child("Output").map_or(0, |output| output.all("OutputField").count());
    cells(model, "output fields times entities", fields + 1, entities).map(|_| ())
}

/// Returns the table of ids.
pub fn table_of(ids: &[String]) -> Table {
    Table::Texts(ids.iter().map(|id| Some(id.as_str().into())).collect())
}

/// Returns the highest rank that the model's output fields ask for of these features.
pub fn rank_asked(model: Element<'_>, features: &[&str]) -> Result<usize, Fault> {
    let mut most = 1;
    for field in model.child("Output").into_iter().flat_map(|e| e.all("OutputField")) {
        if features.contains(&field.attr("feature").unwrap_or("predictedValue")) {
            most = most.max(field.usize("rank")?.unwrap_or(1));
        }
    }
    Ok(most)
}

/// Features of entities that have a rank.
pub const RANKED: &[&str] = &["affinity", "entityId", "clusterId"];

impl Entities {
    /// Returns the distances to all points.
    fn all(&self, cx: &mut Lowering<'_>, at: Element<'_>) -> Result<Classes, Fault> {
        if let Some(all) = self.all.borrow().as_ref().filter(|all| cx.sees(&all.values)) {
            return Ok(all.clone());
        }
        let Measured { measure, inputs, points } = &self.measured;
        let inputs: Vec<&Value> = inputs.iter().collect();
        let op = DistanceOp::All { measure: measure.clone(), points: points.clone() };
        let mut values = cx.node(at, op, &inputs, &["affinities", "nearest"])?;
        let all = Classes { labels: self.ids.clone(), values: values.swap_remove(0) };
        *self.all.borrow_mut() = Some(all.clone());
        Ok(all)
    }

    /// Returns the best points in order, those of this rank and before at least, where there are so many.
    fn ranked(&self, cx: &mut Lowering<'_>, at: Element<'_>, rank: usize) -> Result<Ranked, Fault> {
        let count = rank.min(self.ids.len());
        let known = self.ranked.borrow().clone().filter(|r| r.count >= count && cx.sees(&r.places));
        if let Some(ranked) = known {
            return Ok(ranked);
        }
        let ranked = self.measured.ranked(cx, at, count)?;
        *self.ranked.borrow_mut() = Some(ranked.clone());
        Ok(ranked)
    }

    /// Returns what an output field asks for of the entities.
    pub fn pick(&self, cx: &mut Lowering<'_>, element: Element<'_>) -> Result<Option<Field>, Fault> {
        let feature = element.attr("feature").unwrap_or("predictedValue");
        let rank = element.usize("rank")?.unwrap_or(1);
        let text = |value: Value| Some(Field::new(value, DataType::String, OpType::Categorical));
        let Some(place) = rank.checked_sub(1).and_then(|place| u32::try_from(place).ok()) else {
            return Err(element.fault("attribute rank", "a whole number, 1 or above", "0"));
        };
        // The first is known without an order.
        let is_first = rank == 1 && self.ranked.borrow().is_none();
        Ok(match feature {
            "affinity" | "entityAffinity" | "clusterAffinity" => {
                let label = element.attr("value").filter(|_| rank <= 1);
                let value = match label {
                    Some(label) => {
                        let all = self.all(cx, element)?;
                        output::element_of(cx, element, &all, label)?
                    }
                    None if is_first => {
                        let all = self.all(cx, element)?;
                        cx.one(element, VectorOp::At, &[&all.values, &self.winner], "affinity")?
                    }
                    None => {
                        let distances = self.ranked(cx, element, rank)?.distances;
                        cx.one(element, VectorOp::Element { place }, &[&distances], "affinity")?
                    }
                };
                Some(Field::double(value))
            }
            "entityId" | "clusterId" => {
                let place = match is_first {
                    true => self.winner.clone(),
                    false => {
                        let places = self.ranked(cx, element, rank)?.places;
                        cx.one(element, VectorOp::Element { place }, &[&places], "place")?
                    }
                };
                let op = plan::AssociationOp::Entry { table: table_of(&self.ids) };
                text(cx.one(element, op, &[&place], "id")?)
            }
            "predictedDisplayValue" => match &self.names {
                Some(names) => {
                    let op = plan::AssociationOp::Entry { table: names.clone() };
                    text(cx.one(element, op, &[&self.winner], "name")?)
                }
                None => None,
            },
            _ => None,
        })
    }
}
