//! Further sources of models, as the configuration writes them.

use model::Name;
use serde::{Deserialize, Serialize};

/// A source of models besides `models.path`. Two artifacts of one name are an error naming both; neither replaces one that
/// serves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Source {
    /// What the one model there is called; without it the place is a models directory, or a model that its path names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A models directory, or one model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

impl Source {
    /// Returns what is wrong with it.
    pub fn check(&self) -> Result<(), String> {
        if self.path.as_deref().is_none_or(str::is_empty) {
            return Err("models.sources: a source has a `path`".to_owned());
        }
        let name = self.name.as_deref().map(Name::new).transpose();
        name.map(drop).map_err(|error| format!("models.sources: name: {error}"))
    }
}
