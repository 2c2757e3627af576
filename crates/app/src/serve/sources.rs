//! Where the models of `forebay serve` come from: paths and `NAME=PATH`s of the command line, and what the configuration adds.

use std::path::{Path, PathBuf};

use model::Name;
use registry::{DirSource, Publisher, Sources};
use tracing::{error, warn};

use crate::{
    config::{self, MODELS_PATH, Settings},
    failure::Failure,
};

/// One place of models.
#[derive(Debug, PartialEq)]
pub struct Place {
    /// What the one model there is called, where that is said.
    name: Option<Name>,
    path: PathBuf,
}

/// Returns the places to serve from: those of the command line, else `models.path`; then those of the configuration.
pub fn places(args: &[String], settings: &Settings) -> Result<Vec<Place>, Failure> {
    let mut places: Vec<Place> = Vec::new();
    match args {
        // Nobody said so, and there is no such directory: there are no models.
        [] if settings.models.path == MODELS_PATH && !Path::new(MODELS_PATH).exists() => {}
        [] => places.push(Place::plain(&settings.models.path)?),
        args => {
            for arg in args {
                places.push(Place::of(arg)?);
            }
        }
    }
    for config::Source { name, path } in &settings.models.sources {
        let name = name.as_deref().map(Name::new).transpose();
        let name = name.map_err(|error| Failure::usage(format_args!("models.sources: {error}")))?;
        let plain = Place::plain(path.as_deref().unwrap_or_default())?;
        places.push(Place { name, ..plain });
    }
    Ok(places)
}

impl Place {
    /// Reads `NAME=PATH` or a path. What stands before a `=` and is no name belongs to a path.
    fn of(arg: &str) -> Result<Place, Failure> {
        match arg.split_once('=').and_then(|(name, path)| Some((Name::new(name).ok()?, path))) {
            Some((name, path)) => Ok(Place { name: Some(name), ..Place::plain(path)? }),
            None => Place::plain(arg),
        }
    }

    fn plain(path: &str) -> Result<Place, Failure> {
        if !Path::new(path).exists() {
            return Err(Failure::usage(format_args!(
                "{path}: no such models directory and no such model; create it or name another"
            )));
        }
        Ok(Place { name: None, path: PathBuf::from(path) })
    }

    /// Returns the folder below which the paths of its artifacts are.
    fn root(&self) -> String {
        let folder = if self.path.is_dir() { Some(&*self.path) } else { self.path.parent() };
        folder.map_or_else(String::new, |folder| folder.display().to_string())
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    fn shown(&self) -> String {
        self.path.display().to_string()
    }
}

/// Returns the places as the first line of the log says them.
pub fn told(places: &[Place]) -> String {
    match places {
        [] => "no models".to_owned(),
        places => format!("models from {}", places.iter().map(Place::shown).collect::<Vec<_>>().join(", ")),
    }
}

/// Opens the places. One that cannot be opened has no models.
pub fn open(places: &[Place], config: &registry::Config) -> Sources {
    let mut sources = Sources::default();
    for place in places {
        let opened = match place.name.clone() {
            None => DirSource::new(&place.path, config.clone()),
            Some(name) => DirSource::named(name, &place.path, config.clone()),
        };
        match opened {
            Ok(source) => sources.add(&place.shown(), &place.root(), Box::new(source)),
            Err(error) => error!(%error, "the models cannot be read; none of them is served"),
        }
    }
    sources
}

/// Returns what changes the models directory, where there is one and no other.
pub fn publisher(places: &[Place], config: &registry::Config) -> Option<Publisher> {
    let mut folders = places.iter().filter(|place| place.name.is_none() && place.path.is_dir());
    let (Some(folder), None) = (folders.next(), folders.next()) else { return None };
    let made = Publisher::new(&folder.path, config.clone());
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
    fn a_name_stands_before_a_path() {
        let temp = std::env::temp_dir().join(format!("forebay-places-{}=x", std::process::id()));
        std::fs::create_dir_all(&temp).unwrap();
        let path = temp.display().to_string();
        check(&path, Some((None, &path)));
        check(&format!("m={path}"), Some((Some("m"), &path)));
        check("m=/no/such/path", None);
        check("/no/such/path", None);
        std::fs::remove_dir(&temp).unwrap();
    }
}
