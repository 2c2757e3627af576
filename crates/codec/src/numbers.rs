//! Entries as JSON whose numbers are written as a protocol writes them.
//!
//! What tensors cannot say stands as it does in rows: sparse vectors, structs and maps are objects, a missing value is null.

use model::{Column, DType, Datum, Type, column::Row};

use crate::{
    json::{
        encode::{VectorForm, write_array, write_f64, write_int, write_value},
        write_datum,
    },
    slot::integer,
};

/// How numbers are written.
#[derive(Clone, Copy)]
pub(crate) struct Numbers {
    pub f32: fn(f32, &mut Vec<u8>),
    pub f64: fn(f64, &mut Vec<u8>),
    pub int: fn(i128, &mut Vec<u8>),
}

/// Integers past this are not all float64s, which is what JavaScript makes of numbers.
const EXACT_MAX: u128 = 1 << 53;

/// As rows write them, but integers past 2^53 as texts.
pub(crate) const BIG_AS_TEXT: Numbers =
    Numbers { f32: |x, out| write_f64(x.into(), out), f64: write_f64, int: big_as_text };

/// As Python's `json` writes them: what JSON has no number for is a bare word.
pub(crate) const PYTHON: Numbers = Numbers { f32: |x, out| python(x.into(), out), f64: python, int };

pub(crate) fn int(value: i128, out: &mut Vec<u8>) {
    write_int(value, out);
}

fn big_as_text(value: i128, out: &mut Vec<u8>) {
    let is_big = value.unsigned_abs() > EXACT_MAX;
    if is_big {
        out.push(b'"');
    }
    write_int(value, out);
    if is_big {
        out.push(b'"');
    }
}

fn python(value: f64, out: &mut Vec<u8>) {
    match value {
        value if value.is_nan() => out.extend_from_slice(b"NaN"),
        f64::INFINITY => out.extend_from_slice(b"Infinity"),
        f64::NEG_INFINITY => out.extend_from_slice(b"-Infinity"),
        value => write_f64(value, out),
    }
}

/// Returns whether the numbers of a column are float32, which a [`Datum`] widens.
pub(crate) fn is_narrow(ty: &Type) -> bool {
    match ty {
        Type::List(item) => is_narrow(item),
        Type::Fixed { dtype, .. } => *dtype == DType::F32,
        _ => false,
    }
}

impl Numbers {
    /// Appends one entry.
    pub(crate) fn write(&self, datum: Datum<'_>, narrow: bool, out: &mut Vec<u8>) {
        match datum {
            Datum::Float(value) if narrow => (self.f32)(value as f32, out),
            Datum::Float(value) => (self.f64)(value, out),
            Datum::Int(value) => (self.int)(value.into(), out),
            Datum::Uint(value) => (self.int)(value.into(), out),
            Datum::Vector(row) => self.vector(row, out),
            Datum::List(items, range) => {
                write_array(range, out, |item, out| items.visit(item, &mut |datum| self.write(datum, narrow, out)));
            }
            Datum::Entry(column, row) => self.entry(column, row, out),
            datum => write_datum(datum, VectorForm::Native, out),
        }
    }

    fn entry(&self, column: &Column, row: usize, out: &mut Vec<u8>) {
        match column {
            _ if !column.is_valid(row) => out.extend_from_slice(b"null"),
            Column::Fixed(c) if c.dtype().is_float() || c.dtype().is_int() => {
                let size: usize = c.shape().iter().product();
                nested(c.shape(), row * size, out, &|at, out| match c.dtype() {
                    DType::F32 => (self.f32)(c.values::<f32>()[at], out),
                    DType::F64 => (self.f64)(c.values::<f64>()[at], out),
                    _ => (self.int)(integer(c, at), out),
                });
            }
            Column::Vector(c) => self.vector(c.row(row), out),
            Column::List(c) => write_array(c.range(row), out, |item, out| self.entry(c.child(), item, out)),
            _ => write_value(column, row, VectorForm::Native, out),
        }
    }

    fn vector(&self, row: Row<'_>, out: &mut Vec<u8>) {
        let floats = |values: &[f64], out: &mut Vec<u8>| {
            write_array(0..values.len(), out, |i, out| (self.f64)(values[i], out));
        };
        match row {
            Row::Dense(values) => floats(values, out),
            Row::Sparse { size, indices, values } => {
                out.extend_from_slice(format!("{{\"size\":{size},\"indices\":").as_bytes());
                write_array(0..indices.len(), out, |i, out| write_int(indices[i], out));
                out.extend_from_slice(b",\"values\":");
                floats(values, out);
                out.push(b'}');
            }
        }
    }
}

/// Appends the elements from `begin` on as nested arrays of this shape.
fn nested(shape: &[usize], begin: usize, out: &mut Vec<u8>, element: &dyn Fn(usize, &mut Vec<u8>)) {
    let Some((&length, inner)) = shape.split_first() else { return element(begin, out) };
    let stride: usize = inner.iter().product();
    write_array(0..length, out, |i, out| nested(inner, begin + i * stride, out, element));
}
