//! What a request says first: whom it asks. Read by itself, its tensors are passed over.

use crate::tensorflow::serving::ModelSpec;

/// The head of a `ModelInferRequest`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ModelInferHead {
    #[prost(string, tag = "1")]
    pub model_name: String,
    #[prost(string, tag = "2")]
    pub model_version: String,
}

/// The head of every request of TensorFlow Serving but MultiInference.
#[derive(Clone, PartialEq, prost::Message)]
pub struct RequestHead {
    #[prost(message, optional, tag = "1")]
    pub model_spec: Option<ModelSpec>,
}
