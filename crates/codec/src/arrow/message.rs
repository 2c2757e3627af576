//! The messages of Arrow IPC, read one by one and checked before the crate decodes them.
//!
//! The file format is the stream format between two magics, with an index at the end that reading in order does not need;
//! so both are read as the stream they hold.

use std::io::{self, Read};

use arrow_buffer::{Buffer, MutableBuffer};
use arrow_ipc::{Field, Message, MessageHeader, RecordBatch, root_as_message};

use super::source::Limits;
use crate::error::CodecError;

/// Flatbuffers of a message. Schemas of thousands of columns stay far below.
const HEAD_BYTES_MAX: usize = 16 << 20;
/// How much of a body is read before more room is made for it: a length that lies costs no more.
const STEP: usize = 4 << 20;
const DEPTH_MAX: usize = 64;
const CONTINUATION: [u8; 4] = [0xff; 4];

/// A message as it stands in the stream: its head, and the bytes that the head describes.
pub(super) struct Raw {
    pub(super) head: Vec<u8>,
    pub(super) body: Buffer,
}

pub(super) fn damaged(what: impl std::fmt::Display) -> CodecError {
    CodecError::Damaged { format: "arrow", what: what.to_string() }
}

fn unsupported(what: &str) -> CodecError {
    CodecError::Unsupported { what: format!("arrow: {what}") }
}

/// The messages of a stream or file.
pub(super) struct Messages<R> {
    input: R,
    limits: Limits,
    pub(super) bytes_read: u64,
    /// The first bytes, where they were no magic.
    first: Option<[u8; 4]>,
}

impl<R: Read> Messages<R> {
    /// Begins to read: a file begins with its magic, a stream with a message.
    pub(super) fn new(input: R, limits: Limits) -> Result<Messages<R>, CodecError> {
        let mut messages = Messages { input, limits, bytes_read: 0, first: None };
        let mut first = [0; 4];
        if !messages.fill(&mut first)? {
            return Err(damaged("the input is empty"));
        }
        match &first {
            b"FEA1" => return Err(unsupported("Feather of the first version")),
            b"ARRO" => {
                let mut word = [0; 4];
                messages.fill_all(&mut word)?;
                if &word[..2] != b"W1" {
                    return Err(damaged("neither a file nor a stream of Arrow IPC"));
                }
                messages.first = Some(messages.after_padding()?);
            }
            _ => messages.first = Some(first),
        }
        Ok(messages)
    }

    /// Returns the first four bytes after a file's magic and the zeros that align what follows.
    fn after_padding(&mut self) -> Result<[u8; 4], CodecError> {
        const WORDS_MAX: usize = 16;
        let mut word = [0; 4];
        for _ in 0..WORDS_MAX {
            self.fill_all(&mut word)?;
            if word != [0; 4] {
                break;
            }
        }
        Ok(word)
    }

    /// Fills the bytes; false at the end of the input, an error in the middle.
    fn fill(&mut self, bytes: &mut [u8]) -> Result<bool, CodecError> {
        let mut at = 0;
        while at < bytes.len() {
            match self.input.read(&mut bytes[at..]) {
                Ok(0) if at == 0 => return Ok(false),
                Ok(0) => return Err(damaged("the input ends in the middle of a message")),
                Ok(n) => at += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.bytes_read += bytes.len() as u64;
        Ok(true)
    }

    fn fill_all(&mut self, bytes: &mut [u8]) -> Result<(), CodecError> {
        if bytes.is_empty() || self.fill(bytes)? {
            return Ok(());
        }
        Err(damaged("the input ends in the middle of a message"))
    }

    /// Returns the next message, checked; nothing at the end.
    pub(super) fn next(&mut self) -> Result<Option<Raw>, CodecError> {
        let mut word = [0; 4];
        match self.first.take() {
            Some(first) => word = first,
            None if !self.fill(&mut word)? => return Ok(None),
            None => {}
        }
        // Before Arrow 0.15 the length stood alone.
        if word == CONTINUATION {
            self.fill_all(&mut word)?;
        }
        let head_len = match i32::from_le_bytes(word) {
            0 => return Ok(None),
            len => usize::try_from(len).ok().filter(|&len| len <= HEAD_BYTES_MAX),
        };
        let head_len = head_len.ok_or_else(|| damaged("a message of absurd length, or no Arrow IPC at all"))?;
        let mut head = Vec::new();
        while head.len() < head_len {
            let begin = head.len();
            head.resize(head_len.min(begin + STEP), 0);
            self.fill_all(&mut head[begin..])?;
        }
        let message = root_as_message(&head).map_err(|error| damaged(format_args!("a message: {error}")))?;
        let body_len = self.check(&message)?;
        let mut body = MutableBuffer::new(0);
        while body.len() < body_len {
            let begin = body.len();
            body.resize(body_len.min(begin + STEP.max(begin)), 0);
            self.fill_all(&mut body.as_slice_mut()[begin..])?;
        }
        let body = Buffer::from(body);
        self.check_compressed(&message, &body)?;
        Ok(Some(Raw { head, body }))
    }

    /// Compares the head's numbers with each other; returns the length of the body.
    fn check(&self, message: &Message<'_>) -> Result<usize, CodecError> {
        let body_len = u64::try_from(message.bodyLength()).map_err(|_| damaged("a message of negative length"))?;
        self.limits.check("a message: bytes", body_len)?;
        match message.header_type() {
            MessageHeader::Schema => {
                let schema = message.header_as_schema().ok_or_else(|| damaged("a schema message without a schema"))?;
                if schema.endianness() != arrow_ipc::Endianness::Little {
                    return Err(unsupported("big-endian data"));
                }
                let mut left = self.limits.columns_max;
                for field in schema.fields().into_iter().flatten() {
                    check_field(field, 1, &mut left, self.limits.columns_max)?;
                }
            }
            MessageHeader::RecordBatch | MessageHeader::DictionaryBatch => {
                check_rows(batch_of(message)?, body_len)?;
            }
            other => {
                let name = other.variant_name().unwrap_or("unknown");
                return Err(unsupported(&format!("a message of kind {name}")));
            }
        }
        Ok(body_len as usize)
    }

    /// Compares what compressed buffers state with the limit.
    fn check_compressed(&self, message: &Message<'_>, body: &[u8]) -> Result<(), CodecError> {
        if message.header_type() == MessageHeader::Schema {
            return Ok(());
        }
        let batch = batch_of(message)?;
        if batch.compression().is_none() {
            return Ok(());
        }
        let mut sum = 0u64;
        for buffer in batch.buffers().into_iter().flatten().filter(|buffer| buffer.length() > 0) {
            let stated = body.get(buffer.offset() as usize..).and_then(|rest| rest.first_chunk::<8>());
            let stated = stated.filter(|_| 8 <= buffer.length());
            let stated = i64::from_le_bytes(*stated.ok_or_else(|| damaged("a compressed buffer without its size"))?);
            // -1 stands before a buffer that is not compressed after all.
            let stated = if stated == -1 { buffer.length() } else { stated };
            let stated = u64::try_from(stated).map_err(|_| damaged("a compressed buffer of negative size"))?;
            sum = sum.saturating_add(stated);
        }
        self.limits.check("a message: decompressed bytes", sum)
    }
}

fn batch_of<'a>(message: &Message<'a>) -> Result<RecordBatch<'a>, CodecError> {
    let batch = match message.header_type() {
        MessageHeader::RecordBatch => message.header_as_record_batch(),
        _ => message.header_as_dictionary_batch().and_then(|dictionary| dictionary.data()),
    };
    batch.ok_or_else(|| damaged("a message of rows without rows"))
}

/// Every row, null count and range is of a size that can be, and every range lies in the body.
fn check_rows(batch: RecordBatch<'_>, body_len: u64) -> Result<(), CodecError> {
    let count = |n: i64| (0..=i64::from(i32::MAX)).contains(&n);
    let nodes = batch.nodes().into_iter().flatten();
    let counted = count(batch.length())
        && nodes.into_iter().all(|node| count(node.length()) && (0..=node.length()).contains(&node.null_count()));
    if !counted {
        return Err(damaged("a message that claims absurd numbers of rows or nulls"));
    }
    let inside = |buffer: &arrow_ipc::Buffer| {
        let (offset, len) = (u64::try_from(buffer.offset()).ok()?, u64::try_from(buffer.length()).ok()?);
        offset.checked_add(len).filter(|&end| end <= body_len)
    };
    if batch.buffers().into_iter().flatten().all(|buffer| inside(buffer).is_some()) {
        return Ok(());
    }
    Err(damaged("a buffer that does not lie in its message"))
}

/// A table may stand in several places of a flatbuffer, so fields are counted as often as they are met.
fn check_field(field: Field<'_>, depth: usize, left: &mut usize, columns_max: usize) -> Result<(), CodecError> {
    if depth > DEPTH_MAX {
        return Err(damaged("a schema nested too deep"));
    }
    *left = left.checked_sub(1).ok_or_else(|| CodecError::TooLarge {
        what: "the schema: columns".to_owned(),
        got: columns_max as u64 + 1,
        limit: columns_max as u64,
        key: "columns_max",
    })?;
    field.children().into_iter().flatten().try_for_each(|child| check_field(child, depth + 1, left, columns_max))
}
