//! The table of functions: name, number of arguments, type of the result.

use std::{fmt, ops::RangeInclusive};

use model::{DType, Type};

use super::{Arith, Cast, Compare, ListFunc, Math, OnFault, Stat, TextFunc, TimeFunc, arith};

/// The functions. Those of the first block work on two int64 or two float64 (comparison: of one dtype) as IEEE 754 and
/// tensors have it; SQL's arithmetic is [`Func::Arith`], SQL's order [`Func::Compare`].
#[derive(Clone, Debug, PartialEq)]
pub enum Func {
    /// Integers wrap.
    Add,
    /// Integers wrap.
    Sub,
    /// Integers wrap.
    Mul,
    /// Floats; by zero as IEEE 754 says.
    Div,
    /// Integers wrap.
    Neg,
    /// The smaller; NaN if either is.
    Min,
    /// The larger; NaN if either is.
    Max,
    /// e to the power of a float.
    Exp,
    /// Natural logarithm of a float; NaN below 0, -infinity at 0.
    Ln,
    Sqrt,
    Abs,
    /// `1 / (1 + exp(-x))` of a float.
    Sigmoid,
    /// `a < b`; false where either is NaN.
    Lt,
    /// `a <= b`; false where either is NaN.
    Le,
    /// `a = b`; false where either is NaN.
    Eq,
    /// False where either is false, else null where either is null (three-valued logic). The second argument is not
    /// computed where the first is false.
    And,
    /// True where either is true, else null where either is null (three-valued logic). The second argument is not computed
    /// where the first is true.
    Or,
    Not,
    /// Whether the argument (of any type) is null; never null.
    IsNull,
    /// The first argument that is not null, all of one type; those after it are not computed.
    Coalesce,
    /// The second argument where the first is true, else (also for null) the third; the other is not computed.
    If,
    /// The second argument where the first is true, the third where it is false, null where it is null; the others are not
    /// computed.
    IfKnown,
    /// `(c1, v1, c2, v2, ..)`, and a last argument for the rest (else null): the value after the first condition that is
    /// true. Only that and the conditions before it are computed.
    Case,
    /// Whether the first argument equals any of the others, all of one type, in the sense of [`Compare::Eq`]: true where one
    /// does, else null where any of them is null. Those after an equal one are not computed.
    In,
    /// Any number (decimals too) or boolean to float64; what float64 does not hold, to the nearest.
    ToF64,
    /// Any number (no decimal) or boolean to the nearest float32.
    ToF32,
    /// A float64 cut toward zero to int64, saturating; NaN is 0. An integer or boolean as it is.
    ToI64,
    /// Refuses every row that it is computed for, with this text as what was expected, and the argument, where it has one, as what was
    /// got; of the type that it names.
    Refuse(&'static str, Type),
    /// A part of a struct by its name; null where the struct is.
    Part(std::sync::Arc<str>),
    /// Arithmetic of SQL; `to` is the type of the result (and of both arguments, but for decimals).
    Arith {
        op: Arith,
        on: OnFault,
        to: DType,
    },
    /// Comparison in SQL's order.
    Compare(Compare),
    Cast(Cast),
    Math(Math),
    Text(TextFunc),
    Time(TimeFunc),
    List(ListFunc),
    /// Of float64 arguments, or of one list of them.
    Stat(Stat),
}

const ANY: usize = usize::MAX;

impl Func {
    /// Returns the function's name as plans print it.
    pub fn name(&self) -> &'static str {
        match self {
            Func::Add => "add",
            Func::Sub => "sub",
            Func::Mul => "mul",
            Func::Div => "div",
            Func::Neg => "neg",
            Func::Min => "min",
            Func::Max => "max",
            Func::Exp => "exp",
            Func::Ln => "ln",
            Func::Sqrt => "sqrt",
            Func::Abs => "abs",
            Func::Sigmoid => "sigmoid",
            Func::Lt => "lt",
            Func::Le => "le",
            Func::Eq => "eq",
            Func::And => "and",
            Func::Or => "or",
            Func::Not => "not",
            Func::IsNull => "is_null",
            Func::Coalesce => "coalesce",
            Func::If => "if",
            Func::IfKnown => "if_known",
            Func::Case => "case",
            Func::In => "in",
            Func::ToF64 => "to_float64",
            Func::ToF32 => "to_float32",
            Func::ToI64 => "to_int64",
            Func::Refuse(..) => "refuse",
            Func::Part(_) => "part",
            Func::Arith { op, .. } => op.name(),
            Func::Compare(op) => op.name(),
            Func::Cast(_) => "cast",
            Func::Math(f) => f.name(),
            Func::Text(f) => f.name(),
            Func::Time(f) => f.name(),
            Func::List(f) => f.name(),
            Func::Stat(f) => f.name(),
        }
    }

    /// Returns how many arguments the function takes.
    pub fn arity(&self) -> RangeInclusive<usize> {
        match self {
            Func::Refuse(..) => 0..=1,
            Func::Neg | Func::Exp | Func::Ln | Func::Sqrt | Func::Abs | Func::Sigmoid | Func::Not => 1..=1,
            Func::IsNull | Func::ToF64 | Func::ToF32 | Func::ToI64 | Func::Part(_) | Func::Cast(_) => 1..=1,
            Func::Add | Func::Sub | Func::Mul | Func::Div | Func::Min | Func::Max => 2..=2,
            Func::Lt | Func::Le | Func::Eq | Func::And | Func::Or | Func::Compare(_) => 2..=2,
            Func::Coalesce | Func::In | Func::Stat(_) => 1..=ANY,
            Func::If | Func::IfKnown => 3..=3,
            Func::Case => 2..=ANY,
            Func::Arith { op, .. } => op.arity(),
            Func::Math(f) => f.arity(),
            Func::Text(f) => f.arity(),
            Func::Time(f) => f.arity(),
            Func::List(f) => f.arity(),
        }
    }

    /// Returns the type of the result for as many arguments of these types as [`Func::arity`] says, where the function takes
    /// them.
    pub fn result(&self, args: &[Type]) -> Option<Type> {
        use DType::{Bool, F64, I64};
        if !self.arity().contains(&args.len()) {
            return None;
        }
        let same = args.windows(2).all(|w| w[0] == w[1]);
        let first = args.first();
        let dtype = first.and_then(Type::as_scalar);
        let of = |dtype: DType| Type::scalar(dtype);
        let is_convertible = |d: DType| d.is_number() || d == Bool;
        match self {
            Func::Add | Func::Sub | Func::Mul | Func::Neg | Func::Min | Func::Max | Func::Abs => {
                dtype.filter(|d| same && matches!(d, I64 | F64)).map(of)
            }
            Func::Div | Func::Exp | Func::Ln | Func::Sqrt | Func::Sigmoid => {
                (same && dtype == Some(F64)).then_some(Type::F64)
            }
            Func::Lt | Func::Le | Func::Eq => {
                dtype.filter(|d| same && matches!(d, Bool | I64 | F64)).map(|_| Type::BOOL)
            }
            Func::And | Func::Or | Func::Not => (same && dtype == Some(Bool)).then_some(Type::BOOL),
            Func::IsNull => Some(Type::BOOL),
            Func::Coalesce => first.filter(|_| same).cloned(),
            Func::If | Func::IfKnown => (args[0] == Type::BOOL && args[1] == args[2]).then(|| args[1].clone()),
            Func::Case => case(args),
            Func::In => first.filter(|ty| same && arith::is_comparable(ty)).map(|_| Type::BOOL),
            Func::ToF64 => dtype.filter(|&d| is_convertible(d) || d.is_decimal()).map(|_| Type::F64),
            Func::ToF32 => dtype.filter(|&d| is_convertible(d)).map(|_| Type::scalar(DType::F32)),
            Func::ToI64 => dtype.filter(|&d| is_convertible(d)).map(|_| Type::I64),
            Func::Refuse(_, ty) => Some(ty.clone()),
            Func::Part(name) => match first {
                Some(Type::Struct(parts)) => parts.iter().find(|(n, _)| n == name).map(|(_, ty)| ty.clone()),
                _ => None,
            },
            Func::Arith { op, to, .. } => op.result(args, *to),
            Func::Compare(_) => first.filter(|ty| same && arith::is_comparable(ty)).map(|_| Type::BOOL),
            Func::Cast(cast) => cast.takes(first?).then(|| cast.to.clone()),
            Func::Math(f) => f.result(args),
            Func::Text(f) => f.result(args),
            Func::Time(f) => f.result(args),
            Func::List(f) => f.result(args),
            Func::Stat(_) => {
                let fits = args.iter().all(|ty| *ty == Type::F64) || *args == [Type::list(Type::F64)];
                fits.then_some(Type::F64)
            }
        }
    }
}

fn case(args: &[Type]) -> Option<Type> {
    let value = &args[1];
    let (arms, rest) = args.as_chunks::<2>();
    let fits = arms.iter().all(|[test, arm]| *test == Type::BOOL && arm == value);
    (fits && rest.iter().all(|ty| ty == value)).then(|| value.clone())
}

impl fmt::Display for Func {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Func::Cast(cast) => write!(f, "{cast}"),
            Func::Part(name) => write!(f, "part[{name}]"),
            _ => f.write_str(self.name()),
        }
    }
}

macro_rules! from_family {
    ($($family:ident: $ty:ty),*) => {$(
        impl From<$ty> for Func {
            fn from(func: $ty) -> Func {
                Func::$family(func)
            }
        }
    )*};
}
from_family!(
    Compare: Compare, Cast: Cast, Math: Math, Text: TextFunc, Time: TimeFunc, List: ListFunc, Stat: Stat
);
