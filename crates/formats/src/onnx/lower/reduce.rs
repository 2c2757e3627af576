//! Folds along axes.

use plan::{
    SlotId,
    tensor::{Fold, ReduceOp},
};

use super::{super::graph::Node, Lower, NOW, Row, row};
use crate::ReadError;

type Slots = Result<Vec<SlotId>, ReadError>;

/// Returns the row of a fold whose axes are an attribute before this opset, and an input from then on.
macro_rules! fold {
    ($name:literal, $fold:expr) => {
        row($name, 1, NOW, |lower, node| reduce(lower, node, $fold, 18))
    };
}

pub(super) const ROWS: &[Row] = &[
    row("ReduceSum", 1, NOW, |lower, node| reduce(lower, node, Fold::Sum, 13)),
    fold!("ReduceMean", Fold::Mean),
    fold!("ReduceProd", Fold::Prod),
    fold!("ReduceMax", Fold::Max),
    fold!("ReduceMin", Fold::Min),
    fold!("ReduceL1", Fold::L1),
    fold!("ReduceL2", Fold::L2),
    fold!("ReduceLogSum", Fold::LogSum),
    fold!("ReduceLogSumExp", Fold::LogSumExp),
    fold!("ReduceSumSquare", Fold::SumSquare),
];

fn reduce(lower: &mut Lower<'_>, node: &Node<'_>, fold: Fold, since: i64) -> Slots {
    let x = lower.arg(node, 0, "data")?;
    let keep = node.flag("keepdims")?.unwrap_or(true);
    let (axes, given) = if node.version < since { (node.ints("axes")?, None) } else { (None, lower.opt(node, 1)) };
    let none_is_none = node.version >= since && node.flag("noop_with_empty_axes")?.unwrap_or(false);
    let op = ReduceOp::Reduce { fold, axes, keep, none_is_none };
    Ok(vec![lower.add_with(node, op, &[Some(x), given])?])
}
