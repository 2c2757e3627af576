//! The answers of all nodes of a tree, by AVX-512: see [`super::answers`].
#![allow(unsafe_code)]

use super::answers::{Answers, Heaps, Pairs};

/// Rows whose bytes are given.
#[derive(Clone, Copy)]
pub struct Asking<'a> {
    pub ranks: &'a [u8],
    /// Bytes of a row.
    pub room: usize,
    pub rows: usize,
    /// Of each row the answers that [`apart`] found.
    pub apart: &'a [u64],
}

/// A leaf's value as it is added.
pub trait Value: Copy {
    fn of(sum: f64) -> Self;
    fn plus(self, value: Self) -> Self;
    fn wide(self) -> f64;
}

impl Value for f64 {
    #[inline(always)]
    fn of(sum: f64) -> f64 {
        sum
    }

    #[inline(always)]
    fn plus(self, value: f64) -> f64 {
        self + value
    }

    #[inline(always)]
    fn wide(self) -> f64 {
        self
    }
}

impl Value for f32 {
    #[inline(always)]
    fn of(sum: f64) -> f32 {
        sum as f32
    }

    #[inline(always)]
    fn plus(self, value: f32) -> f32 {
        self + value
    }

    #[inline(always)]
    fn wide(self) -> f64 {
        f64::from(self)
    }
}

/// Finds the answers of rows' nodes that are not compared: a word for each row and table, or none at all.
pub fn apart(answers: &Answers, ranks: &[u8], room: usize, out: &mut Vec<u64>) {
    out.clear();
    if !answers.has_apart() {
        return;
    }
    out.resize(ranks.len() / room * answers.count, 0);
    for (ranks, out) in ranks.chunks_exact(room).zip(out.chunks_exact_mut(answers.count)) {
        // SAFETY: answers are made where `Isa::Avx512Vbmi` was found.
        #[cfg(target_arch = "x86_64")]
        unsafe {
            x86::apart(answers, ranks, out)
        }
        #[cfg(not(target_arch = "x86_64"))]
        answers.apart(ranks, out);
    }
}

/// Finds the leaves that rows reach; those of row `i` begin at `places[i]`, so many as the forest has trees.
pub fn leaves(
    answers: &Answers,
    pairs: &Pairs<u32>,
    heaps: &Heaps<u32>,
    asking: Asking<'_>,
    places: &[usize],
    leaves: &mut [u32],
) {
    assert_eq!(asking.rows, places.len(), "a place for each row");
    // SAFETY: answers are made where `Isa::Avx512Vbmi` was found.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        x86::of_pairs(answers, pairs, asking, |row, tree, leaf| leaves[places[row] + tree as usize] = leaf);
        x86::of_heaps(answers, heaps, asking, |row, tree, leaf| leaves[places[row] + tree as usize] = leaf);
    }
    #[cfg(not(target_arch = "x86_64"))]
    unreachable!("answers are asked for where there is AVX-512")
}

/// Adds the values of the leaves that rows reach to their sums, which stand one after the other.
pub fn add_pairs<V: Value>(answers: &Answers, pairs: &Pairs<V>, asking: Asking<'_>, sums: &mut [f64]) {
    assert_eq!(asking.rows, sums.len(), "a sum for each row");
    // SAFETY: as before.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        x86::add_pairs(answers, pairs, asking, sums)
    }
    #[cfg(not(target_arch = "x86_64"))]
    unreachable!("answers are asked for where there is AVX-512")
}

/// Adds the values of the leaves that rows reach to their sums, which stand one after the other.
pub fn add_heaps<V: Value>(answers: &Answers, heaps: &Heaps<V>, asking: Asking<'_>, sums: &mut [f64]) {
    assert_eq!(asking.rows, sums.len(), "a sum for each row");
    // SAFETY: as before.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        x86::add_heaps(answers, heaps, asking, sums)
    }
    #[cfg(not(target_arch = "x86_64"))]
    unreachable!("answers are asked for where there is AVX-512")
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::{super::answers::Questions, *};

    /// Rows whose sums are kept together.
    const ROWS: usize = 16;

    #[target_feature(enable = "avx512f,avx512bw,avx512vl")]
    pub fn apart(answers: &Answers, ranks: &[u8], out: &mut [u64]) {
        answers.apart(ranks, out);
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi,bmi1,bmi2")]
    pub fn of_pairs(answers: &Answers, pairs: &Pairs<u32>, asking: Asking<'_>, mut put: impl FnMut(usize, u32, u32)) {
        match answers.quarters {
            1 => each_pair::<u32, 1, 0>(answers, pairs, asking, &mut put),
            2 => each_pair::<u32, 2, 0>(answers, pairs, asking, &mut put),
            _ => each_pair::<u32, 4, 0>(answers, pairs, asking, &mut put),
        }
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi,bmi1,bmi2")]
    pub fn of_heaps(answers: &Answers, heaps: &Heaps<u32>, asking: Asking<'_>, mut put: impl FnMut(usize, u32, u32)) {
        match answers.quarters {
            1 => each_heap::<u32, 1, 0>(answers, heaps, asking, &mut put),
            2 => each_heap::<u32, 2, 0>(answers, heaps, asking, &mut put),
            _ => each_heap::<u32, 4, 0>(answers, heaps, asking, &mut put),
        }
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi,bmi1,bmi2")]
    pub fn add_pairs<V: Value>(answers: &Answers, pairs: &Pairs<V>, asking: Asking<'_>, sums: &mut [f64]) {
        if let [sum] = sums {
            let mut total = V::of(*sum);
            let mut add = |_: usize, _: u32, value: V| total = total.plus(value);
            match answers.quarters {
                1 => each_pair::<V, 1, 1>(answers, pairs, asking, &mut add),
                2 => each_pair::<V, 2, 1>(answers, pairs, asking, &mut add),
                _ => each_pair::<V, 4, 1>(answers, pairs, asking, &mut add),
            }
            *sum = total.wide();
            return;
        }
        let mut totals = totals::<V>(sums);
        let mut add = |row: usize, _: u32, value: V| totals[row % ROWS] = totals[row % ROWS].plus(value);
        match answers.quarters {
            1 => each_pair::<V, 1, 0>(answers, pairs, asking, &mut add),
            2 => each_pair::<V, 2, 0>(answers, pairs, asking, &mut add),
            _ => each_pair::<V, 4, 0>(answers, pairs, asking, &mut add),
        }
        sums.iter_mut().zip(totals).for_each(|(sum, total)| *sum = total.wide());
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi,bmi1,bmi2")]
    pub fn add_heaps<V: Value>(answers: &Answers, heaps: &Heaps<V>, asking: Asking<'_>, sums: &mut [f64]) {
        if let [sum] = sums {
            let mut total = V::of(*sum);
            let mut add = |_: usize, _: u32, value: V| total = total.plus(value);
            match answers.quarters {
                1 => each_heap::<V, 1, 1>(answers, heaps, asking, &mut add),
                2 => each_heap::<V, 2, 1>(answers, heaps, asking, &mut add),
                _ => each_heap::<V, 4, 1>(answers, heaps, asking, &mut add),
            }
            *sum = total.wide();
            return;
        }
        let mut totals = totals::<V>(sums);
        let mut add = |row: usize, _: u32, value: V| totals[row % ROWS] = totals[row % ROWS].plus(value);
        match answers.quarters {
            1 => each_heap::<V, 1, 0>(answers, heaps, asking, &mut add),
            2 => each_heap::<V, 2, 0>(answers, heaps, asking, &mut add),
            _ => each_heap::<V, 4, 0>(answers, heaps, asking, &mut add),
        }
        sums.iter_mut().zip(totals).for_each(|(sum, total)| *sum = total.wide());
    }

    fn totals<V: Value>(sums: &[f64]) -> [V; ROWS] {
        assert!(sums.len() <= ROWS, "so many rows at most");
        std::array::from_fn(|i| V::of(sums.get(i).copied().unwrap_or(0.0)))
    }

    /// Finds what tables have of the leaves that rows reach: trees in order, of each all rows; `COUNT` of them, where that is not 0.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi,bmi1,bmi2")]
    fn each_pair<L: Copy, const QUARTERS: usize, const COUNT: usize>(
        answers: &Answers,
        pairs: &Pairs<L>,
        Asking { ranks, room, rows, apart }: Asking<'_>,
        put: &mut impl FnMut(usize, u32, L),
    ) {
        let rows = if COUNT == 0 { rows } else { COUNT };
        let below = [load(&BELOW[..16]), load(&BELOW[16..])];
        assert!(
            pairs.leaves.len() == pairs.tables.len() && pairs.trees.len() == pairs.tables.len(),
            "tables have leaves and trees"
        );
        let alone = row_of::<QUARTERS>(ranks);
        let tables = pairs.tables.iter().zip(&pairs.leaves).zip(&pairs.trees);
        for (number, ((pair, leaves), (first_tree, second_tree))) in tables.enumerate() {
            let paths = &pair.paths;
            let first = [load(&paths[..16]), load(&paths[16..32])];
            let second = [load(&paths[32..48]), load(&paths[48..])];
            for row in 0..rows {
                let of_row = if COUNT == 1 { alone } else { row_of::<QUARTERS>(&ranks[row * room..][..room]) };
                let apart = apart.get(row * answers.count + pairs.first + number).copied().unwrap_or(0);
                let bits = ask(&pair.questions, of_row) | apart;
                put(row, *first_tree, leaves.0[reached(bits as u32, below, first)]);
                if let Some(tree) = second_tree {
                    put(row, *tree, leaves.0[32 + reached((bits >> 32) as u32, below, second)]);
                }
            }
        }
    }

    /// Returns the leaf whose path the answers satisfy.
    #[inline]
    #[target_feature(enable = "avx512f,bmi1")]
    fn reached(bits: u32, below: [__m512i; 2], paths: [__m512i; 2]) -> usize {
        let bits = _mm512_set1_epi32(bits as i32);
        let low = _mm512_testn_epi32_mask(_mm512_xor_si512(bits, below[0]), paths[0]);
        let high = _mm512_testn_epi32_mask(_mm512_xor_si512(bits, below[1]), paths[1]);
        (u32::from(low) | u32::from(high) << 16).trailing_zeros() as usize % 32
    }

    /// See [`each_pair`].
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi,bmi1,bmi2")]
    fn each_heap<L: Copy, const QUARTERS: usize, const COUNT: usize>(
        answers: &Answers,
        heaps: &Heaps<L>,
        Asking { ranks, room, rows, apart }: Asking<'_>,
        put: &mut impl FnMut(usize, u32, L),
    ) {
        let rows = if COUNT == 0 { rows } else { COUNT };
        assert!(
            heaps.leaves.len() == heaps.tables.len() && heaps.trees.len() == heaps.tables.len(),
            "tables have leaves and trees"
        );
        let alone = row_of::<QUARTERS>(ranks);
        let tables = heaps.tables.iter().zip(&heaps.leaves).zip(&heaps.trees);
        for (number, ((questions, leaves), (tree, _))) in tables.enumerate() {
            for row in 0..rows {
                let of_row = if COUNT == 1 { alone } else { row_of::<QUARTERS>(&ranks[row * room..][..room]) };
                let apart = apart.get(row * answers.count + heaps.first + number).copied().unwrap_or(0);
                let bits = ask(questions, of_row) | apart;
                put(row, *tree, leaves.0[descended(bits) % 64]);
            }
        }
    }

    /// Returns where the answers lead in six levels.
    #[inline]
    fn descended(bits: u64) -> usize {
        let first = bits as usize % 128;
        let rest = (bits >> (SUBTREE[first] % 64)) as usize % 128;
        usize::from(STEPS[first]) * 8 + usize::from(STEPS[rest])
    }

    /// Of the answers of three levels: where they lead.
    const STEPS: [u8; 128] = {
        let mut steps = [0; 128];
        let mut bits = 0;
        while bits < 128 {
            let mut at = 1;
            while at < 8 {
                at = at * 2 + (bits >> (at - 1) & 1);
            }
            steps[bits] = (at - 8) as u8;
            bits += 1;
        }
        steps
    };

    /// Of the same: where the answers of the subtree there begin.
    const SUBTREE: [u8; 128] = {
        let mut subtree = STEPS;
        let mut bits = 0;
        while bits < 128 {
            subtree[bits] = (STEPS[bits] + 1) * 7;
            bits += 1;
        }
        subtree
    };

    /// Of each leaf of a tree: the nodes that are numbered below it.
    const BELOW: [u32; 32] = {
        let mut below = [0; 32];
        let mut leaf = 1;
        while leaf < 32 {
            below[leaf] = (1 << leaf) - 1;
            leaf += 1;
        }
        below
    };

    /// Loads 64 bytes of 64.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn load<T: Copy>(from: &[T]) -> __m512i {
        assert_eq!(size_of_val(from), 64, "as many as a register holds");
        // SAFETY: 64 bytes are loaded of 64, and any bytes are a register's.
        unsafe { _mm512_loadu_si512(from.as_ptr().cast()) }
    }

    /// Loads what columns name of a row.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn row_of<const QUARTERS: usize>(ranks: &[u8]) -> [__m512i; QUARTERS] {
        let ranks = &ranks[..QUARTERS * 64];
        std::array::from_fn(|quarter| load(&ranks[quarter * 64..][..64]))
    }

    /// Returns which nodes send the row right.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
    fn ask<const QUARTERS: usize>(questions: &Questions, row: [__m512i; QUARTERS]) -> u64 {
        let columns = load(&questions.columns);
        let asked = match QUARTERS {
            1 => _mm512_permutexvar_epi8(columns, row[0]),
            2 => _mm512_permutex2var_epi8(row[0], columns, row[1]),
            _ => {
                let low = _mm512_permutex2var_epi8(row[0], columns, row[1]);
                let high = _mm512_permutex2var_epi8(row[2], columns, row[3]);
                _mm512_mask_mov_epi8(low, _mm512_movepi8_mask(columns), high)
            }
        };
        _mm512_cmpgt_epu8_mask(asked, load(&questions.above))
    }
}
