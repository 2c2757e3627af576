//! Scalar functions: one typed expression, one table of functions.
//!
//! SQL, PMML's built-ins, elementwise tensor ops and the conditions of applications all lower to these. Each function
//! states its rule for null, NaN and overflow. Unless it says otherwise, null in gives null out, floats follow IEEE 754,
//! and integers wrap at their width only where the rule says so. Functions are strictly typed: whoever lowers to them puts
//! the conversions ([`Cast`]) in.
//!
//! Where the types of the inputs are not known when a model is read, an op holds a [`Typing`] instead, which makes the
//! expression when they are. Go on at [`func`] for the table; families are in files of their own.

use std::{fmt, sync::Arc};

use model::Type;

use crate::{
    error::PlanError,
    plan::{Place, ValueType},
};

pub mod arith;
pub mod cast;
pub mod func;
pub mod list;
pub mod math;
pub mod pattern;
pub mod scalar;
pub mod stat;
pub mod text;
pub mod time;

#[cfg(test)]
mod tests;

pub use arith::{Arith, Compare, OnFault};
pub use cast::{Cast, CastRule};
pub use func::Func;
pub use list::ListFunc;
pub use math::{Inverse, Math, Rounding};
pub use pattern::{ClockPattern, NumberPattern};
pub use scalar::Scalar;
pub use stat::Stat;
pub use text::TextFunc;
pub use time::{DatePattern, Field as DateField, Part, TimeFunc, Unit, Zone};

/// Deepest nesting of an expression.
pub const DEPTH_MAX: usize = 256;

/// A scalar function of the inputs of its node.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// The node's input of this number.
    Input(u32),
    Const(Scalar),
    Call(Func, Vec<Expr>),
}

/// Makes an expression when the types of its inputs are known; the same expression for the same types.
pub trait Typing: fmt::Debug + Send + Sync {
    /// Returns the expression over inputs of these types, or why there is none.
    fn typed(&self, inputs: &[ValueType]) -> Result<Expr, String>;

    /// Writes what plans show: the source text.
    fn print(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result;
}

/// An expression at work: typed, or to be typed when the types of its inputs are known.
#[derive(Clone, Debug)]
pub enum ExprOp {
    Typed(Expr),
    Deferred(Arc<dyn Typing>),
}

impl Expr {
    /// Returns the call of a function.
    pub fn call<const N: usize>(func: impl Into<Func>, args: [Expr; N]) -> Expr {
        Expr::Call(func.into(), args.into())
    }

    /// Returns a float64 constant.
    pub fn f64(value: f64) -> Expr {
        Expr::Const(Scalar::F64(value))
    }

    /// Returns an int64 constant.
    pub fn i64(value: i64) -> Expr {
        Expr::Const(Scalar::I64(value))
    }

    /// Returns a text constant.
    pub fn text(value: &str) -> Expr {
        Expr::Const(Scalar::Text(value.into()))
    }

    /// Returns the null of a type.
    pub fn null(ty: Type) -> Expr {
        Expr::Const(Scalar::Null(ty))
    }

    /// Returns the type of the result, where the inputs have these.
    pub fn ty(&self, inputs: &[Type]) -> Result<Type, String> {
        match self {
            Expr::Input(i) => {
                inputs.get(*i as usize).cloned().ok_or_else(|| "as many inputs as its expression names".to_owned())
            }
            Expr::Const(scalar) => Ok(scalar.ty()),
            Expr::Call(func, args) => {
                let types = args.iter().map(|a| a.ty(inputs)).collect::<Result<Vec<_>, _>>()?;
                func.result(&types).ok_or_else(|| {
                    let got: Vec<String> = types.iter().map(ToString::to_string).collect();
                    format!("what its functions take: `{}` does not take ({})", func.name(), got.join(", "))
                })
            }
        }
    }

    /// The inputs are columns of the same rows; the result is one too.
    pub(crate) fn infer(&self, inputs: &[ValueType]) -> Result<Vec<ValueType>, String> {
        let place = inputs.first().map_or(Place::Rows(0), |first| first.place);
        if place == Place::Whole || inputs.iter().any(|i| i.place != place) {
            return Err("columns of the same rows".to_owned());
        }
        let types: Vec<Type> = inputs.iter().map(|i| i.ty.clone()).collect();
        Ok(vec![ValueType { ty: self.ty(&types)?, place }])
    }

    pub(crate) fn check(&self) -> Result<(), PlanError> {
        self.check_depth(DEPTH_MAX)
    }

    fn check_depth(&self, left: usize) -> Result<(), PlanError> {
        let Expr::Call(func, args) = self else { return Ok(()) };
        if !func.arity().contains(&args.len()) {
            let (name, arity) = (func.name(), func.arity());
            let takes = match (*arity.start(), *arity.end()) {
                (low, high) if low == high => format!("{low}"),
                (low, usize::MAX) => format!("{low} or more"),
                (low, high) => format!("{low} to {high}"),
            };
            return Err(PlanError::parameters("expr", format!("{name} takes {takes} arguments, got {}", args.len())));
        }
        if let Func::Time(TimeFunc::ToEpoch { micros } | TimeFunc::FromEpoch { micros }) = func
            && *micros < 1
        {
            return Err(PlanError::parameters("expr", format!("units of {micros} microseconds")));
        }
        if left == 0 {
            return Err(PlanError::parameters("expr", format!("nested deeper than {DEPTH_MAX}")));
        }
        args.iter().try_for_each(|arg| arg.check_depth(left - 1))
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Expr::Input(i) => write!(f, "${i}"),
            Expr::Const(scalar) => write!(f, "{scalar}"),
            Expr::Call(func, args) => {
                write!(f, "{func}(")?;
                for (i, arg) in args.iter().enumerate() {
                    write!(f, "{}{arg}", if i == 0 { "" } else { ", " })?;
                }
                f.write_str(")")
            }
        }
    }
}

impl ExprOp {
    /// Returns the expression for inputs of these types, its parameters checked.
    pub fn typed(&self, inputs: &[ValueType]) -> Result<Expr, String> {
        match self {
            ExprOp::Typed(expr) => Ok(expr.clone()),
            ExprOp::Deferred(typing) => {
                let expr = typing.typed(inputs)?;
                expr.check().map_err(|error| error.to_string())?;
                Ok(expr)
            }
        }
    }

    pub(crate) fn infer(&self, step: &Arc<str>, inputs: &[ValueType]) -> Result<Vec<ValueType>, PlanError> {
        let types = |expected| {
            let got = inputs.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            PlanError::Types { step: step.clone(), op: "expr", expected, got }
        };
        match self {
            ExprOp::Typed(expr) => expr.infer(inputs).map_err(types),
            ExprOp::Deferred(_) => {
                let expr = self.typed(inputs).map_err(|what| PlanError::Expression { step: step.clone(), what })?;
                expr.infer(inputs).map_err(types)
            }
        }
    }

    pub(crate) fn check(&self) -> Result<(), PlanError> {
        match self {
            ExprOp::Typed(expr) => expr.check(),
            ExprOp::Deferred(_) => Ok(()),
        }
    }
}

impl fmt::Display for ExprOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ExprOp::Typed(Expr::Input(_)) => Ok(()),
            ExprOp::Typed(expr) => write!(f, "{expr}"),
            ExprOp::Deferred(typing) => typing.print(f),
        }
    }
}
