//! Arithmetic and order of SQL: of all integer widths, floats and decimals.

use std::ops::RangeInclusive;

use model::{DType, Type};

/// What becomes of a row whose result does not fit, or whose divisor is zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OnFault {
    /// Integers wrap at their width; division by zero and decimals that do not fit are null.
    Wrap,
    /// The row is refused (Spark's ANSI mode).
    Refuse,
    /// The result is null (Spark's `try_` functions).
    Null,
}

/// Arithmetic. Arguments are two (or one) of the type of the result: an integer, float32, float64; or decimals of any
/// precision and scale, of which the exact result is rounded half up to the type of the result. What does not fit, and
/// division by zero, goes by [`OnFault`]. Floats overflow to infinity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Arith {
    Add,
    Sub,
    Mul,
    /// Floats and decimals; by zero is a fault also of floats, as Spark has it.
    Div,
    /// The quotient cut toward zero, an int64: of two int64, or of two decimals. Of the least int64 and -1 it is a fault.
    IntDiv,
    /// The remainder, with the sign of the dividend.
    Rem,
    /// The remainder where it is not below 0, else the remainder of it and the divisor's sum with the divisor.
    Pmod,
    Neg,
    /// Of the least integer it is a fault.
    Abs,
}

/// Comparison in SQL's order: NaN equals NaN and is above everything else, -0.0 equals 0.0, false is below true; texts and
/// bytes go byte by byte without a sign, lists item by item with null first, the shorter first. Both arguments have one type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Compare {
    Lt,
    Le,
    Gt,
    Ge,
    Eq,
    Ne,
    /// Equal, where null equals null; never null.
    Same,
    /// The arguments' order as -1, 0 or 1, null first; an int32 that is never null.
    Order,
}

impl Arith {
    pub fn name(self) -> &'static str {
        match self {
            Arith::Add => "+",
            Arith::Sub => "-",
            Arith::Mul => "*",
            Arith::Div => "/",
            Arith::IntDiv => "div",
            Arith::Rem => "%",
            Arith::Pmod => "pmod",
            Arith::Neg => "negative",
            Arith::Abs => "abs",
        }
    }

    pub fn arity(self) -> RangeInclusive<usize> {
        if matches!(self, Arith::Neg | Arith::Abs) { 1..=1 } else { 2..=2 }
    }

    pub(crate) fn result(self, args: &[Type], to: DType) -> Option<Type> {
        let dtypes: Vec<DType> = args.iter().map(Type::as_scalar).collect::<Option<_>>()?;
        let decimals = dtypes.iter().all(|d| d.is_decimal());
        let alike = dtypes.iter().all(|d| *d == to);
        let fits = match self {
            Arith::IntDiv => to == DType::I64 && (alike || decimals),
            Arith::Div => alike && to.is_float() || decimals && to.is_decimal(),
            _ => alike && (to.is_float() || is_signed(to)) || decimals && to.is_decimal(),
        };
        fits.then_some(Type::scalar(to))
    }
}

impl Compare {
    pub fn name(self) -> &'static str {
        match self {
            Compare::Lt => "<",
            Compare::Le => "<=",
            Compare::Gt => ">",
            Compare::Ge => ">=",
            Compare::Eq => "=",
            Compare::Ne => "!=",
            Compare::Same => "<=>",
            Compare::Order => "order",
        }
    }
}

pub(crate) fn is_signed(dtype: DType) -> bool {
    matches!(dtype, DType::I8 | DType::I16 | DType::I32 | DType::I64)
}

/// Returns whether values of the type have an order.
pub fn is_comparable(ty: &Type) -> bool {
    match ty {
        Type::Text | Type::Bytes => true,
        Type::List(item) => is_comparable(item),
        ty => ty.as_scalar().is_some(),
    }
}
