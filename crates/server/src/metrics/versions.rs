//! How long requests took, by the version of a model that they reached.
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

use super::{BOUNDS_US, CODES, bucket_of};
use crate::api::Dialect;

/// Versions of one model that are told apart.
const VERSIONS_MAX: usize = 8;

/// The requests of one protocol that a version answered with one code.
#[derive(Debug)]
pub(crate) struct Series {
    pub version: u64,
    pub dialect: Dialect,
    pub code: u16,
    pub buckets: [AtomicU64; BOUNDS_US.len() + 1],
    pub sum_ns: AtomicU64,
}

/// All of one model.
#[derive(Debug, Default)]
pub(crate) struct VersionMeters(ArcSwap<Vec<Arc<Series>>>);

impl VersionMeters {
    pub fn record(&self, version: u64, dialect: Dialect, code: u16, took: Duration) {
        let code = CODES.iter().copied().find(|&known| known == code).unwrap_or(CODES[CODES.len() - 1]);
        let series = self.of(version, dialect, code);
        series.buckets[bucket_of(took)].fetch_add(1, Relaxed);
        series.sum_ns.fetch_add(took.as_nanos() as u64, Relaxed);
    }

    pub fn all(&self) -> Arc<Vec<Arc<Series>>> {
        self.0.load_full()
    }

    fn of(&self, version: u64, dialect: Dialect, code: u16) -> Arc<Series> {
        let is = |one: &&Arc<Series>| (one.version, one.dialect, one.code) == (version, dialect, code);
        if let Some(found) = self.0.load().iter().find(is) {
            return found.clone();
        }
        let buckets = std::array::from_fn(|_| AtomicU64::new(0));
        let new = Arc::new(Series { version, dialect, code, buckets, sum_ns: AtomicU64::new(0) });
        self.0.rcu(|all| {
            let mut all = Vec::clone(all);
            // Another request may have been first.
            if !all.iter().any(|one| is(&one)) {
                all.push(new.clone());
                all.sort_by_key(|one| (one.version, one.dialect as usize, one.code));
                let mut versions: Vec<u64> = all.iter().map(|one| one.version).collect();
                versions.dedup();
                if versions.len() > VERSIONS_MAX {
                    all.retain(|one| one.version != versions[0]);
                }
            }
            all
        });
        self.0.load().iter().find(is).cloned().unwrap_or(new)
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
                meters.record(version, Dialect::V2, 200, Duration::from_micros(70));
            }
            meters.record(version, Dialect::Tfs, 777, Duration::from_secs(99));
        }
        let all = meters.all();
        assert_eq!(all.len(), 2 * VERSIONS_MAX);
        assert!(all.iter().all(|one| one.version > 12));
        let last = all.iter().find(|one| one.version == 20 && one.dialect == Dialect::V2).unwrap();
        assert_eq!((last.buckets[1].load(Relaxed), last.sum_ns.load(Relaxed)), (3, 210_000));
        let slow = all.iter().find(|one| one.version == 20 && one.dialect == Dialect::Tfs).unwrap();
        assert_eq!(
            (slow.code, slow.buckets[BOUNDS_US.len()].load(Relaxed)),
            (500, 1),
            "a code of nobody counts as 500"
        );
    }
}
