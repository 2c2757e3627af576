//! Expressions of plain numbers: a flat program on a small stack of cells, the same for rows and for whole tensors.
//!
//! These functions refuse no row, so all arguments are computed whether they are needed or not.

use model::{DType, PredictError, Type};
use plan::{Expr, Func, Place, Scalar};

use super::super::Site;
use crate::{
    error::CompileError,
    frame::{Cells, Env, Home, as_f64},
};

/// Deepest stack: an expression that needs more runs as a general one.
const STACK: usize = 32;

/// Most inputs of one expression.
const INPUTS: usize = 16;

/// Most elements of a broadcast result.
const ELEMENTS_MAX: usize = 1 << 26;

/// A cell, or null.
pub(crate) type Value = Option<u64>;

/// An expression as code.
pub struct Fast {
    code: Vec<Code>,
    rows: bool,
    /// Of each input, whether it is whole.
    whole: Vec<bool>,
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
        let whole: Vec<bool> = site.inputs.iter().map(|i| i.place == Place::Whole).collect();
        let mut code = Vec::new();
        let Some(deepest) = emit(expr, &types, &mut code) else { return Ok(None) };
        if deepest > STACK || types.len() > INPUTS {
            return Ok(None);
        }
        let rows = whole.is_empty() || whole.iter().any(|w| !w);
        Ok(Some(Fast { code, rows, whole }))
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

    pub(super) fn run(&self, env: &Env<'_>, inputs: &[Home], out: Home) -> Result<(), PredictError> {
        if !self.rows {
            return self.run_whole(env, inputs, out);
        }
        let frame = env.frame;
        let mut cells: [Option<Cells<'_>>; INPUTS] = [None; INPUTS];
        let mut constants: [Value; INPUTS] = [None; INPUTS];
        for (i, home) in inputs.iter().enumerate() {
            if self.whole[i] {
                let whole = frame.whole(*home);
                if whole.cells.len() != 1 {
                    let got = format!("{:?}", whole.shape);
                    return Err(PredictError::invalid(None, "one element beside columns", got));
                }
                constants[i] = whole.cells.first().copied();
            } else {
                cells[i] = Some(frame.cells(*home));
            }
        }
        let out = frame.cells(out);
        frame.each_live(|row| {
            out.set(row, self.eval(|i| cells[i].map_or(constants[i], |cells| cells.get(row))));
        });
        Ok(())
    }

    fn run_whole(&self, env: &Env<'_>, inputs: &[Home], out: Home) -> Result<(), PredictError> {
        let values: Vec<_> = inputs.iter().map(|home| env.frame.whole(*home)).collect();
        let shape = broadcast_all(values.iter().map(|v| &v.shape[..]))?;
        let total = elements(&shape);
        let mut out = env.frame.whole_mut(out);
        out.clear();
        for at in 0..total {
            let value = self.eval(|i| values[i].cells.get(source(at, &shape, &values[i].shape)).copied());
            out.cells.push(value.unwrap_or(0));
        }
        out.shape = shape;
        Ok(())
    }
}

/// Returns the shape that all shapes broadcast to, of a bounded number of elements.
pub(super) fn broadcast_all<'a>(shapes: impl Iterator<Item = &'a [usize]>) -> Result<Vec<usize>, PredictError> {
    let mut shape: Vec<usize> = Vec::new();
    for other in shapes {
        shape = broadcast(&shape, other).ok_or_else(|| {
            PredictError::invalid(None, format!("a shape that broadcasts with {shape:?}"), format!("{other:?}"))
        })?;
    }
    match shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d)) {
        Some(total) if total <= ELEMENTS_MAX => Ok(shape),
        _ => Err(PredictError::TooLarge {
            what: "elements of a broadcast".to_owned(),
            got: u64::MAX,
            limit: ELEMENTS_MAX as u64,
            key: "elements_max",
        }),
    }
}

/// Returns the shape that two shapes broadcast to (numpy's rule), where they do.
fn broadcast(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
    let rank = a.len().max(b.len());
    let dim = |s: &[usize], i: usize| if i + s.len() < rank { 1 } else { s[i + s.len() - rank] };
    (0..rank)
        .map(|i| match (dim(a, i), dim(b, i)) {
            (x, y) if x == y => Some(x),
            (1, y) => Some(y),
            (x, 1) => Some(x),
            _ => None,
        })
        .collect()
}

/// Returns how many elements a shape has; one without any may state dimensions whose product no number holds.
pub(super) fn elements(shape: &[usize]) -> usize {
    if shape.contains(&0) { 0 } else { shape.iter().product() }
}

/// Returns where element `at` of the result's shape lies in an input of shape `from`.
pub(super) fn source(mut at: usize, shape: &[usize], from: &[usize]) -> usize {
    let (mut index, mut stride) = (0, 1);
    for i in (0..shape.len()).rev() {
        let place = at % shape[i];
        at /= shape[i];
        if i + from.len() >= shape.len() {
            let dim = from[i + from.len() - shape.len()];
            index += if dim == 1 { 0 } else { place } * stride;
            stride *= dim;
        }
    }
    index
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
