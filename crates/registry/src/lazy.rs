//! Versions that are loaded when somebody asks for them, and given up when others need their memory.
//!
//! A lazy version is published cold. The first [`Activation`] puts it on the [`Board`]; a loader thread that the binary owns
//! takes it from there, and all who wait get the one result. What is loaded is counted against a budget of bytes: beyond it
//! the versions that were not asked for longest are cold again, those in use and those of eager models never. A load that
//! fails is told to all who ask, and is tried again only after a while, twice as long each time.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use arc_swap::ArcSwapOption;
use model::{Name, PredictError, Version};

use crate::{
    digest::Digest,
    loader::About,
    model_config::ModelConfig,
    registry::{Handle, Servable},
    source::Again,
};

mod board;

pub(crate) use board::Board;

/// The first pause after a load that failed, and the longest.
const BACKOFF: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(300));

/// One version that may be cold.
pub(crate) struct Lazy {
    pub name: Name,
    pub version: Version,
    pub digest: Digest,
    pub config: ModelConfig,
    pub path: Arc<str>,
    pub again: Arc<dyn Again>,
    loaded: ArcSwapOption<Servable>,
    /// When it was asked for last, in nanoseconds of the board's clock.
    used_ns: AtomicU64,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// Known since the first load in this process.
    about: Option<About>,
    failed: Option<Failed>,
    waiting: Vec<Arc<Waiter>>,
    /// On the board, or with a loader.
    is_queued: bool,
    /// Taken out of the registry: whoever waits looks again.
    is_retired: bool,
}

#[derive(Clone)]
struct Failed {
    error: PredictError,
    tries: u32,
    until: Instant,
}

/// What a load came to, for those who wait: nothing where the version was taken out meanwhile.
pub(crate) type Outcome = Result<Option<Arc<Servable>>, PredictError>;

#[derive(Default)]
pub(crate) struct Waiter(Mutex<(Option<Outcome>, Option<Waker>)>);

/// The wait for a cold version. It ends with a handle, with why there is none, or with nothing: then look again.
/// Dropping it leaves the load to others.
pub struct Activation(Arc<Waiter>);

/// What a lazy version is at this moment.
pub(crate) enum Now {
    Up(Arc<Servable>),
    Cold(Activation, /* to be loaded by the board */ bool),
    Failed(PredictError),
}

/// What a status says of it.
pub(crate) struct Shown {
    pub about: Option<About>,
    pub health: Option<Arc<str>>,
    pub is_loaded: bool,
}

impl Lazy {
    pub fn new(
        (name, version, digest): (Name, Version, Digest),
        config: ModelConfig,
        path: Arc<str>,
        again: Arc<dyn Again>,
        about: Option<About>,
    ) -> Lazy {
        let inner = Mutex::new(Inner { about, ..Inner::default() });
        let (loaded, used_ns) = (ArcSwapOption::empty(), AtomicU64::new(0));
        Lazy { name, version, digest, config, path, again, loaded, used_ns, inner }
    }

    /// Returns what is loaded, and marks it as used at `now_ns`.
    pub fn up(&self, now_ns: u64) -> Option<Arc<Servable>> {
        let servable = self.loaded.load_full()?;
        self.used_ns.store(now_ns, Ordering::Relaxed);
        Some(servable)
    }

    pub fn is_loaded(&self) -> bool {
        self.loaded.load().is_some()
    }

    /// Forgets the load that failed: what was in its way is gone.
    pub fn forgive(&self) {
        self.lock().failed = None;
    }

    /// Returns why no load is tried at `now`, where one failed shortly before.
    pub fn refusal(&self, now: Instant) -> Option<PredictError> {
        self.lock().refusal(now)
    }

    /// Returns what it is, and waits with the others where it is cold.
    pub fn ask(&self, now: Instant, now_ns: u64) -> Now {
        if let Some(servable) = self.up(now_ns) {
            return Now::Up(servable);
        }
        let mut inner = self.lock();
        // It may have been loaded since.
        if let Some(servable) = self.up(now_ns) {
            return Now::Up(servable);
        }
        if let Some(error) = inner.refusal(now) {
            return Now::Failed(error);
        }
        let waiter = Arc::<Waiter>::default();
        if inner.is_retired {
            waiter.tell(Ok(None));
            return Now::Cold(Activation(waiter), false);
        }
        inner.waiting.retain(|other| Arc::strong_count(other) > 1);
        inner.waiting.push(waiter.clone());
        let is_first = !std::mem::replace(&mut inner.is_queued, true);
        Now::Cold(Activation(waiter), is_first)
    }

    pub fn shown(&self) -> Shown {
        let inner = self.lock();
        Shown {
            about: inner.about.clone(),
            health: inner.failed.as_ref().map(|failed| failed.error.to_string().into()),
            is_loaded: self.is_loaded(),
        }
    }

    /// Ends a load: keeps what it gave unless the version was taken out, and tells those who wait. Returns whether it is kept.
    fn end(&self, loaded: Result<Arc<Servable>, PredictError>, now: Instant) -> bool {
        let mut inner = self.lock();
        inner.is_queued = false;
        let waiting = std::mem::take(&mut inner.waiting);
        let kept = match &loaded {
            Ok(servable) => {
                (inner.about, inner.failed) = (Some(servable.about.clone()), None);
                if !inner.is_retired {
                    self.loaded.store(Some(servable.clone()));
                }
                !inner.is_retired
            }
            Err(error) => {
                let tries = inner.failed.as_ref().map_or(0, |failed| failed.tries);
                let pause = BACKOFF.0.saturating_mul(1 << tries.min(16)).min(BACKOFF.1);
                inner.failed = Some(Failed { error: error.clone(), tries: tries + 1, until: now + pause });
                false
            }
        };
        let retired = inner.is_retired;
        drop(inner);
        for waiter in waiting {
            waiter.tell(match &loaded {
                Ok(servable) => Ok(Some(servable.clone())),
                Err(_) if retired => Ok(None),
                Err(error) => Err(error.clone()),
            });
        }
        kept
    }

    /// Takes it out of use; returns what was loaded. Who waits is told by the load under way.
    fn retire(&self) -> Option<Arc<Servable>> {
        let mut inner = self.lock();
        inner.is_retired = true;
        if !inner.is_queued {
            inner.waiting.drain(..).for_each(|waiter| waiter.tell(Ok(None)));
        }
        self.loaded.swap(None)
    }

    fn is_retired(&self) -> bool {
        self.lock().is_retired
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Every change is a few assignments, so a poisoned one is whole.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn refusal(&self, now: Instant) -> Option<PredictError> {
        self.failed.as_ref().filter(|failed| now < failed.until).map(|failed| failed.error.clone())
    }
}

impl Waiter {
    pub fn tell(&self, outcome: Outcome) {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.0 = Some(outcome);
        let waker = inner.1.take();
        drop(inner);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Activation {
    /// Returns a wait, and whom to tell of its end.
    pub(crate) fn open() -> (Activation, Arc<Waiter>) {
        let waiter = Arc::<Waiter>::default();
        (Activation(waiter.clone()), waiter)
    }
}

impl Future for Activation {
    type Output = Result<Option<Handle>, PredictError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut inner = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        match inner.0.take() {
            Some(outcome) => Poll::Ready(outcome.map(|servable| servable.map(Handle::of))),
            None => {
                inner.1 = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}
