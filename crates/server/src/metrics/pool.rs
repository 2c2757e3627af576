//! What the compute pool counts.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use super::BOUNDS_US;

/// Upper bounds of how many calls were joined; the last bucket has none.
pub(crate) const BOUNDS_CALLS: [u64; 8] = [1, 2, 4, 8, 16, 32, 64, 128];

/// The counters of the pool.
#[derive(Debug, Default)]
pub(crate) struct PoolMeter {
    queued: [AtomicU64; BOUNDS_US.len() + 1],
    queued_ns: AtomicU64,
    gone: AtomicU64,
    late: AtomicU64,
    shed: AtomicU64,
    apart: AtomicU64,
}

/// What a histogram counted: its buckets, each by itself, and the sum.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Counted {
    pub buckets: Vec<u64>,
    pub sum: f64,
}

/// What a [`PoolMeter`] showed.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct PoolCounts {
    /// In seconds.
    pub queued: Counted,
    pub gone: u64,
    pub late: u64,
    pub shed: u64,
    pub apart: u64,
}

impl PoolMeter {
    /// Counts a call that waited so long before it was taken.
    pub fn queued(&self, took: Duration) {
        let us = took.as_micros() as u64;
        let bucket = BOUNDS_US.iter().position(|&bound| us <= bound).unwrap_or(BOUNDS_US.len());
        self.queued[bucket].fetch_add(1, Relaxed);
        self.queued_ns.fetch_add(took.as_nanos() as u64, Relaxed);
    }

    /// Counts a call that nobody computed: its caller left, or its time was over.
    pub fn left(&self, gone: bool) {
        let counter = if gone { &self.gone } else { &self.late };
        counter.fetch_add(1, Relaxed);
    }

    pub fn shed(&self, calls: u64) {
        self.shed.fetch_add(calls, Relaxed);
    }

    pub fn apart(&self) {
        self.apart.fetch_add(1, Relaxed);
    }

    pub fn counts(&self) -> PoolCounts {
        let of = |counter: &AtomicU64| counter.load(Relaxed);
        let queued = Counted { buckets: self.queued.iter().map(of).collect(), sum: of(&self.queued_ns) as f64 / 1e9 };
        let (gone, late) = (of(&self.gone), of(&self.late));
        PoolCounts { queued, gone, late, shed: of(&self.shed), apart: of(&self.apart) }
    }
}

/// How many calls each run of one model answered.
#[derive(Debug, Default)]
pub(crate) struct JoinMeter {
    runs: [AtomicU64; BOUNDS_CALLS.len() + 1],
    calls: AtomicU64,
}

impl JoinMeter {
    pub fn ran(&self, calls: usize) {
        let calls = calls as u64;
        let bucket = BOUNDS_CALLS.iter().position(|&bound| calls <= bound).unwrap_or(BOUNDS_CALLS.len());
        self.runs[bucket].fetch_add(1, Relaxed);
        self.calls.fetch_add(calls, Relaxed);
    }

    pub fn counts(&self) -> Counted {
        let buckets = self.runs.iter().map(|n| n.load(Relaxed)).collect();
        Counted { buckets, sum: self.calls.load(Relaxed) as f64 }
    }
}
