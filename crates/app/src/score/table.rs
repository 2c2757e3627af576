//! Inputs and outputs by format: the one place where a format's name meets its reader and writer.

use std::{
    fs::File,
    io::{self, BufReader, Read, Write},
    path::Path,
};

use codec::{
    CodecError, Format, ReadOptions, Sink, Source, WriteOptions,
    arrow::{ArrowSink, ArrowSource},
    csv::{CsvOptions, CsvSink, CsvSource},
    json::{JsonlSource, RowWriter, VectorForm},
    parquet::{ParquetSink, ParquetSource},
};
use model::{Batch, Buffer, OnFault};

use crate::{failure::Failure, progress::Total};

/// Bytes of a table from standard input whose format must be read from its end.
const PIPED_BYTES_MAX: u64 = 1 << 30;

/// A reader of chunks that may move to another thread.
pub type Tables = Box<dyn Source + Send>;

/// An input that is open.
pub struct Input {
    pub source: Tables,
    pub total: Total,
    /// How messages call it.
    pub name: String,
}

/// Returns the format that is named, or that the path tells, or for standard input and output the default.
pub fn format(named: Option<&str>, path: Option<&Path>, flag: &str) -> Result<Format, Failure> {
    let known = || Format::ALL.map(Format::name).join(", ");
    Ok(match (named, path.filter(|path| path.as_os_str() != "-")) {
        (Some(name), _) => Format::from_name(name)
            .ok_or_else(|| Failure::usage(format_args!("{flag}: {name:?} is no format; there are {}", known())))?,
        (None, None) => Format::Jsonl,
        (None, Some(path)) => Format::of_path(path).ok_or_else(|| {
            let path = path.display();
            Failure::usage(format_args!("the name of {path} tells no format; name it with {flag} ({})", known()))
        })?,
    })
}

/// Opens an input; standard input where no path is given (or `-`).
pub fn open(path: Option<&Path>, format: Format, options: ReadOptions) -> Result<Input, Failure> {
    let (name, opened) = match path.filter(|path| path.as_os_str() != "-") {
        None => ("standard input".to_owned(), piped(format, options).map(|source| (source, Total::Unknown))),
        Some(path) => (path.display().to_string(), file(path, format, options)),
    };
    match opened {
        Ok((source, total)) => Ok(Input { source, total, name }),
        Err(error) => Err(Failure::refused(format_args!("{name}: {error}"))),
    }
}

fn file(path: &Path, format: Format, options: ReadOptions) -> Result<(Tables, Total), CodecError> {
    let file = File::open(path)?;
    let meta = file.metadata()?;
    if meta.is_dir() {
        return Err(CodecError::Unsupported { what: "folders as tables; name a file".to_owned() });
    }
    let total = if meta.is_file() { Total::Bytes(meta.len()) } else { Total::Unknown };
    if format != Format::Parquet {
        return Ok((stream(file, format, options)?, total));
    }
    if !meta.is_file() {
        return Ok((parquet_of(file, options)?, Total::Unknown));
    }
    let source = ParquetSource::open(file, options, &codec::parquet::Limits::default())?;
    let total = Total::Rows(source.rows());
    Ok((Box::new(source), total))
}

fn piped(format: Format, options: ReadOptions) -> Result<Tables, CodecError> {
    match format {
        Format::Parquet => parquet_of(io::stdin(), options),
        format => stream(io::stdin(), format, options),
    }
}

fn stream(input: impl Read + Send + 'static, format: Format, options: ReadOptions) -> Result<Tables, CodecError> {
    let input = BufReader::with_capacity(256 << 10, input);
    Ok(match format {
        Format::Csv => Box::new(CsvSource::new(input, options, CsvOptions::default())?),
        Format::Arrow => Box::new(ArrowSource::open(input, options, &codec::arrow::Limits::default())?),
        _ => Box::new(JsonlSource::new(input, options)?),
    })
}

/// Parquet is read from its end, so what comes through a pipe is held in memory.
fn parquet_of(input: impl Read, options: ReadOptions) -> Result<Tables, CodecError> {
    let mut bytes = Vec::new();
    input.take(PIPED_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > PIPED_BYTES_MAX {
        let what = "parquet through a pipe; score it as a file instead: its size".to_owned();
        let (got, limit) = (bytes.len() as u64, PIPED_BYTES_MAX);
        return Err(CodecError::TooLarge { what, got, limit, key: "fixed" });
    }
    let source = ParquetSource::of_bytes(Buffer::from_vec(bytes), options, &codec::parquet::Limits::default())?;
    Ok(Box::new(source))
}

/// One chunk's rows on their way out.
pub enum Answer {
    /// JSON lines, which the scoring threads make: that is much of the work, and theirs is shared.
    Lines(Vec<u8>),
    Rows(Batch),
}

/// Takes answers in the order of the input.
pub enum Writer {
    Lines(File),
    Table(Box<dyn Sink>),
    /// Takes answers and writes nothing: what is left is the time that reading and scoring take.
    Nowhere,
}

impl Writer {
    /// Returns the writer of a format; without one nothing is written.
    pub fn new(output: File, format: Option<Format>, options: WriteOptions) -> Writer {
        Writer::Table(match format {
            None => return Writer::Nowhere,
            Some(Format::Csv) => Box::new(CsvSink::new(output, options)),
            Some(Format::Arrow) => Box::new(ArrowSink::file(output, &options)),
            Some(Format::Parquet) => Box::new(ParquetSink::new(output, &options)),
            Some(_) => return Writer::Lines(output),
        })
    }

    /// Writes the answer to one chunk, in the form that [`Writer::is_lines`] asks for.
    pub fn write(&mut self, answer: &Answer) -> Result<(), CodecError> {
        match (self, answer) {
            (Writer::Lines(output), Answer::Lines(lines)) => Ok(output.write_all(lines)?),
            (Writer::Table(sink), Answer::Rows(batch)) => sink.write(batch),
            (Writer::Nowhere, answer) => {
                std::hint::black_box(answer);
                Ok(())
            }
            (Writer::Lines(_), Answer::Rows(_)) | (Writer::Table(_), Answer::Lines(_)) => {
                unreachable!("answers have the form that the writer asks for")
            }
        }
    }

    /// Returns whether answers are to be lines.
    pub fn is_lines(&self) -> bool {
        matches!(self, Writer::Lines(_))
    }

    /// Writes what ends the output.
    pub fn finish(self) -> Result<(), CodecError> {
        match self {
            Writer::Table(sink) => sink.finish(),
            Writer::Lines(_) | Writer::Nowhere => Ok(()),
        }
    }
}

/// Returns the rows as JSON lines.
pub fn lines(batch: &Batch, on_fault: OnFault) -> Result<Vec<u8>, CodecError> {
    let rows = RowWriter::new(batch, VectorForm::Native, on_fault)?;
    let mut lines = Vec::new();
    for row in 0..rows.rows() {
        if rows.write(row, &mut lines) {
            lines.push(b'\n');
        }
    }
    Ok(lines)
}
