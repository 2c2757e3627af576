//! Artifacts on their way: a folder of files as one body of bytes.
//!
//! What comes in is a tar, a tar compressed by gzip, or a zip; or one file, as it is. Only plain files and folders are taken:
//! a link, a device or a path that leads out is an error, nothing is skipped in silence. Sizes are counted as they are
//! unpacked, whatever the archive states of them. What goes out is a tar of the same files.

use std::{
    collections::BTreeMap,
    io::{self, Cursor, Read},
};

use crate::config::Config;

/// The files of an artifact by their paths, with `/` and below its root.
pub type Files = BTreeMap<String, Vec<u8>>;

/// Why bytes are no archive of an artifact.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArchiveError {
    #[error("the archive cannot be read: {reason}")]
    Broken { reason: String },
    #[error("the archive holds `{path}`, {what}; only files and folders below its root are taken")]
    Refused { path: String, what: &'static str },
    #[error("the archive holds more than {limit} {unit} ({key})")]
    TooLarge { limit: u64, unit: &'static str, key: &'static str },
    #[error("the archive holds no file")]
    Empty,
    #[error("`{name}` is no name for a file: one without `/`, as the model's tool would call it")]
    Name { name: String },
}

/// Returns the files in the bytes: of an archive, or the one file `name`.
pub fn unpack(bytes: &[u8], name: &str, config: &Config) -> Result<Files, ArchiveError> {
    let mut taken = Taken { files: Files::new(), left: config.artifact_bytes_max, config };
    match bytes {
        [0x1f, 0x8b, ..] if name.is_empty() => {
            // One byte more than may be: what a bomb would have held beyond it is never written.
            let tar = flate2::read::MultiGzDecoder::new(bytes).take(config.artifact_bytes_max.saturating_mul(2));
            untar(tar, &mut taken)?;
        }
        [b'P', b'K', 3 | 5, ..] if name.is_empty() => unzip(bytes, &mut taken)?,
        _ if name.is_empty() => untar(bytes, &mut taken)?,
        _ => {
            let plain = checked(name).filter(|path| !path.contains('/') && path == name);
            let path = plain.ok_or_else(|| ArchiveError::Name { name: name.chars().take(160).collect() })?;
            taken.add(path, bytes)?;
        }
    }
    without_wrapping(taken.files)
}

/// Returns a tar of the files.
pub fn pack(files: &Files) -> io::Result<Vec<u8>> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, path, bytes.as_slice())?;
    }
    builder.into_inner()
}

/// What was taken so far, and what may still be.
struct Taken<'a> {
    files: Files,
    left: u64,
    config: &'a Config,
}

impl Taken<'_> {
    fn add(&mut self, path: String, content: impl Read) -> Result<(), ArchiveError> {
        let Config { files_max, depth_max, artifact_bytes_max, .. } = *self.config;
        if self.files.len() >= files_max {
            return Err(ArchiveError::TooLarge { limit: files_max as u64, unit: "files", key: "models.files_max" });
        }
        if path.matches('/').count() >= depth_max {
            let (limit, unit) = (depth_max as u64, "folders within folders");
            return Err(ArchiveError::TooLarge { limit, unit, key: "models.depth_max" });
        }
        let mut bytes = Vec::new();
        content.take(self.left + 1).read_to_end(&mut bytes).map_err(broken)?;
        self.left = self.left.checked_sub(bytes.len() as u64).ok_or(ArchiveError::TooLarge {
            limit: artifact_bytes_max,
            unit: "bytes",
            key: "models.artifact_bytes_max",
        })?;
        match self.files.insert(path.clone(), bytes) {
            None => Ok(()),
            Some(_) => Err(ArchiveError::Refused { path, what: "which stands in it twice" }),
        }
    }
}

fn broken(error: impl std::fmt::Display) -> ArchiveError {
    ArchiveError::Broken { reason: error.to_string() }
}

fn refused(path: &[u8], what: &'static str) -> ArchiveError {
    ArchiveError::Refused { path: String::from_utf8_lossy(path).chars().take(160).collect(), what }
}

/// Returns the path with `.` left out, or nothing where it leads out or is no text.
fn checked(path: &str) -> Option<String> {
    const BYTES_MAX: usize = 4096;
    let good = |part: &&str| !part.is_empty() && *part != ".";
    let parts: Vec<&str> = path.split('/').filter(good).collect();
    let leads_out = path.starts_with('/') || parts.contains(&"..") || path.contains(['\\', '\0']);
    (!leads_out && !parts.is_empty() && path.len() <= BYTES_MAX).then(|| parts.join("/"))
}

fn path_of(raw: &[u8]) -> Result<String, ArchiveError> {
    let text = std::str::from_utf8(raw).map_err(|_| refused(raw, "whose name is not UTF-8"))?;
    checked(text).ok_or_else(|| refused(raw, "which leads out of it"))
}

fn untar(bytes: impl Read, taken: &mut Taken<'_>) -> Result<(), ArchiveError> {
    let mut archive = tar::Archive::new(bytes);
    let mut seen = 0;
    for entry in archive.entries().map_err(broken)? {
        let entry = entry.map_err(broken)?;
        seen += 1;
        if seen > 4 * taken.config.files_max {
            let limit = taken.config.files_max as u64;
            return Err(ArchiveError::TooLarge { limit, unit: "files", key: "models.files_max" });
        }
        let raw = entry.path_bytes().into_owned();
        match entry.header().entry_type() {
            tar::EntryType::Directory | tar::EntryType::XGlobalHeader => {}
            tar::EntryType::Regular | tar::EntryType::Continuous => {
                let path = path_of(&raw)?;
                if entry.size() > taken.left {
                    let (limit, key) = (taken.config.artifact_bytes_max, "models.artifact_bytes_max");
                    return Err(ArchiveError::TooLarge { limit, unit: "bytes", key });
                }
                taken.add(path, entry)?;
            }
            tar::EntryType::Symlink | tar::EntryType::Link => return Err(refused(&raw, "a link")),
            _ => return Err(refused(&raw, "neither a file nor a folder")),
        }
    }
    Ok(())
}

fn unzip(bytes: &[u8], taken: &mut Taken<'_>) -> Result<(), ArchiveError> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(broken)?;
    for place in 0..archive.len() {
        let file = archive.by_index(place).map_err(broken)?;
        let raw = file.name_raw().to_vec();
        if file.is_dir() {
            continue;
        }
        if file.is_symlink() {
            return Err(refused(&raw, "a link"));
        }
        taken.add(path_of(&raw)?, file)?;
    }
    Ok(())
}

/// Takes the one folder around everything away: `tar czf m.tgz m/` means the files of `m`. Spark's `metadata` is no such folder.
fn without_wrapping(files: Files) -> Result<Files, ArchiveError> {
    let Some(first) = files.keys().next() else { return Err(ArchiveError::Empty) };
    let wrapping = first.split_once('/').map(|(folder, _)| format!("{folder}/"));
    let wrapping = wrapping.filter(|folder| folder != "metadata/" && files.keys().all(|path| path.starts_with(folder)));
    Ok(match wrapping {
        None => files,
        Some(folder) => files.into_iter().map(|(path, bytes)| (path[folder.len()..].to_owned(), bytes)).collect(),
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn files(all: &[(&str, &str)]) -> Files {
        all.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect()
    }

    fn config() -> Config {
        Config { artifact_bytes_max: 100_000, files_max: 5, depth_max: 3, ..Config::default() }
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        out.write_all(bytes).unwrap();
        out.finish().unwrap()
    }

    /// A tar of one entry, its name not checked.
    fn entry(name: &[u8], ty: tar::EntryType, bytes: &[u8]) -> Vec<u8> {
        let mut header = tar::Header::new_gnu();
        header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name);
        header.set_entry_type(ty);
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        let mut builder = tar::Builder::new(Vec::new());
        builder.append(&header, bytes).unwrap();
        builder.into_inner().unwrap()
    }

    #[test]
    fn a_tar_goes_out_and_comes_in_again() {
        let all = files(&[("metadata/part-00000", "{}"), ("data/x.parquet", "PAR1")]);
        let tar = pack(&all).unwrap();
        assert_eq!(unpack(&tar, "", &config()), Ok(all.clone()));
        assert_eq!(unpack(&gzip(&tar), "", &config()), Ok(all));
        let one = files(&[("model.onnx", "x")]);
        assert_eq!(unpack(b"x", "model.onnx", &config()), Ok(one));
    }

    #[test]
    fn the_one_folder_around_everything_is_taken_away() {
        let tar = pack(&files(&[("m/metadata/part-00000", "{}"), ("m/data/x", "y")])).unwrap();
        assert_eq!(unpack(&tar, "", &config()), Ok(files(&[("metadata/part-00000", "{}"), ("data/x", "y")])));
        let bare = files(&[("metadata/part-00000", "{}")]);
        assert_eq!(unpack(&pack(&bare).unwrap(), "", &config()), Ok(bare));
    }

    #[test]
    fn a_zip_comes_in() {
        let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
        let options = zip::write::SimpleFileOptions::default();
        zip.add_directory("variables/", options).unwrap();
        zip.start_file("saved_model.pb", options).unwrap();
        zip.write_all(b"pb").unwrap();
        zip.start_file("variables/variables.index", options).unwrap();
        let bytes = zip.finish().unwrap().into_inner();
        let expected = files(&[("saved_model.pb", "pb"), ("variables/variables.index", "")]);
        assert_eq!(unpack(&bytes, "", &config()), Ok(expected));
    }

    #[test]
    fn what_leads_out_or_is_no_file_is_refused() {
        use tar::EntryType::*;
        let check = |name: &[u8], ty, part: &str| {
            let error = unpack(&entry(name, ty, b""), "", &config()).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        };
        check(b"../x", Regular, "leads out");
        check(b"a/../../x", Regular, "leads out");
        check(b"/etc/x", Regular, "leads out");
        check(b"a\\x", Regular, "leads out");
        check(b"a\xff", Regular, "not UTF-8");
        check(b"a", Symlink, "a link");
        check(b"a", Link, "a link");
        check(b"a", Fifo, "neither a file");
        check(b"a/b/c/d/e", Regular, "models.depth_max");
        for name in ["a/b", "..", ".", "", "/a"] {
            let got = unpack(b"x", name, &config());
            assert!(got.is_err(), "{name}: {got:?}");
        }
    }

    #[test]
    fn sizes_are_bounded_whatever_is_stated() {
        let zeros = vec![0u8; 3_000_000];
        let bomb = gzip(&pack(&Files::from([("a".to_owned(), zeros)])).unwrap());
        assert!(bomb.len() < 100_000);
        let error = unpack(&bomb, "", &config()).unwrap_err().to_string();
        assert!(error.contains("models.artifact_bytes_max"), "{error}");
        let many: Files = (0..6).map(|i| (format!("f{i}"), Vec::new())).collect();
        let error = unpack(&pack(&many).unwrap(), "", &config()).unwrap_err().to_string();
        assert!(error.contains("models.files_max"), "{error}");
        assert_eq!(unpack(&pack(&Files::new()).unwrap(), "", &config()), Err(ArchiveError::Empty));
    }

    /// Seeded damage: whatever comes out is files within the limits, or an error.
    #[test]
    fn damaged_archives_are_survived() {
        let tar = pack(&files(&[("metadata/part-00000", "{}"), ("data/x.parquet", "PAR1")])).unwrap();
        let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
        zip.start_file("a", zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(b"text").unwrap();
        let goods = [gzip(&tar), zip.finish().unwrap().into_inner(), tar];
        let mut seed = 1u32;
        let mut below = |n: usize| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 8) as usize % n
        };
        for turn in 0..3_000 {
            let mut bytes = goods[turn % goods.len()].clone();
            for _ in 0..=below(4) {
                let at = below(bytes.len());
                match below(3) {
                    0 => bytes[at] = below(256) as u8,
                    1 => bytes.truncate(at.max(4)),
                    _ => bytes.insert(at, below(256) as u8),
                }
            }
            if let Ok(files) = unpack(&bytes, "", &config()) {
                let all: usize = files.values().map(Vec::len).sum();
                assert!(all <= 100_000 && files.keys().all(|path| checked(path).as_ref() == Some(path)));
            }
        }
    }
}
