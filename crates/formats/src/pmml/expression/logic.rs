//! Comparison, truth values, choices, what is missing and what is valid.
//!
//! `equal` and its like compare values of the first argument's type: a double beside a float is rounded to one, an integer
//! beside a double is one. NaN is above all numbers and equals itself. A missing argument makes them missing.

use plan::{
    Expr, Func, Scalar,
    expr::{Compare, Math},
};

use super::{
    super::{
        error::Fault,
        fields::{self, DataType},
        xml::Element,
    },
    apply::Invalid,
    numbers::of,
    term::{Term, Work, all_of},
};

type Result<T> = std::result::Result<T, Fault>;

fn pair(args: Vec<Term>) -> [Term; 2] {
    args.try_into().unwrap_or_else(|_| unreachable!("the table says how many arguments there are"))
}

fn truth(value: bool) -> Expr {
    Expr::Const(Scalar::Bool(value))
}

fn negated(expr: Expr) -> Expr {
    Expr::call(Func::Not, [expr])
}

of!(compare: equal => Compare::Eq, not_equal => Compare::Ne, less_than => Compare::Lt, less_or_equal => Compare::Le,
    greater_than => Compare::Gt, greater_or_equal => Compare::Ge);

fn compare<'d>(
    work: &mut Work<'_, '_, '_, 'd>,
    at: Element<'d>,
    args: Vec<Term>,
    _: Invalid,
    by: Compare,
) -> Result<Term> {
    let [a, b] = pair(args);
    let [a, b] = comparable(work, at, a, b)?;
    Ok(Term::bool(compared(by, a, b)))
}

/// Returns both as values that are compared: of the first's type, or as doubles where that is a number.
fn comparable<'d>(work: &mut Work<'_, '_, '_, 'd>, at: Element<'d>, a: Term, b: Term) -> Result<[Term; 2]> {
    match (a.data, b.data) {
        (DataType::Integer, DataType::Integer) => Ok([a, b]),
        (DataType::Float, DataType::Double) => {
            let b = work.cast(at, b, DataType::Float)?;
            Ok([work.number(at, a)?, work.number(at, b)?])
        }
        (data, _) if data.is_number() => Ok([work.number(at, a)?, work.number(at, b)?]),
        (data, _) => {
            let b = work.cast(at, b, data)?;
            Ok([a, b])
        }
    }
}

/// Compares two terms of one type: by the plain functions where they tell all.
fn compared(by: Compare, a: Term, b: Term) -> Expr {
    let plain = matches!(a.data, DataType::Integer | DataType::Double | DataType::Boolean) && !a.nan && !b.nan;
    let (x, y) = (a.expr, b.expr);
    match by {
        Compare::Eq if plain => Expr::call(Func::Eq, [x, y]),
        Compare::Ne if plain => negated(Expr::call(Func::Eq, [x, y])),
        Compare::Lt if plain => Expr::call(Func::Lt, [x, y]),
        Compare::Le if plain => Expr::call(Func::Le, [x, y]),
        Compare::Gt if plain => Expr::call(Func::Lt, [y, x]),
        Compare::Ge if plain => Expr::call(Func::Le, [y, x]),
        by => Expr::call(by, [x, y]),
    }
}

of!(joined: and => true, or => false);

/// All or any: counted, so that one missing argument makes the result missing, whatever the others are.
fn joined<'d>(
    work: &mut Work<'_, '_, '_, 'd>,
    at: Element<'d>,
    args: Vec<Term>,
    _: Invalid,
    all: bool,
) -> Result<Term> {
    let count = args.len() as i64;
    let mut ones = Vec::with_capacity(args.len());
    for arg in args {
        ones.push(Expr::call(Func::ToI64, [work.boolean(at, arg)?]));
    }
    let least = Expr::i64(if all { count } else { 1 });
    let sum = all_of(&Func::Add, ones).unwrap_or_else(|| Expr::i64(0));
    Ok(Term::bool(Expr::call(Func::Le, [least, sum])))
}

pub fn not<'d>(work: &mut Work<'_, '_, '_, 'd>, at: Element<'d>, args: Vec<Term>, _: Invalid) -> Result<Term> {
    let [arg] = args.try_into().unwrap_or_else(|_| unreachable!("the table says how many arguments there are"));
    Ok(Term::bool(negated(work.boolean(at, arg)?)))
}

of!(missing: is_missing => true, is_not_missing => false);

fn missing<'d>(_: &mut Work<'_, '_, '_, 'd>, _: Element<'d>, args: Vec<Term>, _: Invalid, is: bool) -> Result<Term> {
    let null = Expr::call(Func::IsNull, [args[0].expr.clone()]);
    Ok(Term::bool(if is { null } else { negated(null) }))
}

of!(valid: is_valid => true, is_not_valid => false);

fn valid<'d>(work: &mut Work<'_, '_, '_, 'd>, _: Element<'d>, args: Vec<Term>, _: Invalid, is: bool) -> Result<Term> {
    let arg = &args[0];
    let mut test = None;
    if let Some((field, name)) = &arg.field
        && let Some(data) = work.scope.data_field(name)
        && !field.valid
        && let Some(value) = fields::valid_test(work.cx, data, field)?
    {
        let valid = work.input(&value, DataType::Boolean).expr;
        test = Some(Expr::call(Func::If, [arg.is_missing(), Expr::null(super::apply::BOOL), valid]));
    }
    let test = test.unwrap_or_else(|| {
        let null = arg.is_missing();
        let sound = match arg.nan {
            true => negated(Expr::call(Math::IsNaN, [arg.expr.clone()])),
            false => truth(true),
        };
        Expr::call(Func::If, [null, Expr::null(super::apply::BOOL), sound])
    });
    let test = if is { test } else { negated(test) };
    Ok(Term::bool(Expr::call(Func::Coalesce, [test, truth(false)])))
}

of!(among: is_in => true, is_not_in => false);

fn among<'d>(work: &mut Work<'_, '_, '_, 'd>, at: Element<'d>, args: Vec<Term>, _: Invalid, is: bool) -> Result<Term> {
    let mut args = args.into_iter();
    let first = args.next().unwrap_or_else(|| unreachable!("the table says how many arguments there are"));
    let first = match first.data {
        data if data.is_number() => work.number(at, first)?,
        _ => first,
    };
    let value = work.small(at, first)?;
    let (mut list, mut nulls) = (vec![value.expr.clone()], Vec::new());
    for arg in args {
        let arg = match &arg.expr {
            Expr::Const(Scalar::Null(_)) => {
                nulls.push(truth(true));
                continue;
            }
            Expr::Const(Scalar::Text(text)) if value.data.constant(text).is_none() => continue,
            Expr::Const(_) => arg,
            _ => {
                let arg = work.small(at, arg)?;
                nulls.push(arg.is_missing());
                arg
            }
        };
        list.push(work.cast(at, arg, value.data)?.expr);
    }
    let found = if list.len() > 1 { Expr::Call(Func::In, list) } else { truth(false) };
    let found = Expr::call(Func::Coalesce, [found, truth(false)]);
    let any_null = all_of(&Func::Or, nulls).unwrap_or_else(|| truth(false));
    let found = Expr::call(Func::If, [value.is_missing(), any_null, found]);
    Ok(Term::bool(if is { found } else { negated(found) }))
}

/// The table's entry of `if`, which is lowered by [`choose`].
pub fn if_<'d>(work: &mut Work<'_, '_, '_, 'd>, at: Element<'d>, args: Vec<Term>, _: Invalid) -> Result<Term> {
    choose(work, at, args, None)
}

/// `if`: only the arm that is taken is computed; `mapMissingTo` is for the test and the arm that is taken.
pub fn choose<'d>(
    work: &mut Work<'_, '_, '_, 'd>,
    at: Element<'d>,
    args: Vec<Term>,
    map: Option<&str>,
) -> Result<Term> {
    let mut args = args.into_iter();
    let (Some(test), Some(yes)) = (args.next(), args.next()) else {
        unreachable!("the table says how many arguments there are")
    };
    let mut test = Term::bool(work.boolean(at, test)?);
    let (mut yes, mut no) = (yes, args.next());
    if let Some(text) = map {
        yes = work.or_text(at, yes, text)?;
        no = no.map(|no| work.or_text(at, no, text)).transpose()?;
        test = work.small(at, test)?;
    }
    let no = no.unwrap_or_else(|| Term::missing(yes.data));
    let chosen = work.either(at, Func::IfKnown, test.expr.clone(), yes, no)?;
    match map {
        Some(text) => work.either(at, Func::If, test.is_missing(), Term::literal(text), chosen),
        None => Ok(chosen),
    }
}
