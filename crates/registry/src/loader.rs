//! The seam to the model wing: from the files of a version to something that answers.

use std::sync::Arc;

use model::{ModelFiles, Name, Predictor, SignatureDef, Version};

use crate::{error::LoadError, model_config::ModelConfig};

/// Makes predictors of artifacts; the binary brings the one of formats and engine, tests bring fakes.
///
/// An implementor reads nothing but its arguments, runs the verification and warm-up rows that the artifact carries and
/// fails where they do, and returns only what can answer at once. It is called on the manager's thread, one load at a
/// time, and may take long; a panic in it is a failed load. The files are dropped after the call: keep what is needed.
pub trait Loader: Send + Sync {
    /// Returns the predictor of this version, or why there is none.
    fn load(
        &self,
        name: &Name,
        version: Version,
        files: &ModelFiles,
        config: &ModelConfig,
    ) -> Result<Loaded, LoadError>;
}

/// A predictor, and what is worth telling of it.
pub struct Loaded {
    pub predictor: Arc<dyn Predictor>,
    pub about: About,
}

/// What the artifact says of itself, for statuses and envelopes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// The format that was recognised, as its folder is called.
    pub format: Arc<str>,
    /// The class or kind that the artifact states, where it does.
    pub class: Option<Arc<str>>,
    /// The tool and its version that wrote the artifact, where it says so.
    pub tool: Option<Arc<str>>,
    /// Bytes that the loaded version holds in memory.
    pub bytes: u64,
    /// Steps of its plans, where our own ops answer.
    pub nodes: u64,
    /// What the reader passed over.
    pub warnings: Arc<[Box<str>]>,
    /// The signatures as the artifact writes them down, where its format has such.
    pub defs: Arc<[SignatureDef]>,
}
