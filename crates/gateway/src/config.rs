//! What the policies allow, as a configuration file writes it.

use std::num::{NonZeroU64, NonZeroUsize};

use serde::{Deserialize, Serialize};

/// Holds for every model. A change takes effect for versions that are loaded after it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Milliseconds that a call may take, from where it is routed to its answer. Callers may ask for less, not for more.
    pub deadline_ms: NonZeroU64,
    /// Calls of one model at the same time, whatever versions answer them; one more is refused at once.
    pub concurrency_max: NonZeroUsize,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            deadline_ms: NonZeroU64::new(30_000).expect("not zero"),
            concurrency_max: NonZeroUsize::new(1_024).expect("not zero"),
        }
    }
}
