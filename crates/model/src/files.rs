//! The files of an artifact, whole in memory: how bytes reach a reader.
//!
//! A reader is a function of these and nothing else: it opens no path, so it cannot leave the artifact's directory. Who
//! reads the disk (or an upload) bounds the sizes before it makes one.

use std::{collections::BTreeMap, sync::Arc};

use arrow_buffer::Buffer;

/// Relative path (with `/`, no `.` or `..`) to bytes.
#[derive(Clone, Debug, Default)]
pub struct ModelFiles {
    files: Arc<BTreeMap<Box<str>, Buffer>>,
    /// The folder this is a view of: empty, or ending in `/`.
    prefix: String,
}

impl ModelFiles {
    /// Returns the artifact of these files. Paths are relative, with `/`.
    pub fn new(files: impl IntoIterator<Item = (String, Buffer)>) -> ModelFiles {
        let files = files.into_iter().map(|(name, bytes)| (name.into_boxed_str(), bytes)).collect();
        ModelFiles { files: Arc::new(files), prefix: String::new() }
    }

    /// Returns the artifact with one file more; of the whole artifact, not of a folder below.
    pub fn with(&self, path: &str, bytes: Buffer) -> ModelFiles {
        let mut files = (*self.files).clone();
        files.insert(path.into(), bytes);
        ModelFiles { files: Arc::new(files), prefix: self.prefix.clone() }
    }

    /// Returns the file's bytes.
    pub fn get(&self, path: &str) -> Option<&Buffer> {
        if self.prefix.is_empty() {
            self.files.get(path)
        } else {
            self.files.get(format!("{}{path}", self.prefix).as_str())
        }
    }

    /// Returns the files below this folder, as (path relative to it, bytes), ordered by path.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Buffer)> {
        let from = self.prefix.as_str();
        self.files
            .range::<str, _>((std::ops::Bound::Included(from), std::ops::Bound::Unbounded))
            .map_while(move |(path, bytes)| Some((path.strip_prefix(from)?, bytes)))
    }

    /// Returns the files that lie directly in this folder.
    pub fn here(&self) -> impl Iterator<Item = (&str, &Buffer)> {
        self.iter().filter(|(path, _)| !path.contains('/'))
    }

    /// Returns the view of one folder below; it may be empty.
    pub fn folder(&self, path: &str) -> ModelFiles {
        ModelFiles { files: self.files.clone(), prefix: format!("{}{}/", self.prefix, path.trim_end_matches('/')) }
    }

    /// Returns whether any file lies below `path`.
    pub fn has_folder(&self, path: &str) -> bool {
        !self.folder(path).is_empty()
    }

    /// Returns whether the view holds no file.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// Returns the path of a file as it stands in the whole artifact: for messages.
    pub fn full_path(&self, path: &str) -> String {
        format!("{}{path}", self.prefix)
    }

    /// Returns the sum of all sizes below this folder.
    pub fn bytes(&self) -> usize {
        self.iter().map(|(_, bytes)| bytes.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_views() {
        let files = ModelFiles::new(
            ["a/x", "a/b/y", "ab/z", "top"].map(|p| (p.to_owned(), Buffer::from(p.as_bytes().to_vec()))),
        );
        let a = files.folder("a");
        assert_eq!(a.iter().map(|(p, _)| p).collect::<Vec<_>>(), ["b/y", "x"]);
        assert_eq!(a.here().map(|(p, _)| p).collect::<Vec<_>>(), ["x"]);
        assert_eq!(a.get("x").map(Buffer::len), Some(3));
        assert_eq!(a.folder("b").full_path("y"), "a/b/y");
        assert!(files.has_folder("ab") && !files.has_folder("c"));
    }
}
