//! What moves elements: shapes, slices, joins, paddings, and tensors made of nothing but their shape.

use model::DType;
use plan::tensor::{
    LayoutOp,
    layout::{Align, Band, PadMode, StridedSlice},
};

use super::{At, Lower, Row, Slots, row};

pub(super) const ROWS: &[Row] = &[
    row("Reshape", |lower, at| two(lower, at, LayoutOp::Reshape { allow_zero: true })),
    row("Squeeze", squeeze),
    row("ExpandDims", |lower, at| two(lower, at, LayoutOp::Unsqueeze)),
    row("EnsureShape", ensure_shape),
    row("Transpose", |lower, at| two(lower, at, LayoutOp::Transpose { order: None })),
    row("Shape", |lower, at| {
        let dtype = at.dtype("out_type", DType::I32)?;
        one(lower, at, LayoutOp::Shape { start: 0, end: None, dtype })
    }),
    row("ShapeN", shapes),
    row("VariableShape", |lower, at| {
        let dtype = at.dtype("out_type", DType::I32)?;
        one(lower, at, LayoutOp::Shape { start: 0, end: None, dtype })
    }),
    row("Size", |lower, at| {
        let dtype = at.dtype("out_type", DType::I32)?;
        one(lower, at, LayoutOp::Size { dtype })
    }),
    row("Rank", |lower, at| one(lower, at, LayoutOp::Rank { dtype: DType::I32 })),
    row("BroadcastArgs", |lower, at| two(lower, at, LayoutOp::BroadcastShape)),
    row("Concat", |lower, at| {
        let (axis, values) = at.inputs.split_first().ok_or_else(|| at.fault("has no input"))?;
        concat(lower, at, *axis, values)
    }),
    row("ConcatV2", |lower, at| {
        let (axis, values) = at.inputs.split_last().ok_or_else(|| at.fault("has no input"))?;
        concat(lower, at, *axis, values)
    }),
    row("Pack", |lower, at| {
        at.arg(0)?;
        let axis = at.site.int("axis").unwrap_or(0);
        lower.add(at, LayoutOp::Stack { axis }, &at.inputs).map(|slot| vec![slot])
    }),
    row("Unpack", |lower, at| {
        let outputs = count(at, "num")?;
        let op = LayoutOp::Unstack { axis: at.site.int("axis").unwrap_or(0), outputs };
        several(lower, at, op, outputs, &[Some(at.arg(0)?)])
    }),
    row("Split", |lower, at| {
        let ([axis, value], outputs) = (at.args::<2>()?, count(at, "num_split")?);
        let op = LayoutOp::Split { axis: 0, outputs, uneven: false };
        several(lower, at, op, outputs, &[Some(value), None, Some(axis)])
    }),
    row("SplitV", |lower, at| {
        let ([value, sizes, axis], outputs) = (at.args::<3>()?, count(at, "num_split")?);
        let op = LayoutOp::Split { axis: 0, outputs, uneven: false };
        several(lower, at, op, outputs, &[Some(value), Some(sizes), Some(axis)])
    }),
    row("Slice", |lower, at| three(lower, at, LayoutOp::Crop)),
    row("StridedSlice", strided_slice),
    row("Pad", |lower, at| two(lower, at, LayoutOp::Pad { mode: PadMode::Constant, pairs: true })),
    row("PadV2", |lower, at| three(lower, at, LayoutOp::Pad { mode: PadMode::Constant, pairs: true })),
    row("MirrorPad", |lower, at| {
        let mode = match at.site.text("mode") {
            Some("REFLECT") => PadMode::Reflect,
            Some("SYMMETRIC") => PadMode::Symmetric,
            other => return Err(at.fault(format_args!("has the mode {other:?}"))),
        };
        two(lower, at, LayoutOp::Pad { mode, pairs: true })
    }),
    row("Tile", |lower, at| two(lower, at, LayoutOp::Tile)),
    row("BroadcastTo", |lower, at| two(lower, at, LayoutOp::Expand { both: false })),
    row("ReverseV2", |lower, at| two(lower, at, LayoutOp::Reverse)),
    row("Reverse", |lower, at| two(lower, at, LayoutOp::Reverse)),
    row("ReverseSequence", |lower, at| {
        let (batch, time) = (at.site.int("batch_dim").unwrap_or(0), at.site.int("seq_dim"));
        let time = time.ok_or_else(|| at.fault("has no attribute `seq_dim`"))?;
        two(lower, at, LayoutOp::ReverseSequence { batch, time })
    }),
    row("Roll", |lower, at| three(lower, at, LayoutOp::Roll)),
    row("Fill", |lower, at| two(lower, at, LayoutOp::Fill)),
    row("Range", |lower, at| three(lower, at, LayoutOp::Range { strict: true })),
    row("LinSpace", |lower, at| three(lower, at, LayoutOp::Linspace)),
    row("MatrixBandPart", |lower, at| three(lower, at, LayoutOp::Band(Band::Around))),
    row("MatrixDiag", |lower, at| one(lower, at, LayoutOp::MatrixDiag { align: LEFT })),
    row("MatrixDiagV2", |lower, at| any(lower, at, LayoutOp::MatrixDiag { align: LEFT })),
    row("MatrixDiagV3", |lower, at| {
        let align = align(at)?;
        any(lower, at, LayoutOp::MatrixDiag { align })
    }),
    row("MatrixDiagPart", |lower, at| one(lower, at, LayoutOp::MatrixDiagPart { align: LEFT })),
    row("MatrixDiagPartV2", |lower, at| any(lower, at, LayoutOp::MatrixDiagPart { align: LEFT })),
    row("MatrixDiagPartV3", |lower, at| {
        let align = align(at)?;
        any(lower, at, LayoutOp::MatrixDiagPart { align })
    }),
    row("MatrixSetDiag", |lower, at| two(lower, at, LayoutOp::MatrixSetDiag { align: LEFT })),
    row("MatrixSetDiagV2", |lower, at| three(lower, at, LayoutOp::MatrixSetDiag { align: LEFT })),
    row("MatrixSetDiagV3", |lower, at| {
        let align = align(at)?;
        three(lower, at, LayoutOp::MatrixSetDiag { align })
    }),
    row("SpaceToBatch", |lower, at| squares(lower, at, LayoutOp::SpaceToBatch)),
    row("BatchToSpace", |lower, at| squares(lower, at, LayoutOp::BatchToSpace)),
    row("DepthToSpace", |lower, at| {
        let (block, last) = (count(at, "block_size")?, at.channels_last()?);
        one(lower, at, LayoutOp::DepthToSpace { block, crd: false, last })
    }),
    row("SpaceToDepth", |lower, at| {
        let (block, last) = (count(at, "block_size")?, at.channels_last()?);
        one(lower, at, LayoutOp::SpaceToDepth { block, crd: false, last })
    }),
    row("SpaceToBatchND", |lower, at| three(lower, at, LayoutOp::SpaceToBatch)),
    row("BatchToSpaceND", |lower, at| three(lower, at, LayoutOp::BatchToSpace)),
];

const LEFT: Align = Align { upper_right: false, lower_right: false };

fn one(lower: &mut Lower<'_, '_>, at: &At<'_, '_>, op: LayoutOp) -> Slots {
    let args = at.args::<1>()?;
    lower.add(at, op, &args).map(|slot| vec![slot])
}

fn two(lower: &mut Lower<'_, '_>, at: &At<'_, '_>, op: LayoutOp) -> Slots {
    let args = at.args::<2>()?;
    lower.add(at, op, &args).map(|slot| vec![slot])
}

fn three(lower: &mut Lower<'_, '_>, at: &At<'_, '_>, op: LayoutOp) -> Slots {
    let args = at.args::<3>()?;
    lower.add(at, op, &args).map(|slot| vec![slot])
}

fn any(lower: &mut Lower<'_, '_>, at: &At<'_, '_>, op: LayoutOp) -> Slots {
    at.arg(0)?;
    lower.add(at, op, &at.inputs).map(|slot| vec![slot])
}

fn several(
    lower: &mut Lower<'_, '_>,
    at: &At<'_, '_>,
    op: LayoutOp,
    outputs: usize,
    formal: &[Option<plan::SlotId>],
) -> Slots {
    if outputs == 0 {
        return Err(at.fault("has no outputs"));
    }
    lower.add_many(at, op, formal)
}

/// Returns an attribute that counts something.
fn count(at: &At<'_, '_>, name: &str) -> Result<usize, crate::ReadError> {
    let count = at.site.int(name).and_then(|count| usize::try_from(count).ok()).filter(|count| *count <= 1 << 16);
    count.ok_or_else(|| at.fault(format_args!("has no usable number in its attribute `{name}`")))
}

/// Blocks of one size of both axes of images.
fn squares(lower: &mut Lower<'_, '_>, at: &At<'_, '_>, op: LayoutOp) -> Slots {
    let ([value, sides], size) = (at.args::<2>()?, count(at, "block_size")? as i64);
    let sizes = lower.ints(&[size, size]);
    lower.add(at, op, &[value, sizes, sides]).map(|slot| vec![slot])
}

fn squeeze(lower: &mut Lower<'_, '_>, at: &At<'_, '_>) -> Slots {
    let dims = at.site.ints("squeeze_dims").or(at.site.ints("axis")).unwrap_or_default().to_vec();
    let [value] = at.args::<1>()?;
    let axes = (!dims.is_empty()).then(|| lower.ints(&dims));
    lower.add_with(at, LayoutOp::Squeeze, &[Some(value), axes]).map(|slot| vec![slot])
}

fn ensure_shape(lower: &mut Lower<'_, '_>, at: &At<'_, '_>) -> Slots {
    match at.site.shape("shape").and_then(|shape| shape.dims.as_ref()) {
        None => Ok(vec![at.arg(0)?]),
        Some(dims) => {
            let dims = dims.iter().map(|dim| usize::try_from(*dim).ok()).collect();
            one(lower, at, LayoutOp::EnsureShape { dims })
        }
    }
}

fn shapes(lower: &mut Lower<'_, '_>, at: &At<'_, '_>) -> Slots {
    let dtype = at.dtype("out_type", DType::I32)?;
    let shape = |slot| lower.add(at, LayoutOp::Shape { start: 0, end: None, dtype }, &[slot]);
    at.inputs.iter().copied().map(shape).collect()
}

fn concat(lower: &mut Lower<'_, '_>, at: &At<'_, '_>, axis: plan::SlotId, values: &[plan::SlotId]) -> Slots {
    match (values, lower.known_ints(axis).as_deref()) {
        ([], _) => Err(at.fault("joins nothing")),
        (values, Some([axis])) => lower.add(at, LayoutOp::Concat { axis: *axis }, values).map(|slot| vec![slot]),
        (values, _) => {
            let inputs = [&[axis], values].concat();
            lower.add(at, LayoutOp::ConcatAlong, &inputs).map(|slot| vec![slot])
        }
    }
}

fn strided_slice(lower: &mut Lower<'_, '_>, at: &At<'_, '_>) -> Slots {
    let args = at.args::<4>()?;
    let mask = |name: &str| at.site.int(name).unwrap_or(0) as u32;
    let masks = StridedSlice {
        begin: mask("begin_mask"),
        end: mask("end_mask"),
        ellipsis: mask("ellipsis_mask"),
        new_axis: mask("new_axis_mask"),
        shrink_axis: mask("shrink_axis_mask"),
    };
    lower.add(at, LayoutOp::StridedSlice(masks), &args).map(|slot| vec![slot])
}

fn align(at: &At<'_, '_>) -> Result<Align, crate::ReadError> {
    // Of the diagonals above, then of those below.
    let (upper_right, lower_right) = match at.site.text("align").unwrap_or("RIGHT_LEFT") {
        "RIGHT_LEFT" => (true, false),
        "LEFT_RIGHT" => (false, true),
        "LEFT_LEFT" => (false, false),
        "RIGHT_RIGHT" => (true, true),
        other => return Err(at.fault(format_args!("has the alignment {other}"))),
    };
    Ok(Align { upper_right, lower_right })
}
