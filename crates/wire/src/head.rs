//! Parts of requests that are read by themselves: whom one asks, its tensors passed over; and tensors one by one, where they lie.

use std::collections::HashMap;

use prost::bytes::Bytes;

use crate::{
    inference::{InferParameter, InferTensorContents, model_infer_request::InferRequestedOutputTensor},
    tensorflow::serving::ModelSpec,
};

/// The head of a `ModelInferRequest`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ModelInferHead {
    #[prost(string, tag = "1")]
    pub model_name: String,
    #[prost(string, tag = "2")]
    pub model_version: String,
}

/// A `ModelInferRequest` without its head, its tensors slices of the message.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ModelInferParts {
    #[prost(string, tag = "3")]
    pub id: String,
    /// Each is an [`InferInput`].
    #[prost(bytes = "bytes", repeated, tag = "5")]
    pub inputs: Vec<Bytes>,
    #[prost(message, repeated, tag = "6")]
    pub outputs: Vec<InferRequestedOutputTensor>,
    #[prost(bytes = "bytes", repeated, tag = "7")]
    pub raw_input_contents: Vec<Bytes>,
}

/// An `InferInputTensor`. One after the other may be read into the same, which keeps its room; its texts are not checked to be UTF-8.
#[derive(Clone, PartialEq, prost::Message)]
pub struct InferInput {
    #[prost(bytes = "bytes", tag = "1")]
    pub name: Bytes,
    #[prost(bytes = "bytes", tag = "2")]
    pub datatype: Bytes,
    #[prost(int64, repeated, tag = "3")]
    pub shape: Vec<i64>,
    #[prost(map = "string, message", tag = "4")]
    pub parameters: HashMap<String, InferParameter>,
    #[prost(message, required, tag = "5")]
    pub contents: InferTensorContents,
}

/// The head of every request of TensorFlow Serving but MultiInference.
#[derive(Clone, PartialEq, prost::Message)]
pub struct RequestHead {
    #[prost(message, optional, tag = "1")]
    pub model_spec: Option<ModelSpec>,
}
