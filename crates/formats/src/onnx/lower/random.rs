//! Random numbers. The standard says how they are distributed, not which they are; a seed makes them the same each time.

use model::{DType, Tensor};
use plan::{
    SlotId,
    tensor::{Binary, Drawn, ElementOp, LayoutOp, RandomOp, Stream},
};

use super::{super::graph::Node, Lower, NOW, Row, element::type_of, ints, row};
use crate::ReadError;

type Slots = Result<Vec<SlotId>, ReadError>;

pub(super) const ROWS: &[Row] = &[
    row("RandomNormal", 1, NOW, |lower, node| shaped(lower, node, Drawn::Normal)),
    row("RandomUniform", 1, NOW, |lower, node| shaped(lower, node, Drawn::Uniform)),
    row("RandomNormalLike", 1, NOW, |lower, node| like(lower, node, Drawn::Normal)),
    row("RandomUniformLike", 1, NOW, |lower, node| like(lower, node, Drawn::Uniform)),
    row("Bernoulli", 15, NOW, bernoulli),
    row("Multinomial", 7, NOW, multinomial),
];

/// Returns where the node's generator begins.
fn stream(node: &Node<'_>) -> Result<Stream, ReadError> {
    Ok(node.float("seed")?.map_or(Stream::Any, |seed| Stream::Seeds([seed.to_bits().into(), 1])))
}

/// Returns the dtype that the attribute `dtype` names; without it, `default`.
fn dtype(node: &Node<'_>, default: DType) -> Result<DType, ReadError> {
    if !node.has("dtype") {
        return Ok(default);
    }
    let (named, ty) = type_of(node, "dtype")?;
    ty.as_scalar().ok_or_else(|| node.unimplemented(format_args!("random numbers of {named}")))
}

fn shaped(lower: &mut Lower<'_>, node: &Node<'_>, drawn: Drawn) -> Slots {
    let shape = node.required("shape", node.ints("shape")?)?;
    let (shape, dtype) = (lower.constant(ints(shape)), dtype(node, DType::F32)?);
    drawn_of(lower, node, drawn, shape, dtype)
}

fn like(lower: &mut Lower<'_>, node: &Node<'_>, drawn: Drawn) -> Slots {
    let x = lower.arg(node, 0, "input")?;
    let dtype = dtype(node, lower.dtype(x).unwrap_or(DType::F32))?;
    let shape = lower.add(node, LayoutOp::Shape { start: 0, end: None, dtype: DType::I64 }, &[x])?;
    drawn_of(lower, node, drawn, shape, dtype)
}

/// Draws standard numbers and moves them to where they are asked for.
fn drawn_of(lower: &mut Lower<'_>, node: &Node<'_>, drawn: Drawn, shape: SlotId, dtype: DType) -> Slots {
    let number = |name: &str, default: f32| Ok::<f32, ReadError>(node.float(name)?.unwrap_or(default));
    let (scale, begin) = match drawn {
        Drawn::Normal => (number("scale", 1.0)?, number("mean", 0.0)?),
        _ => {
            let low = number("low", 0.0)?;
            (number("high", 1.0)? - low, low)
        }
    };
    if !matches!(dtype, DType::F16 | DType::BF16 | DType::F32 | DType::F64) {
        return Err(node.unimplemented(format_args!("random numbers of {dtype}")));
    }
    let op = RandomOp::Draw { drawn, dtype, stream: stream(node)? };
    let numbers = lower.add_with(node, op, &[Some(shape)])?;
    let scale = lower.number_like(node, numbers, scale.into())?;
    let begin = lower.number_like(node, numbers, begin.into())?;
    let scaled = lower.add(node, ElementOp::Binary(Binary::Mul), &[numbers, scale])?;
    Ok(vec![lower.add(node, ElementOp::Binary(Binary::Add), &[scaled, begin])?])
}

/// 1 with the probability that the element is.
fn bernoulli(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let x = lower.arg(node, 0, "input")?;
    let of = lower.dtype(x).unwrap_or(DType::F32);
    let to = dtype(node, of)?;
    let shape = lower.add(node, LayoutOp::Shape { start: 0, end: None, dtype: DType::I64 }, &[x])?;
    let op = RandomOp::Draw { drawn: Drawn::Uniform, dtype: of, stream: stream(node)? };
    let numbers = lower.add_with(node, op, &[Some(shape)])?;
    let hit = lower.add(node, ElementOp::Binary(Binary::Less), &[numbers, x])?;
    if to == DType::Bool {
        return Ok(vec![hit]);
    }
    let cast = ElementOp::Cast { to: model::Type::scalar(to), saturate: false };
    Ok(vec![lower.add(node, cast, &[hit])?])
}

fn multinomial(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let x = lower.arg(node, 0, "input")?;
    let dtype = dtype(node, DType::I32)?;
    if !matches!(dtype, DType::I32 | DType::I64) {
        return Err(node.unimplemented(format_args!("classes of {dtype}")));
    }
    let count = lower.constant(Tensor::scalar(node.int("sample_size")?.unwrap_or(1)));
    let op = RandomOp::Multinomial { dtype, stream: stream(node)? };
    Ok(vec![lower.add_with(node, op, &[Some(x), None, None, Some(count)])?])
}
