//! The rules of the vector kernels that no oracle case shows.

use std::sync::Arc;

use model::{Builder, Column, DType, Type, column::Row};
use plan::{Choose, Compressed, Invalid, Op, VectorOp};

use crate::kernel::tests::{Ran, assert_row, dense, fixed, numbers, run, run_once, run_typed, sparse, vectors};

mod element;
mod transforms;

const NAN: f64 = f64::NAN;
const INF: f64 = f64::INFINITY;

/// Runs the op on vectors; every row has this result, or is refused or dropped so.
fn check(op: impl Into<Op>, inputs: &[Column], expected: &[Result<Row<'_>, &str>]) {
    check_ran(run(op, inputs), expected);
}

fn check_ran(ran: Ran, expected: &[Result<Row<'_>, &str>]) {
    for (row, expected) in expected.iter().enumerate() {
        assert_eq!(ran.faults[row].as_deref(), expected.err(), "row {row}");
        assert_row(&ran.outputs[0], row, expected.ok());
    }
}

/// Checks one row of one vector.
fn vector(op: impl Into<Op>, input: Option<Row<'_>>, expected: Result<Row<'_>, &str>) {
    check(op, &[vectors(&[input])], &[expected]);
}

fn d(values: &[f64]) -> Result<Row<'_>, &'static str> {
    Ok(Row::Dense(values))
}

fn s<'a>(size: usize, indices: &'a [u32], values: &'a [f64]) -> Result<Row<'a>, &'static str> {
    Ok(Row::Sparse { size, indices, values })
}

const NULL: &str = "column `a`: expected a value, got null";

// === Assemble ===

fn assemble(sizes: &[Option<u32>], invalid: Invalid) -> VectorOp {
    VectorOp::Assemble { sizes: sizes.to_vec(), invalid, form: Compressed::default() }
}

/// Assembles a number, a vector and a number, with the vector's size known by its type and without: the two ways of the kernel.
fn three(invalid: Invalid, a: Option<f64>, b: Option<Row<'_>>, c: Option<f64>, expected: Result<Row<'_>, &str>) {
    let inputs = [numbers(&[a]), vectors(&[b]), numbers(&[c])];
    if b.is_some() {
        check(assemble(&[Some(0), None, Some(0)], invalid), &inputs, &[expected]);
    }
    let size = b.map_or(2, |b| b.size()) as u32;
    check(assemble(&[Some(0), Some(size), Some(0)], invalid), &inputs, &[expected]);
    let types = [Type::F64, Type::Vector { size: Some(size) }, Type::F64];
    check_ran(run_typed(assemble(&[None; 3], invalid), &inputs, &types), &[expected]);
}

#[test]
fn assemble_chooses_the_smaller_form() {
    let error = Invalid::Error;
    three(error, Some(1.0), dense(&[2.0, 0.0]), Some(3.0), d(&[1.0, 2.0, 0.0, 3.0]));
    three(error, Some(0.0), dense(&[0.0, 0.0]), Some(0.0), s(4, &[], &[]));
    three(error, Some(0.0), dense(&[0.0, 5.0]), Some(0.0), s(4, &[2], &[5.0]));
    three(error, Some(0.0), dense(&[4.0, 5.0]), Some(0.0), d(&[0.0, 4.0, 5.0, 0.0]));
    three(error, Some(0.0), sparse(2, &[1], &[5.0]), Some(0.0), s(4, &[2], &[5.0]));
    three(error, Some(1.0), sparse(2, &[1], &[5.0]), Some(6.0), d(&[1.0, 0.0, 5.0, 6.0]));
    // 1.5 * (2 + 1) is not below 4, though 1.5 * 2 is.
    three(error, Some(1.0), dense(&[0.0]), Some(0.0), d(&[1.0, 0.0, 0.0]));
}

#[test]
fn the_smaller_form_by_either_reckoning() {
    let both = |op: &dyn Fn(Compressed) -> VectorOp, input, plain, headed| {
        vector(op(Compressed::Plain), input, plain);
        vector(op(Compressed::Headed), input, headed);
    };
    // 1.5 * (2 + 1) is below 5, 1.5 * 2 + 2 is not; both are below 6.
    let (five, six) = ([1.0, 0.0, 0.0, 0.0, 1.0], [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
    let ones = |size| s(size, &[0, 4], &[1.0, 1.0]);
    let ops: [&dyn Fn(Compressed) -> VectorOp; 2] =
        [&|form| VectorOp::Assemble { sizes: vec![None], invalid: Invalid::Error, form }, &|form| VectorOp::Binarize {
            threshold: 0.5,
            null_is_zero: true,
            form,
        }];
    for op in ops {
        both(op, dense(&five), ones(5), d(&five));
        both(op, dense(&six), ones(6), ones(6));
    }
    both(
        &|form| VectorOp::MinMax { from: [0.0; 5].into(), to: [2.0; 5].into(), min: 0.0, max: 1.0, form },
        dense(&[2.0, 0.0, 0.0, 0.0, 2.0]),
        ones(5),
        d(&five),
    );
    let typed = |form| VectorOp::Assemble { sizes: vec![None], invalid: Invalid::Error, form };
    let types = [Type::Vector { size: Some(5) }];
    check_ran(run_typed(typed(Compressed::Plain), &[vectors(&[dense(&five)])], &types), &[ones(5)]);
    check_ran(run_typed(typed(Compressed::Headed), &[vectors(&[dense(&five)])], &types), &[d(&five)]);
}

#[test]
fn assemble_drops_zeros() {
    let error = Invalid::Error;
    three(error, Some(-0.0), sparse(2, &[0, 1], &[0.0, -0.0]), Some(1.0), s(4, &[3], &[1.0]));
    three(error, Some(-0.0), dense(&[1.0, -0.0]), Some(1.0), d(&[0.0, 1.0, 0.0, 1.0]));
}

#[test]
fn assemble_counts_nan_and_infinity_as_values() {
    three(Invalid::Keep, Some(INF), dense(&[0.0, NAN]), Some(-INF), d(&[INF, 0.0, NAN, -INF]));
    three(Invalid::Error, Some(0.0), sparse(2, &[0], &[NAN]), Some(0.0), s(4, &[1], &[NAN]));
}

#[test]
fn assemble_refuses_null_and_nan_numbers() {
    let error = Invalid::Error;
    three(error, None, dense(&[1.0, 2.0]), Some(3.0), Err(NULL));
    three(error, Some(NAN), dense(&[1.0, 2.0]), None, Err("column `a`: expected a number that is not NaN, got NaN"));
    three(error, Some(1.0), None, None, Err("column `b`: expected a value, got null"));
    three(error, Some(1.0), dense(&[1.0, 2.0]), None, Err("column `c`: expected a value, got null"));
    three(error, Some(1.0), dense(&[1.0, NAN]), Some(3.0), d(&[1.0, 1.0, NAN, 3.0]));
}

#[test]
fn assemble_drops_rows() {
    let skip = Invalid::Skip;
    three(skip, None, dense(&[1.0, 2.0]), Some(3.0), Err("skipped"));
    three(skip, Some(NAN), dense(&[1.0, 2.0]), Some(3.0), Err("skipped"));
    three(skip, Some(1.0), None, Some(3.0), Err("skipped"));
    three(skip, Some(1.0), dense(&[1.0, NAN]), Some(3.0), d(&[1.0, 1.0, NAN, 3.0]));
}

#[test]
fn assemble_keeps_null_as_nan() {
    let keep = Invalid::Keep;
    three(keep, None, dense(&[1.0, 2.0]), Some(3.0), d(&[NAN, 1.0, 2.0, 3.0]));
    three(keep, Some(1.0), None, Some(3.0), d(&[1.0, NAN, NAN, 3.0]));
    let inputs = [numbers(&[Some(1.0)]), vectors(&[None])];
    check(assemble(&[Some(0), None], keep), &inputs, &[Err("column `b`: expected a value, got null")]);
    // Too wide for the matrix.
    let op = assemble(&[Some(0), Some(300)], keep);
    check(op, &inputs, &[d(&[&[1.0][..], &[NAN; 300]].concat())]);
}

#[test]
fn assemble_minds_known_sizes() {
    let inputs = [vectors(&[dense(&[1.0]), sparse(4, &[2], &[5.0]), dense(&[1.0, 2.0])])];
    let wrong = |n| format!("column `a`: expected 2 elements, got {n} elements");
    for invalid in [Invalid::Error, Invalid::Skip, Invalid::Keep] {
        let (one, four) = (wrong(1), wrong(4));
        let ran = run_typed(assemble(&[None], invalid), &inputs, &[Type::Vector { size: Some(2) }]);
        check_ran(ran, &[Err(&one), Err(&four), d(&[1.0, 2.0])]);
        for size in [None, Some(2)] {
            check(assemble(&[size], invalid), &inputs, &[d(&[1.0]), s(4, &[2], &[5.0]), d(&[1.0, 2.0])]);
        }
    }
}

#[test]
fn assemble_takes_every_number() {
    let inputs = [
        fixed(DType::Bool, &[Some(1u8), None]),
        fixed(DType::I8, &[Some(-3i8), None]),
        fixed(DType::U64, &[Some(u64::MAX), None]),
        fixed(DType::F32, &[Some(0.1f32), None]),
        fixed(DType::I64, &[Some(i64::MIN), None]),
    ];
    let expected = [1.0, -3.0, u64::MAX as f64, f64::from(0.1f32), i64::MIN as f64];
    check(assemble(&[Some(0); 5], Invalid::Keep), &inputs, &[d(&expected), d(&[NAN; 5])]);
}

#[test]
fn assemble_spreads_and_gathers_wide_vectors() {
    let wide = vectors(&[sparse(1000, &[0, 7, 999], &[1.0, 2.0, 3.0])]);
    let one = numbers(&[Some(4.0)]);
    let inputs = [one.clone(), wide, one];
    check(
        assemble(&[Some(0), Some(1000), Some(0)], Invalid::Error),
        &inputs,
        &[s(1002, &[0, 1, 8, 1000, 1001], &[4.0, 1.0, 2.0, 3.0, 4.0])],
    );
    let values: Vec<f64> = (0..400).map(|i| f64::from(i % 5)).collect();
    let inputs = [vectors(&[dense(&values)]), numbers(&[Some(0.0)])];
    check(assemble(&[None, None], Invalid::Error), &inputs, &[d(&[&values[..], &[0.0]].concat())]);
}

#[test]
fn assemble_refuses_sizes_that_run_over() {
    let huge = sparse(u32::MAX as usize - 1, &[], &[]);
    let rule = "expected vectors of less than 2^31 elements together, got null";
    let inputs = [vectors(&[huge]), vectors(&[huge])];
    check(assemble(&[None, None], Invalid::Error), &inputs, &[Err(&format!("column `a`: {rule}"))]);
}

// === Standardize, MinMax, Multiply ===

fn some(values: &[f64]) -> Option<Arc<[f64]>> {
    Some(values.into())
}

const TOO_LONG: &str = "column `a`: expected 2 elements, got 3 elements";

#[test]
fn standardize_shifts_then_scales() {
    let both = || VectorOp::Standardize { shift: some(&[1.0, 2.0]), scale: some(&[10.0, 0.0]) };
    vector(both(), dense(&[4.0, 5.0]), d(&[30.0, 0.0]));
    vector(both(), dense(&[4.0, 1.0]), d(&[30.0, -0.0]));
    vector(both(), dense(&[4.0]), d(&[30.0]));
    vector(both(), sparse(2, &[1], &[5.0]), d(&[-10.0, 0.0]));
    vector(both(), dense(&[NAN, INF]), d(&[NAN, NAN]));
    vector(both(), dense(&[1.0, 2.0, 3.0]), Err(TOO_LONG));
    vector(both(), sparse(3, &[], &[]), Err(TOO_LONG));
    vector(both(), None, Err(NULL));
}

#[test]
fn standardize_without_a_part() {
    let shift = || VectorOp::Standardize { shift: some(&[1.0, 2.0]), scale: None };
    vector(shift(), dense(&[4.0, 5.0]), d(&[3.0, 3.0]));
    vector(shift(), sparse(2, &[0], &[4.0]), d(&[3.0, -2.0]));
    vector(shift(), sparse(1, &[], &[]), d(&[-1.0]));
    let scale = || VectorOp::Standardize { shift: None, scale: some(&[10.0, 20.0]) };
    vector(scale(), dense(&[4.0, 5.0]), d(&[40.0, 100.0]));
    vector(scale(), sparse(2, &[0, 1], &[0.0, 4.0]), s(2, &[0, 1], &[0.0, 80.0]));
    let neither = || VectorOp::Standardize { shift: None, scale: None };
    vector(neither(), dense(&[1.0, 2.0, 3.0]), d(&[1.0, 2.0, 3.0]));
    vector(neither(), sparse(9, &[1], &[0.0]), s(9, &[1], &[0.0]));
    let ran = run(neither(), &[vectors(&[None])]);
    assert_eq!((ran.faults[0].as_deref(), ran.outputs[0].is_valid(0)), (None, false));
}

#[test]
fn multiply_keeps_the_form() {
    let op = || VectorOp::Multiply { factors: [2.0, -1.0].into() };
    vector(op(), dense(&[3.0, 0.0]), d(&[6.0, -0.0]));
    vector(op(), dense(&[3.0]), d(&[6.0]));
    vector(op(), sparse(2, &[0, 1], &[0.0, 4.0]), s(2, &[0, 1], &[0.0, -4.0]));
    vector(op(), sparse(7, &[1], &[4.0]), s(7, &[1], &[-4.0]));
    vector(op(), dense(&[1.0, 2.0, 3.0]), Err(TOO_LONG));
    vector(op(), sparse(3, &[2], &[1.0]), Err(TOO_LONG));
    vector(op(), None, Err(NULL));
}

#[test]
fn min_max_rescales() {
    let op = |min, max| VectorOp::MinMax {
        from: [0.0, 2.0, 5.0].into(),
        to: [10.0, 6.0, 5.0].into(),
        min,
        max,
        form: Compressed::default(),
    };
    vector(op(0.0, 1.0), dense(&[5.0, 3.0, 7.0]), d(&[0.5, 0.25, 0.5]));
    vector(op(-1.0, 3.0), dense(&[20.0, 2.0, NAN]), d(&[7.0, -1.0, NAN]));
    vector(op(0.0, 1.0), sparse(3, &[0], &[5.0]), d(&[0.5, -0.5, 0.5]));
    vector(op(-1.0, 1.0), dense(&[5.0, 4.0, 9.0]), s(3, &[], &[]));
    vector(op(0.0, 1.0), dense(&[5.0, 3.0]), Err("column `a`: expected 3 elements, got 2 elements"));
    vector(op(0.0, 1.0), None, Err(NULL));
}

// === Scores ===

#[test]
fn sigmoid_of_two_scores() {
    let op = |scale| VectorOp::Sigmoid { scale };
    vector(op(1.0), dense(&[0.0, 0.0]), d(&[0.5, 0.5]));
    vector(op(1.0), dense(&[INF, -INF]), d(&[1.0, 0.0]));
    vector(op(2.0), dense(&[-INF, INF]), d(&[0.0, 1.0]));
    vector(op(1.0), dense(&[NAN, NAN]), d(&[NAN, NAN]));
    let p = 1.0 / (1.0 + libm::exp(-2.0 * 0.7));
    vector(op(2.0), dense(&[0.7, -0.7]), d(&[p, 1.0 - p]));
    vector(op(1.0), sparse(2, &[], &[]), d(&[0.5, 0.5]));
    vector(op(1.0), dense(&[1.0]), Err("column `a`: expected 2 elements, got 1 elements"));
    vector(op(1.0), None, Err(NULL));
}

#[test]
fn softmax_as_spark_does() {
    let op = || VectorOp::Softmax;
    let e = libm::exp(-1.0);
    let f = 1.0 / (e + 1.0 + e);
    vector(op(), dense(&[1.0, 2.0, 1.0]), d(&[e * f, f, e * f]));
    vector(op(), dense(&[1e300, 0.0]), d(&[1.0, 0.0]));
    vector(op(), dense(&[2.0, INF, -3.0]), d(&[0.0, 1.0, -0.0]));
    vector(op(), dense(&[-INF, INF, INF]), d(&[NAN, 1.0, NAN]));
    vector(op(), dense(&[NAN, 1.0]), d(&[NAN, NAN]));
    vector(op(), dense(&[-INF, 3.0]), d(&[0.0, 1.0]));
    vector(op(), sparse(2, &[], &[]), d(&[0.5, 0.5]));
    let huge = "column `a`: expected at most 2^20 scores, got 4000000000 elements";
    vector(op(), sparse(4_000_000_000, &[], &[]), Err(huge));
    vector(op(), None, Err(NULL));
}

#[test]
fn proportions_of_the_sum() {
    let op = || VectorOp::Proportions;
    vector(op(), dense(&[1.0, 3.0]), d(&[0.25, 0.75]));
    vector(op(), dense(&[0.0, -0.0]), d(&[0.0, -0.0]));
    vector(op(), sparse(4, &[1], &[2.0]), d(&[0.0, 1.0, 0.0, 0.0]));
    vector(
        op(),
        dense(&[0.1, 0.2, 0.3]),
        d(&[0.1 / 0.6000000000000001, 0.2 / 0.6000000000000001, 0.3 / 0.6000000000000001]),
    );
    vector(op(), None, Err(NULL));
}

/// Checks the class that a row of scores chooses.
fn chosen(choose: Choose, scores: Option<Row<'_>>, expected: Result<f64, &str>) {
    let ran = run(VectorOp::Choose(choose), &[vectors(&[scores])]);
    assert_eq!(ran.faults[0].as_deref(), expected.err());
    assert_row(&ran.outputs[0], 0, expected.ok().as_ref().map(|class| Row::Dense(std::slice::from_ref(class))));
}

#[test]
fn choose_above() {
    let above = Choose::Above;
    chosen(above(0.5), dense(&[0.4, 0.6]), Ok(1.0));
    chosen(above(0.5), dense(&[0.5, 0.5]), Ok(0.0));
    chosen(above(0.5), dense(&[NAN, NAN]), Ok(0.0));
    chosen(above(-INF), dense(&[0.0, -1.0]), Ok(1.0));
    chosen(above(-1.0), sparse(2, &[0], &[9.0]), Ok(1.0));
    chosen(above(1.0), sparse(2, &[1], &[9.0]), Ok(1.0));
    chosen(above(0.5), dense(&[0.4]), Err("column `a`: expected 2 elements, got 1 elements"));
    chosen(above(0.5), None, Err(NULL));
}

#[test]
fn choose_largest() {
    let largest = || Choose::Largest;
    chosen(largest(), dense(&[1.0, 3.0, 3.0, 2.0]), Ok(1.0));
    chosen(largest(), dense(&[0.0, NAN, 1.0]), Ok(2.0));
    chosen(largest(), dense(&[NAN, 1.0, 2.0]), Ok(0.0));
    chosen(largest(), dense(&[NAN, NAN]), Ok(0.0));
    chosen(largest(), dense(&[-INF, -INF]), Ok(0.0));
    chosen(largest(), dense(&[-INF, -1e308]), Ok(1.0));
    chosen(largest(), sparse(4, &[0, 3], &[-1.0, 2.0]), Ok(3.0));
    chosen(largest(), sparse(4, &[0, 3], &[-1.0, -2.0]), Ok(1.0));
    chosen(largest(), dense(&[]), Ok(0.0));
    chosen(largest(), None, Err(NULL));
}

#[test]
fn choose_largest_number() {
    let largest = || Choose::LargestNumber;
    chosen(largest(), dense(&[1.0, 3.0, 3.0, 2.0]), Ok(1.0));
    chosen(largest(), dense(&[NAN, 1.0, 2.0, NAN]), Ok(2.0));
    chosen(largest(), dense(&[-INF, NAN, -1e308]), Ok(2.0));
    chosen(largest(), dense(&[NAN, -INF]), Ok(-1.0));
    chosen(largest(), sparse(4, &[0, 1], &[-1.0, NAN]), Ok(2.0));
    chosen(largest(), dense(&[]), Ok(-1.0));
    chosen(largest(), None, Err(NULL));
}

#[test]
fn choose_weighed() {
    let weighed = |thresholds: &[f64]| Choose::Weighed(thresholds.into());
    chosen(weighed(&[0.5, 0.25]), dense(&[0.6, 0.4]), Ok(1.0));
    chosen(weighed(&[0.5, 0.5]), dense(&[0.5, 0.5]), Ok(0.0));
    chosen(weighed(&[0.5, 0.0]), dense(&[0.9, 0.1]), Ok(1.0));
    chosen(weighed(&[0.5, 0.0]), dense(&[1.0, 0.0]), Ok(0.0));
    chosen(weighed(&[0.5, 0.5]), dense(&[NAN, NAN]), Ok(0.0));
    chosen(weighed(&[1.0]), dense(&[0.5, 0.5]), Err("column `a`: expected 1 element, got 2 elements"));
}

#[test]
fn lists_of_floats_are_dense_vectors() {
    let mut builder = Builder::new(&Type::list(Type::F32));
    for row in [Some(&[Some(0.1_f32), Some(-0.0)][..]), Some(&[]), None, Some(&[Some(1.0), None])] {
        for item in row.unwrap_or_default() {
            match item {
                Some(x) => builder.items().push_fixed(*x),
                None => builder.items().push_null(),
            }
        }
        if row.is_some() { builder.end_list() } else { builder.push_null() }
    }
    let ran = run(VectorOp::FromList, &[builder.finish()]);
    assert_row(&ran.outputs[0], 0, dense(&[f64::from(0.1_f32), -0.0]));
    assert_row(&ran.outputs[0], 1, dense(&[]));
    assert!(!ran.outputs[0].is_valid(2) && ran.faults[2].is_none());
    assert_eq!(ran.faults[3].as_deref(), Some(NULL));
}
