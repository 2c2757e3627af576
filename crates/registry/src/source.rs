//! Where artifacts come from: who says which versions should be up.
//!
//! A source announces, it does not command: each [`Scan`] states all that is there. What it says of an artifact is a
//! fingerprint; the bytes are read only when the manager is about to load them, one artifact in memory at a time.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use model::{Buffer, ModelFiles, Name, Version};

use crate::{
    archive::Files, config::Loading, digest::Digest, error::SourceError, model_config::ModelConfig, versions::Versions,
};

pub mod beside;
pub mod dir;
mod layout;
pub use layout::CONFIG;
mod listing;
mod reader;
mod settle;
mod several;
pub mod tree;
pub use several::{SourceStatus, Sources};

/// Reads what a scan found.
///
/// An implementor returns the bytes that the artifact's fingerprint stands for, or [`SourceError::Changing`]; it bounds
/// what it reads. It is called on the manager's thread.
pub trait Source {
    /// Returns the content of an artifact.
    fn read(&self, artifact: &Artifact) -> Result<Content, SourceError>;

    /// Returns what reads the artifact later; without it its versions are loaded at once and stay.
    fn again(&self, _: &Artifact) -> Option<Arc<dyn Again>> {
        None
    }

    /// Returns whether it has seen artifacts of the beginning that it did not announce yet; nobody is ready until it did.
    fn is_starting(&self) -> bool {
        false
    }
}

/// A source that is looked at again and again, by the thread that owns it.
pub trait Watched: Source + Send {
    /// Looks at the source; `now` is the time of the look. An error means that nothing is known of it now: keep what the last
    /// scan said.
    fn scan(&mut self, now: Instant) -> Result<Scan, SourceError>;

    /// Returns how long to wait until the next look.
    fn pause(&self) -> Duration;
}

/// Reads one artifact, whenever its version is loaded again.
///
/// An implementor returns what lies there now, all of one moment, or [`SourceError::Changing`]; whether those are the bytes that
/// were published is for who asks to see. It is called on loader threads, several artifacts at a time.
pub trait Again: Send + Sync {
    fn read(&self) -> Result<Content, SourceError>;

    /// Returns the configuration as it lies among the files of the artifact, or beside the one that it is.
    fn own_config(&self) -> Result<Option<Vec<u8>>, SourceError> {
        Ok(None)
    }
}

/// All that a source has, by the name of the model as the source writes it. A model that is not in it was removed.
#[derive(Clone, Debug, Default)]
pub struct Scan {
    pub models: BTreeMap<String, Found>,
}

/// Labels, each with the version that it should stand at.
pub type Labelled = BTreeMap<Arc<str>, Version>;

/// What a source has of one model.
#[derive(Clone, Debug)]
pub enum Found {
    /// These artifacts; of numbered ones those that the upkeep says are aspired, an unnumbered one is.
    Artifacts { name: Name, artifacts: Vec<Artifact>, upkeep: Upkeep },
    /// Something that cannot be served; what serves under this name goes on.
    Problem(SourceError),
}

/// What the owner of a model says of its versions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Upkeep {
    /// Which of them should be up.
    pub versions: Versions,
    /// Labels, each with the version where it should stand.
    pub labels: Labelled,
    /// When they are loaded, where he says it.
    pub load: Option<Loading>,
}

/// One artifact that stands still.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// The number that the source gives it; without one its changes are counted upward from 1.
    pub number: Option<Version>,
    /// Where it lies, below the source's root.
    pub path: Arc<str>,
    /// Stands for names, sizes and times of its files: another one means that they may have changed.
    pub fingerprint: u64,
    /// Which of several sources has it, by its place among them.
    pub source: usize,
}

/// An artifact, whole in memory.
#[derive(Clone, Debug)]
pub struct Content {
    pub files: ModelFiles,
    pub config: ModelConfig,
    digest: OnceLock<Digest>,
}

impl Content {
    /// Returns the content of these files under this configuration.
    pub fn new(files: ModelFiles, config: ModelConfig) -> Content {
        Content { files, config, digest: OnceLock::new() }
    }

    /// Returns what stands for the files and all else that decides whether they load: one that was seen to load does so again.
    pub fn proof(&self) -> Digest {
        let config = format!("{:?} {}", self.config, env!("CARGO_PKG_VERSION"));
        self.digest().and(config.as_bytes())
    }

    /// Returns the content of an artifact whose configuration lies among its files.
    pub fn of(mut files: Files) -> Result<Content, SourceError> {
        let wrong = |reason| SourceError::Config { path: CONFIG.to_owned(), reason };
        let config = files.remove(CONFIG).map(|bytes| {
            let text = String::from_utf8(bytes).map_err(|_| wrong("not UTF-8".to_owned()))?;
            ModelConfig::parse(&text).map_err(wrong)
        });
        let files = files.into_iter().map(|(path, bytes)| (path, Buffer::from_vec(bytes)));
        Ok(Content::new(ModelFiles::new(files), config.transpose()?.unwrap_or_default()))
    }

    /// Returns the digest of the files, made when it is first asked for: who reads one artifact and keeps no versions never asks.
    pub fn digest(&self) -> Digest {
        *self.digest.get_or_init(|| Digest::of(&self.files))
    }
}
