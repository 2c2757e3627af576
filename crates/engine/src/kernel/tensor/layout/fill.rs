//! Tensors made of their shape and a few numbers.

use model::{
    Tensor, each_element,
    tensor::{Data, Element, bf16, f16},
};

use super::{Done, refuse, refuse_type, shape, shape_of, too_large};

/// Returns the only element.
fn one<T: Element>(tensor: &Tensor) -> Result<&T, model::PredictError> {
    match tensor.get::<T>() {
        Some([one]) => Ok(one),
        Some(_) => Err(refuse("one element", tensor.shape().to_string())),
        None => Err(refuse_type(tensor)),
    }
}

pub(super) fn fill(dims: &Tensor, value: &Tensor, out: &mut Tensor) -> Done {
    let to = shape_of(dims)?;
    fn of<T: Element>(_: &[T], to: model::Shape, value: &Tensor, out: &mut Tensor) -> Done {
        let value = one::<T>(value)?;
        out.make::<T>(to).map_err(too_large)?.fill(value.clone());
        Ok(())
    }
    each_element!(value.data(), elements => of(elements, to, value, out))
}

pub(super) fn eye(dims: &Tensor, value: &Tensor, offset: i64, out: &mut Tensor) -> Done {
    let to = shape_of(dims)?;
    let &[_, columns] = &*to else { return Err(refuse("two dimensions", to.to_string())) };
    fn of<T: Element>(
        _: &[T],
        to: model::Shape,
        columns: usize,
        offset: i64,
        value: &Tensor,
        out: &mut Tensor,
    ) -> Done {
        let value = one::<T>(value)?;
        let result = out.make::<T>(to).map_err(too_large)?;
        result.fill(T::default());
        for (i, row) in result.chunks_mut(columns.max(1)).enumerate() {
            let column = offset.saturating_add(i as i64);
            if let Some(to) = usize::try_from(column).ok().and_then(|column| row.get_mut(column)) {
                *to = value.clone();
            }
        }
        Ok(())
    }
    each_element!(value.data(), elements => of(elements, to, columns, offset, value, out))
}

pub(super) fn range([start, limit, step]: [&Tensor; 3], strict: bool, out: &mut Tensor) -> Done {
    let wrong = |start: String, limit: String, step: String| {
        refuse("a limit that steps from the start lead to", format!("from {start} to {limit} by {step}"))
    };
    macro_rules! ints {
        ($ty:ty) => {{
            let (start, limit, step) = (*one::<$ty>(start)?, *one::<$ty>(limit)?, *one::<$ty>(step)?);
            let (way, by) = (i128::from(limit) - i128::from(start), i128::from(step));
            if by == 0 || (strict && way != 0 && (way > 0) != (by > 0)) {
                return Err(wrong(start.to_string(), limit.to_string(), step.to_string()));
            }
            let count = if (way > 0) == (by > 0) { way.unsigned_abs().div_ceil(by.unsigned_abs()) } else { 0 };
            let count = usize::try_from(count).unwrap_or(usize::MAX);
            let mut now = start;
            for to in out.make::<$ty>(shape(&[count])?).map_err(too_large)? {
                *to = now;
                now = now.wrapping_add(step);
            }
            Ok(())
        }};
    }
    macro_rules! floats {
        ($ty:ty, $acc:ty, $to:expr, $of:expr) => {{
            let to = $to;
            let (start, limit, step): ($acc, $acc, $acc) =
                (to(*one::<$ty>(start)?), to(*one::<$ty>(limit)?), to(*one::<$ty>(step)?));
            let way = limit - start;
            let count = if strict { f64::from((way / step).ceil()) } else { (f64::from(way) / f64::from(step)).ceil() };
            if step == 0.0 || !count.is_finite() || (strict && way != 0.0 && (way > 0.0) != (step > 0.0)) {
                return Err(wrong(start.to_string(), limit.to_string(), step.to_string()));
            }
            let mut now = start;
            for to in out.make::<$ty>(shape(&[count.max(0.0) as usize])?).map_err(too_large)? {
                *to = $of(now);
                now += step;
            }
            Ok(())
        }};
    }
    match start.data() {
        Data::F32(_) => floats!(f32, f32, |x: f32| x, |x: f32| x),
        Data::F64(_) => floats!(f64, f64, |x: f64| x, |x: f64| x),
        Data::F16(_) => floats!(f16, f32, f16::to_f32, f16::from_f32),
        Data::BF16(_) => floats!(bf16, f32, bf16::to_f32, bf16::from_f32),
        Data::I8(_) => ints!(i8),
        Data::I16(_) => ints!(i16),
        Data::I32(_) => ints!(i32),
        Data::I64(_) => ints!(i64),
        Data::U8(_) => ints!(u8),
        Data::U16(_) => ints!(u16),
        Data::U32(_) => ints!(u32),
        Data::U64(_) => ints!(u64),
        Data::Bool(_) | Data::C64(_) | Data::Bytes(_) => Err(refuse_type(start)),
    }
}

pub(super) fn linspace([start, stop, count]: [&Tensor; 3], out: &mut Tensor) -> Done {
    let count = super::ints(count)?;
    let count = match count[..] {
        [count] if count > 0 => count as usize,
        _ => return Err(refuse("a number above 0 of elements", format!("{count:?}"))),
    };
    macro_rules! floats {
        ($ty:ty, $to:expr, $of:expr) => {{
            let (start, stop) = ($to(*one::<$ty>(start)?), $to(*one::<$ty>(stop)?));
            let step = (stop - start) / (count.max(2) - 1) as f32;
            let result = out.make::<$ty>(shape(&[count])?).map_err(too_large)?;
            for (i, to) in result.iter_mut().enumerate() {
                *to = $of(start + step * i as f32);
            }
            if count > 1 {
                result[count - 1] = $of(stop);
            }
            Ok(())
        }};
    }
    match start.data() {
        Data::F32(_) => floats!(f32, |x: f32| x, |x: f32| x),
        Data::F16(_) => floats!(f16, f16::to_f32, f16::from_f32),
        Data::BF16(_) => floats!(bf16, bf16::to_f32, bf16::from_f32),
        Data::F64(_) => {
            let (start, stop) = (*one::<f64>(start)?, *one::<f64>(stop)?);
            let step = (stop - start) / (count.max(2) - 1) as f64;
            let result = out.make::<f64>(shape(&[count])?).map_err(too_large)?;
            result.iter_mut().enumerate().for_each(|(i, to)| *to = start + step * i as f64);
            if count > 1 {
                result[count - 1] = stop;
            }
            Ok(())
        }
        _ => Err(refuse_type(start)),
    }
}
