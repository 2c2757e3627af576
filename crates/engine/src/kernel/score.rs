//! Kernels of models that are neither linear nor trees ([`features`], [`mean`]), and of what is done with their scores ([`scores`]).
//!
//! Sums run over the features in their order, class by class or factor by factor side by side, so that the bits are those of one
//! sum after the other. Exponentials and logarithms are `libm`'s.

use std::sync::Arc;

use plan::ScoreOp;

use super::{Site, vector};
use crate::frame::{Env, Home};

mod features;
mod mean;
mod scores;

/// An op of the family, ready to run.
pub enum ScoreKernel {
    Events(features::EventScores),
    Gaussian(features::Gaussian),
    Factors(features::Factors),
    Curve(features::Curve),
    Mean(mean::Mean),
    Scores(scores::Rule),
    Seconds,
}

impl ScoreKernel {
    pub(crate) fn new(op: &ScoreOp, _site: &Site<'_>) -> ScoreKernel {
        match op {
            ScoreOp::Events { weights, intercepts, intercept_first, events } => {
                ScoreKernel::Events(features::EventScores {
                    weights: weights.clone(),
                    intercepts: intercepts.clone(),
                    intercept_first: *intercept_first,
                    events: *events,
                })
            }
            ScoreOp::Gaussian { priors, means, variances, log_variances } => {
                ScoreKernel::Gaussian(features::Gaussian::new(priors, means, variances, log_variances))
            }
            ScoreOp::Factors { weights, intercept, factors, pair } => ScoreKernel::Factors(features::Factors {
                weights: weights.clone(),
                intercept: *intercept,
                factors: factors.clone(),
                pair: *pair,
            }),
            ScoreOp::Curve { bounds, values, feature } => ScoreKernel::Curve(features::Curve {
                bounds: Arc::clone(bounds),
                values: Arc::clone(values),
                feature: *feature,
            }),
            ScoreOp::Mean { link, range } => ScoreKernel::Mean(mean::Mean { link: *link, range: *range }),
            ScoreOp::Logistic => ScoreKernel::Scores(scores::Rule::Logistic),
            ScoreOp::LogisticPair => ScoreKernel::Scores(scores::Rule::LogisticPair),
            ScoreOp::Shares => ScoreKernel::Scores(scores::Rule::Shares),
            ScoreOp::LogShares => ScoreKernel::Scores(scores::Rule::LogShares),
            ScoreOp::Seconds => ScoreKernel::Seconds,
        }
    }

    pub(crate) fn run(&self, env: &Env<'_>, inputs: &[Home], outputs: &[Option<Home>]) {
        let [Some(output)] = *outputs else { return };
        match self {
            ScoreKernel::Events(kernel) => vector::map(env, inputs[0], output, |row, out| kernel.row(row, out)),
            ScoreKernel::Gaussian(kernel) => vector::map(env, inputs[0], output, |row, out| kernel.row(row, out)),
            ScoreKernel::Factors(kernel) => kernel.run(env, inputs[0], output),
            ScoreKernel::Curve(kernel) => kernel.run(env, inputs[0], output),
            ScoreKernel::Mean(kernel) => kernel.run(env, inputs[0], output),
            ScoreKernel::Scores(rule) => vector::map(env, inputs[0], output, |row, out| rule.row(row, out)),
            ScoreKernel::Seconds => scores::seconds(env, inputs, output),
        }
    }
}

#[cfg(test)]
mod tests;
