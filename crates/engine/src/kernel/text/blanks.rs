//! Where blanks lie among bytes, many at a time.

#![allow(unsafe_code)]

/// Bytes that are looked at together.
pub(super) const AT_ONCE: usize = 64;

/// Returns which of the bytes from `start` on, up to `end` and [`AT_ONCE`] at most, are blanks: one of `\t \n \x0B \f \r` and space.
#[inline]
pub(super) fn within(bytes: &[u8], start: usize, end: usize) -> u64 {
    let len = (end - start).min(AT_ONCE);
    match bytes[start..].first_chunk::<AT_ONCE>() {
        // What lies behind the end is looked at and not counted.
        Some(all) => of_all(all) & (u64::MAX >> (AT_ONCE - len)),
        None => of_some(&bytes[start..start + len]),
    }
}

#[cfg(target_arch = "x86_64")]
#[inline]
fn of_all(bytes: &[u8; AT_ONCE]) -> u64 {
    // SAFETY: every processor of this kind has SSE2.
    unsafe { of_all_sse2(bytes) }
}

/// By sixteen bytes.
#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "sse2")]
fn of_all_sse2(bytes: &[u8; AT_ONCE]) -> u64 {
    use std::arch::x86_64::{
        _mm_add_epi8, _mm_cmpeq_epi8, _mm_min_epu8, _mm_movemask_epi8, _mm_or_si128, _mm_set_epi64x, _mm_set1_epi8,
    };
    let (parts, _) = bytes.as_chunks::<8>();
    let word = |i: usize| i64::from_le_bytes(parts[i]);
    let mut found = 0;
    for i in (0..4).rev() {
        let part = _mm_set_epi64x(word(2 * i + 1), word(2 * i));
        let is_space = _mm_cmpeq_epi8(part, _mm_set1_epi8(0x20));
        // From tab on the five others follow one another.
        let from_tab = _mm_add_epi8(part, _mm_set1_epi8(-0x09));
        let is_other = _mm_cmpeq_epi8(_mm_min_epu8(from_tab, _mm_set1_epi8(4)), from_tab);
        found = found << 16 | u64::from(_mm_movemask_epi8(_mm_or_si128(is_space, is_other)) as u16);
    }
    found
}

#[cfg(not(target_arch = "x86_64"))]
#[inline]
fn of_all(bytes: &[u8; AT_ONCE]) -> u64 {
    of_some(bytes)
}

/// Returns which of up to 64 bytes are blanks.
#[inline]
fn of_some(bytes: &[u8]) -> u64 {
    let (words, tail) = bytes.as_chunks::<8>();
    let found = words.iter().rev().fold(0, |found, word| found << 8 | of_word(u64::from_le_bytes(*word)));
    let last = match bytes.last_chunk::<8>() {
        // The bytes that were seen already are shifted out.
        Some(last) => of_word(u64::from_le_bytes(*last)) >> (8 - tail.len()),
        None => {
            let mut last = [0; 8];
            last[..tail.len()].copy_from_slice(tail);
            of_word(u64::from_le_bytes(last))
        }
    };
    // Without a tail there is nothing left of the last word; the shift may then be by all 64.
    found | last.checked_shl(8 * words.len() as u32).unwrap_or(0)
}

/// Returns which of eight bytes are one of `\t \n \x0B \f \r` and blank. No sum carries from byte to byte: each has its
/// high bit cleared first, and bytes that had it set are not blanks.
#[inline]
fn of_word(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x80 * ONES;
    let low = word & !HIGH;
    let is_space = !((low ^ (0x20 * ONES)) + 0x7F * ONES);
    let from_tab = low + (0x80 - 0x09) * ONES;
    let after_return = low + (0x80 - 0x0E) * ONES;
    let high_bits = (is_space | from_tab & !after_return) & !word & HIGH;
    // Bit 8k goes to bit 56 + k; no two of the products meet.
    (high_bits >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_are_found_wherever_the_bytes_lie() {
        // Every byte, beside bytes of all kinds.
        let all: Vec<u8> = (0..=255).chain((0..200).map(|i| b"\t \x0e\x08a\x1f!\r\xa0"[i % 9])).collect();
        let is_blank = |byte: u8| matches!(byte, 0x09..=0x0D | b' ');
        for start in 0..all.len() {
            for len in [1, 2, 7, 8, 9, 15, 16, 33, 63, 64, 65, 100] {
                let end = (start + len).min(all.len());
                let found = within(&all, start, end);
                let some = &all[start..end.min(start + AT_ONCE)];
                let expected = some.iter().rev().fold(0, |bits, &byte| bits << 1 | u64::from(is_blank(byte)));
                assert_eq!(found, expected, "{start}..{end}");
                assert_eq!(of_some(some), expected, "{start}..{end}, word by word");
            }
        }
    }
}
