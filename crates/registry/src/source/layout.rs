//! Which folders and files of the models directory are artifacts of which model.
//!
//! Any of `<name>/<version>/...`, `<name>/...` and `<name>.<ext>`; or the directory is one model itself. What begins with
//! `.` or `_` is no model, nor are pages (`.md`); `.toml` files configure the artifact beside them.

use model::Version;

use super::tree::{Tree, join};
use crate::{config::Config, error::SourceError};

/// The configuration in an artifact's folder.
pub const CONFIG: &str = "forebay.toml";

/// One place where an artifact lies.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// As it stands on the disk, not checked.
    pub name: String,
    pub number: Option<Version>,
    /// Relative to the root, which is the empty path.
    pub path: String,
    /// Where its configuration lies, if it has one.
    pub config: Option<String>,
    /// Where the configuration of all numbered versions of the model lies, if there is one.
    pub model_config: Option<String>,
}

/// A place, or something at a name that is none.
pub(super) type Placed = Result<Place, (String, SourceError)>;

/// Returns all places below the root; `name` is the model's where the root itself is one.
pub(super) fn places(tree: &dyn Tree, config: &Config, name: &str) -> Result<Vec<Placed>, SourceError> {
    let names = visible(tree.names("", config.models_max, "models_max")?);
    let is_model = names.iter().any(|n| MARKS.contains(&n.as_str()));
    let folders = || names.iter().filter(|n| tree.entry(n).is_ok_and(|e| e.is_dir));
    let is_versions = folders().next().is_some() && folders().all(|n| number(n).is_some());
    if is_model || is_versions {
        return Ok(folder(tree, config, name, ""));
    }
    Ok(names.iter().flat_map(|child| top(tree, config, child)).collect())
}

/// What only an artifact's own folder holds directly.
const MARKS: [&str; 3] = ["metadata", "saved_model.pb", CONFIG];

fn visible(names: Vec<String>) -> Vec<String> {
    names.into_iter().filter(|name| !name.starts_with('_')).collect()
}

fn number(name: &str) -> Option<Version> {
    let digits = !name.is_empty() && name.bytes().all(|b| b.is_ascii_digit());
    if digits { name.parse().ok().map(Version) } else { None }
}

/// One entry of the models directory: a folder is one model, a file another.
fn top(tree: &dyn Tree, config: &Config, child: &str) -> Vec<Placed> {
    let is_page = child.ends_with(".toml") || child.ends_with(".md");
    if child.contains(char::REPLACEMENT_CHARACTER) {
        return vec![Err((child.to_owned(), SourceError::NotUtf8 { path: child.to_owned() }))];
    }
    match tree.entry(child) {
        Ok(entry) if entry.is_dir => folder(tree, config, child, child),
        Ok(_) if is_page => Vec::new(),
        Ok(_) => vec![Ok(file(tree, child, child))],
        // Gone between the two looks: as if it had not been there.
        Err(SourceError::Io { .. }) => Vec::new(),
        Err(error) => vec![Err((child.to_owned(), error))],
    }
}

/// A model's file; `name` has its ending.
pub(super) fn file(tree: &dyn Tree, name: &str, path: &str) -> Place {
    let stem = |name: &str| name.rsplit_once('.').map_or(name, |(stem, _)| stem).to_owned();
    let config = Some(format!("{}.toml", stem(path)));
    let config = config.filter(|config| config != path && tree.entry(config).is_ok_and(|entry| !entry.is_dir));
    Place { config, ..Place::alone(&stem(name), path.to_owned()) }
}

/// A model's folder: numbered versions, or one artifact.
pub(super) fn folder(tree: &dyn Tree, limits: &Config, name: &str, path: &str) -> Vec<Placed> {
    let limit = limits.files_max;
    let names = match tree.names(path, limit, "files_max") {
        Ok(names) => names,
        Err(error) => return vec![Err((name.to_owned(), error))],
    };
    let config = |names: &[String], path: &str| names.iter().any(|n| n == CONFIG).then(|| join(path, CONFIG));
    let own = config(&names, path);
    let is_artifact = names.iter().any(|n| n != CONFIG && MARKS.contains(&n.as_str()));
    let numbered: Vec<(Version, &String)> = if is_artifact {
        Vec::new()
    } else {
        let is_dir = |n: &str| tree.entry(&join(path, n)).is_ok_and(|e| e.is_dir);
        names.iter().filter_map(|n| Some((number(n)?, n))).filter(|(_, n)| is_dir(n)).collect()
    };
    if numbered.is_empty() {
        return vec![Ok(Place { config: own, ..Place::alone(name, path.to_owned()) })];
    }
    let limit = limits.versions_max;
    if numbered.len() > limit {
        let (path, got, key) = (path.to_owned(), numbered.len() as u64, "versions_max");
        let error = SourceError::TooLarge { path, got, limit: limit as u64, unit: "versions", key };
        return vec![Err((name.to_owned(), error))];
    }
    let place = |(version, child): (Version, &String)| {
        let path = join(path, child);
        let has_config = tree.entry(&join(&path, CONFIG)).is_ok_and(|entry| !entry.is_dir);
        let config = if has_config { Some(join(&path, CONFIG)) } else { own.clone() };
        Ok(Place { name: name.to_owned(), number: Some(version), path, config, model_config: own.clone() })
    };
    numbered.into_iter().map(place).collect()
}

impl Place {
    /// Returns what stands before all places of a name.
    pub fn first(name: &str) -> Place {
        Place::alone(name, String::new())
    }

    fn alone(name: &str, path: String) -> Place {
        Place { name: name.to_owned(), number: None, path, config: None, model_config: None }
    }
}
