//! Linear models: weights times features.

use std::sync::Arc;

use model::{DType, Type};

use super::{Inferred, same_rows};
use crate::{error::PlanError, plan::ValueType};

/// A matrix of weights, a row for each result. The form is kept as it was saved: a sparse one visits only what it stores,
/// so that NaN and infinity at other features do not spread.
#[derive(Clone, Debug, PartialEq)]
pub enum Weights {
    /// Row-major, `rows * columns` values.
    Dense { columns: u32, values: Arc<[f64]> },
    /// Compressed sparse rows: `offsets` has one more entry than there are rows.
    Sparse { columns: u32, offsets: Arc<[u32]>, indices: Arc<[u32]>, values: Arc<[f64]> },
}

impl Weights {
    /// Returns the number of features.
    pub fn columns(&self) -> u32 {
        match self {
            Weights::Dense { columns, .. } | Weights::Sparse { columns, .. } => *columns,
        }
    }

    /// Returns the number of results.
    pub fn rows(&self) -> usize {
        match self {
            Weights::Dense { columns, values } => values.len() / (*columns).max(1) as usize,
            Weights::Sparse { offsets, .. } => offsets.len().saturating_sub(1),
        }
    }

    pub(crate) fn check(&self) -> Result<(), PlanError> {
        let fail = |what: &str| Err(PlanError::parameters("linear", what));
        match self {
            Weights::Dense { columns, values } => {
                if !values.len().is_multiple_of((*columns).max(1) as usize) {
                    return fail("the weights are not whole rows");
                }
            }
            Weights::Sparse { columns, offsets, indices, values } => {
                let rising = offsets.windows(2).all(|w| w[0] <= w[1]);
                let ends = offsets.last().is_some_and(|&end| end as usize == values.len()) && offsets[0] == 0;
                let inside = indices.len() == values.len() && indices.iter().all(|i| i < columns);
                let sorted = rising
                    && ends
                    && offsets.windows(2).all(|w| {
                        indices.get(w[0] as usize..w[1] as usize).is_some_and(|r| r.windows(2).all(|i| i[0] < i[1]))
                    });
                if !(inside && sorted) {
                    return fail("the sparse weights' offsets or indices do not rise or reach too far");
                }
            }
        }
        Ok(())
    }
}

/// Ops of linear models. Features of another size than the weights', and null, are refused. Where a sum over dense weights and
/// dense features is not finite, its products are fused with their additions, so that none of them overflows by itself.
#[derive(Clone, Debug, PartialEq)]
pub enum LinearOp {
    /// `weights * x + intercept` of one row of weights, as a number. Products are summed in the order of the features,
    /// then the intercept. A second input is a number that is added last; where it is null so is the result, whatever the
    /// features.
    Dot { weights: Weights, intercept: f64 },
    /// `m` as for `Dot`, as the vector `[-m, m]`: the scores of two classes.
    Pair { weights: Weights, intercept: f64 },
    /// A score for each row of weights, dense. The sum begins with the intercept where `intercept_first`, else ends with it.
    Scores { weights: Weights, intercepts: Arc<[f64]>, intercept_first: bool },
}

impl LinearOp {
    pub fn name(&self) -> &'static str {
        match self {
            LinearOp::Dot { .. } => "dot",
            LinearOp::Pair { .. } => "pair",
            LinearOp::Scores { .. } => "scores",
        }
    }

    /// Returns the op's weights.
    pub fn weights(&self) -> &Weights {
        match self {
            LinearOp::Dot { weights, .. } | LinearOp::Pair { weights, .. } | LinearOp::Scores { weights, .. } => {
                weights
            }
        }
    }

    pub(crate) fn infer(&self, inputs: &[ValueType]) -> Inferred {
        let ty = match self {
            LinearOp::Dot { .. } => Type::F64,
            LinearOp::Pair { .. } => Type::Vector { size: Some(2) },
            LinearOp::Scores { weights, .. } => Type::Vector { size: u32::try_from(weights.rows()).ok() },
        };
        let (Some((features, rest)), Some(place)) = (inputs.split_first(), same_rows(inputs)) else {
            return Err("columns of the same rows");
        };
        let added = match (self, rest) {
            (_, []) => true,
            (LinearOp::Dot { .. }, [offset]) => offset.ty.as_scalar().is_some_and(DType::is_number),
            _ => false,
        };
        match features.ty {
            Type::Vector { size } if added && size.is_none_or(|n| n == self.weights().columns()) => {
                Ok(vec![ValueType { ty, place }])
            }
            _ => Err("a column of vectors of the size of its weights; a dot also one of numbers"),
        }
    }

    pub(crate) fn check(&self) -> Result<(), PlanError> {
        let fail = |what: &str| Err(PlanError::parameters("linear", what));
        let weights = self.weights();
        weights.check()?;
        match self {
            LinearOp::Scores { intercepts, .. } if intercepts.len() != weights.rows() => {
                fail("another number of intercepts than of rows of weights")
            }
            LinearOp::Dot { .. } | LinearOp::Pair { .. } if weights.rows() != 1 && weights.columns() != 0 => {
                fail("more than one row of weights")
            }
            _ => Ok(()),
        }
    }
}
