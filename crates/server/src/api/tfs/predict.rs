//! `POST /v1/models/{model}[/versions/{n}]:predict`.

use std::sync::Arc;

use codec::tfs::{Form, Request, TfsError, encode};
use gateway::Routed;
use hyper::body::Incoming;
use model::{Batch, Kind, PredictError, Predictor, Signature, Table};

use super::{Path, worded};
use crate::{
    api::Asked,
    body,
    context::timeout_ms,
    error::ServeError,
    metrics::Counted,
    predict::{self, ANSWER_BYTES, Ask, Decoded, Wire},
};

/// The signature that answers where a request names none.
const DEFAULT: &str = "serving_default";

pub(super) async fn predict(
    asked: &Asked<'_>,
    path: &Path,
    body: &mut Incoming,
    counted: &mut Counted<'_>,
) -> Result<Vec<u8>, ServeError> {
    let Asked { state, head, context, .. } = asked;
    let model = state.gateway.predictor(&path.model, path.version).map_err(|error| not_found(error, path))?;
    counted.set_model(state.models.of(model.name()));
    let mut ask = Ask::new(model, None, None)?;
    ask.timeout = state.config.timeout(timeout_ms(&head.headers)?);
    let tensors = Tensors { model: ask.model.clone(), form: Form::Rows };
    let received = body::receive(&head.headers, body, &state.config, &state.held).await?;
    let result = predict::answer(state, context, ask, tensors, received.bytes.clone()).await;
    counted.count(&result);
    result.map(|(bytes, _)| bytes)
}

/// Returns the error of a model or version that is not there in the protocol's words.
fn not_found(error: PredictError, path: &Path) -> ServeError {
    if error.kind() != Kind::NotFound {
        return error.into();
    }
    let servable = match path.version {
        Some(version) => format!("Specific({}, {version})", path.model),
        None => format!("Latest({})", path.model),
    };
    worded(Kind::NotFound, format!("Servable not found for request: {servable}"))
}

impl From<TfsError> for ServeError {
    fn from(error: TfsError) -> ServeError {
        match error {
            TfsError::Invalid(message) => worded(Kind::InvalidArgument, message),
            TfsError::Unimplemented(message) => worded(Kind::Unimplemented, message),
        }
    }
}

/// One request's tensors.
struct Tensors {
    model: Routed,
    /// How the request's tensors stand, and so the answer's.
    form: Form,
}

impl Tensors {
    /// Returns the signature of this name. Where none is named it is the protocol's default one; of a model whose format names
    /// no signatures, the only one.
    fn signature(&self, name: Option<&str>) -> Result<&Signature, ServeError> {
        let signatures = self.model.signatures();
        let named = signatures.iter().any(|signature| signature.method.is_some());
        if let (None, false, [first, ..]) = (name, named, signatures) {
            return Ok(first);
        }
        let name = name.filter(|name| !name.is_empty()).unwrap_or(DEFAULT);
        signatures.iter().find(|signature| &*signature.name == name).ok_or_else(|| {
            let text = format!("Serving signature name: \"{name}\" not found in signature def");
            worded(Kind::InvalidArgument, text)
        })
    }
}

impl Wire for Tensors {
    fn decode(&mut self, body: &[u8]) -> Result<Decoded, ServeError> {
        let request = Request::parse(body)?;
        let signature = self.signature(request.signature.as_deref())?;
        let batch = request.batch(signature)?;
        let signature = Some(Arc::clone(&signature.name));
        self.form = request.form;
        Ok(Decoded { batch, bad: Vec::new(), outputs: None, signature })
    }

    fn encode(&self, answer: &Batch) -> Result<Vec<u8>, ServeError> {
        let mut out = Vec::with_capacity(ANSWER_BYTES);
        encode(answer, self.form, &mut out)?;
        Ok(out)
    }

    fn encode_table(&self, _: &dyn Table) -> Result<Vec<u8>, ServeError> {
        unreachable!("whole values are answered as a batch: a table has columns alone")
    }
}
