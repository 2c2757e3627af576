//! `exp(digamma(x))` of four numbers, without a branch.
//!
//! With `s` the sum of `1 / (x + i)` for `i` from 0 to 5, `digamma(x) = digamma(x + 6) - s`. Taken in pairs, the terms make `s`
//! one fraction of polynomials in `z = x (x + 5)`. From 6 on `exp(digamma(y + 1/2))` is `y` times a function of `y^2` near 1: a
//! fraction of cubics (fitted at Chebyshev nodes, to 1e-16). What is left is `exp(-s)`: the nearest power of 2, and a polynomial
//! for the rest (fitted likewise on half of ln 2 to either side, to 2e-17).

use std::f64::consts::{LN_2, LOG2_E};

use super::lanes::Lanes;

/// Of the numerator from `y^4` down; `y^6` has 1.
const ABOVE: [f64; 3] = [4.114_710_434_670_656, 2.956_080_665_322_720_5, 0.271_913_479_151_113];

const BELOW: [f64; 3] = [4.073_043_768_004_02, 2.792_794_119_407_787_4, 0.178_158_230_235_853_56];

/// Of `exp(-r)` from `r^2` on.
const EXP: [f64; 10] = [
    0.500_000_000_000_000_1,
    -0.166_666_666_666_666_69,
    0.041_666_666_666_624_13,
    -0.008_333_333_333_330_062,
    0.001_388_888_891_721_371_7,
    -0.000_198_412_698_630_536_18,
    2.480_152_129_595_437_6e-5,
    -2.755_726_845_999_706_4e-6,
    2.762_008_844_540_974_6e-7,
    -2.510_038_549_551_032e-8,
];

/// Added to a number, it leaves in the lowest bits what is to stand in the exponent of that power of 2.
const ROUND: f64 = 1.5 * (1_u64 << 52) as f64 + 1023.0;

/// `s` from which the answer, about 1e-307, no longer falls.
const MOST: f64 = 708.0;

/// Returns `exp(digamma(x))` for `x` within 1e-200 and 1e15. Its relative error is some 1e-15, and 2e-16 times `s` beside
/// (of small `x` that is `1 / x`); below 1e-307 it says 1e-307.
#[inline(always)]
pub fn exp_digamma<L: Lanes>(x: L) -> L {
    let next = x.add(L::splat(5.0));
    let z = x.mul(next);
    let product = z.add(L::splat(10.0)).mul(z).add(L::splat(24.0)).mul(z);
    let slope = z.mul(L::splat(3.0)).add(L::splat(20.0)).mul(z).add(L::splat(24.0));
    let s = x.add(next).mul(slope).div(product);
    let y = x.add(L::splat(5.5));
    let y2 = y.mul(y);
    y.mul(cubic(y2, &ABOVE)).div(cubic(y2, &BELOW)).mul(exp_minus(s.min(L::splat(MOST))))
}

#[inline(always)]
fn cubic<L: Lanes>(x: L, [a, b, c]: &[f64; 3]) -> L {
    x.add(L::splat(*a)).mul(x).add(L::splat(*b)).mul(x).add(L::splat(*c))
}

/// Returns `exp(-s)` for `s` within 0 and [`MOST`].
#[inline(always)]
fn exp_minus<L: Lanes>(s: L) -> L {
    let power = L::splat(ROUND).sub(s.mul(L::splat(LOG2_E)));
    let r = s.add(power.sub(L::splat(ROUND)).mul(L::splat(LN_2)));
    let (r2, [c2, c3, c4, c5, c6, c7, c8, c9, c10, c11]) = (r.mul(r), EXP);
    let low = line(r, c2, c3).add(r2.mul(line(r, c4, c5)));
    let high = line(r, c6, c7).add(r2.mul(line(r, c8, c9))).add(r2.mul(r2).mul(line(r, c10, c11)));
    let rest = low.add(r2.mul(r2).mul(high));
    power.fraction_to_exponent().mul(L::splat(1.0).add(r2.mul(rest).sub(r)))
}

#[inline(always)]
fn line<L: Lanes>(x: L, low: f64, high: f64) -> L {
    L::splat(low).add(x.mul(L::splat(high)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::cluster::topics::lanes::{Form, Four, Work};

    struct Each<'a>(&'a mut [Four]);

    impl Work for Each<'_> {
        type Out = ();

        #[inline(always)]
        fn run<L: Lanes>(self) {
            for four in self.0 {
                exp_digamma(L::load(four)).store(four);
            }
        }
    }

    /// `unsure` is how far the expected number may be off itself, as what we allow ourselves.
    fn check(x: f64, expected: f64, unsure: f64) {
        let mut four = [[x, 1.0, x, x]];
        Form::best().run(Each(&mut four));
        let error = (four[0][0] / expected - 1.0).abs();
        assert!(error <= (1.0 + unsure) * (3e-15 + 3e-16 / x), "of {x}: {}, not {expected} ({error:e})", four[0][0]);
    }

    /// Computed with 40 digits.
    #[test]
    fn known_values() {
        check(0.0068359375, 1.6714722732554758e-64, 0.0);
        check(0.015625, 9.236515680292077e-29, 0.0);
        check(0.09375, 1.5121147942272361e-5, 0.0);
        check(0.5, 0.14036487089172128, 0.0);
        check(1.0, 0.5614594835668851, 0.0);
        check(2.5, 2.0201194445802004, 0.0);
        check(5.75, 5.25789297323866, 0.0);
        check(11.0, 10.50396273256975, 0.0);
        check(100.25, 99.75041770447235, 0.0);
        check(12345.678, 12345.178003375137, 0.0);
        check(1e9, 999999999.5, 0.0);
        check(1e15, 999999999999999.5, 0.0);
    }

    #[test]
    fn as_with_a_logarithm() {
        for i in 0..4000 {
            let x = libm::exp(f64::from(i) * 0.01 - 5.0);
            check(x, libm::exp(plan::digamma::digamma(x)), 1.0);
        }
    }

    #[test]
    fn so_little_that_nothing_is_left() {
        let mut four = [[1e-200, 1e-3, 1.0 / 750.0, 1.0 / 720.0]];
        Form::best().run(Each(&mut four));
        assert!(four[0].iter().all(|&t| (0.0..1e-306).contains(&t)), "{four:?}");
    }

    #[test]
    fn every_form_has_the_same_bits() {
        let numbers = |i: i32| libm::exp(f64::from(i) * 0.013 - 460.0);
        let mut all: Vec<Four> = (0..9000).map(|i| [4 * i, 4 * i + 1, 4 * i + 2, 4 * i + 3].map(numbers)).collect();
        let mut portable = all.clone();
        Form::best().run(Each(&mut all));
        Form::portable().run(Each(&mut portable));
        assert!(all.as_flattened().iter().zip(portable.as_flattened()).all(|(a, b)| a.to_bits() == b.to_bits()));
    }
}
