//! The LevelDB table that `variables.index` is: sorted keys with values.
//!
//! A footer of 48 bytes names the index block, which names the data blocks; each block's keys share prefixes with the one before,
//! may be packed with snappy, and carries a masked CRC-32C. Source: LevelDB's `doc/table_format.md`. Sizes are checked against
//! the file and a bound before anything is unpacked; keys must ascend, as every writer of tables has them.

use crate::{Limits, ReadError};

use super::crc32c;

const FOOTER: usize = 48;
const MAGIC: u64 = 0xdb47_7524_8b80_fb57;
/// The kind of a block and its sum.
const TRAILER: usize = 5;

/// Where a block lies in the file, without its trailer.
#[derive(Clone, Copy, Debug)]
struct Handle {
    at: usize,
    len: usize,
}

/// A table being read: the file, and how many bytes its blocks and keys may still unpack to.
struct Table<'a> {
    file: &'a str,
    bytes: &'a [u8],
    left: usize,
    limit: usize,
}

/// What is done with a key and its value.
type Each<'e> = &'e mut dyn FnMut(&[u8], &[u8]) -> Result<(), ReadError>;

/// The same within a table.
type EachIn<'e, T> = &'e mut dyn FnMut(&T, &[u8], &[u8]) -> Result<(), ReadError>;

/// Calls `each` with the keys and values of the table, in the order of the keys.
pub fn read(file: &str, bytes: &[u8], limits: &Limits, each: Each<'_>) -> Result<(), ReadError> {
    let limit = limits.metadata_bytes_max;
    let mut table = Table { file, bytes, left: limit, limit };
    let index = table.footer()?;
    let index = table.block(index)?;
    let mut handles = Vec::new();
    table.entries(&index, &mut |table, _, value| {
        let mut rest = value;
        let handle = table.handle(&mut rest)?;
        handles.push(handle);
        Ok(())
    })?;
    let mut last: Option<Vec<u8>> = None;
    for handle in handles {
        let block = table.block(handle)?;
        table.entries(&block, &mut |table, key, value| {
            if last.as_deref().is_some_and(|last| key <= last) {
                return Err(table.fault(handle.at, "keys do not ascend"));
            }
            let last = last.get_or_insert_default();
            last.clear();
            last.extend_from_slice(key);
            each(key, value)
        })?;
    }
    Ok(())
}

impl Table<'_> {
    fn fault(&self, at: usize, what: &str) -> ReadError {
        ReadError::Syntax { file: self.file.to_owned(), what: format!("byte {at}: {what}") }
    }

    fn footer(&self) -> Result<Handle, ReadError> {
        let Some(at) = self.bytes.len().checked_sub(FOOTER) else {
            let what = format!("a table has a footer of {FOOTER} bytes, the file has {}", self.bytes.len());
            return Err(self.fault(0, &what));
        };
        let (handles, magic) = self.bytes[at..].split_at(FOOTER - 8);
        if magic != MAGIC.to_le_bytes() {
            return Err(self.fault(at + FOOTER - 8, "not a LevelDB table: the footer's last 8 bytes are others"));
        }
        let mut rest = handles;
        self.handle(&mut rest)?;
        self.handle(&mut rest)
    }

    fn handle(&self, rest: &mut &[u8]) -> Result<Handle, ReadError> {
        let at = varint(rest).ok_or_else(|| self.fault(0, "a block's place is cut short"))?;
        let len = varint(rest).ok_or_else(|| self.fault(0, "a block's size is cut short"))?;
        let fits = at.checked_add(len).and_then(|end| end.checked_add(TRAILER as u64));
        match fits {
            Some(end) if end <= self.bytes.len() as u64 => Ok(Handle { at: at as usize, len: len as usize }),
            _ => Err(self.fault(0, &format!("a block of {len} bytes at byte {at} passes the file's end"))),
        }
    }

    /// Counts bytes that the table makes out of its file.
    fn take(&mut self, bytes: usize) -> Result<(), ReadError> {
        match self.left.checked_sub(bytes) {
            Some(left) => self.left = left,
            None => {
                return Err(ReadError::TooLarge {
                    file: self.file.to_owned(),
                    what: "bytes of its blocks and keys".to_owned(),
                    got: (self.limit - self.left + bytes) as u64,
                    limit: self.limit as u64,
                    key: "metadata_bytes_max",
                });
            }
        }
        Ok(())
    }

    /// Returns the contents of a block, its sum checked.
    fn block(&mut self, Handle { at, len }: Handle) -> Result<Vec<u8>, ReadError> {
        let contents = &self.bytes[at..at + len];
        let trailer = &self.bytes[at + len..at + len + TRAILER];
        let stated = u32::from_le_bytes([trailer[1], trailer[2], trailer[3], trailer[4]]);
        if crc32c::masked(&self.bytes[at..=at + len]) != stated {
            return Err(self.fault(at, "the block's checksum does not match its bytes: the file is damaged"));
        }
        match trailer[0] {
            0 => {
                self.take(len)?;
                Ok(contents.to_vec())
            }
            1 => {
                let size = snap::raw::decompress_len(contents).map_err(|error| self.fault(at, &error.to_string()))?;
                self.take(size)?;
                let mut block = vec![0; size];
                let written = snap::raw::Decoder::new().decompress(contents, &mut block);
                match written {
                    Ok(written) if written == size => Ok(block),
                    Ok(_) => Err(self.fault(at, "a packed block is shorter than it says")),
                    Err(error) => Err(self.fault(at, &error.to_string())),
                }
            }
            other => Err(self.fault(at + len, &format!("a block of the unknown packing {other}"))),
        }
    }

    /// Calls `each` with the keys and values of a block.
    fn entries(&mut self, block: &[u8], each: EachIn<'_, Self>) -> Result<(), ReadError> {
        let cut = |table: &Self| table.fault(0, "a block is cut short");
        let (_, count) = block
            .split_last_chunk::<4>()
            .map(|(rest, last)| (rest, u32::from_le_bytes(*last)))
            .ok_or_else(|| cut(self))?;
        let restarts = (count as usize).checked_add(1).and_then(|n| n.checked_mul(4)).ok_or_else(|| cut(self))?;
        let end = block.len().checked_sub(restarts).ok_or_else(|| cut(self))?;
        let mut rest = &block[..end];
        let mut key: Vec<u8> = Vec::new();
        while !rest.is_empty() {
            let mut size = || varint(&mut rest).and_then(|size| usize::try_from(size).ok());
            let (Some(shared), Some(own), Some(len)) = (size(), size(), size()) else { return Err(cut(self)) };
            let whole = own.checked_add(len).is_some_and(|whole| whole <= rest.len());
            if key.len() < shared || !whole {
                return Err(cut(self));
            }
            // Every key is made anew by who keeps it, so a long shared prefix costs its length each time.
            self.take(shared)?;
            key.truncate(shared);
            key.extend_from_slice(&rest[..own]);
            each(self, &key, &rest[own..own + len])?;
            rest = &rest[own + len..];
        }
        Ok(())
    }
}

/// Takes a varint of at most 64 bits off the front.
pub fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut bits = 0_u64;
    for (i, byte) in rest.iter().take(10).enumerate() {
        if i == 9 && *byte > 1 {
            return None;
        }
        bits |= u64::from(byte & 0x7f) << (7 * i);
        if *byte < 0x80 {
            *rest = &rest[i + 1..];
            return Some(bits);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a table of one block with these entries, packed or not.
    fn table(entries: &[(&str, &str)], packed: bool) -> Vec<u8> {
        let mut file = Vec::new();
        let block = block(entries.iter().map(|(k, v)| (k.as_bytes().to_vec(), v.as_bytes().to_vec())));
        let data = put(&mut file, &block, packed);
        let index = put(&mut file, &self::block([(b"~".to_vec(), data)]), false);
        let mut footer = [vec![0, 0], index].concat();
        footer.resize(40, 0);
        footer.extend(MAGIC.to_le_bytes());
        file.extend(footer);
        file
    }

    fn block(entries: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>) -> Vec<u8> {
        let (mut block, mut last) = (Vec::new(), Vec::new());
        for (key, value) in entries {
            let shared = key.iter().zip(&last).take_while(|(a, b)| a == b).count();
            block.extend([shared as u8, (key.len() - shared) as u8, value.len() as u8]);
            block.extend(&key[shared..]);
            block.extend(value);
            last = key;
        }
        block.extend([0, 0, 0, 0, 1, 0, 0, 0]);
        block
    }

    /// Puts a block with its trailer; returns its handle.
    fn put(file: &mut Vec<u8>, block: &[u8], packed: bool) -> Vec<u8> {
        let at = file.len();
        let mut bytes = if packed { snap::raw::Encoder::new().compress_vec(block).unwrap() } else { block.to_vec() };
        let len = bytes.len();
        bytes.push(u8::from(packed));
        let sum = crc32c::masked(&bytes);
        file.extend(bytes);
        file.extend(sum.to_le_bytes());
        assert!(at < 128 && len < 128, "one byte a varint");
        vec![at as u8, len as u8]
    }

    fn entries(file: &[u8]) -> Result<Vec<(String, String)>, String> {
        let mut all = Vec::new();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        read("t", file, &Limits::default(), &mut |key, value| {
            all.push((text(key), text(value)));
            Ok(())
        })
        .map_err(|error| error.to_string())?;
        Ok(all)
    }

    const WORDS: &[(&str, &str)] = &[("", "head"), ("dense/bias", "b"), ("dense/kernel", "k"), ("out", "")];

    #[test]
    fn keys_with_shared_prefixes_packed_or_not() {
        let expected: Vec<_> = WORDS.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
        assert_eq!(entries(&table(WORDS, false)).unwrap(), expected);
        assert_eq!(entries(&table(WORDS, true)).unwrap(), expected);
    }

    #[test]
    fn every_flipped_bit_is_found_or_passed_without_a_panic() {
        let file = table(WORDS, true);
        let good = entries(&file).unwrap();
        for bit in 0..file.len() * 8 {
            let mut bad = file.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            // The first handle of the footer and the padding are not looked at.
            if let Ok(same) = entries(&bad) {
                assert_eq!(same, good);
                assert!(file.len() - FOOTER <= bit / 8);
            }
        }
    }

    #[test]
    fn every_cut_is_refused() {
        let file = table(WORDS, false);
        for len in 0..file.len() {
            assert!(entries(&file[..len]).is_err(), "cut at {len}");
        }
    }

    #[test]
    fn keys_that_do_not_ascend_are_refused() {
        let error = entries(&table(&[("b", ""), ("a", "")], false)).unwrap_err();
        assert_eq!(error, "t: byte 0: keys do not ascend");
    }
}
