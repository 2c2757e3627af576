//! The text of `/metrics` (Prometheus' exposition format 0.0.4) and the reference page.

use std::{
    collections::BTreeMap,
    fmt::{Display, Write},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::UNIX_EPOCH,
};

use registry::Loads;

use super::{
    pool::{BOUNDS_CALLS, Counted, PoolCounts},
    *,
};
use crate::known::{Known, Models};

/// What others count and the page shows.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    pub loads: BTreeMap<Arc<str>, Loads>,
    /// Microseconds spent loading.
    pub load_us: u64,
    pub lazy: registry::Counts,
    /// Policy, calls that it ended.
    pub refused: Vec<(&'static str, u64)>,
    /// State, number.
    pub models: Vec<(&'static str, usize)>,
    /// Model, version, bytes.
    pub bytes: Vec<(Arc<str>, u64, u64)>,
    pub compute_waiting: usize,
    /// Reason, requests that were not let in.
    pub auth: Vec<(&'static str, u64)>,
    pub pool: PoolCounts,
    /// Rows that were captured, calls that were not, rows that were deleted.
    pub captured: [u64; 3],
    /// Lines of the access log that were lost.
    pub access_dropped: u64,
    /// Spans that were made, and those that no exporter took.
    pub spans: (u64, u64),
    pub catalogue: Option<registry::StoreHealth>,
}

/// The meters that counted anything, ordered by model and dialect.
struct Meters<'a> {
    models: BTreeMap<Arc<str>, Arc<Known>>,
    unnamed: &'a ModelMeters,
}

impl Meters<'_> {
    fn iter(&self) -> impl Iterator<Item = (&'static str, &str, &Meter)> {
        let named = self.models.iter().map(|(name, known)| (&**name, &known.meters));
        let all = std::iter::once(("", self.unnamed)).chain(named);
        all.flat_map(|(name, meters)| Dialect::ALL.iter().map(move |d| (d.name(), name, meters.of(*d))))
            .filter(|(_, _, meter)| meter.codes.iter().any(|code| code.load(Relaxed) > 0))
    }
}

/// Writes the samples of one metric after another.
struct Page(String);

impl Page {
    fn head(&mut self, metric: &Metric) {
        let Metric { name, help, kind, .. } = metric;
        self.put(format_args!("# HELP {name} {help}\n# TYPE {name} {}\n", kind.name()));
    }

    fn sample(&mut self, metric: &Metric, labels: &[&dyn Display], value: impl Display) {
        debug_assert_eq!(metric.labels.len(), labels.len(), "{}", metric.name);
        self.labelled(metric.name, metric.labels.iter().zip(labels).map(|(k, v)| (*k, *v)), value);
    }

    fn labelled<'a>(
        &mut self,
        name: &str,
        labels: impl Iterator<Item = (&'a str, &'a dyn Display)>,
        value: impl Display,
    ) {
        self.put(format_args!("{name}"));
        let mut sep = '{';
        for (key, label) in labels {
            // Names of models and versions hold nothing that would need an escape; asserted, not trusted.
            let label = label.to_string().replace(['"', '\\', '\n'], "_");
            self.put(format_args!("{sep}{key}=\"{label}\""));
            sep = ',';
        }
        let close = if sep == ',' { "}" } else { "" };
        self.put(format_args!("{close} {value}\n"));
    }

    fn histogram(&mut self, metric: &Metric, labels: &[&dyn Display], bounds: &[f64], counted: &Counted) {
        let bounds: Vec<String> = bounds.iter().map(f64::to_string).chain(["+Inf".to_owned()]).collect();
        let labels = || metric.labels.iter().zip(labels).map(|(k, v)| (*k, *v));
        let bucket_name = format!("{}_bucket", metric.name);
        let mut count = 0;
        for (bound, bucket) in bounds.iter().zip(&counted.buckets) {
            count += bucket;
            let le: (&str, &dyn Display) = ("le", bound);
            self.labelled(&bucket_name, labels().chain([le]), count);
        }
        self.labelled(&format!("{}_sum", metric.name), labels(), counted.sum);
        self.labelled(&format!("{}_count", metric.name), labels(), count);
    }

    fn single(&mut self, metric: &Metric, value: Option<impl Display>) {
        if let Some(value) = value {
            self.head(metric);
            self.sample(metric, &[], value);
        }
    }

    fn put(&mut self, args: std::fmt::Arguments<'_>) {
        self.0.write_fmt(args).expect("writing to a string cannot fail");
    }
}

/// Returns the page of `/metrics`.
pub(crate) fn render(metrics: &Metrics, models: &Models, gathered: &Gathered) -> String {
    let mut page = Page(String::with_capacity(8192));
    let meters = Meters { models: models.all(), unnamed: &metrics.unnamed };
    page.head(&REQUESTS);
    for (dialect, model, meter) in meters.iter() {
        for (code, count) in CODES.iter().zip(&meter.codes) {
            match count.load(Relaxed) {
                0 => {}
                n => page.sample(&REQUESTS, &[&dialect, &model, code], n),
            }
        }
    }
    page.head(&DURATION);
    for (dialect, model, meter) in meters.iter() {
        durations(&mut page, &DURATION, &[&dialect, &model], &meter.buckets, &meter.sum_ns);
    }
    page.head(&CALL_DURATION);
    for (name, known) in &meters.models {
        for version in known.versions.all().iter() {
            for series in version.all().iter() {
                let dialect = series.dialect.name();
                let labels: [&dyn Display; 4] = [&dialect, name, &version.number, &series.code];
                durations(&mut page, &CALL_DURATION, &labels, &series.buckets, &series.sum_ns);
            }
        }
    }
    let mut per_model = |metric: &Metric, of: fn(&Meter) -> &AtomicU64| {
        page.head(metric);
        for (dialect, model, meter) in meters.iter().filter(|(_, model, _)| !model.is_empty()) {
            page.sample(metric, &[&dialect, &model], of(meter).load(Relaxed));
        }
    };
    per_model(&ROWS, |meter| &meter.rows);
    per_model(&ROW_FAULTS, |meter| &meter.row_faults);
    registry(&mut page, gathered);
    page.head(&REFUSED);
    for (policy, n) in &gathered.refused {
        page.sample(&REFUSED, &[policy], n);
    }
    page.head(&AUTH);
    for (reason, n) in &gathered.auth {
        page.sample(&AUTH, &[reason], n);
    }
    page.single(&IN_FLIGHT, Some(metrics.in_flight.load(Relaxed)));
    page.single(&CONNECTIONS, Some(metrics.connections.load(Relaxed)));
    page.single(&HANDSHAKES, Some(metrics.handshakes.load(Relaxed)));
    page.single(&COMPUTE_WAITING, Some(gathered.compute_waiting));
    pool(&mut page, &gathered.pool, &meters.models);
    catalogue(&mut page, gathered.catalogue);
    page.single(&SPANS, Some(gathered.spans.0));
    page.single(&SPANS_DROPPED, Some(gathered.spans.1));
    page.single(&ACCESS_DROPPED, Some(gathered.access_dropped));
    let [captured, dropped, pruned] = gathered.captured;
    page.single(&CAPTURED, Some(captured));
    page.single(&CAPTURE_DROPPED, Some(dropped));
    page.single(&CAPTURE_PRUNED, Some(pruned));
    page.single(&PANICS, Some(metrics.panics.load(Relaxed)));
    page.head(&BUILD);
    page.sample(&BUILD, &[&env!("CARGO_PKG_VERSION")], 1);
    let started = metrics.started.duration_since(UNIX_EPOCH).ok().map(|t| t.as_secs_f64());
    page.single(&START, started);
    page.single(&CPU, process::cpu_s());
    page.single(&RSS, process::rss_bytes());
    page.0
}

/// What the registry counts.
fn registry(page: &mut Page, gathered: &Gathered) {
    page.head(&LOADS);
    for (model, loads) in &gathered.loads {
        page.sample(&LOADS, &[model, &"ok"], loads.ok);
        page.sample(&LOADS, &[model, &"failed"], loads.failed);
    }
    page.single(&LOAD_TIME, Some(gathered.load_us as f64 / 1e6));
    let lazy = &gathered.lazy;
    page.head(&ACTIVATIONS);
    page.sample(&ACTIVATIONS, &[&"ok"], lazy.activations);
    page.sample(&ACTIVATIONS, &[&"failed"], lazy.activation_failures);
    page.single(&ACTIVATION_TIME, Some(lazy.activation_us as f64 / 1e6));
    page.single(&EVICTIONS, Some(lazy.evictions));
    page.single(&LOADED_BYTES, Some(lazy.bytes));
    page.head(&MODELS);
    for (state, n) in &gathered.models {
        page.sample(&MODELS, &[state], n);
    }
    page.head(&MODEL_BYTES);
    for (model, version, bytes) in &gathered.bytes {
        page.sample(&MODEL_BYTES, &[model, version], bytes);
    }
}

fn pool(page: &mut Page, pool: &PoolCounts, models: &BTreeMap<Arc<str>, Arc<Known>>) {
    page.head(&QUEUE);
    page.histogram(&QUEUE, &[], &seconds(), &pool.queued);
    page.head(&QUEUE_LEFT);
    page.sample(&QUEUE_LEFT, &[&"gone"], pool.gone);
    page.sample(&QUEUE_LEFT, &[&"late"], pool.late);
    page.head(&JOINED);
    for (name, known) in models {
        let counted = known.joins.counts();
        if counted.sum > 0.0 {
            page.histogram(&JOINED, &[name], &BOUNDS_CALLS.map(|bound| bound as f64), &counted);
        }
    }
    page.single(&APART, Some(pool.apart));
}

/// The bounds of times, in seconds.
fn seconds() -> [f64; BOUNDS_US.len()] {
    BOUNDS_US.map(|us| us as f64 / 1e6)
}

fn catalogue(page: &mut Page, health: Option<registry::StoreHealth>) {
    let Some(registry::StoreHealth { kind, is_up, waiting, outages, .. }) = health else { return };
    page.head(&CATALOGUE_UP);
    page.sample(&CATALOGUE_UP, &[&kind], u8::from(is_up));
    page.single(&CATALOGUE_WAITING, Some(waiting));
    page.single(&CATALOGUE_OUTAGES, Some(outages));
}

fn durations(
    page: &mut Page,
    metric: &Metric,
    labels: &[&dyn Display],
    buckets: &[AtomicU64; BOUNDS_US.len() + 1],
    sum_ns: &AtomicU64,
) {
    let buckets = buckets.iter().map(|bucket| bucket.load(Relaxed)).collect();
    let counted = Counted { buckets, sum: sum_ns.load(Relaxed) as f64 / 1e9 };
    page.histogram(metric, labels, &seconds(), &counted);
}

/// Returns the page `docs/reference/metrics.md`.
pub fn reference_page() -> String {
    let mut out = String::from(
        "# Metrics\n\n\
         `GET /metrics` answers in Prometheus' text format. This page is generated from the table in\n\
         `crates/server/src/metrics.rs`; a test compares that table with what a running server prints.\n\n\
         | Name | Type | Unit | Labels | Meaning |\n|---|---|---|---|---|\n",
    );
    for Metric { name, kind, unit, labels, help } in TABLE {
        let labels = labels.iter().map(|l| format!("`{l}`")).collect::<Vec<_>>().join(", ");
        writeln!(out, "| `{name}` | {} | {unit} | {labels} | {help} |", kind.name())
            .expect("writing to a string cannot fail");
    }
    out
}
