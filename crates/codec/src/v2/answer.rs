//! An answer as named tensors: each output written where it lies, column by column.

use model::{Batch, Column, DType, Data, Datum, Mark, Table, Tensor, Type, Value, Whole, column::Row};

use super::{CONTENT_TYPE, TensorType};
use crate::{
    error::CodecError,
    json::{
        encode::{VectorForm, elements, write_f64, write_int, write_text, write_value},
        write_datum,
    },
};

/// What an answer says of itself.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    pub model: &'a str,
    pub version: Option<u64>,
    /// The request's own.
    pub id: Option<&'a str>,
}

impl Head<'_> {
    pub(super) fn begin(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"model_name\":");
        write_text(self.model.as_bytes(), out);
        if let Some(version) = self.version {
            out.extend_from_slice(b",\"model_version\":\"");
            write_int(version, out);
            out.push(b'"');
        }
        if let Some(id) = self.id {
            out.extend_from_slice(b",\"id\":");
            write_text(id.as_bytes(), out);
        }
        out.extend_from_slice(b",\"outputs\":[");
    }
}

/// Appends the answer from where it lies; rows that are not live are left out.
pub fn encode_table(table: &dyn Table, head: Head<'_>, out: &mut Vec<u8>) {
    head.begin(out);
    let rows = Live::of(table);
    for column in 0..table.columns() {
        if column > 0 {
            out.push(b',');
        }
        write_output(table, column, &rows, out);
    }
    out.extend_from_slice(b"]}");
}

/// Appends the answer: whole tensors with their own shapes, columns as [`encode_table`] writes them.
pub fn encode(batch: &Batch, head: Head<'_>, out: &mut Vec<u8>) -> Result<(), CodecError> {
    head.begin(out);
    for (i, (name, value)) in batch.values().iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        match value {
            Value::Column { domain, column } => {
                let table = OneColumn { batch, domain: *domain, name, column };
                write_output(&table, 0, &Live::of(&table), out);
            }
            Value::Whole(whole) => write_whole(name, whole, out)?,
        }
    }
    out.extend_from_slice(b"]}");
    Ok(())
}

/// Writes a whole value: a tensor with its own shape; what is no tensor says so by its `kind`.
pub(super) fn write_whole(name: &str, whole: &Whole, out: &mut Vec<u8>) -> Result<(), CodecError> {
    let is_map = |whole: &Whole| matches!(whole, Whole::Map(_));
    match whole {
        Whole::Tensor(tensor) => return write_tensor_of(name, tensor, out),
        Whole::Sequence(items) if !items.is_empty() && items.iter().all(is_map) => {
            begin_kind(name, "sequence_of_maps", out);
            out.extend_from_slice(b",\"maps\":[");
            for (i, item) in items.iter().enumerate() {
                separate(i > 0, out);
                if let Whole::Map(map) = item {
                    out.push(b'{');
                    write_map(&map.0, &map.1, out);
                    out.push(b'}');
                }
            }
            out.push(b']');
        }
        Whole::Sequence(items) => {
            begin_kind(name, "sequence", out);
            out.extend_from_slice(b",\"elements\":[");
            for (i, item) in items.iter().enumerate() {
                separate(i > 0, out);
                write_whole("", item, out)?;
            }
            out.push(b']');
        }
        Whole::Map(map) => {
            begin_kind(name, "map", out);
            out.push(b',');
            write_map(&map.0, &map.1, out);
        }
        Whole::Absent => begin_kind(name, "none", out),
    }
    out.push(b'}');
    Ok(())
}

fn begin_kind(name: &str, kind: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"name\":");
    write_text(name.as_bytes(), out);
    out.extend_from_slice(b",\"kind\":");
    write_text(kind.as_bytes(), out);
}

fn write_tensor_of(name: &str, tensor: &Tensor, out: &mut Vec<u8>) -> Result<(), CodecError> {
    if tensor.dtype() == Some(DType::C64) {
        let what = format!("output `{name}`, a tensor of complex numbers, in an answer of Open Inference V2");
        return Err(CodecError::Unsupported { what });
    }
    let ty = TensorType { shape: Vec::new(), ..TensorType::of_output(&tensor.ty(), true) };
    let mut data = |out: &mut Vec<u8>| write_all(tensor, out);
    write_tensor(name, &ty, tensor.shape().iter().copied(), &mut data, out);
    Ok(())
}

/// Writes the elements side by side.
fn write_all(tensor: &Tensor, out: &mut Vec<u8>) {
    if let Data::Bytes(texts) = tensor.data() {
        for (i, text) in texts.iter().enumerate() {
            separate(i > 0, out);
            // Each is a text where it can be one.
            match std::str::from_utf8(text) {
                Ok(text) => write_text(text.as_bytes(), out),
                Err(_) => write_datum(Datum::Bytes(text), VectorForm::Native, out),
            }
        }
        return;
    }
    let elements = elements(tensor);
    for at in 0..elements.len() {
        separate(at > 0, out);
        write_element(Datum::Entry(&elements, at), false, out);
    }
}

fn write_map(keys: &Tensor, values: &Tensor, out: &mut Vec<u8>) {
    out.extend_from_slice(b"\"keys\":[");
    write_all(keys, out);
    out.extend_from_slice(b"],\"values\":[");
    write_all(values, out);
    out.push(b']');
}

/// The rows to write.
pub(super) struct Live {
    /// All of them, where none is listed.
    listed: Option<Vec<usize>>,
    pub rows: usize,
}

impl Live {
    pub fn of(table: &dyn Table) -> Live {
        let rows = table.rows();
        if table.is_all_live() {
            return Live { listed: None, rows };
        }
        let listed: Vec<usize> = (0..rows).filter(|&row| table.mark(row) == Mark::Live).collect();
        Live { rows: listed.len(), listed: Some(listed) }
    }

    pub fn each(&self, mut f: impl FnMut(usize)) {
        match &self.listed {
            Some(listed) => listed.iter().for_each(|&row| f(row)),
            None => (0..self.rows).for_each(f),
        }
    }
}

pub(super) fn separate(begun: bool, out: &mut Vec<u8>) {
    if begun {
        out.push(b',');
    }
}

pub(super) fn write_output(table: &dyn Table, column: usize, rows: &Live, out: &mut Vec<u8>) {
    let ty = table.ty(column);
    let tensor = TensorType::of_output(&ty, false);
    let name = table.name(column);
    if let Type::Vector { .. } = ty {
        return match common_size(table, column, rows) {
            Some(size) => {
                let shape = [rows.rows, size];
                write_tensor(name, &tensor, shape.into_iter(), &mut |out| vectors(table, column, rows, out), out);
            }
            None => {
                let json = TensorType { datatype: super::Datatype::Bytes, shape: vec![-1], is_json: true };
                write_json(table, column, &json, rows, out);
            }
        };
    }
    if tensor.is_json {
        return write_json(table, column, &tensor, rows, out);
    }
    let inner = tensor.shape[1..].iter().map(|&dim| dim as usize);
    let shape = std::iter::once(rows.rows).chain(inner);
    let mut data = |out: &mut Vec<u8>| {
        let mut begun = false;
        rows.each(|row| {
            separate(std::mem::replace(&mut begun, true), out);
            table.visit(column, row, &mut |datum| write_element(datum, ty == Type::F32, out));
        });
    };
    write_tensor(name, &tensor, shape, &mut data, out);
}

fn write_tensor(
    name: &str,
    tensor: &TensorType,
    shape: impl Iterator<Item = usize>,
    data: &mut dyn FnMut(&mut Vec<u8>),
    out: &mut Vec<u8>,
) {
    begin_output(name, tensor.datatype, tensor.is_json, shape, out);
    out.extend_from_slice(b",\"data\":[");
    data(out);
    out.extend_from_slice(b"]}");
}

/// Writes all of an output but its elements and its end; its parameters are last.
pub(super) fn begin_output(
    name: &str,
    datatype: super::Datatype,
    is_json: bool,
    shape: impl Iterator<Item = usize>,
    out: &mut Vec<u8>,
) {
    out.extend_from_slice(b"{\"name\":");
    write_text(name.as_bytes(), out);
    out.extend_from_slice(b",\"shape\":[");
    for (i, dim) in shape.enumerate() {
        separate(i > 0, out);
        write_int(dim, out);
    }
    out.extend_from_slice(b"],\"datatype\":");
    write_text(datatype.name().as_bytes(), out);
    if is_json {
        out.extend_from_slice(b",\"parameters\":{");
        write_text(CONTENT_TYPE.0.as_bytes(), out);
        out.push(b':');
        write_text(CONTENT_TYPE.1.as_bytes(), out);
        out.push(b'}');
    }
}

/// Writes every row's value as JSON within a string.
fn write_json(table: &dyn Table, column: usize, tensor: &TensorType, rows: &Live, out: &mut Vec<u8>) {
    let mut text = Vec::new();
    let mut data = |out: &mut Vec<u8>| {
        let mut begun = false;
        rows.each(|row| {
            separate(std::mem::replace(&mut begun, true), out);
            text.clear();
            table.visit(column, row, &mut |datum| write_datum(datum, VectorForm::Native, &mut text));
            // A null is one, not a text about it.
            match text.as_slice() {
                b"null" => out.extend_from_slice(b"null"),
                text => write_text(text, out),
            }
        });
    };
    write_tensor(table.name(column), tensor, std::iter::once(rows.rows), &mut data, out);
}

/// Returns the size that all vectors have; nothing where one is null or differs.
pub(super) fn common_size(table: &dyn Table, column: usize, rows: &Live) -> Option<usize> {
    let mut size = match table.ty(column) {
        Type::Vector { size: Some(size) } => Some(size as usize),
        _ => None,
    };
    let mut alike = true;
    rows.each(|row| {
        table.visit(column, row, &mut |datum| match vector(&datum) {
            Some(vector) => alike &= *size.get_or_insert(vector.size()) == vector.size(),
            None => alike = false,
        });
    });
    alike.then(|| size.unwrap_or(0))
}

pub(super) fn vector<'a>(datum: &Datum<'a>) -> Option<Row<'a>> {
    match *datum {
        Datum::Vector(row) => Some(row),
        Datum::Entry(Column::Vector(vectors), row) => vectors.is_valid(row).then(|| vectors.row(row)),
        _ => None,
    }
}

fn vectors(table: &dyn Table, column: usize, rows: &Live, out: &mut Vec<u8>) {
    let mut begun = false;
    let mut put = |value: f64, out: &mut Vec<u8>| {
        separate(std::mem::replace(&mut begun, true), out);
        write_f64(value, out);
    };
    rows.each(|row| {
        table.visit(column, row, &mut |datum| match vector(&datum) {
            Some(Row::Dense(values)) => values.iter().for_each(|&value| put(value, out)),
            Some(Row::Sparse { size, indices, values }) => {
                let mut stored = indices.iter().zip(values).peekable();
                for at in 0..size {
                    let value = stored.next_if(|(index, _)| **index as usize == at).map_or(0.0, |(_, value)| *value);
                    put(value, out);
                }
            }
            None => {}
        });
    });
}

/// Writes one element (or the elements of a row of fixed shape, side by side).
fn write_element(datum: Datum<'_>, is_f32: bool, out: &mut Vec<u8>) {
    match datum {
        Datum::Float(value) if is_f32 => write_f32(value as f32, out),
        Datum::Entry(Column::Fixed(fixed), row) if fixed.dtype() == DType::F32 && fixed.shape().is_empty() => {
            match fixed.is_valid(row) {
                true => write_f32(fixed.values::<f32>()[row], out),
                false => out.extend_from_slice(b"null"),
            }
        }
        Datum::Entry(column @ Column::Fixed(fixed), row) if !fixed.shape().is_empty() => {
            let begin = out.len();
            write_value(column, row, VectorForm::Native, out);
            // Flat, in row-major order: what is left of nested arrays of numbers without their brackets.
            let mut kept = begin;
            for at in begin..out.len() {
                if !matches!(out[at], b'[' | b']') {
                    out[kept] = out[at];
                    kept += 1;
                }
            }
            out.truncate(kept);
        }
        datum => write_datum(datum, VectorForm::Native, out),
    }
}

/// Appends the fewest digits that read back to the same float32.
fn write_f32(value: f32, out: &mut Vec<u8>) {
    // Whole numbers below are exact in any form; above, a float64 would show digits that the float32 does not mean.
    const EXACT: f32 = 1e7;
    match value.is_finite() && (value.fract() != 0.0 || value.abs() >= EXACT) {
        true => out.extend_from_slice(ryu::Buffer::new().format_finite(value).as_bytes()),
        false => write_f64(value.into(), out),
    }
}

/// A batch's column as a table of one.
pub(super) struct OneColumn<'a> {
    pub batch: &'a Batch,
    pub domain: usize,
    pub name: &'a str,
    pub column: &'a Column,
}

impl Table for OneColumn<'_> {
    fn rows(&self) -> usize {
        self.column.len()
    }

    fn is_all_live(&self) -> bool {
        self.batch.domains()[self.domain].marks.is_none()
    }

    fn mark(&self, row: usize) -> Mark {
        self.batch.domains()[self.domain].mark(row).clone()
    }

    fn columns(&self) -> usize {
        1
    }

    fn name(&self, _column: usize) -> &str {
        self.name
    }

    fn ty(&self, _column: usize) -> Type {
        self.column.ty()
    }

    fn visit(&self, _column: usize, row: usize, see: &mut dyn FnMut(Datum<'_>)) {
        see(Datum::Entry(self.column, row));
    }
}
