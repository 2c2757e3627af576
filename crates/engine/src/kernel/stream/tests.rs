//! What a row sees of the rows before it.

use model::{Batch, Call, Column, Takes};
use plan::{PlanBuilder, StreamOp, ValueType, expr::Stat};

use crate::{
    compile::compile,
    kernel::tests::{numbers, texts},
    workspace::Workspace,
};

fn lag(n: u32, of: Option<Stat>, columns: &[Column]) -> Column {
    let mut builder = PlanBuilder::new();
    let name = |i: usize| format!("in{i}");
    let types: Vec<_> = columns.iter().map(Column::ty).collect();
    let slots: Vec<_> =
        types.iter().enumerate().map(|(i, ty)| builder.input(&name(i), Takes::One(ty.clone()))).collect();
    let out = builder.node("step", StreamOp::Lag { n, of }, &slots, "out");
    builder.output("out", out);
    let plan = builder.finish().expect("parameters that fit");
    assert!(plan.not_separable().is_some(), "rows of a stream are never cut");
    let typed: Vec<_> = types.into_iter().map(|ty| Some(ValueType::rows(ty))).collect();
    let program = compile(&plan, &typed, None).expect("a plan that compiles");
    let mut batch = Batch::new(columns[0].len());
    columns.iter().enumerate().for_each(|(i, column)| batch.push(name(i), column.clone()));
    let answer = program.predict(&Call::new(batch), &mut Workspace::new()).expect("no row is refused");
    answer.column("out").expect("the output").clone()
}

fn check(n: u32, of: Option<Stat>, columns: &[Column], expected: &Column) {
    let got = lag(n, of, columns);
    for row in 0..expected.len() {
        assert!(got.row_eq(row, expected, row), "row {row}: {got:?}, not {expected:?}");
    }
}

#[test]
fn a_value_of_rows_before() {
    let x = numbers(&[Some(3.0), Some(5.0), None, Some(7.0)]);
    check(1, None, std::slice::from_ref(&x), &numbers(&[None, Some(3.0), Some(5.0), None]));
    check(2, None, &[x], &numbers(&[None, None, Some(3.0), Some(5.0)]));
    let words = texts(&[Some("a"), None, Some("c")]);
    check(1, None, &[words], &texts(&[None, Some("a"), None]));
}

#[test]
fn blocks_see_their_own_rows() {
    let x = numbers(&[Some(1.0), Some(2.0), Some(3.0), Some(4.0), Some(5.0)]);
    let block = texts(&[Some("a"), Some("b"), Some("a"), None, Some("a")]);
    check(1, None, &[x.clone(), block.clone()], &numbers(&[None, None, Some(1.0), None, Some(3.0)]));
    check(2, None, &[x, block], &numbers(&[None, None, None, None, Some(1.0)]));
}

#[test]
fn statistics_are_of_as_many_rows_as_there_are() {
    let x = numbers(&[Some(1.0), Some(2.0), None, Some(6.0), Some(0.0)]);
    check(3, Some(Stat::Mean), std::slice::from_ref(&x), &numbers(&[None, Some(1.0), Some(1.5), Some(1.5), Some(4.0)]));
    check(2, Some(Stat::Max), std::slice::from_ref(&x), &numbers(&[None, Some(1.0), Some(2.0), Some(2.0), Some(6.0)]));
    check(5, Some(Stat::Median), &[x], &numbers(&[None, Some(1.0), Some(1.5), Some(1.5), Some(2.0)]));
}

#[test]
fn many_rows_are_one_stream() {
    let rows: Vec<Option<f64>> = (0..5_000).map(|i| Some(f64::from(i))).collect();
    let shifted: Vec<Option<f64>> = (0..5_000).map(|i| (i >= 3).then(|| f64::from(i - 3))).collect();
    check(3, None, &[numbers(&rows)], &numbers(&shifted));
}
