//! Files beside an artifact that is a single file and names them.

use std::{
    fs,
    path::{Component, Path},
};

use model::Buffer;

use super::listing::io_error;
use crate::{config::Config, error::SourceError};

/// Returns the file of this relative name in the folder of the artifact; nothing where there is none. Links are not followed.
pub fn read_beside(artifact: &Path, name: &str, config: &Config) -> Result<Option<Buffer>, SourceError> {
    let outside = || SourceError::Outside { path: name.to_owned() };
    if name.is_empty() || !Path::new(name).components().all(|part| matches!(part, Component::Normal(_))) {
        return Err(outside());
    }
    let folder = artifact.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = fs::canonicalize(folder).map_err(|error| io_error(folder, &error))?;
    let path = folder.join(name);
    let Ok(real) = fs::canonicalize(&path) else { return Ok(None) };
    if real != path {
        return Err(outside());
    }
    let meta = fs::metadata(&path).map_err(|error| io_error(&path, &error))?;
    if !meta.is_file() {
        return Err(SourceError::Special { path: name.to_owned() });
    }
    if meta.len() > config.artifact_bytes_max {
        return Err(SourceError::TooLarge {
            path: name.to_owned(),
            got: meta.len(),
            limit: config.artifact_bytes_max,
            unit: "bytes",
            key: "artifact_bytes_max",
        });
    }
    fs::read(&path).map(|bytes| Some(Buffer::from_vec(bytes))).map_err(|error| io_error(&path, &error))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn only_files_of_the_same_folder_are_read() {
        let folder = std::env::temp_dir().join(format!("forebay-beside-{}", std::process::id()));
        fs::create_dir_all(folder.join("data")).unwrap();
        let artifact = folder.join("model.onnx");
        fs::write(&artifact, b"m").unwrap();
        fs::write(folder.join("data/weights.bin"), b"w").unwrap();
        std::os::unix::fs::symlink("/etc/hostname", folder.join("link")).unwrap();
        let read = |name: &str| read_beside(&artifact, name, &Config::default());
        assert_eq!(read("data/weights.bin").unwrap().unwrap().as_slice(), b"w");
        assert!(read("none.bin").unwrap().is_none());
        for bad in ["../x", "/etc/hostname", "link", "", "data", "."] {
            assert!(read(bad).is_err(), "{bad}");
        }
        fs::remove_dir_all(&folder).unwrap();
    }
}
