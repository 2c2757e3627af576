//! The queue of cold versions that are asked for, and the account of those that are loaded.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, atomic::Ordering},
    time::Instant,
};

use model::PredictError;

use super::Lazy;
use crate::{
    error::{LoadError, SourceError},
    guarded,
    loader::Loader,
    metrics::Metrics,
    registry::{Load, Servable},
};

/// What loader threads share.
pub(crate) struct Board {
    inner: Mutex<Inner>,
    work: Condvar,
    begun: Instant,
    /// Bytes of all loaded versions; 0 is no limit.
    bytes_max: u64,
}

#[derive(Default)]
struct Inner {
    queue: VecDeque<Arc<Lazy>>,
    /// Lazy versions that are loaded, by their load.
    loaded: HashMap<Load, (Arc<Lazy>, u64)>,
    lazy_bytes: u64,
    eager_bytes: u64,
    /// Given up while somebody still had a handle.
    going: Vec<Arc<Servable>>,
    is_closed: bool,
}

impl Board {
    pub fn new(bytes_max: u64) -> Board {
        Board { inner: Mutex::default(), work: Condvar::new(), begun: Instant::now(), bytes_max }
    }

    /// Returns the clock of use.
    pub fn now_ns(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    pub fn push(&self, lazy: Arc<Lazy>) {
        self.lock().queue.push_back(lazy);
        self.work.notify_one();
    }

    /// Loads what is asked for until the board is closed.
    pub fn work(&self, loader: &dyn Loader, metrics: &Metrics) {
        let mut inner = self.lock();
        while !inner.is_closed {
            if inner.queue.is_empty() {
                inner = self.work.wait(inner).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            drop(inner);
            self.work_one(loader, metrics, Instant::now());
            inner = self.lock();
        }
    }

    /// Loads the one that waits longest; returns whether there was one.
    pub fn work_one(&self, loader: &dyn Loader, metrics: &Metrics, now: Instant) -> bool {
        let Some(lazy) = self.lock().queue.pop_front() else { return false };
        let begun = Instant::now();
        let loaded = load(&lazy, loader);
        metrics.activated(loaded.is_ok(), begun.elapsed());
        // The pause after a failure begins when it is known.
        let now = now + begun.elapsed();
        if let Err(error) = &loaded {
            tracing::warn!(model = %lazy.name, version = %lazy.version, %error, "load failed");
        }
        let counted = loaded.as_ref().ok().map(|servable| (servable.load, servable.about.bytes));
        lazy.used_ns.store(self.now_ns(), Ordering::Relaxed);
        let is_kept = lazy.end(loaded, now);
        if let Some((load, bytes)) = counted.filter(|_| is_kept) {
            self.count(&lazy, load, bytes, metrics);
        }
        true
    }

    /// Keeps a version loaded that was made elsewhere.
    pub fn keep(&self, lazy: &Arc<Lazy>, servable: Arc<Servable>, metrics: &Metrics) {
        let (load, bytes) = (servable.load, servable.about.bytes);
        lazy.used_ns.store(self.now_ns(), Ordering::Relaxed);
        if lazy.end(Ok(servable), Instant::now()) {
            self.count(lazy, load, bytes, metrics);
        }
    }

    /// Counts what was loaded, and gives up others where it is too much.
    fn count(&self, lazy: &Arc<Lazy>, load: Load, bytes: u64, metrics: &Metrics) {
        let mut inner = self.lock();
        // It may have been taken out since.
        if lazy.loaded.load().as_ref().is_none_or(|servable| servable.load != load) {
            return;
        }
        inner.loaded.insert(load, (lazy.clone(), bytes));
        inner.lazy_bytes += bytes;
        let given_up = self.evict(&mut inner, Some(load));
        metrics.evicted(given_up.len());
        metrics.set_bytes(inner.lazy_bytes + inner.eager_bytes);
        drop(inner);
        // Their memory is given back here, outside of the lock.
        drop(given_up);
    }

    /// Gives up the versions that were not used longest, until the rest is within the budget.
    fn evict(&self, inner: &mut Inner, but: Option<Load>) -> Vec<Arc<Servable>> {
        let mut given_up = Vec::new();
        if self.bytes_max == 0 {
            return given_up;
        }
        while inner.lazy_bytes + inner.eager_bytes > self.bytes_max {
            // One that somebody uses would give nothing back.
            let is_idle =
                |lazy: &Lazy| lazy.loaded.load_full().is_some_and(|servable| Arc::strong_count(&servable) <= 2);
            let idle = inner.loaded.iter().filter(|(load, (lazy, _))| Some(**load) != but && is_idle(lazy));
            let Some(oldest) = idle.min_by_key(|(_, (lazy, _))| lazy.used_ns.load(Ordering::Relaxed)) else { break };
            let load = *oldest.0;
            let Some((lazy, bytes)) = inner.loaded.remove(&load) else { break };
            inner.lazy_bytes -= bytes;
            if let Some(servable) = lazy.loaded.swap(None) {
                if Arc::strong_count(&servable) > 1 {
                    inner.going.push(servable.clone());
                }
                given_up.push(servable);
            }
        }
        given_up
    }

    /// Counts the bytes of an eager version that came or went.
    pub fn count_eager(&self, came: u64, went: u64, metrics: &Metrics) {
        let mut inner = self.lock();
        inner.eager_bytes = (inner.eager_bytes + came).saturating_sub(went);
        let given_up = self.evict(&mut inner, None);
        metrics.evicted(given_up.len());
        metrics.set_bytes(inner.lazy_bytes + inner.eager_bytes);
        drop(inner);
        drop(given_up);
    }

    /// Takes a version out of use; returns what was loaded of it.
    pub fn retire(&self, lazy: &Arc<Lazy>, metrics: &Metrics) -> Option<Arc<Servable>> {
        let mut inner = self.lock();
        let servable = lazy.retire()?;
        if let Some((_, bytes)) = inner.loaded.remove(&servable.load) {
            inner.lazy_bytes -= bytes;
        }
        metrics.set_bytes(inner.lazy_bytes + inner.eager_bytes);
        Some(servable)
    }

    /// Makes a version cold again, where it is loaded; its memory is given back once the last handle is dropped.
    pub fn cool(&self, lazy: &Arc<Lazy>, metrics: &Metrics) -> bool {
        let mut inner = self.lock();
        let Some(servable) = lazy.loaded.swap(None) else { return false };
        if let Some((_, bytes)) = inner.loaded.remove(&servable.load) {
            inner.lazy_bytes -= bytes;
        }
        metrics.evicted(1);
        metrics.set_bytes(inner.lazy_bytes + inner.eager_bytes);
        inner.going.push(servable);
        true
    }

    /// Drops what was given up and is not used any more.
    pub fn reap(&self) {
        let mut inner = self.lock();
        let (gone, going) = inner.going.drain(..).partition::<Vec<_>, _>(|servable| Arc::strong_count(servable) == 1);
        inner.going = going;
        drop(inner);
        drop(gone);
    }

    /// Ends the loader threads; what is queued is not loaded any more.
    pub fn close(&self) {
        let mut inner = self.lock();
        inner.is_closed = true;
        let queue = std::mem::take(&mut inner.queue);
        drop(inner);
        self.work.notify_all();
        for lazy in queue {
            let message = format!("model `{}` is not loaded any more: the server stops", lazy.name);
            lazy.end(Err(PredictError::Unavailable { message }), Instant::now());
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Every change is a few assignments, so a poisoned one is whole.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads a version again and makes it answer.
fn load(lazy: &Lazy, loader: &dyn Loader) -> Result<Arc<Servable>, PredictError> {
    let what = || format!("version {} of model `{}`", lazy.version, lazy.name);
    let failed =
        |text: &str| PredictError::FailedPrecondition { message: format!("{} failed to load: {text}", what()) };
    if lazy.is_retired() {
        return Err(PredictError::Unavailable { message: format!("{} was taken out", what()) });
    }
    let content = match guarded(|| lazy.again.read()) {
        Ok(Ok(content)) => content,
        Ok(Err(error)) if error.may_pass() => {
            return Err(PredictError::Unavailable { message: format!("{} cannot be read now: {error}", what()) });
        }
        Ok(Err(error)) => return Err(failed(&error.to_string())),
        Err(panic) => return Err(failed(&panic)),
    };
    if content.digest() != lazy.digest {
        return Err(failed(&SourceError::Replaced.to_string()));
    }
    // Another configuration makes another slot; this one has its own.
    match guarded(|| loader.load(&lazy.name, lazy.version, &content.files, &lazy.config)) {
        Ok(Ok(loaded)) => Ok(Arc::new(Servable {
            name: lazy.name.clone(),
            version: lazy.version,
            predictor: loaded.predictor,
            about: loaded.about,
            digest: lazy.digest,
            config: lazy.config.clone(),
            path: lazy.path.clone(),
            again: Some(lazy.again.clone()),
            load: Load::begin(),
        })),
        Ok(Err(LoadError { message, .. })) => Err(failed(&message)),
        Err(panic) => Err(failed(&panic)),
    }
}
