//! Labels: movable names of versions, such as `stable` and `canary`.
//!
//! A label only moves to a version that answers, and a version that has one is kept up while the label stands. Labels set by
//! callers are kept in the store; those that stand in a model's `forebay.toml` are the file's: they move when the file does,
//! and win over others of their name. The table is held while a version begins to unload, so that no label moves to one that goes.
//! Readers see none of it: labels are published with their model.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use model::{Name, Version};

use crate::{
    error::StoreError,
    events::{Event, EventKind},
    registry::Registry,
    state::State,
    store::{LabelRecord, ModelStore, StoreHealth},
};

/// Labels that one model may have.
const LABELS_MAX: usize = 64;

/// Why a label was not changed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LabelError {
    #[error("`{label}` is no label: one that is a number would be taken for a version")]
    Number { label: Name },
    #[error("model `{name}`")]
    NoModel { name: Name },
    #[error("label `{label}` of model `{name}`")]
    NoLabel { name: Name, label: Name },
    #[error("version {version} of model `{name}`")]
    NoVersion { name: Name, version: Version },
    #[error(
        "version {version} of model `{name}` is there and is not served: `versions` in the model's forebay.toml leaves it out (without it the \
         newest alone is up); say `versions = {{ latest = {latest} }}` there, or \"all\""
    )]
    NotServed { name: Name, version: Version, latest: usize },
    #[error(
        "request to assign label `{label}` to version {version} of model `{name}`, which is not currently available for \
         inference ({why})"
    )]
    NotAvailable { name: Name, label: Name, version: Version, why: String },
    #[error("the label `{label}` of model `{name}` stands in its forebay.toml; change it there")]
    OfFile { name: Name, label: Name },
    #[error("model `{name}` has {LABELS_MAX} labels, the most that one may have; remove one first")]
    Many { name: Name },
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// All labels, by model.
#[derive(Debug, Default)]
pub(crate) struct Table {
    models: HashMap<Arc<str>, Labels>,
    /// Models whose labels were changed by callers since the manager looked.
    changed: BTreeSet<Arc<str>>,
}

#[derive(Debug, Default)]
struct Labels {
    stored: BTreeMap<Arc<str>, Version>,
    /// Of the file, each where it stands now: it moves once its version answers.
    of_file: BTreeMap<Arc<str>, Version>,
}

impl Table {
    /// Returns the labels of a model, each with its version.
    pub fn of(&self, name: &str) -> BTreeMap<Arc<str>, Version> {
        let Some(labels) = self.models.get(name) else { return BTreeMap::new() };
        let mut all = labels.stored.clone();
        all.extend(labels.of_file.iter().map(|(label, version)| (label.clone(), *version)));
        all
    }

    /// Takes over what the file of a model says; a label whose version is not up stays where it is.
    pub fn take_file(&mut self, name: &Arc<str>, said: &BTreeMap<Arc<str>, Version>, available: &[Version]) {
        if said.is_empty() && !self.models.contains_key(name) {
            return;
        }
        let labels = self.models.entry(name.clone()).or_default();
        labels.of_file.retain(|label, _| said.contains_key(label));
        for (label, version) in said.iter().filter(|(_, version)| available.contains(version)) {
            labels.of_file.insert(label.clone(), *version);
        }
    }

    /// Returns the models whose labels changed since the last time.
    pub fn take_changed(&mut self) -> BTreeSet<Arc<str>> {
        std::mem::take(&mut self.changed)
    }

    /// Puts these stored labels in the place of those that are known; returns the models whose labels are others now.
    fn take_over(&mut self, kept: &[LabelRecord]) -> Vec<Arc<str>> {
        let mut stored: HashMap<Arc<str>, BTreeMap<Arc<str>, Version>> =
            self.models.keys().map(|name| (name.clone(), BTreeMap::new())).collect();
        for LabelRecord { name, label, version } in kept {
            stored.entry(name.as_str().into()).or_default().insert(label.as_str().into(), *version);
        }
        let mut changed = Vec::new();
        for (name, labels) in stored {
            let known = &mut self.models.entry(name.clone()).or_default().stored;
            if *known != labels {
                *known = labels;
                self.changed.insert(name.clone());
                changed.push(name);
            }
        }
        changed
    }

    fn put(&mut self, name: &Name, label: &Name, version: Option<Version>) {
        let name: Arc<str> = name.as_str().into();
        let stored = &mut self.models.entry(name.clone()).or_default().stored;
        match version {
            Some(version) => stored.insert(label.as_str().into(), version),
            None => stored.remove(label.as_str()),
        };
        self.changed.insert(name);
    }
}

/// Changes what is known of models beyond their artifacts, and keeps it. Not called on a network thread: the store may wait.
pub struct Catalogue {
    registry: Arc<Registry>,
    store: Arc<dyn ModelStore>,
    /// The store's revision that was taken over.
    seen: AtomicU64,
}

impl Catalogue {
    /// Returns the catalogue in this store; the labels that it keeps are those of the registry from now on.
    pub fn open(registry: Arc<Registry>, store: Arc<dyn ModelStore>) -> Result<Catalogue, StoreError> {
        let kept = store.labels()?;
        let mut table = registry.labels();
        kept.iter().for_each(|record| table.put(&record.name, &record.label, Some(record.version)));
        drop(table);
        registry.events().keep_in(store.clone(), store.events()?);
        let seen = AtomicU64::new(store.health().revision);
        Ok(Catalogue { registry, store, seen })
    }

    /// Takes over labels that others moved in the store, where there are such. Called every now and then.
    pub fn refresh(&self) {
        let now = self.store.health().revision;
        if self.seen.swap(now, Ordering::Relaxed) == now {
            return;
        }
        let Ok(kept) = self.store.labels() else { return };
        let mut table = self.registry.labels();
        for name in table.take_over(&kept) {
            self.registry.publish_labels(&table, &name);
        }
    }

    /// Returns how the store is.
    pub fn health(&self) -> StoreHealth {
        self.store.health()
    }

    /// Refuses a change while the store cannot keep it.
    pub fn check_up(&self) -> Result<(), StoreError> {
        match self.store.health().is_up {
            true => Ok(()),
            false => Err(StoreError::Unavailable { message: "it is gone".to_owned() }),
        }
    }

    /// Adds what a caller did to the events.
    pub fn add_event(&self, event: Event) {
        self.registry.events().add(event);
    }

    /// Sets or moves a label; returns where it stood before.
    pub fn set_label(&self, name: &Name, label: &Name, version: Version) -> Result<Option<Version>, LabelError> {
        if label.as_str().bytes().all(|b| b.is_ascii_digit()) {
            return Err(LabelError::Number { label: label.clone() });
        }
        let mut table = self.registry.labels();
        self.check_available(name, label, version)?;
        let labels = table.of(name.as_str());
        check_not_of_file(&table, name, label)?;
        let old = labels.get(label.as_str()).copied();
        if old.is_none() && labels.len() >= LABELS_MAX {
            return Err(LabelError::Many { name: name.clone() });
        }
        if old != Some(version) {
            self.store.set_label(LabelRecord { name: name.clone(), label: label.clone(), version })?;
            table.put(name, label, Some(version));
            self.registry.publish_labels(&table, name.as_str());
            tracing::info!(model = %name, %label, %version, "label moved");
            let event = Event::new(EventKind::Labelled, name.as_str()).version(version);
            let event = Event { label: Some(label.as_str().into()), ..event };
            self.add_event(match old {
                Some(old) => event.message(format!("from version {old}")),
                None => event,
            });
        }
        Ok(old)
    }

    /// Removes a label; returns where it stood.
    pub fn remove_label(&self, name: &Name, label: &Name) -> Result<Version, LabelError> {
        let mut table = self.registry.labels();
        check_not_of_file(&table, name, label)?;
        let old = table.of(name.as_str()).get(label.as_str()).copied();
        let old = old.ok_or_else(|| LabelError::NoLabel { name: name.clone(), label: label.clone() })?;
        self.store.remove_label(name, label)?;
        table.put(name, label, None);
        self.registry.publish_labels(&table, name.as_str());
        tracing::info!(model = %name, %label, "label removed");
        let event = Event::new(EventKind::Unlabelled, name.as_str()).version(old);
        self.add_event(Event { label: Some(label.as_str().into()), ..event });
        Ok(old)
    }

    /// Returns the labels of a model, or of one version of it, and whether the model's `forebay.toml` says each.
    pub fn labels(&self, name: &Name, version: Option<Version>) -> Vec<(Arc<str>, Version, bool)> {
        let table = self.registry.labels();
        let of_file = |label: &str| is_of_file(&table, name.as_str(), label);
        let all = table.of(name.as_str()).into_iter().filter(|(_, of)| version.is_none_or(|version| version == *of));
        all.map(|(label, version)| {
            let file = of_file(&label);
            (label, version, file)
        })
        .collect()
    }

    /// Returns why a version that has no state gets no label.
    fn absent(&self, name: &Name, version: Version) -> LabelError {
        let (name, present) = (name.clone(), self.registry.present(name.as_str()));
        let latest = present.iter().filter(|&&other| other >= version).count();
        match present.contains(&version) {
            true => LabelError::NotServed { name, version, latest },
            false => LabelError::NoVersion { name, version },
        }
    }

    fn check_available(&self, name: &Name, label: &Name, version: Version) -> Result<(), LabelError> {
        let status = self.registry.status(name.as_str()).map_err(|_| LabelError::NoModel { name: name.clone() })?;
        let mut seen = status.versions.iter().filter(|v| v.version == version).peekable();
        if seen.peek().is_none() {
            return Err(self.absent(name, version));
        }
        let not = |v: &crate::status::VersionStatus| match &v.health {
            Some(health) => format!("{}: {health}", v.state),
            None => v.state.to_string(),
        };
        let (mut why, mut available) = (String::new(), false);
        seen.for_each(|v| (why, available) = (not(v), available || v.state == State::Available));
        match available {
            true => Ok(()),
            false => Err(LabelError::NotAvailable { name: name.clone(), label: label.clone(), version, why }),
        }
    }
}

fn is_of_file(table: &Table, name: &str, label: &str) -> bool {
    table.models.get(name).is_some_and(|labels| labels.of_file.contains_key(label))
}

fn check_not_of_file(table: &Table, name: &Name, label: &Name) -> Result<(), LabelError> {
    match is_of_file(table, name.as_str(), label.as_str()) {
        true => Err(LabelError::OfFile { name: name.clone(), label: label.clone() }),
        false => Ok(()),
    }
}
