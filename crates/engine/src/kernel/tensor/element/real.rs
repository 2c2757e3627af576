//! What functions of real numbers need of float32 and float64: those of `libm`, so that all machines agree, but for what
//! [`Float`] has of its own.

use super::super::float::Float;

/// A float32 or float64.
pub(in crate::kernel::tensor) trait Real: Copy + PartialOrd {
    const ZERO: Self;
    const ONE: Self;

    fn of(value: f32) -> Self;
    fn from_f64(value: f64) -> Self;
    fn exp(self) -> Self;
    fn expm1(self) -> Self;
    fn ln(self) -> Self;
    fn ln_1p(self) -> Self;
    fn sqrt(self) -> Self;
    fn sin(self) -> Self;
    fn cos(self) -> Self;
    fn tan(self) -> Self;
    fn asin(self) -> Self;
    fn acos(self) -> Self;
    fn atan(self) -> Self;
    fn atan2(self, x: Self) -> Self;
    fn sinh(self) -> Self;
    fn cosh(self) -> Self;
    fn tanh(self) -> Self;
    fn asinh(self) -> Self;
    fn acosh(self) -> Self;
    fn atanh(self) -> Self;
    fn erf(self) -> Self;
    fn erfc(self) -> Self;
    fn lgamma(self) -> Self;
    fn pow(self, y: Self) -> Self;
    fn fmod(self, y: Self) -> Self;
    fn floor(self) -> Self;
    fn ceil(self) -> Self;
    fn round_even(self) -> Self;
    fn abs(self) -> Self;
    fn neg(self) -> Self;
    fn add(self, y: Self) -> Self;
    fn sub(self, y: Self) -> Self;
    fn mul(self, y: Self) -> Self;
    fn div(self, y: Self) -> Self;
    fn is_nan(self) -> bool;
    fn is_infinite(self) -> bool;
    fn to_f64(self) -> f64;
}

macro_rules! real {
    ($ty:ty, $($name:ident $libm:ident),*) => {
        impl Real for $ty {
            const ZERO: $ty = 0.0;
            const ONE: $ty = 1.0;

            #[inline]
            fn of(value: f32) -> $ty {
                value.into()
            }

            #[inline]
            fn from_f64(value: f64) -> $ty {
                value as $ty
            }

            #[inline]
            fn exp(self) -> $ty {
                Float::exp(self)
            }

            #[inline]
            fn tanh(self) -> $ty {
                Float::tanh(self)
            }

            $(
                #[inline]
                fn $name(self) -> $ty {
                    libm::$libm(self)
                }
            )*

            #[inline]
            fn sqrt(self) -> $ty {
                self.sqrt()
            }

            #[inline]
            fn floor(self) -> $ty {
                self.floor()
            }

            #[inline]
            fn ceil(self) -> $ty {
                self.ceil()
            }

            #[inline]
            fn round_even(self) -> $ty {
                self.round_ties_even()
            }

            #[inline]
            fn abs(self) -> $ty {
                self.abs()
            }

            #[inline]
            fn neg(self) -> $ty {
                -self
            }

            #[inline]
            fn add(self, y: $ty) -> $ty {
                self + y
            }

            #[inline]
            fn sub(self, y: $ty) -> $ty {
                self - y
            }

            #[inline]
            fn mul(self, y: $ty) -> $ty {
                self * y
            }

            #[inline]
            fn div(self, y: $ty) -> $ty {
                self / y
            }

            #[inline]
            fn fmod(self, y: $ty) -> $ty {
                self % y
            }

            #[inline]
            fn is_nan(self) -> bool {
                self.is_nan()
            }

            #[inline]
            fn is_infinite(self) -> bool {
                self.is_infinite()
            }

            #[inline]
            fn to_f64(self) -> f64 {
                self.into()
            }

            fn atan2(self, x: $ty) -> $ty {
                atan2(self.into(), x.into()) as $ty
            }

            fn pow(self, y: $ty) -> $ty {
                pow!(self, y, $ty)
            }
        }
    };
}

macro_rules! pow {
    ($x:expr, $y:expr, f32) => {
        libm::powf($x, $y)
    };
    ($x:expr, $y:expr, f64) => {
        libm::pow($x, $y)
    };
    ($x:expr, $y:expr, $ty:ty) => {
        libm::pow($x.into(), $y.into()) as $ty
    };
}

fn atan2(y: f64, x: f64) -> f64 {
    libm::atan2(y, x)
}

real!(
    f32, expm1 expm1f, ln logf, ln_1p log1pf, sin sinf, cos cosf, tan tanf, asin asinf, acos acosf, atan atanf,
    sinh sinhf, cosh coshf, asinh asinhf, acosh acoshf, atanh atanhf, erf erff, erfc erfcf, lgamma lgammaf
);
real!(
    f64, expm1 expm1, ln log, ln_1p log1p, sin sin, cos cos, tan tan, asin asin, acos acos, atan atan,
    sinh sinh, cosh cosh, asinh asinh, acosh acosh, atanh atanh, erf erf, erfc erfc, lgamma lgamma
);
