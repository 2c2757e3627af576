//! [`Literal`]: a tensor as a file holds it, borrowed where it can be.
//!
//! Bytes are little-endian and row-major. A constant that is one value throughout stays one value until somebody asks for all of
//! them, so that a few bytes of a file never become more memory than a bound.

use std::borrow::Cow;

use crate::ReadError;

use super::dtype::DType;

/// Most dimensions of a tensor: those of the engine's.
pub const RANK_MAX: usize = 12;

/// Most bytes of one tensor.
pub const BYTES_MAX: usize = 1 << 28;

/// A tensor of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Literal<'a> {
    pub dtype: DType,
    pub shape: Vec<usize>,
    pub data: Data<'a>,
}

/// The elements.
#[derive(Clone, Debug, PartialEq)]
pub enum Data<'a> {
    Bytes(Cow<'a, [u8]>),
    /// The bytes of the one value that all elements have.
    Same(Cow<'a, [u8]>),
    Texts(Vec<Cow<'a, [u8]>>),
}

impl<'a> Literal<'a> {
    /// Returns a scalar text.
    pub fn text(text: impl Into<Cow<'a, [u8]>>) -> Literal<'a> {
        Literal { dtype: DType::String, shape: Vec::new(), data: Data::Texts(vec![text.into()]) }
    }

    /// Returns a scalar of int64.
    pub fn int64s(values: &[i64]) -> Literal<'static> {
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
        Literal { dtype: DType::Int64, shape: vec![values.len()], data: Data::Bytes(bytes.into()) }
    }

    /// Returns the number of elements.
    pub fn elements(&self) -> usize {
        self.shape.iter().product()
    }

    /// Returns the bytes that its elements take once they stand each for itself.
    pub fn bytes(&self) -> usize {
        match &self.data {
            Data::Texts(texts) => texts.iter().map(|text| text.len()).sum(),
            _ => self.elements() * self.dtype.width().unwrap_or(0),
        }
    }

    /// Returns the bytes of all elements, each for itself.
    pub fn whole(&self) -> Option<Cow<'_, [u8]>> {
        match &self.data {
            Data::Bytes(bytes) => Some(Cow::Borrowed(bytes)),
            Data::Same(one) => Some(Cow::Owned(one.repeat(self.elements()))),
            Data::Texts(_) => None,
        }
    }

    /// Returns the texts.
    pub fn texts(&self) -> Option<&[Cow<'a, [u8]>]> {
        if let Data::Texts(texts) = &self.data { Some(texts) } else { None }
    }

    /// Returns the integers, whatever their width.
    pub fn ints(&self) -> Option<Vec<i64>> {
        let width = match self.dtype {
            DType::Int64 | DType::Int32 | DType::Int16 | DType::Int8 | DType::UInt8 => self.dtype.width()?,
            _ => return None,
        };
        let is_signed = self.dtype != DType::UInt8;
        let int = |bytes: &[u8]| {
            let fill = if is_signed && bytes[width - 1] & 0x80 != 0 { 0xff } else { 0 };
            let mut all = [fill; 8];
            all[..width].copy_from_slice(bytes);
            i64::from_le_bytes(all)
        };
        Some(self.whole()?.chunks_exact(width).map(int).collect())
    }
}

/// Returns how many elements a shape of a file has; `of` says whose shape it is.
pub fn elements(
    dims: &[i64],
    dtype: DType,
    of: &dyn Fn(String) -> ReadError,
) -> Result<(Vec<usize>, usize), ReadError> {
    if RANK_MAX < dims.len() {
        return Err(of(format!("a shape of {} dimensions; the limit is {RANK_MAX}", dims.len())));
    }
    let shape: Option<Vec<usize>> = dims.iter().map(|dim| usize::try_from(*dim).ok()).collect();
    let shape = shape.ok_or_else(|| of(format!("a shape with a negative dimension: {dims:?}")))?;
    let most = BYTES_MAX / dtype.width().unwrap_or(1);
    let count = if shape.contains(&0) { Some(0) } else { shape.iter().try_fold(1_usize, |n, d| n.checked_mul(*d)) };
    match count {
        Some(count) if count <= most => Ok((shape, count)),
        _ => Err(of(format!("a tensor of {dtype} and shape {dims:?}; the limit is {BYTES_MAX} bytes"))),
    }
}
