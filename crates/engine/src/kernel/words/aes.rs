//! Words found with the processor's AES: a key stays in one register, two rounds of it are a hash.

#![allow(unsafe_code)]

use std::arch::x86_64::{
    __m128i, _mm_aesenc_si128, _mm_and_si128, _mm_cvtsi128_si64, _mm_loadu_si128, _mm_or_si128, _mm_set_epi64x,
    _mm_testz_si128, _mm_xor_si128,
};

use super::{KEY, Key, MASKS, NOWHERE, SEED, Words};
use crate::store::Span;

/// That the processor has AES and SSE 4.1.
#[derive(Clone, Copy, Debug)]
pub(super) struct Aes(());

/// What is kept of the sixteen bytes from a word's first one on, and what is put there, by the word's length.
static PARTS: [[Key; 2]; KEY] = {
    let mut parts = [[[0; 2]; 2]; KEY];
    let mut len = 0;
    while len < KEY {
        parts[len] = [MASKS[len], [0, (len as u64) << 56]];
        len += 1;
    }
    parts
};

impl Aes {
    pub(super) fn here() -> Option<Aes> {
        (is_x86_feature_detected!("aes") && is_x86_feature_detected!("sse4.1")).then_some(Aes(()))
    }

    pub(super) fn mix(self, key: Key) -> u64 {
        // SAFETY: `here` alone makes one, where the processor has what is needed.
        unsafe { rounds(load(&key)) }
    }
}

impl Words {
    /// As [`Words::find_all`].
    pub(super) fn find_all_by_aes(&self, _: Aes, all: &[u8], words: &[Span], places: &mut [u32]) {
        // SAFETY: there is an `Aes` where the processor has what is needed.
        unsafe { self.find_each(all, words, places) }
    }

    #[target_feature(enable = "aes,sse4.1")]
    fn find_each(&self, all: &[u8], words: &[Span], places: &mut [u32]) {
        let Some(last) = all.len().checked_sub(KEY) else { return self.find_all(all, words, places) };
        assert!(self.keys.len() == self.places.len() && self.keys.len() <= u32::MAX as usize, "a place for each slot");
        for (place, word) in places.iter_mut().zip(words) {
            let (start, len) = (word.start as usize, (word.end - word.start) as usize);
            if (len >= KEY) | (start > last) {
                *place = self.place(all, *word);
                continue;
            }
            let [kept, put] = &PARTS[len];
            // SAFETY: that many bytes lie behind the last start.
            let bytes = unsafe { _mm_loadu_si128(all.as_ptr().add(start).cast()) };
            let key = _mm_or_si128(_mm_and_si128(bytes, load(kept)), load(put));
            let hash = rounds(key);
            let slot = self.slot(hash, self.factors[self.group(hash)]);
            // SAFETY: a slot is a part of the keys' number, as a fraction of 32 bits, and there are as many places.
            let (found, known) = unsafe { (self.keys.get_unchecked(slot), *self.places.get_unchecked(slot)) };
            let differ = _mm_xor_si128(key, load(found));
            *place = if _mm_testz_si128(differ, differ) == 1 { known } else { NOWHERE };
        }
    }
}

fn load(key: &Key) -> __m128i {
    // SAFETY: a key is as many bytes as are read.
    unsafe { _mm_loadu_si128(key.as_ptr().cast()) }
}

/// Every bit of the key reaches all of the hash after two rounds.
#[target_feature(enable = "aes,sse4.1")]
fn rounds(key: __m128i) -> u64 {
    let seed = _mm_set_epi64x(SEED[1] as i64, SEED[0] as i64);
    _mm_cvtsi128_si64(_mm_aesenc_si128(_mm_aesenc_si128(key, seed), seed)) as u64
}
