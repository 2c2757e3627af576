//! The functions, one line a rule: as Spark's SQL writes it, as the plan does, and what Spark 3.5 answers (without ANSI mode,
//! unless the rule refuses; the answer as text).

use std::sync::Arc;

use model::{Builder, Column, DType, Type};
use plan::{
    Expr, Pattern, Scalar,
    expr::{
        Arith, Cast, CastRule, Compare, DatePattern, Func, Inverse, ListFunc, Math, OnFault, Part, Rounding, TextFunc,
        TimeFunc, Unit, Zone,
        text::{Ends, Title, Units},
    },
};

use super::super::tests::{Ran, dense, fixed, lists, numbers, run, run_once, sparse, texts, vectors};

mod columns;
mod numbers;
mod patterns;
mod texts;
mod times;

/// Checks a function of constants. The first part says how Spark's SQL writes it.
fn check(sql: &str, func: impl Into<Func>, args: &[Expr], expected: &str) {
    check_expr(sql, Expr::Call(func.into(), args.to_vec()), expected);
}

fn check_expr(sql: &str, expr: Expr, expected: &str) {
    let ty = expr.ty(&[Type::F64]).unwrap_or_else(|error| panic!("{sql}: {error}"));
    let shown = match ty {
        Type::Text => expr,
        Type::Bytes => Expr::call(TextFunc::Hex, [expr]),
        _ => cast(expr, Type::Text, CastRule::Legacy),
    };
    let ran = run_once(shown, &[numbers(&[Some(1.0)])]);
    assert_eq!(answer(&ran), expected, "{sql}");
}

fn answer(ran: &Ran) -> String {
    if let Some(fault) = &ran.faults[0] {
        return format!("refused: {fault}");
    }
    match &ran.outputs[0] {
        Column::Text(texts) if texts.is_valid(0) => texts.text(0).to_owned(),
        Column::Text(_) => "null".to_owned(),
        other => panic!("{other:?}"),
    }
}

/// Checks that a function of constants refuses its row.
fn check_refused(sql: &str, func: impl Into<Func>, args: &[Expr]) {
    let ran = run_once(Expr::Call(func.into(), args.to_vec()), &[numbers(&[Some(1.0)])]);
    assert!(ran.faults[0].is_some(), "{sql}");
}

fn cast(expr: Expr, to: Type, rule: CastRule) -> Expr {
    Expr::call(Cast::new(to, rule), [expr])
}

fn scalar(dtype: DType) -> Type {
    Type::scalar(dtype)
}

fn s(text: &str) -> Expr {
    Expr::text(text)
}

fn i(value: i32) -> Expr {
    Expr::Const(Scalar::I32(value))
}

fn l(value: i64) -> Expr {
    Expr::i64(value)
}

fn d(value: f64) -> Expr {
    Expr::f64(value)
}

fn null(ty: Type) -> Expr {
    Expr::null(ty)
}

fn dec(text: &str, precision: u8, scale: u8) -> Expr {
    let value = model::decimal::read(text).and_then(|w| w.exact(precision, scale)).expect("a decimal");
    Expr::Const(Scalar::Decimal { value, precision, scale })
}

fn bin(text: &str) -> Expr {
    Expr::Const(Scalar::Bytes(text.as_bytes().into()))
}

fn ts(text: &str) -> Expr {
    cast(s(text), scalar(DType::Timestamp), CastRule::Ansi)
}

fn date(text: &str) -> Expr {
    cast(s(text), scalar(DType::Date), CastRule::Ansi)
}

fn list(items: &[Expr]) -> Expr {
    Expr::Call(ListFunc::Array.into(), items.to_vec())
}

fn pattern(source: &str) -> Pattern {
    Pattern { engine: source.into(), source: source.into() }
}
