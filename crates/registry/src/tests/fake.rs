//! A source and a loader that do as they are told.
//!
//! The content of an artifact is one text. The predictor of it answers with a batch of one value of that name, so that a
//! test sees which bytes answered; `bad...` does not load, `panic...` panics.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use model::{Batch, Call, Kind, ModelFiles, Name, Predictor, Reply, Signature, Version, Whole};

use crate::{
    About, Artifact, Content, Found, LoadError, Loaded, Loader, Manager, MemoryStore, ModelConfig, Registry, Scan,
    Source, SourceError, Upkeep, Versions,
};

/// What lies at (name, number), as text; number 0 is an unnumbered artifact.
pub type Disk = BTreeMap<(&'static str, u64), String>;

#[derive(Default)]
pub struct FakeSource {
    pub disk: RefCell<Disk>,
    /// Paths whose reading fails for now.
    pub changing: RefCell<Vec<String>>,
    pub versions: Versions,
    pub labels: RefCell<BTreeMap<Arc<str>, Version>>,
    pub starting: bool,
}

#[derive(Default)]
pub struct FakeLoader {
    /// Predictors in memory.
    pub alive: Arc<AtomicUsize>,
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
    pub alive: Arc<AtomicUsize>,
}

impl Source for FakeSource {
    fn read(&self, artifact: &Artifact) -> Result<Content, SourceError> {
        if self.changing.borrow().contains(&artifact.path.to_string()) {
            return Err(SourceError::Changing { path: artifact.path.to_string() });
        }
        let (name, number) = artifact.path.split_once('/').unwrap();
        let disk = self.disk.borrow();
        let found = disk.iter().find(|((n, v), _)| *n == name && v.to_string() == number);
        let (text, outputs) = match found.map(|(_, text)| text.split_once('|').unwrap_or((text, ""))) {
            Some(found) => found,
            None => return Err(SourceError::Changing { path: artifact.path.to_string() }),
        };
        let files = ModelFiles::new([("m".to_owned(), text.as_bytes().to_vec().into())]);
        let outputs = (!outputs.is_empty()).then(|| vec![outputs.to_owned()]);
        Ok(Content::new(files, ModelConfig { outputs, ..ModelConfig::default() }))
    }

    fn is_starting(&self) -> bool {
        self.starting
    }
}

impl FakeSource {
    /// Returns what a source of this disk says.
    pub fn scan(&self) -> Scan {
        let mut scan = Scan::default();
        for ((name, number), text) in &*self.disk.borrow() {
            let fingerprint = text.bytes().fold(7u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)));
            let number = (*number > 0).then_some(Version(*number));
            let path = format!("{name}/{}", number.map_or(0, |version| version.0)).into();
            let artifact = Artifact { number, path, fingerprint };
            let upkeep = || Upkeep { versions: self.versions.clone(), labels: self.labels.borrow().clone() };
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
        if text.starts_with("bad") {
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
        let kept = std::num::NonZeroUsize::new(kept).unwrap();
        let registry = Arc::new(Registry::default());
        let loader = FakeLoader::default();
        let alive = loader.alive.clone();
        let manager = Manager::new(registry.clone(), Arc::new(loader), Arc::new(MemoryStore::default()));
        World {
            registry,
            manager,
            source: FakeSource { versions: Versions::Latest(kept), ..FakeSource::default() },
            alive,
        }
    }

    /// Writes an artifact, or removes it.
    pub fn put(&self, name: &'static str, number: u64, text: Option<&str>) {
        match text {
            Some(text) => self.source.disk.borrow_mut().insert((name, number), text.to_owned()),
            None => self.source.disk.borrow_mut().remove(&(name, number)),
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
        self.alive.load(Ordering::SeqCst)
    }
}

/// Returns the text that a predictor was made of.
pub fn said(predictor: &dyn Predictor) -> String {
    match predictor.call(Call::default()) {
        Reply::Now(Ok(batch)) => batch.values()[0].0.to_string(),
        _ => unreachable!("fakes answer at once"),
    }
}
