//! `/health/live`, `/health/ready` and `/metrics`: what machinery asks.

use http::StatusCode;
use model::PredictError;
use registry::State::{Loading, Start};

use crate::{
    answer::{Answer, Object},
    metrics,
    state::State,
};

/// The process runs and answers.
pub(super) fn live() -> Answer {
    Answer::json(r#"{"status":"live"}"#)
}

/// The first scan was tried in full, and nobody told us to stop. Else 503, with the models still on their way.
pub(super) fn ready(state: &State) -> Answer {
    if state.is_draining() {
        return not_ready("draining", Vec::new());
    }
    if state.gateway.registry().is_ready() {
        return Answer::json(r#"{"status":"ready"}"#);
    }
    let on_their_way =
        |model: &registry::ModelStatus| model.versions.iter().any(|v| matches!(v.state, Start | Loading));
    let loading = state.gateway.registry().list().into_iter().filter(on_their_way).map(|model| model.name.to_string());
    not_ready("loading", loading.collect())
}

fn not_ready(status: &str, loading: Vec<String>) -> Answer {
    let mut body = String::new();
    let mut object = Object::new(&mut body);
    object.text("status", status);
    if !loading.is_empty() {
        object.list("loading", &loading, |out, name| crate::answer::put_text(out, name));
    }
    object.end();
    let error = PredictError::Unavailable { message: status.to_owned() }.into();
    Answer { status: StatusCode::SERVICE_UNAVAILABLE, ..Answer::failure(error, body) }
}

/// Everything that is counted.
pub(super) fn metrics(state: &State) -> Answer {
    let page = metrics::render(&state.metrics, &state.models, &state.gather());
    Answer { content_type: "text/plain; version=0.0.4; charset=utf-8", ..Answer::json(page) }
}
