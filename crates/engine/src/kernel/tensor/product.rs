//! The product of matrices that dense layers, convolutions and recurrent cells share.
//!
//! The right matrix lies in panels of [`WIDTH`] columns, each row of a panel after the other; a block of rows of the left one
//! is multiplied with a panel at a time, its sums in registers. A sum begins with 0 and runs over the common dimension in order,
//! one rounded product after the other: the same bits for any number of rows and columns and on every processor, since
//! the wider instructions are taken for the same Rust code, which never contracts a product and a sum.

#![allow(unsafe_code)]

use std::cell::Cell;

use model::tensor::Element;

use super::float::{Float, exp32, tanh32};

/// Most numbers that a thread keeps room for.
const ROOM_MAX: usize = 1 << 20;

/// Columns of a panel.
pub(super) const WIDTH: usize = 16;

/// A number with products and sums.
pub(super) trait Number: Element + Copy {
    const ZERO: Self;

    /// Calls the function with this thread's room for numbers, whose elements hold anything.
    fn with_room<R>(work: impl FnOnce(&mut Vec<Self>) -> R) -> R;

    fn add(self, other: Self) -> Self;
    fn mul(self, other: Self) -> Self;
    fn finish(self, end: End) -> Self;

    /// Returns the numbers, where they are of this type.
    fn from_f32(_: &[f32]) -> Option<&[Self]> {
        None
    }
}

/// What becomes of a sum after its bias.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum End {
    Keep,
    Relu,
    Sigmoid,
    Tanh,
}

/// What is added to the sums.
#[derive(Clone, Copy)]
pub(super) enum Bias<'a, T> {
    None,
    /// One number for each row.
    Rows(&'a [T]),
    /// One number for each column.
    Columns(&'a [T]),
}

/// The left matrix and what is done with the sums.
#[derive(Clone, Copy)]
pub(super) struct Product<'a, T> {
    /// Row `i` begins at `i * stride`.
    pub left: &'a [T],
    pub stride: usize,
    pub rows: usize,
    pub common: usize,
    pub bias: Bias<'a, T>,
    pub end: End,
}

macro_rules! float {
    ($ty:ty, $sigmoid:expr, $tanh:path, $from_f32:expr) => {
        impl Number for $ty {
            const ZERO: $ty = 0.0;

            fn with_room<R>(work: impl FnOnce(&mut Vec<$ty>) -> R) -> R {
                thread_local!(static ROOM: Cell<Vec<$ty>> = const { Cell::new(Vec::new()) });
                // Taken out, so that one within another has a room of its own.
                let mut room = ROOM.take();
                let result = work(&mut room);
                if room.capacity() <= ROOM_MAX {
                    ROOM.set(room);
                }
                result
            }

            #[inline(always)]
            fn add(self, other: $ty) -> $ty {
                self + other
            }

            #[inline(always)]
            fn mul(self, other: $ty) -> $ty {
                self * other
            }

            #[inline(always)]
            fn finish(self, end: End) -> $ty {
                match end {
                    End::Keep => self,
                    // Not below 0, so that NaN stays.
                    End::Relu => if self < 0.0 { 0.0 } else { self },
                    End::Sigmoid => $sigmoid(self),
                    End::Tanh => $tanh(self),
                }
            }

            fn from_f32(numbers: &[f32]) -> Option<&[$ty]> {
                let of: fn(&[f32]) -> Option<&[$ty]> = $from_f32;
                of(numbers)
            }
        }
    };
}

float!(f32, |x: f32| 1.0 / (1.0 + exp32(-x)), tanh32, |numbers| Some(numbers));
float!(f64, Float::sigmoid, libm::tanh, |_| None);

macro_rules! integer {
    ($($ty:ty)*) => {$(
        impl Number for $ty {
            const ZERO: $ty = 0;

            fn with_room<R>(work: impl FnOnce(&mut Vec<$ty>) -> R) -> R {
                thread_local!(static ROOM: Cell<Vec<$ty>> = const { Cell::new(Vec::new()) });
                // Taken out, so that one within another has a room of its own.
                let mut room = ROOM.take();
                let result = work(&mut room);
                if room.capacity() <= ROOM_MAX {
                    ROOM.set(room);
                }
                result
            }

            #[inline(always)]
            fn add(self, other: $ty) -> $ty {
                self.wrapping_add(other)
            }

            #[inline(always)]
            fn mul(self, other: $ty) -> $ty {
                self.wrapping_mul(other)
            }

            #[inline(always)]
            fn finish(self, end: End) -> $ty {
                if end == End::Relu { self.max(Self::ZERO) } else { self }
            }
        }
    )*};
}

integer!(i32 i64 u32 u64);

/// Returns the room that the panels of a matrix take; `None` where no number holds it.
pub(super) fn panels_len(common: usize, columns: usize) -> Option<usize> {
    columns.div_ceil(WIDTH).checked_mul(WIDTH)?.checked_mul(common)
}

/// Lays a matrix into panels: element `(k, j)` stands at `k * steps.0 + j * steps.1`. The last panel ends in zeros.
pub(super) fn pack<T: Number>(
    matrix: &[T],
    (common, columns): (usize, usize),
    (step_k, step_j): (usize, usize),
    panels: &mut Vec<T>,
) {
    panels.clear();
    panels.resize(panels_len(common, columns).expect("no more than the matrix and 15 columns"), T::ZERO);
    if common == 0 {
        return;
    }
    for (p, panel) in panels.chunks_exact_mut(common * WIDTH).enumerate() {
        let begin = p * WIDTH;
        let width = WIDTH.min(columns - begin);
        for (k, row) in panel.as_chunks_mut::<WIDTH>().0.iter_mut().enumerate() {
            if step_j == 1 {
                row[..width].copy_from_slice(&matrix[k * step_k + begin..][..width]);
            } else {
                for (j, to) in row[..width].iter_mut().enumerate() {
                    *to = matrix[k * step_k + (begin + j) * step_j];
                }
            }
        }
    }
}

/// Writes the product with a matrix in panels: row `i` of the result begins at `i * step`, and is `columns` long.
pub(super) fn multiply<T: Number>(product: &Product<'_, T>, panels: &[T], columns: usize, out: &mut [T], step: usize) {
    if product.rows == 0 || columns == 0 {
        return;
    }
    assert!(panels_len(product.common, columns) == Some(panels.len()), "panels of this matrix");
    assert!((product.rows - 1) * product.stride + product.common <= product.left.len(), "rows within the left matrix");
    assert!(product.rows == 1 || columns <= step, "rows of the result one after the other");
    #[cfg(target_arch = "x86_64")]
    {
        if has_avx512() {
            // SAFETY: the processor has these instructions, as was just seen; the function is safe code otherwise.
            return unsafe { with_avx512(product, panels, columns, out, step) };
        }
        if is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has these instructions, as was just seen; the function is safe code otherwise.
            return unsafe { with_avx2(product, panels, columns, out, step) };
        }
    }
    all::<T, 4>(product, panels, columns, out, step);
}

#[cfg(target_arch = "x86_64")]
fn has_avx512() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx2")
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2")]
fn with_avx512<T: Number>(product: &Product<'_, T>, panels: &[T], columns: usize, out: &mut [T], step: usize) {
    all::<T, 8>(product, panels, columns, out, step);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn with_avx2<T: Number>(product: &Product<'_, T>, panels: &[T], columns: usize, out: &mut [T], step: usize) {
    all::<T, 6>(product, panels, columns, out, step);
}

/// Puts an end upon numbers, as the product does.
pub(super) fn ends<T: Number>(numbers: &mut [T], end: End) {
    #[cfg(target_arch = "x86_64")]
    {
        if has_avx512() {
            // SAFETY: the processor has these instructions, as was just seen; the function is safe code otherwise.
            return unsafe { ends_with_avx512(numbers, end) };
        }
        if is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has these instructions, as was just seen; the function is safe code otherwise.
            return unsafe { ends_with_avx2(numbers, end) };
        }
    }
    each_end(numbers, end);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2")]
fn ends_with_avx512<T: Number>(numbers: &mut [T], end: End) {
    each_end(numbers, end);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn ends_with_avx2<T: Number>(numbers: &mut [T], end: End) {
    each_end(numbers, end);
}

#[inline(always)]
fn each_end<T: Number>(numbers: &mut [T], end: End) {
    match end {
        End::Keep => {}
        End::Relu => numbers.iter_mut().for_each(|x| *x = x.finish(End::Relu)),
        End::Sigmoid => numbers.iter_mut().for_each(|x| *x = x.finish(End::Sigmoid)),
        End::Tanh => numbers.iter_mut().for_each(|x| *x = x.finish(End::Tanh)),
    }
}

/// Goes through the panels, and for each through the rows, `M` at a time.
#[inline(always)]
fn all<T: Number, const M: usize>(product: &Product<'_, T>, panels: &[T], columns: usize, out: &mut [T], step: usize) {
    if product.rows == 1 {
        return lone(product, panels, columns, out);
    }
    for begin in (0..columns).step_by(WIDTH) {
        let width = WIDTH.min(columns - begin);
        let panel = &panels[begin * product.common..][..WIDTH * product.common];
        let panel = panel.as_chunks::<WIDTH>().0;
        let mut row = 0;
        while row + M <= product.rows {
            block::<T, M>(product, row, panel, (begin, width), &mut out[row * step + begin..], step);
            row += M;
        }
        while row + 2 <= product.rows {
            block::<T, 2>(product, row, panel, (begin, width), &mut out[row * step + begin..], step);
            row += 2;
        }
        if row < product.rows {
            block::<T, 1>(product, row, panel, (begin, width), &mut out[row * step + begin..], step);
        }
    }
}

/// Writes a lone row, four panels side by side, so that their sums need not wait for each other.
#[inline(always)]
fn lone<T: Number>(product: &Product<'_, T>, panels: &[T], columns: usize, out: &mut [T]) {
    const SIDE: usize = 4;
    let size = WIDTH * product.common;
    let mut begin = 0;
    while begin + SIDE * WIDTH <= columns {
        let sides: [&[[T; WIDTH]]; SIDE] =
            std::array::from_fn(|i| panels[begin * product.common + i * size..][..size].as_chunks::<WIDTH>().0);
        let mut sums = [[T::ZERO; WIDTH]; SIDE];
        for (k, &x) in product.left[..product.common].iter().enumerate() {
            for i in 0..SIDE {
                let right = sides[i][k];
                for j in 0..WIDTH {
                    sums[i][j] = sums[i][j].add(x.mul(right[j]));
                }
            }
        }
        for (i, sums) in sums.into_iter().enumerate() {
            let begin = begin + i * WIDTH;
            end_block(product, 0, &mut [sums], (begin, WIDTH), &mut out[begin..], WIDTH);
        }
        begin += SIDE * WIDTH;
    }
    while begin < columns {
        let panel = panels[begin * product.common..][..size].as_chunks::<WIDTH>().0;
        block::<T, 1>(product, 0, panel, (begin, WIDTH.min(columns - begin)), &mut out[begin..], WIDTH);
        begin += WIDTH;
    }
}

/// Writes `M` rows of one panel's columns.
#[inline(always)]
fn block<T: Number, const M: usize>(
    product: &Product<'_, T>,
    row: usize,
    panel: &[[T; WIDTH]],
    (begin, width): (usize, usize),
    out: &mut [T],
    step: usize,
) {
    let common = product.common;
    let left: [&[T]; M] = std::array::from_fn(|i| &product.left[(row + i) * product.stride..][..common]);
    let panel = &panel[..common];
    let mut sums = [[T::ZERO; WIDTH]; M];
    for k in 0..common {
        let right = panel[k];
        for i in 0..M {
            let x = left[i][k];
            for j in 0..WIDTH {
                sums[i][j] = sums[i][j].add(x.mul(right[j]));
            }
        }
    }
    end_block(product, row, &mut sums, (begin, width), out, step);
}

/// Adds the bias to sums, ends them and writes them.
#[inline(always)]
fn end_block<T: Number, const M: usize>(
    product: &Product<'_, T>,
    row: usize,
    sums: &mut [[T; WIDTH]; M],
    (begin, width): (usize, usize),
    out: &mut [T],
    step: usize,
) {
    match product.bias {
        Bias::None => {}
        Bias::Rows(bias) => {
            for i in 0..M {
                sums[i] = sums[i].map(|sum| sum.add(bias[row + i]));
            }
        }
        Bias::Columns(bias) => {
            let mut lanes = [T::ZERO; WIDTH];
            lanes[..width].copy_from_slice(&bias[begin..begin + width]);
            for sums in &mut *sums {
                for j in 0..WIDTH {
                    sums[j] = sums[j].add(lanes[j]);
                }
            }
        }
    }
    match product.end {
        End::Keep => {}
        End::Relu => *sums = sums.map(|sums| sums.map(|sum| sum.finish(End::Relu))),
        End::Sigmoid => *sums = sums.map(|sums| sums.map(|sum| sum.finish(End::Sigmoid))),
        End::Tanh => *sums = sums.map(|sums| sums.map(|sum| sum.finish(End::Tanh))),
    }
    for (i, sums) in sums.iter().enumerate() {
        let to = &mut out[i * step..][..width];
        match to.as_chunks_mut::<WIDTH>().0 {
            [whole] => *whole = *sums,
            _ => to.copy_from_slice(&sums[..width]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Bias, End, Product, all, multiply, pack};

    fn numbers(n: usize, seed: u32) -> Vec<f32> {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 23) as f32 - 1.0
        };
        (0..n).map(|_| next()).collect()
    }

    /// The rule: one rounded product after the other, then the bias, then the end.
    fn plain(a: &[f32], b: &[f32], bias: &[f32], (rows, common, columns): (usize, usize, usize)) -> Vec<f32> {
        let mut out = Vec::new();
        for i in 0..rows {
            for j in 0..columns {
                let sum = (0..common).fold(0.0, |sum, k| sum + a[i * common + k] * b[k * columns + j]);
                out.push((sum + bias[j]).max(0.0));
            }
        }
        out
    }

    #[test]
    fn all_kernels_give_the_same_bits() {
        for (rows, common, columns) in
            [(1, 11, 12), (13, 7, 33), (9, 64, 16), (2, 1, 1), (17, 5, 48), (3, 0, 4), (1, 9, 150)]
        {
            let (a, b) = (numbers(rows * common, 1), numbers(common * columns, 2));
            let bias = numbers(columns, 3);
            let expected = plain(&a, &b, &bias, (rows, common, columns));
            let mut panels = Vec::new();
            pack(&b, (common, columns), (columns, 1), &mut panels);
            let turned: Vec<f32> = (0..columns * common).map(|i| b[i % common * columns + i / common]).collect();
            let mut same = Vec::new();
            pack(&turned, (common, columns), (1, common), &mut same);
            assert_eq!(panels, same);
            let product =
                Product { left: &a, stride: common, rows, common, bias: Bias::Columns(&bias), end: End::Relu };
            let mut out = vec![0.0; rows * columns];
            multiply(&product, &panels, columns, &mut out, columns);
            assert_eq!(out, expected);
            let mut portable = vec![0.0; rows * columns];
            all::<f32, 4>(&product, &panels, columns, &mut portable, columns);
            assert_eq!(portable, expected);
            // The curved ends too.
            for end in [End::Sigmoid, End::Tanh] {
                let product = Product { end, bias: Bias::None, ..product };
                multiply(&product, &panels, columns, &mut out, columns);
                all::<f32, 4>(&product, &panels, columns, &mut portable, columns);
                assert_eq!(out, portable);
            }
        }
    }
}
