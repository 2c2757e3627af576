//! Arrow arrays to columns and back. Numbers, texts and offsets share their buffers; only bits become bytes, other units
//! and widths are rewritten.

use std::sync::Arc;

use arrow_array::{
    Array, ArrowPrimitiveType, BooleanArray, GenericByteArray, GenericByteViewArray, GenericListArray, OffsetSizeTrait,
    RecordBatch,
    cast::AsArray,
    types::{
        ArrowDictionaryKeyType, ByteArrayType, ByteViewType, Date32Type, Date64Type, Decimal32Type, Decimal64Type,
        Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, TimestampMicrosecondType,
        TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type, UInt32Type,
        UInt64Type,
    },
};
use arrow_buffer::{Buffer, NullBuffer, OffsetBuffer};
use arrow_schema::{DataType, TimeUnit};
use model::{Batch, Builder, Column, DType, Fixed, List, Struct, Text, Type};

use crate::error::CodecError;

/// Columns of a nested type deeper than this are refused before anything recurses into them.
const DEPTH_MAX: usize = 64;
/// What the keys of one chunk may stand for.
const EXPANDED_BYTES_MAX: usize = 256 << 20;
const TOO_LONG: &str = "a dictionary whose keys stand for more than 256 MiB in one chunk of rows";

/// Returns the columns of a batch, all in domain 0.
pub(crate) fn batch(batch: &RecordBatch) -> Result<Batch, CodecError> {
    let mut out = Batch::new(batch.num_rows());
    for (field, array) in batch.schema_ref().fields().iter().zip(batch.columns()) {
        out.push(field.name().as_str(), column(field.name(), array)?);
    }
    Ok(out)
}

/// Returns the column of an array; `name` is for messages.
pub(crate) fn column(name: &str, array: &dyn Array) -> Result<Column, CodecError> {
    Place { name, depth: 0 }.column(array)
}

#[derive(Clone, Copy)]
struct Place<'a> {
    name: &'a str,
    depth: usize,
}

impl Place<'_> {
    fn unsupported(self, ty: &DataType) -> CodecError {
        CodecError::UnsupportedType { column: self.name.to_owned(), ty: ty.to_string(), context: "as a column" }
    }

    fn damaged(self, what: &str) -> CodecError {
        CodecError::Damaged { format: "arrow", what: format!("column `{}`: {what}", self.name) }
    }

    fn inner(self) -> Result<Self, CodecError> {
        if self.depth == DEPTH_MAX {
            return Err(self.damaged("types nested too deep"));
        }
        Ok(Place { depth: self.depth + 1, ..self })
    }

    fn column(self, array: &dyn Array) -> Result<Column, CodecError> {
        use DataType as T;
        Ok(match array.data_type() {
            // A column without a type holds nothing but nulls; which numbers they are not is all the same.
            T::Null => nothing(&Type::F64, array.len()),
            T::Boolean => bits(array.as_boolean()),
            T::Int8 => fixed::<Int8Type>(DType::I8, array),
            T::Int16 => fixed::<Int16Type>(DType::I16, array),
            T::Int32 => fixed::<Int32Type>(DType::I32, array),
            T::Int64 => fixed::<Int64Type>(DType::I64, array),
            T::UInt8 => fixed::<UInt8Type>(DType::U8, array),
            T::UInt16 => fixed::<UInt16Type>(DType::U16, array),
            T::UInt32 => fixed::<UInt32Type>(DType::U32, array),
            T::UInt64 => fixed::<UInt64Type>(DType::U64, array),
            T::Float32 => fixed::<Float32Type>(DType::F32, array),
            T::Float64 => fixed::<Float64Type>(DType::F64, array),
            T::Date32 => fixed::<Date32Type>(DType::Date, array),
            T::Date64 => {
                self.scaled::<Date64Type, i32>(DType::Date, array, |ms| i32::try_from(ms.div_euclid(86_400_000)).ok())?
            }
            T::Timestamp(TimeUnit::Microsecond, _) => fixed::<TimestampMicrosecondType>(DType::Timestamp, array),
            T::Timestamp(TimeUnit::Second, _) => {
                self.scaled::<TimestampSecondType, i64>(DType::Timestamp, array, |s| s.checked_mul(1_000_000))?
            }
            T::Timestamp(TimeUnit::Millisecond, _) => {
                self.scaled::<TimestampMillisecondType, i64>(DType::Timestamp, array, |ms| ms.checked_mul(1000))?
            }
            T::Timestamp(TimeUnit::Nanosecond, _) => {
                self.scaled::<TimestampNanosecondType, i64>(DType::Timestamp, array, |ns| Some(ns.div_euclid(1000)))?
            }
            T::Decimal32(..) | T::Decimal64(..) | T::Decimal128(..) => self.decimals(array)?,
            T::Utf8 => self.text(array.as_string::<i32>())?,
            T::LargeUtf8 => self.text(array.as_string::<i64>())?,
            T::Binary => self.bytes(array.as_binary::<i32>())?,
            T::LargeBinary => self.bytes(array.as_binary::<i64>())?,
            T::Utf8View => viewed(Type::Text, array.as_string_view()),
            T::BinaryView => viewed(Type::Bytes, array.as_binary_view()),
            _ => return self.nested(array),
        })
    }

    /// Of what holds other arrays; and of what is left.
    fn nested(self, array: &dyn Array) -> Result<Column, CodecError> {
        use DataType as T;
        let nulls = array.nulls().cloned();
        Ok(match array.data_type() {
            T::FixedSizeBinary(_) => {
                let array = array.as_fixed_size_binary();
                let mut builder = Builder::new(&Type::Bytes);
                (0..array.len()).for_each(|row| {
                    if array.is_valid(row) { builder.push_binary(array.value(row)) } else { builder.push_null() }
                });
                builder.finish()
            }
            T::List(_) => self.list(array.as_list::<i32>())?,
            T::LargeList(_) => self.list(array.as_list::<i64>())?,
            T::FixedSizeList(_, width) => self.fixed_list(array, *width, nulls)?,
            T::Struct(fields) => {
                let array = array.as_struct();
                let parts = fields.iter().zip(array.columns());
                let parts = parts.map(|(f, a)| Ok((f.name().as_str().into(), self.inner()?.column(a)?)));
                Column::Struct(Struct::new(array.len(), parts.collect::<Result<_, CodecError>>()?, nulls))
            }
            T::Map(..) => {
                let array = array.as_map();
                let (keys, values) = (array.keys(), array.values());
                let entry =
                    vec![("key".into(), self.inner()?.column(keys)?), ("value".into(), self.inner()?.column(values)?)];
                let entries = Column::Struct(Struct::new(keys.len(), entry, None));
                Column::Map(List::new(array.offsets().clone(), Arc::new(entries), nulls))
            }
            T::Dictionary(key, _) => self.keys(key, array)?,
            other => return Err(self.unsupported(other)),
        })
    }

    fn scaled<P: ArrowPrimitiveType, N: arrow_buffer::ArrowNativeType>(
        self,
        dtype: DType,
        array: &dyn Array,
        scale: impl Fn(P::Native) -> Option<N>,
    ) -> Result<Column, CodecError> {
        let array = array.as_primitive::<P>();
        let values = array.values().iter().enumerate().map(|(row, &value)| match scale(value) {
            Some(value) => Ok(value),
            None if array.is_null(row) => Ok(N::default()),
            None => Err(self.damaged("a date or time out of range")),
        });
        let values = values.collect::<Result<Vec<N>, _>>()?;
        Ok(Column::Fixed(Fixed::new(dtype, Vec::new(), array.len(), Buffer::from_vec(values), array.nulls().cloned())))
    }

    /// Returns decimals of a scale not below 0, each with no more digits than the type says.
    fn decimals(self, array: &dyn Array) -> Result<Column, CodecError> {
        let (precision, scale, data) = match array.data_type() {
            DataType::Decimal32(p, s) => (*p, *s, widened(array.as_primitive::<Decimal32Type>().values())),
            DataType::Decimal64(p, s) => (*p, *s, widened(array.as_primitive::<Decimal64Type>().values())),
            DataType::Decimal128(p, s) => (*p, *s, array.as_primitive::<Decimal128Type>().values().inner().clone()),
            other => return Err(self.unsupported(other)),
        };
        let known = u8::try_from(scale).ok().filter(|s| *s <= precision && precision <= model::decimal::PRECISION_MAX);
        let scale = known.ok_or_else(|| self.unsupported(array.data_type()))?;
        let column =
            Fixed::new(DType::Decimal(precision, scale), Vec::new(), array.len(), data, array.nulls().cloned());
        let fits = |(row, &v): (usize, &i128)| model::decimal::fits(v, precision) || !column.is_valid(row);
        if !column.values::<i128>().iter().enumerate().all(fits) {
            return Err(self.damaged("a decimal with more digits than its type has"));
        }
        Ok(Column::Fixed(column))
    }

    fn offsets<O: OffsetSizeTrait>(self, offsets: &OffsetBuffer<O>) -> Result<(OffsetBuffer<i32>, usize), CodecError> {
        let first = offsets[0].as_usize();
        let last = offsets.last().as_usize() - first;
        if i32::try_from(last).is_err() {
            return Err(self.damaged("more than 2 GiB in one chunk"));
        }
        let narrow: Vec<i32> = offsets.iter().map(|o| (o.as_usize() - first) as i32).collect();
        Ok((OffsetBuffer::new(narrow.into()), first))
    }

    /// Returns the offsets at 32 bits, shared where they are so already, and the buffer that they lead into.
    fn byte_parts<T: ByteArrayType>(
        self,
        array: &GenericByteArray<T>,
    ) -> Result<(OffsetBuffer<i32>, Buffer), CodecError> {
        let wide: &dyn std::any::Any = array.offsets();
        if let Some(offsets) = wide.downcast_ref::<OffsetBuffer<i32>>() {
            return Ok((offsets.clone(), array.values().clone()));
        }
        let (offsets, first) = self.offsets(array.offsets())?;
        let len = offsets.last().unsigned_abs() as usize;
        Ok((offsets, array.values().slice_with_length(first, len)))
    }

    fn bytes<T: ByteArrayType>(self, array: &GenericByteArray<T>) -> Result<Column, CodecError> {
        let (offsets, data) = self.byte_parts(array)?;
        Ok(Column::Bytes(Text::bytes_of(offsets, data, array.nulls().cloned())))
    }

    /// Texts are checked once more: some annotations become Arrow strings without having been looked at.
    fn text<T: ByteArrayType>(self, array: &GenericByteArray<T>) -> Result<Column, CodecError> {
        let (offsets, data) = self.byte_parts(array)?;
        let text = Text::utf8(offsets, data, array.nulls().cloned());
        text.map(Column::Text).ok_or_else(|| self.damaged("a text that is not UTF-8"))
    }

    fn list<O: OffsetSizeTrait>(self, array: &GenericListArray<O>) -> Result<Column, CodecError> {
        let (offsets, first) = self.offsets(array.offsets())?;
        let child = array.values().slice(first, offsets.last().unsigned_abs() as usize);
        let child = Arc::new(self.inner()?.column(&child)?);
        Ok(Column::List(List::new(offsets, child, array.nulls().cloned())))
    }

    /// Numbers without nulls are a fixed shape; anything else is a list.
    fn fixed_list(self, array: &dyn Array, width: i32, nulls: Option<NullBuffer>) -> Result<Column, CodecError> {
        let list = array.as_fixed_size_list();
        let (rows, width) = (list.len(), width.max(0) as usize);
        let child = self.inner()?.column(list.values())?;
        if let Column::Fixed(items) = &child
            && child.nulls().is_none()
            && width > 0
        {
            let shape = [&[width], items.shape()].concat();
            return Ok(Column::Fixed(Fixed::new(items.dtype(), shape, rows, items.buffer().clone(), nulls)));
        }
        let offsets = OffsetBuffer::from_lengths(std::iter::repeat_n(width, rows));
        Ok(Column::List(List::new(offsets, Arc::new(child), nulls)))
    }

    fn keys(self, key: &DataType, array: &dyn Array) -> Result<Column, CodecError> {
        match key {
            DataType::Int8 => self.dictionary::<Int8Type>(array),
            DataType::Int16 => self.dictionary::<Int16Type>(array),
            DataType::Int32 => self.dictionary::<Int32Type>(array),
            DataType::Int64 => self.dictionary::<Int64Type>(array),
            DataType::UInt8 => self.dictionary::<UInt8Type>(array),
            DataType::UInt16 => self.dictionary::<UInt16Type>(array),
            DataType::UInt32 => self.dictionary::<UInt32Type>(array),
            DataType::UInt64 => self.dictionary::<UInt64Type>(array),
            other => Err(self.unsupported(other)),
        }
    }

    fn dictionary<K: ArrowDictionaryKeyType>(self, array: &dyn Array) -> Result<Column, CodecError> {
        let array = array.as_dictionary::<K>();
        let values = self.inner()?.column(array.values())?;
        let mut builder = Builder::new(&values.ty());
        let mut left = EXPANDED_BYTES_MAX;
        for row in 0..array.len() {
            if let Some(key) = array.key(row).filter(|&key| key < values.len()) {
                left = row_bytes(&values, key, left).ok_or_else(|| self.damaged(TOO_LONG))?;
            }
            match array.key(row) {
                Some(key) if key < values.len() => builder.append_row(&values, key),
                Some(_) => return Err(self.damaged("a key past its dictionary")),
                None => builder.push_null(),
            }
        }
        Ok(builder.finish())
    }
}

/// Takes the bytes of a row from those that are left; none where it has more.
fn row_bytes(column: &Column, row: usize, left: usize) -> Option<usize> {
    match column {
        Column::Fixed(c) => left.checked_sub(c.dtype().width() * c.shape().iter().product::<usize>()),
        Column::Text(c) | Column::Bytes(c) => left.checked_sub(c.bytes(row).len()),
        Column::List(c) | Column::Map(c) => c.range(row).try_fold(left, |left, item| row_bytes(c.child(), item, left)),
        Column::Struct(c) => c.fields().iter().try_fold(left, |left, (_, part)| row_bytes(part, row, left)),
        Column::Vector(c) => left.checked_sub(16 * c.row(row).size()),
    }
}

fn fixed<P: ArrowPrimitiveType>(dtype: DType, array: &dyn Array) -> Column {
    let array = array.as_primitive::<P>();
    let data = array.values().inner().clone();
    Column::Fixed(Fixed::new(dtype, Vec::new(), array.len(), data, array.nulls().cloned()))
}

fn widened<T: Copy + Into<i128>>(values: &[T]) -> Buffer {
    Buffer::from_vec(values.iter().map(|&v| v.into()).collect::<Vec<i128>>())
}

/// Returns `rows` nulls.
pub(crate) fn nothing(ty: &Type, rows: usize) -> Column {
    let mut builder = Builder::new(ty);
    (0..rows).for_each(|_| builder.push_null());
    builder.finish()
}

fn bits(array: &BooleanArray) -> Column {
    let bytes: Vec<u8> = array.values().iter().map(u8::from).collect();
    let nulls = array.nulls().cloned();
    Column::Fixed(Fixed::new(DType::Bool, Vec::new(), array.len(), Buffer::from_vec(bytes), nulls))
}

fn viewed<V: ByteViewType>(ty: Type, array: &GenericByteViewArray<V>) -> Column {
    let mut builder = Builder::new(&ty);
    for value in array.iter() {
        match (value, &ty) {
            (None, _) => builder.push_null(),
            (Some(value), Type::Text) => {
                let bytes: &[u8] = value.as_ref();
                builder.push_text(&String::from_utf8_lossy(bytes));
            }
            (Some(value), _) => builder.push_binary(value.as_ref()),
        }
    }
    builder.finish()
}
