//! Functions of Java's `StrictMath`, which computes as fdlibm 5.3 does (Sun, 1993); those of which the `libm` crate, of a
//! later kin, has another last digit here and there. Java's `Math` calls them too, but for those that its compiler replaces.
//!
//! "High" is the upper half of a float64's bits: sign, exponent and the first 20 bits of the fraction.

use std::f64::consts::LOG10_E;

const LN2_HIGH: f64 = 6.931_471_803_691_238e-1;
const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;
/// Beyond it `exp` overflows: high of the logarithm of the largest float64.
const EXP_MAX_HIGH: u32 = 0x4086_2E42;

fn high(x: f64) -> u32 {
    (x.to_bits() >> 32) as u32
}

/// The number with the upper half of its bits replaced.
fn with_high(x: f64, high: u32) -> f64 {
    f64::from_bits(u64::from(high) << 32 | x.to_bits() & 0xFFFF_FFFF)
}

/// The number without the lower half of its bits.
fn cut(x: f64) -> f64 {
    f64::from_bits(x.to_bits() & 0xFFFF_FFFF_0000_0000)
}

/// Returns the number with the bits of a normal one, and its exponent; of what has no logarithm, what stands for it.
fn normal(x: f64) -> Result<(f64, i32), f64> {
    let exponent = |x: f64| (high(x) >> 20) as i32 - 1023;
    match x {
        _ if x.is_nan() || x < 0.0 => Err(f64::NAN),
        0.0 => Err(f64::NEG_INFINITY),
        f64::INFINITY => Err(x),
        _ if x < f64::MIN_POSITIVE => {
            let x = x * 2f64.powi(54);
            Ok((x, exponent(x) - 54))
        }
        _ => Ok((x, exponent(x))),
    }
}

/// The natural logarithm (`e_log.c`): x is 2^k (1 + f), f from about -0.29 to 0.41.
pub(super) fn log(x: f64) -> f64 {
    let (x, mut k) = match normal(x) {
        Ok(parts) => parts,
        Err(limit) => return limit,
    };
    let fraction = high(x) & 0xF_FFFF;
    let halve = (fraction + 0x9_5F64) & 0x10_0000;
    k += (halve >> 20) as i32;
    let f = with_high(x, fraction | halve ^ 0x3FF0_0000) - 1.0;
    let dk = f64::from(k);
    if 0xF_FFFF & (2 + fraction) < 3 {
        // f is below 2^-20.
        let r = f * f * (0.5 - 1.0 / 3.0 * f);
        return match k {
            _ if f == 0.0 => dk * LN2_HIGH + dk * LN2_LOW,
            0 => f - r,
            _ => dk * LN2_HIGH - ((r - dk * LN2_LOW) - f),
        };
    }
    let s = f / (2.0 + f);
    let z = s * s;
    let w = z * z;
    let even = w * (3.999_999_999_940_942e-1 + w * (2.222_219_843_214_978_4e-1 + w * 1.531_383_769_920_937_3e-1));
    let odd = z
        * (6.666_666_666_666_735e-1
            + w * (2.857_142_874_366_239e-1 + w * (1.818_357_216_161_805e-1 + w * 1.479_819_860_511_658_6e-1)));
    let r = odd + even;
    // Around the root of a half, and around that of two, one term more is taken apart.
    let (from, to) = (fraction as i32 - 0x6_147A, 0x6_B851 - fraction as i32);
    let half = 0.5 * f * f;
    match (from | to > 0, k) {
        (true, 0) => f - (half - s * (half + r)),
        (true, _) => dk * LN2_HIGH - ((half - (s * (half + r) + dk * LN2_LOW)) - f),
        (false, 0) => f - s * (f - r),
        (false, _) => dk * LN2_HIGH - ((s * (f - r) - dk * LN2_LOW) - f),
    }
}

/// The logarithm to base 10 (`e_log10.c`).
pub(super) fn log10(x: f64) -> f64 {
    const LOG10_2_HIGH: f64 = 3.010_299_956_636_117_7e-1;
    const LOG10_2_LOW: f64 = 3.694_239_077_158_931e-13;
    let (x, k) = match normal(x) {
        Ok(parts) => parts,
        Err(limit) => return limit,
    };
    let below_one = u32::from(k < 0);
    let y = f64::from(k + below_one as i32);
    let x = with_high(x, high(x) & 0xF_FFFF | (0x3FF - below_one) << 20);
    let z = y * LOG10_2_LOW + LOG10_E * log(x);
    z + y * LOG10_2_HIGH
}

/// The natural logarithm of 1 + x (`s_log1p.c`): 1 + x is 2^k (1 + f), and `c` what the sum lost.
pub(super) fn log1p(x: f64) -> f64 {
    if x.is_nan() || x < -1.0 {
        return f64::NAN;
    }
    if x == -1.0 || x == f64::INFINITY {
        return if x == -1.0 { f64::NEG_INFINITY } else { x };
    }
    if x.abs() < 2f64.powi(-29) {
        return if x.abs() < 2f64.powi(-54) { x } else { x - x * x * 0.5 };
    }
    let (mut k, mut f, mut c, mut fraction) = (0, x, 0.0, 1);
    if high(x) >= 0xBFD2_BEC4 || x > 0.0 && high(x) >= 0x3FDA_827A {
        // Beyond -0.2929 or 0.4142.
        let sum = if high(x) < 0x4340_0000 || x < 0.0 { 1.0 + x } else { x };
        k = (high(sum) >> 20) as i32 - 1023;
        c = match k {
            _ if sum == x => 0.0,
            1.. => (1.0 - (sum - x)) / sum,
            _ => (x - (sum - 1.0)) / sum,
        };
        fraction = high(sum) & 0xF_FFFF;
        if fraction < 0x6_A09E {
            f = with_high(sum, fraction | 0x3FF0_0000) - 1.0;
        } else {
            k += 1;
            f = with_high(sum, fraction | 0x3FE0_0000) - 1.0;
            fraction = (0x10_0000 - fraction) >> 2;
        }
    }
    let (dk, half) = (f64::from(k), 0.5 * f * f);
    if fraction == 0 {
        // f is below 2^-20.
        let r = half * (1.0 - 2.0 / 3.0 * f);
        return match k {
            _ if f == 0.0 => dk * LN2_HIGH + (c + dk * LN2_LOW),
            0 => f - r,
            _ => dk * LN2_HIGH - ((r - (dk * LN2_LOW + c)) - f),
        };
    }
    let s = f / (2.0 + f);
    let z = s * s;
    let terms = [
        6.666_666_666_666_735e-1,
        3.999_999_999_940_942e-1,
        2.857_142_874_366_239e-1,
        2.222_219_843_214_978_4e-1,
        1.818_357_216_161_805e-1,
        1.531_383_769_920_937_3e-1,
        1.479_819_860_511_658_6e-1,
    ];
    let r = z * terms[..6].iter().rev().fold(terms[6], |sum, term| term + z * sum);
    match k {
        0 => f - (half - s * (half + r)),
        _ => dk * LN2_HIGH - ((half - (s * (half + r) + (dk * LN2_LOW + c))) - f),
    }
}

/// The cube root (`s_cbrt.c`): a third of the exponent, then to 23 bits, then one step of Newton's.
pub(super) fn cbrt(x: f64) -> f64 {
    let size = x.abs();
    if size == 0.0 || !size.is_finite() {
        return x;
    }
    let rough = if size < f64::MIN_POSITIVE {
        with_high(0.0, high(2f64.powi(54) * size) / 3 + 696_219_795)
    } else {
        with_high(0.0, high(size) / 3 + 715_094_163)
    };
    let r = rough * rough / size;
    let s = 19.0 / 35.0 + r * rough;
    let better = rough * (5.0 / 14.0 + 45.0 / 28.0 / (s + 99.0 / 70.0 + -864.0 / 1225.0 / s));
    // Few bits, and above the root.
    let t = with_high(0.0, high(better) + 1);
    let r = size / (t * t);
    (t + t * ((r - t) / (t + t + r))).copysign(x)
}

/// The hyperbolic sine (`e_sinh.c`).
pub(super) fn sinh(x: f64) -> f64 {
    let (size, half) = (x.abs(), 0.5f64.copysign(x));
    if size < 22.0 {
        if size < 2f64.powi(-28) {
            return x;
        }
        let t = libm::expm1(size);
        return if size < 1.0 { half * (2.0 * t - t * t / (t + 1.0)) } else { half * (t + t / (t + 1.0)) };
    }
    exp_times(size, half)
}

/// The hyperbolic cosine (`e_cosh.c`).
pub(super) fn cosh(x: f64) -> f64 {
    let size = x.abs();
    if high(size) < 0x3FD6_2E43 {
        // Below half of ln 2.
        let t = libm::expm1(size);
        let w = 1.0 + t;
        return if size < 2f64.powi(-55) { w } else { 1.0 + t * t / (w + w) };
    }
    if size < 22.0 {
        let t = libm::exp(size);
        return 0.5 * t + 0.5 / t;
    }
    exp_times(size, 0.5)
}

/// Of a size from 22 on, where the product may be finite though `exp` is not.
fn exp_times(size: f64, factor: f64) -> f64 {
    if high(size) < EXP_MAX_HIGH {
        return factor * libm::exp(size);
    }
    let root = libm::exp(0.5 * size);
    factor * root * root
}

/// The hyperbolic tangent (`s_tanh.c`).
pub(super) fn tanh(x: f64) -> f64 {
    let size = x.abs();
    if size < 2f64.powi(-55) {
        return x * (1.0 + x);
    }
    let value = if size.is_nan() {
        return x;
    } else if size >= 22.0 {
        1.0
    } else if size >= 1.0 {
        1.0 - 2.0 / (libm::expm1(2.0 * size) + 2.0)
    } else {
        let t = libm::expm1(-2.0 * size);
        -t / (t + 2.0)
    };
    value.copysign(x)
}

/// The length of the hypotenuse (`e_hypot.c`): squares of the upper halves, and what they lack.
pub(super) fn hypot(x: f64, y: f64) -> f64 {
    let (x, y) = (x.abs(), y.abs());
    if x.is_infinite() || y.is_infinite() {
        return f64::INFINITY;
    }
    let (a, b) = if high(y) > high(x) { (y, x) } else { (x, y) };
    if b == 0.0 || high(a) - high(b) > 0x3C0_0000 {
        return a + b;
    }
    let scale = if high(a) > 0x5F30_0000 {
        600
    } else if high(b) <= 0xF_FFFF {
        -1022
    } else if high(b) < 0x20B0_0000 {
        -600
    } else {
        0
    };
    let (a, b) = (a * 2f64.powi(-scale), b * 2f64.powi(-scale));
    let rest = a - b;
    let root = if rest > b {
        let (upper, lower) = (cut(a), a - cut(a));
        (upper * upper - (b * -b - lower * (a + upper))).sqrt()
    } else {
        let (a, b_upper) = (a + a, cut(b));
        let (upper, lower) = (cut(a), a - cut(a));
        (upper * b_upper - (rest * -rest - (upper * (b - b_upper) + lower * b))).sqrt()
    };
    root * 2f64.powi(scale)
}

/// The angle of the point (x, y) (`e_atan2.c`).
pub(super) fn atan2(y: f64, x: f64) -> f64 {
    use std::f64::consts::{FRAC_PI_2, FRAC_PI_4, PI};
    const PI_LOW: f64 = 1.224_646_799_147_353_2e-16;
    let left = x.is_sign_negative();
    let angle = match (x, y) {
        _ if x.is_nan() || y.is_nan() => return f64::NAN,
        _ if x == 1.0 => return libm::atan(y),
        (_, 0.0) => return if left { PI } else { 0.0 }.copysign(y),
        (0.0, _) => return FRAC_PI_2.copysign(y),
        _ if x.is_infinite() && y.is_infinite() => return if left { 3.0 * FRAC_PI_4 } else { FRAC_PI_4 }.copysign(y),
        _ if x.is_infinite() => return if left { PI } else { 0.0 }.copysign(y),
        _ if y.is_infinite() => return FRAC_PI_2.copysign(y),
        _ => match (high(y.abs()) as i32 - high(x.abs()) as i32) >> 20 {
            61.. => FRAC_PI_2 + 0.5 * PI_LOW,
            ..-60 if left => 0.0,
            _ => libm::atan((y / x).abs()),
        },
    };
    if left { PI - (angle - PI_LOW) } else { angle }.copysign(y)
}
