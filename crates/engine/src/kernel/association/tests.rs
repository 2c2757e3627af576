use model::{Builder, Column, Type};
use plan::{
    AssociationOp,
    op::association::{Basket, Fires, Follows, Sequences, SetRules, Table},
};

use crate::kernel::tests::{assert_row, dense, lists, numbers, run, vectors};

/// Items cracker, coke, water; sets {cracker}, {water}, {cracker, water}, {}; rules 0 -> 1, 2 -> 0, 3 -> 2.
fn rules(basket: Basket) -> SetRules {
    SetRules {
        basket,
        offsets: [0, 1, 2, 4, 4].into(),
        members: [0, 2, 0, 2].into(),
        rules: [(0, 1), (2, 0), (3, 2)].into(),
        sequences: None,
    }
}

fn texts() -> Basket {
    Basket::Texts(["cracker", "coke", "water"].map(Into::into).into())
}

fn fired(basket: Basket, fires: Fires, order: &[u32], inputs: &[Column]) -> Column {
    let op = AssociationOp::Fired { rules: rules(basket), fires, order: order.into() };
    run(op, inputs).outputs.remove(0)
}

#[test]
fn rules_fire_where_their_sets_are_in_the_row() {
    let baskets = [lists(&[
        Some(&[Some("cracker"), Some("tea"), Some("cracker")]),
        Some(&[Some("water"), None, Some("cracker")]),
        None,
    ])];
    for (fires, expected) in [
        (Fires::Antecedent, [&[0.0, 2.0][..], &[0.0, 1.0, 2.0], &[2.0]]),
        (Fires::New, [&[0.0, 2.0], &[], &[2.0]]),
        (Fires::Both, [&[], &[0.0, 1.0, 2.0], &[]]),
    ] {
        let ran = fired(texts(), fires, &[0, 1, 2], &baskets);
        expected.iter().enumerate().for_each(|(row, expected)| assert_row(&ran, row, dense(expected)));
    }
}

#[test]
fn the_order_is_the_plans_and_flags_say_the_same() {
    let flags = [numbers(&[Some(1.0), Some(1.0)]), numbers(&[None, Some(1.0)]), numbers(&[Some(0.0), Some(1.0)])];
    let ran = fired(Basket::Flags(3), Fires::Antecedent, &[2, 1, 0], &flags);
    assert_row(&ran, 0, dense(&[2.0, 0.0]));
    assert_row(&ran, 1, dense(&[2.0, 1.0, 0.0]));
}

#[test]
fn numbers_become_what_stands_there() {
    let table = Table::Texts([Some("a".into()), None, Some("c".into())].into());
    let ran = run(
        AssociationOp::Entry { table: table.clone() },
        &[numbers(&[Some(2.0), Some(1.0), Some(3.0), Some(-1.0), Some(f64::NAN), None])],
    );
    let expected: Column = Column::Text([Some("c"), None, None, None, None, None].into_iter().collect());
    (0..6).for_each(|row| assert!(ran.outputs[0].row_eq(row, &expected, row), "row {row}"));
    let ran = run(AssociationOp::Entries { table, limit: Some(2) }, &[vectors(&[dense(&[2.0, 1.0, 0.0]), None])]);
    let expected = lists(&[Some(&[Some("c"), None]), None]);
    (0..2).for_each(|row| assert!(ran.outputs[0].row_eq(row, &expected, row), "row {row}"));
    let ran = run(AssociationOp::Entry { table: Table::Numbers([Some(0.5), None].into()) }, &[numbers(&[Some(0.0)])]);
    assert_row(&ran.outputs[0], 0, dense(&[0.5]));
}

#[test]
fn lists_stand_at_numbers_too() {
    let table = Table::Lists([["a".into(), "b".into()].into(), [].into()].into());
    let ran = run(AssociationOp::Entry { table: table.clone() }, &[numbers(&[Some(0.0), Some(1.0), Some(2.0)])]);
    let expected = lists(&[Some(&[Some("a"), Some("b")]), Some(&[]), None]);
    (0..3).for_each(|row| assert!(ran.outputs[0].row_eq(row, &expected, row), "row {row}"));
    let ran = run(AssociationOp::Entries { table, limit: None }, &[vectors(&[dense(&[1.0, 0.0])])]);
    let mut builder = Builder::new(&Type::list(Type::list(Type::Text)));
    builder.items().end_list();
    ["a", "b"].iter().for_each(|t| builder.items().items().push_text(t));
    builder.items().end_list();
    builder.end_list();
    assert!(ran.outputs[0].row_eq(0, &builder.finish(), 0));
}

/// {cracker} then later {water}; {cracker} then next {water}; {cracker} with {water}; {water}. Rules of each to the last.
#[test]
fn sequences_follow_the_order_of_time() {
    let steps = [
        (0, Follows::Later),
        (1, Follows::Later),
        (0, Follows::Later),
        (1, Follows::Next),
        (0, Follows::Later),
        (1, Follows::Together),
        (1, Follows::Later),
    ];
    let sequences = Sequences { offsets: [0, 2, 4, 6, 7].into(), steps: steps.into() };
    let rules = SetRules { sequences: Some(sequences), rules: [(0, 3), (1, 3), (2, 3)].into(), ..rules(texts()) };
    let op = AssociationOp::Fired { rules, fires: Fires::Both, order: [0, 1, 2].into() };
    let items = lists(&[
        Some(&[Some("cracker"), Some("coke"), Some("water")]),
        Some(&[Some("cracker"), Some("water")]),
        Some(&[Some("water"), Some("cracker")]),
        Some(&[Some("cracker"), Some("cracker"), Some("water")]),
    ]);
    let ran = run(op.clone(), std::slice::from_ref(&items));
    for (row, expected) in [&[0.0][..], &[0.0, 1.0], &[], &[0.0, 1.0]].into_iter().enumerate() {
        assert_row(&ran.outputs[0], row, dense(expected));
    }
    let mut times = Builder::new(&Type::list(Type::F64));
    for row in [&[3.0, 1.0, 5.0][..], &[7.0, 7.0], &[2.0, 1.0], &[1.0, f64::NAN, 1.0]] {
        row.iter().for_each(|time| times.items().push_fixed(*time));
        times.end_list();
    }
    let ran = run(op, &[items, times.finish()]);
    for (row, expected) in [&[0.0, 1.0][..], &[2.0], &[0.0, 1.0], &[2.0]].into_iter().enumerate() {
        assert_row(&ran.outputs[0], row, dense(expected));
    }
}
