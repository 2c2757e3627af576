//! Numbers as small integers. Products of integers are made in int32, then scaled once, as ONNX's reference does.

use model::{DType, Type};
use plan::{
    SlotId,
    tensor::{Binary, ConvOp, DenseOp, ElementOp, Fold, LayoutOp, Narrow, QuantOp, ReduceOp, Unary, quant::Quantum},
};

use super::{
    super::{
        dtype::Dtype,
        graph::{Node, ValueId},
        types,
    },
    Lower, NOW, Row,
    conv::{count, window},
    ints, row, scalar, value,
};
use crate::ReadError;

type Slots = Result<Vec<SlotId>, ReadError>;

pub(super) const ROWS: &[Row] = &[
    row("QuantizeLinear", 10, NOW, quantize),
    row("DequantizeLinear", 10, NOW, dequantize),
    row("DynamicQuantizeLinear", 11, NOW, dynamic),
    row("QLinearConv", 10, NOW, conv),
    row("QLinearMatMul", 10, NOW, matmul),
];

/// Returns what quotients become: integers within their range, or floats of few bits.
fn quantum(node: &Node<'_>, dtype: Dtype, saturate: bool) -> Result<Quantum, ReadError> {
    let (to, range) = match dtype {
        Dtype::Uint8 => (DType::U8, (0, 255)),
        Dtype::Int8 => (DType::I8, (-128, 127)),
        Dtype::Uint16 => (DType::U16, (0, 65_535)),
        Dtype::Int16 => (DType::I16, (-32_768, 32_767)),
        Dtype::Int32 => (DType::I32, (i32::MIN, i32::MAX)),
        other => match value::narrow(other) {
            Some(Narrow::Int { bits, signed: true }) => (DType::I8, (-(1 << (bits - 1)), (1 << (bits - 1)) - 1)),
            Some(Narrow::Int { bits, signed: false }) => (DType::U8, (0, (1 << bits) - 1)),
            Some(Narrow::E8M0(_)) | None => {
                return Err(node.unimplemented(format_args!("numbers quantised to {other}")));
            }
            Some(to) => return Ok(Quantum::Float { to, saturate }),
        },
    };
    Ok(Quantum::Int { to, range })
}

/// Returns the type of a slot's elements in the document, where they are integers or have few bits.
fn dtype_of(lower: &Lower<'_>, slot: SlotId) -> Option<Dtype> {
    lower.narrow(slot).or_else(|| {
        Some(match lower.dtype(slot)? {
            DType::U8 => Dtype::Uint8,
            DType::I8 => Dtype::Int8,
            DType::U16 => Dtype::Uint16,
            DType::I16 => Dtype::Int16,
            DType::I32 => Dtype::Int32,
            _ => return None,
        })
    })
}

/// Returns what the document says of a value's elements.
fn declared(lower: &Lower<'_>, value: Option<ValueId>) -> Option<Dtype> {
    match lower.program.value(value?).ty {
        Some(types::Type::Tensor { dtype, .. }) => *dtype,
        _ => None,
    }
}

fn attribute_dtype(node: &Node<'_>, name: &str) -> Result<Option<Dtype>, ReadError> {
    let Some(number) = node.int(name)?.filter(|number| *number != 0) else { return Ok(None) };
    let dtype = Dtype::of(number);
    let fault = || node.fault(&format!("attribute `{name}`"), "a type of elements", number);
    dtype.ok_or_else(fault).map(Some)
}

fn block(node: &Node<'_>) -> Result<usize, ReadError> {
    let size = node.int("block_size")?.unwrap_or(0);
    usize::try_from(size).map_err(|_| node.fault("attribute `block_size`", "a number of at least 0", size))
}

fn quantize(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(2..=3, 1..=1)?;
    let (x, scale) = (lower.arg(node, 0, "x")?, lower.arg(node, 1, "y_scale")?);
    let zero = lower.opt(node, 2);
    let said = attribute_dtype(node, "output_dtype")?.or_else(|| declared(lower, node.output(0)));
    let dtype = said.or_else(|| dtype_of(lower, zero?)).unwrap_or(Dtype::Uint8);
    let to = quantum(node, dtype, node.flag("saturate")?.unwrap_or(true))?;
    let by = match attribute_dtype(node, "precision")? {
        Some(dtype) => value::element(dtype).and_then(|ty| ty.as_scalar()),
        None => Some(wider(lower.dtype(x), lower.dtype(scale))),
    };
    let by = by.ok_or_else(|| node.fault("attribute `precision`", "a type of floats", "another"))?;
    let op = QuantOp::Quantize { axis: node.int("axis")?.unwrap_or(1), block: block(node)?, by, to };
    let slot = lower.add_with(node, op, &[Some(x), Some(scale), zero])?;
    lower.set_narrow(slot, dtype);
    Ok(vec![slot])
}

/// Returns the type in which numpy divides one by the other.
fn wider(x: Option<DType>, scale: Option<DType>) -> DType {
    match (x, scale) {
        (Some(x @ (DType::F16 | DType::BF16)), Some(scale)) if x == scale => x,
        (Some(DType::I32 | DType::F64), _) | (_, Some(DType::F64)) => DType::F64,
        _ => DType::F32,
    }
}

fn dequantize(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(2..=3, 1..=1)?;
    let scale = lower.arg(node, 1, "x_scale")?;
    let formal = [Some(lower.arg(node, 0, "x")?), Some(scale), lower.opt(node, 2)];
    let to = match attribute_dtype(node, "output_dtype")? {
        Some(dtype) => value::element(dtype).and_then(|ty| ty.as_scalar()),
        None => lower.dtype(scale),
    };
    let to = to.ok_or_else(|| node.fault("attribute `output_dtype`", "a type of numbers", "another"))?;
    let op = QuantOp::Dequantize { axis: node.int("axis")?.unwrap_or(1), block: block(node)?, to };
    Ok(vec![lower.add_with(node, op, &formal)?])
}

fn cast(lower: &mut Lower<'_>, node: &Node<'_>, x: SlotId, to: DType) -> Result<SlotId, ReadError> {
    if lower.dtype(x) == Some(to) {
        return Ok(x);
    }
    lower.add(node, ElementOp::Cast { to: Type::scalar(to), saturate: false }, &[x])
}

fn binary(lower: &mut Lower<'_>, node: &Node<'_>, op: Binary, a: SlotId, b: SlotId) -> Result<SlotId, ReadError> {
    lower.add(node, ElementOp::Binary(op), &[a, b])
}

/// ONNX's own function: the range of the numbers, 0 among them, in 255 steps.
fn dynamic(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(1..=1, 1..=3)?;
    let x = lower.arg(node, 0, "x")?;
    let zero = lower.constant(scalar(0.0_f32));
    let mut bound = |fold: Fold, op: Binary| -> Result<SlotId, ReadError> {
        let reduce = ReduceOp::Reduce { fold, axes: None, keep: false, none_is_none: false };
        let bound = lower.add(node, reduce, &[x])?;
        binary(lower, node, op, bound, zero)
    };
    let (high, low) = (bound(Fold::Max, Binary::Max)?, bound(Fold::Min, Binary::Min)?);
    let range = binary(lower, node, Binary::Sub, high, low)?;
    let (steps, one) = (lower.constant(scalar(255.0_f32)), lower.constant(scalar(1.0_f32)));
    let scale = binary(lower, node, Binary::Div, range, steps)?;
    // Of nothing but zeros: a step of 1.
    let is_flat = binary(lower, node, Binary::Equal, range, zero)?;
    let scale = lower.add(node, ElementOp::Select, &[is_flat, one, scale])?;
    let least = binary(lower, node, Binary::Div, low, scale)?;
    let from = binary(lower, node, Binary::Sub, zero, least)?;
    let within = lower.add_with(node, ElementOp::Clip, &[Some(from), Some(zero), Some(steps)])?;
    let rounded = lower.add(node, ElementOp::Unary(Unary::Round), &[within])?;
    let zero_point = cast(lower, node, rounded, DType::U8)?;
    let to = quantum(node, Dtype::Uint8, true)?;
    let op = QuantOp::Quantize { axis: 0, block: 0, by: DType::F32, to };
    let y = lower.add_with(node, op, &[Some(x), Some(scale), Some(zero_point)])?;
    Ok(vec![y, scale, zero_point])
}

/// Returns one number for each row as a column.
fn column(lower: &mut Lower<'_>, node: &Node<'_>, x: SlotId) -> Result<SlotId, ReadError> {
    let is_one = lower.known(x).and_then(|x| x.as_tensor()).is_some_and(|x| x.len() == 1);
    if is_one || lower.rank(x) != Some(1) {
        return Ok(x);
    }
    let shape = lower.constant(ints(vec![-1, 1]));
    lower.add(node, LayoutOp::Reshape { allow_zero: false }, &[x, shape])
}

/// The scale of a product's sums, and their type: input `at` is the scale of the result, its zero point follows.
fn requantize(lower: &mut Lower<'_>, node: &Node<'_>, sums: SlotId, scales: [SlotId; 2], at: usize) -> Slots {
    let (by, zero) = (lower.arg(node, at, "y_scale")?, lower.arg(node, at + 1, "y_zero_point")?);
    let sums = cast(lower, node, sums, DType::F32)?;
    let [a, b] = scales;
    let (a, b, by) =
        (cast(lower, node, a, DType::F32)?, cast(lower, node, b, DType::F32)?, cast(lower, node, by, DType::F32)?);
    let scale = binary(lower, node, Binary::Mul, a, b)?;
    let scale = binary(lower, node, Binary::Div, scale, by)?;
    let scaled = binary(lower, node, Binary::Mul, sums, scale)?;
    let dtype = dtype_of(lower, zero).unwrap_or(Dtype::Uint8);
    let to = quantum(node, dtype, true)?;
    let one = lower.constant(scalar(1.0_f32));
    let op = QuantOp::Quantize { axis: -1, block: 0, by: DType::F32, to };
    Ok(vec![lower.add_with(node, op, &[Some(scaled), Some(one), Some(zero)])?])
}

fn matmul(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(8..=8, 1..=1)?;
    let names = ["a", "a_scale", "a_zero_point", "b", "b_scale", "b_zero_point"];
    let inputs = (0..6).map(|i| lower.arg(node, i, names[i])).collect::<Result<Vec<_>, _>>()?;
    let factors = [inputs[0], inputs[3], inputs[2], inputs[5]];
    let sums = lower.add(node, DenseOp::MatMulInteger, &factors)?;
    let by_row = column(lower, node, inputs[1])?;
    requantize(lower, node, sums, [by_row, inputs[4]], 6)
}

fn conv(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(8..=9, 1..=1)?;
    let names = ["x", "x_scale", "x_zero_point", "w", "w_scale", "w_zero_point"];
    let inputs = (0..6).map(|i| lower.arg(node, i, names[i])).collect::<Result<Vec<_>, _>>()?;
    let op = ConvOp::ConvInteger { window: window(node)?, groups: count(node, "group")? };
    let mut sums = lower.add(node, op, &[inputs[0], inputs[3], inputs[2], inputs[5]])?;
    let spatial = lower.rank_of(node, inputs[3])?.saturating_sub(2);
    let by_channel = |lower: &mut Lower<'_>, x: SlotId| -> Result<SlotId, ReadError> {
        let is_one = lower.known(x).and_then(|x| x.as_tensor()).is_some_and(|x| x.len() == 1);
        if is_one || lower.rank(x) == Some(0) {
            return Ok(x);
        }
        let shape = lower.constant(ints([vec![-1], vec![1; spatial]].concat()));
        lower.add(node, LayoutOp::Reshape { allow_zero: false }, &[x, shape])
    };
    let scale = by_channel(lower, inputs[4])?;
    // The bias counts in steps of the sums.
    if let Some(bias) = node.optional(8) {
        let bias = lower.slot(bias);
        let bias = by_channel(lower, bias)?;
        sums = binary(lower, node, Binary::Add, sums, bias)?;
    }
    requantize(lower, node, sums, [inputs[1], scale], 6)
}
