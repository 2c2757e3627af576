//! `POST /api/v1/serve/{model}`: rows in, the same rows with the model's outputs back.

use std::sync::Arc;

use codec::json::{Decoder, EncodeOptions, Shape, VectorForm, encode, encode_table};
use hyper::body::Incoming;
use model::{Batch, OnFault, Table, Value, Version};

use crate::{
    answer::Answer,
    api::{Asked, native},
    body,
    context::timeout_ms,
    error::{ServeError, asked as wrong},
    metrics::Counted,
    predict::{self, ANSWER_BYTES, Ask, Decoded, Wire},
    query,
};

const KEYS: [&str; 5] = ["outputs", "on_error", "version", "signature", "timeout_ms"];

/// What the query asks.
#[derive(Debug, Default, PartialEq)]
struct Wish {
    outputs: Option<String>,
    signature: Option<String>,
    version: Option<Version>,
    on_fault: OnFault,
    timeout_ms: Option<u64>,
}

impl Wish {
    fn parse(query: &str) -> Result<Wish, ServeError> {
        let mut wish = Wish::default();
        if query.is_empty() {
            return Ok(wish);
        }
        let mut seen = [false; KEYS.len()];
        for (key, value) in query::pairs(query)? {
            let Some(at) = KEYS.iter().position(|known| *known == key) else {
                return Err(query::unknown(&key, &KEYS));
            };
            if std::mem::replace(&mut seen[at], true) {
                return Err(wrong("query key", &key, "each key once"));
            }
            match &*key {
                "outputs" => wish.outputs = Some(value.into_owned()),
                "signature" => wish.signature = Some(value.into_owned()),
                "version" => wish.version = Some(Version(query::number("version", &value)?)),
                "timeout_ms" => wish.timeout_ms = Some(query::number("timeout_ms", &value)?),
                _ => {
                    wish.on_fault = match &*value {
                        "row" => OnFault::MarkRow,
                        "call" => OnFault::FailCall,
                        other => return Err(wrong("on_error", other, "row or call")),
                    }
                }
            }
        }
        Ok(wish)
    }
}

pub(in crate::api) async fn answer(asked: &Asked<'_>, body: &mut Incoming, counted: &mut Counted<'_>) -> Answer {
    match serve(asked, body, counted).await {
        Ok(bytes) => Answer::json(bytes),
        Err(error) => native::failure(error, asked.context),
    }
}

async fn serve(asked: &Asked<'_>, body: &mut Incoming, counted: &mut Counted<'_>) -> Result<Vec<u8>, ServeError> {
    let Asked { state, head, context, name, .. } = asked;
    let wish = Wish::parse(asked.query())?;
    let model = state.gateway.predictor(name, wish.version)?;
    let known = counted.set_model(state.models.of(model.name()));
    let timeout = wish.timeout_ms.map_or_else(|| timeout_ms(&head.headers), |ms| Ok(Some(ms)))?;
    let mut ask = Ask::new(model, wish.signature.as_deref(), wish.outputs.as_deref())?;
    (ask.on_fault, ask.timeout) = (wish.on_fault, state.config.timeout(timeout));
    let decoder =
        known.decoder(ask.model.handle().load(), ask.signature(), ask.outputs.as_ref(), state.config.json_limits())?;
    let received = body::receive(&head.headers, body, &state.config, &state.held).await?;
    let rows = Rows { decoder, on_fault: wish.on_fault, shape: Shape::Rows };
    let result = predict::answer(state, context, ask, rows, received.bytes.clone()).await;
    counted.count(&result);
    result.map(|(bytes, _)| bytes)
}

/// Rows as JSON objects, or one by itself.
struct Rows {
    decoder: Arc<Decoder>,
    on_fault: OnFault,
    /// The form of the body, and so of the answer.
    shape: Shape,
}

impl Wire for Rows {
    fn decode(&mut self, body: &[u8]) -> Result<Decoded, ServeError> {
        let rows = self.decoder.rows(body, self.on_fault == OnFault::MarkRow)?;
        self.shape = if rows.single { Shape::Single } else { Shape::Rows };
        Ok(Decoded { batch: rows.batch, bad: rows.bad, outputs: None, signature: None })
    }

    fn encode(&self, answer: &Batch) -> Result<Vec<u8>, ServeError> {
        if self.shape == Shape::Single && is_empty(answer) {
            // The one row was dropped; an object was sent, so no array comes back.
            return Ok(b"null".to_vec());
        }
        let options = EncodeOptions { shape: self.shape, vectors: VectorForm::Native, on_fault: self.on_fault };
        let mut out = Vec::with_capacity(ANSWER_BYTES);
        encode(answer, options, &mut out)?;
        Ok(out)
    }

    fn encode_table(&self, answer: &dyn Table) -> Result<Vec<u8>, ServeError> {
        let options = EncodeOptions { shape: self.shape, vectors: VectorForm::Native, on_fault: self.on_fault };
        let mut out = Vec::with_capacity(ANSWER_BYTES);
        encode_table(answer, options, &mut out);
        Ok(out)
    }
}

/// Returns whether the answer is of the request's own rows, and has none.
fn is_empty(answer: &Batch) -> bool {
    answer.rows() == 0 && answer.values().iter().all(|(_, value)| matches!(value, Value::Column { domain: 0, .. }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_keys() {
        let wish = Wish::parse("outputs=a%2Cb&on_error=row&version=3&signature=s&timeout_ms=7").unwrap();
        let expected = Wish {
            outputs: Some("a,b".into()),
            signature: Some("s".into()),
            version: Some(Version(3)),
            on_fault: OnFault::MarkRow,
            timeout_ms: Some(7),
        };
        assert_eq!(wish, expected);
        assert_eq!(Wish::parse("").unwrap(), Wish::default());
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let refused = |query: &str, part: &str| {
            let error = Wish::parse(query).unwrap_err().to_string();
            assert!(error.contains(part), "{query}: {error}");
        };
        refused("output=a", "expected one of outputs, on_error, version, signature, timeout_ms");
        refused("version=0", "expected a whole number above 0");
        refused("version=newest", "version \"newest\"");
        refused("on_error=skip", "expected row or call");
        refused("outputs=a&outputs=b", "each key once");
    }
}
