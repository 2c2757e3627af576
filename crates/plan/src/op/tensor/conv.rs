//! Windows over tensors: convolutions, pooling and their inverses, for one to many spatial dimensions.
//!
//! Channels are dimension 1, as ONNX has them, or with `last` the last dimension, as TensorFlow has them. A sum runs over the
//! window's elements and channels in order (channels last: channels within elements, else elements within channels), then the
//! bias is added. float16 and bfloat16 are computed in float32 and rounded once.

use model::{DType, Type};

use super::{Formal, Given, Unary, dtype, real, tensor};

/// What is laid around the spatial dimensions.
#[derive(Clone, Debug, PartialEq)]
pub enum Pads {
    /// Before each dimension, then after each; none where it is empty.
    Explicit(Vec<i64>),
    /// As much as makes the result as long as the input divided by the stride, rounded up; what is odd goes after the input, or
    /// before it where `upper` is not set.
    Same { upper: bool },
}

/// How a window walks. Lists have one number for each spatial dimension; where they are empty, all are 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    pub strides: Vec<i64>,
    pub dilations: Vec<i64>,
    pub pads: Pads,
}

/// What is taken of a window.
#[derive(Clone, Debug, PartialEq)]
pub enum Pool {
    /// The greatest; NaN where any is. Output 1 tells where it stood: within the whole tensor (`in_batch`), or within its
    /// example; with `column_major`, spatial dimensions are counted from the first to the last.
    Max { column_major: bool, in_batch: bool },
    /// The mean, of padding too where `include_pad` says so.
    Average { include_pad: bool },
    /// `(sum |x|^p)^(1/p)`.
    Lp { p: f32 },
}

/// Ops of the family.
#[derive(Clone, Debug, PartialEq)]
pub enum ConvOp {
    /// Inputs: x, filters, a bias for each channel of the result (may be left out). Filters are `[out, in / groups, window]`, or
    /// with `filters_last` `[window, in / groups, out]`. With 0 groups they are `[window, in, factor]`: each channel by itself,
    /// so many results for each. With `filters_last`, 1 group stands for as many as the channels of filters go into those of x.
    Conv { window: Window, groups: usize, last: bool, filters_last: bool, end: Option<Unary> },
    /// In int32, of 8-bit integers less their zero points (inputs 2 and 3, where they are there; those of filters one, or one
    /// for each channel of the result).
    ConvInteger { window: Window, groups: usize },
    /// The transposed convolution (its gradient). Filters are `[in, out / groups, window]`, or with `filters_last` `[window,
    /// out, in]`. The result's spatial dimensions are those of input 3 (a whole shape), else of `output`, else what the window
    /// covers and `more` after it.
    ConvTranspose {
        window: Window,
        groups: usize,
        last: bool,
        filters_last: bool,
        more: Vec<i64>,
        output: Option<Vec<i64>>,
    },
    /// Over windows of `kernel`; over the whole where that is empty. With `ceil`, the last window may begin within the input
    /// and its padding and end outside: what is outside does not count.
    Pool { kind: Pool, kernel: Vec<i64>, window: Window, ceil: bool, last: bool },
    /// Puts elements where they stood before they were pooled (input 1: within the whole tensor), zeros elsewhere. Input 2,
    /// where it is there, is the shape of the result.
    MaxUnpool { kernel: Vec<i64>, window: Window },
    /// Adds up the columns of windows to an image. Inputs: `[batch, channels * window, windows]`, the image's spatial
    /// dimensions, the window's.
    Col2Im { window: Window },
    /// The elements of each window, channels last, zeros outside: `[batch, places, window * channels]`.
    Patches { kernel: Vec<i64>, window: Window },
    /// A convolution whose window's elements are each taken from elsewhere, by bilinear interpolation. Inputs: x (two spatial
    /// dimensions), filters, offsets, bias, mask; the last two may be left out.
    DeformConv { window: Window, groups: usize, offset_groups: usize },
    /// Each channel by itself, over the last elements up to its own. Inputs: `[batch, channels, length]`, filters `[channels,
    /// 1, window]`, bias, the `window - 1` elements before; the last two may be left out. Output 1: the elements that the next
    /// call begins with.
    CausalConv { swish: bool },
}

impl Window {
    /// A window that moves by one, without padding.
    pub fn plain() -> Window {
        Window { strides: Vec::new(), dilations: Vec::new(), pads: Pads::Explicit(Vec::new()) }
    }
}

impl ConvOp {
    pub fn name(&self) -> &'static str {
        match self {
            ConvOp::Conv { .. } => "conv",
            ConvOp::ConvInteger { .. } => "conv_integer",
            ConvOp::ConvTranspose { .. } => "conv_transpose",
            ConvOp::Pool { kind: Pool::Max { .. }, .. } => "max_pool",
            ConvOp::Pool { kind: Pool::Average { .. }, .. } => "average_pool",
            ConvOp::Pool { kind: Pool::Lp { .. }, .. } => "lp_pool",
            ConvOp::MaxUnpool { .. } => "max_unpool",
            ConvOp::Col2Im { .. } => "col2im",
            ConvOp::Patches { .. } => "patches",
            ConvOp::DeformConv { .. } => "deform_conv",
            ConvOp::CausalConv { .. } => "causal_conv",
        }
    }

    pub(super) fn infer(&self, formal: &Formal<'_>) -> Given {
        let Some(x) = dtype(formal, 0) else { return Err("a tensor of numbers") };
        let ty = Type::scalar(x);
        match self {
            ConvOp::ConvInteger { .. } => match (x, dtype(formal, 1)) {
                (DType::I8 | DType::U8, Some(DType::I8 | DType::U8)) => Ok(vec![Type::I32]),
                _ => Err("two tensors of 8-bit integers"),
            },
            ConvOp::Pool { kind: Pool::Max { .. }, .. } => Ok(vec![ty, Type::I64]),
            ConvOp::Pool { .. } | ConvOp::Col2Im { .. } | ConvOp::MaxUnpool { .. } | ConvOp::Patches { .. } => {
                Ok(vec![ty])
            }
            _ if real(formal, 0).is_none() || tensor(formal, 1) != Some(&ty) => {
                Err("tensors of floating-point numbers of one type")
            }
            ConvOp::CausalConv { .. } => Ok(vec![ty.clone(), ty]),
            _ => Ok(vec![ty]),
        }
    }
}
