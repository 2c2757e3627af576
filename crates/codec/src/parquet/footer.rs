//! The footer: where the file says what it holds. Read and checked here, never handed to a crate.

use super::{
    Damage, Limits, damaged,
    page::Input,
    room::Rooms,
    thrift::{Thrift, Wire},
    unpack::Codec,
    unsupported,
};
use crate::error::CodecError;

/// What a file says of itself, checked: ranges lie inside the file, counts agree with each other.
#[derive(Debug)]
pub(super) struct Footer {
    pub(super) schema: Vec<Element>,
    pub(super) rows: u64,
    pub(super) groups: Vec<Group>,
}

/// One node of the schema; the tree is written depth first.
#[derive(Debug, Default)]
pub(super) struct Element {
    pub(super) name: Box<str>,
    pub(super) physical: Option<i32>,
    pub(super) width: Option<i32>,
    pub(super) repetition: Option<i32>,
    pub(super) children: i32,
    pub(super) converted: Option<i32>,
    pub(super) scale: Option<i32>,
    pub(super) precision: Option<i32>,
    pub(super) logical: Option<Logical>,
}

/// The annotation of a leaf or group, by its number in the union `LogicalType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Logical {
    Plain(i16),
    Decimal { scale: i32, precision: i32 },
    Time { utc: bool, unit: i16 },
    Timestamp { utc: bool, unit: i16 },
    Integer { bits: i8, signed: bool },
}

/// Rows that lie together, a chunk per leaf of the schema.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) rows: u64,
    pub(super) chunks: Vec<Chunk>,
}

/// The pages of one leaf in one group.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chunk {
    pub(super) physical: i32,
    pub(super) codec: Codec,
    pub(super) values: u64,
    pub(super) begin: u64,
    pub(super) end: u64,
}

const PLACE: &str = "the footer";
/// Length and magic, at the end of the file.
const TAIL: u64 = 8;
const MAGIC: &[u8] = b"PAR1";

/// Reads the footer of the file.
pub(super) fn read(input: &Input, limits: &Limits) -> Result<Footer, CodecError> {
    let len = input.len();
    if len < MAGIC.len() as u64 + TAIL {
        return Err(damaged("the file", format_args!("{len} bytes are too few")));
    }
    let rooms = Rooms::default();
    let tail = input.get(len - TAIL, TAIL as usize, &rooms)?;
    match (&input.get(0, 4, &rooms)?[..], &tail[4..]) {
        (MAGIC, MAGIC) => {}
        (b"PARE", _) | (_, b"PARE") => return Err(unsupported("the file", "encryption")),
        _ => return Err(damaged("the file", "`PAR1` is missing at its beginning or its end")),
    }
    let footer_len = u64::from(u32::from_le_bytes([tail[0], tail[1], tail[2], tail[3]]));
    if footer_len == 0 || footer_len > len - TAIL - MAGIC.len() as u64 {
        return Err(damaged(PLACE, format_args!("it claims {footer_len} bytes in a file of {len}")));
    }
    if footer_len > limits.footer_bytes_max {
        return Err(CodecError::TooLarge {
            what: format!("{PLACE}: bytes"),
            got: footer_len,
            limit: limits.footer_bytes_max,
            key: "footer_bytes_max",
        });
    }
    let data_end = len - TAIL - footer_len;
    let bytes = input.get(data_end, footer_len as usize, &rooms)?;
    parse(&bytes, data_end)
}

fn parse(bytes: &[u8], data_end: u64) -> Result<Footer, CodecError> {
    let (mut schema, mut rows, mut raw_groups, mut encrypted) = (None, None, None, false);
    let mut thrift = Thrift::new(bytes);
    let parsed = thrift.structure(|t, id, wire| {
        match id {
            2 => schema = Some(t.structures(wire, element)?),
            3 => rows = Some(t.i64(wire)?),
            4 => raw_groups = Some(t.structures(wire, group)?),
            8 => {
                encrypted = true;
                return Ok(false);
            }
            _ => return Ok(false),
        }
        Ok(true)
    });
    parsed.map_err(|damage| damaged(PLACE, format_args!("{damage}, at its byte {}", thrift.at())))?;
    if encrypted {
        return Err(unsupported(PLACE, "encryption"));
    }
    let missing = |what: &str| damaged(PLACE, format_args!("it has no {what}"));
    let schema = schema.ok_or_else(|| missing("schema"))?;
    let rows = rows.ok_or_else(|| missing("number of rows"))?;
    let mut groups = Vec::new();
    for (i, raw) in raw_groups.ok_or_else(|| missing("row groups"))?.into_iter().enumerate() {
        groups.push(check_group(i, raw, data_end)?);
    }
    let sum = groups.iter().try_fold(0u64, |sum, g: &Group| sum.checked_add(g.rows));
    match u64::try_from(rows) {
        Ok(rows) if sum == Some(rows) => Ok(Footer { schema, rows, groups }),
        _ => Err(damaged(PLACE, format_args!("it claims {rows} rows; its row groups hold another number"))),
    }
}

// === The structures of the format, field by field ===

type Parsed<T> = Result<T, Damage>;

fn element(t: &mut Thrift<'_>) -> Parsed<Element> {
    let mut e = Element::default();
    t.structure(|t, id, wire| {
        match id {
            1 => e.physical = Some(t.i32(wire)?),
            2 => e.width = Some(t.i32(wire)?),
            3 => e.repetition = Some(t.i32(wire)?),
            4 => e.name = t.string(wire)?.into(),
            5 => e.children = t.i32(wire)?,
            6 => e.converted = Some(t.i32(wire)?),
            7 => e.scale = Some(t.i32(wire)?),
            8 => e.precision = Some(t.i32(wire)?),
            10 if wire == Wire::Struct => e.logical = logical(t)?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok(e)
}

fn logical(t: &mut Thrift<'_>) -> Parsed<Option<Logical>> {
    let mut kind = None;
    t.structure(|t, id, wire| {
        if wire != Wire::Struct {
            return Ok(false);
        }
        kind = Some(match id {
            5 => {
                let (mut scale, mut precision) = (0, 0);
                t.structure(|t, id, wire| {
                    match id {
                        1 => scale = t.i32(wire)?,
                        2 => precision = t.i32(wire)?,
                        _ => return Ok(false),
                    }
                    Ok(true)
                })?;
                Logical::Decimal { scale, precision }
            }
            7 | 8 => {
                let (utc, unit) = time(t)?;
                if id == 7 { Logical::Time { utc, unit } } else { Logical::Timestamp { utc, unit } }
            }
            10 => {
                let (mut bits, mut signed) = (0, true);
                t.structure(|t, id, wire| {
                    match id {
                        1 => bits = t.i8(wire)?,
                        2 => signed = t.bool(wire)?,
                        _ => return Ok(false),
                    }
                    Ok(true)
                })?;
                Logical::Integer { bits, signed }
            }
            _ => {
                t.structure(|_, _, _| Ok(false))?;
                Logical::Plain(id)
            }
        });
        Ok(true)
    })?;
    Ok(kind)
}

/// Returns whether it is adjusted to UTC, and the unit's number in the union `TimeUnit`.
fn time(t: &mut Thrift<'_>) -> Parsed<(bool, i16)> {
    let (mut utc, mut unit) = (true, 0);
    t.structure(|t, id, wire| {
        match id {
            1 => utc = t.bool(wire)?,
            2 if wire == Wire::Struct => t.structure(|_, id, _| {
                unit = id;
                Ok(false)
            })?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok((utc, unit))
}

/// A group as written, before its numbers are compared.
struct RawGroup {
    rows: i64,
    chunks: Vec<RawChunk>,
}

#[derive(Default)]
struct RawChunk {
    elsewhere: bool,
    encrypted: bool,
    physical: i32,
    codec: i32,
    values: i64,
    bytes: i64,
    data_page: i64,
    dictionary_page: Option<i64>,
}

fn group(t: &mut Thrift<'_>) -> Parsed<RawGroup> {
    let (mut rows, mut chunks) = (None, None);
    t.structure(|t, id, wire| {
        match id {
            1 => chunks = Some(t.structures(wire, chunk)?),
            3 => rows = Some(t.i64(wire)?),
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    match (rows, chunks) {
        (Some(rows), Some(chunks)) => Ok(RawGroup { rows, chunks }),
        _ => Err(Damage::Says("a row group without rows or columns")),
    }
}

fn chunk(t: &mut Thrift<'_>) -> Parsed<RawChunk> {
    let (mut c, mut described) = (RawChunk::default(), false);
    t.structure(|t, id, wire| {
        match id {
            1 => c.elsewhere = !t.binary(wire)?.is_empty(),
            3 if wire == Wire::Struct => {
                described = true;
                chunk_description(t, &mut c)?;
            }
            8 | 9 => {
                c.encrypted = true;
                return Ok(false);
            }
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    if described || c.encrypted { Ok(c) } else { Err(Damage::Says("a column chunk without a description")) }
}

fn chunk_description(t: &mut Thrift<'_>, c: &mut RawChunk) -> Parsed<()> {
    let mut seen = 0u32;
    t.structure(|t, id, wire| {
        match id {
            1 => c.physical = t.i32(wire)?,
            4 => c.codec = t.i32(wire)?,
            5 => c.values = t.i64(wire)?,
            7 => c.bytes = t.i64(wire)?,
            9 => c.data_page = t.i64(wire)?,
            11 => c.dictionary_page = Some(t.i64(wire)?),
            _ => return Ok(false),
        }
        seen |= 1 << id;
        Ok(true)
    })?;
    const REQUIRED: u32 = 1 << 1 | 1 << 4 | 1 << 5 | 1 << 7 | 1 << 9;
    if seen & REQUIRED == REQUIRED { Ok(()) } else { Err(Damage::Says("a column chunk that lacks a required field")) }
}

// === Numbers compared with each other and with the file ===

fn check_group(index: usize, raw: RawGroup, data_end: u64) -> Result<Group, CodecError> {
    let place = format!("row group {index}");
    let rows = u64::try_from(raw.rows).map_err(|_| damaged(&place, format_args!("it claims {} rows", raw.rows)))?;
    let chunks = raw.chunks.into_iter().enumerate();
    let chunks = chunks.map(|(i, raw)| check_chunk(&format!("{place}, column chunk {i}"), &raw, data_end));
    Ok(Group { rows, chunks: chunks.collect::<Result<_, _>>()? })
}

fn check_chunk(place: &str, raw: &RawChunk, data_end: u64) -> Result<Chunk, CodecError> {
    if raw.encrypted {
        return Err(unsupported(place, "encryption"));
    }
    if raw.elsewhere {
        return Err(unsupported(place, "data in another file"));
    }
    let codec = Codec::of(raw.codec).map_err(|name| unsupported(place, name))?;
    let values =
        u64::try_from(raw.values).map_err(|_| damaged(place, format_args!("it claims {} values", raw.values)))?;
    // Writers of old give a chunk without a dictionary the offset 0, or repeat the data page's.
    let first = raw.dictionary_page.filter(|&d| 0 < d && d < raw.data_page).unwrap_or(raw.data_page);
    let range = u64::try_from(first).ok().zip(u64::try_from(raw.bytes).ok());
    let range = range.and_then(|(begin, len)| Some((begin, begin.checked_add(len)?)));
    match range {
        Some((begin, end)) if MAGIC.len() as u64 <= begin && end <= data_end => {
            Ok(Chunk { physical: raw.physical, codec, values, begin, end })
        }
        _ => Err(damaged(place, format_args!("its {} bytes from {first} do not lie in the file's data", raw.bytes))),
    }
}
