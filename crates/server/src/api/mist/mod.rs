//! Mist's dialect: `POST /api/{route}?serve`, columns in, rows with all columns out, in its envelope.
//!
//! `{"success","payload":{"result":[...]},"errors":[...],"request":{"path","className","namespace","parameters","route"}}`;
//! `parameters` is the body as it was sent. Vectors are `{"values":[..]}` and `{"size","indices","values"}`. The presence of
//! `serve` or `train` in the query counts, not its value, and `train` wins, as in Mist v0.10. Unlike Mist, a failure has
//! a real status (`mist.always_200` brings its 200 back), and what does not fit is named in `errors`.

mod envelope;
mod routes;

use std::sync::Arc;

use bytes::Bytes;
use codec::json::{Decoder, EncodeOptions, VectorForm, encode, encode_table};
use hyper::body::Incoming;
use model::{Batch, PredictError, Table};
use registry::Which;

use crate::{
    answer::Answer,
    api::Asked,
    body,
    context::timeout_ms,
    error::{ServeError, asked as wrong},
    metrics::Counted,
    predict::{self, ANSWER_BYTES, Ask, Decoded, Wire},
    query,
    state::State,
};

pub(crate) use routes::Routes;
pub use routes::{Config, MistRoute};

use envelope::Request;

pub(super) async fn answer(asked: &Asked<'_>, body: &mut Incoming, counted: &mut Counted<'_>) -> Answer {
    let mut request = Request::of(asked.name, asked.state.mist.find(asked.name));
    match run(asked, body, counted, &mut request).await {
        Ok(rows) => Answer::json(envelope::success(&rows, &request)),
        Err(error) => refused(asked.state, &request, error),
    }
}

/// Returns the error in Mist's envelope, where the request was not let in.
pub(super) fn failure(state: &State, route: &str, error: ServeError) -> Answer {
    refused(state, &Request::of(route, state.mist.find(route)), error)
}

fn refused(state: &State, request: &Request, error: ServeError) -> Answer {
    let body = envelope::failure(&error, request);
    let status = if state.mist.always_200 { http::StatusCode::OK } else { error.status() };
    Answer { status, ..Answer::failure(error, body) }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Mode {
    Serve,
    Train,
}

fn mode(query: &str) -> Result<Mode, ServeError> {
    let pairs = query::pairs(query)?;
    if let Some((key, _)) = pairs.iter().find(|(key, _)| key != "serve" && key != "train") {
        return Err(query::unknown(key, &["serve", "train"]));
    }
    let has = |key| pairs.iter().any(|(k, _)| k == key);
    match (has("train"), has("serve")) {
        (true, _) => Ok(Mode::Train),
        (_, true) => Ok(Mode::Serve),
        _ => Err(wrong("query", query, "?serve (rows to score) or ?train on a route")),
    }
}

async fn run(
    asked: &Asked<'_>,
    body: &mut Incoming,
    counted: &mut Counted<'_>,
    request: &mut Request,
) -> Result<Vec<u8>, ServeError> {
    let Asked { state, head, context, name, .. } = asked;
    let mode = mode(asked.query())?;
    let (model, which) = state.mist.find(name).map_or((*name, Which::Newest), |route| Which::of(route.model()));
    let model = asked.model(model, which).await?;
    let known = counted.set_model(state.models.of(model.name()));
    request.fill(model.handle());
    if mode == Mode::Train {
        return Err(PredictError::Unimplemented { what: format!("?train on route `{name}`") }.into());
    }
    let received = body::receive(state, &head.headers, body).await?;
    request.parameters = received.bytes.clone();
    let mut ask = Ask::new(model, None, None)?;
    ask.timeout = state.config.timeout(timeout_ms(&head.headers)?);
    let columns = Columns {
        decoder: known.decoder(ask.model.handle().load(), ask.signature(), None, state.config.json_limits())?,
    };
    let result = predict::answer(state, context, ask, columns, received.bytes.clone()).await;
    counted.count(&result);
    result.map(|(rows, _)| rows)
}

/// An object of columns in, rows in Mist's shapes out.
struct Columns {
    decoder: Arc<Decoder>,
}

impl Wire for Columns {
    fn decode(&mut self, body: &Bytes) -> Result<Decoded, ServeError> {
        Ok(Decoded { batch: self.decoder.columns(body)?, bad: Vec::new(), outputs: None, signature: None })
    }

    fn encode(&self, answer: &Batch) -> Result<Vec<u8>, ServeError> {
        let options = EncodeOptions { vectors: VectorForm::Mist, ..EncodeOptions::default() };
        let mut out = Vec::with_capacity(ANSWER_BYTES);
        encode(answer, options, &mut out)?;
        Ok(out)
    }

    fn encode_table(&self, answer: &dyn Table) -> Result<Vec<u8>, ServeError> {
        let options = EncodeOptions { vectors: VectorForm::Mist, ..EncodeOptions::default() };
        let mut out = Vec::with_capacity(ANSWER_BYTES);
        encode_table(answer, options, &mut out);
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presence_counts_and_train_wins() {
        assert_eq!(mode("serve").unwrap(), Mode::Serve);
        assert_eq!(mode("serve=false").unwrap(), Mode::Serve);
        assert_eq!(mode("serve&train").unwrap(), Mode::Train);
        let error = mode("").unwrap_err().to_string();
        assert!(error.contains("?serve") && error.contains("?train"), "{error}");
        assert!(mode("serve&x=1").is_err());
    }
}
