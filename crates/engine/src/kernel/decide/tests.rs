//! Each strategy on the tree of golf of the standard's page on trees, rules and points by hand.

use std::sync::Arc;

use model::{Column, column::Row};
use plan::op::decide::*;

use crate::kernel::tests::{assert_row, numbers, run};

fn number(column: &Column, row: usize) -> Option<f64> {
    let Column::Fixed(fixed) = column else { panic!("a column of numbers") };
    column.is_valid(row).then(|| fixed.values::<f64>()[row])
}

fn column(column: &Column) -> Vec<Option<f64>> {
    (0..column.len()).map(|row| number(column, row)).collect()
}

/// Runs one test as the predicate of a tree's root: what is not true has no answer; its negation is asked too.
fn truth(build: impl Fn(&mut Tests) -> u32, rows: &[Option<f64>]) -> Vec<Option<bool>> {
    let ask = |wanted: bool| {
        let mut tests = Tests::default();
        let test = build(&mut tests);
        let known = tests.push(Test::Known(true));
        // Odd with a known operand negates, and keeps what is unknown.
        let test = if wanted { test } else { tests.join(Join::Odd, &[test, known]) };
        let mut tree = tree(tests, vec![leaf(test)], OnUnknown::Pass);
        tree.scores = vec![1.0];
        column(&run(DecideOp::Tree { tree: Arc::new(tree), parts: vec![TreePart::Score] }, &[numbers(rows)]).outputs[0])
    };
    let (yes, no) = (ask(true), ask(false));
    yes.into_iter().zip(no).map(|(yes, no)| yes.map(|_| true).or(no.map(|_| false))).collect()
}

fn leaf(test: u32) -> TreeNode {
    TreeNode { test, first: 0, count: 0, default: NONE, scored: true, refuses: false, row: NONE }
}

fn tree(tests: Tests, nodes: Vec<TreeNode>, on_unknown: OnUnknown) -> Tree {
    Tree {
        tests,
        scores: (0..nodes.len()).map(|i| i as f64).collect(),
        nodes,
        on_unknown,
        no_true_child: NoTrueChild::Null,
        penalty: 1.0,
        width: 0,
        probabilities: Vec::new(),
        confidences: Vec::new(),
        counts: Vec::new(),
        records: Vec::new(),
        single: false,
    }
}

const T: Option<bool> = Some(true);
const F: Option<bool> = Some(false);

#[test]
fn numbers_stand_in_javas_order_with_one_zero() {
    let rows = [Some(1.0), Some(2.0), Some(3.0), Some(f64::NAN), Some(f64::INFINITY), None];
    let ask = |order, value| truth(|t| t.push(Test::Compare { input: 0, order, value }), &rows);
    assert_eq!(ask(Order::Less, 2.0), [T, F, F, F, F, None]);
    assert_eq!(ask(Order::AtMost, 2.0), [T, T, F, F, F, None]);
    assert_eq!(ask(Order::Equal, 2.0), [F, T, F, F, F, None]);
    assert_eq!(ask(Order::Unequal, 2.0), [T, F, T, T, T, None]);
    assert_eq!(ask(Order::AtLeast, 2.0), [F, T, T, T, T, None]);
    assert_eq!(ask(Order::Greater, 2.0), [F, F, T, T, T, None]);
    assert_eq!(ask(Order::Equal, f64::NAN), [F, F, F, T, F, None]);
    assert_eq!(ask(Order::Less, f64::NAN), [T, T, T, F, T, None]);
    let zeros = truth(|t| t.push(Test::Compare { input: 0, order: Order::Less, value: 0.0 }), &[Some(-0.0), Some(0.0)]);
    assert_eq!(zeros, [F, F]);
}

#[test]
fn sets_and_missing_values() {
    let rows = [Some(-0.0), Some(2.0), Some(3.0), Some(f64::NAN), None];
    let ask = |negated| {
        truth(
            |t| {
                let set = t.set(vec![2.0, 0.0]);
                t.push(Test::In { input: 0, set, negated })
            },
            &rows,
        )
    };
    assert_eq!(ask(false), [T, T, F, F, None]);
    assert_eq!(ask(true), [F, F, T, T, None]);
    assert_eq!(truth(|t| t.push(Test::Missing { input: 0, negated: false }), &rows), [F, F, F, F, T]);
    assert_eq!(truth(|t| t.push(Test::Missing { input: 0, negated: true }), &rows), [T, T, T, T, F]);
}

#[test]
fn joins_have_three_values() {
    // An operand is true where its input is 1, false where it is 0, unknown where it is null.
    let values = [Some(1.0), Some(0.0), None];
    let pairs: Vec<_> = values.iter().flat_map(|a| values.iter().map(move |b| (*a, *b))).collect();
    let (a, b): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
    let ask = |join: Join| -> Vec<Option<f64>> {
        let mut tests = Tests::default();
        let of = |input| Test::Compare { input, order: Order::Equal, value: 1.0 };
        let operands = [tests.push(of(0)), tests.push(of(1))];
        let joined = tests.join(join, &operands);
        let all = tests.push(Test::Known(true));
        let negated = tests.join(Join::Odd, &[joined, all]);
        let root = TreeNode { first: 1, count: 2, ..leaf(all) };
        let tree = tree(tests, vec![root, leaf(joined), leaf(negated)], OnUnknown::Pass);
        column(
            &run(DecideOp::Tree { tree: Arc::new(tree), parts: vec![TreePart::Node] }, &[numbers(&a), numbers(&b)])
                .outputs[0],
        )
    };
    let (t, f, u) = (Some(1.0), Some(2.0), None);
    assert_eq!(ask(Join::All), [t, f, u, f, f, f, u, f, u]);
    assert_eq!(ask(Join::Any), [t, t, t, t, f, u, t, u, u]);
    assert_eq!(ask(Join::Odd), [f, t, u, t, f, u, u, u, u]);
    assert_eq!(ask(Join::FirstKnown), [t, t, t, f, f, f, t, f, u]);
}

/// The tree of golf: outlook (0 sunny, 1 overcast, 2 rain), temperature, humidity; classes 0 will play, 1 may play, 2 no play.
fn golf(on_unknown: OnUnknown) -> Tree {
    let mut tests = Tests::default();
    let always = tests.push(Test::Known(true));
    let sunny = tests.push(Test::Compare { input: 0, order: Order::Equal, value: 0.0 });
    let overcast = tests.push(Test::Compare { input: 0, order: Order::Equal, value: 1.0 });
    let rain = tests.push(Test::Compare { input: 0, order: Order::Equal, value: 2.0 });
    let not_sunny = tests.join(Join::Any, &[overcast, rain]);
    let warm = [
        tests.push(Test::Compare { input: 1, order: Order::Less, value: 90.0 }),
        tests.push(Test::Compare { input: 1, order: Order::Greater, value: 50.0 }),
    ];
    let warm = tests.join(Join::All, &warm);
    let extreme = [
        tests.push(Test::Compare { input: 1, order: Order::AtLeast, value: 90.0 }),
        tests.push(Test::Compare { input: 1, order: Order::AtMost, value: 50.0 }),
    ];
    let extreme = tests.join(Join::Any, &extreme);
    let row = |test, row| TreeNode { row, ..leaf(test) };
    let nodes = vec![
        TreeNode { first: 1, count: 2, default: 1, ..row(always, 0) },
        TreeNode { first: 3, count: 2, default: 3, ..row(sunny, 1) },
        row(not_sunny, 4),
        row(warm, 2),
        row(extreme, 3),
    ];
    let counts = [[60., 30., 10.], [40., 2., 8.], [36., 2., 2.], [4., 0., 6.], [20., 28., 2.]];
    let records = [100.0, 50.0, 50.0, 40.0, 10.0];
    let of_row = [100.0, 50.0, 40.0, 10.0, 50.0];
    let shares: Vec<f64> = counts.iter().zip(of_row).flat_map(|(c, n): (&[f64; 3], f64)| c.map(|c| c / n)).collect();
    Tree {
        scores: vec![0.0, 0.0, 1.0, 0.0, 2.0],
        penalty: 0.8,
        width: 3,
        probabilities: shares.clone(),
        confidences: shares,
        counts: counts.concat(),
        records: records.to_vec(),
        no_true_child: NoTrueChild::Last,
        ..tree(tests, nodes, on_unknown)
    }
}

/// Rows: all known; temperature unknown; outlook unknown; both unknown; an outlook nobody has seen.
fn play(on_unknown: OnUnknown) -> crate::kernel::tests::Ran {
    let outlook = numbers(&[Some(0.0), Some(0.0), None, None, Some(-1.0)]);
    let temperature = numbers(&[Some(95.0), None, Some(45.0), None, Some(60.0)]);
    let parts = vec![TreePart::Node, TreePart::Score, TreePart::Probabilities, TreePart::Confidences];
    run(DecideOp::Tree { tree: Arc::new(golf(on_unknown)), parts }, &[outlook, temperature])
}

#[test]
fn strategies_that_name_a_node() {
    let nodes = |on_unknown| column(&play(on_unknown).outputs[0]);
    assert_eq!(nodes(OnUnknown::Pass), [Some(4.0), Some(1.0), Some(0.0), Some(0.0), Some(0.0)]);
    assert_eq!(nodes(OnUnknown::Last), [Some(4.0), Some(1.0), Some(0.0), Some(0.0), Some(0.0)]);
    assert_eq!(nodes(OnUnknown::Null), [Some(4.0), None, None, None, Some(0.0)]);
    assert_eq!(nodes(OnUnknown::Default), [Some(4.0), Some(3.0), Some(4.0), Some(3.0), Some(0.0)]);
}

#[test]
fn the_penalty_falls_with_each_default_child() {
    let ran = play(OnUnknown::Default);
    let shares = |row: usize| golf(OnUnknown::Pass).confidences[row * 3..row * 3 + 3].to_vec();
    let scaled = |row, factor: f64| shares(row).iter().map(|c| c * factor).collect::<Vec<f64>>();
    assert_row(&ran.outputs[3], 0, Some(Row::Dense(&shares(3))));
    assert_row(&ran.outputs[3], 1, Some(Row::Dense(&scaled(2, 0.8))));
    assert_row(&ran.outputs[3], 3, Some(Row::Dense(&scaled(2, libm::pow(0.8, 2.0)))));
    assert_row(&ran.outputs[2], 3, Some(Row::Dense(&shares(2))));
}

#[test]
fn several_children_answer_as_one() {
    let ran = play(OnUnknown::Aggregate);
    assert_eq!(column(&ran.outputs[0]), [Some(4.0), Some(5.0), Some(5.0), Some(5.0), Some(0.0)]);
    // 36 + 4, 2, 2 + 6 of 50; with both unknown the leaves 2, 3 and 4: 60, 30, 10 of 100.
    assert_row(&ran.outputs[3], 1, Some(Row::Dense(&[40.0 / 50.0, 2.0 / 50.0, 8.0 / 50.0])));
    assert_row(&ran.outputs[3], 3, Some(Row::Dense(&[0.6, 0.3, 0.1])));
    // With 45 degrees leaf 4 and leaf 2: 24, 28, 8.
    assert_row(&ran.outputs[3], 2, Some(Row::Dense(&[24.0 / 60.0, 28.0 / 60.0, 8.0 / 60.0])));
    assert_eq!(column(&ran.outputs[1])[1..4], [Some(0.0), Some(1.0), Some(0.0)]);
    assert_row(&ran.outputs[2], 1, None);
    let ran = play(OnUnknown::WeightedConfidence);
    // 0.9 * 40 / 50 + 0.4 * 10 / 50, and so on.
    let weighed = [0.9 * 40.0 / 50.0 + 0.4 * 10.0 / 50.0, 0.05 * 40.0 / 50.0, 0.05 * 40.0 / 50.0 + 0.6 * 10.0 / 50.0];
    assert_row(&ran.outputs[3], 1, Some(Row::Dense(&weighed)));
}

#[test]
fn a_stand_in_counts_as_a_hop_and_a_node_without_a_score_refuses() {
    let mut tests = Tests::default();
    let always = tests.push(Test::Known(true));
    let first = tests.push(Test::Compare { input: 0, order: Order::Less, value: 1.0 });
    let second = tests.push(Test::Compare { input: 1, order: Order::Less, value: 1.0 });
    let either = tests.join(Join::FirstKnown, &[first, second]);
    let nodes = vec![
        TreeNode { first: 1, count: 1, refuses: true, scored: false, ..leaf(always) },
        TreeNode { row: 0, ..leaf(either) },
    ];
    let mut tree = tree(tests, nodes, OnUnknown::Last);
    (tree.penalty, tree.width) = (0.5, 1);
    (tree.probabilities, tree.confidences) = (vec![1.0], vec![0.9]);
    tree.no_true_child = NoTrueChild::Last;
    let a = numbers(&[Some(0.0), None, None, Some(2.0)]);
    let b = numbers(&[None, Some(0.0), None, None]);
    let op = DecideOp::Tree { tree: Arc::new(tree), parts: vec![TreePart::Node, TreePart::Confidences] };
    let ran = run(op, &[a, b]);
    assert_eq!(column(&ran.outputs[0]), [Some(1.0), Some(1.0), None, None]);
    assert_row(&ran.outputs[1], 0, Some(Row::Dense(&[0.9])));
    assert_row(&ran.outputs[1], 1, Some(Row::Dense(&[0.45])));
    assert!(ran.faults[2].as_ref().is_some_and(|f| f.contains("expected a score")), "{:?}", ran.faults);
    assert_eq!(ran.faults[3], None);
}

fn rules(criterion: Criterion, default_class: u32) -> DecideOp {
    let mut tests = Tests::default();
    let below = |tests: &mut Tests, value| tests.push(Test::Compare { input: 0, order: Order::Less, value });
    let [ten, five, three, eight] = [10.0, 5.0, 3.0, 8.0].map(|value| below(&mut tests, value));
    let rule = |test, end, class, weight, confidence| Rule { test, end, class, weight, confidence };
    let rules = vec![
        rule(ten, 3, NONE, 1.0, 1.0),
        rule(five, 2, 1, 0.4, 0.7),
        rule(three, 3, 0, 0.5, 0.6),
        rule(eight, 4, 0, 0.3, 0.9),
    ];
    let parts = vec![RulePart::Rule, RulePart::Score, RulePart::Confidences];
    let rules = Rules { tests, rules, criterion, width: 2, default_class, default_confidence: 0.1, single: false };
    DecideOp::Rules { rules: Arc::new(rules), parts }
}

#[test]
fn rules_fire_and_one_wins() {
    let x = numbers(&[Some(2.0), Some(4.0), Some(7.0), Some(20.0), None]);
    let ran = run(rules(Criterion::FirstHit, 1), std::slice::from_ref(&x));
    assert_eq!(column(&ran.outputs[0]), [Some(1.0), Some(1.0), Some(3.0), None, None]);
    assert_eq!(column(&ran.outputs[1]), [Some(1.0), Some(1.0), Some(0.0), Some(1.0), Some(1.0)]);
    assert_row(&ran.outputs[2], 0, Some(Row::Dense(&[0.6, 0.7])));
    assert_row(&ran.outputs[2], 3, Some(Row::Dense(&[0.0, 0.1])));
    let ran = run(rules(Criterion::WeightedSum, 1), std::slice::from_ref(&x));
    assert_eq!(column(&ran.outputs[0])[..3], [Some(2.0), Some(1.0), Some(3.0)]);
    assert_row(&ran.outputs[2], 0, Some(Row::Dense(&[0.8 / 3.0, 0.4 / 3.0])));
    let ran = run(rules(Criterion::WeightedMax, 1), std::slice::from_ref(&x));
    assert_eq!(column(&ran.outputs[0])[..3], [Some(1.0), Some(3.0), Some(3.0)]);
    assert_row(&ran.outputs[2], 1, Some(Row::Dense(&[0.9, 0.7])));
    let ran = run(rules(Criterion::FirstHit, NONE), &[x]);
    assert!(ran.faults[3].as_ref().is_some_and(|f| f.contains("default score")), "{:?}", ran.faults);
}

#[test]
fn points_add_up_and_reasons_are_ranked() {
    let mut tests = Tests::default();
    let at = |tests: &mut Tests, input, order, value| tests.push(Test::Compare { input, order, value });
    let young = at(&mut tests, 0, Order::Less, 30.0);
    let old = at(&mut tests, 0, Order::AtLeast, 30.0);
    let poor = at(&mut tests, 1, Order::Less, 1000.0);
    let rich = at(&mut tests, 1, Order::AtLeast, 1000.0);
    let point = |test, points, reason| Attribute { test, points, reason };
    let attributes = vec![
        point(young, Points::Const(-3.0), 0),
        point(old, Points::Const(18.0), 0),
        point(poor, Points::Input(2), 1),
        point(rich, Points::Const(12.0), 2),
    ];
    let part = |first, baseline| Characteristic { first, count: 2, baseline };
    let characteristics = vec![part(0, 10.0), part(2, 11.0)];
    let card = Card { tests, characteristics, attributes, initial: 5.0, above: false, reasons: 3, single: false };
    let parts = vec![CardPart::Score, CardPart::Reason(0), CardPart::Reason(1)];
    let age = numbers(&[Some(20.0), Some(40.0), Some(20.0), None, Some(20.0)]);
    let income = numbers(&[Some(500.0), Some(500.0), Some(2000.0), Some(500.0), Some(500.0)]);
    let points = numbers(&[Some(-4.0), Some(2.5), None, Some(1.0), None]);
    let ran = run(DecideOp::Card { card: Arc::new(card), parts }, &[age, income, points]);
    assert_eq!(column(&ran.outputs[0])[..3], [Some(-2.0), Some(25.5), Some(14.0)]);
    // 13 and 15 below; -8 and 8.5; 13 and -1.
    assert_eq!(column(&ran.outputs[1])[..3], [Some(1.0), Some(1.0), Some(0.0)]);
    assert_eq!(column(&ran.outputs[2])[..3], [Some(0.0), None, None]);
    assert!(ran.faults[3].as_ref().is_some_and(|f| f.contains("an attribute")), "{:?}", ran.faults);
    assert!(ran.faults[4].as_ref().is_some_and(|f| f.contains("partial score")), "{:?}", ran.faults);
}

#[test]
fn an_invalid_value_is_refused_where_it_is_asked_for() {
    let mut tests = Tests { nan_is_invalid: vec![false, true], ..Tests::default() };
    let always = tests.push(Test::Known(true));
    let low = tests.push(Test::Compare { input: 0, order: Order::Less, value: 1.0 });
    let other = tests.push(Test::Missing { input: 1, negated: true });
    let either = tests.join(Join::Any, &[low, other]);
    let root = TreeNode { first: 1, count: 2, ..leaf(always) };
    let a = numbers(&[Some(0.0), Some(2.0), Some(f64::NAN), Some(2.0)]);
    let b = numbers(&[Some(f64::NAN), Some(f64::NAN), Some(3.0), None]);
    let parts = vec![TreePart::Node];
    let lazy = tree(tests.clone(), vec![root, leaf(low), leaf(other)], OnUnknown::Pass);
    let ran = run(DecideOp::Tree { tree: Arc::new(lazy), parts: parts.clone() }, &[a.clone(), b.clone()]);
    assert_eq!(column(&ran.outputs[0]), [Some(1.0), None, Some(2.0), None]);
    assert!(ran.faults[0].is_none() && ran.faults[2].is_none());
    assert!(ran.faults[1].as_ref().is_some_and(|f| f.contains("takes as valid")), "{:?}", ran.faults);
    // Every operand of a join is asked, whatever the first one says.
    let joined = tree(tests, vec![TreeNode { count: 1, ..root }, leaf(either)], OnUnknown::Pass);
    let ran = run(DecideOp::Tree { tree: Arc::new(joined), parts }, &[a, b]);
    assert!(ran.faults[0].is_some() && ran.faults[1].is_some() && ran.faults[2].is_none());
}
