//! The digest of an artifact: what makes two versions the same.

use std::fmt;

use model::ModelFiles;
use sha2::{Digest as _, Sha256};

/// SHA-256 over the paths and bytes of an artifact's files, in the order of the paths.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Returns the digest of the files. Each path and content goes in with its length before it, so that no two artifacts
    /// of other files run together into the same bytes.
    pub fn of(files: &ModelFiles) -> Digest {
        let mut hash = Sha256::new();
        for (path, bytes) in files.iter() {
            for part in [path.as_bytes(), bytes.as_slice()] {
                hash.update((part.len() as u64).to_le_bytes());
                hash.update(part);
            }
        }
        Digest(hash.finalize().into())
    }

    /// Returns the digest of this one and more bytes.
    pub(crate) fn and(&self, bytes: &[u8]) -> Digest {
        Digest(Sha256::new().chain_update(self.0).chain_update(bytes).finalize().into())
    }
}

impl Digest {
    /// Returns the digest that a text says, as it is printed.
    pub fn parse(text: &str) -> Option<Digest> {
        let hex = text.strip_prefix("sha256:").filter(|hex| hex.len() == 64 && hex.is_ascii())?;
        let mut bytes = [0; 32];
        for (place, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&hex[2 * place..2 * place + 2], 16).ok()?;
        }
        Some(Digest(bytes))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(files: &[(&str, &str)]) -> Digest {
        Digest::of(&ModelFiles::new(files.iter().map(|(p, b)| ((*p).to_owned(), b.as_bytes().to_vec().into()))))
    }

    #[test]
    fn other_files_have_another_digest() {
        let same = of(&[("a", "x"), ("b", "y")]);
        assert_eq!(same, of(&[("b", "y"), ("a", "x")]));
        for other in
            [of(&[("a", "x")]), of(&[("a", "xb"), ("b", "y")]), of(&[("a", "y"), ("b", "x")]), of(&[("ax", "")])]
        {
            assert_ne!(same, other);
        }
        assert_eq!(of(&[]).to_string().len(), "sha256:".len() + 64);
        assert_eq!(Digest::parse(&same.to_string()), Some(same));
        for wrong in
            ["", "sha256:", "sha256:00", &format!("sha256:{}", "g".repeat(64)), &format!("sha256:{}", "ä".repeat(32))]
        {
            assert_eq!(Digest::parse(wrong), None, "{wrong}");
        }
    }
}
