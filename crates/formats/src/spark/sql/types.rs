//! The types of Spark SQL, and which type two of them have in common.
//!
//! The rules are those of Spark's `TypeCoercion` (from version 4 on, or in ANSI mode, `AnsiTypeCoercion`), `DecimalPrecision`
//! with `allowPrecisionLoss`, and the order of numbers byte, short, int, long, float, double.

use std::{fmt, sync::Arc};

use model::{DType, Type};

/// Most digits of a decimal.
pub const DECIMAL_MAX: u8 = 38;
/// Digits after the point that a decimal keeps where it would have too many.
const SCALE_KEPT: u8 = 6;

/// A type of Spark SQL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SqlType {
    /// Of `NULL`.
    Null,
    Boolean,
    Byte,
    Short,
    Int,
    Long,
    Float,
    Double,
    Decimal(u8, u8),
    Text,
    Binary,
    Date,
    Timestamp,
    Interval,
    Array(Box<SqlType>),
    Vector,
    Struct(Vec<(Arc<str>, SqlType)>),
    /// What SQL has no functions for here.
    Other(Type),
}

impl SqlType {
    /// Returns the type of a column.
    pub fn of(ty: &Type) -> SqlType {
        match ty {
            Type::Text => SqlType::Text,
            Type::Bytes => SqlType::Binary,
            Type::List(item) => SqlType::Array(Box::new(SqlType::of(item))),
            Type::Vector { .. } => SqlType::Vector,
            Type::Struct(parts) => {
                SqlType::Struct(parts.iter().map(|(name, ty)| (name.clone(), SqlType::of(ty))).collect())
            }
            ty => match ty.as_scalar() {
                Some(DType::Bool) => SqlType::Boolean,
                Some(DType::I8) => SqlType::Byte,
                Some(DType::I16) => SqlType::Short,
                Some(DType::I32) => SqlType::Int,
                Some(DType::I64) => SqlType::Long,
                Some(DType::F32) => SqlType::Float,
                Some(DType::F64) => SqlType::Double,
                Some(DType::Date) => SqlType::Date,
                Some(DType::Timestamp) => SqlType::Timestamp,
                Some(DType::Decimal(precision, scale)) => SqlType::Decimal(precision, scale),
                _ => SqlType::Other(ty.clone()),
            },
        }
    }

    /// Returns the type of such a column; of nothing but nulls, text.
    pub fn column(&self) -> Type {
        Type::scalar(match self {
            SqlType::Null | SqlType::Text | SqlType::Interval => return Type::Text,
            SqlType::Binary => return Type::Bytes,
            SqlType::Array(item) => return Type::list(item.column()),
            SqlType::Vector => return Type::VECTOR,
            SqlType::Struct(parts) => {
                return Type::Struct(parts.iter().map(|(name, ty)| (name.clone(), ty.column())).collect());
            }
            SqlType::Other(ty) => return ty.clone(),
            SqlType::Boolean => DType::Bool,
            SqlType::Byte => DType::I8,
            SqlType::Short => DType::I16,
            SqlType::Int => DType::I32,
            SqlType::Long => DType::I64,
            SqlType::Float => DType::F32,
            SqlType::Double => DType::F64,
            SqlType::Date => DType::Date,
            SqlType::Timestamp => DType::Timestamp,
            SqlType::Decimal(precision, scale) => DType::Decimal(*precision, *scale),
        })
    }

    pub fn is_integer(&self) -> bool {
        matches!(self, SqlType::Byte | SqlType::Short | SqlType::Int | SqlType::Long)
    }

    pub fn is_float(&self) -> bool {
        matches!(self, SqlType::Float | SqlType::Double)
    }

    pub fn is_decimal(&self) -> bool {
        matches!(self, SqlType::Decimal(..))
    }

    pub fn is_number(&self) -> bool {
        self.is_integer() || self.is_float() || self.is_decimal()
    }

    /// A single value, as Spark's atomic types are.
    fn is_atomic(&self) -> bool {
        use SqlType::{Binary, Boolean, Date, Text, Timestamp};
        self.is_number() || matches!(self, Binary | Boolean | Date | Text | Timestamp)
    }

    /// The place among the numbers that widen into one another.
    fn rank(&self) -> Option<usize> {
        use SqlType::{Byte, Double, Float, Int, Long, Short};
        [Byte, Short, Int, Long, Float, Double].iter().position(|ty| ty == self)
    }

    /// Returns the decimal that holds every number of an integer type.
    pub fn as_decimal(&self) -> Option<(u8, u8)> {
        match self {
            SqlType::Decimal(precision, scale) => Some((*precision, *scale)),
            SqlType::Byte => Some((3, 0)),
            SqlType::Short => Some((5, 0)),
            SqlType::Int => Some((10, 0)),
            SqlType::Long => Some((20, 0)),
            _ => None,
        }
    }

    /// Returns the decimal that any number is read as.
    pub fn nearest_decimal(&self) -> Option<(u8, u8)> {
        match self {
            SqlType::Float => Some((14, 7)),
            SqlType::Double => Some((30, 15)),
            ty => ty.as_decimal(),
        }
    }
}

impl fmt::Display for SqlType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            SqlType::Null => "VOID",
            SqlType::Boolean => "BOOLEAN",
            SqlType::Byte => "TINYINT",
            SqlType::Short => "SMALLINT",
            SqlType::Int => "INT",
            SqlType::Long => "BIGINT",
            SqlType::Float => "FLOAT",
            SqlType::Double => "DOUBLE",
            SqlType::Decimal(precision, scale) => return write!(f, "DECIMAL({precision},{scale})"),
            SqlType::Text => "STRING",
            SqlType::Binary => "BINARY",
            SqlType::Date => "DATE",
            SqlType::Timestamp => "TIMESTAMP",
            SqlType::Interval => "INTERVAL",
            SqlType::Array(item) => return write!(f, "ARRAY<{item}>"),
            SqlType::Vector => "VECTOR",
            SqlType::Struct(_) => "STRUCT",
            SqlType::Other(ty) => return write!(f, "{ty}"),
        };
        f.write_str(name)
    }
}

/// Returns the decimal of this precision and scale, made smaller where it has too many digits: at first after the point.
pub fn bounded(precision: u32, scale: u32) -> SqlType {
    let max = u32::from(DECIMAL_MAX);
    if precision <= max {
        return SqlType::Decimal(precision as u8, scale as u8);
    }
    let whole = precision.saturating_sub(scale);
    let kept = scale.min(u32::from(SCALE_KEPT));
    SqlType::Decimal(DECIMAL_MAX, max.saturating_sub(whole).max(kept) as u8)
}

/// Returns the decimal that holds both.
pub fn wider_decimal((p1, s1): (u8, u8), (p2, s2): (u8, u8)) -> (u8, u8) {
    let scale = s1.max(s2);
    let whole = (p1 - s1).max(p2 - s2);
    ((whole + scale).min(DECIMAL_MAX), scale.min(DECIMAL_MAX))
}

/// Returns the type of an operation on two decimals.
pub fn decimal_result(op: plan::expr::Arith, (p1, s1): (u8, u8), (p2, s2): (u8, u8)) -> SqlType {
    use plan::expr::Arith;
    let (p1, s1, p2, s2) = (u32::from(p1), u32::from(s1), u32::from(p2), u32::from(s2));
    match op {
        Arith::Add | Arith::Sub => {
            let scale = s1.max(s2);
            bounded((p1 - s1).max(p2 - s2) + scale + 1, scale)
        }
        Arith::Mul => bounded(p1 + p2 + 1, s1 + s2),
        Arith::Div => {
            let scale = (s1 + p2 + 1).max(6);
            bounded(p1 - s1 + s2 + scale, scale)
        }
        _ => {
            let scale = s1.max(s2);
            bounded((p1 - s1).min(p2 - s2) + scale, scale)
        }
    }
}

/// Which rules of conversion hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coercion {
    pub ansi: bool,
}

impl Coercion {
    /// Returns the type that both widen to without a loss that Spark would see: its `findTightestCommonType`.
    pub fn tightest(self, a: &SqlType, b: &SqlType) -> Option<SqlType> {
        use SqlType::{Array, Date, Double, Float, Null, Timestamp};
        match (a, b) {
            (a, b) if a == b => Some(a.clone()),
            (Null, other) | (other, Null) => Some(other.clone()),
            (Date, Timestamp) | (Timestamp, Date) => Some(Timestamp),
            (Array(a), Array(b)) => self.tightest(a, b).map(|item| Array(Box::new(item))),
            (a, b) => match (a.rank(), b.rank()) {
                (Some(x), Some(y)) => {
                    let wider = if x < y { b } else { a };
                    Some(if self.ansi && *wider == Float { Double } else { wider.clone() })
                }
                _ => match (a, b) {
                    (integer, decimal @ SqlType::Decimal(p, s)) | (decimal @ SqlType::Decimal(p, s), integer) => {
                        let (digits, _) = integer.is_integer().then(|| integer.as_decimal()).flatten()?;
                        (p - s >= digits).then(|| decimal.clone())
                    }
                    _ => None,
                },
            },
        }
    }

    /// Returns the type that both convert to in `CASE`, `coalesce`, `IN` and the like: Spark's `findWiderTypeForTwo`.
    pub fn wider(self, a: &SqlType, b: &SqlType) -> Option<SqlType> {
        self.tightest(a, b).or_else(|| self.wider_text(a, b)).or_else(|| self.wider_rest(a, b, true))
    }

    /// As [`Coercion::wider`], texts apart: of `greatest` and `least`.
    pub fn wider_without_text(self, a: &SqlType, b: &SqlType) -> Option<SqlType> {
        self.tightest(a, b).or_else(|| self.wider_rest(a, b, false))
    }

    fn wider_rest(self, a: &SqlType, b: &SqlType, text: bool) -> Option<SqlType> {
        match (a, b) {
            (SqlType::Decimal(..), float) | (float, SqlType::Decimal(..)) if float.is_float() => Some(SqlType::Double),
            (SqlType::Array(a), SqlType::Array(b)) => {
                let item = if text { self.wider(a, b) } else { self.wider_without_text(a, b) };
                item.map(|item| SqlType::Array(Box::new(item)))
            }
            (a, b) if a.is_decimal() || b.is_decimal() => {
                let (precision, scale) = wider_decimal(a.as_decimal()?, b.as_decimal()?);
                Some(SqlType::Decimal(precision, scale))
            }
            _ => None,
        }
    }

    /// A text and something else: a text, but in ANSI mode what the other is.
    pub fn wider_text(self, a: &SqlType, b: &SqlType) -> Option<SqlType> {
        let other = match (a, b) {
            (SqlType::Text, other) | (other, SqlType::Text) if other.is_atomic() => other,
            _ => return None,
        };
        match other {
            _ if !self.ansi => (!matches!(other, SqlType::Binary | SqlType::Boolean)).then_some(SqlType::Text),
            ty if ty.is_integer() => Some(SqlType::Long),
            ty if ty.is_number() => Some(SqlType::Double),
            other => Some(other.clone()),
        }
    }

    /// Returns the type that all convert to; texts come first, as in Spark, whose rule is not associative.
    pub fn wider_of_all<'a>(self, types: impl IntoIterator<Item = &'a SqlType> + Clone) -> Option<SqlType> {
        let has_text = |ty: &SqlType| matches!(ty, SqlType::Text);
        let texts = types.clone().into_iter().filter(|ty| has_text(ty));
        let others = types.into_iter().filter(|ty| !has_text(ty));
        texts.chain(others).try_fold(SqlType::Null, |a, b| self.wider(&a, b))
    }

    /// Returns the type in which two are compared.
    pub fn compared(self, a: &SqlType, b: &SqlType, equality: bool) -> Option<SqlType> {
        use SqlType::{Boolean, Double, Text};
        if let Some(ty) = self.tightest(a, b).filter(|ty| !ty.is_decimal() || a == b) {
            return Some(ty);
        }
        let by_text = match (a, b) {
            (Text, _) | (_, Text) if self.ansi => self.wider_text(a, b),
            (Text, other) | (other, Text) if other.is_decimal() => Some(Double),
            (Text, other) | (other, Text) if other.is_atomic() => Some(other.clone()),
            (Boolean, number) | (number, Boolean) if equality && !self.ansi && number.is_number() => {
                Some(number.clone())
            }
            _ => None,
        };
        by_text.or_else(|| self.wider_rest(a, b, false))
    }
}

#[cfg(test)]
mod tests {
    use super::{
        SqlType::{Boolean, Date, Decimal, Double, Float, Int, Long, Null, Text, Timestamp},
        *,
    };

    const PLAIN: Coercion = Coercion { ansi: false };
    const ANSI: Coercion = Coercion { ansi: true };

    #[test]
    fn numbers_widen() {
        assert_eq!(PLAIN.tightest(&Int, &Long), Some(Long));
        assert_eq!(PLAIN.tightest(&Long, &Float), Some(Float));
        assert_eq!(ANSI.tightest(&Long, &Float), Some(Double));
        assert_eq!(PLAIN.tightest(&Int, &Decimal(10, 0)), Some(Decimal(10, 0)));
        assert_eq!(PLAIN.tightest(&Int, &Decimal(10, 1)), None);
        assert_eq!(PLAIN.wider(&Int, &Decimal(10, 1)), Some(Decimal(11, 1)));
        assert_eq!(PLAIN.wider(&Double, &Decimal(10, 1)), Some(Double));
        assert_eq!(PLAIN.tightest(&Null, &Date), Some(Date));
    }

    #[test]
    fn texts_win_or_lose() {
        assert_eq!((PLAIN.wider(&Text, &Int), ANSI.wider(&Text, &Int)), (Some(Text), Some(Long)));
        assert_eq!((PLAIN.wider(&Text, &Boolean), ANSI.wider(&Text, &Boolean)), (None, Some(Boolean)));
        assert_eq!(PLAIN.compared(&Text, &Int, true), Some(Int));
        assert_eq!(ANSI.compared(&Text, &Int, true), Some(Long));
        assert_eq!(PLAIN.compared(&Text, &Decimal(3, 1), true), Some(Double));
        assert_eq!(PLAIN.compared(&Text, &Timestamp, false), Some(Timestamp));
        assert_eq!(PLAIN.wider_of_all([&Boolean, &Int, &Text]), None);
    }

    #[test]
    fn decimals_of_operations() {
        use plan::expr::Arith;
        assert_eq!(decimal_result(Arith::Add, (10, 2), (5, 3)), Decimal(12, 3));
        assert_eq!(decimal_result(Arith::Mul, (10, 2), (5, 3)), Decimal(16, 5));
        assert_eq!(decimal_result(Arith::Div, (10, 2), (5, 3)), Decimal(19, 8));
        assert_eq!(decimal_result(Arith::Rem, (10, 2), (5, 3)), Decimal(5, 3));
        assert_eq!(decimal_result(Arith::Mul, (38, 10), (38, 10)), Decimal(38, 6));
        assert_eq!(decimal_result(Arith::Div, (38, 10), (38, 10)), Decimal(38, 6));
    }
}
