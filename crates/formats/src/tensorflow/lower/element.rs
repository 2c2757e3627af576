//! Element by element: functions of one tensor and of two, casts, choices.

use model::{DType, Tensor, Type};
use plan::tensor::{Binary, ElementOp, LayoutOp, Unary};

use super::{At, Lower, Row, Slots, row, value};

/// Returns the row of a function of one tensor without attributes.
macro_rules! unary {
    ($name:literal, $op:expr) => {
        row($name, |lower, at| unary(lower, at, $op))
    };
}

/// Returns the row of a function of two tensors.
macro_rules! binary {
    ($name:literal, $op:expr) => {
        row($name, |lower, at| binary(lower, at, $op))
    };
}

pub(super) const ROWS: &[Row] = &[
    unary!("Abs", Unary::Abs),
    unary!("Neg", Unary::Neg),
    unary!("Sign", Unary::Sign),
    unary!("Ceil", Unary::Ceil),
    unary!("Floor", Unary::Floor),
    unary!("Round", Unary::Round),
    unary!("Rint", Unary::Round),
    unary!("Sqrt", Unary::Sqrt),
    unary!("Rsqrt", Unary::Rsqrt),
    unary!("Reciprocal", Unary::Reciprocal),
    unary!("Inv", Unary::Reciprocal),
    unary!("Square", Unary::Square),
    unary!("Exp", Unary::Exp),
    unary!("Expm1", Unary::Expm1),
    unary!("Log", Unary::Log),
    unary!("Log1p", Unary::Log1p),
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
    unary!("Erfc", Unary::Erfc),
    unary!("Lgamma", Unary::Lgamma),
    unary!("Digamma", Unary::Digamma),
    unary!("Ndtri", Unary::Ndtri),
    unary!("Erfinv", Unary::Erfinv),
    unary!("BesselI0", Unary::BesselI { order: 0, scaled: false }),
    unary!("BesselI0e", Unary::BesselI { order: 0, scaled: true }),
    unary!("BesselI1", Unary::BesselI { order: 1, scaled: false }),
    unary!("BesselI1e", Unary::BesselI { order: 1, scaled: true }),
    unary!("Sigmoid", Unary::Sigmoid),
    unary!("Relu", Unary::Relu),
    unary!("Relu6", Unary::Relu6),
    unary!("Elu", Unary::Elu { alpha: 1.0 }),
    unary!("Selu", Unary::Selu { alpha: 1.673_263_2, gamma: 1.050_701 }),
    unary!("Softplus", Unary::Softplus),
    unary!("Softsign", Unary::Softsign),
    unary!("LogicalNot", Unary::Not),
    unary!("Invert", Unary::BitNot),
    unary!("IsNan", Unary::IsNan),
    unary!("IsInf", Unary::IsInf { negative: true, positive: true }),
    unary!("IsFinite", Unary::IsFinite),
    row("LeakyRelu", |lower, at| {
        let alpha = at.site.float("alpha").unwrap_or(0.2);
        unary(lower, at, Unary::LeakyRelu { alpha })
    }),
    binary!("Add", Binary::Add),
    binary!("AddV2", Binary::Add),
    binary!("Sub", Binary::Sub),
    binary!("Mul", Binary::Mul),
    binary!("Div", Binary::Div),
    binary!("RealDiv", Binary::Div),
    binary!("TruncateDiv", Binary::Div),
    binary!("FloorDiv", Binary::FloorDiv),
    binary!("DivNoNan", Binary::DivNoNan),
    binary!("FloorMod", Binary::FloorMod),
    binary!("Mod", Binary::Mod),
    binary!("TruncateMod", Binary::Mod),
    binary!("Pow", Binary::Pow),
    binary!("Atan2", Binary::Atan2),
    binary!("SquaredDifference", Binary::SquaredDifference),
    binary!("Minimum", Binary::Min),
    binary!("Maximum", Binary::Max),
    binary!("Xlogy", Binary::Xlogy),
    binary!("Xdivy", Binary::Xdivy),
    binary!("Equal", Binary::Equal),
    binary!("NotEqual", Binary::NotEqual),
    binary!("Less", Binary::Less),
    binary!("LessEqual", Binary::LessEqual),
    binary!("Greater", Binary::Greater),
    binary!("GreaterEqual", Binary::GreaterEqual),
    binary!("LogicalAnd", Binary::And),
    binary!("LogicalOr", Binary::Or),
    binary!("BitwiseAnd", Binary::BitAnd),
    binary!("BitwiseOr", Binary::BitOr),
    binary!("BitwiseXor", Binary::BitXor),
    binary!("LeftShift", Binary::ShiftLeft),
    binary!("RightShift", Binary::ShiftRight),
    row("AddN", sum),
    row("AccumulateNV2", sum),
    row("Select", select),
    row("SelectV2", |lower, at| {
        let args = at.args::<3>()?;
        lower.add(at, ElementOp::Select, &args).map(|slot| vec![slot])
    }),
    row("ClipByValue", |lower, at| {
        let args = at.args::<3>()?;
        lower.add(at, ElementOp::Clip, &args).map(|slot| vec![slot])
    }),
    row("Cast", cast),
    row("Bitcast", |lower, at| {
        let to = at.dtype("type", DType::F32)?;
        let args = at.args::<1>()?;
        lower.add(at, ElementOp::Bitcast { to }, &args).map(|slot| vec![slot])
    }),
    row("ZerosLike", |lower, at| like(lower, at, 0.0)),
    row("OnesLike", |lower, at| like(lower, at, 1.0)),
    row("IdentityN", |_, at| Ok(at.inputs.clone())),
];

fn unary(lower: &mut Lower<'_, '_>, at: &At<'_, '_>, op: Unary) -> Slots {
    let args = at.args::<1>()?;
    lower.add(at, ElementOp::Unary(op), &args).map(|slot| vec![slot])
}

fn binary(lower: &mut Lower<'_, '_>, at: &At<'_, '_>, op: Binary) -> Slots {
    let args = at.args::<2>()?;
    lower.add(at, ElementOp::Binary(op), &args).map(|slot| vec![slot])
}

fn sum(lower: &mut Lower<'_, '_>, at: &At<'_, '_>) -> Slots {
    let mut all = at.arg(0)?;
    for other in &at.inputs[1..] {
        all = lower.add(at, ElementOp::Binary(Binary::Add), &[all, *other])?;
    }
    Ok(vec![all])
}

/// The first version's condition may be one truth for each entry of the first dimension: it gets the dimensions that it lacks.
fn select(lower: &mut Lower<'_, '_>, at: &At<'_, '_>) -> Slots {
    let [condition, then, otherwise] = at.args::<3>()?;
    let rank = |lower: &mut Lower<'_, '_>, slot| lower.add(at, LayoutOp::Rank { dtype: DType::I64 }, &[slot]);
    let (own, whole) = (rank(lower, condition)?, rank(lower, then)?);
    let lacks = lower.add(at, ElementOp::Binary(Binary::Sub), &[whole, own])?;
    // A scalar gets none: it broadcasts.
    let most = lower.add(at, ElementOp::Binary(Binary::Mul), &[own, whole])?;
    let lacks = lower.add(at, ElementOp::Binary(Binary::Min), &[lacks, most])?;
    let axis = lower.ints(&[1]);
    let lacks = lower.add(at, LayoutOp::Reshape { allow_zero: true }, &[lacks, axis])?;
    let one = lower.constant(Tensor::scalar(1_i64));
    let ones = lower.add(at, LayoutOp::Fill, &[lacks, one])?;
    let shape = lower.add(at, LayoutOp::Shape { start: 0, end: None, dtype: DType::I64 }, &[condition])?;
    let shape = lower.add(at, LayoutOp::Concat { axis: 0 }, &[shape, ones])?;
    let condition = lower.add(at, LayoutOp::Reshape { allow_zero: true }, &[condition, shape])?;
    lower.add(at, ElementOp::Select, &[condition, then, otherwise]).map(|slot| vec![slot])
}

fn cast(lower: &mut Lower<'_, '_>, at: &At<'_, '_>) -> Slots {
    let [from] = at.args::<1>()?;
    let to = Type::scalar(at.dtype("DstT", DType::F32)?);
    if *lower.ty(from) == to {
        return Ok(vec![from]);
    }
    lower.add(at, ElementOp::Cast { to, saturate: false }, &[from]).map(|slot| vec![slot])
}

fn like(lower: &mut Lower<'_, '_>, at: &At<'_, '_>, number: f64) -> Slots {
    let [like] = at.args::<1>()?;
    let element = match lower.dtype(like) {
        None if number == 0.0 => lower.constant(value::text(b"")),
        _ => lower.number_like(at, like, number)?,
    };
    let shape = lower.add(at, LayoutOp::Shape { start: 0, end: None, dtype: DType::I64 }, &[like])?;
    lower.add(at, LayoutOp::Fill, &[shape, element]).map(|slot| vec![slot])
}
