//! How many requests a caller may send: a rate, and as many at once as its burst.
//!
//! The generic cell rate algorithm: one number, the time at which the next request would be due if all came evenly. No lock, no
//! timer, and the wait until the next one is known when one is refused.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

/// Callers whose rates are remembered; beyond it, those that have been quiet are forgotten.
const CALLERS_MAX: usize = 10_000;

/// One caller's requests.
#[derive(Debug)]
pub(super) struct Bucket {
    /// Nanoseconds that one request takes of the rate.
    each: u64,
    /// Nanoseconds that requests may come early.
    early: u64,
    began: Instant,
    /// When the next one is due, in nanoseconds since the beginning.
    due: AtomicU64,
}

impl Bucket {
    /// Returns the limit that a rate and a burst set; none where the rate is 0.
    pub fn new(rate_per_s: f64, burst: u32) -> Option<Bucket> {
        if rate_per_s <= 0.0 {
            return None;
        }
        let each = (1e9 / rate_per_s).clamp(1.0, 1e18);
        let burst = if burst == 0 { rate_per_s.ceil().max(1.0) } else { f64::from(burst) };
        let early = (each * (burst - 1.0)).min(1e18);
        Some(Bucket { each: each as u64, early: early as u64, began: Instant::now(), due: AtomicU64::new(0) })
    }

    /// Takes one request, or returns when to come back.
    pub fn take(&self) -> Result<(), Duration> {
        self.take_at(self.began.elapsed().as_nanos() as u64)
    }

    fn take_at(&self, now: u64) -> Result<(), Duration> {
        let mut due = self.due.load(Relaxed);
        loop {
            let from = due.max(now);
            if from - now > self.early {
                return Err(Duration::from_nanos(from - now - self.early));
            }
            match self.due.compare_exchange_weak(due, from.saturating_add(self.each), Relaxed, Relaxed) {
                Ok(_) => return Ok(()),
                Err(other) => due = other,
            }
        }
    }

    fn is_quiet(&self) -> bool {
        self.due.load(Relaxed) <= self.began.elapsed().as_nanos() as u64
    }
}

/// The requests of callers that are known by a name alone.
#[derive(Debug)]
pub(super) struct Buckets {
    rate_per_s: f64,
    burst: u32,
    all: Mutex<HashMap<Arc<str>, Arc<Bucket>>>,
}

impl Buckets {
    pub fn new(rate_per_s: f64, burst: u32) -> Option<Buckets> {
        (rate_per_s > 0.0).then(|| Buckets { rate_per_s, burst, all: Mutex::default() })
    }

    /// Returns the bucket of a name.
    pub fn of(&self, name: &Arc<str>) -> Option<Arc<Bucket>> {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bucket) = all.get(name) {
            return Some(bucket.clone());
        }
        if all.len() >= CALLERS_MAX {
            // A bucket that owes nothing says what a new one says.
            all.retain(|_, bucket| !bucket.is_quiet());
            if all.len() >= CALLERS_MAX {
                all.clear();
            }
        }
        let bucket = Arc::new(Bucket::new(self.rate_per_s, self.burst)?);
        all.insert(name.clone(), bucket.clone());
        Some(bucket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_then_the_rate() {
        let bucket = Bucket::new(10.0, 3).unwrap();
        let ms = |ms: u64| bucket.take_at(ms * 1_000_000).map_err(|wait| wait.as_millis());
        assert_eq!([ms(0), ms(0), ms(0)], [Ok(()); 3]);
        assert_eq!(ms(0), Err(100));
        assert_eq!(ms(60), Err(40));
        assert_eq!(ms(100), Ok(()));
        assert_eq!(ms(100), Err(100));
        assert_eq!([ms(10_000), ms(10_000), ms(10_000)], [Ok(()); 3], "what was not used is a burst and no more");
        assert_eq!(ms(10_000), Err(100));
    }

    #[test]
    fn no_rate_is_no_limit_and_a_slow_one_lets_one_through() {
        assert!(Bucket::new(0.0, 5).is_none());
        let bucket = Bucket::new(0.5, 0).unwrap();
        assert_eq!(bucket.take_at(0), Ok(()));
        assert_eq!(bucket.take_at(0), Err(Duration::from_secs(2)));
    }

    #[test]
    fn names_have_buckets_of_their_own_and_quiet_ones_are_forgotten() {
        let buckets = Buckets::new(0.001, 1).unwrap();
        let name = |n: usize| Arc::<str>::from(format!("n{n}"));
        let first = buckets.of(&name(0)).unwrap();
        first.take().unwrap();
        for n in 1..CALLERS_MAX {
            buckets.of(&name(n)).unwrap();
        }
        buckets.of(&name(CALLERS_MAX)).unwrap();
        assert!(buckets.of(&name(0)).unwrap().take().is_err(), "one that owes is remembered");
        assert!(buckets.all.lock().unwrap().len() <= 3);
    }
}
