//! `AnomalyDetectionModel` (Anomaly Detection Models, 4.4): a score made of what another model says.
//!
//! - `iforest`: `2^(-depth / c(n))` of the mean depth that the trees say, where `c(n) = 2 (ln(n - 1) + 0.57721566) - 2 (n - 1) / n` is
//!   the mean depth of a search among the `sampleDataSize` rows of training.
//! - `clusterMeanDist`: the distance from the nearest cluster by that cluster's mean distance.
//! - `ocsvm`, `other`: what the model says.
//!
//! Where the model says nothing the score is NaN, and what is invalid is missing: so the one evaluator that knows the element has it.

use plan::{AssociationOp, Expr, Func, VectorOp, expr::Math, op::association::Table};

use crate::pmml::{
    answer::{Answer, Kind},
    array,
    error::Fault,
    fields::{Field, Scope},
    kinds,
    lower::{Lowering, Value},
    xml::Element,
};

/// Euler's constant, as the standard rounds it.
const EULER: f64 = 0.57721566;

pub fn lower<'d>(cx: &mut Lowering<'_>, scope: &Scope<'_, 'd>, model: Element<'d>) -> Result<Answer<'d>, Fault> {
    let inner = model.children().find(|e| kinds::is_model(e.name()));
    let inner = inner.ok_or_else(|| model.fault("content", "a model that the score is made of", "none"))?;
    let algorithm = model.required("algorithmType")?;
    let answer = kinds::lower(cx, scope.dictionary, Some(scope), inner)?.answer;
    let score = match algorithm {
        "iforest" => {
            let mean = number(cx, inner, &answer)?;
            depth(cx, model, &mean)?
        }
        "clusterMeanDist" => distance(cx, model, inner, &answer)?,
        "ocsvm" | "other" => number(cx, inner, &answer)?,
        other => {
            let expected = "iforest, ocsvm, clusterMeanDist or other";
            return Err(model.fault("attribute algorithmType", expected, other));
        }
    };
    let or_nan = Expr::call(Func::Coalesce, [Expr::Input(0), Expr::f64(f64::NAN)]);
    let score = cx.expr(model, or_nan, &[&score], "score")?;
    Ok(Answer::new(Kind::Regression, Some(Field::double(score))))
}

fn number(cx: &mut Lowering<'_>, inner: Element<'_>, answer: &Answer<'_>) -> Result<Value, Fault> {
    let value = answer.value.as_ref();
    let value = value.ok_or_else(|| inner.fault("the model", "one that gives a number", "none"))?;
    cx.number(inner, &value.value)
}

fn depth(cx: &mut Lowering<'_>, model: Element<'_>, depth: &Value) -> Result<Value, Fault> {
    let n = model.usize("sampleDataSize")?;
    let n = n.ok_or_else(|| model.fault("attribute sampleDataSize", "a value: iforest needs it", "none"))?;
    if n < 2 {
        return Err(model.fault("attribute sampleDataSize", "2 at least", n.to_string()));
    }
    let n = n as f64;
    let mean = 2.0 * (libm::log(n - 1.0) + EULER) - 2.0 * (n - 1.0) / n;
    let share = Expr::call(Func::Neg, [Expr::call(Func::Div, [Expr::Input(0), Expr::f64(mean)])]);
    cx.expr(model, Expr::call(Math::Pow, [Expr::f64(2.0), share]), &[depth], "anomaly")
}

fn distance(
    cx: &mut Lowering<'_>,
    model: Element<'_>,
    inner: Element<'_>,
    answer: &Answer<'_>,
) -> Result<Value, Fault> {
    let missing = || inner.fault("the model", "a ClusteringModel, as clusterMeanDist needs", inner.name());
    let (winner, affinities) = answer.value.as_ref().zip(answer.affinities.as_ref()).ok_or_else(missing)?;
    let distances = model.required_child("MeanClusterDistances")?;
    let means = array::numbers(array::inside(distances)?)?;
    if means.len() != affinities.labels.len() {
        let expected = format!("a number for each of the {} clusters", affinities.labels.len());
        return Err(distances.fault("element Array", expected, means.len().to_string()));
    }
    let place = cx.codes(model, winner, &affinities.labels)?;
    let nearest = cx.one(model, VectorOp::At, &[&affinities.values, &place], "distance")?;
    let table = Table::Numbers(means.into_iter().map(Some).collect());
    let mean = cx.one(model, AssociationOp::Entry { table }, &[&place], "mean distance")?;
    let score = Expr::call(Func::Div, [Expr::Input(0), Expr::Input(1)]);
    cx.expr(model, score, &[&nearest, &mean], "anomaly")
}
