//! CSV: a header of names, one record a row.
//!
//! Cells are read by the types of their fields; one that takes several has the first of integers, floats, booleans,
//! dates, timestamps, vectors and lists, texts that all cells of the first rows are. An empty cell is null, in a column of
//! texts an empty text. Vectors, lists, structs and maps stand in their cell as JSON text, in and out.

use std::io::{self, Read, Write};

use csv::{ReaderBuilder, StringRecord, Writer, WriterBuilder};
use model::{Batch, Builder, DType, Mark, OnFault, Type, Violation};

use crate::{
    cells,
    error::CodecError,
    json::{Limits, RowWriter, VectorForm, cell},
    report::Got,
    slot::{Slot, rows_within},
    table::{Chunk, ReadOptions, Sink, Source, WriteOptions},
};

/// How cells are read, besides what every table has.
#[derive(Clone, Copy, Debug)]
pub struct CsvOptions {
    pub delimiter: u8,
    /// Whether an empty cell in a column of texts is null, not an empty text.
    pub empty_text_is_null: bool,
}

impl Default for CsvOptions {
    fn default() -> CsvOptions {
        CsvOptions { delimiter: b',', empty_text_is_null: false }
    }
}

/// Reads rows from records.
#[derive(Debug)]
pub struct CsvSource<R> {
    reader: csv::Reader<Bounded<R>>,
    options: ReadOptions,
    csv: CsvOptions,
    /// The columns that the input has.
    slots: Vec<Slot>,
    /// Where each stands in a record.
    places: Vec<usize>,
    cx: cell::Cx,
    record: StringRecord,
    rows: u64,
    ahead: Option<Chunk>,
}

/// A reader that gives no more than a record may have, so that an open quote cannot take the whole input into memory; and that
/// ends the last line, where the input does not.
#[derive(Debug)]
struct Bounded<R> {
    inner: R,
    left: usize,
    over: bool,
    /// The last byte that was given.
    last: u8,
    /// The end was given too. Every line has an end of its own by then, so a record that is ended by this has an open quote.
    ended: bool,
}

// === impl CsvSource ===

impl<R: Read> CsvSource<R> {
    /// Returns a reader of the input; reads its header.
    pub fn new(input: R, options: ReadOptions, csv: CsvOptions) -> Result<CsvSource<R>, CodecError> {
        let input = Bounded { inner: input, left: allowance(&options), over: false, last: b'\n', ended: false };
        let mut reader = ReaderBuilder::new().delimiter(csv.delimiter).from_reader(input);
        let header = match reader.headers() {
            Ok(header) => header.clone(),
            Err(error) => return Err(failure(error, reader.get_ref().over, &options)),
        };
        if reader.get_ref().ended && !header.is_empty() {
            return Err(open_quote(&header, reader.position().line()));
        }
        let mut slots = options
            .fields
            .iter()
            .enumerate()
            .map(|(i, field)| Slot::new(field, options.given(i)))
            .collect::<Result<Vec<_>, _>>()?;
        slots.retain_mut(|slot| header.iter().any(|name| *name == *slot.name) || !slot.leave_out());
        let places = places(&slots, &header)?;
        let cx = cell::Cx::new(options.keep_bad_rows, Limits::default());
        Ok(CsvSource { reader, options, csv, slots, places, cx, record: StringRecord::new(), rows: 0, ahead: None })
    }

    /// Reads the next record; answers whether there is one.
    fn next_record(&mut self) -> Result<bool, CodecError> {
        self.reader.get_mut().left = allowance(&self.options);
        let had_ended = self.reader.get_ref().ended;
        let read = self.reader.read_record(&mut self.record);
        if self.reader.get_ref().ended && !had_ended && !self.record.is_empty() {
            return Err(open_quote(&self.record, self.reader.position().line()));
        }
        read.map_err(|error| failure(error, self.reader.get_ref().over, &self.options))
    }

    /// Reads the first rows, settles the types that are open, and takes the rows into the columns.
    fn settle(&mut self) -> Result<usize, CodecError> {
        let mut records = Vec::new();
        let (begin, rows_max) =
            (self.reader.position().byte(), rows_within(&self.slots, self.options.settle_rows.max(1)));
        while records.len() < rows_max && !self.is_full(begin) && self.next_record()? {
            records.push(self.record.clone());
        }
        for (slot, &place) in self.slots.iter_mut().zip(&self.places).filter(|(slot, _)| slot.is_from_data()) {
            let cells = || records.iter().map(|record| record[place].trim()).filter(|cell| !cell.is_empty());
            let at = settled(&slot.takes, || Box::new(cells()));
            slot.freeze_as(at);
        }
        for (row, record) in records.iter().enumerate() {
            push_record(&mut self.slots, &self.places, &mut self.cx, self.csv, record, row);
        }
        Ok(records.len())
    }

    fn fill(&mut self) -> Result<usize, CodecError> {
        if self.rows == 0 && self.slots.iter().any(Slot::is_from_data) {
            return self.settle();
        }
        let mut row = 0;
        let rows_max = rows_within(&self.slots, self.options.chunk_rows_max.max(1));
        let begin = self.reader.position().byte();
        while row < rows_max && !self.is_full(begin) && self.next_record()? {
            push_record(&mut self.slots, &self.places, &mut self.cx, self.csv, &self.record, row);
            row += 1;
        }
        Ok(row)
    }

    fn is_full(&self, begin: u64) -> bool {
        self.reader.position().byte() - begin >= self.options.chunk_bytes_max as u64
    }
}

impl<R: Read> Source for CsvSource<R> {
    fn next_chunk(&mut self) -> Result<Option<Chunk>, CodecError> {
        if self.ahead.is_none() {
            let rows = self.fill()?;
            if rows == 0 {
                return Ok(None);
            }
            let first_row = self.rows;
            let bad = self.cx.take_report(first_row)?;
            let mut batch = Batch::new(rows);
            for slot in &mut self.slots {
                batch.push(slot.name.clone(), slot.take());
            }
            self.rows += rows as u64;
            self.ahead = Some(Chunk { batch, bad, first_row, bytes_read: self.reader.position().byte() });
        }
        Ok(self.ahead.take().map(|chunk| {
            let (first, rest) = chunk.split(self.options.chunk_rows_max.max(1));
            self.ahead = rest;
            first
        }))
    }
}

/// What the reader below may give for one record: the csv crate reads ahead by a buffer of 8 KiB.
fn allowance(options: &ReadOptions) -> usize {
    options.line_bytes_max.saturating_add(8 << 10)
}

fn places(slots: &[Slot], header: &StringRecord) -> Result<Vec<usize>, CodecError> {
    let missing = |slot: &Slot| Violation {
        row: None,
        field: Some(slot.name.clone()),
        expected: Some(slot.ty().to_string()),
        got: Some("nothing: the header does not name it".to_owned()),
    };
    let mut places = Vec::with_capacity(slots.len());
    let mut violations = Vec::new();
    for slot in slots {
        let mut found = header.iter().enumerate().filter(|(_, name)| **name == *slot.name).map(|(i, _)| i);
        match (found.next(), found.next()) {
            (Some(place), None) => places.push(place),
            (Some(_), Some(_)) => {
                let what = format!("the header names column `{}` twice", slot.name);
                return Err(CodecError::Syntax { what, line: 1, column: 1, byte: 0 });
            }
            (None, _) => violations.push(missing(slot)),
        }
    }
    match violations.len() {
        0 => Ok(places),
        total => Err(CodecError::Violations { violations, total }),
    }
}

fn failure(error: csv::Error, over: bool, options: &ReadOptions) -> CodecError {
    if over {
        return CodecError::TooLarge {
            what: "the length of a record".to_owned(),
            got: options.line_bytes_max as u64 + 1,
            limit: options.line_bytes_max as u64,
            key: "line_bytes_max",
        };
    }
    let (line, byte) = error.position().map_or((1, 0), |at| (at.line() as usize, at.byte()));
    let what = match error.into_kind() {
        csv::ErrorKind::Io(error) => return CodecError::Io(error),
        csv::ErrorKind::Utf8 { .. } => "the record is not UTF-8".to_owned(),
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("the record has {len} cells where the header has {expected_len}")
        }
        _ => "the input is not CSV".to_owned(),
    };
    CodecError::Syntax { what, line, column: 1, byte }
}

/// Returns the error of a record whose last cell begins with a quote that is not closed before the last line of the input.
fn open_quote(record: &StringRecord, last: u64) -> CodecError {
    let inside = record.iter().next_back().map_or(0, |cell| cell.matches('\n').count());
    let line = (last as usize).saturating_sub(inside);
    let byte = record.position().map_or(0, |at| at.byte());
    CodecError::Syntax { what: "a quote is opened here and not closed".to_owned(), line, column: 1, byte }
}

fn push_record(
    slots: &mut [Slot],
    places: &[usize],
    cx: &mut cell::Cx,
    csv: CsvOptions,
    record: &StringRecord,
    row: usize,
) {
    cx.begin_row(row);
    for (slot, &place) in slots.iter_mut().zip(places) {
        push_cell(slot, cx, csv, &record[place]);
    }
}

fn push_cell(slot: &mut Slot, cx: &mut cell::Cx, csv: CsvOptions, text: &str) {
    let is_text = matches!(slot.ty(), Type::Text | Type::Bytes);
    let text = if is_text { text } else { text.trim() };
    if text.is_empty() && (!is_text || csv.empty_text_is_null) {
        return slot.push_null();
    }
    if slot.is_loose() {
        return cx.push_loose(slot, text);
    }
    let (_, ty, builder) = slot.parts();
    if is_text || ty.as_scalar().is_some() {
        if !cells::push(builder, ty, text) {
            cx.refuse(slot, Got::Text(text));
            slot.push_null();
        }
    } else if !cell::push_json(slot, cx, text) {
        slot.push_null();
    }
}

/// Returns the first type that all cells have, the narrower before the wider; the field's first where none fits.
fn settled<'a>(takes: &[Type], cells: impl Fn() -> Box<dyn Iterator<Item = &'a str> + 'a>) -> usize {
    let mut order: Vec<usize> = (0..takes.len()).collect();
    order.sort_by_key(|&at| width(&takes[at]));
    if cells().next().is_none() {
        return 0;
    }
    let all_fit = |&at: &usize| {
        let mut builder = Builder::new(&takes[at]);
        // 0 and 1 are booleans only where someone says so.
        let word = |cell: &str| takes[at].as_scalar() != Some(DType::Bool) || cell.len() > 1;
        cells()
            .all(|cell| word(cell) && (cells::push(&mut builder, &takes[at], cell) || cell::is_json(&takes[at], cell)))
    };
    order.into_iter().find(all_fit).unwrap_or(0)
}

fn width(ty: &Type) -> usize {
    match ty {
        Type::Fixed { dtype: DType::I64, shape } if shape.is_empty() => 0,
        Type::Fixed { dtype, shape } if shape.is_empty() => match dtype {
            dtype if dtype.is_int() => 1,
            DType::F64 => 2,
            DType::F32 => 3,
            DType::Bool => 4,
            DType::Date => 5,
            _ => 6,
        },
        Type::Vector { .. } => 7,
        Type::Fixed { .. } | Type::List(_) | Type::Struct(_) | Type::Map(..) => 8,
        Type::Text => 9,
        Type::Bytes => 10,
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        // The end of the input is no overrun, so it is asked for where nothing is left.
        let len = buffer.len().min(self.left.max(1));
        match self.inner.read(&mut buffer[..len])? {
            0 if self.last == b'\n' => {
                self.ended = true;
                Ok(0)
            }
            0 => {
                (buffer[0], self.last) = (b'\n', b'\n');
                Ok(1)
            }
            _ if self.left == 0 => {
                self.over = true;
                Err(io::Error::other("a record over its limit"))
            }
            read => {
                self.left -= read;
                self.last = buffer[read - 1];
                Ok(read)
            }
        }
    }
}

/// Writes a header and one record a row. Where refused and skipped rows keep their places, two more columns say so:
/// `_error` has the reason, `_skipped` is true.
#[derive(Debug)]
pub struct CsvSink<W: Write> {
    writer: Writer<W>,
    options: WriteOptions,
    begun: bool,
    cell: Vec<u8>,
}

// === impl CsvSink ===

impl<W: Write> CsvSink<W> {
    /// Returns a writer to the output.
    pub fn new(output: W, options: WriteOptions) -> CsvSink<W> {
        CsvSink { writer: Writer::from_writer(output), options, begun: false, cell: Vec::new() }
    }

    /// Returns a writer to the output whose cells are parted by this byte.
    pub fn delimited(output: W, options: WriteOptions, delimiter: u8) -> CsvSink<W> {
        let writer = WriterBuilder::new().delimiter(delimiter).from_writer(output);
        CsvSink { writer, options, begun: false, cell: Vec::new() }
    }

    fn write_row(&mut self, rows: &RowWriter<'_>, row: usize) -> Result<(), csv::Error> {
        let marked = self.options.on_fault == OnFault::MarkRow;
        let mark = rows.mark(row);
        if !marked && *mark != Mark::Live {
            return Ok(());
        }
        for at in 0..rows.width() {
            self.cell.clear();
            if *mark == Mark::Live {
                rows.write_cell(at, row, &mut self.cell);
            }
            self.writer.write_field(&self.cell)?;
        }
        if marked {
            match mark {
                Mark::Refused(fault) => self.writer.write_field(fault.to_string())?,
                Mark::Live | Mark::Skipped => self.writer.write_field("")?,
            }
            self.writer.write_field(if *mark == Mark::Skipped { "true" } else { "" })?;
        }
        self.writer.write_record(None::<&[u8]>)
    }
}

impl<W: Write> Sink for CsvSink<W> {
    fn write(&mut self, batch: &Batch) -> Result<(), CodecError> {
        let rows = RowWriter::new(batch, VectorForm::Native, self.options.on_fault)?;
        if !std::mem::replace(&mut self.begun, true) {
            let names = batch.values().iter().map(|(name, _)| &**name);
            let marks: &[&str] = if self.options.on_fault == OnFault::MarkRow { &["_error", "_skipped"] } else { &[] };
            self.writer.write_record(names.chain(marks.iter().copied())).map_err(output_failure)?;
        }
        (0..rows.rows()).try_for_each(|row| self.write_row(&rows, row)).map_err(output_failure)
    }

    fn finish(mut self: Box<Self>) -> Result<(), CodecError> {
        Ok(self.writer.flush()?)
    }
}

fn output_failure(error: csv::Error) -> CodecError {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => CodecError::Io(error),
        _ => CodecError::Unsupported { what: "batches of different columns in one CSV output".to_owned() },
    }
}

#[cfg(test)]
mod tests {
    use model::{Column, Field, Takes};

    use super::*;
    use crate::schema;

    fn options(ddl: &str) -> ReadOptions {
        let field = |spec: model::InputSpec| Field {
            name: spec.name,
            takes: Takes::One(spec.ty),
            nullable: true,
            whole: false,
            default: true,
            optional: false,
            gates: false,
            reading: model::Reading::Strict,
            needs: Vec::new(),
            has_default: false,
            declared: None,
        };
        ReadOptions::new(schema::parse_ddl(ddl).expect(ddl).into_iter().map(field).collect())
    }

    fn read(input: &str, options: ReadOptions) -> Result<Chunk, CodecError> {
        let mut source = CsvSource::new(input.as_bytes(), options, CsvOptions::default())?;
        Ok(source.next_chunk()?.expect("a row at least"))
    }

    fn written(batch: &Batch, on_fault: OnFault) -> String {
        let mut out = Vec::new();
        let mut sink = Box::new(CsvSink::new(&mut out, WriteOptions { on_fault }));
        sink.write(batch).expect("a Vec takes every byte");
        sink.finish().expect("a Vec takes every byte");
        String::from_utf8(out).expect("CSV is UTF-8")
    }

    fn check(ddl: &str, input: &str, expected: &str) {
        let chunk = read(input, options(ddl)).unwrap_or_else(|error| panic!("{input}: {error}"));
        assert_eq!(written(&chunk.batch, OnFault::FailCall), expected, "{input}");
    }

    fn check_same(ddl: &str, input: &str) {
        check(ddl, input, input);
    }

    fn check_error(ddl: &str, input: &str, expected: &str) {
        assert_eq!(read(input, options(ddl)).expect_err(input).to_string(), expected, "{input}");
    }

    /// A column `x` that takes one of these types settles on one.
    fn check_settles(takes: &str, cells: &str, ty: &str) {
        let mut options = options("x int");
        let types = schema::parse_ddl(takes).expect(takes).into_iter().map(|spec| spec.ty).collect();
        options.fields[0].takes = Takes::From(types);
        let chunk = read(&format!("y,x\n0,{}\n", cells.replace(' ', "\n0,")), options).expect(cells);
        assert_eq!(chunk.batch.column("x").map(Column::ty).expect("x").to_string(), ty, "{cells}");
    }

    #[test]
    fn cells_by_type() {
        check_same("a bigint,b double,c boolean", "a,b,c\n9007199254740993,0.1,true\n,,\n-1,NaN,false\n");
        check("b double,a int", "a,z,b\n1,q,-inf\n 2 ,q, 3\n", "b,a\n-Infinity,1\n3.0,2\n");
        check_same("a decimal(10,2),b decimal(38,0)", "a,b\n12.30,12345678901234567890123456789012345678\n-0.05,\n");
        check_same("s string,d date,t timestamp", "s,d,t\n\"a,\"\"b\"\"\nc\",2024-02-29,2024-02-29T00:00:01Z\n");
        check("s string,n int", "\u{feff}s,n\n,\n", "s,n\n,\n");
        check_same("v vector,t array<string>", "v,t\n\"[1.0,2.0]\",\"[\"\"a\"\"]\"\n,\n");
    }

    #[test]
    fn empty_texts_are_null_where_asked() {
        let csv = CsvOptions { empty_text_is_null: true, delimiter: b';' };
        let mut source = CsvSource::new(&b"s;t\n;x\n"[..], options("s string,t string"), csv).expect("a header");
        let batch = source.next_chunk().expect("rows").expect("one row").batch;
        assert!(!batch.column("s").expect("s").is_valid(0) && batch.column("t").expect("t").is_valid(0));
    }

    #[test]
    fn what_does_not_fit() {
        check_error("a int", "a\n1.5\n", "row 0, column `a`: expected int32, got \"1.5\"");
        check_error("a int,b int", "a\n1\n", "column `b`: expected int32, got nothing: the header does not name it");
        check_error("a int", "a,a\n1,1\n", "the header names column `a` twice: line 1, column 1 (byte 0)");
        check_error("a int", "a,b\n1\n", "the record has 1 cells where the header has 2: line 2, column 1 (byte 4)");
        check_error("a string", "a\nx\n\"y\nz\n", "a quote is opened here and not closed: line 3, column 1 (byte 4)");
        check_error("a string", "a\n\"y", "a quote is opened here and not closed: line 2, column 1 (byte 2)");
        check_error(
            "a string",
            "a\r\nx\r\n\"y\r\nz\r\n",
            "a quote is opened here and not closed: line 3, column 1 (byte 5)",
        );
        check_error("a string", "\"a\nx\n", "a quote is opened here and not closed: line 1, column 1 (byte 0)");
        let two = "a,b\n\"x\ny\",\"z\n1,2\n";
        check_error("a string,b string", two, "a quote is opened here and not closed: line 3, column 1 (byte 4)");
        check_error(
            "a string,b string",
            "a,b\n\"x,1\n",
            "a quote is opened here and not closed: line 2, column 1 (byte 4)",
        );
        check_error("v vector", "v\n\"[1\"\n", "row 0, column `v`: expected vector, got \"[1\"");
        check_error("v vector", "v\n\"[null]\"\n", "row 0, column `v`: expected a vector of numbers, got null");
        let long = ReadOptions { line_bytes_max: 100, ..options("a string") };
        let error = read(&format!("a\n\"{}", "x\n".repeat(20_000)), long).expect_err("an open quote").to_string();
        assert_eq!(error, "the length of a record is 101, more than the limit 100 (line_bytes_max)");
    }

    #[test]
    fn types_are_settled_by_the_cells() {
        check_settles("a bigint,b double,c boolean,d string", "1  2", "int64");
        check_settles("a bigint,b double,c boolean,d string", "1 2.5 NaN", "float64");
        check_settles("a bigint,b double,c boolean,d string", "true false", "bool");
        check_settles("a bigint,b double,c boolean,d string", "1 x", "string");
        check_settles("a boolean,b string", "1 0", "string");
        check_settles("a string,b vector", "[1] [2]", "vector");
        check_settles("a string,b vector", "[1] [x]", "string");
        check_settles("a double,b bigint", " ", "float64");
    }

    #[test]
    fn chunks_and_bad_rows() {
        let numbers = Takes::From(Takes::numbers());
        let mut options = ReadOptions { chunk_rows_max: 2, settle_rows: 3, keep_bad_rows: true, ..options("a int") };
        options.fields[0].takes = numbers;
        let mut source =
            CsvSource::new(&b"a\n1\n2\n3\n4.5\n5\n"[..], options, CsvOptions::default()).expect("a header");
        let mut chunks = Vec::new();
        while let Some(chunk) = source.next_chunk().expect("rows") {
            chunks.push((chunk.first_row, chunk.batch.rows(), chunk.bad.len()));
            for fault in chunk.bad {
                let expected =
                    "column `a`: expected int64 as in the first rows, or a type given by --schema, got \"4.5\"";
                assert_eq!((fault.row, fault.to_string().as_str()), (0, expected));
            }
        }
        assert_eq!(chunks, [(0, 2, 0), (2, 1, 0), (3, 2, 1)]);
    }

    #[test]
    fn optional_columns_may_be_left_out() {
        let mut options = options("a int,b int");
        options.fields[1].optional = true;
        let names = |chunk: Chunk| chunk.batch.values().iter().map(|(name, _)| name.to_string()).collect::<String>();
        assert_eq!(read("a\n1\n", options.clone()).map(names).ok().as_deref(), Some("a"));
        assert_eq!(read("b,a\n1,1\n", options).map(names).ok().as_deref(), Some("ab"));
    }

    #[test]
    fn refused_and_skipped_rows() {
        let input = ReadOptions { keep_bad_rows: true, ..options("a int") };
        let mut chunk = read("a\n1\nx\n3\n", input).expect("bad rows are kept");
        let fault = chunk.bad.remove(0);
        chunk.batch.set_marks([Mark::Live, Mark::Refused(fault.into()), Mark::Skipped].into());
        assert_eq!(written(&chunk.batch, OnFault::FailCall), "a\n1\n");
        let marked = "a,_error,_skipped\n1,,\n,\"column `a`: expected int32, got \"\"x\"\"\",\n,,true\n";
        assert_eq!(written(&chunk.batch, OnFault::MarkRow), marked);
    }
}
