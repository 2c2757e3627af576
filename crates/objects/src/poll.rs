//! The listing that goes on in the background: what was seen last, or what is in the way.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use futures_util::StreamExt;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt, path::Path};
use registry::SourceError;
use tokio::sync::oneshot;

use crate::{
    Limits,
    snapshot::{Object, Snapshot},
};

/// A store, and where in it the models are.
#[derive(Clone, Debug)]
pub struct Place {
    pub store: Arc<dyn ObjectStore>,
    pub prefix: Path,
    /// As it was given, for messages.
    pub url: Arc<str>,
    /// Whether an object never shows half-written.
    pub is_whole: bool,
}

/// What the listing leaves for whoever looks.
#[derive(Debug, Default)]
pub struct Seen(Mutex<State>);

#[derive(Debug, Default)]
pub struct State {
    pub snapshot: Option<Arc<Snapshot>>,
    /// Another one with every listing.
    pub serial: u64,
    /// Why the last listing failed, if it did.
    pub problem: Option<SourceError>,
}

/// How long to wait until the next listing.
#[derive(Debug, Default)]
pub struct Pace {
    failures: u32,
}

/// What a listing came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Changed,
    Same,
    Failed,
}

// === impl Seen ===

impl Seen {
    pub fn lock(&self) -> MutexGuard<'_, State> {
        // Each change of it is whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what a listing gave.
    fn take(&self, listed: Result<Snapshot, SourceError>) -> Outcome {
        let mut state = self.lock();
        match listed {
            Err(error) => {
                state.problem = Some(error);
                Outcome::Failed
            }
            Ok(snapshot) => {
                let is_same = state.snapshot.as_ref().is_some_and(|old| old.fingerprint == snapshot.fingerprint);
                (state.snapshot, state.problem) = (Some(Arc::new(snapshot)), None);
                state.serial += 1;
                if is_same { Outcome::Same } else { Outcome::Changed }
            }
        }
    }
}

// === impl Pace ===

impl Pace {
    /// Returns the pause after a listing: until what changed can be known to be still; the usual one; or, while nothing can be had,
    /// twice as long each time, up to a minute.
    pub fn after(&mut self, outcome: Outcome, limits: &Limits) -> Duration {
        const LONGEST_MS: u64 = 60_000;
        const DOUBLINGS_MAX: u32 = 16;
        self.failures = if outcome == Outcome::Failed { self.failures.saturating_add(1) } else { 0 };
        let poll = limits.poll_ms.max(10);
        Duration::from_millis(match outcome {
            Outcome::Changed => limits.settle_ms.clamp(10, poll.max(10)),
            Outcome::Same => poll,
            Outcome::Failed => (poll << (self.failures - 1).min(DOUBLINGS_MAX)).min(LONGEST_MS.max(poll)),
        })
    }
}

// === impl Place ===

impl Place {
    /// Lists until it is told to stop.
    pub async fn watch(&self, limits: &Limits, seen: &Seen, mut stop: oneshot::Receiver<()>) {
        let mut pace = Pace::default();
        loop {
            let outcome = tokio::select! {
                _ = &mut stop => return,
                listed = self.list(&self.prefix, limits) => seen.take(listed),
            };
            tokio::select! {
                _ = &mut stop => return,
                () = tokio::time::sleep(pace.after(outcome, limits)) => {}
            }
        }
    }

    /// Lists all at or below a path; paths in the snapshot are below the prefix.
    pub async fn list(&self, path: &Path, limits: &Limits) -> Result<Snapshot, SourceError> {
        let taken = Instant::now();
        let stall = Duration::from_millis(limits.stall_ms_max);
        let stalled = || self.failed(&format!("no answer within {} ms", limits.stall_ms_max));
        let mut objects = Vec::new();
        let mut listing = self.store.list(Some(path));
        while let Some(listed) = tokio::time::timeout(stall, listing.next()).await.map_err(|_| stalled())? {
            let meta = match listed {
                Ok(meta) => meta,
                // A part that is gone is empty; where all of it is gone, nothing is known of it.
                Err(object_store::Error::NotFound { .. }) if *path != self.prefix => break,
                Err(error) => return Err(self.failed(&error)),
            };
            if objects.len() == limits.objects_max {
                let (got, limit) = (limits.objects_max as u64 + 1, limits.objects_max as u64);
                let (path, key) = (self.url.to_string(), "models.sources: objects_max");
                return Err(SourceError::TooLarge { path, got, limit, unit: "objects or more", key });
            }
            objects.extend(self.object(&meta));
        }
        drop(listing);
        if objects.is_empty() && !path.as_ref().is_empty() {
            // It may be an object itself.
            let head = tokio::time::timeout(stall, self.store.head(path)).await.map_err(|_| stalled())?;
            match head {
                Ok(meta) => objects.extend(self.object(&meta)),
                Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(self.failed(&error)),
            }
        }
        Ok(Snapshot::new(taken, self.prefix.filename().unwrap_or_default(), objects, limits.depth_max, self.is_whole))
    }

    fn object(&self, meta: &ObjectMeta) -> Option<Object> {
        let below = meta.location.as_ref().strip_prefix(self.prefix.as_ref())?;
        let path = if self.prefix.as_ref().is_empty() { below } else { below.strip_prefix('/').unwrap_or(below) };
        Some(Object {
            path: path.to_owned(),
            size: meta.size,
            tag: meta.e_tag.clone(),
            version: meta.version.clone(),
            modified_ns: meta.last_modified.timestamp_nanos_opt().map_or(0, i128::from),
        })
    }

    /// Returns the error of an exchange that failed, in one line.
    pub fn failed(&self, error: &dyn std::fmt::Display) -> SourceError {
        const CHARS_MAX: usize = 400;
        let told: String = error.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
        let told: String = told.chars().take(CHARS_MAX).collect();
        SourceError::Remote { reason: format!("{}: {told}", self.url) }
    }
}
