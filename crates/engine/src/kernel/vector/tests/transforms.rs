//! Vectors of any kind to vectors: above a threshold, normalised, transformed, multiplied out, selected, numbered.

use std::f64::consts::PI;

use plan::CategoryMap;

use super::*;

#[test]
fn binarize_numbers() {
    let cells = [Some(0.5), Some(0.6), Some(NAN), None, Some(-0.0), Some(INF)];
    for (threshold, null_is_zero, null) in [(0.5, false, None), (0.5, true, Some(0.0))] {
        let ran = run(VectorOp::Binarize { threshold, null_is_zero, form: Compressed::default() }, &[numbers(&cells)]);
        let expected = [Some(0.0), Some(1.0), Some(0.0), null, Some(0.0), Some(1.0)];
        for (row, expected) in expected.iter().enumerate() {
            assert_eq!(ran.faults[row], None);
            assert_row(&ran.outputs[0], row, expected.as_ref().map(|x| Row::Dense(std::slice::from_ref(x))));
        }
    }
}

#[test]
fn binarize_vectors() {
    let op = |threshold| VectorOp::Binarize { threshold, null_is_zero: true, form: Compressed::default() };
    vector(op(0.5), dense(&[0.5, 0.6, NAN]), d(&[0.0, 1.0, 0.0]));
    vector(op(0.0), dense(&[-0.0, 0.0, -1.0, 1e-300]), s(4, &[3], &[1.0]));
    vector(op(0.0), sparse(9, &[1, 4, 5], &[0.0, NAN, 2.0]), s(9, &[5], &[1.0]));
    vector(op(0.0), sparse(3, &[0, 2], &[1.0, 2.0]), d(&[1.0, 0.0, 1.0]));
    vector(op(0.0), sparse(4_000_000_000, &[7], &[1.0]), s(4_000_000_000, &[7], &[1.0]));
    vector(op(-0.3), sparse(4, &[0, 1, 3], &[-0.3, NAN, -0.2]), d(&[0.0, 1.0, 1.0, 1.0]));
    vector(op(-0.3), dense(&[-1.0, -1.0, -1.0, 0.0]), s(4, &[3], &[1.0]));
    let huge = "column `a`: expected at most 2^20 elements of a sparse vector, got 4000000000 elements";
    vector(op(-0.3), sparse(4_000_000_000, &[], &[]), Err(huge));
    vector(op(NAN), dense(&[1.0]), Err("column `a`: expected a threshold that is not NaN, got NaN"));
    vector(op(0.5), None, Err(NULL));
}

#[test]
fn normalize_by_the_norm_of_what_is_stored() {
    let op = |p| VectorOp::Normalize { p };
    vector(op(1.0), dense(&[1.0, -3.0]), d(&[0.25, -0.75]));
    vector(op(2.0), sparse(9, &[1, 7], &[3.0, -4.0]), s(9, &[1, 7], &[3.0 / 5.0, -4.0 / 5.0]));
    vector(op(INF), dense(&[2.0, -4.0, NAN]), d(&[0.5, -1.0, NAN]));
    let norm = libm::pow(9.0, 1.0 / 3.0);
    vector(op(3.0), dense(&[1.0, -2.0]), d(&[1.0 / norm, -2.0 / norm]));
    vector(op(2.0), dense(&[NAN, 1.0]), d(&[NAN, NAN]));
    vector(op(1.0), dense(&[0.0, -0.0]), d(&[0.0, -0.0]));
    vector(op(2.0), sparse(3, &[0], &[0.0]), s(3, &[0], &[0.0]));
    vector(op(2.0), dense(&[]), d(&[]));
    vector(op(2.0), dense(&[1e200]), d(&[0.0]));
    vector(op(2.0), None, Err(NULL));
}

/// The cosine transform by its definition.
fn defined(x: &[f64], inverse: bool) -> Vec<f64> {
    let n = x.len();
    let scale = |k: usize| ((if k == 0 { 1.0 } else { 2.0 }) / n as f64).sqrt();
    let cosine = |j: usize, k: usize| libm::cos(PI * ((2 * j + 1) * k % (4 * n)) as f64 / (2 * n) as f64);
    let term = |i: usize, other: usize| match inverse {
        false => x[other] * scale(i) * cosine(other, i),
        true => x[other] * scale(other) * cosine(i, other),
    };
    (0..n).map(|i| (0..n).map(|other| term(i, other)).sum()).collect()
}

#[test]
fn cosine_as_defined() {
    for n in (1..=130).chain([200, 256, 997, 1024]) {
        let x: Vec<f64> = (0..n).map(|i| f64::from((i * 7919) % 1000) / 100.0 - 3.0).collect();
        let length = x.iter().map(|v| v * v).sum::<f64>().sqrt();
        for inverse in [false, true] {
            let ran = run_once(VectorOp::Cosine { inverse }, &[vectors(&[dense(&x)])]);
            let Column::Vector(out) = &ran.outputs[0] else { panic!("vectors") };
            let Row::Dense(got) = out.row(0) else { panic!("dense") };
            let expected = defined(&x, inverse);
            assert_eq!(got.len(), n as usize);
            let worst = got.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            // The roots of large primes are powers of the first, as JTransforms makes them, and lose digits.
            assert!(worst <= 1e-13 * length, "{n}, inverse {inverse}: {worst:e} of {length}");
        }
    }
}

/// As JTransforms answered in Spark: an infinity becomes NaN where it meets itself again.
#[test]
fn cosine_of_what_is_not_finite() {
    let op = |inverse| VectorOp::Cosine { inverse };
    let mut nine = [NAN; 10];
    nine[5] = INF;
    vector(op(false), dense(&[5.0, 1e300, 0.0, -1.0, 0.0, -INF, 2.0, 1.0, 2.0, 0.0]), d(&nine));
}

#[test]
fn cosine_of_one_sparse_or_none() {
    let op = || VectorOp::Cosine { inverse: false };
    vector(op(), dense(&[-3.25]), d(&[-3.25]));
    let half = 0.5f64.sqrt();
    vector(op(), sparse(2, &[], &[]), d(&[0.0, 0.0]));
    vector(op(), dense(&[NAN, 1.0]), d(&[NAN, NAN]));
    let ran = run(op(), &[vectors(&[sparse(2, &[0], &[1.0]), dense(&[1.0]), sparse(2, &[0], &[1.0])])]);
    for row in [0, 2] {
        let Column::Vector(out) = &ran.outputs[0] else { panic!("vectors") };
        let Row::Dense(got) = out.row(row) else { panic!("dense") };
        assert!((got[0] - half).abs() < 1e-15 && (got[1] - half).abs() < 1e-15, "{got:?}");
    }
    let huge = "column `a`: expected 1 to 2^20 elements, got 4000000000 elements";
    vector(op(), sparse(4_000_000_000, &[], &[]), Err(huge));
    vector(op(), dense(&[]), Err("column `a`: expected 1 to 2^20 elements, got 0 elements"));
    vector(op(), None, Err(NULL));
}

#[test]
fn products_in_order() {
    let op = |degree| VectorOp::Products { degree };
    let (x, y, z) = (2.0, 3.0, 5.0);
    vector(op(1), dense(&[x, y]), d(&[x, y]));
    vector(op(2), dense(&[x, y]), d(&[x, x * x, y, x * y, y * y]));
    let xyz = [x, x * x, y, x * y, y * y, z, x * z, y * z, z * z];
    vector(op(2), dense(&[x, y, z]), d(&xyz));
    let x3 = [2.0, 4.0, 8.0, 3.0, 6.0, 12.0, 9.0, 18.0, 27.0];
    vector(op(3), dense(&[x, y]), d(&x3));
    // The last element is multiplied first.
    let (a, b) = (0.1, 0.7);
    vector(op(3), dense(&[a, b]), d(&[a, a * a, a * a * a, b, b * a, b * a * a, b * b, b * b * a, b * b * b]));
    vector(op(2), sparse(3, &[0, 2], &[x, z]), s(9, &[0, 1, 5, 6, 8], &[x, x * x, z, z * x, z * z]));
    vector(op(2), dense(&[-0.0, y, 0.0]), d(&[0.0, 0.0, y, 0.0, y * y, 0.0, 0.0, 0.0, 0.0]));
    vector(op(2), sparse(3, &[0, 1], &[0.0, y]), s(9, &[2, 4], &[y, y * y]));
    vector(op(2), dense(&[NAN, 0.0]), d(&[NAN, NAN, 0.0, 0.0, 0.0]));
    vector(op(2), dense(&[]), d(&[]));
    vector(op(2), sparse(3, &[], &[]), s(9, &[], &[]));
    // A product that becomes 0 ends there.
    let t = 1e-200;
    let tiny = [t, 0.0, 0.0, 0.0, 2.0, 2.0 * t, 0.0, 0.0, 4.0, 4.0 * t, 0.0, 8.0, 8.0 * t, 16.0];
    vector(op(4), dense(&[t, 2.0]), d(&tiny));
    vector(op(2), None, Err(NULL));
}

#[test]
fn products_are_bounded() {
    let op = |degree| VectorOp::Products { degree };
    let too_many = "column `a`: expected a vector of at most 2^20 products, got 2000 elements";
    vector(op(2), dense(&[1.0; 2000]), Err(too_many));
    let too_large = "column `a`: expected a vector of less than 2^31 products, got 65536 elements";
    vector(op(2), sparse(65536, &[], &[]), Err(too_large));
    let huge = "column `a`: expected a vector of less than 2^31 products, got 4294967294 elements";
    vector(op(i32::MAX as u32), sparse(u32::MAX as usize - 1, &[], &[]), Err(huge));
    vector(op(2), sparse(65534, &[65533], &[3.0]), s(2_147_450_879, &[2_147_385_344, 2_147_450_878], &[3.0, 9.0]));
    // As deep as it is long: no call for each element.
    let ran = run_once(op(1), &[vectors(&[dense(&[1.5; 500_000])])]);
    let Column::Vector(out) = &ran.outputs[0] else { panic!("vectors") };
    assert!(matches!(out.row(0), Row::Dense(values) if values.len() == 500_000 && values.iter().all(|v| *v == 1.5)));
}

#[test]
fn products_are_counted() {
    let counts = [(2, 2, 6), (3, 2, 10), (10, 3, 286), (1, 1000, 1001), (0, 5, 1), (100, 1, 101), (30, 6, 1_947_792)];
    for (elements, degree, count) in counts {
        assert_eq!(plan::products(elements, degree), Some(count), "{elements}, {degree}");
    }
    assert_eq!(plan::products(65534, 2), Some(2_147_450_880));
    assert_eq!(plan::products(65536, 2), None);
    assert_eq!(plan::products(u64::from(u32::MAX), u32::MAX), None);
    assert_eq!(plan::products(u64::MAX, 1).or(plan::products(u64::MAX, 7)), None);
}

#[test]
fn select_places() {
    let op = |places: &[u32]| VectorOp::Select { places: places.into(), zeros: true };
    let without = |places: &[u32]| VectorOp::Select { places: places.into(), zeros: false };
    vector(op(&[3, 0]), dense(&[1.0, 2.0, NAN, -0.0, 5.0]), d(&[-0.0, 1.0]));
    vector(op(&[3, 0, 4]), sparse(5, &[0, 3], &[0.0, 7.0]), s(3, &[0, 1], &[7.0, 0.0]));
    vector(without(&[3, 0, 4]), sparse(5, &[0, 3, 4], &[-0.0, 7.0, NAN]), s(3, &[0, 2], &[7.0, NAN]));
    vector(without(&[1, 0]), dense(&[1.0, -0.0]), d(&[-0.0, 1.0]));
    vector(op(&[9]), sparse(5, &[0, 3], &[0.0, 7.0]), s(1, &[], &[]));
    vector(op(&[]), dense(&[1.0]), d(&[]));
    vector(op(&[3]), dense(&[1.0, 2.0, 3.0]), Err("column `a`: expected 4 elements, got 3 elements"));
    vector(op(&[0]), None, Err(NULL));
}

#[test]
fn vectors_of_a_size() {
    let op = |skip| VectorOp::OfSize { size: 2, skip };
    vector(op(false), dense(&[1.0, -0.0]), d(&[1.0, -0.0]));
    vector(op(true), sparse(2, &[1], &[0.0]), s(2, &[1], &[0.0]));
    vector(op(false), dense(&[1.0, 2.0, 3.0]), Err(TOO_LONG));
    vector(op(false), None, Err(NULL));
    vector(op(true), dense(&[1.0]), Err("skipped"));
    vector(op(true), None, Err("skipped"));
}

#[test]
fn categories_of_elements() {
    let op = |invalid| {
        let map = |place, values: &[(f64, f64)]| CategoryMap { place, values: values.into() };
        let maps = [map(0, &[(5.0, 2.0), (-1.0, 1.0), (0.0, 0.0)]), map(2, &[(3.0, 0.0)])];
        VectorOp::Categories { size: 3, maps: maps.into(), invalid }
    };
    let (error, keep, skip) = (Invalid::Error, Invalid::Keep, Invalid::Skip);
    vector(op(error), dense(&[5.0, 0.5, 3.0]), d(&[2.0, 0.5, 0.0]));
    vector(op(error), dense(&[-0.0, NAN, 3.0]), d(&[0.0, NAN, 0.0]));
    vector(op(error), dense(&[7.0, 0.5, 3.0]), Err("column `a`: expected a label seen in training, got 7"));
    vector(op(keep), dense(&[NAN, 0.5, 4.0]), d(&[3.0, 0.5, 1.0]));
    vector(op(skip), dense(&[5.0, 0.5, 4.0]), Err("skipped"));
    // What a sparse vector does not store stays 0, though 0 is no category.
    vector(op(error), sparse(3, &[0, 1], &[-1.0, 9.0]), s(3, &[0, 1], &[1.0, 9.0]));
    vector(op(keep), sparse(3, &[2], &[0.0]), s(3, &[2], &[1.0]));
    for invalid in [error, keep, skip] {
        vector(op(invalid), dense(&[5.0, 0.5]), Err("column `a`: expected 3 elements, got 2 elements"));
        vector(op(invalid), None, Err(NULL));
    }
}

#[test]
fn categories_are_found_by_place_and_by_search() {
    for known in [&[0.0, 3.0, 1000.0][..], &[0.0, 2.5, -7.0], &[0.0, 5000.0, 3.0]] {
        let check = |invalid, value: f64, expected: Result<f64, &str>| {
            let values = known.iter().enumerate().map(|(number, &value)| (value, number as f64));
            let map = CategoryMap { place: 1, values: values.collect() };
            let op = VectorOp::Categories { size: 3, maps: [map].into(), invalid };
            let (row, other) = ([7.0, value, 8.0], [5.0, known[1], 6.0]);
            let expected = expected.map(|number| [7.0, number, 8.0]);
            let expected = expected.as_ref().map(|row| Row::Dense(row)).map_err(|refusal| *refusal);
            // All rows at once where all are dense, one by one where one is sparse.
            check(op.clone(), &[vectors(&[dense(&other), dense(&row)])], &[d(&[5.0, 1.0, 6.0]), expected]);
            let one_sparse = vectors(&[sparse(3, &[1], &[known[1]]), dense(&row)]);
            check(op, &[one_sparse], &[s(3, &[1], &[1.0]), expected]);
        };
        for (number, &value) in known.iter().enumerate() {
            check(Invalid::Error, value, Ok(number as f64));
        }
        check(Invalid::Error, -0.0, Ok(0.0));
        for unseen in [1.0, 0.5, 1e300, -1.0, NAN, INF, -INF] {
            check(Invalid::Keep, unseen, Ok(3.0));
            let refusal = format!("column `a`: expected a label seen in training, got {unseen}");
            check(Invalid::Error, unseen, Err(&refusal));
            check(Invalid::Skip, unseen, Err("skipped"));
        }
    }
}
