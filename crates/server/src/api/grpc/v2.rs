//! `inference.GRPCInferenceService`: the Open Inference Protocol V2 over gRPC.
//!
//! Tensors go through [`codec::v2`] as those of REST do. A request whose tensors are raw is answered with raw tensors, another with
//! typed contents; half precision is always raw, for which there is no other field.

use bytes::Bytes;
use codec::v2::{Datatype, Elements, Output, Request, TensorType, outputs, outputs_of};
use gateway::Routed;
use model::{Batch, DType, Field, Kind, PredictError, Predictor, Table};
use registry::State::Available;
use wire::{
    Message,
    head::{InferInput, ModelInferHead, ModelInferParts},
    inference::{
        InferParameter, InferTensorContents, ModelInferResponse, ModelMetadataRequest, ModelMetadataResponse,
        ModelReadyRequest, ModelReadyResponse, ModelStreamInferResponse, ServerLiveResponse, ServerMetadataResponse,
        ServerReadyResponse, infer_parameter::ParameterChoice, model_infer_request::InferRequestedOutputTensor,
        model_infer_response::InferOutputTensor, model_metadata_response::TensorMetadata,
    },
};

use super::{
    Called,
    frame::{framed, misread, read},
};
use crate::{
    api::v2::{EXTENSIONS, parse_version, server_ready as rest_ready},
    error::{ServeError, asked},
    metrics::Counted,
    predict::{self, Ask, Decoded, Wire},
    state::State,
};

/// Answers a call of ModelInfer with its framed message.
pub(super) async fn infer(
    called: &Called<'_>,
    message: Bytes,
    counted: &mut Counted<'_>,
) -> Result<Vec<u8>, ServeError> {
    infer_as(called, message, counted, false).await
}

/// Answers a request of ModelStreamInfer with its framed message.
pub(super) async fn infer_in_stream(
    called: &Called<'_>,
    message: Bytes,
    counted: &mut Counted<'_>,
) -> Result<Vec<u8>, ServeError> {
    infer_as(called, message, counted, true).await
}

async fn infer_as(
    called: &Called<'_>,
    message: Bytes,
    counted: &mut Counted<'_>,
    in_stream: bool,
) -> Result<Vec<u8>, ServeError> {
    let Called { state, context, .. } = called;
    let head: ModelInferHead = read(&message)?;
    let model = called.model(&head.model_name, parse_version(&head.model_version)?).await?;
    counted.set_model(state.models.of(model.name()));
    let mut ask = Ask::new(model, None, None)?;
    ask.timeout = called.timeout()?;
    let (model, rows_max) = (ask.model.clone(), state.config.rows_max);
    let tensors = Tensors { model, id: String::new(), raw: false, classes: Vec::new(), in_stream, rows_max };
    let result = predict::answer(state, context, ask, tensors, message).await;
    counted.count(&result);
    result.map(|(bytes, _)| bytes)
}

/// One call's tensors.
struct Tensors {
    model: Routed,
    /// The request's own name, which its answer repeats.
    id: String,
    /// Whether the request's tensors were raw, and so the answer's are.
    raw: bool,
    /// Outputs whose classes are asked for in place of their values, and how many of them.
    classes: Vec<(String, usize)>,
    /// The answer is one of many.
    in_stream: bool,
    rows_max: usize,
}

impl Wire for Tensors {
    fn decode(&mut self, body: &Bytes) -> Result<Decoded, ServeError> {
        let mut message = ModelInferParts::decode(body.clone()).map_err(|error| misread(&error))?;
        let request = request(&message)?;
        self.id = std::mem::take(&mut message.id);
        self.raw = !message.raw_input_contents.is_empty();
        self.classes = message.outputs.iter().filter_map(classes).collect();
        let signature = &self.model.signatures()[0];
        let outputs = match &message.outputs[..] {
            [] => None,
            some => Some(predict::choose(signature, some.iter().map(|output| &*output.name))?),
        };
        let batch = request.batch_for(signature, outputs.as_deref(), self.rows_max)?;
        Ok(Decoded { batch, bad: Vec::new(), outputs, signature: None })
    }

    fn encode(&self, answer: &Batch) -> Result<Vec<u8>, ServeError> {
        self.framed(outputs(answer)?)
    }

    fn encode_table(&self, answer: &dyn Table) -> Result<Vec<u8>, ServeError> {
        self.framed(outputs_of(answer)?)
    }
}

/// Returns how many classes of an output are asked for, where some are.
fn classes(output: &InferRequestedOutputTensor) -> Option<(String, usize)> {
    match output.parameters.get("classification")?.parameter_choice.as_ref()? {
        ParameterChoice::Int64Param(classes) => {
            Some((output.name.clone(), usize::try_from(*classes).ok().filter(|&classes| classes > 0)?))
        }
        _ => None,
    }
}

/// Returns the tensors of a message, each read where it lies.
fn request(message: &ModelInferParts) -> Result<Request, ServeError> {
    let mut request = Request::with_room(None, message.inputs.len());
    let raw = &message.raw_input_contents;
    if !raw.is_empty() && raw.len() != message.inputs.len() {
        let expected = format!("one for each of the {} inputs", message.inputs.len());
        return Err(asked("raw_input_contents", &raw.len().to_string(), expected));
    }
    let mut input = InferInput::default();
    for (i, bytes) in message.inputs.iter().enumerate() {
        input.clear();
        input.merge(bytes.clone()).map_err(|error| misread(&error))?;
        let name = text(&input.name)?;
        if input.parameters.keys().any(|key| key.starts_with("shared_memory")) {
            let what = format!("input `{name}` in shared memory; send its elements");
            return Err(PredictError::Unimplemented { what }.into());
        }
        let datatype = text(&input.datatype)?;
        let elements = match raw.get(i) {
            Some(_) if input.contents != InferTensorContents::default() => {
                return Err(asked("contents", name, "none where there are raw_input_contents"));
            }
            Some(bytes) => Elements::Raw(bytes),
            None => typed(datatype, &input.contents),
        };
        request.push(name, datatype, &input.shape, elements)?;
    }
    Ok(request)
}

fn text(bytes: &[u8]) -> Result<&str, ServeError> {
    std::str::from_utf8(bytes).map_err(|error| misread(&error))
}

/// Returns the contents that are the datatype's; of one that has none, which are refused, bytes.
fn typed<'a>(datatype: &str, contents: &'a InferTensorContents) -> Elements<'a> {
    match Datatype::from_name(datatype) {
        Some(Datatype::Of(DType::Bool)) => Elements::Bool(&contents.bool_contents),
        Some(Datatype::Of(DType::I8 | DType::I16 | DType::I32)) => Elements::I32(&contents.int_contents),
        Some(Datatype::Of(DType::I64)) => Elements::I64(&contents.int64_contents),
        Some(Datatype::Of(DType::U8 | DType::U16 | DType::U32)) => Elements::U32(&contents.uint_contents),
        Some(Datatype::Of(DType::U64)) => Elements::U64(&contents.uint64_contents),
        Some(Datatype::Of(DType::F32)) => Elements::F32(&contents.fp32_contents),
        Some(Datatype::Of(DType::F64)) => Elements::F64(&contents.fp64_contents),
        _ => Elements::Bytes(&contents.bytes_contents),
    }
}

impl Tensors {
    fn framed(&self, mut outputs: Vec<Output>) -> Result<Vec<u8>, ServeError> {
        for (name, classes) in &self.classes {
            let Some(at) = outputs.iter().position(|output| output.name == *name) else { continue };
            let output = outputs.swap_remove(at);
            outputs.push(output.classified(*classes)?);
            let last = outputs.len() - 1;
            outputs.swap(at, last);
        }
        let response = self.response(outputs);
        Ok(match self.in_stream {
            false => framed(&response),
            true => framed(&ModelStreamInferResponse { error_message: String::new(), infer_response: Some(response) }),
        })
    }

    fn response(&self, outputs: Vec<Output>) -> ModelInferResponse {
        let half = |output: &Output| matches!(output.datatype, Datatype::Of(DType::F16 | DType::BF16));
        let raw = self.raw || outputs.iter().any(half);
        let mut response = ModelInferResponse {
            model_name: self.model.name().to_string(),
            model_version: self.model.version().to_string(),
            id: self.id.clone(),
            ..ModelInferResponse::default()
        };
        for output in outputs {
            let contents = (!raw).then(|| contents(&output));
            let mut tensor = InferOutputTensor {
                name: output.name,
                datatype: output.datatype.name().to_owned(),
                shape: output.shape.iter().map(|&dim| dim as i64).collect(),
                contents,
                ..InferOutputTensor::default()
            };
            if output.is_json {
                let (key, value) = codec::v2::CONTENT_TYPE;
                let value = InferParameter { parameter_choice: Some(ParameterChoice::StringParam(value.to_owned())) };
                tensor.parameters.insert(key.to_owned(), value);
            }
            response.outputs.push(tensor);
            if raw {
                response.raw_output_contents.push(output.data);
            }
        }
        response
    }
}

/// Returns the elements in the field that is their datatype's.
fn contents(output: &Output) -> InferTensorContents {
    fn each<T, const N: usize>(bytes: &[u8], of: impl Fn([u8; N]) -> T) -> Vec<T> {
        bytes.as_chunks().0.iter().map(|&chunk| of(chunk)).collect()
    }
    let (data, mut to) = (&output.data[..], InferTensorContents::default());
    match output.datatype {
        Datatype::Of(DType::Bool) => to.bool_contents = data.iter().map(|&byte| byte != 0).collect(),
        Datatype::Of(DType::I8) => to.int_contents = data.iter().map(|&byte| (byte as i8).into()).collect(),
        Datatype::Of(DType::I16) => to.int_contents = each(data, |b| i16::from_le_bytes(b).into()),
        Datatype::Of(DType::I32) => to.int_contents = each(data, i32::from_le_bytes),
        Datatype::Of(DType::I64) => to.int64_contents = each(data, i64::from_le_bytes),
        Datatype::Of(DType::U8) => to.uint_contents = data.iter().map(|&byte| byte.into()).collect(),
        Datatype::Of(DType::U16) => to.uint_contents = each(data, |b| u16::from_le_bytes(b).into()),
        Datatype::Of(DType::U32) => to.uint_contents = each(data, u32::from_le_bytes),
        Datatype::Of(DType::U64) => to.uint64_contents = each(data, u64::from_le_bytes),
        Datatype::Of(DType::F32) => to.fp32_contents = each(data, f32::from_le_bytes),
        Datatype::Of(DType::F64) => to.fp64_contents = each(data, f64::from_le_bytes),
        _ => to.bytes_contents = output.texts().map(<[u8]>::to_vec).collect(),
    }
    to
}

pub(super) fn live() -> Vec<u8> {
    framed(&ServerLiveResponse { live: true })
}

pub(super) fn server_ready(state: &State) -> Vec<u8> {
    framed(&ServerReadyResponse { ready: rest_ready(state).error.is_none() })
}

pub(super) fn server_metadata() -> Vec<u8> {
    framed(&ServerMetadataResponse {
        name: "forebay".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        extensions: EXTENSIONS.iter().map(|&name| name.to_owned()).collect(),
    })
}

/// One that is not known is not ready; only what cannot be a version is refused.
pub(super) fn model_ready(state: &State, message: &[u8], counted: &mut Counted<'_>) -> Result<Vec<u8>, ServeError> {
    let request: ModelReadyRequest = read(message)?;
    let version = parse_version(&request.version)?;
    let ready = match state.gateway.registry().check(&request.name, version) {
        Ok(_) => {
            counted.set_model(state.models.of(&request.name));
            true
        }
        Err(error) if matches!(error.kind(), Kind::Internal) => return Err(error.into()),
        Err(_) => false,
    };
    Ok(framed(&ModelReadyResponse { ready }))
}

pub(super) async fn model_metadata(
    called: &Called<'_>,
    message: &[u8],
    counted: &mut Counted<'_>,
) -> Result<Vec<u8>, ServeError> {
    let state = called.state;
    let request: ModelMetadataRequest = read(message)?;
    let model = called.model(&request.name, parse_version(&request.version)?).await?;
    counted.set_model(state.models.of(model.name()));
    let versions = state.gateway.registry().status(&request.name)?.versions;
    let tensor = |field: &Field, input: bool| {
        let ty = TensorType::of(field, input);
        TensorMetadata { name: field.name.to_string(), datatype: ty.datatype.name().to_owned(), shape: ty.shape }
    };
    let signature = model.signatures().first();
    let (inputs, outputs) = signature.map_or((&[][..], &[][..]), |s| (&s.inputs, &s.outputs));
    Ok(framed(&ModelMetadataResponse {
        name: request.name,
        versions: versions.iter().filter(|v| v.state == Available).map(|v| v.version.to_string()).collect(),
        platform: format!("forebay_{}", model.handle().about().format),
        inputs: inputs.iter().map(|field| tensor(field, true)).collect(),
        outputs: outputs.iter().map(|field| tensor(field, false)).collect(),
    }))
}
