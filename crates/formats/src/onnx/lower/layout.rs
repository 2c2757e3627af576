//! Constants, shapes, joins and places: what moves elements without computing on them.

use model::{DType, Tensor};
use plan::{
    SlotId,
    tensor::{Binary, ElementOp, IndexOp, LayoutOp, Unary},
};

use super::{
    super::graph::{Constant, Node},
    Lower, NOW, Row, ints, row, scalar, value,
};
use crate::ReadError;

type Slots = Result<Vec<SlotId>, ReadError>;

pub(super) const ROWS: &[Row] = &[
    row("Constant", 1, NOW, constant),
    row("Identity", 1, NOW, identity),
    row("Dropout", 1, NOW, dropout),
    row("Reshape", 1, 4, reshape_by_attribute),
    row("Reshape", 5, NOW, reshape),
    row("Transpose", 1, NOW, transpose),
    row("Shape", 1, NOW, shape),
    row("Size", 1, NOW, size),
    row("Concat", 1, NOW, concat),
    row("Gather", 1, NOW, gather),
];

fn constant(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let cx = lower.cx;
    let value = if let Some(tensor) = node.tensor("value")? {
        let slot = lower.constant(value::dense(cx, tensor)?);
        lower.set_narrow(slot, tensor.dtype);
        return Ok(vec![slot]);
    } else if let Some(tensor) = node.sparse_tensor("sparse_value")? {
        value::constant(cx, Constant::Sparse(tensor))?.into()
    } else if let Some(float) = node.float("value_float")? {
        scalar(float)
    } else if let Some(int) = node.int("value_int")? {
        scalar(int)
    } else if let Some(text) = node.bytes("value_string")? {
        scalar::<model::tensor::Bytes>(text.into())
    } else if let Some(floats) = node.floats("value_floats")? {
        Tensor::vector(floats).into()
    } else if let Some(numbers) = node.ints("value_ints")? {
        ints(numbers)
    } else if let Some(texts) = node.byte_strings("value_strings")? {
        value::texts(&texts)
    } else {
        return Err(node.fault("attribute `value`", "a value", "none"));
    };
    Ok(vec![lower.constant(value)])
}

fn identity(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    Ok(vec![lower.arg(node, 0, "input")?])
}

/// Nothing is dropped where a model serves; the mask is true everywhere.
fn dropout(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let x = lower.arg(node, 0, "data")?;
    let training = lower
        .opt(node, 2)
        .map(|slot| lower.known(slot).and_then(|value| value.as_tensor()?.get::<bool>()?.first().copied()));
    if training.is_some_and(|training| training != Some(false)) {
        return Err(node.unimplemented("training"));
    }
    if node.output(1).is_none() {
        return Ok(vec![x]);
    }
    let is_nan = lower.add(node, ElementOp::Unary(Unary::IsNan), &[x])?;
    let is_number = lower.add(node, ElementOp::Unary(Unary::Not), &[is_nan])?;
    let mask = lower.add(node, ElementOp::Binary(Binary::Or), &[is_nan, is_number])?;
    let mask = match (node.version < 7).then(|| lower.ty(x).clone()) {
        Some(to) => lower.add(node, ElementOp::Cast { to, saturate: false }, &[mask])?,
        None => mask,
    };
    Ok(vec![x, mask])
}

fn reshape_by_attribute(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let x = lower.arg(node, 0, "data")?;
    let to = node.required("shape", node.ints("shape")?)?;
    let to = lower.constant(ints(to));
    Ok(vec![lower.add(node, LayoutOp::Reshape { allow_zero: false }, &[x, to])?])
}

fn reshape(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(2..=2, 1..=1)?;
    let inputs = [lower.arg(node, 0, "data")?, lower.arg(node, 1, "shape")?];
    let allow_zero = node.flag("allowzero")?.unwrap_or(false);
    Ok(vec![lower.add(node, LayoutOp::Reshape { allow_zero }, &inputs)?])
}

fn transpose(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let x = lower.arg(node, 0, "data")?;
    let order = node.ints("perm")?.map(|perm| {
        let axis = |at: &i64| usize::try_from(*at).ok().filter(|at| *at < perm.len());
        let order: Option<Vec<usize>> = perm.iter().map(axis).collect();
        order.ok_or_else(|| node.fault("attribute `perm`", "each axis once", format_args!("{perm:?}")))
    });
    let order = order.transpose()?;
    Ok(vec![lower.add_with(node, LayoutOp::Transpose { order }, &[Some(x)])?])
}

fn shape(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let x = lower.arg(node, 0, "data")?;
    let (start, end) = (node.int("start")?.unwrap_or(0), node.int("end")?);
    Ok(vec![lower.add(node, LayoutOp::Shape { start, end, dtype: DType::I64 }, &[x])?])
}

fn size(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let x = lower.arg(node, 0, "data")?;
    Ok(vec![lower.add(node, LayoutOp::Size { dtype: DType::I64 }, &[x])?])
}

fn concat(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let args = lower.args(node)?;
    let axis = match (node.int("axis")?, node.version) {
        (Some(axis), _) => axis,
        // The first version had a default.
        (None, ..4) => 1,
        (None, _) => return Err(node.fault("attribute `axis`", "a value", "none")),
    };
    Ok(vec![lower.add(node, LayoutOp::Concat { axis }, &args)?])
}

fn gather(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(2..=2, 1..=1)?;
    let inputs = [lower.arg(node, 0, "data")?, lower.arg(node, 1, "indices")?];
    let axis = node.int("axis")?.unwrap_or(0);
    Ok(vec![lower.add(node, IndexOp::Gather { axis, batch: 0, from_end: true }, &inputs)?])
}
