//! A linear score to the mean of a distribution.

use plan::{Link, MeanRange};

use crate::frame::{Env, Home};

/// [`plan::ScoreOp::Mean`].
pub struct Mean {
    pub link: Link,
    pub range: MeanRange,
}

/// What a mean is kept away from at 0, and at 1.
const EPSILON: f64 = 1e-16;

impl Mean {
    pub fn run(&self, env: &Env<'_>, input: Home, output: Home) {
        let (cells, out) = (env.frame.cells(input), env.frame.cells(output));
        env.frame.each_live(|row| {
            let mean = cells.number(row).map(|score| trimmed(self.range, mean(self.link, score)));
            out.set(row, mean.map(f64::to_bits));
        });
    }
}

fn mean(link: Link, score: f64) -> f64 {
    match link {
        Link::Identity => score,
        Link::Logit => 1.0 / (1.0 + libm::exp(-score)),
        Link::Log => libm::exp(score),
        Link::Inverse => 1.0 / score,
        Link::Probit => 0.5 * (1.0 + libm::erf(score / std::f64::consts::SQRT_2)),
        Link::CLogLog => 1.0 - libm::exp(-libm::exp(score)),
        Link::Sqrt => score * score,
        Link::Power(0.0) => libm::exp(score),
        Link::Power(power) => libm::pow(score, 1.0 / power),
    }
}

fn trimmed(range: MeanRange, mean: f64) -> f64 {
    match range {
        MeanRange::Finite if mean.is_infinite() => f64::MAX.copysign(mean),
        MeanRange::Share | MeanRange::Positive if mean < EPSILON => EPSILON,
        MeanRange::Share if mean > 1.0 - EPSILON => 1.0 - EPSILON,
        MeanRange::Positive if mean.is_infinite() => f64::MAX,
        MeanRange::Finite | MeanRange::Share | MeanRange::Positive => mean,
    }
}
