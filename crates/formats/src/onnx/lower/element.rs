//! Element by element: functions of one tensor, of two, of several, casts and choices.

use model::{DType, Type};
use plan::{
    SlotId,
    tensor::{Binary, ElementOp, LayoutOp, Narrow, QuantOp, Toward, Unary},
};

use super::{
    super::{dtype::Dtype, graph::Node},
    Lower, NOW, Row, ints, row, value,
};
use crate::ReadError;

type Slots = Result<Vec<SlotId>, ReadError>;

/// Returns the row of a function of one tensor without attributes.
macro_rules! unary {
    ($name:literal, $op:expr) => {
        row($name, 1, NOW, |lower, node| unary(lower, node, $op))
    };
}

/// Returns the row of a function of two tensors.
macro_rules! binary {
    ($name:literal, $op:expr) => {
        row($name, 1, NOW, |lower, node| binary(lower, node, $op))
    };
}

pub(super) const ROWS: &[Row] = &[
    unary!("Abs", Unary::Abs),
    unary!("Neg", Unary::Neg),
    unary!("Sign", Unary::Sign),
    unary!("Ceil", Unary::Ceil),
    unary!("Floor", Unary::Floor),
    unary!("Round", Unary::Round),
    unary!("Sqrt", Unary::Sqrt),
    unary!("Reciprocal", Unary::Reciprocal),
    unary!("Exp", Unary::Exp),
    unary!("Log", Unary::Log),
    unary!("Sin", Unary::Sin),
    unary!("Cos", Unary::Cos),
    unary!("Tan", Unary::Tan),
    unary!("Asin", Unary::Asin),
    unary!("Acos", Unary::Acos),
    unary!("Atan", Unary::Atan),
    unary!("Sinh", Unary::Sinh),
    unary!("Cosh", Unary::Cosh),
    unary!("Tanh", Unary::Tanh),
    unary!("Asinh", Unary::Asinh),
    unary!("Acosh", Unary::Acosh),
    unary!("Atanh", Unary::Atanh),
    unary!("Erf", Unary::Erf),
    unary!("Sigmoid", Unary::Sigmoid),
    unary!("Relu", Unary::Relu),
    unary!("HardSwish", Unary::HardSwish),
    unary!("Mish", Unary::Mish),
    unary!("Softplus", Unary::Softplus),
    unary!("Softsign", Unary::Softsign),
    unary!("Not", Unary::Not),
    unary!("BitwiseNot", Unary::BitNot),
    unary!("IsNaN", Unary::IsNan),
    row("IsInf", 10, NOW, is_inf),
    row("LeakyRelu", 1, NOW, |lower, node| with_alpha(lower, node, 0.01, |alpha| Unary::LeakyRelu { alpha })),
    row("Elu", 1, NOW, |lower, node| with_alpha(lower, node, 1.0, |alpha| Unary::Elu { alpha })),
    row("Celu", 1, NOW, |lower, node| with_alpha(lower, node, 1.0, |alpha| Unary::Celu { alpha })),
    row("Swish", 24, NOW, |lower, node| with_alpha(lower, node, 1.0, |alpha| Unary::Swish { alpha })),
    row("ThresholdedRelu", 1, NOW, |lower, node| {
        with_alpha(lower, node, 1.0, |alpha| Unary::ThresholdedRelu { alpha })
    }),
    row("Selu", 1, 5, |lower, node| selu(lower, node, 1.6732, 1.0507)),
    row("Selu", 6, NOW, |lower, node| selu(lower, node, 1.673_263_2, 1.050_701)),
    row("HardSigmoid", 1, NOW, hard_sigmoid),
    row("Gelu", 20, NOW, gelu),
    row("Shrink", 9, NOW, shrink),
    binary!("Add", Binary::Add),
    binary!("Sub", Binary::Sub),
    binary!("Mul", Binary::Mul),
    binary!("Div", Binary::Div),
    binary!("Pow", Binary::Pow),
    binary!("And", Binary::And),
    binary!("Or", Binary::Or),
    binary!("Xor", Binary::Xor),
    binary!("Equal", Binary::Equal),
    binary!("Less", Binary::Less),
    binary!("LessOrEqual", Binary::LessEqual),
    binary!("Greater", Binary::Greater),
    binary!("GreaterOrEqual", Binary::GreaterEqual),
    binary!("BitwiseAnd", Binary::BitAnd),
    binary!("BitwiseOr", Binary::BitOr),
    binary!("BitwiseXor", Binary::BitXor),
    row("BitShift", 11, NOW, bit_shift),
    row("Mod", 10, NOW, modulo),
    row("PRelu", 1, 6, prelu_of_channels),
    row("PRelu", 7, NOW, |lower, node| binary(lower, node, Binary::Prelu)),
    row("Max", 1, NOW, |lower, node| many(lower, node, Binary::Max)),
    row("Min", 1, NOW, |lower, node| many(lower, node, Binary::Min)),
    row("Sum", 1, NOW, |lower, node| many(lower, node, Binary::Add)),
    row("Mean", 1, NOW, mean),
    row("Where", 9, NOW, choose),
    row("Clip", 1, 10, clip_by_attributes),
    row("Clip", 11, NOW, clip),
    row("Cast", 1, 5, cast_by_name),
    row("Cast", 6, NOW, cast),
    row("CastLike", 15, NOW, cast_like),
    row("BitCast", 26, NOW, bit_cast),
];

fn unary(lower: &mut Lower<'_>, node: &Node<'_>, op: Unary) -> Slots {
    node.check_counts(1..=1, 1..=1)?;
    let x = lower.arg(node, 0, "X")?;
    Ok(vec![lower.add(node, ElementOp::Unary(op), &[x])?])
}

fn with_alpha(lower: &mut Lower<'_>, node: &Node<'_>, default: f32, op: fn(f32) -> Unary) -> Slots {
    let alpha = node.float("alpha")?.unwrap_or(default);
    unary(lower, node, op(alpha))
}

fn is_inf(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let negative = node.flag("detect_negative")?.unwrap_or(true);
    let positive = node.flag("detect_positive")?.unwrap_or(true);
    unary(lower, node, Unary::IsInf { negative, positive })
}

fn selu(lower: &mut Lower<'_>, node: &Node<'_>, alpha: f32, gamma: f32) -> Slots {
    let alpha = node.float("alpha")?.unwrap_or(alpha);
    let gamma = node.float("gamma")?.unwrap_or(gamma);
    unary(lower, node, Unary::Selu { alpha, gamma })
}

fn hard_sigmoid(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let alpha = node.float("alpha")?.unwrap_or(0.2);
    let beta = node.float("beta")?.unwrap_or(0.5);
    unary(lower, node, Unary::HardSigmoid { alpha, beta })
}

fn gelu(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let tanh = match node.string("approximate")?.unwrap_or("none") {
        "none" => false,
        "tanh" => true,
        other => return Err(node.fault("attribute `approximate`", "none or tanh", other)),
    };
    unary(lower, node, Unary::Gelu { tanh })
}

fn shrink(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let lambda = node.float("lambd")?.unwrap_or(0.5);
    let bias = node.float("bias")?.unwrap_or(0.0);
    unary(lower, node, Unary::Shrink { lambda, bias })
}

fn binary(lower: &mut Lower<'_>, node: &Node<'_>, op: Binary) -> Slots {
    node.check_counts(2..=2, 1..=1)?;
    let (a, b) = (lower.arg(node, 0, "A")?, lower.arg(node, 1, "B")?);
    let b = placed(lower, node, a, b)?;
    Ok(vec![lower.add(node, ElementOp::Binary(op), &[a, b])?])
}

/// Before opset 7, the second tensor's first dimension may be laid at an axis of the first tensor.
pub(super) fn placed(lower: &mut Lower<'_>, node: &Node<'_>, a: SlotId, b: SlotId) -> Result<SlotId, ReadError> {
    if node.version >= 7 || !node.flag("broadcast")?.unwrap_or(false) {
        return Ok(b);
    }
    let Some(axis) = node.int("axis")? else { return Ok(b) };
    let (rank_a, rank_b) = (lower.rank_of(node, a)?, lower.rank_of(node, b)?);
    let axis = if axis < 0 { axis + rank_a as i64 } else { axis };
    let after = usize::try_from(axis).ok().and_then(|axis| rank_a.checked_sub(axis + rank_b));
    let after =
        after.ok_or_else(|| node.fault("attribute `axis`", &format!("an axis of a tensor of rank {rank_a}"), axis))?;
    spread(lower, node, b, rank_b, after)
}

/// Returns the tensor with dimensions of length 1 after its own.
pub(super) fn spread(
    lower: &mut Lower<'_>,
    node: &Node<'_>,
    x: SlotId,
    rank: usize,
    after: usize,
) -> Result<SlotId, ReadError> {
    if after == 0 {
        return Ok(x);
    }
    // A zero stands for the dimension that is there.
    let shape = lower.constant(ints([vec![0; rank], vec![1; after]].concat()));
    lower.add(node, LayoutOp::Reshape { allow_zero: false }, &[x, shape])
}

fn prelu_of_channels(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(2..=2, 1..=1)?;
    let (x, mut slope) = (lower.arg(node, 0, "X")?, lower.arg(node, 1, "slope")?);
    if lower.rank_of(node, slope)? == 1 && lower.known(slope).and_then(|s| s.as_tensor()).is_none_or(|s| s.len() != 1) {
        let rank = lower.rank_of(node, x)?;
        slope = spread(lower, node, slope, 1, rank.saturating_sub(2))?;
    }
    Ok(vec![lower.add(node, ElementOp::Binary(Binary::Prelu), &[x, slope])?])
}

fn bit_shift(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let direction = node.string("direction")?;
    let op = match node.required("direction", direction)? {
        "LEFT" => Binary::ShiftLeft,
        "RIGHT" => Binary::ShiftRight,
        other => return Err(node.fault("attribute `direction`", "LEFT or RIGHT", other)),
    };
    binary(lower, node, op)
}

fn modulo(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let op = if node.flag("fmod")?.unwrap_or(false) { Binary::Mod } else { Binary::FloorMod };
    binary(lower, node, op)
}

fn fold(lower: &mut Lower<'_>, node: &Node<'_>, op: Binary) -> Result<(SlotId, usize), ReadError> {
    let args = lower.args(node)?;
    let Some((first, rest)) = args.split_first() else { return Err(node.fault("inputs", "one or more", 0)) };
    let mut sum = *first;
    for arg in rest {
        sum = lower.add(node, ElementOp::Binary(op), &[sum, *arg])?;
    }
    Ok((sum, args.len()))
}

fn many(lower: &mut Lower<'_>, node: &Node<'_>, op: Binary) -> Slots {
    Ok(vec![fold(lower, node, op)?.0])
}

fn mean(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let (sum, count) = fold(lower, node, Binary::Add)?;
    let count = lower.number_like(node, sum, count as f64)?;
    Ok(vec![lower.add(node, ElementOp::Binary(Binary::Div), &[sum, count])?])
}

fn choose(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(3..=3, 1..=1)?;
    let inputs = [lower.arg(node, 0, "condition")?, lower.arg(node, 1, "X")?, lower.arg(node, 2, "Y")?];
    Ok(vec![lower.add(node, ElementOp::Select, &inputs)?])
}

fn clip_by_attributes(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let x = lower.arg(node, 0, "input")?;
    let mut bound = |name: &str| -> Result<Option<SlotId>, ReadError> {
        node.float(name)?.map(|bound| lower.number_like(node, x, bound.into())).transpose()
    };
    let (low, high) = (bound("min")?, bound("max")?);
    Ok(vec![lower.add_with(node, ElementOp::Clip, &[Some(x), low, high])?])
}

fn clip(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(1..=3, 1..=1)?;
    let x = lower.arg(node, 0, "input")?;
    let formal = [Some(x), lower.opt(node, 1), lower.opt(node, 2)];
    Ok(vec![lower.add_with(node, ElementOp::Clip, &formal)?])
}

/// Returns the type that an attribute names by its number.
pub(super) fn type_of(node: &Node<'_>, name: &str) -> Result<(Dtype, Type), ReadError> {
    let number = node.required(name, node.int(name)?)?;
    let part = format!("attribute `{name}`");
    let dtype = Dtype::of(number).ok_or_else(|| node.fault(&part, "a type of elements, 1 to 26", number))?;
    let ty = value::element(dtype);
    Ok((dtype, ty.ok_or_else(|| node.unimplemented(format_args!("tensors of {dtype}")))?))
}

fn to_type(lower: &mut Lower<'_>, node: &Node<'_>, to: Type) -> Slots {
    let x = lower.arg(node, 0, "input")?;
    Ok(vec![lower.add(node, ElementOp::Cast { to, saturate: false }, &[x])?])
}

/// To a type that the document names, which may have few bits.
fn to_dtype(lower: &mut Lower<'_>, node: &Node<'_>, dtype: Dtype, to: Type) -> Slots {
    let Some(mut narrow) = value::narrow(dtype) else { return to_type(lower, node, to) };
    if let Narrow::E8M0(toward) = &mut narrow {
        *toward = match node.string("round_mode")? {
            None | Some("up") => Toward::Up,
            Some("down") => Toward::Down,
            Some("nearest") => Toward::Nearest,
            Some(other) => return Err(node.fault("attribute `round_mode`", "up, down or nearest", other)),
        };
    }
    let mut x = lower.arg(node, 0, "input")?;
    if lower.dtype(x).is_none() {
        x = lower.add(node, ElementOp::Cast { to: Type::F32, saturate: false }, &[x])?;
    }
    let saturate = node.flag("saturate")?.unwrap_or(true);
    let slot = lower.add(node, QuantOp::Narrow { to: narrow, saturate }, &[x])?;
    lower.set_narrow(slot, dtype);
    Ok(vec![slot])
}

fn cast(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let (dtype, to) = type_of(node, "to")?;
    to_dtype(lower, node, dtype, to)
}

fn cast_by_name(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let name = node.required("to", node.string("to")?)?;
    let dtype = (1..=16).filter_map(Dtype::of).find(|dtype| dtype.name().eq_ignore_ascii_case(name));
    let to = dtype.and_then(value::element);
    let to = to.ok_or_else(|| node.fault("attribute `to`", "the name of a type of elements", name))?;
    to_type(lower, node, to)
}

fn cast_like(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let like = lower.arg(node, 1, "target_type")?;
    let to = lower.ty(like).clone();
    match lower.narrow(like) {
        Some(dtype) => to_dtype(lower, node, dtype, to),
        None => to_type(lower, node, to),
    }
}

fn bit_cast(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let (dtype, to) = type_of(node, "to")?;
    let x = lower.arg(node, 0, "input")?;
    if let Some(few) = value::narrow(dtype).map(|_| dtype).or_else(|| lower.narrow(x)) {
        return Err(node.unimplemented(format_args!("the bits of {few}")));
    }
    let to: DType = to.as_scalar().ok_or_else(|| node.fault("attribute `to`", "a type of numbers", "string"))?;
    Ok(vec![lower.add(node, ElementOp::Bitcast { to }, &[x])?])
}
