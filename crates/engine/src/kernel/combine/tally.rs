//! Votes: counted, and decided by.

use plan::op::combine::{Lacking, Tally};

use super::No;
use crate::frame::{Env, Home, Scratch};

/// How votes decide.
#[derive(Clone, Copy)]
pub(super) struct Rule {
    pub weighted: bool,
    pub lacking: Lacking,
    pub threshold: f64,
    pub single: bool,
}

/// The classes that members chose, ready to be counted.
pub struct TallyKernel(Tally);

impl TallyKernel {
    pub(super) fn new(op: &Tally) -> TallyKernel {
        TallyKernel(op.clone())
    }

    pub(super) fn run(&self, env: &Env<'_>, input: Home, outputs: &[Option<Home>]) {
        let Tally { classes, weights, weighted, lacking, threshold, single } = &self.0;
        let rule = Rule { weighted: *weighted, lacking: *lacking, threshold: *threshold, single: *single };
        let vectors = env.frame.vectors(input);
        let scratch = &mut *env.frame.scratch();
        for row in 0..env.frame.rows() {
            let mut winner = Err(No::Result);
            if env.frame.is_live(row) && vectors.is_valid(row) && vectors.row(row).size() == weights.len() {
                let class = |member: usize| super::probability(&vectors, row, member);
                let votes = weights.iter().enumerate().map(|(member, &weight)| (weight, Some(class(member))));
                winner = rule.count(votes, scratch, *classes as usize);
            }
            if let Err(No::Divisor) = winner {
                super::refuse(env, row);
            }
            for output in outputs.iter().flatten() {
                match output {
                    Home::Cells { .. } => env.frame.cells(*output).set(row, winner.ok().map(f64::to_bits)),
                    Home::Store(_) => {
                        let out = &mut *env.frame.vectors_mut(*output);
                        let start = out.values.len();
                        match winner {
                            Ok(_) => {
                                out.values.extend_from_slice(&scratch.numbers);
                                out.end_dense(start);
                            }
                            Err(_) => out.push_null(),
                        }
                    }
                }
            }
        }
    }
}

impl Rule {
    /// Counts the votes of the members that take part: each with its weight, for a class, or for nothing (no class, or the number of
    /// none). Returns the class; the shares are left in `numbers`.
    pub(super) fn count(
        &self,
        votes: impl Iterator<Item = (f64, Option<f64>)>,
        scratch: &mut Scratch,
        width: usize,
    ) -> Result<f64, No> {
        let Scratch { numbers: counts, words: order, .. } = scratch;
        counts.clear();
        counts.resize(width, 0.0);
        order.clear();
        let (mut all, mut missing, mut nothing, mut takes_part) = (0.0, 0.0, 0.0, false);
        for (weight, class) in votes {
            takes_part = true;
            if weight.is_nan() {
                return Err(No::Result);
            }
            let vote = if self.weighted { weight } else { 1.0 };
            all = self.round(all + self.round(weight));
            let class = class.filter(|class| *class >= 0.0 && *class < width as f64).map(|class| class as usize);
            let Some(class) = class else {
                missing = self.round(missing + self.round(weight));
                nothing = self.round(nothing + self.round(vote));
                continue;
            };
            if !order.contains(&(class as u32)) {
                order.push(class as u32);
            }
            counts[class] = self.round(counts[class] + self.round(vote));
        }
        let lacks = missing > 0.0 || nothing > 0.0;
        if lacks && (self.lacking == Lacking::Null || missing / all > self.threshold) {
            return Err(No::Result);
        }
        let mut winner = *order.first().ok_or(if takes_part { No::Divisor } else { No::Result })?;
        for &class in &order[1..] {
            if counts[class as usize] > counts[winner as usize] {
                winner = class;
            }
        }
        if self.lacking == Lacking::Continue && nothing > counts[winner as usize] {
            return Err(No::Result);
        }
        let sum = order.iter().fold(0.0, |sum, &class| self.round(sum + counts[class as usize]));
        if sum == 0.0 {
            return Err(No::Divisor);
        }
        counts.iter_mut().for_each(|count| *count = self.round(*count / sum));
        Ok(f64::from(winner))
    }

    fn round(&self, value: f64) -> f64 {
        if self.single { f64::from(value as f32) } else { value }
    }
}
