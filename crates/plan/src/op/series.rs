//! Rows as one ordered stream: what a row gives depends on those before it in the call.
//!
//! The statistics are those of PMML 4.4, `BaselineModel`. Each call begins anew. Rows that left the stream before are passed
//! over, as are those whose number is null: they give null and change nothing.

use model::Type;

use super::{Inferred, same_rows};
use crate::{error::PlanError, plan::ValueType};

/// A distribution of one number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Distribution {
    Gaussian { mean: f64, variance: f64 },
    Poisson { mean: f64 },
    Uniform { lower: f64, upper: f64 },
}

/// Ops of ordered streams, of one column of float64 each.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SeriesOp {
    /// `(m - mean) / sqrt(variance / n)`, where `m` is the mean of the last `n` numbers, at most `window` and as many as there are.
    ZValue { mean: f64, variance: f64, window: u32 },
    /// `max(reset, z + ln f1(x) - ln f0(x))`, where `z` is what the row before gave, 0 at first. Where a density is 0 the
    /// logarithm is minus infinity; of two zeros NaN, which counts as `reset`.
    Cusum { baseline: Distribution, alternate: Distribution, reset: f64 },
}

/// Longest window of [`SeriesOp::ZValue`].
pub const WINDOW_MAX: u32 = 1 << 12;

impl SeriesOp {
    pub fn name(&self) -> &'static str {
        match self {
            SeriesOp::ZValue { .. } => "z_value",
            SeriesOp::Cusum { .. } => "cusum",
        }
    }

    /// Returns whether a row's answer is its own: a window of one number.
    pub fn is_separable(&self) -> bool {
        matches!(self, SeriesOp::ZValue { window: 1, .. })
    }

    pub(crate) fn infer(&self, inputs: &[ValueType]) -> Inferred {
        match (inputs, same_rows(inputs)) {
            ([one], Some(place)) if one.ty == Type::F64 => Ok(vec![ValueType { ty: Type::F64, place }]),
            _ => Err("a column of float64"),
        }
    }

    pub(crate) fn check(&self) -> Result<(), PlanError> {
        match self {
            SeriesOp::ZValue { window, .. } if !(1..=WINDOW_MAX).contains(window) => {
                Err(PlanError::parameters("z_value", format!("a window of {window} is not within 1 to 4096")))
            }
            _ => Ok(()),
        }
    }
}
