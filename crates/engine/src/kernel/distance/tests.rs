use model::Column;
use plan::{
    DistanceOp,
    op::distance::{Compare, Comparison, Corpus, Local, Measure, Metric, Verdict},
};

use crate::kernel::tests::{Ran, assert_row, dense, numbers, run, sparse, vectors};

fn part(compare: Compare, weight: f64, counts: f64) -> Comparison {
    Comparison { compare, weight, counts }
}

fn plain(metric: Metric, fields: usize) -> Measure {
    Measure { metric, fields: vec![part(Compare::AbsDiff, 1.0, 1.0); fields].into(), single: false }
}

fn all(measure: Measure, points: &[f64], inputs: &[Column]) -> Ran {
    run(DistanceOp::All { measure, points: points.into() }, inputs)
}

/// To the points (0, 0) and (3, 4) from (3, 0), by hand.
#[test]
fn each_metric_sums_in_its_own_way() {
    let inputs = [numbers(&[Some(3.0)]), numbers(&[Some(0.0)])];
    for (metric, expected) in [
        (Metric::Euclidean, [3.0, 4.0]),
        (Metric::SquaredEuclidean, [9.0, 16.0]),
        (Metric::CityBlock, [3.0, 4.0]),
        (Metric::Chebychev, [3.0, 4.0]),
        (Metric::Minkowski(1.0), [3.0, 4.0]),
        (Metric::Minkowski(0.0), [libm::exp(2.0), libm::exp(2.0)]),
    ] {
        let ran = all(plain(metric, 2), &[0.0, 0.0, 3.0, 4.0], &inputs);
        assert_row(&ran.outputs[0], 0, dense(&expected));
        assert_row(&ran.outputs[1], 0, dense(&[0.0]));
    }
}

/// Counts 1, 2 and 0.5: with the last field missing the sum of the others is multiplied by 3.5 / 3.
#[test]
fn a_missing_field_enlarges_the_sum_of_the_others() {
    let counts = [1.0, 2.0, 0.5];
    let fields = counts.map(|c| part(Compare::AbsDiff, 1.0, c));
    let measure = Measure { metric: Metric::SquaredEuclidean, fields: fields.into(), single: false };
    let inputs = [numbers(&[Some(1.0), None]), numbers(&[Some(2.0), None]), numbers(&[None, None])];
    let ran = all(measure, &[0.0; 3], &inputs);
    assert_row(&ran.outputs[0], 0, dense(&[5.0 * (3.5 / 3.0)]));
    let refused = ran.faults[1].as_deref().expect("nothing is there to compare");
    assert!(refused.contains("at least one field"), "{refused}");
}

/// A point that lacks a field is compared by the others, as a row that lacks it is; one that shares none is the farthest.
#[test]
fn a_point_may_lack_fields() {
    let inputs = [numbers(&[Some(1.0), Some(1.0)]), numbers(&[Some(2.0), None])];
    let ran = all(plain(Metric::CityBlock, 2), &[f64::NAN, 0.0, 0.0, 0.0], &inputs);
    assert_row(&ran.outputs[0], 0, dense(&[4.0, 3.0]));
    assert_row(&ran.outputs[0], 1, dense(&[f64::NAN, 2.0]));
    assert_row(&ran.outputs[1], 1, dense(&[1.0]));
}

#[test]
fn fields_are_compared_each_by_its_own_function() {
    let table = Compare::Table { size: 2, values: [0.0, 0.25, 0.75, 0.0].into() };
    let fields = [
        part(Compare::Gauss { scale: 2.0 }, 1.0, 1.0),
        part(Compare::Delta, 3.0, 1.0),
        part(Compare::Equal, 5.0, 1.0),
        part(table, 1.0, 1.0),
    ];
    let measure = Measure { metric: Metric::CityBlock, fields: fields.into(), single: false };
    let one = |x: f64| numbers(&[Some(x)]);
    // Half at the distance of the scale; 3 as they differ; 5 as they are equal; row 1, column 0 of the table.
    let ran = all(measure.clone(), &[1.0, 1.0, 1.0, 0.0], &[one(3.0), one(2.0), one(1.0), one(1.0)]);
    let expected = libm::exp(-std::f64::consts::LN_2 * 4.0 / 4.0) + 3.0 + 5.0 + 0.75;
    assert_row(&ran.outputs[0], 0, dense(&[expected]));
    let ran = all(measure, &[1.0, 1.0, 1.0, 0.0], &[one(3.0), one(2.0), one(1.0), one(2.0)]);
    assert!(ran.faults[0].as_deref().is_some_and(|f| f.contains("a place of its table")));
}

/// `single` rounds: 0.1 - 0.3 as floats is not what it is as doubles.
#[test]
fn single_arithmetic_rounds_after_each_operation() {
    let mut measure = plain(Metric::SquaredEuclidean, 1);
    measure.single = true;
    let ran = all(measure, &[0.3], &[numbers(&[Some(0.1)])]);
    let d = 0.1_f32 - 0.3_f32;
    assert_row(&ran.outputs[0], 0, dense(&[f64::from(d * d)]));
}

/// Bits 1 1 0 0 against 1 0 1 0: one field each of both, only the row's, only the point's, neither.
#[test]
fn similarities_count_zeros_and_ones() {
    let bits = [1.0, 1.0, 0.0, 0.0].map(|b| numbers(&[Some(b), Some(b * 1.5), (b < 1.0).then_some(b)]));
    let points = [1.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0, 0.0];
    for (above, below, expected) in [
        ([1.0, 0.0, 0.0, 1.0], [1.0; 4], 0.5),
        ([0.0, 0.0, 0.0, 1.0], [0.0, 1.0, 1.0, 1.0], 1.0 / 3.0),
        ([1.0, 0.0, 0.0, 1.0], [1.0, 2.0, 2.0, 1.0], 2.0 / 6.0),
        ([0.25, 0.5, 1.0, 2.0], [1.0, 1.0, 1.0, 1.0], 3.75 / 4.0),
    ] {
        let ran = all(plain(Metric::Binary { above, below }, 4), &points, &bits);
        let second = (2.0 * above[3] + 2.0 * above[0]) / (2.0 * below[3] + 2.0 * below[0]);
        assert_row(&ran.outputs[0], 0, dense(&[expected, second]));
        assert_row(&ran.outputs[1], 0, dense(&[1.0]));
        assert_row(&ran.outputs[0], 1, dense(&[f64::NAN, f64::NAN]));
        assert_row(&ran.outputs[1], 1, None);
        assert!(ran.faults[2].is_some(), "a field is missing");
    }
}

#[test]
fn the_first_of_equally_near_points_wins_and_comes_first() {
    let inputs = [numbers(&[Some(0.0), Some(f64::NAN), Some(2.5)])];
    let points = [2.0, 1.0, -1.0, 3.0];
    let ran = all(plain(Metric::CityBlock, 1), &points, &inputs);
    assert_row(&ran.outputs[1], 0, dense(&[1.0]));
    let op = DistanceOp::Nearest { measure: plain(Metric::CityBlock, 1), points: points.into(), count: 3 };
    let ran = run(op, &inputs);
    assert_row(&ran.outputs[0], 0, dense(&[1.0, 2.0, 0.0]));
    assert_row(&ran.outputs[1], 0, dense(&[1.0, 1.0, 2.0]));
    assert_row(&ran.outputs[0], 1, dense(&[0.0, 1.0, 2.0]));
    assert_row(&ran.outputs[0], 2, dense(&[0.0, 3.0, 1.0]));
}

/// Of many points, against a sort of all.
#[test]
fn the_nearest_of_many_are_those_that_a_sort_finds() {
    let points: Vec<f64> = (0..1000_u64).map(|i| (i * 7919 % 257) as f64).collect();
    let mut sorted: Vec<(u64, usize)> =
        points.iter().enumerate().map(|(i, p)| ((p - 128.5).abs().to_bits(), i)).collect();
    sorted.sort_unstable();
    for count in [1, 5, 100, 1000] {
        let op = DistanceOp::Nearest { measure: plain(Metric::Euclidean, 1), points: points.clone().into(), count };
        let ran = run(op, &[numbers(&[Some(128.5)])]);
        let expected: Vec<f64> = sorted.iter().take(count as usize).map(|&(_, i)| i as f64).collect();
        assert_row(&ran.outputs[0], 0, dense(&expected));
    }
}

fn judge(verdict: Verdict, count: u32) -> Ran {
    let op = DistanceOp::Judge { values: [10.0, 2.0, 3.0, f64::NAN].into(), verdict, count, single: false };
    run(op, &[vectors(&[dense(&[1.0, 2.0, 0.0, 3.0])]), vectors(&[dense(&[0.5, 1.0, 4.0, 9.0])])])
}

#[test]
fn numbers_of_neighbours_make_one_number() {
    assert_row(&judge(Verdict::Average, 3).outputs[0], 0, dense(&[5.0]));
    assert_row(&judge(Verdict::Median, 3).outputs[0], 0, dense(&[3.0]));
    assert_row(&judge(Verdict::Median, 2).outputs[0], 0, dense(&[2.5]));
    let weighted = judge(Verdict::WeightedAverage { threshold: 0.5 }, 2);
    let (a, b) = (1.0, 1.0 / 1.5);
    assert_row(&weighted.outputs[0], 0, dense(&[(a * 2.0 + b * 3.0) / (a + b)]));
    assert!(judge(Verdict::Average, 4).faults[0].as_deref().is_some_and(|f| f.contains("neighbours")));
}

#[test]
fn a_tie_of_votes_goes_to_the_preferred() {
    let op = |verdict| DistanceOp::Judge { values: [0.0, 1.0, 1.0, 2.0].into(), verdict, count: 4, single: false };
    let places = vectors(&[dense(&[0.0, 1.0, 3.0, 2.0]), dense(&[0.0, 1.0, 3.0])]);
    let distances = vectors(&[dense(&[0.0, 1.0, 1.0, 4.0]), dense(&[1.0, 1.0, 1.0])]);
    let vote = run(op(Verdict::Vote { preference: [2, 0, 1].into() }), &[places.clone(), distances.clone()]);
    assert_row(&vote.outputs[0], 0, dense(&[1.0]));
    assert_row(&vote.outputs[0], 1, dense(&[2.0]));
    let weighted = Verdict::WeightedVote { threshold: 0.5, preference: [2, 0, 1].into() };
    let vote = run(op(weighted), &[places, distances]);
    assert_row(&vote.outputs[0], 0, dense(&[0.0]));
}

/// Documents (2, 0) and (1, 1), the second term twice as heavy: weights (2, 0) and (1, 2).
#[test]
fn documents_are_compared_by_the_weights_of_their_terms() {
    let corpus = |local, is_unit, by_cosine| {
        let corpus =
            Corpus { local, globals: [1.0, 2.0].into(), counts: [2.0, 0.0, 1.0, 1.0].into(), is_unit, by_cosine };
        DistanceOp::Documents(corpus)
    };
    let rows = [vectors(&[dense(&[1.0, 1.0]), sparse(2, &[0], &[3.0]), dense(&[0.0, 0.0])])];
    let ran = run(corpus(Local::Count, false, false), &rows);
    assert_row(&ran.outputs[0], 0, dense(&[5.0_f64.sqrt(), 0.0]));
    assert_row(&ran.outputs[0], 1, dense(&[1.0, 8.0_f64.sqrt()]));
    assert_row(&ran.outputs[1], 1, dense(&[0.0]));
    let ran = run(corpus(Local::Count, true, true), &rows);
    assert_row(&ran.outputs[1], 0, dense(&[1.0]));
    assert_row(&ran.outputs[1], 2, None);
    let ran = run(corpus(Local::Binary, false, false), &rows);
    assert_row(&ran.outputs[0], 1, dense(&[0.0, 2.0]));
    let ran = run(corpus(Local::Augmented, false, false), &rows);
    assert_row(&ran.outputs[0], 0, dense(&[2.0, 0.0]));
    let ran = run(corpus(Local::Logarithmic, false, false), &rows);
    let (first, second) = (libm::log(4.0) - libm::log(3.0), libm::log(4.0) - libm::log(2.0));
    let other = 2.0 * libm::log(2.0);
    assert_row(&ran.outputs[0], 1, dense(&[(first * first).sqrt(), (second * second + other * other).sqrt()]));
}
