//! The cosine transform of long vectors, through one complex Fourier transform of their own length (even places forward, then odd
//! places backward: Makhoul 1980), and that through one of a power of two (Bluestein 1970) where the length is none itself.

use std::f64::consts::PI;

pub(super) struct Long {
    /// Factors of the first element, and of each other.
    scales: (f64, f64),
    /// `(cos, sin)` of `pi k / 2n` for k below n.
    quarters: Box<[(f64, f64)]>,
    fourier: Fourier,
}

/// The complex Fourier transform of `n` elements.
struct Fourier {
    n: usize,
    /// `(cos, sin)` of `2 pi k / m` for k below m / 2, where m is the power of two that is computed with.
    roots: Box<[(f64, f64)]>,
    /// Where `n` is no power of two.
    chirp: Option<Chirp>,
}

struct Chirp {
    /// `(cos, sin)` of `pi k k / n`.
    waves: Box<[(f64, f64)]>,
    /// The transform of the waves around 0.
    spectrum: Box<[(f64, f64)]>,
}

// === impl Long ===

impl Long {
    pub(super) fn new(n: usize) -> Long {
        let quarters = (0..n).map(|k| turned(k, 4 * n)).collect();
        Long { scales: ((1.0 / n as f64).sqrt(), (2.0 / n as f64).sqrt()), quarters, fourier: Fourier::new(n) }
    }

    fn scale(&self, k: usize) -> f64 {
        if k == 0 { self.scales.0 } else { self.scales.1 }
    }

    pub(super) fn forward(&self, x: &mut [f64], scratch: &mut Vec<f64>) {
        let n = x.len();
        let (re, im) = self.fourier.room(scratch);
        for (j, &v) in x.iter().enumerate() {
            re[if j % 2 == 0 { j / 2 } else { n - 1 - j / 2 }] = v;
        }
        self.fourier.run(re, im);
        for (k, result) in x.iter_mut().enumerate() {
            let (cos, sin) = self.quarters[k];
            *result = (cos * re[k] + sin * im[k]) * self.scale(k);
        }
    }

    pub(super) fn inverse(&self, x: &mut [f64], scratch: &mut Vec<f64>) {
        let n = x.len();
        x.iter_mut().enumerate().for_each(|(k, v)| *v *= self.scale(k));
        let (re, im) = self.fourier.room(scratch);
        // The conjugate of what the forward transform has in the middle; half of it, but for the first.
        re[0] = x[0];
        for k in 1..n {
            let (cos, sin) = self.quarters[k];
            let (a, b) = (0.5 * x[k], 0.5 * x[n - k]);
            re[k] = cos * a + sin * b;
            im[k] = cos * b - sin * a;
        }
        self.fourier.run(re, im);
        for (j, result) in x.iter_mut().enumerate() {
            *result = re[if j % 2 == 0 { j / 2 } else { n - 1 - j / 2 }];
        }
    }
}

// === impl Fourier ===

impl Fourier {
    fn new(n: usize) -> Fourier {
        let m = if n.is_power_of_two() { n } else { (2 * n - 1).next_power_of_two() };
        let roots: Box<[(f64, f64)]> = (0..m / 2).map(|k| turned(k, m)).collect();
        let mut fourier = Fourier { n, roots, chirp: None };
        if n < m {
            let square = |k: usize| (k as u64 * k as u64 % (2 * n as u64)) as usize;
            let waves: Box<[(f64, f64)]> = (0..n).map(|k| turned(square(k), 2 * n)).collect();
            let (mut re, mut im) = (vec![0.0; m], vec![0.0; m]);
            for (k, &(cos, sin)) in waves.iter().enumerate() {
                for at in [k, (m - k) % m] {
                    (re[at], im[at]) = (cos, sin);
                }
            }
            power_of_two(&mut re, &mut im, &fourier.roots);
            fourier.chirp = Some(Chirp { waves, spectrum: re.into_iter().zip(im).collect() });
        }
        fourier
    }

    /// Returns zeros for the real and the imaginary parts.
    fn room<'a>(&self, scratch: &'a mut Vec<f64>) -> (&'a mut [f64], &'a mut [f64]) {
        let m = 2 * self.roots.len();
        scratch.clear();
        scratch.resize(2 * m, 0.0);
        scratch.split_at_mut(m)
    }

    /// Transforms the first `n` elements in place; those behind them are 0 before and anything after.
    fn run(&self, re: &mut [f64], im: &mut [f64]) {
        let Some(chirp) = &self.chirp else { return power_of_two(re, im, &self.roots) };
        let waved = |re: &mut f64, im: &mut f64, (cos, sin): (f64, f64), scale: f64| {
            (*re, *im) = ((*re * cos + *im * sin) * scale, (*im * cos - *re * sin) * scale);
        };
        let each = || 0..self.n;
        each().for_each(|k| waved(&mut re[k], &mut im[k], chirp.waves[k], 1.0));
        power_of_two(re, im, &self.roots);
        for ((re, im), &(a, b)) in re.iter_mut().zip(im.iter_mut()).zip(&chirp.spectrum) {
            (*re, *im) = (*re * a - *im * b, *re * b + *im * a);
        }
        // Back: with the parts in each other's place, and divided by their number.
        power_of_two(im, re, &self.roots);
        let scale = 1.0 / re.len() as f64;
        each().for_each(|k| waved(&mut re[k], &mut im[k], chirp.waves[k], scale));
    }
}

/// The complex Fourier transform, in place, of as many elements as a power of two; `roots` are half as many.
fn power_of_two(re: &mut [f64], im: &mut [f64], roots: &[(f64, f64)]) {
    let m = re.len();
    for i in 1..m {
        let j = i.reverse_bits() >> (usize::BITS - m.trailing_zeros());
        if i < j {
            re.swap(i, j);
            im.swap(i, j);
        }
    }
    let mut half = 1;
    while half < m {
        let step = m / (2 * half);
        for block in (0..m).step_by(2 * half) {
            for k in 0..half {
                let (cos, sin) = roots[k * step];
                let (a, b) = (block + k, block + k + half);
                let (x, y) = (re[b] * cos + im[b] * sin, im[b] * cos - re[b] * sin);
                (re[b], im[b]) = (re[a] - x, im[a] - y);
                (re[a], im[a]) = (re[a] + x, im[a] + y);
            }
        }
        half *= 2;
    }
}

/// Returns the cosine and the sine of `k` parts of a circle of `parts`, `k` below `parts`, from an angle within the first
/// eighth.
fn turned(k: usize, parts: usize) -> (f64, f64) {
    // In eighths of parts, so that halves and quarters of the circle are whole.
    let (k, circle) = (8 * k as u64, 8 * parts as u64);
    let (quarter, rest) = (4 * k / circle, k % (circle / 4));
    let angle = |rest: u64| 2.0 * PI * rest as f64 / circle as f64;
    let (cos, sin) = if rest <= circle / 8 {
        (libm::cos(angle(rest)), libm::sin(angle(rest)))
    } else {
        let rest = circle / 4 - rest;
        (libm::sin(angle(rest)), libm::cos(angle(rest)))
    };
    match quarter {
        0 => (cos, sin),
        1 => (-sin, cos),
        2 => (-cos, -sin),
        _ => (sin, -cos),
    }
}
