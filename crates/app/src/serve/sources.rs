//! Where the models of `forebay serve` come from: places and `NAME=PLACE`s of the command line, and what the configuration adds.

use std::path::{Path, PathBuf};

use model::Name;
use registry::{DirSource, Publisher, Sources};
use tracing::{error, warn};

use crate::{
    config::{self, MODELS_PATH, Settings},
    failure::Failure,
};

/// One place of models.
#[derive(Debug)]
pub struct Place {
    /// What the one model there is called, where that is said.
    name: Option<Name>,
    at: At,
}

#[derive(Debug)]
enum At {
    /// A directory or a file.
    Path(PathBuf),
    /// A store elsewhere, as the configuration says it.
    Url(String, Box<config::Source>),
}

/// Returns the places to serve from: those of the command line, else `models.path`; then those of the configuration.
pub fn places(args: &[String], settings: &Settings) -> Result<Vec<Place>, Failure> {
    let mut places: Vec<Place> = Vec::new();
    match args {
        // Nobody said so, and there is no such directory: there are no models.
        [] if settings.models.path == MODELS_PATH && !Path::new(MODELS_PATH).exists() => {}
        [] => places.push(Place::plain(None, &settings.models.path)?),
        args => {
            for arg in args {
                places.push(Place::of(arg)?);
            }
        }
    }
    for source in &settings.models.sources {
        let name = source.name.as_deref().map(Name::new).transpose();
        let name = name.map_err(|error| Failure::usage(format_args!("models.sources: {error}")))?;
        places.push(match &source.url {
            Some(url) => Place { name, at: At::Url(url.clone(), Box::new(source.clone())) },
            None => Place::plain(name, source.path.as_deref().unwrap_or_default())?,
        });
    }
    Ok(places)
}

impl Place {
    /// Reads `NAME=PLACE` or a place. What stands before a `=` and is no name belongs to a path.
    fn of(arg: &str) -> Result<Place, Failure> {
        match arg.split_once('=').and_then(|(name, place)| Some((Name::new(name).ok()?, place))) {
            Some((name, place)) => Place::plain(Some(name), place),
            None => Place::plain(None, arg),
        }
    }

    fn plain(name: Option<Name>, place: &str) -> Result<Place, Failure> {
        if place.contains("://") {
            return Ok(Place { name, at: At::Url(place.to_owned(), Box::default()) });
        }
        if !Path::new(place).exists() {
            return Err(Failure::usage(format_args!(
                "{place}: no such models directory and no such model; create it or name another"
            )));
        }
        Ok(Place { name, at: At::Path(PathBuf::from(place)) })
    }

    /// Returns the folder below which the paths of its artifacts are.
    fn root(&self) -> String {
        match &self.at {
            At::Path(path) if !path.is_dir() => path.parent().map_or_else(String::new, |f| f.display().to_string()),
            _ => self.shown(),
        }
    }

    /// Returns what tells the place from others: its path, or its address as one.
    pub fn path(&self) -> &Path {
        match &self.at {
            At::Path(path) => path,
            At::Url(url, _) => Path::new(url),
        }
    }

    fn shown(&self) -> String {
        match &self.at {
            At::Path(path) => path.display().to_string(),
            At::Url(url, _) => url.clone(),
        }
    }
}

/// Returns the places as the first line of the log says them.
pub fn told(places: &[Place]) -> String {
    match places {
        [] => "no models".to_owned(),
        places => format!("models from {}", places.iter().map(Place::shown).collect::<Vec<_>>().join(", ")),
    }
}

/// Opens the places. A path that cannot be opened has no models; an address that is none, or whose settings are wrong, is a mistake.
pub fn open(places: &[Place], config: &registry::Config) -> Result<Sources, Failure> {
    let mut sources = Sources::default();
    for place in places {
        let (shown, root, name) = (place.shown(), place.root(), place.name.clone());
        match &place.at {
            At::Path(path) => match name {
                None => DirSource::new(path, config.clone()),
                Some(name) => DirSource::named(name, path, config.clone()),
            }
            .map(|source| sources.add(&shown, &root, Box::new(source)))
            .unwrap_or_else(|error| error!(%error, "the models cannot be read; none of them is served")),
            At::Url(url, source) => {
                let limits = source.limits(config.settle_ms);
                let opened = objects::open(url, name, &source.access(), limits, config.clone());
                let opened = opened.map_err(|error| Failure::usage(format_args!("{error}")))?;
                sources.add(&shown, &root, Box::new(opened));
            }
        }
    }
    Ok(sources)
}

/// Returns what changes the models directory, where there is one and no other.
pub fn publisher(places: &[Place], config: &registry::Config) -> Option<Publisher> {
    let mut folders = places.iter().filter_map(|place| match (&place.name, &place.at) {
        (None, At::Path(path)) if path.is_dir() => Some(path),
        _ => None,
    });
    let (Some(folder), None) = (folders.next(), folders.next()) else { return None };
    let made = Publisher::new(folder, config.clone());
    made.inspect_err(|error| warn!(%error, "models cannot be published")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(arg: &str, expected: Option<(Option<&str>, &str)>) {
        let place = Place::of(arg).ok();
        let got = place.as_ref().map(|place| (place.name.as_ref().map(Name::as_str), place.shown()));
        assert_eq!(got, expected.map(|(name, path)| (name, path.to_owned())), "{arg}");
    }

    #[test]
    fn a_name_stands_before_a_place() {
        let temp = std::env::temp_dir().join(format!("forebay-places-{}=x", std::process::id()));
        std::fs::create_dir_all(&temp).unwrap();
        let path = temp.display().to_string();
        check(&path, Some((None, &path)));
        check(&format!("m={path}"), Some((Some("m"), &path)));
        check("m=/no/such/path", None);
        check("/no/such/path", None);
        check("s3://b/m", Some((None, "s3://b/m")));
        check("m=s3://b/m?x=y", Some((Some("m"), "s3://b/m?x=y")));
        check("s3://b/m?x=y", Some((None, "s3://b/m?x=y")));
        std::fs::remove_dir(&temp).unwrap();
    }
}
