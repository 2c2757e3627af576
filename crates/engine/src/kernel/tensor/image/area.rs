//! TensorFlow's resize by area: an element of the result is the mean of what lies beneath it, parts of elements by their share.
//!
//! Source: `core/kernels/image/resize_area_op.cc`; the order of sums is its.

use model::{DType, Tensor, tensor::Data};

use super::{Args, Done, elements, ints, make, refuse, refuse_type, shape, sizes, widened};

/// What lies beneath an element along one axis: elements, of which the first and the last may be parts.
struct Beneath {
    begin: i64,
    shares: Vec<f32>,
}

fn beneath(i: usize, scale: f32) -> Beneath {
    let (from, to) = (i as f32 * scale, (i + 1) as f32 * scale);
    let (begin, end) = (from.floor() as i64, to.ceil() as i64);
    let share = |at: i64| {
        let (low, high) = (at as f32, (at + 1) as f32);
        match (low < from, high > to) {
            (true, true) => scale,
            (true, false) => high - from,
            (false, true) => to - low,
            (false, false) => 1.0,
        }
    };
    Beneath { begin, shares: (begin..end).map(share).collect() }
}

/// Returns the numbers as float32.
fn numbers(x: &Tensor) -> Result<Tensor, model::PredictError> {
    let wide = widened(x);
    let made: Vec<f32> = match wide.data() {
        Data::F32(_) => return Ok(wide),
        Data::F64(e) => e.iter().map(|&x| x as f32).collect(),
        _ if x.dtype().is_some_and(DType::is_int) => ints(x)?.into_iter().map(|x| x as f32).collect(),
        _ => return Err(refuse_type(x)),
    };
    Tensor::new(x.shape(), made).map_err(crate::kernel::tensor::too_large)
}

pub(super) fn run(args: &Args<'_>, align_corners: bool, given: &Tensor, out: &mut Tensor) -> Done {
    let x = numbers(given)?;
    let wanted = sizes("a height and a width", &args.ints(1)?.unwrap_or_default())?;
    let (&[batch, height, width, channels], &[to_height, to_width]) = (&**x.shape(), &wanted[..]) else {
        return Err(refuse("images of four dimensions, and two sizes", format!("{} and {wanted:?}", x.shape())));
    };
    if height == 0 || width == 0 || to_height == 0 || to_width == 0 {
        return Err(refuse("sizes above 0", format!("{} to {wanted:?}", x.shape())));
    }
    let scale = |from: usize, to: usize| {
        if align_corners && to > 1 { (from - 1) as f32 / (to - 1) as f32 } else { from as f32 / to as f32 }
    };
    let (by_height, by_width) = (scale(height, to_height), scale(width, to_width));
    let result = make::<f32>(out, shape(&[batch, to_height, to_width, channels])?)?;
    let columns: Vec<Beneath> = (0..to_width).map(|x| beneath(x, by_width)).collect();
    let (from, all) = (elements::<f32>(&x)?, 1.0 / (by_height * by_width));
    let within = |at: i64, length: usize| at.clamp(0, length as i64 - 1) as usize;
    for b in 0..batch {
        for y in 0..to_height {
            args.call.check()?;
            let rows = beneath(y, by_height);
            for (x, columns) in columns.iter().enumerate() {
                let to = &mut result[((b * to_height + y) * to_width + x) * channels..][..channels];
                for (c, to) in to.iter_mut().enumerate() {
                    let mut sum = 0.0_f32;
                    for (i, share) in rows.shares.iter().enumerate() {
                        let row = (b * height + within(rows.begin + i as i64, height)) * width;
                        let at = |k: usize| from[(row + within(columns.begin + k as i64, width)) * channels + c];
                        let terms = columns.shares.iter().enumerate().map(|(k, share)| at(k) * share);
                        sum += terms.reduce(|sum, term| sum + term).unwrap_or(0.0) * share;
                    }
                    *to = sum * all;
                }
            }
        }
    }
    Ok(())
}
