//! `SupportVectorMachineModel` (Support Vector Machine, 4.4): machines over a dictionary of vectors.
//!
//! A machine's number below its threshold means its `targetCategory`, else its alternate one (with `maxWins` above it); most
//! votes win, and of several categories the one that was voted for first. One against all, the smallest number wins (with
//! `maxWins` the largest). With `alternateBinaryTargetCategory` a number is rounded to 1 (the target category) or 0. A document
//! that does not say which method it means shows it by its categories. Rows with a missing value are refused, as there is no
//! rule for them.

use std::sync::Arc;

use plan::{
    Expr, FormulaOp, Func,
    expr::Compare,
    formula::{CONSTANTS_MAX, Decide, Kernel, Machine, Machines, Missing, Vote},
};
use rustc_hash::FxHashMap;

use super::columns::{Columns, category, classification};
use crate::pmml::{
    answer::{Answer, Classes, Kind},
    array,
    error::Fault,
    fields::{Field, Scope},
    lower::{Lowering, MathContext, Value},
    xml::Element,
};

pub fn lower<'d>(cx: &mut Lowering<'_>, scope: &Scope<'_, 'd>, model: Element<'d>) -> Result<Answer<'d>, Fault> {
    let kind = Answer::kind_of(model)?;
    let dictionary = model.required_child("VectorDictionary")?;
    let mut columns = vector_fields(cx, scope, dictionary.required_child("VectorFields")?)?;
    let size = columns.len();
    let machines: Vec<Element<'d>> = model.all("SupportVectorMachine").collect();
    let (vectors, read, kernel) = match model.attr("svmRepresentation").or(model.attr("representation")) {
        None | Some("SupportVectors") => {
            let (vectors, places) = vectors(dictionary, size)?;
            let read: Result<Vec<Machine>, Fault> = machines.iter().map(|at| machine(*at, &places)).collect();
            (vectors, read?, kernel(model)?)
        }
        Some("Coefficients") => {
            let (vectors, read) = coefficients(&machines, size)?;
            (vectors, read, Kernel::Linear)
        }
        Some(other) => {
            return Err(model.fault("attribute svmRepresentation", "SupportVectors or Coefficients", other));
        }
    };
    let (decide, labels) = match kind {
        Kind::Regression if read.len() == 1 => (Decide::Number, Vec::new()),
        Kind::Classification if !read.is_empty() => decision(model, &machines)?,
        Kind::Regression | Kind::Classification => {
            return Err(model.fault(
                "elements SupportVectorMachine",
                "one, or of categories some",
                read.len().to_string(),
            ));
        }
        _ => return Err(model.fault("attribute functionName", "regression or classification", "another")),
    };
    let op = Machines {
        columns: size as u32,
        single: cx.math() == MathContext::Float,
        kernel,
        vectors: vectors.into(),
        machines: read,
        decide: decide.clone(),
        missing: if model.bool("maxWins", false)? { Missing::Null } else { Missing::Refused },
    };
    let op = FormulaOp::Machines(Arc::new(op));
    let values = columns.values(cx, model)?;
    if decide == Decide::Number {
        let value = cx.one(model, op, &values, "prediction")?;
        return Ok(Answer::new(Kind::Regression, Some(Field::double(value))));
    }
    let made = cx.node(model, op, &values, &["numbers", "place"])?;
    let [numbers, place] = made.try_into().expect("a node of two outputs");
    if let Decide::Votes { .. } = decide {
        return classification(cx, scope, model, labels, numbers, &place);
    }
    let mut answer = Answer::new(Kind::Classification, Some(category(cx, model, &labels, &place)?));
    answer.affinities = Some(Classes { labels: labels.into(), values: numbers });
    Ok(answer)
}

fn vector_fields<'d>(cx: &mut Lowering<'_>, scope: &Scope<'_, 'd>, fields: Element<'d>) -> Result<Columns, Fault> {
    let mut columns = Columns::default();
    for field in fields.children() {
        // Every one is an element of its own, be it of the same field.
        let value = match field.name() {
            "FieldRef" => {
                let value = crate::pmml::expression::lower(cx, scope, field)?.value;
                cx.number(field, &value)?
            }
            "CategoricalPredictor" => indicator(cx, scope, field)?,
            other => return Err(fields.fault("content", "FieldRef or CategoricalPredictor", other)),
        };
        columns.add(value);
    }
    if columns.len() == 0 {
        return Err(fields.fault("content", "one field at least", "none"));
    }
    Ok(columns)
}

/// Returns 1 where a field has a value, else 0; missing where it is missing.
fn indicator<'d>(cx: &mut Lowering<'_>, scope: &Scope<'_, 'd>, at: Element<'d>) -> Result<Value, Fault> {
    let name = at.attr("name").or(at.attr("field"));
    let name = name.ok_or_else(|| at.fault("attribute name", "a field", "none"))?;
    let (field, text) = (scope.field(cx, at, name)?, at.required("value")?);
    let weight = at.f64("coefficient")?.unwrap_or(1.0);
    let one = match field.constant(text) {
        Some(constant) => {
            let is_it = Expr::call(Compare::Eq, [Expr::Input(0), Expr::Const(constant)]);
            Expr::call(Func::If, [is_it, Expr::f64(weight), Expr::f64(0.0)])
        }
        None => Expr::f64(0.0),
    };
    let null = Expr::call(Func::IsNull, [Expr::Input(0)]);
    let expr = Expr::call(Func::If, [null, Expr::null(model::Type::F64), one]);
    cx.expr(at, expr, &[&field.value], text)
}

/// Returns the vectors, row-major, and which is which.
fn vectors<'d>(dictionary: Element<'d>, size: usize) -> Result<(Vec<f64>, FxHashMap<&'d str, u32>), Fault> {
    let (mut vectors, mut places) = (Vec::new(), FxHashMap::default());
    for instance in dictionary.all("VectorInstance") {
        if vectors.len() + size > CONSTANTS_MAX {
            let (most, got) = (format!("at most {CONSTANTS_MAX} elements of vectors"), "more");
            return Err(instance.fault("element VectorDictionary", most, got));
        }
        let count = match instance.child("REAL-SparseArray") {
            Some(element) => {
                let sparse = array::sparse(element)?;
                let start = vectors.len();
                vectors.resize(start + size, sparse.default);
                for (place, value) in sparse.entries {
                    if let Some(element) = vectors[start..].get_mut(place) {
                        *element = value;
                    } else {
                        return Err(instance.fault("element Indices", format!("places of {size} fields"), "more"));
                    }
                }
                sparse.size.unwrap_or(size)
            }
            None => {
                let values = array::numbers(array::inside(instance)?)?;
                vectors.extend_from_slice(&values);
                values.len()
            }
        };
        if count != size {
            return Err(instance.fault("vector", format!("a number for each of {size} fields"), count.to_string()));
        }
        let id = instance.required("id")?;
        if places.insert(id, places.len() as u32).is_some() {
            return Err(instance.fault("attribute id", "an id of its own", id));
        }
    }
    Ok((vectors, places))
}

fn machine(at: Element<'_>, places: &FxHashMap<&str, u32>) -> Result<Machine, Fault> {
    let vectors = at.required_child("SupportVectors")?;
    let coefficients = at.required_child("Coefficients")?;
    let (mut ids, mut parts) = (vectors.all("SupportVector"), Vec::new());
    for coefficient in coefficients.all("Coefficient") {
        let vector =
            ids.next().ok_or_else(|| at.fault("elements SupportVector", "as many as coefficients", "fewer"))?;
        let id = vector.required("vectorId")?;
        let place = places.get(id);
        let place =
            place.ok_or_else(|| vector.fault("attribute vectorId", "the id of a vector of the dictionary", id))?;
        parts.push((*place, coefficient.f64("value")?.unwrap_or(0.0)));
    }
    if ids.next().is_some() {
        return Err(at.fault("elements SupportVector", "as many as coefficients", "more"));
    }
    Ok(Machine { parts: parts.into(), constant: coefficients.f64("absoluteValue")?.unwrap_or(0.0) })
}

/// Returns machines that are a coefficient for each field: each over one vector, its own.
fn coefficients(machines: &[Element<'_>], size: usize) -> Result<(Vec<f64>, Vec<Machine>), Fault> {
    let (mut vectors, mut read) = (Vec::new(), Vec::new());
    for (i, at) in machines.iter().enumerate() {
        let coefficients = at.required_child("Coefficients")?;
        for coefficient in coefficients.all("Coefficient") {
            vectors.push(coefficient.f64("value")?.unwrap_or(0.0));
        }
        if vectors.len() != (i + 1) * size {
            return Err(coefficients.fault(
                "elements Coefficient",
                format!("one for each of {size} fields"),
                "another number",
            ));
        }
        let constant = coefficients.f64("absoluteValue")?.unwrap_or(0.0);
        read.push(Machine { parts: [(i as u32, 1.0)].into(), constant });
    }
    Ok((vectors, read))
}

fn kernel(model: Element<'_>) -> Result<Kernel, Fault> {
    for at in model.children() {
        let of = |name| Ok(at.f64(name)?.unwrap_or(1.0));
        return Ok(match at.name() {
            "LinearKernelType" => Kernel::Linear,
            "PolynomialKernelType" => {
                Kernel::Polynomial { gamma: of("gamma")?, coef0: of("coef0")?, degree: of("degree")? }
            }
            "RadialBasisKernelType" => Kernel::RadialBasis { gamma: of("gamma")? },
            "SigmoidKernelType" => Kernel::Sigmoid { gamma: of("gamma")?, coef0: of("coef0")? },
            _ => continue,
        });
    }
    Err(model.fault(
        "kernel",
        "LinearKernelType, PolynomialKernelType, RadialBasisKernelType or SigmoidKernelType",
        "none",
    ))
}

/// Returns how the machines' numbers lead to a category, and the categories.
fn decision(model: Element<'_>, machines: &[Element<'_>]) -> Result<(Decide, Vec<String>), Fault> {
    let largest = model.bool("maxWins", false)?;
    let alternate = model.attr("alternateBinaryTargetCategory");
    let has_other = machines[0].attr("alternateTargetCategory").is_some();
    let method = model.attr("classificationMethod");
    let by_votes = match method {
        Some("OneAgainstOne") => true,
        // A machine that stands alone names both of its categories.
        Some("OneAgainstAll") => machines.len() == 1 && (has_other || alternate.is_some()),
        None => has_other || alternate.is_some(),
        Some(other) => {
            return Err(model.fault("attribute classificationMethod", "OneAgainstOne or OneAgainstAll", other));
        }
    };
    let mut labels: Vec<String> = Vec::new();
    let mut known: FxHashMap<String, u32> = FxHashMap::default();
    let mut place = |label: &str| {
        *known.entry(label.to_owned()).or_insert_with(|| {
            labels.push(label.to_owned());
            labels.len() as u32 - 1
        })
    };
    if !by_votes {
        for (i, at) in machines.iter().enumerate() {
            let label = at.required("targetCategory")?;
            if place(label) as usize != i {
                return Err(at.fault("attribute targetCategory", "a category that has no machine yet", label));
            }
        }
        return Ok((Decide::Extreme { largest }, labels));
    }
    let threshold = model.f64("threshold")?.unwrap_or(0.0);
    let mut ballots = Vec::with_capacity(machines.len());
    for at in machines {
        let first = place(at.required("targetCategory")?);
        let ballot = match alternate {
            Some(other) => (Vote::Rounded, first, place(other)),
            None => {
                let threshold = at.f64("threshold")?.unwrap_or(threshold);
                let second = place(at.required("alternateTargetCategory")?);
                (Vote::Threshold { threshold, above: largest }, first, second)
            }
        };
        ballots.push(ballot);
    }
    Ok((Decide::Votes { classes: labels.len() as u32, ballots: ballots.into() }, labels))
}
