//! Constants and types of a document as those of a plan.

use std::sync::Arc;

use model::{DType, Declared, Tensor, Type, Whole, tensor};
use plan::tensor::{Narrow, Toward};

use super::super::{
    dtype::Dtype,
    graph::Constant,
    reader::Reader,
    tensor::{Tensor as Proto, Values},
    types,
};
use crate::ReadError;

/// Returns what a type of few bits is, where it is one.
pub fn narrow(dtype: Dtype) -> Option<Narrow> {
    let int = |bits, signed| Narrow::Int { bits, signed };
    Some(match dtype {
        Dtype::Float8E4M3Fn => Narrow::E4M3Fn,
        Dtype::Float8E4M3FnUz => Narrow::E4M3FnUz,
        Dtype::Float8E5M2 => Narrow::E5M2,
        Dtype::Float8E5M2FnUz => Narrow::E5M2FnUz,
        Dtype::Float4E2M1 => Narrow::E2M1,
        Dtype::Float8E8M0 => Narrow::E8M0(Toward::Up),
        Dtype::Uint4 => int(4, false),
        Dtype::Int4 => int(4, true),
        Dtype::Uint2 => int(2, false),
        Dtype::Int2 => int(2, true),
        _ => return None,
    })
}

/// Returns the type of elements; none for those that no plan computes on.
pub fn element(dtype: Dtype) -> Option<Type> {
    if let Some(narrow) = narrow(dtype) {
        return Some(Type::scalar(narrow.held_by()));
    }
    Some(Type::scalar(match dtype {
        Dtype::Float32 => DType::F32,
        Dtype::Float64 => DType::F64,
        Dtype::Float16 => DType::F16,
        Dtype::Bfloat16 => DType::BF16,
        Dtype::Bool => DType::Bool,
        Dtype::Uint8 => DType::U8,
        Dtype::Int8 => DType::I8,
        Dtype::Uint16 => DType::U16,
        Dtype::Int16 => DType::I16,
        Dtype::Uint32 => DType::U32,
        Dtype::Int32 => DType::I32,
        Dtype::Uint64 => DType::U64,
        Dtype::Int64 => DType::I64,
        Dtype::Complex64 => DType::C64,
        Dtype::String => return Some(Type::Bytes),
        _ => return None,
    }))
}

/// Returns the type of a whole value; none where the document leaves it open or no plan computes on it.
pub fn whole_type(ty: &types::Type<'_>) -> Option<Type> {
    match ty {
        types::Type::Tensor { dtype, .. } => element((*dtype)?),
        types::Type::Sequence(item) => Some(Type::list(whole_type(item.as_deref()?)?)),
        types::Type::Optional(inner) => whole_type(inner.as_deref()?),
        types::Type::Map { key, value } => {
            Some(Type::Map(Box::new(element(*key)?), Box::new(whole_type(value.as_deref()?)?)))
        }
        types::Type::Sparse { .. } | types::Type::Opaque { .. } => None,
    }
}

/// Returns the dimensions as far as they are known, where the document says their number.
pub fn dims(ty: &types::Type<'_>) -> Option<Vec<Option<usize>>> {
    let dim = |dim: &types::Dim<'_>| match dim {
        types::Dim::Size(size) => usize::try_from(*size).ok(),
        types::Dim::Named(_) | types::Dim::Open => None,
    };
    match ty {
        types::Type::Tensor { shape, .. } => Some(shape.as_ref()?.iter().map(dim).collect()),
        _ => None,
    }
}

/// Returns what the document says of a named value, for metadata.
pub fn declared(name: &str, ty: Option<&types::Type<'_>>) -> Declared {
    let dim = |dim: &types::Dim<'_>| match dim {
        types::Dim::Size(size) => i64::try_from(*size).unwrap_or(-1),
        types::Dim::Named(_) | types::Dim::Open => -1,
    };
    let shape = match ty {
        Some(types::Type::Tensor { shape: Some(shape), .. }) => Some(shape.iter().map(dim).collect()),
        _ => None,
    };
    Declared { tensor: name.into(), shape }
}

/// Returns the tensor of a constant.
pub fn constant<'d>(cx: &Reader<'d>, constant: Constant<'d>) -> Result<Tensor, ReadError> {
    match constant {
        Constant::Dense(proto) => dense(cx, proto),
        Constant::Sparse(sparse) => {
            let values = dense(cx, &sparse.values)?;
            let places = sparse.places(cx)?;
            let width = values.dtype().map_or(size_of::<tensor::Bytes>(), DType::width);
            cx.count_bytes(sparse.len.saturating_mul(width))?;
            let data = model::each_element!(values.data(), elements => spread(elements, &places, sparse.len));
            Tensor::new(&sparse.dims, data).map_err(|error| wrong(cx, sparse.values.name, &error))
        }
    }
}

fn spread<T: tensor::Element>(values: &[T], places: &[usize], len: usize) -> tensor::Data {
    let mut all = vec![T::default(); len];
    for (value, place) in values.iter().zip(places) {
        all[*place] = value.clone();
    }
    all.into()
}

fn wrong(cx: &Reader<'_>, name: &str, error: &tensor::TensorError) -> ReadError {
    cx.fault("TensorProto", &format!("dims of `{name}`"), "a tensor that can be computed on", error)
}

/// Returns the tensor that a document writes out.
pub fn dense<'d>(cx: &Reader<'d>, proto: &Proto<'d>) -> Result<Tensor, ReadError> {
    let data: tensor::Data = match proto.values(cx)? {
        Values::Strings(texts) => texts.into_iter().map(tensor::Bytes::from).collect::<Vec<_>>().into(),
        Values::Bytes(bytes) => match narrow(proto.dtype).filter(|narrow| narrow.held_by() == DType::F32) {
            Some(narrow) => {
                cx.count_bytes(bytes.len().saturating_mul(4))?;
                bytes.iter().map(|bits| narrow.value(*bits)).collect::<Vec<f32>>().into()
            }
            None => numbers(proto.dtype, &bytes).ok_or_else(|| {
                cx.unimplemented("TensorProto", format!("constants of {} (tensor `{}`)", proto.dtype, proto.name))
            })?,
        },
    };
    Tensor::new(&proto.dims, data).map_err(|error| wrong(cx, proto.name, &error))
}

fn numbers(dtype: Dtype, bytes: &[u8]) -> Option<tensor::Data> {
    fn of<const N: usize, T: tensor::Element>(bytes: &[u8], read: impl Fn([u8; N]) -> T) -> tensor::Data {
        let (chunks, _) = bytes.as_chunks::<N>();
        chunks.iter().map(|chunk| read(*chunk)).collect::<Vec<T>>().into()
    }
    Some(match dtype {
        Dtype::Float32 => of(bytes, f32::from_le_bytes),
        Dtype::Float64 => of(bytes, f64::from_le_bytes),
        Dtype::Float16 => of(bytes, |b| tensor::f16::from_bits(u16::from_le_bytes(b))),
        Dtype::Bfloat16 => of(bytes, |b| tensor::bf16::from_bits(u16::from_le_bytes(b))),
        Dtype::Bool => of(bytes, |[b]| b != 0),
        Dtype::Uint8 | Dtype::Uint4 | Dtype::Uint2 => of(bytes, u8::from_le_bytes),
        Dtype::Int8 | Dtype::Int4 | Dtype::Int2 => of(bytes, i8::from_le_bytes),
        Dtype::Uint16 => of(bytes, u16::from_le_bytes),
        Dtype::Int16 => of(bytes, i16::from_le_bytes),
        Dtype::Uint32 => of(bytes, u32::from_le_bytes),
        Dtype::Int32 => of(bytes, i32::from_le_bytes),
        Dtype::Uint64 => of(bytes, u64::from_le_bytes),
        Dtype::Int64 => of(bytes, i64::from_le_bytes),
        Dtype::Complex64 => of(bytes, |b: [u8; 8]| {
            let [r0, r1, r2, r3, i0, i1, i2, i3] = b;
            tensor::Complex { re: f32::from_le_bytes([r0, r1, r2, r3]), im: f32::from_le_bytes([i0, i1, i2, i3]) }
        }),
        _ => return None,
    })
}

/// Returns a whole number as a scalar of the dtype; none for what holds no numbers.
pub fn scalar(dtype: DType, value: f64) -> Option<Whole> {
    Some(Whole::Tensor(match dtype {
        DType::F32 => Tensor::scalar(value as f32),
        DType::F64 => Tensor::scalar(value),
        DType::F16 => Tensor::scalar(tensor::f16::from_f64(value)),
        DType::BF16 => Tensor::scalar(tensor::bf16::from_f64(value)),
        DType::I8 => Tensor::scalar(value as i8),
        DType::I16 => Tensor::scalar(value as i16),
        DType::I32 => Tensor::scalar(value as i32),
        DType::I64 => Tensor::scalar(value as i64),
        DType::U8 => Tensor::scalar(value as u8),
        DType::U16 => Tensor::scalar(value as u16),
        DType::U32 => Tensor::scalar(value as u32),
        DType::U64 => Tensor::scalar(value as u64),
        _ => return None,
    }))
}

/// Returns a vector of int64.
pub fn ints(values: Vec<i64>) -> Whole {
    Whole::Tensor(Tensor::vector(values))
}

/// Returns a vector of texts.
pub fn texts(values: &[&[u8]]) -> Whole {
    Whole::Tensor(Tensor::vector(values.iter().map(|text| Arc::from(*text)).collect::<Vec<tensor::Bytes>>()))
}
