//! Names of models, labels, applications and jobs: one grammar and one name space.
//!
//! A name is matched, never joined to a path, so it can hold nothing that a path or a URL would read as more than a name.

use std::{fmt, sync::Arc};

/// Names that a route of ours begins with; a model so called could not be reached.
pub const RESERVED: [&str; 4] = ["v1", "v2", "jobs", "api"];

/// A checked name: `[A-Za-z0-9][A-Za-z0-9._-]{0,127}`, not one of [`RESERVED`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(Arc<str>);

/// Why a text is not a [`Name`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    #[error("the name {0:?} is reserved; reserved are v1, v2, jobs, api")]
    Reserved(String),
    #[error("{0:?} is not a name: 1 to 128 of A-Z a-z 0-9 . _ - beginning with a letter or digit")]
    Grammar(String),
}

impl Name {
    /// Returns the name, or why `text` cannot be one.
    pub fn new(text: &str) -> Result<Name, NameError> {
        let bytes = text.as_bytes();
        let good = (1..=128).contains(&bytes.len())
            && bytes[0].is_ascii_alphanumeric()
            && bytes.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
        if !good {
            return Err(NameError::Grammar(text.chars().take(160).collect()));
        }
        if RESERVED.contains(&text) {
            return Err(NameError::Reserved(text.to_owned()));
        }
        Ok(Name(text.into()))
    }

    /// Returns the text of the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::ops::Deref for Name {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl std::borrow::Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Number of an immutable version of a model, counted upward from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Version(pub u64);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_matched_whole() {
        for good in ["a", "text-classification", "9.x_Y", &"n".repeat(128)] {
            assert!(Name::new(good).is_ok(), "{good}");
        }
        for bad in ["", ".a", "-a", "a/b", "a b", "ä", "v1", "api", &"n".repeat(129)] {
            assert!(Name::new(bad).is_err(), "{bad}");
        }
    }
}
