//! Normalisation and losses.

use model::{DType, Type};
use plan::{
    SlotId,
    tensor::{
        ElementOp, NormOp,
        norm::{Reduction, Training},
    },
};

use super::{super::graph::Node, Lower, NOW, Row, made::Body, row};
use crate::ReadError;

type Slots = Result<Vec<SlotId>, ReadError>;

/// How an op along an axis is made: of the axis, and whether those after it count as one with it.
type Along = fn(i64, bool) -> NormOp;

const SOFTMAX: Along = |axis, flat| NormOp::Softmax { axis, flat, log: false };
const LOG_SOFTMAX: Along = |axis, flat| NormOp::Softmax { axis, flat, log: true };
const HARDMAX: Along = |axis, flat| NormOp::Hardmax { axis, flat };

pub(super) const ROWS: &[Row] = &[
    row("Softmax", 1, NOW, |lower, node| along(lower, node, SOFTMAX)),
    row("LogSoftmax", 1, NOW, |lower, node| along(lower, node, LOG_SOFTMAX)),
    row("Hardmax", 1, NOW, |lower, node| along(lower, node, HARDMAX)),
    row("BatchNormalization", 1, 13, batch_by_outputs),
    row("BatchNormalization", 14, NOW, batch),
    row("InstanceNormalization", 1, NOW, instance),
    row("GroupNormalization", 18, 20, |lower, node| group(lower, node, true)),
    row("GroupNormalization", 21, NOW, |lower, node| group(lower, node, false)),
    row("LayerNormalization", 17, NOW, |lower, node| layer(lower, node, true)),
    row("RMSNormalization", 23, NOW, |lower, node| layer(lower, node, false)),
    row("LpNormalization", 1, NOW, lp),
    row("LRN", 1, NOW, lrn),
    row("NegativeLogLikelihoodLoss", 12, NOW, nll_loss),
    row("SoftmaxCrossEntropyLoss", 12, NOW, cross_entropy),
];

/// Before opset 13, the axis was the first of those that are taken as one.
fn along(lower: &mut Lower<'_>, node: &Node<'_>, op: Along) -> Slots {
    node.check_counts(1..=1, 1..=1)?;
    let x = lower.arg(node, 0, "input")?;
    let flat = node.version < 13;
    let axis = node.int("axis")?.unwrap_or(if flat { 1 } else { -1 });
    Ok(vec![lower.add(node, op(axis, flat), &[x])?])
}

fn epsilon(node: &Node<'_>) -> Result<f32, ReadError> {
    Ok(node.float("epsilon")?.unwrap_or(1e-5))
}

/// Before opset 14, the statistics of the batch were taken where they were asked for: by `is_test`, then by the outputs.
fn batch_by_outputs(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    if !node.flag("spatial")?.unwrap_or(true) {
        return by_element(lower, node);
    }
    let of_batch = if node.version < 7 { !node.flag("is_test")?.unwrap_or(false) } else { node.outputs.len() > 1 };
    normalised(lower, node, of_batch)
}

/// With `spatial` 0, every element of an example has statistics of its own.
fn by_element(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(5..=5, 1..=1)?;
    let args = lower.args(node)?;
    let epsilon = lower.number_like(node, args[4], epsilon(node)?.into())?;
    let mut b = Body { lower, node };
    let variance = b.op("Add", &[args[4], epsilon])?;
    let deviation = b.op("Sqrt", &[variance])?;
    let apart = b.op("Sub", &[args[0], args[3]])?;
    let scaled = b.op("Div", &[apart, deviation])?;
    let scaled = b.op("Mul", &[scaled, args[1]])?;
    Ok(vec![b.op("Add", &[scaled, args[2]])?])
}

fn batch(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let of_batch = node.flag("training_mode")?.unwrap_or(false);
    normalised(lower, node, of_batch)
}

fn normalised(lower: &mut Lower<'_>, node: &Node<'_>, of_batch: bool) -> Slots {
    node.check_counts(5..=5, 1..=5)?;
    let args: Vec<Option<SlotId>> = lower.args(node)?.into_iter().map(Some).collect();
    let momentum = node.float("momentum")?.unwrap_or(0.9);
    let training = of_batch.then_some(Training { momentum, is_sample: false });
    let outputs = if of_batch { 5 } else { 1 };
    lower.add_many_with(node, NormOp::BatchNorm { axis: 1, epsilon: epsilon(node)?, training }, &args, outputs)
}

fn instance(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(3..=3, 1..=1)?;
    let args = lower.args(node)?;
    let op = NormOp::GroupNorm { groups: 0, epsilon: epsilon(node)?, by_group: false };
    Ok(vec![lower.add(node, op, &args)?])
}

fn group(lower: &mut Lower<'_>, node: &Node<'_>, by_group: bool) -> Slots {
    node.check_counts(3..=3, 1..=1)?;
    let args = lower.args(node)?;
    let groups = node.required("num_groups", node.int("num_groups")?)?;
    let known = usize::try_from(groups).ok().filter(|groups| *groups > 0);
    let groups = known.ok_or_else(|| node.fault("attribute `num_groups`", "a number of at least 1", groups))?;
    Ok(vec![lower.add(node, NormOp::GroupNorm { groups, epsilon: epsilon(node)?, by_group }, &args)?])
}

fn layer(lower: &mut Lower<'_>, node: &Node<'_>, mean: bool) -> Slots {
    node.check_counts(2..=3, 1..=3)?;
    let formal = [Some(lower.arg(node, 0, "X")?), Some(lower.arg(node, 1, "Scale")?), lower.opt(node, 2)];
    let axis = node.int("axis")?.unwrap_or(-1);
    let mut slots = lower.add_many_with(node, NormOp::LayerNorm { axis, epsilon: epsilon(node)?, mean }, &formal, 3)?;
    // Statistics are float32, whatever is normalised.
    for (i, slot) in slots.iter_mut().enumerate().skip(1) {
        if node.output(i).is_some() && lower.dtype(*slot) == Some(DType::F64) {
            *slot = lower.add(node, ElementOp::Cast { to: Type::F32, saturate: false }, &[*slot])?;
        }
    }
    Ok(slots)
}

fn lp(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let x = lower.arg(node, 0, "input")?;
    let axis = node.int("axis")?.unwrap_or(-1);
    match node.int("p")?.unwrap_or(2) {
        p @ (1 | 2) => Ok(vec![lower.add(node, NormOp::LpNorm { axis, p }, &[x])?]),
        other => Err(node.fault("attribute `p`", "1 or 2", other)),
    }
}

fn lrn(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let x = lower.arg(node, 0, "X")?;
    let size = node.required("size", node.int("size")?)?;
    let known = usize::try_from(size).ok().filter(|size| *size > 0);
    let size = known.ok_or_else(|| node.fault("attribute `size`", "a number of at least 1", size))?;
    let alpha = node.float("alpha")?.unwrap_or(1e-4) / size as f32;
    let (beta, bias) = (node.float("beta")?.unwrap_or(0.75), node.float("bias")?.unwrap_or(1.0));
    Ok(vec![lower.add(node, NormOp::Lrn { axis: 1, size, alpha, beta, bias }, &[x])?])
}

fn nll_loss(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let x = lower.arg(node, 0, "input")?;
    Ok(vec![loss(lower, node, x)?])
}

fn cross_entropy(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let x = lower.arg(node, 0, "scores")?;
    let log = lower.add(node, NormOp::Softmax { axis: 1, flat: false, log: true }, &[x])?;
    Ok(vec![loss(lower, node, log)?, log])
}

fn loss(lower: &mut Lower<'_>, node: &Node<'_>, x: SlotId) -> Result<SlotId, ReadError> {
    node.check_counts(2..=3, 1..=2)?;
    let formal = [Some(x), Some(lower.arg(node, 1, "target")?), lower.opt(node, 2)];
    let reduction = match node.string("reduction")?.unwrap_or("mean") {
        "none" => Reduction::None,
        "mean" => Reduction::Mean,
        "sum" => Reduction::Sum,
        other => return Err(node.fault("attribute `reduction`", "none, sum or mean", other)),
    };
    lower.add_with(node, NormOp::NllLoss { ignore: node.int("ignore_index")?, reduction }, &formal)
}
