//! Element by element: functions of one and two tensors, choices, casts.

mod binary;
mod cast;
mod complex;
mod real;
mod special;
mod unary;

use model::{
    PredictError, Shape, Tensor, each_element,
    tensor::{Data, Element, bf16, f16},
};
use plan::tensor::ElementOp;

use super::{
    Args, Done, Site, broadcast, refuse, refuse_type, too_large,
    wide::{Wide, widest},
};
use crate::error::CompileError;

/// An op of the family, ready to run.
pub(super) struct ElementKernel(ElementOp);

impl ElementKernel {
    pub(super) fn new(op: &ElementOp, _: &Site<'_>) -> Result<ElementKernel, CompileError> {
        Ok(ElementKernel(op.clone()))
    }

    pub(super) fn run(&self, args: &Args<'_>) -> Done {
        let Some(mut out) = args.out(0) else { return Ok(()) };
        let x = args.get(0)?;
        match &self.0 {
            ElementOp::Unary(op) => unary::run(*op, &x, &mut out),
            ElementOp::Binary(op) => binary::run(*op, &x, &*args.get(1)?, &mut out),
            ElementOp::Select => select(&x, &*args.get(1)?, &*args.get(2)?, &mut out),
            ElementOp::Clip => clip(&x, args.opt(1).as_deref(), args.opt(2).as_deref(), &mut out),
            ElementOp::Cast { to, saturate } => cast::run(&x, to, *saturate, &mut out),
            ElementOp::Bitcast { to } => cast::bits(&x, *to, &mut out),
        }
    }
}

/// Returns a function of one number.
pub(super) fn scalar<T: real::Real>(op: plan::tensor::Unary, x: T) -> T {
    unary::float(op, x)
}

/// Writes elements in another type.
pub(super) fn cast(x: &Tensor, to: &model::Type, out: &mut Tensor) -> Done {
    cast::run(x, to, false, out)
}

/// Writes a function of each element.
pub(super) fn binary(op: plan::tensor::Binary, a: &Tensor, b: &Tensor, out: &mut Tensor) -> Done {
    binary::run(op, a, b, out)
}

/// Puts a function upon each element.
pub(super) fn upon(op: plan::tensor::Unary, out: &mut Tensor) -> Done {
    if let Some(numbers) = out.get_mut::<f32>() {
        unary::put(op, numbers);
        return Ok(());
    }
    let from = out.clone();
    unary::run(op, &from, out)
}

fn select(test: &Tensor, a: &Tensor, b: &Tensor, out: &mut Tensor) -> Done {
    fn of<T: Element>(test: &Tensor, a: &Tensor, b: &Tensor, _: &[T], out: &mut Tensor) -> Done {
        let (Some(tests), Some(x), Some(y)) = (test.get::<bool>(), a.get::<T>(), b.get::<T>()) else {
            return Err(refuse("a boolean tensor and two of one type", "others"));
        };
        let to = broadcast::shape(&broadcast::shape(test.shape(), a.shape())?, b.shape())?;
        let result = out.make::<T>(to).map_err(too_large)?;
        broadcast::runs(&to, [test.shape(), a.shape(), b.shape()], |begin, length, [t, p, q]| {
            let at = |(begin, walks): (usize, bool), i: usize| begin + if walks { i } else { 0 };
            for (i, to) in result[begin..begin + length].iter_mut().enumerate() {
                *to = if tests[at(t, i)] { x[at(p, i)].clone() } else { y[at(q, i)].clone() };
            }
        });
        Ok(())
    }
    each_element!(a.data(), elements => of(test, a, b, elements, out))
}

fn clip(x: &Tensor, low: Option<&Tensor>, high: Option<&Tensor>, out: &mut Tensor) -> Done {
    fn bound<T: Element>(of: Option<&Tensor>) -> Result<Option<T>, PredictError> {
        match of.map(|tensor| (tensor.get::<T>(), tensor)) {
            None => Ok(None),
            Some((Some([one]), _)) => Ok(Some(one.clone())),
            Some((_, tensor)) => Err(refuse("a scalar of the tensor's type as bound", tensor.shape().to_string())),
        }
    }
    // Where there is no bound, nothing lies beyond the one that stands for it.
    macro_rules! of {
        ($x:expr, $ty:ty, $least:ident, $most:ident) => {{
            let low = bound::<$ty>(low)?.unwrap_or(<$ty>::$least);
            let high = bound::<$ty>(high)?.unwrap_or(<$ty>::$most);
            let result = out.make::<$ty>(*x.shape()).map_err(too_large)?;
            widest(Clip { from: $x, to: result, low, high });
            Ok(())
        }};
        ($x:expr, $ty:ty) => {
            of!($x, $ty, MIN, MAX)
        };
    }
    match x.data() {
        Data::F32(e) => of!(e, f32, NEG_INFINITY, INFINITY),
        Data::F64(e) => of!(e, f64, NEG_INFINITY, INFINITY),
        Data::F16(e) => of!(e, f16, NEG_INFINITY, INFINITY),
        Data::BF16(e) => of!(e, bf16, NEG_INFINITY, INFINITY),
        Data::I8(e) => of!(e, i8),
        Data::I16(e) => of!(e, i16),
        Data::I32(e) => of!(e, i32),
        Data::I64(e) => of!(e, i64),
        Data::U8(e) => of!(e, u8),
        Data::U16(e) => of!(e, u16),
        Data::U32(e) => of!(e, u32),
        Data::U64(e) => of!(e, u64),
        Data::Bool(_) | Data::C64(_) | Data::Bytes(_) => Err(refuse_type(x)),
    }
}

struct Clip<'a, T> {
    from: &'a [T],
    to: &'a mut [T],
    low: T,
    high: T,
}

impl<T: Copy + PartialOrd> Wide for Clip<'_, T> {
    type Result = ();

    #[inline(always)]
    fn run<const KIND: u8>(self) {
        let Clip { from, to, low, high } = self;
        for (to, &x) in to.iter_mut().zip(from) {
            // NaN stays.
            let x = if x < low { low } else { x };
            *to = if x > high { high } else { x };
        }
    }
}

/// Writes a function of each element.
fn each<T: Element, R: Element>(x: &[T], shape: &Shape, out: &mut Tensor, f: impl Fn(&T) -> R) -> Done {
    let result = out.make::<R>(*shape).map_err(too_large)?;
    for (to, x) in result.iter_mut().zip(x) {
        *to = f(x);
    }
    Ok(())
}
