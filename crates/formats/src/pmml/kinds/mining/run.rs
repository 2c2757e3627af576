//! One segment at work.

use plan::{Expr, Func};

use super::Segment;
use crate::pmml::{
    answer::{Answer, Kind, Pick},
    error::Fault,
    fields::{Field, Scope},
    kinds::{self, Lowered},
    lower::{Lowering, Value},
    predicate,
    xml::Element,
};

/// A segment lowered. Where it did not run its values are null.
pub struct Run<'d> {
    pub id: String,
    /// In which rows it ran (null: it did not); nothing where in all.
    pub ran: Option<Value>,
    pub answer: Answer<'d>,
    pub outputs: Vec<(&'d str, Field)>,
}

impl<'d> Run<'d> {
    /// Lowers segments that answer what the model around them does.
    pub fn all(
        cx: &mut Lowering<'_>,
        scope: &Scope<'_, 'd>,
        segments: &[Segment<'d>],
        kind: Kind,
    ) -> Result<Vec<Run<'d>>, Fault> {
        let lower = |segment: &Segment<'d>| {
            let run = Run::new(cx, scope, segment, None)?;
            if run.answer.kind != kind {
                return Err(segment.model.fault("attribute functionName", "that of the model around it", "another"));
            }
            Ok(run)
        };
        segments.iter().map(lower).collect()
    }

    /// Lowers a segment that runs where its predicate is true, and `only` too where there is such a test.
    pub fn new(
        cx: &mut Lowering<'_>,
        scope: &Scope<'_, 'd>,
        segment: &Segment<'d>,
        only: Option<&Value>,
    ) -> Result<Run<'d>, Fault> {
        let mut test = None;
        if !predicate::is_true(segment.predicate) {
            test = Some(predicate::lower(cx, scope, segment.predicate)?);
        }
        let ran = match (test, only) {
            (Some(test), Some(only)) => {
                let both = Expr::call(Func::And, [Expr::Input(0), Expr::Input(1)]);
                Some(cx.expr(segment.element, both, &[only, &test], "runs")?)
            }
            (test, only) => test.or_else(|| only.cloned()),
        };
        let lower = |cx: &mut Lowering<'_>| kinds::lower(cx, scope.dictionary, Some(scope), segment.model);
        let lowered = match &ran {
            None => lower(cx)?,
            Some(ran) => lower_where(cx, segment.element, ran, lower)?,
        };
        let Lowered { mut answer, outputs } = lowered;
        let fields = segment.model.child("MiningSchema").into_iter().flat_map(|e| e.all("MiningField"));
        let mut targets = fields.filter(|e| matches!(e.attr("usageType"), Some("target" | "predicted")));
        answer.target = answer.target.or_else(|| targets.next()?.attr("name"));
        Ok(Run { id: segment.id.clone(), ran, answer, outputs })
    }

    /// Returns what an `OutputField` with the segment's id picks from: the result, and output fields by their names.
    pub fn as_segment(&self) -> (String, Answer<'d>) {
        let mut answer = copy(&self.answer);
        let outputs = self.outputs.clone();
        let pick: Pick<'d> = Box::new(move |_: &mut Lowering<'_>, element: Element<'d>| {
            let named = element.attr("value").filter(|_| element.attr("feature") == Some("transformedValue"));
            let of = |name: &str| outputs.iter().find(|(known, _)| *known == name).map(|(_, field)| field.clone());
            Ok(named.and_then(of))
        });
        answer.pick = Some(pick);
        (self.id.clone(), answer)
    }
}

/// Lowers a model that runs where the test is true; elsewhere its values are null.
pub fn lower_where<'o, 'd>(
    cx: &mut Lowering<'o>,
    at: Element<'d>,
    test: &Value,
    lower: impl FnOnce(&mut Lowering<'o>) -> Result<Lowered<'d>, Fault>,
) -> Result<Lowered<'d>, Fault> {
    let mut inner = None;
    let values = cx.branch(at, test, |cx| {
        let mut lowered = lower(cx)?;
        // What is picked of it later would be picked in a block that is closed by then.
        (lowered.answer.pick, lowered.answer.segments) = (None, Vec::new());
        lowered.answer.every.clear();
        let values = values(&mut lowered).into_iter().map(|value| value.clone()).collect();
        inner = Some(lowered);
        Ok(values)
    })?;
    let mut lowered = inner.ok_or_else(|| at.unimplemented("a segment without a model"))?;
    for (to, value) in self::values(&mut lowered).into_iter().zip(values) {
        *to = value;
    }
    Ok(lowered)
}

/// Returns a copy of a result, without what makes more of it.
fn copy<'d>(answer: &Answer<'d>) -> Answer<'d> {
    let mut copy = Answer::new(answer.kind, answer.value.clone());
    copy.probabilities.clone_from(&answer.probabilities);
    copy.confidences.clone_from(&answer.confidences);
    copy.affinities.clone_from(&answer.affinities);
    copy.entity.clone_from(&answer.entity);
    copy.entities.clone_from(&answer.entities);
    copy.reasons.clone_from(&answer.reasons);
    copy.standard_error.clone_from(&answer.standard_error);
    copy
}

/// Returns every value of a lowered model, in one order.
fn values<'a>(lowered: &'a mut Lowered<'_>) -> Vec<&'a mut Value> {
    let Lowered { answer, outputs } = lowered;
    let mut values: Vec<&mut Value> = Vec::new();
    values.extend(answer.value.as_mut().map(|field| &mut field.value));
    let classes = [&mut answer.probabilities, &mut answer.confidences, &mut answer.affinities];
    values.extend(classes.into_iter().flatten().map(|classes| &mut classes.values));
    values.extend([&mut answer.entity, &mut answer.entities, &mut answer.standard_error].into_iter().flatten());
    values.extend(answer.reasons.iter_mut());
    values.extend(outputs.iter_mut().map(|(_, field)| &mut field.value));
    values
}
