//! Pages: where bytes come from, and what stands before each page.

use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
    sync::Mutex,
};

use ::parquet::basic::{Encoding, PageType};
use bytes::Bytes;

use super::{
    Damage,
    room::Rooms,
    thrift::{Thrift, Wire},
};
use crate::error::CodecError;

/// The file: in memory, or on disk and read by ranges.
#[derive(Debug)]
pub(super) enum Input {
    Memory(Bytes),
    File { file: Mutex<File>, len: u64 },
}

impl Input {
    pub(super) fn file(file: File) -> Result<Input, CodecError> {
        let len = file.metadata()?.len();
        Ok(Input::File { file: Mutex::new(file), len })
    }

    pub(super) fn len(&self) -> u64 {
        match self {
            Input::Memory(bytes) => bytes.len() as u64,
            Input::File { len, .. } => *len,
        }
    }

    /// Returns the range, which the caller has compared with the length.
    pub(super) fn get(&self, at: u64, len: usize, rooms: &Rooms) -> Result<Bytes, CodecError> {
        match self {
            Input::Memory(bytes) => Ok(bytes.slice(at as usize..at as usize + len)),
            Input::File { file, .. } => {
                let mut file = file.lock().expect("reading does not panic");
                file.seek(SeekFrom::Start(at))?;
                let mut room = rooms.take(len);
                file.read_exact(&mut room[..len])?;
                Ok(rooms.lend(room, len))
            }
        }
    }
}

/// What stands before a page.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Header {
    pub(super) kind: PageType,
    /// Bytes in the file.
    pub(super) packed: usize,
    /// Bytes in memory.
    pub(super) unpacked: usize,
    pub(super) values: u32,
    pub(super) encoding: Encoding,
    pub(super) levels: Levels,
}

/// How the levels before a data page's values lie.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Levels {
    /// Compressed with the values, each run of levels under its own length.
    Within { definition: Encoding, repetition: Encoding },
    /// Before the values and never compressed.
    Before { definition: u32, repetition: u32, nulls: u32, rows: u32, compressed: bool },
}

/// Reads the header of a page; returns it with its length.
pub(super) fn header(bytes: &[u8]) -> Result<(Header, usize), Damage> {
    let mut raw = Raw { kind: None, unpacked: None, packed: None, data: None, dictionary: None, data_v2: None };
    let mut thrift = Thrift::new(bytes);
    thrift.structure(|t, id, wire| {
        match id {
            1 => raw.kind = Some(t.i32(wire)?),
            2 => raw.unpacked = Some(t.i32(wire)?),
            3 => raw.packed = Some(t.i32(wire)?),
            5 if wire == Wire::Struct => raw.data = Some(fields(t)?),
            7 if wire == Wire::Struct => raw.dictionary = Some(fields(t)?),
            8 if wire == Wire::Struct => raw.data_v2 = Some(fields(t)?),
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok((check(&raw)?, thrift.at()))
}

/// The numbers of a header by their field; `true` is 1, and what is missing is none.
type Fields = [Option<i32>; 8];

struct Raw {
    kind: Option<i32>,
    unpacked: Option<i32>,
    packed: Option<i32>,
    data: Option<Fields>,
    dictionary: Option<Fields>,
    data_v2: Option<Fields>,
}

fn fields(t: &mut Thrift<'_>) -> Result<Fields, Damage> {
    let mut fields = Fields::default();
    t.structure(|t, id, wire| {
        let Some(field) = usize::try_from(id).ok().and_then(|id| fields.get_mut(id)) else { return Ok(false) };
        *field = Some(match wire {
            Wire::I32 => t.i32(wire)?,
            Wire::True => 1,
            Wire::False => 0,
            _ => return Ok(false),
        });
        Ok(true)
    })?;
    Ok(fields)
}

fn check(raw: &Raw) -> Result<Header, Damage> {
    const LACKS: Damage = Damage::Says("a page header that lacks a required field");
    let count = |n: Option<i32>| {
        u32::try_from(n.ok_or(LACKS)?).map_err(|_| Damage::Says("a page header with a negative count or size"))
    };
    let (packed, unpacked) = (count(raw.packed)? as usize, count(raw.unpacked)? as usize);
    let plain = Levels::Within { definition: Encoding::RLE, repetition: Encoding::RLE };
    let header = |kind, values, encoding, levels| Ok(Header { kind, packed, unpacked, values, encoding, levels });
    match raw.kind.ok_or(LACKS)? {
        0 => {
            let f = raw.data.ok_or(LACKS)?;
            let levels = Levels::Within { definition: encoding(f[3])?, repetition: encoding(f[4])? };
            header(PageType::DATA_PAGE, count(f[1])?, encoding(f[2])?, levels)
        }
        1 => header(PageType::INDEX_PAGE, 0, Encoding::PLAIN, plain),
        2 => {
            let f = raw.dictionary.ok_or(LACKS)?;
            header(PageType::DICTIONARY_PAGE, count(f[1])?, encoding(f[2])?, plain)
        }
        3 => {
            let f = raw.data_v2.ok_or(LACKS)?;
            let (nulls, rows, definition, repetition) = (count(f[2])?, count(f[3])?, count(f[5])?, count(f[6])?);
            let sizes = definition as usize + repetition as usize;
            if sizes > unpacked || sizes > packed {
                return Err(Damage::Says("a page whose levels are longer than the page"));
            }
            let compressed = f[7] != Some(0);
            let levels = Levels::Before { definition, repetition, nulls, rows, compressed };
            header(PageType::DATA_PAGE_V2, count(f[1])?, encoding(f[4])?, levels)
        }
        _ => Err(Damage::Says("a page of unknown type")),
    }
}

fn encoding(code: Option<i32>) -> Result<Encoding, Damage> {
    Ok(match code {
        Some(0) => Encoding::PLAIN,
        Some(2) => Encoding::PLAIN_DICTIONARY,
        Some(3) => Encoding::RLE,
        #[expect(deprecated, reason = "levels of old files are written so")]
        Some(4) => Encoding::BIT_PACKED,
        Some(5) => Encoding::DELTA_BINARY_PACKED,
        Some(6) => Encoding::DELTA_LENGTH_BYTE_ARRAY,
        Some(7) => Encoding::DELTA_BYTE_ARRAY,
        Some(8) => Encoding::RLE_DICTIONARY,
        Some(9) => Encoding::BYTE_STREAM_SPLIT,
        _ => return Err(Damage::Says("a page of unknown encoding")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], expected: Result<(PageType, usize, usize, u32), Damage>) {
        let got = header(bytes).map(|(h, len)| {
            assert_eq!(len, bytes.len());
            (h.kind, h.packed, h.unpacked, h.values)
        });
        assert_eq!(got, expected, "{bytes:02x?}");
    }

    #[test]
    fn headers_are_read_and_compared() {
        // Fields: 1 type, 2 unpacked, 3 packed, then 7 dictionary {1 values, 2 encoding}.
        check(&[0x15, 4, 0x15, 20, 0x15, 10, 0x4c, 0x15, 6, 0x15, 0, 0, 0], Ok((PageType::DICTIONARY_PAGE, 5, 10, 3)));
        check(
            &[0x15, 0, 0x15, 20, 0x15, 10, 0x2c, 0x15, 6, 0x15, 0, 0x15, 6, 0x15, 6, 0, 0],
            Ok((PageType::DATA_PAGE, 5, 10, 3)),
        );
        let negative = Err(Damage::Says("a page header with a negative count or size"));
        check(&[0x15, 4, 0x15, 20, 0x15, 1, 0x4c, 0x15, 6, 0x15, 0, 0, 0], negative);
        check(&[0x15, 4, 0x15, 20, 0x15, 10, 0x4c, 0x15, 5, 0x15, 0, 0, 0], negative);
        check(
            &[0x15, 4, 0x15, 20, 0x15, 10, 0x4c, 0x15, 6, 0x15, 22, 0, 0],
            Err(Damage::Says("a page of unknown encoding")),
        );
        check(&[0x15, 8, 0x15, 20, 0x15, 10, 0], Err(Damage::Says("a page of unknown type")));
        check(&[0x15, 4, 0x15, 20, 0x15, 10, 0], Err(Damage::Says("a page header that lacks a required field")));
        check(&[0x15, 4, 0x15, 20], Err(Damage::EndsEarly));
    }
}
