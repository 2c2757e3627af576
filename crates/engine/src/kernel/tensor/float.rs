//! Floating-point numbers of tensors: float32 and float64 compute, float16 and bfloat16 are widened to float32 and rounded once.
//!
//! [`exp32`] and [`tanh32`] are polynomials of plain products and sums (Cephes' `expf` and `tanhf`, S. Moshier), without a
//! branch: loops over them take several elements at once, and give the same bits on every processor.

use std::ops::{Add, AddAssign, Div, Mul, MulAssign, Neg, Sub};

use model::{
    DType, Tensor,
    tensor::{Data, Element, bf16, f16},
};

use plan::tensor::Unary;

use super::{Done, element, refuse_type, too_large};

/// float32 or float64.
pub(super) trait Float:
    Element
    + Copy
    + PartialOrd
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + MulAssign
{
    const ZERO: Self;
    const ONE: Self;
    const LEAST: Self;

    fn from_f64(value: f64) -> Self;
    fn to_f64(self) -> f64;
    fn exp(self) -> Self;
    fn ln(self) -> Self;
    fn tanh(self) -> Self;
    fn sqrt(self) -> Self;
    fn abs(self) -> Self;
    fn powf(self, y: Self) -> Self;
    fn is_nan(self) -> bool;
    fn unary(self, op: Unary) -> Self;

    #[inline(always)]
    fn sigmoid(self) -> Self {
        Self::ONE / (Self::ONE + (-self).exp())
    }

    /// Returns the greater; NaN where either is.
    #[inline(always)]
    fn most(self, other: Self) -> Self {
        if other > self || other.is_nan() { other } else { self }
    }
}

macro_rules! float {
    ($ty:ty, $exp:path, $ln:path, $tanh:path, $pow:path) => {
        impl Float for $ty {
            const ZERO: $ty = 0.0;
            const ONE: $ty = 1.0;
            const LEAST: $ty = <$ty>::NEG_INFINITY;

            #[inline(always)]
            fn from_f64(value: f64) -> $ty {
                value as $ty
            }

            #[inline(always)]
            fn to_f64(self) -> f64 {
                self.into()
            }

            #[inline(always)]
            fn exp(self) -> $ty {
                $exp(self)
            }

            fn ln(self) -> $ty {
                $ln(self)
            }

            #[inline(always)]
            fn tanh(self) -> $ty {
                $tanh(self)
            }

            #[inline(always)]
            fn sqrt(self) -> $ty {
                self.sqrt()
            }

            #[inline(always)]
            fn abs(self) -> $ty {
                self.abs()
            }

            fn powf(self, y: $ty) -> $ty {
                $pow(self, y)
            }

            fn unary(self, op: Unary) -> $ty {
                element::scalar(op, self)
            }

            #[inline(always)]
            fn is_nan(self) -> bool {
                self.is_nan()
            }
        }
    };
}

float!(f32, exp32, libm::logf, tanh32, libm::powf);
float!(f64, libm::exp, libm::log, libm::tanh, libm::pow);

/// Returns e to the power of x; within one unit in the last place.
#[inline(always)]
pub(super) fn exp32(x: f32) -> f32 {
    // Adding it leaves the nearest integer in the lowest bits.
    const ROUND: f32 = 12_582_912.0;
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    // Below and above are 0 and infinity.
    let x = if x < -104.0 { -104.0 } else { x };
    let x = if x > 89.0 { 89.0 } else { x };
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = x - n * LN2_HIGH - n * LN2_LOW;
    let p = 1.987_569_1e-4_f32;
    let p = p * r + 1.398_199_9e-3;
    let p = p * r + 8.333_452e-3;
    let p = p * r + 4.166_579_6e-2;
    let p = p * r + 1.666_666_5e-1;
    let p = p * r + 0.5;
    let p = p * (r * r) + r + 1.0;
    // Two factors, so that neither leaves the range where the result does not.
    let n = (shifted.to_bits() as i32).wrapping_sub(ROUND.to_bits() as i32);
    let half = n >> 1;
    let power = |n: i32| f32::from_bits((n.wrapping_add(127) << 23) as u32);
    p * power(half) * power(n.wrapping_sub(half))
}

/// Returns the hyperbolic tangent; within two units in the last place.
#[inline(always)]
pub(super) fn tanh32(x: f32) -> f32 {
    let z = x * x;
    let p = -5.704_988_7e-3_f32;
    let p = p * z + 2.063_909e-2;
    let p = p * z - 5.373_971_6e-2;
    let p = p * z + 1.333_144_2e-1;
    let p = p * z - 3.333_328e-1;
    let near = p * z * x + x;
    let far = 1.0 - 2.0 / (exp32(2.0 * x.abs()) + 1.0);
    (if x.abs() < 0.625 { near } else { far }).copysign(x)
}

/// Returns float16 and bfloat16 as float32, all else as it is.
pub(super) fn widened(tensor: &Tensor) -> Tensor {
    let wide: Vec<f32> = match tensor.data() {
        Data::F16(e) => e.iter().map(|x| x.to_f32()).collect(),
        Data::BF16(e) => e.iter().map(|x| x.to_f32()).collect(),
        _ => return tensor.clone(),
    };
    Tensor::new(tensor.shape(), wide).expect("as many elements as before")
}

/// Rounds a result of float32 to the half precision that was asked for; any other dtype leaves it as it is.
pub(super) fn narrow(out: &mut Tensor, to: Option<DType>) -> Done {
    fn rounded<T: Element>(out: &Tensor, round: impl Fn(f32) -> T) -> Option<Tensor> {
        let elements: Vec<T> = out.get::<f32>()?.iter().map(|&x| round(x)).collect();
        Tensor::new(out.shape(), elements).ok()
    }
    let narrow = match to {
        Some(DType::F16) => rounded(out, f16::from_f32),
        Some(DType::BF16) => rounded(out, bf16::from_f32),
        _ => return Ok(()),
    };
    *out = narrow.ok_or_else(|| refuse_type(out))?;
    Ok(())
}

/// Returns the elements of a tensor that must be of this type.
pub(super) fn elements<T: Element>(tensor: &Tensor) -> Result<&[T], model::PredictError> {
    tensor.get::<T>().ok_or_else(|| refuse_type(tensor))
}

/// Makes the output a tensor of this shape.
pub(super) fn make<T: Element>(out: &mut Tensor, shape: model::Shape) -> Result<&mut [T], model::PredictError> {
    out.make::<T>(shape).map_err(too_large)
}

/// Returns the function's result for the tensor's type, float32 or float64, named in the expression.
macro_rules! by_float {
    ($tensor:expr, $ty:ident => $body:expr) => {
        match $tensor.data() {
            model::tensor::Data::F32(_) => {
                type $ty = f32;
                $body
            }
            model::tensor::Data::F64(_) => {
                type $ty = f64;
                $body
            }
            _ => Err($crate::kernel::tensor::refuse_type(&$tensor)),
        }
    };
}
pub(super) use by_float;

#[cfg(test)]
mod tests {
    use super::{exp32, tanh32};

    fn ulps(a: f32, b: f64) -> f64 {
        let unit = f64::from(f32::from_bits((b as f32).abs().to_bits() + 1)) - (b as f32).abs() as f64;
        (f64::from(a) - b).abs() / unit
    }

    #[test]
    fn exponentials_are_near() {
        for i in -8700..8850 {
            let x = i as f32 * 0.01 + 0.003;
            assert!(ulps(exp32(x), libm::exp(x.into())) < 1.5, "exp {x}: {}", exp32(x));
            let x = x * 0.11;
            assert!(ulps(tanh32(x), libm::tanh(x.into())) < 2.5, "tanh {x}: {}", tanh32(x));
        }
        assert_eq!((exp32(0.0), exp32(-200.0), exp32(f32::NEG_INFINITY)), (1.0, 0.0, 0.0));
        assert_eq!((exp32(89.0), exp32(f32::INFINITY), exp32(1e-9)), (f32::INFINITY, f32::INFINITY, 1.0));
        assert!(exp32(f32::NAN).is_nan() && tanh32(f32::NAN).is_nan());
        assert!((exp32(-100.0) - 3.8e-44).abs() < 2e-45);
        assert_eq!((tanh32(30.0), tanh32(f32::NEG_INFINITY), tanh32(1e-20)), (1.0, -1.0, 1e-20));
        assert!(tanh32(-0.0).is_sign_negative());
    }
}
