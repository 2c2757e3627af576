//! Tensors of files as those of plans.

use std::sync::Arc;

use model::{
    DType, Tensor, Type, Whole,
    tensor::{self, Bytes, Complex, Element, bf16, f16},
};

use super::super::{
    dtype::DType as Dtype,
    literal::{Data, Literal},
};

/// Returns the type of elements; none for those that no plan computes on.
pub fn element(dtype: Dtype) -> Option<Type> {
    Some(Type::scalar(match dtype {
        Dtype::Float => DType::F32,
        Dtype::Double => DType::F64,
        Dtype::Half => DType::F16,
        Dtype::BFloat16 => DType::BF16,
        Dtype::Bool => DType::Bool,
        Dtype::Int8 | Dtype::QInt8 => DType::I8,
        Dtype::Int16 | Dtype::QInt16 => DType::I16,
        Dtype::Int32 | Dtype::QInt32 => DType::I32,
        Dtype::Int64 => DType::I64,
        Dtype::UInt8 | Dtype::QUInt8 => DType::U8,
        Dtype::UInt16 | Dtype::QUInt16 => DType::U16,
        Dtype::UInt32 => DType::U32,
        Dtype::UInt64 => DType::U64,
        Dtype::Complex64 => DType::C64,
        Dtype::String => return Some(Type::Bytes),
        Dtype::Complex128 | Dtype::Resource | Dtype::Variant | Dtype::Float8E5M2 | Dtype::Float8E4M3 => return None,
    }))
}

/// Returns the tensor; `Err` says why not.
pub fn tensor(literal: &Literal<'_>) -> Result<Tensor, String> {
    let data = match (&literal.data, literal.whole()) {
        (Data::Texts(texts), _) => texts.iter().map(|text| Bytes::from(&text[..])).collect::<Vec<_>>().into(),
        (_, Some(bytes)) => {
            numbers(literal.dtype, &bytes).ok_or_else(|| format!("a tensor of {} is not computed on", literal.dtype))?
        }
        _ => return Err("has no elements".to_owned()),
    };
    Tensor::new(&literal.shape, data).map_err(|error| error.to_string())
}

fn numbers(dtype: Dtype, bytes: &[u8]) -> Option<tensor::Data> {
    fn of<const N: usize, T: Element>(bytes: &[u8], read: impl Fn([u8; N]) -> T) -> tensor::Data {
        let (chunks, _) = bytes.as_chunks::<N>();
        chunks.iter().map(|chunk| read(*chunk)).collect::<Vec<T>>().into()
    }
    Some(match element(dtype)?.as_scalar()? {
        DType::F32 => of(bytes, f32::from_le_bytes),
        DType::F64 => of(bytes, f64::from_le_bytes),
        DType::F16 => of(bytes, |b| f16::from_bits(u16::from_le_bytes(b))),
        DType::BF16 => of(bytes, |b| bf16::from_bits(u16::from_le_bytes(b))),
        DType::Bool => of(bytes, |[b]| b != 0),
        DType::U8 => of(bytes, u8::from_le_bytes),
        DType::I8 => of(bytes, i8::from_le_bytes),
        DType::U16 => of(bytes, u16::from_le_bytes),
        DType::I16 => of(bytes, i16::from_le_bytes),
        DType::U32 => of(bytes, u32::from_le_bytes),
        DType::I32 => of(bytes, i32::from_le_bytes),
        DType::U64 => of(bytes, u64::from_le_bytes),
        DType::I64 => of(bytes, i64::from_le_bytes),
        DType::C64 => of(bytes, |b: [u8; 8]| {
            let bits = u64::from_le_bytes(b);
            Complex { re: f32::from_bits(bits as u32), im: f32::from_bits((bits >> 32) as u32) }
        }),
        DType::Date | DType::Timestamp | DType::Decimal(..) => return None,
    })
}

/// Returns a whole number as a scalar of the dtype; none for what holds no numbers.
pub fn scalar(dtype: DType, value: f64) -> Option<Whole> {
    Some(Whole::Tensor(match dtype {
        DType::F32 => Tensor::scalar(value as f32),
        DType::F64 => Tensor::scalar(value),
        DType::F16 => Tensor::scalar(f16::from_f64(value)),
        DType::BF16 => Tensor::scalar(bf16::from_f64(value)),
        DType::I8 => Tensor::scalar(value as i8),
        DType::I16 => Tensor::scalar(value as i16),
        DType::I32 => Tensor::scalar(value as i32),
        DType::I64 => Tensor::scalar(value as i64),
        DType::U8 => Tensor::scalar(value as u8),
        DType::U16 => Tensor::scalar(value as u16),
        DType::U32 => Tensor::scalar(value as u32),
        DType::U64 => Tensor::scalar(value as u64),
        DType::Bool => Tensor::scalar(value != 0.0),
        _ => return None,
    }))
}

/// Returns a scalar text.
pub fn text(text: &[u8]) -> Whole {
    Whole::Tensor(Tensor::scalar(Arc::<[u8]>::from(text)))
}
