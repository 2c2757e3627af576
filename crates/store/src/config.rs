//! Where the catalogue is, as a configuration says it.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::error::OpenError;

/// The table `[catalogue]`. Needs a restart to change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where what is known of models is kept: `sqlite:PATH`, `postgres://USER@HOST/DATABASE` or `memory`; empty, SQLite in `path`.
    pub url: String,
    /// The folder of the catalogues of this machine, one file for each models directory; empty, `$XDG_STATE_HOME/forebay` or
    /// `~/.local/state/forebay`.
    pub path: String,
    /// How long a change waits for the database before it is refused.
    pub timeout_ms: u64,
    /// Events that are kept.
    pub events_max: usize,
}

impl Default for Config {
    fn default() -> Config {
        Config { url: String::new(), path: String::new(), timeout_ms: 2_000, events_max: 10_000 }
    }
}

/// A catalogue's place.
#[derive(Clone, PartialEq, Eq)]
pub enum Place {
    /// This process: nothing outlives it.
    Memory,
    Sqlite(PathBuf),
    /// A URL, which may hold a password: it is not shown.
    Postgres(String),
}

impl Place {
    /// Returns the place that the text says; the empty one says none.
    pub fn parse(url: &str) -> Result<Option<Place>, OpenError> {
        if url.is_empty() {
            return Ok(None);
        }
        if url == "memory" {
            return Ok(Some(Place::Memory));
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Some(Place::Postgres(url.to_owned())));
        }
        match url.strip_prefix("sqlite:").map(|path| path.strip_prefix("//").unwrap_or(path)) {
            Some(path) if !path.is_empty() => Ok(Some(Place::Sqlite(path.into()))),
            // A URL may hold a password: what stands before the colon says enough.
            _ => Err(OpenError::Url { url: url.split(':').next().unwrap_or_default().to_owned() }),
        }
    }

    /// Returns the URL that the driver takes.
    pub(crate) fn driver_url(&self) -> String {
        match self {
            Place::Memory => "sqlite::memory:".to_owned(),
            Place::Sqlite(path) => format!("sqlite://{}?mode=rwc", escaped(path)),
            Place::Postgres(url) => url.clone(),
        }
    }

    /// Returns what keeps it, as statuses say it.
    pub fn kind(&self) -> &'static str {
        match self {
            Place::Memory => "memory",
            Place::Sqlite(_) => "sqlite",
            Place::Postgres(_) => "postgres",
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            _ => f.write_str(self.kind()),
        }
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Returns the path as it may stand in a URL.
fn escaped(path: &Path) -> String {
    use std::os::unix::ffi::OsStrExt;
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~/".contains(&b);
    let put = |b: &u8| if plain(*b) { char::from(*b).to_string() } else { format!("%{b:02X}") };
    path.as_os_str().as_bytes().iter().map(put).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        let check = |url: &str, shown: Option<&str>| {
            let place = Place::parse(url).ok();
            assert_eq!(place.map(|place| place.map_or("none".into(), |p| p.to_string())).as_deref(), shown, "{url}");
        };
        check("", Some("none"));
        check("memory", Some("memory"));
        check("sqlite:a b.db", Some("sqlite:a b.db"));
        check("sqlite:///a/b.db", Some("sqlite:/a/b.db"));
        check("postgres://me:secret@host/db", Some("postgres"));
        for wrong in ["mysql://me:secret@host/db", "sqlite:", "a.db"] {
            check(wrong, None);
        }
        let error = Place::parse("mysql://me:secret@host").unwrap_err().to_string();
        assert!(!error.contains("secret"), "{error}");
        assert_eq!(Place::Sqlite("/a b/%c?.db".into()).driver_url(), "sqlite:///a%20b/%25c%3F.db?mode=rwc");
    }
}
