//! Artifacts from folders, and where the shared cases are.

use std::{
    io,
    path::{Path, PathBuf},
};

use model::{Buffer, ModelFiles};

/// Returns the files of a folder, or the one file, as an artifact.
pub fn model_files(path: &Path) -> io::Result<ModelFiles> {
    let mut files = Vec::new();
    if path.is_file() {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        files.push((name, Buffer::from_vec(std::fs::read(path)?)));
    } else {
        collect(path, "", &mut files)?;
    }
    Ok(ModelFiles::new(files))
}

fn collect(dir: &Path, prefix: &str, files: &mut Vec<(String, Buffer)>) -> io::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), &format!("{name}/"), files)?;
        } else {
            files.push((name, Buffer::from_vec(std::fs::read(entry.path())?)));
        }
    }
    Ok(())
}

/// Returns the repository's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Returns the folder of the shared cases, beside the repository, where it is there.
pub fn shared() -> Option<PathBuf> {
    let path = root().join("../shared");
    path.join("conformance").is_dir().then_some(path)
}
