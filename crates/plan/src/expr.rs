//! Scalar functions: one typed expression, one table of functions.
//!
//! SQL, PMML's built-ins, elementwise tensor ops and the conditions of applications all lower to these. Each function
//! states its rule for null, NaN and overflow. Unless it says otherwise, null in gives null out, floats follow IEEE 754,
//! and integers wrap at 64 bits only where the rule says so.

use model::{DType, Type};

use crate::{
    error::PlanError,
    op::Inferred,
    plan::{Place, ValueType},
};

/// Deepest nesting of an expression.
pub const DEPTH_MAX: usize = 256;

/// A constant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scalar {
    Null(DType),
    Bool(bool),
    I64(i64),
    F64(f64),
}

impl Scalar {
    pub fn dtype(self) -> DType {
        match self {
            Scalar::Null(dtype) => dtype,
            Scalar::Bool(_) => DType::Bool,
            Scalar::I64(_) => DType::I64,
            Scalar::F64(_) => DType::F64,
        }
    }
}

/// A scalar function of the inputs of its node.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// The node's input of this number.
    Input(u32),
    Const(Scalar),
    Call(Func, Vec<Expr>),
}

/// The functions. Arithmetic works on two int64 or two float64, comparison on two of one dtype; [`Func::ToF64`] converts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
    /// False where either is false, else null where either is null (three-valued logic).
    And,
    /// True where either is true, else null where either is null (three-valued logic).
    Or,
    Not,
    /// Whether the argument is null; never null.
    IsNull,
    /// The first argument that is not null.
    Coalesce,
    /// The second argument where the first is true, else (also for null) the third.
    If,
    /// Any number or boolean to float64; int64 beyond 2^53 to the nearest.
    ToF64,
    /// A float64 cut toward zero to int64, saturating; NaN is 0. An integer or boolean as it is.
    ToI64,
}

impl Func {
    /// Returns the function's name and how many arguments it takes; [`Func::Coalesce`] takes any number from one.
    pub const fn name_and_arity(self) -> (&'static str, usize) {
        match self {
            Func::Add => ("add", 2),
            Func::Sub => ("sub", 2),
            Func::Mul => ("mul", 2),
            Func::Div => ("div", 2),
            Func::Neg => ("neg", 1),
            Func::Min => ("min", 2),
            Func::Max => ("max", 2),
            Func::Exp => ("exp", 1),
            Func::Ln => ("ln", 1),
            Func::Sqrt => ("sqrt", 1),
            Func::Abs => ("abs", 1),
            Func::Sigmoid => ("sigmoid", 1),
            Func::Lt => ("lt", 2),
            Func::Le => ("le", 2),
            Func::Eq => ("eq", 2),
            Func::And => ("and", 2),
            Func::Or => ("or", 2),
            Func::Not => ("not", 1),
            Func::IsNull => ("is_null", 1),
            Func::Coalesce => ("coalesce", 1),
            Func::If => ("if", 3),
            Func::ToF64 => ("to_float64", 1),
            Func::ToI64 => ("to_int64", 1),
        }
    }

    /// Returns the dtype of the result for arguments of these dtypes, where the function takes them.
    pub fn result(self, args: &[DType]) -> Option<DType> {
        use DType::{Bool, F64, I64};
        let same = args.windows(2).all(|w| w[0] == w[1]);
        let first = *args.first()?;
        match self {
            Func::Add | Func::Sub | Func::Mul | Func::Neg | Func::Min | Func::Max | Func::Abs => {
                (same && matches!(first, I64 | F64)).then_some(first)
            }
            Func::Div | Func::Exp | Func::Ln | Func::Sqrt | Func::Sigmoid => (same && first == F64).then_some(F64),
            Func::Lt | Func::Le | Func::Eq => (same && matches!(first, Bool | I64 | F64)).then_some(Bool),
            Func::And | Func::Or | Func::Not => (same && first == Bool).then_some(Bool),
            Func::IsNull => Some(Bool),
            Func::Coalesce => same.then_some(first),
            Func::If => (first == Bool && args[1] == args[2]).then(|| args[1]),
            Func::ToF64 => (first.is_number() || first == Bool).then_some(F64),
            Func::ToI64 => (first.is_number() || first == Bool).then_some(I64),
        }
    }
}

impl Expr {
    /// Returns the call of a function.
    pub fn call<const N: usize>(func: Func, args: [Expr; N]) -> Expr {
        Expr::Call(func, args.into())
    }

    /// Returns a float64 constant.
    pub fn f64(value: f64) -> Expr {
        Expr::Const(Scalar::F64(value))
    }

    /// Returns an int64 constant.
    pub fn i64(value: i64) -> Expr {
        Expr::Const(Scalar::I64(value))
    }

    /// Returns the dtype of the result, where the inputs have these.
    pub fn dtype(&self, inputs: &[DType]) -> Result<DType, &'static str> {
        match self {
            Expr::Input(i) => inputs.get(*i as usize).copied().ok_or("as many inputs as its expression names"),
            Expr::Const(scalar) => Ok(scalar.dtype()),
            Expr::Call(func, args) => {
                let dtypes = args.iter().map(|a| a.dtype(inputs)).collect::<Result<Vec<_>, _>>()?;
                func.result(&dtypes).ok_or("numbers or booleans of the dtypes that its functions take")
            }
        }
    }

    /// Columns and whole values may stand side by side: a whole value of one element holds for every row. The result is a
    /// column where any input is, else whole.
    pub(crate) fn infer(&self, inputs: &[ValueType]) -> Inferred {
        let scalars: Option<Vec<DType>> = inputs.iter().map(|i| i.ty.as_scalar()).collect();
        let scalars = scalars.ok_or("numbers or booleans")?;
        let mut columns = inputs.iter().map(|i| i.place).filter(|p| matches!(p, Place::Rows(_)));
        let place = columns.next().unwrap_or(if inputs.is_empty() { Place::Rows(0) } else { Place::Whole });
        if columns.any(|p| p != place) {
            return Err("columns of the same rows");
        }
        Ok(vec![ValueType { ty: Type::scalar(self.dtype(&scalars)?), place }])
    }

    pub(crate) fn check(&self) -> Result<(), PlanError> {
        self.check_depth(DEPTH_MAX)
    }

    fn check_depth(&self, left: usize) -> Result<(), PlanError> {
        let Expr::Call(func, args) = self else { return Ok(()) };
        let (name, arity) = func.name_and_arity();
        let fits = if *func == Func::Coalesce { !args.is_empty() } else { args.len() == arity };
        if !fits {
            return Err(PlanError::parameters("expr", format!("{name} takes {arity} arguments, got {}", args.len())));
        }
        if left == 0 {
            return Err(PlanError::parameters("expr", format!("nested deeper than {DEPTH_MAX}")));
        }
        args.iter().try_for_each(|arg| arg.check_depth(left - 1))
    }
}

impl std::fmt::Display for Expr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Expr::Input(i) => write!(f, "${i}"),
            Expr::Const(Scalar::Null(_)) => f.write_str("null"),
            Expr::Const(Scalar::Bool(b)) => write!(f, "{b}"),
            Expr::Const(Scalar::I64(i)) => write!(f, "{i}"),
            Expr::Const(Scalar::F64(x)) => write!(f, "{x:?}"),
            Expr::Call(func, args) => {
                write!(f, "{}(", func.name_and_arity().0)?;
                for (i, arg) in args.iter().enumerate() {
                    write!(f, "{}{arg}", if i == 0 { "" } else { ", " })?;
                }
                f.write_str(")")
            }
        }
    }
}
