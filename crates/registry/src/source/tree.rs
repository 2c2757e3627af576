//! What a source is seen as: files and folders under names, whoever holds them.
//!
//! A models directory has the same shape on a disk, in an object store and in a file system elsewhere; a [`Tree`] shows it, and
//! [`super::dir::TreeSource`] makes a source of it: the layout, the settling and the limits are the same for all.

use std::{
    hash::{Hash, Hasher},
    sync::Arc,
    time::Instant,
};

use crate::{config::Config, error::SourceError};

/// Files and folders below a root, by paths with `/`; the root is the empty path.
///
/// An implementor answers `entry` and `names` from what the last look showed or from the place itself, never from outside
/// of the root, and reads no more than it is asked for.
pub trait Tree: Send {
    /// Takes a new look; returns when that was, nothing where nothing can be new since the one before.
    fn look(&mut self, now: Instant) -> Result<Option<Instant>, SourceError> {
        Ok(Some(now))
    }

    /// Returns the name of the one file that is all there is, where the root is a file.
    fn single(&self) -> Option<&str>;

    /// Returns one file or folder.
    fn entry(&self, path: &str) -> Result<Entry, SourceError>;

    /// Returns the names directly in a folder that do not begin with a dot, in their order.
    fn names(&self, path: &str, names_max: usize, key: &'static str) -> Result<Vec<String>, SourceError>;

    /// Reads a file up to a size; a larger one has changed since it was listed.
    fn read(&self, path: &str, bytes_max: u64) -> Result<Vec<u8>, SourceError>;

    /// Returns a view of the same place that other threads may read from, whenever that is; without one what lies here is not
    /// loaded lazily.
    fn again(&self) -> Option<Arc<dyn Tree + Sync>> {
        None
    }

    /// Returns whether an artifact is what was listed before it was read, where `entry` and `names` do not show it.
    fn is_same(&self, listing: &Listing) -> Result<bool, SourceError> {
        let _ = listing;
        Ok(true)
    }
}

/// One file or folder.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Entry {
    /// Relative to the root of the source, with `/`.
    pub path: String,
    pub is_dir: bool,
    /// 0 for a folder.
    pub size: u64,
    pub stamp: Stamp,
}

/// What tells a changed or exchanged file from the one before. Times are nanoseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Stamp {
    /// When the content changed, as its writer may set it.
    pub mtime_ns: i128,
    /// When the content, name or mode changed, as the system says.
    pub ctime_ns: i128,
    pub inode: u64,
}

/// An artifact's root, and all below it in the order of the paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    pub root: Entry,
    pub entries: Vec<Entry>,
}

// === impl Listing ===

impl Listing {
    /// Returns the files, the root itself where it is one.
    pub fn files(&self) -> impl Iterator<Item = &Entry> {
        std::iter::once(&self.root).chain(&self.entries).filter(|entry| !entry.is_dir)
    }

    /// Returns a number that is another one when a name, size or time is. A folder's own times are left out: they change
    /// with what lies in it, or with its name.
    pub fn fingerprint(&self) -> u64 {
        let mut hash = std::hash::DefaultHasher::new();
        (&self.root.path, self.root.stamp.inode).hash(&mut hash);
        for file in self.files() {
            file.hash(&mut hash);
        }
        hash.finish()
    }

    /// Returns whether the artifact came by a rename, so is complete however young it is.
    ///
    /// A rename stamps the moved root's ctime and nothing else. Who copies into a folder stamps both of its times with
    /// every entry, and the entries after it; so the root is younger than all that lies in it, and than its own content,
    /// only once it was moved (or once a copying tool has set its times, which is its last act).
    pub fn arrived_whole(&self) -> bool {
        let root = self.root.stamp;
        let filled = if self.root.is_dir { !self.entries.is_empty() } else { self.root.size > 0 };
        filled && root.mtime_ns < root.ctime_ns && self.entries.iter().all(|e| e.stamp.ctime_ns <= root.ctime_ns)
    }

    /// Returns the youngest change, in nanoseconds since 1970.
    pub fn changed_ns(&self) -> i128 {
        let all = std::iter::once(&self.root).chain(&self.entries);
        all.map(|entry| entry.stamp.ctime_ns).max().unwrap_or(i128::MAX)
    }
}

/// Returns all that lies at and below a path.
pub(super) fn list(tree: &dyn Tree, path: &str, config: &Config) -> Result<Listing, SourceError> {
    let mut listing = Listing { root: tree.entry(path)?, entries: Vec::new() };
    if listing.root.is_dir {
        descend(tree, config, path, 1, &mut listing.entries)?;
    }
    let bytes = listing.files().fold(0u64, |sum, file| sum.saturating_add(file.size));
    let limit = config.artifact_bytes_max;
    if bytes > limit {
        let (path, key) = (path.to_owned(), "artifact_bytes_max");
        return Err(SourceError::TooLarge { path, got: bytes, limit, unit: "bytes", key });
    }
    Ok(listing)
}

/// Walks a folder; its depth is bounded, so links that lead in a circle end.
fn descend(
    tree: &dyn Tree,
    config: &Config,
    path: &str,
    depth: usize,
    entries: &mut Vec<Entry>,
) -> Result<(), SourceError> {
    let Config { depth_max, files_max, .. } = *config;
    if depth > depth_max {
        let (path, key) = (path.to_owned(), "depth_max");
        return Err(SourceError::TooLarge { path, got: depth as u64, limit: depth_max as u64, unit: "deep", key });
    }
    for name in tree.names(path, files_max, "files_max")? {
        if entries.len() == files_max {
            return Err(too_many(path, entries.len() + 1, files_max, "files_max"));
        }
        let entry = tree.entry(&join(path, &name))?;
        let folder = entry.is_dir.then(|| entry.path.clone());
        entries.push(entry);
        if let Some(folder) = folder {
            descend(tree, config, &folder, depth + 1, entries)?;
        }
    }
    Ok(())
}

/// Returns the error of a folder with more entries than the limit of this key.
pub fn too_many(path: &str, got: usize, limit: usize, key: &'static str) -> SourceError {
    SourceError::TooLarge { path: path.to_owned(), got: got as u64, limit: limit as u64, unit: "entries or more", key }
}

/// Returns the path of a name in a folder; the root is the empty path.
pub fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") }
}
