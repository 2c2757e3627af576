//! `POST /api/v1/serve/{model}`: rows in, the same rows with the model's outputs back.
//!
//! Rows come as JSON (row objects, columns, or pandas' `split`, as `form` says), as CSV with a header or as Arrow IPC; the
//! answer has the form and the type of the body, or a type that the `accept` header names.

use std::sync::Arc;

use bytes::Bytes;
use codec::{
    Sink, WriteOptions,
    arrow::ArrowSink,
    columns::{self, TableForm},
    csv::CsvSink,
    json::{Decoder, EncodeOptions, Shape, VectorForm, encode, encode_table},
    view::View,
};
use http::{HeaderMap, header};
use hyper::body::Incoming;
use model::{Batch, Field, OnFault, RowFault, Table, Value, Version};
use registry::Which;

use crate::{
    answer::{Answer, JSON},
    api::{Asked, native},
    body::{self, Media},
    context::timeout_ms,
    error::{ServeError, asked as wrong, cut},
    metrics::Counted,
    predict::{self, ANSWER_BYTES, Ask, Decoded, Wire},
    query,
    tables::Reading,
};

const KEYS: [&str; 8] = ["outputs", "on_error", "version", "label", "signature", "timeout_ms", "form", "int64"];

/// What the query asks.
#[derive(Debug, Default, PartialEq)]
struct Wish {
    outputs: Option<String>,
    signature: Option<String>,
    version: Option<Version>,
    label: Option<String>,
    on_fault: OnFault,
    timeout_ms: Option<u64>,
    /// How rows stand in JSON, where not as objects.
    form: Option<TableForm>,
    /// Whether integers that float64 does not hold are strings in JSON.
    big_ints_as_text: bool,
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
                "label" => wish.label = Some(value.into_owned()),
                "timeout_ms" => wish.timeout_ms = Some(query::number("timeout_ms", &value)?),
                "form" => {
                    wish.form = match &*value {
                        "rows" => None,
                        "columns" => Some(TableForm::Columns),
                        "split" => Some(TableForm::Split),
                        other => return Err(wrong("form", other, "rows, columns or split")),
                    }
                }
                "int64" => {
                    wish.big_ints_as_text = match &*value {
                        "number" => false,
                        "string" => true,
                        other => return Err(wrong("int64", other, "number or string")),
                    }
                }
                _ => {
                    wish.on_fault = match &*value {
                        "row" => OnFault::MarkRow,
                        "call" => OnFault::FailCall,
                        other => return Err(wrong("on_error", other, "row or call")),
                    }
                }
            }
        }
        if wish.version.is_some() && wish.label.is_some() {
            return Err(wrong("query", query, "a version or a label, not both"));
        }
        match wish.form {
            Some(_) if wish.on_fault == OnFault::MarkRow => {
                Err(wrong("on_error", "row", "call where the form is not rows: only row objects can say what is wrong"))
            }
            _ => Ok(wish),
        }
    }
}

/// What answers may be, the one like the body before the others.
const OFFERED: [Media; 3] = [Media::Json, Media::Csv, Media::Arrow];

/// Returns what the answer is: what the caller likes best, among equals what the body is.
fn answered(headers: &HeaderMap, body: Media) -> Result<Media, ServeError> {
    let mut best: Option<(Media, f32)> = None;
    let mut seen = String::new();
    let mut asked = false;
    for value in headers.get_all(header::ACCEPT) {
        asked = true;
        let text = String::from_utf8_lossy(value.as_bytes());
        for range in text.split(',') {
            let (name, weight) = query::weighted(range);
            let takes = |media: &Media| {
                let family = media.name().split_once('/').map_or("", |(family, _)| family);
                let all_of = name.strip_suffix("/*").is_some_and(|of| of == "*" || of.eq_ignore_ascii_case(family));
                all_of || name.eq_ignore_ascii_case(media.name())
            };
            let found = std::iter::once(body).chain(OFFERED).find(takes).filter(|_| weight > 0.0);
            if let Some(media) = found.filter(|_| best.is_none_or(|(_, of)| weight > of)) {
                best = Some((media, weight));
            }
        }
        seen.push_str(&text);
    }
    match best {
        None if !asked => Ok(body),
        Some((media, _)) => Ok(media),
        None => Err(ServeError::NotAcceptable { offered: JSON, accept: cut(&seen) }),
    }
}

pub(in crate::api) async fn answer(asked: &Asked<'_>, body: &mut Incoming, counted: &mut Counted<'_>) -> Answer {
    match serve(asked, body, counted).await {
        Ok((bytes, media)) => Answer { content_type: media.name(), ..Answer::json(bytes) },
        Err(error) => native::failure(error, asked.context),
    }
}

async fn serve(
    asked: &Asked<'_>,
    body: &mut Incoming,
    counted: &mut Counted<'_>,
) -> Result<(Vec<u8>, Media), ServeError> {
    let Asked { state, head, context, name, .. } = asked;
    // What nobody would take is refused before the body is read.
    answered(&head.headers, Media::Json)?;
    let wish = Wish::parse(asked.query())?;
    let which = wish.label.as_deref().map_or(Which::from(wish.version), Which::Label);
    let model = asked.model(name, which).await?;
    let known = counted.set_model(state.models.of(model.name()));
    let timeout = wish.timeout_ms.map_or_else(|| timeout_ms(&head.headers), |ms| Ok(Some(ms)))?;
    let mut ask = Ask::new(model, wish.signature.as_deref(), wish.outputs.as_deref())?;
    (ask.on_fault, ask.timeout) = (wish.on_fault, state.config.timeout(timeout));
    let decoder =
        known.decoder(ask.model.handle().load(), ask.signature(), ask.outputs.as_ref(), state.config.json_limits())?;
    let received = body::receive_as(state, &head.headers, body, &OFFERED).await?;
    let reads = received.media;
    let writes = answered(&head.headers, reads)?;
    let fields = match reads {
        Media::Json => Vec::new(),
        _ => ask.signature().columns(ask.outputs.as_deref()),
    };
    let (rows_max, bytes_max) = (state.config.rows_max, state.config.expanded_bytes_max);
    let rows = Rows { decoder, wish, reads, writes, fields, rows_max, bytes_max, shape: Shape::Rows };
    let result = predict::answer(state, context, ask, rows, received.bytes.clone()).await;
    counted.count(&result);
    result.map(|(bytes, _)| (bytes, writes))
}

/// Rows of one request.
struct Rows {
    decoder: Arc<Decoder>,
    wish: Wish,
    reads: Media,
    writes: Media,
    /// The columns to read, of a body that is a table.
    fields: Vec<Field>,
    rows_max: usize,
    /// Of one message of Arrow IPC.
    bytes_max: usize,
    /// The form of the body, and so of the answer.
    shape: Shape,
}

impl Rows {
    fn options(&self) -> EncodeOptions {
        let Wish { on_fault, big_ints_as_text, .. } = self.wish;
        EncodeOptions { shape: self.shape, vectors: VectorForm::Native, on_fault, big_ints_as_text }
    }

    fn read(&mut self, body: &[u8]) -> Result<(Batch, Vec<RowFault>), ServeError> {
        let keep_bad_rows = self.wish.on_fault == OnFault::MarkRow;
        let fields = std::mem::take(&mut self.fields);
        let table = || Reading { fields, rows_max: self.rows_max, keep_bad_rows, decoder: &self.decoder };
        match (self.reads, self.wish.form) {
            (Media::Arrow, _) => table().arrow(body, self.bytes_max),
            (Media::Csv | Media::Plain | Media::Bytes, _) => table().csv(body, false),
            (Media::Json, Some(TableForm::Columns)) => Ok((self.decoder.columns(body)?, Vec::new())),
            (Media::Json, Some(TableForm::Split)) => Ok((self.decoder.split(body)?, Vec::new())),
            (Media::Json, None) => {
                let rows = self.decoder.rows(body, keep_bad_rows)?;
                self.shape = if rows.single { Shape::Single } else { Shape::Rows };
                Ok((rows.batch, rows.bad))
            }
        }
    }

    fn write(&self, answer: &Batch, out: &mut Vec<u8>) -> Result<(), ServeError> {
        let options = WriteOptions { on_fault: self.wish.on_fault };
        let mut sink: Box<dyn Sink> = match self.writes {
            Media::Arrow => Box::new(ArrowSink::stream(&mut *out, &options)),
            _ => Box::new(CsvSink::new(&mut *out, options)),
        };
        sink.write(answer)?;
        Ok(sink.finish()?)
    }
}

impl Wire for Rows {
    fn decode(&mut self, body: &Bytes) -> Result<Decoded, ServeError> {
        let (batch, bad) = self.read(body)?;
        Ok(Decoded { batch, bad, outputs: None, signature: None })
    }

    fn encode(&self, answer: &Batch) -> Result<Vec<u8>, ServeError> {
        let mut out = Vec::with_capacity(ANSWER_BYTES);
        match (self.writes, self.wish.form, View::of(answer)) {
            (Media::Csv | Media::Arrow, ..) => self.write(answer, &mut out)?,
            (_, Some(form), Some(table)) => columns::encode(&table, form, self.wish.big_ints_as_text, &mut out),
            // The one row was dropped; an object was sent, so no array comes back.
            _ if self.shape == Shape::Single && is_empty(answer) => out.extend_from_slice(b"null"),
            _ => encode(answer, self.options(), &mut out)?,
        }
        Ok(out)
    }

    fn takes_tables(&self) -> bool {
        self.writes == Media::Json
    }

    fn encode_table(&self, answer: &dyn Table) -> Result<Vec<u8>, ServeError> {
        let mut out = Vec::with_capacity(ANSWER_BYTES);
        match self.wish.form {
            Some(form) => columns::encode(answer, form, self.wish.big_ints_as_text, &mut out),
            None => encode_table(answer, self.options(), &mut out),
        }
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
        let wish = Wish::parse("outputs=a%2Cb&on_error=row&version=3&signature=s&timeout_ms=7&form=rows&int64=string")
            .unwrap();
        let expected = Wish {
            outputs: Some("a,b".into()),
            signature: Some("s".into()),
            label: None,
            version: Some(Version(3)),
            on_fault: OnFault::MarkRow,
            timeout_ms: Some(7),
            form: None,
            big_ints_as_text: true,
        };
        assert_eq!(wish, expected);
        assert_eq!(Wish::parse("").unwrap(), Wish::default());
    }

    #[test]
    fn the_answer_is_what_is_liked_best() {
        let check = |accept: &'static str, body: Media, expected: Option<Media>| {
            let headers = [(header::ACCEPT, http::HeaderValue::from_static(accept))].into_iter().collect();
            assert_eq!(answered(&headers, body).ok(), expected, "{accept}");
        };
        check("*/*", Media::Csv, Some(Media::Csv));
        check("application/json;q=0.5, text/csv", Media::Json, Some(Media::Csv));
        check("application/*", Media::Csv, Some(Media::Json));
        check("application/*", Media::Arrow, Some(Media::Arrow));
        check("text/html", Media::Json, None);
        assert_eq!(answered(&HeaderMap::new(), Media::Arrow).ok(), Some(Media::Arrow));
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let refused = |query: &str, part: &str| {
            let error = Wish::parse(query).unwrap_err().to_string();
            assert!(error.contains(part), "{query}: {error}");
        };
        refused("output=a", "expected one of outputs, on_error, version, label, signature, timeout_ms, form, int64");
        refused("version=0", "expected a whole number above 0");
        refused("version=newest", "version \"newest\"");
        refused("on_error=skip", "expected row or call");
        refused("outputs=a&outputs=b", "each key once");
        refused("form=tree", "expected rows, columns or split");
        refused("form=split&on_error=row", "call where the form is not rows");
        refused("int64=text", "expected number or string");
    }
}
