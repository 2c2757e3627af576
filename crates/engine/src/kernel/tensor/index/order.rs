//! The order of elements, and what becomes of two of them at one place.

use std::cmp::Ordering;

use model::tensor::{Bytes, Complex, bf16, f16};
use plan::tensor::Merge;

/// Elements in order: a NaN above all others and equal to itself, `-0.0` equal to `0.0`.
pub(super) trait Ordered {
    fn order(&self, other: &Self) -> Ordering;

    /// Returns whether it is a NaN.
    fn is_no_number(&self) -> bool {
        false
    }
}

/// Numbers that merge.
pub(super) trait Merged: Copy {
    fn merge(self, new: Self, how: Merge) -> Self;
}

macro_rules! ints {
    ($($ty:ty)*) => {$(
        impl Ordered for $ty {
            #[inline]
            fn order(&self, other: &Self) -> Ordering {
                self.cmp(other)
            }
        }

        impl Merged for $ty {
            #[inline]
            fn merge(self, new: Self, how: Merge) -> Self {
                match how {
                    Merge::Put => new,
                    Merge::Add => self.wrapping_add(new),
                    Merge::Sub => self.wrapping_sub(new),
                    Merge::Mul => self.wrapping_mul(new),
                    Merge::Max => self.max(new),
                    Merge::Min => self.min(new),
                }
            }
        }
    )*};
}

ints! { i8 i16 i32 i64 u8 u16 u32 u64 }

macro_rules! floats {
    ($($ty:ty)*) => {$(
        impl Ordered for $ty {
            #[inline]
            fn order(&self, other: &Self) -> Ordering {
                self.partial_cmp(other).unwrap_or_else(|| self.is_nan().cmp(&other.is_nan()))
            }

            #[inline]
            fn is_no_number(&self) -> bool {
                self.is_nan()
            }
        }

        impl Merged for $ty {
            #[inline]
            fn merge(self, new: Self, how: Merge) -> Self {
                match how {
                    Merge::Put => new,
                    Merge::Add => self + new,
                    Merge::Sub => self - new,
                    Merge::Mul => self * new,
                    Merge::Max => if new > self || new.is_nan() { new } else { self },
                    Merge::Min => if new < self || new.is_nan() { new } else { self },
                }
            }
        }
    )*};
}

floats! { f16 bf16 f32 f64 }

impl Ordered for bool {
    fn order(&self, other: &Self) -> Ordering {
        self.cmp(other)
    }
}

impl Merged for bool {
    fn merge(self, new: Self, how: Merge) -> Self {
        match how {
            Merge::Put => new,
            Merge::Add | Merge::Max => self | new,
            Merge::Sub => self & !new,
            Merge::Mul | Merge::Min => self & new,
        }
    }
}

impl Ordered for Bytes {
    fn order(&self, other: &Self) -> Ordering {
        self.cmp(other)
    }
}

impl Ordered for Complex {
    fn order(&self, other: &Self) -> Ordering {
        self.re.order(&other.re).then(self.im.order(&other.im))
    }
}

/// Evaluates the expression with the name bound to the elements, which are numbers or booleans that merge; `None` for others.
macro_rules! each_merged {
    ($data:expr, $elements:ident => $body:expr) => {
        match $data {
            model::tensor::Data::Bool($elements) => Some($body),
            model::tensor::Data::I8($elements) => Some($body),
            model::tensor::Data::I16($elements) => Some($body),
            model::tensor::Data::I32($elements) => Some($body),
            model::tensor::Data::I64($elements) => Some($body),
            model::tensor::Data::U8($elements) => Some($body),
            model::tensor::Data::U16($elements) => Some($body),
            model::tensor::Data::U32($elements) => Some($body),
            model::tensor::Data::U64($elements) => Some($body),
            model::tensor::Data::F16($elements) => Some($body),
            model::tensor::Data::BF16($elements) => Some($body),
            model::tensor::Data::F32($elements) => Some($body),
            model::tensor::Data::F64($elements) => Some($body),
            model::tensor::Data::C64(_) | model::tensor::Data::Bytes(_) => None,
        }
    };
}

pub(super) use each_merged;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nan_is_above_all_and_stays_where_it_meets_another() {
        assert_eq!(f32::NAN.order(&f32::INFINITY), Ordering::Greater);
        assert_eq!(f32::NAN.order(&f32::NAN), Ordering::Equal);
        assert_eq!((-0.0f64).order(&0.0), Ordering::Equal);
        for how in [Merge::Add, Merge::Mul, Merge::Max, Merge::Min] {
            assert!(1f32.merge(f32::NAN, how).is_nan() && f32::NAN.merge(1.0, how).is_nan(), "{how:?}");
        }
        assert_eq!(i8::MAX.merge(1, Merge::Add), i8::MIN);
    }
}
