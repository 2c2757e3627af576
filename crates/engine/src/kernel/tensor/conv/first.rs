//! Channels first: filters are the left matrix, the windows of 16 places at a time a panel of the right one. Where that can be, the
//! input itself is the right one ([`super::flat`]).

use super::{Bias, Conv, Number, Product, flat, multiply};
use crate::kernel::tensor::{product::WIDTH, wide::BEST};

/// A part of a window's element over neighbouring places: it lies in the panel's row of that element from `to` on.
struct Part {
    row: usize,
    to: usize,
    length: usize,
    from: usize,
}

impl Conv<'_> {
    pub(super) fn first<T: Number>(&self, x: &[T], filters: &[T], bias: Option<&[T]>, result: &mut [T]) {
        if !flat::run(self, x, filters, bias, result, *BEST) {
            self.panels(x, filters, bias, result);
        }
    }

    /// Writes the windows out, sixteen places at a time.
    pub(super) fn panels<T: Number>(&self, x: &[T], filters: &[T], bias: Option<&[T]>, result: &mut [T]) {
        let (places_in, places) = self.places();
        let kernel = self.kernel();
        let common = self.input * kernel;
        T::with_room(|panel| {
            panel.clear();
            panel.resize(common * WIDTH, T::ZERO);
            let mut parts = Vec::new();
            for begin in (0..places).step_by(WIDTH) {
                let width = WIDTH.min(places - begin);
                self.parts(begin, width, &mut parts);
                panel.fill(T::ZERO);
                for i in 0..self.batch * self.groups {
                    let group = i % self.groups;
                    for c in 0..self.input {
                        let plane = &x[(i * self.input + c) * places_in..][..places_in];
                        self.lay(&parts, plane, &mut panel[c * kernel * WIDTH..][..kernel * WIDTH]);
                    }
                    let rows = self.output;
                    let left = &filters[group * rows * common..][..rows * common];
                    let bias = bias.map_or(Bias::None, |bias| Bias::Rows(&bias[group * rows..][..rows]));
                    let product = Product { left, stride: common, rows, common, bias, end: self.end };
                    multiply(&product, panel, width, &mut result[i * rows * places + begin..], places);
                }
            }
        });
    }

    /// Writes the parts of one channel into its rows of the panel; what no part covers stays 0.
    fn lay<T: Number>(&self, parts: &[Part], plane: &[T], rows: &mut [T]) {
        let stride = self.axes.last().map_or(1, |axis| axis.stride) as usize;
        for part in parts {
            let to = &mut rows[part.row * WIDTH + part.to..][..part.length];
            if stride == 1 {
                to.copy_from_slice(&plane[part.from..][..part.length]);
            } else {
                to.iter_mut().zip(plane[part.from..].iter().step_by(stride)).for_each(|(to, from)| *to = *from);
            }
        }
    }

    /// Finds what of each element of the window lies within the input, for the places from `begin` on.
    fn parts(&self, begin: usize, width: usize, parts: &mut Vec<Part>) {
        parts.clear();
        let (&inner, outer) = self.axes.split_last().expect("one spatial dimension at least");
        let kernels: Vec<usize> = outer.iter().map(|axis| axis.kernel).collect();
        let mut done = 0;
        while done < width {
            let (mut rest, column) = ((begin + done) / inner.output, (begin + done) % inner.output);
            let length = (inner.output - column).min(width - done);
            let mut at = vec![0; outer.len()];
            for (at, axis) in at.iter_mut().zip(outer).rev() {
                (*at, rest) = (rest % axis.output, rest / axis.output);
            }
            super::each_place(&kernels, |row, k| {
                let mut from = 0;
                for ((axis, &at), &k) in outer.iter().zip(&at).zip(k) {
                    let place = axis.place(at, k);
                    if place < 0 || place >= axis.input as i64 {
                        return;
                    }
                    from = from * axis.input + place as usize;
                }
                for k in 0..inner.kernel {
                    let inside = inner.places(k, column, column + length);
                    if !inside.is_empty() {
                        let from = from * inner.input + inner.place(inside.start, k) as usize;
                        let to = done + inside.start - column;
                        parts.push(Part { row: row * inner.kernel + k, to, length: inside.len(), from });
                    }
                }
            });
            done += length;
        }
    }
}
