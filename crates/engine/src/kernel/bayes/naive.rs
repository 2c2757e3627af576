//! Naive Bayes: logarithms of probabilities, added class by class.

use std::sync::Arc;

use model::{FaultKind, FaultValue};
use plan::op::bayes::Likelihood;

use crate::{
    frame::{Env, Home},
    kernel::distance::rounded,
};

/// [`plan::BayesOp::Naive`].
pub struct Naive {
    /// The logarithms of the priors.
    priors: Box<[f64]>,
    inputs: Box<[Input]>,
    least: f64,
    single: bool,
}

enum Input {
    /// Category after category, a logarithm a class; 0 where nothing is said.
    Categories(Box<[f64]>),
    Gaussian {
        means: Arc<[f64]>,
        deviations: Box<[f64]>,
    },
    Poisson {
        means: Arc<[f64]>,
    },
}

/// What a row is refused with, and the input that is to blame.
type Refusal = (usize, FaultKind, FaultValue);

impl Naive {
    pub fn new(priors: &[f64], inputs: &[Likelihood], least: f64, single: bool) -> Naive {
        let log = |share: &f64| if share.is_nan() { 0.0 } else { log(single, *share) };
        let input = |input: &Likelihood| match input {
            Likelihood::Categories(shares) => Input::Categories(shares.iter().map(log).collect()),
            Likelihood::Gaussian { means, variances } => {
                Input::Gaussian { means: means.clone(), deviations: variances.iter().map(|v| v.sqrt()).collect() }
            }
            Likelihood::Poisson { means } => Input::Poisson { means: means.clone() },
        };
        let (priors, inputs) = (priors.iter().map(log).collect(), inputs.iter().map(input).collect());
        Naive { priors, inputs, least: rounded(single, least), single }
    }

    pub fn run(&self, env: &Env<'_>, inputs: &[Home], output: Home) {
        let mut out = env.frame.vectors_mut(output);
        out.clear();
        for row in 0..env.frame.rows() {
            if !env.frame.is_live(row) {
                out.push_null();
                continue;
            }
            let start = out.values.len();
            out.values.extend_from_slice(&self.priors);
            match self.row(env, inputs, row, &mut out.values[start..]) {
                Ok(()) => out.end_dense(start),
                Err((input, kind, value)) => {
                    env.refuse(row, input, kind, value);
                    out.values.truncate(start);
                    out.push_null();
                }
            }
        }
    }

    fn row(&self, env: &Env<'_>, inputs: &[Home], row: usize, sums: &mut [f64]) -> Result<(), Refusal> {
        let r = |value: f64| rounded(self.single, value);
        for (i, (input, &home)) in self.inputs.iter().zip(inputs).enumerate() {
            let Some(x) = env.frame.cells(home).number(row) else { continue };
            match input {
                Input::Categories(logs) => {
                    let at = if x >= 0.0 { (x as usize).saturating_mul(sums.len()) } else { usize::MAX };
                    if let Some(logs) = logs.get(at..at.saturating_add(sums.len())) {
                        sums.iter_mut().zip(logs).for_each(|(sum, log)| *sum = r(*sum + log));
                    }
                }
                Input::Gaussian { means, deviations } => {
                    for ((sum, mean), deviation) in sums.iter_mut().zip(&**means).zip(deviations) {
                        *sum = r(*sum + self.term(mean, gaussian(x, *mean, *deviation)));
                    }
                }
                Input::Poisson { means } => {
                    if x.fract() != 0.0 {
                        return Err((i, FaultKind::Rule("a whole number, as a count is"), FaultValue::Number(x)));
                    }
                    for (sum, mean) in sums.iter_mut().zip(&**means) {
                        *sum = r(*sum + self.term(mean, poisson(x, *mean)));
                    }
                }
            }
        }
        let most = sums.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        sums.iter_mut().for_each(|s| *s = r(libm::exp(r(*s - most))));
        let sum = sums.iter().fold(0.0, |sum, s| r(sum + s));
        sums.iter_mut().for_each(|s| *s = r(*s / sum));
        Ok(())
    }

    /// Returns what a density adds; nothing where the class has no distribution.
    fn term(&self, mean: &f64, density: f64) -> f64 {
        if mean.is_nan() {
            return 0.0;
        }
        log(self.single, if density < self.least { self.least } else { density })
    }
}

fn log(single: bool, share: f64) -> f64 {
    rounded(single, libm::log(rounded(single, share)))
}

fn gaussian(x: f64, mean: f64, deviation: f64) -> f64 {
    let d = (x - mean) / deviation;
    let half_log_2pi = 0.5 * libm::log(2.0 * std::f64::consts::PI);
    libm::exp(-0.5 * d * d - (libm::log(deviation) + half_log_2pi))
}

fn poisson(x: f64, mean: f64) -> f64 {
    if x < 0.0 { 0.0 } else { libm::exp(x * libm::log(mean) - mean - libm::lgamma(x + 1.0)) }
}
