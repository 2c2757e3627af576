//! Functions of numbers. All is computed in doubles; where the arguments' common type is float or integer, the result is
//! brought back to that, as JPMML's evaluator does it. Integers of arithmetic are exact within 64 bits.

use plan::{
    Expr, Func, Scalar,
    expr::{Arith, Math, OnFault, Stat},
};

use super::{
    super::{error::Fault, fields::DataType, xml::Element},
    apply::Invalid,
    term::{INPUTS_MAX, Term, Work, common},
};

type Result<T> = std::result::Result<T, Fault>;

/// Arguments of one statistic.
const PART: usize = INPUTS_MAX / 2;

/// Writes a list of functions that hand their arguments and one thing more on.
macro_rules! of {
    ($by:ident: $($name:ident => $func:expr),* $(,)?) => {$(
        pub fn $name<'d>(work: &mut Work<'_, '_, '_, 'd>, at: Element<'d>, args: Vec<Term>, invalid: Invalid) -> Result<Term> {
            $by(work, at, args, invalid, $func)
        }
    )*};
}
pub(super) use of;

fn pair(args: Vec<Term>) -> [Term; 2] {
    args.try_into().unwrap_or_else(|_| unreachable!("the table says how many arguments there are"))
}

fn one(args: Vec<Term>) -> Term {
    args.into_iter().next().unwrap_or_else(|| unreachable!("the table says how many arguments there are"))
}

/// Returns a double as a value of a numeric type.
fn as_type(term: Term, data: DataType) -> Term {
    match data {
        DataType::Integer => Term::new(Expr::call(Func::ToI64, [term.expr]), data),
        DataType::Float => Term { nan: term.nan, ..Term::new(Expr::call(Func::ToF32, [term.expr]), data) },
        _ => term,
    }
}

of!(arith: add => Arith::Add, subtract => Arith::Sub, multiply => Arith::Mul, divide => Arith::Div);

fn arith<'d>(
    work: &mut Work<'_, '_, '_, 'd>,
    at: Element<'d>,
    args: Vec<Term>,
    invalid: Invalid,
    op: Arith,
) -> Result<Term> {
    let [a, b] = pair(args);
    let data = common(a.data, b.data);
    if data == DataType::Integer {
        let op = if op == Arith::Div { Arith::IntDiv } else { op };
        let func = Func::Arith { op, on: invalid.fault(), to: model::DType::I64 };
        return Ok(Term::new(Expr::call(func, [a.expr, b.expr]), data));
    }
    let (a, b) = (work.number(at, a)?, work.number(at, b)?);
    let func = match op {
        Arith::Add => Func::Add,
        Arith::Sub => Func::Sub,
        Arith::Mul => Func::Mul,
        _ => Func::Div,
    };
    // Two infinities can make a NaN, and so can a zero with one.
    let zero = |x: f64| x == 0.0;
    let nan = match (a.known(), b.known()) {
        (None, None) => true,
        (Some(x), None) => b.nan || matches!(op, Arith::Mul | Arith::Div) && zero(x),
        (None, Some(y)) => a.nan || matches!(op, Arith::Mul | Arith::Div) && zero(y),
        (Some(_), Some(y)) => op == Arith::Div && zero(y),
    };
    let term = Term { nan, ..Term::new(Expr::call(func, [a.expr, b.expr]), DataType::Double) };
    Ok(as_type(term, data))
}

of!(statistic: min => Stat::Min, max => Stat::Max, sum => Stat::Sum, avg => Stat::Mean, median => Stat::Median, product => Stat::Product);

fn statistic<'d>(
    work: &mut Work<'_, '_, '_, 'd>,
    at: Element<'d>,
    args: Vec<Term>,
    _: Invalid,
    stat: Stat,
) -> Result<Term> {
    let data = args.iter().map(|arg| arg.data).reduce(common).unwrap_or(DataType::Double);
    let mut numbers = Vec::with_capacity(args.len());
    for arg in args {
        numbers.push(work.number(at, arg)?);
    }
    // What comes in order may be taken in parts: no expression has inputs without end.
    while numbers.len() > PART && matches!(stat, Stat::Min | Stat::Max | Stat::Sum | Stat::Product) {
        let rest = numbers.split_off(PART);
        let part = Expr::Call(stat.into(), numbers.into_iter().map(|n| n.expr).collect());
        let part = work.step(at, Term::new(part, DataType::Double))?;
        numbers = std::iter::once(part).chain(rest).collect();
    }
    let nan = numbers.iter().any(|n| n.nan) || matches!(stat, Stat::Sum | Stat::Mean | Stat::Product | Stat::Median);
    let expr = Expr::Call(stat.into(), numbers.into_iter().map(|n| n.expr).collect());
    let term = Term { nan, ..Term::new(expr, DataType::Double) };
    let is_mean = matches!(stat, Stat::Mean | Stat::Median);
    Ok(as_type(term, if is_mean && data == DataType::Integer { DataType::Double } else { data }))
}

of!(double: log10 => Math::Lg.into(), ln => Func::Ln, sqrt => Func::Sqrt, exp => Func::Exp, expm1 => Math::Expm1.into(),
    ln1p => Math::LnPlus1.into(), sin => Math::Sin.into(), cos => Math::Cos.into(), tan => Math::Tan.into(),
    asin => Math::Asin.into(), acos => Math::Acos.into(), atan => Math::Atan.into(), sinh => Math::Sinh.into(),
    cosh => Math::Cosh.into(), tanh => Math::Tanh.into(), erf => Math::Erf.into(), hypot => Math::Hypot.into(),
    normal_cdf => Math::NormalCdf.into(), normal_pdf => Math::NormalPdf.into(), normal_idf => Math::NormalIdf.into(),
    atan2 => Math::Atan2.into());

/// A function of doubles to a double.
fn double<'d>(
    work: &mut Work<'_, '_, '_, 'd>,
    at: Element<'d>,
    args: Vec<Term>,
    _: Invalid,
    func: Func,
) -> Result<Term> {
    let total = matches!(
        &func,
        Func::Exp | Func::Math(Math::Expm1 | Math::Atan | Math::Erf | Math::Tanh | Math::Sinh | Math::Cosh)
    );
    let mut numbers = Vec::with_capacity(args.len());
    for arg in args {
        numbers.push(work.number(at, arg)?);
    }
    let nan = !total || numbers.iter().any(|n| n.nan);
    let expr = Expr::Call(func, numbers.into_iter().map(|n| n.expr).collect());
    Ok(Term { nan, ..Term::new(expr, DataType::Double) })
}

of!(standard: std_normal_cdf => Math::NormalCdf, std_normal_pdf => Math::NormalPdf, std_normal_idf => Math::NormalIdf);

fn standard<'d>(
    work: &mut Work<'_, '_, '_, 'd>,
    at: Element<'d>,
    args: Vec<Term>,
    invalid: Invalid,
    func: Math,
) -> Result<Term> {
    let number = |x: f64| Term::constant(Scalar::F64(x), DataType::Double);
    double(work, at, vec![one(args), number(0.0), number(1.0)], invalid, func.into())
}

of!(whole: floor => Math::Floor(OnFault::Wrap), ceil => Math::Ceil(OnFault::Wrap), round => Math::Nearest);

fn whole<'d>(
    work: &mut Work<'_, '_, '_, 'd>,
    at: Element<'d>,
    args: Vec<Term>,
    _: Invalid,
    func: Math,
) -> Result<Term> {
    let arg = one(args);
    if arg.data == DataType::Integer {
        return Ok(arg);
    }
    let number = work.number(at, arg)?;
    Ok(Term::new(Expr::call(func, [number.expr]), DataType::Integer))
}

of!(same_type: abs => Func::Abs, rint => Math::Rint.into());

/// A function that keeps the type of its argument.
fn same_type<'d>(
    work: &mut Work<'_, '_, '_, 'd>,
    at: Element<'d>,
    args: Vec<Term>,
    _: Invalid,
    func: Func,
) -> Result<Term> {
    let arg = one(args);
    let data = if arg.data.is_number() { arg.data } else { DataType::Double };
    if data == DataType::Integer {
        return Ok(if func == Func::Abs { Term::new(Expr::call(func, [arg.expr]), data) } else { arg });
    }
    let number = work.number(at, arg)?;
    let term = Term { nan: number.nan, ..Term::new(Expr::call(func, [number.expr]), DataType::Double) };
    Ok(as_type(term, data))
}

pub fn pow<'d>(work: &mut Work<'_, '_, '_, 'd>, at: Element<'d>, args: Vec<Term>, invalid: Invalid) -> Result<Term> {
    let [a, b] = pair(args);
    let data = common(a.data, b.data);
    if data == DataType::Integer {
        return Ok(Term::new(Expr::call(Math::IntPow(invalid.fault()), [a.expr, b.expr]), data));
    }
    let term = double(work, at, vec![a, b], invalid, Math::Pow.into())?;
    Ok(as_type(term, data))
}

pub fn modulo<'d>(work: &mut Work<'_, '_, '_, 'd>, at: Element<'d>, args: Vec<Term>, invalid: Invalid) -> Result<Term> {
    let [a, b] = pair(args);
    let (data, func) = (common(a.data, b.data), Math::FloorMod(invalid.fault()));
    if data == DataType::Integer {
        return Ok(Term::new(Expr::call(func, [a.expr, b.expr]), data));
    }
    let term = double(work, at, vec![a, b], invalid, func.into())?;
    Ok(as_type(term, data))
}

pub fn threshold<'d>(work: &mut Work<'_, '_, '_, 'd>, at: Element<'d>, args: Vec<Term>, _: Invalid) -> Result<Term> {
    let [a, b] = pair(args);
    let data = common(a.data, b.data);
    let (a, b) = (work.number(at, a)?, work.number(at, b)?);
    let above = if a.nan || b.nan {
        Expr::call(plan::expr::Compare::Gt, [a.expr, b.expr])
    } else {
        Expr::call(Func::Lt, [b.expr, a.expr])
    };
    let term = Term::sound(Expr::call(Func::ToF64, [above]), DataType::Double);
    Ok(as_type(term, data))
}
