use std::sync::Arc;

use plan::{Events, Link, MeanRange, ScoreOp, Weights};

use crate::kernel::tests::{assert_row, dense, fixed, numbers, run, sparse, vectors};

const NAN: f64 = f64::NAN;
const INF: f64 = f64::INFINITY;

fn full(columns: u32, values: &[f64]) -> Weights {
    Weights::Dense { columns, values: values.into() }
}

fn events(events: Events) -> ScoreOp {
    let intercepts: Arc<[f64]> = [0.5, -1.0].into();
    ScoreOp::Events { weights: full(2, &[-1.0, -2.0, -3.0, -4.0]), intercepts, intercept_first: true, events }
}

#[test]
fn events_take_zeros_and_what_they_count() {
    let x = vectors(&[
        dense(&[2.0, -0.0]),
        sparse(2, &[0, 1], &[1.0, 0.0]),
        dense(&[NAN, 1.0]),
        sparse(2, &[1], &[-1.0]),
        dense(&[1.0, 2.0, 3.0]),
        None,
    ]);
    let ran = run(events(Events::Counts), std::slice::from_ref(&x));
    assert_row(&ran.outputs[0], 0, dense(&[-1.5, -7.0]));
    assert_row(&ran.outputs[0], 1, dense(&[-0.5, -4.0]));
    let refused: Vec<bool> = ran.faults.iter().map(Option::is_some).collect();
    assert_eq!(refused, [false, false, true, true, true, true]);

    let ran = run(events(Events::Marks), &[x]);
    assert_row(&ran.outputs[0], 1, dense(&[-0.5, -4.0]));
    assert_eq!(ran.faults[0].as_deref(), Some("column `a`: expected features of 0 or 1, got 2"));
}

#[test]
fn gaussian_reads_the_first_features() {
    let op = ScoreOp::Gaussian {
        priors: [-1.0, -2.0].into(),
        means: [0.0, 1.0, 2.0, 3.0].into(),
        variances: [1.0, 2.0, 4.0, 8.0].into(),
        log_variances: [0.5, 1.5].into(),
    };
    let x = vectors(&[dense(&[1.0, 3.0, 9.0]), sparse(2, &[1], &[3.0]), dense(&[1.0]), sparse(1, &[], &[]), None]);
    let ran = run(op, &[x]);
    assert_row(&ran.outputs[0], 0, dense(&[-1.0 - (3.0 + 0.5) / 2.0, -2.0 - (0.25 + 1.5) / 2.0]));
    assert_row(&ran.outputs[0], 1, dense(&[-1.0 - (2.0 + 0.5) / 2.0, -2.0 - (1.0 + 1.5) / 2.0]));
    assert!(ran.faults[2..].iter().all(Option::is_some));
}

#[test]
fn factors_pass_over_zeros() {
    let op = |pair| ScoreOp::Factors {
        weights: full(3, &[1.0, 2.0, 3.0]),
        intercept: 0.5,
        // A factor that is not finite shows whether its feature was looked at.
        factors: [1.0, 2.0, 3.0, 4.0, INF, INF].into(),
        pair,
    };
    let x = vectors(&[dense(&[1.0, 2.0, 0.0]), sparse(3, &[0, 2], &[1.0, -0.0]), dense(&[1.0, 2.0]), None]);
    // The products of the pair (0, 1) in both factors, and the linear part.
    let expected = 0.5 + 5.0 + 1.0 * 6.0 + 2.0 * 8.0;
    let ran = run(op(false), std::slice::from_ref(&x));
    assert_row(&ran.outputs[0], 0, dense(&[expected]));
    assert_row(&ran.outputs[0], 1, dense(&[1.5]));
    assert!(ran.faults[2..].iter().all(Option::is_some));
    let ran = run(op(true), &[x]);
    assert_row(&ran.outputs[0], 0, dense(&[-expected, expected]));
}

fn curve(bounds: &[f64], values: &[f64], feature: u32) -> ScoreOp {
    ScoreOp::Curve { bounds: bounds.into(), values: values.into(), feature }
}

#[test]
fn a_curve_is_flat_outside_and_straight_between() {
    let op = || curve(&[-1.0, 0.0, 2.0], &[1.0, 3.0, 4.0], 1);
    let x = [Some(-5.0), Some(-1.0), Some(-0.5), Some(-0.0), Some(1.0), Some(9.0), Some(NAN), Some(-INF), None];
    let y = [Some(1.0), Some(1.0), Some(2.0), Some(3.0), Some(3.5), Some(4.0), Some(4.0), Some(1.0), None];
    assert_eq!(run(op(), &[numbers(&x)]).outputs[0], numbers(&y));
    assert_eq!(run(op(), &[fixed(model::DType::I64, &[Some(1i64)])]).outputs[0], numbers(&[Some(3.5)]));

    let ran = run(op(), &[vectors(&[dense(&[9.0, 1.0]), sparse(4, &[0], &[9.0]), dense(&[1.0]), None])]);
    assert_row(&ran.outputs[0], 0, dense(&[3.5]));
    assert_row(&ran.outputs[0], 1, dense(&[3.0]));
    let refused: Vec<bool> = ran.faults.iter().map(Option::is_some).collect();
    assert_eq!(refused, [false, false, true, true]);
}

#[test]
fn of_equal_bounds_the_middle_one_is_found_first() {
    let op = curve(&[0.0, 1.0, 1.0, 1.0, 2.0], &[0.0, 1.0, 2.0, 3.0, 4.0], 0);
    assert_eq!(run(op, &[numbers(&[Some(1.0)])]).outputs[0], numbers(&[Some(2.0)]));
    let op = curve(&[-0.0, 0.0], &[1.0, 2.0], 0);
    assert_eq!(run(op, &[numbers(&[Some(-0.0), Some(0.0)])]).outputs[0], numbers(&[Some(1.0), Some(2.0)]));
}

#[test]
fn means_are_trimmed_to_their_range() {
    let mean = |link, range, score: f64, expected: f64| {
        let ran = run(ScoreOp::Mean { link, range }, &[numbers(&[Some(score), None])]);
        assert_row(&ran.outputs[0], 0, dense(&[expected]));
        assert_row(&ran.outputs[0], 1, None);
    };
    for (link, range) in [(Link::Identity, MeanRange::Finite), (Link::Inverse, MeanRange::Positive)] {
        mean(link, range, NAN, NAN);
    }
    mean(Link::Identity, MeanRange::Finite, -INF, f64::MIN);
    mean(Link::Inverse, MeanRange::Positive, 0.0, f64::MAX);
    mean(Link::Inverse, MeanRange::Positive, -0.0, 1e-16);
    mean(Link::Inverse, MeanRange::Positive, -4.0, 1e-16);
    mean(Link::Log, MeanRange::Positive, 1e9, f64::MAX);
    mean(Link::Logit, MeanRange::Share, 1e9, 1.0 - 1e-16);
    mean(Link::Logit, MeanRange::Share, -1e9, 1e-16);
    mean(Link::Probit, MeanRange::Share, 0.0, 0.5);
    mean(Link::CLogLog, MeanRange::Share, -INF, 1e-16);
    mean(Link::Sqrt, MeanRange::Positive, -3.0, 9.0);
    mean(Link::Power(0.5), MeanRange::Positive, 3.0, 9.0);
    mean(Link::Power(0.0), MeanRange::Positive, 0.0, 1.0);
}

#[test]
fn shares_of_infinite_scores_are_nan() {
    let x = vectors(&[dense(&[0.0, 0.0]), dense(&[INF, 1.0]), dense(&[-INF, 1.0]), dense(&[1e300, 0.0]), None]);
    let ran = run(ScoreOp::Shares, std::slice::from_ref(&x));
    assert_row(&ran.outputs[0], 0, dense(&[0.5, 0.5]));
    assert_row(&ran.outputs[0], 1, dense(&[NAN, NAN]));
    assert_row(&ran.outputs[0], 2, dense(&[0.0, 1.0]));
    assert!(ran.faults[4].is_some());
    let ran = run(ScoreOp::LogShares, &[x]);
    assert_row(&ran.outputs[0], 0, dense(&[-libm::log(2.0), -libm::log(2.0)]));
    assert_row(&ran.outputs[0], 1, dense(&[NAN, NAN]));
    assert_row(&ran.outputs[0], 3, dense(&[0.0, -1e300]));
}

#[test]
fn the_second_score_decides_a_pair() {
    let x = vectors(&[dense(&[5.0, 0.0]), sparse(2, &[], &[]), dense(&[0.0, -INF])]);
    let ran = run(ScoreOp::LogisticPair, std::slice::from_ref(&x));
    assert_row(&ran.outputs[0], 0, dense(&[0.5, 0.5]));
    assert_row(&ran.outputs[0], 1, dense(&[0.5, 0.5]));
    assert_row(&ran.outputs[0], 2, dense(&[1.0, 0.0]));
    let ran = run(ScoreOp::Logistic, &[x]);
    assert_row(&ran.outputs[0], 2, dense(&[0.5, 0.0]));
}

#[test]
fn seconds_stand_side_by_side() {
    let a = vectors(&[dense(&[1.0, 2.0]), sparse(3, &[0], &[1.0]), dense(&[1.0, 2.0]), None]);
    let b = vectors(&[dense(&[3.0, NAN, 4.0]), dense(&[5.0, 6.0]), dense(&[1.0]), dense(&[1.0, 2.0])]);
    let ran = run(ScoreOp::Seconds, &[a, b]);
    assert_row(&ran.outputs[0], 0, dense(&[2.0, NAN]));
    assert_row(&ran.outputs[0], 1, dense(&[0.0, 6.0]));
    assert_eq!(ran.faults[2].as_deref(), Some("column `b`: expected 2 elements, got 1 elements"));
    assert_eq!(ran.faults[3].as_deref(), Some("column `a`: expected a value, got null"));
}
