//! Products of matrices.

use plan::{SlotId, tensor::DenseOp};

use super::{super::graph::Node, Lower, NOW, Row, row};
use crate::ReadError;

type Slots = Result<Vec<SlotId>, ReadError>;

pub(super) const ROWS: &[Row] = &[
    row("MatMul", 1, NOW, matmul),
    row("Gemm", 1, NOW, gemm),
    row("MatMulInteger", 10, NOW, matmul_integer),
    row("Det", 11, NOW, det),
];

fn matmul(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(2..=2, 1..=1)?;
    let inputs = [lower.arg(node, 0, "A")?, lower.arg(node, 1, "B")?];
    Ok(vec![lower.add(node, DenseOp::MatMul { transpose: [false; 2] }, &inputs)?])
}

/// `alpha * A * B + beta * C`.
fn gemm(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(2..=3, 1..=1)?;
    let formal = [Some(lower.arg(node, 0, "A")?), Some(lower.arg(node, 1, "B")?), lower.opt(node, 2)];
    let transpose = [node.flag("transA")?.unwrap_or(false), node.flag("transB")?.unwrap_or(false)];
    let (alpha, beta) = (node.float("alpha")?.unwrap_or(1.0), node.float("beta")?.unwrap_or(1.0));
    Ok(vec![lower.add_with(node, DenseOp::Dense { transpose, alpha, beta, end: None }, &formal)?])
}

fn matmul_integer(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(2..=4, 1..=1)?;
    let (a, b) = (lower.arg(node, 0, "A")?, lower.arg(node, 1, "B")?);
    let formal = [Some(a), Some(b), lower.opt(node, 2), lower.opt(node, 3)];
    Ok(vec![lower.add_with(node, DenseOp::MatMulInteger, &formal)?])
}

fn det(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let x = lower.arg(node, 0, "X")?;
    Ok(vec![lower.add(node, DenseOp::Det, &[x])?])
}
