//! What a graph says of its values: `ValueInfoProto`, `TypeProto`, `TensorShapeProto`.

use super::{dtype::Dtype, reader::Reader};
use crate::{ReadError, protobuf::Message};

/// A value's name and type.
#[derive(Debug)]
pub struct ValueInfo<'a> {
    pub name: &'a str,
    /// Absent where the document does not say it.
    pub ty: Option<Type<'a>>,
}

/// The type of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type<'a> {
    /// Without a dtype where the document leaves it open, without a shape where the rank is open.
    Tensor {
        dtype: Option<Dtype>,
        shape: Option<Vec<Dim<'a>>>,
    },
    Sparse {
        dtype: Option<Dtype>,
        shape: Option<Vec<Dim<'a>>>,
    },
    /// Without a type of its elements where the document leaves it open.
    Sequence(Option<Box<Type<'a>>>),
    Map {
        key: Dtype,
        value: Option<Box<Type<'a>>>,
    },
    Optional(Option<Box<Type<'a>>>),
    /// A type that its domain alone knows.
    Opaque {
        domain: &'a str,
        name: &'a str,
    },
}

/// One dimension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dim<'a> {
    Size(u64),
    /// A size of this name; equal names mean equal sizes.
    Named(&'a str),
    Open,
}

// === impl ValueInfo ===

impl<'a> ValueInfo<'a> {
    pub fn read(cx: &Reader<'a>, message: Message<'a>) -> Result<ValueInfo<'a>, ReadError> {
        cx.count_names(1)?;
        let (mut name, mut ty) = ("", None);
        for field in message.fields() {
            let field = field?;
            match field.number {
                1 => name = field.str()?,
                2 => ty = Type::read(cx, field.message()?, 1)?,
                _ => {}
            }
        }
        Ok(ValueInfo { name, ty })
    }
}

// === impl Type ===

impl<'a> Type<'a> {
    /// Returns the type, or none where the message says nothing.
    pub fn read(cx: &Reader<'a>, message: Message<'a>, depth: usize) -> Result<Option<Type<'a>>, ReadError> {
        cx.check_depth(depth)?;
        cx.count_names(1)?;
        let mut ty = None;
        for field in message.fields() {
            let field = field?;
            let element = |number| -> Result<Option<Box<Type<'a>>>, ReadError> {
                let Some(element) = field.message()?.last(number)? else { return Ok(None) };
                Ok(Type::read(cx, element.message()?, depth + 1)?.map(Box::new))
            };
            ty = Some(match field.number {
                1 => {
                    let (dtype, shape) = tensor(cx, field.message()?)?;
                    Type::Tensor { dtype, shape }
                }
                8 => {
                    let (dtype, shape) = tensor(cx, field.message()?)?;
                    Type::Sparse { dtype, shape }
                }
                4 => Type::Sequence(element(1)?),
                9 => Type::Optional(element(1)?),
                5 => {
                    let key = field.message()?.last(1)?.map_or(Ok(0), |key| key.int64())?;
                    let key = Dtype::of(key)
                        .ok_or_else(|| cx.fault("TypeProto.Map", "key_type", "a type of integers or texts", key))?;
                    Type::Map { key, value: element(2)? }
                }
                7 => {
                    let text = |number| field.message()?.last(number)?.map_or(Ok(""), |text| text.str());
                    Type::Opaque { domain: text(1)?, name: text(2)? }
                }
                _ => continue,
            });
        }
        Ok(ty)
    }
}

type Tensor<'a> = (Option<Dtype>, Option<Vec<Dim<'a>>>);

fn tensor<'a>(cx: &Reader<'a>, message: Message<'a>) -> Result<Tensor<'a>, ReadError> {
    let dtype = match message.last(1)?.map_or(Ok(0), |number| number.int64())? {
        0 => None,
        number => Some(
            Dtype::of(number)
                .ok_or_else(|| cx.fault("TypeProto.Tensor", "elem_type", "a type of elements, 1 to 26", number))?,
        ),
    };
    let Some(shape) = message.last(2)? else { return Ok((dtype, None)) };
    let mut dims = Vec::new();
    for dim in shape.message()?.all(1) {
        cx.count_names(1)?;
        dims.push(Dim::read(dim?.message()?)?);
    }
    Ok((dtype, Some(dims)))
}

// === impl Dim ===

impl<'a> Dim<'a> {
    fn read(message: Message<'a>) -> Result<Dim<'a>, ReadError> {
        let mut dim = Dim::Open;
        for field in message.fields() {
            let field = field?;
            match field.number {
                // Exporters write -1 where the size is open.
                1 => dim = u64::try_from(field.int64()?).map_or(Dim::Open, Dim::Size),
                2 => dim = Some(field.str()?).filter(|name| !name.is_empty()).map_or(Dim::Open, Dim::Named),
                _ => {}
            }
        }
        Ok(dim)
    }
}

impl std::fmt::Display for Type<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let of = |f: &mut std::fmt::Formatter<'_>, name: &str, inner: &Option<Box<Type<'_>>>| match inner {
            Some(inner) => write!(f, "{name}({inner})"),
            None => write!(f, "{name}(?)"),
        };
        match self {
            Type::Tensor { dtype, shape } | Type::Sparse { dtype, shape } => {
                if matches!(self, Type::Sparse { .. }) {
                    f.write_str("sparse ")?;
                }
                f.write_str(dtype.map_or("?", Dtype::name))?;
                let Some(shape) = shape else { return Ok(()) };
                let dims: Vec<String> = shape.iter().map(Dim::to_string).collect();
                write!(f, "[{}]", dims.join(","))
            }
            Type::Sequence(inner) => of(f, "sequence", inner),
            Type::Optional(inner) => of(f, "optional", inner),
            Type::Map { key, value } => of(f, &format!("map {key} to "), value),
            Type::Opaque { domain, name } => write!(f, "opaque {domain}.{name}"),
        }
    }
}

impl std::fmt::Display for Dim<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Dim::Size(size) => write!(f, "{size}"),
            Dim::Named(name) => f.write_str(name),
            Dim::Open => f.write_str("?"),
        }
    }
}
