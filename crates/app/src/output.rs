//! Where answers go: standard output, or a file that appears under its name only when it is complete.

use std::{
    fs::{self, File},
    io,
    os::fd::AsFd,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use crate::failure::Failure;

/// The file that an interrupt has to remove.
static UNFINISHED: Mutex<Option<PathBuf>> = Mutex::new(None);

/// An output that was opened.
pub struct Output {
    /// How messages call it.
    pub name: String,
    /// The final path and the one written to, where they differ.
    rename: Option<(PathBuf, PathBuf)>,
}

impl Output {
    /// Opens the file, or standard output where none is named (or `-`).
    pub fn open(path: Option<&Path>) -> Result<(Output, File), Failure> {
        let Some(path) = path.filter(|path| path.as_os_str() != "-") else {
            // Not through `std::io::stdout`: it looks for line ends in what is written in large pieces.
            let file = io::stdout().as_fd().try_clone_to_owned().map(File::from);
            let name = "standard output".to_owned();
            let file = file.map_err(|error| Failure::writing(&name, &error))?;
            return Ok((Output { name, rename: None }, file));
        };
        let name = path.display().to_string();
        // A link is followed, so that what it points to is replaced; a device or pipe is written to as it is.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let special = fs::metadata(&path).is_ok_and(|meta| !meta.is_file());
        let target = if special { path.clone() } else { partial(&path) };
        let file = if special { File::options().write(true).open(&target) } else { File::create(&target) };
        let file = file.map_err(|error| Failure::writing(&name, &error))?;
        if !special {
            *unfinished() = Some(target.clone());
        }
        Ok((Output { name, rename: (!special).then_some((target, path)) }, file))
    }

    /// Gives the complete file its name.
    pub fn finish(mut self) -> Result<(), Failure> {
        if let Some((from, to)) = self.rename.take() {
            let renamed = fs::rename(&from, &to);
            *unfinished() = None;
            renamed.map_err(|error| Failure::writing(&self.name, &error))?;
        }
        Ok(())
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if self.rename.is_some() {
            remove_unfinished();
        }
    }
}

fn unfinished() -> std::sync::MutexGuard<'static, Option<PathBuf>> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes the file that is being written.
pub fn remove_unfinished() {
    if let Some(path) = unfinished().take() {
        // What cannot be removed stays under a name that says it is not complete.
        let _ = fs::remove_file(path);
    }
}

fn partial(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".partial");
    name.into()
}
