//! What is written for one kind of processor. Each function here does what the plain one of its name does, bit for bit.
//!
//! [`Isa::best`] asks the processor once, when a kernel is made; functions for AVX-512 are called where that said so. Indices
//! are not checked in them: what they rely on is asserted where the tables are made, and where lengths come in.
#![allow(unsafe_code)]

#[cfg(target_arch = "x86_64")]
mod asks;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod search;

use super::{
    bits::{self, Asks, BLOCK_ROWS, LANES},
    circuit::{Circuits, Page},
    codes::Codes,
    keys,
    normal::{Column, Rules},
    ranks::{CODES, Part, Ranks, Way},
};

/// What the processor has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isa {
    Portable,
    Avx2,
    /// AVX-512 with BW, DQ and VL.
    Avx512,
    /// The same with VBMI.
    Avx512Vbmi,
}

impl Isa {
    /// Returns the best that there is here.
    pub fn best() -> Isa {
        Isa::all().last().copied().unwrap_or(Isa::Portable)
    }

    /// Returns all that there are here, the best last.
    pub fn all() -> Vec<Isa> {
        #[cfg(target_arch = "x86_64")]
        {
            let avx2 = is_x86_feature_detected!("avx2");
            let avx512 = avx2
                && is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("popcnt")
                && is_x86_feature_detected!("bmi1")
                && is_x86_feature_detected!("bmi2");
            let vbmi = avx512 && is_x86_feature_detected!("avx512vbmi");
            let has = [(Isa::Portable, true), (Isa::Avx2, avx2), (Isa::Avx512, avx512), (Isa::Avx512Vbmi, vbmi)];
            has.into_iter().filter(|(_, has)| *has).map(|(isa, _)| isa).collect()
        }
        #[cfg(not(target_arch = "x86_64"))]
        vec![Isa::Portable]
    }
}

/// Finds what tests say of a block, see [`Asks::fill`].
pub fn fill(isa: Isa, asks: &Asks, ranks: &[u8], words: &mut [u64], lanes: usize) {
    match isa {
        // SAFETY: the processor has what the function is compiled for, as `Isa::all` found.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 | Isa::Avx512Vbmi => unsafe { asks::fill(asks, ranks, words, lanes) },
        // SAFETY: as before.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => unsafe { avx2::fill(asks, ranks, words, lanes) },
        _ => fill_plain(asks, ranks, words, lanes),
    }
}

#[inline(always)]
fn fill_plain(asks: &Asks, ranks: &[u8], words: &mut [u64], lanes: usize) {
    match lanes / LANES {
        1 => asks.fill::<1>(ranks, words.as_chunks_mut().0, bits::numbers, bits::halves),
        2 => asks.fill::<2>(ranks, words.as_chunks_mut().0, bits::numbers, bits::halves),
        4 => asks.fill::<4>(ranks, words.as_chunks_mut().0, bits::numbers, bits::halves),
        _ => asks.fill::<8>(ranks, words.as_chunks_mut().0, bits::numbers, bits::halves),
    }
}

/// Finds the numbers of a page's exits that rows take, from what tests say.
pub fn numbers(
    isa: Isa,
    circuits: &Circuits,
    page: &Page,
    words: &mut [u64],
    lanes: usize,
    numbers: &mut [u8; BLOCK_ROWS],
) {
    match isa {
        // SAFETY: the processor has what the function is compiled for, as `Isa::all` found.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 | Isa::Avx512Vbmi => unsafe { x86::numbers_avx512(circuits, page, words, lanes, numbers) },
        // SAFETY: as before.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => unsafe { x86::numbers_avx2(circuits, page, words, lanes, numbers) },
        _ => numbers_plain(circuits, page, words, lanes, numbers),
    }
}

#[inline(always)]
fn numbers_plain(circuits: &Circuits, page: &Page, words: &mut [u64], lanes: usize, numbers: &mut [u8; BLOCK_ROWS]) {
    match lanes / LANES {
        1 => numbers_of::<1>(circuits, page, words, numbers),
        2 => numbers_of::<2>(circuits, page, words, numbers),
        4 => numbers_of::<4>(circuits, page, words, numbers),
        _ => numbers_of::<8>(circuits, page, words, numbers),
    }
}

#[inline(always)]
fn numbers_of<const W: usize>(circuits: &Circuits, page: &Page, words: &mut [u64], numbers: &mut [u8; BLOCK_ROWS]) {
    let words = words.as_chunks_mut::<W>().0;
    circuits.run(page, words);
    circuits.numbers(page, words, numbers);
}

/// Sets the leaf of each row whose leaf is `from` (of all, where that is nothing) to that of its exit.
pub fn take_exits(isa: Isa, of: &[u32], exits: &[u8], leaves: &mut [u32], from: Option<u32>) {
    assert_eq!(exits.len(), leaves.len(), "a leaf for each row");
    match isa {
        // SAFETY: the processor has what the function is compiled for, as `Isa::all` found.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 | Isa::Avx512Vbmi => unsafe { x86::take_exits_avx512(of, exits, leaves, from) },
        _ => {
            for (leaf, exit) in leaves.iter_mut().zip(exits) {
                let taken = of[*exit as usize];
                *leaf = if from.is_none_or(|from| *leaf == from) { taken } else { *leaf };
            }
        }
    }
}

/// Returns the float32 that stand in the room of as many float64.
pub fn singles(sums: &mut [f64]) -> &mut [f32] {
    // SAFETY: there is twice the room, for as long as the borrow lasts; any bits are a float32 and a float64.
    unsafe { std::slice::from_raw_parts_mut(sums.as_mut_ptr().cast(), sums.len()) }
}

/// Adds to each row's sums the values of its leaf, `width` each; sums stand one after the other, each of all rows. Where `to_f32`, they are
/// [`singles`].
pub fn add_leaves(isa: Isa, values: &[f64], width: usize, leaves: &[u32], sums: &mut [f64], to_f32: bool) {
    assert_eq!(leaves.len() * width, sums.len(), "sums for each row");
    match isa {
        // SAFETY: the processor has what the function is compiled for, as `Isa::all` found.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 | Isa::Avx512Vbmi => unsafe { x86::add_leaves_avx512(values, width, leaves, sums, to_f32) },
        _ => {
            for (k, sums) in sums.chunks_exact_mut(leaves.len()).enumerate() {
                let values = leaves.iter().map(|leaf| values[*leaf as usize * width + k]);
                match to_f32 {
                    true => singles(sums).iter_mut().zip(values).for_each(|(sum, value)| *sum += value as f32),
                    false => sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value),
                }
            }
        }
    }
}

/// Values that there are at least from the first of an exit on, so that registers may be filled.
pub const VALUES_ROOM: usize = 64;

/// Adds to each row's sum the value of its exit, of a table of `count`.
#[allow(clippy::needless_range_loop)]
pub fn add_exits(isa: Isa, values: &[f64], count: usize, exits: &[u8], sums: &mut [f64]) {
    assert_eq!(exits.len(), sums.len(), "a sum for each row");
    match isa {
        // SAFETY: the processor has what the function is compiled for, as `Isa::all` found.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 | Isa::Avx512Vbmi => unsafe { x86::add_exits_avx512(values, count, exits, sums) },
        _ => {
            let values = &values[..count];
            for i in 0..sums.len() {
                sums[i] += values[exits[i] as usize];
            }
        }
    }
}

/// The same in float32.
#[allow(clippy::needless_range_loop)]
pub fn add_exits_f32(isa: Isa, values: &[f32], count: usize, exits: &[u8], sums: &mut [f32]) {
    assert_eq!(exits.len(), sums.len(), "a sum for each row");
    match isa {
        // SAFETY: the processor has what the function is compiled for, as `Isa::all` found.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 | Isa::Avx512Vbmi => unsafe { x86::add_exits_f32_avx512(values, count, exits, sums) },
        _ => {
            let values = &values[..count];
            for i in 0..sums.len() {
                sums[i] += values[exits[i] as usize];
            }
        }
    }
}

/// Writes the bytes of a lone row, see [`Ranks::of_row`].
pub fn of_row(isa: Isa, ranks: &Ranks, x: &[f64], out: &mut [u8]) {
    match isa {
        // SAFETY: the processor has what the function is compiled for, as `Isa::all` found.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 | Isa::Avx512Vbmi => unsafe { x86::of_row_avx512(ranks, x, out) },
        _ => ranks.of_row(x, out, |part, x| ranks.rank(part, x)),
    }
}

/// Writes the ranks in a part for many rows, see [`Ranks::ranks`].
pub fn ranks(isa: Isa, ranks: &Ranks, part: &Part, ways: &[Way], x: &[f64], out: &mut [u8]) {
    assert_eq!(x.len() * ways.len(), out.len(), "a byte for each row and way");
    match isa {
        // SAFETY: the processor has what the function is compiled for, as `Isa::all` found.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 | Isa::Avx512Vbmi => unsafe { search::ranks(ranks, part, ways, x, out) },
        // SAFETY: as before.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => unsafe { avx2::ranks(ranks, part, ways, x, out) },
        _ => ranks.ranks(part, ways, x, out),
    }
}

/// Writes the keys of a column for many rows, see [`keys::keys`].
pub fn keys(isa: Isa, missing: i32, zero_max: f64, x: &[f64], out: &mut [i32]) {
    match isa {
        // SAFETY: the processor has what the function is compiled for, as `Isa::all` found.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 | Isa::Avx512Vbmi => unsafe { x86::keys_avx512(missing, zero_max, x, out) },
        _ => keys::keys(missing, zero_max, x, out),
    }
}

/// Writes the codes of a column for many rows, see [`Codes::of_block`].
pub fn codes(isa: Isa, codes: &Codes, rules: &Rules, column: &Column, x: &[f64], out: &mut [u8]) {
    match isa {
        // SAFETY: the processor has what the function is compiled for, as `Isa::all` found.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 | Isa::Avx512Vbmi => unsafe { x86::codes_avx512(codes, rules, column, x, out) },
        _ => codes.of_block(rules, column, x, out),
    }
}

/// Looks the codes up in a table.
pub fn sides(isa: Isa, table: &[u8; CODES], codes: &[u8; LANES], out: &mut [u8; LANES]) {
    match isa {
        // SAFETY: the processor has what the function is compiled for, as `Isa::all` found.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512Vbmi => unsafe { x86::sides_vbmi(table, codes, out) },
        // SAFETY: as before.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => unsafe { x86::sides_avx512(table, codes, out) },
        // SAFETY: as before.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => unsafe { avx2::sides(table, codes, out) },
        _ => out.iter_mut().zip(codes).for_each(|(out, code)| *out = table[*code as usize % CODES]),
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::super::{
        bits::{BLOCK_ROWS, LANES},
        circuit::{Circuits, PLANES, Page},
        codes::Codes,
        keys,
        normal::{Column, Rules},
        ranks::{CODES, Eight, LARGE, Ranks, SMALL},
    };
    use super::{VALUES_ROOM, avx2};

    #[target_feature(enable = "avx2")]
    pub fn numbers_avx2(
        circuits: &Circuits,
        page: &Page,
        words: &mut [u64],
        lanes: usize,
        numbers: &mut [u8; BLOCK_ROWS],
    ) {
        match lanes / LANES {
            1 => of_avx2::<1>(circuits, page, words, numbers),
            2 => of_avx2::<2>(circuits, page, words, numbers),
            4 => of_avx2::<4>(circuits, page, words, numbers),
            _ => of_avx2::<8>(circuits, page, words, numbers),
        }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn of_avx2<const W: usize>(circuits: &Circuits, page: &Page, words: &mut [u64], numbers: &mut [u8; BLOCK_ROWS]) {
        let words = words.as_chunks_mut::<W>().0;
        circuits.run(page, words);
        let (mut of, planes) = ([[0; W]; PLANES], circuits.planes(page, words));
        planes.zip(&mut of).for_each(|(plane, of)| *of = *plane);
        for (half, numbers) in numbers.as_chunks_mut::<32>().0[..2 * W].iter_mut().enumerate() {
            let mut number = _mm256_setzero_si256();
            for plane in of[..page.bits].iter().rev() {
                let is_set = avx2::is_set((plane[half / 2] >> (half % 2 * 32)) as u32);
                number = _mm256_sub_epi8(_mm256_add_epi8(number, number), is_set);
            }
            // SAFETY: 32 bytes are stored of 32.
            unsafe { _mm256_storeu_si256(numbers.as_mut_ptr().cast(), number) };
        }
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512vl")]
    pub fn numbers_avx512(
        circuits: &Circuits,
        page: &Page,
        words: &mut [u64],
        lanes: usize,
        numbers: &mut [u8; BLOCK_ROWS],
    ) {
        match lanes / LANES {
            1 => of_avx512::<1>(circuits, page, words, numbers),
            2 => of_avx512::<2>(circuits, page, words, numbers),
            4 => of_avx512::<4>(circuits, page, words, numbers),
            _ => of_avx512::<8>(circuits, page, words, numbers),
        }
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl")]
    fn of_avx512<const W: usize>(circuits: &Circuits, page: &Page, words: &mut [u64], numbers: &mut [u8; BLOCK_ROWS]) {
        let words = words.as_chunks_mut::<W>().0;
        circuits.run(page, words);
        let planes = circuits.planes(page, words);
        let bits: [__m512i; PLANES] = std::array::from_fn(|bit| _mm512_set1_epi8((1u8 << bit) as i8));
        for (w, numbers) in numbers.as_chunks_mut::<LANES>().0[..W].iter_mut().enumerate() {
            let mut number = _mm512_setzero_si512();
            for (plane, bit) in planes.clone().zip(bits) {
                number = _mm512_mask_add_epi8(number, plane[w], number, bit);
            }
            // SAFETY: a chunk is as many bytes as a register.
            unsafe { _mm512_storeu_si512(numbers.as_mut_ptr().cast(), number) };
        }
    }

    /// Exits are below `count`: the numbers of a page's exits have so many bits.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl")]
    pub fn add_exits_avx512(values: &[f64], count: usize, exits: &[u8], sums: &mut [f64]) {
        let (exits, _) = exits.as_chunks::<8>();
        let (sums, rest) = sums.as_chunks_mut::<8>();
        assert!(rest.is_empty() && values.len() >= count.max(VALUES_ROOM), "whole lanes, and room behind values");
        let half = _mm512_set1_epi64(16);
        // SAFETY: eight numbers are loaded of 64.
        let table: [__m512d; 4] = std::array::from_fn(|i| unsafe { _mm512_loadu_pd(values.as_ptr().add(8 * i)) });
        for (exits, sums) in exits.iter().zip(sums) {
            debug_assert!(exits.iter().all(|exit| (*exit as usize) < count));
            // SAFETY: eight bytes are loaded of eight, eight numbers of eight; the exits index the values, see above.
            unsafe {
                let at = _mm512_cvtepu8_epi64(_mm_loadl_epi64(exits.as_ptr().cast()));
                let value = if count <= 32 {
                    let low = _mm512_permutex2var_pd(table[0], at, table[1]);
                    let high = _mm512_permutex2var_pd(table[2], at, table[3]);
                    _mm512_mask_mov_pd(low, _mm512_test_epi64_mask(at, half), high)
                } else {
                    _mm512_i64gather_pd::<8>(at, values.as_ptr())
                };
                _mm512_storeu_pd(sums.as_mut_ptr(), _mm512_add_pd(_mm512_loadu_pd(sums.as_ptr()), value));
            }
        }
    }

    /// See [`add_exits_avx512`].
    #[target_feature(enable = "avx512f,avx512bw,avx512vl")]
    pub fn add_exits_f32_avx512(values: &[f32], count: usize, exits: &[u8], sums: &mut [f32]) {
        let (exits, _) = exits.as_chunks::<16>();
        let (sums, rest) = sums.as_chunks_mut::<16>();
        assert!(rest.is_empty() && values.len() >= count.max(VALUES_ROOM), "whole lanes, and room behind values");
        let half = _mm512_set1_epi32(32);
        // SAFETY: 16 numbers are loaded of 64.
        let table: [__m512; 4] = std::array::from_fn(|i| unsafe { _mm512_loadu_ps(values.as_ptr().add(16 * i)) });
        for (exits, sums) in exits.iter().zip(sums) {
            debug_assert!(exits.iter().all(|exit| (*exit as usize) < count));
            // SAFETY: 16 bytes are loaded of 16, 16 numbers of 16; the exits index the values, see above.
            unsafe {
                let at = _mm512_cvtepu8_epi32(_mm_loadu_si128(exits.as_ptr().cast()));
                let value = if count <= 64 {
                    let low = _mm512_permutex2var_ps(table[0], at, table[1]);
                    let high = _mm512_permutex2var_ps(table[2], at, table[3]);
                    _mm512_mask_mov_ps(low, _mm512_test_epi32_mask(at, half), high)
                } else {
                    _mm512_i32gather_ps::<4>(at, values.as_ptr())
                };
                _mm512_storeu_ps(sums.as_mut_ptr(), _mm512_add_ps(_mm512_loadu_ps(sums.as_ptr()), value));
            }
        }
    }

    /// Exits are below `of.len()`: the numbers of a page's exits have so many bits.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl")]
    pub fn take_exits_avx512(of: &[u32], exits: &[u8], leaves: &mut [u32], from: Option<u32>) {
        let (leaves, rest) = leaves.as_chunks_mut::<16>();
        assert!(rest.is_empty(), "whole lanes");
        let wanted = _mm512_set1_epi32(from.unwrap_or_default() as i32);
        for (exits, leaves) in exits.as_chunks::<16>().0.iter().zip(leaves) {
            debug_assert!(exits.iter().all(|exit| (*exit as usize) < of.len()));
            // SAFETY: 16 bytes are loaded of 16, 16 numbers loaded and stored of 16; the exits index `of`, see above.
            unsafe {
                let before = _mm512_loadu_si512(leaves.as_ptr().cast());
                let takes = if from.is_some() { _mm512_cmpeq_epi32_mask(before, wanted) } else { u16::MAX };
                let at = _mm512_cvtepu8_epi32(_mm_loadu_si128(exits.as_ptr().cast()));
                let after = _mm512_mask_i32gather_epi32::<4>(before, takes, at, of.as_ptr().cast());
                _mm512_storeu_si512(leaves.as_mut_ptr().cast(), after);
            }
        }
    }

    /// Leaves are those of the forest, as `Tiles::new` asserts, and there are `width` values of each.
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
    pub fn add_leaves_avx512(values: &[f64], width: usize, leaves: &[u32], sums: &mut [f64], to_f32: bool) {
        let rows = leaves.len();
        assert!(rows.is_multiple_of(8) && sums.len() == width * rows, "whole lanes");
        assert!(i32::try_from(values.len()).is_ok(), "places are of four bytes");
        debug_assert!(leaves.iter().all(|leaf| (*leaf as usize + 1) * width <= values.len()));
        let (each, sums) = (_mm256_set1_epi32(width as i32), sums.as_mut_ptr());
        for row in (0..rows).step_by(8) {
            // SAFETY: eight leaves are loaded of so many whole eights, eight sums loaded and stored of as many for each value, or of the float32
            // in the first half of their room; the leaves' values are there, see above.
            unsafe {
                let at = _mm256_mullo_epi32(_mm256_loadu_si256(leaves.as_ptr().add(row).cast()), each);
                for k in 0..width {
                    let value = _mm512_i32gather_pd::<8>(at, values.as_ptr().add(k));
                    if to_f32 {
                        let sums = sums.add(k * rows).cast::<f32>().add(row);
                        _mm256_storeu_ps(sums, _mm256_add_ps(_mm256_loadu_ps(sums), _mm512_cvtpd_ps(value)));
                    } else {
                        let sums = sums.add(k * rows + row);
                        _mm512_storeu_pd(sums, _mm512_add_pd(_mm512_loadu_pd(sums), value));
                    }
                }
            }
        }
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512vl,popcnt")]
    pub fn of_row_avx512(ranks: &Ranks, x: &[f64], out: &mut [u8]) {
        ranks.of_row(x, out, |part, x| rank_avx512(&ranks.sorted[part.sorted..][..part.groups], x));
    }

    /// More places than [`SMALL`] are a [`LARGE`] table.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,popcnt")]
    fn rank_avx512(groups: &[Eight], x: f64) -> u8 {
        let x = _mm512_set1_pd(x);
        if groups.len() <= SMALL / 8 {
            let mut below = 0;
            for group in groups {
                below += below_avx512(group, x);
            }
            return below as u8;
        }
        let groups: &[Eight; LARGE / 8] = groups.try_into().expect("a table is filled up");
        let group = below_avx512(&groups[32], x) + below_avx512(&groups[33], x);
        let first = (group as usize % 16) * 2;
        (group * 16 + below_avx512(&groups[first], x) + below_avx512(&groups[first + 1], x)) as u8
    }

    #[inline]
    #[target_feature(enable = "avx512f,popcnt")]
    fn below_avx512(Eight(thresholds): &Eight, x: __m512d) -> u32 {
        // SAFETY: eight numbers are loaded of eight.
        let thresholds = unsafe { _mm512_loadu_pd(thresholds.as_ptr()) };
        u32::from(_mm512_cmp_pd_mask::<_CMP_LT_OQ>(thresholds, x)).count_ones()
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
    pub fn keys_avx512(missing: i32, zero_max: f64, x: &[f64], out: &mut [i32]) {
        keys::keys(missing, zero_max, x, out);
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
    pub fn codes_avx512(codes: &Codes, rules: &Rules, column: &Column, x: &[f64], out: &mut [u8]) {
        codes.of_block(rules, column, x, out);
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
    pub fn sides_vbmi(table: &[u8; CODES], codes: &[u8; LANES], out: &mut [u8; LANES]) {
        // SAFETY: 64 bytes are loaded and stored of 64.
        unsafe {
            let (table, codes) = (_mm512_loadu_si512(table.as_ptr().cast()), _mm512_loadu_si512(codes.as_ptr().cast()));
            _mm512_storeu_si512(out.as_mut_ptr().cast(), _mm512_permutexvar_epi8(codes, table));
        }
    }

    /// Looks the four lower bits up in each quarter of the table; the two above them say which counts.
    #[target_feature(enable = "avx512f,avx512bw")]
    pub fn sides_avx512(table: &[u8; CODES], codes: &[u8; LANES], out: &mut [u8; LANES]) {
        let (quarters, _) = table.as_chunks::<16>();
        // SAFETY: 64 bytes are loaded and stored of 64, 16 of 16.
        unsafe {
            let codes = _mm512_loadu_si512(codes.as_ptr().cast());
            let low = _mm512_and_si512(codes, _mm512_set1_epi8(0x0f));
            let of = |quarter: usize| {
                let table = _mm512_broadcast_i32x4(_mm_loadu_si128(quarters[quarter].as_ptr().cast()));
                _mm512_shuffle_epi8(table, low)
            };
            let is_odd = _mm512_test_epi8_mask(codes, _mm512_set1_epi8(0x10));
            let is_upper = _mm512_test_epi8_mask(codes, _mm512_set1_epi8(0x20));
            let lower = _mm512_mask_mov_epi8(of(0), is_odd, of(1));
            let upper = _mm512_mask_mov_epi8(of(2), is_odd, of(3));
            _mm512_storeu_si512(out.as_mut_ptr().cast(), _mm512_mask_mov_epi8(lower, is_upper, upper));
        }
    }
}
