//! Waits until a listing is still: half-copied artifacts are not read, removed ones linger as long.
//!
//! Pure: what was seen and when come as arguments. An artifact that changes keeps its last still fingerprint meanwhile, so
//! nothing that serves is touched while somebody writes.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// One look at one artifact: its fingerprint, or nothing where it is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Look {
    pub fingerprint: u64,
    /// Whether it is known to be complete, without waiting.
    pub whole: bool,
}

/// What is known of every artifact, by a key of the caller's.
#[derive(Debug)]
pub(super) struct Settle<K> {
    settle: Duration,
    known: BTreeMap<K, Known>,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    /// The last fingerprint that was still.
    still: Option<u64>,
    /// The latest look, and since when it has been the same.
    latest: Option<u64>,
    since: Instant,
}

impl<K: Ord + Clone> Settle<K> {
    pub fn new(settle: Duration) -> Settle<K> {
        Settle { settle, known: BTreeMap::new() }
    }

    /// Takes one look at everything; returns the artifacts that stand, each with its still fingerprint.
    pub fn look(&mut self, now: Instant, seen: &BTreeMap<K, Look>) -> BTreeMap<K, u64> {
        for key in seen.keys() {
            self.known.entry(key.clone()).or_insert(Known { still: None, latest: None, since: now });
        }
        let settle = self.settle;
        self.known.retain(|key, known| {
            let look = seen.get(key);
            let fingerprint = look.map(|look| look.fingerprint);
            if known.latest != fingerprint {
                (known.latest, known.since) = (fingerprint, now);
            }
            if look.is_some_and(|look| look.whole) || now.saturating_duration_since(known.since) >= settle {
                known.still = fingerprint;
            }
            known.still.is_some() || known.latest.is_some()
        });
        self.known.iter().filter_map(|(key, known)| Some((key.clone(), known.still?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows: milliseconds, the fingerprint seen (0: gone, negative: arrived whole), the one that stands then (0: none).
    fn check(rows: &[(u64, i64, u64)]) {
        let start = Instant::now();
        let mut settle = Settle::new(Duration::from_millis(500));
        for &(at_ms, seen, expected) in rows {
            let look = Look { fingerprint: seen.unsigned_abs(), whole: seen < 0 };
            let seen = if seen == 0 { BTreeMap::new() } else { BTreeMap::from([("a", look)]) };
            let got = settle.look(start + Duration::from_millis(at_ms), &seen).get("a").copied().unwrap_or(0);
            assert_eq!(got, expected, "at {at_ms} of {rows:?}");
        }
    }

    #[test]
    fn a_listing_stands_once_it_was_still() {
        check(&[(0, 1, 0), (499, 1, 0), (500, 1, 1), (900, 1, 1)]);
    }

    #[test]
    fn a_changing_one_waits_and_the_old_one_stands() {
        check(&[(0, 1, 0), (400, 2, 0), (800, 3, 0), (1300, 3, 3), (1400, 4, 3), (1800, 5, 3), (2300, 5, 5)]);
    }

    #[test]
    fn one_that_changes_back_changes_nothing() {
        check(&[(0, -1, 1), (100, 2, 1), (200, 1, 1), (700, 1, 1)]);
    }

    #[test]
    fn a_whole_one_stands_at_once() {
        check(&[(0, -1, 1), (10, -2, 2)]);
    }

    #[test]
    fn a_removed_one_lingers_and_a_quick_exchange_is_no_removal() {
        check(&[(0, -1, 1), (100, 0, 1), (599, 0, 1), (600, 0, 0), (700, 0, 0)]);
        check(&[(0, -1, 1), (100, 0, 1), (300, 2, 1), (799, 2, 1), (800, 2, 2)]);
    }
}
