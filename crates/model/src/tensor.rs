//! [`Whole`]: one value for a call. Mostly a [`Tensor`]: numbers or texts in a box of any rank, in row-major order.
//!
//! Elements lie in a counted vector of their own type: a clone shares them, a reshaped tensor too, and a kernel that is the
//! only owner of its last result writes the next one in the same place ([`Tensor::make`]).

use std::{fmt, ops::Deref, sync::Arc};

use arrow_buffer::{ArrowNativeType, Buffer};
pub use half::{bf16, f16};

use crate::{
    column::{Column, Fixed},
    types::{DType, Type},
};

/// Most dimensions of a tensor.
pub const RANK_MAX: usize = 12;

/// Most bytes of the elements of one tensor.
pub const TENSOR_BYTES_MAX: usize = 1 << 28;

/// The dimensions of a tensor; none for a scalar.
#[derive(Clone, Copy, Default)]
pub struct Shape {
    rank: u8,
    dims: [usize; RANK_MAX],
}

/// One element of texts: UTF-8 where the format says so, else any bytes.
pub type Bytes = Arc<[u8]>;

/// A complex number of two float32.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Complex {
    pub re: f32,
    pub im: f32,
}

/// The elements, by their type.
#[derive(Clone, Debug)]
pub enum Data {
    Bool(Arc<Vec<bool>>),
    I8(Arc<Vec<i8>>),
    I16(Arc<Vec<i16>>),
    I32(Arc<Vec<i32>>),
    I64(Arc<Vec<i64>>),
    U8(Arc<Vec<u8>>),
    U16(Arc<Vec<u16>>),
    U32(Arc<Vec<u32>>),
    U64(Arc<Vec<u64>>),
    F16(Arc<Vec<f16>>),
    BF16(Arc<Vec<bf16>>),
    F32(Arc<Vec<f32>>),
    F64(Arc<Vec<f64>>),
    C64(Arc<Vec<Complex>>),
    Bytes(Arc<Vec<Bytes>>),
}

/// A tensor of any rank, scalars included: `shape.elements()` elements in row-major order.
#[derive(Clone, Debug)]
pub struct Tensor {
    shape: Shape,
    data: Data,
}

/// One value for the whole call. A clone shares what it holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Whole {
    Tensor(Tensor),
    Sequence(Arc<Vec<Whole>>),
    /// Keys and values, two tensors of one dimension.
    Map(Arc<(Tensor, Tensor)>),
    /// An optional value that is not there.
    Absent,
}

/// What a tensor may not be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TensorError {
    #[error("a tensor of {0} dimensions; the limit is {RANK_MAX}")]
    Rank(usize),
    #[error("a tensor of shape {0} takes more than {TENSOR_BYTES_MAX} bytes")]
    Bytes(String),
    #[error("{0} elements for the shape {1}")]
    Elements(usize, String),
}

/// What a tensor's elements may be.
pub trait Element: Clone + Default + PartialEq + fmt::Debug + Send + Sync + 'static {
    /// Its dtype; `None` for texts.
    const DTYPE: Option<DType>;

    fn of(data: &Data) -> Option<&Arc<Vec<Self>>>;
    fn of_mut(data: &mut Data) -> Option<&mut Arc<Vec<Self>>>;
    fn wrap(elements: Arc<Vec<Self>>) -> Data;
}

macro_rules! element {
    ($($variant:ident $ty:ty, $dtype:expr;)*) => {$(
        impl Element for $ty {
            const DTYPE: Option<DType> = $dtype;

            #[inline]
            fn of(data: &Data) -> Option<&Arc<Vec<Self>>> {
                if let Data::$variant(elements) = data { Some(elements) } else { None }
            }

            #[inline]
            fn of_mut(data: &mut Data) -> Option<&mut Arc<Vec<Self>>> {
                if let Data::$variant(elements) = data { Some(elements) } else { None }
            }

            fn wrap(elements: Arc<Vec<Self>>) -> Data {
                Data::$variant(elements)
            }
        }
    )*};
}

element! {
    Bool bool, Some(DType::Bool);
    I8 i8, Some(DType::I8);
    I16 i16, Some(DType::I16);
    I32 i32, Some(DType::I32);
    I64 i64, Some(DType::I64);
    U8 u8, Some(DType::U8);
    U16 u16, Some(DType::U16);
    U32 u32, Some(DType::U32);
    U64 u64, Some(DType::U64);
    F16 f16, Some(DType::F16);
    BF16 bf16, Some(DType::BF16);
    F32 f32, Some(DType::F32);
    F64 f64, Some(DType::F64);
    C64 Complex, Some(DType::C64);
    Bytes Bytes, None;
}

/// Evaluates the expression with the name bound to the vector of elements, whatever their type.
#[macro_export]
macro_rules! each_element {
    ($data:expr, $elements:ident => $body:expr) => {
        match $data {
            $crate::tensor::Data::Bool($elements) => $body,
            $crate::tensor::Data::I8($elements) => $body,
            $crate::tensor::Data::I16($elements) => $body,
            $crate::tensor::Data::I32($elements) => $body,
            $crate::tensor::Data::I64($elements) => $body,
            $crate::tensor::Data::U8($elements) => $body,
            $crate::tensor::Data::U16($elements) => $body,
            $crate::tensor::Data::U32($elements) => $body,
            $crate::tensor::Data::U64($elements) => $body,
            $crate::tensor::Data::F16($elements) => $body,
            $crate::tensor::Data::BF16($elements) => $body,
            $crate::tensor::Data::F32($elements) => $body,
            $crate::tensor::Data::F64($elements) => $body,
            $crate::tensor::Data::C64($elements) => $body,
            $crate::tensor::Data::Bytes($elements) => $body,
        }
    };
}

// === impl Shape ===

impl Shape {
    pub const SCALAR: Shape = Shape { rank: 0, dims: [0; RANK_MAX] };

    /// Returns the shape of these dimensions, where they are few enough.
    pub fn new(dims: &[usize]) -> Result<Shape, TensorError> {
        let mut shape = Shape::SCALAR;
        shape.dims.get_mut(..dims.len()).ok_or(TensorError::Rank(dims.len()))?.copy_from_slice(dims);
        shape.rank = dims.len() as u8;
        Ok(shape)
    }

    /// Returns the shape with one dimension more, at this place.
    pub fn insert(&self, at: usize, dim: usize) -> Result<Shape, TensorError> {
        let rank = self.len();
        if rank == RANK_MAX {
            return Err(TensorError::Rank(rank + 1));
        }
        let mut shape = *self;
        shape.dims.copy_within(at..rank, at + 1);
        shape.dims[at] = dim;
        shape.rank += 1;
        Ok(shape)
    }

    /// Returns the shape without this dimension.
    pub fn remove(&self, at: usize) -> Shape {
        let mut shape = *self;
        shape.dims.copy_within(at + 1..self.len(), at);
        shape.rank -= 1;
        shape.dims[self.len() - 1] = 0;
        shape
    }

    /// Returns the shape with another length of this dimension.
    pub fn with(&self, at: usize, dim: usize) -> Shape {
        let mut shape = *self;
        shape.dims[..self.len()][at] = dim;
        shape
    }

    /// Returns the number of elements; `None` where dimensions, but those of length 0, have a product beyond 2^48: no tensor
    /// that is there does, so that products of its dimensions are numbers.
    pub fn checked_elements(&self) -> Option<usize> {
        let others =
            self.iter().filter(|&&d| d > 0).try_fold(1usize, |n, &d| n.checked_mul(d).filter(|&n| n <= 1 << 48))?;
        Some(if self.contains(&0) { 0 } else { others })
    }

    /// Returns the number of elements of a tensor that is there.
    #[inline]
    pub fn elements(&self) -> usize {
        self.iter().product()
    }
}

impl Deref for Shape {
    type Target = [usize];

    #[inline]
    fn deref(&self) -> &[usize] {
        &self.dims[..self.rank as usize]
    }
}

impl PartialEq for Shape {
    fn eq(&self, other: &Shape) -> bool {
        **self == **other
    }
}

impl Eq for Shape {}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

// === impl Data ===

impl Data {
    pub fn len(&self) -> usize {
        each_element!(self, elements => elements.len())
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the dtype; `None` for texts.
    pub fn dtype(&self) -> Option<DType> {
        fn of<T: Element>(_: &[T]) -> Option<DType> {
            T::DTYPE
        }
        each_element!(self, elements => of(elements))
    }

    /// Returns no elements of the dtype; of texts where there is none. `None` for what no tensor holds.
    pub fn empty(dtype: Option<DType>) -> Option<Data> {
        Some(match dtype {
            None => Data::Bytes(Arc::default()),
            Some(DType::Bool) => Data::Bool(Arc::default()),
            Some(DType::I8) => Data::I8(Arc::default()),
            Some(DType::I16) => Data::I16(Arc::default()),
            Some(DType::I32) => Data::I32(Arc::default()),
            Some(DType::I64) => Data::I64(Arc::default()),
            Some(DType::U8) => Data::U8(Arc::default()),
            Some(DType::U16) => Data::U16(Arc::default()),
            Some(DType::U32) => Data::U32(Arc::default()),
            Some(DType::U64) => Data::U64(Arc::default()),
            Some(DType::F16) => Data::F16(Arc::default()),
            Some(DType::BF16) => Data::BF16(Arc::default()),
            Some(DType::F32) => Data::F32(Arc::default()),
            Some(DType::F64) => Data::F64(Arc::default()),
            Some(DType::C64) => Data::C64(Arc::default()),
            Some(DType::Date | DType::Timestamp | DType::Decimal(..)) => return None,
        })
    }

    /// Returns the bytes that the elements take.
    pub fn bytes(&self) -> usize {
        match self {
            Data::Bytes(texts) => texts.iter().map(|text| text.len() + 16).sum(),
            numbers => numbers.len() * numbers.dtype().map_or(0, DType::width),
        }
    }
}

impl<T: Element> From<Vec<T>> for Data {
    fn from(elements: Vec<T>) -> Data {
        T::wrap(Arc::new(elements))
    }
}

// === impl Whole ===

impl Whole {
    /// Returns the tensor, where it is one.
    #[inline]
    pub fn as_tensor(&self) -> Option<&Tensor> {
        if let Whole::Tensor(tensor) = self { Some(tensor) } else { None }
    }

    /// Returns the values of a sequence.
    pub fn as_sequence(&self) -> Option<&Arc<Vec<Whole>>> {
        if let Whole::Sequence(items) = self { Some(items) } else { None }
    }

    /// Returns the bytes that it holds, shared or not.
    pub fn bytes(&self) -> usize {
        match self {
            Whole::Tensor(tensor) => tensor.data.bytes(),
            Whole::Sequence(items) => items.iter().map(Whole::bytes).sum(),
            Whole::Map(map) => map.0.data.bytes() + map.1.data.bytes(),
            Whole::Absent => 0,
        }
    }

    /// Returns what it is, for people: `float32 [2, 3]`, `a sequence`.
    pub fn kind(&self) -> String {
        match self {
            Whole::Tensor(tensor) => match tensor.dtype() {
                Some(dtype) => format!("{dtype} {}", tensor.shape),
                None => format!("string {}", tensor.shape),
            },
            Whole::Sequence(_) => "a sequence".to_owned(),
            Whole::Map(_) => "a map".to_owned(),
            Whole::Absent => "nothing".to_owned(),
        }
    }
}

impl From<Tensor> for Whole {
    fn from(tensor: Tensor) -> Whole {
        Whole::Tensor(tensor)
    }
}

// === impl Tensor ===

impl Default for Tensor {
    /// No elements, float32.
    fn default() -> Tensor {
        let mut shape = Shape::SCALAR;
        shape.rank = 1;
        Tensor { shape, data: Data::F32(Arc::default()) }
    }
}

impl Tensor {
    /// Returns the tensor of these elements, where they are as many as the shape says.
    pub fn new(shape: &[usize], data: impl Into<Data>) -> Result<Tensor, TensorError> {
        let (shape, data) = (Shape::new(shape)?, data.into());
        match shape.checked_elements() {
            Some(n) if n == data.len() => Ok(Tensor { shape, data }),
            _ => Err(TensorError::Elements(data.len(), shape.to_string())),
        }
    }

    /// Returns a tensor of rank 0.
    pub fn scalar<T: Element>(element: T) -> Tensor {
        Tensor { shape: Shape::SCALAR, data: vec![element].into() }
    }

    /// Returns a tensor of rank 1.
    pub fn vector<T: Element>(elements: Vec<T>) -> Tensor {
        let shape = Shape::SCALAR.insert(0, elements.len()).expect("one dimension is few");
        Tensor { shape, data: elements.into() }
    }

    /// Returns the tensor of a column's rows, which must be numbers or texts without nulls, and as many as the shape says.
    pub fn from_column(shape: &[usize], column: &Column) -> Option<Tensor> {
        if column.nulls().is_some() {
            return None;
        }
        let texts = |texts: &crate::column::Text| -> Vec<Bytes> {
            (0..column.len()).map(|row| texts.bytes(row).into()).collect()
        };
        let data = match column {
            Column::Fixed(fixed) => numbers(fixed)?,
            Column::Text(text) | Column::Bytes(text) => texts(text).into(),
            _ => return None,
        };
        Tensor::new(shape, data).ok()
    }

    /// Returns the elements as a column: a row each. Texts are bytes where one of them is not UTF-8. `None` for float16,
    /// bfloat16 and complex numbers, which no column holds.
    pub fn to_column(&self) -> Option<Column> {
        fn of<T: ArrowNativeType + Element>(elements: &[T]) -> Option<Column> {
            let buffer = Buffer::from_slice_ref(elements);
            Some(Column::Fixed(Fixed::new(T::DTYPE?, Vec::new(), elements.len(), buffer, None)))
        }
        match &self.data {
            Data::Bool(e) => {
                let buffer = Buffer::from_vec(e.iter().map(|&b| u8::from(b)).collect::<Vec<u8>>());
                Some(Column::Fixed(Fixed::new(DType::Bool, Vec::new(), e.len(), buffer, None)))
            }
            Data::I8(e) => of(e),
            Data::I16(e) => of(e),
            Data::I32(e) => of(e),
            Data::I64(e) => of(e),
            Data::U8(e) => of(e),
            Data::U16(e) => of(e),
            Data::U32(e) => of(e),
            Data::U64(e) => of(e),
            Data::F32(e) => of(e),
            Data::F64(e) => of(e),
            Data::F16(_) | Data::BF16(_) | Data::C64(_) => None,
            Data::Bytes(e) => {
                let is_text = e.iter().all(|text| std::str::from_utf8(text).is_ok());
                let ty = if is_text { Type::Text } else { Type::Bytes };
                let mut builder = crate::build::Builder::new(&ty);
                for text in e.iter() {
                    match std::str::from_utf8(text) {
                        Ok(text) if is_text => builder.push_text(text),
                        _ => builder.push_binary(text),
                    }
                }
                Some(builder.finish())
            }
        }
    }

    #[inline]
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    pub fn rank(&self) -> usize {
        self.shape.len()
    }

    #[inline]
    pub fn data(&self) -> &Data {
        &self.data
    }

    /// Returns the dtype; `None` for texts.
    pub fn dtype(&self) -> Option<DType> {
        self.data.dtype()
    }

    /// Returns the type of the elements; of texts, that of bytes.
    pub fn ty(&self) -> Type {
        self.dtype().map_or(Type::Bytes, Type::scalar)
    }

    /// Returns the number of elements.
    #[inline]
    pub fn len(&self) -> usize {
        self.shape.elements()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the elements, where they are of this type.
    #[inline]
    pub fn get<T: Element>(&self) -> Option<&[T]> {
        T::of(&self.data).map(|elements| &elements[..])
    }

    /// Returns the same elements in another shape of as many.
    pub fn reshaped(&self, shape: Shape) -> Result<Tensor, TensorError> {
        match shape.checked_elements() {
            Some(n) if n == self.len() => Ok(Tensor { shape, data: self.data.clone() }),
            _ => Err(TensorError::Elements(self.len(), shape.to_string())),
        }
    }

    /// Becomes a tensor of this shape, whose elements hold anything, and returns them: in the place of the old ones where
    /// nobody else has those.
    pub fn make<T: Element>(&mut self, shape: Shape) -> Result<&mut [T], TensorError> {
        let size = std::mem::size_of::<T>();
        let bytes = shape.checked_elements().and_then(|n| n.checked_mul(size)).filter(|&n| n <= TENSOR_BYTES_MAX);
        let elements = bytes.ok_or_else(|| TensorError::Bytes(shape.to_string()))? / size;
        self.shape = shape;
        let reusable = T::of_mut(&mut self.data).is_some_and(|vector| Arc::get_mut(vector).is_some());
        if !reusable {
            self.data = T::wrap(Arc::new(vec![T::default(); elements]));
        }
        let vector = T::of_mut(&mut self.data).and_then(Arc::get_mut).expect("just made, or seen to be of this type");
        vector.resize(elements, T::default());
        Ok(vector)
    }

    /// Returns the elements to be changed where they are: copied first where others have them too.
    pub fn get_mut<T: Element>(&mut self) -> Option<&mut [T]> {
        T::of_mut(&mut self.data).map(|elements| &mut Arc::make_mut(elements)[..])
    }
}

/// Returns the numbers of a column.
fn numbers(fixed: &Fixed) -> Option<Data> {
    Some(match fixed.dtype() {
        DType::Bool => fixed.values::<u8>().iter().map(|&b| b != 0).collect::<Vec<bool>>().into(),
        DType::I8 => fixed.values::<i8>().to_vec().into(),
        DType::I16 => fixed.values::<i16>().to_vec().into(),
        DType::I32 => fixed.values::<i32>().to_vec().into(),
        DType::I64 => fixed.values::<i64>().to_vec().into(),
        DType::U8 => fixed.values::<u8>().to_vec().into(),
        DType::U16 => fixed.values::<u16>().to_vec().into(),
        DType::U32 => fixed.values::<u32>().to_vec().into(),
        DType::U64 => fixed.values::<u64>().to_vec().into(),
        DType::F32 => fixed.values::<f32>().to_vec().into(),
        DType::F64 => fixed.values::<f64>().to_vec().into(),
        DType::F16 | DType::BF16 | DType::C64 | DType::Date | DType::Timestamp | DType::Decimal(..) => return None,
    })
}

impl PartialEq for Tensor {
    /// Shape and elements; a NaN is equal to nothing.
    fn eq(&self, other: &Tensor) -> bool {
        fn same<T: Element>(a: &[T], b: &Data) -> bool {
            T::of(b).is_some_and(|b| a == &b[..])
        }
        self.shape == other.shape && each_element!(&self.data, elements => same(elements, &other.data))
    }
}
