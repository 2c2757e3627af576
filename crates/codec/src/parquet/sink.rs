//! Answers as a Parquet file: Snappy pages, vectors as Spark's structs.

use std::io::Write;

use ::parquet::{arrow::ArrowWriter, basic::Compression, errors::ParquetError, file::properties::WriterProperties};
use model::Batch;

use crate::{
    arrow::write::Table,
    error::CodecError,
    table::{Sink, WriteOptions},
};

/// What is buffered before a row group is written.
const GROUP_BYTES_MAX: usize = 64 << 20;
const GROUP_ROWS_MAX: usize = 1 << 20;

/// Writes answers to a Parquet file. Its columns are those of the first batch, all nullable; where rows keep their places
/// `_error` and `_skipped` come after them.
pub struct ParquetSink<W: Write + Send> {
    table: Table,
    state: State<W>,
}

enum State<W: Write + Send> {
    /// Nothing was written: the columns are not known.
    New(W),
    Open(Box<ArrowWriter<W>>),
    Failed,
}

impl<W: Write + Send> std::fmt::Debug for ParquetSink<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ParquetSink").field("table", &self.table).finish_non_exhaustive()
    }
}

impl<W: Write + Send> ParquetSink<W> {
    pub fn new(output: W, options: &WriteOptions) -> ParquetSink<W> {
        ParquetSink { table: Table::new(options), state: State::New(output) }
    }

    /// Returns the writer, made when the columns are known.
    fn writer(&mut self) -> Result<&mut ArrowWriter<W>, CodecError> {
        self.state = match std::mem::replace(&mut self.state, State::Failed) {
            State::New(output) => {
                let properties = WriterProperties::builder()
                    .set_compression(Compression::SNAPPY)
                    .set_created_by("forebay".to_owned())
                    .set_max_row_group_row_count(Some(GROUP_ROWS_MAX))
                    .set_max_row_group_bytes(Some(GROUP_BYTES_MAX))
                    .build();
                let schema = self.table.schema_or_empty();
                State::Open(Box::new(ArrowWriter::try_new(output, schema, Some(properties)).map_err(unwritten)?))
            }
            state => state,
        };
        match &mut self.state {
            State::Open(writer) => Ok(writer),
            _ => Err(CodecError::Unsupported { what: "writing to an output that failed".to_owned() }),
        }
    }
}

impl<W: Write + Send> Sink for ParquetSink<W> {
    fn write(&mut self, batch: &Batch) -> Result<(), CodecError> {
        let rows = self.table.rows(batch)?;
        self.writer()?.write(&rows).map_err(unwritten)
    }

    fn finish(mut self: Box<Self>) -> Result<(), CodecError> {
        self.writer()?;
        let State::Open(mut writer) = self.state else { return Ok(()) };
        writer.finish().map_err(unwritten)?;
        writer.inner_mut().flush().map_err(CodecError::Io)
    }
}

fn unwritten(error: ParquetError) -> CodecError {
    match error {
        ParquetError::External(inner) => match inner.downcast::<std::io::Error>() {
            Ok(io) => CodecError::Io(*io),
            Err(other) => CodecError::Unsupported { what: format!("in a Parquet file: {other}") },
        },
        other => CodecError::Unsupported { what: format!("in a Parquet file: {other}") },
    }
}
