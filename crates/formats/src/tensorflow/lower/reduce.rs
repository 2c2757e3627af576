//! Along axes: sums, means, extremes, running sums.

use plan::tensor::{Fold, ReduceOp};

use super::{At, Lower, Row, Slots, row};

/// Returns the row of a fold.
macro_rules! fold {
    ($name:literal, $fold:expr) => {
        row($name, |lower, at| fold(lower, at, $fold))
    };
}

pub(super) const ROWS: &[Row] = &[
    fold!("Sum", Fold::Sum),
    fold!("Mean", Fold::Mean),
    fold!("Prod", Fold::Prod),
    fold!("Max", Fold::Max),
    fold!("Min", Fold::Min),
    fold!("All", Fold::All),
    fold!("Any", Fold::Any),
    fold!("EuclideanNorm", Fold::L2),
    row("Cumsum", |lower, at| cumulate(lower, at, false)),
    row("Cumprod", |lower, at| cumulate(lower, at, true)),
];

fn fold(lower: &mut Lower<'_, '_>, at: &At<'_, '_>, fold: Fold) -> Slots {
    let args = at.args::<2>()?;
    let op = ReduceOp::Reduce { fold, axes: None, keep: at.flag("keep_dims"), none_is_none: true };
    lower.add(at, op, &args).map(|slot| vec![slot])
}

fn cumulate(lower: &mut Lower<'_, '_>, at: &At<'_, '_>, product: bool) -> Slots {
    let args = at.args::<2>()?;
    let op = ReduceOp::Cumulate { product, exclusive: at.flag("exclusive"), reverse: at.flag("reverse") };
    lower.add(at, op, &args).map(|slot| vec![slot])
}
