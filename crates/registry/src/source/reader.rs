//! Reads one artifact of a tree whole: what a look sees of it, its configuration, its files.

use std::hash::{Hash, Hasher};

use model::{Buffer, ModelFiles};

use super::{
    Content,
    layout::{CONFIG, Place},
    tree::{self, Entry, Listing, Tree},
};
use crate::{config::Config, error::SourceError, model_config::ModelConfig};

/// Bytes of a configuration beside an artifact.
const CONFIG_BYTES_MAX: u64 = 1 << 20;

/// Where the artifacts lie, and how much of them is read.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    pub tree: &'a dyn Tree,
    pub config: &'a Config,
}

/// What one look shows of a place.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub listing: Result<Listing, SourceError>,
    pub config: Option<Entry>,
}

impl Reader<'_> {
    pub fn see(&self, place: &Place) -> Seen {
        let listing = tree::list(self.tree, &place.path, self.config).and_then(|mut listing| {
            // The configuration is told apart from the files of the model.
            listing.entries.retain(|entry| Some(&entry.path) != place.config.as_ref());
            if listing.files().next().is_none() {
                return Err(SourceError::Empty { path: shown(&place.path) });
            }
            Ok(listing)
        });
        Seen { listing, config: place.config.as_ref().and_then(|path| self.tree.entry(path).ok()) }
    }

    /// Reads the artifact that the fingerprint stands for.
    pub fn read(&self, place: &Place, fingerprint: u64) -> Result<Content, SourceError> {
        let changing = || SourceError::Changing { path: shown(&place.path) };
        let seen = self.see(place);
        if seen.fingerprint() != fingerprint {
            return Err(changing());
        }
        let config = self.config_of(place)?;
        let listing = seen.listing?;
        let below = |path: &str| match path.strip_prefix(&place.path) {
            Some("") | None => path.rsplit('/').next().unwrap_or(path).to_owned(),
            Some(rest) => rest.trim_start_matches('/').to_owned(),
        };
        let mut files = Vec::new();
        for file in listing.files() {
            let bytes = self.tree.read(&file.path, file.size)?;
            files.push((below(&file.path), Buffer::from_vec(bytes)));
        }
        // What was written meanwhile shows in the listing; a mixture of two artifacts is never loaded.
        if self.see(place).fingerprint() != fingerprint || !self.tree.is_same(&listing)? {
            return Err(changing());
        }
        Ok(Content::new(ModelFiles::new(files), config))
    }

    pub fn config_bytes(&self, path: &str) -> Result<Vec<u8>, SourceError> {
        let size = self.tree.entry(path)?.size;
        if size > CONFIG_BYTES_MAX {
            let reason = format!("{size} bytes, more than a configuration may have ({CONFIG_BYTES_MAX})");
            return Err(SourceError::Config { path: path.to_owned(), reason });
        }
        self.tree.read(path, size)
    }

    pub fn read_config(&self, path: &str) -> Result<ModelConfig, SourceError> {
        let error = |reason| SourceError::Config { path: path.to_owned(), reason };
        let bytes = self.config_bytes(path)?;
        let text = std::str::from_utf8(&bytes).map_err(|_| error("not UTF-8".to_owned()))?;
        ModelConfig::parse(text).map_err(error)
    }

    fn config_of(&self, place: &Place) -> Result<ModelConfig, SourceError> {
        let Some(path) = &place.config else { return Ok(ModelConfig::default()) };
        let config = self.read_config(path)?;
        let is_shared = place.model_config.as_ref() == Some(path);
        let misplaced = [
            ("versions", config.versions.is_some() && !is_shared),
            ("labels", !config.labels.is_empty() && !is_shared),
            ("load", config.load.is_some() && !is_shared && place.number.is_some()),
        ];
        if let Some((key, _)) = misplaced.iter().find(|(_, is_misplaced)| *is_misplaced) {
            let reason = format!("`{key}` belongs into the {CONFIG} beside numbered version folders");
            return Err(SourceError::Config { path: path.clone(), reason });
        }
        Ok(config)
    }
}

impl Seen {
    pub fn fingerprint(&self) -> u64 {
        let mut hash = std::hash::DefaultHasher::new();
        match &self.listing {
            Ok(listing) => listing.fingerprint().hash(&mut hash),
            Err(error) => error.to_string().hash(&mut hash),
        }
        self.config.hash(&mut hash);
        hash.finish()
    }
}

/// Returns the path as a message names it: the root is `.`.
pub(super) fn shown(path: &str) -> String {
    if path.is_empty() { ".".to_owned() } else { path.to_owned() }
}
