//! A PMML MiningModel with `selectFirst`: the first segment whose predicate is true answers; rows that no segment takes
//! have a missing result. Branches under masks.

use std::sync::Arc;

use model::{Batch, Column, Takes, Type};
use plan::{Arm, Compressed, ControlOp, Expr, Func, LinearOp, Plan, PlanBuilder, VectorOp, Weights};

use crate::ways::{check_all_ways, f64s, mark, to_f64s};

fn compare(func: Func, input: u32, with: f64) -> Expr {
    Expr::call(func, [Expr::Input(input), Expr::f64(with)])
}

fn test(expr: Expr) -> Arc<Plan> {
    let mut b = PlanBuilder::new();
    let age = b.input("age", Takes::One(Type::F64));
    let income = b.input("income", Takes::One(Type::F64));
    let out = b.node("predicate", expr, &[age, income], "matches");
    b.output("matches", out);
    Arc::new(b.finish().expect("a plan"))
}

/// A segment that computes `expr` of age and income.
fn regression(expr: Expr) -> Arc<Plan> {
    let mut b = PlanBuilder::new();
    let age = b.input("age", Takes::One(Type::F64));
    let income = b.input("income", Takes::One(Type::F64));
    let y = b.node("regression", expr, &[age, income], "y");
    b.output("y", y);
    b.output("copy", age);
    Arc::new(b.finish().expect("a plan"))
}

/// A segment through vectors, which refuses rows whose income is missing.
fn vector_segment() -> Arc<Plan> {
    let mut b = PlanBuilder::new();
    let age = b.input("age", Takes::One(Type::F64));
    let income = b.input("income", Takes::One(Type::F64));
    let assemble =
        VectorOp::Assemble { sizes: vec![None, None], invalid: plan::Invalid::Error, form: Compressed::default() };
    let features = b.node("features", assemble, &[age, income], "features");
    let weights = Weights::Dense { columns: 2, values: Arc::from([1.0, 0.001]) };
    let y = b.node("linear", LinearOp::Dot { weights, intercept: 0.5 }, &[features], "y");
    b.output("y", y);
    b.output("copy", age);
    Arc::new(b.finish().expect("a plan"))
}

fn select_first() -> Plan {
    let mut b = PlanBuilder::new();
    let age = b.input("age", Takes::One(Type::F64));
    let income = b.input("income", Takes::One(Type::F64));
    // Nested: the second segment is itself a mining model of two segments.
    let inner = {
        let mut b = PlanBuilder::new();
        let age = b.input("age", Takes::One(Type::F64));
        let income = b.input("income", Takes::One(Type::F64));
        let rich = Arm { test: test(compare(Func::Le, 1, 1000.0)), body: regression(Expr::f64(-1.0)) };
        let branch = ControlOp::Branch { arms: vec![rich], otherwise: Some(vector_segment()) };
        let outs = b.node_many("inner", branch, &[age, income], &["y", "copy"]);
        b.output("y", outs[0]);
        b.output("copy", outs[1]);
        Arc::new(b.finish().expect("a plan"))
    };
    let young = Arm {
        test: test(compare(Func::Lt, 0, 18.0)),
        body: regression(Expr::call(Func::Mul, [Expr::Input(0), Expr::f64(2.0)])),
    };
    let grown = Arm { test: test(compare(Func::Lt, 0, 65.0)), body: inner };
    let branch = ControlOp::Branch { arms: vec![young, grown], otherwise: None };
    let outs = b.node_many("mining model", branch, &[age, income], &["y", "copy"]);
    let doubled = Expr::call(Func::Add, [Expr::Input(0), Expr::Input(0)]);
    let twice = b.node("target", doubled, &[outs[0]], "twice");
    b.output("y", outs[0]);
    b.output("copy", outs[1]);
    b.output("twice", twice);
    b.finish().expect("a plan")
}

#[test]
fn the_first_segment_that_matches_answers() {
    let ages = [Some(10.0), Some(30.0), Some(30.0), Some(70.0), None, Some(17.5), Some(64.0), Some(30.0)];
    let incomes = [Some(0.0), Some(500.0), Some(2000.0), Some(1.0), Some(1.0), None, None, Some(f64::NAN)];
    let times = 200;
    let mut batch = Batch::new(ages.len() * times);
    batch.push("age", f64s(ages.iter().copied().cycle().take(ages.len() * times)));
    batch.push("income", f64s(incomes.iter().copied().cycle().take(ages.len() * times)));
    let out = check_all_ways(select_first(), &batch);
    let y = to_f64s(out.column("y").expect("an output"));
    assert_eq!(y[..6], [Some(20.0), Some(-1.0), Some(32.5), None, None, Some(35.0)]);
    assert_eq!(to_f64s(out.column("twice").expect("an output"))[..4], [Some(40.0), Some(-2.0), Some(65.0), None]);
    assert_eq!(to_f64s(out.column("copy").expect("an output"))[..4], [Some(10.0), Some(30.0), Some(30.0), None]);
    assert_eq!(mark(&out, 0), "live");
    // Only the rows that reach the segment through vectors are refused by it.
    for row in [6, 7] {
        assert!(mark(&out, row).contains("column `income`"), "{}", mark(&out, row));
    }
    assert!(matches!(out.column("y"), Some(Column::Fixed(_))));
}
