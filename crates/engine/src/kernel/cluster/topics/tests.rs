//! The steps in registers beside the plain ones, and every form of them beside the others.

use super::*;

const TOPICS: usize = 7;
const TERMS: usize = 40;

fn topics(weight: impl Fn(usize) -> f64) -> Topics {
    let weights = (0..TERMS * TOPICS).map(weight).collect();
    Topics::new(weights, [0.14; TOPICS].into(), [1.01; TOPICS].into())
}

/// Numbers within 0 and 1 without an order.
fn drawn(i: usize) -> f64 {
    (i as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(0x1234_5678_9ABC).rotate_left(23).wrapping_mul(31)
        as f64
        / u64::MAX as f64
}

/// Some documents of this model, from a word to all words.
fn documents() -> impl Iterator<Item = Vec<f64>> {
    (0..TERMS).map(|n| (0..TERMS).map(|i| if i % TERMS < n { (drawn(n * i + 5) * 6.0).floor() } else { 0.0 }).collect())
}

fn settled(settler: &Settler, x: &[f64]) -> Result<Vec<f64>, Stopped> {
    let mut shares = vec![0.0; TOPICS];
    // What lies in the scratch has no meaning.
    settler.settle(Row::Dense(x), &Call::default(), &mut vec![f64::NAN; 999], &mut shares).map(|()| shares)
}

fn plain(topics: &Topics, x: &[f64]) -> Vec<f64> {
    let mut shares = vec![0.0; TOPICS];
    let done = topics.plain(Row::Dense(x), x, &Call::default(), &mut Vec::new(), &mut shares);
    assert!(done.is_ok(), "{x:?}");
    shares
}

/// Compares the steps of every document; returns how many there were.
fn check(weight: impl Fn(usize) -> f64) {
    let topics = topics(weight);
    let best = topics.settler.as_ref().expect("numbers that fit");
    let portable = Settler::new(topics.weights.clone(), &topics.prior, &topics.start, Form::portable());
    for x in documents().filter(|x| x.iter().any(|&c| c != 0.0)) {
        let (Ok(got), Ok(same)) = (settled(best, &x), settled(portable.as_ref().expect("as above"), &x)) else {
            panic!("{x:?}: settles")
        };
        assert!(got.iter().zip(&same).all(|(a, b)| a.to_bits() == b.to_bits()), "{x:?}: {got:?}, {same:?}");
        let expected = plain(&topics, &x);
        assert!(got.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-11), "{x:?}: {got:?}, not {expected:?}");
    }
}

#[test]
fn every_form_settles_as_the_plain_steps() {
    check(|i| drawn(i) * 0.1 + 1e-5);
    check(|i| if drawn(i) < 0.7 { 0.0 } else { drawn(i + 1) });
}

#[test]
fn words_that_hardly_any_topic_has() {
    for faint in [1e-90, 1e-100, 1e-103, 1e-200, 0.0] {
        check(|i| if (i / TOPICS).is_multiple_of(3) { faint * drawn(i) } else { drawn(i) });
        check(|i| faint * drawn(i));
    }
}

#[test]
fn numbers_that_are_left_to_the_plain_steps() {
    let of = |weights: f64, prior: f64, start: f64| {
        Settler::new([weights; TOPICS].into(), &[prior; TOPICS], &[start; TOPICS], Form::best())
    };
    assert!(of(0.1, 0.1, 1.0).is_some());
    for (weights, prior, start) in [(f64::NAN, 0.1, 1.0), (-0.1, 0.1, 1.0), (0.1, 0.0, 1.0), (0.1, 0.1, f64::INFINITY)]
    {
        assert!(of(weights, prior, start).is_none(), "{weights} {prior} {start}");
    }
    let topics = topics(|i| drawn(i) + 0.01);
    let settler = topics.settler.as_ref().expect("numbers that fit");
    for count in [-1.0, f64::NAN, f64::INFINITY, 1e300] {
        assert!(matches!(settled(settler, &[2.0, count, 3.0]), Err(Stopped::NotHere)), "{count}");
    }
}

#[test]
fn so_small_a_document_that_its_scales_would_be_nothing() {
    let topics = Topics::new([0.5; TERMS * TOPICS].into(), [1e-9; TOPICS].into(), [1.0; TOPICS].into());
    let settler = topics.settler.as_ref().expect("numbers that fit");
    assert!(matches!(settled(settler, &[1e-9]), Err(Stopped::NotHere)));
    let (mut shares, mut scratch) = (vec![0.0; TOPICS], Vec::new());
    assert!(topics.row(Row::Dense(&[1e-9]), &Call::default(), &mut scratch, &mut shares).is_ok());
    assert!(shares.iter().all(|s| (s - 1.0 / TOPICS as f64).abs() < 1e-12), "{shares:?}");
}
