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

/// Who is heard in one row: `Scratch::rows` holds their numbers, `Scratch::numbers` their weights.
struct Hearing {
    /// Weight of the votes for nothing.
    lacking: f64,
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
        let mut scratch = env.frame.scratch();
        for row in 0..env.frame.rows() {
            if !env.frame.is_live(row) {
                self.write(env, row, outputs, Err(No::Result), &scratch);
                continue;
            }
            let heard = self.hear(env.frame, inputs, row, &mut scratch);
            let result = heard.and_then(|hearing| match self.predictions {
                Predictions::Numbers => self.numbers(env.frame, inputs, row, &mut scratch),
                Predictions::Classes(width) => {
                    self.votes(env.frame, inputs, row, &mut scratch, width as usize, &hearing)
                }
                Predictions::Probabilities(width) => {
                    self.probabilities(env.frame, inputs, row, &mut scratch, width as usize)
                }
            });
            if let Err(No::Divisor) = result {
                let what = "a prediction of any member, and weights above 0";
                env.refuse(row, 0, FaultKind::Rule(what), FaultValue::Null);
            }
            self.write(env, row, outputs, result, &scratch);
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

    /// Finds out who takes part and has a prediction, and whether the others leave a result.
    fn hear(&self, frame: &Frame, inputs: &[Home], row: usize, scratch: &mut Scratch) -> Result<Hearing, No> {
        let Scratch { rows: heard, numbers: weights, .. } = scratch;
        heard.clear();
        weights.clear();
        let (mut all, mut lacking, mut heads) = (0.0, 0.0, 0_u32);
        for (i, member) in self.members.iter().enumerate() {
            let input = |place: u32| frame.cells(inputs[place as usize]).number(row);
            if member.takes_part != NONE && input(member.takes_part) != Some(1.0) {
                continue;
            }
            heads += 1;
            let weight = match member.weight_by {
                NONE => Some(member.weight),
                by => input(by).map(|factor| self.round(self.round(factor) * self.round(member.weight))),
            };
            let weight = weight.filter(|&weight| weight >= 0.0).ok_or(No::Result)?;
            all = self.round(all + self.round(weight));
            if self.has_prediction(frame, inputs[i], row) {
                heard.push(i as u32);
                weights.push(weight);
            } else if self.lacks_all() {
                return Err(No::Result);
            } else {
                lacking = self.round(lacking + self.round(weight));
            }
        }
        if heads == 0 || lacking / all > self.threshold {
            return Err(No::Result);
        }
        let lacking = match self.method {
            Method::Plain(_) => f64::from(heads) - heard.len() as f64,
            Method::Weighted(_) => lacking,
        };
        Ok(Hearing { lacking })
    }

    /// Returns whether one member without a prediction takes the result away.
    fn lacks_all(&self) -> bool {
        match self.lacking {
            Lacking::Null => true,
            Lacking::Skip => false,
            Lacking::Continue => !matches!(self.predictions, Predictions::Classes(_)),
        }
    }

    fn has_prediction(&self, frame: &Frame, home: Home, row: usize) -> bool {
        match self.predictions {
            Predictions::Numbers => frame.cells(home).is_valid(row),
            Predictions::Classes(width) => {
                frame.cells(home).number(row).is_some_and(|class| class >= 0.0 && class < f64::from(width))
            }
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
        hearing: &Hearing,
    ) -> Result<f64, No> {
        let Scratch { rows: heard, numbers, .. } = scratch;
        if heard.is_empty() {
            return Err(No::Result);
        }
        let start = numbers.len();
        numbers.resize(start + width, 0.0);
        let (weights, votes) = numbers.split_at_mut(start);
        for (&member, &weight) in heard.iter().zip(&*weights) {
            let class = frame.cells(inputs[member as usize]).number(row).unwrap_or(0.0) as usize;
            let weight = if matches!(self.method, Method::Weighted(_)) { weight } else { 1.0 };
            votes[class] = self.round(votes[class] + self.round(weight));
        }
        let winner = probabilities::largest(votes);
        if self.lacking == Lacking::Continue && hearing.lacking > votes[winner] {
            return Err(No::Result);
        }
        let all = self.sum(votes.iter().copied());
        if all == 0.0 {
            return Err(No::Divisor);
        }
        votes.iter_mut().for_each(|vote| *vote = self.round(*vote / all));
        Ok(winner as f64)
    }
}

/// Returns the probability that a member gives a class.
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
