//! `GeneralRegressionModel` (General Regression, 4.4): parameters that are products of factors and covariates, and what each
//! type of model makes of their sums.
//!
//! A parameter that no cell of the matrix ties to a predictor is a constant; a factor's cell is 1 where the factor has its
//! value (or what the contrast matrix says), a covariate's the power that it says. A missing factor makes the result
//! missing; a missing covariate too, unless a factor of its product is 0. [`matrix`] reads the cells, [`cox`] survival.

use std::sync::Arc;

use plan::{
    FormulaOp,
    formula::{Curve, Finish, Given, Shares, Term, Terms},
};

use self::matrix::Matrix;
use super::columns::{Columns, classification};
use crate::pmml::{
    answer::{Answer, Kind},
    error::Fault,
    fields::{Field, Scope},
    lower::{Lowering, MathContext},
    xml::Element,
};

mod cox;
mod matrix;

pub fn lower<'d>(cx: &mut Lowering<'_>, scope: &Scope<'_, 'd>, model: Element<'d>) -> Result<Answer<'d>, Fault> {
    let kind = Answer::kind_of(model)?;
    let (mut columns, matrix) = (Columns::judging(), Matrix::read(cx, scope, model)?);
    match kind {
        Kind::Regression if model.attr("modelType") == Some("CoxRegression") => cox::lower(cx, scope, model, &matrix),
        Kind::Regression => regression(cx, scope, model, &matrix, &mut columns),
        Kind::Classification => classes(cx, scope, model, &matrix, &mut columns),
        _ => Err(model.fault("attribute functionName", "regression or classification", "another")),
    }
}

fn regression<'d>(
    cx: &mut Lowering<'_>,
    scope: &Scope<'_, 'd>,
    model: Element<'d>,
    matrix: &Matrix<'d>,
    columns: &mut Columns,
) -> Result<Answer<'d>, Fault> {
    let table = matrix.table(cx, scope, &matrix.only_cells(model)?, None, columns)?;
    let (curve, given) = match model.required("modelType")? {
        "regression" | "generalLinear" => (Curve::Identity, (None, None)),
        "generalizedLinear" => {
            (link(model)?, (given(cx, scope, model, columns, OFFSET)?, given(cx, scope, model, columns, TRIALS)?))
        }
        other => return Err(model.fault("attribute modelType", TYPES_OF_NUMBERS, other)),
    };
    let op = op_of(cx, columns, vec![table], curve, given, Finish::Number);
    let values = columns.values(cx, model)?;
    let op = FormulaOp::Terms(Arc::new(Terms { inputs: values.len() as u32, ..op }));
    let value = cx.one(model, op, &values, "prediction")?;
    Ok(Answer::new(Kind::Regression, Some(Field::double(value))))
}

const TYPES_OF_NUMBERS: &str = "regression, generalLinear, generalizedLinear or CoxRegression for a number";

fn classes<'d>(
    cx: &mut Lowering<'_>,
    scope: &Scope<'_, 'd>,
    model: Element<'d>,
    matrix: &Matrix<'d>,
    columns: &mut Columns,
) -> Result<Answer<'d>, Fault> {
    let model_type = model.required("modelType")?;
    let labels = categories(scope, model, matrix, model_type == "ordinalMultinomial")?;
    let (last, others) = labels.split_last().expect("two categories at least");
    let mut tables = Vec::with_capacity(labels.len());
    for label in others {
        let cells = match model_type {
            "ordinalMultinomial" => matrix.ordinal_cells(label),
            _ => matrix.cells(label, labels.len() == 2),
        };
        let cells = cells.ok_or_else(|| {
            model.fault("element ParamMatrix", "cells for each category but the last", format!("none for {label:?}"))
        })?;
        tables.push(matrix.table(cx, scope, &cells, Some(label), columns)?);
    }
    tables.push(Vec::new());
    let (curve, shares, given) = match model_type {
        "generalizedLinear" if labels.len() > 2 => {
            let got = format!("{} categories, the last {last:?}", labels.len());
            return Err(model.fault("attribute modelType", "multinomialLogistic or ordinalMultinomial", got));
        }
        "generalizedLinear" => (
            link(model)?,
            Shares::Rest,
            (given(cx, scope, model, columns, OFFSET)?, given(cx, scope, model, columns, TRIALS)?),
        ),
        "multinomialLogistic" => (Curve::Exp, Shares::SimpleMax, (None, None)),
        "ordinalMultinomial" => {
            (cumulative(model)?, Shares::Steps { summed: false }, (given(cx, scope, model, columns, OFFSET)?, None))
        }
        other => return Err(model.fault("attribute modelType", TYPES_OF_CATEGORIES, other)),
    };
    let op = op_of(cx, columns, tables, curve, given, Finish::Shares(shares));
    let values = columns.values(cx, model)?;
    let op = FormulaOp::Terms(Arc::new(Terms { inputs: values.len() as u32, ..op }));
    let made = cx.node(model, op, &values, &["probabilities", "place"])?;
    let [shares, place] = made.try_into().expect("a node of two outputs");
    classification(cx, scope, model, labels, shares, &place)
}

const TYPES_OF_CATEGORIES: &str = "generalizedLinear, multinomialLogistic or ordinalMultinomial for categories";

fn op_of(
    cx: &Lowering<'_>,
    columns: &Columns,
    tables: Vec<Vec<Term>>,
    curve: Curve,
    (offset, trials): (Option<Given>, Option<Given>),
    finish: Finish,
) -> Terms {
    let single = cx.math() == MathContext::Float;
    Terms {
        inputs: columns.len() as u32,
        single,
        judged: columns.judged(),
        tables,
        offset,
        curve,
        trials,
        finish,
        refused: None,
    }
}

/// Most categories of a target: each is looked for among all cells.
const CATEGORIES_MAX: usize = 1000;

/// Returns the target's categories, the reference last: the one that the model names, else the one without parameters.
fn categories(
    scope: &Scope<'_, '_>,
    model: Element<'_>,
    matrix: &Matrix<'_>,
    is_ordinal: bool,
) -> Result<Vec<String>, Fault> {
    let target = scope.target();
    let mut labels: Vec<String> = target.map_or(Vec::new(), |target| target.categories.to_vec());
    let constant = |label: &str| target.and_then(|target| target.data.constant(label));
    let is_same = |a: &str, b: &str| a == b || constant(a).is_some_and(|x| Some(x) == constant(b));
    let named = model.attr("targetReferenceCategory");
    if labels.is_empty() {
        labels = matrix.labels().map(str::to_owned).collect();
        labels.extend(named.filter(|name| !labels.iter().any(|l| l == name)).map(str::to_owned));
    }
    if labels.len() > CATEGORIES_MAX {
        return Err(model.fault("categories", format!("at most {CATEGORIES_MAX}"), labels.len().to_string()));
    }
    let reference = match named {
        Some(name) => labels.iter().position(|label| is_same(label, name)),
        None if is_ordinal => None,
        None => {
            let has_cells = |label: &String| matrix.labels().any(|of| is_same(of, label));
            let mut without = (0..labels.len()).filter(|&i| !has_cells(&labels[i]));
            match (without.next(), without.next()) {
                (Some(one), None) => Some(one),
                // Cells without a category are those of the first of two.
                (Some(_), Some(second)) if labels.len() == 2 => Some(second),
                _ => {
                    let expected = "targetReferenceCategory, or one category of the target without parameters";
                    return Err(model.fault("categories", expected, "another number of them"));
                }
            }
        }
    };
    if let Some(place) = reference {
        let label = labels.remove(place);
        labels.push(label);
    }
    // Labels are written as the cells write them.
    for label in &mut labels {
        if let Some(of) = matrix.labels().find(|of| is_same(of, label)) {
            *label = of.to_owned();
        }
    }
    if labels.len() < 2 {
        return Err(model.fault(
            "categories",
            "two or more values of the target in the data dictionary",
            labels.len().to_string(),
        ));
    }
    Ok(labels)
}

/// Returns the inverse of the link function.
fn link(model: Element<'_>) -> Result<Curve, Fault> {
    Ok(match model.required("linkFunction")? {
        "identity" => Curve::Identity,
        "log" => Curve::Exp,
        "logc" => Curve::LogC,
        "logit" => Curve::Logit,
        "probit" => Curve::Probit,
        "cloglog" => Curve::CLogLog,
        "loglog" => Curve::LogLog,
        "cauchit" => Curve::Cauchit,
        "negbin" => Curve::NegBin(model.required_f64("distParameter")?),
        "oddspower" => Curve::OddsPower(model.required_f64("linkParameter")?),
        "power" => Curve::Power(model.required_f64("linkParameter")?),
        other => return Err(model.fault("attribute linkFunction", "a link function of PMML 4.4", other)),
    })
}

fn cumulative(model: Element<'_>) -> Result<Curve, Fault> {
    let name = model.attr("cumulativeLink").or(model.attr("cumulativeLinkFunction"));
    Ok(match name.unwrap_or("logit") {
        "logit" => Curve::Logit,
        "probit" => Curve::Probit,
        "cloglog" => Curve::CLogLog,
        "loglog" => Curve::LogLog,
        "cauchit" => Curve::Cauchit,
        other => {
            return Err(model.fault("attribute cumulativeLink", "logit, probit, cloglog, loglog or cauchit", other));
        }
    })
}

/// The attributes that name the variable or the number added to every score, and those of how often a trial was made.
const OFFSET: (&str, &str) = ("offsetVariable", "offsetValue");
const TRIALS: (&str, &str) = ("trialsVariable", "trialsValue");

fn given<'d>(
    cx: &mut Lowering<'_>,
    scope: &Scope<'_, 'd>,
    model: Element<'d>,
    columns: &mut Columns,
    (variable, value): (&'static str, &'static str),
) -> Result<Option<Given>, Fault> {
    match model.attr(variable) {
        // No term comes to it, so that it is judged before.
        Some(name) => {
            let field = scope.field(cx, model, name)?;
            let value = cx.number(model, &field.value)?;
            Ok(Some(Given::Input(columns.add(value))))
        }
        None => Ok(model.f64(value)?.map(Given::Constant)),
    }
}
