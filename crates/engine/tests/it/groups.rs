//! Plans that end in groups: aggregates by key, and what is computed from them.

use engine::Servable;
use model::{Batch, Builder, Call, Column, OnFault, PredictError, Predictor, Takes, Text, Type};
use plan::{
    Aggregation, Between, Bits, Compressed, Expr, Func, GroupOp, Invalid, Overflow, Pair, Plan, PlanBuilder, RowsOp,
    Share, Single, SlotId, VectorOp,
};

use crate::ways::{f64s, mark, servable, to_f64s};

/// Aggregates of `k`, `x` and `n`, an int64, and what follows.
fn grouped(
    keys: &[usize],
    ops: &[(&str, GroupOp, &[usize], bool)],
    then: impl FnOnce(&mut PlanBuilder, &[SlotId]),
) -> Plan {
    let mut b = PlanBuilder::new();
    let types = [("k", Type::Text), ("x", Type::F64), ("n", Type::I64)];
    let slots: Vec<SlotId> = types.clone().map(|(name, ty)| b.input(name, Takes::One(ty))).into();
    let mut behind = PlanBuilder::new();
    let names = keys.iter().map(|&key| types[key].0).chain(ops.iter().map(|op| op.0));
    let inputs: Vec<SlotId> = names.map(|name| behind.input(name, Takes::One(Type::F64))).collect();
    then(&mut behind, &inputs);
    let aggregate = |&(_, op, args, distinct): &(&str, GroupOp, &[usize], bool)| Aggregation {
        op,
        inputs: args.iter().map(|&arg| slots[arg]).collect(),
        distinct,
    };
    let keys: Vec<SlotId> = keys.iter().map(|&key| slots[key]).collect();
    b.group("groups", &keys, ops.iter().map(aggregate).collect(), behind.finish().expect("a plan"));
    b.finish().expect("a plan")
}

/// The aggregates themselves as outputs, the keys before them.
fn table(keys: &[usize], ops: &[(&str, GroupOp, &[usize], bool)]) -> Plan {
    let names: Vec<String> =
        keys.iter().map(|&k| ["k", "x", "n"][k]).chain(ops.iter().map(|op| op.0)).map(String::from).collect();
    grouped(keys, ops, |b, slots| names.iter().zip(slots).for_each(|(name, slot)| b.output(name, *slot)))
}

fn ints(rows: impl IntoIterator<Item = Option<i64>>) -> Column {
    let mut builder = Builder::new(&Type::I64);
    rows.into_iter().for_each(|row| match row {
        Some(n) => builder.push_fixed(n),
        None => builder.push_null(),
    });
    builder.finish()
}

fn texts(rows: &[Option<&str>]) -> Column {
    let mut builder = Builder::new(&Type::Text);
    rows.iter().for_each(|row| match row {
        Some(text) => builder.push_text(text),
        None => builder.push_null(),
    });
    builder.finish()
}

fn rows(rows: &[(Option<&str>, Option<f64>, Option<i64>)]) -> Batch {
    let mut batch = Batch::new(rows.len());
    batch.push("k", texts(&rows.iter().map(|r| r.0).collect::<Vec<_>>()));
    batch.push("x", f64s(rows.iter().map(|r| r.1)));
    batch.push("n", ints(rows.iter().map(|r| r.2)));
    batch
}

fn ask(servable: &Servable, batch: &Batch, on_fault: OnFault, outputs: Option<&[&str]>) -> Result<Batch, PredictError> {
    let outputs = outputs.map(|names| names.iter().map(|n| (*n).into()).collect());
    let call = Call { outputs, on_fault, ..Call::new(batch.clone()) };
    servable.call(call).now().map_err(|_| ()).expect("compiled plans answer at once")
}

fn answer(plan: Plan, batch: &Batch) -> Batch {
    ask(&servable(plan), batch, OnFault::FailCall, None).expect("an answer")
}

fn to_ints(batch: &Batch, name: &str) -> Vec<Option<i64>> {
    let Some(Column::Fixed(fixed)) = batch.column(name) else { panic!("a column of numbers called {name}") };
    (0..fixed.len()).map(|row| fixed.is_valid(row).then(|| fixed.values::<i64>()[row])).collect()
}

fn floats(batch: &Batch, name: &str) -> Vec<Option<f64>> {
    to_f64s(batch.column(name).expect("an output"))
}

fn to_texts(batch: &Batch, name: &str) -> Vec<Option<String>> {
    let Some(Column::Text(texts)) = batch.column(name) else { panic!("a column of texts called {name}") };
    (0..texts.len()).map(|row| texts.is_valid(row).then(|| texts.text(row).to_owned())).collect()
}

const X: &[usize] = &[1];
const N: &[usize] = &[2];

#[test]
fn groups_stand_in_the_order_of_their_first_rows() {
    let ops = [("rows", GroupOp::Rows, &[][..], false), ("count", GroupOp::Count, X, false)];
    let batch = rows(&[
        (Some("b"), Some(1.0), None),
        (None, None, None),
        (Some("a"), Some(2.0), None),
        (Some("b"), None, None),
        (None, Some(3.0), None),
        (Some(""), None, None),
    ]);
    let out = answer(table(&[0], &ops), &batch);
    assert_eq!(to_texts(&out, "k"), [Some("b".to_owned()), None, Some("a".to_owned()), Some(String::new())]);
    assert_eq!(to_ints(&out, "rows"), [Some(2), Some(2), Some(1), Some(1)]);
    assert_eq!(to_ints(&out, "count"), [Some(1), Some(1), Some(1), Some(0)]);
}

#[test]
fn zeros_are_one_key_and_so_are_nans() {
    let other_nan = f64::from_bits(0xfff8_0000_0000_0001);
    let keys = [Some(-0.0), Some(f64::NAN), Some(0.0), Some(other_nan), None];
    let batch = rows(&keys.map(|x| (None, x, None)));
    let out = answer(table(&[1], &[("rows", GroupOp::Rows, &[], false)]), &batch);
    let got = floats(&out, "x");
    assert_eq!(got[0].map(f64::to_bits), Some(0), "the key is 0.0, not -0.0");
    assert!(got[1].is_some_and(f64::is_nan) && got[2].is_none());
    assert_eq!(to_ints(&out, "rows"), [Some(2), Some(2), Some(1)]);
}

#[test]
fn keys_of_several_columns_do_not_run_together() {
    let mut b = PlanBuilder::new();
    let slots = ["a", "b"].map(|name| b.input(name, Takes::One(Type::Text)));
    let mut behind = PlanBuilder::new();
    let inputs = ["a", "b", "rows"].map(|name| behind.input(name, Takes::One(Type::Text)));
    behind.output("rows", inputs[2]);
    let count = Aggregation { op: GroupOp::Rows, inputs: Vec::new(), distinct: false };
    b.group("groups", &slots, vec![count], behind.finish().expect("a plan"));
    let mut batch = Batch::new(4);
    batch.push("a", texts(&[Some("ab"), Some("a"), None, Some("")]));
    batch.push("b", texts(&[Some("c"), Some("bc"), Some(""), None]));
    assert_eq!(to_ints(&answer(b.finish().expect("a plan"), &batch), "rows"), [Some(1); 4]);
}

#[test]
fn aggregates_pass_over_nulls() {
    let sum = GroupOp::Sum { overflow: Overflow::Refuse };
    let ops = [
        ("sum", sum, X, false),
        ("sum_n", sum, N, false),
        ("mean", GroupOp::Mean, X, false),
        ("mean_n", GroupOp::Mean, N, false),
        ("min", GroupOp::Min, X, false),
        ("max", GroupOp::Max, X, false),
        ("min_n", GroupOp::Min, N, false),
        ("first", GroupOp::First { ignore_nulls: false }, X, false),
        ("first_valid", GroupOp::First { ignore_nulls: true }, X, false),
        ("last", GroupOp::Last { ignore_nulls: false }, X, false),
        ("last_valid", GroupOp::Last { ignore_nulls: true }, X, false),
    ];
    let nan = Some(f64::NAN);
    let batch = rows(&[
        (Some("a"), None, Some(i64::MIN)),
        (Some("a"), Some(-0.0), Some(2)),
        (Some("a"), Some(0.0), None),
        (Some("nulls"), None, None),
        (Some("a"), None, Some(3)),
        (Some("nan"), nan, Some(0)),
        (Some("nan"), Some(f64::INFINITY), Some(0)),
    ]);
    let out = answer(table(&[0], &ops), &batch);
    let bits = |name: &str, row: usize| floats(&out, name)[row].map(f64::to_bits);
    assert_eq!([bits("sum", 0), bits("sum", 1)], [Some(0), None]);
    assert_eq!(to_ints(&out, "sum_n"), [Some(i64::MIN + 5), None, Some(0)]);
    assert_eq!((bits("mean", 0), bits("mean", 1)), (Some(0), None));
    assert_eq!(floats(&out, "mean_n")[..2], [Some((i64::MIN as f64 + 2.0 + 3.0) / 3.0), None]);
    let minus_zero = Some((-0.0f64).to_bits());
    assert_eq!([bits("min", 0), bits("max", 0)], [minus_zero; 2], "of equal ones the first");
    assert_eq!(floats(&out, "min")[2], Some(f64::INFINITY));
    assert!(floats(&out, "max")[2].is_some_and(f64::is_nan), "NaN is the greatest");
    assert_eq!(to_ints(&out, "min_n"), [Some(i64::MIN), None, Some(0)]);
    assert_eq!((bits("first", 0), bits("first_valid", 0)), (None, minus_zero));
    assert_eq!((bits("last", 0), bits("last_valid", 0)), (None, Some(0)));
    assert_eq!((bits("first_valid", 1), bits("last_valid", 1)), (None, None));
}

#[test]
fn texts_have_an_order_and_may_be_held() {
    let k = &[0][..];
    let ops = [
        ("min", GroupOp::Min, k, false),
        ("max", GroupOp::Max, k, false),
        ("last", GroupOp::Last { ignore_nulls: true }, k, false),
        ("count", GroupOp::Count, k, true),
    ];
    let batch = rows(&[Some("b"), Some("é"), Some("Z"), None, Some("b"), None].map(|k| (k, None, None)));
    let out = answer(table(&[], &ops), &batch);
    let one = |name: &str| to_texts(&out, name)[0].clone().expect("a text");
    assert_eq!([one("min"), one("max"), one("last")], ["Z", "é", "b"]);
    assert_eq!(to_ints(&out, "count"), [Some(3)]);
}

#[test]
fn variances_of_none_of_one_and_of_more() {
    let of = |sample, root, single| GroupOp::Variance { sample, root, single, merged: true };
    let ops = [
        ("samp", of(true, false, Single::Null), X, false),
        ("old", of(true, false, Single::Nan), X, false),
        ("pop", of(false, false, Single::Null), X, false),
        ("std", of(true, true, Single::Null), X, false),
    ];
    let batch = rows(&[
        (Some("none"), None, None),
        (Some("one"), Some(5.0), None),
        (Some("more"), Some(1.0), None),
        (Some("more"), Some(2.0), None),
        (Some("more"), Some(4.0), None),
    ]);
    let out = answer(table(&[0], &ops), &batch);
    // Mean 7/3, squared distances 16/9 + 1/9 + 25/9 = 14/3.
    let close = |got: Option<f64>, want: f64| assert!(got.is_some_and(|got| (got - want).abs() < 1e-12), "{got:?}");
    assert_eq!(floats(&out, "samp")[..2], [None, None]);
    close(floats(&out, "samp")[2], 14.0 / 6.0);
    assert!(floats(&out, "old")[0].is_none() && floats(&out, "old")[1].is_some_and(f64::is_nan));
    assert_eq!(floats(&out, "pop")[..2], [None, Some(0.0)]);
    close(floats(&out, "pop")[2], 14.0 / 9.0);
    close(floats(&out, "std")[2], (14.0f64 / 6.0).sqrt());
}

#[test]
fn lists_hold_what_is_not_null_and_sets_each_value_once() {
    let ops = [("list", GroupOp::List, X, false), ("set", GroupOp::List, X, true)];
    let batch = rows(&[
        (Some("a"), Some(3.0), None),
        (Some("b"), None, None),
        (Some("a"), None, None),
        (Some("c"), Some(7.0), None),
        (Some("a"), Some(1.0), None),
        (Some("a"), Some(3.0), None),
    ]);
    let out = answer(table(&[0], &ops), &batch);
    let lists = |name: &str| -> Vec<Vec<Option<f64>>> {
        let Some(Column::List(lists)) = out.column(name) else { panic!("a column of lists") };
        let items = to_f64s(lists.child());
        (0..lists.len()).map(|row| items[lists.range(row)].to_vec()).collect()
    };
    assert_eq!(lists("list"), [vec![Some(3.0), Some(1.0), Some(3.0)], vec![], vec![Some(7.0)]]);
    assert_eq!(lists("set"), [vec![Some(3.0), Some(1.0)], vec![], vec![Some(7.0)]]);
}

#[test]
fn sums_wrap_or_refuse() {
    let batch = rows(&[(None, None, Some(i64::MAX)), (None, None, Some(1)), (None, None, Some(2))]);
    let sum = |overflow| table(&[], &[("sum", GroupOp::Sum { overflow }, N, false)]);
    assert_eq!(to_ints(&answer(sum(Overflow::Wrap), &batch), "sum"), [Some(i64::MIN + 2)]);
    for on_fault in [OnFault::FailCall, OnFault::MarkRow] {
        let refused = ask(&servable(sum(Overflow::Refuse)), &batch, on_fault, None).expect_err("it does not fit");
        assert_eq!(refused.to_string(), "row 1: column `n`: expected a sum that int64 holds, got 1 (groups)");
    }
}

#[test]
fn a_sum_that_left_its_type_stays_null() {
    let batch = rows(&[(None, None, Some(i64::MAX)), (None, None, Some(1)), (None, None, Some(-5))]);
    let sum = ("sum", GroupOp::Sum { overflow: Overflow::Null }, N, false);
    assert_eq!(to_ints(&answer(table(&[], &[sum]), &batch), "sum"), [None]);
}

#[test]
fn bits_and_what_is_greatest_by_another_column() {
    const N_BY_X: &[usize] = &[2, 1];
    let ops = [
        ("and", GroupOp::Bits(Bits::And), N, false),
        ("or", GroupOp::Bits(Bits::Or), N, false),
        ("xor", GroupOp::Bits(Bits::Xor), N, false),
        ("max", GroupOp::MaxBy, N_BY_X, false),
        ("min", GroupOp::MinBy, N_BY_X, false),
    ];
    let batch = rows(&[
        (Some("a"), Some(2.0), Some(6)),
        (Some("a"), Some(2.0), Some(3)),
        (Some("a"), None, Some(-1)),
        (Some("nulls"), None, None),
        (Some("nan"), Some(f64::NAN), None),
        (Some("nan"), Some(f64::INFINITY), Some(9)),
    ]);
    let out = answer(table(&[0], &ops), &batch);
    assert_eq!(to_ints(&out, "and"), [Some(2), None, Some(9)]);
    assert_eq!(to_ints(&out, "or"), [Some(-1), None, Some(9)]);
    assert_eq!(to_ints(&out, "xor"), [Some(6 ^ 3 ^ -1), None, Some(9)]);
    assert_eq!(to_ints(&out, "max"), [Some(3), None, None], "of equal ones the last; a null is a value");
    assert_eq!(to_ints(&out, "min"), [Some(3), None, Some(9)]);
}

#[test]
fn percentiles_of_both_rules() {
    let of = |share, between| GroupOp::Percentile { share: Share::new(share).expect("a share"), between };
    let ops = [
        ("shares", of(0.9, Between::Shares), X, false),
        ("way", of(0.9, Between::Way), X, false),
        ("whole", of(0.5, Between::Way), N, false),
    ];
    // As Spark 3.5 and 4.3 answer.
    let batch = rows(&[(None, Some(0.0), Some(i64::MAX)), (None, Some(-3.0), Some(i64::MAX)), (None, None, None)]);
    let out = answer(table(&[], &ops), &batch);
    assert_eq!(floats(&out, "shares"), [Some(-0.29999999999999993)]);
    assert_eq!(floats(&out, "way"), [Some(-0.2999999999999998)]);
    assert_eq!(floats(&out, "whole"), [Some(i64::MAX as f64)]);
    assert_eq!(floats(&answer(table(&[], &ops), &rows(&[])), "way"), [None]);
    assert_eq!((Share::new(1.1), Share::new(f64::NAN)), (None, None));
}

#[test]
fn the_most_frequent_and_zeros() {
    let of = |one_zero| GroupOp::Mode { one_zero };
    let ops = [("two", of(false), X, false), ("one", of(true), X, false), ("n", of(true), N, false)];
    let values = [0.0, -0.0, 7.0, 7.0, -0.0, 0.0, 7.0];
    let batch = rows(&values.map(|x| (None, Some(x), None)));
    let out = answer(table(&[], &ops), &batch);
    assert_eq!((floats(&out, "two"), floats(&out, "one")), (vec![Some(7.0)], vec![Some(0.0)]));
    assert_eq!(to_ints(&out, "n"), [None]);
}

#[test]
fn pairs_of_a_line_and_of_a_point() {
    const Y_X: &[usize] = &[1, 1];
    let pair = |of| GroupOp::Pair { of, merged: true };
    let ops = [
        ("corr", pair(Pair::Correlation), Y_X, false),
        ("slope", pair(Pair::Slope), Y_X, false),
        ("intercept", pair(Pair::Intercept), Y_X, false),
        ("samp", pair(Pair::SampleCovariance), Y_X, false),
        ("r2", pair(Pair::Determination), Y_X, false),
        ("skewness", GroupOp::Skewness { merged: true }, X, false),
        ("kurtosis", GroupOp::Kurtosis { merged: true }, X, false),
    ];
    let batch = rows(&[
        (Some("line"), Some(1.0), None),
        (Some("point"), Some(5.0), None),
        (Some("line"), Some(3.0), None),
        (Some("none"), None, None),
    ]);
    let out = answer(table(&[0], &ops), &batch);
    let of = |name: &str| floats(&out, name);
    assert_eq!(of("corr"), [Some(1.0), None, None]);
    assert_eq!((of("slope"), of("intercept")), (vec![Some(1.0), None, None], vec![Some(0.0), None, None]));
    assert_eq!((of("samp"), of("r2")), (vec![Some(2.0), None, None], vec![Some(1.0), None, None]));
    assert_eq!((of("skewness"), of("kurtosis")), (vec![Some(0.0), None, None], vec![Some(-2.0), None, None]));
}

#[test]
fn squares_past_the_greatest_number_are_nan_where_they_are_merged() {
    const X_X: &[usize] = &[1, 1];
    let of = |merged| {
        let single = Single::Null;
        let ops = [
            ("variance", GroupOp::Variance { sample: false, root: false, single, merged }, X, false),
            ("covariance", GroupOp::Pair { of: Pair::Covariance, merged }, X_X, false),
            ("kurtosis", GroupOp::Kurtosis { merged }, X, false),
        ];
        let batch = rows(&[(None, Some(1e200), None), (None, Some(1e200), None)]);
        let out = answer(table(&[], &ops), &batch);
        ["variance", "covariance", "kurtosis"].map(|name| floats(&out, name)[0])
    };
    assert_eq!(of(false), [Some(0.0), Some(0.0), None]);
    assert!(of(true).into_iter().all(|value| value.is_some_and(f64::is_nan)), "{:?}", of(true));
}

#[test]
fn without_keys_there_is_one_group_even_of_no_row() {
    let ops = [
        ("rows", GroupOp::Rows, &[][..], false),
        ("sum", GroupOp::Sum { overflow: Overflow::Wrap }, X, false),
        ("list", GroupOp::List, X, false),
    ];
    let out = answer(table(&[], &ops), &rows(&[]));
    assert_eq!((out.rows(), to_ints(&out, "rows"), floats(&out, "sum")), (1, vec![Some(0)], vec![None]));
    assert!(out.column("list").is_some_and(|list| list.is_valid(0)), "an empty list is no null");
    assert_eq!(answer(table(&[0], &ops), &rows(&[])).rows(), 0);
}

/// Sums by key of what a gate leaves, then a vector of the sum and the count, doubled sums, and a gate over the groups.
fn stages() -> Plan {
    let mut b = PlanBuilder::new();
    let k = b.input("k", Takes::One(Type::Text));
    let x = b.input("x", Takes::One(Type::F64));
    let n = b.input("n", Takes::One(Type::F64));
    let keep = b.node("where", Expr::call(Func::Lt, [Expr::f64(0.0), Expr::Input(0)]), &[x], "keep");
    b.node_many("where", RowsOp::Keep, &[keep], &[]);
    let half = b.node("half", Expr::call(Func::Mul, [Expr::Input(0), Expr::f64(0.5)]), &[x], "half");
    let mut behind = PlanBuilder::new();
    let inputs = ["k", "sum", "rows", "n"].map(|name| behind.input(name, Takes::One(Type::F64)));
    let ok = behind.node("having", Expr::call(Func::Lt, [Expr::Input(0), Expr::f64(100.0)]), &[inputs[1]], "ok");
    behind.node_many("having", RowsOp::Keep, &[ok], &[]);
    let assemble = VectorOp::Assemble { sizes: vec![None, None], invalid: Invalid::Error, form: Compressed::default() };
    let features = behind.node("features", assemble, &[inputs[1], inputs[2]], "features");
    behind.output("k", inputs[0]);
    behind.output("features", features);
    behind.output("sum", inputs[1]);
    behind.optional_output("n", inputs[3]);
    let sum = GroupOp::Sum { overflow: Overflow::Wrap };
    let aggregate = |op, inputs: &[SlotId]| Aggregation { op, inputs: inputs.to_vec(), distinct: false };
    let aggregates = vec![aggregate(sum, &[half]), aggregate(GroupOp::Rows, &[]), aggregate(sum, &[n])];
    b.group("groups", &[k], aggregates, behind.finish().expect("a plan"));
    b.finish().expect("a plan")
}

#[test]
fn what_follows_runs_on_the_groups() {
    let times = 1500;
    let keys: Vec<String> = (0..times).map(|i| format!("key {}", i % 700)).collect();
    let mut batch = Batch::new(times);
    batch.push("k", Column::Text(keys.iter().map(Some).collect::<Text>()));
    batch.push("x", f64s((0..times).map(|i| Some(if i % 700 == 3 { 900.0 } else { (i % 3) as f64 }))));
    let servable = servable(stages());
    let out = ask(&servable, &batch, OnFault::FailCall, None).expect("an answer");
    // What is 0 is dropped before the groups; the group of 900s behind them.
    let kept = |i: &usize| !i.is_multiple_of(3) && i % 700 != 3;
    let mut want: Vec<(usize, f64, f64)> = Vec::new();
    for i in (0..times).filter(kept) {
        let half = (i % 3) as f64 * 0.5;
        match want.iter_mut().find(|(key, ..)| *key == i % 700) {
            Some((_, sum, rows)) => (*sum, *rows) = (*sum + half, *rows + 1.0),
            None => want.push((i % 700, half, 1.0)),
        }
    }
    assert_eq!(out.rows(), want.len());
    assert_eq!(floats(&out, "sum"), want.iter().map(|w| Some(w.1)).collect::<Vec<_>>());
    let Some(Column::Vector(features)) = out.column("features") else { panic!("vectors") };
    want.iter().enumerate().for_each(|(row, (key, sum, rows))| {
        assert_eq!(features.row(row), model::column::Row::Dense(&[*sum, *rows]));
        assert_eq!(to_texts(&out, "k")[row].as_deref(), Some(&*format!("key {key}")));
    });
    assert!(out.column("n").is_none(), "its input is not there");
    let asked = ask(&servable, &batch, OnFault::FailCall, Some(&["sum"])).expect("an answer");
    assert_eq!((asked.values().len(), floats(&asked, "sum")), (1, floats(&out, "sum")));
    let marked = ask(&servable, &batch, OnFault::MarkRow, None).expect("an answer");
    // A group that is dropped is none of the request's rows: it leaves no place behind.
    assert_eq!((marked.rows(), mark(&marked, 0)), (want.len(), "live".to_owned()));
}

#[test]
fn a_signature_says_what_groups_are_made_of() {
    let plan = stages();
    let signature = plan.signature("default");
    assert!(signature.grouped);
    let inputs: Vec<_> = signature.inputs.iter().map(|i| (i.default, i.optional)).collect();
    assert_eq!(inputs, [(true, false), (true, false), (false, true)]);
    let outputs: Vec<_> = signature.outputs.iter().map(|o| (&*o.name, o.ty().to_string(), o.needs.clone())).collect();
    let name = |name, ty: &str, needs: &[u32]| (name, ty.to_owned(), needs.to_vec());
    assert_eq!(
        outputs,
        [
            name("k", "string", &[0, 1]),
            name("features", "vector[2]", &[0, 1]),
            name("sum", "float64", &[0, 1]),
            name("n", "float64", &[0, 1, 2]),
        ]
    );
    let text = plan.to_string();
    for line in ["\ngroups by k  # groups\n", "       rows = rows()\n", "\n    input  rows: int64\n"] {
        assert!(text.contains(line), "{line:?} in\n{text}");
    }
}

#[test]
fn a_refused_row_refuses_the_call() {
    let mut b = PlanBuilder::new();
    let x = b.input("x", Takes::One(Type::F64));
    let assemble = VectorOp::Assemble { sizes: vec![None], invalid: Invalid::Error, form: Compressed::default() };
    let vector = b.node("vector", assemble, &[x], "vector");
    let mut behind = PlanBuilder::new();
    let count = behind.input("count", Takes::One(Type::I64));
    behind.output("count", count);
    let aggregate = Aggregation { op: GroupOp::Count, inputs: vec![vector], distinct: false };
    b.group("groups", &[], vec![aggregate], behind.finish().expect("a plan"));
    let servable = servable(b.finish().expect("a plan"));
    let mut batch = Batch::new(3000);
    batch.push("x", f64s((0..3000).map(|i| (i != 2500 && i != 2900).then_some(1.0))));
    for on_fault in [OnFault::FailCall, OnFault::MarkRow] {
        let refused = ask(&servable, &batch, on_fault, None).expect_err("null in a vector");
        assert!(matches!(&refused, PredictError::Refused { fault, refused: 2 } if fault.row == 2500), "{refused}");
    }
}

#[test]
fn groups_may_be_grouped() {
    let plan = grouped(&[0], &[("count", GroupOp::Rows, &[], false)], |b, slots| {
        let mut behind = PlanBuilder::new();
        let inputs = ["count", "keys"].map(|name| behind.input(name, Takes::One(Type::I64)));
        behind.output("count", inputs[0]);
        behind.output("keys", inputs[1]);
        let keys = Aggregation { op: GroupOp::Count, inputs: vec![slots[0]], distinct: false };
        b.group("again", &[slots[1]], vec![keys], behind.finish().expect("a plan"));
    });
    let batch = rows(&["a", "b", "a", "c", "c", "d"].map(|k| (Some(k), None, None)));
    let out = answer(plan, &batch);
    assert_eq!((to_ints(&out, "count"), to_ints(&out, "keys")), (vec![Some(2), Some(1)], vec![Some(2), Some(2)]));
}

#[test]
fn what_does_not_fit_is_refused_when_it_is_made() {
    let over_whole = {
        let mut b = PlanBuilder::new();
        let whole = b.whole_input("w", Takes::One(Type::F64));
        let mut behind = PlanBuilder::new();
        let key = behind.input("w", Takes::One(Type::F64));
        behind.output("w", key);
        b.group("groups", &[whole], Vec::new(), behind.finish().expect("a plan"));
        Servable::new(&plan::Model::single(b.finish().expect("a plan"), plan::Provenance::default())).err()
    };
    assert!(over_whole.is_some_and(|error| error.to_string().contains("group takes columns")));
    let mut b = PlanBuilder::new();
    let x = b.input("x", Takes::One(Type::Text));
    b.output("x", x);
    b.group("groups", &[x], Vec::new(), Plan::default());
    assert!(b.finish().is_err(), "outputs beside groups, and a plan that takes no key");
    let texts = table(&[], &[("mean", GroupOp::Mean, &[0], false)]);
    let error = Servable::new(&plan::Model::single(texts, plan::Provenance::default())).err();
    assert!(error.is_some_and(|error| error.to_string().contains("mean takes one column of numbers, got string")));
}

#[test]
fn decimals_are_added_up_exactly() {
    let ty = |precision, scale| Type::scalar(model::DType::Decimal(precision, scale));
    let plan = |ops: &[GroupOp]| {
        let mut b = PlanBuilder::new();
        let x = b.input("x", Takes::One(ty(5, 2)));
        let mut behind = PlanBuilder::new();
        for (at, _) in ops.iter().enumerate() {
            let name = format!("{at}");
            let slot = behind.input(&name, Takes::One(Type::F64));
            behind.output(&name, slot);
        }
        let aggregates = ops.iter().map(|&op| Aggregation { op, inputs: vec![x], distinct: false });
        b.group("groups", &[], aggregates.collect(), behind.finish().expect("a plan"));
        b.finish().expect("a plan")
    };
    let batch = |precision, scale, rows: &[Option<i128>]| {
        let mut builder = Builder::new(&ty(precision, scale));
        rows.iter().for_each(|row| match row {
            Some(value) => builder.push_fixed(*value),
            None => builder.push_null(),
        });
        let mut batch = Batch::new(rows.len());
        batch.push("x", builder.finish());
        batch
    };
    let of = |out: &Batch, name: &str| {
        let Some(Column::Fixed(fixed)) = out.column(name) else { panic!("a column of numbers") };
        (fixed.dtype(), fixed.is_valid(0).then(|| fixed.values::<i128>()[0]))
    };
    let sum = |overflow| GroupOp::Sum { overflow };
    let ops = [sum(Overflow::Wrap), GroupOp::Mean, GroupOp::Min, GroupOp::Max];
    let got = |batch: &Batch| {
        let out = answer(plan(&ops), batch);
        ["0", "1", "2", "3"].map(|name| of(&out, name).1)
    };
    // -1.00, 0.01, 0.01, and null: -0.98 / 3 = -0.326666...
    let rows = batch(5, 2, &[Some(-100), Some(1), None, Some(1)]);
    assert_eq!(got(&rows), [Some(-98), Some(-326_667), Some(-100), Some(1)]);
    let out = answer(plan(&ops), &rows);
    assert_eq!([of(&out, "0").0, of(&out, "1").0].map(|d| d.to_string()), ["decimal(15,2)", "decimal(9,6)"]);
    assert_eq!(got(&batch(5, 2, &[None])), [None; 4]);
    let large = 10i128.pow(38) - 1;
    let rows = batch(38, 2, &[Some(large), Some(1), Some(-5)]);
    assert_eq!(got(&rows), [None, None, Some(-5), Some(large)], "too many digits on the way are too many");
    let refused = ask(&servable(plan(&[sum(Overflow::Refuse)])), &rows, OnFault::MarkRow, None).expect_err("too many");
    assert_eq!(
        refused.to_string(),
        "row 1: column `x`: expected a sum that its decimal type holds, got \"0.01\" (groups)"
    );
    assert_eq!(got(&batch(38, 36, &[Some(-1), Some(0)]))[1], Some(-50));
    assert_eq!(got(&batch(38, 38, &[Some(-1), Some(0)]))[1], Some(-1), "a half is rounded away from zero");
}
