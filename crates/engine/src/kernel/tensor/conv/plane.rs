//! Pooling over planes: what a window takes is folded row by row, in the order of its elements, many places or channels at a time.
//!
//! Where channels come first and windows are small, the plane is laid out with its padding and folded at every place of a row, sixteen
//! beside each other; those between the strides are dropped. It costs less than going from place to place.

use super::Axis;
use crate::kernel::tensor::{
    product::{WIDTH, put},
    wide::{Wide, widest},
};

/// Most elements of a window that are folded at every place.
const WINDOW_MAX: usize = 64;

/// Longest stride along a row for which the places between are worth dropping.
const STRIDE_MAX: i64 = 4;

/// A pooling over two spatial dimensions.
pub(super) struct Plane {
    pub axes: [Axis; 2],
    pub batch: usize,
    pub channels: usize,
    pub last: bool,
}

impl Plane {
    /// Folds the elements of each window; one that has none stays at the beginning. None of the dimensions is 0. The beginning changes
    /// nothing where it is added (`is_neutral`).
    pub fn fold<T: Copy>(&self, x: &[T], result: &mut [T], begin: T, is_neutral: bool, add: impl Fn(T, T) -> T) {
        let [height, width] = self.axes;
        let (image, places) = (height.input * width.input, height.output * width.output);
        if image == 0 {
            result.fill(begin);
            return;
        }
        if let Some(laid) = self.laid().filter(|_| is_neutral) {
            return widest(Slide { laid, plane: self, x, result, begin, add });
        }
        result.fill(begin);
        let examples = if self.last { self.batch } else { self.batch * self.channels };
        let inner = if self.last { self.channels } else { 1 };
        let columns: Vec<_> = (0..width.kernel).map(|k| width.places(k, 0, width.output)).collect();
        let inside: Vec<_> = (0..width.output).map(|at| width.inside(at, 0, width.input as i64)).collect();
        for (x, result) in x.chunks_exact(image * inner).zip(result.chunks_exact_mut(places * inner)).take(examples) {
            for (at_y, to) in result.chunks_exact_mut(width.output * inner).enumerate() {
                for i in height.inside(at_y, 0, height.input as i64) {
                    let row = &x[height.place(at_y, i) as usize * width.input * inner..][..width.input * inner];
                    if self.last {
                        for (at_x, (to, inside)) in to.chunks_exact_mut(inner).zip(&inside).enumerate() {
                            for j in inside.clone() {
                                let from = &row[width.place(at_x, j) as usize * inner..][..inner];
                                to.iter_mut().zip(from).for_each(|(to, &x)| *to = add(*to, x));
                            }
                        }
                    } else {
                        for (j, places) in columns.iter().enumerate().filter(|(_, places)| !places.is_empty()) {
                            let from = &row[width.place(places.start, j) as usize..];
                            let to = &mut to[places.clone()];
                            match width.stride {
                                1 => to.iter_mut().zip(from).for_each(|(to, &x)| *to = add(*to, x)),
                                2 => {
                                    let from = from.chunks(2);
                                    to.iter_mut().zip(from).for_each(|(to, x)| *to = add(*to, x[0]));
                                }
                                stride => {
                                    let from = from.iter().step_by(stride as usize);
                                    to.iter_mut().zip(from).for_each(|(to, &x)| *to = add(*to, x));
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    /// Returns the sizes of a plane with its padding, where it is folded at every place.
    fn laid(&self) -> Option<[usize; 2]> {
        let [height, width] = self.axes;
        let is_small = height.kernel.checked_mul(width.kernel)? <= WINDOW_MAX && width.stride <= STRIDE_MAX;
        let sizes = self.axes.map(|axis| axis.place(axis.output - 1, axis.kernel - 1) + axis.before + 1);
        let [rows, columns] = [usize::try_from(sizes[0]).ok()?, usize::try_from(sizes[1]).ok()?];
        let most = 2 * (height.input * width.input + height.output * width.output) + 1024;
        (is_small && !self.last && width.output > 1 && rows.checked_mul(columns)? <= most).then_some([rows, columns])
    }

    /// Ends the fold of each window, by how many elements count there.
    pub fn end<T: Copy>(&self, result: &mut [T], include_pad: bool, end: impl Fn(T, usize) -> T) {
        let [height, width] = self.axes;
        let counted = |axis: &Axis, at: usize| {
            let (before, after) = if include_pad { (axis.before, axis.after) } else { (0, 0) };
            axis.inside(at, -before, axis.input as i64 + after).len()
        };
        let columns: Vec<usize> = (0..width.output).map(|at| counted(&width, at)).collect();
        let inner = if self.last { self.channels } else { 1 };
        for (row, to) in result.chunks_exact_mut(width.output * inner).enumerate() {
            let rows = counted(&height, row % height.output);
            for (to, columns) in to.chunks_exact_mut(inner).zip(&columns) {
                to.iter_mut().for_each(|to| *to = end(*to, rows * columns));
            }
        }
    }
}

/// Planes that are folded at every place.
struct Slide<'a, T, F> {
    laid: [usize; 2],
    plane: &'a Plane,
    x: &'a [T],
    result: &'a mut [T],
    begin: T,
    add: F,
}

impl<T: Copy, F: Fn(T, T) -> T> Wide for Slide<'_, T, F> {
    type Result = ();

    #[inline(always)]
    fn run<const KIND: u8>(self) {
        let Slide { laid: [rows, columns], plane, x, result, begin, add } = self;
        let [height, width] = plane.axes;
        // What lies beside the input stays as it is.
        let mut room = vec![begin; rows * columns + WIDTH];
        let mut offsets = [0; WINDOW_MAX];
        let offsets = &mut offsets[..height.kernel * width.kernel];
        for (k, offset) in offsets.iter_mut().enumerate() {
            let (i, j) = (k / width.kernel, k % width.kernel);
            *offset = i * height.dilation as usize * columns + j * width.dilation as usize;
        }
        // Which of the input a window reaches.
        let reached = |axis: &Axis, size: usize| {
            let low = (-axis.before).clamp(0, axis.input as i64);
            low as usize..(size as i64 - axis.before).clamp(low, axis.input as i64) as usize
        };
        let (tall, wide) = (reached(&height, rows), reached(&width, columns));
        let step = width.stride as usize;
        let (image, places) = (height.input * width.input, height.output * width.output);
        for (x, result) in x.chunks_exact(image).zip(result.chunks_exact_mut(places)) {
            for y in tall.clone() {
                let at = (y as i64 + height.before) as usize * columns + (wide.start as i64 + width.before) as usize;
                put(&mut room[at..at + wide.len()], &x[y * width.input..][wide.clone()]);
            }
            for (at_y, to) in result.chunks_exact_mut(width.output).enumerate() {
                let row = at_y * height.stride as usize * columns;
                // As many places as one turn of lanes gives.
                let turn = WIDTH.div_ceil(step);
                for (to, place) in to.chunks_mut(turn).zip((row..).step_by(turn * step)) {
                    let mut lanes = [begin; WIDTH];
                    for &offset in &*offsets {
                        if let Some(from) = room[place + offset..].first_chunk::<WIDTH>() {
                            // A place of its own, so that the lanes are one value to the compiler.
                            let mut next = [begin; WIDTH];
                            for j in 0..WIDTH {
                                next[j] = add(lanes[j], from[j]);
                            }
                            lanes = next;
                        }
                    }
                    match step {
                        1 => put(to, &lanes[..to.len()]),
                        2 => {
                            let mut half = [begin; WIDTH / 2];
                            for j in 0..WIDTH / 2 {
                                half[j] = lanes[2 * j];
                            }
                            put(to, &half[..to.len()]);
                        }
                        _ => to.iter_mut().zip(lanes.iter().step_by(step)).for_each(|(to, lane)| *to = *lane),
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rule: the elements of each window that lie within the input, in their order.
    fn folded(plane: &Plane, x: &[f32], begin: f32) -> Vec<f32> {
        let [height, width] = plane.axes;
        let mut result = Vec::new();
        for x in x.chunks_exact(height.input * width.input) {
            for (y, at) in (0..height.output).flat_map(|y| (0..width.output).map(move |at| (y, at))) {
                let mut all = begin;
                for i in height.inside(y, 0, height.input as i64) {
                    for j in width.inside(at, 0, width.input as i64) {
                        let place = height.place(y, i) as usize * width.input + width.place(at, j) as usize;
                        all += x[place];
                    }
                }
                result.push(all);
            }
        }
        result
    }

    #[test]
    fn windows_at_every_place_fold_what_windows_take() {
        let axis = |input: usize, kernel: usize, stride: i64, dilation: i64, before: i64, after: i64| {
            let reach = (kernel as i64 - 1) * dilation + 1;
            let output = (input as i64 + before + after - reach) / stride + 1;
            Axis { input, output: output as usize, kernel, stride, dilation, before, after }
        };
        for height in [axis(9, 3, 2, 1, 1, 1), axis(7, 2, 1, 3, 0, 0), axis(8, 3, 3, 1, -2, -1)] {
            for width in [
                axis(11, 3, 1, 1, 1, 1),
                axis(40, 2, 2, 1, 0, 0),
                axis(37, 3, 2, 2, 3, 4),
                axis(23, 4, 3, 1, -3, 2),
                axis(50, 2, 4, 1, 2, 2),
            ] {
                let plane = Plane { axes: [height, width], batch: 2, channels: 3, last: false };
                assert!(plane.laid().is_some());
                let x: Vec<f32> = (0..6 * height.input * width.input).map(|i| (i * i % 97) as f32 / 7.0).collect();
                let mut result = vec![f32::NAN; 6 * height.output * width.output];
                plane.fold(&x, &mut result, 0.0, true, |sum, x| sum + x);
                assert_eq!(result, folded(&plane, &x, 0.0), "{height:?} {width:?}");
                plane.fold(&x, &mut result, 0.0, false, |sum, x| sum + x);
                assert_eq!(result, folded(&plane, &x, 0.0), "{height:?} {width:?}");
            }
        }
    }
}
