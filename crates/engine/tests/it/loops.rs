//! ONNX control flow on whole values: a `Loop` with a scalar input and inputs of unequal first dimension, beside rows; `If`
//! and `Scan`.

use std::sync::Arc;

use model::{Batch, Call, Column, Kind, Takes, Tensor, Type, Value, Whole};
use plan::{
    ControlOp, Expr, Func, Plan, PlanBuilder, SlotId, ValueType,
    tensor::{Binary, ElementOp, Fold, IndexOp, ReduceOp, Unary},
};

use crate::ways::{check_all_ways, f64s, predict, program, to_f64s};

fn input_whole(b: &mut PlanBuilder, name: &str, ty: Type) -> plan::SlotId {
    b.whole_input(name, Takes::One(ty))
}

fn constant(b: &mut PlanBuilder, value: f64) -> SlotId {
    b.node("constant", Whole::Tensor(Tensor::scalar(value)), &[], "constant")
}

/// Carries `sum` and stacks each step's term: sum += table[order[step]] * factor, while sum < 100.
fn body() -> Arc<Plan> {
    let mut b = PlanBuilder::new();
    let step = input_whole(&mut b, "step", Type::I64);
    let condition = input_whole(&mut b, "condition", Type::BOOL);
    let sum = input_whole(&mut b, "sum", Type::F64);
    let table = input_whole(&mut b, "table", Type::F64);
    let order = input_whole(&mut b, "order", Type::I64);
    let factor = input_whole(&mut b, "factor", Type::F64);
    let gather = IndexOp::Gather { axis: 0, batch: 0, from_end: true };
    let place = b.node("place", gather.clone(), &[order, step], "place");
    let entry = b.node("entry", gather, &[table, place], "entry");
    let term = b.node("term", ElementOp::Binary(Binary::Mul), &[entry, factor], "term");
    let next = b.node("next", ElementOp::Binary(Binary::Add), &[sum, term], "next");
    let most = constant(&mut b, 100.0);
    let below = b.node("below", ElementOp::Binary(Binary::Less), &[next, most], "below");
    let go_on = b.node("go on", ElementOp::Binary(Binary::And), &[below, condition], "go_on");
    b.output("go_on", go_on);
    b.output("sum", next);
    b.output("terms", term);
    Arc::new(b.finish().expect("a plan"))
}

fn looped(steps_max: u64) -> Plan {
    let mut b = PlanBuilder::new();
    let x = b.input("x", Takes::One(Type::F64));
    let trips = input_whole(&mut b, "trips", Type::I64);
    let table = input_whole(&mut b, "table", Type::F64);
    let order = input_whole(&mut b, "order", Type::I64);
    let factor = input_whole(&mut b, "factor", Type::F64);
    let condition = b.node("true", ElementOp::Binary(Binary::Equal), &[trips, trips], "true");
    let zero = b.node("zero", ElementOp::Binary(Binary::Sub), &[factor, factor], "zero");
    let op = ControlOp::Loop { body: body(), carried: 1, steps_max };
    let outs = b.node_many("loop", op, &[trips, condition, zero, table, order, factor], &["sum", "terms"]);
    let largest = ReduceOp::Reduce { fold: Fold::Max, axes: None, keep: false, none_is_none: false };
    let largest = b.node("largest", largest, &[outs[1]], "largest");
    let y = b.node("rows", Expr::call(Func::Neg, [Expr::Input(0)]), &[x], "y");
    b.output("y", y);
    b.output("sum", outs[0]);
    b.output("terms", outs[1]);
    b.output("largest", largest);
    b.finish().expect("a plan")
}

fn whole_f64(shape: &[usize], values: &[f64]) -> Whole {
    Whole::Tensor(Tensor::new(shape, values.to_vec()).expect("as many elements as the shape says"))
}

fn whole_i64(shape: &[usize], values: &[i64]) -> Whole {
    Whole::Tensor(Tensor::new(shape, values.to_vec()).expect("as many elements as the shape says"))
}

fn batch(trips: i64, rows: usize) -> Batch {
    let mut batch = Batch::new(rows);
    batch.push("x", f64s((0..rows).map(|i| Some(i as f64))));
    batch.push_whole("trips", whole_i64(&[], &[trips]));
    batch.push_whole("table", whole_f64(&[5], &[1.0, 10.0, 50.0, 0.5, 7.0]));
    batch.push_whole("order", whole_i64(&[3], &[4, -2, 2]));
    batch.push_whole("factor", whole_f64(&[], &[2.0]));
    batch
}

fn floats(batch: &Batch, name: &str) -> (Vec<usize>, Vec<f64>) {
    let Some(Value::Whole(Whole::Tensor(tensor))) = batch.value(name) else { panic!("a whole tensor") };
    (tensor.shape().to_vec(), tensor.get::<f64>().expect("float64").to_vec())
}

#[test]
fn a_loop_carries_and_stacks_whole_values() {
    let out = check_all_ways(looped(1000), &batch(3, 700));
    assert_eq!(floats(&out, "sum"), (vec![], vec![14.0 + 1.0 + 100.0]));
    assert_eq!(floats(&out, "terms"), (vec![3], vec![14.0, 1.0, 100.0]));
    assert_eq!(floats(&out, "largest"), (vec![], vec![100.0]));
    assert_eq!(to_f64s(out.column("y").expect("an output"))[3], Some(-3.0));
}

#[test]
fn a_loop_ends_by_its_trips_and_by_its_condition() {
    let two = check_all_ways(looped(1000), &batch(2, 3));
    assert_eq!(floats(&two, "terms"), (vec![2], vec![14.0, 1.0]));
    let all = batch(1000, 1);
    // The fourth step would read past `order`: the condition ends the loop before.
    assert_eq!(floats(&check_all_ways(looped(1000), &all), "terms").0, [3]);
}

#[test]
fn a_loop_over_its_budget_is_refused_by_name() {
    let plan = looped(2);
    let types: Vec<ValueType> = plan.first_types().into_iter().flatten().collect();
    let error = predict(&program(&plan, &types), &batch(3, 1)).expect_err("three steps, budget two");
    assert_eq!(error.kind(), Kind::TooLarge);
    assert!(error.to_string().contains("steps_max"), "{error}");
}

#[test]
fn a_loop_asks_whether_to_go_on() {
    let servable = crate::ways::servable(looped(1000));
    let call = Call { batch: batch(3, 1), cancel: model::Cancel::new(), ..Call::default() };
    call.cancel.cancel();
    let model::Reply::Now(answer) = model::Predictor::call(&servable, call) else { panic!() };
    assert_eq!(answer.map(|_| ()).map_err(|e| e.kind()), Err(Kind::Cancelled));
}

#[test]
fn rows_with_whole_inputs_are_cut_but_not_joined() {
    let plan = looped(1000);
    let types: Vec<ValueType> = plan.first_types().into_iter().flatten().collect();
    let program = program(&plan, &types);
    assert_eq!(program.separable(), Ok(()));
    assert!(!program.is_joinable());
}

#[test]
fn scan_and_if_work_on_whole_values() {
    let step = {
        let mut b = PlanBuilder::new();
        let sum = input_whole(&mut b, "sum", Type::F64);
        let x = input_whole(&mut b, "x", Type::F64);
        let next = b.node("add", ElementOp::Binary(Binary::Add), &[sum, x], "next");
        b.output("sum", next);
        b.output("running", next);
        Arc::new(b.finish().expect("a plan"))
    };
    let pass = |op: Unary| {
        let mut b = PlanBuilder::new();
        let x = input_whole(&mut b, "x", Type::F64);
        let y = b.node("y", ElementOp::Unary(op), &[x], "y");
        b.output("y", y);
        Arc::new(b.finish().expect("a plan"))
    };
    let mut b = PlanBuilder::new();
    let start = input_whole(&mut b, "start", Type::F64);
    let xs = input_whole(&mut b, "xs", Type::F64);
    let zero = constant(&mut b, 0.0);
    let big = b.node("big", ElementOp::Binary(Binary::LessEqual), &[zero, start], "big");
    let op = ControlOp::Scan { body: step, carried: 1, steps_max: 100 };
    let outs = b.node_many("scan", op, &[start, xs], &["last", "running"]);
    let neg = pass(Unary::Neg);
    let same = pass(Unary::Abs);
    let chosen = b.node("if", ControlOp::If { then: neg, otherwise: same }, &[big, outs[0]], "chosen");
    b.output("last", outs[0]);
    b.output("running", outs[1]);
    b.output("chosen", chosen);
    let plan = b.finish().expect("a plan");
    let check = |start: f64, chosen: f64| {
        let mut batch = Batch::new(0);
        batch.push_whole("start", whole_f64(&[], &[start]));
        batch.push_whole("xs", whole_f64(&[3, 2], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]));
        let out = check_all_ways(plan.clone(), &batch);
        assert_eq!(floats(&out, "running").0, [3, 2]);
        assert_eq!(floats(&out, "last").1, [9.0 + start, 12.0 + start]);
        assert_eq!(floats(&out, "chosen").1[0], chosen);
    };
    check(1.0, -10.0);
    check(-1.0, 8.0);
}

/// One of two plans over columns of rows.
#[test]
fn if_gives_columns_too() {
    let arm = |func: Func| {
        let mut b = PlanBuilder::new();
        let x = b.input("x", Takes::One(Type::F64));
        let words = b.input("words", Takes::One(Type::Text));
        let y = b.node("y", Expr::call(func, [Expr::Input(0), Expr::f64(3.0)]), &[x], "y");
        b.output("y", y);
        b.output("words", words);
        b.output("x", x);
        Arc::new(b.finish().expect("a plan"))
    };
    let mut b = PlanBuilder::new();
    let flag = input_whole(&mut b, "flag", Type::F64);
    let x = b.input("x", Takes::One(Type::F64));
    let words = b.input("words", Takes::One(Type::Text));
    let zero = constant(&mut b, 0.0);
    let positive = b.node("positive", ElementOp::Binary(Binary::LessEqual), &[zero, flag], "positive");
    let op = ControlOp::If { then: arm(Func::Add), otherwise: arm(Func::Mul) };
    let outs = b.node_many("if", op, &[positive, x, words], &["y", "words2", "x2"]);
    for (name, slot) in ["y", "words2", "x2"].into_iter().zip(outs) {
        b.output(name, slot);
    }
    let plan = b.finish().expect("a plan");
    for (flag, y) in [(1.0, [Some(8.0), None, Some(4.0)]), (-1.0, [Some(15.0), None, Some(3.0)])] {
        let mut batch = Batch::new(3);
        batch.push("x", f64s([Some(5.0), None, Some(1.0)]));
        batch.push("words", Column::Text([Some("a"), Some("bc"), None].into_iter().collect()));
        batch.push_whole("flag", whole_f64(&[], &[flag]));
        let out = check_all_ways(plan.clone(), &batch);
        assert_eq!(to_f64s(out.column("y").expect("an output")), y);
        assert!(out.column("words2") == batch.column("words") && out.column("x2") == batch.column("x"));
    }
}

/// What a called plan hands through is one value under two names: neither's last reader frees it for the other.
#[test]
fn what_a_call_hands_through_stays_where_it_is() {
    let body = {
        let mut b = PlanBuilder::new();
        let p = b.input("p", Takes::One(Type::F64));
        let double = b.node("double", Expr::call(Func::Add, [Expr::Input(0), Expr::Input(0)]), &[p], "double");
        b.output("same", p);
        b.output("double", double);
        b.output("twice", double);
        Arc::new(b.finish().expect("a plan"))
    };
    let add = |with: f64| Expr::call(Func::Add, [Expr::Input(0), Expr::f64(with)]);
    let mut b = PlanBuilder::new();
    let x = b.input("x", Takes::One(Type::F64));
    let a = b.node("a", add(1.0), &[x], "a");
    let outs = b.node_many("call", ControlOp::Call { body }, &[a], &["same", "double", "twice"]);
    let first = b.node("first", add(10.0), &[outs[0]], "first");
    let second = b.node("second", add(20.0), &[outs[1]], "second");
    let between = b.node("between", add(100.0), &[x], "between");
    let another = b.node("another", add(200.0), &[x], "another");
    let sum = Expr::call(Func::Add, [Expr::Input(0), Expr::Input(1)]);
    let last = b.node("last", sum.clone(), &[a, between], "last");
    let twice = b.node("twice", sum, &[outs[2], another], "twice too");
    for (name, slot) in [("first", first), ("second", second), ("last", last), ("twice", twice)] {
        b.output(name, slot);
    }
    let mut batch = Batch::new(1);
    batch.push("x", f64s([Some(5.0)]));
    let out = check_all_ways(b.finish().expect("a plan"), &batch);
    let of = |name: &str| to_f64s(out.column(name).expect("an output"))[0];
    assert_eq!(
        [of("first"), of("second"), of("last"), of("twice")],
        [Some(16.0), Some(32.0), Some(111.0), Some(217.0)]
    );
}

#[test]
fn a_whole_value_of_another_type_is_another_program() {
    let mut b = PlanBuilder::new();
    let w = b.whole_input("w", Takes::From(vec![Type::F64, Type::I64]));
    let negated = b.node("neg", ElementOp::Unary(Unary::Neg), &[w], "negated");
    b.output("negated", negated);
    let servable = crate::ways::servable(b.finish().expect("a plan"));
    let of = |whole: Whole| {
        let mut batch = Batch::new(0);
        batch.push_whole("w", whole);
        let out = crate::ways::answer(&servable, &batch);
        out.whole("negated").cloned().expect("an output")
    };
    assert_eq!(of(whole_f64(&[], &[2.5])), Whole::Tensor(Tensor::scalar(-2.5)));
    assert_eq!(of(Whole::Tensor(Tensor::scalar(3i64))), Whole::Tensor(Tensor::scalar(-3i64)));
}
