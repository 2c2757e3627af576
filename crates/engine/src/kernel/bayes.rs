//! Kernels of Bayes' rule: naive Bayes ([`naive`]), networks of discrete variables ([`network`]).

use plan::BayesOp;

use crate::frame::{Env, Home};

mod naive;
mod network;

/// An op of the family, ready to run.
pub enum BayesKernel {
    Naive(naive::Naive),
    Network(network::Network),
}

impl BayesKernel {
    pub(crate) fn new(op: &BayesOp) -> BayesKernel {
        match op {
            BayesOp::Naive { priors, inputs, least, single } => {
                BayesKernel::Naive(naive::Naive::new(priors, inputs, *least, *single))
            }
            BayesOp::Network(network) => BayesKernel::Network(network::Network::new(network)),
        }
    }

    pub(crate) fn run(&self, env: &Env<'_>, inputs: &[Home], outputs: &[Option<Home>]) {
        let [Some(output)] = *outputs else { return };
        match self {
            BayesKernel::Naive(kernel) => kernel.run(env, inputs, output),
            BayesKernel::Network(kernel) => kernel.run(env, inputs, output),
        }
    }
}

#[cfg(test)]
mod tests;
