//! Complex numbers, with each operation rounded as it is written.

use std::ops::{Add, Mul, Sub};

#[derive(Clone, Copy)]
pub(super) struct Complex {
    pub(super) re: f64,
    pub(super) im: f64,
}

impl Complex {
    pub(super) const ZERO: Complex = Complex::new(0.0, 0.0);

    pub(super) const fn new(re: f64, im: f64) -> Complex {
        Complex { re, im }
    }

    /// `e^(i angle)`: the nearest numbers, as those of commons-math's `FastMath` are nearly always.
    pub(super) fn polar(angle: f64) -> Complex {
        Complex::new(pxfm::f_cos(angle), pxfm::f_sin(angle))
    }

    pub(super) fn conj(self) -> Complex {
        Complex::new(self.re, -self.im)
    }

    pub(super) fn times_i(self) -> Complex {
        Complex::new(-self.im, self.re)
    }

    /// The reflection in the line of 45 degrees.
    pub(super) fn swapped(self) -> Complex {
        Complex::new(self.im, self.re)
    }
}

impl Add for Complex {
    type Output = Complex;

    fn add(self, z: Complex) -> Complex {
        Complex::new(self.re + z.re, self.im + z.im)
    }
}

impl Sub for Complex {
    type Output = Complex;

    fn sub(self, z: Complex) -> Complex {
        Complex::new(self.re - z.re, self.im - z.im)
    }
}

impl Mul for Complex {
    type Output = Complex;

    fn mul(self, z: Complex) -> Complex {
        Complex::new(self.re * z.re - self.im * z.im, self.re * z.im + self.im * z.re)
    }
}

impl Mul<f64> for Complex {
    type Output = Complex;

    fn mul(self, x: f64) -> Complex {
        Complex::new(self.re * x, self.im * x)
    }
}
