//! Blocks of rows with AVX2: ranks of numbers, sides of codes, and what tests say.

use std::arch::x86_64::*;

use super::super::{
    bits::{Alone, Asks, BLOCK_ROWS, HALVES, LANES, TOGETHER, Words},
    ranks::{CODES, Eight, Part, Ranks, Way},
};

/// Rows of a register: a byte each.
const BYTES: usize = 32;

/// Levels of a search that are in registers.
const LEVELS_MAX: u32 = 5;

/// Thresholds of a column from which on they are found from the halves of ranks.
const MANY_MIN: usize = 48;

/// A byte for each row, in whole lines of a cache.
#[repr(align(64))]
struct PerRow([u8; BLOCK_ROWS]);

/// See [`Asks::fill`].
#[target_feature(enable = "avx2")]
pub fn fill(asks: &Asks, ranks: &[u8], words: &mut [u64], lanes: usize) {
    match lanes / LANES {
        1 => fill_words::<1>(asks, ranks, words),
        2 => fill_words::<2>(asks, ranks, words),
        4 => fill_words::<4>(asks, ranks, words),
        _ => fill_words::<8>(asks, ranks, words),
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn fill_words<const W: usize>(asks: &Asks, ranks: &[u8], words: &mut [u64]) {
    let numbers = |ranks: &[u8], above: &[u8], alone: &mut Alone<W>, out: Words<'_, W>| {
        if above.len() < MANY_MIN {
            return above_of(ranks, above, out);
        }
        halves(ranks, alone);
        above_by_halves(above, alone, out);
    };
    asks.fill(ranks, words.as_chunks_mut().0, numbers, |codes, alone| halves(codes, alone));
}

/// Returns a column's bytes of 64 rows.
#[inline]
#[target_feature(enable = "avx2")]
fn row_bytes(bytes: &[u8; LANES]) -> [__m256i; 2] {
    let (parts, _) = bytes.as_chunks::<BYTES>();
    // SAFETY: 32 bytes are loaded of 32.
    std::array::from_fn(|half| unsafe { _mm256_loadu_si256(parts[half].as_ptr().cast()) })
}

/// Returns the highest bits of 64 bytes.
#[inline]
#[target_feature(enable = "avx2")]
fn bits_of([low, high]: [__m256i; 2]) -> u64 {
    let bits = |bytes| u64::from(_mm256_movemask_epi8(bytes) as u32);
    bits(low) | bits(high) << BYTES
}

/// Finds the rows whose ranks are above those given, see [`bits::numbers`](super::super::bits::numbers).
#[inline]
#[target_feature(enable = "avx2")]
fn above_of<const W: usize>(ranks: &[u8], above: &[u8], out: Words<'_, W>) {
    let (ranks, rest) = ranks.as_chunks::<LANES>();
    assert!(ranks.len() == W && rest.is_empty(), "a byte for each row");
    for (above, out) in above.iter().zip(out) {
        let above = _mm256_set1_epi8(*above as i8);
        for w in 0..W {
            out[w] = !bits_of(row_bytes(&ranks[w]).map(|rank| _mm256_cmpeq_epi8(_mm256_max_epu8(rank, above), above)));
        }
    }
}

/// The same from the [`halves`] of ranks: those of a later byte, or at a later place of the same.
#[inline]
#[target_feature(enable = "avx2")]
fn above_by_halves<const W: usize>(above: &[u8], alone: &Alone<W>, out: Words<'_, W>) {
    let (places, bytes) = alone[..HALVES].split_at(TOGETHER);
    let (mut later_places, mut later_bytes) = ([[0; W]; TOGETHER], [[0; W]; HALVES - TOGETHER]);
    for (of, later) in [(places, &mut later_places[..]), (bytes, &mut later_bytes[..])] {
        let mut rows = [0; W];
        for (of, later) in of.iter().zip(later).rev() {
            *later = rows;
            (0..W).for_each(|w| rows[w] |= of[w]);
        }
    }
    for (above, out) in above.iter().zip(out) {
        let (place, byte) = (usize::from(*above) % TOGETHER, usize::from(*above) / TOGETHER);
        let (of, later, all) = (&bytes[byte], &later_places[place], &later_bytes[byte]);
        (0..W).for_each(|w| out[w] = of[w] & later[w] | all[w]);
    }
}

/// Finds the rows of each half of a code, see [`bits::halves`](super::super::bits::halves).
#[inline]
#[target_feature(enable = "avx2")]
fn halves<const W: usize>(codes: &[u8], alone: &mut Alone<W>) {
    let (codes, rest) = codes.as_chunks::<LANES>();
    assert!(codes.len() == W && rest.is_empty(), "a byte for each row");
    let (places, bytes) = alone[..HALVES].split_at_mut(TOGETHER);
    for (w, codes) in codes.iter().enumerate() {
        let codes = row_bytes(codes);
        let place = codes.map(|codes| _mm256_and_si256(codes, _mm256_set1_epi8(TOGETHER as i8 - 1)));
        let byte = codes.map(|codes| _mm256_and_si256(_mm256_srli_epi16::<3>(codes), _mm256_set1_epi8(0x1f)));
        for (half, out) in [(place, &mut *places), (byte, &mut *bytes)] {
            for (at, out) in (0..).zip(out) {
                out[w] = bits_of(half.map(|half| _mm256_cmpeq_epi8(half, _mm256_set1_epi8(at))));
            }
        }
    }
}

/// Looks codes up in a table: the four lower bits in each quarter; the two above them say which counts.
#[target_feature(enable = "avx2")]
pub fn sides(table: &[u8; CODES], codes: &[u8; LANES], out: &mut [u8; LANES]) {
    let (quarters, _) = table.as_chunks::<16>();
    // SAFETY: 16 bytes are loaded of 16.
    let quarter = |at: usize| unsafe { _mm256_broadcastsi128_si256(_mm_loadu_si128(quarters[at].as_ptr().cast())) };
    let quarters: [__m256i; 4] = std::array::from_fn(quarter);
    for (codes, out) in row_bytes(codes).into_iter().zip(out.as_chunks_mut::<BYTES>().0) {
        let codes = _mm256_and_si256(codes, _mm256_set1_epi8(CODES as i8 - 1));
        let of = quarters.map(|quarter| _mm256_shuffle_epi8(quarter, codes));
        // The bit that says it is moved to the highest place.
        let (is_odd, is_upper) = (_mm256_slli_epi16::<3>(codes), _mm256_slli_epi16::<2>(codes));
        let (lower, upper) = (_mm256_blendv_epi8(of[0], of[1], is_odd), _mm256_blendv_epi8(of[2], of[3], is_odd));
        // SAFETY: 32 bytes are stored of 32.
        unsafe { _mm256_storeu_si256(out.as_mut_ptr().cast(), _mm256_blendv_epi8(lower, upper, is_upper)) };
    }
}

/// See [`Ranks::ranks`]: the first levels of a search are in registers, four rows at once; the eight thresholds that they lead to are
/// compared by each row itself.
#[target_feature(enable = "avx2")]
pub fn ranks(ranks: &Ranks, part: &Part, ways: &[Way], x: &[f64], out: &mut [u8]) {
    assert!(x.len() <= BLOCK_ROWS && x.len().is_multiple_of(LANES), "whole lanes");
    let (levels, sorted) = (&ranks.levels[part.levels..], &ranks.sorted[part.sorted..]);
    let (PerRow(first), PerRow(below)) = (&mut PerRow([0; BLOCK_ROWS]), &mut PerRow([0; BLOCK_ROWS]));
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
        let (first, below) = (row_bytes(first), row_bytes(below));
        let rank = [0, 1].map(|half| _mm256_add_epi8(first[half], ones(below[half])));
        for (first, way) in (at * LANES..).step_by(lanes).zip(ways) {
            let (missing, is_missing) = (_mm256_set1_epi8(way.rank(part) as i8), missing_of(way, x));
            for (half, out) in out[first..first + LANES].as_chunks_mut::<BYTES>().0.iter_mut().enumerate() {
                let rank = _mm256_blendv_epi8(rank[half], missing, is_set((is_missing >> (half * BYTES)) as u32));
                // SAFETY: 32 bytes are stored of 32.
                unsafe { _mm256_storeu_si256(out.as_mut_ptr().cast(), rank) };
            }
        }
    }
}

/// Finds how many of the thresholds of the first `LEVELS` levels are below, times `1 << SHIFT`.
#[inline]
#[target_feature(enable = "avx2")]
fn search<const LEVELS: usize, const SHIFT: i32>(levels: &[f64], x: &[f64], out: &mut [u8; BLOCK_ROWS]) {
    // Every level, and the places behind it that a load of a small one takes.
    assert!(levels.len() >= (1 << LEVELS) + 7, "levels of so many steps");
    // SAFETY: level `i` has `1 << i` thresholds from `(1 << i) - 1` on; the assertion has them, and 8 from each small one's first on.
    let load = |level: usize, more: usize| unsafe {
        _mm256_loadu_pd(levels.as_ptr().add(if level < LEVELS { (1 << level) - 1 + more } else { 0 }))
    };
    let top = _mm256_set1_pd(levels[0]);
    let two = _mm256_permute2f128_pd::<0>(load(1, 0), load(1, 0));
    let (four, eight) = (load(2, 0), [load(3, 0), load(3, 4)]);
    let sixteen = [load(4, 0), load(4, 4), load(4, 8), load(4, 12)];
    let second = _mm256_set1_epi64x(1 << 32);
    let search = |x: &[f64; 4]| {
        // SAFETY: four numbers are loaded of four.
        let x = unsafe { _mm256_loadu_pd(x.as_ptr()) };
        let is_below = |thresholds: __m256d| _mm256_castpd_si256(_mm256_cmp_pd::<_CMP_LT_OQ>(thresholds, x));
        // Of each row twice, as a number of four bytes: how many are below so far.
        let mut at = _mm256_sub_epi32(_mm256_setzero_si256(), is_below(top));
        if LEVELS > 1 {
            let twice = _mm256_add_epi32(at, at);
            at = _mm256_sub_epi32(twice, is_below(_mm256_permutevar_pd(two, twice)));
        }
        let of = |four: __m256d, twice: __m256i| {
            let places = _mm256_add_epi32(twice, second);
            _mm256_castsi256_pd(_mm256_permutevar8x32_epi32(_mm256_castpd_si256(four), places))
        };
        if LEVELS > 2 {
            let twice = _mm256_add_epi32(at, at);
            at = _mm256_sub_epi32(twice, is_below(of(four, twice)));
        }
        if LEVELS > 3 {
            let twice = _mm256_add_epi32(at, at);
            let is_odd = _mm256_castsi256_pd(_mm256_slli_epi32::<29>(at));
            at = _mm256_sub_epi32(twice, is_below(_mm256_blendv_pd(of(eight[0], twice), of(eight[1], twice), is_odd)));
        }
        if LEVELS > 4 {
            let twice = _mm256_add_epi32(at, at);
            let is_odd = _mm256_castsi256_pd(_mm256_slli_epi32::<29>(at));
            let is_upper = _mm256_castsi256_pd(_mm256_slli_epi32::<28>(at));
            let lower = _mm256_blendv_pd(of(sixteen[0], twice), of(sixteen[1], twice), is_odd);
            let upper = _mm256_blendv_pd(of(sixteen[2], twice), of(sixteen[3], twice), is_odd);
            at = _mm256_sub_epi32(twice, is_below(_mm256_blendv_pd(lower, upper, is_upper)));
        }
        at
    };
    // The lowest byte of each number that stands first, rows one after the other.
    let first_bytes = _mm256_set1_epi64x(0x0c08_0400);
    let lines = _mm256_setr_epi32(0, 4, 0, 0, 0, 0, 0, 0);
    for (x, out) in x.as_chunks::<8>().0.iter().zip(out.as_chunks_mut::<8>().0) {
        let [low, high] = [search(x[..4].as_array().expect("four")), search(x[4..].as_array().expect("four"))];
        // Rows 0, 1, 4, 5 in the lower half, 2, 3, 6, 7 in the upper.
        let mixed = _mm256_shuffle_ps::<0b10_00_10_00>(_mm256_castsi256_ps(low), _mm256_castsi256_ps(high));
        let sorted = _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_castps_si256(mixed));
        let bytes = _mm256_shuffle_epi8(_mm256_slli_epi32::<SHIFT>(sorted), first_bytes);
        let bytes = _mm256_castsi256_si128(_mm256_permutevar8x32_epi32(bytes, lines));
        // SAFETY: eight bytes are stored of eight.
        unsafe { _mm_storel_epi64(out.as_mut_ptr().cast(), bytes) };
    }
}

/// Finds which thresholds of a row's group are below, a bit each; `first` are the groups' first places, so that 8 are there from each on.
#[inline]
#[target_feature(enable = "avx2")]
fn compare(sorted: &[Eight], x: &[f64], first: &[u8; BLOCK_ROWS], below: &mut [u8; BLOCK_ROWS]) {
    let thresholds = sorted.as_ptr().cast::<f64>();
    for ((x, first), below) in x.iter().zip(first).zip(below) {
        debug_assert!(usize::from(*first) + 8 <= sorted.len() * 8);
        let (x, first) = (_mm256_set1_pd(*x), usize::from(*first));
        // SAFETY: the group is one of the part's, as the caller asserts of all that levels lead to.
        let four = |more: usize| unsafe { _mm256_loadu_pd(thresholds.add(first + more)) };
        let [low, high] = [0, 4].map(|more| _mm256_movemask_pd(_mm256_cmp_pd::<_CMP_LT_OQ>(four(more), x)));
        *below = (low | high << 4) as u8;
    }
}

/// Counts the bits of bytes.
#[inline]
#[target_feature(enable = "avx2")]
fn ones(bytes: __m256i) -> __m256i {
    let low = _mm256_set1_epi8(0x0f);
    let counts = _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4));
    let high = _mm256_and_si256(_mm256_srli_epi16::<4>(bytes), low);
    _mm256_add_epi8(_mm256_shuffle_epi8(counts, _mm256_and_si256(bytes, low)), _mm256_shuffle_epi8(counts, high))
}

/// Returns which numbers are missing, a bit each.
#[inline]
#[target_feature(enable = "avx2")]
fn missing_of(way: &Way, x: &[f64; LANES]) -> u64 {
    let (zero_max, sign) = (_mm256_set1_pd(way.zero_max), _mm256_set1_pd(-0.0));
    x.as_chunks::<4>().0.iter().rev().fold(0, |missing, x| {
        // SAFETY: four numbers are loaded of four.
        let x = _mm256_andnot_pd(sign, unsafe { _mm256_loadu_pd(x.as_ptr()) });
        // What is not a number is not greater.
        missing << 4 | _mm256_movemask_pd(_mm256_cmp_pd::<_CMP_NGT_UQ>(x, zero_max)) as u64
    })
}

/// Returns a byte for each bit, all ones where it is set.
#[inline]
#[target_feature(enable = "avx2")]
pub fn is_set(bits: u32) -> __m256i {
    // The byte of each row's bit, and the bit.
    let byte = _mm256_setr_epi64x(0, 0x0101_0101_0101_0101, 0x0202_0202_0202_0202, 0x0303_0303_0303_0303);
    let bit = _mm256_set1_epi64x(i64::from_le_bytes([1, 2, 4, 8, 16, 32, 64, 128]));
    let rows = _mm256_shuffle_epi8(_mm256_set1_epi32(bits as i32), byte);
    _mm256_cmpeq_epi8(_mm256_and_si256(rows, bit), bit)
}
