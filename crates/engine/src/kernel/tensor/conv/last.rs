//! Channels last: the windows of a block of places are the rows of the left matrix, filters the right one.

use super::{Bias, Conv, Number, Product, depthwise, multiply, pack};
use crate::kernel::tensor::wide::BEST;

/// Places that are taken together.
const BLOCK: usize = 48;

impl Conv<'_> {
    pub(super) fn last<T: Number>(&self, x: &[T], filters: &[T], bias: Option<&[T]>, result: &mut [T]) {
        let is_depthwise = self.input == 1 && self.output == 1 && self.groups > 1;
        if !is_depthwise || !depthwise::run(self, x, filters, bias, result, *BEST) {
            self.blocks(x, filters, bias, result);
        }
    }

    /// Writes the windows out, a block of places at a time.
    pub(super) fn blocks<T: Number>(&self, x: &[T], filters: &[T], bias: Option<&[T]>, result: &mut [T]) {
        let (_, places) = self.places();
        let common = self.kernel() * self.input;
        let total = self.groups * self.output;
        let columns = self.output;
        let mut panels = Vec::new();
        T::with_room(|rows| {
            rows.clear();
            rows.resize(common * BLOCK, T::ZERO);
            for group in 0..self.groups {
                let ready = self.filter.panels.as_ref().and_then(|panels| T::from_f32(&panels[group]));
                if ready.is_none() {
                    pack(&filters[group * columns..], (common, columns), (total, 1), &mut panels);
                }
                let panels = ready.unwrap_or(&panels);
                let bias = bias.map_or(Bias::None, |bias| Bias::Columns(&bias[group * columns..][..columns]));
                for begin in (0..self.batch * places).step_by(BLOCK) {
                    let count = BLOCK.min(self.batch * places - begin);
                    for i in 0..count {
                        self.window(x, group, begin + i, &mut rows[i * common..][..common]);
                    }
                    let product = Product { left: &*rows, stride: common, rows: count, common, bias, end: self.end };
                    multiply(&product, panels, columns, &mut result[begin * total + group * columns..], total);
                }
            }
        });
    }

    /// Writes the window at a place of the result, with zeros for what lies outside.
    fn window<T: Number>(&self, x: &[T], group: usize, place: usize, row: &mut [T]) {
        let (&inner, outer) = self.axes.split_last().expect("one spatial dimension at least");
        let channels = self.groups * self.input;
        let (mut rest, column) = (place / inner.output, place % inner.output);
        let mut at = [0; model::tensor::RANK_MAX];
        for (at, axis) in at.iter_mut().zip(outer).rev() {
            (*at, rest) = (rest % axis.output, rest / axis.output);
        }
        let inside = inner.inside(column, 0, inner.input as i64);
        let size = inner.kernel * self.input;
        let mut k = [0; model::tensor::RANK_MAX];
        for row in row.chunks_exact_mut(size.max(1)) {
            let mut from = Some(rest);
            for (i, axis) in outer.iter().enumerate() {
                let place = axis.place(at[i], k[i]);
                let place = usize::try_from(place).ok().filter(|place| *place < axis.input);
                from = from.zip(place).map(|(from, place)| from * axis.input + place);
            }
            match from.filter(|_| !inside.is_empty()) {
                None => row.fill(T::ZERO),
                Some(from) => {
                    row[..inside.start * self.input].fill(T::ZERO);
                    row[inside.end * self.input..].fill(T::ZERO);
                    let begin = from * inner.input + inner.place(column, inside.start) as usize;
                    let row = &mut row[inside.start * self.input..inside.end * self.input];
                    if inner.dilation == 1 && self.groups == 1 {
                        row.copy_from_slice(&x[begin * channels..][..row.len()]);
                    } else {
                        for (i, row) in row.chunks_exact_mut(self.input).enumerate() {
                            let place = begin + i * inner.dilation as usize;
                            row.copy_from_slice(&x[place * channels + group * self.input..][..self.input]);
                        }
                    }
                }
            }
            for (k, axis) in k.iter_mut().zip(outer).rev() {
                *k += 1;
                if *k < axis.kernel {
                    break;
                }
                *k = 0;
            }
        }
    }
}
