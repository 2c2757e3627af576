//! The product of matrices that dense layers, convolutions and recurrent cells share.
//!
//! The right matrix lies in panels of [`WIDTH`] columns, each row of a panel after the other; a block of rows of the left one
//! is multiplied with one or two panels at a time, its sums in registers. A sum begins with 0 and runs over the common dimension in
//! order; a product of float32 is added with one rounding, as [`super::wide`] has it. So the bits are the same for any number of
//! rows and columns and on every processor.

use std::cell::Cell;

use model::tensor::Element;

use super::{
    float::{Float, exp32, tanh32},
    wide::{AVX2, AVX512, PORTABLE, Wide, fused, widest},
};

/// Most numbers that a thread keeps room for.
const ROOM_MAX: usize = 1 << 20;

/// Columns of a panel.
pub(super) const WIDTH: usize = 16;

/// A number with products and sums.
pub(super) trait Number: Element + Copy {
    const ZERO: Self;

    /// Whether products of this type are common enough for code of each kind of instructions.
    const IS_COMMON: bool;

    /// Calls the function with this thread's room for numbers, whose elements hold anything.
    fn with_room<R>(work: impl FnOnce(&mut Vec<Self>) -> R) -> R;

    fn add(self, other: Self) -> Self;
    /// Returns the sum with the product added, in the way of all sums of products.
    fn step<const KIND: u8>(self, x: Self, y: Self) -> Self;
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
    ($ty:ty, $step:expr, $sigmoid:expr, $tanh:path, $from_f32:expr) => {
        impl Number for $ty {
            const ZERO: $ty = 0.0;
            const IS_COMMON: bool = true;

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
            fn step<const KIND: u8>(self, x: $ty, y: $ty) -> $ty {
                $step(self, x, y)
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

float!(f32, fused::<KIND>, |x: f32| 1.0 / (1.0 + exp32(-x)), tanh32, |numbers| Some(numbers));
float!(f64, |sum: f64, x: f64, y: f64| sum + x * y, Float::sigmoid, libm::tanh, |_| None);

macro_rules! integer {
    ($($ty:ty)*) => {$(
        impl Number for $ty {
            const ZERO: $ty = 0;
            const IS_COMMON: bool = size_of::<$ty>() == 4;

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
            fn step<const KIND: u8>(self, x: $ty, y: $ty) -> $ty {
                self.wrapping_add(x.wrapping_mul(y))
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
    let work = Packed { product, panels, columns, out, step };
    if T::IS_COMMON { widest(work) } else { work.run::<PORTABLE>() }
}

/// A product with a matrix in panels.
struct Packed<'a, T> {
    product: &'a Product<'a, T>,
    panels: &'a [T],
    columns: usize,
    out: &'a mut [T],
    step: usize,
}

impl<T: Number> Wide for Packed<'_, T> {
    type Result = ();

    #[inline(always)]
    fn run<const KIND: u8>(self) {
        all::<T, KIND>(self.product, self.panels, self.columns, self.out, self.step);
    }
}

/// Writes the product of few rows with a matrix as it lies, row after row: laying it into panels would cost more.
pub(super) fn multiply_plain<T: Number>(left: &[T], right: &[T], common: usize, columns: usize, out: &mut [T]) {
    widest(Plain { left, right, common, columns, out });
}

struct Plain<'a, T> {
    left: &'a [T],
    right: &'a [T],
    common: usize,
    columns: usize,
    out: &'a mut [T],
}

impl<T: Number> Wide for Plain<'_, T> {
    type Result = ();

    #[inline(always)]
    fn run<const KIND: u8>(self) {
        let Plain { left, right, common, columns, out } = self;
        for (i, sums) in out.chunks_exact_mut(columns.max(1)).enumerate() {
            sums.fill(T::ZERO);
            for (&x, right) in left[i * common..][..common].iter().zip(right.chunks_exact(columns)) {
                for (sum, &y) in sums.iter_mut().zip(right) {
                    *sum = sum.step::<KIND>(x, y);
                }
            }
        }
    }
}

/// Puts an end upon numbers, as the product does.
pub(super) fn ends<T: Number>(numbers: &mut [T], end: End) {
    widest(Ends { numbers, end });
}

struct Ends<'a, T> {
    numbers: &'a mut [T],
    end: End,
}

impl<T: Number> Wide for Ends<'_, T> {
    type Result = ();

    #[inline(always)]
    fn run<const KIND: u8>(self) {
        each_end(self.numbers, self.end);
    }
}

/// Puts an end upon numbers, many at a time: the last of them once more together with some before them, where they alone are too few.
#[inline(always)]
pub(super) fn each_end<T: Number>(numbers: &mut [T], end: End) {
    // Loops, not closures of the library: what is not inlined here is compiled without the instructions.
    #[inline(always)]
    fn some<T: Number, const N: usize>(numbers: &mut [T], end: &impl Fn(T) -> T) -> bool {
        let Some(&(mut last)) = numbers.last_chunk::<N>() else { return false };
        let (lanes, rest) = numbers.as_chunks_mut::<N>();
        let is_whole = rest.is_empty();
        for lanes in lanes {
            for x in lanes {
                *x = end(*x);
            }
        }
        if !is_whole && let Some(to) = numbers.last_chunk_mut::<N>() {
            for x in &mut last {
                *x = end(*x);
            }
            *to = last;
        }
        true
    }
    #[inline(always)]
    fn each<T: Number>(numbers: &mut [T], end: impl Fn(T) -> T) {
        if !some::<T, WIDTH>(numbers, &end) && !some::<T, 8>(numbers, &end) && !some::<T, 4>(numbers, &end) {
            for x in numbers {
                *x = end(*x);
            }
        }
    }
    match end {
        End::Keep => {}
        End::Relu => each(numbers, |x| x.finish(End::Relu)),
        End::Sigmoid => each(numbers, |x| x.finish(End::Sigmoid)),
        End::Tanh => each(numbers, |x| x.finish(End::Tanh)),
    }
}

/// Copies a few numbers: in pieces of fixed sizes, since a copy of any length is a call.
#[inline(always)]
pub(super) fn put<T: Copy>(to: &mut [T], from: &[T]) {
    let (whole, rest) = from.as_chunks::<WIDTH>();
    let (to, last) = to.as_chunks_mut::<WIDTH>();
    for (to, from) in to.iter_mut().zip(whole) {
        *to = *from;
    }
    let (to, from, mut at) = (last, rest, 0);
    macro_rules! piece {
        ($($n:literal)*) => {$(
            if let (Some(to), Some(from)) = (to[at..].first_chunk_mut::<$n>(), from[at..].first_chunk::<$n>()) {
                *to = *from;
                at += $n;
            }
        )*};
    }
    piece!(8 4 2);
    if let (Some(to), Some(from)) = (to.get_mut(at), from.get(at)) {
        *to = *from;
    }
}

/// Goes through the panels, and for each through the rows, as many at a time as registers hold the sums of.
#[inline(always)]
fn all<T: Number, const KIND: u8>(product: &Product<'_, T>, panels: &[T], columns: usize, out: &mut [T], step: usize) {
    // Curves are put upon whole rows afterwards: there the compiler takes many numbers at once, and none that lie beyond the columns.
    let is_curved = matches!(product.end, End::Sigmoid | End::Tanh);
    let whole = Product { end: if is_curved { End::Keep } else { product.end }, ..*product };
    let out = &mut out[..(product.rows - 1) * step + columns];
    if product.rows == 1 {
        lone::<T, KIND>(&whole, panels, columns, out);
        if is_curved {
            each_end(out, product.end);
        }
        return;
    }
    let panel = |begin: usize| panels[begin * product.common..][..WIDTH * product.common].as_chunks::<WIDTH>().0;
    let side = |begin: usize| Side::new(&whole, begin, columns, step == columns);
    let count = columns.div_ceil(WIDTH);
    // Two panels of float32 side by side halve the loads of the left matrix.
    let paired = if KIND == AVX512 && size_of::<T>() <= 4 { count / 2 * 2 } else { 0 };
    // From the last panel to the first, as whole lanes want it.
    for begin in (paired * WIDTH..columns).step_by(WIDTH).rev() {
        let side = side(begin);
        let mut row = 0;
        macro_rules! rows {
            ($($m:literal)*) => {$(
                while product.rows - row >= $m {
                    block::<T, $m, KIND>(&whole, row, panel(begin), &side, &mut out[row * step + begin..], step);
                    row += $m;
                }
            )*};
        }
        match KIND {
            AVX512 => {
                rows!(8 4 1);
            }
            AVX2 => {
                rows!(6 2 1);
            }
            _ => {
                rows!(4 1);
            }
        }
    }
    for begin in (0..paired * WIDTH).step_by(2 * WIDTH).rev() {
        let sides = [side(begin), side(begin + WIDTH)];
        let panels = [panel(begin), panel(begin + WIDTH)];
        let mut row = 0;
        macro_rules! rows {
            ($($m:literal)*) => {$(
                while product.rows - row >= $m {
                    pair::<T, $m, KIND>(&whole, row, panels, &sides, &mut out[row * step + begin..], step);
                    row += $m;
                }
            )*};
        }
        rows!(8 4 1);
    }
    if is_curved && step == columns {
        each_end(out, product.end);
    } else if is_curved {
        for row in out.chunks_mut(step) {
            each_end(&mut row[..columns], product.end);
        }
    }
}

/// The columns of a panel, and what is added to them.
struct Side<T> {
    begin: usize,
    width: usize,
    bias: [T; WIDTH],
    /// Whether all lanes may be written, those beyond the columns too: rows lie one against the other, so that what is written
    /// beyond one is the beginning of the next, which is written after it. Panels are taken from the last to the first for that.
    is_whole: bool,
}

impl<T: Number> Side<T> {
    #[inline(always)]
    fn new(product: &Product<'_, T>, begin: usize, columns: usize, is_dense: bool) -> Side<T> {
        let width = WIDTH.min(columns - begin);
        let mut bias = [T::ZERO; WIDTH];
        if let Bias::Columns(numbers) = product.bias {
            put(&mut bias[..width], &numbers[begin..begin + width]);
        }
        Side { begin, width, bias, is_whole: is_dense || width == WIDTH }
    }
}

/// Writes a lone row, four panels side by side, so that their sums need not wait for each other.
#[inline(always)]
fn lone<T: Number, const KIND: u8>(product: &Product<'_, T>, panels: &[T], columns: usize, out: &mut [T]) {
    const SIDE: usize = 4;
    let size = WIDTH * product.common;
    let mut begin = 0;
    while begin + SIDE * WIDTH <= columns {
        let mut sides: [&[[T; WIDTH]]; SIDE] = [&[]; SIDE];
        for (i, side) in sides.iter_mut().enumerate() {
            *side = panels[begin * product.common + i * size..][..size].as_chunks::<WIDTH>().0;
        }
        let mut sums = [[T::ZERO; WIDTH]; SIDE];
        for (k, &x) in product.left[..product.common].iter().enumerate() {
            for i in 0..SIDE {
                let right = sides[i][k];
                for j in 0..WIDTH {
                    sums[i][j] = sums[i][j].step::<KIND>(x, right[j]);
                }
            }
        }
        for (i, sums) in sums.into_iter().enumerate() {
            let side = Side::new(product, begin + i * WIDTH, columns, false);
            end_block(product, 0, &[sums], &side, &mut out[side.begin..], WIDTH);
        }
        begin += SIDE * WIDTH;
    }
    while begin < columns {
        let panel = panels[begin * product.common..][..size].as_chunks::<WIDTH>().0;
        let side = Side::new(product, begin, columns, false);
        block::<T, 1, KIND>(product, 0, panel, &side, &mut out[begin..], WIDTH);
        begin += WIDTH;
    }
}

/// Writes `M` rows of two panels' columns.
#[inline(always)]
fn pair<T: Number, const M: usize, const KIND: u8>(
    product: &Product<'_, T>,
    row: usize,
    panels: [&[[T; WIDTH]]; 2],
    sides: &[Side<T>; 2],
    out: &mut [T],
    step: usize,
) {
    let common = product.common;
    let mut left: [&[T]; M] = [&[]; M];
    for (i, left) in left.iter_mut().enumerate() {
        *left = &product.left[(row + i) * product.stride..][..common];
    }
    let panels = [&panels[0][..common], &panels[1][..common]];
    let mut sums = [[[T::ZERO; WIDTH]; M]; 2];
    for k in 0..common {
        let right = [panels[0][k], panels[1][k]];
        for i in 0..M {
            let x = left[i][k];
            for side in 0..2 {
                for j in 0..WIDTH {
                    sums[side][i][j] = sums[side][i][j].step::<KIND>(x, right[side][j]);
                }
            }
        }
    }
    // Another place for what is ended, so that the sums themselves stay in registers.
    let done = sums;
    end_block(product, row, &done[1], &sides[1], &mut out[WIDTH..], step);
    end_block(product, row, &done[0], &sides[0], out, step);
}

/// Writes `M` rows of one panel's columns.
#[inline(always)]
fn block<T: Number, const M: usize, const KIND: u8>(
    product: &Product<'_, T>,
    row: usize,
    panel: &[[T; WIDTH]],
    side: &Side<T>,
    out: &mut [T],
    step: usize,
) {
    let common = product.common;
    let mut left: [&[T]; M] = [&[]; M];
    for (i, left) in left.iter_mut().enumerate() {
        *left = &product.left[(row + i) * product.stride..][..common];
    }
    let panel = &panel[..common];
    let mut sums = [[T::ZERO; WIDTH]; M];
    for k in 0..common {
        let right = panel[k];
        for i in 0..M {
            let x = left[i][k];
            for j in 0..WIDTH {
                sums[i][j] = sums[i][j].step::<KIND>(x, right[j]);
            }
        }
    }
    // Another place for what is ended, so that the sums themselves stay in registers.
    let done = sums;
    end_block(product, row, &done, side, out, step);
}

/// Adds the bias to sums, ends them, but for curves, and writes them.
#[inline(always)]
fn end_block<T: Number, const M: usize>(
    product: &Product<'_, T>,
    row: usize,
    sums: &[[T; WIDTH]; M],
    side: &Side<T>,
    out: &mut [T],
    step: usize,
) {
    if side.is_whole && out.len() >= (M - 1) * step + WIDTH {
        for i in 0..M {
            if let Some(to) = out[i * step..].first_chunk_mut() {
                *to = ended(product, row + i, sums[i], side);
            }
        }
        return;
    }
    for i in 0..M {
        let lanes = ended(product, row + i, sums[i], side);
        put(&mut out[i * step..][..side.width], &lanes[..side.width]);
    }
}

/// Returns a row's sums with what is added to them and their end, but for curves.
#[inline(always)]
fn ended<T: Number>(product: &Product<'_, T>, row: usize, sums: [T; WIDTH], side: &Side<T>) -> [T; WIDTH] {
    let mut lanes = sums;
    match product.bias {
        Bias::None => {}
        Bias::Rows(bias) => {
            for lane in &mut lanes {
                *lane = lane.add(bias[row]);
            }
        }
        Bias::Columns(_) => {
            for (lane, &bias) in lanes.iter_mut().zip(&side.bias) {
                *lane = lane.add(bias);
            }
        }
    }
    if product.end == End::Relu {
        for lane in &mut lanes {
            *lane = lane.finish(End::Relu);
        }
    }
    lanes
}

#[cfg(test)]
mod tests {
    use super::{super::wide, Bias, End, Ends, Packed, Plain, Product, pack};

    fn numbers(n: usize, seed: u32) -> Vec<f32> {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 23) as f32 - 1.0
        };
        (0..n).map(|_| next()).collect()
    }

    /// The rule: one product after the other is added with one rounding, then the bias, then the end.
    fn plain(a: &[f32], b: &[f32], bias: &[f32], (rows, common, columns): (usize, usize, usize)) -> Vec<f32> {
        let mut out = Vec::new();
        for i in 0..rows {
            for j in 0..columns {
                let sum = (0..common).fold(0.0, |sum, k| a[i * common + k].mul_add(b[k * columns + j], sum));
                out.push((sum + bias[j]).max(0.0));
            }
        }
        out
    }

    #[test]
    fn all_kinds_of_instructions_give_the_same_bits() {
        let mut sizes =
            vec![(17, 5, 48), (3, 0, 4), (1, 9, 150), (9, 64, 16), (33, 21, 65), (8, 3, 32), (0, 3, 2), (3, 2, 0)];
        sizes.extend((1..20).flat_map(|rows| (1..20).map(move |columns| (rows, rows * columns % 7, columns + rows))));
        for (rows, common, columns) in sizes {
            let (a, b) = (numbers(rows * common, 1), numbers(common * columns, 2));
            let bias = numbers(columns, 3);
            let expected = plain(&a, &b, &bias, (rows, common, columns));
            let mut panels = Vec::new();
            pack(&b, (common, columns), (columns, 1), &mut panels);
            let turned: Vec<f32> = (0..columns * common).map(|i| b[i % common * columns + i / common]).collect();
            let mut same = Vec::new();
            pack(&turned, (common, columns), (1, common), &mut same);
            assert_eq!(panels, same);
            if rows == 0 || columns == 0 {
                continue;
            }
            let made = |bias, end, kind| {
                let product = Product { left: &a, stride: common, rows, common, bias, end };
                let mut out = vec![f32::NAN; rows * columns];
                wide::with(Packed { product: &product, panels: &panels, columns, out: &mut out, step: columns }, kind);
                out
            };
            let sums = made(Bias::None, End::Keep, wide::PORTABLE);
            for kind in [wide::PORTABLE, wide::AVX2, wide::AVX512] {
                assert_eq!(made(Bias::Columns(&bias), End::Relu, kind), expected);
                for step in [columns, columns + 3] {
                    let product =
                        Product { left: &a, stride: common, rows, common, bias: Bias::Columns(&bias), end: End::Relu };
                    let mut out = vec![f32::NAN; rows * step + 40];
                    wide::with(Packed { product: &product, panels: &panels, columns, out: &mut out, step }, kind);
                    for (i, row) in out.chunks(step).enumerate() {
                        // What is beside a row, and after the last, stays as it was.
                        let (row, beside) = row.split_at(columns.min(row.len()));
                        assert!(beside.iter().all(|x| x.is_nan()));
                        match expected.get(i * columns..(i + 1) * columns) {
                            Some(expected) => assert_eq!(row, expected),
                            None => assert!(row.iter().all(|x| x.is_nan())),
                        }
                    }
                }
                let mut lying = vec![f32::NAN; rows * columns];
                wide::with(Plain { left: &a, right: &b, common, columns, out: &mut lying }, kind);
                assert_eq!(lying, sums);
                for end in [End::Sigmoid, End::Tanh] {
                    let mut ended = sums.clone();
                    wide::with(Ends { numbers: &mut ended, end }, kind);
                    assert_eq!(made(Bias::None, end, wide::AVX512), ended);
                }
            }
        }
    }
}
