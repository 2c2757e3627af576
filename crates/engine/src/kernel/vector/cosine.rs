//! The cosine transform. Spark's `DCT.transform`, which is JTransforms 3.1's `DoubleDCT_1D` with its scaling.
//!
//! Up to [`EXACT_MAX`] elements the operations are JTransforms' in their order, so that rounding, overflow and NaN are the
//! same too; a product by 1 or 0 is there, or is not, because it is there in JTransforms or is not. Longer vectors go a way of their own,
//! with angles that whole numbers bring into the first eighth of the circle. Nothing depends on the machine: the bits
//! are the same everywhere. The tables of the length seen last are kept.

mod complex;
mod long;
mod mixed_radix;
mod split_radix;

use std::{
    f64::consts::SQRT_2,
    sync::{Arc, Mutex, PoisonError},
};

use model::{FaultKind, FaultValue, Type, column::Row};
use plan::ValueType;

use self::{long::Long, mixed_radix::MixedRadix, split_radix::SplitRadix};
use super::{Refusal, SPREAD_MAX, extend_dense, map};
use crate::{
    frame::{Env, Home},
    store::VectorStore,
};

/// Longest vectors that are transformed as JTransforms does.
const EXACT_MAX: usize = 128;

/// [`plan::VectorOp::Cosine`].
pub struct Cosine {
    inverse: bool,
    last: Mutex<Option<Arc<Tables>>>,
}

/// What is computed once for vectors of `n` elements.
struct Tables {
    n: usize,
    way: Way,
}

enum Way {
    PowerOfTwo(SplitRadix),
    Mixed(MixedRadix),
    Long(Long),
}

// === impl Cosine ===

impl Cosine {
    pub fn new(inverse: bool, inputs: &[ValueType]) -> Cosine {
        let size = inputs.iter().find_map(|input| match input.ty {
            Type::Vector { size } => size,
            _ => None,
        });
        let size = size.map(|n| n as usize).filter(|n| (2..=SPREAD_MAX).contains(n));
        Cosine { inverse, last: Mutex::new(size.map(|n| Arc::new(Tables::new(n)))) }
    }

    pub fn run(&self, env: &Env<'_>, input: Home, output: Home) {
        let mut tables = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let before = tables.as_ref().map(|tables| tables.n);
        let mut scratch = env.frame.scratch();
        map(env, input, output, |row, out| self.row(row, out, &mut tables, &mut scratch.numbers));
        if tables.as_ref().map(|tables| tables.n) != before {
            *self.last.lock().unwrap_or_else(PoisonError::into_inner) = tables;
        }
    }

    fn row(
        &self,
        row: Row<'_>,
        out: &mut VectorStore,
        tables: &mut Option<Arc<Tables>>,
        scratch: &mut Vec<f64>,
    ) -> Result<(), Refusal> {
        let n = row.size();
        if !(1..=SPREAD_MAX).contains(&n) {
            return Err((FaultKind::Rule("1 to 2^20 elements"), FaultValue::Size(n as u64)));
        }
        let start = out.values.len();
        extend_dense(&mut out.values, row);
        if n > 1 {
            let known = tables.take().filter(|tables| tables.n == n).unwrap_or_else(|| Arc::new(Tables::new(n)));
            if self.inverse {
                known.inverse(&mut out.values[start..], scratch);
            } else {
                known.forward(&mut out.values[start..], scratch);
            }
            *tables = Some(known);
        }
        out.end_dense(start);
        Ok(())
    }
}

// === impl Tables ===

impl Tables {
    /// Makes them for `n` elements, at least 2.
    fn new(n: usize) -> Tables {
        let way = match n {
            _ if n > EXACT_MAX => Way::Long(Long::new(n)),
            _ if n.is_power_of_two() => Way::PowerOfTwo(SplitRadix::new(n)),
            _ => Way::Mixed(MixedRadix::new(n)),
        };
        Tables { n, way }
    }

    /// DCT-II, in place.
    fn forward(&self, x: &mut [f64], scratch: &mut Vec<f64>) {
        let n = x.len() as f64;
        match &self.way {
            Way::PowerOfTwo(split) => {
                split.forward(x);
                scale(x, (2.0 / n).sqrt());
                x[0] /= SQRT_2;
            }
            Way::Mixed(mixed) => {
                mixed.forward(x, scratch);
                scale(x, 1.0 / (2.0 * n).sqrt());
                x[0] /= SQRT_2;
            }
            Way::Long(long) => long.forward(x, scratch),
        }
    }

    /// DCT-III, in place.
    fn inverse(&self, x: &mut [f64], scratch: &mut Vec<f64>) {
        let n = x.len() as f64;
        match &self.way {
            Way::PowerOfTwo(split) => {
                scale(x, (2.0 / n).sqrt());
                x[0] /= SQRT_2;
                split.inverse(x);
            }
            Way::Mixed(mixed) => {
                scale(x, (2.0 * n).sqrt());
                x[0] *= SQRT_2;
                mixed.inverse(x, scratch);
                scale(x, 1.0 / (2.0 * n));
            }
            Way::Long(long) => long.inverse(x, scratch),
        }
    }
}

fn scale(x: &mut [f64], by: f64) {
    x.iter_mut().for_each(|x| *x *= by);
}
