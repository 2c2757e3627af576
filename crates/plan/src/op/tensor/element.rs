//! Element by element, with broadcasting as numpy has it: functions of one, two and three tensors.

use model::{DType, Type};

use super::{Formal, Given, dtype, tensor};

/// Functions of one number. Computed in the element's type; float16 and bfloat16 in float32, then rounded. Integers where
/// the function has a meaning for them. NaN gives NaN.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Unary {
    Abs,
    Neg,
    Sign,
    Ceil,
    Floor,
    /// To the nearest, halves to even.
    Round,
    Sqrt,
    /// `1 / sqrt(x)`.
    Rsqrt,
    Reciprocal,
    Square,
    Exp,
    Expm1,
    Log,
    Log1p,
    Sin,
    Cos,
    Tan,
    Asin,
    Acos,
    Atan,
    Sinh,
    Cosh,
    Tanh,
    Asinh,
    Acosh,
    Atanh,
    Erf,
    Erfc,
    Lgamma,
    Digamma,
    /// The number below which a normal variable lies with this probability.
    Ndtri,
    Erfinv,
    /// The modified Bessel function of the first kind, of order 0 or 1; `scaled` times `exp(-|x|)`.
    BesselI {
        order: u8,
        scaled: bool,
    },
    /// `1 / (1 + exp(-x))`.
    Sigmoid,
    Relu,
    /// `min(max(x, 0), 6)`.
    Relu6,
    LeakyRelu {
        alpha: f32,
    },
    /// `x` where it is above 0, else `alpha * (exp(x) - 1)`.
    Elu {
        alpha: f32,
    },
    /// `gamma * elu(x)`.
    Selu {
        alpha: f32,
        gamma: f32,
    },
    /// `max(0, x) + min(0, alpha * (exp(x / alpha) - 1))`.
    Celu {
        alpha: f32,
    },
    /// `max(0, min(1, alpha * x + beta))`.
    HardSigmoid {
        alpha: f32,
        beta: f32,
    },
    /// `x * max(0, min(1, x / 6 + 0.5))`.
    HardSwish,
    /// `x / (1 + exp(-alpha * x))`.
    Swish {
        alpha: f32,
    },
    Mish,
    /// `0.5 * x * (1 + erf(x / sqrt(2)))`, or its approximation by tanh.
    Gelu {
        tanh: bool,
    },
    Softplus,
    /// `x / (1 + |x|)`.
    Softsign,
    /// `x` where it is above alpha, else 0.
    ThresholdedRelu {
        alpha: f32,
    },
    /// `x + bias` below `-lambda`, `x - bias` above `lambda`, else 0.
    Shrink {
        lambda: f32,
        bias: f32,
    },
    Not,
    BitNot,
    IsNan,
    IsInf {
        negative: bool,
        positive: bool,
    },
    IsFinite,
}

/// Functions of two numbers of one type. Integers wrap around, but where a division by zero is refused.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Binary {
    Add,
    Sub,
    Mul,
    /// Of integers cut toward zero; by 0 refused.
    Div,
    /// Toward minus infinity; integers by 0 are refused.
    FloorDiv,
    /// 0 where the divisor is.
    DivNoNan,
    /// The remainder with the divisor's sign (Python's `%`).
    FloorMod,
    /// The remainder with the dividend's sign (C's `fmod`).
    Mod,
    /// The second may be of another type: the result has the first's.
    Pow,
    Atan2,
    /// `(a - b)^2`.
    SquaredDifference,
    /// NaN where either is.
    Min,
    /// NaN where either is.
    Max,
    /// `a * log(b)`, 0 where a is.
    Xlogy,
    /// `a / b`, 0 where a is.
    Xdivy,
    /// `a` where it is not below 0, else `a * b`.
    Prelu,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    And,
    Or,
    Xor,
    BitAnd,
    BitOr,
    BitXor,
    ShiftLeft,
    ShiftRight,
}

/// Ops of the family.
#[derive(Clone, Debug, PartialEq)]
pub enum ElementOp {
    Unary(Unary),
    Binary(Binary),
    /// The second tensor's element where the first (boolean) is true, else the third's.
    Select,
    /// `min(max(x, low), high)`; inputs 1 and 2 are the bounds, scalars, and may be left out. NaN stays.
    Clip,
    /// To another type. Floats to integers are cut toward zero; what does not fit: out of range and NaN saturate where
    /// `saturate` says so, else give what x86 gives. Texts to numbers and back by the shortest text that reads back.
    Cast {
        to: Type,
        saturate: bool,
    },
    /// The same bits as another type of the same width.
    Bitcast {
        to: DType,
    },
}

impl Binary {
    /// Returns whether the result is a truth value.
    pub fn is_test(self) -> bool {
        use Binary::*;
        matches!(self, Equal | NotEqual | Less | LessEqual | Greater | GreaterEqual | And | Or | Xor)
    }
}

impl ElementOp {
    pub fn name(&self) -> &'static str {
        match self {
            ElementOp::Unary(_) => "unary",
            ElementOp::Binary(_) => "binary",
            ElementOp::Select => "select",
            ElementOp::Clip => "clip",
            ElementOp::Cast { .. } => "cast",
            ElementOp::Bitcast { .. } => "bitcast",
        }
    }

    pub(super) fn infer(&self, formal: &Formal<'_>) -> Given {
        match self {
            ElementOp::Unary(Unary::IsNan | Unary::IsInf { .. } | Unary::IsFinite) => match dtype(formal, 0) {
                Some(_) => Ok(vec![Type::BOOL]),
                None => Err("a tensor of numbers"),
            },
            ElementOp::Unary(_) => match dtype(formal, 0) {
                Some(dtype) => Ok(vec![Type::scalar(dtype)]),
                None => Err("a tensor of numbers"),
            },
            ElementOp::Binary(op) => match (tensor(formal, 0), tensor(formal, 1)) {
                (Some(a), Some(b)) if a == b || *op == Binary::Pow => {
                    Ok(vec![if op.is_test() { Type::BOOL } else { a.clone() }])
                }
                _ => Err("two tensors of one type"),
            },
            ElementOp::Select => match (dtype(formal, 0), tensor(formal, 1), tensor(formal, 2)) {
                (Some(DType::Bool), Some(a), Some(b)) if a == b => Ok(vec![a.clone()]),
                _ => Err("a boolean tensor and two of one type"),
            },
            ElementOp::Clip => match dtype(formal, 0) {
                Some(dtype) => Ok(vec![Type::scalar(dtype)]),
                None => Err("a tensor of numbers and its bounds"),
            },
            ElementOp::Cast { to, .. } => tensor(formal, 0).map(|_| vec![to.clone()]).ok_or("a tensor"),
            ElementOp::Bitcast { to } => match dtype(formal, 0) {
                Some(from) if from.width() == to.width() => Ok(vec![Type::scalar(*to)]),
                _ => Err("a tensor of numbers of the same width"),
            },
        }
    }
}
