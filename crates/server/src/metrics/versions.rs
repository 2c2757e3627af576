//! What is counted by the version of a model that requests reached: how long they took, and its predictions.
//!
//! A series is made when its first request ends: of a model with one version, asked by one protocol, there are few. Callers choose none of the labels, and
//! of many versions the lowest numbers are forgotten.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use arc_swap::ArcSwap;

use super::{BOUNDS_US, CODES, CallMeter, bucket_of};
use crate::api::Dialect;

/// Versions of one model that are told apart.
const VERSIONS_MAX: usize = 8;

/// One version.
#[derive(Debug, Default)]
pub(crate) struct VersionMeter {
    pub number: u64,
    pub calls: CallMeter,
    /// By dialect and code.
    series: ArcSwap<Vec<Arc<Series>>>,
}

/// The requests of one protocol that a version answered with one code.
#[derive(Debug)]
pub(crate) struct Series {
    pub dialect: Dialect,
    pub code: u16,
    pub buckets: [AtomicU64; BOUNDS_US.len() + 1],
    pub sum_ns: AtomicU64,
}

/// All of one model, by number.
#[derive(Debug, Default)]
pub(crate) struct VersionMeters(ArcSwap<Vec<Arc<VersionMeter>>>);

impl VersionMeters {
    pub fn all(&self) -> Arc<Vec<Arc<VersionMeter>>> {
        self.0.load_full()
    }

    /// Returns the version, where anything of it was counted.
    pub fn find(&self, number: u64) -> Option<Arc<VersionMeter>> {
        self.0.load().iter().find(|one| one.number == number).cloned()
    }

    /// Returns the version to count something of.
    pub fn of(&self, number: u64) -> Arc<VersionMeter> {
        if let Some(found) = self.find(number) {
            return found;
        }
        let new = Arc::new(VersionMeter { number, ..VersionMeter::default() });
        self.0.rcu(|all| {
            let mut all = Vec::clone(all);
            // Another request may have been first.
            if !all.iter().any(|one| one.number == number) {
                all.push(new.clone());
                all.sort_by_key(|one| one.number);
                all.drain(..all.len().saturating_sub(VERSIONS_MAX));
            }
            all
        });
        self.find(number).unwrap_or(new)
    }
}

impl VersionMeter {
    pub fn record(&self, dialect: Dialect, code: u16, took: Duration) {
        let code = CODES.iter().copied().find(|&known| known == code).unwrap_or(CODES[CODES.len() - 1]);
        let series = self.series(dialect, code);
        series.buckets[bucket_of(took)].fetch_add(1, Relaxed);
        series.sum_ns.fetch_add(took.as_nanos() as u64, Relaxed);
    }

    pub fn all(&self) -> Arc<Vec<Arc<Series>>> {
        self.series.load_full()
    }

    fn series(&self, dialect: Dialect, code: u16) -> Arc<Series> {
        let is = |one: &&Arc<Series>| (one.dialect, one.code) == (dialect, code);
        if let Some(found) = self.series.load().iter().find(is) {
            return found.clone();
        }
        let buckets = std::array::from_fn(|_| AtomicU64::new(0));
        let new = Arc::new(Series { dialect, code, buckets, sum_ns: AtomicU64::new(0) });
        self.series.rcu(|all| {
            let mut all = Vec::clone(all);
            if !all.iter().any(|one| is(&one)) {
                all.push(new.clone());
                all.sort_by_key(|one| (one.dialect as usize, one.code));
            }
            all
        });
        self.series.load().iter().find(is).cloned().unwrap_or(new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_are_made_when_asked_and_few() {
        let meters = VersionMeters::default();
        for version in 1..=20 {
            for _ in 0..3 {
                meters.of(version).record(Dialect::V2, 200, Duration::from_micros(70));
            }
            meters.of(version).record(Dialect::Tfs, 777, Duration::from_secs(99));
        }
        let all = meters.all();
        assert_eq!(all.iter().map(|one| one.number).collect::<Vec<_>>(), (13..=20).collect::<Vec<_>>());
        assert!(all.iter().all(|one| one.all().len() == 2));
        let of = |dialect: Dialect| {
            let last = meters.find(20).unwrap().all();
            last.iter().find(|one| one.dialect == dialect).unwrap().clone()
        };
        let last = of(Dialect::V2);
        assert_eq!((last.buckets[1].load(Relaxed), last.sum_ns.load(Relaxed)), (3, 210_000));
        let slow = of(Dialect::Tfs);
        assert_eq!(
            (slow.code, slow.buckets[BOUNDS_US.len()].load(Relaxed)),
            (500, 1),
            "a code of nobody counts as 500"
        );
    }
}
