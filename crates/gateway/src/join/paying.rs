//! Whether joining pays, by what calls took: never on by guess.
//!
//! For calls of 1, 2, 3 to 4, 5 to 8 ... rows a smoothed time a row is kept, of calls alone and joined alike, measured around
//! everything that a compute thread does for them. Joined calls are taken where they take clearly less than the same calls
//! alone: everyone of them waits for all, so a small gain would cost more waiting than it saves. A size that nobody has
//! measured is tried a few times, and now and then again, since answers have the same bits either way.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// Sizes told apart: the last holds all calls of more rows.
const SIZES: usize = 14;

/// How often a size is measured before it is judged.
const TRIES: u64 = 3;

/// Each measurement counts for one in so many of what is usual.
const NEW: u64 = 8;

/// One in so many joins that would not pay is made, so that the figures stay true.
const AGAIN: u64 = 128;

/// Joined calls take at most this share of what they take alone.
const SHARE: f64 = 0.8;

/// Beyond this share more calls will not come to [`SHARE`] either: what a call takes besides its rows is too little.
const HOPE: f64 = 0.95;

/// What the calls of one kind took.
#[derive(Debug, Default)]
pub struct Paying {
    sizes: [Size; SIZES],
    refused: AtomicU64,
}

#[derive(Debug, Default)]
struct Size {
    /// Nanoseconds a row, smoothed.
    per_row_ns: AtomicU64,
    measured: AtomicU64,
}

fn size(rows: usize) -> usize {
    ((usize::BITS - rows.saturating_sub(1).leading_zeros()) as usize).min(SIZES - 1)
}

impl Paying {
    /// Takes in what a call, or several as one, took.
    pub fn record(&self, rows: usize, took: Duration) {
        let size = &self.sizes[size(rows)];
        let now = (took.as_nanos() as u64 / rows.max(1) as u64).max(1);
        let before = size.per_row_ns.load(Relaxed);
        let smoothed = match before {
            0 => now,
            // First calls compile and fill caches.
            _ if size.measured.load(Relaxed) < TRIES => before.min(now),
            // What it takes swings with what else the machine does, and sizes are not measured at the same moments: neither a
            // quiet one nor an interruption tells what is usual, so each moves the figure a little.
            _ if now < before => before - (before - now) / NEW,
            _ => before + (now.min(2 * before) - before) / NEW,
        };
        size.per_row_ns.store(smoothed, Relaxed);
        size.measured.fetch_add(1, Relaxed);
    }

    /// Returns whether it may be worth while for a call of so many rows to wait for another.
    pub fn may_pay(&self, rows: usize) -> bool {
        self.expect_ns(rows).is_some() && self.share(&[rows, rows]).is_none_or(|share| share <= SHARE)
    }

    /// Returns how many of these calls to answer as one, the first of them included: 1 is alone.
    ///
    /// It goes up by twos from what is known, as long as there is a gain in sight: a size that nobody measured is tried only
    /// where half of it was no loss, so that no caller waits for many who gain nothing.
    pub fn take(&self, rows: &[usize]) -> usize {
        let Some(first) = rows.first() else { return 0 };
        if self.expect_ns(*first).is_none() {
            // Without knowing what it takes alone there is nothing to compare.
            return 1;
        }
        let (mut looked, mut best) = (1, 1);
        while looked < rows.len() {
            looked = (2 * looked).min(rows.len());
            match self.share(&rows[..looked]) {
                None => return looked,
                Some(share) if share <= SHARE => best = looked,
                Some(share) if share <= HOPE => {}
                Some(_) => break,
            }
        }
        let again = looked > best && self.refused.fetch_add(1, Relaxed) % AGAIN == AGAIN - 1;
        if again { looked } else { best }
    }

    /// Returns what these calls take as one, by what they take alone; nothing where that was not measured.
    fn share(&self, rows: &[usize]) -> Option<f64> {
        let joined = self.expect_ns(rows.iter().sum())?;
        // A size that is unknown alone is taken to cost as much a row as the first.
        let first = self.expect_ns(rows[0]).unwrap_or(0.0) / rows[0].max(1) as f64;
        let alone = |rows: &usize| self.expect_ns(*rows).unwrap_or(first * *rows as f64);
        Some(joined / rows.iter().map(alone).sum::<f64>())
    }

    fn expect_ns(&self, rows: usize) -> Option<f64> {
        let size = &self.sizes[size(rows)];
        let known = size.measured.load(Relaxed) >= TRIES;
        known.then(|| size.per_row_ns.load(Relaxed) as f64 * rows as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const US: Duration = Duration::from_micros(1);

    /// Measures calls that take `fixed` and so much a row.
    fn measure(paying: &Paying, fixed: u32, per_row: u32, sizes: &[usize]) {
        for _ in 0..TRIES {
            sizes.iter().for_each(|&rows| paying.record(rows, (fixed + per_row * rows as u32) * US));
        }
    }

    #[test]
    fn sizes_are_powers_of_two() {
        assert_eq!([1, 2, 3, 4, 5, 8, 9].map(size), [0, 1, 2, 2, 3, 3, 4]);
        assert_eq!([0, 1 << 13, usize::MAX].map(size), [0, SIZES - 1, SIZES - 1]);
    }

    #[test]
    fn nothing_is_joined_before_calls_alone_were_measured() {
        let paying = Paying::default();
        assert_eq!(paying.take(&[1; 8]), 1);
        measure(&paying, 100, 1, &[1]);
        assert_eq!(paying.take(&[1; 8]), 2, "then joining is tried");
        measure(&paying, 100, 1, &[2]);
        assert_eq!(paying.take(&[1; 8]), 4, "and where it pays, more of it");
    }

    #[test]
    fn what_is_dear_a_call_is_joined_and_what_is_dear_a_row_is_not() {
        let (call, row) = (Paying::default(), Paying::default());
        measure(&call, 100, 1, &[1, 2, 4, 8]);
        measure(&row, 1, 100, &[1, 2, 4, 8]);
        assert_eq!([call.take(&[1; 8]), call.take(&[1]), call.take(&[])], [8, 1, 0]);
        assert_eq!(row.take(&[1; 8]), 1);
        assert_eq!([call.may_pay(1), row.may_pay(1), Paying::default().may_pay(1)], [true, false, false]);
    }

    #[test]
    fn fewer_are_joined_where_all_do_not_pay() {
        let paying = Paying::default();
        measure(&paying, 100, 1, &[1, 2, 4]);
        // Eight rows leave the cache, say.
        measure(&paying, 10_000, 0, &[8]);
        assert_eq!(paying.take(&[1; 8]), 4);
    }

    #[test]
    fn a_time_that_swings_is_no_gain() {
        // Rows take 60 to 140 us, alone as joined: whichever size is measured seldom may have been measured in quiet moments.
        let (paying, mut seed) = (Paying::default(), 1_u32);
        let mut swung = |rows: u32| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            rows * (60 + (seed >> 16) % 81) * US
        };
        let mut joined = 0;
        for call in 0..20_000 {
            let calls = paying.take(&[1; 4]);
            paying.record(calls, swung(calls as u32));
            joined += usize::from(call >= 1_000 && calls > 1);
        }
        assert!(joined < 800, "{joined} of 19000 were joined");
    }

    #[test]
    fn many_are_joined_where_few_are_too_few_to_pay() {
        let paying = Paying::default();
        measure(&paying, 30, 100, &[1, 2, 4, 8]);
        assert_eq!([2, 4, 8].map(|calls| paying.take(&vec![1; calls])), [1, 1, 8]);
    }

    #[test]
    fn what_did_not_pay_is_tried_again_now_and_then() {
        let paying = Paying::default();
        measure(&paying, 1, 100, &[1, 2]);
        let joined = (0..2 * AGAIN).filter(|_| paying.take(&[1, 1]) == 2).count();
        assert_eq!(joined, 2);
    }
}
