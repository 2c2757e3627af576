//! Windows the other way: what each element spreads over the result. Transposed convolution, columns to an image, what was
//! pooled; and the causal convolution with its state.

use plan::tensor::conv::{Pads, Window};

use super::{
    Args, Axis, Bias, Data, Done, End, Filter, Float, Number, PredictError, Product, Tensor, by_float, each_place,
    elements, make, multiply, narrow, numbers, pack, pool::window_of, refuse, refuse_type, shape, sizes, split,
    too_large, widened,
};
use crate::kernel::tensor::layout::transpose;

/// How large a result is wanted.
pub(super) struct Asked<'a> {
    /// After what the window covers.
    pub more: &'a [i64],
    pub output: Option<&'a [i64]>,
    /// With batch and channels.
    pub whole: Option<&'a [i64]>,
}

/// Returns axes whose places are the input's elements, and whose input is the result: what is given is spread over it.
fn spread_axes(
    window: &Window,
    given: &[usize],
    kernel: &[usize],
    more: &[i64],
    wanted: Option<Vec<usize>>,
) -> Result<Vec<Axis>, PredictError> {
    let rank = given.len();
    let strides = numbers("strides", &window.strides, rank, 1)?;
    let dilations = numbers("dilations", &window.dilations, rank, 1)?;
    let more = numbers("sizes after the window", more, rank, 0)?;
    // An empty list of numbers is ones where they are at least 1.
    let pads = match &window.pads {
        Pads::Explicit(pads) => numbers("pads", pads, 2 * rank, -(1 << 30))?,
        Pads::Same { .. } => numbers("pads", &[], 2 * rank, 0)?,
    };
    if kernel.len() != rank || wanted.as_ref().is_some_and(|wanted| wanted.len() != rank) {
        return Err(refuse(format!("{rank} spatial dimensions"), format!("{kernel:?} and {wanted:?}")));
    }
    let mut axes = Vec::with_capacity(rank);
    for i in 0..rank {
        let (stride, dilation) = (strides[i], dilations[i]);
        let covered =
            (given[i].min(1 << 30) as i64 - 1) * stride + (kernel[i].min(1 << 30) as i64 - 1) * dilation + 1 + more[i];
        let wanted = wanted.as_ref().map(|wanted| wanted[i] as i64);
        let (before, output) = match (&window.pads, wanted) {
            (Pads::Explicit(list), Some(wanted)) if list.is_empty() => {
                let total = (covered - wanted).max(0);
                // As for padding that is made equal: what is odd goes after, here before.
                (total - total / 2, wanted)
            }
            (Pads::Explicit(_), Some(wanted)) => (pads[i], wanted),
            (Pads::Explicit(_), None) => (pads[i], covered - pads[i] - pads[rank + i]),
            (Pads::Same { upper }, wanted) => {
                let wanted = wanted.unwrap_or(given[i] as i64 * stride);
                let total = (covered - wanted).max(0);
                (if *upper { total / 2 } else { total - total / 2 }, wanted)
            }
        };
        let output = usize::try_from(output).map_err(|_| refuse("a result of some size", output.to_string()))?;
        axes.push(Axis { input: output, output: given[i], kernel: kernel[i], stride, dilation, before, after: 0 });
    }
    Ok(axes)
}

/// Adds a row of columns (one element of the window, all places) to an image.
fn add_row<T: Number>(axes: &[Axis], k: &[usize], columns: &[T], image: &mut [T]) {
    let (inner, outer) = axes.split_last().expect("one spatial dimension at least");
    let (k_inner, k_outer) = k.split_last().expect("as many as axes");
    let inside = inner.places(*k_inner, 0, inner.output);
    if inside.is_empty() {
        return;
    }
    let dims: Vec<usize> = outer.iter().map(|axis| axis.output).collect();
    each_place(&dims, |row, at| {
        let mut to = 0;
        for ((axis, &at), &k) in outer.iter().zip(at).zip(k_outer) {
            let place = axis.place(at, k);
            if place < 0 || place >= axis.input as i64 {
                return;
            }
            to = to * axis.input + place as usize;
        }
        let to = to * inner.input + inner.place(inside.start, *k_inner) as usize;
        let from = &columns[row * inner.output..][..inner.output][inside.clone()];
        let to = image[to..].iter_mut().step_by(inner.stride as usize);
        to.zip(from).for_each(|(to, &x)| *to = to.add(x));
    });
}

#[expect(clippy::too_many_arguments, reason = "the attributes of the operator")]
pub(super) fn transposed<T: Float + Number>(
    x: &Tensor,
    filter: &Filter,
    bias: Option<&Tensor>,
    window: &Window,
    groups: usize,
    last: bool,
    asked: &Asked<'_>,
    out: &mut Tensor,
) -> Done {
    let rank = x.rank();
    if last && rank >= 3 {
        return with_channels_first(x, asked, out, |x, asked, out| {
            transposed::<T>(x, filter, bias, window, groups, false, asked, out)
        });
    }
    let (batch, channels, spatial) = split(x.shape(), false)?;
    if groups == 0 || channels != filter.input || !channels.is_multiple_of(groups) {
        let expected = format!("{} channels in {groups} groups", filter.input);
        return Err(refuse(expected, x.shape().to_string()));
    }
    let wanted = wanted(asked, spatial.len())?;
    let axes = spread_axes(window, spatial, &filter.window, asked.more, wanted)?;
    let (per_group, total) = (filter.output, filter.output * groups);
    let mut dims = vec![batch, total];
    dims.extend(axes.iter().map(|axis| axis.input));
    let bias = bias.map(elements::<T>).transpose()?;
    if let Some(bias) = bias.filter(|bias| bias.len() != total) {
        return Err(refuse(format!("{total} numbers as bias"), bias.len().to_string()));
    }
    let (from, filters) = (elements::<T>(x)?, elements::<T>(&filter.tensor)?);
    let result = make::<T>(out, shape(&dims)?)?;
    result.fill(<T as Float>::ZERO);
    let places: usize = spatial.iter().product();
    let image: usize = axes.iter().map(|axis| axis.input).product();
    let kernel: usize = filter.window.iter().product();
    let (rows, common) = (per_group * kernel, channels / groups);
    if image == 0 || places == 0 || rows == 0 {
        return Ok(());
    }
    // Columns of one channel of the result at a time: `[window, places]`.
    let mut room = Tensor::default();
    let columns = make::<T>(&mut room, shape(&[kernel, places])?)?;
    let mut left = vec![Number::ZERO; kernel * common];
    let mut panels = Vec::new();
    for i in 0..batch * groups {
        let group = i % groups;
        pack(&from[i * common * places..][..common * places], (common, places), (places, 1), &mut panels);
        for o in 0..per_group {
            for k in 0..kernel {
                for c in 0..common {
                    left[k * common + c] = filters[((group * common + c) * per_group + o) * kernel + k];
                }
            }
            let product =
                Product { left: &left, stride: common, rows: kernel, common, bias: Bias::None, end: End::Keep };
            multiply(&product, &panels, places, columns, places);
            let to = &mut result[(i * per_group + o) * image..][..image];
            each_place(&filter.window, |k, element| add_row(&axes, element, &columns[k * places..][..places], to));
            if let Some(bias) = bias {
                to.iter_mut().for_each(|to| *to += bias[group * per_group + o]);
            }
        }
    }
    Ok(())
}

/// Returns the lengths of the result's image, where they are asked for.
fn wanted(asked: &Asked<'_>, rank: usize) -> Result<Option<Vec<usize>>, PredictError> {
    Ok(match (asked.whole, asked.output) {
        (Some(whole), _) => Some(sizes("the shape of a result", whole.get(2..).unwrap_or_default())?),
        // It may come with batch and channels.
        (None, Some(output)) => {
            let skip = output.len().saturating_sub(rank);
            Some(sizes("the shape of a result", &output[skip..])?)
        }
        (None, None) => None,
    })
}

/// Runs with the channels before the image, where they stand behind it.
fn with_channels_first(
    x: &Tensor,
    asked: &Asked<'_>,
    out: &mut Tensor,
    run: impl FnOnce(&Tensor, &Asked<'_>, &mut Tensor) -> Done,
) -> Done {
    let rank = x.rank();
    let order: Vec<usize> = [0, rank - 1].into_iter().chain(1..rank - 1).collect();
    let (mut turned, mut result) = (Tensor::default(), Tensor::default());
    transpose(x, &order, &mut turned)?;
    let whole = asked.whole.map(|whole| match whole {
        [batch, spatial @ .., channels] => [&[*batch, *channels], spatial].concat(),
        other => other.to_vec(),
    });
    run(&turned, &Asked { whole: whole.as_deref(), ..*asked }, &mut result)?;
    let order: Vec<usize> = [0].into_iter().chain(2..rank).chain([1]).collect();
    transpose(&result, &order, out)
}

pub(super) fn col2im(args: &Args<'_>, window: &Window) -> Done {
    let Some(mut out) = args.out(0) else { return Ok(()) };
    let given = args.get(0)?;
    let image = sizes("the dimensions of an image", &args.ints(1)?.unwrap_or_default())?;
    let block = window_of(&args.ints(2)?.unwrap_or_default())?;
    let axes = super::axes(window, &image, &block, false)?;
    let kernel = block.iter().try_fold(1usize, |n, &k| n.checked_mul(k)).unwrap_or(usize::MAX);
    let places: usize = axes.iter().map(|axis| axis.output).product();
    let (batch, channels) = match given.shape()[..] {
        [batch, rows, columns] if columns == places && rows.is_multiple_of(kernel) => (batch, rows / kernel),
        _ => {
            let expected = format!("columns of windows {block:?} at {places} places");
            return Err(refuse(expected, given.shape().to_string()));
        }
    };
    let x = widened(&given);
    let mut dims = vec![batch, channels];
    dims.extend(&image);
    let to = shape(&dims)?;
    let size: usize = image.iter().product();
    macro_rules! add {
        ($ty:ty) => {{
            let from = elements::<$ty>(&x)?;
            let result = make::<$ty>(&mut out, to)?;
            result.fill(<$ty as Number>::ZERO);
            if size > 0 && places > 0 {
                for (to, from) in result.chunks_exact_mut(size).zip(from.chunks_exact(kernel * places)) {
                    each_place(&block, |k, element| add_row(&axes, element, &from[k * places..][..places], to));
                }
            }
        }};
    }
    match x.data() {
        Data::F32(_) => add!(f32),
        Data::F64(_) => add!(f64),
        Data::I32(_) => add!(i32),
        Data::I64(_) => add!(i64),
        _ => return Err(refuse_type(&x)),
    }
    narrow(&mut out, given.dtype())
}

pub(super) fn unpool(args: &Args<'_>, kernel: &[i64], window: &Window) -> Done {
    let Some(mut out) = args.out(0) else { return Ok(()) };
    let (given, stood) = (args.get(0)?, args.get(1)?);
    let (batch, channels, spatial) = split(given.shape(), false)?;
    if stood.shape() != given.shape() {
        return Err(refuse(format!("a place for each element of {}", given.shape()), stood.shape().to_string()));
    }
    let stood = super::super::ints(&stood)?;
    let axes = spread_axes(window, spatial, &window_of(kernel)?, &[], None)?;
    let mut dims = vec![batch, channels];
    dims.extend(axes.iter().map(|axis| axis.input));
    let pooled = shape(&dims)?;
    let wanted = match args.ints(2)? {
        Some(wanted) => shape(&sizes("the shape of a result", &wanted)?)?,
        None => pooled,
    };
    let fits = wanted.len() == pooled.len() && wanted.iter().zip(&pooled[..]).all(|(wanted, pooled)| wanted >= pooled);
    if !fits {
        return Err(refuse(format!("a shape of {pooled} at least"), wanted.to_string()));
    }
    let x = widened(&given);
    by_float!(x, T => {
        let from = elements::<T>(&x)?;
        let result = make::<T>(&mut out, wanted)?;
        result.fill(0.0);
        let bound = pooled.checked_elements().unwrap_or(0);
        for (&place, &x) in stood.iter().zip(from) {
            let place = usize::try_from(place).ok().filter(|place| *place < bound);
            let mut rest = place.ok_or_else(|| refuse(format!("a place within {pooled}"), "one outside"))?;
            // Places count in the shape that was pooled; what is wanted may be larger.
            let (mut to, mut step) = (0, 1);
            for i in (0..pooled.len()).rev() {
                to += rest % pooled[i] * step;
                rest /= pooled[i];
                step *= wanted[i];
            }
            result[to] = x;
        }
        Ok::<(), PredictError>(())
    })?;
    narrow(&mut out, given.dtype())
}

/// Each channel over its last elements; the state is what came before, then what the next call begins with.
pub(super) fn causal<T: Float>(args: &Args<'_>, x: &Tensor, filter: &Filter, swish: bool) -> Done {
    let [batch, channels, length] = x.shape()[..] else {
        return Err(refuse("batch, channels and length", x.shape().to_string()));
    };
    let [kernel] = filter.window[..] else {
        return Err(refuse("filters of rank 3", filter.tensor.shape().to_string()));
    };
    if filter.output != channels || filter.input != 1 || kernel == 0 {
        let expected = format!("filters [{channels}, 1, window]");
        return Err(refuse(expected, filter.tensor.shape().to_string()));
    }
    let bias = args.opt(2).map(|bias| widened(&bias));
    let bias = bias.as_ref().map(elements::<T>).transpose()?;
    let state = args.opt(3).map(|state| widened(&state));
    let of_state = shape(&[batch, channels, kernel - 1])?;
    if let Some(state) = state.as_ref().filter(|state| *state.shape() != of_state) {
        return Err(refuse(format!("a state {of_state}"), state.shape().to_string()));
    }
    if let Some(bias) = bias.filter(|bias| bias.len() != channels) {
        return Err(refuse(format!("{channels} numbers as bias"), bias.len().to_string()));
    }
    let state = state.as_ref().map(elements::<T>).transpose()?;
    let (from, filters) = (elements::<T>(x)?, elements::<T>(&filter.tensor)?);
    let (mut out, mut next) = (args.out(0), args.out(1));
    let mut result = out.as_deref_mut().map(|out| make::<T>(out, *x.shape())).transpose()?;
    let mut next = next.as_deref_mut().map(|out| make::<T>(out, of_state)).transpose()?;
    let mut padded = Vec::new();
    padded
        .try_reserve(length + kernel)
        .map_err(|_| too_large(model::tensor::TensorError::Bytes(x.shape().to_string())))?;
    for i in 0..batch * channels {
        padded.clear();
        match state {
            Some(state) => padded.extend_from_slice(&state[i * (kernel - 1)..][..kernel - 1]),
            None => padded.resize(kernel - 1, T::ZERO),
        }
        padded.extend_from_slice(&from[i * length..][..length]);
        if let Some(result) = &mut result {
            let filter = &filters[i % channels * kernel..][..kernel];
            for (at, to) in result[i * length..][..length].iter_mut().enumerate() {
                let window = padded[at..at + kernel].iter().zip(filter);
                let sum = window.fold(T::ZERO, |sum, (&x, &weight)| sum + x * weight);
                let sum = bias.map_or(sum, |bias| sum + bias[i % channels]);
                *to = if swish { sum * sum.sigmoid() } else { sum };
            }
        }
        if let Some(next) = &mut next {
            next[i * (kernel - 1)..][..kernel - 1].copy_from_slice(&padded[length..]);
        }
    }
    Ok(())
}
