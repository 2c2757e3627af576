//! Bodies that come and go compressed: deflate, gzip and zstd.
//!
//! What is unpacked grows to a stated size and no further, whatever the bytes claim; a zstd frame's window is bounded as for
//! HTTP (RFC 9659). What HTTP and gRPC call deflate is the zlib format (RFC 9110, 8.4.1.2).

use std::io::{self, Read, Write};

use flate2::{
    Compression, Decompress, FlushDecompress, Status,
    bufread::MultiGzDecoder,
    write::{GzEncoder, ZlibEncoder},
};

use crate::error::CodecError;

/// How bytes are compressed, by HTTP's names; the one that does best comes last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Coding {
    Deflate,
    Gzip,
    Zstd,
}

/// The logarithm of the largest window of a zstd frame: 8 MiB.
const WINDOW_LOG_MAX: u32 = 23;

/// Room for unpacked bytes at first, as a multiple of the packed ones.
const RATIO: usize = 4;

impl Coding {
    pub const ALL: [Coding; 3] = [Coding::Deflate, Coding::Gzip, Coding::Zstd];

    pub const fn name(self) -> &'static str {
        match self {
            Coding::Deflate => "deflate",
            Coding::Gzip => "gzip",
            Coding::Zstd => "zstd",
        }
    }

    /// Returns the coding of this name.
    pub fn from_name(name: &str) -> Option<Coding> {
        match name {
            name if name.eq_ignore_ascii_case("deflate") => Some(Coding::Deflate),
            name if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") => Some(Coding::Gzip),
            name if name.eq_ignore_ascii_case("zstd") => Some(Coding::Zstd),
            _ => None,
        }
    }

    /// Returns what was packed; `key` is the setting that bounds its size.
    pub fn unpack(self, packed: &[u8], bytes_max: usize, key: &'static str) -> Result<Vec<u8>, CodecError> {
        let damaged = |error: io::Error| CodecError::Damaged { format: self.name(), what: error.to_string() };
        let mut bytes = Vec::with_capacity(packed.len().saturating_mul(RATIO).min(bytes_max));
        // One byte past the limit shows that there is more.
        let most = (bytes_max as u64).saturating_add(1);
        let read = match self {
            Coding::Deflate => inflate(packed, bytes_max.saturating_add(1), &mut bytes),
            Coding::Gzip => MultiGzDecoder::new(packed).take(most).read_to_end(&mut bytes),
            Coding::Zstd => {
                let mut reader = zstd::stream::read::Decoder::with_buffer(packed).map_err(damaged)?;
                reader.window_log_max(WINDOW_LOG_MAX).map_err(damaged)?;
                reader.take(most).read_to_end(&mut bytes)
            }
        };
        read.map_err(damaged)?;
        if bytes.len() > bytes_max {
            let what = format!("the body unpacked from {}", self.name());
            return Err(CodecError::TooLarge { what, got: bytes.len() as u64, limit: bytes_max as u64, key });
        }
        Ok(bytes)
    }

    /// Returns the bytes packed, quickly rather than small.
    pub fn pack(self, bytes: &[u8]) -> Result<Vec<u8>, CodecError> {
        match self {
            Coding::Deflate => {
                let mut writer = ZlibEncoder::new(Vec::with_capacity(bytes.len() / RATIO), Compression::fast());
                writer.write_all(bytes)?;
                Ok(writer.finish()?)
            }
            Coding::Gzip => {
                let mut writer = GzEncoder::new(Vec::with_capacity(bytes.len() / RATIO), Compression::fast());
                writer.write_all(bytes)?;
                Ok(writer.finish()?)
            }
            Coding::Zstd => Ok(zstd::bulk::compress(bytes, 1)?),
        }
    }
}

/// Adds what a zlib stream holds, up to so many bytes; the stream is all of the input. (flate2's own reader takes one that is cut short.)
fn inflate(packed: &[u8], most: usize, out: &mut Vec<u8>) -> io::Result<usize> {
    const ROOM: usize = 4096;
    let mut stream = Decompress::new(true);
    while out.len() < most {
        out.reserve((most - out.len()).min(out.len().max(ROOM)));
        let before = (stream.total_in(), out.len());
        let rest = &packed[stream.total_in() as usize..];
        let status = stream.decompress_vec(rest, out, FlushDecompress::None)?;
        let (read, is_whole) = (stream.total_in(), stream.total_in() == packed.len() as u64);
        match status {
            Status::StreamEnd if is_whole => break,
            Status::StreamEnd => return Err(io::Error::other("bytes behind the end of the stream")),
            Status::Ok | Status::BufError if (read, out.len()) == before => {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the stream is cut short"));
            }
            Status::Ok | Status::BufError => {}
        }
    }
    Ok(out.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_comes_back_within_its_bound() {
        let text = b"forebay ".repeat(1000);
        for coding in Coding::ALL {
            let packed = coding.pack(&text).expect("memory takes every byte");
            assert!(packed.len() < text.len() / 10, "{coding:?}");
            assert_eq!(coding.unpack(&packed, text.len(), "key").expect("sound"), text);
            let error = coding.unpack(&packed, text.len() - 1, "key").expect_err("over the bound").to_string();
            assert!(error.contains("more than the limit 7999 (key)"), "{error}");
            // Two members, one after the other, are one body; zlib has no members.
            let twice = coding.unpack(&packed.repeat(2), 2 * text.len(), "key").map(|twice| twice.len());
            match coding {
                Coding::Deflate => assert!(twice.is_err()),
                _ => assert_eq!(twice.expect("sound"), 2 * text.len()),
            }
        }
    }

    #[test]
    fn what_was_not_packed_so_is_refused() {
        for coding in Coding::ALL {
            let packed = coding.pack(b"forebay").expect("memory takes every byte");
            for bytes in [&b"{}"[..], &packed[..packed.len() - 3]] {
                assert!(coding.unpack(bytes, 100, "key").is_err(), "{coding:?} {bytes:?}");
            }
        }
    }

    #[test]
    fn a_bomb_grows_no_further_than_its_bound() {
        for coding in Coding::ALL {
            let packed = coding.pack(&vec![0; 64 << 20]).expect("memory takes every byte");
            assert!(coding.unpack(&packed, 1 << 20, "key").is_err());
        }
    }
}
