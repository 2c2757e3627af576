//! What is told of models to those who ask for their state.

use std::{collections::BTreeMap, sync::Arc, time::SystemTime};

use model::Version;

use crate::{digest::Digest, loader::About, state::State};

/// One model, and the versions that are up, on their way, or failed.
#[derive(Clone, Debug)]
pub struct ModelStatus {
    /// The name as the source writes it; it may be one that no model can have, then `problem` says so.
    pub name: Arc<str>,
    /// Ordered upward.
    pub versions: Vec<VersionStatus>,
    /// Why nothing new is read of this model, where that is so; what serves goes on.
    pub problem: Option<Arc<str>>,
    /// Its labels, each with its version, which may be gone.
    pub labels: BTreeMap<Arc<str>, Version>,
}

impl ModelStatus {
    /// Returns the version that answers a call which names none.
    pub fn default_version(&self) -> Option<Version> {
        self.versions.iter().rev().find(|v| v.state == State::Available).map(|v| v.version)
    }
}

/// One version.
#[derive(Clone, Debug)]
pub struct VersionStatus {
    pub version: Version,
    pub state: State,
    /// What is wrong: why it failed, or what is refused of it while it goes on answering.
    pub health: Option<Arc<str>>,
    /// Whether it is in memory; a lazy version that is available and not loaded is loaded by the first call.
    pub is_loaded: bool,
    /// Known once it was loaded.
    pub about: Option<About>,
    pub digest: Option<Digest>,
    /// Where it lies in its source.
    pub path: Arc<str>,
    /// When it came into this state.
    pub since: SystemTime,
}
