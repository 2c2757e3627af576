//! The results of all segments, combined.

use plan::op::combine::{Committee, Lacking, Member, Method as Way, NONE, Plain, Predictions};

use super::{Segmentation, Treatment, choose, classes, is_classes, run::Run};
use crate::pmml::{
    answer::{Answer, Classes, Kind},
    error::Fault,
    fields::{Field, Scope},
    kinds::labels::Labels,
    lower::{Lowering, MathContext, Value},
    xml::Element,
};

/// A method of combining, as it fits the kind of model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Method {
    pub way: Way,
}

impl Method {
    pub fn of(at: Element<'_>, name: &str, kind: Kind) -> Result<Method, Fault> {
        let way = match name {
            "majorityVote" => Way::Plain(Plain::Vote),
            "weightedMajorityVote" => Way::Weighted(Plain::Vote),
            "average" => Way::Plain(Plain::Mean),
            "weightedAverage" => Way::Weighted(Plain::Mean),
            "median" => Way::Plain(Plain::Median),
            "weightedMedian" => Way::Weighted(Plain::Median),
            "max" => Way::Plain(Plain::Max),
            "sum" => Way::Plain(Plain::Sum),
            "weightedSum" => Way::Weighted(Plain::Sum),
            other => return Err(at.fault("attribute multipleModelMethod", "a method of PMML 4.4", other)),
        };
        let (Way::Plain(plain) | Way::Weighted(plain)) = way;
        let fits = match plain {
            Plain::Vote => is_classes(kind),
            Plain::Mean | Plain::Median => matches!(kind, Kind::Regression | Kind::Classification),
            Plain::Max => kind == Kind::Classification,
            Plain::Sum => kind == Kind::Regression,
        };
        if fits {
            return Ok(Method { way });
        }
        Err(at.fault("attribute multipleModelMethod", "a method for such a mining function", name))
    }

    pub fn plain(self) -> Plain {
        let (Way::Plain(plain) | Way::Weighted(plain)) = self.way;
        plain
    }
}

/// Returns the op's word for a treatment.
pub fn lacking(treatment: Treatment) -> Lacking {
    match treatment {
        Treatment::ReturnMissing => Lacking::Null,
        Treatment::SkipSegment => Lacking::Skip,
        Treatment::Continue => Lacking::Continue,
    }
}

/// Lowers every segment by itself and combines the results.
pub fn lower<'d>(
    cx: &mut Lowering<'_>,
    scope: &Scope<'_, 'd>,
    model: Element<'d>,
    segmentation: &Segmentation<'d>,
    method: Method,
    kind: Kind,
) -> Result<Answer<'d>, Fault> {
    let runs = Run::all(cx, scope, &segmentation.segments, kind)?;
    let labels = classes(scope, runs.iter().map(|run| &run.answer));
    let width = labels.len() as u32;
    let (predictions, mut inputs) = match (method.plain(), kind) {
        (Plain::Vote, _) => (Predictions::Classes(width), votes(cx, segmentation, &runs, &labels)?),
        (_, Kind::Classification) => {
            (Predictions::Probabilities(width), probabilities(cx, segmentation, &runs, &labels)?)
        }
        _ => (Predictions::Numbers, numbers(cx, segmentation, &runs)?),
    };
    let mut members = Vec::with_capacity(runs.len());
    for (segment, run) in segmentation.segments.iter().zip(&runs) {
        let mut member = Member { weight: segment.weight, weight_by: NONE, takes_part: NONE };
        if let Some(variable) = segment.element.child("VariableWeight") {
            let field = scope.field(cx, variable, variable.required("field")?)?;
            member.weight_by = inputs.len() as u32;
            inputs.push(cx.number(variable, &field.value)?);
        }
        if let Some(ran) = &run.ran {
            member.takes_part = inputs.len() as u32;
            inputs.push(ran.clone());
        }
        members.push(member);
    }
    let op = Committee {
        predictions,
        method: method.way,
        members: members.into(),
        lacking: lacking(segmentation.treatment),
        threshold: segmentation.threshold,
        single: cx.math() == MathContext::Float,
    };
    let inputs: Vec<&Value> = inputs.iter().collect();
    let names: &[&str] = if predictions == Predictions::Numbers { &["combined"] } else { &["class", "shares"] };
    let made = cx.node(segmentation.element, op, &inputs, names)?;
    let mut answer = answer(cx, model, kind, &labels, made)?;
    answer.segments = runs.iter().map(Run::as_segment).collect();
    Ok(answer)
}

/// Makes an answer of what a committee or a forest gives: a number, or a class with the shares of all.
pub fn answer<'d>(
    cx: &mut Lowering<'_>,
    model: Element<'d>,
    kind: Kind,
    labels: &Labels,
    made: Vec<Value>,
) -> Result<Answer<'d>, Fault> {
    let mut made = made.into_iter();
    let first = made.next().ok_or_else(|| model.unimplemented("a combination of nothing"))?;
    if !is_classes(kind) {
        return Ok(Answer::new(kind, Some(Field::double(first))));
    }
    let mut answer = Answer::new(kind, Some(labels.field(cx, model, &first)?));
    answer.probabilities = made.next().map(|values| Classes { labels: labels.list(), values });
    if kind == Kind::Clustering {
        answer.entity = answer.value.as_ref().map(|field| field.value.clone());
    }
    Ok(answer)
}

fn numbers(cx: &mut Lowering<'_>, segmentation: &Segmentation<'_>, runs: &[Run<'_>]) -> Result<Vec<Value>, Fault> {
    let at = segmentation.element;
    let of = |run: &Run<'_>| run.answer.value.clone().ok_or_else(|| at.unimplemented("a segment without a result"));
    runs.iter().map(|run| cx.number(at, &of(run)?.value)).collect()
}

fn votes(
    cx: &mut Lowering<'_>,
    segmentation: &Segmentation<'_>,
    runs: &[Run<'_>],
    labels: &Labels,
) -> Result<Vec<Value>, Fault> {
    let (at, list) = (segmentation.element, labels.list());
    let of = |run: &Run<'_>| run.answer.value.clone().ok_or_else(|| at.unimplemented("a segment without a result"));
    runs.iter().map(|run| cx.codes(at, &of(run)?, &list)).collect()
}

fn probabilities(
    cx: &mut Lowering<'_>,
    segmentation: &Segmentation<'_>,
    runs: &[Run<'_>],
    labels: &Labels,
) -> Result<Vec<Value>, Fault> {
    let (at, list) = (segmentation.element, labels.list());
    let mut values = Vec::with_capacity(runs.len());
    for run in runs {
        let classes = run.answer.probabilities.as_ref();
        let classes = classes.ok_or_else(|| at.unimplemented("probabilities of a segment that gives none"))?;
        values.push(choose::over(cx, at, classes, &list)?);
    }
    Ok(values)
}
