//! `Output`: the fields that a model shows of its result, picked from an [`Answer`] (Output, 4.4).
//!
//! Fields are made in their order, and each may be used by those after it. All are shown, those with `isFinalResult="false"`
//! too, as the evaluators of the standard do.

use plan::{Expr, Func, VectorOp, expr::Compare};

use super::{
    answer::{Answer, Classes, Kind},
    error::Fault,
    expression,
    fields::{DataType, Field, OpType, Scope},
    kinds::mining::every,
    lower::{Lowering, Value},
    targets,
    xml::Element,
};

/// Returns the output fields of the model, in their order.
pub fn lower<'d>(
    cx: &mut Lowering<'_>,
    scope: &Scope<'_, 'd>,
    answer: &Answer<'d>,
) -> Result<Vec<(&'d str, Field)>, Fault> {
    results(cx, scope, answer, scope.model.child("Output").into_iter().flat_map(|e| e.all("OutputField")))
}

/// Returns the fields that these elements pick from the result.
pub fn results<'d>(
    cx: &mut Lowering<'_>,
    scope: &Scope<'_, 'd>,
    answer: &Answer<'d>,
    elements: impl Iterator<Item = Element<'d>>,
) -> Result<Vec<(&'d str, Field)>, Fault> {
    let mut fields = Vec::new();
    for element in elements {
        let name = element.required("name")?;
        let Some(field) = one(cx, scope, answer, element)? else { continue };
        scope.give(name, field.clone(), is_needed(element, &field));
        fields.push((name, field));
    }
    Ok(fields)
}

/// Returns what a model without an `Output` shows besides its target: the prediction, the probabilities of its classes, and where
/// it has them the confidence and the node, under the names that PMML4S and pypmml give them.
pub fn shown_anyway<'d>(
    cx: &mut Lowering<'_>,
    scope: &Scope<'_, 'd>,
    answer: &Answer<'d>,
) -> Result<Vec<(String, Field)>, Fault> {
    let at = scope.model;
    let (Some(target), Some(value)) = (scope.targets().first().copied(), &answer.value) else { return Ok(Vec::new()) };
    if at.child("Output").is_some() {
        return Ok(Vec::new());
    }
    let mut fields = vec![(format!("predicted_{target}"), value.clone())];
    if answer.kind != Kind::Classification {
        return Ok(fields);
    }
    if let Some(classes) = &answer.probabilities {
        fields.push(("probability".to_owned(), of_winner(cx, at, answer, classes)?));
        for (place, label) in classes.labels.iter().enumerate() {
            let value = cx.element(at, &classes.values, place as u32, label)?;
            fields.push((format!("probability_{label}"), Field::double(value)));
        }
    }
    if let Some(classes) = &answer.confidences {
        fields.push(("confidence".to_owned(), of_winner(cx, at, answer, classes)?));
    }
    if let Some(entity) = &answer.entity {
        fields.push(("node_id".to_owned(), Field::new(entity.clone(), DataType::String, OpType::Categorical)));
    }
    Ok(fields)
}

/// Returns whether who asks for an output field asks for what has to be there: of a result that is missing nothing is told.
pub fn is_needed(element: Element<'_>, field: &Field) -> bool {
    let is_computed = matches!(element.attr("feature"), Some("transformedValue" | "decision" | "warning"));
    !is_computed && !matches!(field.value.ty, model::Type::Vector { .. } | model::Type::List(_))
}

fn one<'d>(
    cx: &mut Lowering<'_>,
    scope: &Scope<'_, 'd>,
    answer: &Answer<'d>,
    element: Element<'d>,
) -> Result<Option<Field>, Fault> {
    let mut from = answer;
    if let Some(id) = element.attr("segmentId") {
        let Some((_, segment)) = answer.segments.iter().find(|(name, _)| name == id) else {
            // "If there is no Segment matching segmentId [..] the result delivered by this OutputField is missing" (Output, 4.4).
            cx.warn(format!(
                "no segment {id:?}, which the OutputField at line {} names: it is missing",
                element.line()
            ));
            let data = DataType::of(element)?.unwrap_or(DataType::Double);
            let none = cx.expr(element, Expr::null(data.ty()), &[], "no segment")?;
            return Ok(Some(Field::new(none, data, OpType::of(element, data)?)));
        };
        from = segment;
    }
    match element.attr("feature").unwrap_or("predictedValue") {
        "transformedValue" | "decision" | "warning" => shown(cx, scope, from, element),
        _ if from.every.is_empty() => shown(cx, scope, from, element),
        "residual" => Err(element.unimplemented("a residual of several results")),
        feature => several(cx, scope, from, element, feature).map(Some),
    }
}

/// Returns the field of one result.
fn shown<'d>(
    cx: &mut Lowering<'_>,
    scope: &Scope<'_, 'd>,
    answer: &Answer<'d>,
    element: Element<'d>,
) -> Result<Option<Field>, Fault> {
    let field = picked_or_made(cx, scope, answer, element)?;
    field.map(|field| as_declared(cx, scope, element, field)).transpose()
}

fn picked_or_made<'d>(
    cx: &mut Lowering<'_>,
    scope: &Scope<'_, 'd>,
    answer: &Answer<'d>,
    element: Element<'d>,
) -> Result<Option<Field>, Fault> {
    match &answer.pick {
        Some(pick) => match pick(cx, element)? {
            Some(field) => Ok(Some(field)),
            None => feature(cx, scope, answer, element),
        },
        None => feature(cx, scope, answer, element),
    }
}

/// Returns the field of several results that are all shown: a list of theirs, of the type that they have; of entities the ids of the
/// segments.
fn several<'d>(
    cx: &mut Lowering<'_>,
    scope: &Scope<'_, 'd>,
    answer: &Answer<'d>,
    element: Element<'d>,
    feature: &str,
) -> Result<Field, Fault> {
    let mut members = Vec::with_capacity(answer.every.len());
    for one in &answer.every {
        let field = if feature == "entityId" {
            let id = cx.expr(element, Expr::text(&one.id), &[], "segment")?;
            Some(Field::new(id, DataType::String, OpType::Categorical))
        } else {
            picked_or_made(cx, scope, &one.answer, element)?
        };
        members.extend(field.map(|field| (one.ran.clone(), field)));
    }
    every::list(cx, element, members)
}

fn feature<'d>(
    cx: &mut Lowering<'_>,
    scope: &Scope<'_, 'd>,
    answer: &Answer<'d>,
    element: Element<'d>,
) -> Result<Option<Field>, Fault> {
    let feature = element.attr("feature").unwrap_or("predictedValue");
    let has_none = || element.unimplemented(format!("feature {feature} of a model that does not give it"));
    let text = |value: Value| Field::new(value, DataType::String, OpType::Categorical);
    let value = element.attr("value");
    Ok(Some(match feature {
        "predictedValue" => answer.value.clone().ok_or_else(has_none)?,
        "predictedDisplayValue" => display(cx, scope, element, answer.value.as_ref().ok_or_else(has_none)?)?,
        "transformedValue" | "decision" => match element.children().find(|e| expression::is_expression(e.name())) {
            Some(body) => expression::lower(cx, scope, body)?,
            None => return Err(element.fault("content", "an expression", "none")),
        },
        "probability" => of_class(cx, element, answer, answer.probabilities.as_ref().ok_or_else(has_none)?)?,
        "confidence" => {
            let classes = answer.confidences.as_ref().or(answer.probabilities.as_ref());
            of_class(cx, element, answer, classes.ok_or_else(has_none)?)?
        }
        "affinity" | "entityAffinity" | "clusterAffinity" => {
            let classes = answer.affinities.as_ref().ok_or_else(has_none)?;
            match (value, element.usize("rank")?.unwrap_or(1)) {
                (Some(label), _) => Field::double(element_of(cx, element, classes, label)?),
                (None, 1) => of_winner(cx, element, answer, classes)?,
                _ => return Err(has_none()),
            }
        }
        "entityId" | "clusterId" => match (element.usize("rank")?.unwrap_or(1), &answer.entities) {
            (1, _) => text(answer.entity.clone().ok_or_else(has_none)?),
            _ => return Err(has_none()),
        },
        "reasonCode" => {
            let rank = element.usize("rank")?.unwrap_or(1);
            let reason = rank.checked_sub(1).and_then(|i| answer.reasons.get(i));
            match reason {
                Some(value) => text(value.clone()),
                None => text(cx.expr(element, Expr::null(model::Type::Text), &[], "no reason")?),
            }
        }
        "standardError" => Field::double(answer.standard_error.clone().ok_or_else(has_none)?),
        "residual" => residual(cx, scope, answer, element)?,
        // What the evaluator would like to say of the row: we say it as a fault.
        "warning" => return Ok(None),
        _ => return Err(has_none()),
    }))
}

/// Returns the field as the data type that its `OutputField` names.
fn as_declared<'d>(
    cx: &mut Lowering<'_>,
    scope: &Scope<'_, 'd>,
    element: Element<'d>,
    field: Field,
) -> Result<Field, Fault> {
    let single = field.value.ty.as_scalar().is_some() || field.value.ty == model::Type::Text;
    match DataType::of(element)? {
        Some(data) if single => expression::cast(cx, scope, element, &field, data),
        _ => Ok(field),
    }
}

/// Returns what the field's `value` attribute asks for, or that of the winner.
fn of_class(
    cx: &mut Lowering<'_>,
    element: Element<'_>,
    answer: &Answer<'_>,
    classes: &Classes,
) -> Result<Field, Fault> {
    match element.attr("value") {
        Some(label) => Ok(Field::double(element_of(cx, element, classes, label)?)),
        None => of_winner(cx, element, answer, classes),
    }
}

fn of_winner(
    cx: &mut Lowering<'_>,
    element: Element<'_>,
    answer: &Answer<'_>,
    classes: &Classes,
) -> Result<Field, Fault> {
    let winner = match (&answer.value, &answer.entity) {
        (Some(value), _) if answer.kind == Kind::Classification => value.clone(),
        (_, Some(entity)) => Field::new(entity.clone(), DataType::String, OpType::Categorical),
        (Some(value), None) => value.clone(),
        (None, None) => return Err(element.unimplemented("the winner of a model that names none")),
    };
    let place = cx.codes(element, &winner, &classes.labels)?;
    Ok(Field::double(cx.one(element, VectorOp::At, &[&classes.values, &place], "of the winner")?))
}

/// Returns the number of one label; 0 where the model does not know it.
pub fn element_of(cx: &mut Lowering<'_>, element: Element<'_>, classes: &Classes, label: &str) -> Result<Value, Fault> {
    let same = |l: &String| l == label || as_number(l).is_some_and(|x| Some(x) == as_number(label));
    let place = classes.labels.iter().position(|l| l == label).or_else(|| classes.labels.iter().position(same));
    match place {
        Some(place) => cx.element(element, &classes.values, place as u32, label),
        None => {
            let null = Expr::call(Func::IsNull, [Expr::Input(0)]);
            let zero = Expr::call(Func::If, [null, Expr::null(model::Type::F64), Expr::f64(0.0)]);
            match classes.labels.is_empty() {
                true => cx.expr(element, Expr::f64(0.0), &[], label),
                false => {
                    let first = cx.element(element, &classes.values, 0, label)?;
                    cx.expr(element, zero, &[&first], label)
                }
            }
        }
    }
}

fn as_number(text: &str) -> Option<f64> {
    super::xml::parse_number(text)
}

fn display(cx: &mut Lowering<'_>, scope: &Scope<'_, '_>, element: Element<'_>, field: &Field) -> Result<Field, Fault> {
    let mut pairs: Vec<(&str, &str)> = Vec::new();
    if let Some(target) = targets::target(scope) {
        let shown = target.all("TargetValue").filter_map(|v| Some((v.attr("value")?, v.attr("displayValue")?)));
        pairs.extend(shown);
    }
    if let Some(data) = scope.target() {
        pairs.extend(data.categories.iter().filter_map(|c| Some((c.as_str(), data.display(c)?))));
    }
    if pairs.is_empty() {
        return Ok(field.clone());
    }
    let text = cx.cast(element, &field.value, model::Type::Text)?;
    let mut args = Vec::new();
    for (value, shown) in pairs {
        // A value is compared as one of the field's type: "0" is the 0.0 of a double.
        let equals = match field.constant(value) {
            Some(constant) => Expr::call(Compare::Eq, [Expr::Input(1), Expr::Const(constant)]),
            None => Expr::call(Compare::Eq, [Expr::Input(0), Expr::text(value)]),
        };
        args.push(equals);
        args.push(Expr::text(shown));
    }
    args.push(Expr::Input(0));
    let expr = Expr::Call(Func::Case, args);
    Ok(Field::new(cx.expr(element, expr, &[&text, &field.value], "display")?, DataType::String, OpType::Categorical))
}

/// Returns the truth less the prediction; of a category, 1 or 0 for the truth less the category's probability.
fn residual<'d>(
    cx: &mut Lowering<'_>,
    scope: &Scope<'_, 'd>,
    answer: &Answer<'d>,
    element: Element<'d>,
) -> Result<Field, Fault> {
    let target = scope.target().ok_or_else(|| element.unimplemented("a residual without a target field"))?;
    let truth = scope.field(cx, element, target.name)?;
    let refuse =
        |ty| Expr::Call(Func::Refuse("the target's true value, from which the residual is made", ty), Vec::new());
    let value = answer.value.as_ref().ok_or_else(|| element.unimplemented("a residual without a prediction"))?;
    // Without a prediction nobody asks for the truth.
    let ty = truth.value.ty.clone();
    let nothing = Expr::call(Func::IsNull, [Expr::Input(1)]);
    let asked = Expr::call(Func::If, [nothing, Expr::null(ty.clone()), refuse(ty)]);
    let truth_value = Expr::call(Func::Coalesce, [Expr::Input(0), asked]);
    let actual = cx.expr(element, truth_value, &[&truth.value, &value.value], target.name)?;
    let (actual, predicted) = if answer.kind == Kind::Classification {
        let classes = answer.probabilities.as_ref();
        let classes = classes.ok_or_else(|| element.unimplemented("a residual without probabilities"))?;
        let label = element.attr("value");
        let of = of_class(cx, element, answer, classes)?.value;
        let same = match label {
            Some(label) => {
                let constant = truth.constant(label);
                let constant =
                    constant.ok_or_else(|| element.fault("attribute value", "a value of the target", label))?;
                cx.expr(element, hit(Expr::Const(constant)), &[&actual], "hit")?
            }
            None => cx.expr(element, hit(Expr::Input(1)), &[&actual, &value.value], "hit")?,
        };
        (same, of)
    } else {
        (cx.number(element, &actual)?, cx.number(element, &value.value)?)
    };
    let difference = Expr::call(Func::Sub, [Expr::Input(0), Expr::Input(1)]);
    Ok(Field::double(cx.expr(element, difference, &[&actual, &predicted], "residual")?))
}

fn hit(other: Expr) -> Expr {
    let same = Expr::call(Compare::Eq, [Expr::Input(0), other]);
    Expr::call(Func::If, [same, Expr::f64(1.0), Expr::f64(0.0)])
}
