//! The limits and times of this crate, as a configuration file writes them.

use serde::{Deserialize, Serialize};

/// When the versions of a model are loaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Loading {
    /// As soon as they are there; they stay loaded.
    #[default]
    Eager,
    /// When somebody asks for them; they may be given up for others.
    Lazy,
}

/// How the models directory is watched, and how much of it is read. Nothing here changes while serving.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Milliseconds for which the listing of a changed artifact (names, sizes, times) has to be still before it is read.
    pub settle_ms: u64,
    /// Milliseconds between two looks at the models directory.
    pub poll_ms: u64,
    /// When models are loaded whose `forebay.toml` does not say it: `eager` (as soon as they are there; they stay) or `lazy`
    /// (when somebody asks for them; those that were not asked for longest are given up for others).
    pub load: Loading,
    /// Bytes of all loaded models; beyond it lazy ones are given up. 0 is no limit.
    pub memory_bytes_max: u64,
    /// Lazy models that are loaded at the same time.
    pub load_threads: usize,
    /// Models in the directory.
    pub models_max: usize,
    /// Numbered versions in the folder of one model.
    pub versions_max: usize,
    /// Files and folders of one artifact.
    pub files_max: usize,
    /// Folders within folders of one artifact.
    pub depth_max: usize,
    /// Bytes of one artifact, all its files together.
    pub artifact_bytes_max: u64,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            settle_ms: 500,
            poll_ms: 250,
            load: Loading::Eager,
            memory_bytes_max: 0,
            load_threads: 2,
            models_max: 65_536,
            versions_max: 1_024,
            files_max: 16_384,
            depth_max: 64,
            artifact_bytes_max: 2 << 30,
        }
    }
}
