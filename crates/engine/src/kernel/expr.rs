//! Scalar expressions: a flat program on a small stack of cells, the same for rows and for whole tensors.

use model::{DType, PredictError};
use plan::{Expr, Func, Place, Scalar};

use super::Site;
use crate::{
    error::CompileError,
    frame::{Cells, Env, Home, as_f64},
};

/// Deepest stack: an expression that needs more is refused when it is compiled.
const STACK: usize = 32;

/// Most inputs of one expression.
const INPUTS: usize = 16;

/// Most elements of a broadcast result.
const ELEMENTS_MAX: usize = 1 << 26;

/// A cell, or null.
type Value = Option<u64>;

/// An expression as code.
pub struct ExprKernel {
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
        func: Func,
        args: usize,
        dtype: DType,
    },
}

impl ExprKernel {
    pub(crate) fn new(expr: &Expr, site: &Site<'_>) -> Result<ExprKernel, CompileError> {
        let dtypes: Vec<DType> = site.inputs.iter().map(|i| i.ty.as_scalar().expect("inferred for scalars")).collect();
        let whole: Vec<bool> = site.inputs.iter().map(|i| i.place == Place::Whole).collect();
        let mut code = Vec::new();
        let deepest = emit(expr, &dtypes, &mut code);
        if deepest > STACK || dtypes.len() > INPUTS {
            return Err(CompileError::Unimplemented(format!("an expression so large in {}", site.step)));
        }
        let rows = whole.is_empty() || whole.iter().any(|w| !w);
        Ok(ExprKernel { code, rows, whole })
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

    pub(crate) fn run(&self, env: &Env<'_>, inputs: &[Home], outputs: &[Option<Home>]) -> Result<(), PredictError> {
        let Some(out) = outputs[0] else { return Ok(()) };
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
        let mut shape: Vec<usize> = Vec::new();
        for value in &values {
            shape = broadcast(&shape, &value.shape).ok_or_else(|| {
                PredictError::invalid(
                    None,
                    format!("a shape that broadcasts with {shape:?}"),
                    format!("{:?}", value.shape),
                )
            })?;
        }
        let total = shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d)).filter(|&n| n <= ELEMENTS_MAX);
        let total = total.ok_or(PredictError::TooLarge {
            what: "elements of a broadcast".to_owned(),
            got: u64::MAX,
            limit: ELEMENTS_MAX as u64,
            key: "elements_max",
        })?;
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

/// Returns where element `at` of the result's shape lies in an input of shape `from`.
fn source(mut at: usize, shape: &[usize], from: &[usize]) -> usize {
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

/// Appends the code of an expression, returns the stack it needs.
fn emit(expr: &Expr, inputs: &[DType], code: &mut Vec<Code>) -> usize {
    match expr {
        Expr::Input(i) => code.push(Code::Input(*i)),
        Expr::Const(scalar) => code.push(Code::Const(match scalar {
            Scalar::Null(_) => None,
            Scalar::Bool(b) => Some(u64::from(*b)),
            Scalar::I64(i) => Some(*i as u64),
            Scalar::F64(x) => Some(x.to_bits()),
        })),
        Expr::Call(func, args) => {
            let mut deepest = 1;
            for (i, arg) in args.iter().enumerate() {
                deepest = deepest.max(i + emit(arg, inputs, code));
            }
            let dtype = args[0].dtype(inputs).expect("inferred before it is compiled");
            code.push(Code::Call { func: *func, args: args.len(), dtype });
            return deepest;
        }
    }
    1
}

fn call(func: Func, dtype: DType, args: &[Value]) -> Value {
    match func {
        Func::And => return and(args[0], args[1]),
        Func::Or => return not(and(not(args[0]), not(args[1]))),
        Func::IsNull => return Some(u64::from(args[0].is_none())),
        Func::Coalesce => return args.iter().copied().find(Option::is_some).flatten(),
        Func::If => return if args[0] == Some(1) { args[1] } else { args[2] },
        _ => {}
    }
    let a = args[0]?;
    let b = match args.get(1) {
        Some(b) => (*b)?,
        None => 0,
    };
    Some(match (func, dtype) {
        (Func::ToF64, _) => as_f64(dtype, a).to_bits(),
        (Func::ToI64, DType::F64 | DType::F32) => as_f64(dtype, a) as i64 as u64,
        (Func::ToI64, _) => a,
        (Func::Not, _) => a ^ 1,
        (_, DType::F64) => return of_f64(func, f64::from_bits(a), f64::from_bits(b)),
        _ => return of_i64(func, a as i64, b as i64),
    })
}

fn of_f64(func: Func, a: f64, b: f64) -> Value {
    let truth = |t: bool| Some(u64::from(t));
    let x = match func {
        Func::Add => a + b,
        Func::Sub => a - b,
        Func::Mul => a * b,
        Func::Div => a / b,
        Func::Neg => -a,
        Func::Min if a.is_nan() || b.is_nan() => f64::NAN,
        Func::Max if a.is_nan() || b.is_nan() => f64::NAN,
        Func::Min => a.min(b),
        Func::Max => a.max(b),
        Func::Exp => libm::exp(a),
        Func::Ln => libm::log(a),
        Func::Sqrt => a.sqrt(),
        Func::Abs => a.abs(),
        Func::Sigmoid => 1.0 / (1.0 + libm::exp(-a)),
        Func::Lt => return truth(a < b),
        Func::Le => return truth(a <= b),
        Func::Eq => return truth(a == b),
        _ => unreachable!("checked against the table of functions"),
    };
    Some(x.to_bits())
}

fn of_i64(func: Func, a: i64, b: i64) -> Value {
    let truth = |t: bool| Some(u64::from(t));
    let x = match func {
        Func::Add => a.wrapping_add(b),
        Func::Sub => a.wrapping_sub(b),
        Func::Mul => a.wrapping_mul(b),
        Func::Neg => a.wrapping_neg(),
        Func::Min => a.min(b),
        Func::Max => a.max(b),
        Func::Abs => a.wrapping_abs(),
        Func::Lt => return truth(a < b),
        Func::Le => return truth(a <= b),
        Func::Eq => return truth(a == b),
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
