//! The versions of one model as the manager knows them.

use std::{collections::BTreeMap, sync::Arc, time::SystemTime};

use model::{Name, Version};

use crate::{
    policy::{self, Seen},
    registry::{Entry, Up},
    source::{Artifact, Content, Upkeep},
    state::State,
    status::{ModelStatus, VersionStatus},
};

/// One model: what its source has, and the versions begun.
#[derive(Default)]
pub(super) struct Model {
    /// Absent where the source's name is none that a model can have; then there is no artifact.
    pub name: Option<Name>,
    pub found: Vec<Artifact>,
    /// What their owner says of them.
    pub upkeep: Upkeep,
    pub problem: Option<Arc<str>>,
    pub slots: Vec<Slot>,
}

/// One version on its way through its states.
pub(super) struct Slot {
    pub artifact: Artifact,
    /// Of an unnumbered artifact the likely one, until it is read.
    pub version: Version,
    pub state: State,
    pub aspired: bool,
    /// Aspired for a label alone.
    pub pinned: bool,
    /// Put off until the source speaks again.
    pub waits: bool,
    pub health: Option<Arc<str>>,
    pub up: Option<Up>,
    pub since: SystemTime,
}

// === impl Model ===

impl Model {
    /// Returns whether the source said the same before, and nothing waits for it to speak again.
    pub fn is_settled(&self, found: &[Artifact], upkeep: &Upkeep) -> bool {
        let waits = self.slots.iter().any(|slot| slot.waits);
        self.found == found && self.upkeep == *upkeep && self.problem.is_none() && !waits
    }

    /// Begins a slot for each artifact that should be up, and ends those that nobody aspires to. `next` is the number that
    /// an unnumbered artifact would get, `labelled` are the versions that labels stand at.
    pub fn settle(&mut self, next: Version, labelled: &[Version]) {
        // A number is failed where its bytes did not load and no others of it serve.
        let failed = |a: &Artifact| self.slot_of(a).is_some_and(|s| s.state == State::End) && self.serving(a).is_none();
        let found: Vec<(Version, bool)> = self.found.iter().map(|a| (a.number.unwrap_or(next), failed(a))).collect();
        let mut aspired: Vec<Artifact> =
            policy::aspired(&found, &self.upkeep.versions).into_iter().map(|place| self.found[place].clone()).collect();
        if aspired.is_empty() {
            // None of the versions asked for is there yet: what serves of the others goes on until one is.
            let serves = |a: &&Artifact| self.slot_of(a).is_some_and(|slot| slot.state == State::Available);
            aspired = self.found.iter().filter(serves).cloned().collect();
        }
        let chosen = aspired.len();
        let named = |a: &&Artifact| a.number.is_some_and(|number| labelled.contains(&number) || self.says(number));
        let pinned: Vec<Artifact> = self.found.iter().filter(named).filter(|a| !aspired.contains(a)).cloned().collect();
        aspired.extend(pinned);
        for artifact in &aspired {
            if self.slot_of(artifact).is_none() {
                self.slots.push(Slot::new(artifact.clone(), next));
            }
        }
        let stands_in: Vec<bool> = self.slots.iter().map(|slot| self.stands_in(slot, &aspired)).collect();
        let any = !self.found.is_empty();
        for (slot, stands_in) in self.slots.iter_mut().zip(stands_in) {
            let place = aspired.iter().position(|a| *a == slot.artifact).filter(|_| slot.state != State::Unloading);
            let kept = any && slot.is_kept(labelled);
            slot.aspired = stands_in || place.is_some() || kept;
            slot.pinned = !stands_in && place.is_none_or(|place| place >= chosen) && slot.aspired;
        }
        self.slots.retain(|s| s.aspired || matches!(s.state, State::Loading | State::Available | State::Unloading));
        self.slots.sort_by_key(|slot| slot.version);
    }

    /// Returns whether a label of the source is to stand at the version.
    fn says(&self, version: Version) -> bool {
        self.upkeep.labels.values().any(|said| *said == version)
    }

    /// Returns whether a label keeps the version at this place from being unloaded.
    pub fn is_held(&self, place: usize, labelled: &[Version]) -> bool {
        let slot = &self.slots[place];
        let found = || self.found.iter().any(|a| a.number == slot.artifact.number && *a == slot.artifact);
        match slot.artifact.number {
            Some(number) => (labelled.contains(&number) || self.says(number)) && found(),
            None => !self.found.is_empty() && slot.is_kept(labelled),
        }
    }

    /// Returns the versions that answer.
    pub fn available(&self) -> Vec<Version> {
        self.slots.iter().filter(|slot| slot.state == State::Available).map(|slot| slot.version).collect()
    }

    /// Returns whether the slot serves for an artifact of its number that failed.
    fn stands_in(&self, slot: &Slot, aspired: &[Artifact]) -> bool {
        let failed = |a: &&Artifact| self.slot_of(a).is_some_and(|s| s.state == State::End);
        slot.state == State::Available
            && aspired.iter().filter(|a| a.number == slot.artifact.number).any(|a| failed(&a))
    }

    /// Returns the slot begun for exactly this artifact, unless it is on its way out.
    fn slot_of(&self, artifact: &Artifact) -> Option<&Slot> {
        self.slots.iter().find(|slot| slot.artifact == *artifact && slot.state != State::Unloading)
    }

    /// Returns the place of the version that serves under the artifact's number, or as the unnumbered one.
    pub fn serving(&self, artifact: &Artifact) -> Option<usize> {
        let serves = |slot: &Slot| slot.state == State::Available && slot.artifact.number == artifact.number;
        self.slots.iter().rposition(serves)
    }

    /// Returns the place of the version that serves these very bytes under this very configuration.
    pub fn serving_same(&self, artifact: &Artifact, content: &Content) -> Option<usize> {
        let place = self.serving(artifact)?;
        let up = self.slots[place].up.as_ref()?;
        (up.digest() == content.digest() && *up.config() == content.config).then_some(place)
    }

    /// Returns whether a version of it answers without being loaded first.
    pub fn is_loaded(&self) -> bool {
        self.slots.iter().any(|slot| match &slot.up {
            Some(Up::Loaded(_)) => slot.state == State::Available,
            Some(Up::Lazy(lazy)) => lazy.is_loaded(),
            None => false,
        })
    }

    /// Lets the slot at `other` stand for the artifact of the one at `place`, which turned out to be no new version.
    pub fn adopt(&mut self, place: usize, other: usize, health: Option<Arc<str>>) {
        self.slots[other].artifact = self.slots[place].artifact.clone();
        self.slots[other].health = health;
        self.slots.remove(place);
    }

    /// Puts a fresh slot in place of one whose bytes could not be had just now.
    pub fn put_off(&mut self, place: usize, health: String) {
        let old = &self.slots[place];
        let fresh = Slot::new(old.artifact.clone(), old.version);
        self.slots[place] = Slot { waits: true, aspired: old.aspired, health: Some(health.into()), ..fresh };
    }

    /// Returns what the policy sees.
    pub fn seen(&self) -> Vec<Seen> {
        let seen = |slot: &Slot| Seen {
            version: slot.version,
            // A slot that waits is not to be begun: to the policy it is one that is done with for now.
            state: if slot.waits { State::End } else { slot.state },
            aspired: slot.aspired,
            pinned: slot.pinned,
        };
        self.slots.iter().map(seen).collect()
    }

    /// Returns whether there is nothing left to tell of it.
    pub fn is_gone(&self) -> bool {
        self.slots.is_empty() && self.found.is_empty() && self.problem.is_none()
    }

    /// Returns what to say of versions that are asked for and not there.
    fn missing(&self) -> Option<Arc<str>> {
        let has = |version| self.found.iter().any(|artifact| artifact.number.is_none_or(|number| number == version));
        let missing: Vec<String> = self.upkeep.versions.missing(has).iter().map(Version::to_string).collect();
        (!missing.is_empty()).then(|| {
            format!("forebay.toml asks for versions that are not there: {} (`versions`)", missing.join(", ")).into()
        })
    }

    /// Returns the model as it is published.
    pub fn entry(&self, name: Arc<str>, is_lazy: bool) -> Entry {
        let available = self.slots.iter().filter(|slot| slot.state == State::Available);
        Entry {
            available: available.filter_map(|slot| slot.up.clone()).collect(),
            present: self.found.iter().filter_map(|artifact| artifact.number).collect(),
            is_lazy,
            status: ModelStatus {
                name,
                versions: self.slots.iter().map(Slot::status).collect(),
                problem: self.problem.clone().or_else(|| self.missing()),
                labels: BTreeMap::new(),
            },
        }
    }
}

// === impl Slot ===

impl Slot {
    fn new(artifact: Artifact, next: Version) -> Slot {
        Slot {
            version: artifact.number.unwrap_or(next),
            artifact,
            state: State::Start,
            aspired: true,
            pinned: false,
            waits: false,
            health: None,
            up: None,
            since: SystemTime::now(),
        }
    }

    /// Returns whether it is a counted version that a label keeps up, though its artifact was replaced.
    fn is_kept(&self, labelled: &[Version]) -> bool {
        self.artifact.number.is_none() && self.state == State::Available && labelled.contains(&self.version)
    }

    /// Returns what becomes of its bytes where others lie in their place.
    pub fn old_bytes(&self) -> &'static str {
        match self.up {
            Some(Up::Lazy(_)) => {
                "the old bytes answer as long as they are loaded; restore them, else it does not load again"
            }
            Some(Up::Loaded(_)) | None => "the old bytes go on answering",
        }
    }

    /// Goes on to the next state.
    pub fn enter(&mut self, next: State) {
        assert!(self.state.may_become(next), "states move forward only: {} -> {next}", self.state);
        (self.state, self.since) = (next, SystemTime::now());
    }

    fn status(&self) -> VersionStatus {
        // Of one that may be cold the registry says what it is at the moment.
        let servable = match &self.up {
            Some(Up::Loaded(servable)) => Some(servable),
            Some(Up::Lazy(_)) | None => None,
        };
        VersionStatus {
            version: self.version,
            state: self.state,
            health: self.health.clone(),
            is_loaded: servable.is_some(),
            about: servable.map(|servable| servable.about.clone()),
            digest: self.up.as_ref().map(Up::digest),
            path: self.artifact.path.clone(),
            since: self.since,
        }
    }
}
