//! Probabilities of classes, combined class by class or by who speaks for the winner.

use plan::op::combine::{Method, Plain};

use super::{CommitteeKernel, No, probability};
use crate::frame::{Frame, Home, Scratch};

impl CommitteeKernel {
    /// Combines vectors; those of the result are the last numbers of the scratch. Returns the class with the largest.
    pub(super) fn probabilities(
        &self,
        frame: &Frame,
        inputs: &[Home],
        row: usize,
        scratch: &mut Scratch,
        width: usize,
    ) -> Result<f64, No> {
        let Scratch { rows: heard, numbers, cells: sorted, words: speakers, .. } = scratch;
        if heard.is_empty() {
            return Err(No::Divisor);
        }
        let start = numbers.len();
        numbers.resize(start + width, 0.0);
        let (weights, out) = numbers.split_at_mut(start);
        let of = |member: u32, class: usize| probability(&frame.vectors(inputs[member as usize]), row, class);
        let by_class = |class: usize| heard.iter().map(move |&member| of(member, class));
        match self.method {
            Method::Plain(plain @ (Plain::Max | Plain::Median)) => {
                for (class, out) in out.iter_mut().enumerate() {
                    *out = match plain {
                        Plain::Max => by_class(class).fold(f64::MIN, |max, p| max.max(self.round(p))),
                        _ => self.median(by_class(class), sorted),
                    };
                }
                let winner = largest(out);
                nearest(heard, speakers, out[winner], |member| self.round(of(member, winner)));
                for (class, out) in out.iter_mut().enumerate() {
                    let sum = self.sum(speakers.iter().map(|&member| of(member, class)));
                    *out = self.round(sum / speakers.len() as f64);
                }
            }
            Method::Weighted(Plain::Median) => {
                for (class, out) in out.iter_mut().enumerate() {
                    *out = self.weighted_median(by_class(class), weights, sorted)?;
                }
            }
            Method::Weighted(_) => {
                let all = self.sum(weights.iter().copied());
                if all == 0.0 {
                    return Err(No::Divisor);
                }
                for (class, out) in out.iter_mut().enumerate() {
                    let products = by_class(class).zip(&*weights).map(|(p, &weight)| self.product(weight, p));
                    *out = self.round(self.sum(products) / all);
                }
            }
            Method::Plain(_) => {
                for (class, out) in out.iter_mut().enumerate() {
                    *out = self.round(self.sum(by_class(class)) / heard.len() as f64);
                }
            }
        }
        Ok(largest(out) as f64)
    }
}

/// Leaves in `speakers` those members whose value lies nearest to `goal`.
fn nearest(members: &[u32], speakers: &mut Vec<u32>, goal: f64, value: impl Fn(u32) -> f64) {
    speakers.clear();
    let mut distance = f64::MAX;
    for &member in members {
        let away = (goal - value(member)).abs();
        if away < distance {
            speakers.clear();
            distance = away;
        }
        if away <= distance {
            speakers.push(member);
        }
    }
}

/// Returns the first place of the largest value.
fn largest(values: &[f64]) -> usize {
    let mut best = 0;
    for (i, value) in values.iter().enumerate() {
        if value.total_cmp(&values[best]).is_gt() {
            best = i;
        }
    }
    best
}
