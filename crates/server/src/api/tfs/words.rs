//! What TensorFlow Serving asks of whom, and in which words it refuses, over REST and over gRPC alike.
//!
//! Source: TensorFlow Serving's `core/manager.cc`, `servables/tensorflow/predict_util.cc`, `classifier.cc`.

use gateway::Routed;
use model::{Kind, PredictError, Predictor, Signature, Version};
use registry::Which;

use crate::{
    error::{ServeError, cut},
    state::State,
};

/// The signature that answers where a request names none.
const DEFAULT: &str = "serving_default";

pub(in crate::api) fn worded(kind: Kind, message: impl Into<String>) -> ServeError {
    ServeError::Worded { kind, message: message.into() }
}

/// Returns the version that has the label.
pub(in crate::api) fn labelled(state: &State, model: &str, label: &str) -> Result<Version, ServeError> {
    let known = state.gateway.registry().status(model).ok().and_then(|status| status.labels.get(label).copied());
    let unknown = || worded(Kind::InvalidArgument, format!("Unrecognized servable version label: {}", cut(label)));
    known.ok_or_else(unknown)
}

/// Returns the predictor that was asked for; one that is not there is told in the protocol's words.
pub(in crate::api) fn served(
    state: &State,
    found: Result<Routed, PredictError>,
    model: &str,
    which: Which<'_>,
) -> Result<Routed, ServeError> {
    let error = match found {
        Ok(found) => return Ok(found),
        Err(error) if error.kind() != Kind::NotFound => return Err(error.into()),
        Err(error) => error,
    };
    let servable = match which {
        Which::Newest => format!("Latest({})", cut(model)),
        Which::Number(version) => format!("Specific({}, {version})", cut(model)),
        Which::Label(label) => format!("Specific({}, {})", cut(model), labelled(state, model, label)?),
    };
    tracing::trace!(%error, "no servable");
    Err(worded(Kind::NotFound, format!("Servable not found for request: {servable}")))
}

/// Returns the signature of this name; where none is named it is the protocol's default one. That is the first one of a model
/// whose format does not know the protocol's names.
pub(in crate::api) fn signature<'a>(model: &'a dyn Predictor, name: Option<&str>) -> Option<&'a Signature> {
    let (signatures, name) = (model.signatures(), asked_for(name));
    let named = || signatures.iter().any(|signature| signature.method.is_some());
    let found = signatures.iter().find(|signature| &*signature.name == name);
    found.or_else(|| signatures.first().filter(|_| name == DEFAULT && !named()))
}

/// Returns the signature that a request to predict names.
pub(in crate::api) fn to_predict<'a>(
    model: &'a dyn Predictor,
    name: Option<&str>,
) -> Result<&'a Signature, ServeError> {
    signature(model, name).ok_or_else(|| {
        let text = format!("Serving signature name: \"{}\" not found in signature def", cut(asked_for(name)));
        worded(Kind::InvalidArgument, text)
    })
}

/// Returns the signature that a request with examples names.
pub(in crate::api) fn of_examples<'a>(
    model: &'a dyn Predictor,
    name: Option<&str>,
) -> Result<&'a Signature, ServeError> {
    signature(model, name).ok_or_else(|| {
        let text = format!("No signature was found with the name: {}", cut(asked_for(name)));
        worded(Kind::InvalidArgument, text)
    })
}

/// Returns the name that is asked for where this one is sent.
pub(in crate::api) fn asked_for(name: Option<&str>) -> &str {
    name.filter(|name| !name.is_empty()).unwrap_or(DEFAULT)
}

/// Refuses more examples than a request may have rows.
pub(in crate::api) fn bounded(examples: usize, rows_max: usize) -> Result<(), ServeError> {
    if examples <= rows_max {
        return Ok(());
    }
    let (what, got, limit) = ("the number of examples".to_owned(), examples as u64, rows_max as u64);
    Err(PredictError::TooLarge { what, got, limit, key: "rows_max" }.into())
}
