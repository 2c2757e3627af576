//! `POST /v1/models/{model}[/versions/{n}|/labels/{label}]:classify` and `:regress`.

use std::sync::Arc;

use bytes::Bytes;
use codec::tfs::{Examples, Task};
use gateway::Routed;
use hyper::body::Incoming;
use model::{Batch, Table};

use super::{
    Path,
    words::{bounded, of_examples, served},
};
use crate::{
    api::Asked,
    body,
    context::timeout_ms,
    error::ServeError,
    metrics::Counted,
    predict::{self, ANSWER_BYTES, Ask, Decoded, Wire},
};

pub(super) async fn answer(
    asked: &Asked<'_>,
    path: &Path,
    task: Task,
    body: &mut Incoming,
    counted: &mut Counted<'_>,
) -> Result<Vec<u8>, ServeError> {
    let Asked { state, head, context, .. } = asked;
    let model = served(state, asked.model(&path.model, path.which()).await, &path.model, path.which())?;
    counted.set_model(state.models.of(model.name()));
    let mut ask = Ask::new(model, None, None)?;
    ask.timeout = state.config.timeout(timeout_ms(&head.headers)?);
    let rows_max = state.config.rows_max;
    let wire = OfExamples { model: ask.model.clone(), task, rows_max, examples: 0 };
    let received = body::receive(state, &head.headers, body).await?;
    let result = predict::answer(state, context, ask, wire, received.bytes.clone()).await;
    counted.count(&result);
    result.map(|(bytes, _)| bytes)
}

/// One request's examples.
struct OfExamples {
    model: Routed,
    task: Task,
    rows_max: usize,
    examples: usize,
}

impl Wire for OfExamples {
    fn decode(&mut self, body: &Bytes) -> Result<Decoded, ServeError> {
        let examples = Examples::parse(body)?;
        bounded(examples.len(), self.rows_max)?;
        let signature = of_examples(&self.model, examples.signature.as_deref())?;
        self.examples = examples.len();
        let chosen = Some(Arc::clone(&signature.name));
        let batch = examples.batch(signature, self.task)?;
        Ok(Decoded { batch, bad: Vec::new(), outputs: None, signature: chosen })
    }

    fn encode(&self, answer: &Batch) -> Result<Vec<u8>, ServeError> {
        let mut out = Vec::with_capacity(ANSWER_BYTES);
        self.task.encode(answer, self.examples, &mut out)?;
        Ok(out)
    }

    fn encode_table(&self, _: &dyn Table) -> Result<Vec<u8>, ServeError> {
        unreachable!("whole values are answered as a batch: a table has columns alone")
    }
}
