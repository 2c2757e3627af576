//! `POST /v1/models/{model}[/versions/{n}]:predict`.

use std::sync::Arc;

use bytes::Bytes;
use codec::{
    json::{Limits, quoted},
    tfs::{Form, Request, TfsError, encode, encode_table},
    view::View,
};
use gateway::Routed;
use hyper::body::Incoming;
use model::{Batch, Kind, Signature, Table};

use super::{
    Path,
    words::{served, to_predict, worded},
};
use crate::{
    api::Asked,
    body,
    context::timeout_ms,
    error::ServeError,
    known::Known,
    metrics::Counted,
    predict::{self, ANSWER_BYTES, Ask, Decoded, Wire},
};

pub(super) async fn predict(
    asked: &Asked<'_>,
    path: &Path,
    body: &mut Incoming,
    counted: &mut Counted<'_>,
) -> Result<Vec<u8>, ServeError> {
    let Asked { state, head, context, .. } = asked;
    let model = served(state, asked.model(&path.model, path.which()).await, &path.model, path.which())?;
    let known = state.models.of(model.name());
    counted.set_model(known.clone());
    let mut ask = Ask::new(model, None, None)?;
    ask.timeout = state.config.timeout(timeout_ms(&head.headers)?);
    let limits = state.config.json_limits();
    let tensors = Tensors { model: ask.model.clone(), form: Form::Rows, known, limits };
    let received = body::receive(state, &head.headers, body).await?;
    let result = predict::answer(state, context, ask, tensors, received.bytes.clone()).await;
    counted.count(&result);
    result.map(|(bytes, _)| bytes)
}

impl From<TfsError> for ServeError {
    fn from(error: TfsError) -> ServeError {
        match error {
            TfsError::Invalid(message) => worded(Kind::InvalidArgument, message),
            TfsError::Unimplemented(message) => worded(Kind::Unimplemented, message),
        }
    }
}

/// One request's tensors, or its rows.
struct Tensors {
    model: Routed,
    /// How the request's values stand, and so the answer's.
    form: Form,
    known: Arc<Known>,
    limits: Limits,
}

impl Tensors {
    fn batch(&self, request: &Request<'_>, signature: &Signature) -> Result<Batch, ServeError> {
        if signature.inputs.iter().all(|field| field.whole) {
            return Ok(request.batch(signature)?);
        }
        let decoder = self.known.decoder(self.model.handle().load(), signature, None, self.limits)?;
        let text = quoted(request.values().as_bytes());
        let named = |text: &[u8]| text.trim_ascii_start().first() == Some(&b'{');
        let objects = match request.form {
            Form::Columns => named(&text),
            Form::Rows => text.trim_ascii_start().strip_prefix(b"[").is_some_and(named),
        };
        let many = |what: &str| {
            let text = format!("{what} as multiple input tensors required as per tensorinfo_map");
            worded(Kind::InvalidArgument, text)
        };
        Ok(match (request.form, objects) {
            (Form::Columns, true) => decoder.columns(&text)?,
            (Form::Rows, true) => decoder.rows(&text, false)?.batch,
            _ if decoder.needed() == 1 => decoder.list(&text)?,
            (Form::Rows, _) => return Err(many("instances is a plain list, but expecting list of objects")),
            (Form::Columns, _) => return Err(many("inputs is a plain value/list, but expecting an object")),
        })
    }
}

impl Wire for Tensors {
    fn decode(&mut self, body: &Bytes) -> Result<Decoded, ServeError> {
        let request = Request::parse(body)?;
        let signature = to_predict(&self.model, request.signature.as_deref())?;
        let batch = self.batch(&request, signature)?;
        let signature = Some(Arc::clone(&signature.name));
        self.form = request.form;
        Ok(Decoded { batch, bad: Vec::new(), outputs: None, signature })
    }

    fn encode(&self, answer: &Batch) -> Result<Vec<u8>, ServeError> {
        let mut out = Vec::with_capacity(ANSWER_BYTES);
        match View::of(answer) {
            Some(table) => encode_table(&table, self.form, &mut out),
            None => encode(answer, self.form, &mut out)?,
        }
        Ok(out)
    }

    fn encode_table(&self, answer: &dyn Table) -> Result<Vec<u8>, ServeError> {
        let mut out = Vec::with_capacity(ANSWER_BYTES);
        encode_table(answer, self.form, &mut out);
        Ok(out)
    }
}
