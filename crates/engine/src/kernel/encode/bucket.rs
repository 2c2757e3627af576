//! A number to the bucket it falls into.

use std::sync::Arc;

use model::{FaultKind, FaultValue};
use plan::Invalid;

use crate::frame::{Env, Home};

/// [`plan::EncodeOp::Bucket`].
pub struct Bucket {
    splits: Arc<[f64]>,
    invalid: Invalid,
}

/// Where a number falls.
enum Place {
    Bucket(usize),
    NotANumber,
    Outside,
}

impl Bucket {
    pub(super) fn new(splits: &Arc<[f64]>, invalid: Invalid) -> Bucket {
        Bucket { splits: splits.clone(), invalid }
    }

    pub(super) fn run(&self, env: &Env<'_>, input: Home, output: Home) {
        let (cells, out) = (env.frame.cells(input), env.frame.cells(output));
        env.frame.each_live(|row| {
            let Some(number) = cells.number(row) else {
                if self.invalid == Invalid::Skip {
                    env.skip(row);
                }
                return out.set(row, None);
            };
            let refused = |kind| {
                env.refuse(row, 0, kind, FaultValue::Number(number));
                out.set(row, None);
            };
            match (self.place(number), self.invalid) {
                (Place::Bucket(place), _) => out.set_f64(row, place as f64),
                (Place::Outside, _) => refused(FaultKind::OutOfRange),
                (Place::NotANumber, Invalid::Keep) => out.set_f64(row, (self.splits.len() - 1) as f64),
                (Place::NotANumber, Invalid::Error) => refused(FaultKind::NotANumber),
                (Place::NotANumber, Invalid::Skip) => {
                    env.skip(row);
                    out.set(row, None);
                }
            }
        });
    }

    /// The order is Java's `Double.compare`, except at the last split, which is compared as numbers are.
    #[inline]
    fn place(&self, number: f64) -> Place {
        let splits = &*self.splits;
        if number.is_nan() {
            return Place::NotANumber;
        }
        if splits.last() == Some(&number) {
            return Place::Bucket(splits.len() - 2);
        }
        match splits.partition_point(|split| split.total_cmp(&number).is_le()) {
            0 => Place::Outside,
            n if n == splits.len() => Place::Outside,
            n => Place::Bucket(n - 1),
        }
    }
}
