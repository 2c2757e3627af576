//! Files of one row object a line.

use std::io::{BufRead, Write};

use model::Batch;
use serde::de::DeserializeSeed;

use super::{
    decode::{Columns, Limits, RowSeed, Table},
    encode::{RowWriter, VectorForm},
};
use crate::{
    error::CodecError,
    table::{Chunk, ReadOptions, Sink, Source, WriteOptions},
};

/// Reads rows from lines. Empty lines are no rows; types that the data settles are settled from the first
/// [`ReadOptions::settle_rows`] (or as many as a chunk's bytes hold) and kept for the rest.
#[derive(Debug)]
pub struct JsonlSource<R> {
    input: R,
    options: ReadOptions,
    limits: Limits,
    columns: Columns,
    table: Table,
    line: Vec<u8>,
    lines: u64,
    bytes: u64,
    rows: u64,
    /// Rows that were read to settle types and are not given yet.
    ahead: Option<Chunk>,
}

impl<R: BufRead> JsonlSource<R> {
    /// Returns a reader of the input.
    pub fn new(input: R, options: ReadOptions) -> Result<JsonlSource<R>, CodecError> {
        let limits = Limits { rows_max: usize::MAX, ..Limits::default() };
        let columns = Columns::new(&options.fields, &options.types)?;
        let table = Table::new(&columns, options.keep_bad_rows, &limits);
        Ok(JsonlSource {
            input,
            options,
            limits,
            columns,
            table,
            line: Vec::new(),
            lines: 0,
            bytes: 0,
            rows: 0,
            ahead: None,
        })
    }

    /// Reads the next line that holds something; answers whether there is one.
    fn next_line(&mut self) -> Result<bool, CodecError> {
        loop {
            self.line.clear();
            let max = self.options.line_bytes_max;
            // One byte past the limit shows that the line is longer.
            let read = std::io::Read::take(&mut self.input, max as u64 + 1).read_until(b'\n', &mut self.line)?;
            if read == 0 {
                return Ok(false);
            }
            self.lines += 1;
            if read > max && !self.line.ends_with(b"\n") {
                return Err(CodecError::TooLarge {
                    what: format!("line {}", self.lines),
                    got: read as u64,
                    limit: max as u64,
                    key: "line_bytes_max",
                });
            }
            self.bytes += read as u64;
            if self.lines == 1 && self.line.starts_with(b"\xef\xbb\xbf") {
                self.line.drain(..3);
            }
            if !self.line.trim_ascii().is_empty() {
                return Ok(true);
            }
        }
    }

    fn read_row(&mut self) -> Result<(), CodecError> {
        let mut scanner = serde_json::Deserializer::from_slice(self.line.trim_ascii_end());
        let seed = RowSeed { columns: &self.columns, table: &mut self.table };
        seed.deserialize(&mut scanner).and_then(|()| scanner.end()).map_err(|error| {
            let begin = self.bytes - self.line.len() as u64;
            match self.table.error(error, &self.line, &self.limits) {
                CodecError::Syntax { what, column, byte, .. } => {
                    CodecError::Syntax { what, line: self.lines as usize, column, byte: begin + byte }
                }
                CodecError::Depth { limit, column, .. } => {
                    CodecError::Depth { limit, line: self.lines as usize, column }
                }
                error => error,
            }
        })
    }
}

impl<R: BufRead> Source for JsonlSource<R> {
    fn next_chunk(&mut self) -> Result<Option<Chunk>, CodecError> {
        let max = self.options.chunk_rows_max.max(1);
        if self.ahead.is_none() {
            let want = if self.rows == 0 { self.options.settle_rows.max(1) } else { max };
            let want = self.columns.rows_within(want);
            let begin = self.bytes;
            while self.table.rows < want && self.bytes - begin < self.options.chunk_bytes_max as u64 {
                if !self.next_line()? {
                    break;
                }
                self.read_row()?;
            }
            if self.table.rows == 0 {
                return Ok(None);
            }
            let first_row = self.rows;
            let (batch, bad) = self.table.take(first_row)?;
            self.rows += batch.rows() as u64;
            self.ahead = Some(Chunk { batch, bad, first_row, bytes_read: self.bytes });
        }
        Ok(self.ahead.take().map(|chunk| {
            let (first, rest) = chunk.split(max);
            self.ahead = rest;
            first
        }))
    }
}

/// Writes one row object a line.
#[derive(Debug)]
pub struct JsonlSink<W> {
    output: W,
    options: WriteOptions,
    buffer: Vec<u8>,
}

impl<W: Write> JsonlSink<W> {
    /// Returns a writer to the output.
    pub fn new(output: W, options: WriteOptions) -> JsonlSink<W> {
        JsonlSink { output, options, buffer: Vec::new() }
    }
}

impl<W: Write> Sink for JsonlSink<W> {
    fn write(&mut self, batch: &Batch) -> Result<(), CodecError> {
        const FLUSH_BYTES: usize = 1 << 16;
        let rows = RowWriter::new(batch, VectorForm::Native, self.options.on_fault)?;
        for row in 0..rows.rows() {
            if rows.write(row, &mut self.buffer) {
                self.buffer.push(b'\n');
            }
            if self.buffer.len() >= FLUSH_BYTES {
                self.output.write_all(&self.buffer)?;
                self.buffer.clear();
            }
        }
        self.output.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<(), CodecError> {
        Ok(self.output.flush()?)
    }
}
