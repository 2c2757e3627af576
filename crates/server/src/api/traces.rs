//! The traces that are kept, as Zipkin's v2 API shows them (<https://zipkin.io/zipkin-api/#/>): `/api/v2/traces`,
//! `/api/v2/trace/{id}`, `/api/v2/services`, `/api/v2/spans`. Zipkin's page and clients of it can be pointed here.

use std::{
    collections::BTreeSet,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use model::PredictError;

use super::{Asked, native};
use crate::{
    answer::{Answer, put_list, put_text},
    error::{ServeError, asked as wrong},
    query,
    trace::{Kept, Request, zipkin},
};

const KEYS: [&str; 8] =
    ["serviceName", "spanName", "annotationQuery", "minDuration", "maxDuration", "endTs", "lookback", "limit"];

/// Zipkin's own default.
const LIMIT: usize = 10;

/// What the query asks.
struct Wish {
    service: Option<String>,
    span: Option<String>,
    /// Words of `annotationQuery`: a tag, or a tag and its value.
    tags: Vec<(String, Option<String>)>,
    min: Duration,
    max: Duration,
    from: Duration,
    to: Duration,
    limit: usize,
}

impl Wish {
    fn parse(text: &str) -> Result<Wish, ServeError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let (min, max) = (Duration::ZERO, Duration::MAX);
        let mut wish = Wish { service: None, span: None, tags: Vec::new(), min, max, from: min, to: now, limit: LIMIT };
        let mut lookback = None;
        for (key, value) in query::pairs(text)? {
            match &*key {
                // Zipkin's page sends `all` where nobody chose.
                "serviceName" | "spanName" if value.is_empty() || value == "all" => {}
                "serviceName" => wish.service = Some(value.to_lowercase()),
                "spanName" => wish.span = Some(value.to_lowercase()),
                "annotationQuery" => wish.tags = value.split(" and ").filter_map(tag).collect(),
                "minDuration" => wish.min = Duration::from_micros(query::number(&key, &value)?),
                "maxDuration" => wish.max = Duration::from_micros(query::number(&key, &value)?),
                "endTs" => wish.to = Duration::from_millis(query::number(&key, &value)?),
                "lookback" => lookback = Some(Duration::from_millis(query::number(&key, &value)?)),
                "limit" => wish.limit = usize::try_from(query::number(&key, &value)?).unwrap_or(usize::MAX),
                _ => return Err(query::unknown(&key, &KEYS)),
            }
        }
        wish.from = lookback.map_or(Duration::ZERO, |back| wish.to.saturating_sub(back));
        Ok(wish)
    }

    fn takes(&self, spans: &[&Kept], service: &str) -> bool {
        let took = spans.iter().map(|span| span.took).max().unwrap_or_default();
        let begun = spans.iter().map(|span| span.begun).min().unwrap_or_default();
        let has = |(key, value): &(String, Option<String>)| {
            let mut tags = spans.iter().flat_map(|span| &span.tags);
            tags.any(|(k, v)| k == key && value.as_ref().is_none_or(|value| value == v))
        };
        self.service.as_ref().is_none_or(|name| *name == service.to_lowercase())
            && self.span.as_ref().is_none_or(|name| spans.iter().any(|span| span.name.to_lowercase() == *name))
            && self.tags.iter().all(has)
            && (self.min..=self.max).contains(&took)
            && (self.from..=self.to + Duration::from_secs(1)).contains(&begun)
    }
}

fn tag(word: &str) -> Option<(String, Option<String>)> {
    let word = word.trim();
    match word.split_once('=') {
        _ if word.is_empty() => None,
        Some((key, value)) => Some((key.to_owned(), Some(value.to_owned()))),
        None => Some((word.to_owned(), None)),
    }
}

/// `GET /api/v2/traces`: a list of traces, the newest first, each a list of its spans.
pub(super) fn list(asked: &Asked<'_>) -> Answer {
    let wish = match Wish::parse(asked.query()) {
        Ok(wish) => wish,
        Err(error) => return native::failure(error, asked.context),
    };
    let service = &asked.state.tracer.config().service;
    let last = asked.state.tracer.last();
    let traces = traces(&last).into_iter().filter(|spans| wish.takes(spans, service)).take(wish.limit);
    let mut body = String::new();
    put_list(&mut body, traces, |out, spans| put_trace(out, &spans, service));
    Answer::json(body)
}

/// Returns the spans by trace: several requests may be of one.
fn traces(last: &[Request]) -> Vec<Vec<&Kept>> {
    let mut traces: Vec<Vec<&Kept>> = Vec::new();
    let mut places = std::collections::HashMap::new();
    for request in last {
        let Some(first) = request.first() else { continue };
        let place = *places.entry(first.trace_id).or_insert_with(|| {
            traces.push(Vec::new());
            traces.len() - 1
        });
        traces[place].extend(request.iter());
    }
    traces
}

fn put_trace(out: &mut String, spans: &[&Kept], service: &str) {
    put_list(out, spans, |out, span| zipkin::put_span(out, span, service));
}

/// `GET /api/v2/trace/{id}`.
pub(super) fn one(asked: &Asked<'_>) -> Answer {
    let hex =
        |text: &str| (text.len() == 16 || text.len() == 32).then(|| u128::from_str_radix(text, 16).ok()).flatten();
    let Some(id) = hex(asked.name) else {
        return native::failure(wrong("trace", asked.name, "16 or 32 hexadecimal digits"), asked.context);
    };
    let last = asked.state.tracer.last();
    match traces(&last).into_iter().find(|spans| spans[0].trace_id == id) {
        Some(spans) => {
            let mut body = String::new();
            put_trace(&mut body, &spans, &asked.state.tracer.config().service);
            Answer::json(body)
        }
        None => {
            let what = format!("trace {}; the last ones are kept (trace.keep_spans)", asked.name);
            native::failure(PredictError::NotFound { what }.into(), asked.context)
        }
    }
}

/// `GET /api/v2/services`: ours, once it has spans.
pub(super) fn services(asked: &Asked<'_>) -> Answer {
    let tracer = &asked.state.tracer;
    let ours = (!tracer.last().is_empty()).then_some(&tracer.config().service);
    let mut body = String::new();
    put_list(&mut body, ours, |out, name| put_text(out, name));
    Answer::json(body)
}

/// `GET /api/v2/spans?serviceName=`: the names of its spans.
pub(super) fn names(asked: &Asked<'_>) -> Answer {
    let wish = match Wish::parse(asked.query()) {
        Ok(wish) => wish,
        Err(error) => return native::failure(error, asked.context),
    };
    let (last, service) = (asked.state.tracer.last(), asked.state.tracer.config().service.to_lowercase());
    let ours = wish.service.is_none_or(|name| name == service);
    let spans = last.iter().flat_map(|request| request.iter()).filter(|_| ours);
    let names: BTreeSet<&str> = spans.map(|span| &*span.name).collect();
    let mut body = String::new();
    put_list(&mut body, names, put_text);
    Answer::json(body)
}
