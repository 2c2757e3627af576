//! `GET /api/v1/events`: what happens to models, as server-sent events or as JSON.
//!
//! Each event has a number. A stream begins after the one that `Last-Event-ID` names, without it with what comes next; a comment every
//! few seconds says that the connection lives. Who reads slowly keeps the server waiting for him alone: events are taken from the
//! ring of the last ones as fast as he reads, and where that has gone on without him a comment says so. Streams end with the server.
//! With `accept: application/json`, or `?since=NUMBER`, the answer is a list.

use std::{fmt::Write, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, header};
use hyper::body::Frame;
use model::PredictError;
use registry::Event;
use tokio::sync::mpsc;

use crate::{
    answer::{Answer, Object, rfc3339},
    api::{Asked, native},
    error::{ServeError, asked as wrong},
    query,
    state::State,
};

/// Callers that follow at once.
pub(crate) const FOLLOWERS_MAX: usize = 64;

const KEYS: [&str; 2] = ["since", "limit"];
const SSE: &str = "text/event-stream";
const LAST_EVENT_ID: &str = "last-event-id";

/// Events in one list, and in one frame.
const LIST_MAX: usize = 1_000;
const FRAME_MAX: usize = 64;

/// Frames that wait for their caller to read them.
const WAITING_MAX: usize = 2;

/// Between two comments: proxies close what is silent for a minute.
const HEARTBEAT: Duration = Duration::from_secs(15);

pub(in crate::api) fn answer(asked: &Asked<'_>) -> Answer {
    let made = || {
        let wish = Wish::parse(asked.query())?;
        let accepts = accepted(&asked.head.headers);
        let streams = accepts.unwrap_or(wish.since.is_none());
        if streams { stream(asked, &wish) } else { Ok(list(asked.state, &wish)) }
    };
    made().unwrap_or_else(|error| native::failure(error, asked.context))
}

/// What the query asks.
struct Wish {
    since: Option<u64>,
    limit: usize,
}

impl Wish {
    fn parse(text: &str) -> Result<Wish, ServeError> {
        let mut wish = Wish { since: None, limit: LIST_MAX };
        for (key, value) in query::pairs(text)? {
            let number = || value.parse::<u64>().map_err(|_| wrong(&*key, &value, "a whole number"));
            match &*key {
                "since" => wish.since = Some(number()?),
                "limit" => wish.limit = usize::try_from(number()?).unwrap_or(LIST_MAX).clamp(1, LIST_MAX),
                _ => return Err(query::unknown(&key, &KEYS)),
            }
        }
        Ok(wish)
    }
}

/// Returns whether the caller names a stream (or JSON), where he names either.
fn accepted(headers: &HeaderMap) -> Option<bool> {
    let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let names = values.flat_map(|value| value.split(',')).map(|range| query::weighted(range).0.to_ascii_lowercase());
    names.into_iter().find_map(|name| match &*name {
        SSE => Some(true),
        "application/json" => Some(false),
        _ => None,
    })
}

fn list(state: &State, wish: &Wish) -> Answer {
    let events = state.gateway.registry().events();
    let mut body = String::new();
    let mut object = Object::new(&mut body);
    object.list("events", events.since(wish.since.unwrap_or(0), wish.limit), |out, event| put(out, &event));
    object.plain("last", events.last());
    object.end();
    Answer::json(body)
}

fn put(out: &mut String, event: &Event) {
    let mut object = Object::new(out);
    object.plain("number", event.number);
    object.text("at", &rfc3339(event.at));
    object.text("kind", event.kind.name());
    object.text("model", &event.model);
    if let Some(version) = event.version {
        object.plain("version", version);
    }
    object.some_text("label", event.label.as_deref());
    object.some_text("message", event.message.as_deref());
    object.end();
}

fn stream(asked: &Asked<'_>, wish: &Wish) -> Result<Answer, ServeError> {
    let state = asked.state.clone();
    let full = || PredictError::Overloaded {
        message: format!("{FOLLOWERS_MAX} callers follow the events already"),
        retry_after: None,
    };
    let place = state.followers.clone().try_acquire_owned().map_err(|_| full())?;
    let last = match asked.head.headers.get(LAST_EVENT_ID).map(|value| value.to_str().unwrap_or_default().trim()) {
        Some(text) => text.parse().map_err(|_| wrong(LAST_EVENT_ID, text, "the number of an event"))?,
        None => wish.since.unwrap_or_else(|| state.gateway.registry().events().last()),
    };
    let (sender, frames) = mpsc::channel(WAITING_MAX);
    tokio::spawn(async move {
        let gone = sender.clone();
        tokio::select! {
            () = follow(&state, last, sender) => {}
            () = state.drained() => {}
            () = gone.closed() => {}
        }
        drop(place);
    });
    Ok(Answer { content_type: SSE, stream: Some(frames), ..Answer::json("") })
}

/// Sends events after `last` as they come, until nobody reads them.
async fn follow(state: &Arc<State>, mut last: u64, sender: mpsc::Sender<Frame<Bytes>>) {
    let mut told = state.events.clone();
    // The head of the answer goes out with the first bytes.
    let mut text = String::from(": events of models\n\n");
    loop {
        loop {
            told.mark_unchanged();
            let events = state.gateway.registry().events().since(last, FRAME_MAX);
            let Some(first) = events.first() else { break };
            if first.number > last + 1 {
                let _ = write!(text, ": events before {} are not kept any more\n\n", first.number);
            }
            for event in &events {
                let _ = write!(text, "id: {}\nevent: {}\ndata: ", event.number, event.kind.name());
                put(&mut text, event);
                text.push_str("\n\n");
                last = event.number;
            }
            if send(&sender, &mut text).await.is_err() {
                return;
            }
        }
        if !text.is_empty() && send(&sender, &mut text).await.is_err() {
            return;
        }
        match tokio::time::timeout(HEARTBEAT, told.changed()).await {
            Ok(Ok(())) => {}
            // Nobody adds events any more.
            Ok(Err(_)) => return,
            Err(_) => text.push_str(": alive\n\n"),
        }
    }
}

async fn send(sender: &mpsc::Sender<Frame<Bytes>>, text: &mut String) -> Result<(), ()> {
    sender.send(Frame::data(std::mem::take(text).into())).await.map_err(drop)
}
