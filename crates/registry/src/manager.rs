//! Brings what is to what should be, one action at a time.
//!
//! [`Manager::aspire`] takes what a source says; [`Manager::step`] does the next single thing that the policy names, on the
//! calling thread: it reads and loads a version, or begins to unload one. Whoever owns the thread calls `step` until there
//! is nothing to do, then looks at the source again. All state is here; the registry holds only what was published.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Instant, SystemTime},
};

use model::{Name, Version};
use tracing::{info, warn};

use crate::{
    config::Loading,
    error::{LoadError, StoreError},
    events::{Event, EventKind},
    guarded,
    lazy::Lazy,
    loader::{About, Loader},
    policy::{self, Action},
    registry::{Load, Registry, Servable, Up},
    source::{Again, Artifact, Content, Found, Labelled, Scan, Source},
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
    /// How models are loaded whose owner does not say it.
    loading: Loading,
    /// Where there may be something to do, eager models first.
    work: BTreeSet<(Loading, Arc<str>)>,
    /// Models with a version whose last handle is awaited.
    leaving: BTreeSet<Arc<str>>,
    /// Whether a source spoke yet.
    aspired: bool,
}

/// What became of a slot that was to be loaded.
enum Outcome {
    Up(Up),
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
        Manager {
            registry,
            loader,
            store,
            models: BTreeMap::new(),
            loading: Loading::Eager,
            work: BTreeSet::new(),
            leaving: BTreeSet::new(),
            aspired: false,
        }
    }

    /// Returns the manager that loads models so whose owner says nothing.
    pub fn with_loading(self, loading: Loading) -> Manager {
        Manager { loading, ..self }
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
        while let Some((loading, name)) = self.next_model() {
            if loading == Loading::Lazy {
                self.tell_ready(source);
            }
            match self.models.get(&name).and_then(|model| policy::next(&model.seen())) {
                Some(Action::Load(place)) => self.load(source, &name, place),
                Some(Action::Unload(place)) => self.unload(&name, place),
                None => {
                    self.work.remove(&(loading, name));
                    continue;
                }
            }
            return true;
        }
        self.tell_ready(source);
        false
    }

    /// Returns where to look for something to do: what somebody waits for, else eager models, else lazy ones.
    fn next_model(&self) -> Option<(Loading, Arc<str>)> {
        let awaited = self.registry.awaited(|name| self.work.contains(&(Loading::Lazy, name.clone())));
        awaited.map(|name| (Loading::Lazy, name)).or_else(|| self.work.first().cloned())
    }

    /// Nobody waits for lazy models: all that is eager was tried.
    fn tell_ready(&self, source: &dyn Source) {
        let is_eager = |(loading, _): &(Loading, Arc<str>)| *loading == Loading::Eager;
        if self.aspired && !source.is_starting() && !self.work.first().is_some_and(is_eager) {
            self.registry.set_ready();
        }
    }

    /// Ends the versions whose last handle was dropped. Their memory is given back here, not on the thread of a request.
    fn reap(&mut self) {
        self.registry.board.reap();
        for name in self.leaving.clone() {
            let Some(model) = self.models.get_mut(&name) else {
                self.leaving.remove(&name);
                continue;
            };
            let mut ended = 0;
            // A servable that no map holds is reached by its handles alone, so a count of one cannot rise again.
            for slot in model.slots.iter_mut().filter(|slot| slot.state == State::Unloading) {
                let is_held = matches!(&slot.up, Some(Up::Loaded(servable)) if Arc::strong_count(servable) > 1);
                if !is_held {
                    slot.up = None;
                    slot.enter(State::End);
                    ended += 1;
                    self.registry.metrics().unloaded();
                    self.registry.events().add(Event::new(EventKind::Unloaded, name.as_ref()).version(slot.version));
                    info!(model = %name, version = %slot.version, "unloaded");
                }
            }
            if !model.slots.iter().any(|slot| slot.state == State::Unloading) {
                self.leaving.remove(&name);
            }
            if ended > 0 {
                self.settle_and_publish(&name);
            }
        }
    }

    fn unload(&mut self, name: &Arc<str>, place: usize) {
        // From here to the publishing no label moves: a version that one stands at stays.
        let (registry, is_lazy) = (self.registry.clone(), self.is_lazy(name));
        let labels = registry.labels();
        let labelled: Vec<Version> = labels.of(name).into_values().collect();
        let model = self.models.get_mut(name).expect("the policy saw it");
        if !model.is_held(place, &labelled) {
            let slot = &mut model.slots[place];
            slot.enter(State::Unloading);
            let went = match &slot.up {
                Some(Up::Loaded(servable)) => servable.about.bytes,
                Some(Up::Lazy(_)) | None => 0,
            };
            slot.up = match slot.up.take() {
                Some(Up::Lazy(lazy)) => registry.board.retire(&lazy, registry.metrics()).map(Up::Loaded),
                up => up,
            };
            registry.board.count_eager(0, went, registry.metrics());
            registry.publish(&labels, name.clone(), Some(model.entry(name.clone(), is_lazy)));
            self.leaving.insert(name.clone());
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
            Outcome::Up(up) => {
                info!(model = %name, version = %up.version(), path = %slot.artifact.path, "available");
                (slot.version, slot.up, slot.health) = (up.version(), Some(up), None);
                slot.enter(State::Available);
                self.registry.metrics().loaded(name);
                self.registry.events().add(Event::new(EventKind::Available, name).version(slot.version));
            }
            Outcome::Failed(health) => {
                warn!(model = %name, version = %slot.version, error = %health, "load failed");
                slot.health = Some(health.into());
                slot.enter(State::End);
                self.registry.metrics().failed(name);
                let health = slot.health.clone().unwrap_or_default();
                let event = Event::new(EventKind::Failed, name).version(slot.version);
                self.registry.events().add(event.message(health));
            }
            Outcome::Later(health) => {
                if slot.health.as_deref() != Some(&*health) {
                    warn!(model = %name, error = %health, "put off");
                }
                model.put_off(place, health);
            }
            Outcome::Same(other) => {
                if let Some(Up::Lazy(lazy)) = &model.slots[other].up {
                    lazy.forgive();
                }
                model.adopt(place, other, None);
            }
            Outcome::Immutable(other, health) => {
                warn!(model = %name, error = %health, "refused");
                let event = Event::new(EventKind::Failed, name).version(model.slots[other].version);
                self.registry.events().add(event.message(&*health));
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
                    Some(other) => Outcome::Immutable(other, format!("{health} ({})", model.slots[other].old_bytes())),
                    None => Outcome::Failed(health),
                };
            }
            Err(error) => return Outcome::Failed(error.to_string()),
        };
        self.slot(name, place).version = version;
        let model = &self.models[name];
        let made = match (self.loading_of(model), source.again(&artifact)) {
            (Loading::Lazy, Some(again)) => self.make_lazy(model, version, &artifact, (&content, again)),
            (_, again) => {
                let made = self.make(&checked, version, (&artifact, again), &content);
                made.map(|servable| (Up::Loaded(servable), None))
            }
        };
        let recorded = made.and_then(|made| self.record(&checked, version, &artifact, &content).map(|()| made));
        let (board, metrics) = (&self.registry.board, self.registry.metrics());
        match recorded {
            Err(health) => Outcome::Failed(health),
            Ok((up, loaded)) => {
                match (&up, loaded) {
                    (Up::Loaded(servable), _) => board.count_eager(servable.about.bytes, 0, metrics),
                    (Up::Lazy(lazy), Some(servable)) => board.keep(lazy, servable, metrics),
                    (Up::Lazy(_), None) => {}
                }
                Outcome::Up(up)
            }
        }
    }

    fn is_lazy(&self, name: &str) -> bool {
        self.models.get(name).is_some_and(|model| self.loading_of(model) == Loading::Lazy)
    }

    fn loading_of(&self, model: &Model) -> Loading {
        model.upkeep.load.unwrap_or(self.loading)
    }

    /// Makes a version that may be cold. It has to have been loaded once; what was loaded is returned with it where it takes the place
    /// of one that is.
    fn make_lazy(
        &self,
        model: &Model,
        version: Version,
        artifact: &Artifact,
        (content, again): (&Content, Arc<dyn Again>),
    ) -> Result<(Up, Option<Arc<Servable>>), String> {
        let name = model.name.as_ref().expect("a model with an artifact has a checked name");
        let lazy = |about: Option<About>| {
            let what = (name.clone(), version, content.digest());
            Arc::new(Lazy::new(what, content.config.clone(), artifact.path.clone(), again.clone(), about))
        };
        let proof = content.proof();
        let is_verified = self.store.verified(proof).unwrap_or_else(|error| {
            warn!(model = %name, %error, "the version is loaded to see that it does");
            false
        });
        if is_verified && !model.is_loaded() {
            return Ok((Up::Lazy(lazy(None)), None));
        }
        let servable = self.make(name, version, (artifact, Some(again.clone())), content)?;
        if let Err(error) = self.store.set_verified(proof) {
            warn!(model = %name, %error, "that the version loads is not remembered");
        }
        let lazy = lazy(Some(servable.about.clone()));
        Ok((Up::Lazy(lazy), Some(servable).filter(|_| model.is_loaded())))
    }

    /// Runs the loader.
    fn make(
        &self,
        name: &Name,
        version: Version,
        (artifact, again): (&Artifact, Option<Arc<dyn Again>>),
        content: &Content,
    ) -> Result<Arc<Servable>, String> {
        let begun = Instant::now();
        let loaded = guarded(|| self.loader.load(name, version, &content.files, &content.config));
        self.registry.metrics().took(begun.elapsed());
        let loaded = match loaded {
            Ok(Ok(loaded)) => loaded,
            Ok(Err(LoadError { message, .. })) => return Err(message),
            Err(panic) => return Err(panic),
        };
        Ok(Arc::new(Servable {
            name: name.clone(),
            version,
            predictor: loaded.predictor,
            about: loaded.about,
            digest: content.digest(),
            config: content.config.clone(),
            path: artifact.path.clone(),
            again,
            load: Load::begin(),
        }))
    }

    /// Keeps which bytes the version has.
    fn record(&self, name: &Name, version: Version, artifact: &Artifact, content: &Content) -> Result<(), String> {
        let record = VersionRecord {
            name: name.clone(),
            version,
            digest: content.digest(),
            created: SystemTime::now(),
            provenance: artifact.path.clone(),
        };
        self.store.put(record).map_err(|error| error.to_string())
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
        let model = &self.models[name];
        let (loading, is_gone) = (self.loading_of(model), model.is_gone());
        // It may have been the other kind before.
        for old in [Loading::Eager, Loading::Lazy] {
            self.work.remove(&(old, name.clone()));
        }
        if is_gone {
            self.models.remove(name);
        } else {
            self.work.insert((loading, name.clone()));
        }
    }

    fn publish(&self, name: &Arc<str>) {
        let model = &self.models[name];
        let mut labels = self.registry.labels();
        labels.take_file(name, &model.upkeep.labels, &model.available());
        let entry = (!model.is_gone()).then(|| model.entry(name.clone(), self.is_lazy(name)));
        self.registry.publish(&labels, name.clone(), entry);
    }
}
