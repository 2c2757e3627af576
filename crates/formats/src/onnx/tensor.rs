//! Constants of a document: `TensorProto` and `SparseTensorProto`.
//!
//! A tensor is checked when it is read: its type is known, its dimensions are sizes whose product counts the elements that are
//! really there, in the document or in a file beside it. So nothing that a document claims reserves memory. The elements
//! themselves are decoded when they are asked for.

use std::borrow::Cow;

use super::{dtype::Dtype, external, reader::Reader};
use crate::{
    ReadError,
    protobuf::{Field, Message},
};

/// More dimensions than any tool writes.
const RANK_MAX: usize = 64;

/// A constant tensor.
#[derive(Debug)]
pub struct Tensor<'a> {
    pub name: &'a str,
    pub dtype: Dtype,
    pub dims: Vec<usize>,
    /// The product of the dimensions.
    pub len: usize,
    source: Source<'a>,
    message: Message<'a>,
}

/// Where the elements lie.
#[derive(Clone, Copy, Debug)]
enum Source<'a> {
    /// As in memory, little-endian.
    Raw(&'a [u8]),
    /// In the field of this number.
    Typed(u32),
}

/// The elements of a tensor, in row-major order.
#[derive(Clone, Debug, PartialEq)]
pub enum Values<'a> {
    /// As little-endian bytes, [`Dtype::bytes`] each. Types below a byte have one byte each, which holds their bits alone
    /// (`int4` and `int2` with their sign spread over it); bools are 0 or 1.
    Bytes(Cow<'a, [u8]>),
    Strings(Vec<&'a [u8]>),
}

/// A constant tensor that is mostly zero.
#[derive(Debug)]
pub struct SparseTensor<'a> {
    /// The values that are not zero, of rank 1; their name is the tensor's.
    pub values: Tensor<'a>,
    /// Their places: an index each, or a row of indices each.
    pub indices: Tensor<'a>,
    pub dims: Vec<usize>,
    /// The product of the dimensions; nothing of this size has been reserved yet.
    pub len: usize,
}

// === impl Tensor ===

impl<'a> Tensor<'a> {
    pub fn read(cx: &Reader<'a>, message: Message<'a>) -> Result<Tensor<'a>, ReadError> {
        cx.count_names(1)?;
        let name = message.last(8)?.map_or(Ok(""), |field| field.str())?;
        read(cx, message, name).map_err(|fault| match fault {
            Fault::At(error) => error,
            Fault::Field { field, expected, got } => {
                cx.fault("TensorProto", &format!("{field} of `{name}`"), expected, got)
            }
            Fault::Unimplemented(what) => cx.unimplemented("TensorProto", format!("{what} (tensor `{name}`)")),
        })
    }

    /// Returns the elements.
    pub fn values(&self, cx: &Reader<'a>) -> Result<Values<'a>, ReadError> {
        if self.dtype == Dtype::String {
            cx.count_bytes(self.len.saturating_mul(size_of::<&[u8]>()))?;
            let strings: Result<Vec<_>, _> = self.message.all(6).map(|field| field?.bytes()).collect();
            return Ok(Values::Strings(strings?));
        }
        if let Source::Raw(raw) = self.source
            && !self.dtype.is_packed()
            && self.dtype != Dtype::Bool
        {
            return Ok(Values::Bytes(Cow::Borrowed(raw)));
        }
        cx.count_bytes(self.len.saturating_mul(self.dtype.bytes()))?;
        let bytes = match self.source {
            Source::Raw(raw) => raw.to_vec(),
            Source::Typed(number) => self.typed(number)?,
        };
        let bytes = match self.dtype {
            Dtype::Bool => bytes.iter().map(|byte| u8::from(*byte != 0)).collect(),
            dtype if dtype.is_packed() => unpack(&bytes, dtype, self.len),
            _ => bytes,
        };
        Ok(Values::Bytes(Cow::Owned(bytes)))
    }

    /// Returns the numbers of a typed field as bytes, packed where the document packs them.
    fn typed(&self, number: u32) -> Result<Vec<u8>, ReadError> {
        let mut bytes = Vec::with_capacity(stored(self.dtype, self.len) * self.dtype.bytes());
        // What is smaller than the field's type lies in its low bytes.
        let width = match number {
            4 => 4,
            10 => 8,
            _ => self.dtype.bytes(),
        };
        let numbers = match number {
            4 => self.message.fixed32s(4),
            10 => self.message.fixed64s(10),
            number => self.message.varints(number),
        };
        for bits in numbers {
            bytes.extend(&bits?.to_le_bytes()[..width]);
        }
        Ok(bytes)
    }

    /// Returns its numbers where it holds whole ones, for shapes, axes and the like.
    pub fn ints(&self, cx: &Reader<'a>) -> Result<Option<Vec<i64>>, ReadError> {
        if !matches!(self.dtype, Dtype::Int64 | Dtype::Int32) {
            return Ok(None);
        }
        let Values::Bytes(bytes) = self.values(cx)? else { return Ok(None) };
        Ok(Some(match self.dtype {
            Dtype::Int64 => bytes.chunks_exact(8).map(|b| i64::from_le_bytes(b.try_into().expect("eight"))).collect(),
            _ => bytes.chunks_exact(4).map(|b| i32::from_le_bytes(b.try_into().expect("four")).into()).collect(),
        }))
    }
}

enum Fault {
    At(ReadError),
    Field { field: &'static str, expected: &'static str, got: String },
    Unimplemented(&'static str),
}

impl From<ReadError> for Fault {
    fn from(error: ReadError) -> Fault {
        Fault::At(error)
    }
}

fn read<'a>(cx: &Reader<'a>, message: Message<'a>, name: &'a str) -> Result<Tensor<'a>, Fault> {
    let mut header = Header::default();
    for field in message.fields() {
        header.take(field?)?;
    }
    let dtype = Dtype::of(header.dtype).ok_or_else(|| Fault::Field {
        field: "data_type",
        expected: "a type of elements, 1 to 26",
        got: header.dtype.to_string(),
    })?;
    let dims = dims(message, 1)?;
    let len = elements(&dims)?;
    let bytes = len.checked_mul(dtype.bits() as usize).map(|bits| bits.div_ceil(8)).ok_or_else(|| too_many(&dims))?;
    if dtype == Dtype::String && (header.raw.is_some() || header.is_external) {
        return Err(Fault::Field {
            field: "string_data",
            expected: "texts in string_data",
            got: "raw or external data".to_owned(),
        });
    }
    let source = match header.raw {
        _ if header.is_external => Source::Raw(external::bytes(cx, message, bytes)?),
        Some(raw) => Source::Raw(raw),
        None => Source::Typed(field_of(dtype)),
    };
    if let Some(other) = header.typed.filter(|other| !matches!(source, Source::Typed(number) if number == *other)) {
        return Err(Fault::Field {
            field: "data",
            expected: "elements in one field, that of its type",
            got: format!("elements in {} of type {dtype}", FIELDS.iter().find(|f| f.0 == other).map_or("", |f| f.1)),
        });
    }
    let (has, wants) = match source {
        Source::Raw(raw) => (raw.len(), bytes),
        Source::Typed(6) => (count(message.all(6).map(|field| field?.bytes().map(drop)))?, len),
        Source::Typed(4) => (count(message.floats(4))?, parts(dtype, len)),
        Source::Typed(10) => (count(message.doubles(10))?, parts(dtype, len)),
        Source::Typed(number) => (count(message.varints(number))?, stored(dtype, len)),
    };
    if has != wants {
        return Err(Fault::Field {
            field: "data",
            expected: "as much data as its dimensions say",
            got: format!("{has} for {wants} of type {dtype}"),
        });
    }
    Ok(Tensor { name, dtype, dims, len, source, message })
}

fn count<T>(mut items: impl Iterator<Item = Result<T, ReadError>>) -> Result<usize, ReadError> {
    items.try_fold(0, |count, item| item.map(|_| count + 1))
}

/// What of a tensor stands in single fields.
#[derive(Default)]
struct Header<'a> {
    dtype: i64,
    raw: Option<&'a [u8]>,
    is_external: bool,
    /// The number of a field that has elements.
    typed: Option<u32>,
}

/// The typed fields of elements.
const FIELDS: [(u32, &str); 6] = [
    (4, "float_data"),
    (5, "int32_data"),
    (6, "string_data"),
    (7, "int64_data"),
    (10, "double_data"),
    (11, "uint64_data"),
];

fn is_typed(number: u32) -> bool {
    FIELDS.iter().any(|known| known.0 == number)
}

impl<'a> Header<'a> {
    fn take(&mut self, field: Field<'a>) -> Result<(), Fault> {
        match field.number {
            2 => self.dtype = field.int64()?,
            3 => return Err(Fault::Unimplemented("a tensor in segments; save it whole")),
            9 => self.raw = Some(field.bytes()?),
            14 => self.is_external = field.int64()? == 1,
            // A packed field may stand there without a number in it.
            number
                if is_typed(number) && (number == 6 || field.message().map_or(true, |packed| !packed.is_empty())) =>
            {
                self.typed = Some(number);
            }
            _ => {}
        }
        Ok(())
    }
}

/// Returns the number of the field that holds elements of this type.
fn field_of(dtype: Dtype) -> u32 {
    match dtype {
        Dtype::Float32 | Dtype::Complex64 => 4,
        Dtype::Float64 | Dtype::Complex128 => 10,
        Dtype::Int64 => 7,
        Dtype::Uint32 | Dtype::Uint64 => 11,
        Dtype::String => 6,
        _ => 5,
    }
}

/// Returns how many numbers stand for the elements: a complex one has two parts.
fn parts(dtype: Dtype, len: usize) -> usize {
    if matches!(dtype, Dtype::Complex64 | Dtype::Complex128) { len.saturating_mul(2) } else { len }
}

/// Returns how many numbers of `int32_data` hold the elements: those below a byte share one.
fn stored(dtype: Dtype, len: usize) -> usize {
    if dtype.is_packed() { len.div_ceil(8 / dtype.bits() as usize) } else { len }
}

fn unpack(bytes: &[u8], dtype: Dtype, len: usize) -> Vec<u8> {
    let bits = dtype.bits();
    let per_byte = 8 / bits as usize;
    let rest = 8 - bits;
    let one = |i: usize| {
        let shifted = bytes[i / per_byte] >> (bits * (i % per_byte) as u32);
        match dtype {
            // The sign spreads when the bits are pushed up and come back.
            Dtype::Int4 | Dtype::Int2 => (((shifted << rest) as i8) >> rest) as u8,
            _ => (shifted << rest) >> rest,
        }
    };
    (0..len).map(one).collect()
}

fn dims(message: Message<'_>, number: u32) -> Result<Vec<usize>, Fault> {
    let mut dims = Vec::new();
    for dim in message.int64s(number) {
        let dim = dim?;
        let wrong = |expected| Fault::Field { field: "dims", expected, got: dim.to_string() };
        if dims.len() == RANK_MAX {
            return Err(Fault::Field {
                field: "dims",
                expected: "at most 64 dimensions",
                got: message.varints(number).count().to_string(),
            });
        }
        dims.push(usize::try_from(dim).map_err(|_| wrong("sizes of at least 0"))?);
    }
    Ok(dims)
}

fn elements(dims: &[usize]) -> Result<usize, Fault> {
    if dims.contains(&0) {
        return Ok(0);
    }
    dims.iter().try_fold(1_usize, |product, dim| product.checked_mul(*dim)).ok_or_else(|| too_many(dims))
}

fn too_many(dims: &[usize]) -> Fault {
    Fault::Field { field: "dims", expected: "a number of elements that memory can hold", got: format!("{dims:?}") }
}

// === impl SparseTensor ===

impl<'a> SparseTensor<'a> {
    pub fn read(cx: &Reader<'a>, message: Message<'a>) -> Result<SparseTensor<'a>, ReadError> {
        let class = "SparseTensorProto";
        let part = |number, what| -> Result<Tensor<'a>, ReadError> {
            let field = message.last(number)?.ok_or_else(|| cx.fault(class, what, "a tensor", "none"))?;
            Tensor::read(cx, field.message()?)
        };
        let (values, indices) = (part(1, "values")?, part(2, "indices")?);
        let of_values = |fault| match fault {
            Fault::At(error) => error,
            Fault::Field { field, expected, got } => cx.fault(class, field, expected, got),
            Fault::Unimplemented(what) => cx.unimplemented(class, what),
        };
        let dims = dims(message, 3).map_err(of_values)?;
        let len = elements(&dims).map_err(of_values)?;
        let (count, rank) = (values.len, dims.len());
        let fits = match *indices.dims.as_slice() {
            [places] => places == count,
            [places, each] => places == count && each == rank,
            _ => false,
        };
        if values.dims.len() != 1 || indices.dtype != Dtype::Int64 || !fits {
            let got = format!("{}{:?} for {count} values of rank {rank}", indices.dtype, indices.dims);
            return Err(cx.fault(class, "indices", "int64 indices, one or a row for each value", got));
        }
        Ok(SparseTensor { values, indices, dims, len })
    }

    /// Returns the place of each value in row-major order; ascending, each once, within the dimensions.
    pub fn places(&self, cx: &Reader<'a>) -> Result<Vec<usize>, ReadError> {
        let indices = self.indices.ints(cx)?.unwrap_or_default();
        let wrong =
            |got: String| cx.fault("SparseTensorProto", "indices", "ascending indices within the dimensions", got);
        let by_row = self.indices.dims.len() == 2;
        let mut places: Vec<usize> = Vec::with_capacity(self.values.len);
        for row in indices.chunks_exact(if by_row { self.dims.len().max(1) } else { 1 }) {
            let place = if by_row {
                let within = |(index, dim): (&i64, &usize)| usize::try_from(*index).ok().filter(|i| i < dim);
                row.iter().zip(&self.dims).try_fold(0, |sum, (i, dim)| Some(sum * dim + within((i, dim))?))
            } else {
                usize::try_from(row[0]).ok().filter(|place| *place < self.len)
            };
            match place {
                Some(place) if places.last().is_none_or(|last| *last < place) => places.push(place),
                _ => return Err(wrong(format!("{row:?}"))),
            }
        }
        Ok(places)
    }
}
