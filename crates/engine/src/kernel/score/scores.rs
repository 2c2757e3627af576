//! Scores to probabilities, and the scores of several models side by side.

use model::column::Row;

use super::vector::{
    Refusal, extend_dense, null,
    scores::{bounded, element},
    wrong_size,
};
use crate::{
    frame::{Env, Home},
    store::VectorStore,
};

/// Ops of one vector to one of the same size.
pub enum Rule {
    Logistic,
    LogisticPair,
    Shares,
    LogShares,
}

impl Rule {
    pub fn row(&self, row: Row<'_>, out: &mut VectorStore) -> Result<(), Refusal> {
        if matches!(self, Rule::LogisticPair) && row.size() != 2 {
            return Err(wrong_size(2, row.size()));
        }
        bounded(row)?;
        let start = out.values.len();
        extend_dense(&mut out.values, row);
        let scores = &mut out.values[start..];
        match self {
            Rule::Logistic => scores.iter_mut().for_each(|s| *s = logistic(*s)),
            Rule::LogisticPair => {
                scores[1] = logistic(scores[1]);
                scores[0] = 1.0 - scores[1];
            }
            Rule::Shares => shares(scores),
            Rule::LogShares => {
                let max = greatest(scores);
                let sum = scores.iter().fold(0.0, |sum, s| sum + libm::exp(s - max));
                let log = libm::log(sum) + max;
                scores.iter_mut().for_each(|s| *s -= log);
            }
        }
        out.end_dense(start);
        Ok(())
    }
}

fn logistic(score: f64) -> f64 {
    1.0 / (1.0 + libm::exp(-score))
}

fn shares(scores: &mut [f64]) {
    let max = scores.iter().fold(f64::MIN, |max, &s| if s > max { s } else { max });
    let mut sum = 0.0;
    for s in scores.iter_mut() {
        *s = libm::exp(*s - max);
        sum += *s;
    }
    scores.iter_mut().for_each(|s| *s /= sum);
}

/// Returns the largest; NaN where one is.
fn greatest(scores: &[f64]) -> f64 {
    scores.iter().fold(f64::NEG_INFINITY, |max, &s| if s > max || s.is_nan() { s } else { max })
}

/// Writes element 1 of each input, side by side.
pub fn seconds(env: &Env<'_>, inputs: &[Home], output: Home) {
    let frame = env.frame;
    let mut out = frame.vectors_mut(output);
    out.clear();
    for row in 0..frame.rows() {
        if !frame.is_live(row) {
            out.push_null();
            continue;
        }
        let start = out.values.len();
        for (place, input) in inputs.iter().enumerate() {
            let vectors = frame.vectors(*input);
            let refusal = match vectors.is_valid(row) {
                false => null(),
                true if vectors.row(row).size() < 2 => wrong_size(2, vectors.row(row).size()),
                true => {
                    out.values.push(element(vectors.row(row), 1));
                    continue;
                }
            };
            env.refuse(row, place, refusal.0, refusal.1);
            break;
        }
        if frame.is_live(row) {
            out.end_dense(start);
        } else {
            out.values.truncate(start);
            out.push_null();
        }
    }
}
