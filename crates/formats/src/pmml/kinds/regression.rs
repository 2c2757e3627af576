//! `RegressionModel` (Regression, 4.4): tables of predictors, one for a number or one for each category.
//!
//! A missing numeric predictor, or field of a product, makes the result missing; a missing categorical one counts 0. Which
//! normalization goes with which kind of target follows the standard's tables; the tools' widening of it is read too: `logit` of
//! more than two categories divides by the sum, and `softmax` of two of which one is empty is `logit`. What the standard
//! rules out (`exp` of categories, `simplemax` of a number) is refused row by row, since a row without its inputs has no
//! result either way.

use std::sync::Arc;

use plan::{
    FormulaOp,
    formula::{Curve, Factor, Finish, Shares, Term, Terms},
};

use rustc_hash::FxHashSet;

use super::columns::{Categories, Columns, classification, target_op};
use crate::pmml::{
    answer::{Answer, Kind},
    error::Fault,
    fields::{Field, OpType, Scope},
    lower::{Lowering, MathContext},
    xml::Element,
};

/// What a method makes of the tables' sums.
struct Method {
    curve: Curve,
    shares: Shares,
    refused: Option<&'static str>,
}

pub fn lower<'d>(cx: &mut Lowering<'_>, scope: &Scope<'_, 'd>, model: Element<'d>) -> Result<Answer<'d>, Fault> {
    let kind = Answer::kind_of(model)?;
    let tables: Vec<Element<'d>> = model.all("RegressionTable").collect();
    let name = model.attr("normalizationMethod").unwrap_or("none");
    let (mut columns, mut categories) = (Columns::judging(), Categories::default());
    for predictor in tables.iter().flat_map(|table| table.all("CategoricalPredictor")) {
        categories.note(cx, scope, predictor, field_of(predictor)?, predictor.required("value")?)?;
    }
    let mut read = Vec::with_capacity(tables.len());
    for table in &tables {
        read.push(terms(cx, scope, *table, &mut columns, &mut categories)?);
    }
    let single = cx.math() == MathContext::Float;
    let (finish, method) = match (kind, tables.len()) {
        (Kind::Regression, 1) => (Finish::Number, of_number(model, name)?),
        (Kind::Classification, 2..) => {
            let op = target_op(scope)?;
            let has_reference = tables.len() == 2 && read[1].is_empty();
            let method = of_categories(model, name, op, tables.len(), has_reference)?;
            (Finish::Shares(method.shares), method)
        }
        (Kind::Regression, count) => return Err(model.fault("elements RegressionTable", "one", count.to_string())),
        (Kind::Classification, count) => {
            return Err(model.fault(
                "elements RegressionTable",
                "one for each of two or more categories",
                count.to_string(),
            ));
        }
        _ => return Err(model.fault("attribute functionName", "regression or classification", "another")),
    };
    if let Some(why) = method.refused {
        cx.warn(format!("{} at line {}: rows are refused, which should have {why}", model.name(), model.line()));
    }
    let judged = columns.judged();
    let values = columns.values(cx, model)?;
    let op = Terms {
        inputs: values.len() as u32,
        single,
        judged,
        tables: read,
        offset: None,
        curve: method.curve,
        trials: None,
        finish,
        refused: method.refused,
    };
    let op = FormulaOp::Terms(Arc::new(op));
    if finish == Finish::Number {
        let value = cx.one(model, op, &values, "prediction")?;
        return Ok(Answer::new(Kind::Regression, Some(Field::double(value))));
    }
    let labels: Result<Vec<String>, Fault> =
        tables.iter().map(|table| table.required("targetCategory").map(str::to_owned)).collect();
    let labels = labels?;
    let mut seen = FxHashSet::default();
    if let Some(twice) = labels.iter().position(|label| !seen.insert(label.as_str())) {
        let expected = "a category that has no table yet";
        return Err(tables[twice].fault("attribute targetCategory", expected, labels[twice].as_str()));
    }
    let made = cx.node(model, op, &values, &["probabilities", "place"])?;
    let [shares, place] = made.try_into().expect("a node of two outputs");
    classification(cx, scope, model, labels, shares, &place)
}

/// The field of a predictor: `name`, or `field` as later schemas have it.
fn field_of<'d>(predictor: Element<'d>) -> Result<&'d str, Fault> {
    predictor
        .attr("name")
        .or(predictor.attr("field"))
        .ok_or_else(|| predictor.fault("attribute name", "a field", "none"))
}

fn terms<'d>(
    cx: &mut Lowering<'_>,
    scope: &Scope<'_, 'd>,
    table: Element<'d>,
    columns: &mut Columns,
    categories: &mut Categories,
) -> Result<Vec<Term>, Fault> {
    let mut terms = Vec::new();
    let product = |coefficient, factors| Term::Product { coefficient, factors, product_first: false };
    for predictor in table.all("NumericPredictor") {
        let input = columns.number(cx, scope, predictor, field_of(predictor)?)?;
        let exponent = predictor.f64("exponent")?.unwrap_or(1.0);
        terms.push(product(predictor.required_f64("coefficient")?, vec![Factor::Power { input, exponent }]));
    }
    // Predictors of one field in a row are one choice among its categories: the first that fits counts.
    let predictors: Vec<(Element<'d>, &str)> =
        table.all("CategoricalPredictor").map(|p| Ok((p, field_of(p)?))).collect::<Result<_, Fault>>()?;
    for run in predictors.chunk_by(|a, b| a.1 == b.1) {
        let (first, name) = run[0];
        let mut values: Vec<Option<f64>> = Vec::new();
        for (predictor, _) in run {
            let place = categories.note(cx, scope, *predictor, name, predictor.required("value")?)? as usize;
            values.resize(values.len().max(place + 1), None);
            values[place] = values[place].or(Some(predictor.required_f64("coefficient")?));
        }
        let input = columns.code(cx, scope, first, name, categories)?;
        let values = values.into_iter().map(|value| value.unwrap_or(0.0)).collect();
        terms.push(Term::Look { input, values, skip_missing: true });
    }
    for predictor in table.all("PredictorTerm") {
        let mut factors = Vec::new();
        for field in predictor.all("FieldRef") {
            factors.push(Factor::Power { input: columns.reference(cx, scope, field)?, exponent: 1.0 });
        }
        terms.push(product(predictor.required_f64("coefficient")?, factors));
    }
    let intercept = table.f64("intercept")?.unwrap_or(0.0);
    if intercept != 0.0 {
        terms.push(Term::constant(intercept));
    }
    Ok(terms)
}

/// Returns the curve that a method's name stands for.
fn curve_of(name: &str) -> Option<Curve> {
    Some(match name {
        "logit" => Curve::Logit,
        "probit" => Curve::Probit,
        "cloglog" => Curve::CLogLog,
        "loglog" => Curve::LogLog,
        "cauchit" => Curve::Cauchit,
        _ => return None,
    })
}

fn of_number(model: Element<'_>, name: &str) -> Result<Method, Fault> {
    let mut refused = None;
    let curve = match name {
        "none" => Curve::Identity,
        "softmax" => Curve::Logit,
        "exp" => Curve::Exp,
        "simplemax" => {
            refused = Some("a normalizationMethod for numbers, not simplemax");
            Curve::Identity
        }
        name => curve_of(name).ok_or_else(|| unknown(model, name))?,
    };
    Ok(Method { curve, shares: Shares::Rest, refused })
}

fn of_categories(
    model: Element<'_>,
    name: &str,
    op: OpType,
    count: usize,
    has_reference: bool,
) -> Result<Method, Fault> {
    let of = |curve, shares| Method { curve, shares, refused: None };
    let refused = |why| Method { curve: Curve::Identity, shares: Shares::Rest, refused: Some(why) };
    let steps = Shares::Steps { summed: true };
    Ok(match (name, op, curve_of(name)) {
        ("none", OpType::Ordinal, _) => of(Curve::Clamp, steps),
        (_, OpType::Ordinal, Some(curve)) => of(curve, steps),
        ("simplemax" | "softmax" | "exp", OpType::Ordinal, _) => {
            refused("a normalizationMethod for ordered categories: none, logit, probit, cloglog, loglog or cauchit")
        }
        ("exp", ..) => refused("a normalizationMethod for categories, not exp"),
        ("none", ..) if count == 2 => of(Curve::Clamp, Shares::Rest),
        ("none", ..) => of(Curve::Identity, Shares::Rest),
        ("softmax", ..) if has_reference => of(Curve::Logit, Shares::Rest),
        ("softmax", ..) => of(Curve::Identity, Shares::SoftMax),
        ("simplemax", ..) => of(Curve::Identity, Shares::SimpleMax),
        (_, _, Some(curve)) if count == 2 => of(curve, Shares::Rest),
        ("logit", ..) => of(Curve::Logit, Shares::SimpleMax),
        (_, _, Some(_)) => {
            refused("a normalizationMethod for more than two categories: none, softmax, simplemax or logit")
        }
        (_, _, None) => return Err(unknown(model, name)),
    })
}

fn unknown(model: Element<'_>, name: &str) -> Fault {
    model.fault("attribute normalizationMethod", "a method of PMML 4.4", name)
}
