//! Logs: `tracing` events on standard error, their level changeable while serving.

use serde::{Deserialize, Serialize};
use tracing_subscriber::{
    filter::{EnvFilter, LevelFilter},
    fmt,
    layer::SubscriberExt,
    reload,
    util::SubscriberInitExt,
};

/// The table `[log]` of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `error`, `warn`, `info`, `debug` or `trace`; or filters by part, as in `info,server=debug`. No level
    /// above `trace` shows input values. May change while serving.
    pub level: String,
    /// One JSON object a line, for collectors. Needs a restart to change.
    pub json: bool,
}

impl Default for Config {
    fn default() -> Config {
        Config { level: "info".to_owned(), json: false }
    }
}

impl Config {
    /// Returns the filter, or what is wrong with the level.
    pub fn filter(&self) -> Result<EnvFilter, String> {
        let wrong = |what: &str| format!("log.level: {what:?} is no level; use error, warn, info, debug or trace");
        // The filter itself takes any word for the name of a part.
        let levels = self.level.split(',').map(|part| part.rsplit_once('=').map_or(part, |(_, level)| level));
        if let Some(unknown) = levels.into_iter().find(|level| level.trim().parse::<LevelFilter>().is_err()) {
            return Err(wrong(unknown));
        }
        EnvFilter::builder().parse(&self.level).map_err(|_| wrong(&self.level))
    }
}

/// Changes the level of the logs that were started.
pub struct Level(Box<dyn Fn(EnvFilter) + Send + Sync>);

impl Level {
    pub fn set(&self, filter: EnvFilter) {
        (self.0)(filter);
    }
}

/// Starts the logs of this process.
pub fn start(config: &Config) -> Result<Level, String> {
    let (filter, handle) = reload::Layer::new(config.filter()?);
    let lines = fmt::layer().with_writer(std::io::stderr).with_ansi(false).with_target(false);
    let registry = tracing_subscriber::registry().with(filter);
    if config.json {
        registry.with(lines.json()).init();
    } else {
        registry.with(lines).init();
    }
    // The subscriber lives as long as the process, so the handle does too.
    Ok(Level(Box::new(move |filter| drop(handle.reload(filter)))))
}
