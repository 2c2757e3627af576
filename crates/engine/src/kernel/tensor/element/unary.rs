//! Functions of one tensor.

use model::{
    Tensor,
    tensor::{Data, bf16, f16},
};
use plan::tensor::Unary;

use super::{Done, complex, each, real::Real, refuse_type, special, too_large};
use crate::kernel::tensor::wide::{Wide, widest};

pub(super) fn run(op: Unary, x: &Tensor, out: &mut Tensor) -> Done {
    let shape = x.shape();
    macro_rules! signed {
        ($e:expr, $ty:ty) => {
            match op {
                Unary::Abs => each($e, shape, out, |x| x.wrapping_abs()),
                Unary::Neg => each($e, shape, out, |x| x.wrapping_neg()),
                Unary::Sign => each($e, shape, out, |x| x.signum()),
                Unary::Square => each($e, shape, out, |x| x.wrapping_mul(*x)),
                Unary::Relu => each($e, shape, out, |x| (*x).max(0)),
                Unary::Relu6 => each($e, shape, out, |x| (*x).clamp(0, 6)),
                Unary::Shrink { lambda, bias } => each($e, shape, out, |x| shrunk(*x as f64, lambda, bias) as $ty),
                Unary::BitNot => each($e, shape, out, |x| !x),
                Unary::Ceil | Unary::Floor | Unary::Round => each($e, shape, out, |x| *x),
                Unary::IsNan | Unary::IsInf { .. } => each($e, shape, out, |_| false),
                Unary::IsFinite => each($e, shape, out, |_| true),
                _ => Err(refuse_type(x)),
            }
        };
    }
    macro_rules! unsigned {
        ($e:expr, $ty:ty) => {
            match op {
                Unary::Abs | Unary::Relu | Unary::Ceil | Unary::Floor | Unary::Round => each($e, shape, out, |x| *x),
                Unary::Neg => each($e, shape, out, |x| x.wrapping_neg()),
                Unary::Sign => each($e, shape, out, |x| (*x).min(1)),
                Unary::Square => each($e, shape, out, |x| x.wrapping_mul(*x)),
                Unary::BitNot => each($e, shape, out, |x| !x),
                Unary::Shrink { lambda, bias } => each($e, shape, out, |x| shrunk(*x as f64, lambda, bias) as $ty),
                Unary::IsNan | Unary::IsInf { .. } => each($e, shape, out, |_| false),
                Unary::IsFinite => each($e, shape, out, |_| true),
                _ => Err(refuse_type(x)),
            }
        };
    }
    // Half precision is computed in float32 and rounded once.
    macro_rules! half {
        ($e:expr, $ty:ty) => {
            match op {
                Unary::IsNan => each($e, shape, out, |x| x.is_nan()),
                Unary::IsInf { negative, positive } => each($e, shape, out, |x| {
                    x.is_infinite() && (if x.is_sign_negative() { negative } else { positive })
                }),
                Unary::IsFinite => each($e, shape, out, |x| x.is_finite()),
                _ => each($e, shape, out, |x| <$ty>::from_f32(float(op, x.to_f32()))),
            }
        };
    }
    match x.data() {
        Data::F32(e) => floats(op, e, shape, out),
        Data::F64(e) => floats(op, e, shape, out),
        Data::F16(e) => half!(e, f16),
        Data::BF16(e) => half!(e, bf16),
        Data::I8(e) => signed!(e, i8),
        Data::I16(e) => signed!(e, i16),
        Data::I32(e) => signed!(e, i32),
        Data::I64(e) => signed!(e, i64),
        Data::U8(e) => unsigned!(e, u8),
        Data::U16(e) => unsigned!(e, u16),
        Data::U32(e) => unsigned!(e, u32),
        Data::U64(e) => unsigned!(e, u64),
        Data::Bool(e) if op == Unary::Not => each(e, shape, out, |x| !x),
        Data::C64(e) => match complex::of(op) {
            Some(f) => each(e, shape, out, f),
            None => Err(refuse_type(x)),
        },
        Data::Bool(_) | Data::Bytes(_) => Err(refuse_type(x)),
    }
}

fn floats<T: Real + model::tensor::Element>(op: Unary, e: &[T], shape: &model::Shape, out: &mut Tensor) -> Done {
    match op {
        Unary::IsNan => each(e, shape, out, |x| x.is_nan()),
        Unary::IsInf { negative, positive } => {
            each(e, shape, out, |x| x.is_infinite() && if *x < T::ZERO { negative } else { positive })
        }
        Unary::IsFinite => each(e, shape, out, |x| !x.is_nan() && !x.is_infinite()),
        op => {
            let numbers = out.make::<T>(*shape).map_err(too_large)?;
            numbers.copy_from_slice(e);
            put(op, numbers);
            Ok(())
        }
    }
}

/// Puts a function upon each number, in its place. One loop a function, so that the compiler can take several numbers at once.
pub(super) fn put<T: Real>(op: Unary, numbers: &mut [T]) {
    macro_rules! wide {
        ($f:expr) => {
            widest(Each { numbers, f: $f })
        };
    }
    match op {
        Unary::Relu => wide!(relu),
        Unary::Sqrt => wide!(|x: T| x.sqrt()),
        Unary::Sigmoid => wide!(sigmoid),
        Unary::Tanh => wide!(|x: T| x.tanh()),
        Unary::Exp => wide!(|x: T| x.exp()),
        Unary::Relu6 => wide!(|x| activation(Unary::Relu6, x)),
        Unary::LeakyRelu { alpha } => wide!(|x| activation(Unary::LeakyRelu { alpha }, x)),
        Unary::HardSigmoid { alpha, beta } => wide!(|x| activation(Unary::HardSigmoid { alpha, beta }, x)),
        Unary::HardSwish => wide!(|x| activation(Unary::HardSwish, x)),
        Unary::Swish { alpha } => wide!(|x| activation(Unary::Swish { alpha }, x)),
        Unary::Abs => numbers.iter_mut().for_each(|x| *x = x.abs()),
        Unary::Neg => numbers.iter_mut().for_each(|x| *x = x.neg()),
        Unary::Square => numbers.iter_mut().for_each(|x| *x = x.mul(*x)),
        op => numbers.iter_mut().for_each(|x| *x = float(op, *x)),
    }
}

struct Each<'a, T, F> {
    numbers: &'a mut [T],
    f: F,
}

impl<T: Copy, F: Fn(T) -> T> Wide for Each<'_, T, F> {
    type Result = ();

    #[inline(always)]
    fn run<const KIND: u8>(self) {
        for x in self.numbers {
            *x = (self.f)(*x);
        }
    }
}

/// Of whole numbers: computed in float64, cut toward zero.
fn shrunk(x: f64, lambda: f32, bias: f32) -> f64 {
    let (lambda, bias) = (f64::from(lambda), f64::from(bias));
    if x < -lambda {
        x + bias
    } else if x > lambda {
        x - bias
    } else {
        0.0
    }
}

/// NaN stays.
#[inline(always)]
fn relu<T: Real>(x: T) -> T {
    if x < T::ZERO { T::ZERO } else { x }
}

#[inline(always)]
fn sigmoid<T: Real>(x: T) -> T {
    T::ONE.div(T::ONE.add(x.neg().exp()))
}

#[inline(always)]
fn clamp<T: Real>(x: T, low: T, high: T) -> T {
    if x < low {
        low
    } else if x > high {
        high
    } else {
        x
    }
}

/// `ln(1 + exp(x))` without overflow.
fn softplus<T: Real>(x: T) -> T {
    if x > T::ZERO { x.add(x.neg().exp().ln_1p()) } else { x.exp().ln_1p() }
}

pub(super) fn float<T: Real>(op: Unary, x: T) -> T {
    let (zero, one) = (T::ZERO, T::ONE);
    match op {
        Unary::Abs => x.abs(),
        Unary::Neg => x.neg(),
        Unary::Sign if x > zero => one,
        Unary::Sign if x < zero => one.neg(),
        Unary::Sign => x,
        Unary::Ceil => x.ceil(),
        Unary::Floor => x.floor(),
        Unary::Round => x.round_even(),
        Unary::Sqrt => x.sqrt(),
        Unary::Rsqrt => one.div(x.sqrt()),
        Unary::Reciprocal => one.div(x),
        Unary::Square => x.mul(x),
        Unary::Exp => x.exp(),
        Unary::Expm1 => x.expm1(),
        Unary::Log => x.ln(),
        Unary::Log1p => x.ln_1p(),
        Unary::Sin => x.sin(),
        Unary::Cos => x.cos(),
        Unary::Tan => x.tan(),
        Unary::Asin => x.asin(),
        Unary::Acos => x.acos(),
        Unary::Atan => x.atan(),
        Unary::Sinh => x.sinh(),
        Unary::Cosh => x.cosh(),
        Unary::Tanh => x.tanh(),
        Unary::Asinh => x.asinh(),
        // Below 1 the library's formula gives a number all the same.
        Unary::Acosh if x < one => T::from_f64(f64::NAN),
        Unary::Acosh => x.acosh(),
        Unary::Atanh => x.atanh(),
        Unary::Erf => x.erf(),
        Unary::Erfc => x.erfc(),
        Unary::Lgamma => x.lgamma(),
        // At its poles it is no number, as Eigen has it.
        Unary::Digamma if x <= zero && x.floor() == x => T::from_f64(f64::NAN),
        Unary::Digamma => T::from_f64(plan::digamma::digamma(x.to_f64())),
        Unary::Ndtri => T::from_f64(special::ndtri(x.to_f64())),
        Unary::Erfinv => T::from_f64(special::erfinv(x.to_f64())),
        Unary::BesselI { order, scaled } => T::from_f64(special::bessel_i(order, scaled, x.to_f64())),
        op => activation(op, x),
    }
}

/// Activations: functions with a bend or a scale.
#[inline(always)]
fn activation<T: Real>(op: Unary, x: T) -> T {
    let of = T::of;
    let (zero, one) = (T::ZERO, T::ONE);
    match op {
        Unary::Sigmoid => sigmoid(x),
        Unary::Relu => relu(x),
        Unary::Relu6 => clamp(x, zero, of(6.0)),
        Unary::LeakyRelu { alpha } => {
            if x < zero {
                of(alpha).mul(x)
            } else {
                x
            }
        }
        Unary::Elu { alpha } => {
            if x < zero {
                of(alpha).mul(x.expm1())
            } else {
                x
            }
        }
        Unary::Selu { alpha, gamma } => of(gamma).mul(if x < zero { of(alpha).mul(x.expm1()) } else { x }),
        Unary::Celu { alpha } => {
            if x < zero {
                of(alpha).mul(x.div(of(alpha)).expm1())
            } else {
                x
            }
        }
        Unary::HardSigmoid { alpha, beta } => clamp(of(alpha).mul(x).add(of(beta)), zero, one),
        Unary::HardSwish => x.mul(clamp(x.div(of(6.0)).add(of(0.5)), zero, one)),
        Unary::Swish { alpha } => x.mul(sigmoid(of(alpha).mul(x))),
        Unary::Mish => x.mul(softplus(x).tanh()),
        Unary::Gelu { tanh: false } => {
            let half = of(0.5).mul(x);
            half.mul(one.add(x.mul(T::from_f64(std::f64::consts::FRAC_1_SQRT_2)).erf()))
        }
        Unary::Gelu { tanh: true } => {
            let inner = x.add(T::from_f64(0.044_715).mul(x.mul(x).mul(x)));
            let scale = T::from_f64((2.0 / std::f64::consts::PI).sqrt());
            of(0.5).mul(x).mul(one.add(scale.mul(inner).tanh()))
        }
        Unary::Softplus => softplus(x),
        Unary::Softsign => x.div(one.add(x.abs())),
        Unary::ThresholdedRelu { alpha } => {
            if x > of(alpha) {
                x
            } else {
                zero
            }
        }
        Unary::Shrink { lambda, bias } => {
            if x < of(lambda).neg() {
                x.add(of(bias))
            } else if x > of(lambda) {
                x.sub(of(bias))
            } else {
                zero
            }
        }
        _ => x,
    }
}
