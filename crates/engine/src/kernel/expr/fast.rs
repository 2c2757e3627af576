//! Expressions of plain numbers: a flat program on a small stack of cells.
//!
//! These functions refuse no row, so all arguments are computed whether they are needed or not.

use model::{DType, Type};
use plan::{Expr, Func, Scalar};

use super::super::Site;
use crate::{
    error::CompileError,
    frame::{Cells, Env, Home, as_f64},
};

/// Deepest stack: an expression that needs more runs as a general one.
const STACK: usize = 32;

/// Most inputs of one expression.
const INPUTS: usize = 16;

/// A cell, or null.
pub(crate) type Value = Option<u64>;

/// An expression as code.
pub struct Fast {
    code: Vec<Code>,
}

enum Code {
    Input(u32),
    Const(Value),
    /// A function of the arguments on top of the stack, and their dtype (of the first).
    Call {
        func: Plain,
        args: usize,
        dtype: DType,
    },
}

impl Fast {
    pub(super) fn new(expr: &Expr, site: &Site<'_>) -> Result<Option<Fast>, CompileError> {
        let is_cell = |ty: &Type| ty.as_scalar().is_some_and(|d| !d.is_decimal());
        if !site.inputs.iter().all(|i| is_cell(&i.ty)) {
            return Ok(None);
        }
        let types: Vec<Type> = site.inputs.iter().map(|i| i.ty.clone()).collect();
        let mut code = Vec::new();
        let Some(deepest) = emit(expr, &types, &mut code) else { return Ok(None) };
        if deepest > STACK || types.len() > INPUTS {
            return Ok(None);
        }
        Ok(Some(Fast { code }))
    }

    /// Runs the code; `input` gives the value of an input.
    fn eval(&self, input: impl Fn(usize) -> Value) -> Value {
        let mut stack: [Value; STACK] = [None; STACK];
        let mut top = 0;
        for code in &self.code {
            match code {
                Code::Input(i) => {
                    stack[top] = input(*i as usize);
                    top += 1;
                }
                Code::Const(value) => {
                    stack[top] = *value;
                    top += 1;
                }
                Code::Call { func, args, dtype } => {
                    top -= args;
                    stack[top] = call(*func, *dtype, &stack[top..top + args]);
                    top += 1;
                }
            }
        }
        stack[0]
    }

    pub(super) fn run(&self, env: &Env<'_>, inputs: &[Home], out: Home) {
        let frame = env.frame;
        let mut cells: [Option<Cells<'_>>; INPUTS] = [None; INPUTS];
        for (i, home) in inputs.iter().enumerate() {
            cells[i] = Some(frame.cells(*home));
        }
        let out = frame.cells(out);
        frame.each_live(|row| {
            out.set(row, self.eval(|i| cells[i].and_then(|cells| cells.get(row))));
        });
    }
}

/// The functions that compute on cells alone.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Plain {
    Add,
    Sub,
    Mul,
    Div,
    Neg,
    Min,
    Max,
    Exp,
    Ln,
    Sqrt,
    Abs,
    Sigmoid,
    Lt,
    Le,
    Eq,
    And,
    Or,
    Not,
    IsNull,
    Coalesce,
    If,
    IfKnown,
    ToF64,
    ToF32,
    ToI64,
}

pub(super) fn plain(func: &Func) -> Option<Plain> {
    Some(match func {
        Func::Add => Plain::Add,
        Func::Sub => Plain::Sub,
        Func::Mul => Plain::Mul,
        Func::Div => Plain::Div,
        Func::Neg => Plain::Neg,
        Func::Min => Plain::Min,
        Func::Max => Plain::Max,
        Func::Exp => Plain::Exp,
        Func::Ln => Plain::Ln,
        Func::Sqrt => Plain::Sqrt,
        Func::Abs => Plain::Abs,
        Func::Sigmoid => Plain::Sigmoid,
        Func::Lt => Plain::Lt,
        Func::Le => Plain::Le,
        Func::Eq => Plain::Eq,
        Func::And => Plain::And,
        Func::Or => Plain::Or,
        Func::Not => Plain::Not,
        Func::IsNull => Plain::IsNull,
        Func::Coalesce => Plain::Coalesce,
        Func::If => Plain::If,
        Func::IfKnown => Plain::IfKnown,
        Func::ToF64 => Plain::ToF64,
        Func::ToF32 => Plain::ToF32,
        Func::ToI64 => Plain::ToI64,
        _ => return None,
    })
}

/// Appends the code of an expression, returns the stack it needs; nothing where it holds another function or type.
fn emit(expr: &Expr, inputs: &[Type], code: &mut Vec<Code>) -> Option<usize> {
    match expr {
        Expr::Input(i) => code.push(Code::Input(*i)),
        Expr::Const(scalar) => code.push(Code::Const(cell(scalar)?)),
        Expr::Call(func, args) => {
            let func = plain(func)?;
            let mut deepest = 1;
            for (i, arg) in args.iter().enumerate() {
                deepest = deepest.max(i + emit(arg, inputs, code)?);
            }
            let dtype = args[0].ty(inputs).ok()?.as_scalar()?;
            code.push(Code::Call { func, args: args.len(), dtype });
            return Some(deepest);
        }
    }
    Some(1)
}

pub(crate) fn cell(scalar: &Scalar) -> Option<Value> {
    Some(match scalar {
        Scalar::Null(ty) => return ty.as_scalar().filter(|d| !d.is_decimal()).map(|_| None),
        Scalar::Bool(b) => Some(u64::from(*b)),
        Scalar::I8(i) => Some(i64::from(*i) as u64),
        Scalar::I16(i) => Some(i64::from(*i) as u64),
        Scalar::I32(i) | Scalar::Date(i) => Some(i64::from(*i) as u64),
        Scalar::I64(i) | Scalar::Timestamp(i) => Some(*i as u64),
        Scalar::F32(x) => Some(u64::from(x.to_bits())),
        Scalar::F64(x) => Some(x.to_bits()),
        Scalar::Decimal { .. } | Scalar::Text(_) | Scalar::Bytes(_) => return None,
    })
}

pub(super) fn call(func: Plain, dtype: DType, args: &[Value]) -> Value {
    match func {
        Plain::And => return and(args[0], args[1]),
        Plain::Or => return not(and(not(args[0]), not(args[1]))),
        Plain::IsNull => return Some(u64::from(args[0].is_none())),
        Plain::Coalesce => return args.iter().copied().find(Option::is_some).flatten(),
        Plain::IfKnown => return if args[0]? == 1 { args[1] } else { args[2] },
        Plain::If => return if args[0] == Some(1) { args[1] } else { args[2] },
        _ => {}
    }
    let a = args[0]?;
    let b = match args.get(1) {
        Some(b) => (*b)?,
        None => 0,
    };
    Some(match (func, dtype) {
        (Plain::ToF64, _) => as_f64(dtype, a).to_bits(),
        (Plain::ToF32, DType::F32) => a,
        (Plain::ToF32, _) => u64::from(to_f32(dtype, a).to_bits()),
        (Plain::ToI64, DType::F64 | DType::F32) => as_f64(dtype, a) as i64 as u64,
        (Plain::ToI64, _) => a,
        (Plain::Not, _) => a ^ 1,
        (_, DType::F64) => return of_f64(func, f64::from_bits(a), f64::from_bits(b)),
        _ => return of_i64(func, a as i64, b as i64),
    })
}

/// Returns the nearest float32; integers are rounded once.
fn to_f32(dtype: DType, cell: u64) -> f32 {
    match dtype {
        DType::F64 => f64::from_bits(cell) as f32,
        DType::U64 => cell as f32,
        _ => cell as i64 as f32,
    }
}

/// Returns the dtype of a function's result for arguments of a dtype.
pub(super) fn gives(func: Plain, dtype: DType) -> DType {
    match func {
        Plain::Lt | Plain::Le | Plain::Eq | Plain::And | Plain::Or | Plain::Not | Plain::IsNull => DType::Bool,
        Plain::ToI64 => DType::I64,
        Plain::ToF64 => DType::F64,
        Plain::ToF32 => DType::F32,
        _ => dtype,
    }
}

fn of_f64(func: Plain, a: f64, b: f64) -> Value {
    let truth = |t: bool| Some(u64::from(t));
    let x = match func {
        Plain::Add => a + b,
        Plain::Sub => a - b,
        Plain::Mul => a * b,
        Plain::Div => a / b,
        Plain::Neg => -a,
        Plain::Min if a.is_nan() || b.is_nan() => f64::NAN,
        Plain::Max if a.is_nan() || b.is_nan() => f64::NAN,
        Plain::Min => a.min(b),
        Plain::Max => a.max(b),
        Plain::Exp => libm::exp(a),
        Plain::Ln => libm::log(a),
        Plain::Sqrt => a.sqrt(),
        Plain::Abs => a.abs(),
        Plain::Sigmoid => 1.0 / (1.0 + libm::exp(-a)),
        Plain::Lt => return truth(a < b),
        Plain::Le => return truth(a <= b),
        Plain::Eq => return truth(a == b),
        _ => unreachable!("checked against the table of functions"),
    };
    Some(x.to_bits())
}

fn of_i64(func: Plain, a: i64, b: i64) -> Value {
    let truth = |t: bool| Some(u64::from(t));
    let x = match func {
        Plain::Add => a.wrapping_add(b),
        Plain::Sub => a.wrapping_sub(b),
        Plain::Mul => a.wrapping_mul(b),
        Plain::Neg => a.wrapping_neg(),
        Plain::Min => a.min(b),
        Plain::Max => a.max(b),
        Plain::Abs => a.wrapping_abs(),
        Plain::Lt => return truth(a < b),
        Plain::Le => return truth(a <= b),
        Plain::Eq => return truth(a == b),
        _ => unreachable!("checked against the table of functions"),
    };
    Some(x as u64)
}

fn and(a: Value, b: Value) -> Value {
    match (a, b) {
        (Some(0), _) | (_, Some(0)) => Some(0),
        (Some(_), Some(_)) => Some(1),
        _ => None,
    }
}

fn not(a: Value) -> Value {
    a.map(|bit| bit ^ 1)
}
