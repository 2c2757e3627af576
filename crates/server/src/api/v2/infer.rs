//! `POST /v2/models/{model}[/versions/{version}]/infer`: tensors in, tensors out.

use codec::v2::{Head, Request, encode, encode_table};
use gateway::Routed;
use hyper::body::Incoming;
use model::{Batch, PredictError, Predictor, Table};

use super::{failure, no_query, version};
use crate::{
    answer::Answer,
    api::Asked,
    body,
    context::timeout_ms,
    error::ServeError,
    metrics::Counted,
    predict::{self, ANSWER_BYTES, Ask, Decoded, Wire},
};

pub(in crate::api) async fn answer(asked: &Asked<'_>, body: &mut Incoming, counted: &mut Counted<'_>) -> Answer {
    match infer(asked, body, counted).await {
        Ok(bytes) => Answer::json(bytes),
        Err(error) => failure(error),
    }
}

async fn infer(asked: &Asked<'_>, body: &mut Incoming, counted: &mut Counted<'_>) -> Result<Vec<u8>, ServeError> {
    let Asked { state, head, context, name, .. } = asked;
    no_query(asked)?;
    // With it the body is JSON and then bytes, which no reader of JSON would name rightly.
    if head.headers.contains_key("inference-header-content-length") {
        let what = "the binary tensor extension of Open Inference V2".to_owned();
        return Err(PredictError::Unimplemented { what }.into());
    }
    let model = state.gateway.predictor(name, version(asked)?)?;
    counted.set_model(state.models.of(model.name()));
    let mut ask = Ask::new(model, None, None)?;
    ask.timeout = state.config.timeout(timeout_ms(&head.headers)?);
    let tensors = Tensors { model: ask.model.clone(), id: None, rows_max: state.config.rows_max };
    let received = body::receive(&head.headers, body, &state.config, &state.held).await?;
    let result = predict::answer(state, context, ask, tensors, received.bytes.clone()).await;
    counted.count(&result);
    result.map(|(bytes, _)| bytes)
}

/// One request's tensors.
struct Tensors {
    model: Routed,
    /// The request's own name, which its answer repeats.
    id: Option<String>,
    rows_max: usize,
}

impl Tensors {
    fn head(&self) -> Head<'_> {
        let version = Some(self.model.version().0);
        Head { model: self.model.name().as_str(), version, id: self.id.as_deref() }
    }
}

impl Wire for Tensors {
    fn decode(&mut self, body: &[u8]) -> Result<Decoded, ServeError> {
        let mut request = Request::parse(body)?;
        self.id = request.id.take();
        // The question was made of the first signature, so it is there.
        let signature = &self.model.signatures()[0];
        let outputs = match request.outputs.take() {
            Some(names) => Some(predict::choose(signature, names.iter().map(|name| &**name))?),
            None => None,
        };
        let fields = signature.fields(outputs.as_deref());
        let batch = request.batch(&fields, &signature.inputs, self.rows_max)?;
        Ok(Decoded { batch, bad: Vec::new(), outputs, signature: None })
    }

    fn encode(&self, answer: &Batch) -> Result<Vec<u8>, ServeError> {
        let mut out = Vec::with_capacity(ANSWER_BYTES);
        encode(answer, self.head(), &mut out)?;
        Ok(out)
    }

    fn encode_table(&self, answer: &dyn Table) -> Vec<u8> {
        let mut out = Vec::with_capacity(ANSWER_BYTES);
        encode_table(answer, self.head(), &mut out);
        out
    }
}
