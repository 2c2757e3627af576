//! Tensors in binary: elements side by side, little-endian and in row-major order, as the binary tensor extension and gRPC
//! carry them.
//!
//! A number takes its width, a truth value one byte, an element of BYTES its length as four bytes and then itself. There is no
//! null: where an answer has one, a float is NaN, and of other types the answer is refused. What is read here goes through the same
//! fits as JSON does, so a model takes the same tensors either way.
//!
//! Source: the protocol's `specification/extension_binary_data.md` and the field `raw_input_contents` of its gRPC service.

use model::{
    Batch, Buffer, Builder, Column, DType, Data, Datum, Fixed, Table, Tensor, Type, Value, Whole,
    column::Row,
    tensor::{bf16, f16},
};

use super::{
    Datatype, TensorType,
    answer::{Live, OneColumn, common_size, vector},
    request::violation,
};
use crate::{
    error::CodecError,
    json::{encode::VectorForm, write_datum},
};

/// Elements that came: their bytes, or numbers by the type that a message has for them.
#[derive(Clone, Copy, Debug)]
pub enum Elements<'a> {
    Raw(&'a [u8]),
    Bool(&'a [bool]),
    I32(&'a [i32]),
    I64(&'a [i64]),
    U32(&'a [u32]),
    U64(&'a [u64]),
    F32(&'a [f32]),
    F64(&'a [f64]),
    Bytes(&'a [Vec<u8>]),
}

/// An output in binary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    pub name: String,
    pub datatype: Datatype,
    pub shape: Vec<usize>,
    /// Each element is the row's value as JSON.
    pub is_json: bool,
    /// The first dimension is the rows.
    pub(super) by_row: bool,
    pub data: Vec<u8>,
}

/// Returns so many elements as a column of the datatype; half precision is float32 there.
pub(super) fn column(
    name: &str,
    datatype: Datatype,
    count: usize,
    elements: Elements<'_>,
) -> Result<Column, CodecError> {
    let refused = |got: String| violation(Some(name), format!("{count} elements of {}", datatype.name()), got);
    let same = |got: usize| if got == count { Ok(()) } else { Err(refused(got.to_string())) };
    let fixed = |dtype: DType, buffer: Buffer| Column::Fixed(Fixed::new(dtype, Vec::new(), count, buffer, None));
    match (elements, datatype) {
        (Elements::Raw(bytes), Datatype::Bytes) => {
            let mut builder = Builder::new(&Type::Bytes);
            let mut rest = bytes;
            for _ in 0..count {
                let text;
                (text, rest) =
                    prefixed(rest).ok_or_else(|| refused("fewer, or a length beyond the data".to_owned()))?;
                builder.push_binary(text);
            }
            if !rest.is_empty() {
                return Err(refused(format!("{} bytes more", rest.len())));
            }
            Ok(builder.finish())
        }
        (Elements::Raw(bytes), Datatype::Of(dtype)) => {
            if count.checked_mul(dtype.width()) != Some(bytes.len()) {
                return Err(refused(format!("{} bytes", bytes.len())));
            }
            let halves = || bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
            Ok(match dtype {
                DType::F16 => floats(halves().map(|bits| f16::from_bits(bits).to_f32())),
                DType::BF16 => floats(halves().map(|bits| bf16::from_bits(bits).to_f32())),
                DType::Bool => fixed(dtype, bytes.iter().map(|&byte| u8::from(byte != 0)).collect::<Vec<u8>>().into()),
                _ if cfg!(target_endian = "little") => fixed(dtype, Buffer::from_slice_ref(bytes)),
                _ => {
                    let swapped = bytes.chunks_exact(dtype.width()).flat_map(|element| element.iter().rev().copied());
                    fixed(dtype, Buffer::from_slice_ref(swapped.collect::<Vec<u8>>()))
                }
            })
        }
        (Elements::Bool(values), Datatype::Of(DType::Bool)) => {
            same(values.len())?;
            Ok(fixed(DType::Bool, values.iter().map(|&value| u8::from(value)).collect::<Vec<u8>>().into()))
        }
        (Elements::I32(values), Datatype::Of(DType::I32)) => same(values.len()).map(|()| numbers(DType::I32, values)),
        (Elements::I64(values), Datatype::Of(DType::I64)) => same(values.len()).map(|()| numbers(DType::I64, values)),
        (Elements::U32(values), Datatype::Of(DType::U32)) => same(values.len()).map(|()| numbers(DType::U32, values)),
        (Elements::U64(values), Datatype::Of(DType::U64)) => same(values.len()).map(|()| numbers(DType::U64, values)),
        (Elements::F32(values), Datatype::Of(DType::F32)) => same(values.len()).map(|()| numbers(DType::F32, values)),
        (Elements::F64(values), Datatype::Of(DType::F64)) => same(values.len()).map(|()| numbers(DType::F64, values)),
        (Elements::Bytes(values), Datatype::Bytes) => {
            same(values.len())?;
            let mut builder = Builder::new(&Type::Bytes);
            values.iter().for_each(|value| builder.push_binary(value));
            Ok(builder.finish())
        }
        (Elements::I32(values), Datatype::Of(dtype @ (DType::I8 | DType::I16 | DType::U8 | DType::U16))) => {
            same(values.len())?;
            narrowed(dtype, values.iter().map(|&value| value.into())).map_err(refused)
        }
        (Elements::U32(values), Datatype::Of(dtype @ (DType::U8 | DType::U16))) => {
            same(values.len())?;
            narrowed(dtype, values.iter().map(|&value| value.into())).map_err(refused)
        }
        (other, _) => Err(refused(other.kind().to_owned())),
    }
}

impl Elements<'_> {
    fn kind(&self) -> &'static str {
        match self {
            Elements::Raw(_) => "bytes",
            Elements::Bool(_) => "contents of truth values",
            Elements::I32(_) => "contents of int32",
            Elements::I64(_) => "contents of int64",
            Elements::U32(_) => "contents of uint32",
            Elements::U64(_) => "contents of uint64",
            Elements::F32(_) => "contents of float32",
            Elements::F64(_) => "contents of float64",
            Elements::Bytes(_) => "contents of bytes",
        }
    }
}

fn numbers<T: model::tensor::Element + Copy>(dtype: DType, values: &[T]) -> Column
where
    Vec<T>: Into<Buffer>,
{
    Column::Fixed(Fixed::new(dtype, Vec::new(), values.len(), values.to_vec().into(), None))
}

fn floats(values: impl Iterator<Item = f32>) -> Column {
    Column::Fixed(Fixed::from_vec(DType::F32, values.collect()))
}

/// Returns integers of a narrower type; those that do not fit it are an error.
fn narrowed(dtype: DType, values: impl Iterator<Item = i64>) -> Result<Column, String> {
    let mut builder = Builder::new(&Type::scalar(dtype));
    for value in values {
        if !builder.push_int(value) {
            return Err(value.to_string());
        }
    }
    Ok(builder.finish())
}

/// Returns the first text of those that stand one after another, each behind its length, and what follows it.
fn prefixed(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(u32::from_le_bytes(*length) as usize)
}

pub(super) fn put_prefixed(text: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&(text.len() as u32).to_le_bytes());
    out.extend_from_slice(text);
}

impl Output {
    /// Returns the texts of BYTES.
    pub fn texts(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = &self.data[..];
        std::iter::from_fn(move || {
            let text;
            (text, rest) = prefixed(rest)?;
            Some(text)
        })
    }
}

/// Returns the answer's outputs.
pub fn outputs(batch: &Batch) -> Result<Vec<Output>, CodecError> {
    batch.values().iter().map(|(name, value)| output(batch, name, value)).collect()
}

/// Returns the answer's outputs from where they lie; rows that are not live are left out.
pub fn outputs_of(table: &dyn Table) -> Result<Vec<Output>, CodecError> {
    let rows = Live::of(table);
    (0..table.columns()).map(|column| of_column(table, column, &rows)).collect()
}

pub(super) fn output(batch: &Batch, name: &str, value: &Value) -> Result<Output, CodecError> {
    match value {
        Value::Column { domain, column } => {
            let table = OneColumn { batch, domain: *domain, name, column };
            of_column(&table, 0, &Live::of(&table))
        }
        Value::Whole(Whole::Tensor(tensor)) => of_tensor(name, tensor),
        Value::Whole(_) => {
            Err(CodecError::Unsupported { what: format!("output `{name}`, which is no tensor, in binary") })
        }
    }
}

fn of_tensor(name: &str, tensor: &Tensor) -> Result<Output, CodecError> {
    /// Appends the elements one by one.
    fn each<T: Copy, const N: usize>(elements: &[T], bytes: impl Fn(T) -> [u8; N]) -> Vec<u8> {
        let mut out = Vec::with_capacity(elements.len() * N);
        elements.iter().for_each(|&element| out.extend_from_slice(&bytes(element)));
        out
    }
    let data = match tensor.data() {
        Data::Bool(e) => e.iter().map(|&value| u8::from(value)).collect(),
        Data::U8(e) => e.to_vec(),
        Data::I8(e) => each(e, i8::to_le_bytes),
        Data::I16(e) => each(e, i16::to_le_bytes),
        Data::I32(e) => each(e, i32::to_le_bytes),
        Data::I64(e) => each(e, i64::to_le_bytes),
        Data::U16(e) => each(e, u16::to_le_bytes),
        Data::U32(e) => each(e, u32::to_le_bytes),
        Data::U64(e) => each(e, u64::to_le_bytes),
        Data::F16(e) => each(e, f16::to_le_bytes),
        Data::BF16(e) => each(e, bf16::to_le_bytes),
        Data::F32(e) => each(e, f32::to_le_bytes),
        Data::F64(e) => each(e, f64::to_le_bytes),
        Data::Bytes(e) => {
            let mut out = Vec::with_capacity(e.iter().map(|text| text.len() + 4).sum());
            e.iter().for_each(|text| put_prefixed(text, &mut out));
            out
        }
        Data::C64(_) => {
            let what = format!("output `{name}`, a tensor of complex numbers, in an answer of Open Inference V2");
            return Err(CodecError::Unsupported { what });
        }
    };
    let datatype = tensor.dtype().map_or(Datatype::Bytes, Datatype::Of);
    let (name, shape, by_row) = (name.to_owned(), tensor.shape().to_vec(), tensor.shape().len() > 1);
    Ok(Output { name, datatype, shape, is_json: false, by_row, data })
}

pub(super) fn of_column(table: &dyn Table, column: usize, rows: &Live) -> Result<Output, CodecError> {
    let ty = table.ty(column);
    let tensor = TensorType::of_output(&ty, false);
    let name = table.name(column);
    let mut data = Vec::new();
    let made = |datatype: Datatype, inner: &[usize], is_json: bool, data: Vec<u8>| {
        let shape = std::iter::once(rows.rows).chain(inner.iter().copied()).collect();
        Ok(Output { name: name.to_owned(), datatype, shape, is_json, by_row: true, data })
    };
    if let Type::Vector { .. } = ty
        && let Some(size) = common_size(table, column, rows)
    {
        data.reserve(rows.rows.saturating_mul(size).saturating_mul(8));
        rows.each(|row| table.visit(column, row, &mut |datum| put_vector(&datum, &mut data)));
        return made(Datatype::Of(DType::F64), &[size], false, data);
    }
    let is_json = tensor.is_json || matches!(ty, Type::Vector { .. });
    let dtype = match tensor.datatype {
        Datatype::Of(dtype) if !is_json && !dtype.is_decimal() => Some(dtype),
        _ => None,
    };
    let inner: Vec<usize> =
        if is_json { Vec::new() } else { tensor.shape[1..].iter().map(|&dim| dim as usize).collect() };
    let mut null = None;
    let mut scratch = Vec::new();
    rows.each(|row| {
        table.visit(column, row, &mut |datum| {
            let said = match dtype {
                Some(dtype) => put_number(&datum, dtype, inner.iter().product(), &mut data),
                None => put_text(datum, is_json, &mut scratch, &mut data),
            };
            if !said {
                null.get_or_insert(row);
            }
        });
    });
    let datatype = dtype.map_or(Datatype::Bytes, Datatype::Of);
    match null {
        None => made(datatype, &inner, is_json, data),
        Some(row) => {
            let what = format!(
                "output `{name}`: row {row} is null, which {} in binary cannot say; ask for JSON",
                datatype.name()
            );
            Err(CodecError::Unsupported { what })
        }
    }
}

fn put_vector(datum: &Datum<'_>, out: &mut Vec<u8>) {
    match vector(datum) {
        Some(Row::Dense(values)) => values.iter().for_each(|value| out.extend_from_slice(&value.to_le_bytes())),
        Some(Row::Sparse { size, indices, values }) => {
            let begin = out.len();
            out.resize(begin + size * 8, 0);
            for (&index, value) in indices.iter().zip(values) {
                let at = begin + index as usize * 8;
                out[at..at + 8].copy_from_slice(&value.to_le_bytes());
            }
        }
        None => {}
    }
}

/// Appends a row of so many numbers; answers whether there is a way to say it.
fn put_number(datum: &Datum<'_>, dtype: DType, elements: usize, out: &mut Vec<u8>) -> bool {
    match *datum {
        Datum::Bool(value) => put_int(value.into(), dtype, out),
        Datum::Int(value) => put_int(value.into(), dtype, out),
        Datum::Uint(value) => put_int(value.into(), dtype, out),
        Datum::Float(value) => put_float(value, dtype, out),
        Datum::Entry(Column::Fixed(fixed), row) if fixed.is_valid(row) && fixed.dtype() == dtype => {
            let width = dtype.width();
            let bytes = elements * width;
            let begin = out.len();
            out.extend_from_slice(&fixed.buffer().as_slice()[row * bytes..(row + 1) * bytes]);
            if cfg!(target_endian = "big") {
                out[begin..].chunks_exact_mut(width).for_each(<[u8]>::reverse);
            }
            true
        }
        _ => (0..elements).all(|_| dtype.is_float() && put_float(f64::NAN, dtype, out)),
    }
}

fn put_int(value: i128, dtype: DType, out: &mut Vec<u8>) -> bool {
    match dtype {
        DType::F32 | DType::F64 => return put_float(value as f64, dtype, out),
        // Two's complement: the low bytes of the wide number are the narrow one.
        dtype if dtype.is_int() || dtype == DType::Bool => {
            out.extend_from_slice(&value.to_le_bytes()[..dtype.width()]);
        }
        _ => return false,
    }
    true
}

fn put_float(value: f64, dtype: DType, out: &mut Vec<u8>) -> bool {
    match dtype {
        DType::F32 => out.extend_from_slice(&(value as f32).to_le_bytes()),
        DType::F64 => out.extend_from_slice(&value.to_le_bytes()),
        _ => return false,
    }
    true
}

/// Appends a text, or a value as JSON; answers whether there is one.
fn put_text(datum: Datum<'_>, is_json: bool, scratch: &mut Vec<u8>, out: &mut Vec<u8>) -> bool {
    match datum {
        Datum::Text(text) | Datum::Bytes(text) if !is_json => put_prefixed(text, out),
        Datum::Entry(Column::Text(texts) | Column::Bytes(texts), row) if !is_json && texts.is_valid(row) => {
            put_prefixed(texts.bytes(row), out);
        }
        datum => {
            scratch.clear();
            write_datum(datum, VectorForm::Native, scratch);
            let text = match scratch.as_slice() {
                b"null" if !is_json => return false,
                [b'"', text @ .., b'"'] if !is_json => text,
                text => text,
            };
            put_prefixed(text, out);
        }
    }
    true
}
