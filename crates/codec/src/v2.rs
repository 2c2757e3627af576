//! The Open Inference Protocol V2 as JSON: named tensors in, named tensors out.
//!
//! A request is `{"id"?, "inputs": [{"name", "shape", "datatype", "data"}], "outputs"?: [{"name"}]}`; its rows are the first
//! dimension. A column of numbers, truth values or texts is a tensor `[n]`, one of vectors `[n, size]`, one of lists `[n, len]`.
//! What tensors cannot say (sparse vectors, lists of different lengths, structs) is `BYTES [n]`, each element the row's value
//! as JSON; answers mark such outputs with the parameter `content_type`. Dates and timestamps are texts in ISO-8601.
//! Beyond the protocol, `null` in `data` is null, and `"NaN"`, `"Infinity"`, `"-Infinity"` stand for the numbers that JSON
//! does not have. An element of BYTES is a string, or `{"b64": ".."}` where it is not UTF-8.
//!
//! Tensors may also lie in binary behind the JSON ([`Request::parse_binary`], [`encode_mixed`]) or come by gRPC ([`Elements`],
//! [`Output`]).
//!
//! Source: the protocol's `specification/protocol/inference_rest.md`.

mod answer;
mod data;
mod fit;
mod mixed;
mod raw;
mod request;
#[cfg(test)]
mod tests;

use model::{DType, Field, Type};

pub use answer::{Head, encode, encode_table};
pub use mixed::{Forms, encode_mixed, encode_mixed_table};
pub use raw::{Elements, Output, outputs, outputs_of};
pub use request::Request;

/// The parameter of a tensor whose elements are JSON texts, and its value.
pub const CONTENT_TYPE: (&str, &str) = ("content_type", "application/json");

/// A tensor's element type, by the protocol's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Datatype {
    /// A number or truth value.
    Of(DType),
    /// Texts, and bytes of any kind.
    Bytes,
}

const NAMES: [(&str, Datatype); 14] = [
    ("BOOL", Datatype::Of(DType::Bool)),
    ("INT8", Datatype::Of(DType::I8)),
    ("INT16", Datatype::Of(DType::I16)),
    ("INT32", Datatype::Of(DType::I32)),
    ("INT64", Datatype::Of(DType::I64)),
    ("UINT8", Datatype::Of(DType::U8)),
    ("UINT16", Datatype::Of(DType::U16)),
    ("UINT32", Datatype::Of(DType::U32)),
    ("UINT64", Datatype::Of(DType::U64)),
    ("FP16", Datatype::Of(DType::F16)),
    ("BF16", Datatype::Of(DType::BF16)),
    ("FP32", Datatype::Of(DType::F32)),
    ("FP64", Datatype::Of(DType::F64)),
    ("BYTES", Datatype::Bytes),
];

impl Datatype {
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(_, datatype)| *datatype == self).map_or("BYTES", |(name, _)| name)
    }

    pub fn from_name(name: &str) -> Option<Datatype> {
        NAMES.iter().find(|(known, _)| *known == name).map(|(_, datatype)| *datatype)
    }

    /// Returns whether the elements are floats.
    fn is_float(self) -> bool {
        matches!(self, Datatype::Of(DType::F16 | DType::BF16 | DType::F32 | DType::F64))
    }

    /// Returns the column type of single elements.
    fn ty(self) -> Type {
        match self {
            // Half precision, which JSON carries as any number: read as float32.
            Datatype::Of(DType::F16 | DType::BF16) => Type::F32,
            Datatype::Of(dtype) => Type::scalar(dtype),
            Datatype::Bytes => Type::Bytes,
        }
    }

    /// Returns the datatype of single values of this type; dates and the like are texts.
    fn of(ty: &Type) -> Datatype {
        match ty {
            Type::Fixed { dtype: DType::Date | DType::Timestamp, .. } => Datatype::Bytes,
            Type::Fixed { dtype, .. } => Datatype::Of(*dtype),
            Type::Vector { .. } => Datatype::Of(DType::F64),
            _ => Datatype::Bytes,
        }
    }
}

/// How a column stands in a tensor, as metadata show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorType {
    pub datatype: Datatype,
    /// The rows first; `-1` is a length that is not known or differs.
    pub shape: Vec<i64>,
    /// Each element is the row's value as JSON.
    pub is_json: bool,
}

impl TensorType {
    /// Returns the tensor of a column (or of a whole value) of this type that a model gives.
    pub fn of_output(ty: &Type, whole: bool) -> TensorType {
        let rows = (!whole).then_some(-1);
        let is_json = matches!(ty, Type::List(_) | Type::Struct(_) | Type::Map(..));
        let inner = if is_json { Vec::new() } else { ty.row_shape() };
        TensorType { datatype: Datatype::of(ty), shape: rows.into_iter().chain(inner).collect(), is_json }
    }

    /// Returns the tensor of a field.
    pub fn of(field: &Field, input: bool) -> TensorType {
        let ty = match input {
            true => TensorType::of_input(field.ty(), field.whole),
            false => TensorType::of_output(field.ty(), field.whole),
        };
        match field.declared.as_ref().and_then(|declared| declared.shape.as_ref()) {
            Some(shape) => TensorType { shape: shape.to_vec(), ..ty },
            None => ty,
        }
    }

    /// Returns the tensor of an input: lists of single values may be tensors there.
    pub fn of_input(ty: &Type, whole: bool) -> TensorType {
        match ty {
            Type::List(item) if is_single(item) => {
                TensorType { datatype: Datatype::of(item), shape: vec![-1, -1], is_json: false }
            }
            ty => TensorType::of_output(ty, whole),
        }
    }
}

pub(crate) fn is_single(ty: &Type) -> bool {
    ty.as_scalar().is_some() || matches!(ty, Type::Text | Type::Bytes)
}
