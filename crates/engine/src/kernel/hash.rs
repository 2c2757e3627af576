//! MurmurHash3 x86 32 in the two forms that Spark has used, and a remainder without a division.
//!
//! The forms differ in what becomes of the 1 to 3 bytes after the last whole word; everything else is one code.

use std::hint::select_unpredictable;

/// The seed that Spark gives every hash of a feature; a null item hashes to it.
pub const SEED: u32 = 42;

#[inline]
fn mix_block(block: u32) -> u32 {
    block.wrapping_mul(0xCC9E_2D51).rotate_left(15).wrapping_mul(0x1B87_3593)
}

#[inline]
fn mix(hash: u32, block: u32) -> u32 {
    (hash ^ mix_block(block)).rotate_left(13).wrapping_mul(5).wrapping_add(0xE654_6B64)
}

#[inline]
fn finish(hash: u32, len: usize) -> u32 {
    let mut h = hash ^ len as u32;
    h = (h ^ (h >> 16)).wrapping_mul(0x85EB_CA6B);
    h = (h ^ (h >> 13)).wrapping_mul(0xC2B2_AE35);
    h ^ (h >> 16)
}

/// Hashes `all[start..end]`: as the algorithm's author defines it, or, with `TAIL`, each of the last 1 to 3 bytes
/// sign-extended and mixed as a block of its own.
#[inline]
pub fn of_bytes<const TAIL: bool>(all: &[u8], start: usize, end: usize) -> u32 {
    let len = end - start;
    if len >= SHORT {
        return of_long_bytes::<TAIL>(&all[start..end], SEED);
    }
    match all.get(start..start + SHORT) {
        Some(head) => of_short_bytes::<TAIL>(head.try_into().expect("cut to that length"), len),
        None => {
            let mut head = [0; SHORT];
            head[..len].copy_from_slice(&all[start..end]);
            of_short_bytes::<TAIL>(head, len)
        }
    }
}

/// Below so many bytes a text is hashed in one way, whatever its length.
const SHORT: usize = 16;

/// Hashes the first `len` bytes. Lengths of words are what no branch predictor knows, so every block is mixed and what
/// should not have been is not taken.
#[inline]
fn of_short_bytes<const TAIL: bool>(head: [u8; SHORT], len: usize) -> u32 {
    let head = u128::from_le_bytes(head);
    let mut hash = SEED;
    for block in 0..3 {
        hash = select_unpredictable(len >= 4 * block + 4, mix(hash, (head >> (32 * block)) as u32), hash);
    }
    let (tail, left) = ((head >> (8 * (len & 12))) as u32, len & 3);
    if TAIL {
        for at in 0..3 {
            let byte = (tail >> (8 * at)) as i8;
            hash = select_unpredictable(at < left, mix(hash, byte as u32), hash);
        }
    } else {
        // Of no bytes at all this mixes 0, which changes nothing.
        hash ^= mix_block(tail & ((1 << (8 * left)) - 1));
    }
    finish(hash, len)
}

/// Hashes bytes as the algorithm's author defines it, from another seed.
pub fn of_seeded(bytes: &[u8], seed: u32) -> u32 {
    of_long_bytes::<false>(bytes, seed)
}

fn of_long_bytes<const TAIL: bool>(bytes: &[u8], seed: u32) -> u32 {
    let (blocks, tail) = bytes.as_chunks::<4>();
    let mut hash = blocks.iter().fold(seed, |hash, block| mix(hash, u32::from_le_bytes(*block)));
    if TAIL {
        hash = tail.iter().fold(hash, |hash, &byte| mix(hash, byte as i8 as u32));
    } else {
        hash ^= mix_block(tail.iter().rev().fold(0, |block, &byte| block << 8 | u32::from(byte)));
    }
    finish(hash, bytes.len())
}

/// Hashes a value of 4 bytes.
#[inline]
pub fn of_int(value: u32) -> u32 {
    finish(mix(SEED, value), 4)
}

/// Hashes a value of 8 bytes.
#[inline]
pub fn of_long(value: u64) -> u32 {
    finish(mix(mix(SEED, value as u32), (value >> 32) as u32), 8)
}

/// The remainder of a signed number by a fixed divisor, never negative.
#[derive(Clone, Copy, Debug)]
pub struct Modulo {
    divisor: u32,
    /// 2^64 / divisor, rounded up: Lemire, Kaser, Kurz, "Faster remainder by direct computation" (2019).
    reciprocal: u64,
    /// 2^32 modulo the divisor: what a negative number, read without its sign, has too much.
    wrap: u32,
}

impl Modulo {
    /// Returns the remainder by `divisor`, which is within 1 to 2^31 - 1.
    pub fn new(divisor: u32) -> Modulo {
        assert!(0 < divisor && divisor <= i32::MAX as u32, "the plan's check bounds the size");
        let reciprocal = (u64::MAX / u64::from(divisor)).wrapping_add(1);
        Modulo { divisor, reciprocal, wrap: ((1_u64 << 32) % u64::from(divisor)) as u32 }
    }

    #[inline]
    pub fn of(&self, hash: u32) -> u32 {
        let fraction = self.reciprocal.wrapping_mul(u64::from(hash));
        let rest = ((u128::from(fraction) * u128::from(self.divisor)) >> 64) as u32;
        let sign = hash >> 31;
        let signed = rest.wrapping_sub(self.wrap & sign.wrapping_neg());
        // Below zero only where the wrap was larger: both are below 2^31, so the top bit tells.
        signed.wrapping_add(self.divisor & (signed >> 31).wrapping_neg())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, standard: u32, tail: u32) {
        let modulo = Modulo::new(1000);
        let hashed =
            (of_bytes::<false>(text.as_bytes(), 0, text.len()), of_bytes::<true>(text.as_bytes(), 0, text.len()));
        assert_eq!((modulo.of(hashed.0), modulo.of(hashed.1)), (standard, tail), "{text:?}");
    }

    #[test]
    fn four_bytes_hash_alike() {
        check("mist", 991, 991);
    }

    #[test]
    fn one_byte_left() {
        check("makes", 853, 691);
    }

    #[test]
    fn one_byte_left_again() {
        check("spark", 286, 105);
    }

    #[test]
    fn two_bytes_left() {
        check("better", 543, 941);
    }

    #[test]
    fn short_and_long_ways_agree_wherever_the_bytes_lie() {
        let all: Vec<u8> = (0..64_u8).map(|i| i.wrapping_mul(89) ^ 0xA5).collect();
        for start in 0..48 {
            for end in start..=64 {
                let bytes = &all[start..end];
                assert_eq!(of_bytes::<false>(&all, start, end), of_long_bytes::<false>(bytes, SEED), "{start}..{end}");
                assert_eq!(of_bytes::<true>(&all, start, end), of_long_bytes::<true>(bytes, SEED), "{start}..{end}");
            }
        }
    }

    #[test]
    fn the_remainder_is_that_of_a_division() {
        let numbers =
            [0, 1, 2, 41, 42, 999, 1000, 1001, i32::MAX, i32::MAX - 1, i32::MIN, i32::MIN + 1, -1, -2, -999, -1000];
        let mixed = (0..2000_u32).map(|i| of_int(i) as i32);
        let numbers: Vec<i32> = numbers.into_iter().chain(mixed).collect();
        for divisor in
            [1, 2, 3, 5, 7, 1000, 1 << 18, (1 << 18) + 1, 65_537, 1 << 30, i32::MAX as u32 - 1, i32::MAX as u32]
        {
            let modulo = Modulo::new(divisor);
            for &n in &numbers {
                assert_eq!(modulo.of(n as u32), n.rem_euclid(divisor as i32) as u32, "{n} by {divisor}");
            }
        }
    }
}
