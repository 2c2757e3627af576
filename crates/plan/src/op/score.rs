//! Models that are neither linear nor trees: naive Bayes, factorization machines, step-wise curves; and what is done with the
//! scores of such models and of several models together.

use std::sync::Arc;

use model::{DType, Type};

use super::{Inferred, linear::Weights, same_rows};
use crate::{error::PlanError, plan::ValueType};

/// What an event model takes as the values of features; zeros are always taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Events {
    /// Positive numbers; infinity is one.
    Counts,
    /// Ones.
    Marks,
}

/// How a mean follows from a linear score `s`, by the name of the function that leads back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Link {
    Identity,
    /// `1 / (1 + exp(-s))`.
    Logit,
    /// `exp(s)`.
    Log,
    /// `1 / s`.
    Inverse,
    /// The standard normal distribution's probability of at most `s`.
    Probit,
    /// `1 - exp(-exp(s))`.
    CLogLog,
    /// `s * s`.
    Sqrt,
    /// `s ^ (1 / power)`; `exp(s)` of power 0.
    Power(f64),
}

/// What a mean is trimmed to; NaN stays NaN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MeanRange {
    /// The finite numbers.
    Finite,
    /// 1e-16 to 1 - 1e-16.
    Share,
    /// 1e-16 to the largest finite number.
    Positive,
}

/// Ops on features and on scores. Null is refused unless an op says otherwise.
#[derive(Clone, Debug, PartialEq)]
pub enum ScoreOp {
    /// A score for each row of weights, as `LinearOp::Scores`, of features that are all `events`: anything else, NaN too, is
    /// refused, and so is another size than the weights'.
    Events { weights: Weights, intercepts: Arc<[f64]>, intercept_first: bool, events: Events },
    /// `prior - (sum((x - mean)^2 / variance) + log_variances) / 2` for each class; means and variances row by row, a class each.
    /// Of a longer vector the first elements count; a shorter one is refused.
    Gaussian { priors: Arc<[f64]>, means: Arc<[f64]>, variances: Arc<[f64]>, log_variances: Arc<[f64]> },
    /// `m = weights * x + intercept + sum over factors of 0.5 * ((sum v x)^2 - sum (v x)^2)`, each sum over the features that are
    /// not 0; `factors` holds feature after feature, a number for each factor. Gives `m`, or as a pair `[-m, m]`. Another size
    /// than the weights' is refused.
    Factors { weights: Weights, intercept: f64, factors: Arc<[f64]>, pair: bool },
    /// The value at `x` of a line through points, rising `bounds` with their `values`: below the first and above the last (NaN is
    /// above) their values, between two the straight line. `x` is a number, whose null stays null, or element `feature` of a vector,
    /// which is refused where it has none. -0.0 is below 0.0.
    Curve { bounds: Arc<[f64]>, values: Arc<[f64]>, feature: u32 },
    /// The mean of a distribution for a linear score, both numbers; null stays null.
    Mean { link: Link, range: MeanRange },
    /// `1 / (1 + exp(-s))` of each element.
    Logistic,
    /// `p1 = 1 / (1 + exp(-s1))` and `p0 = 1 - p1` of two scores.
    LogisticPair,
    /// `exp(s - max) / sum`; of infinities that makes NaN.
    Shares,
    /// `s - log(sum(exp(s)))`, the logarithm computed with the largest score taken out; of infinities that makes NaN.
    LogShares,
    /// Element 1 of each input, side by side: the scores of two-class models, one for each class. A vector without one is refused.
    Seconds,
}

impl ScoreOp {
    pub fn name(&self) -> &'static str {
        match self {
            ScoreOp::Events { .. } => "events",
            ScoreOp::Gaussian { .. } => "gaussian",
            ScoreOp::Factors { .. } => "factors",
            ScoreOp::Curve { .. } => "curve",
            ScoreOp::Mean { .. } => "mean",
            ScoreOp::Logistic => "logistic",
            ScoreOp::LogisticPair => "logistic_pair",
            ScoreOp::Shares => "shares",
            ScoreOp::LogShares => "log_shares",
            ScoreOp::Seconds => "seconds",
        }
    }

    pub(crate) fn infer(&self, inputs: &[ValueType]) -> Inferred {
        const VECTORS: &str = "a column of vectors of the size of its parameters";
        let Some(place) = same_rows(inputs) else { return Err("columns of the same rows") };
        let give = |ty: Type| Ok(vec![ValueType { ty, place }]);
        let vector = |size: usize| Type::Vector { size: u32::try_from(size).ok() };
        if let ScoreOp::Seconds = self {
            let good = inputs.iter().all(|i| matches!(i.ty, Type::Vector { size: None | Some(2..) }));
            return if good { give(vector(inputs.len())) } else { Err("columns of vectors of two elements at least") };
        }
        let [ValueType { ty, .. }] = inputs else { return Err("one column") };
        if let ScoreOp::Curve { .. } = self {
            let good = matches!(ty, Type::Vector { .. }) || ty.as_scalar().is_some_and(DType::is_number);
            return if good { give(Type::F64) } else { Err("a column of numbers or vectors") };
        }
        if let ScoreOp::Mean { .. } = self {
            return if *ty == Type::F64 { give(Type::F64) } else { Err("a column of float64") };
        }
        let Type::Vector { size } = ty else { return Err("a column of vectors") };
        let fits = |n: u32| size.is_none_or(|size| size == n);
        match self {
            ScoreOp::Events { weights, .. } if fits(weights.columns()) => give(vector(weights.rows())),
            ScoreOp::Gaussian { priors, .. } => give(vector(priors.len())),
            ScoreOp::Factors { weights, pair, .. } if fits(weights.columns()) => {
                give(if *pair { vector(2) } else { Type::F64 })
            }
            ScoreOp::LogisticPair if fits(2) => give(vector(2)),
            ScoreOp::Logistic | ScoreOp::Shares | ScoreOp::LogShares => give(Type::Vector { size: *size }),
            _ => Err(VECTORS),
        }
    }

    pub(crate) fn check(&self) -> Result<(), PlanError> {
        let fail = |what: &str| Err(PlanError::parameters(self.name(), what));
        match self {
            ScoreOp::Events { weights, intercepts, .. } => {
                weights.check()?;
                if intercepts.len() != weights.rows() {
                    return fail("another number of intercepts than of rows of weights");
                }
            }
            ScoreOp::Gaussian { priors, means, variances, log_variances } => {
                let whole = if priors.is_empty() { means.is_empty() } else { means.len().is_multiple_of(priors.len()) };
                if !whole || means.len() != variances.len() || priors.len() != log_variances.len() {
                    return fail("priors, means and variances differ in their sizes");
                }
            }
            ScoreOp::Factors { weights, factors, .. } => {
                weights.check()?;
                let columns = weights.columns() as usize;
                let whole = if columns == 0 { factors.is_empty() } else { factors.len().is_multiple_of(columns) };
                if !whole || (weights.rows() != 1 && columns != 0) {
                    return fail("one row of weights, and factors of as many numbers each");
                }
            }
            ScoreOp::Curve { bounds, values, .. } => {
                let rising = bounds.windows(2).all(|w| w[0].total_cmp(&w[1]).is_le());
                if bounds.is_empty() || bounds.len() != values.len() || !rising {
                    return fail("one point at least, bounds that rise, and a value for each");
                }
            }
            ScoreOp::Mean { .. }
            | ScoreOp::Logistic
            | ScoreOp::LogisticPair
            | ScoreOp::Shares
            | ScoreOp::LogShares
            | ScoreOp::Seconds => {}
        }
        Ok(())
    }
}
