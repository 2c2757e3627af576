//! Numbers of any type as the few that models compute in.

use model::tensor::{bf16, f16};

/// A number of a tensor.
pub(in super::super) trait Num: Copy {
    fn f32(self) -> f32;
    fn f64(self) -> f64;
    /// Cut toward zero; what does not fit becomes the nearest that does.
    fn i64(self) -> i64;
}

macro_rules! num {
    ($($ty:ty)*) => {$(
        impl Num for $ty {
            #[inline]
            fn f32(self) -> f32 {
                self as f32
            }

            #[inline]
            fn f64(self) -> f64 {
                self as f64
            }

            #[inline]
            fn i64(self) -> i64 {
                self as i64
            }
        }
    )*};
}

num! { i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 }

macro_rules! half {
    ($($ty:ty)*) => {$(
        impl Num for $ty {
            fn f32(self) -> f32 {
                self.to_f32()
            }

            fn f64(self) -> f64 {
                self.to_f64()
            }

            fn i64(self) -> i64 {
                self.to_f64() as i64
            }
        }
    )*};
}

half! { f16 bf16 }

/// Evaluates the expression, a result, with the name bound to the elements, which are numbers; refuses others.
macro_rules! each_number {
    ($tensor:expr, $elements:ident => $body:expr) => {
        match $tensor.data() {
            model::tensor::Data::I8($elements) => $body,
            model::tensor::Data::I16($elements) => $body,
            model::tensor::Data::I32($elements) => $body,
            model::tensor::Data::I64($elements) => $body,
            model::tensor::Data::U8($elements) => $body,
            model::tensor::Data::U16($elements) => $body,
            model::tensor::Data::U32($elements) => $body,
            model::tensor::Data::U64($elements) => $body,
            model::tensor::Data::F16($elements) => $body,
            model::tensor::Data::BF16($elements) => $body,
            model::tensor::Data::F32($elements) => $body,
            model::tensor::Data::F64($elements) => $body,
            _ => Err($crate::kernel::tensor::refuse_type($tensor)),
        }
    };
}

pub(in super::super) use each_number;
