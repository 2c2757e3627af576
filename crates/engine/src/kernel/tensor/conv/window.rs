//! Where a window stands: one [`Axis`] for each spatial dimension, made of attributes that may be anything.

use std::ops::Range;

use model::{PredictError, tensor::RANK_MAX};
use plan::tensor::conv::{Pads, Window};

use crate::kernel::tensor::refuse;

/// Greatest number that an attribute of a window may hold: sums and products of two fit 64 bits.
const NUMBER_MAX: i64 = 1 << 30;

/// A window along one spatial dimension.
#[derive(Clone, Copy, Debug)]
pub(in crate::kernel::tensor) struct Axis {
    pub input: usize,
    pub output: usize,
    pub kernel: usize,
    pub stride: i64,
    pub dilation: i64,
    pub before: i64,
    pub after: i64,
}

impl Axis {
    /// Returns where element `k` of the window at place `at` stands in the input, which may be outside.
    #[inline]
    pub fn place(&self, at: usize, k: usize) -> i64 {
        at as i64 * self.stride - self.before + k as i64 * self.dilation
    }

    /// Returns which elements of the window at this place are within `low..high`.
    pub fn inside(&self, at: usize, low: i64, high: i64) -> Range<usize> {
        let begin = self.place(at, 0);
        let reach = |bound: i64| {
            let steps = match self.dilation {
                1 => bound - begin,
                dilation => (bound - begin + dilation - 1).div_euclid(dilation),
            };
            steps.clamp(0, self.kernel as i64) as usize
        };
        let (low, high) = (reach(low), reach(high));
        low..high.max(low)
    }

    /// Returns for which places of `from..to` element `k` of the window is within the input.
    pub fn places(&self, k: usize, from: usize, to: usize) -> Range<usize> {
        let shift = k as i64 * self.dilation - self.before;
        let first =
            |bound: i64| (bound - shift + self.stride - 1).div_euclid(self.stride).clamp(from as i64, to as i64);
        let (low, high) = (first(0) as usize, first(self.input as i64) as usize);
        low..high.max(low)
    }
}

/// Returns the axes of a window of this size over these spatial dimensions.
pub(in crate::kernel::tensor) fn axes(
    window: &Window,
    input: &[usize],
    kernel: &[usize],
    ceil: bool,
) -> Result<Vec<Axis>, PredictError> {
    let rank = input.len();
    if kernel.len() != rank {
        return Err(refuse(format!("a window of {} dimensions", kernel.len()), format!("{rank} spatial dimensions")));
    }
    let strides = numbers("strides", &window.strides, rank, 1)?;
    let dilations = numbers("dilations", &window.dilations, rank, 1)?;
    let pads = match &window.pads {
        Pads::Explicit(pads) => numbers("pads", pads, 2 * rank, -NUMBER_MAX)?,
        Pads::Same { .. } => &[],
    };
    let mut axes = Vec::with_capacity(rank);
    for i in 0..rank {
        let (input, kernel, stride, dilation) = (input[i], kernel[i], strides[i], dilations[i]);
        if kernel == 0 || kernel as u64 > NUMBER_MAX as u64 || input as u64 > NUMBER_MAX as u64 {
            return Err(refuse("a window of 1 element at least", format!("{kernel} of {input}")));
        }
        let mut axis = Axis { input, output: 0, kernel, stride, dilation, before: 0, after: 0 };
        let reach = (kernel as i64 - 1) * dilation + 1;
        let length = input as i64;
        let output = match window.pads {
            Pads::Explicit(_) => {
                (axis.before, axis.after) =
                    (pads.get(i).copied().unwrap_or(0), pads.get(rank + i).copied().unwrap_or(0));
                let span = length + axis.before + axis.after - reach;
                let steps = if ceil { (span + stride - 1).div_euclid(stride) } else { span.div_euclid(stride) };
                // The last window begins within the input or the padding before it.
                let is_late = ceil && steps > 0 && steps * stride >= length + axis.before;
                steps + 1 - i64::from(is_late)
            }
            Pads::Same { upper } => {
                let output = (length + stride - 1) / stride;
                let total = ((output - 1) * stride + reach - length).max(0);
                axis.before = if upper { total / 2 } else { total - total / 2 };
                axis.after = total - axis.before;
                output
            }
        };
        axis.output = usize::try_from(output)
            .map_err(|_| refuse(format!("an input that a window of {reach} fits into"), length.to_string()))?;
        axes.push(axis);
    }
    Ok(axes)
}

/// Returns an attribute's numbers, one for each dimension; ones or zeros where it is empty.
pub(in crate::kernel::tensor) fn numbers<'a>(
    name: &str,
    given: &'a [i64],
    count: usize,
    least: i64,
) -> Result<&'a [i64], PredictError> {
    const NONE: [[i64; 2 * RANK_MAX]; 2] = [[0; 2 * RANK_MAX], [1; 2 * RANK_MAX]];
    if given.is_empty() {
        return Ok(&NONE[usize::from(least > 0)][..count]);
    }
    if given.len() != count || given.iter().any(|n| *n < least || *n > NUMBER_MAX) {
        let expected = format!("{count} {name} from {least} to {NUMBER_MAX}");
        return Err(refuse(expected, format!("{given:?}")));
    }
    Ok(given)
}

/// Returns an attribute's or an input's sizes.
pub(in crate::kernel::tensor) fn sizes(name: &str, given: &[i64]) -> Result<Vec<usize>, PredictError> {
    let size = |n: &i64| usize::try_from(*n).ok().filter(|_| *n <= NUMBER_MAX);
    given.iter().map(size).collect::<Option<Vec<_>>>().ok_or_else(|| refuse(name, format!("{given:?}")))
}

/// Calls the function with each place of a box, the last dimension fastest.
pub(in crate::kernel::tensor) fn each_place(dims: &[usize], mut work: impl FnMut(usize, &[usize])) {
    let count: usize = dims.iter().product();
    let mut at = vec![0; dims.len()];
    for i in 0..count {
        work(i, &at);
        for (at, &dim) in at.iter_mut().zip(dims).rev() {
            *at += 1;
            if *at < dim {
                break;
            }
            *at = 0;
        }
    }
}
