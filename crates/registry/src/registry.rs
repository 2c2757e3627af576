//! The read side: a name in, a handle out, no lock.
//!
//! The manager publishes a whole new map at each change; a reader takes the one of its moment. A version that left the map
//! gives no new handle, and those that exist keep it alive until they are dropped.

use std::{
    collections::HashMap,
    fmt,
    ops::Deref,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use arc_swap::ArcSwap;
use model::{Name, PredictError, Predictor, Version};

use crate::{
    digest::Digest, labels::Table, loader::About, metrics::Metrics, model_config::ModelConfig, state::State,
    status::ModelStatus,
};

/// The models that are up, and what is told of the others.
#[derive(Default)]
pub struct Registry {
    models: ArcSwap<Models>,
    /// Whoever publishes holds it; readers do not.
    labels: Mutex<Table>,
    ready: AtomicBool,
    metrics: Metrics,
}

pub(crate) type Models = HashMap<Arc<str>, Arc<Entry>>;

/// Which version of a model is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Which<'a> {
    /// The newest that is up.
    #[default]
    Newest,
    Number(Version),
    /// The one that has this label.
    Label(&'a str),
}

/// One model as it is published.
#[derive(Clone)]
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
    pub fn get<'a>(&self, name: &str, which: impl Into<Which<'a>>) -> Result<Handle, PredictError> {
        let models = self.models.load();
        let Some(entry) = models.get(name) else { return Err(not_found(name, None)) };
        // A label and the versions are of one moment: one that moves never leads to a version that is gone.
        let version = match which.into() {
            Which::Newest => None,
            Which::Number(version) => Some(version),
            Which::Label(label) => {
                let known = entry.status.labels.get(label).copied();
                Some(known.ok_or_else(|| entry.no_label(name, label))?)
            }
        };
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

    /// Returns the labels; while they are held nothing is published.
    pub(crate) fn labels(&self) -> MutexGuard<'_, Table> {
        // A poisoned table is whole: each change of it is a single one.
        self.labels.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Publishes a model with its labels, or takes it away. Only the one manager calls this.
    pub(crate) fn publish(&self, labels: &Table, name: Arc<str>, entry: Option<Entry>) {
        let mut models = Models::clone(&self.models.load());
        match entry {
            Some(mut entry) => {
                entry.status.labels = labels.of(&name);
                models.insert(name, Arc::new(entry))
            }
            None => models.remove(&name),
        };
        self.models.store(Arc::new(models));
    }

    /// Publishes the labels of a model that stands.
    pub(crate) fn publish_labels(&self, labels: &Table, name: &str) {
        let models = self.models.load();
        if let Some((name, entry)) = models.get_key_value(name) {
            self.publish(labels, name.clone(), Some(Entry::clone(entry)));
        }
    }
}

impl<'a> Which<'a> {
    /// Returns the name and the version that a configuration means by `NAME` or `NAME@LABEL`.
    pub fn of(text: &'a str) -> (&'a str, Which<'a>) {
        text.split_once('@').map_or((text, Which::Newest), |(name, label)| (name, Which::Label(label)))
    }
}

impl From<Option<Version>> for Which<'_> {
    fn from(version: Option<Version>) -> Self {
        version.map_or(Which::Newest, Which::Number)
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
    fn no_label(&self, name: &str, label: &str) -> PredictError {
        const LABEL_CHARS_MAX: usize = 160;
        let label: String = label.chars().take(LABEL_CHARS_MAX).collect();
        let known: Vec<&str> = self.status.labels.keys().map(|known| &**known).collect();
        let known = if known.is_empty() { "it has none".to_owned() } else { format!("it has {}", known.join(", ")) };
        PredictError::NotFound { what: format!("label `{label}` of model `{name}` ({known})") }
    }

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
