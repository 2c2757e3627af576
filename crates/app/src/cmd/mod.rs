//! The commands, one file each: `Args` as clap reads them, and `run`.

pub mod apply;
pub mod bench;
pub mod catalogue;
pub mod config;
pub mod engine_child;
pub mod events;
pub mod inspect;
pub mod labels;
pub mod models;
pub mod score;
pub mod serve;
pub mod upload;
pub mod verify;

use std::io::Write;

use crate::failure::Failure;

/// Writes the answer of a command to standard output.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    written.map_err(|error| Failure::writing("standard output", &error))
}
