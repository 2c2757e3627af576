//! What tests say of a block with AVX-512, see [`Asks::fill`].

use std::arch::x86_64::*;

use super::super::bits::{Alone, Asks, BLOCK_ROWS, HALVES, LANES, TOGETHER, Words};

/// Words of a full block.
const FULL: usize = BLOCK_ROWS / LANES;

/// Thresholds of a column from which on they are found from the halves of ranks.
const MANY_MIN: usize = 64;

#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
pub fn fill(asks: &Asks, ranks: &[u8], words: &mut [u64], lanes: usize) {
    match lanes / LANES {
        1 => fill_words::<1>(asks, ranks, words),
        2 => fill_words::<2>(asks, ranks, words),
        4 => fill_words::<4>(asks, ranks, words),
        _ => fill_words::<8>(asks, ranks, words),
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
fn fill_words<const W: usize>(asks: &Asks, ranks: &[u8], words: &mut [u64]) {
    let numbers = |ranks: &[u8], above: &[u8], alone: &mut Alone<W>, out: Words<'_, W>| {
        if W < FULL || above.len() < MANY_MIN {
            return above_of(ranks, above, out);
        }
        halves(ranks, alone);
        above_by_halves(above, alone.as_flattened().as_chunks().0, out.as_flattened_mut().as_chunks_mut().0);
    };
    asks.fill(ranks, words.as_chunks_mut().0, numbers, |codes, alone| halves(codes, alone));
}

/// Returns a block's bytes of a column.
#[inline]
#[target_feature(enable = "avx512f")]
fn lanes_of<const W: usize>(bytes: &[u8]) -> [__m512i; W] {
    let (lanes, rest) = bytes.as_chunks::<LANES>();
    assert!(lanes.len() == W && rest.is_empty(), "a byte for each row");
    // SAFETY: 64 bytes are loaded of 64.
    std::array::from_fn(|w| unsafe { _mm512_loadu_si512(lanes[w].as_ptr().cast()) })
}

/// Finds the rows whose ranks are above those given, see [`bits::numbers`](super::super::bits::numbers).
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
fn above_of<const W: usize>(ranks: &[u8], above: &[u8], out: Words<'_, W>) {
    let ranks = lanes_of::<W>(ranks);
    for (above, out) in above.iter().zip(out) {
        let above = _mm512_set1_epi8(*above as i8);
        (0..W).for_each(|w| out[w] = _mm512_cmpgt_epu8_mask(ranks[w], above));
    }
}

/// The same from the [`halves`] of ranks: those of a later byte, or at a later place of the same.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
fn above_by_halves(above: &[u8], alone: &[[u64; FULL]], out: Words<'_, FULL>) {
    // SAFETY: eight words are loaded of eight.
    let rows = |at: usize| unsafe { _mm512_loadu_si512(alone[at].as_ptr().cast()) };
    let (places, bytes): ([__m512i; TOGETHER], [__m512i; HALVES - TOGETHER]) =
        (std::array::from_fn(rows), std::array::from_fn(|byte| rows(TOGETHER + byte)));
    let (mut later_places, mut later_bytes) = (places, bytes);
    for (of, later) in [(&places[..], &mut later_places[..]), (&bytes[..], &mut later_bytes[..])] {
        let mut rows = _mm512_setzero_si512();
        for (of, later) in of.iter().zip(later).rev() {
            *later = rows;
            rows = _mm512_or_si512(rows, *of);
        }
    }
    for (above, out) in above.iter().zip(out) {
        let (place, byte) = (usize::from(*above) % TOGETHER, usize::from(*above) / TOGETHER);
        let rows = _mm512_and_si512(bytes[byte], later_places[place]);
        // SAFETY: eight words are stored of eight.
        unsafe { _mm512_storeu_si512(out.as_mut_ptr().cast(), _mm512_or_si512(rows, later_bytes[byte])) };
    }
}

/// Finds the rows of each half of a code, see [`bits::halves`](super::super::bits::halves).
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
fn halves<const W: usize>(codes: &[u8], alone: &mut Alone<W>) {
    let codes = lanes_of::<W>(codes);
    let place = codes.map(|codes| _mm512_and_si512(codes, _mm512_set1_epi8(TOGETHER as i8 - 1)));
    let byte = codes.map(|codes| _mm512_and_si512(_mm512_srli_epi16::<3>(codes), _mm512_set1_epi8(0x1f)));
    let (places, bytes) = alone[..HALVES].split_at_mut(TOGETHER);
    for (half, out) in [(place, places), (byte, bytes)] {
        for (at, out) in (0..).zip(out) {
            (0..W).for_each(|w| out[w] = _mm512_cmpeq_epi8_mask(half[w], _mm512_set1_epi8(at)));
        }
    }
}
