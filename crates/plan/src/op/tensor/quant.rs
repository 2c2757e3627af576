//! Numbers as small integers: `x = (q - zero) * scale`.
//!
//! A scale and its zero point are one for all, one for each entry of an axis, or, with a block, one for each block of that many
//! entries along it. Quotients are rounded to even; what is out of range becomes its end, a NaN 0.

use model::{DType, Type};

use super::{Formal, Given, Narrow, dtype};

/// What a quotient becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantum {
    /// Rounded, `+ zero`, within the range.
    Int { to: DType, range: (i32, i32) },
    /// The nearest of these floats (see [`Narrow::round`]); there is no zero point.
    Float { to: Narrow, saturate: bool },
}

/// Ops of the family.
#[derive(Clone, Debug, PartialEq)]
pub enum QuantOp {
    /// `x / scale`, in the type `by`. Input 1 is the scale, input 2 the zero point, where it is there.
    Quantize { axis: i64, block: usize, by: DType, to: Quantum },
    /// To a number of a type of few bits; the result is of the type that holds it.
    Narrow { to: Narrow, saturate: bool },
    /// `(q - zero) * scale`, in float32, rounded to the type; of floats `q * scale`.
    Dequantize { axis: i64, block: usize, to: DType },
    /// What float32 numbers become by being quantised and back: `steps` are between inputs 1 and 2, the least and the greatest,
    /// which are moved so that 0 is one (TensorFlow). With an axis, one of each for each entry of the last dimension.
    Fake { steps: u32, by_channel: bool },
}

impl QuantOp {
    pub fn name(&self) -> &'static str {
        match self {
            QuantOp::Quantize { .. } => "quantize",
            QuantOp::Narrow { .. } => "narrow",
            QuantOp::Dequantize { .. } => "dequantize",
            QuantOp::Fake { .. } => "fake_quantize",
        }
    }

    pub(super) fn infer(&self, formal: &Formal<'_>) -> Given {
        let float = |i: usize| matches!(dtype(formal, i), Some(DType::F32 | DType::F16 | DType::BF16 | DType::F64));
        match self {
            QuantOp::Quantize { to, .. } if dtype(formal, 0).is_some() && float(1) => {
                Ok(vec![Type::scalar(match to {
                    Quantum::Int { to, .. } => *to,
                    Quantum::Float { to, .. } => to.held_by(),
                })])
            }
            QuantOp::Quantize { .. } => Err("numbers, and a scale"),
            QuantOp::Narrow { to, .. } if dtype(formal, 0).is_some() => Ok(vec![Type::scalar(to.held_by())]),
            QuantOp::Narrow { .. } => Err("numbers"),
            QuantOp::Dequantize { to, .. } => match dtype(formal, 0) {
                Some(dtype) if (dtype.is_int() || dtype == DType::F32) && float(1) => Ok(vec![Type::scalar(*to)]),
                _ => Err("integers or narrow floats, and a scale"),
            },
            QuantOp::Fake { .. } if (0..3).all(|i| dtype(formal, i) == Some(DType::F32)) => Ok(vec![Type::F32]),
            QuantOp::Fake { .. } => Err("float32 numbers, and their bounds"),
        }
    }
}
