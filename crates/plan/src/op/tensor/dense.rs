//! Products of matrices.

use model::{DType, Type};

use super::{Equation, Formal, Given, Unary, dtype, real};

/// Ops of the family.
#[derive(Clone, Debug, PartialEq)]
pub enum DenseOp {
    /// The product of matrices, of the last two dimensions; those before broadcast. A tensor of one dimension is a row on the
    /// left, a column on the right, and that dimension is not in the result. Either may be transposed first (its last two
    /// dimensions). A sum runs over the common dimension in order.
    MatMul { transpose: [bool; 2] },
    /// `end(alpha * a b + beta * c)`: the product as in `MatMul`, then input 2, where it is there, broadcast to the result. The
    /// fully connected layer, and ONNX's Gemm.
    Dense { transpose: [bool; 2], alpha: f32, beta: f32, end: Option<Unary> },
    /// The product in int32 of 8-bit integers, from which zero points were taken (inputs 2 and 3, where they are there): one of
    /// all, or one for each row of the left, for each column of the right.
    MatMulInteger,
    /// The Einstein sum of as many tensors as the equation has terms, joined from left to right; axes of length 1 broadcast.
    Einsum(Equation),
    /// The determinant of each of the matrices of the last two dimensions.
    Det,
    /// The inverse of each of them, with `turned` of its transpose. One without is refused.
    Inverse { turned: bool },
    /// What multiplied by each of them, with `turned` by its transpose, gives the matrices of input 1. One that is not invertible
    /// is refused, but a triangle: there a 0 on the diagonal divides.
    Solve { left: Left, turned: bool },
    /// The lower triangle whose product with its transpose each of them is; refused where there is none.
    Cholesky,
    /// A decomposition of each of them.
    Factor(Factor),
}

/// A decomposition of matrices, of which there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Factor {
    /// Both triangles in one matrix, and which row of the input each row comes from (int32). A matrix without an inverse is refused.
    Lu,
    /// A matrix of upright columns and an upper triangle; `full`: as many columns as there are rows.
    Qr { full: bool },
    /// The sign of the determinant, and the logarithm of its absolute value.
    LogDet,
    /// Of symmetric matrices, of which the lower triangle counts, the least first.
    Eigenvalues,
    /// The greatest first.
    SingularValues,
}

/// Which part of a matrix counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    All,
    Lower,
    Upper,
}

impl DenseOp {
    pub fn name(&self) -> &'static str {
        match self {
            DenseOp::MatMul { .. } => "matmul",
            DenseOp::Dense { .. } => "dense",
            DenseOp::MatMulInteger => "matmul_integer",
            DenseOp::Einsum(_) => "einsum",
            DenseOp::Det => "det",
            DenseOp::Inverse { .. } => "inverse",
            DenseOp::Solve { .. } => "solve",
            DenseOp::Cholesky => "cholesky",
            DenseOp::Factor(_) => "factor",
        }
    }

    /// Returns the fully connected layer: `end(x w + b)`.
    pub fn layer(end: Option<Unary>) -> DenseOp {
        DenseOp::Dense { transpose: [false; 2], alpha: 1.0, beta: 1.0, end }
    }

    pub(super) fn infer(&self, formal: &Formal<'_>) -> Given {
        match self {
            DenseOp::Solve { .. } => match (real(formal, 0), dtype(formal, 1)) {
                (Some(a), Some(b)) if a == b => Ok(vec![Type::scalar(a)]),
                _ => Err("two tensors of floats of one type"),
            },
            DenseOp::Inverse { .. } | DenseOp::Cholesky => match real(formal, 0) {
                Some(dtype) => Ok(vec![Type::scalar(dtype)]),
                None => Err("a tensor of floats"),
            },
            DenseOp::Factor(factor) => match real(formal, 0).map(Type::scalar) {
                Some(ty) => Ok(match factor {
                    Factor::Lu => vec![ty, Type::I32],
                    Factor::Qr { .. } | Factor::LogDet => vec![ty.clone(), ty],
                    Factor::Eigenvalues | Factor::SingularValues => vec![ty],
                }),
                None => Err("a tensor of floats"),
            },
            DenseOp::MatMul { .. } | DenseOp::Dense { .. } => match (dtype(formal, 0), dtype(formal, 1)) {
                (Some(a), Some(b)) if a == b && dtype(formal, 2).is_none_or(|c| a == c) => Ok(vec![Type::scalar(a)]),
                _ => Err("tensors of numbers of one type"),
            },
            DenseOp::MatMulInteger => match (dtype(formal, 0), dtype(formal, 1)) {
                (Some(DType::I8 | DType::U8), Some(DType::I8 | DType::U8)) => Ok(vec![Type::I32]),
                _ => Err("two tensors of 8-bit integers"),
            },
            DenseOp::Einsum(equation) => match dtype(formal, 0) {
                Some(first)
                    if formal.len() == equation.inputs.len()
                        && (0..formal.len()).all(|i| dtype(formal, i) == Some(first)) =>
                {
                    Ok(vec![Type::scalar(first)])
                }
                _ => Err("a tensor of numbers for each term of the equation, of one type"),
            },
            DenseOp::Det => match dtype(formal, 0) {
                Some(dtype) => Ok(vec![Type::scalar(dtype)]),
                None => Err("a tensor of numbers"),
            },
        }
    }
}
