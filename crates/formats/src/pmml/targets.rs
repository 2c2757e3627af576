//! `Targets`: what is done to a prediction before anybody sees it (Targets, 4.4).
//!
//! A missing result becomes the default value, or the category of the largest prior probability. A number is kept within its
//! bounds, then rescaled, then made whole.

use plan::{
    Expr, Func, VectorOp,
    expr::{Math, OnFault, Rounding},
};

use super::{
    answer::{Answer, Kind},
    error::Fault,
    fields::{DataType, Field, OpType, Scope},
    lower::{Lowering, Value},
    xml::Element,
};

/// Returns the `Target` of the model for its own target field.
pub fn target<'d>(scope: &Scope<'_, 'd>) -> Option<Element<'d>> {
    let targets = scope.model.child("Targets")?;
    let name = scope.target().map(|field| field.name);
    let of_field = targets.all("Target").find(|t| t.attr("field").is_some() && t.attr("field") == name);
    of_field.or_else(|| targets.all("Target").find(|t| t.attr("field").is_none() || name.is_none()))
}

/// Changes the answer as the model's `Targets` say.
pub fn apply<'d>(cx: &mut Lowering<'_>, scope: &Scope<'_, 'd>, answer: &mut Answer<'d>) -> Result<(), Fault> {
    let Some(target) = target(scope) else { return Ok(()) };
    let Some(field) = answer.value.take() else { return Ok(()) };
    let chosen = if is_choice(scope.model) { answer.entity.clone() } else { None };
    answer.value = Some(match (answer.kind, chosen) {
        (Kind::Regression, None) => number(cx, target, field)?,
        (Kind::Regression, Some(chosen)) => {
            let own = cx.number(target, &field.value)?;
            let made = number(cx, target, field)?.value;
            let made = cx.number(target, &made)?;
            let none = Expr::call(Func::IsNull, [Expr::Input(0)]);
            let expr = Expr::call(Func::If, [none, Expr::Input(1), Expr::Input(2)]);
            Field::double(cx.expr(target, expr, &[&chosen, &made, &own], "target")?)
        }
        (Kind::Classification, chosen) => category(cx, target, field, chosen, answer)?,
        _ => field,
    });
    Ok(())
}

/// Returns whether a model's result is that of one of its segments, which has its own targets: those of the model stand in where
/// no segment ran (the evaluators' reading).
fn is_choice(model: Element<'_>) -> bool {
    let method = model.child("Segmentation").and_then(|e| e.attr("multipleModelMethod")).unwrap_or_default();
    matches!(method.strip_prefix("x-").unwrap_or(method), "selectFirst" | "modelChain" | "multiModelChain")
}

fn number(cx: &mut Lowering<'_>, target: Element<'_>, field: Field) -> Result<Field, Fault> {
    let mut field = field;
    let value = cx.number(target, &field.value)?;
    let mut expr = Expr::Input(0);
    if let Some(default) = target.children().find_map(|v| v.attr("defaultValue")) {
        let default = target.number("attribute defaultValue", default)?;
        expr = Expr::call(Func::Coalesce, [expr, Expr::f64(default)]);
    }
    if let Some(min) = target.f64("min")? {
        expr = Expr::call(Func::Max, [expr, Expr::f64(min)]);
    }
    if let Some(max) = target.f64("max")? {
        expr = Expr::call(Func::Min, [expr, Expr::f64(max)]);
    }
    if let Some(factor) = target.f64("rescaleFactor")?.filter(|f| *f != 1.0) {
        expr = Expr::call(Func::Mul, [expr, Expr::f64(factor)]);
    }
    if let Some(constant) = target.f64("rescaleConstant")?.filter(|c| *c != 0.0) {
        expr = Expr::call(Func::Add, [expr, Expr::f64(constant)]);
    }
    let whole = match target.attr("castInteger") {
        None => None,
        Some("round") => Some(Rounding::HalfUp),
        Some("ceiling") => Some(Rounding::Ceiling),
        Some("floor") => Some(Rounding::Floor),
        Some(other) => return Err(target.fault("attribute castInteger", "round, ceiling or floor", other)),
    };
    if let Some(mode) = whole {
        let half = Expr::call(Func::Add, [expr.clone(), Expr::f64(0.5)]);
        expr = match mode {
            // Java's `Math.round`: half goes up, below zero too.
            Rounding::HalfUp => Expr::call(Math::Floor(OnFault::Wrap), [half]),
            Rounding::Ceiling => Expr::call(Math::Ceil(OnFault::Wrap), [expr]),
            _ => Expr::call(Math::Floor(OnFault::Wrap), [expr]),
        };
        field.data = DataType::Integer;
    } else if field.data != DataType::Float || expr != Expr::Input(0) {
        field.data = DataType::Double;
    }
    if expr != Expr::Input(0) {
        field.value = cx.expr(target, expr, &[&value], "target")?;
    }
    Ok(field)
}

/// Puts the category of the largest prior probability, and the prior probabilities, where there is no result (and no segment was
/// chosen, where segments are).
fn category(
    cx: &mut Lowering<'_>,
    target: Element<'_>,
    field: Field,
    chosen: Option<Value>,
    answer: &mut Answer<'_>,
) -> Result<Field, Fault> {
    let mut field = field;
    let mut priors: Vec<(&str, f64)> = Vec::new();
    for value in target.all("TargetValue") {
        if let (Some(prior), Some(name)) = (value.f64("priorProbability")?, value.attr("value")) {
            priors.push((name, prior));
        }
    }
    let Some(first) = priors.first() else { return Ok(field) };
    let (name, _) = priors.iter().fold(first, |best, prior| if prior.1 > best.1 { prior } else { best });
    let constant = field.constant(name);
    let constant = constant.ok_or_else(|| target.fault("attribute value", "a value of the target's type", *name))?;
    let test = Expr::call(Func::IsNull, [Expr::Input(0)]);
    let is_missing = cx.expr(target, test, &[chosen.as_ref().unwrap_or(&field.value)], "missing")?;
    let Some(classes) = &mut answer.probabilities else {
        let expr = Expr::call(Func::If, [Expr::Input(1), Expr::Const(constant), Expr::Input(0)]);
        field.value = cx.expr(target, expr, &[&field.value, &is_missing], "target")?;
        return Ok(field);
    };
    let sum: f64 = priors.iter().map(|(_, prior)| prior).sum();
    let of = |label: &String| {
        let known = priors.iter().find(|(name, _)| name == label);
        known.map_or(0.0, |(_, prior)| if sum == 1.0 { *prior } else { prior / sum })
    };
    let shares: Vec<f64> = classes.labels.iter().map(of).collect();
    let (value, values) = (field.value.clone(), classes.values.clone());
    let default = move |cx: &mut Lowering<'_>| {
        let category = cx.one(target, Expr::Const(constant), &[], "target")?;
        let shares = shares.iter().map(|share| cx.one(target, Expr::f64(*share), &[], "prior"));
        let shares = shares.collect::<Result<Vec<_>, _>>()?;
        let shares = cx.one(target, VectorOp::Pack, &shares.iter().collect::<Vec<_>>(), "priors")?;
        Ok(vec![category, shares])
    };
    let made =
        cx.chain(target, vec![(is_missing, Box::new(default))], Some(Box::new(move |_| Ok(vec![value, values]))))?;
    let [value, values] = made.try_into().expect("as many as each way gives");
    (field.value, classes.values) = (value, values);
    Ok(field)
}

/// Returns the prediction as a value of the target's own type: a category as the dictionary types it.
pub fn typed(cx: &mut Lowering<'_>, scope: &Scope<'_, '_>, field: Field) -> Result<Field, Fault> {
    let Some(target) = scope.target() else { return Ok(field) };
    if target.data == field.data || field.data.is_number() {
        return Ok(field);
    }
    let value = cx.cast(target.element, &field.value, target.data.ty())?;
    Ok(Field { value, data: target.data, op: OpType::Categorical, categories: target.categories.clone(), valid: true })
}
