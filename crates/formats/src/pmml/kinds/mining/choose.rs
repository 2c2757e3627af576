//! The result of one segment out of several.

use std::sync::Arc;

use model::Type;
use plan::{Expr, Func, VectorOp};

use super::run::Run;
use crate::pmml::{
    answer::{Answer, Classes, Kind},
    error::Fault,
    fields::Field,
    lower::{Lowering, Value, Way},
    output,
    xml::Element,
};

/// Returns the result of the first of these that ran; the entity is its id.
pub fn choose<'d>(cx: &mut Lowering<'_>, at: Element<'d>, runs: Vec<Run<'d>>) -> Result<Answer<'d>, Fault> {
    let end = runs.iter().position(|run| run.ran.is_none()).map_or(runs.len(), |last| last + 1);
    let entity = entity(cx, at, &runs[..end])?;
    let mut runs = runs;
    runs.truncate(end);
    if let [Run { ran: None, .. }] = runs.as_slice()
        && let Some(only) = runs.pop()
    {
        return Ok(Answer { entity: Some(entity), ..only.answer });
    }
    let Some(first) = runs.first() else { return Err(at.fault("content", "segments", "none")) };
    let kind = first.answer.kind;
    let mut answer = Answer::new(kind, None);
    answer.entity = Some(entity);
    answer.target = runs.iter().find_map(|run| run.answer.target);
    let numbers = runs.iter().all(|run| run.answer.kind == Kind::Regression);
    let mut fields = Vec::new();
    for run in &runs {
        let field = run.answer.value.clone().ok_or_else(|| at.unimplemented("a segment without a result"))?;
        fields.push(field);
    }
    let same = fields.windows(2).all(|w| w[0].value.ty == w[1].value.ty);
    for field in fields.iter_mut().filter(|_| !same) {
        let ty = if numbers { Type::F64 } else { Type::Text };
        field.value = if numbers { cx.number(at, &field.value)? } else { cx.cast(at, &field.value, ty)? };
    }
    let mut columns: Vec<Vec<Value>> = vec![fields.iter().map(|field| field.value.clone()).collect()];
    let probabilities = common(cx, at, runs.iter().map(|run| run.answer.probabilities.as_ref()))?;
    let confidences = common(cx, at, runs.iter().map(|run| run.answer.confidences.as_ref()))?;
    let affinities = common(cx, at, runs.iter().map(|run| run.answer.affinities.as_ref()))?;
    let groups = [probabilities, confidences, affinities];
    columns.extend(groups.iter().flatten().map(|(_, values)| values.clone()));
    let mut chosen = pick(cx, at, &runs, &columns)?.into_iter();
    let template = fields.swap_remove(0);
    answer.value = chosen.next().map(|value| if same { Field { value, ..template } } else { retyped(value) });
    let mut next = |group: &Option<(Arc<[String]>, Vec<Value>)>| {
        let labels = group.as_ref()?.0.clone();
        chosen.next().map(|values| Classes { labels, values })
    };
    let [probabilities, confidences, affinities] = &groups;
    answer.probabilities = next(probabilities);
    answer.confidences = next(confidences);
    answer.affinities = next(affinities);
    Ok(answer)
}

fn retyped(value: Value) -> Field {
    use crate::pmml::fields::{DataType, OpType};
    match value.ty {
        Type::Text => Field::new(value, DataType::String, OpType::Categorical),
        _ => Field::double(value),
    }
}

/// Returns the answer where the test is not true, elsewhere nothing.
pub fn unless<'d>(
    cx: &mut Lowering<'_>,
    at: Element<'d>,
    test: &Value,
    answer: Answer<'d>,
) -> Result<Answer<'d>, Fault> {
    let fine = cx.expr(at, Expr::call(Func::Not, [Expr::Input(0)]), &[test], "answers")?;
    choose(cx, at, vec![Run { id: String::new(), ran: Some(fine), answer, outputs: Vec::new() }])
}

/// Takes of each column the value of the first run.
fn pick(cx: &mut Lowering<'_>, at: Element<'_>, runs: &[Run<'_>], columns: &[Vec<Value>]) -> Result<Vec<Value>, Fault> {
    let mut ways: Vec<Way<'_, '_>> = Vec::new();
    let mut rest: Option<Vec<Value>> = None;
    for (i, run) in runs.iter().enumerate() {
        let values: Vec<Value> = columns.iter().map(|column| column[i].clone()).collect();
        match &run.ran {
            Some(ran) => ways.push((ran.clone(), Box::new(move |_| Ok(values)))),
            None => rest = Some(values),
        }
    }
    match rest {
        Some(rest) => cx.chain(at, ways, Some(Box::new(move |_| Ok(rest)))),
        None => cx.chain(at, ways, None),
    }
}

/// Returns the id of the first run, a text.
fn entity(cx: &mut Lowering<'_>, at: Element<'_>, runs: &[Run<'_>]) -> Result<Value, Fault> {
    let (mut args, mut inputs) = (Vec::new(), Vec::new());
    for run in runs {
        match &run.ran {
            Some(ran) => {
                args.extend([Expr::Input(inputs.len() as u32), Expr::text(&run.id)]);
                inputs.push(ran);
            }
            None => args.push(Expr::text(&run.id)),
        }
    }
    let expr = if args.len() == 1 { args.remove(0) } else { Expr::Call(Func::Case, args) };
    cx.expr(at, expr, &inputs, "segment")
}

/// What classes have in common: labels, and of each segment a vector of their size.
type Common = Option<(Arc<[String]>, Vec<Value>)>;

/// Returns the classes of several results over the same labels; nothing where a result has none.
pub fn common<'a>(
    cx: &mut Lowering<'_>,
    at: Element<'_>,
    classes: impl Iterator<Item = Option<&'a Classes>>,
) -> Result<Common, Fault> {
    let Some(all) = classes.collect::<Option<Vec<&Classes>>>() else { return Ok(None) };
    let mut labels: Vec<String> = Vec::new();
    for label in all.iter().flat_map(|classes| classes.labels.iter()) {
        if !labels.contains(label) {
            labels.push(label.clone());
        }
    }
    let labels: Arc<[String]> = labels.into();
    let values = all.into_iter().map(|classes| over(cx, at, classes, &labels)).collect::<Result<_, Fault>>()?;
    Ok(Some((labels, values)))
}

/// Returns the vector of classes over these labels, 0 for those that it does not have.
pub fn over(cx: &mut Lowering<'_>, at: Element<'_>, classes: &Classes, labels: &[String]) -> Result<Value, Fault> {
    if *classes.labels == *labels {
        return Ok(classes.values.clone());
    }
    let mut elements = Vec::with_capacity(labels.len());
    for label in labels {
        elements.push(output::element_of(cx, at, classes, label)?);
    }
    cx.one(at, VectorOp::Pack, &elements.iter().collect::<Vec<_>>(), "classes")
}
