//! Several sources as one: each is looked at in its own time, what they have is put together.
//!
//! A name belongs to one source. Where two have an artifact of it, the model has a problem that names both and what serves goes
//! on. A source that cannot be read keeps what it said last; that is told once, and again when it is over. Of several sources
//! paths begin with the source's own, so that a status says which one it was.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use tracing::{info, warn};

use super::{Again, Artifact, Content, Found, Scan, Source, Watched, tree::join};
use crate::error::SourceError;

/// Sources, none of them preferred.
#[derive(Default)]
pub struct Sources {
    parts: Vec<Part>,
    /// How each source writes the paths of the last scan. One source may lie within another, so a path alone does not tell whose it is.
    places: BTreeMap<(usize, Arc<str>), Arc<str>>,
}

struct Part {
    label: Arc<str>,
    root: Arc<str>,
    source: Box<dyn Watched>,
    /// What it said last.
    last: Option<Scan>,
    /// When to look again.
    due: Option<Instant>,
    problem: Option<SourceError>,
}

/// What is told of one source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceStatus {
    /// The path or address, as it was given.
    pub source: Arc<str>,
    /// The models that it has.
    pub models: usize,
    /// Whether it was read since the start.
    pub is_known: bool,
    /// Why it cannot be read just now; what serves goes on.
    pub problem: Option<Arc<str>>,
}

impl Sources {
    /// Adds a source under its path or address; the paths of its artifacts are below `root`.
    pub fn add(&mut self, label: &str, root: &str, source: Box<dyn Watched>) {
        let (label, root) = (label.into(), root.trim_end_matches('/').into());
        self.parts.push(Part { label, root, source, last: None, due: None, problem: None });
    }

    /// Returns what is known of each.
    pub fn statuses(&self) -> Vec<SourceStatus> {
        let status = |part: &Part| SourceStatus {
            source: part.label.clone(),
            models: part.last.as_ref().map_or(0, |scan| scan.models.len()),
            is_known: part.last.is_some(),
            problem: part.problem.as_ref().map(|error| error.to_string().into()),
        };
        self.parts.iter().map(status).collect()
    }

    /// Returns the source of an artifact, and how that one writes it.
    fn whose(&self, artifact: &Artifact) -> Option<(&Part, Artifact)> {
        let path = self.places.get(&(artifact.source, artifact.path.clone()))?.clone();
        Some((&self.parts[artifact.source], Artifact { path, source: 0, ..artifact.clone() }))
    }

    /// Puts the last scans together.
    fn merged(&mut self) -> Scan {
        let is_one = self.parts.len() == 1;
        let mut scan = Scan::default();
        self.places.clear();
        for (place, part) in self.parts.iter().enumerate() {
            for (name, found) in part.last.iter().flat_map(|last| &last.models) {
                let mut found = found.clone();
                if let Found::Artifacts { artifacts, .. } = &mut found {
                    for artifact in artifacts {
                        let own = artifact.path.clone();
                        if !is_one {
                            artifact.path = part.path_of(&own);
                        }
                        artifact.source = place;
                        self.places.insert((place, artifact.path.clone()), own);
                    }
                }
                match scan.models.get_mut(name) {
                    None => drop(scan.models.insert(name.clone(), found)),
                    Some(other) => *other = Found::Problem(both(name, other, &found)),
                }
            }
        }
        scan
    }
}

/// Returns the error of a name that two sources have.
fn both(name: &str, first: &Found, second: &Found) -> SourceError {
    let path = |found: &Found| match found {
        Found::Artifacts { artifacts, .. } => Ok(artifacts.first().map_or_else(String::new, |a| a.path.to_string())),
        Found::Problem(error) => Err(error.clone()),
    };
    match (path(first), path(second)) {
        (Ok(first), Ok(second)) => SourceError::Twice { what: format!("model `{name}`"), first, second },
        (Err(error), _) | (_, Err(error)) => error,
    }
}

impl Part {
    fn path_of(&self, path: &str) -> Arc<str> {
        if path.is_empty() { self.root.clone() } else { join(&self.root, path).into() }
    }

    /// Looks at the source, where it is time.
    fn scan(&mut self, now: Instant) {
        if self.due.is_some_and(|due| now < due) {
            return;
        }
        match self.source.scan(now) {
            Ok(scan) => {
                if self.problem.take().is_some() {
                    info!(source = %self.label, "the models can be read again");
                }
                self.last = Some(scan);
            }
            Err(SourceError::NotYet { .. }) => {}
            // Told once, not with every look; what a network says of itself differs each time.
            Err(error) => {
                let is_remote = |error: &SourceError| matches!(error, SourceError::Remote { .. });
                let told = |known: &SourceError| *known == error || is_remote(known) && is_remote(&error);
                if !self.problem.as_ref().is_some_and(told) {
                    warn!(source = %self.label, %error, "the models cannot be read; what serves goes on");
                }
                self.problem = Some(error);
            }
        }
        self.due = Some(now + self.source.pause());
    }
}

impl Source for Sources {
    fn read(&self, artifact: &Artifact) -> Result<Content, SourceError> {
        let changing = || SourceError::Changing { path: artifact.path.to_string() };
        let (part, own) = self.whose(artifact).ok_or_else(changing)?;
        part.source.read(&own)
    }

    fn again(&self, artifact: &Artifact) -> Option<Arc<dyn Again>> {
        let (part, own) = self.whose(artifact)?;
        part.source.again(&own)
    }

    /// Nobody is ready until every source has spoken.
    fn is_starting(&self) -> bool {
        self.parts.iter().any(|part| part.last.is_none() || part.source.is_starting())
    }
}

impl Watched for Sources {
    fn scan(&mut self, now: Instant) -> Result<Scan, SourceError> {
        self.parts.iter_mut().for_each(|part| part.scan(now));
        Ok(self.merged())
    }

    fn pause(&self) -> Duration {
        const IDLE: Duration = Duration::from_secs(1);
        self.parts.iter().map(|part| part.source.pause()).min().unwrap_or(IDLE)
    }
}
