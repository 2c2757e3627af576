//! Rows that a gate drops: whatever is asked for, from its place in the plan on.

use std::sync::Arc;

use engine::Servable;
use model::{Batch, Call, OnFault, PredictError, Predictor, Takes, Type};
use plan::{Arm, ControlOp, EncodeOp, Expr, Func, Invalid, Plan, PlanBuilder, RowsOp, SlotId};

use crate::ways::{check_all_ways, f64s, mark, servable, to_f64s};

fn positive(b: &mut PlanBuilder, slot: SlotId) {
    let test = b.node("where", Expr::call(Func::Lt, [Expr::f64(0.0), Expr::Input(0)]), &[slot], "is positive");
    b.node_many("where", RowsOp::Keep, &[test], &[]);
}

fn bucket(splits: &[f64]) -> EncodeOp {
    EncodeOp::Bucket { splits: splits.into(), invalid: Invalid::Error }
}

/// Buckets `x`, drops rows whose `y` is not above 0, then buckets `y`, which is below 10.
fn bucket_gate_bucket() -> Plan {
    let mut b = PlanBuilder::new();
    let x = b.input("x", Takes::One(Type::F64));
    let y = b.input("y", Takes::One(Type::F64));
    let before = b.node("before", bucket(&[0.0, 1.0, 2.0]), &[x], "before");
    positive(&mut b, y);
    let after = b.node("after", bucket(&[0.0, 1.0, 10.0]), &[y], "after");
    b.output("x", x);
    b.output("before", before);
    b.output("after", after);
    b.finish().expect("a plan")
}

fn batch(columns: &[(&str, &[Option<f64>])]) -> Batch {
    let mut batch = Batch::new(columns[0].1.len());
    for (name, rows) in columns {
        batch.push(*name, f64s(rows.iter().copied()));
    }
    batch
}

fn ask(servable: &Servable, batch: &Batch, outputs: Option<&[&str]>) -> Result<Batch, PredictError> {
    let outputs = outputs.map(|names| names.iter().map(|n| (*n).into()).collect());
    let call = Call { outputs, on_fault: OnFault::FailCall, ..Call::new(batch.clone()) };
    servable.call(call).now().map_err(|_| ()).expect("compiled plans answer at once")
}

#[test]
fn nodes_behind_a_gate_do_not_see_what_it_drops() {
    // Row 1: null. Row 2: `after` would refuse -5. Row 3: `before` would refuse 9, and the gate, which does
    // not depend on it, comes first. Row 4: refused behind the gate.
    let x = [Some(0.5), Some(0.5), Some(1.5), Some(9.0), Some(1.5), Some(0.5)];
    let y = [Some(0.5), None, Some(-5.0), Some(-5.0), Some(11.0), Some(5.0)];
    let times = 400;
    let (x, y) = (x.iter().copied().cycle().take(6 * times), y.iter().copied().cycle().take(6 * times));
    let mut all = Batch::new(6 * times);
    all.push("x", f64s(x));
    all.push("y", f64s(y));
    let out = check_all_ways(bucket_gate_bucket(), &all);
    let marks: Vec<String> = (0..6).map(|row| mark(&out, row)).collect();
    assert_eq!([0, 1, 2, 3, 5].map(|row| &*marks[row]), ["live", "skipped", "skipped", "skipped", "live"]);
    assert!(marks[4].contains("column `y`"), "{marks:?}");
    assert_eq!(to_f64s(out.column("after").expect("an output"))[..6], [Some(0.0), None, None, None, None, Some(1.0)]);
}

#[test]
fn what_is_pinned_sees_rows_that_a_gate_behind_it_drops() {
    let mut b = PlanBuilder::new();
    let [x, y, z] = ["x", "y", "z"].map(|name| b.input(name, Takes::One(Type::F64)));
    positive(&mut b, z);
    let free = b.node("free", bucket(&[0.0, 1.0, 2.0]), &[y], "free");
    let pinned = b.node("pinned", bucket(&[0.0, 1.0, 2.0]), &[x], "pinned");
    b.pin(pinned);
    positive(&mut b, y);
    b.output("free", free);
    b.output("pinned", pinned);
    let plan = b.finish().expect("a plan");
    // Refused by `pinned`: 9 and, though a gate behind it drops the row, -9; but not where one before it does.
    let x = [0.5, 9.0, -9.0, -9.0, 0.5, 0.5].map(Some);
    let y = [0.5, 0.5, -1.0, 0.5, -1.0, 9.0].map(Some);
    let z = [1.0, 1.0, 1.0, -1.0, 1.0, 1.0].map(Some);
    let out = check_all_ways(plan, &batch(&[("x", &x), ("y", &y), ("z", &z)]));
    let marks: Vec<String> = (0..6).map(|row| mark(&out, row)).collect();
    assert_eq!([0, 3, 4].map(|row| &*marks[row]), ["live", "skipped", "skipped"]);
    assert!(marks[1].contains("column `x`") && marks[2].contains("column `x`"), "{marks:?}");
    assert!(marks[5].contains("column `y`"), "{marks:?}");
}

#[test]
fn a_gate_drops_rows_whatever_is_asked() {
    let plan = bucket_gate_bucket();
    let signature = plan.signature("default");
    assert!(signature.outputs.iter().all(|o| o.needs.contains(&1)), "each output needs what the gate reads");
    let servable = servable(plan);
    let rows = batch(&[("x", &[Some(0.5), Some(1.5), Some(1.0)]), ("y", &[Some(1.0), Some(0.0), Some(2.0)])]);
    for (outputs, kept) in [(&["before"], [Some(0.0), Some(1.0)]), (&["x"], [Some(0.5), Some(1.0)])] {
        let out = ask(&servable, &rows, Some(outputs)).expect("an answer");
        assert_eq!(to_f64s(out.column(outputs[0]).expect("an output")), kept);
    }
    let without = batch(&[("x", &[Some(0.5)])]);
    let missing = ask(&servable, &without, Some(&["before"])).expect_err("the gate's input is not there");
    assert!(missing.to_string().contains("column `y`"), "{missing}");
}

#[test]
fn a_gate_over_what_may_be_left_out_runs_where_it_is_brought() {
    let mut b = PlanBuilder::new();
    let x = b.input("x", Takes::One(Type::F64));
    let label = b.input("label", Takes::One(Type::F64));
    positive(&mut b, label);
    b.output("x", x);
    b.optional_output("label", label);
    let plan = b.finish().expect("a plan");
    let signature = plan.signature("default");
    let label = &signature.inputs[1];
    assert!((label.default, label.optional, label.gates) == (false, true, true));
    assert!(!signature.inputs[0].gates && signature.outputs[0].needs == [0]);
    let brought =
        |fields: Vec<model::Field>| fields.iter().map(|f| (f.name.to_string(), f.default)).collect::<Vec<_>>();
    let both = vec![("x".to_owned(), true), ("label".to_owned(), false)];
    assert_eq!(brought(signature.fields(Some(&["x".into()]))), both, "a border reads the label though only x is asked");

    let servable = servable(plan);
    let with = batch(&[("x", &[Some(1.0), Some(2.0)]), ("label", &[Some(0.0), Some(1.0)])]);
    let without = batch(&[("x", &[Some(1.0), Some(2.0)])]);
    // In turns: a program compiled for one is no program for the other.
    for _ in 0..2 {
        for outputs in [None, Some(&["x"][..])] {
            let x = |batch| to_f64s(ask(&servable, batch, outputs).expect("an answer").column("x").expect("an output"));
            assert_eq!(x(&without), [Some(1.0), Some(2.0)]);
            assert_eq!(x(&with), [Some(2.0)]);
        }
    }
}

/// Buckets of `x`, and of a label that only optional outputs are computed from; both drop what is null.
#[test]
fn a_step_that_drops_rows_does_so_whatever_is_asked() {
    let skip = EncodeOp::Bucket { splits: [0.0, 1.0, 2.0].into(), invalid: Invalid::Skip };
    let mut b = PlanBuilder::new();
    let x = b.input("x", Takes::One(Type::F64));
    let y = b.input("y", Takes::One(Type::F64));
    let label = b.input("label", Takes::One(Type::F64));
    let bucket = b.node("bucket", skip.clone(), &[x], "bucket");
    let label = b.node("label bucket", skip, &[label], "label_bucket");
    b.output("y", y);
    b.output("bucket", bucket);
    b.optional_output("label_bucket", label);
    let mut plan = b.finish().expect("a plan");
    let batch = |label: bool| {
        let mut columns: Vec<(&str, &[Option<f64>])> =
            vec![("x", &[Some(0.5), None, Some(1.5)]), ("y", &[Some(1.0), Some(2.0), Some(3.0)])];
        let labels = [None, Some(0.0), Some(1.0)];
        columns.extend(label.then_some(("label", &labels[..])));
        batch(&columns)
    };
    // As it is, and with outputs of the user's own choice, of which the label is none.
    for _ in 0..2 {
        let servable = servable(plan.clone());
        let y = |label: bool, outputs| {
            let out = ask(&servable, &batch(label), outputs).expect("an answer");
            to_f64s(out.column("y").expect("an output"))
        };
        for outputs in [None, Some(&["y"][..])] {
            assert_eq!(y(false, outputs), [Some(1.0), Some(3.0)]);
            assert_eq!(y(true, outputs), [Some(3.0)]);
        }
        plan.outputs.iter_mut().for_each(|o| (o.default, o.optional) = (&*o.name == "y", false));
    }
}

#[test]
fn what_only_a_gate_reads_must_be_there() {
    let mut b = PlanBuilder::new();
    let x = b.input("x", Takes::One(Type::F64));
    let y = b.input("y", Takes::One(Type::F64));
    positive(&mut b, y);
    b.output("x", x);
    let plan = b.finish().expect("a plan");
    assert!(plan.signature("default").inputs[1].default);
    assert!(plan.to_string().contains("\n       keep(is positive)  # where\n"), "{plan}");
}

#[test]
fn a_gate_in_a_branch_drops_the_rows_of_its_arm() {
    let arm = |func: Func, gate: bool| {
        let mut b = PlanBuilder::new();
        let x = b.input("x", Takes::One(Type::F64));
        if gate {
            positive(&mut b, x);
        }
        let out = b.node("arm", Expr::call(func, [Expr::Input(0), Expr::f64(7.0)]), &[x], "out");
        b.output("out", out);
        Arc::new(b.finish().expect("a plan"))
    };
    let mut b = PlanBuilder::new();
    let x = b.input("x", Takes::One(Type::F64));
    let arms = vec![Arm { test: arm(Func::Lt, false), body: arm(Func::Mul, true) }];
    let op = ControlOp::Branch { arms, otherwise: Some(arm(Func::Add, false)) };
    let out = b.node("branch", op, &[x], "out");
    b.output("out", out);
    let rows = batch(&[("x", &[Some(1.0), Some(-1.0), Some(8.0), None])]);
    let out = check_all_ways(b.finish().expect("a plan"), &rows);
    assert_eq!((0..4).map(|row| mark(&out, row)).collect::<Vec<_>>(), ["live", "skipped", "live", "live"]);
    assert_eq!(to_f64s(out.column("out").expect("an output")), [Some(7.0), None, Some(15.0), None]);
}
