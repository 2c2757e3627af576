//! Each method by hand.

use model::{Column, column::Row};
use plan::op::combine::*;

use crate::kernel::tests::{Ran, assert_row, dense, numbers, run, vectors};

fn column(column: &Column) -> Vec<Option<f64>> {
    let Column::Fixed(fixed) = column else { panic!("a column of numbers") };
    (0..column.len()).map(|row| column.is_valid(row).then(|| fixed.values::<f64>()[row])).collect()
}

fn members(weights: &[f64]) -> Vec<Member> {
    weights.iter().map(|&weight| Member { weight, weight_by: NONE, takes_part: NONE }).collect()
}

fn op(predictions: Predictions, method: Method, weights: &[f64]) -> Committee {
    let (lacking, threshold) = (Lacking::Continue, 1.0);
    Committee { predictions, method, members: members(weights).into(), lacking, threshold, single: false }
}

const W: [f64; 3] = [1.0, 0.5, 2.0];

fn heard(op: Committee) -> Ran {
    let a = numbers(&[Some(1.0), Some(4.0), None]);
    let b = numbers(&[Some(2.0), Some(-1.0), Some(6.0)]);
    let c = numbers(&[Some(6.0), Some(9.0), Some(2.0)]);
    run(op, &[a, b, c])
}

#[test]
fn numbers_by_every_method() {
    let ask = |method| column(&heard(op(Predictions::Numbers, method, &W)).outputs[0]);
    assert_eq!(ask(Method::Plain(Plain::Sum)), [Some(9.0), Some(12.0), None]);
    assert_eq!(ask(Method::Plain(Plain::Mean)), [Some(3.0), Some(4.0), None]);
    assert_eq!(ask(Method::Plain(Plain::Median)), [Some(2.0), Some(4.0), None]);
    assert_eq!(ask(Method::Weighted(Plain::Sum)), [Some(14.0), Some(21.5), None]);
    assert_eq!(ask(Method::Weighted(Plain::Mean)), [Some(14.0 / 3.5), Some(21.5 / 3.5), None]);
    assert_eq!(ask(Method::Weighted(Plain::Median)), [Some(6.0), Some(9.0), None]);
}

#[test]
fn members_without_a_prediction() {
    let skip = |threshold| {
        let median = op(Predictions::Numbers, Method::Plain(Plain::Median), &W);
        column(&heard(Committee { lacking: Lacking::Skip, threshold, ..median }).outputs[0])[2]
    };
    // The first member has 1 of 3.5.
    assert_eq!(skip(0.29), Some(4.0));
    assert_eq!(skip(0.28), None);
    let nobody = Committee { lacking: Lacking::Skip, ..op(Predictions::Numbers, Method::Plain(Plain::Mean), &[1.0]) };
    let ran = run(nobody.clone(), &[numbers(&[Some(1.0), None])]);
    assert!(ran.faults[1].is_some() && ran.faults[0].is_none());
    let sum = Committee { method: Method::Plain(Plain::Sum), ..nobody };
    assert_eq!(column(&run(sum, &[numbers(&[Some(1.0), None])]).outputs[0]), [Some(1.0), Some(0.0)]);
}

#[test]
fn members_that_take_part_in_some_rows_with_weights_of_their_own() {
    let mut sum = op(Predictions::Numbers, Method::Weighted(Plain::Sum), &[2.0, 3.0]);
    let member = |weight, weight_by, takes_part| Member { weight, weight_by, takes_part };
    sum.members = vec![member(2.0, 2, NONE), member(3.0, NONE, 3)].into();
    let inputs = [
        numbers(&[Some(1.0), Some(1.0), Some(1.0)]),
        numbers(&[Some(10.0), Some(10.0), Some(10.0)]),
        numbers(&[Some(0.5), Some(0.5), None]),
        numbers(&[Some(1.0), None, Some(1.0)]),
    ];
    assert_eq!(column(&run(sum.clone(), &inputs).outputs[0]), [Some(31.0), Some(1.0), None]);
    sum.members = vec![member(1.0, NONE, 2), member(1.0, NONE, 3)].into();
    let none = [numbers(&[Some(1.0)]), numbers(&[Some(1.0)]), numbers(&[Some(0.0)]), numbers(&[None])];
    let ran = run(sum, &none);
    assert_eq!((column(&ran.outputs[0]), &ran.faults[0]), (vec![None], &None));
}

#[test]
fn votes_are_shares_and_the_first_voted_for_wins_a_tie() {
    let ask = |method, lacking, rows: [[Option<f64>; 4]; 3]| {
        let op = Committee { lacking, ..op(Predictions::Classes(3), method, &[1.0, 0.5, 2.0, 1.0]) };
        let column = |member: usize| numbers(&rows.map(|row| row[member]));
        run(op, &[column(0), column(1), column(2), column(3)])
    };
    let rows = [
        [Some(1.0), Some(0.0), Some(0.0), Some(1.0)],
        [Some(2.0), Some(0.0), None, Some(0.0)],
        [None, None, Some(0.0), Some(7.0)],
    ];
    let ran = ask(Method::Plain(Plain::Vote), Lacking::Continue, rows);
    assert_eq!(column(&ran.outputs[0]), [Some(1.0), Some(0.0), None]);
    assert_row(&ran.outputs[1], 0, Some(Row::Dense(&[0.5, 0.5, 0.0])));
    assert_row(&ran.outputs[1], 1, Some(Row::Dense(&[2.0 / 3.0, 0.0, 1.0 / 3.0])));
    let ran = ask(Method::Weighted(Plain::Vote), Lacking::Continue, rows);
    assert_eq!(column(&ran.outputs[0]), [Some(0.0), None, None]);
    assert_row(&ran.outputs[1], 0, Some(Row::Dense(&[2.5 / 4.5, 2.0 / 4.5, 0.0])));
    let ran = ask(Method::Weighted(Plain::Vote), Lacking::Skip, rows);
    assert_eq!(column(&ran.outputs[0]), [Some(0.0), Some(0.0), Some(0.0)]);
    let ran = ask(Method::Plain(Plain::Vote), Lacking::Null, rows);
    assert_eq!(column(&ran.outputs[0]), [Some(1.0), None, None]);
}

#[test]
fn probabilities_by_every_method() {
    let a = vectors(&[dense(&[0.5, 0.25, 0.25]), None]);
    let b = vectors(&[dense(&[0.125, 0.75, 0.125]), dense(&[1.0, 0.0, 0.0])]);
    let c = vectors(&[dense(&[0.5, 0.375, 0.125]), dense(&[1.0, 0.0, 0.0])]);
    let ask = |method| run(op(Predictions::Probabilities(3), method, &W), &[a.clone(), b.clone(), c.clone()]);
    let expect = |method, winner: f64, row: &[f64]| {
        let ran = ask(method);
        assert_eq!(column(&ran.outputs[0]), [Some(winner), None]);
        assert_row(&ran.outputs[1], 0, Some(Row::Dense(row)));
        assert_row(&ran.outputs[1], 1, None);
    };
    expect(Method::Plain(Plain::Mean), 1.0, &[1.125 / 3.0, 1.375 / 3.0, 0.5 / 3.0]);
    expect(Method::Weighted(Plain::Mean), 0.0, &[1.5625 / 3.5, 1.375 / 3.5, 0.5625 / 3.5]);
    expect(Method::Plain(Plain::Max), 1.0, &[0.125, 0.75, 0.125]);
    // The median of the first class is the largest: the first and the third member have it.
    expect(Method::Plain(Plain::Median), 0.0, &[0.5, 0.3125, 0.1875]);
    expect(Method::Weighted(Plain::Median), 0.0, &[0.5, 0.375, 0.125]);
}

#[test]
fn sums_of_32_bits_are_rounded_after_each_addition() {
    let single = Committee { single: true, ..op(Predictions::Numbers, Method::Plain(Plain::Sum), &[1.0; 3]) };
    let values = [0.1_f64, 0.2, 16_777_216.0];
    let ran = run(single, &values.map(|v| numbers(&[Some(v)])));
    assert_eq!(column(&ran.outputs[0]), [Some(f64::from(0.1_f32 + 0.2_f32 + 16_777_216.0_f32))]);
}

#[test]
fn classes_in_one_vector_are_a_committee() {
    let rows = [[1.0, 0.0, 0.0, 1.0], [2.0, 0.0, 3.0, 0.0], [3.0, 3.0, 0.0, 7.0], [3.0, 3.0, 3.0, 3.0]];
    let chosen = vectors(&rows.each_ref().map(|row| dense(row)));
    let columns: Vec<_> = (0..4).map(|member| numbers(&rows.map(|row| Some(row[member])))).collect();
    let weights = [1.0, 0.5, 2.0, 1.0];
    for weighted in [false, true] {
        for lacking in [Lacking::Null, Lacking::Skip, Lacking::Continue] {
            let method = if weighted { Method::Weighted(Plain::Vote) } else { Method::Plain(Plain::Vote) };
            let committee = Committee { lacking, threshold: 0.6, ..op(Predictions::Classes(3), method, &weights) };
            let heard = run(committee, &columns);
            let tally = Tally { classes: 3, weights: weights.into(), weighted, lacking, threshold: 0.6, single: false };
            let counted = run(tally, std::slice::from_ref(&chosen));
            assert_eq!(counted.outputs.len(), 2);
            for (a, b) in heard.outputs.iter().zip(&counted.outputs) {
                assert!((0..rows.len()).all(|row| a.row_eq(row, b, row)), "{weighted} {lacking:?}: {a:?} {b:?}");
            }
        }
    }
}
