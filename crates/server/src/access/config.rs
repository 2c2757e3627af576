//! What can be set about the access log.

use serde::{Deserialize, Serialize};

/// The table `[access_log]`. Needs a restart to change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where lines go: a file, or `log` for the server's own log; empty is nowhere.
    pub to: String,
    /// The part of the requests that are written, from 0 to 1; those that failed are written always.
    pub sample: f64,
    /// Bytes of one file; the next one is begun then.
    pub file_bytes_max: u64,
    /// Full files that are kept beside it, as `FILE.1` and on.
    pub files_kept: u32,
}

impl Config {
    /// Returns what is wrong beyond the types of the values.
    pub fn check(&self) -> Result<(), String> {
        match (0.0..=1.0).contains(&self.sample) {
            true => Ok(()),
            false => Err(format!("access_log.sample is {}; a number from 0 to 1", self.sample)),
        }
    }
}

impl Default for Config {
    fn default() -> Config {
        Config { to: String::new(), sample: 1.0, file_bytes_max: 64 << 20, files_kept: 5 }
    }
}
