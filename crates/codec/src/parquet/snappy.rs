//! Snappy blocks, unpacked without a branch on what comes next.
//!
//! A block is a row of pieces: bytes that follow as they are, or a place among the bytes before. Of texts the pieces are short, and
//! which kind comes next and how long it is is as good as random: a branch on that costs more than the copying. So a window of packed
//! bytes lies in one buffer with the unpacked ones, where either kind is a copy from one place to another, always of [`STEP`] bytes; what
//! is too much is written over by the next piece. And where the next piece would begin is known of every byte of the window
//! beforehand, many at a time: one piece waits for the other no longer than for a number to be fetched.
//! Source: the format description of Google's snappy.

use std::hint::select_unpredictable;

use bytes::Bytes;

use super::room::Rooms;

/// Bytes that are copied at once.
const STEP: usize = 16;

/// Longest piece that is copied so.
const SHORT: usize = 4 * STEP;

/// Room behind the unpacked bytes and behind the window: copies and looks ahead go past the ends of both.
const SLACK: usize = 2 * SHORT;

/// Bytes of a tag with its offset, of those pieces that are short.
const TAG: usize = 4;

/// Packed bytes whose pieces are told beforehand.
const WINDOW: usize = 2048;

/// Returns the `len` bytes that `packed` holds, or what is wrong with it.
pub(super) fn unpack(packed: &[u8], len: usize, rooms: &Rooms) -> Result<Bytes, String> {
    let (claimed, head) = claimed(packed).ok_or("a block without its length")?;
    if claimed != len as u64 {
        return Err(format!("{claimed} bytes where the page states {len}"));
    }
    let mut all = rooms.take(len + SLACK + WINDOW + SLACK);
    // So it lies in the cache: each piece would wait for its place to be fetched.
    all.fill(0);
    Block { packed: &packed[head..], len }.unpack(&mut all).ok_or("a damaged block")?;
    Ok(rooms.lend(all, len))
}

/// Returns the length that a block begins with, and the bytes that it takes.
fn claimed(packed: &[u8]) -> Option<(u64, usize)> {
    let mut len = 0;
    for (i, byte) in packed.iter().take(5).enumerate() {
        len |= u64::from(byte & 0x7F) << (7 * i);
        if byte & 0x80 == 0 {
            return Some((len, i + 1)).filter(|_| len <= u64::from(u32::MAX));
        }
    }
    None
}

#[derive(Clone, Copy)]
struct Block<'a> {
    packed: &'a [u8],
    /// Bytes that are to be unpacked.
    len: usize,
}

impl Block<'_> {
    /// Unpacks all pieces to the front of a buffer that has room for a window too; nothing where they are not those of such a block.
    fn unpack(self, all: &mut [u8]) -> Option<()> {
        let window = self.len + SLACK;
        // Before it there is room for a piece, which is compared once, so that no copy compares it again.
        let end = all.len().checked_sub(SHORT)?;
        let (mut ahead, mut steps) = ([0; WINDOW + TAG], [0; WINDOW]);
        let (mut read, mut done) = (0, 0_usize);
        while read < self.packed.len() {
            let part = &self.packed[read..];
            let part = &part[..part.len().min(WINDOW + SLACK)];
            all[window..][..part.len()].copy_from_slice(part);
            let tags = part.len().min(ahead.len());
            ahead[..tags].copy_from_slice(&part[..tags]);
            let part = &part[..part.len().min(WINDOW)];
            for (step, tag) in steps.iter_mut().zip(part) {
                *step = if tag & 3 == 0 { (tag >> 2) + 2 } else { (tag & 3) + 1 };
            }
            let mut at = 0;
            while at < part.len() {
                let next = u32::from_le_bytes(*ahead[at % WINDOW..].first_chunk().expect("a tag's bytes are behind"));
                let Piece { mask, high, len } = Piece::TABLE[usize::from(next as u8)];
                let (offset, len) = ((next >> 8) as usize & usize::from(mask) | usize::from(high), usize::from(len));
                let from = select_unpredictable(next & 3 == 0, window + at + 1, done.wrapping_sub(offset));
                // Of bytes that follow as they are, the distance is more than any length.
                if (done.wrapping_sub(from) < len) | (len > SHORT) | (from > end) | (done > end) {
                    let reached;
                    (reached, done) = self.rare(all, read + at, done)?;
                    at = reached - read;
                    continue;
                }
                // Written is no further than what lies behind the last byte, which is seen at the end.
                let step: [u8; STEP] = *all[from..].first_chunk().expect("there is room before the end");
                *all[done..].first_chunk_mut().expect("there is room before the end") = step;
                if len > STEP {
                    all.copy_within(from + STEP..from + SHORT, done + STEP);
                }
                done += len;
                at += usize::from(steps[at % WINDOW]);
            }
            read += at;
        }
        (read == self.packed.len() && done == self.len).then_some(())
    }

    /// Unpacks one piece, such as a long literal or one that repeats itself; returns what was reached.
    #[cold]
    fn rare(self, all: &mut [u8], at: usize, done: usize) -> Option<(usize, usize)> {
        let (&tag, rest) = self.packed.get(at..)?.split_first()?;
        let (kind, upper) = (usize::from(tag & 3), usize::from(tag >> 2));
        let number = |bytes: usize| -> Option<usize> {
            Some(rest.get(..bytes)?.iter().rev().fold(0, |number, &byte| number << 8 | usize::from(byte)))
        };
        if kind == 0 {
            let bytes = upper.saturating_sub(59);
            let len = if bytes == 0 { upper } else { number(bytes)? } + 1;
            let literal = rest.get(bytes..)?.get(..len)?;
            all[..self.len].get_mut(done..)?.get_mut(..len)?.copy_from_slice(literal);
            return Some((at + 1 + bytes + len, done + len));
        }
        let bytes = [0, 1, 2, 4][kind];
        let (high, len) = if kind == 1 { (upper >> 3 << 8, 4 + (upper & 7)) } else { (0, upper + 1) };
        let offset = number(bytes)? | high;
        if offset == 0 || offset > done || len > self.len.checked_sub(done)? {
            return None;
        }
        for to in done..done + len {
            all[to] = all[to - offset];
        }
        Some((at + 1 + bytes, done + len))
    }
}

/// What a tag says of a piece.
#[derive(Clone, Copy)]
struct Piece {
    /// What belongs to the offset of the bytes behind the tag.
    mask: u16,
    /// The upper part of the offset.
    high: u16,
    len: u8,
}

impl Piece {
    /// One that is too long to be short: of a literal that states its length behind the tag, or an offset of four bytes.
    const RARE: Piece = Piece { mask: 0, high: 0, len: u8::MAX };

    const TABLE: [Piece; 256] = {
        let mut table = [Piece::RARE; 256];
        let mut tag = 0;
        while tag < 256 {
            let upper = tag as u8 >> 2;
            table[tag] = match tag & 3 {
                0 if upper >= 60 => Piece::RARE,
                1 => Piece { mask: 0xFF, high: (upper as u16 >> 3) << 8, len: 4 + (upper & 7) },
                3 => Piece::RARE,
                _ => Piece { mask: 0xFFFF, high: 0, len: upper + 1 },
            };
            tag += 1;
        }
        table
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Unpacks as the crate does, or refuses what it refuses.
    fn check(packed: &[u8], len: usize) {
        let mut expected = vec![0; len];
        let known = snap::raw::decompress_len(packed).is_ok_and(|claimed| claimed == len)
            && snap::raw::Decoder::new().decompress(packed, &mut expected).is_ok();
        let got = unpack(packed, len, &Rooms::default());
        assert_eq!(got.as_deref().ok(), known.then_some(&expected[..]), "{got:?} of {packed:02x?}");
    }

    fn random(state: &mut u64) -> usize {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*state >> 33) as usize
    }

    /// Texts with repetitions near and far, and of all lengths.
    fn texts() -> impl Iterator<Item = Vec<u8>> {
        let mut state = 5;
        (0..60).map(move |i| {
            let mut text = Vec::new();
            while text.len() < i * i * 30 {
                let len = 1 + random(&mut state) % [6, 12, 70, 400][i % 4];
                if random(&mut state).is_multiple_of(3) || text.is_empty() {
                    text.extend((0..len).map(|_| random(&mut state) as u8));
                } else {
                    let from = text.len() - 1 - random(&mut state) % text.len().min([8, 300, 100_000][i % 3]);
                    (from..from + len).for_each(|at| text.push(text[at]));
                }
            }
            text
        })
    }

    #[test]
    fn what_was_packed_is_unpacked() {
        for text in texts() {
            let packed = snap::raw::Encoder::new().compress_vec(&text).unwrap();
            assert_eq!(unpack(&packed, text.len(), &Rooms::default()).as_deref(), Ok(&text[..]));
            check(&packed, text.len() + 1);
        }
    }

    #[test]
    fn damaged_blocks_are_those_of_the_crate() {
        let mut state = 9;
        for text in texts().step_by(4).filter(|text| text.len() < 10_000) {
            let packed = snap::raw::Encoder::new().compress_vec(&text).unwrap();
            for _ in 0..400 {
                let mut spoiled = packed.clone();
                for _ in 0..=random(&mut state) % 3 {
                    let at = random(&mut state) % spoiled.len();
                    spoiled[at] = random(&mut state) as u8;
                }
                check(&spoiled, text.len());
                check(&packed[..random(&mut state) % packed.len()], text.len());
            }
        }
    }

    #[test]
    fn rare_pieces_are_unpacked() {
        // A copy with an offset of four bytes, one that repeats a byte, a literal that states its length in three bytes.
        check(&[6, 0b1000, b'a', b'b', b'c', 0b1011, 3, 0, 0, 0], 6);
        check(&[64, 0, b'x', 0b1111_1010, 1, 0], 64);
        check(&[3, 62 << 2, 2, 0, 0, b'a', b'b', b'c'], 3);
        // Offsets of nothing and past the beginning, a piece longer than what is left, bytes after the last piece.
        check(&[4, 0, b'x', 0b1010, 0, 0], 4);
        check(&[4, 0, b'x', 0b1010, 2, 0], 4);
        check(&[2, 0, b'x', 0b1010, 1, 0], 2);
        check(&[1, 0, b'x', 0], 1);
        check(&[0x80, 0x80, 0x80, 0x80, 0x80, 0], 0);
    }
}
