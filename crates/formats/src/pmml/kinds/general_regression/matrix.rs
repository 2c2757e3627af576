//! The matrices of parameters: which predictors a parameter is a product of, and what it counts for which category.

use std::sync::Arc;

use plan::formula::{Factor, Term};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::pmml::{
    array,
    error::Fault,
    fields::Scope,
    kinds::columns::{Categories, Columns},
    lower::Lowering,
    xml::Element,
};

/// Most rows of a contrast matrix.
const CONTRASTS_MAX: usize = 4096;

/// A parameter's coefficient, for one category of the target or for all.
#[derive(Clone, Copy)]
pub struct Cell<'d> {
    label: Option<&'d str>,
    pub parameter: &'d str,
    pub beta: f64,
}

/// A predictor's part in a parameter.
struct Part<'d> {
    at: Element<'d>,
    field: &'d str,
    value: &'d str,
}

/// The number of each category of a factor, for each of its categories.
struct Contrast<'d> {
    categories: Vec<&'d str>,
    rows: Vec<Vec<f64>>,
}

/// A model's parameters.
pub struct Matrix<'d> {
    cells: Vec<Cell<'d>>,
    /// The parts of each parameter, for one category of the target or for all.
    parts: FxHashMap<(Option<&'d str>, &'d str), Vec<Part<'d>>>,
    /// For which categories of the target there are parts.
    parted: FxHashSet<Option<&'d str>>,
    factors: FxHashMap<&'d str, Option<Contrast<'d>>>,
    covariates: FxHashSet<&'d str>,
    categories: Categories,
}

impl<'d> Matrix<'d> {
    pub fn read(cx: &mut Lowering<'_>, scope: &Scope<'_, 'd>, model: Element<'d>) -> Result<Matrix<'d>, Fault> {
        let list = |name: &'static str| model.child(name).into_iter().flat_map(|list| list.all("Predictor"));
        let mut factors = FxHashMap::default();
        let mut categories = Categories::default();
        for predictor in list("FactorList") {
            let name = name_of(predictor)?;
            let contrast = contrast(predictor)?;
            for category in contrast.iter().flat_map(|contrast| &contrast.categories) {
                categories.note(cx, scope, predictor, name, category)?;
            }
            factors.insert(name, contrast);
        }
        let covariates: Result<FxHashSet<&str>, Fault> = list("CovariateList").map(name_of).collect();
        let mut matrix = Matrix {
            cells: Vec::new(),
            parts: FxHashMap::default(),
            parted: FxHashSet::default(),
            factors,
            covariates: covariates?,
            categories,
        };
        for at in model.required_child("PPMatrix")?.all("PPCell") {
            let field = at.attr("predictorName").or(at.attr("field"));
            let field = field.ok_or_else(|| at.fault("attribute predictorName", "a field", "none"))?;
            let (label, parameter, value) =
                (at.attr("targetCategory"), at.required("parameterName")?, at.required("value")?);
            if matrix.factors.contains_key(field) {
                matrix.categories.note(cx, scope, at, field, value)?;
            } else if !matrix.covariates.contains(field) {
                return Err(at.fault("attribute predictorName", "a field of FactorList or CovariateList", field));
            }
            matrix.parted.insert(label);
            matrix.parts.entry((label, parameter)).or_default().push(Part { at, field, value });
        }
        for at in model.required_child("ParamMatrix")?.all("PCell") {
            let (label, parameter) = (at.attr("targetCategory"), at.required("parameterName")?);
            matrix.cells.push(Cell { label, parameter, beta: at.required_f64("beta")? });
        }
        Ok(matrix)
    }

    /// Returns the categories of the target that parameters are for, each once, in their order.
    pub fn labels(&self) -> impl Iterator<Item = &'d str> {
        let mut seen = FxHashSet::default();
        self.cells.iter().filter_map(|cell| cell.label).filter(move |label| seen.insert(*label))
    }

    fn of(&self, label: Option<&str>) -> Vec<Cell<'d>> {
        self.cells.iter().filter(|cell| cell.label == label).copied().collect()
    }

    /// Returns the cells of a model without categories.
    pub fn only_cells(&self, model: Element<'_>) -> Result<Vec<Cell<'d>>, Fault> {
        match self.labels().next() {
            Some(label) => Err(model.fault("element ParamMatrix", "cells of no category of the target", label)),
            None => Ok(self.of(None)),
        }
    }

    /// Returns the cells of a category; those of none may stand in where there are but two categories.
    pub fn cells(&self, label: &str, are_two: bool) -> Option<Vec<Cell<'d>>> {
        let own = self.of(Some(label));
        let cells = if own.is_empty() && are_two { self.of(None) } else { own };
        (!cells.is_empty()).then_some(cells)
    }

    /// Returns the cells that all categories share, then those of a category alone.
    pub fn ordinal_cells(&self, label: &str) -> Option<Vec<Cell<'d>>> {
        let own = self.of(Some(label));
        if own.is_empty() {
            return None;
        }
        let mut cells = self.of(None);
        cells.extend(own);
        Some(cells)
    }

    /// Returns the sum that cells stand for.
    pub fn table(
        &self,
        cx: &mut Lowering<'_>,
        scope: &Scope<'_, 'd>,
        cells: &[Cell<'d>],
        label: Option<&str>,
        columns: &mut Columns,
    ) -> Result<Vec<Term>, Fault> {
        let label = self.parted.get(&label).copied().unwrap_or(None);
        let mut terms = Vec::with_capacity(cells.len());
        // Parameters of one factor in a row, each for another value, are one look at a table.
        let mut look: Option<(u32, Vec<Option<f64>>)> = None;
        for cell in cells {
            let parts = self.parts.get(&(label, cell.parameter)).map_or(&[][..], Vec::as_slice);
            let mut factors = Vec::with_capacity(parts.len());
            for part in parts.iter().filter(|part| self.factors.contains_key(part.field)) {
                factors.push(self.factor(cx, scope, part, columns)?);
            }
            for part in parts.iter().filter(|part| !self.factors.contains_key(part.field)) {
                let input = columns.number(cx, scope, part.at, part.field)?;
                factors.push(Factor::Power { input, exponent: part.at.number("attribute value", part.value)? });
            }
            let (input, code) = match factors[..] {
                [Factor::Is { input, code }] => (input, code as usize),
                _ => {
                    terms.extend(look.take().map(looked));
                    terms.push(Term::Product { coefficient: cell.beta, factors, product_first: true });
                    continue;
                }
            };
            let is_open =
                |(of, values): &(u32, Vec<Option<f64>>)| *of == input && values.get(code).is_none_or(Option::is_none);
            if !look.as_ref().is_some_and(is_open) {
                terms.extend(look.take().map(looked));
            }
            let (_, values) = look.get_or_insert_with(|| (input, Vec::new()));
            values.resize(values.len().max(code + 1), None);
            values[code] = Some(cell.beta);
        }
        terms.extend(look.map(looked));
        Ok(terms)
    }

    fn factor(
        &self,
        cx: &mut Lowering<'_>,
        scope: &Scope<'_, 'd>,
        part: &Part<'d>,
        columns: &mut Columns,
    ) -> Result<Factor, Fault> {
        let (at, name) = (part.at, part.field);
        let input = columns.code(cx, scope, at, name, &self.categories)?;
        let code = |label: &str| self.categories.place(name, label).expect("every category of a factor is noted");
        let own = code(part.value);
        let Some(Some(contrast)) = self.factors.get(name) else { return Ok(Factor::Is { input, code: own }) };
        let column = contrast.categories.iter().position(|category| code(category) == own);
        let column =
            column.ok_or_else(|| at.fault("attribute value", "a category of the contrast matrix", part.value))?;
        let mut values = vec![0.0; contrast.categories.len()];
        for (category, row) in contrast.categories.iter().zip(&contrast.rows) {
            if let Some(value) = values.get_mut(code(category) as usize) {
                *value = row[column];
            }
        }
        Ok(Factor::Contrast { input, values: Arc::from(values) })
    }
}

fn looked((input, values): (u32, Vec<Option<f64>>)) -> Term {
    Term::Look { input, values: values.into_iter().map(|value| value.unwrap_or(0.0)).collect(), skip_missing: false }
}

fn name_of<'d>(predictor: Element<'d>) -> Result<&'d str, Fault> {
    let name = predictor.attr("name").or(predictor.attr("field"));
    name.ok_or_else(|| predictor.fault("attribute name", "a field", "none"))
}

fn contrast<'d>(predictor: Element<'d>) -> Result<Option<Contrast<'d>>, Fault> {
    let Some(matrix) = predictor.child("Matrix") else { return Ok(None) };
    let categories = predictor.required_child("Categories")?.all("Category");
    let categories: Vec<&str> = categories.map(|category| category.required("value")).collect::<Result<_, _>>()?;
    let size = categories.len();
    if size > CONTRASTS_MAX {
        return Err(predictor.fault("element Categories", format!("at most {CONTRASTS_MAX}"), size.to_string()));
    }
    let rows = square(matrix, size)?;
    Ok(Some(Contrast { categories, rows }))
}

/// Returns a matrix of as many rows as columns (General Structure, 4.4: Matrix).
fn square(matrix: Element<'_>, size: usize) -> Result<Vec<Vec<f64>>, Fault> {
    let arrays: Vec<Element<'_>> = matrix.children().filter(|e| matches!(e.name(), "Array" | "array")).collect();
    let kind = matrix.attr("kind").unwrap_or("any");
    let diagonal = matrix.f64("diagDefault")?.unwrap_or(0.0);
    let other = matrix.f64("offDiagDefault")?.unwrap_or(0.0);
    let of = |row: usize, column: usize| if row == column { diagonal } else { other };
    let mut rows: Vec<Vec<f64>> = (0..size).map(|row| (0..size).map(|column| of(row, column)).collect()).collect();
    let wrong = |got: String| matrix.fault("content", format!("{size} rows and columns"), got);
    for cell in matrix.all("MatCell") {
        let place = |name| Ok(cell.usize(name)?.unwrap_or(0));
        let (row, column) = (place("row")?, place("col")?);
        if !(1..=size).contains(&row) || !(1..=size).contains(&column) {
            return Err(wrong(format!("a cell at {row}, {column}")));
        }
        let value = cell.number("text", cell.text())?;
        rows[row - 1][column - 1] = value;
        if kind == "symmetric" {
            rows[column - 1][row - 1] = value;
        }
    }
    match kind {
        _ if arrays.is_empty() => {}
        "diagonal" => {
            let values = array::numbers(arrays[0])?;
            if values.len() != size {
                return Err(wrong(format!("a diagonal of {}", values.len())));
            }
            values.into_iter().enumerate().for_each(|(i, value)| rows[i][i] = value);
        }
        "symmetric" | "any" => {
            if arrays.len() != size {
                return Err(wrong(format!("{} rows", arrays.len())));
            }
            for (i, array) in arrays.into_iter().enumerate() {
                let values = array::numbers(array)?;
                let expected = if kind == "symmetric" { i + 1 } else { size };
                if values.len() != expected {
                    return Err(wrong(format!("a row of {}", values.len())));
                }
                for (column, value) in values.into_iter().enumerate() {
                    rows[i][column] = value;
                    if kind == "symmetric" {
                        rows[column][i] = value;
                    }
                }
            }
        }
        other => return Err(matrix.fault("attribute kind", "diagonal, symmetric or any", other)),
    }
    Ok(rows)
}
