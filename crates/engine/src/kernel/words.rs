//! [`Words`]: from a word to its place in a vocabulary.
//!
//! Words of up to fifteen bytes, nearly all there are, have a slot each that no other word has: finding one is a look at one slot and
//! one comparison, which hardly ever fails. Which slot is told by a hash and a factor of the word's group, found when the table is made
//! (after Belazzougui, Botelho and Dietzfelbinger, "Hash, displace, and compress", 2009). Longer words have a table of the usual
//! kind, and so have those of a group for which no factor was found.

use std::hint::select_unpredictable;

#[cfg(target_arch = "x86_64")]
mod aes;

use rustc_hash::FxHashMap;

use crate::store::Span;

/// No such word.
pub(super) const NOWHERE: u32 = u32::MAX;

/// Bytes of a short word together with its length, which is the last of them.
const KEY: usize = 16;

/// Words of a group, about, and at most: more have no slots.
const GROUP: usize = 4;
const GROUP_MAX: usize = 8 * GROUP;

/// Factors that are tried for a group, all of them odd: the last groups find few slots free.
const TRIES: u16 = 1 << 15;

/// Tries for all groups together, by the number of words: a vocabulary that is made to have no factors takes no longer than that.
const TRIES_A_WORD: usize = 64;

/// Slots that stay free, as a part of the words: the fewer, the more of the table stays in the cache.
const FREE_PART: usize = 32;

/// Words with their places.
pub(super) struct Words {
    mix: Mix,
    /// By group; a power of two of them.
    factors: Box<[u16]>,
    /// By slot.
    keys: Box<[Key]>,
    places: Box<[u32]>,
    others: FxHashMap<Box<[u8]>, u32>,
    /// Whether short words are among the others.
    is_short_elsewhere: bool,
}

/// How a key becomes a hash.
#[derive(Clone, Copy, Debug)]
enum Mix {
    /// By a product of its halves.
    Product,
    /// By two rounds of AES.
    #[cfg(target_arch = "x86_64")]
    Aes(aes::Aes),
}

/// The bytes of a short word, zeros, and its length.
type Key = [u64; 2];

/// The key of no word: none is so long.
const FREE: Key = [0, u64::MAX];

impl Words {
    /// Takes the words in their order; of two that are the same the later one counts.
    pub(super) fn new<'a>(words: impl ExactSizeIterator<Item = &'a str>) -> Words {
        Words::with(Mix::here(), words)
    }

    fn with<'a>(mix: Mix, words: impl ExactSizeIterator<Item = &'a str>) -> Words {
        let words: Vec<&[u8]> = words.map(str::as_bytes).collect();
        let groups = (words.len() / GROUP).max(1).next_power_of_two();
        let slots = words.len() + words.len() / FREE_PART + 1;
        let mut table = Words {
            mix,
            factors: vec![1; groups].into(),
            keys: vec![FREE; slots].into(),
            places: vec![NOWHERE; slots].into(),
            others: FxHashMap::default(),
            is_short_elsewhere: false,
        };
        let mut short = Vec::with_capacity(words.len());
        for (&word, place) in words.iter().zip(0..) {
            match key(word) {
                Some(key) => short.push((table.group(mix.of(key)), key, place)),
                None => drop(table.others.insert(word.into(), place)),
            }
        }
        // The places of the same word stand side by side then, the last of them first.
        short.sort_unstable_by_key(|&(group, key, place)| (group, key, std::cmp::Reverse(place)));
        short.dedup_by_key(|(_, key, _)| *key);
        // Large groups first, for which few factors will do.
        let mut groups: Vec<_> = short.chunk_by(|a, b| a.0 == b.0).collect();
        groups.sort_by_key(|group| std::cmp::Reverse(group.len()));
        let mut tries = usize::from(TRIES) + TRIES_A_WORD * words.len();
        for group in groups {
            if !table.settle(group, &mut tries) {
                let others = group.iter().map(|&(_, _, place)| (words[place as usize].into(), place));
                table.others.extend(others);
                table.is_short_elsewhere = true;
            }
        }
        table
    }

    /// Finds a factor with which each word of a group has a slot of its own, within so many tries; returns whether there is one.
    fn settle(&mut self, group: &[(usize, Key, u32)], tries: &mut usize) -> bool {
        let mut taken = Vec::with_capacity(group.len());
        let most = if group.len() > GROUP_MAX { 0 } else { usize::from(TRIES).min(*tries) };
        let factor = (0..most as u16).map(|i| 2 * i + 1).find(|&factor| {
            *tries -= 1;
            taken.clear();
            group.iter().all(|&(_, key, _)| {
                let slot = self.slot(self.mix.of(key), factor);
                let is_free = self.keys[slot] == FREE && !taken.contains(&slot);
                taken.push(slot);
                is_free
            })
        });
        let Some(factor) = factor else { return false };
        for (&(group, key, place), slot) in group.iter().zip(taken) {
            (self.factors[group], self.keys[slot], self.places[slot]) = (factor, key, place);
        }
        true
    }

    /// Adds the places of words, which are parts of `all`; of one that is not known, [`NOWHERE`].
    pub(super) fn extend_places(&self, all: &[u8], words: &[Span], places: &mut Vec<u32>) {
        let before = places.len();
        places.resize(before + words.len(), NOWHERE);
        let places = &mut places[before..];
        match self.mix {
            Mix::Product => self.find_all(all, words, places),
            #[cfg(target_arch = "x86_64")]
            Mix::Aes(aes) => self.find_all_by_aes(aes, all, words, places),
        }
        if self.is_short_elsewhere {
            let missed = places.iter_mut().zip(words).filter(|(place, _)| **place == NOWHERE);
            missed.for_each(|(place, word)| *place = self.place(all, *word));
        }
    }

    /// Writes the places of words that have slots, or are long.
    fn find_all(&self, all: &[u8], words: &[Span], places: &mut [u32]) {
        let last = all.len().checked_sub(KEY);
        for (place, word) in places.iter_mut().zip(words) {
            let (start, len) = (word.start as usize, (word.end - word.start) as usize);
            // A key is taken from what lies behind the word, too.
            *place = match last {
                Some(last) if (len < KEY) & (start <= last) => {
                    let bytes: &[u8; KEY] = all[start..start + KEY].try_into().expect("so many were taken");
                    self.find(masked(*bytes, len))
                }
                _ => self.place(all, *word),
            };
        }
    }

    /// Returns the place of a short word that has a slot.
    #[inline(always)]
    fn find(&self, key: Key) -> u32 {
        let hash = self.mix.of(key);
        let slot = self.slot(hash, self.factors[self.group(hash)]);
        let found = self.keys[slot];
        // Whether a word is known is as good as random, and so is which one it is.
        select_unpredictable((found[0] ^ key[0]) | (found[1] ^ key[1]) == 0, self.places[slot], NOWHERE)
    }

    /// Returns the place of any word.
    #[cold]
    #[inline(never)]
    fn place(&self, all: &[u8], word: Span) -> u32 {
        let word = &all[word.start as usize..word.end as usize];
        match key(word).map_or(NOWHERE, |key| self.find(key)) {
            NOWHERE => self.others.get(word).copied().unwrap_or(NOWHERE),
            place => place,
        }
    }

    #[inline(always)]
    fn group(&self, hash: u64) -> usize {
        hash as usize & (self.factors.len() - 1)
    }

    #[inline(always)]
    fn slot(&self, hash: u64, factor: u16) -> usize {
        // The lower bits tell the group; the upper ones of a product, as a fraction of all there are, the slot.
        let upper = hash.wrapping_mul(u64::from(factor)) >> 32;
        (upper.wrapping_mul(self.keys.len() as u64) >> 32) as usize
    }
}

/// Returns the key of a word; nothing where that is too long.
fn key(word: &[u8]) -> Option<Key> {
    let mut bytes = [0; KEY];
    bytes.get_mut(..word.len()).filter(|_| word.len() < KEY)?.copy_from_slice(word);
    Some(masked(bytes, word.len()))
}

/// Returns the key of the word that the bytes begin with.
#[inline(always)]
fn masked(bytes: [u8; KEY], len: usize) -> Key {
    let (bytes, mask) = (u128::from_le_bytes(bytes), &MASKS[len]);
    [bytes as u64 & mask[0], (bytes >> 64) as u64 & mask[1] | (len as u64) << 56]
}

/// What is kept of sixteen bytes, by how many of them belong to a word.
const MASKS: [Key; KEY] = {
    let mut masks = [[0; 2]; KEY];
    let mut len = 1;
    while len < KEY {
        let low = if len < 8 { (1 << (8 * len)) - 1 } else { u64::MAX };
        let high = if len <= 8 { 0 } else { u64::MAX >> (8 * (KEY - len)) };
        masks[len] = [low, high];
        len += 1;
    }
    masks
};

impl Mix {
    /// Returns the faster one that this processor has.
    fn here() -> Mix {
        #[cfg(target_arch = "x86_64")]
        if let Some(aes) = aes::Aes::here() {
            return Mix::Aes(aes);
        }
        Mix::Product
    }

    #[inline]
    fn of(self, key: Key) -> u64 {
        match self {
            Mix::Product => product(key),
            #[cfg(target_arch = "x86_64")]
            Mix::Aes(aes) => aes.mix(key),
        }
    }
}

/// The halves of a product, folded: every bit of both numbers reaches all parts of the hash.
#[inline]
fn product(key: Key) -> u64 {
    let product = u128::from(key[0] ^ SEED[0]) * u128::from(key[1] ^ SEED[1]);
    product as u64 ^ (product >> 64) as u64
}

/// What keys are mixed with.
const SEED: Key = [0x9E37_79B9_7F4A_7C15, 0xD6E8_FEB8_6659_FD93];

#[cfg(test)]
mod tests {
    use super::*;

    /// Looks for every word in the midst of others and at the end of all bytes.
    fn check(words: &[&str], expected: &[(&str, u32)]) {
        for mix in [Mix::Product, Mix::here()] {
            let table = Words::with(mix, words.iter().copied());
            for (word, place) in expected {
                let mut places = Vec::new();
                for (all, start) in [(format!("before {word} and after it there is more"), 7), ((*word).to_owned(), 0)]
                {
                    let span = Span { start, end: start + word.len() as u32 };
                    table.extend_places(all.as_bytes(), &[span], &mut places);
                }
                assert_eq!(places, [*place, *place], "{word:?} in the midst and at the end, {mix:?}");
            }
        }
    }

    #[test]
    fn words_of_every_length_are_found() {
        let all = "abcdefghijklmnopqrstuvwxyz0123456789";
        let words: Vec<&str> = (0..=all.len()).map(|len| &all[..len]).collect();
        let places: Vec<(&str, u32)> = words.iter().copied().zip(0..).collect();
        check(&words, &places);
        check(
            &words,
            &[("b", NOWHERE), ("abcdefghijklmnoq", NOWHERE), ("abcdefghijklmnopqrstuvwxyz012345678X", NOWHERE)],
        );
    }

    #[test]
    fn many_words_are_told_apart_and_zeros_are_bytes() {
        let many: Vec<String> = (0..5000).map(|i| format!("w{i}")).collect();
        let long = (0..500).map(|i| format!("the same beginning of {i}"));
        let many: Vec<String> = many.into_iter().chain(long).collect();
        let words: Vec<&str> = many.iter().map(String::as_str).chain(["a", "a\0", "a\0\0"]).collect();
        let places: Vec<(&str, u32)> = words.iter().copied().zip(0..).collect();
        check(&words, &places);
        let others = ["w5000", "the same beginning of 500", "a\0\0\0", ""].map(|word| (word, NOWHERE));
        check(&words, &others);
    }

    #[test]
    fn of_two_that_are_the_same_the_later_counts() {
        check(&["x", "y", "x", ""], &[("x", 2), ("y", 1), ("", 3)]);
        check(&[], &[("x", NOWHERE), ("", NOWHERE)]);
    }
}
