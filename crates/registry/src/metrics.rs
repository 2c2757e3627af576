//! What the manager counts; the binary registers it under its names.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// Counters beside the code that they measure.
#[derive(Debug, Default)]
pub struct Metrics {
    loads: AtomicU64,
    failures: AtomicU64,
    unloads: AtomicU64,
    load_us: AtomicU64,
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
}

impl Metrics {
    pub fn counts(&self) -> Counts {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            loads: get(&self.loads),
            failures: get(&self.failures),
            unloads: get(&self.unloads),
            load_us: get(&self.load_us),
        }
    }

    pub(crate) fn loaded(&self) {
        self.loads.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn failed(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn unloaded(&self) {
        self.unloads.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn took(&self, time: Duration) {
        self.load_us.fetch_add(u64::try_from(time.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}
