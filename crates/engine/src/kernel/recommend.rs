//! Kernels of recommendation: products of factors ([`factors`]), rules of baskets ([`rules`]).

use plan::RecommendOp;

use crate::frame::{Env, Home};

mod factors;
mod rules;

/// An op of the family, ready to run.
pub enum RecommendKernel {
    Factors(factors::FactorDot),
    Rules(rules::BasketRules),
}

impl RecommendKernel {
    pub(crate) fn new(op: &RecommendOp) -> RecommendKernel {
        match op {
            RecommendOp::FactorDot { users, items, rank, drop } => {
                RecommendKernel::Factors(factors::FactorDot::new(users, items, *rank, *drop))
            }
            RecommendOp::BasketRules(rules) => RecommendKernel::Rules(rules::BasketRules::new(rules)),
        }
    }

    pub(crate) fn run(&self, env: &Env<'_>, inputs: &[Home], outputs: &[Option<Home>]) {
        let [Some(output)] = *outputs else { return };
        match self {
            RecommendKernel::Factors(kernel) => kernel.run(env, inputs, output),
            RecommendKernel::Rules(kernel) => kernel.run(env, inputs[0], output),
        }
    }
}

#[cfg(test)]
mod tests;
