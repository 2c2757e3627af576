//! Kernels of ordered streams: each row of the call sees what came before it.

use plan::{SeriesOp, op::series::Distribution};

use crate::frame::{Env, Home};

/// An op of the family, ready to run.
pub struct SeriesKernel {
    op: SeriesOp,
}

impl SeriesKernel {
    pub(crate) fn new(op: &SeriesOp) -> SeriesKernel {
        SeriesKernel { op: *op }
    }

    pub(crate) fn run(&self, env: &Env<'_>, inputs: &[Home], outputs: &[Option<Home>]) {
        let Some(output) = outputs[0] else { return };
        let (numbers, out) = (env.frame.cells(inputs[0]), env.frame.cells(output));
        let mut scratch = env.frame.scratch();
        let seen = &mut scratch.numbers;
        seen.clear();
        let mut sum = 0.0;
        env.frame.each_live(|row| {
            let Some(x) = numbers.number(row) else { return out.set(row, None) };
            let score = match self.op {
                SeriesOp::ZValue { mean, variance, window } => {
                    seen.push(x);
                    let last = &seen[seen.len().saturating_sub(window as usize)..];
                    let n = last.len() as f64;
                    (last.iter().sum::<f64>() / n - mean) / libm::sqrt(variance / n)
                }
                SeriesOp::Cusum { baseline, alternate, reset } => {
                    sum = f64::max(reset, sum + (log_density(alternate, x) - log_density(baseline, x)));
                    sum
                }
            };
            out.set_f64(row, score);
        });
    }
}

/// Returns the natural logarithm of a distribution's density at a number.
fn log_density(distribution: Distribution, x: f64) -> f64 {
    match distribution {
        Distribution::Gaussian { mean, variance } => {
            let d = x - mean;
            -0.5 * (d * d / variance) - 0.5 * libm::log(2.0 * std::f64::consts::PI * variance)
        }
        Distribution::Poisson { mean } if x >= 0.0 && x.fract() == 0.0 => {
            x * libm::log(mean) - mean - libm::lgamma(x + 1.0)
        }
        Distribution::Poisson { .. } => f64::NEG_INFINITY,
        Distribution::Uniform { lower, upper } if (lower..=upper).contains(&x) => -libm::log(upper - lower),
        Distribution::Uniform { .. } => f64::NEG_INFINITY,
    }
}

#[cfg(test)]
mod tests {
    use plan::{SeriesOp, op::series::Distribution};

    use crate::kernel::tests::{assert_row, dense, numbers, run, run_once};

    /// Of 12, 9, 9 with mean 10 and variance 4: 2 / 2; (10.5 - 10) / (2 / sqrt 2); then the window of two goes on.
    #[test]
    fn a_window_takes_in_the_last_numbers() {
        let op = SeriesOp::ZValue { mean: 10.0, variance: 4.0, window: 2 };
        let ran = run_once(op, &[numbers(&[Some(12.0), None, Some(9.0), Some(9.0)])]);
        assert_row(&ran.outputs[0], 0, dense(&[1.0]));
        assert_row(&ran.outputs[0], 1, None);
        assert_row(&ran.outputs[0], 2, dense(&[0.5 / 2.0_f64.sqrt()]));
        assert_row(&ran.outputs[0], 3, dense(&[-1.0 / 2.0_f64.sqrt()]));
        assert!(!op.is_separable());
        let ran = run(SeriesOp::ZValue { mean: 10.0, variance: 4.0, window: 1 }, &[numbers(&[Some(12.0), Some(9.0)])]);
        assert_row(&ran.outputs[0], 1, dense(&[-0.5]));
    }

    /// Between normal distributions of variance 1 at 0 and at 1, the logarithm of odds is `x - 1/2`.
    #[test]
    fn odds_add_up_and_fall_back_to_the_reset_value() {
        let at = |mean| Distribution::Gaussian { mean, variance: 1.0 };
        let op = SeriesOp::Cusum { baseline: at(0.0), alternate: at(1.0), reset: 0.0 };
        let ran = run_once(op, &[numbers(&[Some(-3.0), Some(2.5), Some(1.0), None, Some(-9.0), Some(1.5)])]);
        let model::Column::Fixed(sums) = &ran.outputs[0] else { panic!("numbers") };
        for (row, expected) in [Some(0.0), Some(2.0), Some(2.5), None, Some(0.0), Some(1.0)].into_iter().enumerate() {
            let got = ran.outputs[0].is_valid(row).then(|| sums.values::<f64>()[row]);
            assert_eq!(got.map(|sum| (sum * 1e9).round()), expected.map(|sum: f64| sum * 1e9), "row {row}");
        }
    }
}
