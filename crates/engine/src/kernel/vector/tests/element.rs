//! Numbers to vectors and back: null, NaN, ties, places that are not there.

use plan::VectorOp;

use super::{INF, NAN};
use crate::kernel::tests::{dense, numbers, run, vectors};

/// Checks the numbers that an op gives of one vector and of null.
fn of_vector(op: VectorOp, values: &[f64], expected: &[Option<f64>]) {
    let ran = run(op, &[vectors(&[dense(values), None])]);
    assert_eq!(ran.outputs.len(), expected.len());
    for (output, expected) in ran.outputs.iter().zip(expected) {
        let want = numbers(&[*expected, None]);
        assert!(output.row_eq(0, &want, 0) && output.row_eq(1, &want, 1), "{output:?}, not {want:?}");
    }
}

#[test]
fn elements_of_a_vector() {
    of_vector(VectorOp::Element { place: 1 }, &[1.0, NAN], &[Some(NAN)]);
    of_vector(VectorOp::Element { place: 2 }, &[1.0, NAN], &[None]);
}

#[test]
fn the_best_is_the_first_of_equals_and_never_nan() {
    let best = |smallest, values: &[f64], place| of_vector(VectorOp::Best { smallest }, values, &[place]);
    best(false, &[NAN, 1.0, 3.0, 3.0], Some(2.0));
    best(true, &[NAN, 1.0, -INF, -INF], Some(2.0));
    best(false, &[NAN], None);
    best(false, &[], None);
}

#[test]
fn the_place_comes_from_another_column() {
    let two = [5.0, 6.0];
    let rows = [dense(&two), dense(&two), dense(&two), dense(&two), None];
    let places = numbers(&[Some(1.0), Some(2.0), Some(-1.0), None, Some(0.0)]);
    let ran = run(VectorOp::At, &[vectors(&rows), places]);
    let want = numbers(&[Some(6.0), None, None, None, None]);
    assert!((0..5).all(|row| ran.outputs[0].row_eq(row, &want, row)), "{:?}", ran.outputs[0]);
}

#[test]
fn a_vector_is_packed_where_all_numbers_are_there() {
    let ran = run(VectorOp::Pack, &[numbers(&[Some(1.0), None]), numbers(&[Some(NAN), Some(2.0)])]);
    let want = vectors(&[dense(&[1.0, NAN]), None]);
    assert!((0..2).all(|row| ran.outputs[0].row_eq(row, &want, row)), "{:?}", ran.outputs[0]);
}
