//! `POST /v2/models/{model}[/versions/{version}]/infer`: tensors in, tensors out, as JSON or in binary behind it.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use bytes::Bytes;
use codec::v2::{Forms, Head, Request, encode, encode_mixed, encode_mixed_table, encode_table};
use gateway::Routed;
use http::HeaderMap;
use hyper::body::Incoming;
use model::{Batch, Predictor, Table};

use super::{failure, no_query, version};
use crate::{
    answer::{Answer, INFERENCE_HEADER},
    api::Asked,
    body::{self, Media},
    context::timeout_ms,
    error::{ServeError, asked as wrong},
    metrics::Counted,
    predict::{self, ANSWER_BYTES, Ask, Decoded, Wire},
};

pub(in crate::api) async fn answer(asked: &Asked<'_>, body: &mut Incoming, counted: &mut Counted<'_>) -> Answer {
    match infer(asked, body, counted).await {
        Ok(answer) => answer,
        Err(error) => failure(error),
    }
}

/// Returns where the JSON of a body ends, where the header says that bytes follow it.
fn json_bytes(headers: &HeaderMap) -> Result<Option<usize>, ServeError> {
    let Some(value) = headers.get(INFERENCE_HEADER) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default();
    text.parse().map(Some).map_err(|_| wrong(INFERENCE_HEADER.as_str(), text, "the number of bytes of the body's JSON"))
}

async fn infer(asked: &Asked<'_>, body: &mut Incoming, counted: &mut Counted<'_>) -> Result<Answer, ServeError> {
    let Asked { state, head, context, name, .. } = asked;
    no_query(asked)?;
    let json_bytes = json_bytes(&head.headers)?;
    let model = asked.model(name, version(asked)?).await?;
    counted.set_model(state.models.of(model.name()));
    let mut ask = Ask::new(model, None, None)?;
    ask.timeout = state.config.timeout(timeout_ms(&head.headers)?);
    // With bytes after its JSON a body is of this type, or still called JSON.
    let takes: &[Media] = if json_bytes.is_some() { &[Media::Json, Media::Bytes] } else { &[Media::Json] };
    let tensors = Tensors {
        model: ask.model.clone(),
        id: None,
        rows_max: state.config.rows_max,
        json_bytes,
        forms: Forms::default(),
        answered: Arc::new(AtomicUsize::new(ALL)),
    };
    let answered = tensors.answered.clone();
    let received = body::receive_as(state, &head.headers, body, takes).await?;
    let result = predict::answer(state, context, ask, tensors, received.bytes.clone()).await;
    counted.count(&result);
    let (bytes, _) = result?;
    Ok(match answered.load(Relaxed) {
        ALL => Answer::json(bytes),
        json_bytes => Answer::binary(bytes, json_bytes),
    })
}

/// The whole answer is JSON.
const ALL: usize = usize::MAX;

/// One request's tensors.
struct Tensors {
    model: Routed,
    /// The request's own name, which its answer repeats.
    id: Option<String>,
    rows_max: usize,
    /// Where the request's JSON ends.
    json_bytes: Option<usize>,
    /// How the answer's outputs are written.
    forms: Forms,
    /// Where the answer's JSON ends; [`ALL`] where nothing follows it.
    answered: Arc<AtomicUsize>,
}

impl Tensors {
    fn head(&self) -> Head<'_> {
        let version = Some(self.model.version().0);
        Head { model: self.model.name().as_str(), version, id: self.id.as_deref() }
    }
}

impl Tensors {
    fn ended(&self, json_bytes: Option<usize>) {
        if let Some(at) = json_bytes {
            self.answered.store(at, Relaxed);
        }
    }
}

impl Wire for Tensors {
    fn decode(&mut self, body: &Bytes) -> Result<Decoded, ServeError> {
        let mut request = match self.json_bytes.map(|at| (at, body.split_at_checked(at))) {
            None => Request::parse(body)?,
            Some((_, Some((json, binary)))) => Request::parse_binary(json, binary)?,
            Some((at, None)) => {
                let expected = format!("at most the {} bytes of the body", body.len());
                return Err(wrong(INFERENCE_HEADER.as_str(), &at.to_string(), expected));
            }
        };
        self.forms = std::mem::take(&mut request.forms);
        self.id = request.id.take();
        // The question was made of the first signature, so it is there.
        let signature = &self.model.signatures()[0];
        let outputs = match request.outputs.take() {
            Some(names) => Some(predict::choose(signature, names.iter().map(|name| &**name))?),
            None => None,
        };
        let batch = request.batch_for(signature, outputs.as_deref(), self.rows_max)?;
        Ok(Decoded { batch, bad: Vec::new(), outputs, signature: None })
    }

    fn encode(&self, answer: &Batch) -> Result<Vec<u8>, ServeError> {
        let mut out = Vec::with_capacity(ANSWER_BYTES);
        if self.forms.is_plain() {
            encode(answer, self.head(), &mut out)?;
        } else {
            self.ended(encode_mixed(answer, self.head(), &self.forms, &mut out)?);
        }
        Ok(out)
    }

    fn encode_table(&self, answer: &dyn Table) -> Result<Vec<u8>, ServeError> {
        let mut out = Vec::with_capacity(ANSWER_BYTES);
        if self.forms.is_plain() {
            encode_table(answer, self.head(), &mut out);
        } else {
            self.ended(encode_mixed_table(answer, self.head(), &self.forms, &mut out)?);
        }
        Ok(out)
    }
}
