//! Constants.

use std::{fmt, sync::Arc};

use model::{DType, Type};

/// A constant.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar {
    Null(Type),
    Bool(bool),
    I8(i8),
    I16(i16),
    I32(i32),
    I64(i64),
    F32(f32),
    F64(f64),
    /// `value / 10^scale`.
    Decimal {
        value: i128,
        precision: u8,
        scale: u8,
    },
    Text(Arc<str>),
    Bytes(Arc<[u8]>),
    /// Days since 1970-01-01.
    Date(i32),
    /// Microseconds since 1970-01-01T00:00:00 UTC.
    Timestamp(i64),
}

impl Scalar {
    pub fn ty(&self) -> Type {
        Type::scalar(match self {
            Scalar::Null(ty) => return ty.clone(),
            Scalar::Text(_) => return Type::Text,
            Scalar::Bytes(_) => return Type::Bytes,
            Scalar::Bool(_) => DType::Bool,
            Scalar::I8(_) => DType::I8,
            Scalar::I16(_) => DType::I16,
            Scalar::I32(_) => DType::I32,
            Scalar::I64(_) => DType::I64,
            Scalar::F32(_) => DType::F32,
            Scalar::F64(_) => DType::F64,
            Scalar::Decimal { precision, scale, .. } => DType::Decimal(*precision, *scale),
            Scalar::Date(_) => DType::Date,
            Scalar::Timestamp(_) => DType::Timestamp,
        })
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scalar::Null(_) => f.write_str("null"),
            Scalar::Bool(b) => write!(f, "{b}"),
            Scalar::I8(i) => write!(f, "{i}"),
            Scalar::I16(i) => write!(f, "{i}"),
            Scalar::I32(i) => write!(f, "{i}"),
            Scalar::I64(i) => write!(f, "{i}"),
            Scalar::F32(x) => write!(f, "{x:?}"),
            Scalar::F64(x) => write!(f, "{x:?}"),
            Scalar::Decimal { value, scale, .. } => f.write_str(&model::decimal::to_string(*value, *scale)),
            Scalar::Text(text) => write!(f, "{text:?}"),
            Scalar::Bytes(bytes) => write!(f, "{} bytes", bytes.len()),
            Scalar::Date(days) => write!(f, "date {days}"),
            Scalar::Timestamp(us) => write!(f, "timestamp {us}"),
        }
    }
}
