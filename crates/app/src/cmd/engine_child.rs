//! `forebay engine-child`: what our binary is when it runs an engine of others; started by another of us, never by hand.

use crate::failure::Failure;

pub fn run() -> Result<(), Failure> {
    remote::child::serve().map_err(|error| Failure::refused(format_args!("an engine's process: {error}")))
}
