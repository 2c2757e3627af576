//! An answer whose outputs are written each as its request says: as JSON, in binary behind it, or as the classes of its largest
//! values.
//!
//! Sources: the protocol's `extension_binary_data.md`, Triton's `extension_classification.md`; a class is `value:index`, the
//! value as C's `std::to_string` writes it.

use std::{cmp::Ordering, sync::Arc};

use model::{Batch, DType, Datum, Table, Value};

use super::{
    Datatype, Head,
    answer::{Live, OneColumn, begin_output, separate, write_output, write_whole},
    raw::{Output, of_column, output, put_prefixed},
};
use crate::{
    error::CodecError,
    json::{
        encode::{VectorForm, write_int, write_text},
        write_datum,
    },
};

/// How an answer's outputs are written.
#[derive(Clone, Debug, Default)]
pub struct Forms {
    /// Those that say nothing of it are written in binary.
    pub(super) binary: bool,
    pub(super) each: Vec<(Arc<str>, Form)>,
}

/// What is asked of one output.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Form {
    pub binary: Option<bool>,
    /// So many classes in place of the values; 0 is the values.
    pub classes: usize,
}

impl Forms {
    /// Returns whether all is JSON and as the model gives it.
    pub fn is_plain(&self) -> bool {
        !self.binary && self.each.iter().all(|(_, form)| form.classes == 0 && form.binary != Some(true))
    }

    fn of(&self, name: &str) -> (bool, usize) {
        let form = self.each.iter().find(|(known, _)| **known == *name).map_or(Form::default(), |(_, form)| *form);
        (form.binary.unwrap_or(self.binary), form.classes)
    }
}

/// An answer as it grows: JSON, and what follows it.
struct Mixed<'a> {
    forms: &'a Forms,
    out: &'a mut Vec<u8>,
    binary: Vec<u8>,
}

/// Appends the answer; returns the length of its JSON where bytes follow it.
pub fn encode_mixed(
    batch: &Batch,
    head: Head<'_>,
    forms: &Forms,
    out: &mut Vec<u8>,
) -> Result<Option<usize>, CodecError> {
    let mut mixed = Mixed::begin(head, forms, out);
    for (i, (name, value)) in batch.values().iter().enumerate() {
        separate(i > 0, mixed.out);
        let made = || output(batch, name, value);
        match value {
            Value::Column { domain, column } => {
                let table = OneColumn { batch, domain: *domain, name, column };
                mixed.add(name, made, |out| {
                    write_output(&table, 0, &Live::of(&table), out);
                    Ok(())
                })?;
            }
            Value::Whole(whole) => mixed.add(name, made, |out| write_whole(name, whole, out))?,
        }
    }
    Ok(mixed.end())
}

/// Appends the answer from where it lies, as [`encode_mixed`] does.
pub fn encode_mixed_table(
    table: &dyn Table,
    head: Head<'_>,
    forms: &Forms,
    out: &mut Vec<u8>,
) -> Result<Option<usize>, CodecError> {
    let rows = Live::of(table);
    let mut mixed = Mixed::begin(head, forms, out);
    for column in 0..table.columns() {
        separate(column > 0, mixed.out);
        mixed.add(
            table.name(column),
            || of_column(table, column, &rows),
            |out| {
                write_output(table, column, &rows, out);
                Ok(())
            },
        )?;
    }
    Ok(mixed.end())
}

impl<'a> Mixed<'a> {
    fn begin(head: Head<'_>, forms: &'a Forms, out: &'a mut Vec<u8>) -> Mixed<'a> {
        head.begin(out);
        Mixed { forms, out, binary: Vec::new() }
    }

    fn add(
        &mut self,
        name: &str,
        made: impl Fn() -> Result<Output, CodecError>,
        json: impl Fn(&mut Vec<u8>) -> Result<(), CodecError>,
    ) -> Result<(), CodecError> {
        let (binary, classes) = self.forms.of(name);
        if !binary && classes == 0 {
            return json(self.out);
        }
        let output = made()?;
        let output = if classes > 0 { output.classified(classes)? } else { output };
        begin_output(&output.name, output.datatype, output.is_json, output.shape.iter().copied(), self.out);
        if binary {
            // Beside another parameter, or alone.
            match output.is_json {
                true => _ = self.out.pop(),
                false => self.out.extend_from_slice(b",\"parameters\":{"),
            }
            separate(output.is_json, self.out);
            self.out.extend_from_slice(b"\"binary_data_size\":");
            write_int(output.data.len(), self.out);
            self.out.extend_from_slice(b"}}");
            self.binary.extend_from_slice(&output.data);
            return Ok(());
        }
        self.out.extend_from_slice(b",\"data\":[");
        for (i, text) in output.texts().enumerate() {
            separate(i > 0, self.out);
            match std::str::from_utf8(text) {
                Ok(text) => write_text(text.as_bytes(), self.out),
                Err(_) => write_datum(Datum::Bytes(text), VectorForm::Native, self.out),
            }
        }
        self.out.extend_from_slice(b"]}");
        Ok(())
    }

    fn end(self) -> Option<usize> {
        self.out.extend_from_slice(b"]}");
        let json = self.out.len();
        self.out.extend_from_slice(&self.binary);
        (!self.binary.is_empty() || self.forms.binary).then_some(json)
    }
}

impl Output {
    /// Returns the classes of the largest values of each row, or of all where rows are not told apart.
    pub fn classified(self, classes: usize) -> Result<Output, CodecError> {
        let refused = |datatype: Datatype| {
            let what = format!("the classes of output `{}`, whose elements are {}", self.name, datatype.name());
            CodecError::Unsupported { what }
        };
        let dtype = match self.datatype {
            Datatype::Of(dtype) if dtype.is_number() => dtype,
            datatype => return Err(refused(datatype)),
        };
        let elements = self.data.len() / dtype.width();
        let rows = if self.by_row { self.shape[0] } else { 1 };
        let width = elements.checked_div(rows).unwrap_or(0);
        let kept = classes.min(width);
        let mut data = Vec::new();
        let mut order: Vec<usize> = Vec::with_capacity(width);
        for row in self.data.chunks_exact((width * dtype.width()).max(1)) {
            let at = |index: usize| number(&row[index * dtype.width()..][..dtype.width()], dtype);
            order.clear();
            order.extend(0..width);
            // Of equal values the first; what is no number comes last.
            order.sort_by(|&a, &b| at(b).compare(at(a)));
            for &index in &order[..kept] {
                let text = format!("{}:{index}", at(index));
                put_prefixed(text.as_bytes(), &mut data);
            }
        }
        let shape = if self.by_row { vec![rows, kept] } else { vec![kept] };
        Ok(Output { datatype: Datatype::Bytes, shape, is_json: false, data, ..self })
    }
}

/// One element, to compare and to write.
#[derive(Clone, Copy)]
enum Number {
    Int(i128),
    Float(f64),
}

fn number(bytes: &[u8], dtype: DType) -> Number {
    let mut wide = [0; 16];
    wide[..bytes.len()].copy_from_slice(bytes);
    let bits = i128::from_le_bytes(wide);
    match dtype {
        DType::F32 => Number::Float(f32::from_bits(bits as u32).into()),
        DType::F64 => Number::Float(f64::from_bits(bits as u64)),
        DType::I8 => Number::Int((bits as i8).into()),
        DType::I16 => Number::Int((bits as i16).into()),
        DType::I32 => Number::Int((bits as i32).into()),
        DType::I64 => Number::Int((bits as i64).into()),
        _ => Number::Int(bits),
    }
}

impl Number {
    fn compare(self, other: Number) -> Ordering {
        match (self, other) {
            (Number::Int(a), Number::Int(b)) => a.cmp(&b),
            (Number::Float(a), Number::Float(b)) => a.partial_cmp(&b).unwrap_or_else(|| b.is_nan().cmp(&a.is_nan())),
            _ => Ordering::Equal,
        }
    }
}

impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {
            Number::Int(value) => write!(f, "{value}"),
            Number::Float(value) if value.is_nan() => f.write_str("nan"),
            Number::Float(value) => write!(f, "{value:.6}"),
        }
    }
}
