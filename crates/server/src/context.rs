//! Who asks: the request id, the trace and the wish for a deadline, read from the head of a request.
//!
//! The id is the caller's `x-request-id` where it is well formed, else the trace's, so that one number finds a request in
//! answers, logs and traces. Without a `traceparent` a trace begins here.

use std::{
    hash::{BuildHasher, RandomState},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Instant,
};

use http::{HeaderMap, HeaderName};
use model::{RequestId, Trace};

use crate::{
    error::{ServeError, asked},
    query,
};

pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
const TIMEOUT: HeaderName = HeaderName::from_static("x-forebay-timeout-ms");

/// The standard asks to pass on at least so many characters of `tracestate`; longer ones are left out.
const TRACESTATE_MAX: usize = 512;

/// Numbers that are unique in this process and, by their random half, among processes.
#[derive(Debug)]
pub(crate) struct Ids {
    process: u64,
    next: AtomicU64,
}

impl Ids {
    pub fn new() -> Ids {
        // The hasher's keys are the randomness that `std` offers.
        let random = RandomState::new();
        Ids { process: random.hash_one(0) | 1, next: AtomicU64::new(random.hash_one(1)) }
    }

    fn number(&self) -> u128 {
        // A bijection (splitmix64), so that ids that follow one another do not look alike.
        let mut x = self.next.fetch_add(0x9e37_79b9_7f4a_7c15, Relaxed);
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        u128::from(self.process) << 64 | u128::from(x ^ (x >> 31))
    }
}

/// What travels with every call of one request.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    pub id: RequestId,
    pub trace: Trace,
    pub begun: Instant,
}

impl Context {
    pub fn new(ids: &Ids, headers: &HeaderMap) -> Context {
        let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        let trace = match text(TRACEPARENT).and_then(Trace::parse) {
            Some(trace) => {
                let state = text(TRACESTATE).filter(|state| state.len() <= TRACESTATE_MAX).map(Arc::from);
                Trace { state, ..trace }
            }
            None => Trace { trace_id: ids.number(), ..Trace::default() },
        };
        let id = text(REQUEST_ID).and_then(RequestId::parse);
        Context { id: id.unwrap_or_else(|| RequestId::from_number(trace.trace_id)), trace, begun: Instant::now() }
    }
}

/// Returns the deadline that a header asks for.
pub(crate) fn timeout_ms(headers: &HeaderMap) -> Result<Option<u64>, ServeError> {
    let Some(value) = headers.get(TIMEOUT) else { return Ok(None) };
    let text = value.to_str().map_err(|_| asked(TIMEOUT.as_str(), "", "a whole number above 0"))?;
    query::number(TIMEOUT.as_str(), text).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(headers: &[(HeaderName, &'static str)], expected_id: Option<&str>, expected_trace: Option<u128>) {
        let headers = headers.iter().map(|(k, v)| (k.clone(), http::HeaderValue::from_static(v))).collect();
        let context = Context::new(&Ids::new(), &headers);
        match expected_id {
            Some(id) => assert_eq!(context.id.as_str(), id),
            None => assert_eq!(context.id, RequestId::from_number(context.trace.trace_id)),
        }
        if let Some(trace) = expected_trace {
            assert_eq!(context.trace.trace_id, trace);
        }
        assert_ne!(context.trace.trace_id, 0);
    }

    #[test]
    fn the_callers_id_and_trace_or_ours() {
        const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let trace = 0x4bf92f3577b34da6a3ce929d0e0e4736;
        check(&[], None, None);
        check(&[(REQUEST_ID, "order-17")], Some("order-17"), None);
        check(&[(REQUEST_ID, "a \"quote\"")], None, None);
        check(&[(TRACEPARENT, PARENT)], Some("4bf92f3577b34da6a3ce929d0e0e4736"), Some(trace));
        check(&[(TRACEPARENT, PARENT), (REQUEST_ID, "x")], Some("x"), Some(trace));
        check(&[(TRACEPARENT, "00-zz")], None, None);
    }

    #[test]
    fn ids_do_not_repeat() {
        let ids = Ids::new();
        let numbers: std::collections::BTreeSet<_> = (0..1000).map(|_| ids.number()).collect();
        assert_eq!(numbers.len(), 1000);
    }
}
