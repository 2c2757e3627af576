//! `NearestNeighborModel` (k-Nearest Neighbors, 4.4): what the nearest of the training instances say together.
//!
//! Equally near instances come in the order of the table. A tie of votes goes to the category with the most cases in the table,
//! then to the smallest. Without a target the neighbours themselves are the result. [`training`] reads the table.

use std::{cell::RefCell, sync::Arc};

use plan::{AssociationOp, DistanceOp, op::distance::Verdict};

use super::measure::{self, Column, Entities, Part};
use crate::pmml::{
    answer::{Answer, Kind},
    error::Fault,
    fields::{DataField, DataType, Field, OpType, Scope},
    lower::{Lowering, MathContext, Value},
    xml::Element,
};

mod training;

use self::training::Training;

pub fn lower<'d>(cx: &mut Lowering<'_>, scope: &Scope<'_, 'd>, model: Element<'d>) -> Result<Answer<'d>, Fault> {
    let kind = Answer::kind_of(model)?;
    let inputs = model.required_child("KNNInputs")?;
    let parts = measure::parts(cx, scope, inputs.all("KNNInput"))?;
    let training = Training::read(scope, model)?;
    let columns: Result<Vec<Column<'d>>, Fault> =
        parts.iter().map(|part| training.column(part.element, part.name)).collect();
    let mut columns = columns?;
    for (part, column) in parts.iter().zip(&mut columns) {
        treated(scope, part, column);
    }
    let count = model.usize("numberOfNeighbors")?;
    let count = count.ok_or_else(|| model.fault("attribute numberOfNeighbors", "a value", "none"))?;
    let rows = training.rows();
    measure::check_shown(model, rows)?;
    if count == 0 || count > rows {
        let expected = format!("a number within 1 to {rows}, as many as there are instances");
        return Err(model.fault("attribute numberOfNeighbors", expected, count.to_string()));
    }
    let ids: Vec<String> = match model.attr("instanceIdVariable") {
        None => (1..=rows).map(|row| row.to_string()).collect(),
        Some(name) => {
            let ids = training.column(model, name)?;
            let id = |id: Option<std::borrow::Cow<'d, str>>| {
                let id =
                    id.ok_or_else(|| model.fault("attribute instanceIdVariable", "an id of each instance", "none"));
                Ok(id?.into_owned())
            };
            ids.into_iter().map(id).collect::<Result<_, Fault>>()?
        }
    };
    let measured = measure::lower(cx, model, &parts, &columns, &[], true)?;
    let ranks = measure::rank_asked(model, measure::RANKED)?.max(count).min(rows);
    let ranked = measured.ranked(cx, model, ranks)?;
    let (places, distances) = (ranked.places.clone(), ranked.distances.clone());
    let winner = cx.one(model, plan::VectorOp::Element { place: 0 }, &[&places], "nearest")?;
    let neighbours = Neighbours { places, distances, count };
    let entities = Entities {
        measured,
        ids: ids.into(),
        names: None,
        winner,
        ranked: RefCell::new(Some(ranked)),
        all: RefCell::default(),
    };
    answer(cx, scope, model, kind, &training, &neighbours, entities)
}

struct Neighbours {
    places: Value,
    distances: Value,
    count: usize,
}

fn answer<'d>(
    cx: &mut Lowering<'_>,
    scope: &Scope<'_, 'd>,
    model: Element<'d>,
    kind: Kind,
    training: &Training<'d>,
    neighbours: &Neighbours,
    entities: Entities,
) -> Result<Answer<'d>, Fault> {
    let mut values = Vec::new();
    if kind != Kind::Clustering {
        for name in scope.targets() {
            let target = scope.data_field(name);
            let target = target.ok_or_else(|| model.fault("MiningField", "a target of the data dictionary", name))?;
            values.push((name, judge(cx, model, training, neighbours, target)?));
        }
    }
    let mut values = values.into_iter();
    let (kind, value) = match values.next() {
        Some((name, value)) if kind == Kind::Other => {
            let is_number = scope.data_field(name).is_some_and(|f| f.op == OpType::Continuous);
            (if is_number { Kind::Regression } else { Kind::Classification }, Some(value))
        }
        first => (kind, first.map(|(_, value)| value)),
    };
    let entry = AssociationOp::Entry { table: measure::table_of(&entities.ids) };
    let id = cx.one(model, entry, &[&entities.winner], "neighbour")?;
    let mut answer = Answer::new(kind, value);
    for (name, mut value) in values {
        // The first is typed as its target by whoever asked; labels of further targets are typed here.
        if let Some(target) = scope.data_field(name).filter(|_| !value.data.is_number()) {
            value.value = cx.cast(model, &value.value, target.data.ty())?;
            value.data = target.data;
        }
        answer.extras.push((name.to_owned(), value));
    }
    answer.entity = Some(id);
    let others = answer.extras.clone();
    answer.pick = Some(Box::new(move |cx, element| {
        let feature = element.attr("feature").unwrap_or("predictedValue");
        let other = element.attr("targetField").and_then(|name| others.iter().find(|(known, _)| known == name));
        match (feature, other) {
            ("predictedValue", Some((_, value))) => Ok(Some(value.clone())),
            // Neighbours have no probabilities; tools write such fields none the less.
            ("probability" | "confidence", _) => {
                let null = plan::Expr::null(model::Type::F64);
                Ok(Some(Field::double(cx.expr(element, null, &[], "no probability")?)))
            }
            _ => entities.pick(cx, element),
        }
    }));
    Ok(answer)
}

/// Returns what the neighbours say of a target.
fn judge(
    cx: &mut Lowering<'_>,
    model: Element<'_>,
    training: &Training<'_>,
    neighbours: &Neighbours,
    target: &DataField<'_>,
) -> Result<Field, Fault> {
    let column = training.column(model, target.name)?;
    let threshold = model.f64("threshold")?.unwrap_or(0.001);
    let is_number = target.op == OpType::Continuous;
    let (values, verdict, labels) = if is_number {
        let values: Result<Vec<f64>, Fault> =
            column.iter().map(|v| v.as_ref().map_or(Ok(f64::NAN), |v| model.number("a target value", v))).collect();
        let verdict = match model.attr("continuousScoringMethod").unwrap_or("average") {
            "average" => Verdict::Average,
            "weightedAverage" => Verdict::WeightedAverage { threshold },
            "median" => Verdict::Median,
            other => {
                let expected = "average, weightedAverage or median";
                return Err(model.fault("attribute continuousScoringMethod", expected, other));
            }
        };
        (values?, verdict, Vec::new())
    } else {
        let (labels, values, preference) = labels(target, &column);
        let verdict = match model.attr("categoricalScoringMethod").unwrap_or("majorityVote") {
            "majorityVote" => Verdict::Vote { preference },
            "weightedMajorityVote" => Verdict::WeightedVote { threshold, preference },
            other => {
                let expected = "majorityVote or weightedMajorityVote";
                return Err(model.fault("attribute categoricalScoringMethod", expected, other));
            }
        };
        (values, verdict, labels)
    };
    let single = cx.math() == MathContext::Float;
    let op = DistanceOp::Judge { values: values.into(), verdict, count: neighbours.count as u32, single };
    let value = cx.one(model, op, &[&neighbours.places, &neighbours.distances], target.name)?;
    if is_number {
        return Ok(Field::double(value));
    }
    let entry = AssociationOp::Entry { table: measure::table_of(&labels) };
    let label = cx.one(model, entry, &[&value], target.name)?;
    Ok(Field::new(label, DataType::String, OpType::Categorical))
}

/// Returns the categories of a column, the place of each row's, and their order where votes are equal.
fn labels(target: &DataField<'_>, column: &Column<'_>) -> (Vec<String>, Vec<f64>, Arc<[u32]>) {
    let number = |text: &str| target.data.is_number().then(|| crate::pmml::xml::parse_number(text)).flatten();
    let mut labels: Vec<String> = Vec::new();
    let mut counts: Vec<usize> = Vec::new();
    let mut known = std::collections::HashMap::new();
    let mut values = Vec::with_capacity(column.len());
    for text in column {
        let Some(text) = text else {
            values.push(f64::NAN);
            continue;
        };
        let key = number(text).map_or_else(|| text.to_string(), |n| (n + 0.0).to_bits().to_string());
        let place = *known.entry(key).or_insert_with(|| {
            labels.push(text.to_string());
            counts.push(0);
            labels.len() - 1
        });
        counts[place] += 1;
        values.push(place as f64);
    }
    let mut preference: Vec<u32> = (0..labels.len() as u32).collect();
    preference.sort_by(|&a, &b| {
        let (a, b) = (a as usize, b as usize);
        let order = match (number(&labels[a]), number(&labels[b])) {
            (Some(x), Some(y)) => x.total_cmp(&y),
            _ => labels[a].cmp(&labels[b]),
        };
        counts[b].cmp(&counts[a]).then(order)
    });
    (labels, values, preference.into())
}

/// Lets what an instance lacks be what the mining schema puts in its place.
fn treated<'d>(scope: &Scope<'_, 'd>, part: &Part<'d>, column: &mut Column<'d>) {
    if let Some(text) = scope.mining(part.name).and_then(|mining| mining.attr("missingValueReplacement")) {
        column.iter_mut().filter(|value| value.is_none()).for_each(|value| *value = Some(text.into()));
    }
}
