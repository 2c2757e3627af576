//! The exponential of one number or of many at once, with the bits of `libm::exp`.
//!
//! The same steps in the same order as there (FreeBSD's `e_exp.c`), but every choice between two ways is one between two
//! values, so that a processor takes several numbers together. Numbers far from 0 are left to `libm`.

use std::hint::select_unpredictable;

/// Closer to 0 than this, powers of 2 are plain numbers.
const FAR: f64 = 700.0;
/// From here on a number is reduced by more than ln 2, by ln 2, and has a square that counts: 1.5 ln 2, 0.5 ln 2 and 2^-28 by
/// their high words.
const FROM_SEVERAL: f64 = f64::from_bits(0x3ff0_a2b2_0000_0000);
const FROM_ONE: f64 = f64::from_bits(0x3fd6_2e43_0000_0000);
const FROM_SQUARE: f64 = f64::from_bits(0x3e30_0001_0000_0000);

const LN2_HIGH: f64 = f64::from_bits(0x3fe6_2e42_fee0_0000);
const LN2_LOW: f64 = f64::from_bits(0x3dea_39ef_3579_3c76);
const LN2_INVERSE: f64 = f64::from_bits(0x3ff7_1547_652b_82fe);
const P: [f64; 5] = [
    f64::from_bits(0x3fc5_5555_5555_553e),
    f64::from_bits(0xbf66_c16c_16be_bd93),
    f64::from_bits(0x3f11_566a_af25_de2c),
    f64::from_bits(0xbebb_bd41_c5d2_6bf1),
    f64::from_bits(0x3e66_3769_72be_a4d0),
];

/// Returns the exponential of a number. By how many powers of 2 it is reduced is as good as random: that is chosen without a
/// branch, between whole numbers.
#[inline]
pub fn exp(x: f64) -> f64 {
    let size = x.abs();
    // 0 is common and has the right bits by the steps below; what else is as near to 0 or far from it is rare, and so is NaN.
    let is_rare = size.to_bits().wrapping_sub(FROM_SQUARE.to_bits()) >= FAR.to_bits() - FROM_SQUARE.to_bits();
    if is_rare && size.to_bits() != 0 {
        return libm::exp(x);
    }
    let cut = (LN2_INVERSE * x + 0.5_f64.copysign(x)) as i32;
    let one = i32::from(x >= FROM_ONE) - i32::from(x <= -FROM_ONE);
    let times = select_unpredictable(size >= FROM_SEVERAL, cut, one);
    reduced(x, f64::from(times)) * f64::from_bits(((times + 1023) as u64) << 52)
}

/// Returns the exponential of `x` less so many times ln 2.
#[inline(always)]
fn reduced(x: f64, times: f64) -> f64 {
    let (high, low) = (x - times * LN2_HIGH, times * LN2_LOW);
    let r = high - low;
    let square = r * r;
    let c = r - square * (P[0] + square * (P[1] + square * (P[2] + square * (P[3] + square * P[4]))));
    1.0 + (r * c / (2.0 - c) - low + high)
}

/// Puts the exponential of each number in its place. Where the processor has AVX2, it takes four of them together instead of two: a third
/// of the time for the same steps.
#[allow(unsafe_code)]
pub fn exp_all(numbers: &mut [f64]) {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2, as was just seen.
        return unsafe { exp_all_avx2(numbers) };
    }
    exp_all_plain(numbers);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn exp_all_avx2(numbers: &mut [f64]) {
    exp_all_plain(numbers);
}

#[inline(always)]
fn exp_all_plain(numbers: &mut [f64]) {
    for some in numbers.chunks_mut(64) {
        if some.iter().fold(true, |near, x| near & (x.abs() < FAR)) {
            some.iter_mut().for_each(|x| *x = near(*x));
        } else {
            some.iter_mut().for_each(|x| *x = libm::exp(*x));
        }
    }
}

#[inline(always)]
fn near(x: f64) -> f64 {
    /// A whole number added to this, positive or not, stands in the low bits.
    const WHOLE: f64 = 1.5 * (1u64 << 52) as f64;
    let size = x.abs();
    let several = (LN2_INVERSE * x + 0.5_f64.copysign(x)).abs();
    let rounded = several + WHOLE - WHOLE;
    let cut = if rounded > several { rounded - 1.0 } else { rounded };
    let below = if size >= FROM_ONE { 1.0 } else { 0.0 };
    let times = if size >= FROM_SEVERAL { cut } else { below }.copysign(x);
    let y = reduced(x, times);
    let power = f64::from_bits((times + WHOLE).to_bits().wrapping_add(1023) << 52);
    if size >= FROM_SQUARE { y * power } else { 1.0 + x }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(numbers: &[f64]) {
        let mut together = numbers.to_vec();
        exp_all(&mut together);
        let mut plain = numbers.to_vec();
        exp_all_plain(&mut plain);
        for ((x, got), plain) in numbers.iter().zip(together).zip(plain) {
            assert!(
                plain.to_bits() == got.to_bits() || plain.is_nan() && got.is_nan(),
                "exp({x:e}): {plain:e}, {got:e}"
            );
            let expected = libm::exp(*x);
            assert!(got.to_bits() == expected.to_bits() || got.is_nan() && expected.is_nan(), "exp({x:e}): {got:e}");
            let alone = exp(*x);
            assert!(alone.to_bits() == got.to_bits() || alone.is_nan() && got.is_nan(), "exp({x:e}): {alone:e}");
        }
    }

    #[test]
    fn the_bits_are_those_of_libm() {
        let edges = [0.0, FROM_SEVERAL, FROM_ONE, FROM_SQUARE, FAR, 708.4, 709.79, 745.2, 1e-300, 5e-324, 1.0, 1e300];
        let mut numbers = Vec::new();
        for edge in edges {
            let near = (0..5).map(|step| f64::from_bits((edge.to_bits() + step).saturating_sub(2)));
            numbers.extend(near.flat_map(|x| [x, -x]));
        }
        // Halves of ln 2, where one more step of the reduction begins.
        numbers.extend((-2000..2000).map(|k| f64::from(k) * 0.5 * std::f64::consts::LN_2));
        numbers.iter().for_each(|x| check(&[*x]));
        check(&numbers);
        let mut state = 1u64;
        let drawn = (0..400_000).map(|i| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let share = (state >> 11) as f64 / (1u64 << 53) as f64 - 0.5;
            share * [1e-8, 1e-3, 1.0, 4.0, 40.0, 1390.0][i % 6]
        });
        check(&drawn.collect::<Vec<_>>());
        check(&[f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1.0]);
    }
}
