//! The read side: a name in, a handle out, no lock.
//!
//! The manager publishes a whole new map at each change; a reader takes the one of its moment. A version that left the map
//! gives no new handle, and those that exist keep it alive until they are dropped.

use std::{
    collections::HashMap,
    fmt,
    ops::Deref,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use arc_swap::ArcSwap;
use model::{Name, PredictError, Predictor, Version};

use crate::{
    digest::Digest, loader::About, metrics::Metrics, model_config::ModelConfig, state::State, status::ModelStatus,
};

/// The models that are up, and what is told of the others.
#[derive(Default)]
pub struct Registry {
    models: ArcSwap<Models>,
    ready: AtomicBool,
    metrics: Metrics,
}

pub(crate) type Models = HashMap<Arc<str>, Arc<Entry>>;

/// One model as it is published.
pub(crate) struct Entry {
    pub status: ModelStatus,
    /// The available versions, ordered upward; the last answers a call that names none.
    pub available: Vec<Arc<Servable>>,
}

/// A loaded version.
pub(crate) struct Servable {
    pub name: Name,
    pub version: Version,
    pub predictor: Arc<dyn Predictor>,
    pub about: About,
    pub digest: Digest,
    pub config: ModelConfig,
    pub path: Arc<str>,
    pub load: Load,
}

/// One load of a version. No other has its number, not even a later one of the same version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Load(u64);

/// A borrow of an available version; it stays loaded until the last handle is dropped. Derefs to its predictor.
#[derive(Clone)]
pub struct Handle(Arc<Servable>);

// === impl Registry ===

impl Registry {
    /// Returns the version asked for, or the newest available one.
    pub fn get(&self, name: &str, version: Option<Version>) -> Result<Handle, PredictError> {
        let models = self.models.load();
        let Some(entry) = models.get(name) else { return Err(not_found(name, None)) };
        let servable = match version {
            None => entry.available.last(),
            Some(version) => entry.available.iter().rev().find(|servable| servable.version == version),
        };
        match servable {
            Some(servable) => Ok(Handle(servable.clone())),
            None => Err(entry.refusal(name, version)),
        }
    }

    /// Returns the status of every model, ordered by name.
    pub fn list(&self) -> Vec<ModelStatus> {
        let mut list: Vec<ModelStatus> = self.models.load().values().map(|entry| entry.status.clone()).collect();
        list.sort_by(|a, b| a.name.cmp(&b.name));
        list
    }

    /// Returns the status of one model.
    pub fn status(&self, name: &str) -> Result<ModelStatus, PredictError> {
        self.models.load().get(name).map(|entry| entry.status.clone()).ok_or_else(|| not_found(name, None))
    }

    /// Returns whether all that was there at the beginning was tried; it stays so.
    pub fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }

    /// Returns the counters of the manager that fills this registry.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    pub(crate) fn set_ready(&self) {
        self.ready.store(true, Ordering::Release);
    }

    /// Publishes a model, or takes it away. Only the one manager calls this.
    pub(crate) fn publish(&self, name: Arc<str>, entry: Option<Entry>) {
        let mut models = Models::clone(&self.models.load());
        match entry {
            Some(entry) => models.insert(name, Arc::new(entry)),
            None => models.remove(&name),
        };
        self.models.store(Arc::new(models));
    }
}

fn not_found(name: &str, version: Option<Version>) -> PredictError {
    const NAME_CHARS_MAX: usize = 160;
    let name: String = name.chars().take(NAME_CHARS_MAX).collect();
    let what = match version {
        None => format!("model `{name}`"),
        Some(version) => format!("version {version} of model `{name}`"),
    };
    PredictError::NotFound { what }
}

impl Entry {
    /// Returns why no version, or not this one, answers.
    fn refusal(&self, name: &str, version: Option<Version>) -> PredictError {
        let asked = || self.status.versions.iter().rev().filter(|v| version.is_none_or(|version| v.version == version));
        let what = match version {
            None => format!("model `{name}`"),
            Some(version) => format!("version {version} of model `{name}`"),
        };
        if let Some(coming) = asked().find(|v| matches!(v.state, State::Start | State::Loading)) {
            let why = coming.health.as_ref().map_or(String::new(), |health| format!(" ({health})"));
            return PredictError::Unavailable { message: format!("{what} is loading, try again soon{why}") };
        }
        let health = asked().find_map(|v| v.health.clone());
        match health.or_else(|| self.status.problem.clone()) {
            Some(health) => PredictError::FailedPrecondition { message: format!("{what} failed to load: {health}") },
            None => PredictError::NotFound { what },
        }
    }
}

// === impl Load ===

impl Load {
    /// Returns the number of a load that begins.
    pub fn begin() -> Load {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Load(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

// === impl Handle ===

impl Handle {
    pub fn name(&self) -> &Name {
        &self.0.name
    }

    pub fn version(&self) -> Version {
        self.0.version
    }

    /// Returns which load of the version this is.
    pub fn load(&self) -> Load {
        self.0.load
    }

    pub fn about(&self) -> &About {
        &self.0.about
    }

    pub fn digest(&self) -> Digest {
        self.0.digest
    }

    /// Returns where the artifact lies below the root of its source; empty where it is the root.
    pub fn path(&self) -> &str {
        &self.0.path
    }
}

impl Deref for Handle {
    type Target = dyn Predictor;
    fn deref(&self) -> &(dyn Predictor + 'static) {
        &*self.0.predictor
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Handle({} version {})", self.0.name, self.0.version)
    }
}
