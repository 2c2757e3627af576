//! Answers as Arrow IPC, file or stream.

use std::io::Write;

use arrow_array::RecordBatch;
use arrow_ipc::writer::{FileWriter, StreamWriter};
use arrow_schema::ArrowError;
use model::Batch;

use super::write::Table;
use crate::{
    error::CodecError,
    table::{Sink, WriteOptions},
};

/// Writes answers as an Arrow IPC file or stream. Its columns are those of the first batch, all nullable; where rows keep
/// their places `_error` and `_skipped` come after them.
pub struct ArrowSink<W: Write> {
    table: Table,
    is_file: bool,
    state: State<W>,
}

enum State<W: Write> {
    /// Nothing was written: the columns are not known.
    New(W),
    File(FileWriter<W>),
    Stream(StreamWriter<W>),
    Failed,
}

impl<W: Write> std::fmt::Debug for ArrowSink<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ArrowSink").field("table", &self.table).finish_non_exhaustive()
    }
}

impl<W: Write> ArrowSink<W> {
    /// Returns a sink of the file format.
    pub fn file(output: W, options: &WriteOptions) -> ArrowSink<W> {
        ArrowSink { table: Table::new(options), is_file: true, state: State::New(output) }
    }

    /// Returns a sink of the stream format.
    pub fn stream(output: W, options: &WriteOptions) -> ArrowSink<W> {
        ArrowSink { table: Table::new(options), is_file: false, state: State::New(output) }
    }

    /// Makes the writer when the columns are known.
    fn begin(&mut self) -> Result<(), ArrowError> {
        self.state = match std::mem::replace(&mut self.state, State::Failed) {
            State::New(output) if self.is_file => {
                State::File(FileWriter::try_new(output, &self.table.schema_or_empty())?)
            }
            State::New(output) => State::Stream(StreamWriter::try_new(output, &self.table.schema_or_empty())?),
            state => state,
        };
        Ok(())
    }

    fn write_rows(&mut self, rows: &RecordBatch) -> Result<(), ArrowError> {
        self.begin()?;
        match &mut self.state {
            State::File(writer) => writer.write(rows),
            State::Stream(writer) => writer.write(rows),
            State::New(_) | State::Failed => {
                Err(ArrowError::InvalidArgumentError("writing to an output that failed".to_owned()))
            }
        }
    }

    fn end(&mut self) -> Result<(), ArrowError> {
        self.begin()?;
        match &mut self.state {
            State::File(writer) => writer.finish().and_then(|()| writer.flush()),
            State::Stream(writer) => writer.finish().and_then(|()| writer.flush()),
            State::New(_) | State::Failed => Ok(()),
        }
    }
}

impl<W: Write> Sink for ArrowSink<W> {
    fn write(&mut self, batch: &Batch) -> Result<(), CodecError> {
        let rows = self.table.rows(batch)?;
        self.write_rows(&rows).map_err(unwritten)
    }

    fn finish(mut self: Box<Self>) -> Result<(), CodecError> {
        self.end().map_err(unwritten)
    }
}

fn unwritten(error: ArrowError) -> CodecError {
    match error {
        ArrowError::IoError(_, error) => CodecError::Io(error),
        other => CodecError::Unsupported { what: format!("in an Arrow file: {other}") },
    }
}
