//! `POST /openscoring/model/{id}`, `/batch` and `/csv`.

use std::sync::Arc;

use bytes::Bytes;
use codec::{
    json::Decoder,
    openscoring::{self as form, Csv, Ids},
    view::View,
};
use hyper::body::Incoming;
use model::{Batch, Field, Mark, OnFault, PredictError, Table};

use super::{Wanted, no_query};
use crate::{
    api::Asked,
    body::{self, Media},
    context::timeout_ms,
    error::ServeError,
    metrics::Counted,
    predict::{self, ANSWER_BYTES, Ask, Decoded, Wire},
};

pub(super) async fn answer(
    asked: &Asked<'_>,
    wanted: Wanted,
    body: &mut Incoming,
    counted: &mut Counted<'_>,
) -> Result<Vec<u8>, ServeError> {
    let Asked { state, head, context, name, .. } = asked;
    no_query(asked)?;
    let model = asked.model(name, None).await?;
    let known = counted.set_model(state.models.of(model.name()));
    let mut ask = Ask::new(model, None, None)?;
    // In a batch each is answered by itself; a table's rows keep their places, for they have names.
    ask.on_fault = if wanted == Wanted::Evaluate { OnFault::FailCall } else { OnFault::MarkRow };
    ask.timeout = state.config.timeout(timeout_ms(&head.headers)?);
    let limits = state.config.json_limits();
    let decoder = known.decoder(ask.model.handle().load(), ask.signature(), None, limits)?;
    let takes: &[Media] = if wanted == Wanted::Csv { &[Media::Plain, Media::Csv] } else { &[Media::Json] };
    let received = body::receive_as(state, &head.headers, body, takes).await?;
    let result = match wanted {
        Wanted::Csv => {
            let fields = ask.signature().columns(None);
            let table = OfTable { decoder, fields, rows_max: limits.rows_max, csv: None };
            predict::answer(state, context, ask, table, received.bytes.clone()).await
        }
        _ => {
            let requests = Requests { decoder, many: wanted == Wanted::Batch, ids: Ids::default() };
            predict::answer(state, context, ask, requests, received.bytes.clone()).await
        }
    };
    counted.count(&result);
    result.map(|(bytes, _)| bytes)
}

/// One request, or a batch of them.
struct Requests {
    decoder: Arc<Decoder>,
    many: bool,
    ids: Ids,
}

impl Wire for Requests {
    fn decode(&mut self, body: &Bytes) -> Result<Decoded, ServeError> {
        let read = if self.many { form::many } else { form::one };
        let (ids, rows) = read(body, &self.decoder)?;
        self.ids = ids;
        Ok(Decoded { batch: rows.batch, bad: rows.bad, outputs: None, signature: None })
    }

    fn encode(&self, answer: &Batch) -> Result<Vec<u8>, ServeError> {
        let Some(table) = View::of(answer) else {
            let what = "answers that have no value for each row, in Openscoring's form".to_owned();
            return Err(PredictError::Unimplemented { what }.into());
        };
        self.encode_table(&table)
    }

    fn encode_table(&self, answer: &dyn Table) -> Result<Vec<u8>, ServeError> {
        let mut out = Vec::with_capacity(ANSWER_BYTES);
        let encode = if self.many { form::encode_many } else { form::encode_one };
        encode(answer, &self.ids, &mut out);
        Ok(out)
    }
}

/// A table of CSV.
struct OfTable {
    decoder: Arc<Decoder>,
    fields: Vec<Field>,
    rows_max: usize,
    csv: Option<Csv>,
}

impl Wire for OfTable {
    fn decode(&mut self, body: &Bytes) -> Result<Decoded, ServeError> {
        let (csv, batch) = form::csv(body, std::mem::take(&mut self.fields), self.rows_max)?;
        self.csv = Some(csv);
        let batch = match batch {
            Some(batch) => batch,
            None => self.decoder.rows(b"[]", false)?.batch,
        };
        Ok(Decoded { batch, bad: Vec::new(), outputs: None, signature: None })
    }

    fn encode(&self, answer: &Batch) -> Result<Vec<u8>, ServeError> {
        let marks = answer.domains().first().and_then(|domain| domain.marks.as_deref()).unwrap_or_default();
        let refused = |mark: &Mark| match mark {
            Mark::Refused(fault) => Some(fault.clone()),
            _ => None,
        };
        let mut faults = marks.iter().filter_map(refused);
        if let Some(first) = faults.next() {
            let (fault, refused) = (Box::new((*first).clone()), 1 + faults.count());
            return Err(PredictError::Refused { fault, refused }.into());
        }
        let mut out = Vec::with_capacity(ANSWER_BYTES);
        if let Some(csv) = &self.csv {
            csv.encode(answer, &mut out)?;
        }
        Ok(out)
    }

    fn takes_tables(&self) -> bool {
        false
    }

    fn encode_table(&self, _: &dyn Table) -> Result<Vec<u8>, ServeError> {
        unreachable!("it takes no tables")
    }
}
