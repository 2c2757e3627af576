//! A source and a loader that do as they are told.
//!
//! The content of an artifact is one text. The predictor of it answers with a batch of one value of that name, so that a
//! test sees which bytes answered; `bad...` does not load, `panic...` panics.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    future::Future,
    pin::pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Instant,
};

use model::{Batch, Call, Kind, ModelFiles, Name, Predictor, Reply, Signature, Version, Whole};

use crate::{
    About, Activation, Again, Artifact, Content, Found, LoadError, Loaded, Loader, Loading, Looked, Manager,
    MemoryStore, ModelConfig, Registry, Scan, Source, SourceError, Upkeep, Versions,
};

/// What lies at (name, number), as text; number 0 is an unnumbered artifact.
pub type Disk = BTreeMap<(&'static str, u64), String>;

#[derive(Default)]
pub struct FakeSource {
    pub disk: Arc<Mutex<Disk>>,
    /// Paths whose reading fails for now.
    pub changing: RefCell<Vec<String>>,
    pub versions: Versions,
    pub labels: RefCell<BTreeMap<Arc<str>, Version>>,
    /// Models whose owner says when they are loaded.
    pub loading: BTreeMap<&'static str, Loading>,
    pub starting: bool,
}

#[derive(Clone, Default)]
pub struct FakeLoader {
    /// Predictors in memory.
    pub alive: Arc<AtomicUsize>,
    pub loads: Arc<AtomicUsize>,
    /// Texts that do not load at the moment.
    pub flaky: Arc<Mutex<Vec<String>>>,
}

struct Fake {
    text: String,
    alive: Arc<AtomicUsize>,
}

/// Registry, manager and source, put together.
pub struct World {
    pub registry: Arc<Registry>,
    pub manager: Manager,
    pub source: FakeSource,
    pub loader: FakeLoader,
}

impl Source for FakeSource {
    fn read(&self, artifact: &Artifact) -> Result<Content, SourceError> {
        if self.changing.borrow().contains(&artifact.path.to_string()) {
            return Err(SourceError::Changing { path: artifact.path.to_string() });
        }
        read(&self.disk.lock().unwrap(), &artifact.path)
    }

    fn again(&self, artifact: &Artifact) -> Option<Arc<dyn Again>> {
        Some(Arc::new(Kept(self.disk.clone(), artifact.path.clone())))
    }

    fn is_starting(&self) -> bool {
        self.starting
    }
}

struct Kept(Arc<Mutex<Disk>>, Arc<str>);

impl Again for Kept {
    fn read(&self) -> Result<Content, SourceError> {
        read(&self.0.lock().unwrap(), &self.1)
    }
}

fn read(disk: &Disk, path: &str) -> Result<Content, SourceError> {
    let (name, number) = path.split_once('/').unwrap();
    let found = disk.iter().find(|((n, v), _)| *n == name && v.to_string() == number);
    let (text, outputs) = match found.map(|(_, text)| text.split_once('|').unwrap_or((text, ""))) {
        Some(found) => found,
        None => return Err(SourceError::Changing { path: path.to_owned() }),
    };
    let files = ModelFiles::new([("m".to_owned(), text.as_bytes().to_vec().into())]);
    let outputs = (!outputs.is_empty()).then(|| vec![outputs.to_owned()]);
    Ok(Content::new(files, ModelConfig { outputs, ..ModelConfig::default() }))
}

impl FakeSource {
    /// Returns what a source of this disk says.
    pub fn scan(&self) -> Scan {
        let mut scan = Scan::default();
        for ((name, number), text) in &*self.disk.lock().unwrap() {
            let fingerprint = text.bytes().fold(7u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)));
            let number = (*number > 0).then_some(Version(*number));
            let path = format!("{name}/{}", number.map_or(0, |version| version.0)).into();
            let artifact = Artifact { number, path, fingerprint, source: 0 };
            let load = self.loading.get(name).copied();
            let labels = || self.labels.borrow().clone();
            let upkeep = || Upkeep { versions: self.versions.clone(), labels: labels(), load };
            let (name_of, new) = (|| Name::new(name).unwrap(), Vec::new);
            let first = || Found::Artifacts { name: name_of(), artifacts: new(), upkeep: upkeep() };
            if let Found::Artifacts { artifacts, .. } = scan.models.entry((*name).to_owned()).or_insert_with(first) {
                artifacts.push(artifact);
            }
        }
        scan
    }
}

impl Loader for FakeLoader {
    fn load(&self, _: &Name, _: Version, files: &ModelFiles, config: &ModelConfig) -> Result<Loaded, LoadError> {
        let text = std::str::from_utf8(files.get("m").unwrap()).unwrap().to_owned();
        if text.starts_with("panic") {
            // As a panic, without the noise of its hook.
            std::panic::resume_unwind(Box::new(format!("as told: {text}")));
        }
        self.loads.fetch_add(1, Ordering::SeqCst);
        if text.starts_with("bad") || self.flaky.lock().unwrap().contains(&text) {
            return Err(LoadError::new(Kind::InvalidArgument, format!("{text} is no model")));
        }
        self.alive.fetch_add(1, Ordering::SeqCst);
        let text = config.outputs.as_ref().map_or(text.clone(), |outputs| format!("{text} {}", outputs[0]));
        let about = About { format: "fake".into(), bytes: text.len() as u64, ..About::default() };
        Ok(Loaded { predictor: Arc::new(Fake { text, alive: self.alive.clone() }), about })
    }
}

impl Predictor for Fake {
    fn signatures(&self) -> &[Signature] {
        &[]
    }

    fn call(&self, _: Call) -> Reply {
        let mut batch = Batch::new(1);
        batch.push_whole(self.text.as_str(), Whole::Absent);
        Reply::Now(Ok(batch))
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.alive.fetch_sub(1, Ordering::SeqCst);
    }
}

impl World {
    pub fn new(kept: usize) -> World {
        World::within(kept, 0, Loading::Eager, Arc::default())
    }

    /// Returns one whose models are lazy.
    pub fn lazy(bytes_max: u64) -> World {
        World::within(1, bytes_max, Loading::Lazy, Arc::default())
    }

    pub fn within(kept: usize, bytes_max: u64, loading: Loading, store: Arc<MemoryStore>) -> World {
        let versions = Versions::Latest(std::num::NonZeroUsize::new(kept).unwrap());
        let registry = Arc::new(Registry::within(bytes_max));
        let loader = FakeLoader::default();
        let manager = Manager::new(registry.clone(), Arc::new(loader.clone()), store).with_loading(loading);
        let source = FakeSource { versions, ..FakeSource::default() };
        World { registry, manager, source, loader }
    }

    /// Does what a loader thread does, once; returns whether there was something to load.
    pub fn load_one(&self) -> bool {
        self.load_one_at(Instant::now())
    }

    pub fn load_one_at(&self, now: Instant) -> bool {
        self.registry.board.work_one(&self.loader, self.registry.metrics(), now)
    }

    /// Asks as a call does: what answers, after a load if need be.
    pub fn call(&self, name: &str) -> String {
        loop {
            let handle = match self.registry.find(name, None) {
                Ok(Looked::Up(handle)) => handle,
                Ok(Looked::Cold(mut activation)) => {
                    while self.load_one() {}
                    match ended(&mut activation).expect("its load is done") {
                        Ok(Some(handle)) => handle,
                        Ok(None) => continue,
                        Err(error) => return error.kind().to_string(),
                    }
                }
                Err(error) => return error.kind().to_string(),
            };
            return format!("{}@{}", said(&*handle), handle.version());
        }
    }

    pub fn loads(&self) -> usize {
        self.loader.loads.load(Ordering::SeqCst)
    }

    pub fn is_loaded(&self, name: &str) -> bool {
        self.registry.status(name).is_ok_and(|status| status.versions.iter().any(|v| v.is_loaded))
    }

    /// Lets texts fail to load from now on.
    pub fn set_flaky(&self, texts: &[&str]) {
        *self.loader.flaky.lock().unwrap() = texts.iter().map(|text| (*text).to_owned()).collect();
    }

    /// Writes an artifact, or removes it.
    pub fn put(&self, name: &'static str, number: u64, text: Option<&str>) {
        match text {
            Some(text) => self.source.disk.lock().unwrap().insert((name, number), text.to_owned()),
            None => self.source.disk.lock().unwrap().remove(&(name, number)),
        };
    }

    /// Lets the source speak, and the manager act until there is nothing to do.
    pub fn go(&mut self) {
        self.manager.aspire(self.source.scan());
        while self.manager.step(&self.source) {}
    }

    /// Returns what answers, as `text@version`, or the kind of the failure.
    pub fn ask(&self, name: &str, version: Option<u64>) -> String {
        match self.registry.get(name, version.map(Version)) {
            Ok(handle) => format!("{}@{}", said(&*handle), handle.version()),
            Err(error) => error.kind().to_string(),
        }
    }

    /// Returns each version with its state and whether it has a health text.
    pub fn states(&self, name: &str) -> Vec<String> {
        let Ok(status) = self.registry.status(name) else { return Vec::new() };
        let state = |v: &crate::VersionStatus| {
            format!("{} {}{}", v.version, v.state, if v.health.is_some() { "!" } else { "" })
        };
        status.versions.iter().map(state).collect()
    }

    pub fn alive(&self) -> usize {
        self.loader.alive.load(Ordering::SeqCst)
    }
}

/// Returns what the wait came to, if it is over.
pub fn ended(activation: &mut Activation) -> Option<Result<Option<crate::Handle>, model::PredictError>> {
    match pin!(activation).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => Some(outcome),
        Poll::Pending => None,
    }
}

/// Waits on this thread until a model answers.
pub fn wait(registry: &Registry, name: &str) -> crate::Handle {
    struct Unpark(std::thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    loop {
        let mut activation = match registry.find(name, None).unwrap() {
            Looked::Up(handle) => return handle,
            Looked::Cold(activation) => pin!(activation),
        };
        loop {
            match activation.as_mut().poll(&mut Context::from_waker(&waker)) {
                Poll::Ready(Ok(Some(handle))) => return handle,
                Poll::Ready(Ok(None)) => break,
                Poll::Ready(Err(error)) => panic!("{error}"),
                Poll::Pending => std::thread::park(),
            }
        }
    }
}

/// Returns the text that a predictor was made of.
pub fn said(predictor: &dyn Predictor) -> String {
    match predictor.call(Call::default()) {
        Reply::Now(Ok(batch)) => batch.values()[0].0.to_string(),
        _ => unreachable!("fakes answer at once"),
    }
}
