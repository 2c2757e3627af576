use std::sync::Arc;

use model::{Builder, Column, DType, Type, column::Row};
use plan::{Compressed, FeatureOp, HashedColumn, Interacting};

use crate::kernel::tests::{Ran, assert_row, dense, fixed, lists, numbers, run, sparse, texts, vectors};

const NAN: f64 = f64::NAN;

fn number(categories: &[(u32, u32)]) -> Interacting {
    Interacting { size: None, categories: categories.into() }
}

fn vector(size: u32, categories: &[(u32, u32)]) -> Interacting {
    Interacting { size: Some(size), categories: categories.into() }
}

fn interact<const N: usize>(parts: [Interacting; N]) -> FeatureOp {
    FeatureOp::Interact { parts: parts.into(), form: Compressed::default() }
}

/// Panics unless the rows become these; the op refuses none.
fn check(op: FeatureOp, inputs: &[Column], expected: &[Option<Row<'_>>]) {
    let Ran { outputs, faults } = run(op, inputs);
    assert_eq!(faults.iter().flatten().next(), None);
    assert_eq!(outputs[0].len(), expected.len());
    expected.iter().enumerate().for_each(|(row, expected)| assert_row(&outputs[0], row, *expected));
}

fn check_refused(op: FeatureOp, inputs: &[Column], expected: &[Option<&str>]) {
    let faults = run(op, inputs).faults;
    assert_eq!(faults.iter().map(Option::as_deref).collect::<Vec<_>>(), expected);
}

#[test]
fn a_category_spreads_a_number() {
    let op = interact([number(&[(0, 3)]), number(&[])]);
    let inputs = [numbers(&[Some(0.0), Some(2.0), Some(-0.0)]), numbers(&[Some(2.5), Some(-1.0), Some(NAN)])];
    check(op, &inputs, &[dense(&[2.5, 0.0, 0.0]), dense(&[0.0, 0.0, -1.0]), dense(&[NAN, 0.0, 0.0])]);
}

#[test]
fn the_first_input_runs_slowest() {
    let op = interact([vector(2, &[]), vector(3, &[])]);
    let inputs = [vectors(&[dense(&[2.0, 3.0])]), vectors(&[sparse(3, &[0, 2], &[5.0, 7.0])])];
    check(op, &inputs, &[dense(&[10.0, 0.0, 14.0, 15.0, 0.0, 21.0])]);
}

#[test]
fn the_form_is_the_smaller_one_by_either_reckoning() {
    let op = |form| FeatureOp::Interact { parts: vec![number(&[(0, 5)]), number(&[])], form };
    let inputs = |x| [numbers(&[Some(3.0)]), numbers(&[Some(x)])];
    for form in [Compressed::Plain, Compressed::Headed] {
        check(op(form), &inputs(-1.0), &[sparse(5, &[3], &[-1.0])]);
    }
    let op = |form| FeatureOp::Interact { parts: vec![number(&[(0, 2)]), number(&[])], form };
    let inputs = [numbers(&[Some(1.0)]), numbers(&[Some(-0.0)])];
    check(op(Compressed::Plain), &inputs, &[sparse(2, &[], &[])]);
    check(op(Compressed::Headed), &inputs, &[dense(&[0.0, -0.0])]);
}

#[test]
fn categories_stand_among_the_elements_of_a_vector() {
    let op = interact([vector(3, &[(1, 4)]), number(&[(0, 2)])]);
    let inputs = [vectors(&[dense(&[5.0, 2.0, 7.0]), sparse(3, &[1], &[3.0])]), numbers(&[Some(1.0), Some(0.0)])];
    check(op, &inputs, &[sparse(12, &[1, 7, 11], &[5.0, 1.0, 7.0]), sparse(12, &[8], &[1.0])]);
}

#[test]
fn a_dense_result_keeps_the_sign_of_zero_and_a_sparse_one_no_zeros() {
    let inputs = |x: f64| [numbers(&[Some(x)]), vectors(&[dense(&[0.0, 1.0])])];
    check(interact([number(&[]), vector(2, &[])]), &inputs(-1.0), &[dense(&[-0.0, -1.0])]);
    let op = interact([number(&[(0, 4)]), vector(2, &[])]);
    check(op, &inputs(3.0), &[sparse(8, &[7], &[1.0])]);
}

#[test]
fn zero_times_infinity_is_no_number_where_the_zero_is_stored() {
    let infinity = || numbers(&[Some(f64::INFINITY), Some(f64::INFINITY)]);
    let vectors = vectors(&[dense(&[0.0, 2.0]), sparse(2, &[1], &[2.0])]);
    let expected = [dense(&[NAN, f64::INFINITY]), dense(&[0.0, f64::INFINITY])];
    check(interact([number(&[]), vector(2, &[])]), &[infinity(), vectors], &expected);
}

#[test]
fn interactions_refuse_what_is_no_category() {
    let seen = |got: &str| Some(format!("column `a`: expected a label seen in training, got {got}"));
    let refused = [seen("3"), seen("0.5"), seen("-1"), seen("NaN")];
    let mut expected: Vec<Option<&str>> = refused.iter().map(Option::as_deref).collect();
    expected.extend([Some("column `a`: expected a value, got null"), None]);
    let column = numbers(&[Some(3.0), Some(0.5), Some(-1.0), Some(NAN), None, Some(2.0)]);
    check_refused(interact([number(&[(0, 3)])]), &[column], &expected);
    let column = vectors(&[dense(&[1.0]), None]);
    let size = "column `a`: expected 2 elements, got 1 elements";
    check_refused(interact([vector(2, &[])]), &[column], &[Some(size), Some("column `a`: expected a value, got null")]);
}

fn hashed(name: &str, by_value: bool) -> HashedColumn {
    HashedColumn { name: name.into(), by_value }
}

#[test]
fn columns_fall_where_their_names_and_values_hash_to() {
    // The documentation of Spark's FeatureHasher shows these places.
    let columns = vec![hashed("real", false), hashed("bool", false), hashed("stringNum", true), hashed("string", true)];
    let inputs = [
        numbers(&[Some(2.2), Some(3.3), Some(4.4), None]),
        fixed(DType::Bool, &[Some(1_u8), Some(0), Some(0), None]),
        texts(&[Some("1"), Some("2"), Some("3"), None]),
        texts(&[Some("foo"), Some("bar"), Some("baz"), None]),
    ];
    let rows = [
        sparse(262_144, &[174_475, 247_670, 257_907, 262_126], &[2.2, 1.0, 1.0, 1.0]),
        sparse(262_144, &[70_644, 89_673, 173_866, 174_475], &[1.0, 1.0, 1.0, 3.3]),
        sparse(262_144, &[22_406, 70_644, 174_475, 187_923], &[1.0, 1.0, 4.4, 1.0]),
        sparse(262_144, &[], &[]),
    ];
    check(FeatureOp::HashColumns { columns, size: 262_144 }, &inputs, &rows);
}

#[test]
fn what_falls_to_one_place_is_added_up_and_zeros_are_entries() {
    let op = |columns| FeatureOp::HashColumns { columns, size: 1 };
    let inputs = [numbers(&[Some(0.5), Some(-0.0), None]), fixed(DType::I32, &[Some(3), None, None])];
    let rows = [sparse(1, &[0], &[1.5]), sparse(1, &[0], &[-0.0]), sparse(1, &[], &[])];
    check(op(vec![hashed("x", false), hashed("i", true)]), &inputs, &rows);
}

#[test]
fn numbers_are_told_by_their_texts() {
    let place = |column: Column| {
        let op = FeatureOp::HashColumns { columns: vec![hashed("c", true)], size: i32::MAX as u32 };
        match run(op, &[column]).outputs.remove(0) {
            Column::Vector(vectors) => match vectors.row(0) {
                Row::Sparse { indices, .. } => indices[0],
                row => panic!("{row:?}"),
            },
            column => panic!("{column:?}"),
        }
    };
    let of_text = |text: &str| place(texts(&[Some(text)]));
    assert_eq!(place(numbers(&[Some(1e10)])), of_text("1.0E10"));
    assert_eq!(place(fixed(DType::F32, &[Some(0.1_f32)])), of_text("0.1"));
    assert_eq!(place(fixed(DType::I8, &[Some(-3_i8)])), of_text("-3"));
    assert_eq!(place(fixed(DType::Bool, &[Some(1_u8)])), of_text("true"));
}

#[test]
fn words_have_a_mean() {
    let words: Arc<[Box<str>]> = ["a", "b", "a"].map(Into::into).into();
    let vectors = vec![9.0, 9.0, 0.1, 2.0, 1.0, -0.5].into();
    let op = FeatureOp::WordMean { words, vectors, size: 2 };
    let rows: [Option<&[Option<&str>]>; 4] =
        [Some(&[Some("a"), Some("x"), Some("b"), None]), Some(&[]), Some(&[Some("x")]), Some(&[Some("b"), Some("b")])];
    // A vector that is there twice is the last; float32 0.1 is widened.
    let sum = 1.0 + f64::from(0.1_f32);
    let twice = f64::from(0.1_f32) + f64::from(0.1_f32);
    let (first, last) = ([sum * 0.25, 0.375], [twice * 0.5, 2.0]);
    let expected = [dense(&first), sparse(2, &[], &[]), dense(&[0.0, 0.0]), dense(&last)];
    check(op.clone(), &[lists(&rows)], &expected);
    check_refused(op, &[lists(&[None])], &[Some("column `a`: expected a value, got null")]);
}

/// Returns a column of lists of vectors of one element.
fn hashes(rows: &[Option<&[f64]>]) -> Column {
    let mut builder = Builder::new(&Type::list(Type::VECTOR));
    for row in rows {
        match row {
            Some(hashes) => {
                hashes.iter().for_each(|hash| builder.items().push_vector(Row::Dense(&[*hash])));
                builder.end_list();
            }
            None => builder.push_null(),
        }
    }
    builder.finish()
}

#[test]
fn projections_fall_into_buckets() {
    let op = || FeatureOp::Project { rows: [1.0, 0.0, -1.0, 2.0].into(), columns: 2, factor: 0.5 };
    let rows = vectors(&[dense(&[3.0, 1.0]), sparse(2, &[1], &[-3.0]), dense(&[NAN, 0.0]), dense(&[1.0]), None]);
    let Ran { outputs, faults } = run(op(), &[rows]);
    let expected = [Some(&[1.0, -1.0][..]), Some(&[0.0, -3.0]), Some(&[NAN, NAN]), None, None];
    assert_eq!(outputs[0].slice(0, 2), hashes(&expected[..2]));
    assert!(outputs[0].is_valid(2) && !outputs[0].is_valid(3) && !outputs[0].is_valid(4));
    let size = "column `a`: expected 2 elements, got 1 elements";
    let null = "column `a`: expected a value, got null";
    let faults: Vec<Option<&str>> = faults.iter().map(Option::as_deref).collect();
    assert_eq!(faults, [None, None, None, Some(size), Some(null)]);
}

#[test]
fn the_least_hash_of_the_places_counts() {
    let op = FeatureOp::MinHash { pairs: [(2_000_000_000, 5), (1, 0)].into() };
    let rows = vectors(&[dense(&[0.0, 1.0, NAN]), sparse(5, &[0, 4], &[0.0, -1.0]), sparse(5, &[2], &[0.0])]);
    let Ran { outputs, faults } = run(op, &[rows]);
    let of = |i: i64| ((1 + i) * 2_000_000_000 + 5) % 2_038_074_743;
    let first = [of(1).min(of(2)) as f64, 2.0];
    assert_eq!(outputs[0], hashes(&[Some(&first), Some(&[of(4) as f64, 5.0]), None]));
    assert!(faults[..2].iter().all(Option::is_none) && faults[2].is_some());
}

#[test]
fn what_is_missing_is_replaced_in_its_own_type() {
    let impute = |missing| FeatureOp::Impute { missing, surrogate: -2.7 };
    let column = |rows: &[Option<f64>]| numbers(rows);
    let ran = run(impute(NAN), &[column(&[Some(1.0), None, Some(NAN), Some(-0.0)])]);
    assert_eq!(ran.outputs[0], column(&[Some(1.0), Some(-2.7), Some(-2.7), Some(-0.0)]));
    let ran = run(impute(0.0), &[column(&[Some(NAN), Some(-0.0), None])]);
    assert_row(&ran.outputs[0], 0, dense(&[NAN]));
    assert_eq!(ran.outputs[0].slice(1, 2), column(&[Some(-2.7), Some(-2.7)]));
    let ran = run(impute(7.0), &[fixed(DType::I32, &[Some(7), None, Some(i32::MIN)])]);
    assert_eq!(ran.outputs[0], fixed(DType::I32, &[Some(-2), Some(-2), Some(i32::MIN)]));
    // All goes through a double.
    let ran = run(impute(7.0), &[fixed(DType::I64, &[Some((1_i64 << 53) + 1)])]);
    assert_eq!(ran.outputs[0], fixed(DType::I64, &[Some(1_i64 << 53)]));
    let ran = run(impute(7.0), &[fixed(DType::F32, &[Some(0.1_f32), None])]);
    assert_eq!(ran.outputs[0], fixed(DType::F32, &[Some(0.1_f32), Some(-2.7_f32)]));
}

#[test]
fn keys_have_values() {
    let lookup = |null, other| FeatureOp::Lookup { keys: [0.0, 3.0].into(), values: [0.5, 0.25].into(), null, other };
    let column = || numbers(&[Some(-0.0), Some(3.0), Some(1.0), Some(NAN), None]);
    let ran = run(lookup(Some(9.0), Some(8.0)), &[column()]);
    assert_eq!(ran.outputs[0], numbers(&[Some(0.5), Some(0.25), Some(8.0), Some(8.0), Some(9.0)]));
    let unseen = |got: &str| Some(format!("column `a`: expected a label seen in training, got {got}"));
    let faults = run(lookup(None, None), &[column()]).faults;
    let null = Some("column `a`: expected a value, got null".to_owned());
    assert_eq!(faults, [None, None, unseen("1"), unseen("NaN"), null]);
}
