//! On which side of the sets of a page rows are: a byte for each set and row, 0 or 255, which nodes then look at as at a rank.
#![allow(unsafe_code)]

use super::{
    codes::{NARROW, Rights},
    dense::{Dense, Page},
    simd::Isa,
};

/// Bytes of a set whose codes are few.
const NARROW_BYTES: usize = NARROW / 8;

/// Writes the sides of a page's sets behind the bytes of the rows, `rows` each.
pub fn fill(isa: Isa, dense: &Dense, page: &Page, ranks: &mut [u8], rows: usize) {
    let (columns, sides) = ranks.split_at_mut(dense.columns * rows);
    let of = &dense.sides[page.sides.start as usize..page.sides.end as usize];
    let sides = of.iter().zip(sides.chunks_exact_mut(rows));
    let sides = sides.map(|(side, out)| (side, &columns[side.column as usize * rows..], out));
    match isa {
        // SAFETY: the processor has what the function is compiled for, as `Isa::all` found.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => unsafe { x86::sides_avx512(sides) },
        // SAFETY: as before.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => unsafe { x86::sides_avx2(sides) },
        _ => sides.for_each(|(side, from, out)| plain(&side.rights, from, out)),
    }
}

fn plain(rights: &Rights, from: &[u8], out: &mut [u8]) {
    let rows = out.len();
    let (places, bits) = (&from[rows..2 * rows], &from[2 * rows..3 * rows]);
    for ((place, bit), out) in places.iter().zip(bits).zip(out) {
        *out = 0u8.wrapping_sub(u8::from(rights[usize::from(*place) % rights.len()] & bit != 0));
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::{super::dense::Side, NARROW_BYTES, Rights};

    #[target_feature(enable = "avx2")]
    pub fn sides_avx2<'a>(sides: impl Iterator<Item = (&'a Side, &'a [u8], &'a mut [u8])>) {
        for (side, from, out) in sides {
            side_avx2(&side.rights, side.is_narrow, from, out);
        }
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi,avx512bitalg")]
    pub fn sides_avx512<'a>(sides: impl Iterator<Item = (&'a Side, &'a [u8], &'a mut [u8])>) {
        for (side, from, out) in sides {
            side_avx512(&side.rights, side.is_narrow, from, out);
        }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn side_avx2(rights: &Rights, is_narrow: bool, from: &[u8], out: &mut [u8]) {
        let rows = out.len();
        let places = from[rows..2 * rows].as_chunks::<32>().0;
        let bits = from[2 * rows..3 * rows].as_chunks::<32>().0;
        // SAFETY: 16 bytes are loaded of 32, twice.
        let halves =
            unsafe { [_mm_loadu_si128(rights.as_ptr().cast()), _mm_loadu_si128(rights[16..].as_ptr().cast())] };
        let [low, high] = halves.map(|half| _mm256_broadcastsi128_si256(half));
        let (to_low, to_high) = (_mm256_set1_epi8(0x70), _mm256_set1_epi8(16));
        for ((place, bit), out) in places.iter().zip(bits).zip(out.as_chunks_mut::<32>().0) {
            // SAFETY: 32 bytes are loaded and stored of 32.
            unsafe {
                let place = _mm256_loadu_si256(place.as_ptr().cast());
                let bit = _mm256_loadu_si256(bit.as_ptr().cast());
                let byte = if is_narrow {
                    _mm256_shuffle_epi8(low, place)
                } else {
                    // A place of the other half has its highest bit, and so gives 0.
                    let low = _mm256_shuffle_epi8(low, _mm256_add_epi8(place, to_low));
                    _mm256_or_si256(low, _mm256_shuffle_epi8(high, _mm256_sub_epi8(place, to_high)))
                };
                let side = _mm256_cmpeq_epi8(_mm256_and_si256(byte, bit), bit);
                _mm256_storeu_si256(out.as_mut_ptr().cast(), side);
            }
        }
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi,avx512bitalg")]
    fn side_avx512(rights: &Rights, is_narrow: bool, from: &[u8], out: &mut [u8]) {
        let rows = out.len();
        if is_narrow {
            let rights = *rights.first_chunk::<NARROW_BYTES>().expect("a set has more bytes");
            let rights = _mm512_set1_epi64(i64::from_ne_bytes(rights));
            for (code, out) in from[..rows].as_chunks::<64>().0.iter().zip(out.as_chunks_mut::<64>().0) {
                // SAFETY: 64 bytes are loaded and stored of 64.
                unsafe {
                    let code = _mm512_loadu_si512(code.as_ptr().cast());
                    let side = _mm512_movm_epi8(_mm512_bitshuffle_epi64_mask(rights, code));
                    _mm512_storeu_si512(out.as_mut_ptr().cast(), side);
                }
            }
            return;
        }
        // SAFETY: 32 bytes are loaded of 32.
        let rights = unsafe { _mm512_broadcast_i64x4(_mm256_loadu_si256(rights.as_ptr().cast())) };
        let places = from[rows..2 * rows].as_chunks::<64>().0;
        let bits = from[2 * rows..3 * rows].as_chunks::<64>().0;
        for ((place, bit), out) in places.iter().zip(bits).zip(out.as_chunks_mut::<64>().0) {
            // SAFETY: as before.
            unsafe {
                let place = _mm512_loadu_si512(place.as_ptr().cast());
                let bit = _mm512_loadu_si512(bit.as_ptr().cast());
                let is_right = _mm512_test_epi8_mask(_mm512_permutexvar_epi8(place, rights), bit);
                _mm512_storeu_si512(out.as_mut_ptr().cast(), _mm512_movm_epi8(is_right));
            }
        }
    }
}
