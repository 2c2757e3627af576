//! Special functions, in float64: the inverse of the normal distribution's and of the error function, modified Bessel functions.

use std::f64::consts::{FRAC_1_SQRT_2, PI, SQRT_2};

/// The number below which a normal variable lies with this probability. Newton's steps on the error function from Acklam's
/// approximation, which is good to 1e-9.
pub(super) fn ndtri(p: f64) -> f64 {
    if p.is_nan() || !(0.0..=1.0).contains(&p) {
        return f64::NAN;
    }
    if p == 0.0 || p == 1.0 {
        return if p == 0.0 { f64::NEG_INFINITY } else { f64::INFINITY };
    }
    let mut x = acklam(p);
    for _ in 0..2 {
        let below =
            if x < 0.0 { libm::erfc(-x * FRAC_1_SQRT_2) / 2.0 } else { 1.0 - libm::erfc(x * FRAC_1_SQRT_2) / 2.0 };
        let error = (below - p) * libm::sqrt(2.0 * PI) * libm::exp(x * x / 2.0);
        let step = error / (1.0 + x * error / 2.0);
        if !step.is_finite() {
            break;
        }
        x -= step;
    }
    x
}

fn acklam(p: f64) -> f64 {
    const A: [f64; 6] = [
        -39.696_830_286_653_76,
        220.946_098_424_520_8,
        -275.928_510_446_968_7,
        138.357_751_867_269,
        -30.664_798_066_147_16,
        2.506_628_277_459_239,
    ];
    const B: [f64; 5] = [
        -54.476_098_798_224_06,
        161.585_836_858_040_9,
        -155.698_979_859_886_6,
        66.801_311_887_719_72,
        -13.280_681_552_885_72,
    ];
    const C: [f64; 6] = [
        -0.007_784_894_002_430_293,
        -0.322_396_458_041_136_5,
        -2.400_758_277_161_838,
        -2.549_732_539_343_734,
        4.374_664_141_464_968,
        2.938_163_982_698_783,
    ];
    const D: [f64; 4] =
        [0.007_784_695_709_041_462, 0.322_467_129_070_039_8, 2.445_134_137_142_996, 3.754_408_661_907_416];
    let poly = |terms: &[f64], x: f64| terms.iter().fold(0.0, |sum, term| sum * x + term);
    let tail = |p: f64| {
        let q = libm::sqrt(-2.0 * libm::log(p));
        poly(&C, q) / (poly(&D, q) * q + 1.0)
    };
    match p {
        p if p < 0.024_25 => tail(p),
        p if p > 1.0 - 0.024_25 => -tail(1.0 - p),
        p => {
            let q = p - 0.5;
            let r = q * q;
            poly(&A, r) * q / (poly(&B, r) * r + 1.0)
        }
    }
}

/// The inverse of the error function.
pub(super) fn erfinv(x: f64) -> f64 {
    // Near 0 the probability has no digits left.
    if x.abs() < 1e-4 {
        let root = libm::sqrt(PI) / 2.0;
        return root * (x + PI / 12.0 * x * x * x);
    }
    ndtri((x + 1.0) / 2.0) / SQRT_2
}

/// The modified Bessel function of the first kind, of order 0 or 1, times `exp(-|x|)` where `scaled`: its series, or for large
/// numbers its asymptotic one.
pub(super) fn bessel_i(order: u8, scaled: bool, x: f64) -> f64 {
    let size = x.abs();
    let sign = if order == 1 && x < 0.0 { -1.0 } else { 1.0 };
    let order = f64::from(order);
    if size <= 30.0 {
        let quarter = size * size / 4.0;
        let (mut term, mut sum, mut k) = (if order == 0.0 { 1.0 } else { size / 2.0 }, 0.0, 1.0);
        while term > sum * 1e-17 {
            sum += term;
            term *= quarter / (k * (k + order));
            k += 1.0;
        }
        return sign * sum * if scaled { libm::exp(-size) } else { 1.0 };
    }
    if size.is_nan() {
        return size;
    }
    let (mut term, mut sum) = (1.0, 1.0);
    for k in 1..30 {
        let odd = f64::from(2 * k - 1);
        term *= -(4.0 * order * order - odd * odd) / (f64::from(k) * 8.0 * size);
        sum += term;
    }
    let value = sign * sum / libm::sqrt(2.0 * PI * size);
    if scaled { value } else { value * libm::exp(size) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: f64, b: f64) {
        assert!((a - b).abs() <= 1e-13 * b.abs().max(1e-300), "{a} for {b}");
    }

    // Values of Abramowitz and Stegun's tables, and of identities.
    #[test]
    fn special_functions_have_their_values() {
        near(ndtri(0.975), 1.959_963_984_540_054);
        near(ndtri(1e-10), -6.361_340_902_404_056);
        assert_eq!((ndtri(0.5), ndtri(0.0)), (0.0, f64::NEG_INFINITY));
        for x in [-0.9, -1e-5, 0.3, 0.999] {
            assert!((libm::erf(erfinv(x)) - x).abs() < 1e-14);
        }
        near(bessel_i(0, false, 1.0), 1.266_065_877_752_008_4);
        near(bessel_i(1, false, -1.0), -0.565_159_103_992_485);
        // Both series meet.
        near(bessel_i(0, true, 30.0), bessel_i(0, true, 30.0 + 1e-12));
        near(bessel_i(1, true, 30.0), bessel_i(1, true, 30.0 + 1e-12));
    }
}
