//! Decompression of a page to exactly the size that its header states.
//!
//! The output is bounded by that size in every codec, so a page that inflates to more costs no more than it said.

use std::io::Read;

use bytes::Bytes;

use super::{room::Rooms, snappy};

/// How the pages of a chunk are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Codec {
    None,
    Snappy,
    Gzip,
    Brotli,
    /// Hadoop's framing of blocks, or what some writers put in its place: a frame of LZ4's own, or a bare block.
    Lz4,
    Zstd,
    Lz4Raw,
}

impl Codec {
    /// Returns the codec of this number in the format, or the name of what is refused.
    pub(super) fn of(code: i32) -> Result<Codec, String> {
        Ok(match code {
            0 => Codec::None,
            1 => Codec::Snappy,
            2 => Codec::Gzip,
            3 => return Err("compression with LZO".to_owned()),
            4 => Codec::Brotli,
            5 => Codec::Lz4,
            6 => Codec::Zstd,
            7 => Codec::Lz4Raw,
            _ => return Err(format!("the unknown compression codec {code}")),
        })
    }

    /// Returns the `len` bytes that `packed` holds, or what is wrong with it.
    pub(super) fn unpack(self, packed: &Bytes, len: usize, rooms: &Rooms) -> Result<Bytes, String> {
        let unpacked = match self {
            Codec::None if packed.len() == len => return Ok(packed.clone()),
            Codec::None => return Err(wrong_size(packed.len(), len)),
            // A page of nothing but nulls holds no bytes, whatever its codec makes of that.
            _ if len == 0 => return Ok(Bytes::new()),
            Codec::Snappy => return snappy::unpack(packed, len, rooms),
            Codec::Gzip => to_end(flate2::read::MultiGzDecoder::new(&packed[..]), len),
            Codec::Brotli => to_end(brotli::Decompressor::new(&packed[..], 4096), len),
            Codec::Zstd => zstd::bulk::decompress(packed, len).map_err(|e| e.to_string()),
            Codec::Lz4Raw => lz4_block(packed, len),
            Codec::Lz4 => lz4_hadoop(packed, len)
                .or_else(|_| to_end(lz4_flex::frame::FrameDecoder::new(&packed[..]), len))
                .or_else(|_| lz4_block(packed, len)),
        }?;
        if unpacked.len() == len { Ok(unpacked.into()) } else { Err(wrong_size(unpacked.len(), len)) }
    }
}

fn wrong_size(got: usize, stated: usize) -> String {
    format!("{got} bytes where the page states {stated}")
}

/// Reads one byte more than stated, to see that there is none.
fn to_end(reader: impl Read, len: usize) -> Result<Vec<u8>, String> {
    /// A page that states much and holds little is not given its room at once.
    const ROOM_MAX: usize = 1 << 20;
    let mut out = Vec::with_capacity(len.saturating_add(1).min(ROOM_MAX));
    match reader.take(len as u64 + 1).read_to_end(&mut out) {
        Err(e) => Err(e.to_string()),
        Ok(_) if out.len() > len => Err(format!("more than the {len} bytes that the page states")),
        Ok(_) => Ok(out),
    }
}

fn lz4_block(packed: &[u8], len: usize) -> Result<Vec<u8>, String> {
    let mut out = vec![0; len];
    let got = lz4_flex::block::decompress_into(packed, &mut out).map_err(|e| e.to_string())?;
    out.truncate(got);
    Ok(out)
}

/// Blocks one after the other, each under its two sizes, big-endian: unpacked, packed.
fn lz4_hadoop(mut packed: &[u8], len: usize) -> Result<Vec<u8>, String> {
    let mut out = vec![0; len];
    let mut at = 0usize;
    while !packed.is_empty() {
        let (head, rest) = packed.split_first_chunk::<8>().ok_or("a block header that ends early")?;
        let size = |b: &[u8]| b.iter().fold(0usize, |n, &b| n << 8 | usize::from(b));
        let (unpacked, block) = (size(&head[..4]), size(&head[4..]));
        let room = out.get_mut(at..at.saturating_add(unpacked)).ok_or("blocks of more bytes than the page states")?;
        let block = rest.get(..block).ok_or("a block that ends early")?;
        let got = lz4_flex::block::decompress_into(block, room).map_err(|e| e.to_string())?;
        if got != unpacked {
            return Err(wrong_size(got, unpacked));
        }
        at += got;
        packed = &rest[block.len()..];
    }
    out.truncate(at);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    const TEXT: &[u8] = b"page page page page page page page page page page page page page";

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn brotli(text: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        brotli::CompressorWriter::new(&mut out, 4096, 1, 20).write_all(text).unwrap();
        out
    }

    fn hadoop(text: &[u8]) -> Vec<u8> {
        let block = lz4_flex::block::compress(text);
        let head = [(text.len() as u32).to_be_bytes(), (block.len() as u32).to_be_bytes()].concat();
        [head, block].concat()
    }

    fn frame(text: &[u8]) -> Vec<u8> {
        let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    /// Unpacks at the stated size, and refuses to at any other, or cut short.
    fn check(codec: Codec, packed: Vec<u8>) {
        let (packed, rooms) = (Bytes::from(packed), Rooms::default());
        assert_eq!(codec.unpack(&packed, TEXT.len(), &rooms).as_deref(), Ok(TEXT), "{codec:?}");
        for len in [TEXT.len() - 1, TEXT.len() + 1, TEXT.len() * 2] {
            assert!(codec.unpack(&packed, len, &rooms).is_err(), "{codec:?} at {len}");
        }
        assert!(codec.unpack(&packed.slice(..packed.len() / 2), TEXT.len(), &rooms).is_err(), "{codec:?} cut");
        assert!(codec.unpack(&Bytes::new(), TEXT.len(), &rooms).is_err(), "{codec:?} of nothing");
        assert_eq!(codec.unpack(&Bytes::new(), 0, &rooms).as_deref(), Ok(&b""[..]), "{codec:?} of nothing to nothing");
    }

    #[test]
    fn pages_unpack_to_what_they_state_and_to_nothing_else() {
        check(Codec::None, TEXT.to_vec());
        check(Codec::Snappy, snap::raw::Encoder::new().compress_vec(TEXT).unwrap());
        check(Codec::Gzip, gzip(TEXT));
        check(Codec::Brotli, brotli(TEXT));
        check(Codec::Zstd, zstd::bulk::compress(TEXT, 1).unwrap());
        check(Codec::Lz4Raw, lz4_flex::block::compress(TEXT));
        check(Codec::Lz4, lz4_flex::block::compress(TEXT));
        check(Codec::Lz4, hadoop(TEXT));
        check(Codec::Lz4, [hadoop(&TEXT[..30]), hadoop(&TEXT[30..])].concat());
        check(Codec::Lz4, frame(TEXT));
    }

    #[test]
    fn lzo_is_refused_by_name() {
        assert_eq!(Codec::of(3), Err("compression with LZO".to_owned()));
        assert_eq!(Codec::of(8), Err("the unknown compression codec 8".to_owned()));
    }
}
