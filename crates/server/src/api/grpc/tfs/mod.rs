//! `tensorflow.serving.PredictionService` and `ModelService`: TensorFlow Serving over gRPC, in its own words where clients look for
//! them. What is asked of whom is the REST dialect's ([`crate::api::tfs`]).
//!
//! Source: TensorFlow Serving's `apis/*.proto`, `servables/tensorflow/predict_util.cc`, `multi_inference.cc`.

pub(super) mod examples;
mod logged;
pub(super) mod models;
pub(super) mod predict;
mod tensor;

pub use logged::logged;

use gateway::Routed;
use model::{Kind, Version};
use registry::Which;
use wire::tensorflow::serving::{ModelSpec, model_spec::VersionChoice};

use super::Called;
use crate::{
    api::tfs::words::{served, worded},
    error::ServeError,
    metrics::Counted,
    predict::Ask,
};

/// What only the configuration file can do, or is not there yet, by its name.
pub(super) fn refused(what: &str) -> ServeError {
    worded(Kind::Unimplemented, format!("not implemented: {what}"))
}

/// Returns the version that a request asks for, where it asks for one.
fn version(spec: &ModelSpec) -> Which<'_> {
    match &spec.version_choice {
        None => Which::Newest,
        // No version has a number below 0, which is then one that is not there.
        Some(VersionChoice::Version(number)) => Which::Number(Version(u64::try_from(*number).unwrap_or(0))),
        Some(VersionChoice::VersionLabel(label)) => Which::Label(label),
    }
}

/// Returns the question to the model that a request names.
async fn ask(called: &Called<'_>, spec: Option<&ModelSpec>, counted: &mut Counted<'_>) -> Result<Ask, ServeError> {
    let spec = named(spec)?;
    let state = called.state;
    let which = version(spec);
    let model = served(state, called.model(&spec.name, which).await, &spec.name, which)?;
    counted.set_model(state.models.of(model.name()));
    let mut ask = Ask::new(model, None, None)?;
    ask.timeout = called.timeout()?;
    Ok(ask)
}

fn named(spec: Option<&ModelSpec>) -> Result<&ModelSpec, ServeError> {
    let spec = spec.ok_or_else(|| worded(Kind::InvalidArgument, "Missing ModelSpec"))?;
    match spec.name.is_empty() {
        true => Err(worded(Kind::InvalidArgument, "ModelSpec has no name specified.")),
        false => Ok(spec),
    }
}

/// Returns the name of the signature that a request asks for, where it does.
fn signature_name(spec: Option<&ModelSpec>) -> Option<&str> {
    spec.map(|spec| spec.signature_name.as_str()).filter(|name| !name.is_empty())
}

/// Returns who answered, as answers say it.
fn spec_of(model: &Routed, signature: &str) -> ModelSpec {
    ModelSpec {
        name: model.name().to_string(),
        version_choice: Some(VersionChoice::Version(model.version().0 as i64)),
        signature_name: signature.to_owned(),
    }
}
