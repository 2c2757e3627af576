//! The convolution whose window's elements are taken from elsewhere (Dai et al., Deformable Convolutional Networks).
//!
//! Each element is interpolated between its four neighbours; a neighbour outside of the input is 0.

use plan::tensor::conv::Window;

use super::{Args, Done, Filter, Float, Tensor, axes, each_place, elements, make, refuse, shape, split, widened};

pub(super) fn run<T: Float>(
    args: &Args<'_>,
    x: &Tensor,
    filter: &Filter,
    window: &Window,
    groups: usize,
    offset_groups: usize,
    out: &mut Tensor,
) -> Done {
    let (batch, channels, spatial) = split(x.shape(), false)?;
    let ([height, width], [kernel_y, kernel_x]) = (spatial, &filter.window[..]) else {
        return Err(refuse("two spatial dimensions", x.shape().to_string()));
    };
    let (height, width, kernel) = (*height, *width, kernel_y * kernel_x);
    let divided = |n: usize, by: usize| by > 0 && n.is_multiple_of(by);
    if filter.input.checked_mul(groups) != Some(channels)
        || !divided(filter.output, groups)
        || !divided(channels, offset_groups)
    {
        let expected = format!("channels for {groups} groups and {offset_groups} groups of offsets");
        return Err(refuse(expected, x.shape().to_string()));
    }
    let axes = axes(window, spatial, &filter.window, false)?;
    let dims = [axes[0].output, axes[1].output];
    let places = dims[0].saturating_mul(dims[1]);
    let offsets = widened(&*args.get(2)?);
    let masks = args.opt(4).map(|mask| widened(&mask));
    let bias = args.opt(3).map(|bias| widened(&bias));
    let of = |n: usize| shape(&[batch, n.saturating_mul(kernel).saturating_mul(offset_groups), dims[0], dims[1]]);
    if *offsets.shape() != of(2)? {
        return Err(refuse(format!("offsets {}", of(2)?), offsets.shape().to_string()));
    }
    if let Some(mask) = masks.as_ref().filter(|mask| of(1).map_or(true, |of| of != *mask.shape())) {
        return Err(refuse(format!("a mask {}", of(1)?), mask.shape().to_string()));
    }
    if let Some(bias) = bias.as_ref().filter(|bias| bias.len() != filter.output) {
        return Err(refuse(format!("{} numbers as bias", filter.output), bias.len().to_string()));
    }
    let (from, filters, offsets) = (elements::<T>(x)?, elements::<T>(&filter.tensor)?, elements::<T>(&offsets)?);
    let masks = masks.as_ref().map(elements::<T>).transpose()?;
    let bias = bias.as_ref().map(elements::<T>).transpose()?;
    let result = make::<T>(out, shape(&[batch, filter.output, dims[0], dims[1]])?)?;
    let mut sampled = vec![T::ZERO; channels * kernel];
    let per_output = filter.output / groups;
    for n in 0..batch {
        each_place(&dims, |place, at| {
            each_place(&filter.window, |k, element| {
                for (c, to) in sampled.chunks_exact_mut(kernel).enumerate() {
                    let group = c / (channels / offset_groups);
                    let first = (n * offset_groups + group) * kernel + k;
                    let offset = |i: usize| offsets[(first * 2 + i) * places + place];
                    let at = [0, 1].map(|i| T::from_f64(axes[i].place(at[i], element[i]) as f64) + offset(i));
                    let plane = &from[(n * channels + c) * height * width..][..height * width];
                    let value = between(plane, [height, width], at);
                    to[k] = masks.map_or(value, |masks| value * masks[first * places + place]);
                }
            });
            for o in 0..filter.output {
                let group = o / per_output;
                let window = &sampled[group * filter.input * kernel..][..filter.input * kernel];
                let weights = &filters[o * window.len()..][..window.len()];
                let begin = bias.map_or(T::ZERO, |bias| bias[o]);
                let sum = window.iter().zip(weights).fold(begin, |sum, (&x, &weight)| sum + x * weight);
                result[(n * filter.output + o) * places + place] = sum;
            }
        });
    }
    Ok(())
}

/// Returns the plane's value between its elements; outside of it all is 0.
fn between<T: Float>(plane: &[T], dims: [usize; 2], at: [T; 2]) -> T {
    let at = at.map(Float::to_f64);
    // So far outside that no neighbour is within; NaN too.
    let near = at.iter().zip(dims).all(|(at, dim)| *at > -1.0 && *at < dim as f64);
    if !near {
        return T::ZERO;
    }
    let low = at.map(libm::floor);
    let part = [T::from_f64(at[0] - low[0]), T::from_f64(at[1] - low[1])];
    let get = |y: f64, x: f64| {
        let within = y >= 0.0 && y < dims[0] as f64 && x >= 0.0 && x < dims[1] as f64;
        if within { plane[y as usize * dims[1] + x as usize] } else { T::ZERO }
    };
    let row = |y: f64| get(y, low[1]) * (T::ONE - part[1]) + get(y, low[1] + 1.0) * part[1];
    row(low[0]) * (T::ONE - part[0]) + row(low[0] + 1.0) * part[0]
}
