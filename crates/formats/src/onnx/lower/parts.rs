//! Shapes that change, parts, paddings, repetitions, and tensors made of their shape.
//!
//! What an old version has as an attribute and a new one as an input becomes a constant input.

use model::DType;
use plan::{
    SlotId,
    tensor::{Band, LayoutOp, PadMode},
};

use super::{
    super::{dtype::Dtype, graph::Node},
    Lower, NOW, Row, ints, row, scalar, value,
};
use crate::ReadError;

type Slots = Result<Vec<SlotId>, ReadError>;

pub(super) const ROWS: &[Row] = &[
    row("Squeeze", 1, NOW, |lower, node| axes(lower, node, LayoutOp::Squeeze)),
    row("Unsqueeze", 1, NOW, unsqueeze),
    row("Flatten", 1, NOW, flatten),
    row("Split", 1, NOW, split),
    row("Slice", 1, 9, slice_by_attributes),
    row("Slice", 10, NOW, slice),
    row("Pad", 1, 10, pad_by_attributes),
    row("Pad", 11, NOW, pad),
    row("CenterCropPad", 18, NOW, center_crop_pad),
    row("Expand", 8, NOW, expand),
    row("Tile", 1, 5, tile_one_axis),
    row("Tile", 6, NOW, tile),
    row("ReverseSequence", 10, NOW, reverse_sequence),
    row("ConstantOfShape", 9, NOW, constant_of_shape),
    row("EyeLike", 9, NOW, eye_like),
    row("Range", 11, NOW, range),
    row("Trilu", 14, NOW, trilu),
    row("DepthToSpace", 1, NOW, depth_to_space),
    row("SpaceToDepth", 1, NOW, space_to_depth),
];

/// Returns the slot of integers that are an attribute before this version and an input from then on.
fn listed(
    lower: &mut Lower<'_>,
    node: &Node<'_>,
    name: &str,
    input: usize,
    since: i64,
) -> Result<Option<SlotId>, ReadError> {
    if node.version >= since {
        return Ok(lower.opt(node, input));
    }
    Ok(node.ints(name)?.map(|list| lower.constant(ints(list))))
}

fn axes(lower: &mut Lower<'_>, node: &Node<'_>, op: LayoutOp) -> Slots {
    let x = lower.arg(node, 0, "data")?;
    let axes = listed(lower, node, "axes", 1, 13)?;
    Ok(vec![lower.add_with(node, op, &[Some(x), axes])?])
}

fn unsqueeze(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    if node.version < 13 {
        node.required("axes", node.ints("axes")?)?;
    } else {
        node.input(1, "axes")?;
    }
    axes(lower, node, LayoutOp::Unsqueeze)
}

fn flatten(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let x = lower.arg(node, 0, "input")?;
    let axis = node.int("axis")?.unwrap_or(1);
    Ok(vec![lower.add(node, LayoutOp::Flatten { axis }, &[x])?])
}

/// The first version has its lengths as an input or an attribute; the parts were equal until version 18 let the last be shorter.
fn split(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let x = lower.arg(node, 0, "input")?;
    let lengths = match listed(lower, node, "split", 1, 13)? {
        None => lower.opt(node, 1),
        lengths => lengths,
    };
    let outputs = node.outputs.len();
    if let Some(count) = node.int("num_outputs")?.filter(|count| usize::try_from(*count) != Ok(outputs)) {
        return Err(node.fault("attribute `num_outputs`", &format!("{outputs}, as many as the node has"), count));
    }
    let axis = node.int("axis")?.unwrap_or(0);
    let op = LayoutOp::Split { axis, outputs, uneven: node.version >= 18 };
    lower.add_many_with(node, op, &[Some(x), lengths], outputs)
}

fn slice_by_attributes(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let x = lower.arg(node, 0, "data")?;
    let starts = node.required("starts", node.ints("starts")?)?;
    let ends = node.required("ends", node.ints("ends")?)?;
    let lists = [Some(starts), Some(ends), node.ints("axes")?];
    let [starts, ends, axes] = lists.map(|list| list.map(|list| lower.constant(ints(list))));
    Ok(vec![lower.add_with(node, LayoutOp::Slice, &[Some(x), starts, ends, axes])?])
}

fn slice(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(3..=5, 1..=1)?;
    let (x, starts, ends) = (lower.arg(node, 0, "data")?, lower.arg(node, 1, "starts")?, lower.arg(node, 2, "ends")?);
    let formal = [Some(x), Some(starts), Some(ends), lower.opt(node, 3), lower.opt(node, 4)];
    Ok(vec![lower.add_with(node, LayoutOp::Slice, &formal)?])
}

fn pad_mode(node: &Node<'_>) -> Result<LayoutOp, ReadError> {
    let mode = match node.string("mode")? {
        None | Some("constant") => PadMode::Constant,
        Some("reflect") => PadMode::Reflect,
        Some("edge") => PadMode::Edge,
        Some("wrap") => PadMode::Wrap,
        Some(other) => return Err(node.fault("attribute `mode`", "constant, reflect, edge or wrap", other)),
    };
    Ok(LayoutOp::Pad { mode, pairs: false })
}

fn pad_by_attributes(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let x = lower.arg(node, 0, "data")?;
    let name = if node.version == 1 { "paddings" } else { "pads" };
    let pads = node.required(name, node.ints(name)?)?;
    let pads = lower.constant(ints(pads));
    let value = lower.number_like(node, x, node.float("value")?.unwrap_or(0.0).into())?;
    Ok(vec![lower.add(node, pad_mode(node)?, &[x, pads, value])?])
}

fn pad(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(2..=4, 1..=1)?;
    let formal =
        [Some(lower.arg(node, 0, "data")?), Some(lower.arg(node, 1, "pads")?), lower.opt(node, 2), lower.opt(node, 3)];
    Ok(vec![lower.add_with(node, pad_mode(node)?, &formal)?])
}

fn center_crop_pad(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let inputs = [lower.arg(node, 0, "input_data")?, lower.arg(node, 1, "shape")?];
    Ok(vec![lower.add(node, LayoutOp::CenterCropPad { axes: node.ints("axes")? }, &inputs)?])
}

/// The first version repeats along one axis.
fn tile_one_axis(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let x = lower.arg(node, 0, "input")?;
    let (tiles, axis) = (lower.arg(node, 1, "tiles")?, lower.arg(node, 2, "axis")?);
    let rank = lower.rank_of(node, x)?;
    let (tiles, axis) = (lower.known_ints(tiles), lower.known_ints(axis));
    let (Some([tiles]), Some([axis])) = (tiles.as_deref(), axis.as_deref()) else {
        return Err(node.unimplemented("a number of tiles that is computed"));
    };
    let mut repeats = vec![1; rank];
    let at = usize::try_from(*axis).ok().and_then(|at| repeats.get_mut(at));
    *at.ok_or_else(|| node.fault("input 2 (axis)", &format!("an axis below {rank}"), axis))? = *tiles;
    let repeats = lower.constant(ints(repeats));
    Ok(vec![lower.add(node, LayoutOp::Tile, &[x, repeats])?])
}

fn tile(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let inputs = [lower.arg(node, 0, "input")?, lower.arg(node, 1, "repeats")?];
    Ok(vec![lower.add(node, LayoutOp::Tile, &inputs)?])
}

fn expand(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let inputs = [lower.arg(node, 0, "input")?, lower.arg(node, 1, "shape")?];
    Ok(vec![lower.add(node, LayoutOp::Expand { both: true }, &inputs)?])
}

fn reverse_sequence(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let inputs = [lower.arg(node, 0, "input")?, lower.arg(node, 1, "sequence_lens")?];
    let (batch, time) = (node.int("batch_axis")?.unwrap_or(1), node.int("time_axis")?.unwrap_or(0));
    Ok(vec![lower.add(node, LayoutOp::ReverseSequence { batch, time }, &inputs)?])
}

fn constant_of_shape(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let dims = lower.arg(node, 0, "input")?;
    let value = match node.tensor("value")? {
        Some(tensor) => value::dense(lower.cx, tensor)?.into(),
        None => scalar(0f32),
    };
    let value = lower.constant(value);
    Ok(vec![lower.add(node, LayoutOp::Fill, &[dims, value])?])
}

fn eye_like(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let x = lower.arg(node, 0, "input")?;
    let dtype = match node.int("dtype")? {
        Some(number) => Dtype::of(number).and_then(value::element).and_then(|ty| ty.as_scalar()),
        None => lower.dtype(x),
    };
    let one = match dtype {
        Some(DType::Bool) => Some(scalar(true)),
        dtype => dtype.and_then(|dtype| value::scalar(dtype, 1.0)),
    };
    let one = one.ok_or_else(|| node.fault("attribute `dtype`", "a type of numbers", "another"))?;
    let one = lower.constant(one);
    let dims = lower.add(node, LayoutOp::Shape { start: 0, end: None, dtype: DType::I64 }, &[x])?;
    let offset = node.int("k")?.unwrap_or(0);
    Ok(vec![lower.add(node, LayoutOp::Eye { offset }, &[dims, one])?])
}

fn range(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let inputs = [lower.arg(node, 0, "start")?, lower.arg(node, 1, "limit")?, lower.arg(node, 2, "delta")?];
    Ok(vec![lower.add(node, LayoutOp::Range { strict: false }, &inputs)?])
}

fn trilu(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let x = lower.arg(node, 0, "input")?;
    let band = if node.flag("upper")?.unwrap_or(true) { Band::Upper } else { Band::Lower };
    let formal = [Some(x), lower.opt(node, 1)];
    Ok(vec![lower.add_with(node, LayoutOp::Band(band), &formal)?])
}

fn block(node: &Node<'_>) -> Result<usize, ReadError> {
    let size = node.required("blocksize", node.int("blocksize")?)?;
    usize::try_from(size).map_err(|_| node.fault("attribute `blocksize`", "a number above 0", size))
}

/// Returns whether channels of a block stand after each other, not blocks of a channel.
fn is_crd(node: &Node<'_>) -> Result<bool, ReadError> {
    match node.string("mode")? {
        None | Some("DCR") => Ok(false),
        Some("CRD") => Ok(true),
        Some(other) => Err(node.fault("attribute `mode`", "DCR or CRD", other)),
    }
}

fn depth_to_space(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let x = lower.arg(node, 0, "input")?;
    let op = LayoutOp::DepthToSpace { block: block(node)?, crd: is_crd(node)?, last: false };
    Ok(vec![lower.add(node, op, &[x])?])
}

fn space_to_depth(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let x = lower.arg(node, 0, "input")?;
    let op = LayoutOp::SpaceToDepth { block: block(node)?, crd: is_crd(node)?, last: false };
    Ok(vec![lower.add(node, op, &[x])?])
}
