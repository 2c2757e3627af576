//! Receiving a request's body, within its limits.
//!
//! A small body lies in the same packet as its head and is there at the first poll: one piece, nothing copied, no timer.
//! Only a body that keeps us waiting gets a timer, and only one in several pieces is copied together and counted against
//! the bytes of all bodies. One that comes packed is unpacked to a bounded size.

use std::{
    future::poll_fn,
    pin::Pin,
    sync::atomic::{AtomicUsize, Ordering},
    task::Poll,
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use codec::{CodecError, coding::Coding};
use http::{HeaderMap, header};
use hyper::body::{Body, Incoming};

use crate::{answer::BYTES, config::Config, error::ServeError, predict::Pool, state::State};

/// Bytes held for bodies that came in several pieces.
#[derive(Debug, Default)]
pub(crate) struct Held(AtomicUsize);

/// A body, and its share of [`Held`], given back on drop.
#[derive(Debug)]
pub(crate) struct Received<'a> {
    /// As they were before they were packed.
    pub bytes: Bytes,
    pub media: Media,
    share: Share<'a>,
}

#[derive(Debug)]
pub(crate) struct Share<'a> {
    held: &'a Held,
    bytes: usize,
    limit: usize,
}

/// What a body may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Media {
    Json,
    Csv,
    /// Text of no kind, which some clients say of CSV.
    Plain,
    /// Arrow IPC, stream or file.
    Arrow,
    /// JSON and the bytes of tensors after it.
    Bytes,
}

impl Media {
    /// The name of answers of this kind.
    pub const fn name(self) -> &'static str {
        match self {
            Media::Json => "application/json",
            Media::Csv => "text/csv",
            Media::Plain => "text/plain",
            Media::Arrow => "application/vnd.apache.arrow.stream",
            Media::Bytes => BYTES,
        }
    }

    fn of(content_type: &[u8]) -> Option<Media> {
        let essence = content_type.split(|&b| b == b';').next().unwrap_or_default().trim_ascii();
        let is = |name: &str| essence.eq_ignore_ascii_case(name.as_bytes());
        match () {
            () if is_json(content_type) => Some(Media::Json),
            () if is("text/csv") || is("application/csv") => Some(Media::Csv),
            () if is("text/plain") => Some(Media::Plain),
            () if is(Media::Arrow.name()) || is("application/vnd.apache.arrow.file") => Some(Media::Arrow),
            () if is(BYTES) => Some(Media::Bytes),
            () => None,
        }
    }
}

/// How the headers say that a body comes.
struct Coming {
    media: Media,
    coding: Option<Coding>,
}

/// Refuses what is known to be too large, of another type or compressed in another way, before a byte is read.
fn check_headers(headers: &HeaderMap, config: &Config, takes: &[Media]) -> Result<Coming, ServeError> {
    let shown = |value: &http::HeaderValue| crate::error::cut(&String::from_utf8_lossy(value.as_bytes()));
    let coding = match headers.get(header::CONTENT_ENCODING) {
        Some(value) if !value.as_bytes().eq_ignore_ascii_case(b"identity") => {
            let known = value.to_str().ok().and_then(Coding::from_name);
            Some(known.ok_or_else(|| ServeError::Encoding { got: shown(value) })?)
        }
        _ => None,
    };
    let media = match headers.get(header::CONTENT_TYPE) {
        None => takes.first().copied().unwrap_or(Media::Json),
        Some(value) => Media::of(value.as_bytes()).filter(|media| takes.contains(media)).ok_or_else(|| {
            let takes = takes.iter().map(|media| media.name()).collect::<Vec<_>>().join(" or ");
            ServeError::MediaType { got: shown(value), takes }
        })?,
    };
    let length = headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
    match length {
        Some(length) if length > config.body_bytes_max as u64 => {
            Err(ServeError::BodyTooLarge { limit: config.body_bytes_max })
        }
        _ => Ok(Coming { media, coding }),
    }
}

/// `application/json`, `application/<anything>+json`, and what curl says where nobody said anything; parameters such as the charset do not matter.
fn is_json(content_type: &[u8]) -> bool {
    let essence = content_type.split(|&b| b == b';').next().unwrap_or_default().trim_ascii();
    let is = |text: &[u8], tail: &[u8]| {
        text.len() >= tail.len() && text[text.len() - tail.len()..].eq_ignore_ascii_case(tail)
    };
    essence.eq_ignore_ascii_case(b"application/json")
        // What curl says of every body that `-d` gives it; a form is no JSON and is refused as that.
        || essence.eq_ignore_ascii_case(b"application/x-www-form-urlencoded")
        || (essence.len() > 12 && essence[..12].eq_ignore_ascii_case(b"application/") && is(essence, b"+json"))
}

/// Receives a body of JSON, unless its headers say that it would be refused.
pub(crate) async fn receive<'a>(
    state: &'a State,
    headers: &HeaderMap,
    body: &mut Incoming,
) -> Result<Received<'a>, ServeError> {
    receive_as(state, headers, body, &[Media::Json]).await
}

/// Receives a body of one of these kinds; where no header says its kind it is of the first.
pub(crate) async fn receive_as<'a>(
    state: &'a State,
    headers: &HeaderMap,
    body: &mut Incoming,
    takes: &[Media],
) -> Result<Received<'a>, ServeError> {
    let coming = check_headers(headers, &state.config, takes)?;
    let mut received = receive_any(body, &state.config, &state.held).await?;
    received.media = coming.media;
    match coming.coding {
        Some(coding) => received.unpack(state, coding).await,
        None => Ok(received),
    }
}

impl<'a> Received<'a> {
    /// Puts what was packed in the place of the bytes.
    pub async fn unpack(mut self, state: &State, coding: Coding) -> Result<Received<'a>, ServeError> {
        let packed = self.bytes.len();
        self.bytes = unpacked(state, coding, self.bytes).await?;
        self.share.grow(packed + self.bytes.len())?;
        Ok(self)
    }
}

/// Receives a body of any type as it comes.
pub(crate) async fn receive_any<'a>(
    body: &mut Incoming,
    config: &Config,
    held: &'a Held,
) -> Result<Received<'a>, ServeError> {
    let mut pieces = Pieces {
        first: Bytes::new(),
        joined: BytesMut::new(),
        max: config.body_bytes_max,
        share: Share::new(held, config),
    };
    // The first poll without a timer: nearly every small body is whole by then.
    let at_once = poll_fn(|cx| match pieces.poll(body, cx) {
        Poll::Ready(result) => Poll::Ready(Some(result)),
        Poll::Pending => Poll::Ready(None),
    });
    match at_once.await {
        Some(result) => result?,
        None => {
            let rest = poll_fn(|cx| pieces.poll(body, cx));
            let time = Duration::from_millis(config.body_timeout_ms);
            match tokio::time::timeout(time, rest).await {
                Ok(result) => result?,
                Err(_) => return Err(ServeError::BodyTimeout { ms: config.body_timeout_ms }),
            }
        }
    }
    let bytes = if pieces.joined.is_empty() { pieces.first } else { pieces.joined.freeze() };
    Ok(Received { bytes, media: Media::Json, share: pieces.share })
}

/// Returns what was packed: at once where it is small, else from the compute pool.
pub(crate) async fn unpacked(state: &State, coding: Coding, packed: Bytes) -> Result<Bytes, ServeError> {
    const KEY: &str = "server.expanded_bytes_max";
    let (small, most) = (state.config.inline_bytes_max, state.config.expanded_bytes_max);
    if packed.len() <= small {
        match coding.unpack(&packed, small.min(most), KEY) {
            Err(CodecError::TooLarge { .. }) if small < most => {}
            result => return Ok(result?.into()),
        }
    }
    let pool = Pool { state, deadline: tokio::time::Instant::now() + state.config.timeout(None) };
    Ok(pool.run(move || coding.unpack(&packed, most, KEY)).await??.into())
}

/// Reads what is left of a refused body, within reason: a peer that is still writing when its connection closes may never
/// see the answer.
pub(crate) async fn discard(headers: &HeaderMap, body: &mut Incoming, config: &Config) {
    const TIME: Duration = Duration::from_secs(1);
    // Whoever asked first is told no before sending anything.
    if body.is_end_stream() || headers.contains_key(header::EXPECT) {
        return;
    }
    let mut left = config.body_bytes_max.saturating_mul(4);
    let rest = poll_fn(|cx| {
        loop {
            match Pin::new(&mut *body).poll_frame(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(Ok(frame))) => match left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) {
                    Some(less) => left = less,
                    None => return Poll::Ready(()),
                },
                Poll::Ready(None | Some(Err(_))) => return Poll::Ready(()),
            }
        }
    });
    let _ = tokio::time::timeout(TIME, rest).await;
}

struct Pieces<'a> {
    first: Bytes,
    /// Holds everything once there is a second piece.
    joined: BytesMut,
    max: usize,
    share: Share<'a>,
}

impl Pieces<'_> {
    fn poll(&mut self, body: &mut Incoming, cx: &mut std::task::Context<'_>) -> Poll<Result<(), ServeError>> {
        loop {
            match Pin::new(&mut *body).poll_frame(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => return Poll::Ready(Ok(())),
                Poll::Ready(Some(Err(error))) => {
                    return Poll::Ready(Err(ServeError::BodyBroken { reason: error.to_string() }));
                }
                Poll::Ready(Some(Ok(frame))) => {
                    if let Ok(data) = frame.into_data() {
                        self.add(data)?;
                    }
                }
            }
            // Saves the last, empty poll.
            if body.is_end_stream() {
                return Poll::Ready(Ok(()));
            }
        }
    }

    fn add(&mut self, data: Bytes) -> Result<(), ServeError> {
        let have = self.first.len().max(self.joined.len());
        if have + data.len() > self.max {
            return Err(ServeError::BodyTooLarge { limit: self.max });
        }
        if have == 0 {
            self.first = data;
            return Ok(());
        }
        self.share.grow(have + data.len())?;
        if self.joined.is_empty() {
            self.joined.extend_from_slice(&self.first);
        }
        self.joined.extend_from_slice(&data);
        Ok(())
    }
}

impl<'a> Share<'a> {
    pub fn new(held: &'a Held, config: &Config) -> Share<'a> {
        Share { held, bytes: 0, limit: config.bodies_bytes_max }
    }

    /// Takes what is more than it has.
    pub fn grow(&mut self, to: usize) -> Result<(), ServeError> {
        let more = to.saturating_sub(self.bytes);
        let before = self.held.0.fetch_add(more, Ordering::Relaxed);
        self.bytes += more;
        if before + more > self.limit { Err(ServeError::BodiesTooLarge { limit: self.limit }) } else { Ok(()) }
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.held.0.fetch_sub(self.bytes, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_told_by_its_essence() {
        for json in [
            "application/x-www-form-urlencoded",
            "application/json",
            "Application/JSON; charset=utf-8",
            "application/vnd.x+json",
        ] {
            assert!(is_json(json.as_bytes()), "{json}");
        }
        for other in ["text/plain", "application/jsonx", "text/x+json", ""] {
            assert!(!is_json(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn ashare_of_the_held_bytes_is_given_back() {
        let held = Held::default();
        let mut one = Share { held: &held, bytes: 0, limit: 10 };
        let mut two = Share { held: &held, bytes: 0, limit: 10 };
        assert!(one.grow(6).is_ok() && two.grow(6).is_err());
        drop(one);
        drop(two);
        assert_eq!(held.0.load(Ordering::Relaxed), 0);
    }
}
