//! The files that the rules look at.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context as _;

/// Endings of the texts that people read.
const ENDINGS: [&str; 7] = ["rs", "toml", "md", "sh", "py", "yml", "txt"];

/// Folders that hold nothing of ours: builds, history, what a tool wrote.
const SKIPPED: [&str; 5] = ["target", ".git", "__pycache__", "gen", "node_modules"];

/// One file.
pub struct Source {
    /// Relative to the root, with `/`.
    pub path: String,
    pub text: String,
}

/// Returns the root of the workspace.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this crate lies below the root").to_owned()
}

/// Returns all texts below the root, ordered by path.
pub fn sources(root: &Path) -> anyhow::Result<Vec<Source>> {
    let mut found = Vec::new();
    walk(root, "", &mut found)?;
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

fn walk(root: &Path, folder: &str, found: &mut Vec<Source>) -> anyhow::Result<()> {
    let full = root.join(folder);
    for entry in fs::read_dir(&full).with_context(|| format!("cannot list `{}`", full.display()))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
        let kind = entry.file_type()?;
        let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
        if kind.is_dir() && !SKIPPED.contains(&name.as_str()) {
            walk(root, &path, found)?;
        } else if kind.is_file() && (ENDINGS.contains(&ending) || folder == ".ci") {
            let bytes = fs::read(entry.path()).with_context(|| format!("cannot read `{path}`"))?;
            found.push(Source { path, text: String::from_utf8_lossy(&bytes).into_owned() });
        }
    }
    Ok(())
}

/// Copies a folder with all that is below it.
pub fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot list `{}`", from.display()))? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to)?;
        } else {
            fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}

impl Source {
    pub fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Returns the lines, counted from 1.
    pub fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line))
    }
}
