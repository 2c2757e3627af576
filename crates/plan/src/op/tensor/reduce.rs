//! Along axes: sums, means, extremes, running sums.

use model::{DType, Type};

use super::{Formal, Given, dtype};

/// How elements are folded into one. Sums of float32 are made in float32, in the order of the elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fold {
    Sum,
    Mean,
    Prod,
    /// NaN where any element is.
    Max,
    /// NaN where any element is.
    Min,
    /// Sum of absolute values.
    L1,
    /// Root of the sum of squares.
    L2,
    LogSum,
    LogSumExp,
    SumSquare,
    All,
    Any,
}

/// Ops of the family.
#[derive(Clone, Debug, PartialEq)]
pub enum ReduceOp {
    /// Over the axes given here or, where it is there, by input 1; over all where there are none, or, with `none_is_none`, over
    /// none. Reduced dimensions stay with length 1 where `keep` says so. Of no elements: what the fold begins with.
    Reduce { fold: Fold, axes: Option<Vec<i64>>, keep: bool, none_is_none: bool },
    /// The sum, or with `product` the product, of the elements up to each along the axis of input 1 (`exclusive`: without
    /// itself), from the last on with `reverse`. One addition an element, in the element's type.
    Cumulate { product: bool, exclusive: bool, reverse: bool },
}

impl ReduceOp {
    pub fn name(&self) -> &'static str {
        match self {
            ReduceOp::Reduce { fold, .. } => match fold {
                Fold::Sum => "reduce_sum",
                Fold::Mean => "reduce_mean",
                Fold::Prod => "reduce_prod",
                Fold::Max => "reduce_max",
                Fold::Min => "reduce_min",
                Fold::L1 => "reduce_l1",
                Fold::L2 => "reduce_l2",
                Fold::LogSum => "reduce_log_sum",
                Fold::LogSumExp => "reduce_log_sum_exp",
                Fold::SumSquare => "reduce_sum_square",
                Fold::All => "reduce_all",
                Fold::Any => "reduce_any",
            },
            ReduceOp::Cumulate { product: false, .. } => "cum_sum",
            ReduceOp::Cumulate { product: true, .. } => "cum_prod",
        }
    }

    pub(super) fn infer(&self, formal: &Formal<'_>) -> Given {
        match self {
            ReduceOp::Reduce { fold: Fold::All | Fold::Any, .. } => match dtype(formal, 0) {
                Some(DType::Bool) => Ok(vec![Type::BOOL]),
                _ => Err("a boolean tensor"),
            },
            ReduceOp::Reduce { .. } | ReduceOp::Cumulate { .. } => match dtype(formal, 0) {
                Some(dtype) => Ok(vec![Type::scalar(dtype)]),
                None => Err("a tensor of numbers"),
            },
        }
    }
}
