//! A folder of the disk as a tree: names, sizes and times of what lies below its root.
//!
//! Symbolic links are followed as long as they stay inside the models directory; a link out of it is an error, so is
//! anything that is neither file nor folder. Names that begin with a dot are passed over (checksums, editors' leavings,
//! half-written files of `rsync`), folders of that kind too.

use std::{
    ffi::OsStr,
    fs::{self, File, Metadata},
    io::{self, Read},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    reader::shown,
    tree::{Entry, Stamp, Tree, too_many},
};
use crate::error::SourceError;

/// What lies below the canonical root of a source on the disk.
#[derive(Clone, Debug)]
pub struct Disk {
    pub(super) root: PathBuf,
    /// The one file in the root that is a model, where that is all there is to it.
    pub(super) file: Option<String>,
}

impl Tree for Disk {
    fn single(&self) -> Option<&str> {
        self.file.as_deref()
    }

    fn again(&self) -> Option<Arc<dyn Tree + Sync>> {
        Some(Arc::new(self.clone()))
    }

    /// Returns one file or folder, links followed.
    fn entry(&self, path: &str) -> Result<Entry, SourceError> {
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

    fn names(&self, path: &str, names_max: usize, key: &'static str) -> Result<Vec<String>, SourceError> {
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

    fn read(&self, path: &str, bytes_max: u64) -> Result<Vec<u8>, SourceError> {
        let full = self.resolved(path)?;
        let file = File::open(&full).map_err(|error| io_error(&full, &error))?;
        let mut bytes = Vec::new();
        let room = usize::try_from(bytes_max).unwrap_or(usize::MAX).saturating_add(1);
        bytes.try_reserve_exact(room).map_err(|_| io_error(&full, &io::ErrorKind::OutOfMemory.into()))?;
        file.take(bytes_max + 1).read_to_end(&mut bytes).map_err(|error| io_error(&full, &error))?;
        if bytes.len() as u64 > bytes_max { Err(SourceError::Changing { path: shown(path) }) } else { Ok(bytes) }
    }
}

impl Disk {
    /// Returns the disk below a folder, or the one file; and what the root is called.
    pub(super) fn new(root: &Path) -> Result<(Disk, String), SourceError> {
        let given = root.file_name();
        let mut root = fs::canonicalize(root).map_err(|error| io_error(root, &error))?;
        let text = |name: &OsStr| name.to_string_lossy().into_owned();
        let own = root.file_name().map(text).unwrap_or_default();
        let is_file = !fs::metadata(&root).map_err(|error| io_error(&root, &error))?.is_dir();
        if is_file {
            root.pop();
        }
        let name = given.map_or(own.clone(), text);
        Ok((Disk { root, file: is_file.then_some(own) }, name))
    }

    /// Returns the place of a path on the disk.
    fn full(&self, path: &str) -> PathBuf {
        if path.is_empty() { self.root.to_owned() } else { self.root.join(path) }
    }

    /// Returns the place on the disk with all links resolved, where that is inside the root.
    fn resolved(&self, path: &str) -> Result<PathBuf, SourceError> {
        let outside = || SourceError::Outside { path: path.to_owned() };
        let target = fs::canonicalize(self.full(path)).map_err(|_| outside())?;
        if target.starts_with(&self.root) { Ok(target) } else { Err(outside()) }
    }

    fn follow(&self, full: &Path, path: &str) -> Result<Metadata, SourceError> {
        fs::metadata(self.resolved(path)?).map_err(|error| io_error(full, &error))
    }
}

fn nanoseconds(seconds: i64, rest: i64) -> i128 {
    i128::from(seconds) * 1_000_000_000 + i128::from(rest)
}

pub(super) fn io_error(path: &Path, error: &io::Error) -> SourceError {
    SourceError::Io { path: path.to_owned(), reason: error.to_string().to_lowercase() }
}
