//! Elements by their places and by their order: gathering, scattering, sorting, running sums, sums of products by an equation.

use model::DType;
use plan::{
    SlotId,
    tensor::{DenseOp, Equation, IndexOp, Merge, ReduceOp},
};

use super::{super::graph::Node, Lower, NOW, Row, ints, row, scalar};
use crate::ReadError;

type Slots = Result<Vec<SlotId>, ReadError>;

pub(super) const ROWS: &[Row] = &[
    row("GatherElements", 11, NOW, gather_elements),
    row("GatherND", 11, NOW, gather_nd),
    row("Scatter", 9, NOW, scatter_elements),
    row("ScatterElements", 11, NOW, scatter_elements),
    row("ScatterND", 11, NOW, scatter_nd),
    row("TensorScatter", 24, NOW, tensor_scatter),
    row("OneHot", 9, NOW, one_hot),
    row("NonZero", 9, NOW, non_zero),
    row("Compress", 9, NOW, compress),
    row("TopK", 1, NOW, top_k),
    row("Unique", 11, NOW, unique),
    row("ArgMax", 1, NOW, |lower, node| extreme(lower, node, false)),
    row("ArgMin", 1, NOW, |lower, node| extreme(lower, node, true)),
    row("NonMaxSuppression", 10, NOW, non_max_suppression),
    row("Einsum", 12, NOW, einsum),
    row("CumSum", 11, NOW, |lower, node| cumulate(lower, node, false)),
    row("CumProd", 26, NOW, |lower, node| cumulate(lower, node, true)),
];

fn gather_elements(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let inputs = [lower.arg(node, 0, "data")?, lower.arg(node, 1, "indices")?];
    let axis = node.int("axis")?.unwrap_or(0);
    Ok(vec![lower.add(node, IndexOp::GatherElements { axis }, &inputs)?])
}

fn gather_nd(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let inputs = [lower.arg(node, 0, "data")?, lower.arg(node, 1, "indices")?];
    let batch = node.int("batch_dims")?.unwrap_or(0);
    let batch = usize::try_from(batch)
        .map_err(|_| node.fault("attribute `batch_dims`", "a number that is not negative", batch))?;
    Ok(vec![lower.add(node, IndexOp::GatherNd { batch, from_end: true }, &inputs)?])
}

fn merge(node: &Node<'_>) -> Result<Merge, ReadError> {
    Ok(match node.string("reduction")? {
        None | Some("none") => Merge::Put,
        Some("add") => Merge::Add,
        Some("mul") => Merge::Mul,
        Some("max") => Merge::Max,
        Some("min") => Merge::Min,
        Some(other) => return Err(node.fault("attribute `reduction`", "none, add, mul, max or min", other)),
    })
}

fn three(lower: &Lower<'_>, node: &Node<'_>) -> Result<[SlotId; 3], ReadError> {
    Ok([lower.arg(node, 0, "data")?, lower.arg(node, 1, "indices")?, lower.arg(node, 2, "updates")?])
}

fn scatter_elements(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let op = IndexOp::ScatterElements { axis: node.int("axis")?.unwrap_or(0), merge: merge(node)? };
    let inputs = three(lower, node)?;
    Ok(vec![lower.add(node, op, &inputs)?])
}

fn scatter_nd(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let op = IndexOp::ScatterNd { merge: merge(node)?, from_end: true };
    let inputs = three(lower, node)?;
    Ok(vec![lower.add(node, op, &inputs)?])
}

fn tensor_scatter(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let circular = match node.string("mode")? {
        None | Some("linear") => false,
        Some("circular") => true,
        Some(other) => return Err(node.fault("attribute `mode`", "linear or circular", other)),
    };
    let op = IndexOp::TensorScatter { axis: node.int("axis")?.unwrap_or(-2), circular };
    let formal = [Some(lower.arg(node, 0, "past_cache")?), Some(lower.arg(node, 1, "update")?), lower.opt(node, 2)];
    Ok(vec![lower.add_with(node, op, &formal)?])
}

/// The two elements stand in one tensor, that for all others first.
fn one_hot(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let (indices, depth) = (lower.arg(node, 0, "indices")?, lower.arg(node, 1, "depth")?);
    let values = lower.arg(node, 2, "values")?;
    let pick = IndexOp::Gather { axis: 0, batch: 0, from_end: false };
    let (first, second) = (lower.constant(scalar(0i64)), lower.constant(scalar(1i64)));
    let off = lower.add(node, pick.clone(), &[values, first])?;
    let on = lower.add(node, pick, &[values, second])?;
    let op = IndexOp::OneHot { axis: node.int("axis")?.unwrap_or(-1), from_end: true };
    Ok(vec![lower.add(node, op, &[indices, depth, off, on])?])
}

fn non_zero(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let x = lower.arg(node, 0, "X")?;
    Ok(vec![lower.add(node, IndexOp::NonZero { rows: false }, &[x])?])
}

fn compress(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let inputs = [lower.arg(node, 0, "input")?, lower.arg(node, 1, "condition")?];
    Ok(vec![lower.add(node, IndexOp::Compress { axis: node.int("axis")? }, &inputs)?])
}

/// How many are wanted was an attribute first, and they were the greatest.
fn top_k(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let x = lower.arg(node, 0, "X")?;
    let k = if node.version < 10 {
        let k = node.required("k", node.int("k")?)?;
        lower.constant(ints(vec![k]))
    } else {
        lower.arg(node, 1, "K")?
    };
    let largest = node.flag("largest")?.unwrap_or(true);
    let op = IndexOp::TopK { axis: node.int("axis")?.unwrap_or(-1), largest, dtype: DType::I64 };
    lower.add_many_with(node, op, &[Some(x), Some(k)], 2)
}

fn unique(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let x = lower.arg(node, 0, "X")?;
    let sorted = node.flag("sorted")?.unwrap_or(true);
    let op = IndexOp::Unique { axis: node.int("axis")?, sorted, dtype: DType::I64 };
    lower.add_many_with(node, op, &[Some(x)], 4)
}

fn extreme(lower: &mut Lower<'_>, node: &Node<'_>, least: bool) -> Slots {
    let x = lower.arg(node, 0, "data")?;
    let op = IndexOp::Extreme {
        least,
        axis: node.int("axis")?.unwrap_or(0),
        keep: node.flag("keepdims")?.unwrap_or(true),
        last: node.flag("select_last_index")?.unwrap_or(false),
        dtype: DType::I64,
    };
    Ok(vec![lower.add_with(node, op, &[Some(x)])?])
}

fn non_max_suppression(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let center = node.flag("center_point_box")?.unwrap_or(false);
    let (boxes, scores) = (lower.arg(node, 0, "boxes")?, lower.arg(node, 1, "scores")?);
    let formal = [Some(boxes), Some(scores), lower.opt(node, 2), lower.opt(node, 3), lower.opt(node, 4)];
    Ok(vec![lower.add_with(node, IndexOp::NonMaxSuppression { center }, &formal)?])
}

fn einsum(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let text = node.required("equation", node.string("equation")?)?;
    let equation = Equation::parse(text).map_err(|wrong| {
        node.fault("attribute `equation`", "letters, `...`, `,` and `->`", format!("{text} ({wrong})"))
    })?;
    let inputs = lower.args(node)?;
    Ok(vec![lower.add(node, DenseOp::Einsum(equation), &inputs)?])
}

fn cumulate(lower: &mut Lower<'_>, node: &Node<'_>, product: bool) -> Slots {
    let inputs = [lower.arg(node, 0, "x")?, lower.arg(node, 1, "axis")?];
    let exclusive = node.flag("exclusive")?.unwrap_or(false);
    let reverse = node.flag("reverse")?.unwrap_or(false);
    Ok(vec![lower.add(node, ReduceOp::Cumulate { product, exclusive, reverse }, &inputs)?])
}
