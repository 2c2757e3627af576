//! Sums of terms: what linear, logistic, Poisson, ordinal and survival regressions share.

use std::sync::Arc;

use super::CONSTANTS_MAX;

/// How a mean follows from a sum `s`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Curve {
    Identity,
    /// `s`, at least 0 and at most 1.
    Clamp,
    /// `1 / (1 + exp(-s))`.
    Logit,
    /// `exp(s)`.
    Exp,
    /// The standard normal distribution's probability of at most `s`, by `erfc(-s / sqrt(2)) / 2`.
    Probit,
    /// `1 - exp(-exp(s))`.
    CLogLog,
    /// `exp(-exp(-s))`.
    LogLog,
    /// `1/2 + atan(s) / pi`.
    Cauchit,
    /// `1 - exp(s)`.
    LogC,
    /// `1 / (k * (exp(-s) - 1))`.
    NegBin(f64),
    /// `1 / (1 + (1 + d * s) ^ (-1 / d))`; of 0 as [`Curve::Logit`].
    OddsPower(f64),
    /// `s ^ (1 / d)`; of 0 as [`Curve::Exp`].
    Power(f64),
}

/// A number that stands in the model or comes with the row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Given {
    Constant(f64),
    /// The input of this number; null is refused.
    Input(u32),
}

/// One part of a term.
#[derive(Clone, Debug, PartialEq)]
pub enum Factor {
    /// 1 where the input is this category, else 0.
    Is { input: u32, code: u32 },
    /// The number of the input's category; a category without one is refused.
    Contrast { input: u32, values: Arc<[f64]> },
    /// `x ^ exponent`; of 1 `x` itself.
    Power { input: u32, exponent: f64 },
}

/// What is added to a sum. A term whose input is missing makes the result missing, unless it says otherwise.
#[derive(Clone, Debug, PartialEq)]
pub enum Term {
    /// The value of the input's category; 0 for a category without one, and, with `skip_missing`, for none at all.
    Look { input: u32, values: Arc<[f64]>, skip_missing: bool },
    /// `coefficient * (1 * f1 * f2 ..)` where `product_first`, else `coefficient * f1 * f2 ..`, from left to right. Where the
    /// factors that are not powers (they stand first) multiply to 0, powers are not looked at and the term is 0.
    Product { coefficient: f64, factors: Vec<Factor>, product_first: bool },
}

/// How shares follow from the tables' values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shares {
    /// The last is 1 less the sum of the others.
    Rest,
    /// Each divided by the sum, unless that is 1; a sum of 0 is refused.
    SimpleMax,
    /// `exp(s - max)`, then as [`Shares::SimpleMax`].
    SoftMax,
    /// Values accumulate: each less the one before it, the last 1 less the one before it. With `summed` what is subtracted is
    /// the sum of the differences so far.
    Steps { summed: bool },
}

/// What comes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// The value of the one table.
    Number,
    /// A share for each table, and as a second output the place of the first of the largest, in Java's order of doubles (NaN is
    /// above all).
    Shares(Shares),
}

/// Tables of terms. A table's sum begins with 0 and takes its terms in order; then the offset is added, the curve applied
/// and the trials multiplied. Under [`Shares::Rest`] and [`Shares::Steps`] that is not done to the last table, whose sum is not
/// used; but a missing input of it counts.
///
/// A `judged` input refuses its row when a term comes to an invalid value of it, which is NaN, or the place of none of the
/// categories: but not where a term before it has made the result missing.
#[derive(Clone, Debug, PartialEq)]
pub struct Terms {
    pub inputs: u32,
    pub single: bool,
    /// Of each input; none are where this is empty.
    pub judged: Vec<bool>,
    pub tables: Vec<Vec<Term>>,
    pub offset: Option<Given>,
    pub curve: Curve,
    pub trials: Option<Given>,
    pub finish: Finish,
    /// Why no row has a result: a row whose sums are there is refused so.
    pub refused: Option<&'static str>,
}

impl Terms {
    pub(super) fn check(&self) -> Result<(), String> {
        let inside = |input: &u32| *input < self.inputs;
        let given = [&self.offset, &self.trials].into_iter().flatten();
        let mut good = given.into_iter().all(|g| if let Given::Input(i) = g { inside(i) } else { true });
        let mut constants = 0;
        for term in self.tables.iter().flatten() {
            constants += term.constants();
            good &= match term {
                Term::Look { input, .. } => inside(input),
                Term::Product { factors, .. } => {
                    let powers = factors.iter().map(|f| matches!(f, Factor::Power { .. }));
                    factors.iter().all(|f| inside(&f.input())) && powers.is_sorted()
                }
            };
        }
        match self.finish {
            _ if !good => Err("a term reads an input that is not there, or has powers before its marks".to_owned()),
            _ if constants > CONSTANTS_MAX => Err(format!("more than {CONSTANTS_MAX} constants")),
            Finish::Number if self.tables.len() != 1 => Err(format!("{} tables for one number", self.tables.len())),
            Finish::Shares(_) if self.tables.len() < 2 => Err("shares of fewer than two tables".to_owned()),
            _ => Ok(()),
        }
    }
}

impl Term {
    /// Returns a constant that is added.
    pub fn constant(value: f64) -> Term {
        Term::Product { coefficient: value, factors: Vec::new(), product_first: false }
    }

    fn constants(&self) -> usize {
        match self {
            Term::Look { values, .. } => values.len(),
            Term::Product { factors, .. } => factors.iter().map(Factor::constants).sum::<usize>() + 1,
        }
    }
}

impl Factor {
    pub fn input(&self) -> u32 {
        match self {
            Factor::Is { input, .. } | Factor::Contrast { input, .. } | Factor::Power { input, .. } => *input,
        }
    }

    fn constants(&self) -> usize {
        match self {
            Factor::Contrast { values, .. } => values.len(),
            Factor::Is { .. } | Factor::Power { .. } => 1,
        }
    }
}
