//! Means of vectors of float32, summed up in float64.
//!
//! Each element has a sum of its own, from the first word to the last, so elements can be summed side by side and the bits
//! stay. What the compiler makes of a plain loop shuffles more than it adds, so where the processor has AVX or AVX-512 its
//! instructions are named; that is asked when the model is loaded. With AVX-512 a vector of up to 128 elements is read in one go.
//! The vectors of many words are more than the first cache holds, and words come in no order that a processor could foretell:
//! while one is added, that of a later word is fetched.

#![allow(unsafe_code)]

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{
    __m256d, __m512d, _MM_HINT_T0, _mm_loadu_ps, _mm_prefetch, _mm256_add_pd, _mm256_cvtps_pd, _mm256_loadu_ps,
    _mm256_maskz_loadu_ps, _mm256_mul_pd, _mm256_set1_pd, _mm256_setzero_pd, _mm256_storeu_pd, _mm512_add_pd,
    _mm512_cvtps_pd, _mm512_mask_storeu_pd, _mm512_mul_pd, _mm512_set1_pd, _mm512_setzero_pd, _mm512_storeu_pd,
};

#[cfg(target_arch = "x86_64")]
use std::hint::select_unpredictable;

use crate::store::Span;

/// How sums are made here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lanes {
    Plain,
    #[cfg(target_arch = "x86_64")]
    Avx,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

/// Numbers in a register of AVX, and registers that hold sums at most.
#[cfg(target_arch = "x86_64")]
const WIDTH: usize = 4;
#[cfg(target_arch = "x86_64")]
const NARROW_REGISTERS: usize = 13;

/// Numbers in a register of AVX-512, and registers that hold sums at most.
#[cfg(target_arch = "x86_64")]
const WIDE: usize = 8;
#[cfg(target_arch = "x86_64")]
const REGISTERS: usize = 16;

/// The vector of a word that has none.
#[cfg(target_arch = "x86_64")]
static ZEROS: [f32; REGISTERS * WIDE] = [0.0; REGISTERS * WIDE];

/// Elements in a line of the cache.
#[cfg(target_arch = "x86_64")]
const LINE: usize = 16;

/// How many words further on the word is whose vector is fetched.
#[cfg(target_arch = "x86_64")]
const AHEAD: usize = 4;

impl Lanes {
    /// Returns the widest that this processor has.
    pub(super) fn here() -> Lanes {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vl") {
            return Lanes::Avx512;
        } else if is_x86_feature_detected!("avx") {
            return Lanes::Avx;
        }
        Lanes::Plain
    }
}

/// What is added up.
pub(super) struct Means<'a> {
    pub vectors: &'a [f32],
    /// Elements of a vector.
    pub size: usize,
    /// The place of each word's vector; that of one which has none lies nowhere.
    pub places: &'a [u32],
    /// The words of each row: one at least.
    pub rows: &'a [Span],
}

impl Means<'_> {
    /// Writes the rows' means one behind the other: the sum of a row's vectors, times one through the number of its words. A word
    /// without a vector adds nothing.
    pub(super) fn write(&self, lanes: Lanes, out: &mut [f64]) {
        match lanes {
            Lanes::Plain => self.write_plain(out),
            // SAFETY: `here` alone makes this form, where the processor has AVX.
            #[cfg(target_arch = "x86_64")]
            Lanes::Avx => unsafe { self.write_avx(out) },
            // SAFETY: as above, for AVX-512.
            #[cfg(target_arch = "x86_64")]
            Lanes::Avx512 => unsafe { self.write_avx512(out) },
        }
    }

    /// Returns each row with where its elements from `at` on go.
    #[inline(always)]
    fn each<'o>(&self, at: usize, out: &'o mut [f64]) -> impl Iterator<Item = (Row<'_>, &'o mut [f64])> {
        // Of vectors without elements there is nothing to write.
        let outs = out.chunks_exact_mut(self.size.max(1)).map(move |out| &mut out[at..]);
        self.rows.iter().filter(|_| self.size > 0).zip(outs).map(|(words, out)| {
            let (_, rest) = self.places.split_at(words.start as usize);
            let len = (words.end - words.start) as usize;
            (Row { places: &rest[..len], rest, factor: 1.0 / len as f64 }, out)
        })
    }

    fn write_plain(&self, out: &mut [f64]) {
        for (row, out) in self.each(0, out) {
            out.fill(0.0);
            for &place in row.places {
                let vector = self.vectors.get(place as usize * self.size..).and_then(|rest| rest.get(..self.size));
                let Some(vector) = vector else { continue };
                out.iter_mut().zip(vector).for_each(|(sum, &x)| *sum += f64::from(x));
            }
            out.iter_mut().for_each(|sum| *sum *= row.factor);
        }
    }
}

/// The words of a row.
struct Row<'a> {
    places: &'a [u32],
    /// From the row's first word on, all there are.
    rest: &'a [u32],
    factor: f64,
}

/// Calls the form for so many registers.
#[cfg(target_arch = "x86_64")]
macro_rules! by_registers {
    ($self:ident.$write:ident($count:expr, $at:expr, $out:expr), $($registers:literal)*) => {
        match $count {
            $($registers => $self.$write::<$registers>($at, $out),)*
            _ => unreachable!("a part has one register at least, and no more than there are"),
        }
    };
}

#[cfg(target_arch = "x86_64")]
impl Means<'_> {
    /// Has the elements from `at` on that `R` registers hold fetched of a word that comes after the `i`-th.
    #[inline(always)]
    fn fetch<const R: usize, const NUMBERS: usize>(&self, row: &Row<'_>, i: usize, at: usize) {
        let Some(&place) = row.rest.get(i + AHEAD) else { return };
        // The place of an unknown word lies nowhere, which is no fault.
        let vector = self.vectors.as_ptr().wrapping_add((place as usize).wrapping_mul(self.size).wrapping_add(at));
        for line in 0..(R * NUMBERS).div_ceil(LINE) {
            // SAFETY: nothing is read, and an address where nothing lies is passed over.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(vector.wrapping_add(line * LINE).cast()) };
        }
    }

    /// Returns `len` elements of a vector from `at` on, of which there are so many vectors; zeros where there is no such one: they change no
    /// sum, and which word has no vector is as good as random.
    #[inline(always)]
    fn part(&self, place: u32, at: usize, len: usize, count: usize) -> &[f32] {
        let known = (place as usize) < count;
        let from: &[f32] = select_unpredictable(known, self.vectors, &ZEROS);
        let start = select_unpredictable(known, (place as usize).wrapping_mul(self.size) + at, 0);
        &from[start..start + len]
    }

    /// Takes as many elements at a time as there are registers for, about as many each time.
    #[target_feature(enable = "avx")]
    fn write_avx(&self, out: &mut [f64]) {
        if self.size < WIDTH {
            return self.write_plain(out);
        }
        let mut at = 0;
        while at < self.size {
            let left = (self.size - at).div_ceil(WIDTH);
            let registers = left.div_ceil(left.div_ceil(NARROW_REGISTERS));
            by_registers!(self.write_narrow(registers, at, out), 1 2 3 4 5 6 7 8 9 10 11 12 13);
            at += registers * WIDTH;
        }
    }

    /// Writes the elements from `at` on that `R` registers hold. Where the last of them would not be full, it begins earlier: of some elements
    /// there are two sums then, which are the same.
    #[inline]
    #[target_feature(enable = "avx")]
    #[allow(clippy::needless_range_loop, reason = "of iterators the compiler makes calls here")]
    fn write_narrow<const R: usize>(&self, at: usize, out: &mut [f64]) {
        let end = self.size.min(at + R * WIDTH);
        let (first, len) = if R == 1 { (end - WIDTH, WIDTH) } else { (at, end - at) };
        let count = self.vectors.len() / self.size;
        for (row, out) in self.each(first, out) {
            let mut sums: [__m256d; R] = [_mm256_setzero_pd(); R];
            for (i, &place) in row.places.iter().enumerate() {
                self.fetch::<R, WIDTH>(&row, i, first);
                let vector = self.part(place, first, len, count);
                let (full, _) = vector[..(R - 1) * WIDTH].as_chunks::<WIDTH>();
                let last: &[f32; WIDTH] = vector.last_chunk().expect("a part has a register at least");
                for k in 0..R {
                    let part = if k < R - 1 { &full[k] } else { last };
                    // SAFETY: each part is an array of as many numbers as are read.
                    let part = unsafe { _mm_loadu_ps(part.as_ptr()) };
                    sums[k] = _mm256_add_pd(sums[k], _mm256_cvtps_pd(part));
                }
            }
            let (factor, out) = (_mm256_set1_pd(row.factor), &mut out[..len]);
            for k in 0..R {
                let start = if k < R - 1 { k * WIDTH } else { len - WIDTH };
                let part: &mut [f64; WIDTH] = out[start..].first_chunk_mut().expect("a part has all registers");
                // SAFETY: each part is an array of as many numbers as are written.
                unsafe { _mm256_storeu_pd(part.as_mut_ptr(), _mm256_mul_pd(sums[k], factor)) };
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
impl Means<'_> {
    /// Takes as many elements at a time as there are registers for.
    #[target_feature(enable = "avx512f,avx512vl")]
    fn write_avx512(&self, out: &mut [f64]) {
        let mut at = 0;
        while at < self.size {
            let registers = (self.size - at).div_ceil(WIDE).min(REGISTERS);
            by_registers!(self.write_wide(registers, at, out), 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16);
            at += registers * WIDE;
        }
    }

    /// Writes the elements from `at` on that `R` registers hold, the last of which need not be full.
    #[inline]
    #[target_feature(enable = "avx512f,avx512vl")]
    #[allow(clippy::needless_range_loop, reason = "of iterators the compiler makes calls here")]
    fn write_wide<const R: usize>(&self, at: usize, out: &mut [f64]) {
        let len = (self.size - at).min(R * WIDE);
        let mask = u8::MAX >> (R * WIDE - len);
        let count = self.vectors.len() / self.size;
        for (row, out) in self.each(at, out) {
            let mut sums: [__m512d; R] = [_mm512_setzero_pd(); R];
            for (i, &place) in row.places.iter().enumerate() {
                self.fetch::<R, WIDE>(&row, i, at);
                let (full, rest) = self.part(place, at, len, count).split_at((R - 1) * WIDE);
                let (full, _) = full.as_chunks::<WIDE>();
                for k in 0..R - 1 {
                    // SAFETY: each part is an array of as many numbers as are read.
                    let part = unsafe { _mm256_loadu_ps(full[k].as_ptr()) };
                    sums[k] = _mm512_add_pd(sums[k], _mm512_cvtps_pd(part));
                }
                // SAFETY: the rest is as long as the mask, and nothing else is read.
                let part = unsafe { _mm256_maskz_loadu_ps(mask, rest.as_ptr()) };
                sums[R - 1] = _mm512_add_pd(sums[R - 1], _mm512_cvtps_pd(part));
            }
            let factor = _mm512_set1_pd(row.factor);
            let (full, rest) = out[..len].split_at_mut((R - 1) * WIDE);
            let (full, _) = full.as_chunks_mut::<WIDE>();
            for k in 0..R - 1 {
                // SAFETY: each part is an array of as many numbers as are written.
                unsafe { _mm512_storeu_pd(full[k].as_mut_ptr(), _mm512_mul_pd(sums[k], factor)) };
            }
            // SAFETY: the rest is as long as the mask, and nothing else is written.
            unsafe { _mm512_mask_storeu_pd(rest.as_mut_ptr(), mask, _mm512_mul_pd(sums[R - 1], factor)) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_gives_the_bits_of_plain_sums() {
        let mut state = 7_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f32::from_bits(state & 0xBFFF_FFFF)
        };
        let mut forms = vec![Lanes::Plain, Lanes::here()];
        #[cfg(target_arch = "x86_64")]
        forms.extend(is_x86_feature_detected!("avx").then_some(Lanes::Avx));
        let places = [3, 8, u32::MAX, 0, 8, 5, 2, u32::MAX, 2, 3, 4, 5, 6, 7, 0, 0, 0, 1];
        let rows = [(0, 1), (1, 7), (2, 3), (7, 18), (5, 6)].map(|(start, end)| Span { start, end });
        for size in (0..140).chain([255, 256, 300]) {
            let vectors: Vec<f32> = (0..9 * size).map(|_| next()).collect();
            let means = rows.map(|row| {
                let mut mean = vec![0.0; size];
                let places = &places[row.start as usize..row.end as usize];
                for &place in places.iter().filter(|place| **place != u32::MAX) {
                    let vector = &vectors[place as usize * size..][..size];
                    mean.iter_mut().zip(vector).for_each(|(sum, &x)| *sum += f64::from(x));
                }
                mean.into_iter().map(|sum| (sum * (1.0 / places.len() as f64)).to_bits()).collect::<Vec<u64>>()
            });
            let (means, mine) = (means.concat(), Means { vectors: &vectors, size, places: &places, rows: &rows });
            for &lanes in &forms {
                let mut out = vec![f64::NAN; size * rows.len()];
                mine.write(lanes, &mut out);
                let out: Vec<u64> = out.iter().map(|sum| sum.to_bits()).collect();
                assert_eq!(out, means, "{lanes:?}, {size} elements");
            }
        }
    }
}
