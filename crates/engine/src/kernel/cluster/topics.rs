//! Topics of a document: the variational inference of latent Dirichlet allocation, as Spark's `variationalTopicInference`.
//!
//! The answer is what the steps settle at, to 1e-3 and less, so its last bits are not Spark's: sums go in lanes, and numbers in
//! their usual bounds take their steps in the machine's registers ([`settle`], over [`lanes`] and [`digamma`]). The plain steps
//! here are for everything else.

use std::sync::Arc;

use model::{Call, FaultKind, FaultValue, PredictError, column::Row};
use plan::digamma::{LEAST, exp_digamma};

use super::null;
use crate::frame::{Env, Home};

mod digamma;
mod lanes;
mod settle;

use lanes::Form;
use settle::{Settler, Stopped};

/// Mean change at which the steps end.
const SETTLED: f64 = 1e-3;

/// Steps after which a document is refused: those that settle take some tens.
const STEPS_MAX: u32 = 1 << 16;

/// Steps between two looks at the call's deadline.
const STEPS_BETWEEN: u32 = 64;

/// [`plan::ClusterOp::Topics`].
pub struct Topics {
    /// A line of topics for each term.
    weights: Arc<[f64]>,
    prior: Arc<[f64]>,
    start: Arc<[f64]>,
    /// `t` of the start.
    start_scale: Box<[f64]>,
    /// A term that occurs 0 times changes nothing; it would where a weight is infinite or NaN.
    finite: bool,
    settler: Option<Settler>,
}

/// Why a document has no answer.
enum Failed {
    Refused(FaultKind, FaultValue),
    Call(PredictError),
}

impl Topics {
    pub fn new(weights: Arc<[f64]>, prior: Arc<[f64]>, start: Arc<[f64]>) -> Topics {
        let mut start_scale = vec![0.0; start.len()].into_boxed_slice();
        scale(&start, &mut start_scale);
        let finite = weights.iter().all(|w| w.is_finite());
        let settler = Settler::new(weights.clone(), &prior, &start, Form::best());
        Topics { weights, prior, start, start_scale, finite, settler }
    }

    pub fn run(&self, env: &Env<'_>, input: Home, output: Option<Home>) -> Result<(), PredictError> {
        let (Some(output), frame) = (output, env.frame) else { return Ok(()) };
        let vectors = frame.vectors(input);
        let mut out = frame.vectors_mut(output);
        let mut scratch = frame.scratch();
        out.clear();
        let k = self.prior.len();
        for row in 0..frame.rows() {
            if !frame.is_live(row) {
                out.push_null();
                continue;
            }
            let start = out.values.len();
            out.values.resize(start + k, 0.0);
            let done = match vectors.is_valid(row) {
                true => self.row(vectors.row(row), env.call, &mut scratch.numbers, &mut out.values[start..]),
                false => Err(null().into()),
            };
            match done {
                Ok(()) => out.end_dense(start),
                Err(Failed::Call(error)) => return Err(error),
                Err(Failed::Refused(kind, value)) => {
                    env.refuse(row, 0, kind, value);
                    out.values.truncate(start);
                    out.push_null();
                }
            }
        }
        Ok(())
    }

    /// Fills `g`, which is all zeros, with the shares.
    fn row(&self, x: Row<'_>, call: &Call, scratch: &mut Vec<f64>, g: &mut [f64]) -> Result<(), Failed> {
        let (Row::Dense(counts) | Row::Sparse { values: counts, .. }) = x;
        if counts.iter().all(|&c| c == 0.0) {
            return Ok(());
        }
        let k = g.len();
        let terms = self.weights.len() / k;
        let places = match x {
            Row::Dense(x) => x.len(),
            Row::Sparse { indices, .. } => indices.last().map_or(0, |&i| i as usize + 1),
        };
        if places > terms {
            return Err(Failed::Refused(FaultKind::Size { expected: terms as u64 }, FaultValue::Size(places as u64)));
        }
        let stopped = match &self.settler {
            Some(settler) => settler.settle(x, call, scratch, g),
            None => Err(Stopped::NotHere),
        };
        match stopped {
            Err(Stopped::NotHere) => self.plain(x, counts, call, scratch, g),
            Err(Stopped::StepsMax) => Err(unsettled(counts)),
            Err(Stopped::Call(error)) => Err(Failed::Call(error)),
            Ok(()) => Ok(()),
        }
    }

    /// The steps without registers, whatever the numbers.
    fn plain(
        &self,
        x: Row<'_>,
        counts: &[f64],
        call: &Call,
        scratch: &mut Vec<f64>,
        g: &mut [f64],
    ) -> Result<(), Failed> {
        let k = g.len();
        scratch.clear();
        scratch.resize(2 * k, 0.0);
        let (t, sums) = scratch.split_at_mut(k);
        g.copy_from_slice(&self.start);
        t.copy_from_slice(&self.start_scale);
        for step in 1.. {
            sums.fill(0.0);
            match x {
                Row::Dense(x) => (0..).zip(x).for_each(|(term, &count)| self.add(term, count, t, sums)),
                Row::Sparse { indices, values, .. } => {
                    indices.iter().zip(values).for_each(|(&term, &count)| self.add(term, count, t, sums));
                }
            }
            let mut change = 0.0;
            for (((g, t), sum), prior) in g.iter_mut().zip(&*t).zip(&*sums).zip(&*self.prior) {
                let next = t * sum + prior;
                change += (next - *g).abs();
                *g = next;
            }
            // A NaN ends the steps, too.
            let goes_on = change / k as f64 > SETTLED;
            if !goes_on {
                break;
            }
            // Of an infinite one comes a NaN at the next step.
            let is_too_low = |g: f64| g < LEAST && g.is_finite();
            if step == STEPS_MAX || g.iter().copied().any(is_too_low) || is_too_low(total(g)) {
                return Err(unsettled(counts));
            }
            if step % STEPS_BETWEEN == 0 {
                call.check().map_err(Failed::Call)?;
            }
            scale(g, t);
        }
        let sum = g.iter().fold(0.0, |sum, g| sum + g.abs());
        if sum != 0.0 {
            g.iter_mut().for_each(|g| *g /= sum);
        }
        Ok(())
    }

    /// Adds what a term says of each topic.
    #[inline]
    fn add(&self, term: u32, count: f64, t: &[f64], sums: &mut [f64]) {
        if count == 0.0 && self.finite {
            return;
        }
        let k = t.len();
        let line = &self.weights[term as usize * k..(term as usize + 1) * k];
        let factor = count / (dot(line, t) + 1e-100);
        sums.iter_mut().zip(line).for_each(|(sum, w)| *sum += w * factor);
    }
}

fn unsettled(counts: &[f64]) -> Failed {
    let got = counts.iter().fold(0.0, |far: f64, c| if c.abs() > far.abs() { *c } else { far });
    Failed::Refused(FaultKind::Rule("counts whose topics settle"), FaultValue::Number(got))
}

/// Returns the sum of products, in four lanes.
#[inline]
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let ((a, rest_a), (b, rest_b)) = (a.as_chunks::<4>(), b.as_chunks::<4>());
    let mut lanes = [0.0; 4];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..4 {
            lanes[lane] += a[lane] * b[lane];
        }
    }
    let rest = rest_a.iter().zip(rest_b).fold(0.0, |sum, (a, b)| sum + a * b);
    (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]) + rest
}

fn total(g: &[f64]) -> f64 {
    g.iter().fold(0.0, |sum, g| sum + g)
}

/// Writes `exp(digamma(g) - digamma(sum g))`.
fn scale(g: &[f64], t: &mut [f64]) {
    let all = plan::digamma::digamma(total(g));
    t.iter_mut().zip(g).for_each(|(t, &g)| *t = exp_digamma(g, all));
}

impl From<super::Refusal> for Failed {
    fn from((kind, value): super::Refusal) -> Failed {
        Failed::Refused(kind, value)
    }
}

#[cfg(test)]
mod tests;
