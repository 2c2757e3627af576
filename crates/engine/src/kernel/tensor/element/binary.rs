//! Functions of two tensors, broadcast against each other.

use model::{
    PredictError, Tensor,
    tensor::{Complex, Data, Element, bf16, f16},
};
use plan::tensor::Binary;

use super::{Done, broadcast, real::Real, refuse, refuse_type, too_large};

pub(super) fn run(op: Binary, a: &Tensor, b: &Tensor, out: &mut Tensor) -> Done {
    match (a.data(), b.data()) {
        (Data::F32(_), Data::F32(_)) => floats::<f32>(op, a, b, out),
        (Data::F64(_), Data::F64(_)) => floats::<f64>(op, a, b, out),
        (Data::F16(_), Data::F16(_)) => halves::<f16>(op, a, b, out, f16::to_f32, f16::from_f32),
        (Data::BF16(_), Data::BF16(_)) => halves::<bf16>(op, a, b, out, bf16::to_f32, bf16::from_f32),
        (Data::I8(_), Data::I8(_)) => integers::<i8>(op, a, b, out),
        (Data::I16(_), Data::I16(_)) => integers::<i16>(op, a, b, out),
        (Data::I32(_), Data::I32(_)) => integers::<i32>(op, a, b, out),
        (Data::I64(_), Data::I64(_)) => integers::<i64>(op, a, b, out),
        (Data::U8(_), Data::U8(_)) => integers::<u8>(op, a, b, out),
        (Data::U16(_), Data::U16(_)) => integers::<u16>(op, a, b, out),
        (Data::U32(_), Data::U32(_)) => integers::<u32>(op, a, b, out),
        (Data::U64(_), Data::U64(_)) => integers::<u64>(op, a, b, out),
        (Data::Bool(_), Data::Bool(_)) => booleans(op, a, b, out),
        (Data::C64(_), Data::C64(_)) => complexes(op, a, b, out),
        (Data::Bytes(_), Data::Bytes(_)) => match op {
            Binary::Equal => zip::<model::tensor::Bytes, bool>(a, b, out, |x, y| x == y),
            Binary::NotEqual => zip::<model::tensor::Bytes, bool>(a, b, out, |x, y| x != y),
            _ => Err(refuse_type(a)),
        },
        _ if op == Binary::Pow => mixed_pow(a, b, out),
        _ => Err(refuse("two tensors of one type", format!("{:?} and {:?}", a.dtype(), b.dtype()))),
    }
}

/// Writes a function of pairs of elements.
fn zip<T: Element, R: Element>(a: &Tensor, b: &Tensor, out: &mut Tensor, f: impl Fn(&T, &T) -> R) -> Done {
    let shape = broadcast::shape(a.shape(), b.shape())?;
    let (Some(x), Some(y)) = (a.get::<T>(), b.get::<T>()) else { return Err(refuse_type(a)) };
    let result = out.make::<R>(shape).map_err(too_large)?;
    broadcast::runs(&shape, [a.shape(), b.shape()], |begin, length, [(i, walks_x), (j, walks_y)]| {
        let to = &mut result[begin..begin + length];
        match (walks_x, walks_y) {
            (true, true) => {
                for ((to, x), y) in to.iter_mut().zip(&x[i..i + length]).zip(&y[j..j + length]) {
                    *to = f(x, y);
                }
            }
            (true, false) => to.iter_mut().zip(&x[i..i + length]).for_each(|(to, x)| *to = f(x, &y[j])),
            (false, true) => to.iter_mut().zip(&y[j..j + length]).for_each(|(to, y)| *to = f(&x[i], y)),
            (false, false) => to.iter_mut().for_each(|to| *to = f(&x[i], &y[j])),
        }
    });
    Ok(())
}

/// The tests that all numbers share.
fn test<T: Element + PartialOrd>(op: Binary, a: &Tensor, b: &Tensor, out: &mut Tensor) -> Done {
    match op {
        Binary::Equal => zip::<T, bool>(a, b, out, |x, y| x == y),
        Binary::NotEqual => zip::<T, bool>(a, b, out, |x, y| x != y),
        Binary::Less => zip::<T, bool>(a, b, out, |x, y| x < y),
        Binary::LessEqual => zip::<T, bool>(a, b, out, |x, y| x <= y),
        Binary::Greater => zip::<T, bool>(a, b, out, |x, y| x > y),
        Binary::GreaterEqual => zip::<T, bool>(a, b, out, |x, y| x >= y),
        _ => Err(refuse_type(a)),
    }
}

fn floats<T: Real + Element>(op: Binary, a: &Tensor, b: &Tensor, out: &mut Tensor) -> Done {
    match op {
        Binary::Add => zip::<T, T>(a, b, out, |x, y| x.add(*y)),
        Binary::Sub => zip::<T, T>(a, b, out, |x, y| x.sub(*y)),
        Binary::Mul => zip::<T, T>(a, b, out, |x, y| x.mul(*y)),
        Binary::Div => zip::<T, T>(a, b, out, |x, y| x.div(*y)),
        op if op.is_test() => test::<T>(op, a, b, out),
        Binary::BitAnd | Binary::BitOr | Binary::BitXor | Binary::ShiftLeft | Binary::ShiftRight => Err(refuse_type(a)),
        op => zip::<T, T>(a, b, out, |x, y| float(op, *x, *y)),
    }
}

fn halves<T: Element + PartialOrd>(
    op: Binary,
    a: &Tensor,
    b: &Tensor,
    out: &mut Tensor,
    to: fn(T) -> f32,
    from: fn(f32) -> T,
) -> Done {
    match op {
        op if op.is_test() => test::<T>(op, a, b, out),
        Binary::BitAnd | Binary::BitOr | Binary::BitXor | Binary::ShiftLeft | Binary::ShiftRight => Err(refuse_type(a)),
        op => zip::<T, T>(a, b, out, |x, y| from(float(op, to(x.clone()), to(y.clone())))),
    }
}

fn float<T: Real>(op: Binary, x: T, y: T) -> T {
    let zero = T::ZERO;
    match op {
        Binary::Add => x.add(y),
        Binary::Sub => x.sub(y),
        Binary::Mul => x.mul(y),
        Binary::Div => x.div(y),
        Binary::FloorDiv => x.div(y).floor(),
        Binary::DivNoNan => {
            if y == zero {
                zero
            } else {
                x.div(y)
            }
        }
        Binary::Mod => x.fmod(y),
        Binary::FloorMod => {
            let rest = x.fmod(y);
            if rest != zero && (rest < zero) != (y < zero) { rest.add(y) } else { rest }
        }
        Binary::Pow => x.pow(y),
        Binary::Atan2 => x.atan2(y),
        Binary::SquaredDifference => {
            let d = x.sub(y);
            d.mul(d)
        }
        Binary::Min => {
            if x < y || x.is_nan() {
                x
            } else {
                y
            }
        }
        Binary::Max => {
            if x > y || x.is_nan() {
                x
            } else {
                y
            }
        }
        Binary::Xlogy => {
            if x == zero {
                zero
            } else {
                x.mul(y.ln())
            }
        }
        Binary::Xdivy => {
            if x == zero {
                zero
            } else {
                x.div(y)
            }
        }
        Binary::Prelu => {
            if x < zero {
                x.mul(y)
            } else {
                x
            }
        }
        _ => x,
    }
}

/// Integers, as [`integers`] computes on them.
trait Integer: Element + Copy + PartialOrd + TryFrom<i64> {
    const ZERO: Self;
    fn add(self, y: Self) -> Self;
    fn sub(self, y: Self) -> Self;
    fn mul(self, y: Self) -> Self;
    fn div(self, y: Self) -> Self;
    fn rem(self, y: Self) -> Self;
    fn floor_div(self, y: Self) -> Self;
    fn floor_mod(self, y: Self) -> Self;
    fn pow(self, y: Self) -> Self;
    fn and(self, y: Self) -> Self;
    fn or(self, y: Self) -> Self;
    fn xor(self, y: Self) -> Self;
    fn shl(self, y: Self) -> Self;
    fn shr(self, y: Self) -> Self;
}

macro_rules! integer {
    ($($ty:ty)*) => {$(
        impl Integer for $ty {
            const ZERO: $ty = 0;

            #[inline]
            fn add(self, y: $ty) -> $ty {
                self.wrapping_add(y)
            }

            #[inline]
            fn sub(self, y: $ty) -> $ty {
                self.wrapping_sub(y)
            }

            #[inline]
            fn mul(self, y: $ty) -> $ty {
                self.wrapping_mul(y)
            }

            fn div(self, y: $ty) -> $ty {
                self.wrapping_div(y)
            }

            fn rem(self, y: $ty) -> $ty {
                self.wrapping_rem(y)
            }

            #[allow(unused_comparisons)]
            fn floor_div(self, y: $ty) -> $ty {
                let (quotient, rest) = (self.wrapping_div(y), self.wrapping_rem(y));
                if rest != 0 && (rest < 0) != (y < 0) { quotient - 1 } else { quotient }
            }

            #[allow(unused_comparisons)]
            fn floor_mod(self, y: $ty) -> $ty {
                let rest = self.wrapping_rem(y);
                if rest != 0 && (rest < 0) != (y < 0) { rest + y } else { rest }
            }

            fn pow(self, y: $ty) -> $ty {
                match u32::try_from(y) {
                    Ok(y) => self.wrapping_pow(y),
                    // A negative power of an integer is a fraction, cut to 0, but of 1 and -1.
                    Err(_) => libm::pow(self as f64, y as f64) as $ty,
                }
            }

            fn and(self, y: $ty) -> $ty {
                self & y
            }

            fn or(self, y: $ty) -> $ty {
                self | y
            }

            fn xor(self, y: $ty) -> $ty {
                self ^ y
            }

            fn shl(self, y: $ty) -> $ty {
                u32::try_from(y).ok().and_then(|y| self.checked_shl(y)).unwrap_or(0)
            }

            fn shr(self, y: $ty) -> $ty {
                // By more than there is, what is left of a negative number is its sign.
                let last = <$ty>::BITS - 1;
                let by = u32::try_from(y).ok().filter(|by| *by <= last);
                by.map_or(self >> last >> 1, |by| self >> by)
            }
        }
    )*};
}

integer!(i8 i16 i32 i64 u8 u16 u32 u64);

fn integers<T: Integer>(op: Binary, a: &Tensor, b: &Tensor, out: &mut Tensor) -> Done {
    let divides = matches!(op, Binary::Div | Binary::FloorDiv | Binary::Mod | Binary::FloorMod);
    if divides && b.get::<T>().is_some_and(|y| y.contains(&T::ZERO)) && !a.is_empty() {
        return Err(refuse("a divisor that is not 0, of integers", "0"));
    }
    let zero = T::ZERO;
    match op {
        Binary::Add => zip::<T, T>(a, b, out, |x, y| x.add(*y)),
        Binary::Sub => zip::<T, T>(a, b, out, |x, y| x.sub(*y)),
        Binary::Mul => zip::<T, T>(a, b, out, |x, y| x.mul(*y)),
        Binary::Div => zip::<T, T>(a, b, out, |x, y| x.div(*y)),
        Binary::FloorDiv => zip::<T, T>(a, b, out, |x, y| x.floor_div(*y)),
        Binary::Mod => zip::<T, T>(a, b, out, |x, y| x.rem(*y)),
        Binary::FloorMod => zip::<T, T>(a, b, out, |x, y| x.floor_mod(*y)),
        Binary::DivNoNan => zip::<T, T>(a, b, out, |x, y| if *y == zero { zero } else { x.div(*y) }),
        Binary::Pow => zip::<T, T>(a, b, out, |x, y| x.pow(*y)),
        Binary::SquaredDifference => zip::<T, T>(a, b, out, |x, y| {
            let d = x.sub(*y);
            d.mul(d)
        }),
        Binary::Min => zip::<T, T>(a, b, out, |x, y| if x < y { *x } else { *y }),
        Binary::Max => zip::<T, T>(a, b, out, |x, y| if x > y { *x } else { *y }),
        Binary::Prelu => zip::<T, T>(a, b, out, |x, y| if *x < zero { x.mul(*y) } else { *x }),
        Binary::BitAnd => zip::<T, T>(a, b, out, |x, y| x.and(*y)),
        Binary::BitOr => zip::<T, T>(a, b, out, |x, y| x.or(*y)),
        Binary::BitXor => zip::<T, T>(a, b, out, |x, y| x.xor(*y)),
        Binary::ShiftLeft => zip::<T, T>(a, b, out, |x, y| x.shl(*y)),
        Binary::ShiftRight => zip::<T, T>(a, b, out, |x, y| x.shr(*y)),
        op => test::<T>(op, a, b, out),
    }
}

fn booleans(op: Binary, a: &Tensor, b: &Tensor, out: &mut Tensor) -> Done {
    match op {
        Binary::And | Binary::BitAnd | Binary::Mul | Binary::Min => zip::<bool, bool>(a, b, out, |x, y| *x && *y),
        Binary::Or | Binary::BitOr | Binary::Add | Binary::Max => zip::<bool, bool>(a, b, out, |x, y| *x || *y),
        Binary::Xor | Binary::BitXor => zip::<bool, bool>(a, b, out, |x, y| x != y),
        op => test::<bool>(op, a, b, out),
    }
}

fn complexes(op: Binary, a: &Tensor, b: &Tensor, out: &mut Tensor) -> Done {
    let f: fn(&Complex, &Complex) -> Complex = match op {
        Binary::Add => |x, y| Complex { re: x.re + y.re, im: x.im + y.im },
        Binary::Sub => |x, y| Complex { re: x.re - y.re, im: x.im - y.im },
        Binary::Mul => |x, y| Complex { re: x.re * y.re - x.im * y.im, im: x.re * y.im + x.im * y.re },
        Binary::Div => super::complex::quotient,
        Binary::Equal => return zip::<Complex, bool>(a, b, out, |x, y| x == y),
        Binary::NotEqual => return zip::<Complex, bool>(a, b, out, |x, y| x != y),
        _ => return Err(refuse_type(a)),
    };
    zip::<Complex, Complex>(a, b, out, f)
}

/// A power whose exponent is of another type: computed in float64, given in the first's type.
fn mixed_pow(a: &Tensor, b: &Tensor, out: &mut Tensor) -> Done {
    let wide = |tensor: &Tensor| -> Result<Tensor, PredictError> {
        let mut wide = Tensor::default();
        super::cast::run(tensor, &model::Type::F64, false, &mut wide)?;
        Ok(wide)
    };
    let mut power = Tensor::default();
    floats::<f64>(Binary::Pow, &wide(a)?, &wide(b)?, &mut power)?;
    super::cast::run(&power, &a.ty(), false, out)
}
