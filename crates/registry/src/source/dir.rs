//! A tree of models as a source: looked at, left alone until it is still, read whole.
//!
//! [`DirSource`] is the one over a folder of the disk, the only I/O of this crate: a scan costs one `stat` per file; nothing is
//! kept open and nothing is mapped, so whoever writes to the directory cannot reach into a version that serves.

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use model::{Name, Version};

use super::{
    Again, Artifact, Content, Found, Scan, Source, Upkeep, Watched,
    layout::{self, Place, Placed},
    listing::Disk,
    reader::{Reader, Seen, shown},
    settle::{Look, Settle},
    tree::{Entry, Tree},
};
use crate::{config::Config, error::SourceError};

/// A directory of models, or one model.
pub type DirSource = TreeSource<Disk>;

/// A tree of models, or one model.
#[derive(Debug)]
pub struct TreeSource<T> {
    tree: T,
    root: Root,
    config: Arc<Config>,
    settle: Settle<Place>,
    /// What the last scan found, and what lingers, by path.
    places: HashMap<String, Place>,
    /// What the configurations of models said when they were read, by path.
    upkeeps: HashMap<String, (Entry, Upkeep)>,
    /// How long the last looks took: the shorter counts, for one alone may have been held up.
    took: [Duration; 2],
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

/// A look takes at most this part of the time: many models are looked at less often.
const LOOK_PART: u32 = 10;

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
        TreeSource {
            tree,
            root,
            config: Arc::new(config),
            settle,
            places: HashMap::new(),
            upkeeps: HashMap::new(),
            took: [Duration::ZERO; 2],
            last: Scan::default(),
            begun: None,
            starting: true,
        }
    }

    fn reader(&self) -> Reader<'_> {
        Reader { tree: &self.tree, config: &self.config }
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
        let begun = Instant::now();
        let mut problems = BTreeMap::new();
        let mut seen = BTreeMap::new();
        for placed in self.find()? {
            match placed {
                Ok(place) => {
                    let look = self.reader().see(&place);
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
        let places = still.keys().chain(seen.keys());
        self.places = places.map(|place| (place.path.clone(), place.clone())).collect();
        let mut models: BTreeMap<&str, Vec<(&Place, u64)>> = BTreeMap::new();
        for (place, fingerprint) in &still {
            models.entry(&place.name).or_default().push((place, *fingerprint));
        }
        let mut scan = Scan::default();
        let (known, mut upkeeps) = (std::mem::take(&mut self.upkeeps), HashMap::new());
        for (name, places) in models {
            let mut upkeep = |path: &str| self.upkeep(path, &known, &mut upkeeps);
            let found = found(name, &places, &seen, &mut upkeep).unwrap_or_else(Found::Problem);
            scan.models.insert(name.to_owned(), found);
        }
        self.upkeeps = upkeeps;
        scan.models.extend(problems.into_iter().map(|(name, error)| (name, Found::Problem(error))));
        self.last.clone_from(&scan);
        self.took = [self.took[1], begun.elapsed()];
        Ok(scan)
    }

    /// Returns what the configuration at `path` says of its model; it is read when it has changed.
    fn upkeep(
        &self,
        path: &str,
        known: &HashMap<String, (Entry, Upkeep)>,
        now: &mut HashMap<String, (Entry, Upkeep)>,
    ) -> Result<Upkeep, SourceError> {
        let entry = self.tree.entry(path)?;
        let upkeep = match known.get(path).filter(|(old, _)| *old == entry) {
            Some((_, upkeep)) => upkeep.clone(),
            None => {
                let config = self.reader().read_config(path)?;
                let labels = config.labels.iter();
                let labels = labels.map(|(label, number)| (label.as_str().into(), Version(number.get()))).collect();
                Upkeep { versions: config.versions.unwrap_or_default(), labels, load: config.load }
            }
        };
        now.insert(path.to_owned(), (entry, upkeep.clone()));
        Ok(upkeep)
    }

    /// Returns how long to wait until the next look.
    pub fn pause(&self) -> Duration {
        let poll = Duration::from_millis(self.config.poll_ms.max(1));
        let poll = if self.starting { poll / START_PART } else { poll };
        poll.max(self.took[0].min(self.took[1]) * (LOOK_PART - 1))
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
}

/// Returns what stands of one model.
fn found(
    name: &str,
    places: &[(&Place, u64)],
    seen: &BTreeMap<Place, Seen>,
    upkeep: &mut dyn FnMut(&str) -> Result<Upkeep, SourceError>,
) -> Result<Found, SourceError> {
    let checked = Name::new(name)?;
    let of_name = || seen.range(Place::first(name)..).map(|(place, _)| place).take_while(|place| place.name == name);
    // Two artifacts at once are an error as soon as they are seen; one that lingers after its removal is not.
    for (place, _) in places.iter().filter(|(place, _)| seen.contains_key(place)) {
        if let Some(other) = of_name().find(|other| other.path != place.path && other.same(place)) {
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
        source: 0,
    });
    let artifacts = artifacts.collect();
    let mut stands = places.iter().map(|(place, _)| *place).filter(|place| !lingers(place));
    let upkeep = match stands.clone().find_map(|place| place.model_config.as_ref()) {
        Some(shared) => upkeep(shared)?,
        // What is wrong with it is said where it is read with its artifact.
        None => stands.find(|p| p.number.is_none()).and_then(|p| upkeep(p.config.as_ref()?).ok()).unwrap_or_default(),
    };
    Ok(Found::Artifacts { name: checked, artifacts, upkeep })
}

/// Returns the one model at `root`, whatever it is called: an artifact, or of a folder of numbered versions the one asked
/// for (the newest where none is). For commands that score a model without serving it; nothing is waited for.
pub fn read_one(
    root: &Path,
    version: Option<Version>,
    config: Config,
) -> Result<(Option<Version>, Content), SourceError> {
    let source = DirSource::new(root, config)?;
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
    let fingerprint = source.reader().see(&place).fingerprint();
    Ok((place.number, source.reader().read(&place, fingerprint)?))
}

impl<T: Tree> Source for TreeSource<T> {
    fn read(&self, artifact: &Artifact) -> Result<Content, SourceError> {
        let place = self.place(artifact).ok_or(SourceError::Changing { path: shown(&artifact.path) })?;
        self.reader().read(place, artifact.fingerprint)
    }

    fn again(&self, artifact: &Artifact) -> Option<Arc<dyn Again>> {
        let (tree, place) = (self.tree.again()?, self.place(artifact)?.clone());
        Some(Arc::new(Kept { tree, config: self.config.clone(), place }))
    }

    fn is_starting(&self) -> bool {
        self.starting
    }
}

/// An artifact that is read later.
struct Kept {
    tree: Arc<dyn Tree + Sync>,
    config: Arc<Config>,
    place: Place,
}

impl Kept {
    fn reader(&self) -> Reader<'_> {
        Reader { tree: &*self.tree, config: &self.config }
    }
}

impl Again for Kept {
    fn read(&self) -> Result<Content, SourceError> {
        let fingerprint = self.reader().see(&self.place).fingerprint();
        self.reader().read(&self.place, fingerprint)
    }

    fn own_config(&self) -> Result<Option<Vec<u8>>, SourceError> {
        let own = self.place.config.as_ref().filter(|path| self.place.model_config.as_ref() != Some(*path));
        own.map(|path| self.reader().config_bytes(path)).transpose()
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
    fn place(&self, artifact: &Artifact) -> Option<&Place> {
        self.places.get(&*artifact.path).filter(|place| place.number == artifact.number)
    }
}

impl Place {
    /// Returns whether the two cannot both stand: the same version, or a numbered and an unnumbered artifact.
    fn same(&self, other: &Place) -> bool {
        self.number.is_none() || other.number.is_none() || self.number == other.number
    }
}
