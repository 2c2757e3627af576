//! Ranks of many rows with AVX-512: how many thresholds of a part are below each number.
//!
//! The first levels of a search are in registers, eight rows at once. They lead to eight thresholds that stand together, which each row
//! compares by itself: to gather one for each row, level after level, takes several times as long.

use std::arch::x86_64::*;

use super::super::{
    bits::{BLOCK_ROWS, LANES},
    ranks::{Eight, Part, Ranks, Way},
};

/// Levels of a search that are in registers.
const LEVELS_MAX: u32 = 5;

/// A byte for each row, in whole lines of a cache.
#[repr(align(64))]
struct Bytes([u8; BLOCK_ROWS]);

/// See [`Ranks::ranks`].
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
pub fn ranks(ranks: &Ranks, part: &Part, ways: &[Way], x: &[f64], out: &mut [u8]) {
    assert!(x.len() <= BLOCK_ROWS && x.len().is_multiple_of(LANES), "whole lanes");
    let (levels, sorted) = (&ranks.levels[part.levels..], &ranks.sorted[part.sorted..]);
    let (Bytes(first), Bytes(below)) = (&mut Bytes([0; BLOCK_ROWS]), &mut Bytes([0; BLOCK_ROWS]));
    match part.steps {
        1 => search::<1, 0>(levels, x, first),
        2 => search::<2, 0>(levels, x, first),
        3 => search::<3, 0>(levels, x, first),
        4 => search::<4, 0>(levels, x, first),
        LEVELS_MAX => search::<5, 0>(levels, x, first),
        6 => search::<3, 3>(levels, x, first),
        7 => search::<4, 3>(levels, x, first),
        _ => search::<5, 3>(levels, x, first),
    }
    if part.steps > LEVELS_MAX {
        assert!(sorted.len() >= 1 << (part.steps - 3), "a part has a group wherever a search may lead");
        compare(sorted, x, first, below);
    }
    let (found, lanes) = (first.as_chunks::<LANES>().0.iter().zip(below.as_chunks::<LANES>().0), x.len());
    for (at, (x, (first, below))) in x.as_chunks::<LANES>().0.iter().zip(found).enumerate() {
        // SAFETY: 64 bytes are loaded of 64.
        let (first, below) =
            unsafe { (_mm512_loadu_si512(first.as_ptr().cast()), _mm512_loadu_si512(below.as_ptr().cast())) };
        let rank = _mm512_add_epi8(first, ones(below));
        for (first, way) in (at * LANES..).step_by(lanes).zip(ways) {
            let missing = _mm512_set1_epi8(way.rank(part) as i8);
            let rank = _mm512_mask_mov_epi8(rank, missing_of(way, x), missing);
            let out = &mut out[first..first + LANES];
            // SAFETY: 64 bytes are stored of 64.
            unsafe { _mm512_storeu_si512(out.as_mut_ptr().cast(), rank) };
        }
    }
}

/// Finds how many of the thresholds of the first `LEVELS` levels are below, times `1 << SHIFT`.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
fn search<const LEVELS: usize, const SHIFT: u32>(levels: &[f64], x: &[f64], out: &mut [u8; BLOCK_ROWS]) {
    // Every level, and the 8 places that a load of a small one takes.
    assert!(levels.len() >= (1 << LEVELS) + 7, "levels of so many steps");
    // SAFETY: level `i` has `1 << i` thresholds from `(1 << i) - 1` on; the assertion has them, and 8 from each small one's first on.
    let load = |level: usize, more: usize| unsafe {
        _mm512_loadu_pd(levels.as_ptr().add(if level < LEVELS { (1 << level) - 1 + more } else { 0 }))
    };
    let one = _mm512_set1_epi64(1);
    let small = [load(0, 0), load(1, 0), load(2, 0), load(3, 0)];
    let wide = [load(4, 0), load(4, 8)];
    for (x, out) in x.as_chunks::<8>().0.iter().zip(out.as_chunks_mut::<8>().0) {
        // SAFETY: eight numbers are loaded of eight.
        let x = unsafe { _mm512_loadu_pd(x.as_ptr()) };
        let next = |at: __m512i, thresholds: __m512d| {
            let above = _mm512_cmp_pd_mask::<_CMP_LT_OQ>(thresholds, x);
            let at = _mm512_add_epi64(at, at);
            _mm512_mask_add_epi64(at, above, at, one)
        };
        let mut at = _mm512_setzero_si512();
        for small in &small[..LEVELS.min(4)] {
            at = next(at, _mm512_permutexvar_pd(at, *small));
        }
        if LEVELS > 4 {
            at = next(at, _mm512_permutex2var_pd(wide[0], at, wide[1]));
        }
        let at = _mm512_cvtepi64_epi8(_mm512_slli_epi64::<SHIFT>(at));
        // SAFETY: eight bytes are stored of eight.
        unsafe { _mm_storel_epi64(out.as_mut_ptr().cast(), at) };
    }
}

/// Finds which thresholds of a row's group are below, a bit each; `first` are the groups' first places, so that 8 are there from each on.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
fn compare(sorted: &[Eight], x: &[f64], first: &[u8; BLOCK_ROWS], below: &mut [u8; BLOCK_ROWS]) {
    let thresholds = sorted.as_ptr().cast::<f64>();
    for ((x, first), below) in x.iter().zip(first).zip(below) {
        debug_assert!(usize::from(*first) + 8 <= sorted.len() * 8);
        // SAFETY: the group is one of the part's, as the caller asserts of all that levels lead to.
        let group = unsafe { _mm512_loadu_pd(thresholds.add(usize::from(*first))) };
        *below = _mm512_cmp_pd_mask::<_CMP_LT_OQ>(group, _mm512_set1_pd(*x));
    }
}

/// Counts the bits of bytes.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn ones(bytes: __m512i) -> __m512i {
    let low = _mm512_set1_epi8(0x0f);
    let counts = _mm512_broadcast_i32x4(_mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4));
    let high = _mm512_and_si512(_mm512_srli_epi16::<4>(bytes), low);
    _mm512_add_epi8(_mm512_shuffle_epi8(counts, _mm512_and_si512(bytes, low)), _mm512_shuffle_epi8(counts, high))
}

/// Returns which numbers are missing, a bit each.
#[inline]
#[target_feature(enable = "avx512f,avx512dq")]
fn missing_of(way: &Way, x: &[f64; LANES]) -> u64 {
    let zero_max = _mm512_set1_pd(way.zero_max);
    x.as_chunks::<8>().0.iter().rev().fold(0, |missing, x| {
        // SAFETY: eight numbers are loaded of eight.
        let x = _mm512_abs_pd(unsafe { _mm512_loadu_pd(x.as_ptr()) });
        // What is not a number is not greater.
        missing << 8 | u64::from(_mm512_cmp_pd_mask::<_CMP_NGT_UQ>(x, zero_max))
    })
}
