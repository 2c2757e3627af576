//! Which model a call is about, where its caller may ask some of them alone.

use wire::{
    head::{ModelInferHead, RequestHead},
    inference::{
        ModelConfigRequest, ModelMetadataRequest, ModelReadyRequest, ModelStatisticsRequest,
        RepositoryModelLoadRequest, RepositoryModelUnloadRequest,
    },
    tensorflow::serving::{InferenceTask, MultiInferenceRequest},
};

use super::{Called, Method, frame::read};
use crate::error::ServeError;

/// Refuses a call that is about a model that is not its caller's, or that is one too many.
pub(super) fn ask(called: &Called<'_>, method: Method, message: &[u8]) -> Result<(), ServeError> {
    let Some(caller) = &called.context.caller else { return Ok(()) };
    let model = if caller.is_limited() { model_of(method, message)? } else { None };
    called.state.guard.ask(caller, model.as_deref())
}

/// Returns the model that a message names; a method that is about all of them names none.
fn model_of(method: Method, message: &[u8]) -> Result<Option<String>, ServeError> {
    let name = match method {
        Method::ModelInfer | Method::ModelStreamInfer => read::<ModelInferHead>(message)?.model_name,
        Method::Predict | Method::Examples(_) | Method::GetModelMetadata | Method::GetModelStatus => {
            read::<RequestHead>(message)?.model_spec.map(|spec| spec.name).unwrap_or_default()
        }
        Method::MultiInference => only(read::<MultiInferenceRequest>(message)?.tasks),
        Method::ModelReady => read::<ModelReadyRequest>(message)?.name,
        Method::ModelMetadata => read::<ModelMetadataRequest>(message)?.name,
        Method::ModelConfig => read::<ModelConfigRequest>(message)?.name,
        Method::ModelStatistics => read::<ModelStatisticsRequest>(message)?.name,
        Method::RepositoryModelLoad => read::<RepositoryModelLoadRequest>(message)?.model_name,
        Method::RepositoryModelUnload => read::<RepositoryModelUnloadRequest>(message)?.model_name,
        Method::ServerLive
        | Method::ServerReady
        | Method::ServerMetadata
        | Method::RepositoryIndex
        | Method::Refused(_)
        | Method::HealthCheck
        | Method::HealthWatch
        | Method::Reflection => String::new(),
    };
    Ok(Some(name).filter(|name| !name.is_empty()))
}

/// Returns the model that all tasks are about; none where they are about several.
fn only(tasks: Vec<InferenceTask>) -> String {
    let mut names = tasks.into_iter().map(|task| task.model_spec.map(|spec| spec.name).unwrap_or_default());
    let first = names.next().unwrap_or_default();
    if names.all(|name| name == first) { first } else { String::new() }
}
