//! Channels last, each channel by itself, up to two spatial dimensions: for each place, the window's elements are added to sixteen
//! channels at a time.

use super::{Axis, Conv, End, Number};
use crate::kernel::tensor::{
    product::{WIDTH, each_end, put},
    wide::{Wide, with},
};

struct Depthwise<'a, T> {
    conv: &'a Conv<'a>,
    axes: [Axis; 2],
    x: &'a [T],
    filters: &'a [T],
    bias: Option<&'a [T]>,
    result: &'a mut [T],
}

/// Writes the convolution by this kind of instructions, where it can be made so; returns whether it can.
pub(super) fn run<T: Number>(
    conv: &Conv<'_>,
    x: &[T],
    filters: &[T],
    bias: Option<&[T]>,
    result: &mut [T],
    kind: u8,
) -> bool {
    let Some(axes) = super::plane(&conv.axes) else { return false };
    with(Depthwise { conv, axes, x, filters, bias, result }, kind);
    true
}

/// Returns the first of these numbers, zeros after them.
#[inline(always)]
fn lanes<T: Number>(from: &[T], width: usize) -> [T; WIDTH] {
    if let Some(whole) = from.first_chunk() {
        return *whole;
    }
    let mut lanes = [T::ZERO; WIDTH];
    put(&mut lanes[..width], &from[..width]);
    lanes
}

impl<T: Number> Wide for Depthwise<'_, T> {
    type Result = ();

    #[inline(always)]
    fn run<const KIND: u8>(self) {
        let Depthwise { conv, axes: [y, x], x: from, filters, bias, result } = self;
        let channels = conv.groups;
        let (places_in, places) = conv.places();
        for batch in 0..conv.batch {
            let from = &from[batch * places_in * channels..][..places_in * channels];
            let result = &mut result[batch * places * channels..][..places * channels];
            for place in 0..places {
                let (at_y, at_x) = (place / x.output, place % x.output);
                let (rows, columns) = (y.inside(at_y, 0, y.input as i64), x.inside(at_x, 0, x.input as i64));
                for (to, c) in result[place * channels..][..channels].chunks_mut(WIDTH).zip((0..).step_by(WIDTH)) {
                    let mut sums = [T::ZERO; WIDTH];
                    for i in rows.clone() {
                        let row = y.place(at_y, i) as usize * x.input;
                        for j in columns.clone() {
                            let at = row + x.place(at_x, j) as usize;
                            let (x, weights) = (
                                lanes(&from[at * channels + c..], to.len()),
                                lanes(&filters[(i * x.kernel + j) * channels + c..], to.len()),
                            );
                            for lane in 0..WIDTH {
                                sums[lane] = sums[lane].step::<KIND>(x[lane], weights[lane]);
                            }
                        }
                    }
                    if let Some(bias) = bias {
                        let bias = lanes(&bias[c..], to.len());
                        for lane in 0..WIDTH {
                            sums[lane] = sums[lane].add(bias[lane]);
                        }
                    }
                    put(to, &sums[..to.len()]);
                }
            }
        }
        if conv.end != End::Keep {
            each_end(result, conv.end);
        }
    }
}
