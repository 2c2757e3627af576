//! TensorFlow's `TensorProto`, in and out.
//!
//! Elements stand in `tensor_content` as bytes, or in the field of their type; there fewer values than elements mean that the last one
//! goes on to the end, and none that all are zero, as `Tensor::FromProto` has it.

use std::borrow::Cow;

use codec::v2::{Datatype, Elements, Output, Request};
use model::{DType, Kind};
use wire::tensorflow::{DataType, TensorProto, TensorShapeProto, tensor_shape_proto::Dim};

use crate::{api::tfs::words::worded, error::ServeError};

const TYPES: [(DataType, Datatype); 14] = [
    (DataType::DtFloat, Datatype::Of(DType::F32)),
    (DataType::DtDouble, Datatype::Of(DType::F64)),
    (DataType::DtInt32, Datatype::Of(DType::I32)),
    (DataType::DtUint8, Datatype::Of(DType::U8)),
    (DataType::DtInt16, Datatype::Of(DType::I16)),
    (DataType::DtInt8, Datatype::Of(DType::I8)),
    (DataType::DtString, Datatype::Bytes),
    (DataType::DtInt64, Datatype::Of(DType::I64)),
    (DataType::DtBool, Datatype::Of(DType::Bool)),
    (DataType::DtBfloat16, Datatype::Of(DType::BF16)),
    (DataType::DtUint16, Datatype::Of(DType::U16)),
    (DataType::DtHalf, Datatype::Of(DType::F16)),
    (DataType::DtUint32, Datatype::Of(DType::U32)),
    (DataType::DtUint64, Datatype::Of(DType::U64)),
];

/// Adds a tensor to a request. Values that go on to the end may take so many bytes.
pub(super) fn push(
    request: &mut Request,
    name: &str,
    tensor: &TensorProto,
    bytes_max: usize,
) -> Result<(), ServeError> {
    let invalid = |what: &str| worded(Kind::InvalidArgument, format!("Tensor proto of input {name}: {what}"));
    let dtype = tensor.dtype();
    let Some((_, datatype)) = TYPES.iter().find(|(known, _)| *known == dtype) else {
        return Err(worded(Kind::Unimplemented, format!("input {name} of {}", dtype.as_str_name())));
    };
    let shape = tensor.tensor_shape.as_ref();
    if shape.is_some_and(|shape| shape.unknown_rank) {
        return Err(invalid("a shape of unknown rank"));
    }
    let dims: Vec<i64> = shape.map_or(Vec::new(), |shape| shape.dim.iter().map(|dim| dim.size).collect());
    let known = |n: usize, &dim: &i64| n.checked_mul(usize::try_from(dim).ok()?);
    let count = dims.iter().try_fold(1usize, known).ok_or_else(|| invalid("a shape that no tensor has"))?;
    let mut push = |elements: Elements<'_>| Ok(request.push(name, datatype.name(), &dims, elements)?);
    let width = if let Datatype::Of(dtype) = datatype { dtype.width() } else { 1 };
    if !tensor.tensor_content.is_empty() {
        if dtype != DataType::DtString {
            return push(Elements::Raw(&tensor.tensor_content));
        }
        let texts = string_list(&tensor.tensor_content, count).ok_or_else(|| invalid("broken strings"))?;
        return push(Elements::Bytes(&texts));
    }
    if count.saturating_mul(width) > bytes_max {
        return Err(invalid("more elements than a request may have (server.body_bytes_max)"));
    }
    match dtype {
        DataType::DtFloat => push(Elements::F32(&full(&tensor.float_val, count))),
        DataType::DtDouble => push(Elements::F64(&full(&tensor.double_val, count))),
        DataType::DtInt64 => push(Elements::I64(&full(&tensor.int64_val, count))),
        DataType::DtBool => push(Elements::Bool(&full(&tensor.bool_val, count))),
        DataType::DtUint32 => push(Elements::U32(&full(&tensor.uint32_val, count))),
        DataType::DtUint64 => push(Elements::U64(&full(&tensor.uint64_val, count))),
        DataType::DtHalf | DataType::DtBfloat16 => {
            let bits = full(&tensor.half_val, count);
            push(Elements::Raw(&bits.iter().flat_map(|&bits| (bits as u16).to_le_bytes()).collect::<Vec<u8>>()))
        }
        DataType::DtString => {
            let last = tensor.string_val.last().map_or(0, Vec::len);
            if count.saturating_sub(tensor.string_val.len()).saturating_mul(last) > bytes_max {
                return Err(invalid("more bytes than a request may have (server.body_bytes_max)"));
            }
            push(Elements::Bytes(&full(&tensor.string_val, count)))
        }
        _ => push(Elements::I32(&full(&tensor.int_val, count))),
    }
}

/// Returns so many values: the first ones, or the last one again and again.
fn full<T: Clone + Default>(values: &[T], count: usize) -> Cow<'_, [T]> {
    match values.get(..count) {
        Some(values) => Cow::Borrowed(values),
        None => {
            let mut all = values.to_vec();
            all.resize(count, values.last().cloned().unwrap_or_default());
            Cow::Owned(all)
        }
    }
}

/// Returns the strings of a `tensor_content`: all lengths as varints, then all bytes.
fn string_list(mut bytes: &[u8], count: usize) -> Option<Vec<Vec<u8>>> {
    if count > bytes.len() {
        return None;
    }
    let mut lengths = Vec::with_capacity(count);
    for _ in 0..count {
        let (mut length, mut shift) = (0u64, 0);
        loop {
            let (&byte, rest) = bytes.split_first()?;
            bytes = rest;
            length |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            match byte & 0x80 {
                0 => break,
                _ if shift > 28 => return None,
                _ => {}
            }
        }
        lengths.push(usize::try_from(length).ok()?);
    }
    let mut texts = Vec::with_capacity(count);
    for length in lengths {
        let (text, rest) = bytes.split_at_checked(length)?;
        texts.push(text.to_vec());
        bytes = rest;
    }
    bytes.is_empty().then_some(texts)
}

/// Returns an output, its elements in the field of their type.
pub(super) fn tensor(output: &Output) -> TensorProto {
    fn each<T, const N: usize>(bytes: &[u8], of: impl Fn([u8; N]) -> T) -> Vec<T> {
        bytes.as_chunks().0.iter().map(|&chunk| of(chunk)).collect()
    }
    let dim = |&size: &usize| Dim { size: size as i64, name: String::new() };
    let shape = TensorShapeProto { dim: output.shape.iter().map(dim).collect(), unknown_rank: false };
    let dtype =
        TYPES.iter().find(|(_, known)| *known == output.datatype).map_or(DataType::DtString, |(dtype, _)| *dtype);
    let mut to = TensorProto { dtype: dtype.into(), tensor_shape: Some(shape), ..TensorProto::default() };
    let data = &output.data[..];
    match dtype {
        DataType::DtFloat => to.float_val = each(data, f32::from_le_bytes),
        DataType::DtDouble => to.double_val = each(data, f64::from_le_bytes),
        DataType::DtInt32 => to.int_val = each(data, i32::from_le_bytes),
        DataType::DtInt16 => to.int_val = each(data, |b| i16::from_le_bytes(b).into()),
        DataType::DtUint16 => to.int_val = each(data, |b| u16::from_le_bytes(b).into()),
        DataType::DtHalf | DataType::DtBfloat16 => to.half_val = each(data, |b| u16::from_le_bytes(b).into()),
        DataType::DtInt8 => to.int_val = data.iter().map(|&byte| (byte as i8).into()).collect(),
        DataType::DtUint8 => to.int_val = data.iter().map(|&byte| byte.into()).collect(),
        DataType::DtInt64 => to.int64_val = each(data, i64::from_le_bytes),
        DataType::DtBool => to.bool_val = data.iter().map(|&byte| byte != 0).collect(),
        DataType::DtUint32 => to.uint32_val = each(data, u32::from_le_bytes),
        DataType::DtUint64 => to.uint64_val = each(data, u64::from_le_bytes),
        _ => to.string_val = output.texts().map(<[u8]>::to_vec).collect(),
    }
    to
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fewer_values_go_on_to_the_end() {
        assert_eq!(*full(&[1, 2], 4), [1, 2, 2, 2]);
        assert_eq!(*full(&[1, 2, 3], 2), [1, 2]);
        assert_eq!(*full::<i32>(&[], 2), [0, 0]);
    }

    #[test]
    fn strings_as_content() {
        assert_eq!(string_list(&[1, 0, 2, b'a', b'b', b'c'], 3).unwrap(), [&b"a"[..], b"", b"bc"]);
        for broken in [&[2, b'a'][..], &[1, b'a', b'b'], &[0xff, 0xff, 0xff, 0xff, 0xff, 1], &[]] {
            assert_eq!(string_list(broken, 1), None, "{broken:?}");
        }
    }

    #[test]
    fn tensors_come_back_as_they_went() {
        for (dtype, datatype) in TYPES {
            let width = if let Datatype::Of(dtype) = datatype { dtype.width() } else { 0 };
            let data = if width == 0 { vec![1, 0, 0, 0, b'a', 0, 0, 0, 0] } else { vec![1; 2 * width] };
            let shape = Some(TensorShapeProto { dim: vec![Dim { size: 2, name: String::new() }], unknown_rank: false });
            let sent = if width == 0 {
                TensorProto { string_val: vec![b"a".to_vec(), Vec::new()], ..TensorProto::default() }
            } else {
                TensorProto { tensor_content: data, ..TensorProto::default() }
            };
            let sent = TensorProto { dtype: dtype.into(), tensor_shape: shape, ..sent };
            let mut request = Request::new(None);
            push(&mut request, "x", &sent, 100).unwrap();
            let hostile = |size: i64| TensorProto {
                tensor_content: Vec::new(),
                tensor_shape: Some(TensorShapeProto {
                    dim: vec![Dim { size, name: String::new() }; 2],
                    unknown_rank: false,
                }),
                ..sent.clone()
            };
            for size in [-1, 1 << 40, i64::MAX] {
                assert!(push(&mut Request::new(None), "x", &hostile(size), 100).is_err(), "{dtype:?} {size}");
            }
        }
    }
}
