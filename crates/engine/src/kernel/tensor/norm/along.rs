//! Along one axis: softmax, the greatest, norms.

use super::{Along, Done, Float, Tensor, elements, make, refuse};
use crate::kernel::tensor::wide::{Wide, widest};

pub(super) fn softmax<T: Float>(x: &Tensor, axis: i64, flat: bool, log: bool, out: &mut Tensor) -> Done {
    let along = Along::new(x.shape(), axis, flat)?;
    let from = elements::<T>(x)?;
    let result = make::<T>(out, *x.shape())?;
    let (length, inner) = (along.length, along.inner);
    if result.is_empty() {
        return Ok(());
    }
    if inner == 1 {
        widest(Rows { from, to: result, length, log });
        return Ok(());
    }
    let mut most = vec![T::LEAST; inner];
    let mut sums = vec![T::ZERO; inner];
    for (to, from) in result.chunks_exact_mut(length * inner).zip(from.chunks_exact(length * inner)) {
        most.fill(T::LEAST);
        sums.fill(T::ZERO);
        for from in from.chunks_exact(inner) {
            most.iter_mut().zip(from).for_each(|(most, &x)| *most = most.most(x));
        }
        for (to, from) in to.chunks_exact_mut(inner).zip(from.chunks_exact(inner)) {
            for i in 0..inner {
                let less = from[i] - most[i];
                let power = less.exp();
                to[i] = if log { less } else { power };
                sums[i] += power;
            }
        }
        for to in to.chunks_exact_mut(inner) {
            for i in 0..inner {
                to[i] = if log { to[i] - sums[i].ln() } else { to[i] / sums[i] };
            }
        }
    }
    Ok(())
}

struct Rows<'a, T> {
    from: &'a [T],
    to: &'a mut [T],
    length: usize,
    log: bool,
}

impl<T: Float> Wide for Rows<'_, T> {
    type Result = ();

    #[inline(always)]
    fn run<const KIND: u8>(self) {
        for (to, from) in self.to.chunks_exact_mut(self.length).zip(self.from.chunks_exact(self.length)) {
            row(from, to, self.log);
        }
    }
}

/// Writes softmax of one row, or its logarithm.
#[inline(always)]
pub(super) fn row<T: Float>(from: &[T], to: &mut [T], log: bool) {
    let most = from.iter().fold(T::LEAST, |most, &x| most.most(x));
    for (to, &x) in to.iter_mut().zip(from) {
        *to = (x - most).exp();
    }
    let sum = to.iter().fold(T::ZERO, |sum, &x| sum + x);
    if log {
        let less = sum.ln();
        to.iter_mut().zip(from).for_each(|(to, &x)| *to = x - most - less);
    } else {
        to.iter_mut().for_each(|to| *to = *to / sum);
    }
}

pub(super) fn hardmax<T: Float>(x: &Tensor, axis: i64, flat: bool, out: &mut Tensor) -> Done {
    let along = Along::new(x.shape(), axis, flat)?;
    let from = elements::<T>(x)?;
    let result = make::<T>(out, *x.shape())?;
    result.fill(T::ZERO);
    if result.is_empty() {
        return Ok(());
    }
    for outer in 0..along.outer {
        for inner in 0..along.inner {
            let at = |i: usize| (outer * along.length + i) * along.inner + inner;
            let greater = |best: usize, i: usize| {
                let (x, most) = (from[at(i)], from[at(best)]);
                if x > most || (x.is_nan() && !most.is_nan()) { i } else { best }
            };
            result[at((1..along.length).fold(0, greater))] = T::ONE;
        }
    }
    Ok(())
}

pub(super) fn lp_norm<T: Float>(x: &Tensor, axis: i64, p: i64, out: &mut Tensor) -> Done {
    if p != 1 && p != 2 {
        return Err(refuse("the norm of p 1 or 2", p.to_string()));
    }
    let along = Along::new(x.shape(), axis, false)?;
    let from = elements::<T>(x)?;
    let result = make::<T>(out, *x.shape())?;
    for outer in 0..along.outer {
        for inner in 0..along.inner {
            let at = |i: usize| (outer * along.length + i) * along.inner + inner;
            let numbers = (0..along.length).map(|i| from[at(i)]);
            let norm = if p == 1 {
                numbers.fold(T::ZERO, |sum, x| sum + x.abs())
            } else {
                numbers.fold(T::ZERO, |sum, x| sum + x * x).sqrt()
            };
            for i in 0..along.length {
                result[at(i)] = if norm == T::ZERO { T::ZERO } else { from[at(i)] / norm };
            }
        }
    }
    Ok(())
}

pub(super) fn lrn<T: Float>(x: &Tensor, axis: i64, size: usize, [alpha, beta, bias]: [T; 3], out: &mut Tensor) -> Done {
    let along = Along::new(x.shape(), axis, false)?;
    let Some(reach) = size.checked_sub(1) else { return Err(refuse("a window of 1 channel at least", "0")) };
    let (before, after) = (reach / 2, reach - reach / 2);
    let from = elements::<T>(x)?;
    let result = make::<T>(out, *x.shape())?;
    for outer in 0..along.outer {
        for c in 0..along.length {
            let window = c.saturating_sub(before)..c.saturating_add(after).saturating_add(1).min(along.length);
            for inner in 0..along.inner {
                let at = |c: usize| (outer * along.length + c) * along.inner + inner;
                let squares = window.clone().fold(T::ZERO, |sum, c| sum + from[at(c)] * from[at(c)]);
                let base = bias + alpha * squares;
                result[at(c)] = from[at(c)] / base.powf(beta);
            }
        }
    }
    Ok(())
}
