//! Transforms as ONNX has them: complex numbers are a last dimension of two. Source: the reference implementation of DFT and
//! STFT in the package `onnx`.

use model::{
    PredictError, Tensor,
    tensor::{Data, bf16, f16},
};

use super::super::{Done, axis as axis_of, refuse, refuse_type, shape, too_large};
use super::{C, fft};

/// Returns the elements as float64.
pub(super) fn reals(x: &Tensor) -> Result<Vec<f64>, PredictError> {
    Ok(match x.data() {
        Data::F16(e) => e.iter().map(|x| x.to_f64()).collect(),
        Data::BF16(e) => e.iter().map(|x| x.to_f64()).collect(),
        Data::F32(e) => e.iter().map(|&x| x.into()).collect(),
        Data::F64(e) => e.to_vec(),
        _ => return Err(refuse_type(x)),
    })
}

/// Writes float64 as the type of another tensor.
pub(super) fn write(numbers: impl Iterator<Item = f64>, dims: &[usize], like: &Data, out: &mut Tensor) -> Done {
    let of = shape(dims)?;
    macro_rules! to {
        ($ty:ty, $round:expr) => {{
            out.make::<$ty>(of).map_err(too_large)?.iter_mut().zip(numbers).for_each(|(to, x)| *to = $round(x));
            Ok(())
        }};
    }
    match like {
        Data::F16(_) => to!(f16, f16::from_f64),
        Data::BF16(_) => to!(bf16, bf16::from_f64),
        Data::F64(_) => to!(f64, |x: f64| x),
        _ => to!(f32, |x: f64| x as f32),
    }
}

/// Returns the numbers whose last dimension is 1 (real) or 2 (complex), and the dimensions before it.
fn parts(x: &Tensor) -> Result<(Vec<C>, Vec<usize>), PredictError> {
    let Some((&width, dims)) = x.shape().split_last().filter(|(width, _)| matches!(width, 1 | 2)) else {
        return Err(refuse("a last dimension of 1 (real) or 2 (complex)", x.shape().to_string()));
    };
    let numbers = reals(x)?;
    let complex = numbers.chunks_exact(width).map(|x| C { re: x[0], im: x.get(1).copied().unwrap_or(0.0) });
    Ok((complex.collect(), dims.to_vec()))
}

pub(super) fn dft(
    x: &Tensor,
    length: Option<i64>,
    axis: i64,
    (inverse, onesided): (bool, bool),
    out: &mut Tensor,
) -> Done {
    let (mut data, mut dims) = parts(x)?;
    let axis = axis_of(axis, x.rank())?;
    if axis == dims.len() {
        return Err(refuse("an axis before the last", axis.to_string()));
    }
    let length = length.map(fft::length).transpose()?;
    let to_real = inverse && onesided;
    let all = length.unwrap_or(if to_real { 2 * dims[axis].saturating_sub(1) } else { dims[axis] });
    let from = shape(&dims)?;
    dims[axis] = if to_real { all / 2 + 1 } else { all };
    data = fft::fitted(&data, &from, &shape(&dims)?)?;
    if to_real {
        data = fft::mirrored(&data, &mut dims, axis, all)?;
    }
    fft::along(&mut data, &dims, axis, inverse)?;
    if to_real {
        dims.push(1);
        return write(data.iter().map(|x| x.re), &dims, x.data(), out);
    }
    if onesided {
        data = fft::halved(&data, &mut dims, axis);
    }
    dims.push(2);
    write(data.iter().flat_map(|x| [x.re, x.im]), &dims, x.data(), out)
}

pub(super) fn stft(
    x: &Tensor,
    step: i64,
    window: Option<&Tensor>,
    length: Option<i64>,
    onesided: bool,
    out: &mut Tensor,
) -> Done {
    // A signal may come without its last dimension.
    let lifted;
    let x = match x.rank() {
        2 => {
            lifted = x.reshaped(x.shape().insert(2, 1).map_err(too_large)?).map_err(too_large)?;
            &lifted
        }
        _ => x,
    };
    let (data, dims) = parts(x)?;
    let &[batch, size] = &dims[..] else {
        return Err(refuse("a batch of signals", x.shape().to_string()));
    };
    let window = window.map(reals).transpose()?;
    let length = match (length, &window) {
        (Some(length), _) => fft::length(length)?,
        (None, Some(window)) => fft::length(window.len() as i64)?,
        (None, None) => return Err(refuse("a window or the length of a frame", "neither")),
    };
    let step = usize::try_from(step).ok().filter(|&step| step > 0);
    let step = step.ok_or_else(|| refuse("a step of at least 1", "less"))?;
    if length == 0 || length > size || window.as_ref().is_some_and(|window| window.len() != length) {
        return Err(refuse(format!("frames of 1 to {size} numbers, as long as the window"), length.to_string()));
    }
    let frames = (size - length) / step + 1;
    let mut dims = vec![batch, frames, length];
    let elements = shape(&dims)?.checked_elements().filter(|n| n.saturating_mul(8) <= model::tensor::TENSOR_BYTES_MAX);
    let elements = elements.ok_or_else(|| too_large(model::tensor::TensorError::Bytes(format!("{dims:?}"))))?;
    let mut framed = Vec::with_capacity(elements);
    for signal in data.chunks_exact(size) {
        for frame in 0..frames {
            let numbers = signal[frame * step..][..length].iter().enumerate();
            framed.extend(numbers.map(|(i, x)| {
                let by = window.as_ref().map_or(1.0, |window| window[i]);
                C { re: x.re * by, im: x.im * by }
            }));
        }
    }
    fft::along(&mut framed, &dims, 2, false)?;
    if onesided {
        framed = fft::halved(&framed, &mut dims, 2);
    }
    dims.push(2);
    write(framed.iter().flat_map(|x| [x.re, x.im]), &dims, x.data(), out)
}
