//! Products of matrices, and what is added to them.

use model::{DType, Tensor, Type};
use plan::tensor::{Binary, DenseOp, ElementOp, LayoutOp, Left, dense::Factor};

use super::{At, Lower, Row, Slots, row};

pub(super) const ROWS: &[Row] = &[
    row("MatMul", |lower, at| matmul(lower, at, ["transpose_a", "transpose_b"])),
    row("BatchMatMul", |lower, at| matmul(lower, at, ["adj_x", "adj_y"])),
    row("BatchMatMulV2", |lower, at| matmul(lower, at, ["adj_x", "adj_y"])),
    row("BatchMatMulV3", |lower, at| matmul(lower, at, ["adj_x", "adj_y"])),
    row("MatrixDeterminant", |lower, at| one(lower, at, DenseOp::Det)),
    row("MatrixInverse", |lower, at| {
        let turned = at.flag("adjoint");
        one(lower, at, DenseOp::Inverse { turned })
    }),
    row("Cholesky", |lower, at| one(lower, at, DenseOp::Cholesky)),
    row("Lu", |lower, at| {
        let slots = factor(lower, at, Factor::Lu)?;
        let to = at.dtype("output_idx_type", DType::I32)?;
        let rows = lower.add(at, ElementOp::Cast { to: Type::scalar(to), saturate: false }, &[slots[1]])?;
        Ok(vec![slots[0], rows])
    }),
    row("Qr", |lower, at| factor(lower, at, Factor::Qr { full: at.flag("full_matrices") })),
    row("LogMatrixDeterminant", |lower, at| factor(lower, at, Factor::LogDet)),
    row("SelfAdjointEigV2", |lower, at| values(lower, at, "compute_v", Factor::Eigenvalues)),
    row("Svd", |lower, at| values(lower, at, "compute_uv", Factor::SingularValues)),
    row("MatrixSolve", |lower, at| solve(lower, at, Left::All)),
    row("MatrixTriangularSolve", |lower, at| {
        let left = if at.site.bool("lower").unwrap_or(true) { Left::Lower } else { Left::Upper };
        solve(lower, at, left)
    }),
    row("BiasAdd", bias),
    row("BiasAddV1", bias),
];

fn matmul(lower: &mut Lower<'_, '_>, at: &At<'_, '_>, names: [&str; 2]) -> Slots {
    let args = at.args::<2>()?;
    let transpose = names.map(|name| at.flag(name));
    lower.add(at, DenseOp::MatMul { transpose }, &args).map(|slot| vec![slot])
}

fn one(lower: &mut Lower<'_, '_>, at: &At<'_, '_>, op: DenseOp) -> Slots {
    let args = at.args::<1>()?;
    lower.add(at, op, &args).map(|slot| vec![slot])
}

fn factor(lower: &mut Lower<'_, '_>, at: &At<'_, '_>, factor: Factor) -> Slots {
    let args = at.args::<1>()?;
    lower.add_many(at, DenseOp::Factor(factor), &args.map(Some))
}

/// Only the values: of vectors the sign is open, so nobody can give TensorFlow's.
fn values(lower: &mut Lower<'_, '_>, at: &At<'_, '_>, vectors: &str, of: Factor) -> Slots {
    if at.site.bool(vectors).unwrap_or(true) {
        return Err(
            at.unimplemented(format_args!("`{vectors}`: the sign of vectors is open; values alone are computed"))
        );
    }
    factor(lower, at, of)
}

fn solve(lower: &mut Lower<'_, '_>, at: &At<'_, '_>, left: Left) -> Slots {
    let (args, turned) = (at.args::<2>()?, at.flag("adjoint"));
    lower.add(at, DenseOp::Solve { left, turned }, &args).map(|slot| vec![slot])
}

/// The bias belongs to the channels: where they are not last, it gets a dimension of length 1 for each that follows them.
fn bias(lower: &mut Lower<'_, '_>, at: &At<'_, '_>) -> Slots {
    let [value, mut bias] = at.args::<2>()?;
    if !at.channels_last()? {
        let rank = lower.add(at, LayoutOp::Rank { dtype: DType::I64 }, &[value])?;
        let two = lower.constant(Tensor::scalar(2_i64));
        let lacks = lower.add(at, ElementOp::Binary(Binary::Sub), &[rank, two])?;
        let axis = lower.ints(&[1]);
        let lacks = lower.add(at, LayoutOp::Reshape { allow_zero: true }, &[lacks, axis])?;
        let one = lower.constant(Tensor::scalar(1_i64));
        let ones = lower.add(at, LayoutOp::Fill, &[lacks, one])?;
        let all = lower.ints(&[-1]);
        let shape = lower.add(at, LayoutOp::Concat { axis: 0 }, &[all, ones])?;
        bias = lower.add(at, LayoutOp::Reshape { allow_zero: true }, &[bias, shape])?;
    }
    lower.add(at, ElementOp::Binary(Binary::Add), &[value, bias]).map(|slot| vec![slot])
}
