//! Windows over tensors: convolutions and pooling.

use plan::{
    SlotId,
    tensor::{
        ConvOp,
        conv::{Pads, Pool, Window},
    },
};

use super::{super::graph::Node, Lower, NOW, Row, row};
use crate::ReadError;

type Slots = Result<Vec<SlotId>, ReadError>;

pub(super) const ROWS: &[Row] = &[
    row("Conv", 1, NOW, conv),
    row("ConvInteger", 10, NOW, conv_integer),
    row("ConvTranspose", 1, NOW, conv_transpose),
    row("DeformConv", 19, NOW, deform_conv),
    row("CausalConvWithState", 27, NOW, causal_conv),
    row("MaxPool", 1, NOW, max_pool),
    row("AveragePool", 1, NOW, average_pool),
    row("LpPool", 1, NOW, |lower, node| pool(lower, node, Pool::Lp { p: norm(node)? }, 1)),
    row("GlobalMaxPool", 1, NOW, |lower, node| global(lower, node, MAX)),
    row("GlobalAveragePool", 1, NOW, |lower, node| global(lower, node, Pool::Average { include_pad: false })),
    row("GlobalLpPool", 1, NOW, |lower, node| global(lower, node, Pool::Lp { p: norm(node)? })),
    row("MaxUnpool", 9, NOW, max_unpool),
    row("Col2Im", 18, NOW, col2im),
];

/// ONNX counts places within the whole tensor.
const MAX: Pool = Pool::Max { column_major: false, in_batch: true };

pub(super) fn window(node: &Node<'_>) -> Result<Window, ReadError> {
    let pads = match node.string("auto_pad")?.unwrap_or("NOTSET") {
        "NOTSET" | "" => Pads::Explicit(node.ints("pads")?.unwrap_or_default()),
        "VALID" => Pads::Explicit(Vec::new()),
        "SAME_UPPER" => Pads::Same { upper: true },
        "SAME_LOWER" => Pads::Same { upper: false },
        other => return Err(node.fault("attribute `auto_pad`", "NOTSET, VALID, SAME_UPPER or SAME_LOWER", other)),
    };
    let strides = node.ints("strides")?.unwrap_or_default();
    let dilations = node.ints("dilations")?.unwrap_or_default();
    if let Some(wrong) = strides.iter().chain(&dilations).find(|step| **step < 1) {
        return Err(node.fault("attributes `strides` and `dilations`", "numbers of at least 1", wrong));
    }
    Ok(Window { strides, dilations, pads })
}

pub(super) fn count(node: &Node<'_>, name: &str) -> Result<usize, ReadError> {
    let count = node.int(name)?.unwrap_or(1);
    let fits = usize::try_from(count).ok().filter(|count| *count > 0);
    fits.ok_or_else(|| node.fault(&format!("attribute `{name}`"), "a number of at least 1", count))
}

fn conv(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(2..=3, 1..=1)?;
    let formal = [Some(lower.arg(node, 0, "X")?), Some(lower.arg(node, 1, "W")?), lower.opt(node, 2)];
    let (window, groups) = (window(node)?, count(node, "group")?);
    let op = ConvOp::Conv { window, groups, last: false, filters_last: false, end: None };
    Ok(vec![lower.add_with(node, op, &formal)?])
}

fn conv_integer(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(2..=4, 1..=1)?;
    let (x, w) = (lower.arg(node, 0, "x")?, lower.arg(node, 1, "w")?);
    let formal = [Some(x), Some(w), lower.opt(node, 2), lower.opt(node, 3)];
    let op = ConvOp::ConvInteger { window: window(node)?, groups: count(node, "group")? };
    Ok(vec![lower.add_with(node, op, &formal)?])
}

fn conv_transpose(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(2..=3, 1..=1)?;
    let formal = [Some(lower.arg(node, 0, "X")?), Some(lower.arg(node, 1, "W")?), lower.opt(node, 2)];
    let op = ConvOp::ConvTranspose {
        window: window(node)?,
        groups: count(node, "group")?,
        last: false,
        filters_last: false,
        more: node.ints("output_padding")?.unwrap_or_default(),
        output: node.ints("output_shape")?.filter(|shape| !shape.is_empty()),
    };
    Ok(vec![lower.add_with(node, op, &formal)?])
}

fn deform_conv(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(3..=5, 1..=1)?;
    let [x, w, offset] = [lower.arg(node, 0, "X")?, lower.arg(node, 1, "W")?, lower.arg(node, 2, "offset")?];
    let formal = [Some(x), Some(w), Some(offset), lower.opt(node, 3), lower.opt(node, 4)];
    let (groups, offset_groups) = (count(node, "group")?, count(node, "offset_group")?);
    let op = ConvOp::DeformConv { window: window(node)?, groups, offset_groups };
    Ok(vec![lower.add_with(node, op, &formal)?])
}

fn causal_conv(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(2..=4, 1..=2)?;
    let (x, w) = (lower.arg(node, 0, "input")?, lower.arg(node, 1, "weight")?);
    let formal = [Some(x), Some(w), lower.opt(node, 2), lower.opt(node, 3)];
    let swish = match node.string("activation")?.unwrap_or("none") {
        "none" => false,
        "silu" | "swish" => true,
        other => return Err(node.fault("attribute `activation`", "none, silu or swish", other)),
    };
    lower.add_many_with(node, ConvOp::CausalConv { swish }, &formal, 2)
}

fn max_pool(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let column_major = node.flag("storage_order")?.unwrap_or(false);
    pool(lower, node, Pool::Max { column_major, in_batch: true }, 2)
}

fn average_pool(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let include_pad = node.flag("count_include_pad")?.unwrap_or(false);
    pool(lower, node, Pool::Average { include_pad }, 1)
}

/// The first version's `p` was a float.
fn norm(node: &Node<'_>) -> Result<f32, ReadError> {
    Ok(if node.version < 2 { node.float("p")?.unwrap_or(2.0) } else { node.int("p")?.unwrap_or(2) as f32 })
}

fn kernel(node: &Node<'_>) -> Result<Vec<i64>, ReadError> {
    let kernel = node.required("kernel_shape", node.ints("kernel_shape")?)?;
    match kernel.iter().find(|size| **size < 1) {
        Some(wrong) => Err(node.fault("attribute `kernel_shape`", "numbers of at least 1", wrong)),
        None if kernel.is_empty() => Err(node.fault("attribute `kernel_shape`", "a number for each dimension", "none")),
        None => Ok(kernel),
    }
}

fn pool(lower: &mut Lower<'_>, node: &Node<'_>, kind: Pool, outputs: usize) -> Slots {
    node.check_counts(1..=1, 1..=outputs)?;
    let x = lower.arg(node, 0, "X")?;
    let ceil = node.flag("ceil_mode")?.unwrap_or(false);
    let op = ConvOp::Pool { kind, kernel: kernel(node)?, window: window(node)?, ceil, last: false };
    lower.add_many_with(node, op, &[Some(x)], outputs)
}

fn global(lower: &mut Lower<'_>, node: &Node<'_>, kind: Pool) -> Slots {
    node.check_counts(1..=1, 1..=1)?;
    let x = lower.arg(node, 0, "X")?;
    let outputs = if matches!(kind, Pool::Max { .. }) { 2 } else { 1 };
    let op = ConvOp::Pool { kind, kernel: Vec::new(), window: Window::plain(), ceil: false, last: false };
    lower.add_many_with(node, op, &[Some(x)], outputs)
}

fn max_unpool(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(2..=3, 1..=1)?;
    let formal = [Some(lower.arg(node, 0, "X")?), Some(lower.arg(node, 1, "I")?), lower.opt(node, 2)];
    let op = ConvOp::MaxUnpool { kernel: kernel(node)?, window: window(node)? };
    Ok(vec![lower.add_with(node, op, &formal)?])
}

fn col2im(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(3..=3, 1..=1)?;
    let [x, image, block] =
        [lower.arg(node, 0, "input")?, lower.arg(node, 1, "image_shape")?, lower.arg(node, 2, "block_shape")?];
    Ok(vec![lower.add(node, ConvOp::Col2Im { window: window(node)? }, &[x, image, block])?])
}
