//! Kernel of committees. Sums run over the members in their order, from 0.

use std::sync::Arc;

use model::{FaultKind, FaultValue};
use plan::op::combine::{CombineOp, Committee, Lacking, Member, Method, NONE, Plain, Predictions};

use crate::{
    frame::{Env, Frame, Home, Scratch},
    store::VectorStore,
};

mod probabilities;
mod tally;

/// An op of the family, ready to run.
pub enum CombineKernel {
    Committee(CommitteeKernel),
    Tally(tally::TallyKernel),
}

/// A committee, ready to be heard.
pub struct CommitteeKernel {
    predictions: Predictions,
    method: Method,
    members: Arc<[Member]>,
    lacking: Lacking,
    threshold: f64,
    single: bool,
}

/// Why there is no result.
#[derive(Clone, Copy)]
enum No {
    Result,
    /// The row is refused.
    Divisor,
}

impl CombineKernel {
    pub(crate) fn new(op: &CombineOp) -> CombineKernel {
        match op {
            CombineOp::Committee(op) => CombineKernel::Committee(CommitteeKernel::new(op)),
            CombineOp::Tally(op) => CombineKernel::Tally(tally::TallyKernel::new(op)),
        }
    }

    pub(crate) fn run(&self, env: &Env<'_>, inputs: &[Home], outputs: &[Option<Home>]) {
        for output in outputs.iter().flatten() {
            if let Home::Store(_) = output {
                env.frame.vectors_mut(*output).clear();
            }
        }
        match self {
            CombineKernel::Committee(kernel) => kernel.run(env, inputs, outputs),
            CombineKernel::Tally(kernel) => kernel.run(env, inputs[0], outputs),
        }
    }
}

impl CommitteeKernel {
    fn new(op: &Committee) -> CommitteeKernel {
        CommitteeKernel {
            predictions: op.predictions,
            method: op.method,
            members: op.members.clone(),
            lacking: op.lacking,
            threshold: op.threshold,
            single: op.single,
        }
    }

    fn run(&self, env: &Env<'_>, inputs: &[Home], outputs: &[Option<Home>]) {
        let scratch = &mut *env.frame.scratch();
        for row in 0..env.frame.rows() {
            if !env.frame.is_live(row) {
                self.write(env, row, outputs, Err(No::Result), scratch);
                continue;
            }
            let result = match self.predictions {
                Predictions::Classes(width) => self.votes(env.frame, inputs, row, scratch, width as usize),
                Predictions::Numbers => {
                    let heard = self.hear(env.frame, inputs, row, scratch);
                    heard.and_then(|()| self.numbers(env.frame, inputs, row, scratch))
                }
                Predictions::Probabilities(width) => {
                    let heard = self.hear(env.frame, inputs, row, scratch);
                    heard.and_then(|()| self.probabilities(env.frame, inputs, row, scratch, width as usize))
                }
            };
            if let Err(No::Divisor) = result {
                refuse(env, row);
            }
            self.write(env, row, outputs, result, scratch);
        }
    }

    /// Writes the row: a number (a class too), and the last `width` numbers of the scratch.
    fn write(&self, env: &Env<'_>, row: usize, outputs: &[Option<Home>], result: Result<f64, No>, scratch: &Scratch) {
        for output in outputs.iter().flatten() {
            match output {
                Home::Cells { .. } => env.frame.cells(*output).set(row, result.ok().map(f64::to_bits)),
                Home::Store(_) => {
                    let out = &mut *env.frame.vectors_mut(*output);
                    let start = out.values.len();
                    match (result, self.predictions) {
                        (Ok(_), Predictions::Classes(width) | Predictions::Probabilities(width)) => {
                            let values = &scratch.numbers[scratch.numbers.len() - width as usize..];
                            out.values.extend_from_slice(values);
                            out.end_dense(start);
                        }
                        _ => out.push_null(),
                    }
                }
            }
        }
    }

    /// Returns the weight of a member in a row; nothing where it does not take part, no number where it has no weight.
    fn weight(&self, frame: &Frame, inputs: &[Home], member: &Member, row: usize) -> Option<f64> {
        let input = |place: u32| frame.cells(inputs[place as usize]).number(row);
        if member.takes_part != NONE && input(member.takes_part) != Some(1.0) {
            return None;
        }
        Some(match member.weight_by {
            NONE => member.weight,
            by => {
                let factor = input(by).filter(|factor| *factor >= 0.0).unwrap_or(f64::NAN);
                self.round(self.round(factor) * self.round(member.weight))
            }
        })
    }

    /// Finds out who takes part and has a prediction, and whether the others leave a result. Leaves the numbers of those who are
    /// heard in `rows`, their weights in `numbers`.
    fn hear(&self, frame: &Frame, inputs: &[Home], row: usize, scratch: &mut Scratch) -> Result<(), No> {
        let Scratch { rows: heard, numbers: weights, .. } = scratch;
        heard.clear();
        weights.clear();
        let (mut all, mut lacking, mut takes_part) = (0.0, 0.0, false);
        for (i, member) in self.members.iter().enumerate() {
            let Some(weight) = self.weight(frame, inputs, member, row) else { continue };
            if weight.is_nan() {
                return Err(No::Result);
            }
            takes_part = true;
            all = self.round(all + self.round(weight));
            if self.has_prediction(frame, inputs[i], row) {
                heard.push(i as u32);
                weights.push(weight);
            } else if self.lacking == Lacking::Skip {
                lacking = self.round(lacking + self.round(weight));
            } else {
                return Err(No::Result);
            }
        }
        if !takes_part || lacking / all > self.threshold { Err(No::Result) } else { Ok(()) }
    }

    fn has_prediction(&self, frame: &Frame, home: Home, row: usize) -> bool {
        match self.predictions {
            Predictions::Numbers | Predictions::Classes(_) => frame.cells(home).is_valid(row),
            Predictions::Probabilities(width) => {
                let vectors = frame.vectors(home);
                vectors.is_valid(row) && vectors.row(row).size() == width as usize
            }
        }
    }

    fn round(&self, value: f64) -> f64 {
        if self.single { f64::from(value as f32) } else { value }
    }

    /// Returns the value times its weight, or as it is where the weight is 1.
    fn product(&self, weight: f64, value: f64) -> f64 {
        if weight == 1.0 { self.round(value) } else { self.round(self.round(weight) * self.round(value)) }
    }

    fn sum(&self, values: impl Iterator<Item = f64>) -> f64 {
        values.fold(0.0, |sum, value| self.round(sum + self.round(value)))
    }

    fn numbers(&self, frame: &Frame, inputs: &[Home], row: usize, scratch: &mut Scratch) -> Result<f64, No> {
        let Scratch { rows: heard, numbers: weights, cells: sorted, .. } = scratch;
        let value = |member: u32| f64::from_bits(frame.cells(inputs[member as usize]).data()[row].get());
        let products = || heard.iter().zip(&*weights).map(|(&member, &weight)| self.product(weight, value(member)));
        let (Method::Plain(plain) | Method::Weighted(plain)) = self.method;
        if heard.is_empty() && plain != Plain::Sum {
            return Err(No::Divisor);
        }
        let values = || heard.iter().map(|&member| value(member));
        Ok(match (self.method, plain) {
            (Method::Plain(_), Plain::Sum) => self.sum(values()),
            (Method::Weighted(_), Plain::Sum) => self.sum(products()),
            (Method::Plain(_), Plain::Median) => self.median(values(), sorted),
            (Method::Weighted(_), Plain::Median) => self.weighted_median(values(), weights, sorted)?,
            (Method::Plain(_), _) => self.round(self.sum(values()) / heard.len() as f64),
            (Method::Weighted(_), _) => match self.sum(weights.iter().copied()) {
                0.0 => return Err(No::Divisor),
                all => self.round(self.sum(products()) / all),
            },
        })
    }

    /// Returns the median of one value at least.
    fn median(&self, values: impl Iterator<Item = f64>, sorted: &mut Vec<u64>) -> f64 {
        sorted.clear();
        sorted.extend(values.map(|value| self.round(value).to_bits()));
        sorted.sort_unstable_by(|a, b| f64::from_bits(*a).total_cmp(&f64::from_bits(*b)));
        let (at, middle) = (sorted.len() / 2, f64::from_bits(sorted[sorted.len() / 2]));
        if sorted.len() % 2 == 1 {
            return middle;
        }
        let below = f64::from_bits(sorted[at - 1]);
        self.round(below + 0.5 * (middle - below))
    }

    fn weighted_median(
        &self,
        values: impl Iterator<Item = f64>,
        weights: &[f64],
        sorted: &mut Vec<u64>,
    ) -> Result<f64, No> {
        sorted.clear();
        for (value, weight) in values.zip(weights) {
            sorted.extend([value.to_bits(), weight.to_bits()]);
        }
        let (pairs, _) = sorted.as_chunks_mut::<2>();
        pairs.sort_unstable_by(|a, b| f64::from_bits(a[0]).total_cmp(&f64::from_bits(b[0])));
        let half = 0.5 * self.sum(weights.iter().copied());
        let mut sum = 0.0;
        for [value, weight] in pairs {
            sum += f64::from_bits(*weight);
            if sum >= half {
                return Ok(f64::from_bits(*value));
            }
        }
        Err(No::Divisor)
    }

    /// Counts votes; the shares of the classes are the last numbers of the scratch.
    fn votes(
        &self,
        frame: &Frame,
        inputs: &[Home],
        row: usize,
        scratch: &mut Scratch,
        width: usize,
    ) -> Result<f64, No> {
        let votes = self.members.iter().enumerate().filter_map(|(i, member)| {
            let class = frame.cells(inputs[i]).number(row);
            Some((self.weight(frame, inputs, member, row)?, class))
        });
        let (weighted, lacking) = (matches!(self.method, Method::Weighted(_)), self.lacking);
        let rule = tally::Rule { weighted, lacking, threshold: self.threshold, single: self.single };
        rule.count(votes, scratch, width)
    }
}

/// Refuses a row whose result would be divided by nothing.
#[cold]
fn refuse(env: &Env<'_>, row: usize) {
    let what = "a prediction of any member, and weights above 0";
    env.refuse(row, 0, FaultKind::Rule(what), FaultValue::Null);
}

/// Returns the number at a place of a vector.
fn probability(vectors: &VectorStore, row: usize, class: usize) -> f64 {
    match vectors.row(row) {
        model::column::Row::Dense(values) => values[class],
        model::column::Row::Sparse { indices, values, .. } => {
            indices.binary_search(&(class as u32)).map_or(0.0, |at| values[at])
        }
    }
}

#[cfg(test)]
mod tests;
