//! Many rows down one deep tree, from where they leave its first levels: a row is a lane, a step two loads a lane, of its node and of what that looks at.
#![allow(unsafe_code)]

use super::{
    bits::{BLOCK_ROWS, LANES},
    packed::{Below, Narrow, Node, Packed, Wide},
    simd::Isa,
};

/// Lanes that walk together: while some wait, the others go on.
const TOGETHER: usize = 16;

/// Bytes behind the cells of a block, which loads of four bytes reach.
pub const BEHIND: usize = 3;

/// A block of rows: cell after cell, so many lanes each (a power of two).
#[derive(Clone, Copy)]
pub struct Cells<'a, C> {
    pub cells: &'a [C],
    pub lanes: usize,
}

/// A node whose steps are written for a processor.
pub trait Steps: Node {
    /// Finds the leaves that rows reach in a tree, from the exits that they took, which stand in their places.
    fn leaves(
        isa: Isa,
        packed: &Packed<Self>,
        below: Below,
        block: Cells<'_, Self::Cell>,
        leaves: &mut [u32; BLOCK_ROWS],
    );
}

impl Steps for Narrow {
    fn leaves(isa: Isa, packed: &Packed<Narrow>, below: Below, block: Cells<'_, u8>, leaves: &mut [u32; BLOCK_ROWS]) {
        match isa {
            // SAFETY: the processor has what the function is compiled for, as `Isa::all` found.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 | Isa::Avx512Vbmi => unsafe { x86::narrow(packed, below, block, leaves) },
            _ => plain(packed, below, block, leaves),
        }
    }
}

impl Steps for Wide {
    fn leaves(isa: Isa, packed: &Packed<Wide>, below: Below, block: Cells<'_, i32>, leaves: &mut [u32; BLOCK_ROWS]) {
        match isa {
            // SAFETY: the processor has what the function is compiled for, as `Isa::all` found.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 | Isa::Avx512Vbmi => unsafe { x86::wide(packed, below, block, leaves) },
            _ => plain(packed, below, block, leaves),
        }
    }
}

fn plain<N: Node>(packed: &Packed<N>, below: Below, block: Cells<'_, N::Cell>, leaves: &mut [u32; BLOCK_ROWS]) {
    let nodes = &packed.nodes[below.first as usize..];
    for (start, leaves) in (0..).step_by(TOGETHER).zip(leaves[..block.lanes].as_chunks_mut::<TOGETHER>().0) {
        let mut at = *leaves;
        for _ in 0..below.steps {
            for (lane, at) in at.iter_mut().enumerate() {
                *at = nodes[*at as usize].next(|column| block.cells[column * block.lanes + start + lane]);
            }
        }
        *leaves = at.map(|at| packed.leaf((below.first + at) as usize));
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::{super::packed::CHILD_BITS, *};

    /// Registers of 16 lanes that walk together.
    const N: usize = LANES / 16;

    type Lanes = [__m512i; N];

    /// Steps after which it is asked whether all have reached their leaves.
    const UNASKED: u32 = 4;

    #[target_feature(enable = "avx512f,avx512bw,avx512vl")]
    pub fn narrow(packed: &Packed<Narrow>, below: Below, block: Cells<'_, u8>, leaves: &mut [u32; BLOCK_ROWS]) {
        assert!(block.cells.len() >= packed.columns * block.lanes + BEHIND, "cells of so many lanes");
        let nodes = packed.nodes[below.first as usize..].as_ptr();
        let (low, byte, one) = (_mm512_set1_epi32(0xffff), _mm512_set1_epi32(0xff), _mm512_set1_epi32(1));
        let shift = _mm_cvtsi32_si128(block.lanes.trailing_zeros() as i32);
        walk(packed, below, block.lanes, leaves, |at, lane| {
            // SAFETY: `walk` begins at exits and goes on at what this returns; `Packed::assert_closed` says that all are nodes of the tree.
            // The cells have every column that a node looks at, so many lanes each, and three bytes behind them.
            unsafe {
                let node = _mm512_i32gather_epi32::<4>(at, nodes.cast());
                let column = _mm512_and_si512(_mm512_srli_epi32::<16>(node), byte);
                let place = _mm512_add_epi32(_mm512_sll_epi32(column, shift), lane);
                let rank = _mm512_and_si512(_mm512_i32gather_epi32::<1>(place, block.cells.as_ptr().cast()), byte);
                let above = _mm512_cmpgt_epu32_mask(rank, _mm512_srli_epi32::<24>(node));
                let child = _mm512_and_si512(node, low);
                _mm512_mask_add_epi32(child, above, child, one)
            }
        });
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512vl")]
    pub fn wide(packed: &Packed<Wide>, below: Below, block: Cells<'_, i32>, leaves: &mut [u32; BLOCK_ROWS]) {
        assert!(block.cells.len() >= packed.columns * block.lanes, "cells of so many lanes");
        let nodes: *const i64 = packed.nodes[below.first as usize..].as_ptr().cast();
        let (low, one) = (_mm512_set1_epi32((1 << CHILD_BITS) - 1), _mm512_set1_epi32(1));
        let shift = _mm_cvtsi32_si128(block.lanes.trailing_zeros() as i32);
        let even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
        let odd = _mm512_add_epi32(even, one);
        walk(packed, below, block.lanes, leaves, |at, lane| {
            // SAFETY: as in `narrow`; a node is eight bytes.
            unsafe {
                let first = _mm512_i32gather_epi64::<8>(_mm512_castsi512_si256(at), nodes);
                let second = _mm512_i32gather_epi64::<8>(_mm512_extracti64x4_epi64::<1>(at), nodes);
                let above = _mm512_permutex2var_epi32(first, even, second);
                let link = _mm512_permutex2var_epi32(first, odd, second);
                let column = _mm512_srli_epi32::<CHILD_BITS>(link);
                let place = _mm512_add_epi32(_mm512_sll_epi32(column, shift), lane);
                let key = _mm512_i32gather_epi32::<4>(place, block.cells.as_ptr().cast());
                let child = _mm512_and_si512(link, low);
                _mm512_mask_add_epi32(child, _mm512_cmpgt_epi32_mask(key, above), child, one)
            }
        });
    }

    /// Walks all lanes from their exits to their leaves; `next` has the nodes after these, counted in the tree.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl")]
    fn walk<T: Node>(
        packed: &Packed<T>,
        below: Below,
        lanes: usize,
        leaves: &mut [u32; BLOCK_ROWS],
        next: impl Fn(__m512i, __m512i) -> __m512i,
    ) {
        debug_assert!(leaves[..lanes].iter().all(|exit| *exit < below.exits));
        // Of nodes of eight bytes the first four.
        let of: *const i32 = match T::HAS_LEAF {
            true => packed.nodes[below.first as usize..].as_ptr().cast(),
            false => packed.leaves[below.first as usize..].as_ptr().cast(),
        };
        let first = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
        for (start, leaves) in (0..).step_by(LANES).zip(leaves[..lanes].as_chunks_mut::<LANES>().0) {
            let lane: Lanes =
                std::array::from_fn(|i| _mm512_add_epi32(first, _mm512_set1_epi32(start + 16 * i as i32)));
            // SAFETY: 16 are loaded from each 16th of 64 on.
            let mut at: Lanes =
                std::array::from_fn(|i| unsafe { _mm512_loadu_si512(leaves.as_ptr().add(16 * i).cast()) });
            let mut left = below.steps;
            while left > 0 {
                for _ in 0..left.min(UNASKED) - 1 {
                    (0..N).for_each(|i| at[i] = next(at[i], lane[i]));
                }
                left -= left.min(UNASKED);
                let mut moved = 0;
                for i in 0..N {
                    let after = next(at[i], lane[i]);
                    moved |= _mm512_cmpneq_epi32_mask(at[i], after);
                    at[i] = after;
                }
                if moved == 0 {
                    break;
                }
            }
            for (at, leaves) in at.into_iter().zip(leaves.as_chunks_mut::<16>().0) {
                // SAFETY: every node is there, or has its place among the leaves; 16 are stored of 16.
                unsafe {
                    let leaf = match T::HAS_LEAF {
                        true => _mm512_i32gather_epi32::<8>(at, of),
                        false => _mm512_i32gather_epi32::<4>(at, of),
                    };
                    _mm512_storeu_si512(leaves.as_mut_ptr().cast(), leaf);
                }
            }
        }
    }
}
