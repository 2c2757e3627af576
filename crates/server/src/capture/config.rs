//! What can be set about captured calls.

use serde::{Deserialize, Serialize};

/// The table `[capture]`. Needs a restart to change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The folder that files are written in, one folder a model; empty: nothing is captured.
    pub folder: String,
    /// What files are: `jsonl` or `parquet`.
    pub format: String,
    /// The part of the calls that are captured, from 0 to 1.
    pub sample: f64,
    /// The models whose calls are; `*` stands for any characters. None: all of them.
    pub models: Vec<String>,
    /// Fields that are never captured, inputs and outputs, by their names.
    pub fields_never: Vec<String>,
    /// Bytes of one file; the next one is begun then.
    pub file_bytes_max: u64,
    /// Files of one model; the oldest go. As many sets of columns, 8 at most, have an open file each.
    pub files_max: usize,
    /// Bytes of all files; the oldest go.
    pub total_bytes_max: u64,
}

impl Config {
    /// Returns what is wrong beyond the types of the values.
    pub fn check(&self) -> Result<(), String> {
        if !(0.0..=1.0).contains(&self.sample) {
            return Err(format!("capture.sample is {}; a number from 0 to 1", self.sample));
        }
        match &*self.format {
            "jsonl" | "parquet" => Ok(()),
            other => Err(format!("capture.format is {other:?}; use jsonl or parquet")),
        }
    }
}

impl Default for Config {
    fn default() -> Config {
        Config {
            folder: String::new(),
            format: "jsonl".to_owned(),
            sample: 1.0,
            models: Vec::new(),
            fields_never: Vec::new(),
            file_bytes_max: 64 << 20,
            files_max: 10,
            total_bytes_max: 1 << 30,
        }
    }
}
