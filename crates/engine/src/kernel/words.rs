//! [`Words`]: from a word to its place in a vocabulary.
//!
//! Words of up to fifteen bytes, nearly all there are, lie in buckets of three, a bucket a line of memory. Finding one is a look at
//! one line and three comparisons of two numbers without a branch: what is found cannot be foretold. Longer words have a table
//! of the usual kind.

use std::hint::select_unpredictable;

use rustc_hash::FxHashMap;

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
    /// What is shifted out of a hash to leave the number of a bucket.
    shift: u32,
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
        let mut table =
            Words { buckets: vec![free; room].into(), shift: 64 - room.trailing_zeros(), long: FxHashMap::default() };
        for (word, place) in words.zip(0..) {
            let word = word.as_bytes();
            match key(word, 0, word.len()) {
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

    /// Returns the place of the word `all[start..end]`, or [`NOWHERE`].
    #[inline]
    pub(super) fn place(&self, all: &[u8], start: usize, end: usize) -> u32 {
        let Some(key) = key(all, start, end) else { return self.place_of_long(&all[start..end]) };
        let mut at = self.first(key);
        loop {
            let Bucket { keys, places } = &self.buckets[at];
            let is = |i: usize| (keys[i][0] ^ key[0]) | (keys[i][1] ^ key[1]) == 0;
            let mut place = select_unpredictable(is(0), places[0], NOWHERE);
            place = select_unpredictable(is(1), places[1], place);
            place = select_unpredictable(is(2), places[2], place);
            // Only what found no room in a full bucket lies in the next one.
            if place != NOWHERE || keys[WIDTH - 1] == FREE {
                return place;
            }
            at = self.after(at);
        }
    }

    #[cold]
    fn place_of_long(&self, word: &[u8]) -> u32 {
        self.long.get(word).copied().unwrap_or(NOWHERE)
    }

    /// Returns the bucket where a word is looked for first.
    #[inline]
    fn first(&self, key: Key) -> usize {
        (mix(key) >> self.shift) as usize & (self.buckets.len() - 1)
    }

    #[inline]
    fn after(&self, at: usize) -> usize {
        (at + 1) & (self.buckets.len() - 1)
    }
}

/// Returns the key of `all[start..end]`; nothing where that is too long.
#[inline]
fn key(all: &[u8], start: usize, end: usize) -> Option<Key> {
    let len = end - start;
    if len >= KEY {
        return None;
    }
    let bytes = match all.get(start..).and_then(<[u8]>::first_chunk::<KEY>) {
        Some(bytes) => *bytes,
        None => {
            let mut bytes = [0; KEY];
            bytes[..len].copy_from_slice(&all[start..end]);
            bytes
        }
    };
    let (bytes, mask) = (u128::from_le_bytes(bytes), &MASKS[len]);
    Some([bytes as u64 & mask[0], (bytes >> 64) as u64 & mask[1] | (len as u64) << 56])
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

/// The halves of a product, folded: every bit of both numbers reaches the upper ones, which choose the bucket.
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
            let all = format!("before {word} and after it there is more");
            assert_eq!(table.place(all.as_bytes(), 7, 7 + word.len()), *place, "{word:?}");
            assert_eq!(table.place(word.as_bytes(), 0, word.len()), *place, "{word:?} at the end");
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
