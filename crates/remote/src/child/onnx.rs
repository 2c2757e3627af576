//! ONNX Runtime, by `ort`: its library is opened by path when the child starts.

use std::{borrow::Cow, path::Path, sync::Arc};

use model::{
    Tensor, Type, Whole,
    tensor::{Bytes, Data, bf16, f16},
};
use ort::{
    ErrorCode,
    environment::Environment,
    session::{Session, SessionInputValue},
    value::{DynValue, DynValueTypeMarker, PrimitiveTensorElementType, Sequence, TensorElementType, ValueType},
};

use super::{Refusal, Runs};
use crate::wire::{Code, Run};

/// The opened library.
pub(super) struct Engine(Environment);

/// A model of it.
pub(super) struct Model {
    session: Session,
    _environment: Environment,
}

type Made<T> = Result<T, Refusal>;

impl Engine {
    pub(super) fn open(library: &str) -> Made<Engine> {
        let failed = |error: &dyn std::fmt::Display| {
            Refusal::new(Code::Failed, format_args!("engines.onnxruntime = {library:?} is not its library: {error}"))
        };
        let builder = ort::init_from(library).map_err(|error| failed(&error))?;
        let environment = builder.with_telemetry(false).build().map_err(|error| failed(&error))?;
        Ok(Engine(environment))
    }

    /// Loads a model; what its file names beside it is read below the file's folder.
    pub(super) fn load(self, file: &Path, threads: u32) -> Made<Model> {
        let built = || -> Result<Session, ort::Error> {
            let builder = Session::builder(&self.0)?;
            let builder = builder.with_intra_threads(threads.max(1) as usize)?;
            let mut builder = builder.with_inter_threads(1)?;
            builder.commit_from_file(file)
        };
        let session = built().map_err(|error| refusal(&error))?;
        Ok(Model { session, _environment: self.0 })
    }
}

fn refusal(error: &ort::Error) -> Refusal {
    let code = match error.code() {
        ErrorCode::InvalidArgument => Code::Invalid,
        ErrorCode::NotImplemented => Code::Unimplemented,
        _ => Code::Failed,
    };
    Refusal::new(code, error.message())
}

fn unknown(what: impl std::fmt::Display) -> Refusal {
    Refusal::new(Code::Unimplemented, format_args!("{what} has no counterpart here"))
}

impl Runs for Model {
    fn version(&self) -> String {
        ort::info().to_owned()
    }

    fn types(&self, outputs: &[String]) -> Vec<Option<Type>> {
        let ty = |name: &String| {
            let outlet = self.session.outputs().iter().find(|outlet| outlet.name() == name)?;
            whole_type(outlet.dtype())
        };
        outputs.iter().map(ty).collect()
    }

    fn run(&mut self, run: &Run) -> Made<Vec<Whole>> {
        let mut inputs: Vec<(Cow<'_, str>, SessionInputValue<'_>)> = Vec::with_capacity(run.inputs.len());
        for (name, whole) in &run.inputs {
            inputs.push((name.as_str().into(), given(whole)?.into()));
        }
        let answers = self.session.run(inputs).map_err(|error| refusal(&error))?;
        let value = |name: &String| {
            let value = answers.get(name);
            value.ok_or_else(|| Refusal::new(Code::Failed, format_args!("the model has no output `{name}`")))
        };
        run.outputs.iter().map(|name| taken(value(name)?)).collect()
    }
}

/// Returns the type of a whole value, where it is one of ours.
fn whole_type(ty: &ValueType) -> Option<Type> {
    match ty {
        ValueType::Tensor { ty, .. } => element(*ty),
        _ => None,
    }
}

fn element(ty: TensorElementType) -> Option<Type> {
    use model::DType;
    Some(Type::scalar(match ty {
        TensorElementType::Bool => DType::Bool,
        TensorElementType::Int8 => DType::I8,
        TensorElementType::Int16 => DType::I16,
        TensorElementType::Int32 => DType::I32,
        TensorElementType::Int64 => DType::I64,
        TensorElementType::Uint8 => DType::U8,
        TensorElementType::Uint16 => DType::U16,
        TensorElementType::Uint32 => DType::U32,
        TensorElementType::Uint64 => DType::U64,
        TensorElementType::Float16 => DType::F16,
        TensorElementType::Bfloat16 => DType::BF16,
        TensorElementType::Float32 => DType::F32,
        TensorElementType::Float64 => DType::F64,
        TensorElementType::String => return Some(Type::Bytes),
        _ => return None,
    }))
}

/// Returns a value as ONNX Runtime takes it.
fn given(whole: &Whole) -> Made<DynValue> {
    match whole {
        Whole::Tensor(tensor) => tensor_given(tensor),
        Whole::Sequence(items) if !items.is_empty() => {
            let items: Vec<DynValue> = items.iter().map(given).collect::<Made<_>>()?;
            Sequence::new(items).map(|sequence| sequence.into_dyn()).map_err(|error| refusal(&error))
        }
        other => Err(unknown(format_args!("{} as an input", other.kind()))),
    }
}

fn tensor_given(tensor: &Tensor) -> Made<DynValue> {
    fn of<T: PrimitiveTensorElementType + Clone + std::fmt::Debug + 'static>(
        shape: Vec<i64>,
        elements: &[T],
    ) -> Result<DynValue, ort::Error> {
        Ok(ort::value::Tensor::from_array((shape, elements.to_vec()))?.into_dyn())
    }
    let shape: Vec<i64> = tensor.shape().iter().map(|dim| *dim as i64).collect();
    let made = match tensor.data() {
        Data::Bool(e) => of(shape, e),
        Data::I8(e) => of(shape, e),
        Data::I16(e) => of(shape, e),
        Data::I32(e) => of(shape, e),
        Data::I64(e) => of(shape, e),
        Data::U8(e) => of(shape, e),
        Data::U16(e) => of(shape, e),
        Data::U32(e) => of(shape, e),
        Data::U64(e) => of(shape, e),
        Data::F16(e) => of(shape, e),
        Data::BF16(e) => of(shape, e),
        Data::F32(e) => of(shape, e),
        Data::F64(e) => of(shape, e),
        Data::C64(_) => return Err(unknown("a tensor of complex64")),
        Data::Bytes(e) => {
            let texts = e.iter().map(|text| String::from_utf8(text.to_vec()));
            let texts: Vec<String> =
                texts.collect::<Result<_, _>>().map_err(|_| unknown("a text that is not UTF-8"))?;
            ort::value::Tensor::from_string_array((shape, texts.as_slice())).map(|tensor| tensor.into_dyn())
        }
    };
    made.map_err(|error| refusal(&error))
}

/// Returns a value of ONNX Runtime as ours.
fn taken(value: &DynValue) -> Made<Whole> {
    let wrong = |error: ort::Error| refusal(&error);
    match value.dtype() {
        ValueType::Tensor { ty, .. } => tensor_taken(value, *ty).map(Whole::Tensor),
        ValueType::Sequence(_) => {
            let items = value.try_extract_sequence::<DynValueTypeMarker>().map_err(wrong)?;
            let items = items.iter().map(taken).collect::<Made<_>>()?;
            Ok(Whole::Sequence(Arc::new(items)))
        }
        ValueType::Map { key, value: of } => map_taken(value, *key, *of).map(|map| Whole::Map(Arc::new(map))),
        other => Err(unknown(format_args!("an output of the type {other}"))),
    }
}

fn sized(shape: &[i64], data: Data) -> Made<Tensor> {
    let dims: Option<Vec<usize>> = shape.iter().map(|dim| usize::try_from(*dim).ok()).collect();
    let tensor = dims.map(|dims| Tensor::new(&dims, data));
    tensor
        .ok_or_else(|| Refusal::new(Code::Failed, "an output has a negative dimension"))?
        .map_err(|error| Refusal::new(Code::Exhausted, error))
}

fn tensor_taken(value: &DynValue, ty: TensorElementType) -> Made<Tensor> {
    fn of<T: PrimitiveTensorElementType + model::tensor::Element>(value: &DynValue) -> Made<Tensor> {
        let (shape, elements) = value.try_extract_tensor::<T>().map_err(|error| refusal(&error))?;
        sized(shape, elements.to_vec().into())
    }
    match ty {
        TensorElementType::Bool => of::<bool>(value),
        TensorElementType::Int8 => of::<i8>(value),
        TensorElementType::Int16 => of::<i16>(value),
        TensorElementType::Int32 => of::<i32>(value),
        TensorElementType::Int64 => of::<i64>(value),
        TensorElementType::Uint8 => of::<u8>(value),
        TensorElementType::Uint16 => of::<u16>(value),
        TensorElementType::Uint32 => of::<u32>(value),
        TensorElementType::Uint64 => of::<u64>(value),
        TensorElementType::Float16 => of::<f16>(value),
        TensorElementType::Bfloat16 => of::<bf16>(value),
        TensorElementType::Float32 => of::<f32>(value),
        TensorElementType::Float64 => of::<f64>(value),
        TensorElementType::String => {
            let (shape, texts) = value.try_extract_strings().map_err(|error| refusal(&error))?;
            sized(shape, texts.into_iter().map(|text| Bytes::from(text.into_bytes())).collect::<Vec<_>>().into())
        }
        other => Err(unknown(format_args!("a tensor of {other}"))),
    }
}

/// Returns the keys and values of a map: of texts or int64 to numbers, as `ZipMap` makes them.
fn map_taken(value: &DynValue, key: TensorElementType, of: TensorElementType) -> Made<(Tensor, Tensor)> {
    use TensorElementType as T;
    let wrong = |error: ort::Error| refusal(&error);
    macro_rules! pairs {
        ($value:ty) => {
            match key {
                T::String => {
                    let pairs = value.try_extract_key_values::<String, $value>().map_err(wrong)?;
                    let (keys, values): (Vec<String>, Vec<$value>) = pairs.into_iter().unzip();
                    let keys: Vec<Bytes> = keys.into_iter().map(|key| key.into_bytes().into()).collect();
                    (Tensor::vector(keys), Tensor::vector(values))
                }
                T::Int64 => {
                    let pairs = value.try_extract_key_values::<i64, $value>().map_err(wrong)?;
                    let (keys, values): (Vec<i64>, Vec<$value>) = pairs.into_iter().unzip();
                    (Tensor::vector(keys), Tensor::vector(values))
                }
                other => return Err(unknown(format_args!("a map by {other}"))),
            }
        };
    }
    Ok(match of {
        T::Float32 => pairs!(f32),
        T::Float64 => pairs!(f64),
        T::Int64 => pairs!(i64),
        other => return Err(unknown(format_args!("a map to {other}"))),
    })
}
