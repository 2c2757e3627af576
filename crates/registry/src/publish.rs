//! Changes to the models directory on behalf of callers: a version put in, taken out, read back.
//!
//! A version is written beside the models under a hidden name, flushed, and moved into its place by one rename, so that whoever
//! looks at the directory sees all of it or nothing; taking one out is the same the other way round. Numbers are given
//! upward and never twice while this process lives. The watch over the directory does the rest: it loads what came and
//! unloads what went.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use model::{Name, Version};

use crate::{
    archive::Files,
    config::Config,
    error::SourceError,
    source::{
        CONFIG,
        dir::{DirSource, read_one},
    },
};

/// Why the models directory was not changed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum PublishError {
    #[error("version {version} of model `{name}` is there already; versions are immutable: publish the next one")]
    AlreadyExists { name: Name, version: Version },
    #[error("model `{name}` lies in the models directory without a number; move it to `{name}/1` to add versions")]
    Unnumbered { name: Name },
    #[error("model `{name}` is served from `{path}`, which is not the models directory; publish under another name")]
    Elsewhere { name: Name, path: String },
    #[error("{what} is not in the models directory")]
    NotFound { what: String },
    #[error("the server was given one model and no models directory; start it with a directory to publish into")]
    OneModel,
    #[error(
        "a model that is called `{name}` would make the models directory look like a folder of versions; take another name"
    )]
    Digits { name: Name },
    #[error("the models directory cannot be changed: {reason}")]
    Io { reason: String },
    #[error(transparent)]
    Source(#[from] SourceError),
}

/// Writes to a models directory. Changes are made one after the other.
#[derive(Debug)]
pub struct Publisher {
    root: PathBuf,
    config: Config,
    /// The highest number given to a model that has none of that height any more.
    given: Mutex<std::collections::HashMap<Name, Version>>,
}

/// What publishing would do to a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// There is no version of it yet.
    Created,
    /// It gets a version of other files.
    Updated,
    /// The newest version, or the one asked for, has these very files.
    Unchanged,
}

/// What is moved into its place begins so: names of this kind are no models.
const HIDDEN: &str = ".forebay-";

impl Publisher {
    /// Returns the publisher of an existing directory; what an earlier process left half-written is removed.
    pub fn new(root: &Path, config: Config) -> Result<Publisher, PublishError> {
        let root = fs::canonicalize(root).map_err(failed)?;
        for entry in fs::read_dir(&root).map_err(failed)?.flatten() {
            if entry.file_name().to_string_lossy().starts_with(HIDDEN) {
                // What cannot be removed is in nobody's way.
                let _ = fs::remove_dir_all(entry.path());
            }
        }
        Ok(Publisher { root, config, given: Mutex::default() })
    }

    /// Puts a version in: the number asked for, or the next one.
    pub fn publish(&self, name: &Name, version: Option<Version>, files: &Files) -> Result<Version, PublishError> {
        let mut given = self.lock();
        let stand = self.open_versions(name)?;
        let highest = stand.iter().copied().chain(given.get(name).copied()).max().unwrap_or(Version(0));
        let version = version.unwrap_or(Version(highest.0.saturating_add(1)));
        if stand.contains(&version) {
            return Err(PublishError::AlreadyExists { name: name.clone(), version });
        }
        let staged = self.staged(name, version);
        write_all(&staged, files).inspect_err(|_| drop(fs::remove_dir_all(&staged))).map_err(failed)?;
        let folder = self.root.join(name.as_str());
        let place = folder.join(version.to_string());
        let moved = fs::create_dir_all(&folder).and_then(|()| fs::rename(&staged, &place)).and_then(|()| sync(&folder));
        moved.inspect_err(|_| drop(fs::remove_dir_all(&staged))).map_err(failed)?;
        given.insert(name.clone(), highest.max(version));
        Ok(version)
    }

    /// Returns the number that publishing would take, and what it would do; nothing is changed.
    pub fn compare(
        &self,
        name: &Name,
        version: Option<Version>,
        files: &Files,
    ) -> Result<(Version, Change), PublishError> {
        let given = self.lock();
        let stand = self.open_versions(name)?;
        let newest = version.filter(|version| stand.contains(version)).or(stand.iter().copied().max());
        if let Some(newest) = newest.filter(|newest| version.is_none_or(|version| version == *newest))
            && self.read(name, newest)? == *files
        {
            return Ok((newest, Change::Unchanged));
        }
        if let Some(version) = version.filter(|version| stand.contains(version)) {
            return Err(PublishError::AlreadyExists { name: name.clone(), version });
        }
        let highest = stand.iter().copied().chain(given.get(name).copied()).max().unwrap_or(Version(0));
        let change = if stand.is_empty() { Change::Created } else { Change::Updated };
        Ok((version.unwrap_or(Version(highest.0.saturating_add(1))), change))
    }

    /// Refuses a name that is served from this place, where the directory has nothing of it.
    pub fn claim(&self, name: &Name, path: &str) -> Result<(), PublishError> {
        match self.versions(name)?.is_empty() {
            true => Err(PublishError::Elsewhere { name: name.clone(), path: path.to_owned() }),
            false => Ok(()),
        }
    }

    /// Takes a version out, or all of a model.
    pub fn remove(&self, name: &Name, version: Option<Version>) -> Result<(), PublishError> {
        let mut given = self.lock();
        let stand = self.versions(name)?;
        let highest = stand.iter().copied().max().unwrap_or(Version(0));
        let folder = self.root.join(name.as_str());
        let what = || match version {
            Some(version) => format!("version {version} of model `{name}`"),
            None => format!("model `{name}`"),
        };
        if stand.is_empty() || version.is_some_and(|version| !stand.contains(&version)) {
            return Err(PublishError::NotFound { what: what() });
        }
        let place = match version {
            Some(version) if stand.len() > 1 => folder.join(version.to_string()),
            // A folder without versions is no model.
            _ => folder,
        };
        let staged = self.staged(name, version.unwrap_or(Version(0)));
        fs::rename(&place, &staged).and_then(|()| sync(&self.root)).map_err(failed)?;
        // It is out of the way whatever becomes of this.
        let _ = fs::remove_dir_all(&staged);
        given.entry(name.clone()).and_modify(|given| *given = highest.max(*given)).or_insert(highest);
        Ok(())
    }

    /// Returns the files of a version.
    pub fn read(&self, name: &Name, version: Version) -> Result<Files, PublishError> {
        if !self.versions(name)?.contains(&version) {
            return Err(PublishError::NotFound { what: format!("version {version} of model `{name}`") });
        }
        let folder = self.root.join(name.as_str());
        let (_, content) = read_one(&folder, Some(version), self.config.clone())?;
        let files = content.files.iter().map(|(path, bytes)| (path.to_owned(), bytes.as_slice().to_vec()));
        let mut files: Files = files.collect();
        // Its configuration is no file of the model, but of the version.
        match fs::read(folder.join(version.to_string()).join(CONFIG)) {
            Ok(bytes) => drop(files.insert(CONFIG.to_owned(), bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
        }
        Ok(files)
    }

    /// Returns the numbered versions of a name that may have more of them.
    fn open_versions(&self, name: &Name) -> Result<Vec<Version>, PublishError> {
        match name.as_str().bytes().all(|b| b.is_ascii_digit()) {
            true => Err(PublishError::Digits { name: name.clone() }),
            false => self.versions(name),
        }
    }

    /// Returns the numbered versions that lie there.
    fn versions(&self, name: &Name) -> Result<Vec<Version>, PublishError> {
        let numbers = DirSource::new(&self.root, self.config.clone())?.numbers_of(name.as_str())?;
        match numbers {
            None => Err(PublishError::OneModel),
            Some(numbers) if numbers.contains(&None) => Err(PublishError::Unnumbered { name: name.clone() }),
            Some(numbers) => Ok(numbers.into_iter().flatten().collect()),
        }
    }

    fn staged(&self, name: &Name, version: Version) -> PathBuf {
        // Changes are made one at a time, so no other has this name.
        self.root.join(format!("{HIDDEN}{name}-{version}"))
    }

    fn lock(&self) -> MutexGuard<'_, std::collections::HashMap<Name, Version>> {
        self.given.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn failed(error: io::Error) -> PublishError {
    PublishError::Io { reason: error.to_string() }
}

fn write_all(root: &Path, files: &Files) -> io::Result<()> {
    if root.exists() {
        fs::remove_dir_all(root)?;
    }
    fs::create_dir(root)?;
    for (path, bytes) in files {
        let full = root.join(path);
        if let Some(folder) = full.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut file = fs::File::create_new(&full)?;
        file.write_all(bytes)?;
        file.sync_all()?;
    }
    sync(root)
}

fn sync(folder: &Path) -> io::Result<()> {
    fs::File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Folder {
            let path = std::env::temp_dir().join(format!("forebay-publish-{}-{name}", std::process::id()));
            let _ = fs::remove_dir_all(&path);
            fs::create_dir_all(&path).unwrap();
            Folder(path)
        }

        fn names(&self) -> Vec<String> {
            let mut names: Vec<String> =
                fs::read_dir(&self.0).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            names
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn files(text: &str) -> Files {
        let file = |path: &str, text: &str| (path.to_owned(), text.as_bytes().to_vec());
        Files::from([file("data/m.pmml", text), file("x", ""), file("forebay.toml", "outputs = ['p']")])
    }

    #[test]
    fn versions_come_and_go_and_numbers_are_not_given_twice() {
        let folder = Folder::new("versions");
        let publisher = Publisher::new(&folder.0, Config::default()).unwrap();
        let name = Name::new("m").unwrap();
        assert_eq!(publisher.publish(&name, None, &files("1")).unwrap(), Version(1));
        assert_eq!(publisher.publish(&name, Some(Version(7)), &files("7")).unwrap(), Version(7));
        let again = publisher.publish(&name, Some(Version(7)), &files("other"));
        assert!(matches!(again, Err(PublishError::AlreadyExists { .. })), "{again:?}");
        assert_eq!(publisher.read(&name, Version(7)).unwrap(), files("7"));
        let compared = |version: Option<u64>, text: &str| {
            publisher.compare(&name, version.map(Version), &files(text)).map_err(|error| error.to_string())
        };
        assert_eq!(compared(None, "7"), Ok((Version(7), Change::Unchanged)));
        assert_eq!(compared(Some(1), "1"), Ok((Version(1), Change::Unchanged)));
        assert_eq!(compared(None, "1"), Ok((Version(8), Change::Updated)));
        assert_eq!(compared(Some(9), "7"), Ok((Version(9), Change::Updated)));
        assert!(compared(Some(1), "7").unwrap_err().contains("versions are immutable"));
        let other = Name::new("other").unwrap();
        assert_eq!(publisher.compare(&other, None, &files("1")).unwrap(), (Version(1), Change::Created));
        publisher.remove(&name, Some(Version(7))).unwrap();
        assert!(matches!(publisher.remove(&name, Some(Version(7))), Err(PublishError::NotFound { .. })));
        assert_eq!(publisher.publish(&name, None, &files("8")).unwrap(), Version(8));
        publisher.remove(&name, None).unwrap();
        assert_eq!(folder.names(), [""; 0], "nothing is left, hidden or not");
        assert_eq!(publisher.publish(&name, None, &files("9")).unwrap(), Version(9));
    }

    #[test]
    fn what_is_no_folder_of_versions_is_left_alone() {
        let folder = Folder::new("unnumbered");
        fs::write(folder.0.join("m.pmml"), "x").unwrap();
        fs::create_dir(folder.0.join(".forebay-old-3")).unwrap();
        let publisher = Publisher::new(&folder.0, Config::default()).unwrap();
        assert_eq!(folder.names(), ["m.pmml"], "what was left half-written is gone");
        let name = Name::new("m").unwrap();
        for result in [publisher.publish(&name, None, &files("1")).map(drop), publisher.remove(&name, None)] {
            assert!(matches!(result, Err(PublishError::Unnumbered { .. })), "{result:?}");
        }
        let one = Folder::new("one");
        fs::create_dir(one.0.join("metadata")).unwrap();
        let publisher = Publisher::new(&one.0, Config::default()).unwrap();
        assert!(matches!(publisher.publish(&name, None, &files("1")), Err(PublishError::OneModel)));
    }
}
