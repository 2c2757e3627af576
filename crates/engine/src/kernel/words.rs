//! [`Words`]: from a word to its place in a vocabulary.
//!
//! Words of up to fifteen bytes, nearly all there are, lie in buckets of three, a bucket a line of memory. Finding one is a look at
//! one line and three comparisons of two numbers without a branch: what is found cannot be foretold. Longer words have a table
//! of the usual kind.

use std::hint::select_unpredictable;

use rustc_hash::FxHashMap;

use crate::store::Span;

/// No such word.
pub(super) const NOWHERE: u32 = u32::MAX;

/// Bytes of a short word together with its length, which is the last of them.
const KEY: usize = 16;

/// Words of a bucket.
const WIDTH: usize = 3;

/// Words with their places.
pub(super) struct Words {
    /// A power of two of them, as many as there are words at least.
    buckets: Box<[Bucket]>,
    long: FxHashMap<Box<[u8]>, u32>,
}

#[derive(Clone, Copy)]
#[repr(align(64))]
struct Bucket {
    keys: [Key; WIDTH],
    places: [u32; WIDTH],
}

/// The bytes of a short word, zeros, and its length.
type Key = [u64; 2];

/// The key of no word: none is so long.
const FREE: Key = [0, u64::MAX];

impl Words {
    /// Takes the words in their order; of two that are the same the later one counts.
    pub(super) fn new<'a>(words: impl ExactSizeIterator<Item = &'a str>) -> Words {
        let room = words.len().max(2).next_power_of_two();
        let free = Bucket { keys: [FREE; WIDTH], places: [NOWHERE; WIDTH] };
        let mut table = Words { buckets: vec![free; room].into(), long: FxHashMap::default() };
        for (word, place) in words.zip(0..) {
            let word = word.as_bytes();
            match key(word) {
                Some(key) => table.insert(key, place),
                None => drop(table.long.insert(word.into(), place)),
            }
        }
        table
    }

    fn insert(&mut self, key: Key, place: u32) {
        let mut at = self.first(key);
        loop {
            let bucket = &mut self.buckets[at];
            if let Some(i) = bucket.keys.iter().position(|other| *other == key || *other == FREE) {
                (bucket.keys[i], bucket.places[i]) = (key, place);
                return;
            }
            at = self.after(at);
        }
    }

    /// Adds the places of words, which are parts of `all`; of one that is not known, [`NOWHERE`].
    pub(super) fn extend_places(&self, all: &[u8], words: &[Span], places: &mut Vec<u32>) {
        let Some(last) = all.len().checked_sub(KEY) else {
            return places.extend(words.iter().map(|word| self.place(all, *word)));
        };
        let mask = self.buckets.len() - 1;
        let buckets = &self.buckets[..=mask];
        places.extend(words.iter().map(|word| {
            let (start, len) = (word.start as usize, (word.end - word.start) as usize);
            // A key is taken from what lies behind the word, too.
            if (len >= KEY) | (start > last) {
                return self.place(all, *word);
            }
            let bytes: &[u8; KEY] = all[start..start + KEY].try_into().expect("so many were taken");
            let key = masked(*bytes, len);
            match buckets[mix(key) as usize & mask].place(key) {
                NOWHERE => self.place(all, *word),
                place => place,
            }
        }));
    }

    /// Returns the place of any word.
    #[cold]
    #[inline(never)]
    fn place(&self, all: &[u8], word: Span) -> u32 {
        let word = &all[word.start as usize..word.end as usize];
        let Some(key) = key(word) else { return self.long.get(word).copied().unwrap_or(NOWHERE) };
        let mut at = self.first(key);
        loop {
            let bucket = &self.buckets[at];
            let place = bucket.place(key);
            // Only what found no room in a full bucket lies in the next one.
            if place != NOWHERE || bucket.keys[WIDTH - 1] == FREE {
                return place;
            }
            at = self.after(at);
        }
    }

    /// Returns the bucket where a word is looked for first.
    fn first(&self, key: Key) -> usize {
        mix(key) as usize & (self.buckets.len() - 1)
    }

    fn after(&self, at: usize) -> usize {
        (at + 1) & (self.buckets.len() - 1)
    }
}

impl Bucket {
    /// Returns the place that stands beside the key; [`NOWHERE`] where that is not here.
    #[inline(always)]
    fn place(&self, key: Key) -> u32 {
        let Bucket { keys, places } = self;
        let is = |i: usize| (keys[i][0] ^ key[0]) | (keys[i][1] ^ key[1]) == 0;
        let mut place = select_unpredictable(is(0), places[0], NOWHERE);
        place = select_unpredictable(is(1), places[1], place);
        select_unpredictable(is(2), places[2], place)
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

/// The halves of a product, folded: every bit of both numbers reaches the lower ones, which choose the bucket.
#[inline]
fn mix(key: Key) -> u64 {
    let product = u128::from(key[0] ^ 0x9E37_79B9_7F4A_7C15) * u128::from(key[1] ^ 0xD6E8_FEB8_6659_FD93);
    product as u64 ^ (product >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Looks for every word in the midst of others and at the end of all bytes.
    fn check(words: &[&str], expected: &[(&str, u32)]) {
        let table = Words::new(words.iter().copied());
        for (word, place) in expected {
            let mut places = Vec::new();
            for (all, start) in [(format!("before {word} and after it there is more"), 7), ((*word).to_owned(), 0)] {
                let span = Span { start, end: start + word.len() as u32 };
                table.extend_places(all.as_bytes(), &[span], &mut places);
            }
            assert_eq!(places, [*place, *place], "{word:?} in the midst and at the end");
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
