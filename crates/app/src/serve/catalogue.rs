//! Where the catalogue of a models directory is, and opening it.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use model::ModelFiles;
use registry::{Digest, MemoryStore, ModelStore};
use store::{Config, OpenError, Options, Place, SqlStore};

use crate::failure::Failure;

/// Returns where the catalogue is: as configured, or a file for these places of models in the folder of this machine's. Without
/// a folder it is in memory.
pub fn place(config: &Config, models: &[&Path]) -> Result<Place, Failure> {
    if let Some(place) = Place::parse(&config.url).map_err(Failure::usage)? {
        return Ok(place);
    }
    let (Some(folder), [first, ..]) = (folder(config), models) else { return Ok(Place::Memory) };
    let whole: Vec<PathBuf> =
        models.iter().map(|path| fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf())).collect();
    let name = first.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_".contains(c) { c } else { '-' };
    let name: String = name.chars().map(plain).take(40).collect();
    Ok(Place::Sqlite(folder.join(format!("{name}-{}.db", hash(&whole)))))
}

/// Makes the folder that the file is to be in.
pub fn make_folder(place: &Place) -> Result<(), OpenError> {
    let Place::Sqlite(path) = place else { return Ok(()) };
    let failed = |error: std::io::Error| OpenError::Failed { place: place.to_string(), message: error.to_string() };
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).map_or(Ok(()), fs::create_dir_all).map_err(failed)
}

/// Opens it; what is wrong and does not stop the start comes with it, for the log. What was not asked for by name and cannot be
/// written is done without.
pub fn open(config: &Config, models: &[&Path]) -> Result<(Arc<dyn ModelStore>, Option<String>), Failure> {
    let place = place(config, models)?;
    let is_default = config.url.is_empty();
    let forgets = |why: String| {
        let store: Arc<dyn ModelStore> = Arc::<MemoryStore>::default();
        (store, Some(format!("what is known of models ends with this process: {why}; catalogue.path names a folder")))
    };
    if place == Place::Memory {
        return Ok(match is_default && !models.is_empty() {
            true => forgets("there is no home to keep it in".to_owned()),
            false => (Arc::<MemoryStore>::default(), None),
        });
    }
    let machine = machine();
    // Several servers may share a machine, and each has its own events.
    let shown: Vec<String> = models.iter().map(|path| path.display().to_string()).collect();
    let server = format!("{machine} {}", shown.join(" "));
    let options = Options::new(config, &format!("{machine} {}", env!("CARGO_PKG_VERSION")), &server);
    match make_folder(&place).and_then(|()| SqlStore::open(place, options)) {
        Ok(store) => {
            let trouble = store.trouble().map(|why| {
                format!("the catalogue cannot be reached: {why}; what is there is served, changes are refused until it is back")
            });
            Ok((Arc::new(store), trouble))
        }
        Err(error @ OpenError::Failed { .. }) if is_default => Ok(forgets(error.to_string())),
        Err(error) => Err(Failure::usage(error)),
    }
}

fn folder(config: &Config) -> Option<PathBuf> {
    if !config.path.is_empty() {
        return Some(PathBuf::from(&config.path));
    }
    let variable = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = variable("XDG_STATE_HOME").or_else(|| Some(variable("HOME")?.join(".local/state")));
    Some(state?.join("forebay"))
}

/// Returns what this machine is called.
fn machine() -> String {
    let read = |path| fs::read_to_string(path).ok().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    read("/etc/machine-id").or_else(|| read("/proc/sys/kernel/hostname")).unwrap_or_else(|| "here".to_owned())
}

/// Returns a short text that stands for paths, the same in every build.
fn hash(paths: &[PathBuf]) -> String {
    let file =
        |(place, path): (usize, &PathBuf)| (format!("{place:08}"), path.as_os_str().as_encoded_bytes().to_vec().into());
    let digest = Digest::of(&ModelFiles::new(paths.iter().enumerate().map(file))).to_string();
    digest.trim_start_matches("sha256:").chars().take(16).collect()
}
