//! Means of vectors of float32, summed up in float64.
//!
//! Each element has a sum of its own, from the first word to the last, so elements can be summed side by side and the bits
//! stay. What the compiler makes of a plain loop shuffles more than it adds, so where the processor has AVX or AVX-512 its
//! instructions are named; that is asked when the model is loaded. With AVX-512 a vector of up to 128 elements is read in one go.
//! The vectors of many words are more than the first cache holds, and words come in no order that a processor could foretell:
//! while a row is summed up, the vectors of the next are fetched.

#![allow(unsafe_code)]

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{
    __m256d, __m512d, _MM_HINT_T0, _mm_loadu_ps, _mm_prefetch, _mm256_add_pd, _mm256_cvtps_pd, _mm256_loadu_ps,
    _mm256_maskz_loadu_ps, _mm256_mul_pd, _mm256_set1_pd, _mm256_setzero_pd, _mm256_storeu_pd, _mm512_add_pd,
    _mm512_cvtps_pd, _mm512_mask_storeu_pd, _mm512_mul_pd, _mm512_set1_pd, _mm512_setzero_pd, _mm512_storeu_pd,
};

/// How sums are made here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lanes {
    Plain,
    #[cfg(target_arch = "x86_64")]
    Avx,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

/// Numbers in a register of AVX.
#[cfg(target_arch = "x86_64")]
const WIDTH: usize = 4;

/// Numbers in a register of AVX-512, and registers that hold sums at most.
#[cfg(target_arch = "x86_64")]
const WIDE: usize = 8;
#[cfg(target_arch = "x86_64")]
const REGISTERS: usize = 16;

/// Elements in a line of the cache.
#[cfg(target_arch = "x86_64")]
const LINE: usize = 16;

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

    /// Writes the sum of the vectors at these places, times the factor; a place where there is none adds nothing. A vector has as
    /// many elements as `out`. Behind the places stand those of what is summed up next.
    #[inline]
    pub(super) fn scaled_sum(self, vectors: &[f32], [places, next]: [&[u32]; 2], factor: f64, out: &mut [f64]) {
        let sums = Sums { vectors, places, next, factor };
        match self {
            Lanes::Plain => sums.write_rest(0, out),
            // SAFETY: `here` alone makes this form, where the processor has AVX.
            #[cfg(target_arch = "x86_64")]
            Lanes::Avx => unsafe { sums.write_avx(out) },
            // SAFETY: as above, for AVX-512.
            #[cfg(target_arch = "x86_64")]
            Lanes::Avx512 => unsafe { sums.write_avx512(out) },
        }
    }
}

struct Sums<'a> {
    vectors: &'a [f32],
    places: &'a [u32],
    next: &'a [u32],
    factor: f64,
}

impl Sums<'_> {
    /// Returns `len` elements of a vector from `at` on; nothing where there is no such vector.
    #[inline(always)]
    fn part(&self, place: u32, size: usize, at: usize, len: usize) -> Option<&[f32]> {
        self.vectors.get(place as usize * size + at..)?.get(..len)
    }

    /// Writes the elements from `at` on.
    fn write_rest(&self, at: usize, out: &mut [f64]) {
        let size = out.len();
        let out = &mut out[at..];
        out.fill(0.0);
        for &place in self.places {
            let Some(vector) = self.part(place, size, at, size - at) else { continue };
            out.iter_mut().zip(vector).for_each(|(sum, &x)| *sum += f64::from(x));
        }
        out.iter_mut().for_each(|sum| *sum *= self.factor);
    }
}

#[cfg(target_arch = "x86_64")]
impl Sums<'_> {
    /// Has the elements from `at` on that `R` registers hold fetched of the `i`-th of the next vectors.
    #[inline(always)]
    fn fetch<const R: usize, const NUMBERS: usize>(&self, i: usize, at: usize, size: usize) {
        let Some(&place) = self.next.get(i) else { return };
        // The place of an unknown word lies nowhere, which is no fault.
        let vector = self.vectors.as_ptr().wrapping_add((place as usize).wrapping_mul(size).wrapping_add(at));
        for line in 0..(R * NUMBERS).div_ceil(LINE) {
            // SAFETY: nothing is read, and an address where nothing lies is passed over.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(vector.wrapping_add(line * LINE).cast()) };
        }
    }

    /// Takes as many elements at a time as there are registers for, then fewer.
    #[target_feature(enable = "avx")]
    fn write_avx(&self, out: &mut [f64]) {
        let (size, mut at) = (out.len(), 0);
        while at + 12 * WIDTH <= size {
            self.write_registers::<12>(at, out);
            at += 12 * WIDTH;
        }
        while at + 4 * WIDTH <= size {
            self.write_registers::<4>(at, out);
            at += 4 * WIDTH;
        }
        while at + WIDTH <= size {
            self.write_registers::<1>(at, out);
            at += WIDTH;
        }
        if at < size {
            self.write_rest(at, out);
        }
    }

    /// Writes the elements from `at` on that `R` registers hold.
    #[target_feature(enable = "avx")]
    #[allow(clippy::needless_range_loop, reason = "of iterators the compiler makes calls here")]
    fn write_registers<const R: usize>(&self, at: usize, out: &mut [f64]) {
        let mut sums: [__m256d; R] = [_mm256_setzero_pd(); R];
        for (i, &place) in self.places.iter().enumerate() {
            self.fetch::<R, WIDTH>(i, at, out.len());
            let Some(vector) = self.part(place, out.len(), at, R * WIDTH) else { continue };
            let (vector, _) = vector.as_chunks::<WIDTH>();
            for k in 0..R {
                // SAFETY: each part is an array of as many numbers as are read.
                let part = unsafe { _mm_loadu_ps(vector[k].as_ptr()) };
                sums[k] = _mm256_add_pd(sums[k], _mm256_cvtps_pd(part));
            }
        }
        let factor = _mm256_set1_pd(self.factor);
        let (out, _) = out[at..][..R * WIDTH].as_chunks_mut::<WIDTH>();
        for k in 0..R {
            // SAFETY: each part is an array of as many numbers as are written.
            unsafe { _mm256_storeu_pd(out[k].as_mut_ptr(), _mm256_mul_pd(sums[k], factor)) };
        }
    }
}

#[cfg(target_arch = "x86_64")]
impl Sums<'_> {
    /// Takes as many elements at a time as there are registers for.
    #[target_feature(enable = "avx512f,avx512vl")]
    fn write_avx512(&self, out: &mut [f64]) {
        macro_rules! by_registers {
            ($count:expr, $at:expr, $($registers:literal)*) => {
                match $count {
                    $($registers => self.write_wide::<$registers>($at, out),)*
                    _ => unreachable!("a part has from 1 to 16 registers"),
                }
            };
        }
        let (size, mut at) = (out.len(), 0);
        while at < size {
            let registers = (size - at).div_ceil(WIDE).min(REGISTERS);
            by_registers!(registers, at, 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16);
            at += registers * WIDE;
        }
    }

    /// Writes the elements from `at` on that `R` registers hold, the last of which need not be full.
    #[inline]
    #[target_feature(enable = "avx512f,avx512vl")]
    #[allow(clippy::needless_range_loop, reason = "of iterators the compiler makes calls here")]
    fn write_wide<const R: usize>(&self, at: usize, out: &mut [f64]) {
        let size = out.len();
        let out = &mut out[at..];
        let len = out.len().min(R * WIDE);
        let last = len - (R - 1) * WIDE;
        let mask = u8::MAX >> (WIDE - last);
        let mut sums: [__m512d; R] = [_mm512_setzero_pd(); R];
        for (i, &place) in self.places.iter().enumerate() {
            self.fetch::<R, WIDE>(i, at, size);
            let Some(vector) = self.part(place, size, at, len) else { continue };
            let (full, rest) = vector.split_at((R - 1) * WIDE);
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
        let factor = _mm512_set1_pd(self.factor);
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
        for size in (0..140).chain([255, 256, 300]) {
            let vectors: Vec<f32> = (0..9 * size).map(|_| next()).collect();
            for places in [&[][..], &[3], &[8, u32::MAX, 0, 8, 5, 2], &[u32::MAX, 2, 3, 4, 5, 6, 7, 0, 0, 0, 1]] {
                let mut expected = vec![0.0; size];
                for &place in places.iter().filter(|place| **place != u32::MAX) {
                    let vector = &vectors[place as usize * size..][..size];
                    expected.iter_mut().zip(vector).for_each(|(sum, &x)| *sum += f64::from(x));
                }
                let expected: Vec<u64> = expected.iter().map(|sum| (sum * 0.3).to_bits()).collect();
                for &lanes in &forms {
                    let mut out = vec![f64::NAN; size];
                    lanes.scaled_sum(&vectors, [places, &[7, u32::MAX, 0]], 0.3, &mut out);
                    let out: Vec<u64> = out.iter().map(|sum| sum.to_bits()).collect();
                    assert_eq!(out, expected, "{lanes:?}, {size} elements, {} words", places.len());
                }
            }
        }
    }
}
