//! MiningModel (Multiple Models, 4.4): segments, each a predicate and a model, and what is made of their results.
//!
//! A segment whose predicate is not always true is a branch of the plan ([`run`]). `selectFirst` and `modelChain` take the result of
//! one segment ([`choose`]), `selectAll` shows those of all ([`every`]), the other methods combine them ([`combine`]); an ensemble
//! of plain trees becomes one forest ([`forest`]). In a chain the output fields of a segment are fields for those after it.

use plan::{Expr, Func};

use super::{Lowered, composition, labels::Labels};
use crate::pmml::{
    answer::{Answer, Kind},
    error::Fault,
    fields::Scope,
    lower::{Lowering, Value},
    output, predicate,
    xml::Element,
};

pub mod choose;
mod combine;
pub mod every;
mod forest;
pub mod run;

use run::Run;

/// A segment as the document has it.
pub struct Segment<'d> {
    pub element: Element<'d>,
    /// Its id, or its number from 1.
    pub id: String,
    pub predicate: Element<'d>,
    pub model: Element<'d>,
    pub weight: f64,
}

/// What a segment without a prediction does (`missingPredictionTreatment`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Treatment {
    ReturnMissing,
    SkipSegment,
    Continue,
}

/// A `Segmentation`.
pub struct Segmentation<'d> {
    pub element: Element<'d>,
    pub segments: Vec<Segment<'d>>,
    pub treatment: Treatment,
    pub threshold: f64,
}

/// Lowers a `MiningModel`.
pub fn lower<'d>(cx: &mut Lowering<'_>, scope: &Scope<'_, 'd>, model: Element<'d>) -> Result<Answer<'d>, Fault> {
    let kind = Answer::kind_of(model)?;
    let Some(element) = model.child("Segmentation") else {
        return composition::sequence(cx, scope, model);
    };
    let segmentation = Segmentation::read(element)?;
    let method = element.required("multipleModelMethod")?;
    match method.strip_prefix("x-").unwrap_or(method) {
        "modelChain" | "multiModelChain" => chain(cx, scope, &segmentation),
        "selectFirst" => select_first(cx, scope, &segmentation),
        "selectAll" => every::lower(cx, scope, &segmentation, kind),
        method => {
            let method = combine::Method::of(element, method, kind)?;
            match forest::lower(cx, scope, model, &segmentation, method, kind)? {
                Some(answer) => Ok(answer),
                None => combine::lower(cx, scope, model, &segmentation, method, kind),
            }
        }
    }
}

impl<'d> Segmentation<'d> {
    fn read(element: Element<'d>) -> Result<Segmentation<'d>, Fault> {
        let mut segments = Vec::new();
        for segment in element.all("Segment") {
            let model = segment.children().find(|e| super::is_model(e.name()));
            let model = model.ok_or_else(|| segment.fault("content", "a model", "none"))?;
            let weight = segment.f64("weight")?.unwrap_or(1.0);
            if weight < 0.0 || weight.is_nan() {
                return Err(segment.fault("attribute weight", "0 or above", weight.to_string()));
            }
            let id = segment.attr("id").map_or_else(|| (segments.len() + 1).to_string(), str::to_owned);
            segments.push(Segment { element: segment, id, predicate: predicate::inside(segment)?, model, weight });
        }
        if segments.is_empty() {
            return Err(element.fault("content", "segments", "none"));
        }
        let named = |name: &'static str| element.attr(name).or_else(|| element.attr(&format!("x-{name}")));
        let treatment = match named("missingPredictionTreatment") {
            None | Some("continue") => Treatment::Continue,
            Some("returnMissing") => Treatment::ReturnMissing,
            Some("skipSegment") => Treatment::SkipSegment,
            Some(other) => {
                let expected = "returnMissing, skipSegment or continue";
                return Err(element.fault("attribute missingPredictionTreatment", expected, other));
            }
        };
        let threshold = named("missingThreshold").map(|text| element.number("attribute missingThreshold", text));
        let threshold = threshold.transpose()?.unwrap_or(1.0);
        if !(0.0..=1.0).contains(&threshold) {
            return Err(element.fault("attribute missingThreshold", "0 to 1", threshold.to_string()));
        }
        Ok(Segmentation { element, segments, treatment, threshold })
    }
}

/// Lowers a chain: the result is that of the last segment that runs.
fn chain<'d>(
    cx: &mut Lowering<'_>,
    scope: &Scope<'_, 'd>,
    segmentation: &Segmentation<'d>,
) -> Result<Answer<'d>, Fault> {
    let mut runs: Vec<Run<'d>> = Vec::with_capacity(segmentation.segments.len());
    for segment in &segmentation.segments {
        let run = Run::new(cx, scope, segment, None)?;
        for (name, field) in &run.outputs {
            let shown = segment.model.child("Output").into_iter().flat_map(|e| e.all("OutputField"));
            let element = shown.into_iter().find(|e| e.attr("name") == Some(name));
            // A segment without a result takes that of the whole away, so nobody reads what is missing.
            let element = element.filter(|_| segmentation.treatment == Treatment::Continue);
            scope.give(name, field.clone(), element.is_some_and(|element| output::is_needed(element, field)));
        }
        runs.push(run);
    }
    let lacking = match segmentation.treatment {
        Treatment::ReturnMissing => any_lacks(cx, segmentation.element, &runs[..runs.len() - 1])?,
        // A segment that shows its result has to have one.
        Treatment::Continue => {
            let shows = |run: &&Run<'d>| !run.outputs.is_empty();
            any_lacks(cx, segmentation.element, runs.iter().filter(shows))?
        }
        Treatment::SkipSegment => {
            let expected = "returnMissing or continue in a chain";
            return Err(segmentation.element.fault("attribute missingPredictionTreatment", expected, "skipSegment"));
        }
    };
    let shown = runs.iter().rposition(|run| run.ran.is_none()).unwrap_or(0);
    let outputs = runs[shown..].iter().flat_map(|run| run.outputs.clone()).collect();
    let segments = runs.iter().map(Run::as_segment).collect();
    runs.drain(..shown);
    runs.reverse();
    let mut answer = choose::choose(cx, segmentation.element, runs)?;
    match (lacking, segmentation.treatment) {
        (Some(lacking), Treatment::ReturnMissing) => {
            answer = choose::unless(cx, segmentation.element, &lacking, answer)?;
        }
        (Some(lacking), _) => {
            if let Some(field) = &mut answer.value {
                let ty = field.value.ty.clone();
                let refuse = Expr::Call(Func::Refuse("a result of every segment that shows its own", ty), Vec::new());
                let expr = Expr::call(Func::If, [Expr::Input(1), refuse, Expr::Input(0)]);
                field.value = cx.expr(segmentation.element, expr, &[&field.value, &lacking], "result")?;
            }
        }
        (None, _) => {}
    }
    (answer.outputs, answer.segments) = (outputs, segments);
    Ok(answer)
}

/// Returns whether any of these segments runs without a result; nothing where there is none of them.
fn any_lacks<'r, 'd: 'r>(
    cx: &mut Lowering<'_>,
    at: Element<'_>,
    runs: impl IntoIterator<Item = &'r Run<'d>>,
) -> Result<Option<Value>, Fault> {
    let (mut inputs, mut test) = (Vec::new(), None);
    for run in runs {
        let Some(value) = &run.answer.value else { continue };
        let mut lacks = Expr::call(Func::IsNull, [Expr::Input(inputs.len() as u32)]);
        inputs.push(&value.value);
        if let Some(ran) = &run.ran {
            let runs = Expr::call(Func::Coalesce, [Expr::Input(inputs.len() as u32), FALSE]);
            inputs.push(ran);
            lacks = Expr::call(Func::And, [runs, lacks]);
        }
        test = Some(match test {
            None => lacks,
            Some(test) => Expr::call(Func::Or, [test, lacks]),
        });
    }
    test.map(|test| cx.expr(at, test, &inputs, "lacks")).transpose()
}

const FALSE: Expr = Expr::Const(plan::Scalar::Bool(false));

/// Lowers a choice: the result is that of the first segment whose predicate is true.
fn select_first<'d>(
    cx: &mut Lowering<'_>,
    scope: &Scope<'_, 'd>,
    segmentation: &Segmentation<'d>,
) -> Result<Answer<'d>, Fault> {
    let at = segmentation.element;
    let skips = segmentation.treatment == Treatment::SkipSegment;
    let mut runs: Vec<Run<'d>> = Vec::new();
    let mut taken: Option<Value> = None;
    for segment in &segmentation.segments {
        let free = taken.as_ref();
        let free =
            free.map(|taken| cx.expr(at, Expr::call(Func::Not, [Expr::Input(0)]), &[taken], "free")).transpose()?;
        let mut run = Run::new(cx, scope, segment, free.as_ref())?;
        if let Some(value) = run.answer.value.as_ref().filter(|_| skips) {
            let mut test = Expr::call(Func::Not, [Expr::call(Func::IsNull, [Expr::Input(0)])]);
            let mut inputs = vec![value.value.clone()];
            if let Some(ran) = run.ran.take() {
                test = Expr::call(Func::And, [Expr::Input(1), test]);
                inputs.push(ran);
            }
            run.ran = Some(cx.expr(at, test, &inputs.iter().collect::<Vec<_>>(), "answers")?);
        }
        let Some(ran) = run.ran.clone() else {
            runs.push(run);
            break;
        };
        let is_taken = Expr::call(Func::Coalesce, [Expr::Input(0), FALSE]);
        taken = Some(match &taken {
            None => cx.expr(at, is_taken, &[&ran], "taken")?,
            Some(taken) => cx.expr(at, Expr::call(Func::Or, [Expr::Input(1), is_taken]), &[&ran, taken], "taken")?,
        });
        runs.push(run);
    }
    let outputs = runs.iter().flat_map(|run| run.outputs.clone()).collect();
    let segments = runs.iter().map(Run::as_segment).collect();
    let mut answer = choose::choose(cx, at, runs)?;
    (answer.outputs, answer.segments) = (outputs, segments);
    Ok(answer)
}

/// Returns the classes of a segmentation: those of the target, then those that segments name.
fn classes<'r, 'd: 'r>(scope: &Scope<'_, '_>, answers: impl Iterator<Item = &'r Answer<'d>>) -> Labels {
    let mut labels = Labels::new(scope);
    for answer in answers {
        for classes in [&answer.probabilities, &answer.confidences].into_iter().flatten() {
            classes.labels.iter().for_each(|label| _ = labels.of(label));
        }
        for label in answer.value.iter().flat_map(|field| field.categories.iter()) {
            labels.of(label);
        }
    }
    labels
}

/// Returns whether a kind's prediction is a class.
fn is_classes(kind: Kind) -> bool {
    matches!(kind, Kind::Classification | Kind::Clustering)
}

impl<'d> From<Lowered<'d>> for Run<'d> {
    fn from(lowered: Lowered<'d>) -> Run<'d> {
        Run { id: String::new(), ran: None, answer: lowered.answer, outputs: lowered.outputs }
    }
}
