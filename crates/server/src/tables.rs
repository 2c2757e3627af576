//! Rows that come as a table of another format: CSV with a header, Arrow IPC.

use codec::{
    ReadOptions, Source,
    arrow::{ArrowSource, Limits},
    csv::{CsvOptions, CsvSource},
    json::Decoder,
    table,
};
use model::{Batch, Field, RowFault};

use crate::error::ServeError;

/// What a table is read for.
pub(crate) struct Reading<'a> {
    /// The columns to read.
    pub fields: Vec<Field>,
    pub rows_max: usize,
    pub keep_bad_rows: bool,
    /// Makes the columns of a table without rows.
    pub decoder: &'a Decoder,
}

impl Reading<'_> {
    /// Reads CSV; an empty cell of a column of texts is null, or an empty text.
    pub fn csv(mut self, body: &[u8], empty_text_is_null: bool) -> Result<(Batch, Vec<RowFault>), ServeError> {
        let options = self.options();
        let csv = CsvOptions { empty_text_is_null, ..CsvOptions::default() };
        self.whole(&mut CsvSource::new(body, options, csv)?)
    }

    /// Reads an Arrow IPC stream or file, of which no message may be larger than `bytes_max`.
    pub fn arrow(mut self, body: &[u8], bytes_max: usize) -> Result<(Batch, Vec<RowFault>), ServeError> {
        let limits = Limits { message_bytes_max: bytes_max as u64, ..Limits::default() };
        let options = self.options();
        self.whole(&mut ArrowSource::open(body, options, &limits)?)
    }

    fn options(&mut self) -> ReadOptions {
        let mut options = ReadOptions::new(std::mem::take(&mut self.fields));
        // One row more shows that there are too many; so the rows of nearly every body are one chunk.
        options.chunk_rows_max = self.rows_max.saturating_add(1);
        options.keep_bad_rows = self.keep_bad_rows;
        options
    }

    fn whole(&self, source: &mut dyn Source) -> Result<(Batch, Vec<RowFault>), ServeError> {
        match table::whole(source, self.rows_max)? {
            Some(read) => Ok(read),
            None => Ok((self.decoder.rows(b"[]", false)?.batch, Vec::new())),
        }
    }
}
