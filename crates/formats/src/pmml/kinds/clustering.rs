//! `ClusteringModel` (Cluster Models, 4.4): the cluster whose centre is nearest, or most alike.
//!
//! What is predicted is the cluster's id, or its place from 1 where it has none. Fields that are missing leave their part to the
//! others, as `MissingValueWeights` say; a row without any is refused. The first of equally near clusters wins. Clusters that
//! are distributions are refused: the standard does not say how they are scored.

use std::cell::RefCell;

use plan::{AssociationOp, DistanceOp, op::association::Table};

use super::measure::{self, Column, Entities, Measured};
use crate::pmml::{
    answer::{Answer, Classes, Kind},
    array,
    error::Fault,
    fields::{DataType, Field, OpType, Scope},
    lower::{Lowering, Value},
    xml::Element,
};

pub fn lower<'d>(cx: &mut Lowering<'_>, scope: &Scope<'_, 'd>, model: Element<'d>) -> Result<Answer<'d>, Fault> {
    match model.attr("modelClass").unwrap_or("centerBased") {
        "centerBased" => {}
        "distributionBased" => {
            let what = "modelClass distributionBased: the standard does not define how distributions are scored";
            return Err(model.unimplemented(what));
        }
        other => return Err(model.fault("attribute modelClass", "centerBased or distributionBased", other)),
    }
    let mut fields = Vec::new();
    for field in model.all("ClusteringField") {
        if field.bool("isCenterField", true)? {
            fields.push(field);
        }
    }
    let parts = measure::parts(cx, scope, fields.into_iter())?;
    let clusters: Vec<Element<'d>> = model.all("Cluster").collect();
    let columns = columns(&clusters, parts.len())?;
    let counts = match model.child("MissingValueWeights") {
        None => Vec::new(),
        Some(weights) => {
            let counts = array::numbers(array::inside(weights)?)?;
            if counts.len() != parts.len() {
                let expected = format!("a number for each of the {} fields", parts.len());
                return Err(weights.fault("element Array", expected, counts.len().to_string()));
            }
            counts
        }
    };
    let measured = measure::lower(cx, model, &parts, &columns, &counts, false)?;
    answer(cx, model, &clusters, measured)
}

/// Returns the clusters' centres, field by field.
fn columns<'d>(clusters: &[Element<'d>], fields: usize) -> Result<Vec<Column<'d>>, Fault> {
    let mut columns: Vec<Column<'d>> = vec![Vec::with_capacity(clusters.len()); fields];
    for cluster in clusters {
        let centre = array::texts(array::inside(*cluster)?)?;
        if centre.len() != fields {
            let expected = format!("a value for each of the {fields} fields");
            return Err(cluster.fault("element Array", expected, centre.len().to_string()));
        }
        columns.iter_mut().zip(centre).for_each(|(column, value)| column.push(Some(value.into())));
    }
    Ok(columns)
}

/// Returns the ids: an entity's own, else its place from 1.
pub fn ids(entities: &[Element<'_>]) -> Result<Vec<String>, Fault> {
    let mut seen = std::collections::HashSet::new();
    let mut ids = Vec::with_capacity(entities.len());
    for (i, entity) in entities.iter().enumerate() {
        let id = entity.attr("id").map_or_else(|| (i + 1).to_string(), str::to_owned);
        if !seen.insert(id.clone()) {
            return Err(entity.fault("attribute id", "an id that stands once", id));
        }
        ids.push(id);
    }
    Ok(ids)
}

fn answer<'d>(
    cx: &mut Lowering<'_>,
    model: Element<'d>,
    clusters: &[Element<'d>],
    measured: Measured,
) -> Result<Answer<'d>, Fault> {
    let ids = ids(clusters)?;
    measure::check_shown(model, ids.len())?;
    let inputs: Vec<&Value> = measured.inputs.iter().collect();
    let all = DistanceOp::All { measure: measured.measure.clone(), points: measured.points.clone() };
    let mut made = cx.node(model, all, &inputs, &["affinities", "nearest"])?.into_iter();
    let (Some(affinities), Some(winner)) = (made.next(), made.next()) else {
        unreachable!("the op has two outputs");
    };
    // As many as the model's own outputs ask for are put in order at once.
    let ranked = match measure::rank_asked(model, measure::RANKED)? {
        1 => None,
        rank => Some(measured.ranked(cx, model, rank.min(ids.len()))?),
    };
    let entry = AssociationOp::Entry { table: measure::table_of(&ids) };
    let id = cx.one(model, entry, &[&winner], "cluster")?;
    let names = clusters.iter().map(|c| c.attr("name").map(Into::into)).collect();
    let classes = Classes { labels: ids.into(), values: affinities };
    let entities = Entities {
        measured,
        ids: classes.labels.clone(),
        names: Some(Table::Texts(names)),
        winner,
        ranked: RefCell::new(ranked),
        all: RefCell::new(Some(classes.clone())),
    };
    let value = Field::new(id.clone(), DataType::String, OpType::Categorical);
    let mut answer = Answer::new(Kind::Clustering, Some(value));
    answer.entity = Some(id);
    answer.affinities = Some(classes);
    answer.pick = Some(Box::new(move |cx, element| entities.pick(cx, element)));
    Ok(answer)
}
