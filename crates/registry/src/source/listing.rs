//! Names, sizes and times of what lies below a path, within limits.
//!
//! Symbolic links are followed as long as they stay inside the models directory; a link out of it is an error, so is
//! anything that is neither file nor folder. Names that begin with a dot are passed over (checksums, editors' leavings,
//! half-written files of `rsync`), folders of that kind too.

use std::{
    fs::{self, Metadata},
    hash::{Hash, Hasher},
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use crate::{config::Config, error::SourceError};

/// One file or folder.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Entry {
    /// Relative to the root of the source, with `/`.
    pub path: String,
    pub is_dir: bool,
    /// 0 for a folder.
    pub size: u64,
    pub stamp: Stamp,
}

/// What tells a changed or exchanged file from the one before. Times are nanoseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Stamp {
    /// When the content changed, as its writer may set it.
    pub mtime_ns: i128,
    /// When the content, name or mode changed, as the system says.
    pub ctime_ns: i128,
    pub inode: u64,
}

/// An artifact's root, and all below it in the order of the paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listing {
    pub root: Entry,
    pub entries: Vec<Entry>,
}

/// Lists below the canonical root of a source.
#[derive(Debug)]
pub(super) struct Lister<'a> {
    pub root: &'a Path,
    pub config: &'a Config,
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

// === impl Lister ===

impl Lister<'_> {
    /// Returns one file or folder, links followed.
    pub fn entry(&self, path: &str) -> Result<Entry, SourceError> {
        let full = self.full(path);
        let plain = fs::symlink_metadata(&full).map_err(|error| io_error(&full, &error))?;
        let meta = if plain.is_symlink() { self.follow(&full, path)? } else { plain };
        if !meta.is_dir() && !meta.is_file() {
            return Err(SourceError::Special { path: path.to_owned() });
        }
        Ok(Entry {
            path: path.to_owned(),
            is_dir: meta.is_dir(),
            size: if meta.is_dir() { 0 } else { meta.len() },
            stamp: Stamp {
                mtime_ns: nanoseconds(meta.mtime(), meta.mtime_nsec()),
                ctime_ns: nanoseconds(meta.ctime(), meta.ctime_nsec()),
                inode: meta.ino(),
            },
        })
    }

    /// Returns the names directly in a folder that do not begin with a dot, in their order.
    pub fn names(&self, path: &str, names_max: usize, key: &'static str) -> Result<Vec<String>, SourceError> {
        let full = self.full(path);
        let mut names = Vec::new();
        for entry in fs::read_dir(&full).map_err(|error| io_error(&full, &error))? {
            let name = entry.map_err(|error| io_error(&full, &error))?.file_name();
            if name.as_encoded_bytes().starts_with(b".") {
                continue;
            }
            // A name that is not UTF-8 is refused where it is looked up, alone.
            let name = name.to_string_lossy().into_owned();
            if names.len() == names_max {
                return Err(too_many(path, names.len() + 1, names_max, key));
            }
            names.push(name);
        }
        names.sort_unstable();
        Ok(names)
    }

    /// Returns all that lies at and below a path.
    pub fn list(&self, path: &str) -> Result<Listing, SourceError> {
        let mut listing = Listing { root: self.entry(path)?, entries: Vec::new() };
        if listing.root.is_dir {
            self.descend(path, 1, &mut listing.entries)?;
        }
        let bytes = listing.files().fold(0u64, |sum, file| sum.saturating_add(file.size));
        let limit = self.config.artifact_bytes_max;
        if bytes > limit {
            let (path, key) = (path.to_owned(), "artifact_bytes_max");
            return Err(SourceError::TooLarge { path, got: bytes, limit, unit: "bytes", key });
        }
        Ok(listing)
    }

    /// Walks a folder; its depth is bounded, so links that lead in a circle end.
    fn descend(&self, path: &str, depth: usize, entries: &mut Vec<Entry>) -> Result<(), SourceError> {
        let Config { depth_max, files_max, .. } = *self.config;
        if depth > depth_max {
            let (path, key) = (path.to_owned(), "depth_max");
            return Err(SourceError::TooLarge { path, got: depth as u64, limit: depth_max as u64, unit: "deep", key });
        }
        for name in self.names(path, files_max, "files_max")? {
            if entries.len() == files_max {
                return Err(too_many(path, entries.len() + 1, files_max, "files_max"));
            }
            let entry = self.entry(&join(path, &name))?;
            let folder = entry.is_dir.then(|| entry.path.clone());
            entries.push(entry);
            if let Some(folder) = folder {
                self.descend(&folder, depth + 1, entries)?;
            }
        }
        Ok(())
    }

    /// Returns the place of a path on the disk.
    pub fn full(&self, path: &str) -> PathBuf {
        if path.is_empty() { self.root.to_owned() } else { self.root.join(path) }
    }

    /// Returns the place on the disk with all links resolved, where that is inside the root.
    pub fn resolved(&self, path: &str) -> Result<PathBuf, SourceError> {
        let outside = || SourceError::Outside { path: path.to_owned() };
        let target = fs::canonicalize(self.full(path)).map_err(|_| outside())?;
        if target.starts_with(self.root) { Ok(target) } else { Err(outside()) }
    }

    fn follow(&self, full: &Path, path: &str) -> Result<Metadata, SourceError> {
        fs::metadata(self.resolved(path)?).map_err(|error| io_error(full, &error))
    }
}

fn nanoseconds(seconds: i64, rest: i64) -> i128 {
    i128::from(seconds) * 1_000_000_000 + i128::from(rest)
}

fn too_many(path: &str, got: usize, limit: usize, key: &'static str) -> SourceError {
    SourceError::TooLarge { path: path.to_owned(), got: got as u64, limit: limit as u64, unit: "entries or more", key }
}

/// Returns the path of a name in a folder; the root is the empty path.
pub(super) fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") }
}

pub(super) fn io_error(path: &Path, error: &io::Error) -> SourceError {
    SourceError::Io { path: path.to_owned(), reason: error.to_string().to_lowercase() }
}
