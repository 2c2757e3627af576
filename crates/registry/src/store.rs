//! The memory of versions: which were published, with which bytes.
//!
//! The trait is what the rest of the house knows of databases; here is its form in memory, which forgets at exit. Records
//! are small and hold no bytes of the artifacts.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use model::{Name, Version};

use crate::{digest::Digest, error::StoreError, events::Event};

/// One published version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionRecord {
    pub name: Name,
    pub version: Version,
    pub digest: Digest,
    pub created: SystemTime,
    /// Where it came from: a path below the models directory, an upload.
    pub provenance: Arc<str>,
}

/// Where a label stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelRecord {
    pub name: Name,
    pub label: Name,
    pub version: Version,
}

/// How a store is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreHealth {
    /// What keeps it: `memory`, `sqlite`, `postgres`.
    pub kind: &'static str,
    /// Whether it can be reached.
    pub is_up: bool,
    /// Changes that wait until it can.
    pub waiting: u64,
    /// How often it could not.
    pub outages: u64,
    /// Counts what others changed there.
    pub revision: u64,
}

/// Keeps version records, labels, and what was verified here.
///
/// An implementor answers from any thread and may wait for a disk or a network, so it is never called on a network thread.
/// A version once put keeps its digest until it is removed.
pub trait ModelStore: Send + Sync {
    /// Returns the records of one model, ordered by version.
    fn versions(&self, name: &Name) -> Result<Vec<VersionRecord>, StoreError>;

    /// Returns the record of one version.
    fn get(&self, name: &Name, version: Version) -> Result<Option<VersionRecord>, StoreError>;

    /// Returns the record of the highest version.
    fn latest(&self, name: &Name) -> Result<Option<VersionRecord>, StoreError>;

    /// Keeps the record. One with the same digest changes nothing; one with another is refused.
    fn put(&self, record: VersionRecord) -> Result<(), StoreError>;

    /// Forgets the version.
    fn remove(&self, name: &Name, version: Version) -> Result<(), StoreError>;

    /// Returns all labels.
    fn labels(&self) -> Result<Vec<LabelRecord>, StoreError>;

    /// Sets or moves a label.
    fn set_label(&self, record: LabelRecord) -> Result<(), StoreError>;

    /// Forgets a label.
    fn remove_label(&self, name: &Name, label: &Name) -> Result<(), StoreError>;

    /// Returns whether bytes of this digest were parsed and verified by this build on this machine.
    fn verified(&self, digest: Digest) -> Result<bool, StoreError>;

    /// Remembers that they were.
    fn set_verified(&self, digest: Digest) -> Result<(), StoreError>;

    /// Keeps an event. It does not wait.
    fn add_event(&self, event: &Event) -> Result<(), StoreError>;

    /// Returns the last events in their order.
    fn events(&self) -> Result<Vec<Event>, StoreError>;

    /// Returns how the store is; it does not wait.
    fn health(&self) -> StoreHealth;
}

/// Records that a model has at most; the oldest are forgotten first, numbers are never given twice.
const RECORDS_MAX: usize = 1_000;

/// Verified digests that are remembered; beyond them the first of their order are forgotten, which costs a verification.
const VERIFIED_MAX: usize = 100_000;

/// Events that are remembered. The ring that callers read is another; this one is for the next registry of this process.
const EVENTS_MAX: usize = 1_000;

/// The store in memory.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<Memory>);

#[derive(Debug, Default)]
struct Memory {
    records: BTreeMap<Name, BTreeMap<Version, VersionRecord>>,
    labels: BTreeMap<(Name, Name), Version>,
    verified: BTreeSet<Digest>,
    events: VecDeque<Event>,
}

impl MemoryStore {
    /// Puts these labels in the place of those that are known.
    pub fn replace_labels(&self, labels: &[LabelRecord]) {
        let of = |record: &LabelRecord| ((record.name.clone(), record.label.clone()), record.version);
        self.lock().labels = labels.iter().map(of).collect();
    }

    /// Puts these events in the place of those that are known.
    pub fn replace_events(&self, events: Vec<Event>) {
        self.lock().events = events.into();
    }

    fn lock(&self) -> MutexGuard<'_, Memory> {
        // Every change of the maps is one insert or remove, so poisoned ones are whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ModelStore for MemoryStore {
    fn versions(&self, name: &Name) -> Result<Vec<VersionRecord>, StoreError> {
        Ok(self.lock().records.get(name).map(|records| records.values().cloned().collect()).unwrap_or_default())
    }

    fn get(&self, name: &Name, version: Version) -> Result<Option<VersionRecord>, StoreError> {
        Ok(self.lock().records.get(name).and_then(|records| records.get(&version)).cloned())
    }

    fn latest(&self, name: &Name) -> Result<Option<VersionRecord>, StoreError> {
        Ok(self.lock().records.get(name).and_then(|records| records.values().next_back()).cloned())
    }

    fn put(&self, record: VersionRecord) -> Result<(), StoreError> {
        let names = &mut self.lock().records;
        let records = names.entry(record.name.clone()).or_default();
        match records.get(&record.version) {
            Some(old) if old.digest != record.digest => {
                Err(StoreError::AlreadyExists { name: record.name, version: record.version })
            }
            Some(_) => Ok(()),
            None => {
                records.insert(record.version, record);
                while records.len() > RECORDS_MAX {
                    records.pop_first();
                }
                Ok(())
            }
        }
    }

    fn remove(&self, name: &Name, version: Version) -> Result<(), StoreError> {
        let names = &mut self.lock().records;
        if let Some(records) = names.get_mut(name) {
            records.remove(&version);
            if records.is_empty() {
                names.remove(name);
            }
        }
        Ok(())
    }

    fn labels(&self) -> Result<Vec<LabelRecord>, StoreError> {
        let record = |((name, label), version): (&(Name, Name), &Version)| LabelRecord {
            name: name.clone(),
            label: label.clone(),
            version: *version,
        };
        Ok(self.lock().labels.iter().map(record).collect())
    }

    fn set_label(&self, record: LabelRecord) -> Result<(), StoreError> {
        self.lock().labels.insert((record.name, record.label), record.version);
        Ok(())
    }

    fn remove_label(&self, name: &Name, label: &Name) -> Result<(), StoreError> {
        self.lock().labels.remove(&(name.clone(), label.clone()));
        Ok(())
    }

    fn verified(&self, digest: Digest) -> Result<bool, StoreError> {
        Ok(self.lock().verified.contains(&digest))
    }

    fn set_verified(&self, digest: Digest) -> Result<(), StoreError> {
        let verified = &mut self.lock().verified;
        verified.insert(digest);
        while verified.len() > VERIFIED_MAX {
            verified.pop_first();
        }
        Ok(())
    }

    fn add_event(&self, event: &Event) -> Result<(), StoreError> {
        let events = &mut self.lock().events;
        events.push_back(event.clone());
        while events.len() > EVENTS_MAX {
            events.pop_front();
        }
        Ok(())
    }

    fn events(&self) -> Result<Vec<Event>, StoreError> {
        Ok(self.lock().events.iter().cloned().collect())
    }

    fn health(&self) -> StoreHealth {
        StoreHealth { kind: "memory", is_up: true, waiting: 0, outages: 0, revision: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(version: u64, content: &str) -> VersionRecord {
        let files = model::ModelFiles::new([("m".to_owned(), content.as_bytes().to_vec().into())]);
        VersionRecord {
            name: Name::new("m").unwrap(),
            version: Version(version),
            digest: Digest::of(&files),
            created: SystemTime::UNIX_EPOCH,
            provenance: "m".into(),
        }
    }

    #[test]
    fn a_version_keeps_its_bytes() {
        let (store, name) = (MemoryStore::default(), Name::new("m").unwrap());
        store.put(record(1, "a")).unwrap();
        store.put(record(1, "a")).unwrap();
        assert!(matches!(store.put(record(1, "b")), Err(StoreError::AlreadyExists { .. })));
        store.put(record(3, "b")).unwrap();
        assert_eq!(store.latest(&name).unwrap(), Some(record(3, "b")));
        assert_eq!(store.get(&name, Version(1)).unwrap(), Some(record(1, "a")));
        store.remove(&name, Version(1)).unwrap();
        assert_eq!(store.versions(&name).unwrap(), [record(3, "b")]);
    }

    #[test]
    fn verified_digests_are_remembered() {
        let (store, digest) = (MemoryStore::default(), record(1, "a").digest);
        assert!(!store.verified(digest).unwrap());
        store.set_verified(digest).unwrap();
        assert!(store.verified(digest).unwrap() && !store.verified(record(1, "b").digest).unwrap());
    }

    #[test]
    fn the_oldest_records_are_forgotten() {
        let (store, name) = (MemoryStore::default(), Name::new("m").unwrap());
        (1..=RECORDS_MAX as u64 + 2).for_each(|version| store.put(record(version, "a")).unwrap());
        let versions = store.versions(&name).unwrap();
        assert_eq!((versions.len(), versions[0].version), (RECORDS_MAX, Version(3)));
    }
}
