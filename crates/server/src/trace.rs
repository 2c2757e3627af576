//! Traces: which requests are traced, the spans of the last ones, and where spans are sent.
//!
//! A request is traced where its caller says so (`traceparent`, B3), or, where the caller says nothing, one in so many. Its
//! spans are those of [`model::Spans`] below one for the request: decode, queue, predict with a span for each step of the
//! plan, encode. The last ones stay in a ring that `/api/v2/traces` shows as Zipkin does; exporters get them over a bounded
//! queue, so that a collector that is slow or gone costs spans and never requests.

mod config;
mod export;
pub(crate) mod otlp;
pub(crate) mod zipkin;

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use model::Part;
use tokio::sync::mpsc;

pub use config::Config;
pub(crate) use export::run as export;

use crate::context::{Context, Ids};

/// Requests whose spans may wait for the exporters.
const WAITING_MAX: usize = 1024;

/// A span that ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Kept {
    pub trace_id: u128,
    pub id: u64,
    /// 0 where it began the trace.
    pub parent: u64,
    pub name: Arc<str>,
    /// Whether it is a request's and not a part of one.
    pub is_server: bool,
    pub begun: Duration,
    pub took: Duration,
    pub tags: Vec<(&'static str, String)>,
}

/// The spans of one request, its own first.
pub(crate) type Request = Arc<[Kept]>;

/// Decides what is traced, and keeps it.
pub(crate) struct Tracer {
    config: Config,
    /// One moment on both clocks.
    origin: (Instant, Duration),
    ring: Mutex<Ring>,
    queue: Option<mpsc::Sender<Request>>,
    waiting: Mutex<Option<mpsc::Receiver<Request>>>,
    kept: AtomicU64,
    dropped: AtomicU64,
}

#[derive(Default)]
struct Ring {
    requests: VecDeque<Request>,
    spans: usize,
}

/// What a request came to, for its span.
pub(crate) struct Ended<'a> {
    pub method: &'a str,
    /// The route, names left open.
    pub route: &'a [&'a str],
    pub path: &'a str,
    pub model: &'a str,
    pub status: u16,
    pub error: Option<String>,
}

impl Tracer {
    pub fn new(config: Config) -> Tracer {
        let exports = !config.zipkin.is_empty() || !config.otlp.is_empty();
        let (queue, waiting) = mpsc::channel(WAITING_MAX);
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Tracer {
            config,
            origin: (Instant::now(), since),
            ring: Mutex::default(),
            queue: exports.then_some(queue),
            waiting: Mutex::new(exports.then_some(waiting)),
            kept: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
        }
    }

    /// Decides for a trace about which nobody has decided; all servers with one rate decide alike.
    pub fn samples(&self, trace_id: u128) -> bool {
        // The upper bits: B3's short ids have zeros there, so the lower half counts too.
        let mixed = (trace_id as u64 ^ (trace_id >> 64) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        ((mixed >> 11) as f64) < self.config.sample * (1u64 << 53) as f64
    }

    /// Keeps the spans of a request that was traced.
    pub fn finish(&self, context: &Context, ids: &Ids, ended: &Ended<'_>) {
        let Some(spans) = &context.spans else { return };
        let at = |moment: Instant| self.origin.1 + moment.saturating_duration_since(self.origin.0);
        let trace_id = context.trace.trace_id;
        let mut tags = vec![
            ("http.method", ended.method.to_owned()),
            ("http.path", ended.path.to_owned()),
            ("http.status_code", ended.status.to_string()),
            ("request_id", context.id.as_str().to_owned()),
        ];
        if !ended.model.is_empty() {
            tags.push(("model", ended.model.to_owned()));
        }
        tags.extend(ended.error.clone().map(|error| ("error", error)));
        let mut kept = vec![Kept {
            trace_id,
            id: context.span_id,
            parent: context.trace.parent_id,
            name: format!("{} /{}", ended.method.to_ascii_lowercase(), ended.route.join("/")).into(),
            is_server: true,
            begun: at(context.begun),
            took: context.begun.elapsed(),
            tags,
        }];
        let mut predict = context.span_id;
        for span in spans.take() {
            let id = ids.span();
            let parent = if span.part == Part::Step { predict } else { context.span_id };
            if span.part == Part::Predict {
                predict = id;
            }
            let (name, begun) = (span.name, at(span.begun));
            kept.push(Kept { trace_id, id, parent, name, is_server: false, begun, took: span.took, tags: Vec::new() });
        }
        self.keep(kept.into());
    }

    fn keep(&self, request: Request) {
        self.kept.fetch_add(request.len() as u64, Relaxed);
        if let Some(queue) = &self.queue
            && queue.try_send(request.clone()).is_err()
        {
            self.count_dropped(request.len());
        }
        let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        ring.spans += request.len();
        ring.requests.push_back(request);
        while ring.spans > self.config.keep_spans
            && let Some(oldest) = ring.requests.pop_front()
        {
            ring.spans -= oldest.len();
        }
    }

    /// Returns the requests that are kept, the newest first.
    pub fn last(&self) -> Vec<Request> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner).requests.iter().rev().cloned().collect()
    }

    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Returns how many spans were kept, and how many no exporter took.
    pub fn counts(&self) -> (u64, u64) {
        (self.kept.load(Relaxed), self.dropped.load(Relaxed))
    }

    fn count_dropped(&self, spans: usize) {
        self.dropped.fetch_add(spans as u64, Relaxed);
    }

    /// Returns what waits for the exporters, once.
    fn waiting(&self) -> Option<mpsc::Receiver<Request>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

#[cfg(test)]
mod tests {
    use model::{Spans, Trace};

    use super::*;

    fn context(ids: &Ids) -> Context {
        Context {
            id: model::RequestId::from_number(7),
            trace: Trace { trace_id: 9, parent_id: 4, flags: 1, state: None },
            span_id: ids.span(),
            spans: Some(Arc::new(Spans::default())),
            begun: Instant::now(),
            caller: None,
            peer: None,
            asked: Default::default(),
        }
    }

    const ENDED: Ended<'static> = Ended {
        method: "POST",
        route: &["api", "v1", "serve", "{model}"],
        path: "/api/v1/serve/m",
        model: "m",
        status: 200,
        error: None,
    };

    #[test]
    fn steps_lie_below_the_prediction_and_all_below_the_request() {
        let (ids, tracer) = (Ids::new(), Tracer::new(Config::default()));
        let context = context(&ids);
        let spans = context.spans.as_ref().unwrap();
        let (now, us) = (Instant::now(), Duration::from_micros(1));
        spans.add(Part::Step, &"forest".into(), now + 3 * us, us);
        spans.add(Part::Predict, &"predict".into(), now + 2 * us, 2 * us);
        spans.add(Part::Decode, &"decode".into(), now, us);
        tracer.finish(&context, &ids, &ENDED);
        let [request] = &tracer.last()[..] else { panic!("one request") };
        let seen: Vec<_> = request.iter().map(|s| (&*s.name, s.parent)).collect();
        let (root, predict) = (request[0].id, request[2].id);
        let expected = [("post /api/v1/serve/{model}", 4), ("decode", root), ("predict", root), ("forest", predict)];
        assert_eq!(seen, expected);
        assert_eq!(tracer.counts(), (4, 0));
    }

    #[test]
    fn the_ring_is_bounded_in_spans_and_a_full_queue_drops() {
        let ids = Ids::new();
        let config = Config { keep_spans: 3, zipkin: "http://127.0.0.1:1/".to_owned(), ..Config::default() };
        let tracer = Tracer::new(config);
        for _ in 0..WAITING_MAX + 5 {
            tracer.finish(&context(&ids), &ids, &ENDED);
        }
        assert_eq!(tracer.last().len(), 3);
        assert_eq!(tracer.counts(), (WAITING_MAX as u64 + 5, 5));
    }

    #[test]
    fn one_in_so_many_is_traced() {
        let ids = Ids::new();
        for (sample, least, most) in [(0.0, 0, 0), (1.0, 10_000, 10_000), (0.1, 800, 1200)] {
            let tracer = Tracer::new(Config { sample, ..Config::default() });
            let traced = (0..10_000).filter(|_| tracer.samples(ids.number())).count();
            assert!((least..=most).contains(&traced), "{traced} at {sample}");
        }
    }
}
