//! The hybrid of runs and bit-packed groups that levels and dictionary indices are written in.

use bytes::Bytes;

use super::Damage;

const TOO_WIDE: Damage = Damage::Says("values of more than 32 bits");

/// Calls `take` with each value and how often it is repeated, until `count` values are read.
pub(super) fn runs(mut bytes: &[u8], width: u8, count: u64, mut take: impl FnMut(u32, u64)) -> Result<(), Damage> {
    if width > 32 {
        return Err(TOO_WIDE);
    }
    let width = usize::from(width);
    let mut left = count;
    while left > 0 {
        let head = varint(&mut bytes)?;
        if head & 1 == 0 {
            let (value, rest) = bytes.split_at_checked(width.div_ceil(8)).ok_or(Damage::EndsEarly)?;
            let repeated = left.min(u64::from(head >> 1));
            take(number(value), repeated);
            left -= repeated;
            bytes = rest;
            continue;
        }
        let groups = u64::from(head >> 1);
        // The last group may be cut; what is missing is checked by the decoder of values.
        let packed_len = usize::try_from(groups.saturating_mul(width as u64)).unwrap_or(usize::MAX).min(bytes.len());
        let (packed, rest) = bytes.split_at(packed_len);
        let values = groups.saturating_mul(8).min(left);
        if width == 0 {
            take(0, values);
        } else {
            unpack(packed, width, values, &mut take);
        }
        left -= values;
        bytes = rest;
    }
    Ok(())
}

/// Bits past the end read as zero.
fn unpack(packed: &[u8], width: usize, values: u64, take: &mut impl FnMut(u32, u64)) {
    let mask = u64::MAX >> (64 - width);
    let (mut held, mut bits, mut next) = (0u64, 0, packed.iter());
    for taken in 0..values {
        while bits < width {
            let Some(&byte) = next.next() else {
                // Nothing but zeros is left.
                take(0, values - taken);
                return;
            };
            held |= u64::from(byte) << bits;
            bits += 8;
        }
        take((held & mask) as u32, 1);
        held >>= width;
        bits -= width;
    }
}

fn varint(bytes: &mut &[u8]) -> Result<u32, Damage> {
    let mut value = 0u32;
    for shift in (0..35).step_by(7) {
        let (&byte, rest) = bytes.split_first().ok_or(Damage::EndsEarly)?;
        *bytes = rest;
        value |= u32::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(Damage::Says("a run length of more than five bytes"))
}

/// The same, read bit by bit of what there is, as many values at a time as are wanted.
pub(super) struct Runs {
    bytes: Bytes,
    at: usize,
    width: usize,
    /// Values that are left of the run or of the groups that were begun.
    left: u64,
    begun: Begun,
}

enum Begun {
    Same(u32),
    /// Packed values from this bit on, to the end of these bytes.
    Packed {
        bit: usize,
        end: usize,
    },
}

impl Runs {
    pub(super) fn new(bytes: Bytes, width: u8) -> Result<Runs, Damage> {
        if width > 32 {
            return Err(TOO_WIDE);
        }
        Ok(Runs { bytes, at: 0, width: width.into(), left: 0, begun: Begun::Same(0) })
    }

    /// Returns the value that the next ones all are, if they are of one run; they are read then.
    pub(super) fn same(&mut self, count: usize) -> Option<u32> {
        if self.left == 0 {
            // What is wrong with it is said where values are read.
            self.begin().ok()?;
        }
        match self.begun {
            Begun::Same(value) if self.left >= count as u64 => {
                self.left -= count as u64;
                Some(value)
            }
            _ => None,
        }
    }

    /// Adds the next values.
    pub(super) fn extend(&mut self, count: usize, values: &mut Vec<u32>) -> Result<(), Damage> {
        let mut wanted = count;
        while wanted > 0 {
            if self.left == 0 {
                self.begin()?;
                continue;
            }
            let now = self.left.min(wanted as u64) as usize;
            match &mut self.begun {
                Begun::Same(value) => values.extend(std::iter::repeat_n(*value, now)),
                Begun::Packed { bit, end } => {
                    unpack_from(&self.bytes[..*end], *bit, self.width, now, values);
                    *bit += now * self.width;
                }
            }
            self.left -= now as u64;
            wanted -= now;
        }
        Ok(())
    }

    fn begin(&mut self) -> Result<(), Damage> {
        let mut rest = &self.bytes[self.at..];
        let head = varint(&mut rest)?;
        let begin = self.bytes.len() - rest.len();
        self.left = u64::from(head >> 1);
        if head & 1 == 0 {
            let (value, rest) = rest.split_at_checked(self.width.div_ceil(8)).ok_or(Damage::EndsEarly)?;
            self.begun = Begun::Same(number(value));
            self.at = self.bytes.len() - rest.len();
        } else {
            // The last group may be cut: bits past the end are zeros.
            let len =
                usize::try_from(self.left.saturating_mul(self.width as u64)).unwrap_or(usize::MAX).min(rest.len());
            self.left = self.left.saturating_mul(8);
            self.at = begin + len;
            self.begun = Begun::Packed { bit: 8 * begin, end: self.at };
        }
        Ok(())
    }
}

/// Adds so many packed values from a bit on; bits past the end read as zero.
fn unpack_from(bytes: &[u8], bit: usize, width: usize, count: usize, values: &mut Vec<u32>) {
    let mask = (1u64 << width) - 1;
    let done = match bit % 8 {
        0 => unpack_groups(&bytes[(bit / 8).min(bytes.len())..], width, count / 8, values),
        _ => 0,
    };
    values.extend((done..count).map(|i| {
        let bit = bit + i * width;
        let rest = bytes.get(bit / 8..).unwrap_or(&[]);
        let window = match rest.first_chunk() {
            Some(window) => u64::from_le_bytes(*window),
            None => rest.iter().rev().fold(0, |window, &byte| window << 8 | u64::from(byte)),
        };
        (window >> (bit % 8) & mask) as u32
    }));
}

/// Adds groups of eight values, which take `width` bytes each, as long as bytes enough follow; returns the number of values.
fn unpack_groups(bytes: &[u8], width: usize, groups: usize, values: &mut Vec<u32>) -> usize {
    /// Bytes in which a value lies with the bits before it.
    const WINDOW: usize = 8;
    if width == 0 || bytes.len() < WINDOW {
        return 0;
    }
    let mask = (1u64 << width) - 1;
    // Where a value lies is the same in each group.
    let places: [(usize, usize); 8] = std::array::from_fn(|i| (i * width / 8, i * width % 8));
    let groups = groups.min((bytes.len() - WINDOW) / width);
    values.reserve(8 * groups);
    match width {
        8 => values.extend(bytes[..8 * groups].iter().map(|byte| u32::from(*byte))),
        16 => {
            let (packed, _) = bytes[..16 * groups].as_chunks();
            values.extend(packed.iter().map(|value| u32::from(u16::from_le_bytes(*value))));
        }
        _ => {
            for group in 0..groups {
                let group = &bytes[group * width..][..width + WINDOW];
                let mut eight = [0; 8];
                for (value, (byte, bit)) in eight.iter_mut().zip(places) {
                    let Some(window) = group.get(byte..).and_then(|rest| rest.first_chunk()) else { continue };
                    *value = (u64::from_le_bytes(*window) >> bit & mask) as u32;
                }
                values.extend_from_slice(&eight);
            }
        }
    }
    8 * groups
}

fn number(bytes: &[u8]) -> u32 {
    bytes.iter().rev().fold(0, |value, &byte| value << 8 | u32::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], width: u8, count: u64, expected: Result<&[(u32, u64)], Damage>) {
        let mut got = Vec::new();
        let outcome = runs(bytes, width, count, |value, times| got.push((value, times)));
        assert_eq!(outcome.map(|()| &got[..]), expected, "{bytes:02x?}");
    }

    #[test]
    fn runs_and_groups_alternate() {
        check(&[0x08, 0x05], 3, 4, Ok(&[(5, 4)]));
        check(&[0x08, 0x05], 3, 3, Ok(&[(5, 3)]));
        check(
            &[0x03, 0b1000_1000, 0b1100_0110, 0b1111_1010],
            3,
            8,
            Ok(&[(0, 1), (1, 1), (2, 1), (3, 1), (4, 1), (5, 1), (6, 1), (7, 1)]),
        );
        check(&[0x04, 0x00, 0x01, 0x06, 0x02, 0x03], 9, 5, Ok(&[(256, 2), (770, 3)]));
    }

    #[test]
    fn what_ends_early_is_seen() {
        check(&[], 1, 1, Err(Damage::EndsEarly));
        check(&[0x08], 8, 4, Err(Damage::EndsEarly));
        check(&[0xff; 6], 8, 4, Err(Damage::Says("a run length of more than five bytes")));
        check(&[0x03], 4, 8, Ok(&[(0, 8)]));
    }

    #[test]
    fn empty_runs_end() {
        check(&[0x00, 0x07, 0x00, 0x07], 8, 1, Err(Damage::EndsEarly));
    }
}
