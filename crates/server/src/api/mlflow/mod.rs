//! MLflow's scoring server, which is SageMaker's container too: `POST /invocations`, `GET /ping`, `/health`, `/version`.
//!
//! The protocol names no model: it is the configuration's `server.default_model`, else the only one. Bodies are
//! [`codec::mlflow`]'s, or CSV with a header. A failure is `{"error_code", "message"}`.
//!
//! Source: MLflow's `pyfunc/scoring_server`; SageMaker's page "Use your own inference code".

use std::sync::Arc;

use bytes::Bytes;
use codec::{
    json::Limits,
    mlflow::{self, MlflowError},
};
use gateway::Routed;
use http::StatusCode;
use hyper::body::Incoming;
use model::{Batch, Kind, Predictor, Table};
use registry::Which;

use crate::{
    answer::{Answer, JSON, Object},
    api::{Asked, health},
    body::{self, Media},
    context::timeout_ms,
    error::{ServeError, asked as wrong},
    known::Known,
    metrics::Counted,
    predict::{self, ANSWER_BYTES, Ask, Decoded, Wire},
    query,
    state::State,
    tables::Reading,
};

/// Models that a message lists.
const LISTED_MAX: usize = 20;

/// Returns the error as this protocol writes it.
pub(super) fn failure(error: ServeError) -> Answer {
    let code = match error.kind() {
        Kind::InvalidArgument | Kind::FailedPrecondition | Kind::TooLarge => "BAD_REQUEST",
        Kind::NotFound => "RESOURCE_DOES_NOT_EXIST",
        Kind::AlreadyExists | Kind::InUse => "RESOURCE_ALREADY_EXISTS",
        Kind::Unauthenticated => "UNAUTHENTICATED",
        Kind::PermissionDenied => "PERMISSION_DENIED",
        Kind::ResourceExhausted => "REQUEST_LIMIT_EXCEEDED",
        Kind::Overloaded | Kind::Unavailable | Kind::Cancelled | Kind::DeadlineExceeded => "TEMPORARILY_UNAVAILABLE",
        Kind::Internal => "INTERNAL_ERROR",
        Kind::Unimplemented => "NOT_IMPLEMENTED",
    };
    let message = error.whole_text();
    let mut body = String::new();
    let mut object = Object::new(&mut body);
    object.text("error_code", code);
    object.text("message", &message);
    object.end();
    Answer::failure(error, body)
}

/// `GET /ping` and `/health`: an empty line, with 200 where `/health/ready` has it.
pub(super) fn ping(state: &State) -> Answer {
    let answer = health::ready(state);
    let body = if answer.status == StatusCode::OK { "\n" } else { "" };
    Answer { body: body.into(), ..answer }
}

/// `GET /version`: ours, bare.
pub(super) fn version() -> Answer {
    Answer { content_type: JSON, ..Answer::json(env!("CARGO_PKG_VERSION")) }
}

pub(super) async fn invoke(asked: &Asked<'_>, body: &mut Incoming, counted: &mut Counted<'_>) -> Answer {
    match answer(asked, body, counted).await {
        Ok(bytes) => Answer::json(bytes),
        Err(error) => failure(error),
    }
}

async fn answer(asked: &Asked<'_>, body: &mut Incoming, counted: &mut Counted<'_>) -> Result<Vec<u8>, ServeError> {
    let Asked { state, head, context, .. } = asked;
    if let Some((key, _)) = query::pairs(asked.query())?.first() {
        return Err(query::unknown(key, &[]));
    }
    let chosen = chosen(state)?;
    let (name, which) = Which::of(&chosen);
    let model = asked.model(name, which).await?;
    let known = state.models.of(model.name());
    counted.set_model(known.clone());
    let mut ask = Ask::new(model, None, None)?;
    ask.timeout = state.config.timeout(timeout_ms(&head.headers)?);
    let received = body::receive_as(state, &head.headers, body, &[Media::Json, Media::Csv]).await?;
    let limits = state.config.json_limits();
    let rows = Rows { model: ask.model.clone(), known, limits, media: received.media };
    let result = predict::answer(state, context, ask, rows, received.bytes.clone()).await;
    counted.count(&result);
    result.map(|(bytes, _)| bytes)
}

/// Returns the name of the model that answers.
pub(super) fn chosen(state: &State) -> Result<String, ServeError> {
    let configured = &state.config.default_model;
    if !configured.is_empty() {
        return Ok(configured.clone());
    }
    let models = state.gateway.registry().list();
    match &models[..] {
        [only] => Ok(only.name.to_string()),
        models => {
            let names: Vec<&str> = models.iter().take(LISTED_MAX).map(|model| &*model.name).collect();
            let more = if models.len() > names.len() { ", ..." } else { "" };
            let expected = format!("server.default_model to name one of {}{more}", names.join(", "));
            Err(wrong("the model", &format!("{} models and no default", models.len()), expected))
        }
    }
}

/// One request's rows.
struct Rows {
    model: Routed,
    known: Arc<Known>,
    limits: Limits,
    media: Media,
}

impl From<MlflowError> for ServeError {
    fn from(error: MlflowError) -> ServeError {
        match error {
            MlflowError::Form(message) => ServeError::Worded { kind: Kind::InvalidArgument, message },
            MlflowError::Rows(error) => error.into(),
            MlflowError::Tensors(error) => error.into(),
        }
    }
}

impl Wire for Rows {
    fn decode(&mut self, body: &Bytes) -> Result<Decoded, ServeError> {
        // The question was made of the first signature, so it is there.
        let signature = &self.model.signatures()[0];
        let decoder = || self.known.decoder(self.model.handle().load(), signature, None, self.limits);
        let batch = match self.media {
            Media::Json => mlflow::batch(body, signature, decoder)?,
            _ => {
                let (decoder, fields) = (decoder()?, signature.columns(None));
                let rows_max = self.limits.rows_max;
                // As pandas has it.
                Reading { fields, rows_max, keep_bad_rows: false, decoder: &decoder }.csv(body, true)?.0
            }
        };
        Ok(Decoded { batch, bad: Vec::new(), outputs: None, signature: None })
    }

    fn encode(&self, answer: &Batch) -> Result<Vec<u8>, ServeError> {
        let mut out = Vec::with_capacity(ANSWER_BYTES);
        mlflow::encode(answer, &mut out)?;
        Ok(out)
    }

    fn encode_table(&self, answer: &dyn Table) -> Result<Vec<u8>, ServeError> {
        let mut out = Vec::with_capacity(ANSWER_BYTES);
        mlflow::encode_table(answer, &mut out);
        Ok(out)
    }
}
