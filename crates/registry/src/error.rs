//! Why an artifact cannot be read, a version not loaded, a record not kept.

use std::{path::PathBuf, sync::Arc};

use model::{Kind, Name, NameError, Version};

/// Why what lies in a source is no version that can be loaded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    #[error("cannot read `{}`: {reason}", path.display())]
    Io { path: PathBuf, reason: String },
    #[error("`{url}` was not listed yet")]
    NotYet { url: Arc<str> },
    #[error("{reason}")]
    Remote { reason: String },
    #[error("`{path}` changed while it was read; it is read again when it is still")]
    Changing { path: String },
    #[error(transparent)]
    Name(#[from] NameError),
    #[error("`{first}` and `{second}` are both {what}; remove one of them")]
    Twice { what: String, first: String, second: String },
    #[error(
        "`{path}` holds no file; a model is a file, a folder of files, or a folder of numbered folders, one per version"
    )]
    Empty { path: String },
    #[error("`{path}` is {got} {unit}, more than the limit {limit} ({key})")]
    TooLarge { path: String, got: u64, limit: u64, unit: &'static str, key: &'static str },
    #[error("`{path}` is a symbolic link that leads out of the models directory or nowhere; it is not followed")]
    Outside { path: String },
    #[error("`{path}` is neither a file nor a folder")]
    Special { path: String },
    #[error("the name of `{path}` is not UTF-8")]
    NotUtf8 { path: String },
    #[error("`{path}` holds several models ({}); name one of them", listed(names))]
    Several { path: String, names: Vec<String> },
    #[error("`{path}` has no version {version}; there are: {}", listed(known))]
    NoVersion { path: String, version: Version, known: Vec<Version> },
    #[error("its bytes are not those that were published: restore them, or publish a new version")]
    Replaced,
    #[error("`{path}`: {reason}")]
    Config { path: String, reason: String },
}

/// Returns the first few of them, and how many more there are.
fn listed<T: std::fmt::Display>(all: &[T]) -> String {
    const SHOWN: usize = 8;
    let mut text = all.iter().take(SHOWN).map(T::to_string).collect::<Vec<_>>().join(", ");
    match all.len() {
        0 => text.push_str("no numbered ones"),
        n if n > SHOWN => text.push_str(&format!(" and {} more", n - SHOWN)),
        _ => {}
    }
    text
}

impl SourceError {
    /// Returns whether another look, with nothing changed by anybody, may end otherwise.
    pub(crate) fn may_pass(&self) -> bool {
        matches!(self, SourceError::Changing { .. } | SourceError::Io { .. } | SourceError::Remote { .. })
    }
}

/// Why a loader made no predictor of an artifact. The message becomes the health text of the version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct LoadError {
    pub kind: Kind,
    pub message: String,
}

impl LoadError {
    /// Returns the error of an artifact that cannot be served, its causes told in `message`.
    pub fn new(kind: Kind, message: impl Into<String>) -> LoadError {
        LoadError { kind, message: message.into() }
    }
}

/// Why a store did not keep or give a record.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    #[error("version {version} of model `{name}` stands with other bytes; versions are immutable: add a new one")]
    AlreadyExists { name: Name, version: Version },
    /// It cannot be reached now and may be at another time: nothing was changed.
    #[error("the catalogue cannot be reached: {message}; what serves goes on, changes are taken once it is back")]
    Unavailable { message: String },
    #[error("the model store failed: {message}")]
    Failed {
        message: String,
        #[source]
        source: Option<Arc<dyn std::error::Error + Send + Sync>>,
    },
}
