//! Sums of products of several rows with the same weights, side by side.
//!
//! Each row's products are added in their order, so the bits are those of one sum after the other. Where the processor has AVX, four
//! elements of four rows are turned so that a register holds one element of each: two additions wait for the one before them, not
//! eight. With AVX-512 it is four elements of eight rows, and four additions.

#![allow(unsafe_code)]

/// Most rows whose sums are made side by side.
pub(super) const TOGETHER_MAX: usize = 16;

/// Returns the sum of products of each row, of which each has as many elements as there are weights. Rows are taken by four.
pub(super) fn dots<const N: usize>(w: &[f64], rows: [&[f64]; N]) -> [f64; N] {
    const { assert!(N <= TOGETHER_MAX && N.is_multiple_of(4), "rows are taken by four") };
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx512f") && N.is_multiple_of(8) {
        // SAFETY: the processor has AVX-512, as was just seen.
        return unsafe { dots_avx512(w, rows) };
    } else if is_x86_feature_detected!("avx") {
        // SAFETY: the processor has AVX, as was just seen.
        return unsafe { dots_avx(w, rows) };
    }
    dots_plain(w, rows)
}

fn dots_plain<const N: usize>(w: &[f64], rows: [&[f64]; N]) -> [f64; N] {
    let mut sums = [0.0; N];
    let (some, _) = rows.as_chunks::<4>();
    for (sums, [a, b, c, d]) in sums.as_chunks_mut::<4>().0.iter_mut().zip(some) {
        let (a, b, c, d) = (&a[..w.len()], &b[..w.len()], &c[..w.len()], &d[..w.len()]);
        for (i, w) in w.iter().enumerate() {
            sums[0] += w * a[i];
            sums[1] += w * b[i];
            sums[2] += w * c[i];
            sums[3] += w * d[i];
        }
    }
    sums
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx")]
fn dots_avx<const N: usize>(w: &[f64], rows: [&[f64]; N]) -> [f64; N] {
    use std::arch::x86_64::{
        __m256d, _mm_loadu_pd, _mm256_add_pd, _mm256_castpd128_pd256, _mm256_insertf128_pd, _mm256_mul_pd,
        _mm256_set1_pd, _mm256_setzero_pd, _mm256_storeu_pd, _mm256_unpackhi_pd, _mm256_unpacklo_pd,
    };
    /// Returns two elements of one row beside those of another.
    #[inline]
    #[target_feature(enable = "avx")]
    fn halves(low: &[f64; 2], high: &[f64; 2]) -> __m256d {
        // SAFETY: each is an array of as many numbers as are read.
        let (low, high) = unsafe { (_mm_loadu_pd(low.as_ptr()), _mm_loadu_pd(high.as_ptr())) };
        _mm256_insertf128_pd::<1>(_mm256_castpd128_pd256(low), high)
    }
    let rows = rows.map(|row| &row[..w.len()]);
    let mut sums = [0.0; N];
    let mut wide = [_mm256_setzero_pd(); TOGETHER_MAX / 4];
    let (pairs, _) = w.as_chunks::<2>();
    let parts = rows.map(|row| row.as_chunks::<2>().0);
    let parts = parts.map(|part| &part[..pairs.len()]);
    for (i, w) in pairs.iter().enumerate() {
        let w = w.map(|w| _mm256_set1_pd(w));
        for (sum, [a, b, c, d]) in wide.iter_mut().zip(parts.as_chunks::<4>().0) {
            let (ac, bd) = (halves(&a[i], &c[i]), halves(&b[i], &d[i]));
            *sum = _mm256_add_pd(*sum, _mm256_mul_pd(w[0], _mm256_unpacklo_pd(ac, bd)));
            *sum = _mm256_add_pd(*sum, _mm256_mul_pd(w[1], _mm256_unpackhi_pd(ac, bd)));
        }
    }
    for (four, wide) in sums.as_chunks_mut::<4>().0.iter_mut().zip(wide) {
        // SAFETY: it is an array of as many numbers as are written.
        unsafe { _mm256_storeu_pd(four.as_mut_ptr(), wide) };
    }
    if let [.., w] = w
        && pairs.len() * 2 < rows[0].len()
    {
        sums.iter_mut().zip(rows).for_each(|(sum, row)| *sum += w * row[row.len() - 1]);
    }
    sums
}

/// Rows are taken by eight.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn dots_avx512<const N: usize>(w: &[f64], rows: [&[f64]; N]) -> [f64; N] {
    use std::arch::x86_64::{
        __m512d, _mm256_loadu_pd, _mm512_add_pd, _mm512_castpd256_pd512, _mm512_insertf64x4, _mm512_mul_pd,
        _mm512_permutex2var_pd, _mm512_set1_pd, _mm512_setr_epi64, _mm512_setzero_pd, _mm512_storeu_pd,
        _mm512_unpackhi_pd, _mm512_unpacklo_pd,
    };
    /// Elements that are turned together.
    const AT_ONCE: usize = 4;
    /// Returns four elements of one row beside those of another.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn halves(low: &[f64; AT_ONCE], high: &[f64; AT_ONCE]) -> __m512d {
        // SAFETY: each is an array of as many numbers as are read.
        let (low, high) = unsafe { (_mm256_loadu_pd(low.as_ptr()), _mm256_loadu_pd(high.as_ptr())) };
        _mm512_insertf64x4::<1>(_mm512_castpd256_pd512(low), high)
    }
    let (lower, upper) = (_mm512_setr_epi64(0, 1, 8, 9, 4, 5, 12, 13), _mm512_setr_epi64(2, 3, 10, 11, 6, 7, 14, 15));
    let (fours, last) = w.as_chunks::<AT_ONCE>();
    let parts = rows.map(|row| row[..w.len()].as_ptr().cast::<[f64; AT_ONCE]>());
    let mut wide = [_mm512_setzero_pd(); TOGETHER_MAX / 8];
    for (i, w) in fours.iter().enumerate() {
        for (sum, parts) in wide.iter_mut().zip(parts.as_chunks::<8>().0) {
            // SAFETY: a row has as many fours as the weights.
            let [a, b, c, d, e, f, g, h] = parts.map(|part| unsafe { &*part.add(i) });
            let (ae, bf, cg, dh) = (halves(a, e), halves(b, f), halves(c, g), halves(d, h));
            let (ab, cd) = (_mm512_unpacklo_pd(ae, bf), _mm512_unpacklo_pd(cg, dh));
            let (ab_odd, cd_odd) = (_mm512_unpackhi_pd(ae, bf), _mm512_unpackhi_pd(cg, dh));
            let of = [
                _mm512_permutex2var_pd(ab, lower, cd),
                _mm512_permutex2var_pd(ab_odd, lower, cd_odd),
                _mm512_permutex2var_pd(ab, upper, cd),
                _mm512_permutex2var_pd(ab_odd, upper, cd_odd),
            ];
            for (w, of) in w.iter().zip(of) {
                *sum = _mm512_add_pd(*sum, _mm512_mul_pd(_mm512_set1_pd(*w), of));
            }
        }
    }
    let mut sums = [0.0; N];
    for (eight, wide) in sums.as_chunks_mut::<8>().0.iter_mut().zip(wide) {
        // SAFETY: it is an array of as many numbers as are written.
        unsafe { _mm512_storeu_pd(eight.as_mut_ptr(), wide) };
    }
    for (w, i) in last.iter().zip(fours.len() * AT_ONCE..) {
        sums.iter_mut().zip(rows).for_each(|(sum, row)| *sum += w * row[i]);
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_gives_the_bits_of_one_sum_after_the_other() {
        let mut state = 3_u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            f64::from_bits(state & 0xBFFF_FFFF_FFFF_FFFF)
        };
        for size in [0, 1, 2, 3, 4, 5, 6, 7, 8, 15, 33, 100, 101] {
            let w: Vec<f64> = (0..size).map(|_| next()).collect();
            let rows: Vec<Vec<f64>> = (0..TOGETHER_MAX).map(|_| (0..size).map(|_| next()).collect()).collect();
            let dot = |row: &Vec<f64>| w.iter().zip(row).fold(0.0, |sum, (w, x)| sum + w * x).to_bits();
            let expected: Vec<u64> = rows.iter().map(dot).collect();
            let rows: [&[f64]; TOGETHER_MAX] = std::array::from_fn(|k| &rows[k][..]);
            #[cfg_attr(not(target_arch = "x86_64"), allow(unused_mut))]
            let mut forms = vec![dots(&w, rows), dots_plain(&w, rows)];
            #[cfg(target_arch = "x86_64")]
            if is_x86_feature_detected!("avx") {
                // SAFETY: the processor has AVX, as was just seen.
                forms.push(unsafe { dots_avx(&w, rows) });
            }
            for sums in forms {
                assert_eq!(sums.map(f64::to_bits)[..], expected, "{size} elements");
            }
            let four: [&[f64]; 4] = std::array::from_fn(|k| rows[k]);
            assert_eq!(dots(&w, four).map(f64::to_bits)[..], expected[..4], "{size} elements of four rows");
        }
    }
}
