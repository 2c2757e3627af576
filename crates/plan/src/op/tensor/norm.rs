//! Normalisation: softmax and its like, by statistics of batches, layers and groups, and losses.
//!
//! Computed in the element's type, float16 and bfloat16 in float32 and rounded once. Sums run over the elements in order. NaN
//! gives NaN.

use model::Type;

use super::{Formal, Given, dtype, real};

/// What becomes of the losses of all examples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reduction {
    None,
    Mean,
    Sum,
}

/// How a batch's own statistics are taken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Training {
    /// What is kept of the running statistics.
    pub momentum: f32,
    /// The running variance gets the sample's: divided by one less (TensorFlow).
    pub is_sample: bool,
}

/// Ops of the family. An axis may be negative: then it counts from the end.
#[derive(Clone, Debug, PartialEq)]
pub enum NormOp {
    /// `exp(x - max) / sum(exp(x - max))` along the axis, or its logarithm. With `flat`, along that axis and all after it, as
    /// one (ONNX before opset 13). Of no elements: none.
    Softmax { axis: i64, flat: bool, log: bool },
    /// 1 at the first of the greatest elements along the axis, else 0; `flat` as for softmax.
    Hardmax { axis: i64, flat: bool },
    /// `(x - mean) * scale / sqrt(variance + epsilon) + bias`, with inputs scale, bias, mean and variance for each entry of the
    /// axis of channels. In training, mean and variance are those of the batch; outputs 1 and 2 are the running statistics,
    /// outputs 3 and 4 the batch's mean and variance.
    BatchNorm { axis: i64, epsilon: f32, training: Option<Training> },
    /// `(x - mean) / sqrt(variance + epsilon) * scale + bias`, mean and variance of the axis and all after it; without `mean`,
    /// by the root of the mean square alone. Scale and bias broadcast to x; bias may be left out. Outputs 1 and 2 are the mean
    /// and the inverse of the root.
    LayerNorm { axis: i64, epsilon: f32, mean: bool },
    /// The same by groups of channels (dimension 1) of each example: so many groups, or with 0 one for each channel. Scale and
    /// bias are for each channel, or with `by_group` for each group.
    GroupNorm { groups: usize, epsilon: f32, by_group: bool },
    /// Divided by the norm along the axis: of absolute values (p = 1) or the root of squares (p = 2). Where the norm is 0: 0.
    LpNorm { axis: i64, p: i64 },
    /// `x / (bias + alpha * s) ^ beta`, where `s` is the sum of squares over `size` channels around each: half of `size - 1`
    /// before it, rounded down, the rest after. The axis is that of channels.
    Lrn { axis: i64, size: usize, alpha: f32, beta: f32, bias: f32 },
    /// `-weight[target] * x[target]` for classes along dimension 1, targets (integers) in input 1, weights by class in input 2
    /// where it is there. A target that is `ignore` has no loss. The mean is that weighted.
    NllLoss { ignore: Option<i64>, reduction: Reduction },
    /// `-sum(label * log_softmax(x))` of each row of x, and its gradient `softmax(x) - label` as output 1. Labels are a tensor
    /// of numbers like x, or with `sparse` one class (an integer) for each row; another one than there are gives NaN.
    CrossEntropy { sparse: bool },
}

impl NormOp {
    pub fn name(&self) -> &'static str {
        match self {
            NormOp::Softmax { log: false, .. } => "softmax",
            NormOp::Softmax { log: true, .. } => "log_softmax",
            NormOp::Hardmax { .. } => "hardmax",
            NormOp::BatchNorm { .. } => "batch_norm",
            NormOp::LayerNorm { mean: true, .. } => "layer_norm",
            NormOp::LayerNorm { mean: false, .. } => "rms_norm",
            NormOp::GroupNorm { .. } => "group_norm",
            NormOp::LpNorm { .. } => "lp_norm",
            NormOp::Lrn { .. } => "local_response_norm",
            NormOp::NllLoss { .. } => "nll_loss",
            NormOp::CrossEntropy { .. } => "cross_entropy",
        }
    }

    pub(super) fn infer(&self, formal: &Formal<'_>) -> Given {
        let Some(x) = real(formal, 0) else {
            return Err("a tensor of floating-point numbers");
        };
        let x = Type::scalar(x);
        let param = dtype(formal, 3).map_or_else(|| x.clone(), Type::scalar);
        Ok(match self {
            NormOp::BatchNorm { training: None, .. } => vec![x],
            NormOp::BatchNorm { .. } => vec![x, param.clone(), param.clone(), param.clone(), param],
            NormOp::LayerNorm { .. } if x == Type::F64 => vec![x.clone(), x.clone(), x],
            NormOp::LayerNorm { .. } => vec![x, Type::F32, Type::F32],
            NormOp::CrossEntropy { .. } => vec![x.clone(), x],
            _ => vec![x],
        })
    }
}
