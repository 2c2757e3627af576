//! Pooling over planes: what a window takes is folded row by row, in the order of its elements, many places or channels at a time.

use super::Axis;

/// A pooling over two spatial dimensions.
pub(super) struct Plane {
    pub axes: [Axis; 2],
    pub batch: usize,
    pub channels: usize,
    pub last: bool,
}

impl Plane {
    /// Folds the elements of each window; one that has none stays at the beginning. None of the dimensions is 0.
    pub fn fold<T: Copy>(&self, x: &[T], result: &mut [T], begin: T, add: impl Fn(T, T) -> T) {
        result.fill(begin);
        let [height, width] = self.axes;
        let (image, places) = (height.input * width.input, height.output * width.output);
        if image == 0 {
            return;
        }
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
