//! Running sums and products.

use model::{
    Tensor,
    tensor::{Data, Element, bf16, f16},
};

use super::{Done, axis, refuse_type, too_large};

pub(super) fn run(x: &Tensor, along: i64, product: bool, [exclusive, reverse]: [bool; 2], out: &mut Tensor) -> Done {
    let along = axis(along, x.rank())?;
    let (length, inner) = (x.shape()[along], x.shape()[along + 1..].iter().product::<usize>());
    fn of<T: Element + Copy>(
        from: &[T],
        x: &Tensor,
        (length, inner): (usize, usize),
        (one, add): (T, impl Fn(T, T) -> T),
        [exclusive, reverse]: [bool; 2],
        out: &mut Tensor,
    ) -> Done {
        let result = out.make::<T>(*x.shape()).map_err(too_large)?;
        if result.is_empty() {
            return Ok(());
        }
        let mut sums = vec![one; inner];
        for (from, to) in from.chunks(length * inner).zip(result.chunks_mut(length * inner)) {
            sums.fill(one);
            for step in 0..length {
                let at = if reverse { length - 1 - step } else { step } * inner;
                for ((sum, from), to) in sums.iter_mut().zip(&from[at..at + inner]).zip(&mut to[at..at + inner]) {
                    let next = add(*sum, *from);
                    *to = if exclusive { *sum } else { next };
                    *sum = next;
                }
            }
        }
        Ok(())
    }
    let (way, flags) = ((length, inner), [exclusive, reverse]);
    macro_rules! ints {
        ($e:expr) => {
            if product {
                of($e, x, way, (1, |a, b| a.wrapping_mul(b)), flags, out)
            } else {
                of($e, x, way, (0, |a, b| a.wrapping_add(b)), flags, out)
            }
        };
    }
    macro_rules! floats {
        ($e:expr, $zero:expr, $one:expr) => {
            if product {
                of($e, x, way, ($one, |a, b| a * b), flags, out)
            } else {
                of($e, x, way, ($zero, |a, b| a + b), flags, out)
            }
        };
    }
    match x.data() {
        Data::F32(e) => floats!(e, 0.0, 1.0),
        Data::F64(e) => floats!(e, 0.0, 1.0),
        Data::F16(e) => floats!(e, f16::ZERO, f16::ONE),
        Data::BF16(e) => floats!(e, bf16::ZERO, bf16::ONE),
        Data::I8(e) => ints!(e),
        Data::I16(e) => ints!(e),
        Data::I32(e) => ints!(e),
        Data::I64(e) => ints!(e),
        Data::U8(e) => ints!(e),
        Data::U16(e) => ints!(e),
        Data::U32(e) => ints!(e),
        Data::U64(e) => ints!(e),
        Data::Bool(_) | Data::C64(_) | Data::Bytes(_) => Err(refuse_type(x)),
    }
}
