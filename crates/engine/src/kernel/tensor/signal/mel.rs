//! Mel weights: the formulas of ONNX's operator page.

use model::{
    DType, PredictError, Tensor,
    tensor::{TENSOR_BYTES_MAX, bf16, f16},
};

use super::super::{Done, refuse, shape, too_large};

/// Writes float64 as numbers of this type.
fn write(numbers: &[f64], dims: &[usize], dtype: DType, out: &mut Tensor) -> Done {
    let of = shape(dims)?;
    macro_rules! to {
        ($ty:ty, $round:expr) => {{
            out.make::<$ty>(of).map_err(too_large)?.iter_mut().zip(numbers).for_each(|(to, &x)| *to = $round(x));
            Ok(())
        }};
    }
    match dtype {
        DType::F16 => to!(f16, f16::from_f64),
        DType::BF16 => to!(bf16, bf16::from_f64),
        DType::F32 => to!(f32, |x| x as f32),
        DType::F64 => to!(f64, |x| x),
        DType::I8 => to!(i8, |x| x as i8),
        DType::I16 => to!(i16, |x| x as i16),
        DType::I32 => to!(i32, |x| x as i32),
        DType::I64 => to!(i64, |x| x as i64),
        DType::U8 => to!(u8, |x| x as u8),
        DType::U16 => to!(u16, |x| x as u16),
        DType::U32 => to!(u32, |x| x as u32),
        DType::U64 => to!(u64, |x| x as u64),
        _ => Err(PredictError::Unimplemented { what: format!("weights of {dtype}") }),
    }
}

/// Returns a size whose float64 numbers fit a tensor.
fn sized(size: i64) -> Result<usize, PredictError> {
    let fits = usize::try_from(size).ok().filter(|size| size.saturating_mul(8) <= TENSOR_BYTES_MAX);
    fits.ok_or_else(|| refuse("a size that a tensor may have", size.to_string()))
}

pub(super) fn mel([bins, length, rate]: [i64; 3], [low, high]: [f64; 2], dtype: DType, out: &mut Tensor) -> Done {
    let (bins, length) = (sized(bins)?, sized(length)?);
    let rows = length / 2 + 1;
    sized((rows as i64).saturating_mul(bins as i64))?;
    if rate <= 0 {
        return Err(refuse("a sample rate above 0", rate.to_string()));
    }
    let mel = |hertz: f64| 2595.0 * libm::log10(1.0 + hertz / 700.0);
    let step = (mel(high) - mel(low)) / (bins + 2) as f64;
    let mut edges = Vec::with_capacity(bins + 2);
    for i in 0..bins + 2 {
        let hertz = 700.0 * (libm::pow(10.0, (i as f64 * step + mel(low)) / 2595.0) - 1.0);
        let edge = libm::floor((length + 1) as f64 * hertz / rate as f64);
        if !(0.0..=rows as f64).contains(&edge) {
            return Err(refuse("frequencies from 0 to half the sample rate", hertz.to_string()));
        }
        edges.push(edge as usize);
    }
    let mut weights = vec![0.0; rows * bins];
    let mut set = |row: usize, bin: usize, weight: f64| {
        if let Some(to) = weights.get_mut(row * bins + bin) {
            *to = weight;
        }
    };
    for (bin, edge) in edges.windows(3).enumerate() {
        let (from, center, to) = (edge[0], edge[1], edge[2]);
        if center <= from {
            set(center, bin, 1.0);
        }
        for row in from..=center {
            if center > from {
                set(row, bin, (row - from) as f64 / (center - from) as f64);
            }
        }
        for row in center..to {
            set(row, bin, (to - row) as f64 / (to - center) as f64);
        }
    }
    write(&weights, &[rows, bins], dtype, out)
}
