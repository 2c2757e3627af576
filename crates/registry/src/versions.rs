//! Which versions of a model should be up: the key `versions` of `forebay.toml`, as TensorFlow Serving's
//! `model_version_policy` says it of its models.
//!
//! `"latest"` (the default) and `{ latest = 2 }` are the newest ones, `"all"` is every one, `[1, 3]` are those.

use std::{fmt, num::NonZeroUsize};

use model::Version;
use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, SeqAccess, Visitor},
};

/// Numbers that a list may name.
const LISTED_MAX: usize = 1_024;

/// Which of a model's numbered versions should be up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Versions {
    /// So many of the newest.
    Latest(NonZeroUsize),
    All,
    /// These, as soon as they are there; ordered upward.
    These(Box<[Version]>),
}

impl Default for Versions {
    fn default() -> Versions {
        Versions::Latest(NonZeroUsize::MIN)
    }
}

impl Versions {
    /// Returns the numbers that are asked for by name and not among these.
    pub fn missing(&self, found: impl Fn(Version) -> bool) -> Vec<Version> {
        match self {
            Versions::These(these) => these.iter().copied().filter(|&version| !found(version)).collect(),
            Versions::Latest(_) | Versions::All => Vec::new(),
        }
    }
}

const EXPECTED: &str = "\"latest\", \"all\", a list of version numbers, or { latest = N }";

impl<'de> Deserialize<'de> for Versions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Versions, D::Error> {
        deserializer.deserialize_any(Written)
    }
}

/// Reads what the file writes.
struct Written;

impl<'de> Visitor<'de> for Written {
    type Value = Versions;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXPECTED)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Versions, E> {
        match text {
            "latest" => Ok(Versions::default()),
            "all" => Ok(Versions::All),
            _ => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Versions, A::Error> {
        let mut these: Vec<Version> = Vec::new();
        while let Some(number) = list.next_element::<u64>()? {
            if these.len() == LISTED_MAX {
                return Err(de::Error::custom(format!("more than {LISTED_MAX} versions are listed")));
            }
            these.push(Version(number));
        }
        these.sort_unstable();
        these.dedup();
        if these.is_empty() {
            return Err(de::Error::custom(format!("the list is empty; expected {EXPECTED}")));
        }
        Ok(Versions::These(these.into()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Versions, A::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "lowercase")]
        enum Key {
            Latest,
        }
        let none = || de::Error::custom(format!("the table is empty; expected {EXPECTED}"));
        let Key::Latest = map.next_key::<Key>()?.ok_or_else(none)?;
        let count = map.next_value::<NonZeroUsize>()?;
        match map.next_key::<Key>()? {
            None => Ok(Versions::Latest(count)),
            Some(Key::Latest) => Err(de::Error::duplicate_field("latest")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ModelConfig;

    fn read(text: &str) -> Result<Versions, String> {
        ModelConfig::parse(&format!("versions = {text}")).map(|config| config.versions.unwrap())
    }

    #[test]
    fn each_form_is_read() {
        assert_eq!(read("'latest'"), Ok(Versions::Latest(NonZeroUsize::MIN)));
        assert_eq!(read("{ latest = 3 }"), Ok(Versions::Latest(NonZeroUsize::new(3).unwrap())));
        assert_eq!(read("'all'"), Ok(Versions::All));
        assert_eq!(read("[3, 1, 3]"), Ok(Versions::These([Version(1), Version(3)].into())));
    }

    #[test]
    fn what_is_none_is_refused_with_the_forms_that_are() {
        for (text, part) in [
            ("'newest'", EXPECTED),
            ("2", EXPECTED),
            ("[]", "the list is empty"),
            ("[-1]", "-1"),
            ("['1']", "expected u64"),
            ("{ latest = 0 }", "nonzero"),
            ("{ oldest = 1 }", "unknown variant `oldest`"),
            ("{}", "the table is empty"),
            ("{ latest = 1, all = 2 }", "unknown variant `all`"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(part) && error.starts_with("line 1"), "{text}: {error}");
        }
        let many = format!("[{}]", (0..2_000).map(|n| n.to_string()).collect::<Vec<_>>().join(","));
        assert!(read(&many).unwrap_err().contains("more than 1024"));
    }

    #[test]
    fn only_listed_numbers_can_be_missing() {
        let these = Versions::These([Version(1), Version(3)].into());
        assert_eq!(these.missing(|version| version == Version(1)), [Version(3)]);
        assert_eq!(Versions::All.missing(|_| false), []);
    }
}
