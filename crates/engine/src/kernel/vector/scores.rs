//! Scores of classes: to probabilities, and to the class itself.

use model::{FaultKind, FaultValue, column::Row};
use plan::Choose;

use super::{Refusal, extend_dense, map, null, wrong_size};
use crate::{
    frame::{Env, Frame, Home},
    kernel::exp::exp_all,
    store::VectorStore,
};

pub enum Scores {
    Sigmoid(f64),
    Softmax,
    Proportions,
}

/// Most classes that a sparse vector of scores may claim.
const CLASSES_MAX: usize = 1 << 20;

/// Refuses a sparse row that claims more elements than scores can have: it would be written in full, or searched.
pub(in crate::kernel) fn bounded(row: Row<'_>) -> Result<(), Refusal> {
    match row {
        Row::Sparse { size, .. } if size > CLASSES_MAX => {
            Err((FaultKind::Rule("at most 2^20 scores"), FaultValue::Size(size as u64)))
        }
        _ => Ok(()),
    }
}

impl Scores {
    pub fn run(&self, env: &Env<'_>, input: Home, output: Home) {
        if let Scores::Sigmoid(scale) = self
            && sigmoids(*scale, env.frame, input, output)
        {
            return;
        }
        map(env, input, output, |row, out| self.row(row, out));
    }

    fn row(&self, row: Row<'_>, out: &mut VectorStore) -> Result<(), Refusal> {
        if matches!(self, Scores::Sigmoid(_)) && row.size() != 2 {
            return Err(wrong_size(2, row.size()));
        }
        bounded(row)?;
        let start = out.values.len();
        extend_dense(&mut out.values, row);
        let scores = &mut out.values[start..];
        match self {
            Scores::Sigmoid(scale) => {
                scores[0] = 1.0 / (1.0 + libm::exp(-scale * scores[0]));
                scores[1] = 1.0 - scores[0];
            }
            Scores::Softmax => softmax(scores),
            Scores::Proportions => proportions(scores),
        }
        out.end_dense(start);
        Ok(())
    }
}

/// Writes the shares of all rows together, where each is a dense pair; returns whether it was done.
fn sigmoids(scale: f64, frame: &Frame, input: Home, output: Home) -> bool {
    let vectors = frame.vectors(input);
    let Some(scores) = vectors.as_matrix(2).filter(|_| frame.all_live()) else { return false };
    let mut scratch = frame.scratch();
    let exponentials = &mut scratch.numbers;
    exponentials.clear();
    exponentials.extend(scores.chunks_exact(2).map(|pair| -scale * pair[0]));
    exp_all(exponentials);
    let mut out = frame.vectors_mut(output);
    let shares = out.set_matrix(frame.rows(), 2);
    for (pair, e) in shares.chunks_exact_mut(2).zip(exponentials) {
        let share = 1.0 / (1.0 + *e);
        (pair[0], pair[1]) = (share, 1.0 - share);
    }
    true
}

/// As Spark's `Utils.softmax`, which scales by the reciprocal of the sum, and by 0 where a score is infinite: of other
/// infinite scores that makes NaN.
fn softmax(scores: &mut [f64]) {
    if let Some(first) = scores.iter().position(|s| *s == f64::INFINITY) {
        scores.iter_mut().for_each(|s| *s *= 0.0);
        scores[first] = 1.0;
        return;
    }
    let max = scores.iter().fold(f64::MIN, |max, &s| if s > max { s } else { max });
    let mut sum = 0.0;
    for s in scores.iter_mut() {
        *s = libm::exp(*s - max);
        sum += *s;
    }
    let factor = 1.0 / sum;
    scores.iter_mut().for_each(|s| *s *= factor);
}

fn proportions(scores: &mut [f64]) {
    let sum = scores.iter().fold(0.0, |sum, s| sum + s);
    if sum != 0.0 {
        scores.iter_mut().for_each(|s| *s /= sum);
    }
}

/// Writes the number of the class that each row's scores choose.
pub fn choose(choose: &Choose, env: &Env<'_>, input: Home, output: Home) {
    let vectors = env.frame.vectors(input);
    let cells = env.frame.cells(output);
    if let (Choose::Above(_) | Choose::Largest, Some(scores)) = (choose, vectors.as_matrix(2)) {
        cells.valid_words().iter().for_each(|word| word.set(u64::MAX));
        for (cell, pair) in cells.data().iter().zip(scores.chunks_exact(2)) {
            let threshold = if let Choose::Above(threshold) = choose { *threshold } else { pair[0] };
            cell.set(f64::from(u8::from(pair[1] > threshold)).to_bits());
        }
        return;
    }
    env.frame.each_live(|row| {
        let class = if vectors.is_valid(row) { class(choose, vectors.row(row)) } else { Err(null()) };
        match class {
            Ok(class) => cells.set_f64(row, class),
            Err((kind, value)) => {
                env.refuse(row, 0, kind, value);
                cells.set(row, None);
            }
        }
    });
}

fn class(choose: &Choose, row: Row<'_>) -> Result<f64, Refusal> {
    bounded(row)?;
    let number = |class: Option<usize>| Ok(class.map_or(-1.0, |class| class as f64));
    let first = |class: Option<usize>| number(class.or(Some(0)));
    match choose {
        Choose::Above(threshold) => match row.size() {
            0 | 1 => Err(wrong_size(2, row.size())),
            _ => Ok(f64::from(u8::from(element(row, 1) > *threshold))),
        },
        Choose::Largest if row.size() == 0 => Ok(0.0),
        Choose::Largest => first(largest(row, element(row, 0), |_, score| score)),
        Choose::LargestNumber => number(largest(row, f64::NEG_INFINITY, |_, score| score)),
        Choose::Weighed(thresholds) if thresholds.len() == row.size() => {
            first(largest(row, f64::NEG_INFINITY, |i, score| score / thresholds[i]))
        }
        Choose::Weighed(thresholds) => Err(wrong_size(thresholds.len(), row.size())),
    }
}

pub(in crate::kernel) fn element(row: Row<'_>, at: u32) -> f64 {
    match row {
        Row::Dense(values) => values[at as usize],
        Row::Sparse { indices, values, .. } => indices.binary_search(&at).map_or(0.0, |k| values[k]),
    }
}

/// Returns the first of the elements that are largest as `f` weighs them, where one is above `max`.
fn largest(row: Row<'_>, max: f64, f: impl Fn(usize, f64) -> f64) -> Option<usize> {
    let (mut best, mut max) = (None, max);
    let mut see = |i: usize, score: f64| {
        let weighed = f(i, score);
        if weighed > max {
            (best, max) = (Some(i), weighed);
        }
    };
    match row {
        Row::Dense(values) => values.iter().enumerate().for_each(|(i, &v)| see(i, v)),
        Row::Sparse { size, indices, values } => {
            let mut stored = indices.iter().zip(values).peekable();
            for i in 0..size {
                let here = stored.next_if(|(at, _)| **at as usize == i);
                see(i, here.map_or(0.0, |(_, v)| *v));
            }
        }
    }
    best
}
