//! What the manager counts; the binary registers it under its names.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// Counters beside the code that they measure.
#[derive(Debug, Default)]
pub struct Metrics {
    by_model: Mutex<BTreeMap<Arc<str>, Loads>>,
    unloads: AtomicU64,
    load_us: AtomicU64,
    activations: AtomicU64,
    activation_failures: AtomicU64,
    activation_us: AtomicU64,
    evictions: AtomicU64,
    bytes: AtomicU64,
}

/// How the loads of one model ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Loads {
    /// Versions that became available.
    pub ok: u64,
    /// Versions that did not.
    pub failed: u64,
}

/// What [`Metrics`] showed at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Versions that became available.
    pub loads: u64,
    /// Versions that did not.
    pub failures: u64,
    /// Versions whose last handle was dropped and whose memory was given back.
    pub unloads: u64,
    /// Microseconds spent in the loader, failures included.
    pub load_us: u64,
    /// Lazy versions that were loaded because somebody asked.
    pub activations: u64,
    /// Such loads that failed.
    pub activation_failures: u64,
    /// Microseconds that they took, failures included: reading and loading.
    pub activation_us: u64,
    /// Lazy versions that were given up.
    pub evictions: u64,
    /// Bytes of all loaded versions.
    pub bytes: u64,
}

impl Metrics {
    pub fn counts(&self) -> Counts {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let loads = self.loads();
        Counts {
            loads: loads.values().map(|loads| loads.ok).sum(),
            failures: loads.values().map(|loads| loads.failed).sum(),
            unloads: get(&self.unloads),
            load_us: get(&self.load_us),
            activations: get(&self.activations),
            activation_failures: get(&self.activation_failures),
            activation_us: get(&self.activation_us),
            evictions: get(&self.evictions),
            bytes: get(&self.bytes),
        }
    }

    /// Returns how the loads of each model ended, ordered by name.
    pub fn by_model(&self) -> BTreeMap<Arc<str>, Loads> {
        self.loads().clone()
    }

    fn loads(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, Loads>> {
        // A poisoned table is whole: each change of it is a single one.
        self.by_model.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn loaded(&self, name: &Arc<str>) {
        self.loads().entry(name.clone()).or_default().ok += 1;
    }

    pub(crate) fn failed(&self, name: &Arc<str>) {
        self.loads().entry(name.clone()).or_default().failed += 1;
    }

    pub(crate) fn unloaded(&self) {
        self.unloads.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn activated(&self, is_ok: bool, time: Duration) {
        let counter = if is_ok { &self.activations } else { &self.activation_failures };
        counter.fetch_add(1, Ordering::Relaxed);
        self.activation_us.fetch_add(u64::try_from(time.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub(crate) fn evicted(&self, count: usize) {
        self.evictions.fetch_add(count as u64, Ordering::Relaxed);
    }

    pub(crate) fn set_bytes(&self, bytes: u64) {
        self.bytes.store(bytes, Ordering::Relaxed);
    }

    pub(crate) fn took(&self, time: Duration) {
        self.load_us.fetch_add(u64::try_from(time.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}
