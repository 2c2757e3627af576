//! What becomes of scores: ONNX Runtime's formulas, in the precision of the scores.

use std::ops::{Add, Div, Mul, Neg, Sub};

use model::tensor::Element;
use plan::tensor::learn::Transform;

/// A float32 or float64.
pub(super) trait Score:
    Element
    + super::Num
    + PartialOrd
    + From<f32>
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
{
    const IS_DOUBLE: bool;

    fn narrow(x: f64) -> Self;
    fn exp(self) -> Self;
}

impl Score for f32 {
    const IS_DOUBLE: bool = false;

    fn narrow(x: f64) -> f32 {
        x as f32
    }

    fn exp(self) -> f32 {
        libm::expf(self)
    }
}

impl Score for f64 {
    const IS_DOUBLE: bool = true;

    fn narrow(x: f64) -> f64 {
        x
    }

    fn exp(self) -> f64 {
        libm::exp(self)
    }
}

/// What is near enough to 0 for a softmax without zeros.
const NEAR_ZERO: f32 = 1e-7;

/// Returns the logistic function, made of that of the absolute value.
pub(super) fn logistic(x: f32) -> f32 {
    let y = 1.0 / (1.0 + libm::expf(-x.abs()));
    if x < 0.0 { 1.0 - y } else { y }
}

/// Returns `sqrt(2) * erfinv(2 x - 1)`, by Winitzki's formula.
pub(super) fn probit(x: f32) -> f32 {
    let x = 2.0 * x - 1.0;
    let sign = if x < 0.0 { -1.0 } else { 1.0 };
    let log = libm::logf((1.0 - x) * (1.0 + x));
    #[expect(clippy::approx_constant, reason = "the tool's own digits")]
    let v = 2.0 / (3.14159_f32 * 0.147) + 0.5 * log;
    let v2 = 1.0 / 0.147_f32 * log;
    std::f32::consts::SQRT_2 * (sign * (-v + (v * v - v2).sqrt()).sqrt())
}

fn softmax<S: Score>(scores: &mut [S]) {
    let max = greatest(scores);
    let mut sum = S::from(0.0);
    for x in scores.iter_mut() {
        *x = (*x - max).exp();
        sum = sum + *x;
    }
    scores.iter_mut().for_each(|x| *x = *x / sum);
}

fn softmax_zero<S: Score>(scores: &mut [S]) {
    let max = greatest(scores);
    let (near, scale) = (S::from(NEAR_ZERO), (-max).exp());
    let mut sum = S::from(0.0);
    for x in scores.iter_mut() {
        if *x > near || *x < -near {
            *x = (*x - max).exp();
            sum = sum + *x;
        } else {
            *x = *x * scale;
        }
    }
    scores.iter_mut().for_each(|x| *x = *x / sum);
}

fn greatest<S: Score>(scores: &[S]) -> S {
    scores.iter().fold(S::from(f32::MIN), |max, x| if *x > max { *x } else { max })
}

/// Transforms two scores or more.
pub(super) fn all<S: Score>(scores: &mut [S], transform: Transform) {
    match transform {
        Transform::None => {}
        Transform::Logistic => scores.iter_mut().for_each(|x| *x = logistic(x.f32()).into()),
        Transform::Softmax => softmax(scores),
        Transform::SoftmaxZero => softmax_zero(scores),
        Transform::Probit => scores.iter_mut().for_each(|x| *x = probit(x.f32()).into()),
    }
}

/// Transforms the scores of a linear model: one alone is changed by the probit only.
pub(super) fn linear(scores: &mut [f32], transform: Transform) {
    match (scores.len(), transform) {
        (0 | 1, Transform::Probit) | (2.., _) => match transform {
            Transform::Logistic => scores.iter_mut().for_each(|x| *x = 1.0 / (1.0 + libm::expf(-*x))),
            other => all(scores, other),
        },
        _ => {}
    }
}

/// Returns the place of the first of the greatest.
pub(super) fn first_greatest<S: Score>(scores: &[S]) -> usize {
    let greater = |best: usize, at: usize| if scores[at] > scores[best] { at } else { best };
    (1..scores.len()).fold(0, greater)
}
