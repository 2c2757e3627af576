//! Products of matrices.

use plan::{
    SlotId,
    tensor::{Binary, DenseOp, ElementOp},
};

use super::{super::graph::Node, Lower, NOW, Row, row};
use crate::ReadError;

type Slots = Result<Vec<SlotId>, ReadError>;

pub(super) const ROWS: &[Row] = &[row("MatMul", 1, NOW, matmul), row("Gemm", 1, NOW, gemm)];

fn matmul(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(2..=2, 1..=1)?;
    let inputs = [lower.arg(node, 0, "A")?, lower.arg(node, 1, "B")?];
    Ok(vec![lower.add(node, DenseOp::MatMul { transpose: [false; 2] }, &inputs)?])
}

/// `alpha * A * B + beta * C`.
fn gemm(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(2..=3, 1..=1)?;
    let inputs = [lower.arg(node, 0, "A")?, lower.arg(node, 1, "B")?];
    let transpose = [node.flag("transA")?.unwrap_or(false), node.flag("transB")?.unwrap_or(false)];
    let (alpha, beta) = (node.float("alpha")?.unwrap_or(1.0), node.float("beta")?.unwrap_or(1.0));
    let mut product = lower.add(node, DenseOp::MatMul { transpose }, &inputs)?;
    product = times(lower, node, product, alpha)?;
    let Some(c) = lower.opt(node, 2).filter(|_| beta != 0.0) else { return Ok(vec![product]) };
    let c = times(lower, node, c, beta)?;
    Ok(vec![lower.add(node, ElementOp::Binary(Binary::Add), &[product, c])?])
}

fn times(lower: &mut Lower<'_>, node: &Node<'_>, x: SlotId, factor: f32) -> Result<SlotId, ReadError> {
    if factor == 1.0 {
        return Ok(x);
    }
    let factor = lower.number_like(node, x, factor.into())?;
    lower.add(node, ElementOp::Binary(Binary::Mul), &[x, factor])
}
