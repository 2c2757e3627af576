use std::sync::Arc;

use model::column::Row;
use plan::{LinearOp, Weights};

use crate::kernel::tests::{assert_row, dense, numbers, run, sparse, vectors};

const NAN: f64 = f64::NAN;
const INF: f64 = f64::INFINITY;

fn full(columns: u32, values: &[f64]) -> Weights {
    Weights::Dense { columns, values: values.into() }
}

/// Rows of weights that store only what is not zero.
fn thin(columns: u32, values: &[f64]) -> Weights {
    let (mut offsets, mut indices, mut stored) = (vec![0], Vec::new(), Vec::new());
    for row in values.chunks(columns as usize) {
        for (i, v) in row.iter().enumerate().filter(|(_, v)| **v != 0.0) {
            indices.push(i as u32);
            stored.push(*v);
        }
        offsets.push(stored.len() as u32);
    }
    Weights::Sparse { columns, offsets: offsets.into(), indices: indices.into(), values: stored.into() }
}

fn dot(weights: Weights, x: Option<Row<'_>>, expected: Result<f64, &str>) {
    let ran = run(LinearOp::Dot { weights: weights.clone(), intercept: 0.5 }, &[vectors(&[x])]);
    assert_eq!(ran.faults[0].as_deref(), expected.err());
    assert_row(&ran.outputs[0], 0, expected.ok().as_ref().map(|m| Row::Dense(std::slice::from_ref(m))));

    let ran = run(LinearOp::Pair { weights, intercept: 0.5 }, &[vectors(&[x])]);
    let pair = expected.map(|m| [-m, m]);
    assert_eq!(ran.faults[0].as_deref(), expected.err());
    assert_row(&ran.outputs[0], 0, pair.as_ref().ok().map(|p| Row::Dense(p)));
}

#[test]
fn dot_of_any_forms() {
    let values = [1.0, 0.0, -2.0, 3.0];
    for weights in [full(4, &values), thin(4, &values)] {
        dot(weights.clone(), dense(&[1.0, 2.0, 3.0, 4.0]), Ok(7.5));
        dot(weights.clone(), sparse(4, &[0, 3], &[5.0, 1.0]), Ok(8.5));
        dot(weights.clone(), sparse(4, &[], &[]), Ok(0.5));
        dot(weights.clone(), sparse(4, &[1, 2], &[9.0, 1.0]), Ok(-1.5));
        dot(weights, dense(&[-0.0, 0.0, 0.0, -0.0]), Ok(0.5));
    }
}

#[test]
fn nan_spreads_only_where_both_store() {
    let values = [1.0, 0.0];
    dot(full(2, &values), dense(&[1.0, NAN]), Ok(NAN));
    dot(thin(2, &values), dense(&[1.0, NAN]), Ok(1.5));
    dot(thin(2, &values), dense(&[1.0, INF]), Ok(1.5));
    dot(full(2, &values), sparse(2, &[1], &[INF]), Ok(NAN));
    dot(full(2, &[1.0, NAN]), sparse(2, &[0], &[1.0]), Ok(1.5));
}

#[test]
fn wrong_features_are_refused() {
    let size = "column `a`: expected 2 elements, got 3 elements";
    for weights in [full(2, &[1.0, 2.0]), thin(2, &[1.0, 2.0])] {
        dot(weights.clone(), dense(&[1.0, 2.0, 3.0]), Err(size));
        dot(weights.clone(), sparse(3, &[], &[]), Err(size));
        dot(weights, None, Err("column `a`: expected a value, got null"));
    }
}

#[test]
fn no_features_leave_the_intercept() {
    dot(full(0, &[]), dense(&[]), Ok(0.5));
    let none = Weights::Sparse { columns: 0, offsets: [0].into(), indices: [].into(), values: [].into() };
    dot(none, sparse(0, &[], &[]), Ok(0.5));
}

#[test]
fn the_order_of_a_sum_is_the_features() {
    // Any other order, and any fused product, gives other bits.
    let (w, x) = ([1e16, 1.0, -1e16, 0.1], [1.0, 1.0, 1.0, 3.0]);
    let expected = ((1e16 + 1.0) - 1e16) + 0.1 * 3.0 + 0.5;
    dot(full(4, &w), dense(&x), Ok(expected));
    dot(thin(4, &w), dense(&x), Ok(expected));
    dot(thin(4, &w), sparse(4, &[0, 1, 2, 3], &x), Ok(expected));
}

#[test]
fn a_product_alone_does_not_overflow() {
    let (w, x) = ([-1e200, 1e200, -2e200], [1e200, 1e200, 1e200]);
    dot(full(3, &w), dense(&x), Ok(-INF));
    dot(full(3, &w), sparse(3, &[0, 1, 2], &x), Ok(NAN));
    let rows: Vec<f64> = (0..5).flat_map(|_| w).collect();
    let intercepts: Arc<[f64]> = [0.0; 5].into();
    for intercept_first in [false, true] {
        let op = LinearOp::Scores { weights: full(3, &rows), intercepts: intercepts.clone(), intercept_first };
        assert_row(&run(op, &[vectors(&[dense(&x)])]).outputs[0], 0, dense(&[-INF; 5]));
    }
}

#[test]
fn an_offset_is_added_last() {
    let op = || LinearOp::Dot { weights: full(2, &[1e16, 1.0]), intercept: -1e16 };
    let features = vectors(&[dense(&[1.0, 1.0]), dense(&[1.0]), None, None, dense(&[1.0, 1.0])]);
    let offsets = numbers(&[Some(0.25), None, None, Some(1.0), None]);
    let ran = run(op(), &[features, offsets]);
    let expected = numbers(&[Some(((1e16 + 1.0) - 1e16) + 0.25), None, None, None, None]);
    assert_eq!(ran.outputs[0], expected);
    let refused: Vec<bool> = ran.faults.iter().map(Option::is_some).collect();
    assert_eq!(refused, [false, false, false, true, false], "a null offset hides the features");
}

/// Every row's score is that of a dot of its own, whatever stands beside it.
#[test]
fn scores_are_dots() {
    const COLUMNS: usize = 5;
    let mut seed = 7u32;
    let mut next = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        if seed >> 30 == 0 { 0.0 } else { f64::from(seed) / 3e9 - 0.5 }
    };
    for rows in 0..11 {
        let values: Vec<f64> = (0..rows * COLUMNS).map(|_| next()).collect();
        let intercepts: Arc<[f64]> = (0..rows).map(|_| next()).collect();
        let x: [f64; COLUMNS] = std::array::from_fn(|_| next());
        let (indices, stored) = ([0u32, 2, 4], [x[0], x[2], x[4]]);
        let inputs = [vectors(&[dense(&x), sparse(COLUMNS, &indices, &stored)])];
        let scores = |row: usize, first: bool| -> Vec<f64> {
            let taken = |i: usize| row == 0 || i.is_multiple_of(2);
            let score = |k: usize| {
                let begin = if first { intercepts[k] } else { 0.0 };
                let products = (0..COLUMNS).filter(|i| taken(*i)).map(|i| values[k * COLUMNS + i] * x[i]);
                products.fold(begin, |sum, p| sum + p) + if first { 0.0 } else { intercepts[k] }
            };
            (0..rows).map(score).collect()
        };
        for weights in [full(COLUMNS as u32, &values), thin(COLUMNS as u32, &values)] {
            for intercept_first in [false, true] {
                let op = LinearOp::Scores { weights: weights.clone(), intercepts: intercepts.clone(), intercept_first };
                let ran = run(op, &inputs);
                let expected = [scores(0, intercept_first), scores(1, intercept_first)];
                let expected = vectors(&[dense(&expected[0]), dense(&expected[1])]);
                assert_eq!(ran.outputs[0], expected, "{rows} rows, {weights:?}, {intercept_first}");
            }
        }
    }
}

/// Four at a time or one by one: a product is that of the row alone, and so is what is refused.
#[test]
fn rows_side_by_side_have_the_products_they_have_alone() {
    const W: [f64; 3] = [1e16, -0.3, 1e200];
    let plain = |k: usize| [k as f64 * 0.7 - 2.0, 1.0 / (k as f64 + 0.3), 1e-190 * k as f64];
    let plains: Vec<[f64; 3]> = (0..14).map(plain).collect();
    let mut rows: Vec<Option<Row<'_>>> = plains.iter().map(|x| dense(x)).collect();
    rows[5] = sparse(3, &[0, 2], &[0.1, 3.0]);
    rows[6] = dense(&[-1e300, 0.0, 1e200]);
    rows[9] = None;
    rows[10] = dense(&[1.0]);
    let weights = || full(3, &W);
    let ops = || {
        let (dot, pair) = (
            LinearOp::Dot { weights: weights(), intercept: 0.5 },
            LinearOp::Pair { weights: weights(), intercept: 0.5 },
        );
        [dot, pair]
    };
    for op in ops() {
        for count in 0..=rows.len() {
            let ran = run(op.clone(), &[vectors(&rows[..count])]);
            for (row, x) in rows[..count].iter().enumerate() {
                let alone = run(op.clone(), &[vectors(&[*x])]);
                assert_eq!(ran.faults[row], alone.faults[0], "row {row} of {count}");
                assert_eq!(ran.outputs[0].slice(row, 1), alone.outputs[0], "row {row} of {count}");
            }
        }
    }
}
