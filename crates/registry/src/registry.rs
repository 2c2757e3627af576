//! The read side: a name in, a handle out, no lock.
//!
//! The manager publishes a new map of the names beside a changed one; a reader takes the one of its moment. A version that left the
//! map gives no new handle, and those that exist keep it alive until they are dropped. Names are spread over many small
//! maps, so that ten thousand models are published one by one without copying ten thousand entries each time.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    ops::Deref,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Instant,
};

use arc_swap::ArcSwap;
use model::{Name, PredictError, Predictor, Version};

use crate::{
    digest::Digest,
    events::Events,
    labels::Table,
    lazy::{Activation, Board, Lazy, Now},
    loader::{About, Loader},
    metrics::Metrics,
    model_config::ModelConfig,
    source::{Again, SourceStatus},
    state::State,
    status::ModelStatus,
    stored::Stored,
};

/// Maps that the names are spread over.
const SHARDS: usize = 64;

/// The models that are up, and what is told of the others.
pub struct Registry {
    shards: [ArcSwap<Models>; SHARDS],
    /// Whoever publishes holds it; readers do not.
    labels: Mutex<Table>,
    sources: ArcSwap<Vec<SourceStatus>>,
    ready: AtomicBool,
    metrics: Metrics,
    pub(crate) board: Board,
    /// Who waits for models that were never loaded.
    coming: Mutex<BTreeMap<Arc<str>, Vec<Arc<crate::lazy::Waiter>>>>,
    is_awaited: AtomicBool,
    events: Events,
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
    pub available: Vec<Up>,
    /// The numbers that its source has, up or not.
    pub present: Vec<Version>,
    /// Whether callers wait for a version that is on its way.
    pub is_lazy: bool,
}

/// A version that answers.
#[derive(Clone)]
pub(crate) enum Up {
    Loaded(Arc<Servable>),
    Lazy(Arc<Lazy>),
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
    /// Reads its artifact, where its source can.
    pub again: Option<Arc<dyn Again>>,
    pub load: Load,
}

/// One load of a version. No other has its number, not even a later one of the same version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Load(u64);

/// A borrow of an available version; it stays loaded until the last handle is dropped. Derefs to its predictor.
#[derive(Clone)]
pub struct Handle(Arc<Servable>);

/// What a look at the registry shows.
pub enum Looked {
    Up(Handle),
    /// It is being loaded because of this look.
    Cold(Activation),
}

// === impl Registry ===

impl Default for Registry {
    fn default() -> Registry {
        Registry::within(0)
    }
}

impl Registry {
    /// Returns a registry whose loaded versions may have so many bytes before lazy ones are given up; 0 is no limit.
    pub fn within(memory_bytes_max: u64) -> Registry {
        Registry {
            shards: std::array::from_fn(|_| ArcSwap::default()),
            labels: Mutex::default(),
            sources: ArcSwap::default(),
            ready: AtomicBool::new(false),
            metrics: Metrics::default(),
            events: Events::default(),
            board: Board::new(memory_bytes_max),
            coming: Mutex::default(),
            is_awaited: AtomicBool::new(false),
        }
    }

    /// Returns the version asked for, or the newest available one, if it is loaded.
    pub fn get<'a>(&self, name: &str, which: impl Into<Which<'a>>) -> Result<Handle, PredictError> {
        let models = self.shard(name).load();
        let Some(entry) = models.get(name) else { return Err(not_found(name, None)) };
        let version = entry.number(name, which.into())?;
        match entry.up(version) {
            Some(Up::Loaded(servable)) => Ok(Handle(servable.clone())),
            Some(Up::Lazy(lazy)) => match lazy.up(self.board.now_ns()) {
                Some(servable) => Ok(Handle(servable)),
                None => Err(lazy.refusal(Instant::now()).unwrap_or_else(|| {
                    let message = format!("model `{name}` is not loaded; a call loads it");
                    PredictError::Unavailable { message }
                })),
            },
            None => Err(entry.refusal(name, version)),
        }
    }

    /// Returns the version asked for, or the newest available one; one that is cold is loaded because of this.
    pub fn find<'a>(&self, name: &str, which: impl Into<Which<'a>>) -> Result<Looked, PredictError> {
        self.find_at(name, which.into(), Instant::now)
    }

    pub(crate) fn find_at(
        &self,
        name: &str,
        which: Which<'_>,
        now: impl FnOnce() -> Instant,
    ) -> Result<Looked, PredictError> {
        let models = self.shard(name).load();
        let Some(entry) = models.get(name) else { return Err(not_found(name, None)) };
        let version = entry.number(name, which)?;
        match entry.up(version) {
            Some(Up::Loaded(servable)) => Ok(Looked::Up(Handle(servable.clone()))),
            Some(Up::Lazy(lazy)) => match lazy.ask(now(), self.board.now_ns()) {
                Now::Up(servable) => Ok(Looked::Up(Handle(servable))),
                Now::Failed(error) => Err(error),
                Now::Cold(activation, is_first) => {
                    if is_first {
                        self.board.push(lazy.clone());
                    }
                    Ok(Looked::Cold(activation))
                }
            },
            None if entry.is_on_its_way(version) => Ok(Looked::Cold(self.await_first(name, entry))),
            None => Err(entry.refusal(name, version)),
        }
    }

    /// Returns the version that a call would be answered by, be it after a load, or why it would not.
    pub fn check<'a>(&self, name: &str, which: impl Into<Which<'a>>) -> Result<Version, PredictError> {
        let models = self.shard(name).load();
        let Some(entry) = models.get(name) else { return Err(not_found(name, None)) };
        let version = entry.number(name, which.into())?;
        match entry.up(version) {
            Some(Up::Lazy(lazy)) if !lazy.is_loaded() => lazy.refusal(Instant::now()).map_or(Ok(lazy.version), Err),
            Some(up) => Ok(up.version()),
            None => Err(entry.refusal(name, version)),
        }
    }

    /// Makes the loaded lazy versions of a model cold again. Returns how many there were; nothing where one is eager.
    pub fn cool(&self, name: &str) -> Result<Option<usize>, PredictError> {
        let models = self.shard(name).load();
        let Some(entry) = models.get(name) else { return Err(not_found(name, None)) };
        if entry.available.iter().any(|up| matches!(up, Up::Loaded(_))) {
            return Ok(None);
        }
        let cooled = entry.available.iter().filter(|up| match up {
            Up::Lazy(lazy) => self.board.cool(lazy, &self.metrics),
            Up::Loaded(_) => false,
        });
        Ok(Some(cooled.count()))
    }

    /// Returns the status of every model, ordered by name.
    pub fn list(&self) -> Vec<ModelStatus> {
        let maps = self.shards.iter().map(ArcSwap::load);
        let mut list: Vec<ModelStatus> =
            maps.flat_map(|models| models.values().map(|entry| entry.status()).collect::<Vec<_>>()).collect();
        list.sort_by(|a, b| a.name.cmp(&b.name));
        list
    }

    /// Returns what reads the files of a version that answers.
    pub fn stored(&self, name: &str, version: Version) -> Option<Stored> {
        let models = self.shard(name).load();
        let up = models.get(name)?.up(Some(version))?;
        let again = match up {
            Up::Loaded(servable) => servable.again.clone()?,
            Up::Lazy(lazy) => lazy.again.clone(),
        };
        Some(Stored::new(again, up.digest()))
    }

    /// Returns the numbers that the source has of a model, up or not.
    pub(crate) fn present(&self, name: &str) -> Vec<Version> {
        self.shard(name).load().get(name).map_or_else(Vec::new, |entry| entry.present.clone())
    }

    /// Returns the status of one model.
    pub fn status(&self, name: &str) -> Result<ModelStatus, PredictError> {
        self.shard(name).load().get(name).map(|entry| entry.status()).ok_or_else(|| not_found(name, None))
    }

    /// Returns what is known of each source.
    pub fn sources(&self) -> Arc<Vec<SourceStatus>> {
        self.sources.load_full()
    }

    /// Takes over what is known of each source, for whoever owns them to tell.
    pub fn set_sources(&self, sources: Vec<SourceStatus>) {
        if **self.sources.load() != sources {
            self.sources.store(Arc::new(sources));
        }
    }

    /// Returns whether all eager models that were there at the beginning were tried; it stays so.
    pub fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }

    /// Returns what happened to models.
    pub fn events(&self) -> &Events {
        &self.events
    }

    /// Returns the counters of the manager that fills this registry.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Loads the lazy versions that are asked for, until [`Registry::close`]. The binary calls it on threads of its own; each
    /// does one load at a time.
    pub fn load_cold(&self, loader: &dyn Loader) {
        self.board.work(loader, &self.metrics);
    }

    /// Ends [`Registry::load_cold`].
    pub fn close(&self) {
        self.board.close();
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
        let shard = self.shard(&name);
        let mut models = Models::clone(&shard.load());
        match entry {
            Some(mut entry) => {
                entry.status.labels = labels.of(&name);
                models.insert(name.clone(), Arc::new(entry))
            }
            None => models.remove(&name),
        };
        shard.store(Arc::new(models));
        if self.is_awaited.load(Ordering::Acquire) {
            self.tell(&name);
        }
    }

    /// Waits for the next that is published of a model; the manager takes it first.
    fn await_first(&self, name: &str, seen: &Arc<Entry>) -> Activation {
        let (activation, waiter) = Activation::open();
        let mut coming = self.coming();
        coming.entry(name.into()).or_default().push(waiter);
        self.is_awaited.store(true, Ordering::Release);
        drop(coming);
        // What was published meanwhile is told at once: another look shows it.
        if !self.shard(name).load().get(name).is_some_and(|entry| Arc::ptr_eq(entry, seen)) {
            self.tell(name);
        }
        activation
    }

    fn tell(&self, name: &str) {
        let mut coming = self.coming();
        let waiting = coming.remove(name).unwrap_or_default();
        self.is_awaited.store(!coming.is_empty(), Ordering::Release);
        drop(coming);
        waiting.into_iter().for_each(|waiter| waiter.tell(Ok(None)));
    }

    /// Returns a model that somebody waits for, of those that fit.
    pub(crate) fn awaited(&self, fits: impl Fn(&Arc<str>) -> bool) -> Option<Arc<str>> {
        if !self.is_awaited.load(Ordering::Acquire) {
            return None;
        }
        self.coming().keys().find(|name| fits(name)).cloned()
    }

    fn coming(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, Vec<Arc<crate::lazy::Waiter>>>> {
        // Every change is one of the map's own, so a poisoned one is whole.
        self.coming.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn shard(&self, name: &str) -> &ArcSwap<Models> {
        // FNV-1a: names are short.
        let hash = name
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
        &self.shards[(hash >> 32) as usize % SHARDS]
    }

    /// Publishes the labels of a model that stands.
    pub(crate) fn publish_labels(&self, labels: &Table, name: &str) {
        let models = self.shard(name).load();
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

// === impl Up ===

impl Up {
    pub fn version(&self) -> Version {
        match self {
            Up::Loaded(servable) => servable.version,
            Up::Lazy(lazy) => lazy.version,
        }
    }

    pub fn digest(&self) -> Digest {
        match self {
            Up::Loaded(servable) => servable.digest,
            Up::Lazy(lazy) => lazy.digest,
        }
    }

    pub fn config(&self) -> &ModelConfig {
        match self {
            Up::Loaded(servable) => &servable.config,
            Up::Lazy(lazy) => &lazy.config,
        }
    }
}

// === impl Entry ===

impl Entry {
    fn no_label(&self, name: &str, label: &str) -> PredictError {
        const LABEL_CHARS_MAX: usize = 160;
        let label: String = label.chars().take(LABEL_CHARS_MAX).collect();
        let known: Vec<&str> = self.status.labels.keys().map(|known| &**known).collect();
        let known = if known.is_empty() { "it has none".to_owned() } else { format!("it has {}", known.join(", ")) };
        PredictError::NotFound { what: format!("label `{label}` of model `{name}` ({known})") }
    }

    /// Returns the number that is asked for. A label and the versions are of one moment: one that moves never leads to a version that
    /// is gone.
    fn number(&self, name: &str, which: Which<'_>) -> Result<Option<Version>, PredictError> {
        match which {
            Which::Newest => Ok(None),
            Which::Number(version) => Ok(Some(version)),
            Which::Label(label) => {
                let known = self.status.labels.get(label).copied();
                known.map(Some).ok_or_else(|| self.no_label(name, label))
            }
        }
    }

    /// Returns the version asked for, or the newest.
    fn up(&self, version: Option<Version>) -> Option<&Up> {
        match version {
            None => self.available.last(),
            Some(version) => self.available.iter().rev().find(|up| up.version() == version),
        }
    }

    /// Returns the status as it is now.
    fn status(&self) -> ModelStatus {
        let mut status = self.status.clone();
        // Both are in the order of the slots; one number may stand twice while a version is loaded anew.
        let available = status.versions.iter_mut().filter(|v| v.state == State::Available);
        for (version, up) in available.zip(&self.available) {
            let Up::Lazy(lazy) = up else { continue };
            let shown = lazy.shown();
            (version.is_loaded, version.about) = (shown.is_loaded, shown.about);
            // Why it does not load says more than what is wrong with its place.
            version.health = shown.health.or(version.health.take());
        }
        status
    }

    /// Returns whether the version asked for is worth waiting for.
    fn is_on_its_way(&self, version: Option<Version>) -> bool {
        let coming = |v: &crate::status::VersionStatus| {
            version.is_none_or(|version| v.version == version)
                && matches!(v.state, State::Start | State::Loading)
                && v.health.is_none()
        };
        self.is_lazy && self.status.versions.iter().any(coming)
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
    pub(crate) fn of(servable: Arc<Servable>) -> Handle {
        Handle(servable)
    }

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
