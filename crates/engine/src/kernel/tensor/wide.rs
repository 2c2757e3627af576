//! The widest instructions that the processor has, for loops that are written once.
//!
//! [`Wide::run`] is plain Rust, which the compiler makes for each kind of instructions. Products of float32 are added to a sum
//! with one rounding: by an instruction where the processor has it, else by [`fused`], which gives the same bits.

#![allow(unsafe_code)]

use std::sync::LazyLock;

/// Kinds of instructions.
pub(super) const PORTABLE: u8 = 0;
pub(super) const AVX2: u8 = 1;
pub(super) const AVX512: u8 = 2;

/// Work that may be done with any kind of instructions, with the same result.
pub(super) trait Wide {
    type Result;

    fn run<const KIND: u8>(self) -> Self::Result;
}

/// Does the work with the widest instructions.
#[inline]
pub(super) fn widest<W: Wide>(work: W) -> W::Result {
    with(work, *BEST)
}

/// The best kind of this processor.
pub(super) static BEST: LazyLock<u8> = LazyLock::new(|| {
    #[cfg(target_arch = "x86_64")]
    {
        let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
        let wider = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512bw");
        match (avx2, wider) {
            (true, true) => return AVX512,
            (true, false) => return AVX2,
            _ => {}
        }
    }
    PORTABLE
});

/// Does the work with this kind of instructions, or the best below it that there is.
#[inline]
pub(super) fn with<W: Wide>(work: W, kind: u8) -> W::Result {
    #[cfg(target_arch = "x86_64")]
    {
        let best = *BEST;
        if kind >= AVX512 && best >= AVX512 {
            // SAFETY: the processor has these instructions, as was seen when `BEST` was made; the function is safe code otherwise.
            return unsafe { with_avx512(work) };
        }
        if kind >= AVX2 && best >= AVX2 {
            // SAFETY: the processor has these instructions, as was seen when `BEST` was made; the function is safe code otherwise.
            return unsafe { with_avx2(work) };
        }
    }
    work.run::<PORTABLE>()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma")]
fn with_avx512<W: Wide>(work: W) -> W::Result {
    work.run::<AVX512>()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn with_avx2<W: Wide>(work: W) -> W::Result {
    work.run::<AVX2>()
}

/// Returns `x * y + sum` with one rounding.
#[inline(always)]
pub(super) fn fused<const KIND: u8>(sum: f32, x: f32, y: f32) -> f32 {
    if KIND == PORTABLE && cfg!(target_arch = "x86_64") { computed(sum, x, y) } else { x.mul_add(y, sum) }
}

/// The product is exact in float64, the sum there is rounded to odd: rounded again to float32, it is as if that were the only time
/// (S. Boldo, G. Melquiond, Emulation of FMA and correctly rounded sums).
#[inline(always)]
fn computed(sum: f32, x: f32, y: f32) -> f32 {
    let (product, sum) = (f64::from(x) * f64::from(y), f64::from(sum));
    let near = product + sum;
    // What the addition lost, exactly; NaN beside infinities.
    let part = near - product;
    let lost = (product - (near - part)) + (sum - part);
    let bits = near.to_bits();
    let away = (lost > 0.0) == (near > 0.0);
    let odd = if away { bits.wrapping_add(1) } else { bits.wrapping_sub(1) };
    f64::from_bits(if lost.abs() > 0.0 && bits & 1 == 0 { odd } else { bits }) as f32
}

#[cfg(test)]
mod tests {
    use super::computed;

    #[test]
    fn one_rounding_without_the_instruction() {
        let mut state = 1_u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 32) as u32
        };
        let same = |sum: f32, x: f32, y: f32| {
            let (got, expected) = (computed(sum, x, y), x.mul_add(y, sum));
            let is = got.to_bits() == expected.to_bits() || got.is_nan() && expected.is_nan();
            assert!(is, "{x:e} * {y:e} + {sum:e}: {got:e}, expected {expected:e}");
        };
        let edges =
            [0.0, -0.0, 1.0, -1.0, f32::MIN_POSITIVE, 1e-45, f32::MAX, f32::INFINITY, f32::NAN, 1.0 + f32::EPSILON];
        for sum in edges {
            edges.iter().for_each(|x| edges.iter().for_each(|y| same(sum, *x, *y)));
        }
        for _ in 0..300_000 {
            // Any bits, and numbers near each other, whose sums are halfway between two more often.
            same(f32::from_bits(next()), f32::from_bits(next()), f32::from_bits(next()));
            let near = |bits: u32| f32::from_bits((bits & 0x8fff_f000) | 0x3000_0000);
            same(near(next()), near(next()), near(next()));
        }
    }
}
