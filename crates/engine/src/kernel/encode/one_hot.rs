//! A category to a vector with a 1 at its place.

use model::{FaultKind, FaultValue};
use plan::Invalid;

use crate::frame::{Env, Home};

/// [`plan::EncodeOp::OneHot`].
pub struct OneHot {
    categories: u32,
    size: u32,
    invalid: Invalid,
}

impl OneHot {
    pub(super) fn new(categories: u32, size: u32, invalid: Invalid) -> OneHot {
        OneHot { categories, size, invalid }
    }

    pub(super) fn run(&self, env: &Env<'_>, input: Home, output: Home) {
        let cells = env.frame.cells(input);
        let mut out = env.frame.vectors_mut(output);
        out.clear();
        for row in 0..env.frame.rows() {
            let number = if env.frame.is_live(row) { cells.number(row) } else { None };
            let Some(number) = number else {
                out.push_null();
                continue;
            };
            // The comparison comes before the cut: -0.5 is no category.
            let place = match 0.0 <= number && number < f64::from(self.categories) {
                true => number as u32,
                false if self.invalid == Invalid::Keep => self.categories,
                false => {
                    self.end_invalid(env, row, number);
                    out.push_null();
                    continue;
                }
            };
            let (index_start, value_start) = (out.indices.len(), out.values.len());
            if place < self.size {
                out.indices.push(place);
                out.values.push(1.0);
            }
            out.end_sparse(self.size, index_start, value_start);
        }
    }

    fn end_invalid(&self, env: &Env<'_>, row: usize, number: f64) {
        match self.invalid {
            Invalid::Skip => env.skip(row),
            _ => env.refuse(row, 0, FaultKind::Unseen, FaultValue::Number(number)),
        }
    }
}
