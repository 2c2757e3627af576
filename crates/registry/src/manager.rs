//! Brings what is to what should be, one action at a time.
//!
//! [`Manager::aspire`] takes what a source says; [`Manager::step`] does the next single thing that the policy names, on the
//! calling thread: it reads and loads a version, or begins to unload one. Whoever owns the thread calls `step` until there
//! is nothing to do, then looks at the source again. All state is here; the registry holds only what was published.

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::{Instant, SystemTime},
};

use model::{Name, Version};
use tracing::{info, warn};

use crate::{
    error::{LoadError, StoreError},
    loader::Loader,
    policy::{self, Action},
    registry::{Load, Registry, Servable},
    source::{Artifact, Content, Found, Labelled, Scan, Source},
    state::State,
    store::{ModelStore, VersionRecord},
};

mod model_state;

use model_state::{Model, Slot};

/// Fills a registry.
pub struct Manager {
    registry: Arc<Registry>,
    loader: Arc<dyn Loader>,
    store: Arc<dyn ModelStore>,
    models: BTreeMap<Arc<str>, Model>,
    /// Whether a source spoke yet.
    aspired: bool,
}

/// What became of a slot that was to be loaded.
enum Outcome {
    Loaded(Arc<Servable>),
    /// The bytes and the configuration are those of this slot, which serves.
    Same(usize),
    /// The bytes are others than those published under the number; the slot that serves them goes on.
    Immutable(usize, String),
    /// The source may give it at another look.
    Later(String),
    Failed(String),
}

impl Manager {
    pub fn new(registry: Arc<Registry>, loader: Arc<dyn Loader>, store: Arc<dyn ModelStore>) -> Manager {
        Manager { registry, loader, store, models: BTreeMap::new(), aspired: false }
    }

    /// Takes over what should be up. An empty scan unloads everything.
    pub fn aspire(&mut self, scan: Scan) {
        self.aspired = true;
        let gone: Vec<Arc<str>> =
            self.models.keys().filter(|name| !scan.models.contains_key(&***name)).cloned().collect();
        for name in gone {
            self.forget(&name, &[]);
            let model = self.models.get_mut(&name).expect("its key was just read");
            (model.found, model.problem, model.upkeep.labels) = (Vec::new(), None, Labelled::new());
            self.settle_and_publish(&name);
        }
        for (name, found) in scan.models {
            let name: Arc<str> = name.into();
            match found {
                Found::Artifacts { artifacts, upkeep, .. }
                    if self.models.get(&name).is_some_and(|model| model.is_settled(&artifacts, &upkeep)) =>
                {
                    continue;
                }
                Found::Artifacts { name: checked, artifacts, upkeep } => {
                    self.forget(&name, &artifacts);
                    let model = self.models.entry(name.clone()).or_default();
                    (model.name, model.found, model.upkeep, model.problem) = (Some(checked), artifacts, upkeep, None);
                    model.slots.iter_mut().for_each(|slot| slot.waits = false);
                }
                Found::Problem(error) => {
                    let model = self.models.entry(name.clone()).or_default();
                    let text: Arc<str> = error.to_string().into();
                    if model.problem.as_ref() == Some(&text) {
                        continue;
                    }
                    warn!(model = ?name, error = %text, "not read");
                    model.problem = Some(text);
                }
            }
            self.settle_and_publish(&name);
        }
    }

    /// Does the next single thing; returns whether there was one.
    pub fn step(&mut self, source: &dyn Source) -> bool {
        self.reap();
        let changed = self.registry.labels().take_changed();
        for name in changed.iter().filter(|name| self.models.contains_key(*name)).cloned().collect::<Vec<_>>() {
            self.settle_and_publish(&name);
        }
        let next = self.models.iter().find_map(|(name, model)| Some((name.clone(), policy::next(&model.seen())?)));
        match next {
            Some((name, Action::Load(place))) => self.load(source, &name, place),
            Some((name, Action::Unload(place))) => self.unload(&name, place),
            None => {
                if self.aspired && !source.is_starting() {
                    self.registry.set_ready();
                }
                return false;
            }
        }
        true
    }

    /// Ends the versions whose last handle was dropped. Their memory is given back here, not on the thread of a request.
    fn reap(&mut self) {
        let names: Vec<Arc<str>> = self.models.keys().cloned().collect();
        for name in names {
            let model = self.models.get_mut(&name).expect("its key was just read");
            let mut ended = 0;
            // A servable that no map holds is reached by its handles alone, so a count of one cannot rise again.
            for slot in model.slots.iter_mut().filter(|slot| slot.state == State::Unloading) {
                if slot.servable.as_ref().is_none_or(|servable| Arc::strong_count(servable) == 1) {
                    slot.servable = None;
                    slot.enter(State::End);
                    ended += 1;
                    self.registry.metrics().unloaded();
                    info!(model = %name, version = %slot.version, "unloaded");
                }
            }
            if ended > 0 {
                self.settle_and_publish(&name);
            }
        }
    }

    fn unload(&mut self, name: &Arc<str>, place: usize) {
        let model = self.models.get_mut(name).expect("the policy saw it");
        // From here to the publishing no label moves: a version that one stands at stays.
        let labels = self.registry.labels();
        let labelled: Vec<Version> = labels.of(name).into_values().collect();
        if !model.is_held(place, &labelled) {
            model.slots[place].enter(State::Unloading);
            self.registry.publish(&labels, name.clone(), Some(model.entry(name.clone())));
        }
        drop(labels);
        self.settle_and_publish(name);
        self.reap();
    }

    fn load(&mut self, source: &dyn Source, name: &Arc<str>, place: usize) {
        self.slot(name, place).enter(State::Loading);
        self.publish(name);
        let outcome = self.try_load(source, name, place);
        let model = self.models.get_mut(name).expect("the policy saw it");
        let slot = &mut model.slots[place];
        match outcome {
            Outcome::Loaded(servable) => {
                info!(model = %name, version = %servable.version, path = %servable.path, "available");
                (slot.version, slot.servable, slot.health) = (servable.version, Some(servable), None);
                slot.enter(State::Available);
                self.registry.metrics().loaded(name);
            }
            Outcome::Failed(health) => {
                warn!(model = %name, version = %slot.version, error = %health, "load failed");
                slot.health = Some(health.into());
                slot.enter(State::End);
                self.registry.metrics().failed(name);
            }
            Outcome::Later(health) => {
                if slot.health.as_deref() != Some(&*health) {
                    warn!(model = %name, error = %health, "put off");
                }
                model.put_off(place, health);
            }
            Outcome::Same(other) => model.adopt(place, other, None),
            Outcome::Immutable(other, health) => {
                warn!(model = %name, error = %health, "refused");
                model.adopt(place, other, Some(health.into()));
            }
        }
        self.settle_and_publish(name);
    }

    fn try_load(&mut self, source: &dyn Source, name: &Arc<str>, place: usize) -> Outcome {
        let model = &self.models[name];
        let artifact = model.slots[place].artifact.clone();
        let checked = model.name.clone().expect("a model with an artifact has a checked name");
        let content = match guarded(|| source.read(&artifact)) {
            Ok(Ok(content)) => content,
            Ok(Err(error)) if error.may_pass() => return Outcome::Later(error.to_string()),
            Ok(Err(error)) => return Outcome::Failed(error.to_string()),
            Err(panic) => return Outcome::Failed(panic),
        };
        if let Some(other) = model.serving_same(&artifact, &content) {
            return Outcome::Same(other);
        }
        let version = match self.number(&checked, &artifact, &content) {
            Ok(version) => version,
            Err(StoreError::AlreadyExists { version, .. }) => {
                let health = format!("version {version} changed on disk; versions are immutable: add a new one");
                return match model.serving(&artifact) {
                    Some(other) => Outcome::Immutable(other, format!("{health} (the old bytes go on answering)")),
                    None => Outcome::Failed(health),
                };
            }
            Err(error) => return Outcome::Failed(error.to_string()),
        };
        self.slot(name, place).version = version;
        self.make(&checked, version, &artifact, content)
    }

    /// Runs the loader and records the version that it made.
    fn make(&self, name: &Name, version: Version, artifact: &Artifact, content: Content) -> Outcome {
        let begun = Instant::now();
        let loaded = guarded(|| self.loader.load(name, version, &content.files, &content.config));
        self.registry.metrics().took(begun.elapsed());
        let loaded = match loaded {
            Ok(Ok(loaded)) => loaded,
            Ok(Err(LoadError { message, .. })) => return Outcome::Failed(message),
            Err(panic) => return Outcome::Failed(panic),
        };
        let record = VersionRecord {
            name: name.clone(),
            version,
            digest: content.digest(),
            created: SystemTime::now(),
            provenance: artifact.path.clone(),
        };
        if let Err(error) = self.store.put(record) {
            return Outcome::Failed(error.to_string());
        }
        Outcome::Loaded(Arc::new(Servable {
            name: name.clone(),
            version,
            predictor: loaded.predictor,
            about: loaded.about,
            digest: content.digest(),
            config: content.config,
            path: artifact.path.clone(),
            load: Load::begin(),
        }))
    }

    /// Returns the number of a version: the source's, or the next one where the bytes are new.
    fn number(&self, name: &Name, artifact: &Artifact, content: &Content) -> Result<Version, StoreError> {
        let Some(version) = artifact.number else {
            return Ok(match self.store.latest(name)? {
                Some(latest) if latest.digest == content.digest() => latest.version,
                Some(latest) => Version(latest.version.0 + 1),
                None => Version(1),
            });
        };
        match self.store.get(name, version)? {
            Some(old) if old.digest != content.digest() => {
                Err(StoreError::AlreadyExists { name: name.clone(), version })
            }
            _ => Ok(version),
        }
    }

    /// Forgets the numbers that a source no longer has, so that it may give them again. Counted ones are never given twice.
    fn forget(&mut self, name: &str, now: &[Artifact]) {
        let Some(Model { name: Some(checked), found, .. }) = self.models.get(name) else { return };
        let has = |number| now.iter().any(|artifact| artifact.number == Some(number));
        for number in found.iter().filter_map(|old| old.number).filter(|&number| !has(number)) {
            if let Err(error) = self.store.remove(checked, number) {
                warn!(model = %name, version = %number, %error, "not forgotten");
            }
        }
    }

    fn slot(&mut self, name: &Arc<str>, place: usize) -> &mut Slot {
        &mut self.models.get_mut(name).expect("the policy saw it").slots[place]
    }

    fn settle_and_publish(&mut self, name: &Arc<str>) {
        let model = self.models.get_mut(name).expect("only models that are here are settled");
        let next = match &model.name {
            Some(checked) => self.store.latest(checked).ok().flatten().map_or(1, |latest| latest.version.0 + 1),
            None => 1,
        };
        let labelled: Vec<Version> = self.registry.labels().of(name).into_values().collect();
        model.settle(Version(next), &labelled);
        self.publish(name);
        if self.models[name].is_gone() {
            self.models.remove(name);
        }
    }

    fn publish(&self, name: &Arc<str>) {
        let model = &self.models[name];
        let mut labels = self.registry.labels();
        labels.take_file(name, &model.upkeep.labels, &model.available());
        self.registry.publish(&labels, name.clone(), (!model.is_gone()).then(|| model.entry(name.clone())));
    }
}

/// Runs what others wrote; a panic is an error like any other.
fn guarded<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(run)).map_err(|panic| {
        let text = panic.downcast_ref::<&str>().copied().or(panic.downcast_ref::<String>().map(String::as_str));
        format!("internal error, this is a bug: the load panicked: {}", text.unwrap_or("no message"))
    })
}
