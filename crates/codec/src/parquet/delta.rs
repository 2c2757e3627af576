//! Integers written as differences, in blocks: the lengths of DELTA_LENGTH_BYTE_ARRAY and DELTA_BYTE_ARRAY.
//!
//! A text of the latter repeats the beginning of the one before it, so a few bytes can stand for any number; their sum
//! is reckoned here before the crate writes them out.

use super::Damage;

/// Checks that a block-packed sequence claims no more than `count` values, and that its blocks are those of the format.
pub(super) fn check_head(bytes: &[u8], count: u64) -> Result<(), Damage> {
    Deltas::new(bytes, count).map(drop)
}

/// Returns the bytes of the texts of a DELTA_BYTE_ARRAY page of at most `count` values.
pub(super) fn text_bytes(bytes: &[u8], count: u64) -> Result<u64, Damage> {
    let mut prefixes = Deltas::new(bytes, count)?;
    let mut sum = 0u64;
    while let Some(prefix) = prefixes.next()? {
        sum += u64::try_from(prefix).map_err(|_| NEGATIVE)?;
    }
    let mut suffixes = Deltas::new(prefixes.bytes, count)?;
    while let Some(suffix) = suffixes.next()? {
        sum += u64::try_from(suffix).map_err(|_| NEGATIVE)?;
    }
    Ok(sum)
}

const NEGATIVE: Damage = Damage::Says("a text of negative length");
/// Writers use 128 and 256.
const BLOCK_MAX: u64 = 1 << 16;

/// The sequence, value by value; `bytes` are those after what has been read.
struct Deltas<'a> {
    bytes: &'a [u8],
    per_miniblock: u64,
    miniblocks: u64,
    left: u64,
    first: bool,
    value: i32,
    min_delta: i32,
    widths: &'a [u8],
    packed: Packed<'a>,
}

#[derive(Default)]
struct Packed<'a> {
    bytes: &'a [u8],
    width: u32,
    left: u64,
    held: u64,
    bits: u32,
}

impl<'a> Deltas<'a> {
    fn new(mut bytes: &'a [u8], count: u64) -> Result<Deltas<'a>, Damage> {
        let block = varint(&mut bytes)?;
        let miniblocks = varint(&mut bytes)?;
        let left = varint(&mut bytes)?;
        let value = zigzag(&mut bytes)?;
        let shaped = 0 < block && block <= BLOCK_MAX && block % 128 == 0;
        if !shaped || miniblocks == 0 || block % miniblocks != 0 || (block / miniblocks) % 32 != 0 {
            return Err(Damage::Says("blocks of a size that the format does not have"));
        }
        if left > count {
            return Err(Damage::Says("more lengths than values"));
        }
        let per_miniblock = block / miniblocks;
        let (widths, packed): (&[u8], _) = (&[], Packed::default());
        Ok(Deltas { bytes, per_miniblock, miniblocks, left, first: true, value, min_delta: 0, widths, packed })
    }

    fn next(&mut self) -> Result<Option<i32>, Damage> {
        if self.left == 0 {
            return Ok(None);
        }
        if !std::mem::take(&mut self.first) {
            if self.packed.left == 0 {
                self.open_miniblock()?;
            }
            let delta = self.packed.next() as i32;
            self.value = self.value.wrapping_add(self.min_delta).wrapping_add(delta);
        }
        self.left -= 1;
        Ok(Some(self.value))
    }

    fn open_miniblock(&mut self) -> Result<(), Damage> {
        if self.widths.is_empty() {
            self.min_delta = zigzag(&mut self.bytes)?;
            let widths = self.bytes.split_at_checked(self.miniblocks as usize).ok_or(Damage::EndsEarly)?;
            (self.widths, self.bytes) = widths;
        }
        let (&width, widths) = self.widths.split_first().expect("a block has a miniblock at least");
        self.widths = widths;
        if width > 32 {
            return Err(Damage::Says("lengths of more than 32 bits"));
        }
        let len = (self.per_miniblock as usize / 8) * usize::from(width);
        let (packed, rest) = self.bytes.split_at_checked(len).ok_or(Damage::EndsEarly)?;
        self.bytes = rest;
        self.packed = Packed { bytes: packed, width: u32::from(width), left: self.per_miniblock, ..Packed::default() };
        // The values after the last are padding: the sequence ends with its last miniblock.
        if self.left <= self.per_miniblock {
            self.widths = &[];
        }
        Ok(())
    }
}

impl Packed<'_> {
    fn next(&mut self) -> u32 {
        self.left -= 1;
        if self.width == 0 {
            return 0;
        }
        while self.bits < self.width {
            let (&byte, rest) = self.bytes.split_first().expect("a miniblock holds all its values");
            self.bytes = rest;
            self.held |= u64::from(byte) << self.bits;
            self.bits += 8;
        }
        let value = self.held & (u64::MAX >> (64 - self.width));
        self.held >>= self.width;
        self.bits -= self.width;
        value as u32
    }
}

fn varint(bytes: &mut &[u8]) -> Result<u64, Damage> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first().ok_or(Damage::EndsEarly)?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(Damage::Says("an integer of more than ten bytes"))
}

/// Lengths are int32; what is wider wraps, as it does in the crate.
fn zigzag(bytes: &mut &[u8]) -> Result<i32, Damage> {
    let value = varint(bytes)?;
    Ok(((value >> 1) as i64 ^ -((value & 1) as i64)) as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sequence of `count` times `value`: one block of four miniblocks without bits.
    fn constant(count: u8, value: u8) -> Vec<u8> {
        let head = [0x80, 0x01, 0x04, count, value << 1];
        if count > 1 { [&head[..], &[0x00, 0, 0, 0, 0]].concat() } else { head.to_vec() }
    }

    fn check(prefixes: Vec<u8>, suffixes: Vec<u8>, count: u64, expected: Result<u64, Damage>) {
        assert_eq!(text_bytes(&[prefixes, suffixes].concat(), count), expected);
    }

    #[test]
    fn repeated_beginnings_are_counted() {
        check(constant(3, 0), constant(3, 7), 3, Ok(21));
        check(constant(30, 50), constant(30, 1), 30, Ok(1530));
        check(constant(0, 0), constant(0, 0), 9, Ok(0));
    }

    #[test]
    fn packed_differences_are_read() {
        // 1, then differences 0 + (1, 2, 3 and padding) of two bits: 2, 4, 7.
        let mut bytes = vec![0x80, 0x01, 0x04, 4, 2, 0x00, 2, 0, 0, 0];
        bytes.extend([0b11_10_01, 0, 0, 0, 0, 0, 0, 0]);
        check(bytes, constant(4, 0), 4, Ok(1 + 2 + 4 + 7));
    }

    #[test]
    fn absurd_heads_are_refused() {
        check(constant(9, 1), constant(9, 1), 8, Err(Damage::Says("more lengths than values")));
        check(
            vec![0x80, 0x01, 0x00, 1, 0],
            vec![],
            1,
            Err(Damage::Says("blocks of a size that the format does not have")),
        );
        check(vec![0x00, 0x04, 1, 0], vec![], 1, Err(Damage::Says("blocks of a size that the format does not have")));
        check(vec![0x80, 0x01, 0x04, 2, 1], constant(2, 1), 2, Err(NEGATIVE));
        check(vec![0x80, 0x01, 0x04, 2, 0], vec![], 2, Err(Damage::EndsEarly));
    }
}
