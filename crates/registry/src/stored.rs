//! The files of a version that answers, as they lie in its source.

use std::sync::Arc;

use crate::{
    archive::Files,
    digest::Digest,
    error::SourceError,
    source::{Again, CONFIG},
};

/// Reads the artifact of one version, within the limits of its source.
pub struct Stored {
    again: Arc<dyn Again>,
    /// Of the bytes that were published.
    digest: Digest,
}

impl Stored {
    pub(crate) fn new(again: Arc<dyn Again>, digest: Digest) -> Stored {
        Stored { again, digest }
    }

    /// Returns the files as they would be published again, the configuration among them.
    pub fn files(&self) -> Result<Files, SourceError> {
        let content = self.again.read()?;
        if content.digest() != self.digest {
            return Err(SourceError::Replaced);
        }
        let files = content.files.iter().map(|(path, bytes)| (path.to_owned(), bytes.as_slice().to_vec()));
        let mut files: Files = files.collect();
        if let Some(config) = self.again.own_config()? {
            files.insert(CONFIG.to_owned(), config);
        }
        Ok(files)
    }
}
