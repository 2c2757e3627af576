//! The cosine transform of a power of two, through a complex split-radix transform of half as many elements (T. Ooura,
//! General Purpose FFT Package, `ddct`).

use std::{array, f64::consts::PI};

use super::complex::Complex;

const POINTS_MAX: usize = 64;

pub(super) struct SplitRadix {
    /// What elements j and n - j are multiplied by, for j below n / 2.
    weights: Box<[(f64, f64)]>,
    /// From the complex transform to that of real elements and back, for j below n / 4.
    real: Box<[Complex]>,
    /// `w = e^(2 pi i j / m)` and its cube for the first step of a transform of m = 32 or 64, for j below m / 4.
    first: Box<[(Complex, Complex)]>,
    /// `e^(pi i k / 16)`.
    roots: Box<[Complex; 32]>,
}

impl SplitRadix {
    pub(super) fn new(n: usize) -> SplitRadix {
        let angle = |k: usize| PI / (2 * n) as f64 * k as f64;
        let half_cos =
            |k: usize| 0.5 * if 2 * k <= n { Complex::polar(angle(k)).re } else { Complex::polar(angle(n - k)).im };
        let weight = |j: usize| (half_cos(j) - half_cos(n - j), half_cos(j) + half_cos(n - j));
        SplitRadix {
            weights: (0..n / 2).map(weight).collect(),
            real: (0..n / 4).map(|j| Complex::new(0.5 - half_cos(n - 4 * j), half_cos(4 * j))).collect(),
            first: if n > 32 { first_step(n / 2) } else { Box::default() },
            roots: Box::new(array::from_fn(root)),
        }
    }

    /// DCT-II without its scale.
    pub(super) fn forward(&self, x: &mut [f64]) {
        let (n, m) = (x.len(), x.len() / 2);
        let z = &mut [Complex::ZERO; POINTS_MAX][..m];
        for (j, z) in z.iter_mut().enumerate() {
            let (a, b) = (x[2 * j], x[(2 * j + n - 1) % n]);
            *z = Complex::new(a + b, a - b);
        }
        self.split_real(z, Complex::conj);
        // The other direction: what comes out is conjugate if what goes in is, or is mirrored.
        let mirrored = m <= 16;
        let conj = if mirrored { |z| z } else { Complex::conj };
        self.transform(z, conj, false);
        for (j, x) in x.chunks_exact_mut(2).enumerate() {
            let z = conj(z[reversed(if mirrored { (m - j) % m } else { j }, m)]);
            (x[0], x[1]) = (z.re, z.im);
        }
        self.weigh(x);
    }

    /// DCT-III without its scale.
    pub(super) fn inverse(&self, x: &mut [f64]) {
        let (n, m) = (x.len(), x.len() / 2);
        self.weigh(x);
        let z = &mut [Complex::ZERO; POINTS_MAX][..m];
        for (z, x) in z.iter_mut().zip(x.chunks_exact(2)) {
            *z = Complex::new(x[0], x[1]);
        }
        self.transform(z, |z| z, false);
        for (j, k) in (0..m).map(|j| (j, reversed(j, m))).filter(|(j, k)| j < k) {
            z.swap(j, k);
        }
        self.split_real(z, |w| w);
        for (j, z) in z.iter().enumerate() {
            (x[2 * j], x[(2 * j + n - 1) % n]) = (z.re + z.im, z.re - z.im);
        }
    }

    fn weigh(&self, x: &mut [f64]) {
        let n = x.len();
        for j in 1..n / 2 {
            let ((v, w), a, b) = (self.weights[j], x[j], x[n - j]);
            (x[j], x[n - j]) = (v * a + w * b, w * a - v * b);
        }
        x[n / 2] *= self.roots[4].re;
    }

    fn split_real(&self, z: &mut [Complex], conj: fn(Complex) -> Complex) {
        let m = z.len();
        for j in 1..m / 2 {
            let y = (z[j] - z[m - j].conj()) * conj(self.real[j]);
            z[j] = z[j] - y;
            z[m - j] = z[m - j] + y.conj();
        }
    }

    /// The complex transform, with what comes out in bit-reversed order. What goes in is multiplied by `e^(pi i j / m)`
    /// before if `twisted`, and is taken through `conj` if not.
    fn transform(&self, z: &mut [Complex], conj: fn(Complex) -> Complex, twisted: bool) {
        let (m, quarter) = (z.len(), z.len() / 4);
        if m == 2 {
            let (a, b) = (z[0], if twisted { z[1].times_i() } else { z[1] });
            (z[0], z[1]) = (a + b, a - b);
        }
        for j in 0..quarter {
            let at = [j, j + quarter, j + 2 * quarter, j + 3 * quarter];
            let [a, b, c, d] = at.map(|k| z[k]);
            [z[at[0]], z[at[1]], z[at[2]], z[at[3]]] = if twisted {
                let root = |k: usize| self.roots[k * 16 / m];
                let (c, d) = (c.times_i(), d.times_i());
                let (e, f) = (turned(a + c, root(j)), turned(b + d, root(j + quarter)));
                let (g, h) = (turned(a - c, root(3 * j)), turned(b - d, root(3 * (j + quarter))));
                [e + f, e - f, g + h, g - h]
            } else {
                let root = |k: usize| self.roots[k * 32 / m];
                let (w, cube) = if m > 16 { self.first[j] } else { (root(j), root(3 * j)) };
                let (a, c) = (conj(a), conj(c));
                let (e, f, g, h) = (a + c, conj(b + d), a - c, conj(b - d).times_i());
                [e + f, e - f, turned(g + h, w), turned(g - h, cube)]
            };
        }
        if m > 4 {
            for (k, part) in z.chunks_exact_mut(quarter).enumerate() {
                self.transform(part, |z| z, k == 1 || k == 3 && twisted);
            }
        }
    }
}

/// `z w`, where there are no products by 1, and those by a number's two equal parts are taken together.
fn turned(z: Complex, w: Complex) -> Complex {
    if w.im == 0.0 {
        z
    } else if w.re == w.im {
        Complex::new(z.re - z.im, z.im + z.re) * w.re
    } else if w.re == -w.im {
        Complex::new(z.re + z.im, z.im - z.re) * w.re
    } else {
        z * w
    }
}

/// Returns `j`, below the power of two `m`, with its bits in the opposite order.
fn reversed(j: usize, m: usize) -> usize {
    j.reverse_bits().rotate_left(m.trailing_zeros())
}

/// `e^(pi i k / 16)`, from the first eighth of the circle.
fn root(k: usize) -> Complex {
    let w = Complex::polar(PI / 16.0 * k.min(4) as f64);
    match k {
        0..4 => w,
        4 => Complex::new(w.re, w.re),
        5..=8 => root(8 - k).swapped(),
        _ => root(k - 8).times_i(),
    }
}

/// Roots at odd places are the means of their neighbours, divided by the cosine of the angle between.
fn first_step(m: usize) -> Box<[(Complex, Complex)]> {
    let (quarter, delta) = (m / 4, PI / m as f64);
    let even = |j: usize, power: f64| {
        let w = Complex::polar(power * (delta * (2 * j) as f64));
        if 2 * j == quarter { Complex::new(root(4).re.copysign(w.re), root(4).im) } else { w }
    };
    let any = |j: usize, power: f64| match j % 2 {
        0 => even(j, power),
        _ => (even(j - 1, power) + even(j + 1, power)) * (0.5 / Complex::polar(delta * (2.0 * power)).re),
    };
    let pair = |j: usize| match j {
        j if 2 * j <= quarter => (any(j, 1.0), any(j, 3.0)),
        _ => (any(quarter - j, 1.0).swapped(), any(quarter - j, 3.0).swapped() * -1.0),
    };
    (0..quarter).map(pair).collect()
}
