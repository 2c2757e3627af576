//! What `/metrics` says: names, labels and help in one table, and the counters behind them.
//!
//! [`TABLE`] is the whole list; the reference page is generated from it and a test compares it with what `/metrics` prints.
//! The counters are plain atomics in one [`Meter`] per dialect and model, found once per request: the hot path makes no
//! label, hashes no string and takes no lock for them. (The `metrics` facade was weighed: its recorder looks every
//! label set up in a sharded map, which costs more than the rest of the router.)
//!
//! A request that names no known model counts under the empty label, so that callers cannot grow the label set.

mod dashboard;
mod page;
mod pool;
mod process;
mod versions;

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant, SystemTime},
};

use http::StatusCode;
use model::{Kind, PredictError};

use crate::{
    access::{Line, Outcome},
    api::Dialect,
    error::{self, ServeError},
    known::Known,
    predict::Tally,
};

pub use dashboard::dashboard;
pub use page::reference_page;
pub(crate) use page::{Gathered, render};
pub(crate) use pool::{JoinMeter, PoolMeter};
pub(crate) use versions::VersionMeters;

/// One metric as `/metrics` shows it.
#[derive(Debug, PartialEq, Eq)]
pub struct Metric {
    pub name: &'static str,
    pub kind: MetricKind,
    /// The unit, in Prometheus' base units; `1` for counts.
    pub unit: &'static str,
    pub labels: &'static [&'static str],
    pub help: &'static str,
}

/// How a metric behaves over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricKind {
    Counter,
    Gauge,
    Histogram,
}

impl MetricKind {
    /// The word in `# TYPE` lines.
    pub const fn name(self) -> &'static str {
        match self {
            MetricKind::Counter => "counter",
            MetricKind::Gauge => "gauge",
            MetricKind::Histogram => "histogram",
        }
    }
}

macro_rules! metrics {
    ($($id:ident $kind:ident $name:literal $unit:literal [$($label:literal),*] $help:literal;)*) => {
        $(pub(crate) const $id: Metric = Metric {
            name: $name, kind: MetricKind::$kind, unit: $unit, labels: &[$($label),*], help: $help,
        };)*
        /// Every metric, in the order of the page.
        pub const TABLE: &[Metric] = &[$($id),*];
    };
}

metrics! {
    REQUESTS Counter "forebay_requests_total" "1" ["dialect", "model", "code"]
        "Requests answered, by HTTP status; the model is empty where the request named none that is known. 499: the caller left before the answer.";
    DURATION Histogram "forebay_request_duration_seconds" "seconds" ["dialect", "model"]
        "Time from the end of a request's head to its answer.";
    CALL_DURATION Histogram "forebay_call_duration_seconds" "seconds" ["dialect", "model", "version", "code"]
        "Time from the end of a request's head to its answer, of requests that reached a version of a model; of each model's last eight versions.";
    ROWS Counter "forebay_rows_total" "1" ["dialect", "model"]
        "Rows of the calls that were answered; of tensors, the length of the first dimension where the model leaves it open, else one a call.";
    ROW_FAULTS Counter "forebay_row_faults_total" "1" ["dialect", "model"]
        "Rows that the model refused.";
    LOADS Counter "forebay_model_loads_total" "1" ["model", "result"]
        "Loads of a version that ended: ok or failed.";
    LOAD_TIME Counter "forebay_model_load_seconds_total" "seconds" []
        "Time spent loading versions, failed loads included.";
    ACTIVATIONS Counter "forebay_activations_total" "1" ["result"]
        "Lazy versions that were loaded because a call asked for them: ok or failed.";
    ACTIVATION_TIME Counter "forebay_activation_seconds_total" "seconds" []
        "Time that such loads took, reading the artifact and failed loads included.";
    EVICTIONS Counter "forebay_evictions_total" "1" []
        "Lazy versions whose memory was given to others (models.memory_bytes_max), or that were unloaded by request.";
    LOADED_BYTES Gauge "forebay_loaded_bytes" "bytes" []
        "What counts against models.memory_bytes_max: the bytes of all loaded versions.";
    MODELS Gauge "forebay_models" "1" ["state"]
        "Versions, by state; cold ones are available too: the first call loads them.";
    MODEL_BYTES Gauge "forebay_model_bytes" "bytes" ["model", "version"]
        "Memory of a loaded version.";
    REFUSED Counter "forebay_policy_refusals_total" "1" ["policy"]
        "Calls that a policy ended: too many at once (concurrency), out of time (deadline), refused rather than let wait (load).";
    AUTH Counter "forebay_auth_refusals_total" "1" ["reason"]
        "Requests that were not let in: without key or token (missing), with one that is not known (invalid) or too old (expired), without the role (role), for a model that is not theirs (model), too many (rate).";
    IN_FLIGHT Gauge "forebay_requests_in_flight" "1" []
        "Requests whose head was read and whose answer is not ready.";
    CONNECTIONS Gauge "forebay_connections" "1" []
        "Open connections.";
    HANDSHAKES Counter "forebay_tls_handshakes_failed_total" "1" []
        "Connections that ended before they were encrypted: another protocol, no certificate that holds, or too slow.";
    COMPUTE_WAITING Gauge "forebay_compute_waiting" "1" []
        "Calls that wait for a compute thread.";
    QUEUE Histogram "forebay_queue_seconds" "seconds" []
        "Time that calls waited for a compute thread.";
    QUEUE_LEFT Counter "forebay_queue_left_total" "1" ["why"]
        "Calls that left the queue without being computed: gone (their caller left), late (their time was over).";
    JOINED Histogram "forebay_joined_calls" "1" ["model"]
        "Calls that one run of the model on a compute thread answered together; 1 was alone.";
    APART Counter "forebay_joins_apart_total" "1" []
        "Joined calls that came to no answer, so that each of them was answered alone.";
    CATALOGUE_UP Gauge "forebay_catalogue_up" "1" ["kind"]
        "1 while the catalogue can be reached; 0: what serves goes on, changes are refused.";
    CATALOGUE_WAITING Gauge "forebay_catalogue_waiting" "1" []
        "Changes that wait until the catalogue can be reached again.";
    CATALOGUE_OUTAGES Counter "forebay_catalogue_outages_total" "1" []
        "Times that the catalogue was lost.";
    SPANS Counter "forebay_spans_total" "1" []
        "Spans of traced requests.";
    SPANS_DROPPED Counter "forebay_spans_dropped_total" "1" []
        "Spans that no exporter took: its queue was full, or its collector did not answer.";
    ACCESS_DROPPED Counter "forebay_access_log_dropped_total" "1" []
        "Lines of the access log that were lost: its file could not be written as fast as requests came.";
    CAPTURED Counter "forebay_capture_rows_total" "1" []
        "Rows that were captured.";
    CAPTURE_DROPPED Counter "forebay_capture_dropped_total" "1" []
        "Calls of the sample that were not captured: the file could not be written as fast, or inputs and outputs are not of the same rows.";
    CAPTURE_PRUNED Counter "forebay_capture_pruned_rows_total" "1" []
        "Rows that were captured since the start and whose files were deleted, to stay within files_max and total_bytes_max.";
    PANICS Counter "forebay_panics_total" "1" []
        "Requests that ended in a panic: each is a bug of ours.";
    BUILD Gauge "forebay_build_info" "1" ["version"]
        "Always 1; the label says what runs.";
    START Gauge "process_start_time_seconds" "seconds" []
        "When the process began to serve, since the epoch.";
    CPU Counter "process_cpu_seconds_total" "seconds" []
        "User and system time of the process.";
    RSS Gauge "process_resident_memory_bytes" "bytes" []
        "Resident memory of the process.";
}

/// Every status we answer with; a request that ends otherwise counts as the last.
pub(crate) const CODES: [u16; 18] =
    [200, 400, 401, 403, 404, 405, 406, 408, 409, 413, 415, 429, 499, 501, 502, 503, 504, 500];

/// Upper bounds of the histogram, in microseconds; the last bucket has none.
pub(crate) const BOUNDS_US: [u64; 16] = [
    50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 5_000_000,
    30_000_000,
];

/// Returns the bucket of a time.
fn bucket_of(took: Duration) -> usize {
    let us = took.as_micros() as u64;
    BOUNDS_US.iter().position(|&bound| us <= bound).unwrap_or(BOUNDS_US.len())
}

/// The counters of one dialect and model.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    codes: [AtomicU64; CODES.len()],
    buckets: [AtomicU64; BOUNDS_US.len() + 1],
    sum_ns: AtomicU64,
    pub rows: AtomicU64,
    pub row_faults: AtomicU64,
}

impl Meter {
    /// Counts one answer.
    pub fn record(&self, status: StatusCode, took: Duration) {
        let code = CODES.iter().position(|&c| c == status.as_u16()).unwrap_or(CODES.len() - 1);
        self.codes[code].fetch_add(1, Relaxed);
        self.buckets[bucket_of(took)].fetch_add(1, Relaxed);
        self.sum_ns.fetch_add(took.as_nanos() as u64, Relaxed);
    }
}

/// The meters of one model, one for each dialect.
#[derive(Debug, Default)]
pub(crate) struct ModelMeters([Meter; Dialect::ALL.len()]);

impl ModelMeters {
    pub fn of(&self, dialect: Dialect) -> &Meter {
        &self.0[dialect as usize]
    }
}

/// The predictions of one version of a model: what Open Inference V2 tells of it.
#[derive(Debug, Default)]
pub(crate) struct CallMeter {
    success: AtomicU64,
    success_ns: AtomicU64,
    fail: AtomicU64,
    fail_ns: AtomicU64,
    rows: AtomicU64,
    /// When the last one ended, in milliseconds since the server began; 0 before the first.
    last_ms: AtomicU64,
}

/// What a [`CallMeter`] shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Calls {
    pub success: u64,
    pub success_ns: u64,
    pub fail: u64,
    pub fail_ns: u64,
    pub rows: u64,
    /// Milliseconds since the epoch; 0 before the first call.
    pub last_ms: u64,
}

impl CallMeter {
    fn record(&self, rows: Option<usize>, took: Duration, since_start: Duration) {
        let (count, ns) = match rows {
            Some(_) => (&self.success, &self.success_ns),
            None => (&self.fail, &self.fail_ns),
        };
        count.fetch_add(1, Relaxed);
        ns.fetch_add(took.as_nanos() as u64, Relaxed);
        if let Some(rows) = rows {
            self.rows.fetch_add(rows as u64, Relaxed);
        }
        self.last_ms.fetch_max(1 + since_start.as_millis() as u64, Relaxed);
    }

    pub fn read(&self, metrics: &Metrics) -> Calls {
        let of = |counter: &AtomicU64| counter.load(Relaxed);
        let started = metrics.started.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let last_ms = match of(&self.last_ms) {
            0 => 0,
            ms => started.as_millis() as u64 + ms - 1,
        };
        Calls {
            success: of(&self.success),
            success_ns: of(&self.success_ns),
            fail: of(&self.fail),
            fail_ns: of(&self.fail_ns),
            rows: of(&self.rows),
            last_ms,
        }
    }
}

/// The counters that belong to no model.
#[derive(Debug)]
pub(crate) struct Metrics {
    /// Requests that named no model that is known.
    unnamed: ModelMeters,
    in_flight: AtomicI64,
    connections: AtomicI64,
    panics: AtomicU64,
    handshakes: AtomicU64,
    started: SystemTime,
    began: Instant,
}

impl Metrics {
    pub fn new() -> Metrics {
        Metrics {
            unnamed: ModelMeters::default(),
            in_flight: AtomicI64::new(0),
            connections: AtomicI64::new(0),
            panics: AtomicU64::new(0),
            handshakes: AtomicU64::new(0),
            started: SystemTime::now(),
            began: Instant::now(),
        }
    }

    pub fn count_panic(&self) {
        self.panics.fetch_add(1, Relaxed);
    }

    /// Counts a connection that was not encrypted.
    pub fn count_handshake(&self) {
        self.handshakes.fetch_add(1, Relaxed);
    }

    pub fn count_connections(&self, change: i64) {
        self.connections.fetch_add(change, Relaxed);
    }
}

/// One request being answered: in flight until it is dropped, and counted once, by its status or as a caller that left.
pub(crate) struct Counted<'a> {
    metrics: &'a Metrics,
    begun: Instant,
    dialect: Dialect,
    model: Option<Arc<Known>>,
    /// Of a prediction: its rows, where it was answered.
    call: Option<Option<usize>>,
    status: StatusCode,
    version: u64,
    rows: usize,
    bytes_out: usize,
    /// Its line of the access log, where there is one.
    line: Option<Box<Line>>,
}

impl<'a> Counted<'a> {
    pub fn begin(metrics: &'a Metrics, begun: Instant, dialect: Dialect) -> Counted<'a> {
        metrics.in_flight.fetch_add(1, Relaxed);
        let status = error::status(Kind::Cancelled);
        let (model, call, line) = (None, None, None);
        Counted { metrics, begun, dialect, model, call, status, version: 0, rows: 0, bytes_out: 0, line }
    }

    /// Has the request written to the access log when it ends.
    pub fn log(&mut self, line: Option<Box<Line>>) {
        self.line = line;
    }

    /// Says how long the request's message is, where its head did not.
    pub fn set_bytes_in(&mut self, bytes: usize) {
        if let Some(line) = &mut self.line {
            line.set_bytes_in(bytes);
        }
    }

    /// Says which version was asked; 0 where none was.
    pub fn set_version(&mut self, version: u64) {
        self.version = version;
    }

    /// Says how long the answer is.
    pub fn set_bytes_out(&mut self, bytes: usize) {
        self.bytes_out = bytes;
    }

    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Says for which model the request counts.
    pub fn set_model(&mut self, model: Arc<Known>) -> &Known {
        self.model.insert(model)
    }

    /// Counts the rows of a call: all where it was answered, those the model refused either way.
    pub fn count<T>(&mut self, result: &Result<(T, Tally), ServeError>) {
        self.call = Some(result.as_ref().ok().map(|(_, tally)| tally.rows));
        if let Ok((_, tally)) = result {
            self.rows = tally.rows;
        }
        let (rows, row_faults) = match result {
            Ok((_, tally)) => (tally.rows, tally.row_faults),
            Err(ServeError::Predict(PredictError::Refused { refused, .. })) => (0, *refused),
            Err(_) => return,
        };
        let meter = self.meter();
        meter.rows.fetch_add(rows as u64, Relaxed);
        if row_faults > 0 {
            meter.row_faults.fetch_add(row_faults as u64, Relaxed);
        }
    }

    pub fn end(mut self, status: StatusCode) {
        self.status = status;
    }

    fn meter(&self) -> &Meter {
        self.model.as_ref().map_or(&self.metrics.unnamed, |model| &model.meters).of(self.dialect)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.metrics.in_flight.fetch_sub(1, Relaxed);
        let took = self.begun.elapsed();
        self.meter().record(self.status, took);
        if let (Some(model), 1..) = (&self.model, self.version) {
            let version = model.versions.of(self.version);
            version.record(self.dialect, self.status.as_u16(), took);
            if let Some(rows) = self.call {
                version.calls.record(rows, took, self.begun.duration_since(self.metrics.began) + took);
            }
        }
        if let Some(line) = self.line.take() {
            line.end(&Outcome {
                dialect: self.dialect,
                model: self.model.as_ref().map_or("", |known| &known.name),
                version: self.version,
                status: self.status,
                rows: self.rows,
                bytes_out: self.bytes_out,
                took,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_keeps_prometheus_rules() {
        for (i, metric) in TABLE.iter().enumerate() {
            let name = metric.name;
            assert!(TABLE[..i].iter().all(|m| m.name != name), "{name} stands twice");
            assert_eq!(metric.kind == MetricKind::Counter, name.ends_with("_total"), "{name}");
            if metric.unit != "1" {
                assert!(name.trim_end_matches("_total").ends_with(metric.unit), "{name} names its unit");
            }
            assert!(!metric.help.contains(['\n', '\\']) && metric.help.ends_with('.'), "{name}");
        }
    }

    #[test]
    fn every_status_of_ours_has_a_counter() {
        use model::Kind::*;
        for kind in [
            InvalidArgument,
            FailedPrecondition,
            NotFound,
            AlreadyExists,
            InUse,
            Unauthenticated,
            PermissionDenied,
            TooLarge,
            ResourceExhausted,
            Overloaded,
            Cancelled,
            Internal,
            Unimplemented,
            Unavailable,
            DeadlineExceeded,
        ] {
            assert!(CODES.contains(&crate::error::status(kind).as_u16()), "{kind}");
        }
    }

    #[test]
    fn a_request_counts_once_and_one_that_is_left_counts_as_499() {
        let (metrics, known) = (Metrics::new(), Arc::<Known>::default());
        for status in [Some(StatusCode::OK), None] {
            let mut counted = Counted::begin(&metrics, Instant::now(), Dialect::Native);
            counted.set_model(known.clone());
            assert_eq!(metrics.in_flight.load(Relaxed), 1);
            if let Some(status) = status {
                counted.end(status);
            }
        }
        let meter = known.meters.of(Dialect::Native);
        let counts: Vec<_> = CODES.iter().zip(&meter.codes).filter(|(_, n)| n.load(Relaxed) > 0).collect();
        assert_eq!(counts.iter().map(|(code, _)| **code).collect::<Vec<_>>(), [200, 499]);
        assert_eq!(metrics.in_flight.load(Relaxed), 0);
    }
}
