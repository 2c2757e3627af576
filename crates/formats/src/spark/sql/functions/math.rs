//! Mathematics.

use plan::{
    Expr, Func, Scalar,
    expr::{Arith, Inverse, Math, OnFault, Rounding, TextFunc},
};

use super::{Arg, Build, Function, row};
use crate::spark::sql::{
    SqlError,
    types::SqlType,
    typing::{Typed, Typer, no_common},
};

/// A function of float64.
const fn float(math: Math) -> Build {
    Build::Plain(Func::Math(math), &[Arg::Double])
}

const fn fixed(func: Func) -> Build {
    Build::Plain(func, &[Arg::Double])
}

pub const TABLE: &[Function] = &[
    row("abs", "abs(x)", "", Build::Custom(1, 1, |t, a| sign_of(t, Arith::Abs, first(a)?))),
    row("acos", "acos(x)", "", float(Math::Acos)),
    row("acosh", "acosh(x)", "", Build::Custom(1, 1, |t, a| inverse(t, a, Math::Acosh))),
    row("asin", "asin(x)", "", float(Math::Asin)),
    row("asinh", "asinh(x)", "", Build::Custom(1, 1, |t, a| inverse(t, a, Math::Asinh))),
    row("atan", "atan(x)", "", float(Math::Atan)),
    row("atan2", "atan2(y, x)", "", float(Math::Atan2)),
    row("atanh", "atanh(x)", "", float(Math::Atanh)),
    row("bin", "bin(n)", "The bits of a bigint.", Build::Plain(Func::Text(TextFunc::Bin), &[Arg::Long])),
    row("bit_count", "bit_count(n)", "", Build::Plain(Func::Math(Math::BitCount), &[])),
    row("bit_get", "bit_get(n, place)", "As `getbit`.", Build::Custom(2, 2, bit)),
    row(
        "bround",
        "bround(x, digits)",
        "Rounds half to even.",
        Build::Custom(1, 2, |t, a| round(t, a, Rounding::HalfEven)),
    ),
    row("cbrt", "cbrt(x)", "", float(Math::Cbrt)),
    row("ceil", "ceil(x, digits)", "", Build::Custom(1, 2, |t, a| to_whole(t, a, Math::Ceil))),
    row("ceiling", "ceiling(x, digits)", "", Build::Custom(1, 2, |t, a| to_whole(t, a, Math::Ceil))),
    row("cos", "cos(x)", "", float(Math::Cos)),
    row("cosh", "cosh(x)", "", float(Math::Cosh)),
    row("cot", "cot(x)", "", float(Math::Cot)),
    row("csc", "csc(x)", "", float(Math::Csc)),
    row("degrees", "degrees(x)", "", float(Math::Degrees)),
    row("e", "e()", "", Build::Custom(0, 0, |_, _| Ok(number(std::f64::consts::E)))),
    row("exp", "exp(x)", "", fixed(Func::Exp)),
    row("expm1", "expm1(x)", "", float(Math::Expm1)),
    row("factorial", "factorial(n)", "Null outside 0 to 20.", Build::Plain(Func::Math(Math::Factorial), &[Arg::Int])),
    row("floor", "floor(x, digits)", "", Build::Custom(1, 2, |t, a| to_whole(t, a, Math::Floor))),
    row("getbit", "getbit(n, place)", "The bit, counted from the lowest.", Build::Custom(2, 2, bit)),
    row("hypot", "hypot(x, y)", "", float(Math::Hypot)),
    row("ln", "ln(x)", "Null at 0 and below.", float(Math::Ln)),
    row("log", "log(x), log(base, x)", "Null at 0 and below.", Build::Custom(1, 2, log)),
    row("log10", "log10(x)", "Null at 0 and below.", float(Math::Log10)),
    row("log1p", "log1p(x)", "Null at -1 and below.", float(Math::Log1p)),
    row("log2", "log2(x)", "Null at 0 and below.", float(Math::Log2)),
    row("pi", "pi()", "", Build::Custom(0, 0, |_, _| Ok(number(std::f64::consts::PI)))),
    row(
        "pmod",
        "pmod(x, y)",
        "The remainder that is not below 0.",
        Build::Custom(2, 2, |t, a| two(t, a, Arith::Pmod, t.on())),
    ),
    row("pow", "pow(x, y)", "", float(Math::Pow)),
    row("power", "power(x, y)", "", float(Math::Pow)),
    row("radians", "radians(x)", "", float(Math::Radians)),
    row("rint", "rint(x)", "", float(Math::Rint)),
    row("round", "round(x, digits)", "Rounds half up.", Build::Custom(1, 2, |t, a| round(t, a, Rounding::HalfUp))),
    row("sec", "sec(x)", "", float(Math::Sec)),
    row("shiftleft", "shiftleft(n, bits)", "", Build::Custom(2, 2, |t, a| shift(t, a, Math::ShiftLeft))),
    row("shiftright", "shiftright(n, bits)", "", Build::Custom(2, 2, |t, a| shift(t, a, Math::ShiftRight))),
    row(
        "shiftrightunsigned",
        "shiftrightunsigned(n, bits)",
        "",
        Build::Custom(2, 2, |t, a| shift(t, a, Math::ShiftRightUnsigned)),
    ),
    row("sign", "sign(x)", "", float(Math::Signum)),
    row("signum", "signum(x)", "", float(Math::Signum)),
    row("sin", "sin(x)", "", float(Math::Sin)),
    row("sinh", "sinh(x)", "", float(Math::Sinh)),
    row("sqrt", "sqrt(x)", "", fixed(Func::Sqrt)),
    row("tan", "tan(x)", "", float(Math::Tan)),
    row("tanh", "tanh(x)", "", float(Math::Tanh)),
    row(
        "try_add",
        "try_add(x, y)",
        "Null where the sum does not fit.",
        Build::Custom(2, 2, |t, a| tried(t, a, Arith::Add)),
    ),
    row("try_divide", "try_divide(x, y)", "Null by zero.", Build::Custom(2, 2, |t, a| tried(t, a, Arith::Div))),
    row("try_mod", "try_mod(x, y)", "Null by zero; from Spark 4.", Build::Custom(2, 2, try_mod)),
    row(
        "try_multiply",
        "try_multiply(x, y)",
        "Null where the product does not fit.",
        Build::Custom(2, 2, |t, a| tried(t, a, Arith::Mul)),
    ),
    row(
        "try_subtract",
        "try_subtract(x, y)",
        "Null where the difference does not fit.",
        Build::Custom(2, 2, |t, a| tried(t, a, Arith::Sub)),
    ),
    row(
        "width_bucket",
        "width_bucket(x, low, high, count)",
        "",
        Build::Plain(Func::Math(Math::WidthBucket), &[Arg::Double, Arg::Double, Arg::Double, Arg::Long]),
    ),
];

pub fn first(args: Vec<Typed>) -> Result<Typed, SqlError> {
    args.into_iter().next().ok_or_else(|| SqlError::Analysis("an argument is missing".to_owned()))
}

fn number(value: f64) -> Typed {
    Typed::new(Expr::f64(value), SqlType::Double)
}

/// A number as it is; a text as a double.
fn number_of(typer: &Typer<'_>, arg: Typed, of: &str) -> Result<Typed, SqlError> {
    if arg.ty.is_number() { Ok(arg) } else { typer.expect(arg, &SqlType::Double, of) }
}

pub fn sign_of(typer: &Typer<'_>, op: Arith, arg: Typed) -> Result<Typed, SqlError> {
    let arg = number_of(typer, arg, op.name())?;
    let ty = arg.ty.clone();
    typer.arith(op, vec![arg], typer.on(), &ty)
}

pub fn positive(typer: &Typer<'_>, arg: Typed) -> Result<Typed, SqlError> {
    let mut arg = number_of(typer, arg, "positive")?;
    arg.constant = None;
    Ok(arg)
}

fn two(typer: &Typer<'_>, args: Vec<Typed>, op: Arith, on: OnFault) -> Result<Typed, SqlError> {
    let [a, b] = <[Typed; 2]>::try_from(args).map_err(|args| no_common(op.name(), &args))?;
    typer.arithmetic(op, a, b, on)
}

fn try_mod(typer: &Typer<'_>, args: Vec<Typed>) -> Result<Typed, SqlError> {
    super::from_spark_4(typer, "try_mod")?;
    tried(typer, args, Arith::Rem)
}

fn tried(typer: &Typer<'_>, args: Vec<Typed>, op: Arith) -> Result<Typed, SqlError> {
    if let [a, b] = args.as_slice()
        && let Some(typed) = super::time::arithmetic(typer, op, a, b)?
    {
        return Ok(typed);
    }
    two(typer, args, op, OnFault::Null)
}

fn integers(typer: &Typer<'_>, a: Typed, b: Typed, of: &str) -> Result<Vec<Typed>, SqlError> {
    let fits = |x: &Typed| x.ty.is_integer() || x.ty == SqlType::Null;
    let common = typer.coercion().tightest(&a.ty, &b.ty).filter(SqlType::is_integer);
    match common.filter(|_| fits(&a) && fits(&b)) {
        Some(ty) => Ok(vec![typer.cast(a, &ty), typer.cast(b, &ty)]),
        None => Err(no_common(of, &[a, b])),
    }
}

pub fn bits(typer: &Typer<'_>, math: Math, a: Typed, b: Typed) -> Result<Typed, SqlError> {
    let args = integers(typer, a, b, math.name())?;
    typer.call(math, args)
}

pub fn bit_not(typer: &Typer<'_>, arg: Typed) -> Result<Typed, SqlError> {
    typer.call(Math::BitNot, vec![arg])
}

fn bit(typer: &Typer<'_>, args: Vec<Typed>) -> Result<Typed, SqlError> {
    let [x, place] = <[Typed; 2]>::try_from(args).map_err(|args| no_common("getbit", &args))?;
    let x = if x.ty == SqlType::Null { typer.cast(x, &SqlType::Int) } else { x };
    let place = typer.expect(place, &SqlType::Int, "getbit")?;
    typer.call(Math::GetBit, vec![x, place])
}

pub fn shift(typer: &Typer<'_>, args: Vec<Typed>, math: Math) -> Result<Typed, SqlError> {
    let [x, count] = <[Typed; 2]>::try_from(args).map_err(|args| no_common(math.name(), &args))?;
    let x = if x.ty == SqlType::Long { x } else { typer.expect(x, &SqlType::Int, math.name())? };
    let count = typer.expect(count, &SqlType::Int, math.name())?;
    typer.call(math, vec![x, count])
}

fn log(typer: &Typer<'_>, args: Vec<Typed>) -> Result<Typed, SqlError> {
    let args: Vec<Typed> =
        args.into_iter().map(|arg| typer.expect(arg, &SqlType::Double, "log")).collect::<Result<_, _>>()?;
    let math = if args.len() == 1 { Math::Ln } else { Math::Log };
    typer.call(math, args)
}

/// The inverses of sinh and cosh, as the version computes them that saved the stage.
fn inverse(typer: &Typer<'_>, args: Vec<Typed>, math: fn(Inverse) -> Math) -> Result<Typed, SqlError> {
    let rule = match (typer.session.spark_major, typer.session.spark_minor, typer.session.spark_patch) {
        (4, 2.., _) | (5.., ..) => Inverse::Ranges,
        (3, 5, 9..) | (4, 0, 3..) | (4, 1, 2..) => Inverse::Bounded,
        _ => Inverse::Plain,
    };
    let math = math(rule);
    let arg = typer.expect(first(args)?, &SqlType::Double, math.name())?;
    typer.call(math, vec![arg])
}

/// The digits that a rounding keeps: a constant.
fn scale_of(typer: &Typer<'_>, arg: Option<Typed>, of: &str) -> Result<i32, SqlError> {
    let Some(arg) = arg else { return Ok(0) };
    match typer.cast(arg, &SqlType::Int).expr {
        Expr::Const(Scalar::I32(scale)) => Ok(scale),
        _ => Err(SqlError::Unsupported(format!("`{of}` to digits that are not constant"))),
    }
}

/// To whole numbers: a bigint, of decimals a decimal; to a number of digits, by way of decimals.
fn to_whole(typer: &Typer<'_>, args: Vec<Typed>, math: fn(OnFault) -> Math) -> Result<Typed, SqlError> {
    let math = math(if typer.session.since(4, 3) { typer.on() } else { OnFault::Wrap });
    let of = math.name();
    let mode = if matches!(math, Math::Ceil(_)) { Rounding::Ceiling } else { Rounding::Floor };
    let mut args = args.into_iter();
    let arg = first(args.by_ref().take(1).collect())?;
    if let Some(scale) = args.next() {
        let scale = scale_of(typer, Some(scale), of)?;
        let Some((precision, digits)) = arg.ty.nearest_decimal() else { return Err(no_common(of, &[arg])) };
        let arg = typer.cast(arg, &SqlType::Decimal(precision, digits));
        return round_decimal(typer, arg, mode, scale);
    }
    let arg = match &arg.ty {
        ty if ty.is_integer() => typer.cast(arg, &SqlType::Long),
        ty if ty.is_decimal() => arg,
        _ => typer.expect(arg, &SqlType::Double, of)?,
    };
    typer.call(math, vec![arg])
}

fn round(typer: &Typer<'_>, args: Vec<Typed>, mode: Rounding) -> Result<Typed, SqlError> {
    let mut args = args.into_iter();
    let arg = number_of(typer, first(args.by_ref().take(1).collect())?, "round")?;
    let scale = scale_of(typer, args.next(), "round")?;
    if arg.ty.is_decimal() {
        return round_decimal(typer, arg, mode, scale);
    }
    let to = arg.ty.column().as_scalar().ok_or_else(|| no_common("round", std::slice::from_ref(&arg)))?;
    typer.call(Math::Round { mode, scale, on: typer.on(), to }, vec![arg])
}

/// A decimal keeps at most the digits asked for, and gets one more before the point.
fn round_decimal(typer: &Typer<'_>, arg: Typed, mode: Rounding, scale: i32) -> Result<Typed, SqlError> {
    let Some((precision, digits)) = arg.ty.as_decimal() else { return Err(no_common("round", &[arg])) };
    let whole = u32::from(precision - digits) + 1;
    let to = if scale < 0 {
        let digits_left = whole.max(scale.unsigned_abs().saturating_add(1));
        SqlType::Decimal(digits_left.min(38) as u8, 0)
    } else {
        let kept = u32::from(digits).min(scale.unsigned_abs());
        match whole + kept {
            total if total <= 38 => SqlType::Decimal(total as u8, kept as u8),
            _ => SqlType::Decimal(38, kept as u8),
        }
    };
    let dtype = to.column().as_scalar().unwrap_or(model::DType::Decimal(38, 0));
    typer.call(Math::Round { mode, scale, on: typer.on(), to: dtype }, vec![arg])
}
