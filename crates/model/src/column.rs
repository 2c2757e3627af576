//! Columns: how the rows of one named value lie in memory; and whole values, one for the call.
//!
//! The set is closed and every buffer is immutable, counted and sliceable, so that Arrow data, joined requests and chunks
//! copy nothing. Null is a validity bit, absent where every row has a value; NaN is a value. Constructors check what later
//! code relies on (offsets rise and stay inside, text is UTF-8, sparse indices rise and stay below the size), so readers
//! and kernels index without doubt.

use std::sync::Arc;

use arrow_buffer::{ArrowNativeType, BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};

use crate::types::{DType, Type};

/// The rows of one named value.
#[derive(Clone, Debug)]
pub enum Column {
    Fixed(Fixed),
    Text(Text),
    Bytes(Text),
    List(List),
    Vector(Vectors),
    Struct(Struct),
    /// A list of structs of two fields, key and value.
    Map(List),
}

/// Numbers: `len` rows of `shape.product()` elements.
#[derive(Clone, Debug)]
pub struct Fixed {
    dtype: DType,
    shape: Vec<usize>,
    len: usize,
    data: Buffer,
    validity: Option<NullBuffer>,
}

/// Texts (UTF-8, checked) or byte strings: offsets into one buffer.
#[derive(Clone, Debug)]
pub struct Text {
    offsets: OffsetBuffer<i32>,
    data: Buffer,
    validity: Option<NullBuffer>,
}

/// Lists: offsets into a child column.
#[derive(Clone, Debug)]
pub struct List {
    offsets: OffsetBuffer<i32>,
    child: Arc<Column>,
    validity: Option<NullBuffer>,
}

/// float64 vectors, each dense or sparse. A dense row stores no indices; the form is part of the answer.
#[derive(Clone, Debug)]
pub struct Vectors {
    sizes: ScalarBuffer<u32>,
    dense: BooleanBuffer,
    index_offsets: OffsetBuffer<i32>,
    value_offsets: OffsetBuffer<i32>,
    indices: ScalarBuffer<u32>,
    values: ScalarBuffer<f64>,
    validity: Option<NullBuffer>,
}

/// One row of [`Vectors`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Row<'a> {
    Dense(&'a [f64]),
    /// Indices rise strictly and are below `size`; values may hold explicit zeros.
    Sparse {
        size: usize,
        indices: &'a [u32],
        values: &'a [f64],
    },
}

/// Named parts, all of one length.
#[derive(Clone, Debug)]
pub struct Struct {
    len: usize,
    fields: Vec<(Arc<str>, Column)>,
    validity: Option<NullBuffer>,
}

fn valid(validity: &Option<NullBuffer>, row: usize) -> bool {
    validity.as_ref().is_none_or(|v| v.is_valid(row))
}

fn cut(validity: &Option<NullBuffer>, start: usize, len: usize) -> Option<NullBuffer> {
    validity.as_ref().map(|v| v.slice(start, len)).filter(|v| v.null_count() > 0)
}

// === impl Column ===

impl Column {
    pub fn len(&self) -> usize {
        match self {
            Column::Fixed(c) => c.len,
            Column::Text(c) | Column::Bytes(c) => c.offsets.len() - 1,
            Column::List(c) | Column::Map(c) => c.offsets.len() - 1,
            Column::Vector(c) => c.sizes.len(),
            Column::Struct(c) => c.len,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn validity(&self) -> &Option<NullBuffer> {
        match self {
            Column::Fixed(c) => &c.validity,
            Column::Text(c) | Column::Bytes(c) => &c.validity,
            Column::List(c) | Column::Map(c) => &c.validity,
            Column::Vector(c) => &c.validity,
            Column::Struct(c) => &c.validity,
        }
    }

    /// Returns the validity bits, where any row is null.
    pub fn nulls(&self) -> Option<&NullBuffer> {
        self.validity().as_ref().filter(|v| v.null_count() > 0)
    }

    /// Returns whether the row has a value.
    pub fn is_valid(&self, row: usize) -> bool {
        valid(self.validity(), row)
    }

    /// Returns the type; a vector's size where all rows (there is one at least) agree on it.
    pub fn ty(&self) -> Type {
        match self {
            Column::Fixed(c) => Type::Fixed { dtype: c.dtype, shape: c.shape.clone() },
            Column::Text(_) => Type::Text,
            Column::Bytes(_) => Type::Bytes,
            Column::List(c) => Type::list(c.child.ty()),
            Column::Vector(_) => Type::Vector { size: None },
            Column::Struct(c) => Type::Struct(c.fields.iter().map(|(n, c)| (n.clone(), c.ty())).collect()),
            Column::Map(c) => match &*c.child {
                Column::Struct(s) => Type::Map(Box::new(s.fields[0].1.ty()), Box::new(s.fields[1].1.ty())),
                _ => unreachable!("the constructor of a map takes a struct of two"),
            },
        }
    }

    /// Returns a run of rows; nothing is copied.
    pub fn slice(&self, start: usize, len: usize) -> Column {
        assert!(start + len <= self.len(), "a slice stays inside its column");
        match self {
            Column::Fixed(c) => {
                let row = c.row_bytes();
                Column::Fixed(Fixed {
                    dtype: c.dtype,
                    shape: c.shape.clone(),
                    len,
                    data: c.data.slice_with_length(start * row, len * row),
                    validity: cut(&c.validity, start, len),
                })
            }
            Column::Text(c) => Column::Text(c.slice(start, len)),
            Column::Bytes(c) => Column::Bytes(c.slice(start, len)),
            Column::List(c) => Column::List(c.slice(start, len)),
            Column::Map(c) => Column::Map(c.slice(start, len)),
            Column::Vector(c) => Column::Vector(Vectors {
                sizes: c.sizes.slice(start, len),
                dense: c.dense.slice(start, len),
                index_offsets: c.index_offsets.slice(start, len),
                value_offsets: c.value_offsets.slice(start, len),
                indices: c.indices.clone(),
                values: c.values.clone(),
                validity: cut(&c.validity, start, len),
            }),
            Column::Struct(c) => Column::Struct(Struct {
                len,
                fields: c.fields.iter().map(|(n, c)| (n.clone(), c.slice(start, len))).collect(),
                validity: cut(&c.validity, start, len),
            }),
        }
    }

    /// Returns whether two rows are the same: bit for bit, a NaN equal to itself, dense and sparse apart.
    pub fn row_eq(&self, row: usize, other: &Column, other_row: usize) -> bool {
        match (self.is_valid(row), other.is_valid(other_row)) {
            (false, false) => return true,
            (true, true) => {}
            _ => return false,
        }
        match (self, other) {
            (Column::Fixed(a), Column::Fixed(b)) => {
                a.dtype == b.dtype && a.shape == b.shape && a.row_raw(row) == b.row_raw(other_row)
            }
            (Column::Text(a), Column::Text(b)) | (Column::Bytes(a), Column::Bytes(b)) => {
                a.bytes(row) == b.bytes(other_row)
            }
            (Column::List(a), Column::List(b)) | (Column::Map(a), Column::Map(b)) => {
                let (x, y) = (a.range(row), b.range(other_row));
                x.len() == y.len() && x.zip(y).all(|(i, j)| a.child.row_eq(i, &b.child, j))
            }
            (Column::Vector(a), Column::Vector(b)) => match (a.row(row), b.row(other_row)) {
                (Row::Dense(x), Row::Dense(y)) => same_bits(x, y),
                (
                    Row::Sparse { size, indices, values },
                    Row::Sparse { size: size_b, indices: indices_b, values: values_b },
                ) => size == size_b && indices == indices_b && same_bits(values, values_b),
                _ => false,
            },
            (Column::Struct(a), Column::Struct(b)) => {
                a.fields.len() == b.fields.len()
                    && a.fields.iter().zip(&b.fields).all(|((n, x), (m, y))| n == m && x.row_eq(row, y, other_row))
            }
            _ => false,
        }
    }
}

fn same_bits(a: &[f64], b: &[f64]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(x, y)| x.to_bits() == y.to_bits())
}

impl PartialEq for Column {
    /// Row for row as [`Column::row_eq`].
    fn eq(&self, other: &Column) -> bool {
        self.len() == other.len() && (0..self.len()).all(|row| self.row_eq(row, other, row))
    }
}

// === impl Fixed ===

impl Fixed {
    /// Returns the column of `data`, `len` rows of `shape` elements of `dtype`.
    pub fn new(dtype: DType, shape: Vec<usize>, len: usize, data: Buffer, validity: Option<NullBuffer>) -> Fixed {
        let row: usize = shape.iter().product::<usize>() * dtype.width();
        assert_eq!(data.len(), row * len, "the buffer holds exactly the rows");
        assert!(validity.as_ref().is_none_or(|v| v.len() == len), "one validity bit a row");
        Fixed { dtype, shape, len, data, validity: validity.filter(|v| v.null_count() > 0) }
    }

    /// Returns a column of single numbers, without nulls.
    pub fn from_vec<T: ArrowNativeType>(dtype: DType, values: Vec<T>) -> Fixed {
        let len = values.len();
        Fixed::new(dtype, Vec::new(), len, Buffer::from_vec(values), None)
    }

    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// Returns the inner shape of a row; empty for single numbers.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub fn is_valid(&self, row: usize) -> bool {
        valid(&self.validity, row)
    }

    /// Returns whether any row is null.
    pub fn has_nulls(&self) -> bool {
        self.validity.as_ref().is_some_and(|v| v.null_count() > 0)
    }

    /// Returns all elements; `T` must be the native type of the dtype.
    pub fn values<T: ArrowNativeType>(&self) -> &[T] {
        assert_eq!(size_of::<T>(), self.dtype.width(), "the native type of {}", self.dtype);
        self.data.typed_data()
    }

    pub fn buffer(&self) -> &Buffer {
        &self.data
    }

    fn row_bytes(&self) -> usize {
        self.shape.iter().product::<usize>() * self.dtype.width()
    }

    fn row_raw(&self, row: usize) -> &[u8] {
        let n = self.row_bytes();
        &self.data.as_slice()[row * n..(row + 1) * n]
    }
}

// === impl Text ===

impl Text {
    /// Returns the texts, or nothing where they are not UTF-8 or an offset cuts a character.
    pub fn utf8(offsets: OffsetBuffer<i32>, data: Buffer, validity: Option<NullBuffer>) -> Option<Text> {
        let (first, last) = (offsets.first() as usize, offsets.last() as usize);
        let text = std::str::from_utf8(data.as_slice().get(first..last)?).ok()?;
        let on_characters = offsets.iter().all(|&o| text.is_char_boundary(o as usize - first));
        on_characters.then(|| Text::bytes_of(offsets, data, validity))
    }

    /// Returns byte strings.
    pub fn bytes_of(offsets: OffsetBuffer<i32>, data: Buffer, validity: Option<NullBuffer>) -> Text {
        assert!(offsets.last() as usize <= data.len(), "offsets stay inside");
        assert!(validity.as_ref().is_none_or(|v| v.len() == offsets.len() - 1), "one validity bit a row");
        Text { offsets, data, validity: validity.filter(|v| v.null_count() > 0) }
    }

    pub fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn is_valid(&self, row: usize) -> bool {
        valid(&self.validity, row)
    }

    /// Returns whether any row is null.
    pub fn has_nulls(&self) -> bool {
        self.validity.as_ref().is_some_and(|v| v.null_count() > 0)
    }

    /// Returns the row's bytes; a null row's are empty or without meaning.
    pub fn bytes(&self, row: usize) -> &[u8] {
        &self.data.as_slice()[self.offsets[row] as usize..self.offsets[row + 1] as usize]
    }

    /// Returns the row's text; only of a column made by [`Text::utf8`].
    pub fn text(&self, row: usize) -> &str {
        std::str::from_utf8(self.bytes(row)).expect("a text column is checked when it is made")
    }

    /// Returns the offsets (rows + 1 of them) into [`Text::buffer`].
    pub fn offsets(&self) -> &[i32] {
        &self.offsets
    }

    pub fn buffer(&self) -> &Buffer {
        &self.data
    }

    fn slice(&self, start: usize, len: usize) -> Text {
        Text {
            offsets: self.offsets.slice(start, len),
            data: self.data.clone(),
            validity: cut(&self.validity, start, len),
        }
    }
}

impl<S: AsRef<str>> FromIterator<Option<S>> for Text {
    fn from_iter<I: IntoIterator<Item = Option<S>>>(rows: I) -> Text {
        let (mut data, mut lengths, mut bits) = (Vec::new(), Vec::new(), Vec::new());
        for row in rows {
            let text = row.as_ref().map_or("", |s| s.as_ref());
            data.extend_from_slice(text.as_bytes());
            lengths.push(text.len());
            bits.push(row.is_some());
        }
        Text::bytes_of(OffsetBuffer::from_lengths(lengths), Buffer::from_vec(data), Some(NullBuffer::from(bits)))
    }
}

// === impl List ===

impl List {
    pub fn new(offsets: OffsetBuffer<i32>, child: Arc<Column>, validity: Option<NullBuffer>) -> List {
        assert!(offsets.last() as usize <= child.len(), "offsets stay inside");
        assert!(validity.as_ref().is_none_or(|v| v.len() == offsets.len() - 1), "one validity bit a row");
        List { offsets, child, validity: validity.filter(|v| v.null_count() > 0) }
    }

    pub fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn is_valid(&self, row: usize) -> bool {
        valid(&self.validity, row)
    }

    /// Returns which rows of the child make up this row.
    pub fn range(&self, row: usize) -> std::ops::Range<usize> {
        self.offsets[row] as usize..self.offsets[row + 1] as usize
    }

    pub fn offsets(&self) -> &[i32] {
        &self.offsets
    }

    pub fn child(&self) -> &Column {
        &self.child
    }

    fn slice(&self, start: usize, len: usize) -> List {
        List {
            offsets: self.offsets.slice(start, len),
            child: self.child.clone(),
            validity: cut(&self.validity, start, len),
        }
    }
}

// === impl Vectors ===

/// The parts of [`Vectors`], to be checked by [`Vectors::new`].
#[derive(Debug)]
pub struct VectorParts {
    pub sizes: ScalarBuffer<u32>,
    pub dense: BooleanBuffer,
    pub index_offsets: OffsetBuffer<i32>,
    pub value_offsets: OffsetBuffer<i32>,
    pub indices: ScalarBuffer<u32>,
    pub values: ScalarBuffer<f64>,
    pub validity: Option<NullBuffer>,
}

impl Vectors {
    /// Returns the vectors, or what is wrong with them.
    pub fn new(parts: VectorParts) -> Result<Vectors, &'static str> {
        let rows = parts.sizes.len();
        if parts.dense.len() != rows || parts.index_offsets.len() != rows + 1 || parts.value_offsets.len() != rows + 1 {
            return Err("the parts of a vector column differ in their rows");
        }
        if parts.validity.as_ref().is_some_and(|v| v.len() != rows) {
            return Err("the validity of a vector column differs in its rows");
        }
        if parts.index_offsets[rows] as usize > parts.indices.len()
            || parts.value_offsets[rows] as usize > parts.values.len()
        {
            return Err("a vector ends past its buffers");
        }
        let vectors = Vectors::of(parts);
        vectors.check().map(|()| vectors)
    }

    /// Returns the vectors of parts whose rows were checked one by one.
    pub(crate) fn checked(parts: VectorParts) -> Vectors {
        let vectors = Vectors::of(parts);
        debug_assert_eq!(vectors.check(), Ok(()));
        vectors
    }

    fn of(parts: VectorParts) -> Vectors {
        let VectorParts { sizes, dense, index_offsets, value_offsets, indices, values, validity } = parts;
        let validity = validity.filter(|v| v.null_count() > 0);
        Vectors { sizes, dense, index_offsets, value_offsets, indices, values, validity }
    }

    /// Checks what each row says of itself.
    fn check(&self) -> Result<(), &'static str> {
        for row in (0..self.len()).filter(|&row| valid(&self.validity, row)) {
            let values = self.value_range(row).len();
            let indices = &self.indices[self.index_range(row)];
            let size = self.sizes[row];
            if self.dense.value(row) {
                if values != size as usize {
                    return Err("a dense vector holds another number of values than its size");
                }
            } else if indices.len() != values {
                return Err("a sparse vector has another number of indices than of values");
            } else if indices.windows(2).any(|w| w[0] >= w[1]) || indices.last().is_some_and(|&i| i >= size) {
                return Err("a sparse vector's indices do not rise, or reach past its size");
            }
        }
        Ok(())
    }

    pub fn len(&self) -> usize {
        self.sizes.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn is_valid(&self, row: usize) -> bool {
        valid(&self.validity, row)
    }

    fn index_range(&self, row: usize) -> std::ops::Range<usize> {
        self.index_offsets[row] as usize..self.index_offsets[row + 1] as usize
    }

    fn value_range(&self, row: usize) -> std::ops::Range<usize> {
        self.value_offsets[row] as usize..self.value_offsets[row + 1] as usize
    }

    /// Returns the row; of a null row, an empty one.
    pub fn row(&self, row: usize) -> Row<'_> {
        if !self.is_valid(row) {
            return Row::Dense(&[]);
        }
        let values = &self.values[self.value_range(row)];
        if self.dense.value(row) {
            Row::Dense(values)
        } else {
            Row::Sparse { size: self.sizes[row] as usize, indices: &self.indices[self.index_range(row)], values }
        }
    }
}

impl Row<'_> {
    pub fn size(&self) -> usize {
        match self {
            Row::Dense(values) => values.len(),
            Row::Sparse { size, .. } => *size,
        }
    }

    /// Returns the values in order, zeros included.
    pub fn to_dense(&self) -> Vec<f64> {
        match *self {
            Row::Dense(values) => values.to_vec(),
            Row::Sparse { size, indices, values } => {
                let mut out = vec![0.0; size];
                for (&i, &v) in indices.iter().zip(values) {
                    out[i as usize] = v;
                }
                out
            }
        }
    }
}

// === impl Struct ===

impl Struct {
    pub fn new(len: usize, fields: Vec<(Arc<str>, Column)>, validity: Option<NullBuffer>) -> Struct {
        assert!(fields.iter().all(|(_, c)| c.len() == len), "all parts have the struct's rows");
        assert!(validity.as_ref().is_none_or(|v| v.len() == len), "one validity bit a row");
        Struct { len, fields, validity: validity.filter(|v| v.null_count() > 0) }
    }

    pub fn fields(&self) -> &[(Arc<str>, Column)] {
        &self.fields
    }

    /// Returns the part of this name.
    pub fn field(&self, name: &str) -> Option<&Column> {
        self.fields.iter().find(|(n, _)| &**n == name).map(|(_, c)| c)
    }

    pub fn is_valid(&self, row: usize) -> bool {
        valid(&self.validity, row)
    }
}
