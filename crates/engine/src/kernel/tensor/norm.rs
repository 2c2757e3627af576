//! Normalisation and losses.

mod along;
mod loss;

use std::borrow::Cow;

use model::{
    DType, PredictError, Shape, Tensor,
    tensor::{Data, Element},
};
use plan::tensor::{NormOp, norm::Training};

use super::{
    Args, Done, axis, broadcast,
    float::{Float, by_float, elements, make, narrow, widened},
    refuse, refuse_type, shape,
};

/// An op of the family, ready to run.
pub(super) struct NormKernel(NormOp);

impl NormKernel {
    pub(super) fn new(op: &NormOp) -> NormKernel {
        NormKernel(op.clone())
    }

    pub(super) fn run(&self, args: &Args<'_>) -> Done {
        args.call.check()?;
        let given = args.get(0)?;
        let x = widened(&given);
        by_float!(x, T => self.of::<T>(args, &x))?;
        // Results have the type of the input, the statistics that of theirs.
        let statistics = match &self.0 {
            NormOp::BatchNorm { .. } => args.opt(3).and_then(|mean| mean.dtype()),
            NormOp::LayerNorm { .. } => Some(DType::F32),
            _ => given.dtype(),
        };
        for i in 0..5 {
            if let Some(mut out) = args.out(i) {
                narrow(&mut out, if i == 0 { given.dtype() } else { statistics })?;
            }
        }
        Ok(())
    }

    fn of<T: Float>(&self, args: &Args<'_>, x: &Tensor) -> Done {
        match &self.0 {
            NormOp::CrossEntropy { sparse } => return loss::cross_entropy::<T>(args, x, *sparse),
            NormOp::BatchNorm { axis, epsilon, training } => {
                return batch_norm::<T>(args, x, *axis, T::from_f64((*epsilon).into()), training.as_ref());
            }
            NormOp::LayerNorm { axis, epsilon, mean } => {
                return layer_norm::<T>(args, x, *axis, T::from_f64((*epsilon).into()), *mean);
            }
            _ => {}
        }
        let Some(mut out) = args.out(0) else { return Ok(()) };
        match &self.0 {
            NormOp::Softmax { axis, flat, log } => along::softmax::<T>(x, *axis, *flat, *log, &mut out),
            NormOp::Hardmax { axis, flat } => along::hardmax::<T>(x, *axis, *flat, &mut out),
            NormOp::LpNorm { axis, p } => along::lp_norm::<T>(x, *axis, *p, &mut out),
            NormOp::Lrn { axis, size, alpha, beta, bias } => {
                let [alpha, beta, bias] = [*alpha, *beta, *bias].map(|x| T::from_f64(x.into()));
                along::lrn(x, *axis, *size, [alpha, beta, bias], &mut out)
            }
            NormOp::GroupNorm { groups, epsilon, by_group } => {
                let (scale, bias) = (args.get(1)?, args.get(2)?);
                group_norm::<T>(x, &scale, &bias, *groups, T::from_f64((*epsilon).into()), *by_group, &mut out)
            }
            NormOp::NllLoss { ignore, reduction } => {
                loss::nll::<T>(x, &*args.get(1)?, args.opt(2).as_deref(), *ignore, *reduction, &mut out)
            }
            NormOp::CrossEntropy { .. } | NormOp::BatchNorm { .. } | NormOp::LayerNorm { .. } => Ok(()),
        }
    }
}

/// A tensor seen along an axis: so many of its elements, `inner` apart, for each of `outer` times `inner`.
#[derive(Clone, Copy)]
struct Along {
    outer: usize,
    length: usize,
    inner: usize,
}

impl Along {
    fn new(of: &Shape, along: i64, flat: bool) -> Result<Along, PredictError> {
        // The old rule takes the rank itself too: nothing is left to flatten.
        let at = if flat && along == of.len() as i64 { of.len() } else { axis(along, of.len())? };
        let outer = of[..at].iter().product();
        let rest: usize = of[at..].iter().product();
        let inner = if flat { 1 } else { of[at + 1..].iter().product() };
        Ok(Along { outer, length: if flat { rest } else { of[at] }, inner })
    }
}

/// Returns floating-point numbers of any type as this one.
fn numbers<T: Float>(tensor: &Tensor) -> Result<Cow<'_, [T]>, PredictError> {
    if let Some(own) = tensor.get::<T>() {
        return Ok(Cow::Borrowed(own));
    }
    fn of<T: Float, F: Element>(from: &[F], to_f64: impl Fn(&F) -> f64) -> Cow<'static, [T]> {
        from.iter().map(|x| T::from_f64(to_f64(x))).collect()
    }
    Ok(match tensor.data() {
        Data::F16(e) => of(e, |x| x.to_f64()),
        Data::BF16(e) => of(e, |x| x.to_f64()),
        Data::F32(e) => of(e, |x| f64::from(*x)),
        Data::F64(e) => of(e, |x| *x),
        _ => return Err(refuse_type(tensor)),
    })
}

/// Returns one number for each of so many channels.
fn channels<T: Float>(tensor: &Tensor, count: usize) -> Result<Cow<'_, [T]>, PredictError> {
    if tensor.len() != count {
        return Err(refuse(format!("{count} numbers, one for each channel"), tensor.shape().to_string()));
    }
    numbers(tensor)
}

/// Returns mean and variance of numbers.
fn moments<T: Float>(count: usize, numbers: impl Iterator<Item = T> + Clone) -> (T, T) {
    let n = T::from_f64(count as f64);
    let mean = numbers.clone().fold(T::ZERO, |sum, x| sum + x) / n;
    let squares = numbers.fold(T::ZERO, |sum, x| sum + (x - mean) * (x - mean));
    (mean, squares / n)
}

fn batch_norm<T: Float>(args: &Args<'_>, x: &Tensor, at: i64, epsilon: T, training: Option<&Training>) -> Done {
    let from = elements::<T>(x)?;
    // A vector has one channel.
    let along = if x.rank() == 1 && at == 1 {
        Along { outer: x.len(), length: 1, inner: 1 }
    } else {
        Along::new(x.shape(), at, false)?
    };
    let count = along.length;
    let (scale, bias) = (args.get(1)?, args.get(2)?);
    let (scale, bias) = (channels::<T>(&scale, count)?, channels::<T>(&bias, count)?);
    let of_channel = |c: usize| {
        (0..along.outer).flat_map(move |o| from[(o * count + c) * along.inner..][..along.inner].iter().copied())
    };
    let statistics: Vec<(T, T)> = match training {
        None => {
            let (mean, variance) = (args.get(3)?, args.get(4)?);
            let (mean, variance) = (channels::<T>(&mean, count)?, channels::<T>(&variance, count)?);
            mean.iter().zip(variance.iter()).map(|(&mean, &variance)| (mean, variance)).collect()
        }
        Some(training) => {
            let size = along.outer * along.inner;
            let statistics: Vec<(T, T)> = (0..count).map(|c| moments(size, of_channel(c))).collect();
            running::<T>(args, training, &statistics, size)?;
            statistics
        }
    };
    let Some(mut out) = args.out(0) else { return Ok(()) };
    let result = make::<T>(&mut out, *x.shape())?;
    let factors: Vec<T> = scale.iter().zip(&statistics).map(|(&scale, (_, v))| scale / (*v + epsilon).sqrt()).collect();
    if along.inner == 1 {
        for (to, from) in result.chunks_exact_mut(count.max(1)).zip(from.chunks_exact(count.max(1))) {
            for c in 0..count {
                to[c] = (from[c] - statistics[c].0) * factors[c] + bias[c];
            }
        }
        return Ok(());
    }
    let runs = result.chunks_exact_mut(along.inner.max(1)).zip(from.chunks_exact(along.inner.max(1)));
    for (i, (to, from)) in runs.enumerate() {
        let c = i % count;
        let ((mean, _), factor, bias) = (statistics[c], factors[c], bias[c]);
        to.iter_mut().zip(from).for_each(|(to, &x)| *to = (x - mean) * factor + bias);
    }
    Ok(())
}

/// Writes the running statistics and the batch's.
fn running<T: Float>(args: &Args<'_>, training: &Training, statistics: &[(T, T)], size: usize) -> Done {
    let keep = T::from_f64(training.momentum.into());
    let of = shape(&[statistics.len()])?;
    let sample =
        if training.is_sample { T::from_f64(size as f64) / T::from_f64((size.max(2) - 1) as f64) } else { T::ONE };
    for (i, variance) in [(1, false), (2, true)] {
        let old = args.opt(i + 2);
        let old = match &old {
            Some(old) if old.len() == statistics.len() => Some(numbers::<T>(old)?),
            _ => None,
        };
        let new = |c: usize| if variance { statistics[c].1 * sample } else { statistics[c].0 };
        if let Some(mut out) = args.out(i) {
            for (c, to) in make::<T>(&mut out, of)?.iter_mut().enumerate() {
                *to = match &old {
                    Some(old) if keep != T::ZERO => old[c] * keep + new(c) * (T::ONE - keep),
                    _ => new(c),
                };
            }
        }
        if let Some(mut out) = args.out(i + 2) {
            let to = make::<T>(&mut out, of)?;
            let own = |c: usize| if variance { statistics[c].1 } else { statistics[c].0 };
            to.iter_mut().enumerate().for_each(|(c, to)| *to = own(c));
        }
    }
    Ok(())
}

fn layer_norm<T: Float>(args: &Args<'_>, x: &Tensor, at: i64, epsilon: T, with_mean: bool) -> Done {
    let at = axis(at, x.rank())?;
    let from = elements::<T>(x)?;
    let rows: usize = x.shape()[..at].iter().product();
    let size: usize = x.shape()[at..].iter().product();
    let dims: Vec<usize> = x.shape().iter().enumerate().map(|(i, &dim)| if i < at { dim } else { 1 }).collect();
    let of = shape(&dims)?;
    let mut means = vec![T::ZERO; rows];
    let mut inverses = vec![T::ZERO; rows];
    for (row, (mean, inverse)) in means.iter_mut().zip(&mut inverses).enumerate() {
        let from = from[row * size..][..size].iter().copied();
        let variance = if with_mean {
            let (m, variance) = moments(size, from);
            *mean = m;
            variance
        } else {
            from.fold(T::ZERO, |sum, x| sum + x * x) / T::from_f64(size as f64)
        };
        *inverse = T::ONE / (variance + epsilon).sqrt();
    }
    if let Some(mut out) = args.out(0) {
        let (scale, bias) = (args.get(1)?, args.opt(2));
        let result = make::<T>(&mut out, *x.shape())?;
        if size > 0 {
            let rows = result.chunks_exact_mut(size).zip(from.chunks_exact(size));
            for ((to, from), (&mean, &inverse)) in rows.zip(means.iter().zip(&inverses)) {
                to.iter_mut().zip(from).for_each(|(to, &x)| *to = (x - mean) * inverse);
            }
        }
        affine(result, x.shape(), &scale, |x, scale| x * scale)?;
        if let Some(bias) = bias {
            affine(result, x.shape(), &bias, |x, bias| x + bias)?;
        }
    }
    for (i, numbers) in [(1, means), (2, inverses)] {
        if let Some(mut out) = args.out(i) {
            make::<T>(&mut out, of)?.copy_from_slice(&numbers);
        }
    }
    Ok(())
}

/// Puts numbers that broadcast to the shape upon a result.
fn affine<T: Float>(result: &mut [T], of: &Shape, by: &Tensor, f: impl Fn(T, T) -> T) -> Done {
    if broadcast::shape(of, by.shape())? != *of {
        return Err(refuse(format!("a tensor that broadcasts to {of}"), by.shape().to_string()));
    }
    let numbers = numbers::<T>(by)?;
    broadcast::runs(of, [by.shape()], |begin, length, [(at, walks)]| {
        let to = &mut result[begin..begin + length];
        if walks {
            to.iter_mut().zip(&numbers[at..at + length]).for_each(|(to, &by)| *to = f(*to, by));
        } else {
            to.iter_mut().for_each(|to| *to = f(*to, numbers[at]));
        }
    });
    Ok(())
}

fn group_norm<T: Float>(
    x: &Tensor,
    scale: &Tensor,
    bias: &Tensor,
    groups: usize,
    epsilon: T,
    by_group: bool,
    out: &mut Tensor,
) -> Done {
    let (batch, count) = match &x.shape()[..] {
        [batch, count, ..] => (*batch, *count),
        _ => return Err(refuse("a tensor of rank 2 at least", x.shape().to_string())),
    };
    let groups = if groups == 0 { count } else { groups };
    if groups == 0 || !count.is_multiple_of(groups) {
        return Err(refuse(format!("channels that are a multiple of {groups} groups"), x.shape().to_string()));
    }
    let given = if by_group { groups } else { count };
    let (scale, bias) = (channels::<T>(scale, given)?, channels::<T>(bias, given)?);
    let from = elements::<T>(x)?;
    let result = make::<T>(out, *x.shape())?;
    let inner: usize = x.shape()[2..].iter().product();
    let in_group = count / groups;
    let size = in_group * inner;
    if size == 0 {
        return Ok(());
    }
    for i in 0..batch * groups {
        let from = &from[i * size..][..size];
        let (mean, variance) = moments(size, from.iter().copied());
        let root = (variance + epsilon).sqrt();
        for (c, (to, from)) in result[i * size..][..size].chunks_mut(inner).zip(from.chunks(inner)).enumerate() {
            let group = i % groups;
            let c = if by_group { group } else { group * in_group + c };
            let (scale, bias) = (scale[c], bias[c]);
            to.iter_mut().zip(from).for_each(|(to, &x)| *to = (x - mean) / root * scale + bias);
        }
    }
    Ok(())
}
