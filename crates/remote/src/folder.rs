//! The files of a model, laid out in a folder for its child.

use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
};

use model::ModelFiles;

/// A folder that only we may read, gone with its last use.
#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

/// Names that are tried: others of ours may have been left behind.
const TRIES: usize = 1_000;

impl Folder {
    /// Writes the files out below `scratch`.
    pub(crate) fn new(scratch: &Path, files: &ModelFiles) -> io::Result<Folder> {
        let folder = Folder::empty(scratch)?;
        for (path, bytes) in files.iter() {
            let parts = || path.split('/');
            if parts().any(|part| matches!(part, "" | "." | "..")) {
                return Err(io::Error::other(format!("{path:?} is no path below a folder")));
            }
            let path = parts().fold(folder.0.clone(), |path, part| path.join(part));
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent)?;
            }
            fs::write(&path, bytes.as_slice())?;
        }
        Ok(folder)
    }

    fn empty(scratch: &Path) -> io::Result<Folder> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        for _ in 0..TRIES {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let path = scratch.join(format!("forebay-engine-{}-{number}", std::process::id()));
            // A folder, file or link that is there is nobody's to use again.
            match DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => return Ok(Folder(path)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed is the system's to clean.
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use model::Buffer;

    use super::*;

    fn files(path: &str) -> ModelFiles {
        ModelFiles::new([(path.to_owned(), Buffer::from(b"x".to_vec()))])
    }

    #[test]
    fn files_are_written_and_gone_again() {
        let folder = Folder::new(&std::env::temp_dir(), &files("a/b")).unwrap();
        let path = folder.path().to_owned();
        assert_eq!(fs::read(path.join("a/b")).unwrap(), b"x");
        drop(folder);
        assert!(!path.exists());
    }

    #[test]
    fn no_file_leaves_the_folder() {
        for path in ["../x", "a/../../x", "/x", "a//b"] {
            assert!(Folder::new(&std::env::temp_dir(), &files(path)).is_err(), "{path}");
        }
    }
}
