//! Where blanks lie among bytes, and what they cut, many at a time.

#![allow(unsafe_code)]

#[cfg(target_arch = "x86_64")]
use std::mem::MaybeUninit;

use crate::store::Span;

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

/// How texts are cut at blanks here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cuts {
    Plain,
    /// Blanks are found by AVX2, and counted and taken one by one by the instructions that came with it.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// Blanks are found, and spans written, by AVX-512 with BW.
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Cuts {
    /// Returns the widest that this processor has.
    pub(super) fn here() -> Cuts {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2")
            && is_x86_feature_detected!("popcnt")
        {
            let is_wide = is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw");
            return if is_wide { Cuts::Avx512 } else { Cuts::Avx2 };
        }
        Cuts::Plain
    }

    /// Pushes the tokens of texts; calls `end` behind those of each with how many spans there are. Empty tokens at a text's end are
    /// dropped, unless nothing was cut.
    #[inline]
    pub(super) fn push(
        self,
        bytes: &[u8],
        texts: impl Iterator<Item = Span>,
        spans: &mut Vec<Span>,
        end: impl FnMut(usize),
    ) {
        match self {
            Cuts::Plain => each_text(bytes, texts, spans, end, within, push_plain),
            // SAFETY: `here` alone makes this form, where the processor has these instructions.
            #[cfg(target_arch = "x86_64")]
            Cuts::Avx2 => unsafe { cut_avx2(bytes, texts, spans, end) },
            // SAFETY: as before.
            #[cfg(target_arch = "x86_64")]
            Cuts::Avx512 => unsafe { cut_avx512(bytes, texts, spans, end) },
        }
    }
}

/// Finds the blanks of each text part by part, and pushes what they cut off.
#[inline(always)]
fn each_text(
    bytes: &[u8],
    texts: impl Iterator<Item = Span>,
    spans: &mut Vec<Span>,
    mut end: impl FnMut(usize),
    within: impl Fn(&[u8], usize, usize) -> u64,
    push: impl Fn(u64, u32, u32, &mut Vec<Span>) -> u32,
) {
    for text in texts {
        let first = spans.len();
        let (mut rest, mut at) = (text.start, text.start);
        while at < text.end {
            rest = push(within(bytes, at as usize, text.end as usize), at, rest, spans);
            at = at.saturating_add(AT_ONCE as u32);
        }
        push_last(first, rest, text, spans);
        end(spans.len());
    }
}

/// Pushes the last token of a text, which begins at `rest`: the whole text where nothing was cut. Empty tokens at the end are dropped,
/// unless nothing was cut.
#[inline]
pub(super) fn push_last(first: usize, rest: u32, text: Span, spans: &mut Vec<Span>) {
    if rest < text.end || rest == text.start {
        return spans.push(Span { start: rest, end: text.end });
    }
    while spans.len() > first && spans.last().is_some_and(|span| span.start == span.end) {
        spans.pop();
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,bmi1,bmi2,popcnt")]
fn cut_avx2(bytes: &[u8], texts: impl Iterator<Item = Span>, spans: &mut Vec<Span>, end: impl FnMut(usize)) {
    let push = |found, at, rest, spans: &mut _| push_plain(found, at, rest, spans);
    each_text(bytes, texts, spans, end, |bytes, start, end| within_avx2(bytes, start, end), push);
}

/// See [`within`].
#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,popcnt")]
fn within_avx2(bytes: &[u8], start: usize, end: usize) -> u64 {
    use std::arch::x86_64::{
        _mm256_add_epi8, _mm256_cmpeq_epi8, _mm256_loadu_si256, _mm256_min_epu8, _mm256_movemask_epi8, _mm256_or_si256,
        _mm256_set1_epi8,
    };
    let len = (end - start).min(AT_ONCE);
    let Some(all) = bytes[start..].first_chunk::<AT_ONCE>() else { return of_some(&bytes[start..start + len]) };
    let (parts, _) = all.as_chunks::<32>();
    let [low, high] = [0, 1].map(|half| {
        // SAFETY: 32 bytes are loaded of 32.
        let part = unsafe { _mm256_loadu_si256(parts[half].as_ptr().cast()) };
        let is_space = _mm256_cmpeq_epi8(part, _mm256_set1_epi8(0x20));
        // From tab on the five others follow one another.
        let from_tab = _mm256_add_epi8(part, _mm256_set1_epi8(-0x09));
        let is_other = _mm256_cmpeq_epi8(_mm256_min_epu8(from_tab, _mm256_set1_epi8(4)), from_tab);
        u64::from(_mm256_movemask_epi8(_mm256_or_si256(is_space, is_other)) as u32)
    });
    // What lies behind the end is looked at and not counted.
    (low | high << 32) & (u64::MAX >> (AT_ONCE - len))
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,bmi1,popcnt")]
fn cut_avx512(bytes: &[u8], texts: impl Iterator<Item = Span>, spans: &mut Vec<Span>, end: impl FnMut(usize)) {
    let push = |found, at, rest, spans: &mut _| push_avx512(found, at, rest, spans);
    each_text(bytes, texts, spans, end, |bytes, start, end| within_avx512(bytes, start, end), push);
}

/// See [`within`]: bytes behind the end are not read, and count as zeros.
#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn within_avx512(bytes: &[u8], start: usize, end: usize) -> u64 {
    use std::arch::x86_64::{
        _mm512_cmpeq_epi8_mask, _mm512_cmple_epu8_mask, _mm512_maskz_loadu_epi8, _mm512_set1_epi8, _mm512_sub_epi8,
    };
    let part = &bytes[start..end.min(start + AT_ONCE)];
    let is_there = u64::MAX.checked_shr((AT_ONCE - part.len()) as u32).unwrap_or(0);
    // SAFETY: no more is read than the part has.
    let part = unsafe { _mm512_maskz_loadu_epi8(is_there, part.as_ptr().cast()) };
    // From tab on the five others follow one another.
    let from_tab = _mm512_sub_epi8(part, _mm512_set1_epi8(0x09));
    _mm512_cmpeq_epi8_mask(part, _mm512_set1_epi8(0x20)) | _mm512_cmple_epu8_mask(from_tab, _mm512_set1_epi8(4))
}

/// Pushes what lies before each of the blanks that were found from `at` on, the first of them from `rest` on; returns where what is not
/// pushed begins. Writes some without asking first how many there are, which most texts do not have more of.
#[inline(always)]
fn push_plain(mut found: u64, at: u32, mut rest: u32, spans: &mut Vec<Span>) -> u32 {
    const AT_A_TIME: usize = 12;
    spans.reserve(AT_A_TIME);
    let (first, count) = (spans.len(), found.count_ones() as usize);
    let some: &mut [_; AT_A_TIME] = spans.spare_capacity_mut().first_chunk_mut().expect("so many were reserved");
    let mut start = rest;
    for span in some {
        // Where no blank is left, what is written does not stay.
        let end = at.wrapping_add((found | 1 << 63).trailing_zeros());
        span.write(Span { start, end });
        start = end.wrapping_add(1);
        found &= found.wrapping_sub(1);
    }
    // SAFETY: that many were written.
    unsafe { spans.set_len(first + count.min(AT_A_TIME)) };
    rest = spans[first..].last().map_or(rest, |last| last.end + 1);
    while found != 0 {
        let end = at + found.trailing_zeros();
        spans.push(Span { start: rest, end });
        rest = end + 1;
        found &= found - 1;
    }
    rest
}

/// See [`push_plain`]: packs the places of the blanks, then makes sixteen spans of them at a time.
#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx512f,bmi1,popcnt")]
fn push_avx512(found: u64, at: u32, mut rest: u32, spans: &mut Vec<Span>) -> u32 {
    use std::arch::x86_64::{
        _mm512_add_epi32, _mm512_alignr_epi32, _mm512_loadu_si512, _mm512_maskz_compress_epi32,
        _mm512_maskz_loadu_epi32, _mm512_permutex2var_epi32, _mm512_set1_epi32, _mm512_storeu_si512,
    };
    /// Spans of two registers.
    const AT_A_TIME: usize = 16;
    const FIRST: [i32; AT_A_TIME] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
    /// Which starts and ends a span of the first half takes, and one of the second.
    const PAIRS: [[i32; AT_A_TIME]; 2] = [
        [0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23],
        [8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31],
    ];
    let mut ends = [MaybeUninit::<u32>::uninit(); AT_ONCE + AT_A_TIME];
    // SAFETY: the constants are arrays of 64 bytes.
    let [first, low, high] =
        [&FIRST, &PAIRS[0], &PAIRS[1]].map(|all| unsafe { _mm512_loadu_si512(all.as_ptr().cast()) });
    let mut count = 0;
    for part in 0..AT_ONCE / AT_A_TIME {
        let mask = (found >> (part * AT_A_TIME)) as u16;
        let places = _mm512_add_epi32(first, _mm512_set1_epi32(at.wrapping_add((part * AT_A_TIME) as u32) as i32));
        // SAFETY: before there are at most as many as parts have places, and behind them is room for sixteen.
        unsafe {
            let to = ends.as_mut_ptr().add(count);
            _mm512_storeu_si512(to.cast(), _mm512_maskz_compress_epi32(mask, places));
        }
        count += mask.count_ones() as usize;
    }
    spans.reserve(AT_ONCE + AT_A_TIME);
    let len = spans.len();
    for (i, to) in (0..count).step_by(AT_A_TIME).zip(spans.spare_capacity_mut().chunks_exact_mut(AT_A_TIME)) {
        let now = (count - i).min(AT_A_TIME);
        let to: *mut MaybeUninit<Span> = to.as_mut_ptr();
        // SAFETY: no more ends are read than were written; sixteen spans, of two numbers in this order, are 128 bytes.
        unsafe {
            let ends = _mm512_maskz_loadu_epi32(u16::MAX >> (AT_A_TIME - now), ends.as_ptr().add(i).cast());
            let after = _mm512_add_epi32(ends, _mm512_set1_epi32(1));
            let starts = _mm512_alignr_epi32::<15>(after, _mm512_set1_epi32(rest as i32));
            _mm512_storeu_si512(to.cast(), _mm512_permutex2var_epi32(starts, low, ends));
            _mm512_storeu_si512(to.add(AT_A_TIME / 2).cast(), _mm512_permutex2var_epi32(starts, high, ends));
        }
        // SAFETY: that one was written.
        rest = unsafe { ends[i + now - 1].assume_init() } + 1;
    }
    // SAFETY: as many were written, a place for each.
    unsafe { spans.set_len(len + count) };
    rest
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

    #[test]
    fn every_form_cuts_the_same() {
        let mut state = 11_u64;
        let patterns = (0..400).map(|i| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            [0, u64::MAX, state, state & state.rotate_left(21), 1 << (i % 64), state | state.rotate_left(17)][i % 6]
        });
        for found in patterns {
            for (at, rest) in [(0, 0), (640, 597), (640, 640)] {
                let mut expected = vec![Span { start: 1, end: 2 }];
                let mut start = rest;
                for end in (0..64).filter(|bit| found >> bit & 1 == 1).map(|bit| at + bit) {
                    expected.push(Span { start, end });
                    start = end + 1;
                }
                let mut spans = vec![Span { start: 1, end: 2 }];
                assert_eq!(push_plain(found, at, rest, &mut spans), start, "{found:x}");
                assert_eq!(spans, expected, "{found:x}");
                #[cfg(target_arch = "x86_64")]
                if Cuts::here() == Cuts::Avx512 {
                    spans.truncate(1);
                    // SAFETY: the processor has these instructions, as was just seen.
                    assert_eq!(unsafe { push_avx512(found, at, rest, &mut spans) }, start, "{found:x}, AVX-512");
                    assert_eq!(spans, expected, "{found:x}, AVX-512");
                }
            }
        }
    }

    #[test]
    fn texts_of_every_length_are_cut_where_blanks_are() {
        let all: Vec<u8> = (0..900).map(|i| b"ab\tc  d\x0be\xa0fghij\r\x08k\x0e"[i * i % 23]).collect();
        for start in [0, 1, 63, 640, 836] {
            for end in (start..all.len()).step_by(7).chain([start, start + 1, start + 63, start + 64]) {
                let (mut expected, mut rest) = (Vec::new(), start);
                for at in (start..end).filter(|at| matches!(all[*at], 0x09..=0x0D | b' ')) {
                    expected.push(Span { start: rest as u32, end: at as u32 });
                    rest = at + 1;
                }
                expected.push(Span { start: rest as u32, end: end as u32 });
                if rest != start {
                    let tokens = expected.iter().rposition(|span| span.start < span.end).map_or(0, |last| last + 1);
                    expected.truncate(tokens);
                }
                let mut forms = vec![Cuts::Plain, Cuts::here()];
                #[cfg(target_arch = "x86_64")]
                forms.extend((Cuts::here() == Cuts::Avx512).then_some(Cuts::Avx2));
                for cuts in forms {
                    let (mut spans, mut ends) = (Vec::new(), Vec::new());
                    let text = Span { start: start as u32, end: end as u32 };
                    cuts.push(&all, [text; 2].into_iter(), &mut spans, |end| ends.push(end));
                    assert_eq!(spans, [&expected[..]; 2].concat(), "{cuts:?}, {start}..{end}");
                    assert_eq!(ends, [expected.len(), 2 * expected.len()], "{cuts:?}, {start}..{end}");
                }
            }
        }
    }
}
