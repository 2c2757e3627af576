//! From one type to another.

use model::{
    DType, Shape, Tensor, Type,
    tensor::{Bytes, Complex, Data, Element, bf16, f16},
};

use super::{Done, each, refuse, refuse_type, too_large};

/// Numbers, as a cast sees them.
trait Number: Element + Copy {
    fn int(self) -> Option<i128>;
    fn float(self) -> f64;
    fn of_int(value: i128) -> Self;
    /// Cut toward zero; what does not fit saturates, NaN is 0.
    fn saturated(value: f64) -> Self;
    /// Cut toward zero; what does not fit is what the instructions of x86 give.
    fn cut(value: f64) -> Self;
}

macro_rules! integer {
    ($($ty:ty, $wide:ty, $indefinite:expr;)*) => {$(
        impl Number for $ty {
            fn int(self) -> Option<i128> {
                Some(self.into())
            }

            fn float(self) -> f64 {
                self as f64
            }

            fn of_int(value: i128) -> $ty {
                value as $ty
            }

            fn saturated(value: f64) -> $ty {
                value as $ty
            }

            fn cut(value: f64) -> $ty {
                // Narrow integers are cut from the next wide conversion; one that fails gives the "indefinite" number.
                let fits = value >= <$wide>::MIN as f64 && value < -(<$wide>::MIN as f64);
                (if fits { value as $wide } else { $indefinite }) as $ty
            }
        }
    )*};
}

integer! {
    i8, i32, i32::MIN;
    i16, i32, i32::MIN;
    i32, i32, i32::MIN;
    i64, i64, i64::MIN;
    u8, i32, i32::MIN;
    u16, i32, i32::MIN;
    u32, i64, i64::MIN;
}

impl Number for u64 {
    fn int(self) -> Option<i128> {
        Some(self.into())
    }

    fn float(self) -> f64 {
        self as f64
    }

    fn of_int(value: i128) -> u64 {
        value as u64
    }

    fn saturated(value: f64) -> u64 {
        value as u64
    }

    fn cut(value: f64) -> u64 {
        if value < 0.0 { value as i64 as u64 } else { value as u64 }
    }
}

macro_rules! float {
    ($($ty:ty, $to:expr, $of:expr, $of_int:expr;)*) => {$(
        impl Number for $ty {
            fn int(self) -> Option<i128> {
                None
            }

            fn float(self) -> f64 {
                $to(self)
            }

            fn of_int(value: i128) -> $ty {
                $of_int(value)
            }

            fn saturated(value: f64) -> $ty {
                $of(value)
            }

            fn cut(value: f64) -> $ty {
                $of(value)
            }
        }
    )*};
}

float! {
    f32, f64::from, |x: f64| x as f32, |x: i128| x as f32;
    f64, |x: f64| x, |x: f64| x, |x: i128| x as f64;
    f16, f16::to_f64, f16::from_f64, |x: i128| f16::from_f32(x as f32);
    bf16, bf16::to_f64, |x: f64| bf16::from_f32(x as f32), |x: i128| bf16::from_f32(x as f32);
}

impl Number for bool {
    fn int(self) -> Option<i128> {
        Some(self.into())
    }

    fn float(self) -> f64 {
        f64::from(u8::from(self))
    }

    fn of_int(value: i128) -> bool {
        value != 0
    }

    fn saturated(value: f64) -> bool {
        value != 0.0
    }

    fn cut(value: f64) -> bool {
        value != 0.0
    }
}

/// Writes the tensor as one of another type.
pub(super) fn run(x: &Tensor, to: &Type, saturate: bool, out: &mut Tensor) -> Done {
    if x.ty() == *to {
        *out = x.clone();
        return Ok(());
    }
    match to.as_scalar() {
        None if *to == Type::Bytes => texts(x, out),
        Some(DType::Bool) => numbers::<bool>(x, saturate, out),
        Some(DType::I8) => numbers::<i8>(x, saturate, out),
        Some(DType::I16) => numbers::<i16>(x, saturate, out),
        Some(DType::I32) => numbers::<i32>(x, saturate, out),
        Some(DType::I64) => numbers::<i64>(x, saturate, out),
        Some(DType::U8) => numbers::<u8>(x, saturate, out),
        Some(DType::U16) => numbers::<u16>(x, saturate, out),
        Some(DType::U32) => numbers::<u32>(x, saturate, out),
        Some(DType::U64) => numbers::<u64>(x, saturate, out),
        Some(DType::F16) => numbers::<f16>(x, saturate, out),
        Some(DType::BF16) => numbers::<bf16>(x, saturate, out),
        Some(DType::F32) => numbers::<f32>(x, saturate, out),
        Some(DType::F64) => numbers::<f64>(x, saturate, out),
        Some(DType::C64) => {
            let mut re = Tensor::default();
            numbers::<f32>(x, saturate, &mut re)?;
            each(re.get::<f32>().unwrap_or_default(), x.shape(), out, |re| Complex { re: *re, im: 0.0 })
        }
        _ => Err(refuse_type(x)),
    }
}

fn numbers<R: Number>(x: &Tensor, saturate: bool, out: &mut Tensor) -> Done {
    fn of<T: Number, R: Number>(x: &[T], shape: &Shape, saturate: bool, out: &mut Tensor) -> Done {
        each(x, shape, out, |x| match x.int() {
            Some(value) => R::of_int(value),
            None if saturate => R::saturated(x.float()),
            None => R::cut(x.float()),
        })
    }
    let shape = x.shape();
    match x.data() {
        Data::Bool(e) => of::<_, R>(e, shape, saturate, out),
        Data::I8(e) => of::<_, R>(e, shape, saturate, out),
        Data::I16(e) => of::<_, R>(e, shape, saturate, out),
        Data::I32(e) => of::<_, R>(e, shape, saturate, out),
        Data::I64(e) => of::<_, R>(e, shape, saturate, out),
        Data::U8(e) => of::<_, R>(e, shape, saturate, out),
        Data::U16(e) => of::<_, R>(e, shape, saturate, out),
        Data::U32(e) => of::<_, R>(e, shape, saturate, out),
        Data::U64(e) => of::<_, R>(e, shape, saturate, out),
        Data::F16(e) => of::<_, R>(e, shape, saturate, out),
        Data::BF16(e) => of::<_, R>(e, shape, saturate, out),
        Data::F32(e) => of::<_, R>(e, shape, saturate, out),
        Data::F64(e) => of::<_, R>(e, shape, saturate, out),
        Data::C64(e) => each(e, shape, out, |x| R::cut(x.re.into())),
        Data::Bytes(e) => {
            let result = out.make::<R>(*shape).map_err(too_large)?;
            for (to, text) in result.iter_mut().zip(e.iter()) {
                *to = parse(text).ok_or_else(|| refuse("texts that are numbers", String::from_utf8_lossy(text)))?;
            }
            Ok(())
        }
    }
}

/// Returns the number that the text is: digits, or what C's `strtod` knows.
fn parse<R: Number>(text: &[u8]) -> Option<R> {
    let text = std::str::from_utf8(text).ok()?.trim();
    match text.parse::<i128>() {
        Ok(value) => Some(R::of_int(value)),
        Err(_) => text.parse::<f64>().ok().map(R::saturated),
    }
}

fn texts(x: &Tensor, out: &mut Tensor) -> Done {
    fn of<T: Element>(x: &[T], shape: &Shape, out: &mut Tensor, text: impl Fn(&T) -> String) -> Done {
        each(x, shape, out, |x| -> Bytes { text(x).into_bytes().into() })
    }
    let shape = x.shape();
    match x.data() {
        Data::Bool(e) => of(e, shape, out, |&x| u8::from(x).to_string()),
        Data::I8(e) => of(e, shape, out, i8::to_string),
        Data::I16(e) => of(e, shape, out, i16::to_string),
        Data::I32(e) => of(e, shape, out, i32::to_string),
        Data::I64(e) => of(e, shape, out, i64::to_string),
        Data::U8(e) => of(e, shape, out, u8::to_string),
        Data::U16(e) => of(e, shape, out, u16::to_string),
        Data::U32(e) => of(e, shape, out, u32::to_string),
        Data::U64(e) => of(e, shape, out, u64::to_string),
        Data::F16(e) => of(e, shape, out, |x| written(x.to_f32().to_string())),
        Data::BF16(e) => of(e, shape, out, |x| written(x.to_f32().to_string())),
        Data::F32(e) => of(e, shape, out, |x| written(x.to_string())),
        Data::F64(e) => of(e, shape, out, |x| written(x.to_string())),
        Data::C64(_) | Data::Bytes(_) => Err(refuse_type(x)),
    }
}

/// Infinities as ONNX writes them.
fn written(text: String) -> String {
    match &*text {
        "inf" => "INF".to_owned(),
        "-inf" => "-INF".to_owned(),
        _ => text,
    }
}

/// Writes the same bits as another type of the same width.
pub(super) fn bits(x: &Tensor, to: DType, out: &mut Tensor) -> Done {
    let shape = x.shape();
    macro_rules! same {
        ($e:expr, $raw:expr) => {
            bits_of($e.iter().map($raw), *shape, to, out)
        };
    }
    match x.data() {
        Data::I8(e) => same!(e, |&x| u64::from(x as u8)),
        Data::U8(e) => same!(e, |&x| x.into()),
        Data::I16(e) => same!(e, |&x| u64::from(x as u16)),
        Data::U16(e) => same!(e, |&x| x.into()),
        Data::F16(e) => same!(e, |x| x.to_bits().into()),
        Data::BF16(e) => same!(e, |x| x.to_bits().into()),
        Data::I32(e) => same!(e, |&x| u64::from(x as u32)),
        Data::U32(e) => same!(e, |&x| x.into()),
        Data::F32(e) => same!(e, |x| x.to_bits().into()),
        Data::I64(e) => same!(e, |&x| x as u64),
        Data::U64(e) => same!(e, |&x| x),
        Data::F64(e) => same!(e, |x| x.to_bits()),
        Data::Bool(e) => same!(e, |&x| x.into()),
        Data::C64(_) | Data::Bytes(_) => Err(refuse_type(x)),
    }
}

fn bits_of(raw: impl Iterator<Item = u64>, shape: Shape, to: DType, out: &mut Tensor) -> Done {
    fn fill<T: Element>(raw: impl Iterator<Item = u64>, shape: Shape, out: &mut Tensor, f: impl Fn(u64) -> T) -> Done {
        let result = out.make::<T>(shape).map_err(too_large)?;
        result.iter_mut().zip(raw).for_each(|(to, raw)| *to = f(raw));
        Ok(())
    }
    match to {
        DType::I8 => fill(raw, shape, out, |raw| raw as i8),
        DType::U8 => fill(raw, shape, out, |raw| raw as u8),
        DType::Bool => fill(raw, shape, out, |raw| raw != 0),
        DType::I16 => fill(raw, shape, out, |raw| raw as i16),
        DType::U16 => fill(raw, shape, out, |raw| raw as u16),
        DType::F16 => fill(raw, shape, out, |raw| f16::from_bits(raw as u16)),
        DType::BF16 => fill(raw, shape, out, |raw| bf16::from_bits(raw as u16)),
        DType::I32 => fill(raw, shape, out, |raw| raw as i32),
        DType::U32 => fill(raw, shape, out, |raw| raw as u32),
        DType::F32 => fill(raw, shape, out, |raw| f32::from_bits(raw as u32)),
        DType::I64 => fill(raw, shape, out, |raw| raw as i64),
        DType::U64 => fill(raw, shape, out, |raw| raw),
        DType::F64 => fill(raw, shape, out, f64::from_bits),
        _ => Err(refuse("a type of numbers", to.to_string())),
    }
}
