//! The bundle of variables of a SavedModel: `variables.index` and its shards.
//!
//! The index is a LevelDB table ([`table`]) of names with places ([`entry`]); numbers lie little-endian in the shards, texts behind
//! their lengths. Every sum is checked ([`crc32c`]) when a tensor is asked for. Tensors borrow from the files; one that was saved
//! in parts is put together. Source: `tensor_bundle.h` and `tensor_bundle.proto` of TensorFlow.

use std::{borrow::Cow, collections::BTreeMap};

use model::ModelFiles as Files;

use crate::{Limits, ReadError, protobuf::Message};

use super::{
    dtype::DType,
    literal::{self, Data, Literal},
};

pub mod crc32c;
pub mod entry;
mod parts;
mod table;

use self::entry::{Entry, Header};
pub use self::table::varint;

/// Where the index lies.
pub const INDEX: &str = "variables/variables.index";

/// Which part of a tensor is meant: its whole shape, then start and length by dimension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    pub whole: Vec<i64>,
    pub extents: Vec<(i64, Option<i64>)>,
}

/// A bundle: what its index names.
pub struct Bundle<'a> {
    files: &'a Files,
    file: String,
    header: Header,
    entries: BTreeMap<Vec<u8>, Entry>,
}

impl<'a> Bundle<'a> {
    /// Reads the index, where the artifact has one.
    pub fn open(files: &'a Files, limits: &Limits) -> Result<Option<Bundle<'a>>, ReadError> {
        let Some(bytes) = files.get(INDEX) else { return Ok(None) };
        let file = files.full_path(INDEX);
        let (mut header, mut entries) = (None, BTreeMap::new());
        table::read(&file, bytes, limits, &mut |key, value| {
            let message = Message::new(&file, value);
            if key.is_empty() {
                header = Some(Header::read(message)?);
            } else {
                entries.insert(key.to_vec(), Entry::read(message)?);
            }
            Ok(())
        })?;
        let header = header
            .ok_or_else(|| ReadError::Syntax { file: file.clone(), what: "the bundle has no header".to_owned() })?;
        Ok(Some(Bundle { files, file, header, entries }))
    }

    /// Returns the names of its tensors, ordered; parts of partitioned ones have none of their own.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().filter(|key| key[0] != 0).filter_map(|key| std::str::from_utf8(key).ok())
    }

    /// Returns whether there is such a tensor.
    pub fn has(&self, name: &str) -> bool {
        self.entries.contains_key(name.as_bytes())
    }

    /// Returns a tensor; a part of it where one is asked for.
    pub fn tensor(&self, name: &str, part: Option<&Part>) -> Result<Literal<'a>, ReadError> {
        let Some(entry) = self.entries.get(name.as_bytes()).filter(|_| !name.starts_with('\0')) else {
            let what = format!("the bundle has no tensor `{name}`");
            return Err(ReadError::Syntax { file: self.file.clone(), what });
        };
        let Some(part) = part else { return self.whole(name, entry) };
        if part.whole != entry.shape {
            let what = format!("a part of shape {:?} is asked for, it has {:?}", part.whole, entry.shape);
            return Err(self.fault(name, what));
        }
        // What was saved in the parts that are asked for needs no putting together.
        let same = entry.slices.iter().find(|slice| parts::is_same(slice, &part.extents, &entry.shape));
        match same {
            Some(slice) => self.slice(name, slice),
            None => parts::cut(&self.whole(name, entry)?, &part.extents).map_err(|what| self.fault(name, what)),
        }
    }

    fn fault(&self, name: &str, what: impl std::fmt::Display) -> ReadError {
        ReadError::Syntax { file: self.file.clone(), what: format!("tensor `{name}`: {what}") }
    }

    fn whole(&self, name: &str, entry: &Entry) -> Result<Literal<'a>, ReadError> {
        if entry.slices.is_empty() {
            return self.read(name, entry);
        }
        let (shape, count) = literal::elements(&entry.shape, entry.dtype, &|what| self.fault(name, what))?;
        let parts = entry.slices.iter().map(|slice| Ok((slice, self.slice(name, slice)?)));
        let parts = parts.collect::<Result<Vec<_>, ReadError>>()?;
        // Before anything is allocated by a shape that the index claims.
        if parts.iter().map(|(_, part)| part.elements()).try_fold(0, usize::checked_add) != Some(count) {
            return Err(self.fault(name, "its parts do not make up the whole"));
        }
        let mut whole = parts::Whole::new(entry.dtype, shape, count);
        for (slice, part) in parts {
            whole.put(slice, &part).map_err(|what| self.fault(name, what))?;
        }
        whole.finish().map_err(|what| self.fault(name, what))
    }

    fn slice(&self, name: &str, slice: &entry::Slice) -> Result<Literal<'a>, ReadError> {
        let entry = self.entries.get(&entry::slice_key(name.as_bytes(), slice));
        let entry = entry.ok_or_else(|| self.fault(name, format_args!("its part {slice:?} is not in the index")))?;
        if !entry.slices.is_empty() {
            return Err(self.fault(name, "a part of a tensor has parts itself"));
        }
        self.read(name, entry)
    }

    /// Reads what lies under one entry.
    fn read(&self, name: &str, entry: &Entry) -> Result<Literal<'a>, ReadError> {
        let (shape, count) = literal::elements(&entry.shape, entry.dtype, &|what| self.fault(name, what))?;
        let bytes = self.bytes(name, entry)?;
        let data = match entry.dtype.width() {
            Some(width) => {
                if bytes.len() != count * width {
                    let what = format!("{} bytes for {} of shape {shape:?}", bytes.len(), entry.dtype);
                    return Err(self.fault(name, what));
                }
                if crc32c::masked(bytes) != entry.crc {
                    return Err(self.damaged(name));
                }
                Data::Bytes(Cow::Borrowed(bytes))
            }
            None if entry.dtype == DType::String => Data::Texts(self.texts(name, entry, bytes, count)?),
            None => return Err(self.fault(name, format_args!("a tensor of {} is not read", entry.dtype))),
        };
        Ok(Literal { dtype: entry.dtype, shape, data })
    }

    fn damaged(&self, name: &str) -> ReadError {
        self.fault(name, "its checksum does not match its bytes: the shard is damaged")
    }

    fn bytes(&self, name: &str, entry: &Entry) -> Result<&'a [u8], ReadError> {
        let shards = self.header.shards;
        if usize::try_from(entry.shard).map_or(true, |shard| shards <= shard) {
            return Err(self.fault(name, format_args!("it lies in shard {}, there are {shards}", entry.shard)));
        }
        let path = format!("variables/variables.data-{:05}-of-{shards:05}", entry.shard);
        let shard = self.files.get(&path).ok_or_else(|| ReadError::Missing {
            file: self.files.full_path(&path),
            class: format!("shard with tensor `{name}`"),
            help: "save the model again, or copy its folder `variables` whole",
        })?;
        let (at, size) = (usize::try_from(entry.offset), usize::try_from(entry.size));
        let place = at.ok().zip(size.ok()).and_then(|(at, size)| Some(at..at.checked_add(size)?));
        place.and_then(|place| shard.as_slice().get(place)).ok_or_else(|| {
            let what = format!("{} bytes at {} of a shard of {} bytes", entry.size, entry.offset, shard.len());
            self.fault(name, what)
        })
    }

    /// Returns the texts: their lengths as varints, a sum of the lengths, then the texts.
    fn texts(&self, name: &str, entry: &Entry, bytes: &'a [u8], count: usize) -> Result<Vec<Cow<'a, [u8]>>, ReadError> {
        let cut = || self.fault(name, "its texts are cut short");
        let mut rest = bytes;
        if bytes.len() < count {
            return Err(cut());
        }
        // The sums are of the lengths as numbers of 4 bytes, of 8 where one is that long.
        let mut sum = crc32c::Crc32c::default();
        let mut lens = Vec::with_capacity(count);
        for _ in 0..count {
            let len = table::varint(&mut rest).ok_or_else(cut)?;
            match u32::try_from(len) {
                Ok(len) => sum.update(&len.to_le_bytes()),
                Err(_) => sum.update(&len.to_le_bytes()),
            }
            lens.push(usize::try_from(len).map_err(|_| cut())?);
        }
        let (stated, mut rest) = rest.split_first_chunk::<4>().ok_or_else(cut)?;
        if sum.masked() != u32::from_le_bytes(*stated) {
            return Err(self.damaged(name));
        }
        // The entry's sum goes on with the sum of the lengths, then the texts.
        sum.update(stated);
        let mut texts = Vec::with_capacity(count);
        for len in lens {
            let (text, after) = rest.split_at_checked(len).ok_or_else(cut)?;
            sum.update(text);
            texts.push(Cow::Borrowed(text));
            rest = after;
        }
        if !rest.is_empty() || sum.masked() != entry.crc {
            return Err(self.damaged(name));
        }
        Ok(texts)
    }
}
