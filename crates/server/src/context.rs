//! Who asks: the request id, the trace and the wish for a deadline, read from the head of a request.
//!
//! The id is the caller's `x-request-id` where it is well formed, else the trace's, so that one number finds a request in
//! answers, logs and traces. A caller's trace is told by `traceparent` or by Zipkin's B3 headers; without either one begins
//! here, and whether its spans are kept is ours to decide.

use std::{
    hash::{BuildHasher, RandomState},
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use http::{HeaderMap, HeaderName};
use model::{RequestId, Spans, Trace, Version};

use crate::{
    auth::Caller,
    error::{ServeError, asked},
    query,
    trace::Tracer,
};

pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
const B3: HeaderName = HeaderName::from_static("b3");
const B3_TRACE: HeaderName = HeaderName::from_static("x-b3-traceid");
const B3_SPAN: HeaderName = HeaderName::from_static("x-b3-spanid");
const B3_SAMPLED: HeaderName = HeaderName::from_static("x-b3-sampled");
const B3_FLAGS: HeaderName = HeaderName::from_static("x-b3-flags");
const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");
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

    /// Returns the id of a span: never 0.
    pub fn span(&self) -> u64 {
        self.number() as u64 | 1
    }

    pub fn number(&self) -> u128 {
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
    /// The span of this request, where it is traced.
    pub span_id: u64,
    /// Where to say what took how long, where it is traced.
    pub spans: Option<Arc<Spans>>,
    pub begun: Instant,
    /// Who asks, where callers are told apart.
    pub caller: Option<Arc<Caller>>,
    /// Where he asks from.
    pub peer: Option<SocketAddr>,
    /// Which version he asked.
    pub asked: AskedVersion,
}

/// A version, once it is known; it belongs to one request.
#[derive(Debug, Default)]
pub(crate) struct AskedVersion(AtomicU64);

impl AskedVersion {
    pub fn set(&self, version: Version) {
        self.0.store(version.0, Relaxed);
    }

    /// Returns its number; 0 before it is known.
    pub fn number(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

impl Clone for AskedVersion {
    /// What is cloned is for another request.
    fn clone(&self) -> AskedVersion {
        AskedVersion::default()
    }
}

impl Context {
    pub fn new(ids: &Ids, tracer: &Tracer, headers: &HeaderMap) -> Context {
        let Asked { decided, mut trace } = caller(headers).unwrap_or_default();
        if trace.trace_id == 0 {
            trace.trace_id = ids.number();
        }
        if !decided && tracer.samples(trace.trace_id) {
            trace.flags |= Trace::SAMPLED;
        }
        let id = text(headers, &REQUEST_ID).and_then(RequestId::parse);
        let spans = trace.is_sampled().then(Arc::default);
        Context {
            id: id.unwrap_or_else(|| RequestId::from_number(trace.trace_id)),
            span_id: if spans.is_some() { ids.span() } else { 0 },
            spans,
            trace,
            begun: Instant::now(),
            caller: None,
            peer: None,
            asked: AskedVersion::default(),
        }
    }
}

/// A caller's trace, and whether he decided if its spans are kept.
#[derive(Default)]
struct Asked {
    trace: Trace,
    decided: bool,
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Returns the caller's trace: W3C's headers, else B3's.
fn caller(headers: &HeaderMap) -> Option<Asked> {
    if let Some(trace) = text(headers, &TRACEPARENT).and_then(Trace::parse) {
        let state = text(headers, &TRACESTATE).filter(|state| state.len() <= TRACESTATE_MAX).map(Arc::from);
        return Some(Asked { trace: Trace { state, ..trace }, decided: true });
    }
    if let Some(b3) = text(headers, &B3) {
        return match Trace::parse_b3(b3) {
            Some(trace) => Some(Asked { trace, decided: b3.split('-').nth(2).is_some() }),
            // The decision alone, without a trace.
            None if matches!(b3, "0" | "1" | "d") => {
                let flags = if b3 == "0" { 0 } else { Trace::SAMPLED };
                Some(Asked { trace: Trace { flags, ..Trace::default() }, decided: true })
            }
            None => None,
        };
    }
    let sampled = text(headers, &B3_FLAGS).filter(|flags| *flags == "1").or(text(headers, &B3_SAMPLED));
    let (trace, span) = (text(headers, &B3_TRACE)?, text(headers, &B3_SPAN)?);
    let trace = Trace::from_b3(trace, span, sampled.unwrap_or("0"))?;
    Some(Asked { trace, decided: sampled.is_some() })
}

/// Returns the time that `grpc-timeout` gives a call: at most eight digits and a unit.
pub(crate) fn grpc_timeout(headers: &HeaderMap) -> Result<Option<Duration>, ServeError> {
    let Some(value) = headers.get(GRPC_TIMEOUT) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default();
    let read = || {
        let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
        let number: u64 = digits.parse().ok().filter(|_| digits.len() <= 8 && !digits.starts_with('+'))?;
        Some(match unit {
            "H" => Duration::from_secs(number * 3600),
            "M" => Duration::from_secs(number * 60),
            "S" => Duration::from_secs(number),
            "m" => Duration::from_millis(number),
            "u" => Duration::from_micros(number),
            "n" => Duration::from_nanos(number),
            _ => return None,
        })
    };
    read().map(Some).ok_or_else(|| asked(GRPC_TIMEOUT.as_str(), text, "up to eight digits and one of H, M, S, m, u, n"))
}

/// Returns the time that a request has by its headers: ours, or what it asks for where that is less. What is wrong with them is
/// said by those who answer.
pub(crate) fn allowed(headers: &HeaderMap, ours: Duration) -> Duration {
    let asked = timeout_ms(headers).ok().flatten().map(Duration::from_millis);
    let grpc = grpc_timeout(headers).ok().flatten();
    asked.into_iter().chain(grpc).fold(ours, Duration::min)
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
        let context = Context::new(&Ids::new(), &Tracer::new(crate::trace::Config::default()), &headers);
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
    fn callers_decide_what_is_traced_and_else_we_do() {
        const TRACE: &str = "463ac35c9f6413ad48485a3953bb6124";
        const SPAN: &str = "a2fb4a1d1a96d312";
        let check = |sample: f64, headers: &[(HeaderName, String)], trace: bool, traced: bool| {
            let headers = headers.iter().map(|(k, v)| (k.clone(), http::HeaderValue::from_str(v).unwrap())).collect();
            let tracer = Tracer::new(crate::trace::Config { sample, ..Default::default() });
            let context = Context::new(&Ids::new(), &tracer, &headers);
            let joined = context.trace.trace_id == 0x463ac35c9f6413ad48485a3953bb6124;
            assert_eq!((joined, context.spans.is_some()), (trace, traced), "{sample} {headers:?}");
            assert_eq!(context.span_id != 0, traced);
        };
        let b3 = |sampled: &str| (B3, format!("{TRACE}-{SPAN}{sampled}"));
        check(0.0, &[b3("-1")], true, true);
        check(1.0, &[b3("-0")], true, false);
        check(1.0, &[b3("")], true, true);
        check(0.0, &[b3("")], true, false);
        check(0.0, &[(B3, "d".to_owned())], false, true);
        check(1.0, &[(B3, "0".to_owned())], false, false);
        let several = [(B3_TRACE, TRACE.to_owned()), (B3_SPAN, SPAN.to_owned())];
        check(1.0, &several, true, true);
        check(1.0, &[several.clone(), [(B3_SAMPLED, "0".to_owned()), several[0].clone()]].concat(), true, false);
        check(0.0, &[several.clone(), [(B3_FLAGS, "1".to_owned()), several[0].clone()]].concat(), true, true);
        check(1.0, &[(TRACEPARENT, format!("00-{TRACE}-{SPAN}-00"))], true, false);
        check(0.0, &[(TRACEPARENT, format!("00-{TRACE}-{SPAN}-01")), b3("-0")], true, true);
    }

    #[test]
    fn times_of_grpc() {
        let check = |text: &'static str, expected: Option<Duration>| {
            let headers = [(GRPC_TIMEOUT, http::HeaderValue::from_static(text))].into_iter().collect();
            assert_eq!(grpc_timeout(&headers).ok().flatten(), expected, "{text}");
        };
        check("250m", Some(Duration::from_millis(250)));
        check("99999999H", Some(Duration::from_secs(99_999_999 * 3600)));
        check("1u", Some(Duration::from_micros(1)));
        for wrong in ["", "5", "m", "-1m", "+1m", "123456789S", "1.5S", "1 S"] {
            check(wrong, None);
        }
        assert_eq!(grpc_timeout(&HeaderMap::new()).unwrap(), None);
    }

    #[test]
    fn ids_do_not_repeat() {
        let ids = Ids::new();
        let numbers: std::collections::BTreeSet<_> = (0..1000).map(|_| ids.number()).collect();
        assert_eq!(numbers.len(), 1000);
    }
}
