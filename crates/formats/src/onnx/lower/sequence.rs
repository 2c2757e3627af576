//! Sequences and optional values.

use plan::{SlotId, tensor::SequenceOp};

use super::{
    super::{dtype::Dtype, graph::Node},
    Lower, NOW, Row, row, scalar, value,
};
use crate::ReadError;

type Slots = Result<Vec<SlotId>, ReadError>;

pub(super) const ROWS: &[Row] = &[
    row("SequenceConstruct", 11, NOW, construct),
    row("SequenceEmpty", 11, NOW, empty),
    row("SequenceAt", 11, NOW, |lower, node| with(lower, node, SequenceOp::At, 2)),
    row("SequenceInsert", 11, NOW, |lower, node| with(lower, node, SequenceOp::Insert, 3)),
    row("SequenceErase", 11, NOW, |lower, node| with(lower, node, SequenceOp::Erase, 2)),
    row("SequenceLength", 11, NOW, |lower, node| with(lower, node, SequenceOp::Length, 1)),
    row("ConcatFromSequence", 11, NOW, concat),
    row("SplitToSequence", 11, NOW, split),
    row("Optional", 15, NOW, optional),
    row("OptionalHasElement", 15, NOW, has),
    row("OptionalGetElement", 15, NOW, |lower, node| with(lower, node, SequenceOp::Get, 1)),
];

/// Adds an op whose last inputs may be left out.
fn with(lower: &mut Lower<'_>, node: &Node<'_>, op: SequenceOp, inputs: usize) -> Slots {
    node.check_counts(1..=inputs, 1..=1)?;
    lower.arg(node, 0, "input")?;
    let formal: Vec<Option<SlotId>> = (0..inputs).map(|i| lower.opt(node, i)).collect();
    Ok(vec![lower.add_with(node, op, &formal)?])
}

fn construct(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let inputs = lower.args(node)?;
    Ok(vec![lower.add(node, SequenceOp::Construct, &inputs)?])
}

fn empty(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let number = node.int("dtype")?.unwrap_or(1);
    let item = Dtype::of(number).and_then(value::element);
    let item = item.ok_or_else(|| node.unimplemented(format_args!("sequences of tensors of type {number}")))?;
    Ok(vec![lower.add(node, SequenceOp::Empty { item }, &[])?])
}

fn concat(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let axis = node.required("axis", node.int("axis")?)?;
    let new_axis = node.flag("new_axis")?.unwrap_or(false);
    with(lower, node, SequenceOp::Concat { axis, new_axis }, 1)
}

fn split(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let axis = node.int("axis")?.unwrap_or(0);
    // Where lengths are given, the dimension stays.
    let keep = node.flag("keepdims")?.unwrap_or(true) || node.optional(1).is_some();
    with(lower, node, SequenceOp::Split { axis, keep }, 2)
}

fn optional(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(0..=1, 1..=1)?;
    if let Some(x) = lower.opt(node, 0) {
        return Ok(vec![x]);
    }
    let ty = node.required("type", node.ty("type")?)?;
    let ty = value::whole_type(ty).ok_or_else(|| node.unimplemented(format_args!("values of {ty}")))?;
    Ok(vec![lower.add(node, SequenceOp::Absent { ty }, &[])?])
}

fn has(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(0..=1, 1..=1)?;
    match lower.opt(node, 0) {
        Some(_) => with(lower, node, SequenceOp::Has, 1),
        None => Ok(vec![lower.constant(scalar(false))]),
    }
}
