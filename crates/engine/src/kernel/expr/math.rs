//! Mathematics.

use std::{f64::consts::LN_2, io::Write};

use bumpalo::Bump;
use model::{DType, Type, decimal, java};
use plan::expr::{Inverse, Math, OnFault, Rounding};

use super::{
    arith::{DIVISOR, OVERFLOW},
    general::on_fault,
    normal, strict,
    value::{Out, Value},
};

pub(super) struct MathKernel {
    func: Math,
    /// Of the first argument.
    dtype: DType,
}

impl MathKernel {
    pub(super) fn new(func: Math, types: &[Type]) -> MathKernel {
        MathKernel { func, dtype: types[0].as_scalar().unwrap_or(DType::Bool) }
    }

    pub(super) fn func(&self) -> Math {
        self.func
    }

    pub(super) fn call<'a>(&self, args: &[Value<'a>], _: &'a Bump) -> Out<'a> {
        match self.func {
            Math::Greatest => {
                let values = args.iter().copied().filter(|v| !v.is_null());
                return Ok(values.reduce(|a, b| if b.order(a).is_gt() { b } else { a }).unwrap_or(Value::Null));
            }
            Math::Least => {
                let values = args.iter().copied().filter(|v| !v.is_null());
                return Ok(values.reduce(|a, b| if b.order(a).is_lt() { b } else { a }).unwrap_or(Value::Null));
            }
            Math::IsNaN => return Ok(Value::bool(!args[0].is_null() && args[0].f64().is_nan())),
            _ => {}
        }
        if args.iter().any(|v| v.is_null()) {
            return Ok(Value::Null);
        }
        match args[0] {
            _ if self.func == Math::WidthBucket => Ok(width_bucket(args)),
            _ if args.len() == 3 => normal::call(self.func, args),
            Value::Int(value) => match (self.func, args.get(1)) {
                (Math::FloorMod(on), Some(by)) => floor_mod(value, by.int(), on),
                (Math::GetBit, Some(place)) => self.bit(value, *place),
                (Math::IntPow(on), Some(by)) => int_pow(value, by.int(), on),
                (_, by) => self.int(value, by.map_or(0, |v| v.int())),
            },
            Value::Wide(value) => self.decimal(value),
            Value::F32(value) => {
                let Math::Round { mode, scale, .. } = self.func else { unreachable!("typed for float64") };
                Ok(Value::F32(round_f32(value, scale, mode)))
            }
            first => Ok(match self.func {
                Math::Floor(on) => return whole(first.f64().floor(), on),
                Math::Ceil(on) => return whole(first.f64().ceil(), on),
                Math::Nearest => Value::Int(nearest(first.f64())),
                Math::Exact(on) => return exact(first, on),
                Math::NotNaN(on) if first.f64().is_nan() => return on_fault(on, "a result that is a number", first),
                Math::NotNaN(_) => first,
                Math::Round { mode, scale, .. } => Value::F64(round_f64(first.f64(), scale, mode)),
                _ => Value::of(self.float(first.f64(), args.get(1).map_or(0.0, |v| v.f64()))),
            }),
        }
    }

    fn float(&self, x: f64, y: f64) -> Option<f64> {
        // NaN is above no limit, and not null for that.
        let is_above = |x: f64, limit: f64| x.is_nan() || x > limit;
        let above = |limit: f64, value: f64| is_above(x, limit).then_some(value);
        // By `StrictMath`; sines and their kin by the machine, which is nearer (HotSpot's intrinsics): here the nearest float64.
        Some(match self.func {
            Math::Cbrt => strict::cbrt(x),
            Math::Expm1 => libm::expm1(x),
            Math::Ln => return above(0.0, strict::log(x)),
            // Java has no log2: Spark divides.
            Math::Log2 => return above(0.0, strict::log(x) / strict::log(2.0)),
            Math::Log10 => return above(0.0, strict::log10(x)),
            Math::Log1p => return above(-1.0, strict::log1p(x)),
            Math::Lg => strict::log10(x),
            Math::LnPlus1 => strict::log1p(x),
            Math::Erf => libm::erf(x),
            Math::FloorMod(_) => x - (x / y).floor() * y,
            Math::Log => return (is_above(x, 0.0) && is_above(y, 0.0)).then(|| strict::log(y) / strict::log(x)),
            // Where C says 1, Java says that nothing is known.
            Math::Pow if y.is_nan() || y.is_infinite() && x.abs() == 1.0 => f64::NAN,
            Math::Pow => libm::pow(x, y),
            Math::Sin => pxfm::f_sin(x),
            Math::Cos => pxfm::f_cos(x),
            Math::Tan => pxfm::f_tan(x),
            Math::Cot => 1.0 / pxfm::f_tan(x),
            Math::Sec => 1.0 / pxfm::f_cos(x),
            Math::Csc => 1.0 / pxfm::f_sin(x),
            Math::Asin => libm::asin(x),
            Math::Acos => libm::acos(x),
            Math::Atan => libm::atan(x),
            Math::Atan2 => strict::atan2(x + 0.0, y + 0.0),
            Math::Sinh => strict::sinh(x),
            Math::Cosh => strict::cosh(x),
            Math::Tanh => strict::tanh(x),
            Math::Asinh(rule) => asinh(x, rule),
            Math::Acosh(rule) => acosh(x, rule),
            Math::Atanh => 0.5 * (strict::log1p(x) - strict::log1p(-x)),
            Math::Hypot => strict::hypot(x, y),
            // Java's constants.
            Math::Degrees => x * 57.29577951308232,
            Math::Radians => x * 0.017453292519943295,
            Math::Rint => x.round_ties_even(),
            Math::Signum if x == 0.0 || x.is_nan() => x,
            Math::Signum => x.signum(),
            _ => unreachable!("typed for other arguments"),
        })
    }

    fn bit<'a>(&self, x: i64, place: Value<'a>) -> Out<'a> {
        match place.int() {
            at if (0..8 * self.dtype.width() as i64).contains(&at) => Ok(Value::Int(x >> at & 1)),
            _ => on_fault(OnFault::Refuse, "a place within the bits of the number", place),
        }
    }

    fn int<'a>(&self, x: i64, y: i64) -> Out<'a> {
        let is_long = self.dtype == DType::I64;
        Ok(Value::Int(match self.func {
            Math::Floor(_) | Math::Ceil(_) => x,
            Math::Factorial => {
                return Ok(Value::of((0..=20).contains(&x).then(|| (1..=x).product::<i64>())));
            }
            Math::BitAnd => x & y,
            Math::BitOr => x | y,
            Math::BitXor => x ^ y,
            Math::BitNot => !x,
            Math::BitCount => x.count_ones().into(),
            Math::ShiftLeft if is_long => x.wrapping_shl(y as u32),
            Math::ShiftLeft => (x as i32).wrapping_shl(y as u32).into(),
            Math::ShiftRight if is_long => x.wrapping_shr(y as u32),
            Math::ShiftRight => (x as i32).wrapping_shr(y as u32).into(),
            Math::ShiftRightUnsigned if is_long => (x as u64).wrapping_shr(y as u32) as i64,
            Math::ShiftRightUnsigned => ((x as u32).wrapping_shr(y as u32) as i32).into(),
            Math::Round { mode, scale, on, .. } => return self.round_int(x, scale, mode, on),
            _ => unreachable!("typed for other arguments"),
        }))
    }

    fn round_int<'a>(&self, x: i64, scale: i32, mode: Rounding, on: OnFault) -> Out<'a> {
        if scale >= 0 {
            return Ok(Value::Int(x));
        }
        let digits = scale.unsigned_abs().min(38);
        let exact = round_size(x.into(), digits, mode).saturating_mul(decimal::POWERS[digits as usize]);
        let narrow = match self.dtype {
            DType::I8 => i64::from(exact as i8),
            DType::I16 => i64::from(exact as i16),
            DType::I32 => i64::from(exact as i32),
            _ => exact as i64,
        };
        if i128::from(narrow) != exact && on != OnFault::Wrap {
            return on_fault(on, OVERFLOW, Value::Wide(exact));
        }
        Ok(Value::Int(narrow))
    }

    fn decimal<'a>(&self, x: i128) -> Out<'a> {
        let DType::Decimal(_, from) = self.dtype else { unreachable!("typed as a decimal") };
        let (mode, scale, on, to) = match self.func {
            Math::Floor(_) => (Rounding::Floor, 0, OnFault::Refuse, DType::Decimal(38, 0)),
            Math::Ceil(_) => (Rounding::Ceiling, 0, OnFault::Refuse, DType::Decimal(38, 0)),
            Math::Round { mode, scale, on, to } => (mode, scale, on, to),
            _ => unreachable!("typed for other arguments"),
        };
        let DType::Decimal(precision, to_scale) = to else { unreachable!("typed as a decimal") };
        let cut = (i64::from(from) - i64::from(scale)).max(0);
        let rounded = round_size(x, cut as u32, mode);
        // The digits now stand at scale `from - cut`, which may be below 0.
        let shift = i64::from(to_scale) - (i64::from(from) - cut);
        let value = match usize::try_from(shift) {
            _ if rounded == 0 => Some(0),
            Ok(shift) => decimal::POWERS.get(shift).and_then(|power| rounded.checked_mul(*power)),
            Err(_) => Some(round_size(rounded, shift.unsigned_abs() as u32, mode)),
        };
        match value.filter(|v| decimal::fits(*v, precision)) {
            Some(value) => Ok(Value::Wide(value)),
            None => on_fault(on, OVERFLOW, Value::Wide(x)),
        }
    }
}

/// A square above that of this overflows: the root of the largest float64.
const SQUARED_MAX: f64 = 1.3407807929942596e154;

/// Past this, what fdlibm adds to a square is lost.
const FDLIBM_LARGE: f64 = 268_435_456.0;

fn asinh(x: f64, rule: Inverse) -> f64 {
    let all = x.abs();
    let square = x * x;
    match rule {
        Inverse::Plain if x == f64::NEG_INFINITY => x,
        Inverse::Bounded if all >= SQUARED_MAX => (LN_2 + strict::log(all)).copysign(x),
        Inverse::Plain | Inverse::Bounded => strict::log(x + (square + 1.0).sqrt()),
        Inverse::Ranges if all < 1.0 / FDLIBM_LARGE => x,
        Inverse::Ranges if all > FDLIBM_LARGE => (strict::log(all) + LN_2).copysign(x),
        Inverse::Ranges if all > 2.0 => strict::log(2.0 * all + 1.0 / ((square + 1.0).sqrt() + all)).copysign(x),
        Inverse::Ranges => strict::log1p(all + square / (1.0 + (1.0 + square).sqrt())).copysign(x),
    }
}

fn acosh(x: f64, rule: Inverse) -> f64 {
    match rule {
        Inverse::Bounded | Inverse::Ranges if x < 1.0 => f64::NAN,
        Inverse::Bounded if x >= SQUARED_MAX => LN_2 + strict::log(x),
        Inverse::Plain | Inverse::Bounded => strict::log(x + (x * x - 1.0).sqrt()),
        Inverse::Ranges if x >= FDLIBM_LARGE => strict::log(x) + LN_2,
        Inverse::Ranges if x > 2.0 => strict::log(2.0 * x - 1.0 / (x + (x * x - 1.0).sqrt())),
        Inverse::Ranges => {
            let above = x - 1.0;
            strict::log1p(above + (2.0 * above + above * above).sqrt())
        }
    }
}

/// Returns the nearest integer, half upward: of numbers that a sum with a half would round, too.
fn nearest(x: f64) -> i64 {
    let floor = x.floor();
    (if x - floor >= 0.5 { floor + 1.0 } else { floor }) as i64
}

fn exact<'a>(value: Value<'a>, on: OnFault) -> Out<'a> {
    let x = value.f64();
    if x.fract() == 0.0 && x >= i32::MIN.into() && x <= i32::MAX.into() {
        return Ok(Value::Int(x as i64));
    }
    on_fault(on, "a whole number within 32 bits", value)
}

fn floor_mod<'a>(a: i64, b: i64, on: OnFault) -> Out<'a> {
    if b == 0 {
        return on_fault(on, DIVISOR, Value::Int(b));
    }
    let rest = a.wrapping_rem(b);
    Ok(Value::Int(if rest != 0 && (rest < 0) != (b < 0) { rest + b } else { rest }))
}

fn int_pow<'a>(base: i64, exponent: i64, on: OnFault) -> Out<'a> {
    if exponent < 0 {
        return on_fault(on, "an exponent that is not below 0", Value::Int(exponent));
    }
    let power = match (base, u32::try_from(exponent)) {
        (0 | 1, Err(_)) => Some(base),
        (-1, Err(_)) => Some(1 - (exponent & 1) * 2),
        (_, exponent) => exponent.ok().and_then(|e| base.checked_pow(e)),
    };
    power.map_or_else(|| on_fault(on, OVERFLOW, Value::Int(base)), |power| Ok(Value::Int(power)))
}

/// Returns the number, which has 38 digits at most, without its last digits.
fn round_size(value: i128, digits: u32, mode: Rounding) -> i128 {
    if digits == 0 {
        return value;
    }
    let Some(&power) = decimal::POWERS.get(digits as usize) else {
        return match mode {
            Rounding::Floor if value < 0 => -1,
            Rounding::Ceiling if value > 0 => 1,
            _ => 0,
        };
    };
    let (whole, rest) = (value / power, value % power);
    let sign = if value < 0 { -1 } else { 1 };
    // Twice a rest would not fit for the largest power.
    let half = (rest.abs()).cmp(&(power - rest.abs()));
    whole
        + match mode {
            Rounding::HalfUp if half.is_ge() => sign,
            Rounding::HalfEven if half.is_gt() || half.is_eq() && whole % 2 != 0 => sign,
            Rounding::Floor if rest < 0 => -1,
            Rounding::Ceiling if rest > 0 => 1,
            _ => 0,
        }
}

/// Rounds by the digits that Java writes of a finite number; nothing where it stays as it is.
fn rounded<T: std::str::FromStr>(x: f64, scale: i32, mode: Rounding) -> Option<T> {
    let exact = decimal::read(java::Digits::of_f64(x).as_str()).expect("a number as Rust writes it");
    let digits = i128::try_from(exact.digits).expect("19 digits at most");
    let cut = -i64::from(exact.exponent) - i64::from(scale);
    if cut <= 0 {
        return None;
    }
    let rounded = round_size(if x < 0.0 { -digits } else { digits }, cut.min(38) as u32, mode);
    let mut text = [0; 64];
    let text = written(format_args!("{rounded}e{}", -i64::from(scale)), &mut text);
    Some(std::str::from_utf8(text).ok().and_then(|t| t.parse().ok()).expect("a number as Rust writes it"))
}

/// A whole float64 as int64.
fn whole<'a>(x: f64, on: OnFault) -> Out<'a> {
    let fits = (-(2f64.powi(63))..2f64.powi(63)).contains(&x) || x.is_nan();
    if fits || on == OnFault::Wrap { Ok(Value::Int(x as i64)) } else { on_fault(on, OVERFLOW, Value::F64(x)) }
}

pub(super) fn round_f64(x: f64, scale: i32, mode: Rounding) -> f64 {
    if !x.is_finite() || x == 0.0 {
        return x + 0.0;
    }
    rounded(x, scale, mode).map_or(x, |rounded: f64| rounded + 0.0)
}

/// As of the float64 that it is: `round(0.005f, 2)` is 0.
fn round_f32(x: f32, scale: i32, mode: Rounding) -> f32 {
    if !x.is_finite() || x == 0.0 {
        return x + 0.0;
    }
    rounded(x.into(), scale, mode).map_or(x, |rounded: f32| rounded + 0.0)
}

pub(super) fn written<'t>(what: std::fmt::Arguments<'_>, text: &'t mut [u8; 64]) -> &'t [u8] {
    let mut rest = &mut text[..];
    rest.write_fmt(what).expect("numbers fit 64 bytes");
    let left = rest.len();
    &text[..64 - left]
}

fn width_bucket<'a>(args: &[Value<'a>]) -> Value<'a> {
    let (x, low, high, count) = (args[0].f64(), args[1].f64(), args[2].f64(), args[3].int());
    let bad = count <= 0 || count == i64::MAX || x.is_nan() || low == high;
    if bad || !low.is_finite() || !high.is_finite() {
        return Value::Null;
    }
    let (lower, upper) = (low.min(high), low.max(high));
    Value::Int(if low < high {
        match x {
            x if x < lower => 0,
            x if x >= upper => count + 1,
            x => (count as f64 * (x - lower) / (upper - lower)) as i64 + 1,
        }
    } else {
        match x {
            x if x > upper => 0,
            x if x <= lower => count + 1,
            x => (count as f64 * (upper - x) / (upper - lower)) as i64 + 1,
        }
    })
}
