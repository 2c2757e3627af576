//! What the policies count; the binary registers it under its names.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters that all stacks of a gateway share.
#[derive(Debug, Default)]
pub struct Metrics {
    overloaded: AtomicU64,
    deadline_exceeded: AtomicU64,
}

/// What [`Metrics`] showed at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Calls refused because as many as allowed were inside.
    pub overloaded: u64,
    /// Calls that were too late before they began, or whose answer was not there in time.
    pub deadline_exceeded: u64,
}

impl Metrics {
    pub fn counts(&self) -> Counts {
        Counts {
            overloaded: self.overloaded.load(Ordering::Relaxed),
            deadline_exceeded: self.deadline_exceeded.load(Ordering::Relaxed),
        }
    }

    pub(crate) fn count_overloaded(&self) {
        self.overloaded.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_deadline_exceeded(&self) {
        self.deadline_exceeded.fetch_add(1, Ordering::Relaxed);
    }
}
