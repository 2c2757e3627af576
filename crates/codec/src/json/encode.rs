//! Batches to JSON: bytes appended to a buffer, nothing allocated per row.
//!
//! Numbers print with the fewest digits that read back to the same float64, a float32 widened first; integers in full.

use std::io::Write;

use model::{Batch, Column, DType, Data, Domain, Fixed, Mark, OnFault, Tensor, Value, Whole, column::Row};

use crate::{error::CodecError, slot::integer, time, view::View};
use base64::{Engine, prelude::BASE64_STANDARD as BASE64};

/// How vectors are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum VectorForm {
    /// A dense one as an array.
    #[default]
    Native,
    /// A dense one as `{"values":[..]}`.
    Mist,
}

/// What a body is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shape {
    /// An array of rows.
    #[default]
    Rows,
    /// The row by itself, `null` where the model dropped it. A batch of another number of rows is an array after all.
    Single,
}

/// How a body is written.
#[derive(Clone, Copy, Debug, Default)]
pub struct EncodeOptions {
    pub shape: Shape,
    pub vectors: VectorForm,
    /// Whether refused and skipped rows keep their places, as `{"_error":".."}` and `{"_skipped":true}`.
    pub on_fault: OnFault,
    /// Whether integers past 2^53, which not every reader of JSON takes as they are, are strings.
    pub big_ints_as_text: bool,
}

/// Appends the batch: its rows as objects, each with every column and every whole value; one object where there are only
/// whole values.
pub fn encode(batch: &Batch, options: EncodeOptions, out: &mut Vec<u8>) -> Result<(), CodecError> {
    if let (true, Some(table)) = (options.big_ints_as_text, View::of(batch)) {
        super::encode_table(&table, options, out);
        return Ok(());
    }
    let rows = RowWriter::new(batch, options.vectors, options.on_fault)?;
    if options.shape == Shape::Single && rows.rows() == 1 || rows.is_whole() {
        if !rows.write(0, out) {
            out.extend_from_slice(b"null");
        }
        return Ok(());
    }
    out.push(b'[');
    let begin = out.len();
    for row in 0..rows.rows() {
        let before = out.len();
        if before > begin {
            out.push(b',');
        }
        if !rows.write(row, out) {
            out.truncate(before);
        }
    }
    out.push(b']');
    Ok(())
}

/// Writes the rows of one batch as objects.
#[derive(Debug)]
pub struct RowWriter<'a> {
    /// The keys with their quotes and colons, one after the other.
    keys: Vec<u8>,
    values: Vec<(std::ops::Range<usize>, Part<'a>)>,
    /// The rows; absent where all values are whole.
    domain: Option<&'a Domain>,
    vectors: VectorForm,
    on_fault: OnFault,
}

#[derive(Debug)]
enum Part<'a> {
    Column(&'a Column),
    Whole(&'a Whole),
}

impl<'a> RowWriter<'a> {
    /// Returns a writer of the batch's rows; all its columns are of one row domain.
    pub fn new(batch: &'a Batch, vectors: VectorForm, on_fault: OnFault) -> Result<RowWriter<'a>, CodecError> {
        let mut keys = Vec::new();
        let mut values = Vec::with_capacity(batch.values().len());
        let mut of = None;
        for (name, value) in batch.values() {
            let part = match value {
                Value::Whole(whole) => Part::Whole(whole),
                Value::Column { domain, column } => {
                    if *of.get_or_insert(*domain) != *domain {
                        let what =
                            format!("outputs of different rows in one table (`{name}`); ask for them one by one");
                        return Err(CodecError::Unsupported { what });
                    }
                    Part::Column(column)
                }
            };
            let begin = keys.len();
            write_text(name.as_bytes(), &mut keys);
            keys.push(b':');
            values.push((begin..keys.len(), part));
        }
        let only_whole = of.is_none() && !values.is_empty();
        let domain = (!only_whole).then(|| &batch.domains()[of.unwrap_or(0)]);
        Ok(RowWriter { keys, values, domain, vectors, on_fault })
    }

    /// Returns the rows; one where all values are whole.
    pub fn rows(&self) -> usize {
        self.domain.map_or(1, |domain| domain.rows)
    }

    /// Returns what became of the row.
    pub(crate) fn mark(&self, row: usize) -> &Mark {
        self.domain.map_or(&Mark::Live, |domain| domain.mark(row))
    }

    /// Returns the values of a row.
    pub(crate) fn width(&self) -> usize {
        self.values.len()
    }

    /// Appends one value of a row as the cell of a table: text and single values bare, null as nothing, the rest as JSON.
    pub(crate) fn write_cell(&self, at: usize, row: usize, out: &mut Vec<u8>) {
        match self.values[at].1 {
            Part::Whole(whole) => write_whole(whole, self.vectors, out),
            Part::Column(column) if !column.is_valid(row) => {}
            Part::Column(Column::Text(texts)) => out.extend_from_slice(texts.bytes(row)),
            Part::Column(Column::Bytes(c)) if std::str::from_utf8(c.bytes(row)).is_ok() => {
                out.extend_from_slice(c.bytes(row));
            }
            Part::Column(column) => {
                write_value(column, row, self.vectors, out);
                if matches!(column, Column::Fixed(_)) {
                    out.retain(|&byte| byte != b'"');
                }
            }
        }
    }

    fn is_whole(&self) -> bool {
        self.domain.is_none()
    }

    /// Appends the row; answers whether there is one to write (rows that are left out are not).
    pub fn write(&self, row: usize, out: &mut Vec<u8>) -> bool {
        match self.mark(row) {
            Mark::Live => {}
            _ if self.on_fault == OnFault::FailCall => return false,
            mark => return write_mark(mark, out),
        }
        let mut sep = b'{';
        for (key, part) in &self.values {
            out.push(sep);
            sep = b',';
            out.extend_from_slice(&self.keys[key.clone()]);
            match part {
                Part::Column(column) => write_value(column, row, self.vectors, out),
                Part::Whole(whole) => write_whole(whole, self.vectors, out),
            }
        }
        if sep == b'{' {
            out.push(b'{');
        }
        out.push(b'}');
        true
    }
}

/// Appends what stands for a row that was refused or dropped; answers whether anything does.
pub(super) fn write_mark(mark: &Mark, out: &mut Vec<u8>) -> bool {
    match mark {
        Mark::Live => return false,
        Mark::Skipped => out.extend_from_slice(b"{\"_skipped\":true}"),
        Mark::Refused(fault) => {
            out.extend_from_slice(b"{\"_error\":");
            write_text(fault.to_string().as_bytes(), out);
            out.push(b'}');
        }
    }
    true
}

/// Appends one entry of a column.
pub(crate) fn write_value(column: &Column, row: usize, form: VectorForm, out: &mut Vec<u8>) {
    if !column.is_valid(row) {
        out.extend_from_slice(b"null");
        return;
    }
    match column {
        Column::Fixed(c) if c.shape().is_empty() => write_element(c, row, out),
        Column::Fixed(c) => write_elements(c, row, out),
        Column::Text(c) => write_text(c.bytes(row), out),
        Column::Bytes(c) => write_binary(c.bytes(row), out),
        Column::List(c) => {
            write_array(c.range(row), out, |item, out| write_value(c.child(), item, form, out));
        }
        Column::Vector(c) => write_vector(c.row(row), form, out),
        Column::Struct(c) => {
            let mut sep = b'{';
            for (name, part) in c.fields() {
                out.push(std::mem::replace(&mut sep, b','));
                write_text(name.as_bytes(), out);
                out.push(b':');
                write_value(part, row, form, out);
            }
            if sep == b'{' {
                out.push(b'{');
            }
            out.push(b'}');
        }
        Column::Map(c) => {
            let Column::Struct(entries) = c.child() else { unreachable!("a map's entries are structs") };
            let (keys, values) = (&entries.fields()[0].1, &entries.fields()[1].1);
            write_entries(keys, values, c.range(row), form, out);
        }
    }
}

pub(crate) fn write_array(items: std::ops::Range<usize>, out: &mut Vec<u8>, mut item: impl FnMut(usize, &mut Vec<u8>)) {
    out.push(b'[');
    for (i, at) in items.enumerate() {
        if i > 0 {
            out.push(b',');
        }
        item(at, out);
    }
    out.push(b']');
}

pub(super) fn write_vector(row: Row<'_>, form: VectorForm, out: &mut Vec<u8>) {
    let floats =
        |values: &[f64], out: &mut Vec<u8>| write_array(0..values.len(), out, |i, out| write_f64(values[i], out));
    match row {
        Row::Dense(values) if form == VectorForm::Native => floats(values, out),
        Row::Dense(values) => {
            out.extend_from_slice(b"{\"values\":");
            floats(values, out);
            out.push(b'}');
        }
        Row::Sparse { size, indices, values } => {
            out.extend_from_slice(b"{\"size\":");
            write_int(size, out);
            out.extend_from_slice(b",\"indices\":");
            write_array(0..indices.len(), out, |i, out| write_int(indices[i], out));
            out.extend_from_slice(b",\"values\":");
            floats(values, out);
            out.push(b'}');
        }
    }
}

/// Appends the entries as an object; keys that are not text are written as text.
fn write_entries(keys: &Column, values: &Column, range: std::ops::Range<usize>, form: VectorForm, out: &mut Vec<u8>) {
    out.push(b'{');
    let begin = range.start;
    let mut key = Vec::new();
    for at in range {
        if at > begin {
            out.push(b',');
        }
        if let Column::Text(texts) = keys {
            write_text(texts.bytes(at), out);
        } else {
            key.clear();
            write_value(keys, at, form, &mut key);
            let bare = key.strip_prefix(b"\"").and_then(|k| k.strip_suffix(b"\"")).unwrap_or(&key);
            write_text(bare, out);
        }
        out.push(b':');
        write_value(values, at, form, out);
    }
    out.push(b'}');
}

pub(crate) fn write_whole(whole: &Whole, form: VectorForm, out: &mut Vec<u8>) {
    match whole {
        Whole::Tensor(tensor) => write_elements_of(tensor, form, out),
        Whole::Sequence(items) => write_array(0..items.len(), out, |i, out| write_whole(&items[i], form, out)),
        Whole::Map(map) => {
            let (keys, values) = (elements(&map.0), elements(&map.1));
            write_entries(&keys, &values, 0..keys.len(), form, out);
        }
        Whole::Absent => out.extend_from_slice(b"null"),
    }
}

/// Appends a tensor as nested arrays.
fn write_elements_of(tensor: &Tensor, form: VectorForm, out: &mut Vec<u8>) {
    /// Appends the part below one index of the outer dimensions; it begins at element `begin`.
    fn level(shape: &[usize], elements: &Column, begin: usize, form: VectorForm, out: &mut Vec<u8>) {
        let Some((&len, inner)) = shape.split_first() else { return write_value(elements, begin, form, out) };
        let stride: usize = inner.iter().product();
        write_array(0..len, out, |i, out| level(inner, elements, begin + i * stride, form, out));
    }
    level(tensor.shape(), &elements(tensor), 0, form, out);
}

/// Returns a tensor's elements as a column: half precision as float32, which holds each exactly; a complex number as the list
/// of its two parts.
pub(crate) fn elements(tensor: &Tensor) -> Column {
    let floats = |values: Vec<f32>| Column::Fixed(Fixed::from_vec(DType::F32, values));
    match tensor.data() {
        Data::F16(e) => floats(e.iter().map(|x| x.to_f32()).collect()),
        Data::BF16(e) => floats(e.iter().map(|x| x.to_f32()).collect()),
        Data::C64(e) => {
            let parts: Vec<f32> = e.iter().flat_map(|x| [x.re, x.im]).collect();
            Column::Fixed(Fixed::new(DType::F32, vec![2], e.len(), model::Buffer::from_vec(parts), None))
        }
        _ => tensor.to_column().expect("all other elements are a column's"),
    }
}

/// Appends the elements of a row of fixed shape as nested arrays.
fn write_elements(column: &Fixed, row: usize, out: &mut Vec<u8>) {
    fn level(column: &Fixed, shape: &[usize], begin: usize, out: &mut Vec<u8>) {
        let Some((&len, inner)) = shape.split_first() else { return write_element(column, begin, out) };
        let stride: usize = inner.iter().product();
        write_array(0..len, out, |i, out| level(column, inner, begin + i * stride, out));
    }
    level(column, column.shape(), row * column.shape().iter().product::<usize>(), out);
}

fn write_element(column: &Fixed, at: usize, out: &mut Vec<u8>) {
    match column.dtype() {
        DType::F64 => write_f64(column.values::<f64>()[at], out),
        DType::F32 => write_f64(column.values::<f32>()[at].into(), out),
        DType::I64 => write_int(column.values::<i64>()[at], out),
        DType::I32 => write_int(column.values::<i32>()[at], out),
        DType::Bool => {
            out.extend_from_slice(if column.values::<u8>()[at] != 0 { b"true" } else { b"false" });
        }
        DType::Date | DType::Timestamp => {
            out.push(b'"');
            let value = integer(column, at) as i64;
            if column.dtype() == DType::Date {
                time::write_date(value, out)
            } else {
                time::write_timestamp(value, out)
            }
            out.push(b'"');
        }
        DType::Decimal(_, scale) => model::decimal::write(column.values::<i128>()[at], scale, out),
        _ => write_int(integer(column, at), out),
    }
}

pub(crate) fn write_int(value: impl itoa::Integer, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Appends the number, or the string that stands for one that JSON does not have.
pub(crate) fn write_f64(value: f64, out: &mut Vec<u8>) {
    let whole = value as i64;
    // Counts, labels and indexes: without the tables that other numbers need, which a request finds in no cache. Below 2^53
    // the digits are the same; the sign of a negative zero is none of an integer's.
    if whole as f64 == value && whole.unsigned_abs() < 1 << 53 && value.to_bits() != (-0.0f64).to_bits() {
        match u8::try_from(whole) {
            Ok(digit @ 0..=9) => out.extend_from_slice(&[b'0' + digit, b'.', b'0']),
            _ => {
                write_int(whole, out);
                out.extend_from_slice(b".0");
            }
        }
    } else if value.is_finite() {
        out.extend_from_slice(ryu::Buffer::new().format_finite(value).as_bytes());
    } else if value.is_nan() {
        out.extend_from_slice(b"\"NaN\"");
    } else {
        out.extend_from_slice(if value > 0.0 { b"\"Infinity\"" } else { b"\"-Infinity\"" });
    }
}

pub(super) fn write_binary(bytes: &[u8], out: &mut Vec<u8>) {
    if std::str::from_utf8(bytes).is_ok() {
        return write_text(bytes, out);
    }
    write!(out, "{{\"b64\":\"{}\"}}", BASE64.encode(bytes)).expect("a Vec takes every byte");
}

/// What stands for a byte in a string: 0 itself, `u` its number, else the letter after a backslash.
const ESCAPES: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 0x20 {
        table[byte] = b'u';
        byte += 1;
    }
    table[b'\n' as usize] = b'n';
    table[b'\r' as usize] = b'r';
    table[b'\t' as usize] = b't';
    table[0x08] = b'b';
    table[0x0c] = b'f';
    table[b'"' as usize] = b'"';
    table[b'\\' as usize] = b'\\';
    table
};

/// Appends UTF-8 text as a JSON string.
pub(crate) fn write_text(text: &[u8], out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.reserve(text.len() + 2);
    out.push(b'"');
    let mut begin = 0;
    for (at, &byte) in text.iter().enumerate() {
        let escape = ESCAPES[byte as usize];
        if escape == 0 {
            continue;
        }
        out.extend_from_slice(&text[begin..at]);
        begin = at + 1;
        if escape == b'u' {
            out.extend_from_slice(&[b'\\', b'u', b'0', b'0', HEX[byte as usize >> 4], HEX[byte as usize & 15]]);
        } else {
            out.extend_from_slice(&[b'\\', escape]);
        }
    }
    out.extend_from_slice(&text[begin..]);
    out.push(b'"');
}
