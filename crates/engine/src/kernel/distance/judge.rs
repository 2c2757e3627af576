//! What the nearest points say together.

use std::sync::Arc;

use model::{FaultKind, FaultValue};
use plan::op::distance::Verdict;

use super::rounded;
use crate::frame::{Env, Home};

/// [`plan::DistanceOp::Judge`].
pub struct Judge {
    values: Arc<[f64]>,
    verdict: Verdict,
    count: usize,
    single: bool,
    /// Of each number that is voted for, its place in the order of preference.
    ranks: Box<[u32]>,
}

impl Judge {
    pub fn new(values: Arc<[f64]>, verdict: Verdict, count: usize, single: bool) -> Judge {
        let mut ranks = Vec::new();
        if let Verdict::Vote { preference } | Verdict::WeightedVote { preference, .. } = &verdict {
            ranks.resize(preference.len(), 0);
            preference.iter().zip(0..).for_each(|(&number, rank)| ranks[number as usize] = rank);
        }
        Judge { values, verdict, count, single, ranks: ranks.into() }
    }

    pub fn run(&self, env: &Env<'_>, inputs: &[Home], outputs: &[Option<Home>]) {
        let Some(output) = outputs[0] else { return };
        let (places, distances) = (env.frame.vectors(inputs[0]), env.frame.vectors(inputs[1]));
        let cells = env.frame.cells(output);
        let mut scratch = env.frame.scratch();
        scratch.numbers.clear();
        scratch.numbers.resize(self.ranks.len(), 0.0);
        env.frame.each_live(|row| {
            if !places.is_valid(row) || !distances.is_valid(row) {
                return cells.set(row, None);
            }
            let (model::column::Row::Dense(places), model::column::Row::Dense(distances)) =
                (places.row(row), distances.row(row))
            else {
                return cells.set(row, None);
            };
            let value = |place: &f64| self.values.get(*place as usize).copied().unwrap_or(f64::NAN);
            let near = places.iter().map(value).zip(distances.iter().copied()).take(self.count);
            if near.clone().any(|(value, _)| value.is_nan()) {
                env.refuse(row, 0, FaultKind::Rule("neighbours that all have a value of the target"), FaultValue::Null);
                return cells.set(row, None);
            }
            cells.set_f64(row, self.verdict(near, &mut scratch.numbers));
        });
    }

    fn verdict(&self, near: impl Iterator<Item = (f64, f64)> + Clone, room: &mut Vec<f64>) -> f64 {
        let r = |value: f64| rounded(self.single, value);
        let weight = |distance: f64, threshold: f64| r(1.0 / r(distance + r(threshold)));
        match &self.verdict {
            Verdict::Average => {
                let sum = near.clone().fold(0.0, |sum, (value, _)| r(sum + r(value)));
                r(sum / near.count() as f64)
            }
            Verdict::WeightedAverage { threshold } => {
                let weights = near.clone().fold(0.0, |sum, (_, d)| r(sum + weight(d, *threshold)));
                let sum = near.fold(0.0, |sum, (value, d)| r(sum + r(weight(d, *threshold) * r(value))));
                r(sum / weights)
            }
            Verdict::Median => {
                room.clear();
                room.extend(near.map(|(value, _)| r(value)));
                room.sort_unstable_by(f64::total_cmp);
                let middle = room.len() / 2;
                match room.len().is_multiple_of(2) {
                    false => room[middle],
                    true => r(room[middle - 1] + r(0.5 * r(room[middle] - room[middle - 1]))),
                }
            }
            Verdict::Vote { .. } => self.elect(near.map(|(value, _)| (value as usize, 1.0)), room),
            Verdict::WeightedVote { threshold, .. } => {
                self.elect(near.map(|(value, d)| (value as usize, weight(d, *threshold))), room)
            }
        }
    }

    /// Returns who has most votes; `counts` is zero before and after.
    fn elect(&self, votes: impl Iterator<Item = (usize, f64)> + Clone, counts: &mut [f64]) -> f64 {
        for (number, weight) in votes.clone() {
            counts[number] = rounded(self.single, counts[number] + weight);
        }
        let better = |a: usize, b: usize| {
            let order = counts[a].total_cmp(&counts[b]).then(self.ranks[b].cmp(&self.ranks[a]));
            if order.is_gt() { a } else { b }
        };
        let winner = votes.clone().map(|(number, _)| number).reduce(better).unwrap_or(0);
        votes.for_each(|(number, _)| counts[number] = 0.0);
        winner as f64
    }
}
