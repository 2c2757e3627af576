//! The cosine transform of any length, through a real Fourier transform of twice as many elements by factors of 2, 4, 3,
//! 5 and greater primes (P. N. Swarztrauber, FFTPACK, `rfftf` and `rfftb`).
//!
//! Transforms of real elements are kept as `re 0, re 1, im 1, re 2, im 2, ...`.

use std::{
    f64::consts::{FRAC_1_SQRT_2, PI, SQRT_2, TAU},
    iter, mem,
};

use super::complex::Complex;

const RADIX_MAX: usize = 127;

pub(super) struct MixedRadix {
    /// `e^(pi i k / 2n)` for k below n.
    quarters: Box<[Complex]>,
    steps: Box<[Step]>,
}

/// Makes each of `count` transforms from `radix` transforms of `len` elements, or the other way round.
struct Step {
    radix: usize,
    count: usize,
    len: usize,
    /// `e^(2 pi i j f / (radix len))` for j below `radix` and, within, f below half of `len`.
    twiddles: Box<[Complex]>,
    /// `e^(2 pi i j k / radix)` for k and, within, j from 1 to half of an odd `radix`.
    roots: Box<[Complex]>,
}

// === impl MixedRadix ===

impl MixedRadix {
    pub(super) fn new(n: usize) -> MixedRadix {
        let delta = PI / (2 * n) as f64;
        let quarters = (0..n).map(|k| Complex::polar(delta * k as f64)).collect();
        let (mut steps, mut count) = (Vec::new(), 1);
        for radix in factors(2 * n) {
            steps.push(Step::new(2 * n, radix, count));
            count *= radix;
        }
        MixedRadix { quarters, steps: steps.into() }
    }

    /// DCT-II without its scale.
    pub(super) fn forward(&self, x: &mut [f64], scratch: &mut Vec<f64>) {
        let n = x.len();
        scratch.clear();
        scratch.extend_from_slice(x);
        scratch.extend(x.iter().rev());
        scratch.resize(4 * n, 0.0);
        let t = self.run(scratch, false);
        for (k, (x, w)) in x.iter_mut().zip(&self.quarters).enumerate() {
            let z = at(t, k);
            *x = w.re * z.re + w.im * z.im;
        }
        x[0] = t[0] - 0.0 * t[2 * n - 1];
    }

    /// DCT-III, 2n times as great without its scale.
    pub(super) fn inverse(&self, x: &mut [f64], scratch: &mut Vec<f64>) {
        let n = x.len();
        scratch.clear();
        scratch.resize(4 * n, 0.0);
        for (k, (&x, &w)) in x.iter().zip(&self.quarters).enumerate() {
            put(&mut scratch[..2 * n], k, w * x);
        }
        scratch[2 * n - 1] = -0.0 * x[0];
        x.copy_from_slice(&self.run(scratch, true)[..n]);
    }

    /// Takes the steps from the first half of `scratch`, to and fro, and returns the half with the result.
    fn run<'a>(&self, scratch: &'a mut [f64], inverse: bool) -> &'a [f64] {
        let (mut x, mut y) = scratch.split_at_mut(scratch.len() / 2);
        let (mut d, mut e) = ([Complex::ZERO; RADIX_MAX], [Complex::ZERO; RADIX_MAX]);
        for k in 0..self.steps.len() {
            let step = &self.steps[if inverse { k } else { self.steps.len() - 1 - k }];
            let (d, e) = (&mut d[..step.radix], &mut e[..step.radix]);
            if inverse {
                step.inverse(x, y, d, e)
            } else {
                step.forward(x, y, d, e)
            }
            mem::swap(&mut x, &mut y);
        }
        x
    }
}

/// A single 2, then all 4, then 3, 5, 7 and so on.
fn factors(mut n: usize) -> Vec<usize> {
    let twos = n.trailing_zeros() as usize;
    let mut factors = vec![2; twos % 2];
    factors.resize(twos % 2 + twos / 2, 4);
    n >>= twos;
    for factor in (3..=n).step_by(2) {
        while n.is_multiple_of(factor) {
            factors.push(factor);
            n /= factor;
        }
    }
    factors
}

// === impl Step ===

impl Step {
    fn new(n: usize, radix: usize, count: usize) -> Step {
        let (len, delta) = (n / radix / count, TAU / n as f64);
        let twiddle = |j: usize, f: usize| Complex::polar(f as f64 * ((j * count) as f64 * delta));
        let twiddles = (0..radix).flat_map(|j| (0..len.div_ceil(2)).map(move |f| twiddle(j, f))).collect();
        Step { radix, count, len, twiddles, roots: roots(radix) }
    }

    fn forward(&self, x: &[f64], y: &mut [f64], d: &mut [Complex], e: &mut [Complex]) {
        let &Step { radix, count, len, .. } = self;
        for (k, y) in y.chunks_exact_mut(radix * len).enumerate() {
            let part = |j: usize| &x[(j * count + k) * len..][..len];
            for f in 0..len.div_ceil(2) {
                for (j, d) in d.iter_mut().enumerate() {
                    *d = self.twiddled(j, f, at(part(j), f), Complex::conj);
                }
                for j in 1..radix.div_ceil(2) {
                    let (a, b) = (d[j], d[radix - j]);
                    (d[j], d[radix - j]) = (a + b, Complex::new(a.im - b.im, b.re - a.re));
                }
                self.mix(d, e);
                if radix % 2 == 1 {
                    put(y, f, e[0]);
                }
                for (j, back) in self.pairs() {
                    let (a, b) = (e[j], e[radix - back]);
                    if f == 0 && j > 0 {
                        put(y, j * len, Complex::new(a.re, b.im));
                    } else {
                        put(y, j * len + f, a + b);
                        put(y, back * len - f, a.conj() - b.conj());
                    }
                }
            }
            if len % 2 == 0 {
                let last = |j: usize| part(j)[len - 1];
                if radix == 2 {
                    put(y, len / 2, Complex::new(last(0), -last(1)));
                } else {
                    let a = Complex::new(last(0), -last(2));
                    let b = Complex::new(last(1) - last(3), -(last(1) + last(3))) * FRAC_1_SQRT_2;
                    put(y, len / 2, a + b);
                    put(y, 3 * len / 2, a.conj() - b.conj());
                }
            }
        }
    }

    fn inverse(&self, x: &[f64], y: &mut [f64], d: &mut [Complex], e: &mut [Complex]) {
        let &Step { radix, count, len, .. } = self;
        for (k, x) in x.chunks_exact(radix * len).enumerate() {
            let mut put = |j: usize, f: usize, z: Complex| put(&mut y[(j * count + k) * len..][..len], f, z);
            for f in 0..len.div_ceil(2) {
                d[0] = at(x, f);
                if radix % 2 == 0 {
                    d[radix / 2] = at(x, radix / 2 * len - f).conj();
                }
                for j in 1..radix.div_ceil(2) {
                    let (a, b) = (at(x, j * len + f), at(x, j * len - f).conj());
                    (d[j], d[radix - j]) = (a + b, a - b);
                }
                self.mix(d, e);
                if radix == 3 && f == 0 {
                    // As JTransforms: to double the element instead would overflow sooner.
                    e[2].im = 2.0 * self.roots[0].im * at(x, len).im;
                }
                for (j, back) in self.pairs() {
                    let (a, b) = (e[j], e[radix - back]);
                    let b = if j == 0 { b } else { b.times_i() };
                    (e[j], e[radix - back]) = (a + b, a - b);
                }
                for (j, &e) in e.iter().enumerate() {
                    put(j, f, self.twiddled(j, f, e, |w| w));
                }
            }
            if len % 2 == 0 {
                let (a, b) = (at(x, len / 2), at(x, (radix - 1) * len / 2));
                let mut last = |j: usize, v: f64| put(j, len / 2, Complex::new(v, 0.0));
                if radix == 2 {
                    last(0, 2.0 * a.re);
                    last(1, -2.0 * a.im);
                } else {
                    last(0, 2.0 * (a.re + b.re));
                    last(1, SQRT_2 * ((a.re - b.re) - (a.im + b.im)));
                    last(2, 2.0 * (b.im - a.im));
                    last(3, -SQRT_2 * ((a.re - b.re) + (a.im + b.im)));
                }
            }
        }
    }

    fn twiddled(&self, j: usize, f: usize, z: Complex, conj: fn(Complex) -> Complex) -> Complex {
        if j == 0 || f == 0 { z } else { conj(self.twiddles[j * self.len.div_ceil(2) + f]) * z }
    }

    /// The numbers whose sum and difference are elements, in `mix`: places `j` and `radix - back`.
    fn pairs(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let radix = self.radix;
        (radix % 2..radix.div_ceil(2)).map(move |j| (j, if j == 0 { radix / 2 } else { j }))
    }

    /// The part of a butterfly that is the same in both directions: from sums in the first places to sums, and from
    /// differences in the last to differences.
    fn mix(&self, d: &[Complex], e: &mut [Complex]) {
        let half = self.radix / 2;
        match self.radix {
            2 => e.copy_from_slice(d),
            4 => e.copy_from_slice(&[d[0] + d[2], d[0] - d[2], d[1], d[3]]),
            radix => {
                let (sums, differences) = (&d[1..=half], &d[half + 1..]);
                e[0] = sums.iter().fold(d[0], |sum, &d| sum + d);
                for (k, roots) in (1..).zip(self.roots.chunks_exact(half)) {
                    let nothing = Complex::new(-0.0, -0.0);
                    e[k] = sums.iter().zip(roots).fold(d[0], |sum, (&d, w)| sum + d * w.re);
                    e[radix - k] = differences.iter().rev().zip(roots).fold(nothing, |sum, (&d, w)| sum + d * w.im);
                }
            }
        }
    }
}

/// The transform's element `f`. The first, and the last of an even number, are real.
fn at(x: &[f64], f: usize) -> Complex {
    Complex::new(x[(2 * f).max(1) - 1], if f > 0 && 2 * f < x.len() { x[2 * f] } else { 0.0 })
}

fn put(x: &mut [f64], f: usize, z: Complex) {
    x[(2 * f).max(1) - 1] = z.re;
    if f > 0 && 2 * f < x.len() {
        x[2 * f] = z.im;
    }
}

/// Powers of powers of the first root, by repeated multiplication; for 3 and 5, the roots.
fn roots(radix: usize) -> Box<[Complex]> {
    let powers = |w: Complex| iter::successors(Some(w), move |&power| Some(w * power)).take(radix / 2);
    match radix {
        2 | 4 => Box::default(),
        3 => Box::new([Complex::new(-0.5, 0.8660254037844387)]),
        5 => {
            let w = Complex::new(0.30901699437494745, 0.9510565162951535);
            let square = Complex::new(-0.8090169943749473, 0.5877852522924732);
            Box::new([w, square, square, w.conj()])
        }
        _ => powers(Complex::polar(TAU / radix as f64)).flat_map(powers).collect(),
    }
}
