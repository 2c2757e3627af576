//! The types of values: [`DType`] of a number, [`Type`] of a column.

use std::{fmt, sync::Arc};

/// Element type of fixed-width values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DType {
    /// Stored as one byte, 0 or 1.
    Bool,
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
    U64,
    F32,
    F64,
    /// IEEE half precision; in tensors only.
    F16,
    /// The upper half of a float32; in tensors only.
    BF16,
    /// Two float32, a real and an imaginary part; in tensors only.
    C64,
    /// Days since 1970-01-01, as an `i32`.
    Date,
    /// Microseconds since 1970-01-01T00:00:00 UTC, as an `i64`.
    Timestamp,
    /// `value / 10^scale`, of this precision (at most 38 digits) and scale (at most the precision), as an `i128`.
    Decimal(u8, u8),
}

impl DType {
    /// Bytes of one element.
    pub const fn width(self) -> usize {
        match self {
            DType::Bool | DType::I8 | DType::U8 => 1,
            DType::I16 | DType::U16 | DType::F16 | DType::BF16 => 2,
            DType::I32 | DType::U32 | DType::F32 | DType::Date => 4,
            DType::I64 | DType::U64 | DType::F64 | DType::C64 | DType::Timestamp => 8,
            DType::Decimal(..) => 16,
        }
    }

    /// The name that users see and may write; numpy's, with `date`, `timestamp` and `decimal` added (a decimal's
    /// precision and scale are written by `Display`).
    pub const fn name(self) -> &'static str {
        match self {
            DType::Bool => "bool",
            DType::I8 => "int8",
            DType::I16 => "int16",
            DType::I32 => "int32",
            DType::I64 => "int64",
            DType::U8 => "uint8",
            DType::U16 => "uint16",
            DType::U32 => "uint32",
            DType::U64 => "uint64",
            DType::F32 => "float32",
            DType::F64 => "float64",
            DType::F16 => "float16",
            DType::BF16 => "bfloat16",
            DType::C64 => "complex64",
            DType::Date => "date",
            DType::Timestamp => "timestamp",
            DType::Decimal(..) => "decimal",
        }
    }

    /// True for the signed and unsigned integers.
    pub const fn is_int(self) -> bool {
        use DType::*;
        matches!(self, I8 | I16 | I32 | I64 | U8 | U16 | U32 | U64)
    }

    /// True for float32 and float64.
    pub const fn is_float(self) -> bool {
        matches!(self, DType::F32 | DType::F64)
    }

    /// True for what lives in tensors alone: no column has it.
    pub const fn is_of_tensors(self) -> bool {
        matches!(self, DType::F16 | DType::BF16 | DType::C64)
    }

    /// True for decimals.
    pub const fn is_decimal(self) -> bool {
        matches!(self, DType::Decimal(..))
    }

    /// True for integers and floats: what arithmetic takes.
    pub const fn is_number(self) -> bool {
        self.is_int() || self.is_float()
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match self {
            DType::Decimal(precision, scale) => write!(f, "({precision},{scale})"),
            _ => Ok(()),
        }
    }
}

/// Type of one entry of a column (or of the elements of a whole value).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Type {
    /// A number, or an inner array of fixed shape for every row.
    Fixed { dtype: DType, shape: Vec<usize> },
    /// UTF-8 text.
    Text,
    /// Bytes without a meaning of their own.
    Bytes,
    /// A list of any length per row.
    List(Box<Type>),
    /// A float64 vector, each row dense or sparse; `size` where every row has the same.
    Vector { size: Option<u32> },
    /// Named parts.
    Struct(Vec<(Arc<str>, Type)>),
    /// Keys to values, in the order given.
    Map(Box<Type>, Box<Type>),
}

impl Type {
    pub const BOOL: Type = Type::scalar(DType::Bool);
    pub const I32: Type = Type::scalar(DType::I32);
    pub const I64: Type = Type::scalar(DType::I64);
    pub const F32: Type = Type::scalar(DType::F32);
    pub const F64: Type = Type::scalar(DType::F64);
    pub const VECTOR: Type = Type::Vector { size: None };

    /// A single number per row.
    pub const fn scalar(dtype: DType) -> Type {
        Type::Fixed { dtype, shape: Vec::new() }
    }

    /// A list of `item`.
    pub fn list(item: Type) -> Type {
        Type::List(Box::new(item))
    }

    /// The element type where this is a single number per row.
    pub fn as_scalar(&self) -> Option<DType> {
        match self {
            Type::Fixed { dtype, shape } if shape.is_empty() => Some(*dtype),
            _ => None,
        }
    }

    /// The type's name without its shape: what metadata calls `dtype`.
    pub fn dtype_name(&self) -> String {
        match self {
            Type::Fixed { dtype, .. } => dtype.to_string(),
            Type::Text => "string".to_owned(),
            Type::Bytes => "bytes".to_owned(),
            Type::List(item) => item.dtype_name(),
            Type::Vector { .. } => "float64".to_owned(),
            Type::Struct(_) => "struct".to_owned(),
            Type::Map(..) => "map".to_owned(),
        }
    }

    /// The shape of one row; `-1` is a length that differs from row to row or is not known.
    pub fn row_shape(&self) -> Vec<i64> {
        match self {
            Type::Fixed { shape, .. } => shape.iter().map(|&d| d as i64).collect(),
            Type::List(item) => std::iter::once(-1).chain(item.row_shape()).collect(),
            Type::Vector { size } => vec![size.map_or(-1, i64::from)],
            Type::Text | Type::Bytes | Type::Struct(_) | Type::Map(..) => Vec::new(),
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Type::Fixed { dtype, shape } => {
                write!(f, "{dtype}")?;
                if !shape.is_empty() {
                    write!(f, "{shape:?}")?;
                }
                Ok(())
            }
            Type::Text => f.write_str("string"),
            Type::Bytes => f.write_str("bytes"),
            Type::List(item) => write!(f, "array<{item}>"),
            Type::Vector { size: Some(n) } => write!(f, "vector[{n}]"),
            Type::Vector { size: None } => f.write_str("vector"),
            Type::Struct(fields) => {
                f.write_str("struct<")?;
                for (i, (name, ty)) in fields.iter().enumerate() {
                    write!(f, "{}{name}: {ty}", if i == 0 { "" } else { ", " })?;
                }
                f.write_str(">")
            }
            Type::Map(k, v) => write!(f, "map<{k}, {v}>"),
        }
    }
}
