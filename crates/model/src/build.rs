//! Growing columns: what decoders and answers write into.

use std::{ops::Range, sync::Arc};

use arrow_buffer::{ArrowNativeType, BooleanBufferBuilder, MutableBuffer, NullBuffer, OffsetBuffer, ScalarBuffer};

use crate::{
    column::{Column, Fixed, List, Row, Struct, Text, VectorParts, Vectors},
    decimal,
    types::{DType, Type},
};

/// A column that grows row by row. Every row ends with exactly one `push_*` or `end_*`.
#[derive(Debug)]
pub struct Builder {
    len: usize,
    /// Made when the first null comes.
    validity: Option<BooleanBufferBuilder>,
    kind: Growing,
}

#[derive(Debug)]
enum Growing {
    Fixed { dtype: DType, shape: Vec<usize>, data: MutableBuffer },
    Text { utf8: bool, offsets: Vec<i32>, data: Vec<u8> },
    List { map: bool, offsets: Vec<i32>, child: Box<Builder> },
    Vector(GrowingVectors),
    Struct { fields: Vec<(Arc<str>, Builder)> },
}

#[derive(Debug)]
struct GrowingVectors {
    sizes: Vec<u32>,
    dense: BooleanBufferBuilder,
    index_offsets: Vec<i32>,
    value_offsets: Vec<i32>,
    indices: Vec<u32>,
    values: Vec<f64>,
}

/// Offsets are 32 bits wide; whoever decodes bounds its input far below that.
#[inline]
fn offset(len: usize) -> i32 {
    i32::try_from(len).expect("borders bound their input below 2 GiB a column")
}

/// Compares shapes one by one: they are short, mostly empty, and a call to compare nothing costs more than the rest.
fn same_shape(a: &[usize], b: &[usize]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(x, y)| x == y)
}

impl Builder {
    /// Returns an empty column of the type.
    pub fn new(ty: &Type) -> Builder {
        let kind = match ty {
            Type::Fixed { dtype, shape } => {
                Growing::Fixed { dtype: *dtype, shape: shape.clone(), data: MutableBuffer::new(0) }
            }
            Type::Text | Type::Bytes => Growing::Text { utf8: *ty == Type::Text, offsets: vec![0], data: Vec::new() },
            Type::List(item) => Growing::List { map: false, offsets: vec![0], child: Box::new(Builder::new(item)) },
            Type::Map(key, value) => {
                let entry = Type::Struct(vec![("key".into(), (**key).clone()), ("value".into(), (**value).clone())]);
                Growing::List { map: true, offsets: vec![0], child: Box::new(Builder::new(&entry)) }
            }
            Type::Vector { .. } => Growing::Vector(GrowingVectors {
                sizes: Vec::new(),
                dense: BooleanBufferBuilder::new(0),
                index_offsets: vec![0],
                value_offsets: vec![0],
                indices: Vec::new(),
                values: Vec::new(),
            }),
            Type::Struct(fields) => {
                Growing::Struct { fields: fields.iter().map(|(n, t)| (n.clone(), Builder::new(t))).collect() }
            }
        };
        Builder { len: 0, validity: None, kind }
    }

    /// Returns the rows so far.
    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns how far the offsets of the column reach, of the longest of its parts: they are 32 bits wide.
    pub fn extent(&self) -> usize {
        match &self.kind {
            Growing::Fixed { .. } => 0,
            Growing::Text { data, .. } => data.len(),
            Growing::List { child, .. } => child.len.max(child.extent()),
            Growing::Vector(v) => v.values.len().max(v.indices.len()),
            Growing::Struct { fields } => fields.iter().map(|(_, field)| field.extent()).max().unwrap_or(0),
        }
    }

    /// Makes room for so many rows in all, each of the mean size of those so far; within reason, the estimate may be wrong.
    pub fn make_room(&mut self, rows: usize) {
        const BYTES_MAX: usize = 16 << 20;
        let (len, more) = (self.len, rows.saturating_sub(self.len));
        if len == 0 || more == 0 {
            return;
        }
        // What so many rows took, for those that come, and an eighth on top.
        let room = |used: usize, width: usize| {
            let items = (used as u128 * more as u128 / len as u128 * 9 / 8) as usize;
            items.min(BYTES_MAX / width)
        };
        match &mut self.kind {
            Growing::Fixed { data, .. } => data.reserve(room(data.len(), 1)),
            Growing::Text { offsets, data, .. } => {
                offsets.reserve(room(len, 4));
                data.reserve(room(data.len(), 1));
            }
            Growing::List { offsets, child, .. } => {
                offsets.reserve(room(len, 4));
                child.make_room(child.len + room(child.len, 1));
            }
            Growing::Vector(v) => {
                v.sizes.reserve(room(len, 4));
                v.index_offsets.reserve(room(len, 4));
                v.value_offsets.reserve(room(len, 4));
                v.indices.reserve(room(v.indices.len(), 4));
                v.values.reserve(room(v.values.len(), 8));
            }
            Growing::Struct { fields } => fields.iter_mut().for_each(|(_, field)| field.make_room(rows)),
        }
    }

    fn done(&mut self, valid: bool) {
        self.done_many(1, valid);
    }

    fn done_many(&mut self, rows: usize, valid: bool) {
        if !valid && self.validity.is_none() {
            let mut bits = BooleanBufferBuilder::new(self.len + rows);
            bits.append_n(self.len, true);
            self.validity = Some(bits);
        }
        if let Some(bits) = &mut self.validity {
            bits.append_n(rows, valid);
        }
        self.len += rows;
    }

    /// Ends the row without a value. What a list row had begun is dropped.
    pub fn push_null(&mut self) {
        match &mut self.kind {
            Growing::Fixed { dtype, shape, data } => {
                data.extend_zeros(shape.iter().product::<usize>() * dtype.width());
            }
            Growing::Text { offsets, data, .. } => offsets.push(offset(data.len())),
            Growing::List { offsets, child, .. } => {
                let begin = *offsets.last().expect("offsets begin with 0");
                child.truncate(begin as usize);
                offsets.push(begin);
            }
            Growing::Vector(v) => {
                v.values.truncate(*v.value_offsets.last().expect("offsets begin with 0") as usize);
                v.indices.truncate(*v.index_offsets.last().expect("offsets begin with 0") as usize);
                v.end(0, true);
            }
            Growing::Struct { fields } => {
                for (_, field) in fields {
                    field.truncate(self.len);
                    field.push_null();
                }
            }
        }
        self.done(false);
    }

    /// Ends a row of a single number; `T` is the native type of the dtype.
    pub fn push_fixed<T: ArrowNativeType>(&mut self, value: T) {
        self.push_fixed_row(&[value]);
    }

    /// Ends rows of single numbers; `T` is the native type of the dtype.
    pub fn push_numbers<T: ArrowNativeType>(&mut self, values: impl ExactSizeIterator<Item = T>) {
        let Growing::Fixed { dtype, shape, data } = &mut self.kind else { panic!("a column of numbers") };
        assert!(size_of::<T>() == dtype.width() && shape.is_empty(), "the rows' own type and shape");
        let rows = values.len();
        data.extend(values);
        self.done_many(rows, true);
    }

    /// Ends a row of an inner array.
    pub fn push_fixed_row<T: ArrowNativeType>(&mut self, values: &[T]) {
        let Growing::Fixed { dtype, shape, data } = &mut self.kind else { panic!("a column of numbers") };
        assert!(
            size_of::<T>() == dtype.width() && values.len() == shape.iter().product(),
            "the row's own type and shape"
        );
        data.extend_from_slice(values);
        self.done(true);
    }

    /// Ends a row of a single number with an integer, where the dtype holds it exactly; else changes nothing.
    pub fn push_int(&mut self, value: i64) -> bool {
        use DType::*;
        let Growing::Fixed { dtype, .. } = &self.kind else { return false };
        macro_rules! narrow {
            ($t:ty) => {
                <$t>::try_from(value).map(|v| self.push_fixed(v)).is_ok()
            };
        }
        match dtype {
            I8 => narrow!(i8),
            I16 => narrow!(i16),
            I32 => narrow!(i32),
            U8 => narrow!(u8),
            U16 => narrow!(u16),
            U32 => narrow!(u32),
            U64 => narrow!(u64),
            I64 => {
                self.push_fixed(value);
                true
            }
            F32 | F64 => self.push_float(value as f64),
            Decimal(precision, scale) => {
                let value = i128::from(value).checked_mul(decimal::POWERS[usize::from(*scale)]);
                match value.filter(|&v| decimal::fits(v, *precision)) {
                    Some(value) => self.push_fixed(value),
                    None => return false,
                }
                true
            }
            Bool | Date | Timestamp | F16 | BF16 | C64 => false,
        }
    }

    /// Ends a row of a single number with a float: a float32 is the nearest one; an integer dtype takes none.
    pub fn push_float(&mut self, value: f64) -> bool {
        match &self.kind {
            Growing::Fixed { dtype: DType::F64, .. } => self.push_fixed(value),
            Growing::Fixed { dtype: DType::F32, .. } => self.push_fixed(value as f32),
            _ => return false,
        }
        true
    }

    /// Ends a row of a decimal with the number written so, where the type holds it exactly; else changes nothing.
    pub fn push_decimal(&mut self, text: &str) -> bool {
        let Growing::Fixed { dtype: DType::Decimal(precision, scale), .. } = self.kind else { return false };
        let value = decimal::read(text).and_then(|written| written.exact(precision, scale));
        value.map(|value| self.push_fixed(value)).is_some()
    }

    /// Ends a row of text.
    pub fn push_text(&mut self, text: &str) {
        self.push_bytes(text.as_bytes(), true);
    }

    /// Ends a row of text for each of the runs. The bytes are of texts that were checked before, the runs end between their
    /// characters.
    pub fn push_runs(&mut self, bytes: &[u8], runs: impl ExactSizeIterator<Item = Range<usize>>) {
        const SHORT: usize = 16;
        let Growing::Text { offsets, data, .. } = &mut self.kind else { panic!("a column of text or bytes") };
        let rows = runs.len();
        offsets.reserve(rows);
        for run in runs {
            let end = data.len() + run.len();
            match bytes.get(run.start..).and_then(<[u8]>::first_chunk::<SHORT>) {
                // Most words are short: a copy of fixed length, of which the end is taken back, calls nothing.
                Some(chunk) if run.len() <= SHORT => {
                    data.extend_from_slice(chunk);
                    data.truncate(end);
                }
                _ => data.extend_from_slice(&bytes[run]),
            }
            offsets.push(offset(end));
        }
        self.done_many(rows, true);
    }

    /// Ends a row of bytes.
    pub fn push_binary(&mut self, bytes: &[u8]) {
        self.push_bytes(bytes, false);
    }

    fn push_bytes(&mut self, bytes: &[u8], is_text: bool) {
        let Growing::Text { utf8, offsets, data } = &mut self.kind else { panic!("a column of text or bytes") };
        assert!(is_text || !*utf8, "a text column takes texts");
        data.extend_from_slice(bytes);
        offsets.push(offset(data.len()));
        self.done(true);
    }

    /// Returns the child of a list, to push the row's items into.
    pub fn items(&mut self) -> &mut Builder {
        let Growing::List { child, .. } = &mut self.kind else { panic!("a column of lists") };
        child
    }

    /// Ends a row of a list: its items are those pushed since the last row ended.
    pub fn end_list(&mut self) {
        let Growing::List { offsets, child, .. } = &mut self.kind else { panic!("a column of lists") };
        offsets.push(offset(child.len));
        self.done(true);
    }

    /// Ends rows of a list, of so many items each; all of them were pushed.
    pub fn end_lists(&mut self, lens: impl ExactSizeIterator<Item = usize>) {
        let Growing::List { offsets, child, .. } = &mut self.kind else { panic!("a column of lists") };
        let rows = lens.len();
        let mut end = *offsets.last().expect("offsets begin with 0") as usize;
        offsets.extend(lens.map(|len| {
            end += len;
            offset(end)
        }));
        assert!(end == child.len, "the rows' items are those that were pushed");
        self.done_many(rows, true);
    }

    /// Returns the part of a struct (for a map's entries: 0 the key, 1 the value).
    pub fn field(&mut self, index: usize) -> &mut Builder {
        let Growing::Struct { fields } = &mut self.kind else { panic!("a column of structs") };
        &mut fields[index].1
    }

    /// Ends a row of a struct: each part had exactly one row pushed.
    pub fn end_struct(&mut self) {
        let Growing::Struct { fields } = &mut self.kind else { panic!("a column of structs") };
        assert!(fields.iter().all(|(_, f)| f.len == self.len + 1), "every part of a struct row is pushed once");
        self.done(true);
    }

    /// Adds a value to the vector row that is being written.
    pub fn push_vector_value(&mut self, value: f64) {
        self.vectors().values.push(value);
    }

    /// Ends a dense vector row: its values are those pushed since the last row ended.
    pub fn end_dense(&mut self) {
        let v = self.vectors();
        let size = v.values.len() - *v.value_offsets.last().expect("offsets begin with 0") as usize;
        v.end(size as u32, true);
        self.done(true);
    }

    /// Ends a dense vector row.
    pub fn push_dense(&mut self, values: &[f64]) {
        self.vectors().values.extend_from_slice(values);
        self.end_dense();
    }

    /// Ends a sparse vector row. Indices must rise strictly and stay below the size: else nothing changes.
    pub fn push_sparse(&mut self, size: u32, indices: &[u32], values: &[f64]) -> bool {
        let rising = indices.windows(2).all(|w| w[0] < w[1]) && indices.last().is_none_or(|&i| i < size);
        if !rising || indices.len() != values.len() {
            return false;
        }
        let v = self.vectors();
        v.indices.extend_from_slice(indices);
        v.values.extend_from_slice(values);
        v.end(size, false);
        self.done(true);
        true
    }

    /// Ends a vector row in the form it has, which is that of a row of another column.
    pub fn push_vector(&mut self, row: Row<'_>) {
        self.push_vectors(std::iter::once(row));
    }

    /// Ends vector rows in the forms they have, which are those of rows of other columns.
    pub fn push_vectors<'a>(&mut self, rows: impl ExactSizeIterator<Item = Row<'a>>) {
        /// Up to so many values are copied without a call.
        const SHORT: usize = 4;
        let (v, count) = (self.vectors(), rows.len());
        v.sizes.reserve(count);
        v.index_offsets.reserve(count);
        v.value_offsets.reserve(count);
        let (mut form, mut alike) = (true, 0);
        for row in rows {
            let (size, values, dense) = match row {
                Row::Dense(values) => (values.len(), values, true),
                Row::Sparse { size, indices, values } => {
                    v.indices.extend_from_slice(indices);
                    (size, values, false)
                }
            };
            if values.len() <= SHORT {
                values.iter().for_each(|&value| v.values.push(value));
            } else {
                v.values.extend_from_slice(values);
            }
            v.sizes.push(size as u32);
            v.index_offsets.push(offset(v.indices.len()));
            v.value_offsets.push(offset(v.values.len()));
            if dense != form {
                v.dense.append_n(alike, form);
                (form, alike) = (dense, 0);
            }
            alike += 1;
        }
        v.dense.append_n(alike, form);
        self.done_many(count, true);
    }

    fn vectors(&mut self) -> &mut GrowingVectors {
        let Growing::Vector(v) = &mut self.kind else { panic!("a column of vectors") };
        v
    }

    /// Appends all rows of a column of the same type.
    pub fn append(&mut self, column: &Column) {
        if let (Growing::Fixed { dtype, shape, data }, Column::Fixed(c), None) =
            (&mut self.kind, column, column.nulls())
        {
            assert!(*dtype == c.dtype() && same_shape(shape, c.shape()), "a column of the same type");
            data.extend_from_slice(c.buffer().as_slice());
            return self.done_many(c.len(), true);
        }
        for row in 0..column.len() {
            self.append_row(column, row);
        }
    }

    /// Appends one row of a column of the same type.
    pub fn append_row(&mut self, column: &Column, row: usize) {
        if !column.is_valid(row) {
            return self.push_null();
        }
        match column {
            Column::Fixed(c) => {
                let Growing::Fixed { dtype, shape, data } = &mut self.kind else { panic!("a column of the same type") };
                assert!(*dtype == c.dtype() && same_shape(shape, c.shape()), "a column of the same type");
                let bytes = shape.iter().product::<usize>() * dtype.width();
                data.extend_from_slice(&c.buffer().as_slice()[row * bytes..(row + 1) * bytes]);
                self.done(true);
            }
            Column::Text(c) => self.push_bytes(c.bytes(row), true),
            Column::Bytes(c) => self.push_bytes(c.bytes(row), false),
            Column::List(c) | Column::Map(c) => {
                for item in c.range(row) {
                    self.items().append_row(c.child(), item);
                }
                self.end_list();
            }
            Column::Vector(c) => self.push_vector(c.row(row)),
            Column::Struct(c) => {
                for (i, (_, part)) in c.fields().iter().enumerate() {
                    self.field(i).append_row(part, row);
                }
                self.end_struct();
            }
        }
    }

    /// Drops the rows from `len` on, and whatever the row after the last had begun.
    pub fn truncate(&mut self, len: usize) {
        match &mut self.kind {
            Growing::Fixed { dtype, shape, data } => {
                data.truncate(len * shape.iter().product::<usize>() * dtype.width());
            }
            Growing::Text { offsets, data, .. } => {
                offsets.truncate(len + 1);
                data.truncate(offsets[len] as usize);
            }
            Growing::List { offsets, child, .. } => {
                offsets.truncate(len + 1);
                child.truncate(offsets[len] as usize);
            }
            Growing::Vector(v) => {
                v.sizes.truncate(len);
                v.dense.truncate(len);
                v.index_offsets.truncate(len + 1);
                v.value_offsets.truncate(len + 1);
                v.indices.truncate(v.index_offsets[len] as usize);
                v.values.truncate(v.value_offsets[len] as usize);
            }
            Growing::Struct { fields } => fields.iter_mut().for_each(|(_, f)| f.truncate(len)),
        }
        if let Some(bits) = &mut self.validity {
            bits.truncate(len);
        }
        self.len = len;
    }

    /// Returns the column.
    pub fn finish(mut self) -> Column {
        let validity = self.validity.take().map(|mut bits| NullBuffer::new(bits.finish()));
        match self.kind {
            Growing::Fixed { dtype, shape, data } => {
                Column::Fixed(Fixed::new(dtype, shape, self.len, data.into(), validity))
            }
            Growing::Text { utf8, offsets, data } => {
                let text = Text::bytes_of(OffsetBuffer::new(offsets.into()), data.into(), validity);
                if utf8 { Column::Text(text) } else { Column::Bytes(text) }
            }
            Growing::List { map, offsets, child } => {
                let list = List::new(OffsetBuffer::new(offsets.into()), Arc::new(child.finish()), validity);
                if map { Column::Map(list) } else { Column::List(list) }
            }
            Growing::Vector(mut v) => {
                let parts = VectorParts {
                    sizes: v.sizes.into(),
                    dense: v.dense.finish(),
                    index_offsets: OffsetBuffer::new(v.index_offsets.into()),
                    value_offsets: OffsetBuffer::new(v.value_offsets.into()),
                    indices: v.indices.into(),
                    values: ScalarBuffer::from(v.values),
                    validity,
                };
                Column::Vector(Vectors::checked(parts))
            }
            Growing::Struct { fields } => {
                let fields = fields.into_iter().map(|(n, f)| (n, f.finish())).collect();
                Column::Struct(Struct::new(self.len, fields, validity))
            }
        }
    }
}

impl GrowingVectors {
    #[inline]
    fn end(&mut self, size: u32, dense: bool) {
        self.sizes.push(size);
        self.dense.append(dense);
        self.index_offsets.push(offset(self.indices.len()));
        self.value_offsets.push(offset(self.values.len()));
    }
}

#[cfg(test)]
mod tests;
