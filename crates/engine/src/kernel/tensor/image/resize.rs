//! Another size: one axis after the other, each element of the result made of a few of the input along the axis.
//!
//! The rule is that of ONNX's reference implementation of Resize, whose weights are float64.

use model::{PredictError, Shape, Tensor, each_element, tensor::Data};
use plan::tensor::{
    ImageOp,
    image::{Aspect, Between, Coordinates, Nearest},
};

use super::{Args, Done, Float, by_float, elements, make, narrow, refuse, refuse_type, sizes, widened};
use crate::kernel::tensor::{axis, too_large};

/// What one axis becomes.
struct Along {
    axis: usize,
    input: usize,
    output: usize,
    scale: f64,
    /// Begin and end of the part.
    part: [f64; 2],
}

/// What an element of the result is made of along an axis.
struct Taps {
    /// Elements and their weights, so many for each element of the result.
    of: Vec<(usize, f64)>,
    each: usize,
    /// Which elements of the result lie outside.
    outside: Vec<bool>,
}

pub(super) fn run(args: &Args<'_>, op: &ImageOp, given: &Tensor, out: &mut Tensor) -> Done {
    let ImageOp::Resize { between, outside, .. } = op else { return Ok(()) };
    let alongs = alongs(args, op, given.shape())?;
    if let Some(along) = alongs.iter().find(|along| along.input == 0 && along.output > 0) {
        return Err(refuse(format!("an element along axis {}", along.axis), given.shape().to_string()));
    }
    let is_exact = matches!(between, Between::Nearest(_));
    // Whole numbers are computed in float64 and rounded; the nearest need no computing.
    let mut x = match given.data() {
        Data::F32(_) | Data::F64(_) => given.clone(),
        _ if is_exact => given.clone(),
        Data::F16(_) | Data::BF16(_) => widened(given),
        _ => whole(given)?,
    };
    for along in alongs {
        let is_same = (along.scale - 1.0).abs() <= 1e-9 && along.output == along.input;
        if is_same && along.part[0].abs() <= 1e-9 && (along.part[1] - 1.0).abs() <= 1e-9 {
            continue;
        }
        let taps = taps(op, &along)?;
        let to = x.shape().with(along.axis, along.output);
        let mut result = Tensor::default();
        if is_exact {
            each_element!(x.data(), from => picked(from, x.shape(), &along, &taps, *outside, to, &mut result))?;
        } else {
            by_float!(x, T => summed::<T>(&x, &along, &taps, *outside, to, &mut result))?;
        }
        x = result;
    }
    match given.data() {
        Data::F16(_) | Data::BF16(_) if !is_exact => narrow(&mut x, given.dtype())?,
        Data::F32(_) | Data::F64(_) => {}
        _ if is_exact => {}
        _ => x = rounded(&x, given)?,
    }
    *out = x;
    Ok(())
}

/// Returns what becomes of each axis that is named.
fn alongs(args: &Args<'_>, op: &ImageOp, of: &Shape) -> Result<Vec<Along>, PredictError> {
    let ImageOp::Resize { axes, aspect, coordinates, .. } = op else { return Ok(Vec::new()) };
    let axes: Vec<usize> = match axes {
        Some(axes) => axes.iter().map(|&at| axis(at, of.len())).collect::<Result<_, _>>()?,
        None => (0..of.len()).collect(),
    };
    let numbers = |i: usize| args.opt(i).filter(|tensor| !tensor.is_empty()).map(|tensor| floats(&tensor)).transpose();
    let part = match numbers(1)? {
        Some(part) if *coordinates == Coordinates::Crop && part.len() == 2 * axes.len() => Some(part),
        Some(_) | None if *coordinates != Coordinates::Crop => None,
        _ => return Err(refuse(format!("{} numbers as the part to take", 2 * axes.len()), "others")),
    };
    let count = |n: usize| {
        if n == axes.len() {
            Ok(())
        } else {
            Err(refuse(format!("a number for each of {} axes", axes.len()), n.to_string()))
        }
    };
    let (scales, outputs): (Vec<f64>, Vec<usize>) = match (numbers(2)?, args.opt(3).filter(|sizes| !sizes.is_empty())) {
        (_, Some(given)) => {
            let wanted = sizes("sizes", &super::ints(&given)?)?;
            count(wanted.len())?;
            let scale = |(&axis, &size): (&usize, &usize)| size as f64 / of[axis].max(1) as f64;
            let scales: Vec<f64> = axes.iter().zip(&wanted).map(scale).collect();
            let all = match aspect {
                Aspect::Stretch => None,
                Aspect::NotLarger => scales.iter().copied().reduce(f64::min),
                Aspect::NotSmaller => scales.iter().copied().reduce(f64::max),
            };
            match all {
                None => (scales, wanted),
                Some(all) => {
                    let size = |&axis: &usize| (all * of[axis] as f64 + 0.5) as usize;
                    (vec![all; axes.len()], axes.iter().map(size).collect())
                }
            }
        }
        (Some(scales), None) => {
            count(scales.len())?;
            if scales.iter().any(|scale| !scale.is_finite() || *scale <= 0.0) {
                return Err(refuse("scales above 0", format!("{scales:?}")));
            }
            let outputs = axes.iter().zip(&scales).map(|(&axis, scale)| (scale * of[axis] as f64) as usize).collect();
            (scales, outputs)
        }
        (None, None) => return Err(refuse("scales or sizes", "neither")),
    };
    let along = |(i, &axis): (usize, &usize)| {
        let part = part.as_ref().map_or([0.0, 1.0], |part| [part[i], part[axes.len() + i]]);
        Along { axis, input: of[axis], output: outputs[i], scale: scales[i], part }
    };
    Ok(axes.iter().enumerate().map(along).collect())
}

fn floats(tensor: &Tensor) -> Result<Vec<f64>, PredictError> {
    let wide = widened(tensor);
    by_float!(wide, T => elements::<T>(&wide).map(|e| e.iter().map(|x| x.to_f64()).collect()))
}

/// Returns where element `i` of the result lies.
fn place(coordinates: Coordinates, along: &Along, single: bool, i: usize) -> f64 {
    let (i, input, scale) = (i as f64, along.input as f64, along.scale);
    let output = scale * input;
    if single {
        let (i, input, output) = (i as f32, along.input as f32, along.output as f32);
        let place = match coordinates {
            Coordinates::AlignCorners if along.output > 1 => i * ((input - 1.0) / (output - 1.0)),
            Coordinates::HalfPixel => (i + 0.5) * (input / output) - 0.5,
            Coordinates::HalfPixelForNearest => (i + 0.5) * (input / output),
            _ => i * (input / output),
        };
        return place.into();
    }
    match coordinates {
        Coordinates::HalfPixel => (i + 0.5) / scale - 0.5,
        Coordinates::HalfPixelSymmetric => {
            let adjustment = along.output as f64 / output;
            input / 2.0 * (1.0 - adjustment) + (i + 0.5) / scale - 0.5
        }
        Coordinates::PytorchHalfPixel if output == 1.0 => -0.5,
        Coordinates::PytorchHalfPixel => (i + 0.5) / scale - 0.5,
        Coordinates::AlignCorners if output == 1.0 => 0.0,
        Coordinates::AlignCorners => i * (input - 1.0) / (output - 1.0),
        Coordinates::Asymmetric => i / scale,
        Coordinates::HalfPixelForNearest => (i + 0.5) / scale,
        Coordinates::Crop => {
            let [begin, end] = along.part;
            let within = if output == 1.0 {
                (end - begin) * (input - 1.0) / 2.0
            } else {
                i * (end - begin) * (input - 1.0) / (output - 1.0)
            };
            within + begin * (input - 1.0)
        }
    }
}

fn taps(op: &ImageOp, along: &Along) -> Result<Taps, PredictError> {
    let ImageOp::Resize { between, coordinates, antialias, exclude_outside, single, .. } = op else {
        return Ok(Taps { of: Vec::new(), each: 0, outside: Vec::new() });
    };
    if along.output > model::tensor::TENSOR_BYTES_MAX {
        return Err(refuse("a size that a tensor has", along.output.to_string()));
    }
    let last = along.input as i64 - 1;
    let mut taps = Taps { of: Vec::new(), each: 0, outside: Vec::with_capacity(along.output) };
    for i in 0..along.output {
        let at = place(*coordinates, along, *single, i);
        if !at.is_finite() || at.abs() > 1e15 {
            return Err(refuse("a place in the image", at.to_string()));
        }
        taps.outside.push(*coordinates == Coordinates::Crop && (at < 0.0 || at > last as f64));
        let low = at.floor();
        if let (true, Between::Cubic(a)) = (*single, between) {
            taps.each = 4;
            taps.of.extend(tabled(*a, (at - low) as f32, low as i64, last, *exclude_outside));
            continue;
        }
        // The lower neighbour is taken where both are one.
        let ratio = if at == low { 1.0 } else { at - low };
        let mut weights = weights(*between, *antialias, ratio, along)?;
        let n = weights.len() as i64;
        let first = match (n % 2 == 0, at - low) {
            (true, 0.0) => -(n / 2),
            (true, _) => 1 - n / 2,
            (false, part) if part <= 0.5 => -(n / 2),
            (false, _) => 1 - n / 2,
        } + low as i64;
        if *exclude_outside {
            let within = |k: usize| (0..=last).contains(&(first + k as i64));
            weights.iter_mut().enumerate().filter(|(k, _)| !within(*k)).for_each(|(_, weight)| *weight = 0.0);
            let sum: f64 = weights.iter().sum();
            weights.iter_mut().for_each(|weight| *weight /= if sum == 0.0 { 1.0 } else { sum });
        }
        taps.each = weights.len();
        let tap = |(k, weight): (usize, f64)| ((first + k as i64).clamp(0, last) as usize, weight);
        taps.of.extend(weights.into_iter().enumerate().map(tap));
    }
    Ok(taps)
}

/// Returns the four neighbours of a place so far above the lower one, and their weights: those of the nearest of 1024 places, in
/// float32, as TensorFlow computes them. What lies outside does not count, or is as the edge.
fn tabled(a: f32, part: f32, low: i64, last: i64, exclude_outside: bool) -> [(usize, f64); 4] {
    const PLACES: f32 = 1024.0;
    let near = |x: f32| {
        let (a, x) = (f64::from(a), f64::from(x));
        (((a + 2.0) * x - (a + 3.0)) * x * x + 1.0) as f32
    };
    let far = |x: f32| {
        let (a, x) = (f64::from(a), f64::from(x + 1.0));
        (((a * x - 5.0 * a) * x + 8.0 * a) * x - 4.0 * a) as f32
    };
    let offset = (part * PLACES).round_ties_even();
    let (x, y) = (offset / PLACES, (PLACES - offset) / PLACES);
    let mut weights = [far(x), near(x), near(y), far(y)];
    let at = |k: usize| low - 1 + k as i64;
    if exclude_outside {
        (0..4).filter(|k| !(0..=last).contains(&at(*k))).for_each(|k| weights[k] = 0.0);
        let sum = weights[0] + weights[1] + weights[2] + weights[3];
        if sum.abs() >= 1000.0 * f32::MIN_POSITIVE {
            let by = 1.0 / sum;
            weights.iter_mut().for_each(|weight| *weight *= by);
        }
    }
    [0, 1, 2, 3].map(|k| (at(k).clamp(0, last) as usize, weights[k].into()))
}

/// Returns the weights of the neighbours for a place so far above the lower one.
fn weights(between: Between, antialias: bool, ratio: f64, along: &Along) -> Result<Vec<f64>, PredictError> {
    let scale = along.scale.min(1.0);
    let normed = |weights: Vec<f64>| {
        let sum: f64 = weights.iter().sum();
        weights.into_iter().map(|weight| weight / sum).collect()
    };
    // A filter that widens as the result gets smaller.
    let wide = |reach: f64, of: &dyn Fn(f64) -> f64| {
        let first = (-reach / scale).floor() + 1.0;
        if -first > 2.0 * reach * (along.input as f64 + 2.0) {
            return Err(refuse("a scale that leaves an element", along.scale.to_string()));
        }
        let first = first as i64;
        Ok(normed((first..2 - first).map(|i| of((i as f64 - ratio) * scale)).collect()))
    };
    Ok(match between {
        Between::Nearest(nearest) => {
            let upper = match nearest {
                _ if ratio == 1.0 => true,
                Nearest::HalfDown => ratio > 0.5,
                Nearest::HalfUp => ratio >= 0.5,
                Nearest::Floor => false,
                Nearest::Ceil => true,
            };
            vec![f64::from(u8::from(!upper)), f64::from(u8::from(upper))]
        }
        Between::Linear if antialias => wide(1.0, &|x| (1.0 - x.abs()).clamp(0.0, 1.0))?,
        Between::Linear => vec![1.0 - ratio, ratio],
        Between::Cubic(a) => {
            let a = f64::from(a);
            let of = |x: f64| {
                let x = x.abs();
                if x <= 1.0 {
                    ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0
                } else if x < 2.0 {
                    ((a * x - 5.0 * a) * x + 8.0 * a) * x - 4.0 * a
                } else {
                    0.0
                }
            };
            if antialias { wide(2.0, &of)? } else { [ratio + 1.0, ratio, 1.0 - ratio, 2.0 - ratio].map(of).to_vec() }
        }
    })
}

/// Takes one element for each of the result.
fn picked<E: model::tensor::Element>(
    from: &[E],
    of: &Shape,
    along: &Along,
    taps: &Taps,
    outside: f32,
    to: Shape,
    out: &mut Tensor,
) -> Done {
    let inner: usize = of[along.axis + 1..].iter().product();
    let outer: usize = of[..along.axis].iter().product();
    // The value for what lies outside, in this type.
    let filling = taps.outside.contains(&true).then(|| {
        let value = Tensor::scalar(f64::from(outside));
        rounded_like::<E>(&value)
    });
    let filling = filling.transpose()?;
    let result = make::<E>(out, to)?;
    for o in 0..outer {
        for i in 0..along.output {
            let to = &mut result[(o * along.output + i) * inner..][..inner];
            match &filling {
                Some(value) if taps.outside[i] => to.fill(value.clone()),
                _ => {
                    let taps = &taps.of[i * taps.each..][..taps.each];
                    let at = taps.iter().find(|(_, weight)| *weight == 1.0).map_or(taps[0].0, |(at, _)| *at);
                    to.clone_from_slice(&from[(o * along.input + at) * inner..][..inner]);
                }
            }
        }
    }
    Ok(())
}

fn summed<T: Float>(x: &Tensor, along: &Along, taps: &Taps, outside: f32, to: Shape, out: &mut Tensor) -> Done {
    let from = elements::<T>(x)?;
    let inner: usize = to[along.axis + 1..].iter().product();
    let outer: usize = to[..along.axis].iter().product();
    let result = make::<T>(out, to)?;
    for o in 0..outer {
        for i in 0..along.output {
            let to = &mut result[(o * along.output + i) * inner..][..inner];
            if taps.outside[i] {
                to.fill(T::from_f64(outside.into()));
                continue;
            }
            to.fill(T::ZERO);
            for &(at, weight) in &taps.of[i * taps.each..][..taps.each] {
                let weight = T::from_f64(weight);
                let from = &from[(o * along.input + at) * inner..][..inner];
                to.iter_mut().zip(from).for_each(|(to, &x)| *to += x * weight);
            }
        }
    }
    Ok(())
}

/// Returns whole numbers as float64.
fn whole(x: &Tensor) -> Result<Tensor, PredictError> {
    let numbers: Vec<f64> = match x.data() {
        Data::I8(e) => e.iter().map(|&x| x.into()).collect(),
        Data::U8(e) => e.iter().map(|&x| x.into()).collect(),
        Data::I16(e) => e.iter().map(|&x| x.into()).collect(),
        Data::U16(e) => e.iter().map(|&x| x.into()).collect(),
        Data::I32(e) => e.iter().map(|&x| x.into()).collect(),
        Data::U32(e) => e.iter().map(|&x| x.into()).collect(),
        Data::I64(e) => e.iter().map(|&x| x as f64).collect(),
        Data::U64(e) => e.iter().map(|&x| x as f64).collect(),
        _ => return Err(refuse_type(x)),
    };
    Tensor::new(x.shape(), numbers).map_err(too_large)
}

/// Returns float64 as whole numbers of another tensor's type: to the nearest, within its range.
fn rounded(x: &Tensor, like: &Tensor) -> Result<Tensor, PredictError> {
    let from = elements::<f64>(x)?.iter().map(|x| x.round_ties_even());
    let made = match like.data() {
        Data::I8(_) => Tensor::new(x.shape(), from.map(|x| x as i8).collect::<Vec<_>>()),
        Data::U8(_) => Tensor::new(x.shape(), from.map(|x| x as u8).collect::<Vec<_>>()),
        Data::I16(_) => Tensor::new(x.shape(), from.map(|x| x as i16).collect::<Vec<_>>()),
        Data::U16(_) => Tensor::new(x.shape(), from.map(|x| x as u16).collect::<Vec<_>>()),
        Data::I32(_) => Tensor::new(x.shape(), from.map(|x| x as i32).collect::<Vec<_>>()),
        Data::U32(_) => Tensor::new(x.shape(), from.map(|x| x as u32).collect::<Vec<_>>()),
        Data::I64(_) => Tensor::new(x.shape(), from.map(|x| x as i64).collect::<Vec<_>>()),
        Data::U64(_) => Tensor::new(x.shape(), from.map(|x| x as u64).collect::<Vec<_>>()),
        Data::F32(_) => Tensor::new(x.shape(), elements::<f64>(x)?.iter().map(|&x| x as f32).collect::<Vec<_>>()),
        Data::F64(_) => return Ok(x.clone()),
        _ => return Err(refuse_type(like)),
    };
    made.map_err(too_large)
}

/// Returns a scalar of float64 as an element of a type.
fn rounded_like<E: model::tensor::Element>(value: &Tensor) -> Result<E, PredictError> {
    let like = Tensor::scalar(E::default());
    let value = rounded(value, &like)?;
    value.get::<E>().and_then(|e| e.first().cloned()).ok_or_else(|| refuse_type(&like))
}
