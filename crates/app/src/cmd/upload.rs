//! `forebay upload`: a model into a running server, as its next version.

use std::{fs, path::PathBuf};

use http::Method;
use registry::archive::{self, Files};

use crate::{
    client::{Server, segment},
    cmd,
    failure::Failure,
};

/// Publishes a model on a running server, and waits until it answers
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The model's name on the server
    name: String,
    /// The artifact: a file, a directory, or an archive (.tar, .tar.gz, .tgz, .zip) of one
    path: PathBuf,
    /// Its number; the next one where none
    #[arg(long, value_name = "N")]
    version: Option<u64>,
    #[command(flatten)]
    server: Server,
}

pub fn run(args: Args) -> Result<(), Failure> {
    let Args { name, path, version, server } = args;
    let shown = path.display();
    let failed = |error: &dyn std::fmt::Display| Failure::refused(format_args!("{shown}: {error}"));
    let meta = fs::metadata(&path).map_err(|error| failed(&error))?;
    let mut query = String::new();
    let (content_type, body) = if meta.is_dir() {
        let mut files = Files::new();
        gather(&path, "", &mut files).map_err(|error| failed(&error))?;
        ("application/x-tar", archive::pack(&files).map_err(|error| failed(&error))?)
    } else {
        let bytes = fs::read(&path).map_err(|error| failed(&error))?;
        let file = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let ends = |end: &str| file.to_ascii_lowercase().ends_with(end);
        if ends(".tar.gz") || ends(".tgz") || ends(".tar") {
            ("application/x-tar", bytes)
        } else if ends(".zip") {
            ("application/zip", bytes)
        } else {
            query = format!("?file={}", segment(&file));
            ("application/octet-stream", bytes)
        }
    };
    let models = format!("/api/v1/models/{}/versions", segment(&name));
    let (method, target) = match version {
        None => (Method::POST, models),
        Some(version) => (Method::PUT, format!("{models}/{version}")),
    };
    let answer = server.ask(method, &(target + &query), content_type, body)?;
    let (version, state) = (&answer["version"], answer["state"].as_str().unwrap_or("on its way"));
    cmd::print(&format!("{name} version {version} {state}\n"))
}

/// Reads the files of a folder; links are followed no further than to files.
fn gather(folder: &std::path::Path, below: &str, files: &mut Files) -> std::io::Result<()> {
    const DEPTH_MAX: usize = 64;
    if below.matches('/').count() > DEPTH_MAX {
        return Err(std::io::Error::other("folders within folders without end"));
    }
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_str().ok_or_else(|| std::io::Error::other(format!("{name:?} is not UTF-8")))?;
        // Checksums and what editors leave: a models directory passes over them too.
        if name.starts_with('.') {
            continue;
        }
        let path = format!("{below}{name}");
        if entry.file_type()?.is_dir() {
            gather(&entry.path(), &format!("{path}/"), files)?;
        } else {
            files.insert(path, fs::read(entry.path())?);
        }
    }
    Ok(())
}
