//! Functions of complex numbers: computed in float64 from their parts, rounded once.

use model::tensor::Complex;
use plan::tensor::Unary;

type C = (f64, f64);

fn apart(x: &Complex) -> C {
    (x.re.into(), x.im.into())
}

fn whole((re, im): C) -> Complex {
    Complex { re: re as f32, im: im as f32 }
}

pub(super) fn quotient(x: &Complex, y: &Complex) -> Complex {
    let ((a, b), (c, d)) = (apart(x), apart(y));
    let norm = c * c + d * d;
    whole(((a * c + b * d) / norm, (b * c - a * d) / norm))
}

/// Returns the function of a complex number, where it has a meaning here.
pub(super) fn of(op: Unary) -> Option<fn(&Complex) -> Complex> {
    Some(match op {
        Unary::Neg => |x| Complex { re: -x.re, im: -x.im },
        Unary::Square => |x| Complex { re: x.re * x.re - x.im * x.im, im: 2.0 * x.re * x.im },
        Unary::Reciprocal => |x| quotient(&Complex { re: 1.0, im: 0.0 }, x),
        Unary::Exp => |x| {
            let (re, im) = apart(x);
            let size = libm::exp(re);
            // A real one stays real, however large.
            whole((size * libm::cos(im), if im == 0.0 { im } else { size * libm::sin(im) }))
        },
        Unary::Log => |x| {
            let (re, im) = apart(x);
            whole((libm::log(libm::hypot(re, im)), libm::atan2(im, re)))
        },
        Unary::Sqrt => |x| {
            let (re, im) = apart(x);
            let half = libm::sqrt((libm::hypot(re, im) + re.abs()) / 2.0);
            whole(match (half > 0.0, re >= 0.0) {
                (false, _) => (0.0, im),
                (true, true) => (half, im / (2.0 * half)),
                (true, false) => (im.abs() / (2.0 * half), half.copysign(im)),
            })
        },
        Unary::Sin => |x| {
            let (re, im) = apart(x);
            whole((libm::sin(re) * libm::cosh(im), libm::cos(re) * libm::sinh(im)))
        },
        Unary::Cos => |x| {
            let (re, im) = apart(x);
            whole((libm::cos(re) * libm::cosh(im), -libm::sin(re) * libm::sinh(im)))
        },
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_and_logarithms_lie_right_of_the_cut() {
        let f = |op, re, im| of(op).expect("it has a meaning")(&Complex { re, im });
        assert_eq!(f(Unary::Sqrt, -4.0, 0.0), Complex { re: 0.0, im: 2.0 });
        assert_eq!(f(Unary::Sqrt, 3.0, -4.0), Complex { re: 2.0, im: -1.0 });
        assert_eq!(f(Unary::Sqrt, 0.0, 0.0), Complex { re: 0.0, im: 0.0 });
        assert_eq!(f(Unary::Log, -1.0, 0.0), Complex { re: 0.0, im: std::f32::consts::PI });
        assert_eq!(f(Unary::Exp, 0.0, 0.0), Complex { re: 1.0, im: 0.0 });
        assert_eq!(
            quotient(&Complex { re: 1.0, im: 1.0 }, &Complex { re: 0.0, im: 1.0 }),
            Complex { re: 1.0, im: -1.0 }
        );
    }
}
