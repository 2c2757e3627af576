//! What is configured: one TOML file, an environment variable for every scalar key, and a few flags.
//!
//! Flag over environment over file over default, resolved here and nowhere else. The layers are merged as TOML before they
//! are typed, so every value remembers where it came from ([`Layers`]); then each crate's own `Config` takes its table.
//! An unknown key or variable is refused, with the nearest one that exists: a misspelt limit would be no limit.

use serde::{Deserialize, Serialize};

mod engines;
mod formats;
mod layers;
mod nearest;
mod sources;

pub use engines::Engines;
pub use formats::Formats;
pub use layers::Layers;
pub use sources::Source;

use crate::{client, failure::Failure, logs};

/// Everything that can be configured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    pub access_log: server::AccessLogConfig,
    pub server: server::Config,
    pub batching: server::BatchingConfig,
    pub models: Models,
    pub formats: Formats,
    pub engines: Engines,
    pub gateway: gateway::Config,
    pub mist: server::MistConfig,
    pub admin: server::AdminConfig,
    pub auth: server::AuthConfig,
    pub capture: server::CaptureConfig,
    pub client: client::Config,
    pub trace: server::TraceConfig,
    pub catalogue: store::Config,
    pub log: logs::Config,
    pub runtime: Runtime,
}

/// The table `[models]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Models {
    /// The models directory, or one model. Needs a restart to change.
    pub path: String,
    /// Further sources, each a table `[[models.sources]]`. Needs a restart to change.
    pub sources: Vec<Source>,
    #[serde(flatten)]
    pub source: registry::Config,
}

/// Where models lie if nobody says.
pub const MODELS_PATH: &str = "models";

impl Default for Models {
    fn default() -> Models {
        Models { path: MODELS_PATH.to_owned(), sources: Vec::new(), source: registry::Config::default() }
    }
}

/// The table `[runtime]`. Needs a restart to change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Runtime {
    /// Threads that serve the network; 0 is one per core.
    pub threads: usize,
}

/// Settings, and where each came from.
pub struct Resolved {
    pub settings: Settings,
    pub layers: Layers,
}

/// Resolves the layers: the file where one is named, the variables of this process, and flags as (key, value).
pub fn resolve(file: Option<&std::path::Path>, flags: &[(&str, String)]) -> Result<Resolved, Failure> {
    let mut layers = Layers::new();
    if let Some(path) = file {
        let text = std::fs::read_to_string(path).map_err(|error| {
            Failure::usage(format_args!("cannot read the configuration {}: {error}", path.display()))
        })?;
        layers.add_file(&path.display().to_string(), &text).map_err(Failure::Usage)?;
    }
    let variables = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
    for (name, value) in variables.filter(|(name, _)| name.starts_with("FOREBAY_")) {
        let value = value.into_string().map_err(|_| Failure::usage(format_args!("{name} is not UTF-8")))?;
        layers.add_variable(&name, &value).map_err(Failure::Usage)?;
    }
    for (key, value) in flags {
        layers.add_flag(key, value).map_err(Failure::Usage)?;
    }
    let settings = layers.settings().map_err(Failure::Usage)?;
    settings.check().map_err(Failure::Usage)?;
    Ok(Resolved { settings, layers })
}

impl Settings {
    /// Returns what is wrong beyond the types of the values.
    fn check(&self) -> Result<(), String> {
        self.log.filter()?;
        self.server.check()?;
        self.access_log.check()?;
        self.capture.check()?;
        self.trace.check()?;
        store::Place::parse(&self.catalogue.url).map_err(|error| error.to_string())?;
        if self.models.path.is_empty() {
            return Err("models.path is empty; name a directory or a model".to_owned());
        }
        self.models.sources.iter().try_for_each(Source::check)?;
        self.engines.check()
    }

    /// Returns the keys whose values differ from `now` and that serve only after a restart.
    pub fn needs_restart(&self, now: &Settings) -> Vec<String> {
        let changeable = |key: &str| key == "log.level" || key.starts_with("auth.") || key.starts_with("client.");
        let (old, new) = (layers::leaves_of(self), layers::leaves_of(now));
        let differs = |key: &&String| old.get(*key) != new.get(*key) && !changeable(key);
        let keys: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        keys.into_iter().filter(differs).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file, variables, flags; and the value of a key with its origin, or the error.
    fn check(file: &str, variables: &[(&str, &str)], flags: &[(&str, &str)], key: &str, expected: &str) {
        let resolve = || -> Result<String, String> {
            let mut layers = Layers::new();
            layers.add_file("f.toml", file)?;
            variables.iter().try_for_each(|(name, value)| layers.add_variable(name, value))?;
            flags.iter().try_for_each(|(key, value)| layers.add_flag(key, value))?;
            let settings = layers.settings()?;
            settings.check()?;
            let (value, origin) = layers.get(key).ok_or("no such key")?;
            assert_eq!(layers::leaves_of(&settings).get(key), Some(value), "what is shown is what holds");
            Ok(format!("{value} by {origin}"))
        };
        assert_eq!(resolve().unwrap_or_else(|error| error), expected);
    }

    const FILE: &str = "[server]\nrows_max = 7\n[models]\nsettle_ms = 8\n";

    #[test]
    fn the_nearest_layer_wins() {
        check("", &[], &[], "log.level", "\"info\" by default");
        check(FILE, &[], &[], "server.rows_max", "7 by f.toml");
        check(FILE, &[("FOREBAY_SERVER__ROWS_MAX", "9")], &[], "server.rows_max", "9 by FOREBAY_SERVER__ROWS_MAX");
        let variable = [("FOREBAY_SERVER__HTTP", "[::1]:1")];
        check(FILE, &variable, &[("server.http", "[::1]:2")], "server.http", "\"[::1]:2\" by flag");
        check(FILE, &[("FOREBAY_LOG__JSON", "true")], &[], "log.json", "true by FOREBAY_LOG__JSON");
        check(FILE, &[("FOREBAY_MODELS__PATH", "7")], &[], "models.path", "\"7\" by FOREBAY_MODELS__PATH");
        check(FILE, &[], &[], "models.settle_ms", "8 by f.toml");
    }

    #[test]
    fn unknown_keys_name_the_nearest() {
        check(
            "[server]\nrow_max = 1",
            &[],
            &[],
            "",
            "f.toml: line 2: unknown key `server.row_max`; did you mean `server.rows_max`?",
        );
        check("[model]\npath = 'x'", &[], &[], "", "f.toml: line 1: unknown table `model`; did you mean `models`?");
        check(
            "[models]\nsettle = 1",
            &[],
            &[],
            "",
            "f.toml: line 2: unknown key `models.settle`; did you mean `models.settle_ms`?",
        );
        check(
            "",
            &[("FOREBAY_SERVER__HTP", "x")],
            &[],
            "",
            "FOREBAY_SERVER__HTP: unknown key `server.htp`; did you mean `server.http` (FOREBAY_SERVER__HTTP)?",
        );
        check(
            "[quantum]\nx = 1",
            &[],
            &[],
            "",
            "f.toml: line 1: unknown table `quantum`; there are access_log, admin, auth, batching, capture, catalogue, client, engines, formats, gateway, log, mist, models, runtime, server, trace",
        );
    }

    #[test]
    fn values_of_another_type_name_the_key() {
        check(
            "[server]\nrows_max = 'many'",
            &[],
            &[],
            "",
            "f.toml: server.rows_max: expected an integer, got a string",
        );
        check(
            "",
            &[("FOREBAY_SERVER__ROWS_MAX", "many")],
            &[],
            "",
            "FOREBAY_SERVER__ROWS_MAX: expected an integer, got \"many\"",
        );
        check("", &[("FOREBAY_LOG__JSON", "yes")], &[], "", "FOREBAY_LOG__JSON: expected true or false, got \"yes\"");
        check("server = 3", &[], &[], "", "f.toml: line 1: `server` is a table of keys, got an integer");
        check(
            "",
            &[("FOREBAY_MIST__ROUTES", "x")],
            &[],
            "",
            "FOREBAY_MIST__ROUTES: `mist.routes` is a list; write it in the configuration file",
        );
        check(
            "[log]\nlevel = '='",
            &[],
            &[],
            "",
            "log.level: \"=\" is no level; use error, warn, info, debug or trace",
        );
        check("[server", &[], &[], "", "f.toml: line 1: unclosed table, expected `]`");
    }

    #[test]
    fn lists_of_tables_are_typed_too() {
        let file = "[[mist.routes]]\nname = 'a'\nclas_name = 'b'\n";
        let mut layers = Layers::new();
        layers.add_file("f.toml", file).unwrap();
        let error = layers.settings().unwrap_err();
        assert!(error.contains("clas_name") && error.contains("class_name"), "{error}");
    }

    #[test]
    fn what_needs_a_restart_is_named() {
        let mut other = Settings::default();
        other.log.level = "debug".to_owned();
        assert!(Settings::default().needs_restart(&other).is_empty());
        other.server.rows_max = 1;
        assert_eq!(Settings::default().needs_restart(&other), ["server.rows_max"]);
    }
}
