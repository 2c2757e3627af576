//! Arithmetic of two widths.
//!
//! float32 rounds after every operation; its transcendental functions are those of float64, rounded once. Its `exp` is
//! `2.7182817 ^ x`, which is what JPMML computes for documents that ask for floats.

use std::{
    cmp::Ordering,
    hint::select_unpredictable,
    ops::{Add, AddAssign, Div, Mul, Neg, Sub},
};

use plan::formula::{Curve, Shares};

/// A float.
pub trait Real:
    Copy
    + PartialOrd
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + Default
    + 'static
{
    const ONE: Self;

    /// Returns the nearest to a number.
    fn of(x: f64) -> Self;

    fn wide(self) -> f64;

    fn exp(self) -> Self;

    /// Returns a function of float64, rounded.
    fn by(self, f: impl Fn(f64) -> f64) -> Self {
        Self::of(f(self.wide()))
    }

    fn pow(self, power: Self) -> Self {
        Self::of(libm::pow(self.wide(), power.wide()))
    }

    fn logistic(self) -> Self {
        Self::ONE / (Self::ONE + (-self).exp())
    }

    /// Returns the larger; NaN where either is.
    fn at_least(self, low: Self) -> Self {
        if self < low { low } else { self }
    }

    /// Returns the smaller; NaN where either is.
    fn at_most(self, high: Self) -> Self {
        if self > high { high } else { self }
    }
}

/// Java's `Double.compare`: -0.0 is below 0.0, NaN above all.
#[inline]
pub fn compare(a: f64, b: f64) -> Ordering {
    match a.partial_cmp(&b) {
        Some(Ordering::Equal) => a.total_cmp(&b),
        Some(order) => order,
        None => a.is_nan().cmp(&b.is_nan()),
    }
}

impl Real for f64 {
    const ONE: f64 = 1.0;

    #[inline]
    fn of(x: f64) -> f64 {
        x
    }

    #[inline]
    fn wide(self) -> f64 {
        self
    }

    #[inline]
    fn exp(self) -> f64 {
        crate::kernel::exp::exp(self)
    }
}

impl Real for f32 {
    const ONE: f32 = 1.0;

    #[inline]
    fn of(x: f64) -> f32 {
        x as f32
    }

    #[inline]
    fn wide(self) -> f64 {
        f64::from(self)
    }

    fn exp(self) -> f32 {
        libm::pow(2.718_281_7, f64::from(self)) as f32
    }
}

/// Returns the mean that belongs to a sum.
pub fn mean<N: Real>(curve: Curve, s: N) -> N {
    let zero = N::default();
    match curve {
        Curve::Identity => s,
        Curve::Clamp => s.at_least(zero).at_most(N::ONE),
        Curve::Logit => s.logistic(),
        Curve::Exp => s.exp(),
        Curve::Probit => s.by(normal),
        Curve::CLogLog => N::ONE - (-s.exp()).exp(),
        Curve::LogLog => (-(-s).exp()).exp(),
        Curve::Cauchit => N::of(0.5) + (N::ONE / N::of(std::f64::consts::PI)) * s.by(libm::atan),
        Curve::LogC => N::ONE - s.exp(),
        Curve::NegBin(k) => N::ONE / (N::of(k) * ((-s).exp() - N::ONE)),
        Curve::OddsPower(d) if d != 0.0 => {
            let d = N::of(d);
            N::ONE / (N::ONE + (N::ONE + d * s).pow(-(N::ONE / d)))
        }
        Curve::OddsPower(_) => s.logistic(),
        Curve::Power(d) if d != 0.0 => s.pow(N::ONE / N::of(d)),
        Curve::Power(_) => s.exp(),
    }
}

/// Returns the standard normal distribution's probability of at most `x`.
fn normal(x: f64) -> f64 {
    match x {
        x if x.abs() > 40.0 => f64::from(x > 0.0),
        x => 0.5 * libm::erfc(-x / std::f64::consts::SQRT_2),
    }
}

/// Turns the values of tables into shares; `None` where their sum is 0. Numbers stand in float64, whatever they are computed in.
pub fn shares<N: Real>(rule: Shares, values: &mut [f64]) -> Option<()> {
    match rule {
        Shares::SimpleMax => return divide::<N>(values),
        Shares::SoftMax => return softmax::<N>(values),
        Shares::Rest => {
            let (last, others) = values.split_last_mut()?;
            *last = (N::ONE - sum::<N>(others)).wide();
        }
        Shares::Steps { summed } => {
            let mut before: Option<N> = None;
            let last = values.len() - 1;
            for (i, value) in values.iter_mut().enumerate() {
                let here = if i == last { N::ONE } else { N::of(*value) };
                let step = before.map_or(here, |before| here - before);
                before = Some(if summed { before.map_or(step, |before| before + step) } else { here });
                *value = step.wide();
            }
        }
    }
    Some(())
}

/// Takes `exp(x - max)` of each, and divides them by their sum.
pub fn softmax<N: Real>(values: &mut [f64]) -> Option<()> {
    // NaN is the largest; which of two zeros it is makes no difference.
    let max = values.iter().fold(f64::NEG_INFINITY, |max, &x| if x > max { x } else { max });
    let has_nan = values.iter().fold(false, |has, x| has | x.is_nan());
    let max = N::of(if has_nan { f64::NAN } else { max });
    // The sum of all so far, beginning with 0, is that of the first ones: none is below 0.
    let mut sum = N::default();
    for x in values.iter_mut() {
        let share = (N::of(*x) - max).exp();
        sum += share;
        *x = share.wide();
    }
    divide_by(values, sum)
}

/// Divides each by their sum, unless that is 1; `None` where it is 0.
pub fn divide<N: Real>(values: &mut [f64]) -> Option<()> {
    let sum = sum::<N>(values);
    divide_by(values, sum)
}

#[inline]
fn divide_by<N: Real>(values: &mut [f64], sum: N) -> Option<()> {
    if sum == N::default() {
        return None;
    }
    if sum != N::ONE {
        values.iter_mut().for_each(|x| *x = (N::of(*x) / sum).wide());
    }
    Some(())
}

fn sum<N: Real>(values: &[f64]) -> N {
    let (first, rest) = values.split_first().expect("one value at least");
    rest.iter().fold(N::of(*first), |sum, x| sum + N::of(*x))
}

/// Returns the place of the first largest, or of the first smallest, in Java's order of doubles.
pub fn extreme(values: &[f64], largest: bool) -> usize {
    let distinct = if largest { best(values, |a, b| a > b) } else { best(values, |a, b| a < b) };
    distinct.unwrap_or_else(|| {
        let beyond = if largest { Ordering::Greater } else { Ordering::Less };
        (1..values.len()).fold(0, |best, i| if compare(values[i], values[best]) == beyond { i } else { best })
    })
}

/// Returns the place of the best; nothing where a number is NaN or equals the best before it. Which one it is is as good as
/// random, and no branch depends on it.
#[inline]
fn best(values: &[f64], is_better: impl Fn(f64, f64) -> bool) -> Option<usize> {
    let (&first, rest) = values.split_first()?;
    let (mut place, mut most) = (0, first);
    for (i, &value) in rest.iter().enumerate() {
        if value == most || value.is_nan() || most.is_nan() {
            return None;
        }
        place = select_unpredictable(is_better(value, most), i + 1, place);
        most = select_unpredictable(is_better(value, most), value, most);
    }
    Some(place)
}
