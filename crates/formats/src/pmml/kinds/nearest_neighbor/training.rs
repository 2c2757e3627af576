//! The training instances: a table of texts, and derived fields computed of them.
//!
//! An instance has a value for each field that `InstanceFields` names. A field that is compared and is not among them is a
//! derived one, computed here for each instance: the kinds of expression that such models normalise with.

use std::{borrow::Cow, collections::HashMap};

use super::{Column, measure};
use crate::pmml::{
    error::Fault,
    expression,
    fields::{self, Scope},
    xml::{Element, parse_number},
};

/// The instances of a model.
pub struct Training<'d> {
    /// Of each field its values, an instance each.
    columns: HashMap<&'d str, Column<'d>>,
    rows: usize,
    derived: HashMap<&'d str, Element<'d>>,
}

/// Deepest nesting of what a derived field is computed of.
const DEPTH_MAX: usize = 64;

impl<'d> Training<'d> {
    pub fn read(scope: &Scope<'_, 'd>, model: Element<'d>) -> Result<Training<'d>, Fault> {
        let instances = model.required_child("TrainingInstances")?;
        if let Some(table) = instances.child("TableLocator") {
            return Err(table.unimplemented("instances that lie outside of the document"));
        }
        let table = instances.required_child("InlineTable")?;
        let mut fields = Vec::new();
        let mut places: HashMap<&str, Vec<usize>> = HashMap::new();
        for field in instances.required_child("InstanceFields")?.all("InstanceField") {
            let name = field.required("field")?;
            places.entry(plain(field.attr("column").unwrap_or(name))).or_default().push(fields.len());
            fields.push(name);
        }
        measure::cells(table, "instances times fields", table.all("row").count(), fields.len())?;
        let mut columns: Vec<Column<'d>> = vec![Vec::new(); fields.len()];
        let mut rows = 0;
        for row in table.all("row") {
            for cell in row.children() {
                for &place in places.get(plain(cell.name())).into_iter().flatten() {
                    columns[place].resize(rows, None);
                    columns[place].push(Some(cell.text().into()));
                }
            }
            rows += 1;
        }
        columns.iter_mut().for_each(|column| column.resize(rows, None));
        Ok(Training { columns: fields.into_iter().zip(columns).collect(), rows, derived: scope.derived_fields() })
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Returns the instances' values of a field.
    pub fn column(&self, at: Element<'_>, name: &str) -> Result<Column<'d>, Fault> {
        if let Some(column) = self.columns.get(name) {
            return Ok(column.clone());
        }
        if !self.derived.contains_key(name) {
            return Err(at.fault("field", "a field of the training instances", name));
        }
        let value = |row: usize| Ok(self.value(at, name, row, DEPTH_MAX)?.map(|v| Cow::Owned(v.into_owned())));
        (0..self.rows).map(value).collect()
    }

    /// Returns an instance's value of a field.
    fn value(&self, at: Element<'_>, name: &str, row: usize, depth: usize) -> Result<Option<Cow<'_, str>>, Fault> {
        if let Some(column) = self.columns.get(name) {
            return Ok(column[row].as_deref().map(Cow::Borrowed));
        }
        let Some(derived) = self.derived.get(name) else {
            return Err(at.fault("field", "a field of the training instances", name));
        };
        if depth == 0 {
            return Err(at.fault("nesting", format!("at most {DEPTH_MAX} levels of derived fields"), "more"));
        }
        let body = derived.children().find(|e| expression::is_expression(e.name()));
        let body = body.ok_or_else(|| derived.fault("content", "an expression", "none"))?;
        let number = |e: Element<'_>| {
            let text = self.value(e, e.required("field")?, row, depth - 1)?;
            Ok::<_, Fault>(text.and_then(|t| parse_number(&t)))
        };
        Ok(match body.name() {
            "FieldRef" => self.value(body, body.required("field")?, row, depth - 1)?,
            "NormContinuous" => norm_continuous(body, number(body)?)?.map(|v| Cow::Owned(v.to_string())),
            "NormDiscrete" => match self.value(body, body.required("field")?, row, depth - 1)? {
                Some(value) => Some(Cow::Borrowed(if value == body.required("value")? { "1" } else { "0" })),
                None => body.attr("mapMissingTo").map(Cow::Borrowed),
            },
            "Discretize" => discretize(body, number(body)?)?.map(Cow::Borrowed),
            other => return Err(body.unimplemented(format!("{other} of training instances"))),
        })
    }
}

/// Returns a name without its prefix.
fn plain(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(_, name)| name)
}

/// Returns a number as `NormContinuous` has it: on the line through two neighbouring points.
fn norm_continuous(element: Element<'_>, x: Option<f64>) -> Result<Option<f64>, Fault> {
    let Some(x) = x else { return element.f64("mapMissingTo") };
    let mut points = Vec::new();
    for point in element.all("LinearNorm") {
        points.push((point.required_f64("orig")?, point.required_f64("norm")?));
    }
    let (Some(first), Some(last)) = (points.first(), points.last()) else {
        return Err(element.fault("content", "two LinearNorm elements at least", "none"));
    };
    if points.len() < 2 {
        return Err(element.fault("content", "two LinearNorm elements at least", "one"));
    }
    if x < first.0 || x > last.0 {
        match element.attr("outliers").unwrap_or("asIs") {
            "asMissingValues" => return element.f64("mapMissingTo"),
            "asExtremeValues" => return Ok(Some(if x < first.0 { first.1 } else { last.1 })),
            _ => {}
        }
    }
    let at = points[1..points.len() - 1].iter().take_while(|p| x > p.0).count();
    let [(a, from), (b, to)] = [points[at], points[at + 1]];
    Ok(Some(from + (x - a) / (b - a) * (to - from)))
}

fn discretize<'e>(element: Element<'e>, x: Option<f64>) -> Result<Option<&'e str>, Fault> {
    let Some(x) = x else { return Ok(element.attr("mapMissingTo")) };
    for bin in element.all("DiscretizeBin") {
        if fields::holds(bin.required_child("Interval")?, x)? {
            return bin.required("binValue").map(Some);
        }
    }
    Ok(element.attr("defaultValue"))
}
