//! float64 vectors, dense or sparse.

use std::sync::Arc;

use model::{DType, Type};

use super::{Inferred, encode::Invalid, same_rows};
use crate::{error::PlanError, plan::ValueType};

/// How a class is chosen from scores.
#[derive(Clone, Debug, PartialEq)]
pub enum Choose {
    /// 1 where element 1 is above the threshold, else 0; NaN is not above.
    Above(f64),
    /// The first of the largest, looked for from the first element on: nothing is larger than a NaN there, and a NaN elsewhere
    /// is never larger.
    Largest,
    /// The first of the largest of element divided by threshold; NaN never is.
    Weighed(Arc<[f64]>),
}

/// Ops on vectors.
#[derive(Clone, Debug, PartialEq)]
pub enum VectorOp {
    /// Numbers, booleans and vectors side by side, in the smaller of the two forms (Spark's `Vector.compressed`: sparse where
    /// 1.5 * (non-zeros + 1) < size; explicit zeros are dropped then). A null or NaN number and a null vector are refused,
    /// dropped, or as many NaN as `sizes` says, input by input (0 for numbers), where it says so or the type does. That is for
    /// nulls alone: a vector may have another size than `sizes` says, but not than its type says.
    Assemble { sizes: Vec<Option<u32>>, invalid: Invalid },
    /// `(x - shift) * scale`, either part optional. Without a shift a sparse vector stays sparse (its stored values are
    /// scaled); with one the result is dense. A shorter vector gives a shorter result; a longer one (a sparse one, without a
    /// shift, only where it stores an element too far), and null, is refused. Without both every row is as it came, null too.
    Standardize { shift: Option<Arc<[f64]>>, scale: Option<Arc<[f64]>> },
    /// `(x - from) * ((max - min) / (to - from)) + min`; where `from` equals `to`, the middle of `min` and `max`. NaN stays
    /// NaN; in the smaller of the two forms, as `Assemble`; another size, and null, is refused.
    MinMax { from: Arc<[f64]>, to: Arc<[f64]>, min: f64, max: f64 },
    /// `x * factor`, the form kept (explicit zeros too). A shorter vector gives a shorter result; a longer dense one, a sparse
    /// one that stores an element too far, and null, is refused.
    Multiply { factors: Arc<[f64]> },
    /// Two scores to two probabilities: `p0 = 1 / (1 + exp(-scale * s0))`, `p1 = 1 - p0`.
    Sigmoid { scale: f64 },
    /// `exp(s - max) * (1 / sum)`; where some are +infinity, the first such gets 1 and the others times 0, which is NaN of
    /// infinities and NaN (Spark's `Utils.softmax`).
    Softmax,
    /// `s / sum`; where the sum is 0, as it is.
    Proportions,
    /// Scores to the number of a class.
    Choose(Choose),
}

impl VectorOp {
    pub fn name(&self) -> &'static str {
        match self {
            VectorOp::Assemble { .. } => "assemble",
            VectorOp::Standardize { .. } => "standardize",
            VectorOp::MinMax { .. } => "min_max",
            VectorOp::Multiply { .. } => "multiply",
            VectorOp::Sigmoid { .. } => "sigmoid",
            VectorOp::Softmax => "softmax",
            VectorOp::Proportions => "proportions",
            VectorOp::Choose(_) => "choose",
        }
    }

    pub(crate) fn infer(&self, inputs: &[ValueType]) -> Inferred {
        let Some(place) = same_rows(inputs) else { return Err("columns of the same rows") };
        if let VectorOp::Assemble { sizes, .. } = self {
            return assembled(sizes, inputs).map(|size| vec![ValueType { ty: Type::Vector { size }, place }]);
        }
        let [ValueType { ty: Type::Vector { size }, .. }] = inputs else { return Err("a column of vectors") };
        let ty = match self {
            VectorOp::Choose(_) => Type::F64,
            VectorOp::MinMax { from, .. } => Type::Vector { size: u32::try_from(from.len()).ok() },
            _ => Type::Vector { size: *size },
        };
        Ok(vec![ValueType { ty, place }])
    }

    pub(crate) fn check(&self) -> Result<(), PlanError> {
        match self {
            VectorOp::Standardize { shift: Some(shift), scale: Some(scale) } if shift.len() != scale.len() => {
                Err(PlanError::parameters("standardize", "shift and scale differ in their sizes"))
            }
            VectorOp::MinMax { from, to, .. } if from.len() != to.len() => {
                Err(PlanError::parameters("min_max", "the minima and maxima differ in their sizes"))
            }
            VectorOp::Choose(Choose::Weighed(thresholds)) if thresholds.is_empty() => {
                Err(PlanError::parameters("choose", "no thresholds"))
            }
            _ => Ok(()),
        }
    }
}

/// Returns the size of an assembled vector, where every part's is known.
fn assembled(sizes: &[Option<u32>], inputs: &[ValueType]) -> Result<Option<u32>, &'static str> {
    const EXPECTED: &str = "columns of numbers, booleans and vectors, as many as it has sizes for";
    if sizes.len() != inputs.len() {
        return Err(EXPECTED);
    }
    let mut total = Some(0u32);
    for input in inputs {
        let size = match &input.ty {
            Type::Vector { size } => *size,
            ty => match ty.as_scalar() {
                Some(dtype) if dtype.is_number() || dtype == DType::Bool => Some(1),
                _ => return Err(EXPECTED),
            },
        };
        total = total.zip(size).and_then(|(a, b)| a.checked_add(b));
    }
    Ok(total)
}
