//! A tree of models as a source: looked at, left alone until it is still, read whole.
//!
//! [`DirSource`] is the one over a folder of the disk, the only I/O of this crate: a scan costs one `stat` per file; nothing is
//! kept open and nothing is mapped, so whoever writes to the directory cannot reach into a version that serves.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{Hash, Hasher},
    path::Path,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use model::{Buffer, ModelFiles, Name, Version};

use super::{
    Artifact, Content, Found, Scan, Source, Upkeep, Watched,
    layout::{self, CONFIG, Place, Placed},
    listing::Disk,
    settle::{Look, Settle},
    tree::{self, Entry, Listing, Tree},
};
use crate::{config::Config, error::SourceError, model_config::ModelConfig};

/// Bytes of a configuration beside an artifact.
const CONFIG_BYTES_MAX: u64 = 1 << 20;

/// A directory of models, or one model.
pub type DirSource = TreeSource<Disk>;

/// A tree of models, or one model.
#[derive(Debug)]
pub struct TreeSource<T> {
    tree: T,
    root: Root,
    config: Config,
    settle: Settle<Place>,
    /// What the last scan found, and what lingers.
    places: BTreeSet<Place>,
    /// What the last scan said.
    last: Scan,
    /// When the first look was.
    begun: Option<Instant>,
    /// Nothing serves yet, so artifacts are taken sooner, and looked at more often.
    starting: bool,
}

/// What the root of a tree is to a source.
#[derive(Clone, Debug)]
pub enum Root {
    /// A folder of models, or one model that is called so; a file with its ending.
    Any(String),
    /// One model, under a name that its path does not say.
    Model(Name),
}

/// While starting, an artifact is still after so small a part of the settling time: nobody is served worse for it, and a
/// copy that goes on is seen and read again.
const START_PART: u32 = 10;

/// So many settling times after the first look the start is over, whoever is still copying.
const START_SETTLES: u32 = 10;

/// What one look shows of a place.
#[derive(Clone, Debug)]
struct Seen {
    listing: Result<Listing, SourceError>,
    config: Option<Entry>,
}

impl DirSource {
    /// Returns the source of a directory or file that exists.
    pub fn new(root: &Path, config: Config) -> Result<DirSource, SourceError> {
        let (disk, name) = Disk::new(root)?;
        Ok(TreeSource::over(disk, Root::Any(name), config))
    }

    /// Returns the source of one model that exists, under this name: a file, a folder of files, or one of numbered versions.
    pub fn named(name: Name, root: &Path, config: Config) -> Result<DirSource, SourceError> {
        let (disk, _) = Disk::new(root)?;
        Ok(TreeSource::over(disk, Root::Model(name), config))
    }
}

impl<T: Tree> TreeSource<T> {
    /// Returns the source of what the tree shows.
    pub fn over(tree: T, root: Root, config: Config) -> TreeSource<T> {
        let settle = Settle::new(Duration::from_millis(config.settle_ms));
        let (places, last) = (BTreeSet::new(), Scan::default());
        TreeSource { tree, root, config, settle, places, last, begun: None, starting: true }
    }

    fn find(&self) -> Result<Vec<Placed>, SourceError> {
        let (name, is_named) = match &self.root {
            Root::Any(name) => (name.as_str(), false),
            Root::Model(name) => (name.as_str(), true),
        };
        match self.tree.single() {
            Some(file) if matches!(self.tree.entry(file), Err(SourceError::Io { .. })) => Ok(Vec::new()),
            Some(file) => {
                let place = layout::file(&self.tree, name, file);
                Ok(vec![Ok(if is_named { Place { name: name.to_owned(), ..place } } else { place })])
            }
            None if is_named => Ok(layout::folder(&self.tree, &self.config, name, "")),
            None => layout::places(&self.tree, &self.config, name),
        }
    }

    /// Returns the numbers under which a model lies here, nothing for an artifact without one; `None` where the root itself is a
    /// model.
    pub(crate) fn numbers_of(&self, name: &str) -> Result<Option<Vec<Option<Version>>>, SourceError> {
        // What is wrong at other names is no matter here.
        let places: Vec<Place> = self.find()?.into_iter().filter_map(Result::ok).collect();
        let is_root = |place: &Place| place.path.is_empty() || (place.number.is_some() && !place.path.contains('/'));
        if self.tree.single().is_some() || places.iter().any(is_root) {
            return Ok(None);
        }
        Ok(Some(places.into_iter().filter(|place| place.name == name).map(|place| place.number).collect()))
    }

    /// Looks at the directory; `now` is the time of the look. An error means that nothing is known of it now: keep what
    /// the last scan said.
    pub fn scan(&mut self, now: Instant) -> Result<Scan, SourceError> {
        let Some(now) = self.tree.look(now)? else { return Ok(self.last.clone()) };
        let mut problems = BTreeMap::new();
        let mut seen = BTreeMap::new();
        for placed in self.find()? {
            match placed {
                Ok(place) => {
                    let look = self.see(&place);
                    seen.insert(place, look);
                }
                Err((name, error)) => {
                    problems.insert(name, error);
                }
            }
        }
        let looks = seen.iter().map(|(place, look)| (place.clone(), self.look(look))).collect();
        let still = self.settle.look(now, &looks);
        let since = now.saturating_duration_since(*self.begun.get_or_insert(now));
        let waits = seen.keys().any(|place| !still.contains_key(place));
        self.starting &= waits && since < START_SETTLES * Duration::from_millis(self.config.settle_ms);
        self.places = still.keys().chain(seen.keys()).cloned().collect();
        let mut models: BTreeMap<&str, Vec<(&Place, u64)>> = BTreeMap::new();
        for (place, fingerprint) in &still {
            models.entry(&place.name).or_default().push((place, *fingerprint));
        }
        let mut scan = Scan::default();
        for (name, places) in models {
            let found = self.found(name, &places, &seen).unwrap_or_else(Found::Problem);
            scan.models.insert(name.to_owned(), found);
        }
        scan.models.extend(problems.into_iter().map(|(name, error)| (name, Found::Problem(error))));
        self.last.clone_from(&scan);
        Ok(scan)
    }

    fn see(&self, place: &Place) -> Seen {
        let listing = tree::list(&self.tree, &place.path, &self.config).and_then(|mut listing| {
            // The configuration is told apart from the files of the model.
            listing.entries.retain(|entry| Some(&entry.path) != place.config.as_ref());
            if listing.files().next().is_none() {
                return Err(SourceError::Empty { path: shown(&place.path) });
            }
            Ok(listing)
        });
        Seen { listing, config: place.config.as_ref().and_then(|path| self.tree.entry(path).ok()) }
    }

    /// Returns how long to wait until the next look.
    pub fn pause(&self) -> Duration {
        let poll = Duration::from_millis(self.config.poll_ms.max(1));
        if self.starting { poll / START_PART } else { poll }
    }

    /// Returns the look that the settling sees. While starting, what has not been touched for a while is still.
    fn look(&self, seen: &Seen) -> Look {
        let whole = match &seen.listing {
            Ok(listing) if self.starting => {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
                let age_ns = i128::try_from(now).unwrap_or(i128::MAX) - listing.changed_ns();
                let still = Duration::from_millis(self.config.settle_ms) / START_PART;
                listing.arrived_whole() || age_ns >= i128::try_from(still.as_nanos()).unwrap_or(i128::MAX)
            }
            Ok(listing) => listing.arrived_whole(),
            Err(_) => false,
        };
        Look { fingerprint: seen.fingerprint(), whole }
    }

    /// Returns what stands of one model.
    fn found(&self, name: &str, places: &[(&Place, u64)], seen: &BTreeMap<Place, Seen>) -> Result<Found, SourceError> {
        let checked = Name::new(name)?;
        // Two artifacts at once are an error as soon as they are seen; one that lingers after its removal is not.
        for (place, _) in places.iter().filter(|(place, _)| seen.contains_key(place)) {
            let other = seen.keys().find(|other| other.name == name && other.path != place.path && other.same(place));
            if let Some(other) = other {
                let what = match place.number.filter(|_| other.number.is_some()) {
                    Some(number) => format!("version {number} of model `{name}`"),
                    None => format!("model `{name}`"),
                };
                let (first, second) = (shown(&place.path), shown(&other.path));
                return Err(SourceError::Twice { what, first, second });
            }
        }
        let lingers = |place: &Place| !seen.contains_key(place);
        let taken = |place: &Place| places.iter().any(|(other, _)| !lingers(other) && other.same(place));
        let stand = places.iter().filter(|(place, _)| !lingers(place) || !taken(place));
        // An artifact that cannot be read is one that fails to load: reading it says why.
        let artifacts = stand.map(|(place, fingerprint)| Artifact {
            number: place.number,
            path: place.path.as_str().into(),
            fingerprint: *fingerprint,
        });
        let shared = places.iter().find_map(|(place, _)| place.model_config.as_ref().filter(|_| !lingers(place)));
        let config = shared.map(|path| self.read_config(path)).transpose()?.unwrap_or_default();
        let labels =
            config.labels.iter().map(|(label, number)| (label.as_str().into(), Version(number.get()))).collect();
        let upkeep = Upkeep { versions: config.versions.unwrap_or_default(), labels };
        Ok(Found::Artifacts { name: checked, artifacts: artifacts.collect(), upkeep })
    }

    fn read_config(&self, path: &str) -> Result<ModelConfig, SourceError> {
        let error = |reason| SourceError::Config { path: path.to_owned(), reason };
        let size = self.tree.entry(path)?.size;
        if size > CONFIG_BYTES_MAX {
            return Err(error(format!("{size} bytes, more than a configuration may have ({CONFIG_BYTES_MAX})")));
        }
        let bytes = self.tree.read(path, size)?;
        let text = std::str::from_utf8(&bytes).map_err(|_| error("not UTF-8".to_owned()))?;
        ModelConfig::parse(text).map_err(error)
    }
}

/// Returns the one model at `root`, whatever it is called: an artifact, or of a folder of numbered versions the one asked
/// for (the newest where none is). For commands that score a model without serving it; nothing is waited for.
pub fn read_one(
    root: &Path,
    version: Option<Version>,
    config: Config,
) -> Result<(Option<Version>, Content), SourceError> {
    let mut source = DirSource::new(root, config)?;
    let shown = || root.display().to_string();
    let places =
        source.find()?.into_iter().map(|placed| placed.map_err(|(_, error)| error)).collect::<Result<Vec<_>, _>>()?;
    let Some(first) = places.first() else { return Err(SourceError::Empty { path: shown() }) };
    if places.iter().any(|place| place.name != first.name) {
        let mut names: Vec<String> = places.iter().map(|place| place.name.clone()).collect();
        names.dedup();
        return Err(SourceError::Several { path: shown(), names });
    }
    let place = match version {
        None => places.iter().max_by_key(|place| place.number),
        Some(_) => places.iter().find(|place| place.number == version),
    };
    let Some(place) = place.cloned() else {
        let mut known: Vec<Version> = places.iter().filter_map(|place| place.number).collect();
        known.sort_unstable();
        return Err(SourceError::NoVersion { path: shown(), version: version.unwrap_or(Version(0)), known });
    };
    let artifact = Artifact {
        number: place.number,
        path: place.path.as_str().into(),
        fingerprint: source.see(&place).fingerprint(),
    };
    source.places = BTreeSet::from([place]);
    Ok((artifact.number, source.read(&artifact)?))
}

impl<T: Tree> Source for TreeSource<T> {
    fn read(&self, artifact: &Artifact) -> Result<Content, SourceError> {
        let changing = || SourceError::Changing { path: shown(&artifact.path) };
        let same = |place: &&Place| *place.path == *artifact.path && place.number == artifact.number;
        let place = self.places.iter().find(same).ok_or_else(changing)?;
        let seen = self.see(place);
        if seen.fingerprint() != artifact.fingerprint {
            return Err(changing());
        }
        let config = self.config_of(place)?;
        let listing = seen.listing.clone()?;
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
        if self.see(place).fingerprint() != artifact.fingerprint || !self.tree.is_same(&listing)? {
            return Err(changing());
        }
        Ok(Content::new(ModelFiles::new(files), config))
    }

    fn is_starting(&self) -> bool {
        self.starting
    }
}

impl<T: Tree> Watched for TreeSource<T> {
    fn scan(&mut self, now: Instant) -> Result<Scan, SourceError> {
        TreeSource::scan(self, now)
    }

    fn pause(&self) -> Duration {
        TreeSource::pause(self)
    }
}

impl<T: Tree> TreeSource<T> {
    fn config_of(&self, place: &Place) -> Result<ModelConfig, SourceError> {
        let Some(path) = &place.config else { return Ok(ModelConfig::default()) };
        let config = self.read_config(path)?;
        let of_all = [("versions", config.versions.is_some()), ("labels", !config.labels.is_empty())];
        if let Some((key, _)) = of_all.iter().find(|(_, said)| *said && place.model_config.as_ref() != Some(path)) {
            let reason = format!("`{key}` belongs into the {CONFIG} beside numbered version folders");
            return Err(SourceError::Config { path: path.clone(), reason });
        }
        Ok(config)
    }
}

impl Place {
    /// Returns whether the two cannot both stand: the same version, or a numbered and an unnumbered artifact.
    fn same(&self, other: &Place) -> bool {
        self.number.is_none() || other.number.is_none() || self.number == other.number
    }
}

impl Seen {
    fn fingerprint(&self) -> u64 {
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
