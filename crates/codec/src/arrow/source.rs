//! Rows out of Arrow IPC, message by message.

use std::{collections::HashMap, io::Read, sync::Arc};

use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_ipc::{
    MessageHeader,
    convert::try_fb_to_schema,
    reader::{read_dictionary, read_record_batch},
    root_as_message,
};
use arrow_schema::SchemaRef;

use super::{
    convert, fit,
    message::{Messages, Raw, damaged},
};
use crate::{
    error::CodecError,
    guard::guarded,
    table::{Chunk, ReadOptions, Source},
};

/// How much an input may ask for.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of one message, as it stands and decompressed; and of all dictionaries together.
    pub message_bytes_max: u64,
    /// Columns of the schema, those within columns counted.
    pub columns_max: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { message_bytes_max: 512 << 20, columns_max: 20_000 }
    }
}

impl Limits {
    pub(super) fn check(&self, what: &str, bytes: u64) -> Result<(), CodecError> {
        if bytes <= self.message_bytes_max {
            return Ok(());
        }
        let (what, limit) = (what.to_owned(), self.message_bytes_max);
        Err(CodecError::TooLarge { what, got: bytes, limit, key: "message_bytes_max" })
    }
}

/// The rows of an Arrow IPC file or stream in chunks; which of the two is told by its first bytes.
///
/// One message is in memory at a time, and the dictionaries; chunks share its buffers.
pub struct ArrowSource<R> {
    options: ReadOptions,
    limits: Limits,
    messages: Messages<R>,
    schema: SchemaRef,
    /// The columns of the schema that are read.
    columns: Vec<usize>,
    dictionaries: HashMap<i64, ArrayRef>,
    dictionary_bytes: u64,
    /// The message that is being given, and how many of its rows were.
    open: Option<(RecordBatch, usize)>,
    rows_given: u64,
}

impl<R> std::fmt::Debug for ArrowSource<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ArrowSource").field("schema", &self.schema).finish_non_exhaustive()
    }
}

impl<R: Read> ArrowSource<R> {
    /// Reads the schema; the rest follows as it is asked for.
    pub fn open(input: R, options: ReadOptions, limits: &Limits) -> Result<ArrowSource<R>, CodecError> {
        guarded("arrow", || {
            let mut messages = Messages::new(input, limits.clone())?;
            let raw = messages.next()?.ok_or_else(|| damaged("the input has no schema"))?;
            let message = root_as_message(&raw.head).map_err(damaged)?;
            let schema = message.header_as_schema().ok_or_else(|| damaged("the first message is no schema"))?;
            let schema = Arc::new(try_fb_to_schema(schema).map_err(damaged)?);
            let wanted = |name: &str| options.fields.iter().any(|field| &*field.name == name);
            let columns = (0..schema.fields().len()).filter(|&i| wanted(schema.field(i).name())).collect();
            Ok(ArrowSource {
                options,
                limits: limits.clone(),
                messages,
                schema,
                columns,
                dictionaries: HashMap::new(),
                dictionary_bytes: 0,
                open: None,
                rows_given: 0,
            })
        })
    }

    /// Returns the names of the input's columns, in their order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.schema.fields().iter().map(|field| field.name().as_str())
    }

    /// Takes a message: its rows are the next to be given, or its dictionary is kept.
    fn take(&mut self, raw: &Raw) -> Result<(), CodecError> {
        let message = root_as_message(&raw.head).map_err(damaged)?;
        let version = message.version();
        match message.header_type() {
            MessageHeader::DictionaryBatch => {
                let batch =
                    message.header_as_dictionary_batch().ok_or_else(|| damaged("a dictionary without values"))?;
                read_dictionary(&raw.body, batch, &self.schema, &mut self.dictionaries, &version).map_err(damaged)?;
                let held = |array: &ArrayRef| array.get_buffer_memory_size() as u64;
                // One that is replaced was held beside its successor for a moment.
                self.dictionary_bytes = self.dictionaries.values().map(held).sum();
                self.limits.check("the dictionaries: bytes", self.dictionary_bytes)
            }
            MessageHeader::RecordBatch => {
                let batch =
                    message.header_as_record_batch().ok_or_else(|| damaged("a message of rows without rows"))?;
                let (schema, columns) = (self.schema.clone(), Some(&self.columns[..]));
                let rows = read_record_batch(&raw.body, batch, schema, &self.dictionaries, columns, &version);
                self.open = Some((rows.map_err(damaged)?, 0));
                Ok(())
            }
            _ => Err(damaged("a second schema")),
        }
    }

    fn next(&mut self) -> Result<Option<Chunk>, CodecError> {
        let (rows, given) = loop {
            match self.open.take() {
                Some((rows, given)) if given < rows.num_rows() => break (rows, given),
                _ => match self.messages.next()? {
                    Some(raw) => self.take(&raw)?,
                    None => return Ok(None),
                },
            }
        };
        let count = (rows.num_rows() - given).min(self.options.chunk_rows_max.max(1));
        let first_row = self.rows_given;
        let part = rows.slice(given, count);
        let column = |name: &str| part.column_by_name(name).map(|array| convert::column(name, array));
        let (batch, bad) = fit::fields(count, column, first_row, &self.options)?;
        self.rows_given += count as u64;
        self.open = Some((rows, given + count));
        Ok(Some(Chunk { batch, bad, first_row, bytes_read: self.messages.bytes_read }))
    }
}

impl<R: Read> Source for ArrowSource<R> {
    fn next_chunk(&mut self) -> Result<Option<Chunk>, CodecError> {
        guarded("arrow", || self.next())
    }
}
