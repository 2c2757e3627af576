//! What the values of `variables.index` say: the header, and where each tensor lies.
//!
//! Messages of `tensor_bundle.proto`; a partitioned tensor's parts have keys of their own, made by [`slice_key`] in the "ordered
//! code" of TensorFlow's `tensor_slice_util`: a zero, the name with escapes, the number of dimensions, start and length of each.

use crate::{ReadError, protobuf::Message};

use super::super::{dtype::DType, proto::shape::Shape};

/// How many shards there are.
#[derive(Clone, Copy, Debug)]
pub struct Header {
    pub shards: usize,
}

/// Where a tensor lies.
#[derive(Clone, Debug)]
pub struct Entry {
    pub dtype: DType,
    pub shape: Vec<i64>,
    pub shard: i32,
    pub offset: i64,
    pub size: i64,
    /// The masked sum of its bytes.
    pub crc: u32,
    /// The parts, where it is partitioned; then nothing lies under the entry itself.
    pub slices: Vec<Slice>,
}

/// Start and length by dimension; no length means all of it.
pub type Slice = Vec<(i64, Option<i64>)>;

/// Most shards of a bundle.
const SHARDS_MAX: i64 = 100_000;

impl Header {
    pub fn read(message: Message<'_>) -> Result<Header, ReadError> {
        let mut shards = 0;
        for field in message.fields() {
            let field = field?;
            match field.number {
                1 => shards = field.int64()?,
                2 if field.int32()? != 0 => return Err(field.fault("a bundle written big-endian is not read")),
                _ => {}
            }
        }
        match usize::try_from(shards) {
            Ok(shards) if 0 < shards && shards as i64 <= SHARDS_MAX => Ok(Header { shards }),
            _ => Err(message.fault(format_args!("a bundle of {shards} shards; there are 1 to {SHARDS_MAX}"))),
        }
    }
}

impl Entry {
    pub fn read(message: Message<'_>) -> Result<Entry, ReadError> {
        let (mut dtype, mut shape) = (0, Shape::default());
        let (mut shard, mut offset, mut size, mut crc, mut slices) = (0, 0, 0, 0, Vec::new());
        for field in message.fields() {
            let field = field?;
            match field.number {
                1 => dtype = field.int64()?,
                2 => shape = Shape::read(field.message()?)?,
                3 => shard = field.int32()?,
                4 => offset = field.int64()?,
                5 => size = field.int64()?,
                6 => crc = fixed32(&field)?,
                7 => slices.push(slice(field.message()?)?),
                _ => {}
            }
        }
        let dtype =
            DType::of(dtype).ok_or_else(|| message.fault(format_args!("a tensor of the unknown type {dtype}")))?;
        let shape = shape.dims.ok_or_else(|| message.fault("a tensor of unknown rank"))?;
        Ok(Entry { dtype, shape, shard, offset, size, crc, slices })
    }
}

fn fixed32(field: &crate::protobuf::Field<'_>) -> Result<u32, ReadError> {
    match field.value {
        crate::protobuf::Value::Fixed32(bits) => Ok(bits),
        _ => Err(field.fault("expected 4 bytes")),
    }
}

/// Reads a `TensorSliceProto`.
fn slice(message: Message<'_>) -> Result<Slice, ReadError> {
    let mut extents = Vec::new();
    for field in message.all(1) {
        let (mut start, mut length) = (0, None);
        for field in field?.message()?.fields() {
            let field = field?;
            match field.number {
                1 => start = field.int64()?,
                2 => length = Some(field.int64()?),
                _ => {}
            }
        }
        extents.push((start, length));
    }
    Ok(extents)
}

/// Returns the key under which a part of a tensor lies.
pub fn slice_key(name: &[u8], slice: &Slice) -> Vec<u8> {
    let mut key = Vec::with_capacity(name.len() + 8 + slice.len() * 8);
    number(&mut key, 0);
    for byte in name {
        match byte {
            0 => key.extend([0, 0xff]),
            0xff => key.extend([0xff, 0]),
            other => key.push(*other),
        }
    }
    key.extend([0, 1]);
    number(&mut key, slice.len() as u64);
    for (start, length) in slice {
        signed(&mut key, *start);
        signed(&mut key, length.unwrap_or(-1));
    }
    key
}

/// Writes how many bytes the number takes, and these, the highest first.
fn number(key: &mut Vec<u8>, number: u64) {
    let bytes = number.to_be_bytes();
    let skip = (number.leading_zeros() / 8) as usize;
    key.push((8 - skip) as u8);
    key.extend(&bytes[skip..]);
}

/// Writes a signed number so that longer ones sort outward: as many bytes as groups of 7 bits, the sign and the length in the
/// highest bits.
fn signed(key: &mut Vec<u8>, number: i64) {
    let bits = 64 - (if number < 0 { !number } else { number }).leading_zeros() as usize;
    let len = bits / 7 + 1;
    let mut all = [if number < 0 { 0xff } else { 0 }; 10];
    all[2..].copy_from_slice(&number.to_be_bytes());
    // The length in ones from the top; a number of 10 bytes takes ten of them.
    let head = !(u16::MAX >> len);
    let at = 10 - len;
    all[at] ^= (head >> 8) as u8;
    if at + 1 < 10 {
        all[at + 1] ^= (head & 0xff) as u8;
    }
    key.extend(&all[at..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_parts_in_ordered_code() {
        let key = slice_key(b"w\0", &vec![(0, Some(4)), (5, None)]);
        assert_eq!(key, [0, b'w', 0, 0xff, 0, 1, 1, 2, 0x80, 0x84, 0x85, 0x7f]);
    }

    #[test]
    fn signed_numbers_sort_as_they_are() {
        let numbers = [i64::MIN, -8193, -65, -64, -1, 0, 1, 63, 64, 8191, 8192, 1 << 40, 1 << 55, 1 << 62, i64::MAX];
        let keys: Vec<Vec<u8>> = numbers
            .iter()
            .map(|n| {
                let mut key = Vec::new();
                signed(&mut key, *n);
                key
            })
            .collect();
        assert!(keys.is_sorted(), "{keys:x?}");
        assert_eq!(keys[8], [0xc0, 0x40]);
        assert_eq!(keys[7], [0xbf]);
    }
}
