//! `TensorProto`: a tensor within a graph.
//!
//! Its elements lie in `tensor_content` as they lie in memory, or in the field of their type, where the last value stands for
//! all that follow. Half and bfloat16 numbers lie as bits in ints. Quantised types are kept as the ints that they are.

use std::borrow::Cow;

use crate::{ReadError, protobuf::Message};

use super::super::{
    dtype::DType,
    literal::{self, Data, Literal},
};
use super::shape::Shape;

/// Reads a tensor.
pub fn read<'a>(message: Message<'a>) -> Result<Literal<'a>, ReadError> {
    let (mut number, mut shape, mut content) = (0, Shape { dims: Some(Vec::new()), names: Vec::new() }, None);
    for field in message.fields() {
        let field = field?;
        match field.number {
            1 => number = field.int64()?,
            2 => shape = Shape::read(field.message()?)?,
            4 => content = Some(field.bytes()?),
            _ => {}
        }
    }
    let dtype =
        DType::of(number).ok_or_else(|| message.fault(format_args!("a tensor of the unknown type {number}")))?;
    let dims = shape.dims.ok_or_else(|| message.fault("a tensor of unknown rank"))?;
    let (shape, count) = literal::elements(&dims, dtype, &|what| message.fault(what))?;
    let data = match (dtype.width(), content.filter(|content| !content.is_empty())) {
        (Some(width), Some(content)) => {
            if content.len() != count * width {
                let what = format!("{} bytes for a tensor of {dtype} and shape {shape:?}", content.len());
                return Err(message.fault(what));
            }
            Data::Bytes(Cow::Borrowed(content))
        }
        (Some(width), None) => fields(message, dtype, width, count)?,
        (None, None) if dtype == DType::String => texts(message, count)?,
        _ => return Err(message.fault(format_args!("a tensor of {dtype} is not read"))),
    };
    Ok(Literal { dtype, shape, data })
}

/// Reads the field that holds elements of the type.
fn fields<'a>(message: Message<'a>, dtype: DType, width: usize, count: usize) -> Result<Data<'a>, ReadError> {
    let mut bytes = Vec::new();
    let low = |bits: Result<u64, ReadError>| bits.map(|bits| bits.to_le_bytes());
    match dtype {
        DType::Float => gather(&mut bytes, width, message.floats(5).map(|v| v.map(f32::to_le_bytes)))?,
        DType::Double => gather(&mut bytes, width, message.doubles(6).map(|v| v.map(f64::to_le_bytes)))?,
        DType::Complex64 => gather(&mut bytes, 4, message.floats(9).map(|v| v.map(f32::to_le_bytes)))?,
        DType::Complex128 => gather(&mut bytes, 8, message.doubles(12).map(|v| v.map(f64::to_le_bytes)))?,
        DType::Float8E5M2 | DType::Float8E4M3 => {
            for field in message.all(18) {
                bytes.extend_from_slice(field?.bytes()?);
            }
        }
        _ => {
            let field = match dtype {
                DType::Int64 => 10,
                DType::Bool => 11,
                DType::Half | DType::BFloat16 => 13,
                DType::UInt32 => 16,
                DType::UInt64 => 17,
                _ => 7,
            };
            gather(&mut bytes, width, message.varints(field).map(low))?;
        }
    }
    if dtype == DType::Bool {
        bytes.iter_mut().for_each(|byte| *byte = u8::from(*byte != 0));
    }
    if bytes.len() % width != 0 || count * width < bytes.len() {
        let got = bytes.len() / width;
        return Err(message.fault(format_args!("{got} values of {dtype} for a tensor of {count}")));
    }
    Ok(match bytes.len() / width {
        0 => Data::Same(Cow::Owned(vec![0; width])),
        n if n == count => Data::Bytes(bytes.into()),
        1 => Data::Same(bytes.into()),
        _ => {
            let last = bytes[bytes.len() - width..].to_vec();
            bytes.reserve_exact(count * width - bytes.len());
            while bytes.len() < count * width {
                bytes.extend_from_slice(&last);
            }
            Data::Bytes(bytes.into())
        }
    })
}

/// Puts the lowest bytes of each number behind the others.
fn gather<const N: usize>(
    bytes: &mut Vec<u8>,
    width: usize,
    numbers: impl Iterator<Item = Result<[u8; N], ReadError>>,
) -> Result<(), ReadError> {
    for number in numbers {
        bytes.extend_from_slice(&number?[..width]);
    }
    Ok(())
}

/// Most texts that a file may claim without holding them.
const TEXTS_MAX: usize = 1 << 20;

fn texts(message: Message<'_>, count: usize) -> Result<Data<'_>, ReadError> {
    let texts = message.all(8).map(|field| Ok(Cow::Borrowed(field?.bytes()?)));
    let mut texts = texts.collect::<Result<Vec<_>, ReadError>>()?;
    if count < texts.len() {
        return Err(message.fault(format_args!("{} texts for a tensor of {count}", texts.len())));
    }
    if texts.len() < count && TEXTS_MAX < count {
        return Err(
            message.fault(format_args!("{} texts for a tensor of {count}; the limit is {TEXTS_MAX}", texts.len()))
        );
    }
    texts.resize(count, texts.last().cloned().unwrap_or_default());
    Ok(Data::Texts(texts))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bytes: &[u8]) -> Result<Literal<'_>, String> {
        read(Message::new("m", bytes)).map_err(|error| error.to_string())
    }

    #[test]
    fn the_last_value_stands_for_all_that_follow() {
        // int32, shape [4], values 7 and -1.
        let bytes = [8, 3, 0x12, 4, 0x12, 2, 8, 4, 0x3a, 11, 7, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1];
        assert_eq!(of(&bytes).unwrap().ints(), Some(vec![7, -1, -1, -1]));
        // float, shape [3], no value: zeros.
        let zeros = of(&[8, 1, 0x12, 4, 0x12, 2, 8, 3]).unwrap();
        assert_eq!(zeros.whole().unwrap().as_ref(), [0; 12]);
        // half, a scalar, the bits of 1.0.
        let half = of(&[8, 19, 0x12, 0, 0x6a, 3, 0x80, 0x78, 0]).map(|l| l.whole().map(|b| b.to_vec()));
        assert_eq!(half, Err("m: byte 0: 2 values of float16 for a tensor of 1".to_owned()));
        let half = of(&[8, 19, 0x12, 0, 0x6a, 2, 0x80, 0x78]).unwrap();
        assert_eq!(half.whole().unwrap().as_ref(), [0, 0x3c]);
        // texts, shape [2], one value.
        let texts = of(&[8, 7, 0x12, 4, 0x12, 2, 8, 2, 0x42, 1, b'a']).unwrap();
        assert_eq!(texts.texts().unwrap(), [b"a".as_slice(), b"a"]);
    }

    #[test]
    fn sizes_that_do_not_agree_are_refused() {
        let error = of(&[8, 1, 0x12, 4, 0x12, 2, 8, 2, 0x22, 3, 0, 0, 0]).unwrap_err();
        assert_eq!(error, "m: byte 0: 3 bytes for a tensor of float32 and shape [2]");
        let huge = [8, 1, 0x12, 8, 0x12, 6, 8, 0xff, 0xff, 0xff, 0xff, 0x7f];
        assert!(of(&huge).unwrap_err().contains("the limit is"));
        let negative = [8, 1, 0x12, 13, 0x12, 11, 8, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1];
        assert_eq!(of(&negative).unwrap_err(), "m: byte 0: a shape with a negative dimension: [-1]");
        assert!(of(&[8, 99]).is_err());
    }
}
