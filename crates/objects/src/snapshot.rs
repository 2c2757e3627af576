//! One listing of a store as a tree of folders.
//!
//! Pure. Folders are what paths imply; where an object and a folder have one name, or a name is none, that place is refused and
//! the others are not. Objects are stamped by their tag, time and version; what appears whole (an object of S3) is told from what may still
//! be written to (a file of HDFS).

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{DefaultHasher, Hash, Hasher},
    time::Instant,
};

use registry::{
    Listing, SourceError,
    tree::{Entry, Stamp, join, too_many},
};

/// One object, by its path below the prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Empty where the prefix is the object itself.
    pub path: String,
    pub size: u64,
    pub tag: Option<String>,
    pub version: Option<String>,
    pub modified_ns: i128,
}

/// What one listing shows.
#[derive(Debug)]
pub struct Snapshot {
    /// When the listing was begun.
    pub taken: Instant,
    /// The name of the one object, where the prefix is no folder.
    pub single: Option<String>,
    objects: BTreeMap<String, Object>,
    folders: BTreeMap<String, BTreeSet<String>>,
    /// Stands for all of it.
    pub fingerprint: u64,
    is_whole: bool,
}

impl Snapshot {
    /// Returns the tree of these objects. `name` is what the prefix is called; `is_whole` says that an object never shows half-written.
    pub fn new(taken: Instant, name: &str, mut objects: Vec<Object>, depth_max: usize, is_whole: bool) -> Snapshot {
        objects.sort_by(|a, b| a.path.cmp(&b.path));
        let mut fingerprint = DefaultHasher::new();
        let mut folders = BTreeMap::from([(String::new(), BTreeSet::new())]);
        let mut by_path = BTreeMap::new();
        let mut single = None;
        for mut object in objects {
            stamp(&object, taken).hash(&mut fingerprint);
            (&object.path, object.size).hash(&mut fingerprint);
            if object.path.is_empty() {
                object.path = name.to_owned();
                single = Some(name.to_owned());
            }
            // The mark that consoles leave for a folder.
            if object.path.ends_with('/') {
                continue;
            }
            place(&object.path, depth_max, &mut folders);
            by_path.insert(object.path.clone(), object);
        }
        let fingerprint = fingerprint.finish();
        Snapshot { taken, single, objects: by_path, folders, fingerprint, is_whole }
    }

    pub fn object(&self, path: &str) -> Option<&Object> {
        self.objects.get(path)
    }

    pub fn entry(&self, path: &str) -> Result<Entry, SourceError> {
        let path_of = || path.to_owned();
        let is_named = path.is_empty() || path.split('/').all(|part| !part.is_empty() && part != "." && part != "..");
        match (self.objects.get(path), self.folders.contains_key(path)) {
            // Both at once, or a name that no folder can have.
            (Some(_), true) => Err(SourceError::Special { path: path_of() }),
            _ if !is_named => Err(SourceError::Special { path: path_of() }),
            (None, false) => Err(SourceError::Io { path: path.into(), reason: "there is no such object".to_owned() }),
            (None, true) => {
                // Nothing tells how old a folder is or how it came, so it always has to be still first.
                let stamp = Stamp { mtime_ns: i128::MAX, ctime_ns: i128::MAX, inode: 0 };
                Ok(Entry { path: path_of(), is_dir: true, size: 0, stamp })
            }
            (Some(object), false) => {
                // As if moved into place, or as one that may still be written to.
                let (mtime_ns, ctime_ns) = if self.is_whole { (0, 1) } else { (i128::MAX, i128::MAX) };
                let stamp = Stamp { mtime_ns, ctime_ns, inode: stamp(object, self.taken) };
                Ok(Entry { path: path_of(), is_dir: false, size: object.size, stamp })
            }
        }
    }

    pub fn names(&self, path: &str, names_max: usize, key: &'static str) -> Result<Vec<String>, SourceError> {
        let missing = || SourceError::Io { path: path.into(), reason: "there is no such folder".to_owned() };
        let names = self.folders.get(path).ok_or_else(missing)?;
        let names: Vec<String> = names.iter().filter(|name| !name.starts_with('.')).cloned().collect();
        if names.len() > names_max { Err(too_many(path, names.len(), names_max, key)) } else { Ok(names) }
    }

    /// Returns whether the files of a listing are those of this snapshot, which may lack what lies elsewhere; `config` beside them
    /// is no file of theirs.
    pub fn holds(&self, listing: &Listing, config: &str) -> bool {
        let root = &listing.root.path;
        let files: Vec<&Entry> = listing.files().collect();
        let same = |file: &&Entry| self.entry(&file.path).is_ok_and(|now| now == **file);
        let is_below = |path: &str| {
            let below = if root.is_empty() { Some(path) } else { path.strip_prefix(root.as_str()) };
            below.is_some_and(|below| below.is_empty() || root.is_empty() || below.starts_with('/'))
        };
        let hidden = |path: &str| path[root.len()..].split('/').any(|part| part.starts_with('.'));
        let config = join(root, config);
        let there = self.objects.keys().filter(|path| is_below(path) && !hidden(path) && **path != config).count();
        files.iter().all(same) && there == files.len()
    }
}

/// What Hadoop's commands call a file until they have written it. Its size may stand still for long meanwhile.
const COPYING: &str = "._COPYING_";

/// Returns what tells an object from another one in its place; one that is being written is another one at every look.
fn stamp(object: &Object, taken: Instant) -> u64 {
    let mut hash = DefaultHasher::new();
    object.path.ends_with(COPYING).then_some(taken).hash(&mut hash);
    (&object.tag, &object.version, object.modified_ns).hash(&mut hash);
    hash.finish()
}

/// Puts a path into the folders that it implies, down to a depth.
fn place(path: &str, depth_max: usize, folders: &mut BTreeMap<String, BTreeSet<String>>) {
    let mut folder = String::new();
    for name in path.split('/').take(depth_max) {
        folders.entry(folder.clone()).or_default().insert(name.to_owned());
        folder = join(&folder, name);
    }
}
