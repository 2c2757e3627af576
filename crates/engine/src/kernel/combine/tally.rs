//! Votes that are counted already.

use plan::op::combine::Tally;

use super::{probabilities::largest, probability};
use crate::frame::{Env, Home};

/// Counted votes, ready to decide.
pub struct TallyKernel(Tally);

impl TallyKernel {
    pub(super) fn new(op: &Tally) -> TallyKernel {
        TallyKernel(op.clone())
    }

    pub(super) fn run(&self, env: &Env<'_>, input: Home, outputs: &[Option<Home>]) {
        let (classes, votes) = (self.0.classes as usize, env.frame.vectors(input));
        let size = classes + usize::from(self.0.lacking);
        let scratch = &mut *env.frame.scratch();
        let counts = &mut scratch.numbers;
        for row in 0..env.frame.rows() {
            let is_there = env.frame.is_live(row) && votes.is_valid(row) && votes.row(row).size() == size;
            let winner = if is_there {
                counts.clear();
                counts.extend((0..size).map(|class| probability(&votes, row, class)));
                self.decide(counts)
            } else {
                None
            };
            for output in outputs.iter().flatten() {
                match output {
                    Home::Cells { .. } => env.frame.cells(*output).set(row, winner.map(|w| (w as f64).to_bits())),
                    Home::Store(_) => {
                        let out = &mut *env.frame.vectors_mut(*output);
                        let start = out.values.len();
                        match winner {
                            Some(_) => {
                                out.values.extend_from_slice(&counts[..classes]);
                                out.end_dense(start);
                            }
                            None => out.push_null(),
                        }
                    }
                }
            }
        }
    }

    /// Returns the class that wins, and turns the counts to shares.
    fn decide(&self, counts: &mut [f64]) -> Option<usize> {
        let round = |value: f64| if self.0.single { f64::from(value as f32) } else { value };
        let (votes, lacking) = counts.split_at_mut(self.0.classes as usize);
        let (winner, lacking) = (largest(votes), lacking.first().copied().unwrap_or(0.0));
        let all = votes.iter().fold(0.0, |sum, vote| round(sum + vote));
        // Written so that NaN decides for no result.
        let is_enough = all > 0.0 && lacking <= votes[winner] && lacking / (all + lacking) <= self.0.threshold;
        if !is_enough {
            return None;
        }
        votes.iter_mut().for_each(|vote| *vote = round(*vote / all));
        Some(winner)
    }
}
