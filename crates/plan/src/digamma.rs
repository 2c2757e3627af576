//! The digamma function: readers of topic models need it for what they prepare, the kernel for every step.

/// Below this [`digamma`] is not computed: it would be moved up to where the series holds one by one.
pub const LEAST: f64 = -1024.0;

/// Returns the derivative of the logarithm of the gamma function: moved up to 10 by `digamma(x) = digamma(x + 1) - 1 / x`,
/// from there on the asymptotic series to the term of `x^-14`, which leaves less than 1e-15. At 0 and below at integers it is
/// -infinity, and below [`LEAST`] NaN.
pub fn digamma(x: f64) -> f64 {
    let (moved, rest) = split(x);
    libm::log(moved) - rest
}

/// Returns `exp(digamma(x) - less)`, without the logarithm that the exponential would undo.
#[inline]
pub fn exp_digamma(x: f64, less: f64) -> f64 {
    let (moved, rest) = split(x);
    moved * libm::exp(-rest - less)
}

/// Returns `y` and `r` such that `digamma(x) = ln(y) - r`.
#[inline]
fn split(x: f64) -> (f64, f64) {
    if x.is_nan() || x == f64::INFINITY {
        return (x, 0.0);
    }
    if x < LEAST {
        return (f64::NAN, 0.0);
    }
    let (mut x, mut moved) = (x, 0.0);
    while x < 10.0 {
        // The inverse of both zeros is +infinity here.
        moved += if x == 0.0 { f64::INFINITY } else { 1.0 / x };
        x += 1.0;
    }
    let inverse = 1.0 / (x * x);
    let series = [1.0 / 12.0, -1.0 / 120.0, 1.0 / 252.0, -1.0 / 240.0, 1.0 / 132.0, -691.0 / 32_760.0, 1.0 / 12.0];
    let tail = series.iter().rev().fold(0.0, |sum, term| (sum + term) * inverse);
    (x, 0.5 / x + tail + moved)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(x: f64, expected: f64) {
        let got = digamma(x);
        assert!((got - expected).abs() <= 2e-15 * expected.abs().max(1.0), "digamma({x}) is {got}, not {expected}");
    }

    #[test]
    fn known_values() {
        const EULER: f64 = 0.577_215_664_901_532_9;
        check(1.0, -EULER);
        check(2.0, 1.0 - EULER);
        check(0.5, -EULER - 2.0 * std::f64::consts::LN_2);
        check(10.0, 7129.0 / 2520.0 - EULER);
        check(1e-3, -1_000.575_571_931_810_3);
        check(-0.5, 2.0 - EULER - 2.0 * std::f64::consts::LN_2);
        check(1e6, 13.815_510_057_964_19);
    }

    #[test]
    fn the_exponential_of_it() {
        for x in [1e-3, 0.3, 1.0, 7.5, 12.0, 1e6, 1e300] {
            let (got, expected) = (exp_digamma(x, 1.5), libm::exp(digamma(x) - 1.5));
            assert!((got - expected).abs() <= 1e-12 * expected, "{x}: {got}, not {expected}");
        }
        assert_eq!(exp_digamma(0.0, 3.0), 0.0);
        assert!(exp_digamma(f64::INFINITY, f64::INFINITY).is_nan() && exp_digamma(-1e9, 0.0).is_nan());
    }

    #[test]
    fn borders() {
        assert_eq!(digamma(0.0), f64::NEG_INFINITY);
        assert_eq!(digamma(-0.0), f64::NEG_INFINITY);
        assert_eq!(digamma(-3.0), f64::NEG_INFINITY);
        assert_eq!(digamma(f64::INFINITY), f64::INFINITY);
        assert!(digamma(-1e300).is_nan() && digamma(f64::NEG_INFINITY).is_nan() && digamma(f64::NAN).is_nan());
    }
}
