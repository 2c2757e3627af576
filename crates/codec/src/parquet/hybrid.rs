//! The hybrid of runs and bit-packed groups that levels and dictionary indices are written in.

use super::Damage;

/// Calls `take` with each value and how often it is repeated, until `count` values are read.
pub(super) fn runs(mut bytes: &[u8], width: u8, count: u64, mut take: impl FnMut(u32, u64)) -> Result<(), Damage> {
    if width > 32 {
        return Err(Damage::Says("values of more than 32 bits"));
    }
    let width = usize::from(width);
    let mut left = count;
    while left > 0 {
        let head = varint(&mut bytes)?;
        if head & 1 == 0 {
            let (value, rest) = bytes.split_at_checked(width.div_ceil(8)).ok_or(Damage::EndsEarly)?;
            let repeated = left.min(u64::from(head >> 1));
            take(value.iter().rev().fold(0, |value, &byte| value << 8 | u32::from(byte)), repeated);
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
