//! `forebay upload`: a model into a running server, as its next version.

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use http::Method;
use registry::archive::{self, Files};
use serde_json::Value;

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
    /// Have the server read, compile and verify the model and say what it is, and store nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    server: Server,
}

pub fn run(args: Args) -> Result<(), Failure> {
    let Args { name, path, version, dry_run, server } = args;
    let upload = Upload::of_path(&path)?;
    if dry_run {
        let answer = upload.send(&server, &name, version, true)?;
        return cmd::print(&tried(&answer));
    }
    let answer = upload.send(&server, &name, version, false)?;
    let (version, state) = (&answer["version"], answer["state"].as_str().unwrap_or("on its way"));
    cmd::print(&format!("{name} version {version} {state}\n"))
}

/// An artifact as it is sent.
pub struct Upload {
    content_type: &'static str,
    /// The name of the one file that the body is; empty for an archive.
    file: String,
    body: Vec<u8>,
}

impl Upload {
    /// Reads what lies at the path: a directory is packed, an archive goes as it is, and any other file as itself.
    pub fn of_path(path: &Path) -> Result<Upload, Failure> {
        let shown = path.display();
        let failed = |error: &dyn std::fmt::Display| Failure::refused(format_args!("{shown}: {error}"));
        let meta = fs::metadata(path).map_err(|error| failed(&error))?;
        if meta.is_dir() {
            let mut files = Files::new();
            gather(path, "", &mut files).map_err(|error| failed(&error))?;
            return Upload::of_files(&files).map_err(|error| failed(&error));
        }
        let body = fs::read(path).map_err(|error| failed(&error))?;
        let file = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let ends = |end: &str| file.to_ascii_lowercase().ends_with(end);
        if ends(".tar.gz") || ends(".tgz") || ends(".tar") {
            return Ok(Upload { content_type: "application/x-tar", file: String::new(), body });
        }
        if ends(".zip") {
            return Ok(Upload { content_type: "application/zip", file: String::new(), body });
        }
        Ok(Upload { content_type: "application/octet-stream", file, body })
    }

    /// Returns the artifact with this text as its `forebay.toml`, in place of its own.
    pub fn with_config(self, config: &str, limits: &registry::Config) -> Result<Upload, Failure> {
        let failed = |error: &dyn std::fmt::Display| Failure::refused(format_args!("{error}"));
        let mut files = archive::unpack(&self.body, &self.file, limits).map_err(|error| failed(&error))?;
        files.insert(registry::source::CONFIG.to_owned(), config.as_bytes().to_vec());
        Upload::of_files(&files).map_err(|error| failed(&error))
    }

    fn of_files(files: &Files) -> std::io::Result<Upload> {
        Ok(Upload { content_type: "application/x-tar", file: String::new(), body: archive::pack(files)? })
    }

    /// Sends it under a name, as the next version where none is asked for; returns what the server says.
    pub fn send(&self, server: &Server, name: &str, version: Option<u64>, dry_run: bool) -> Result<Value, Failure> {
        let models = format!("/api/v1/models/{}/versions", segment(name));
        let (method, target) = match version {
            None => (Method::POST, models),
            Some(version) => (Method::PUT, format!("{models}/{version}")),
        };
        let file = if self.file.is_empty() { String::new() } else { format!("file={}&", segment(&self.file)) };
        server.ask(method, &format!("{target}?{file}dry_run={dry_run}"), self.content_type, self.body.clone())
    }
}

/// Returns what a dry run found, as lines.
fn tried(answer: &Value) -> String {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let what = match answer["change"].as_str() {
        Some("unchanged") => "is there already",
        Some("updated") => "would be the next one",
        _ => "would be the first one",
    };
    let mut out = format!("{} version {} {what}\n", text(&answer["name"]), answer["version"]);
    for key in ["format", "class", "tool", "bytes", "nodes", "digest"] {
        if !answer[key].is_null() {
            let _ = writeln!(out, "{key:<10} {}", text(&answer[key]));
        }
    }
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    for signature in list(&answer["signatures"]) {
        let _ = writeln!(out, "signature  {}", text(&signature["name"]));
        for (key, label) in [("inputs", "input"), ("outputs", "output")] {
            for field in list(&signature[key]) {
                let _ = writeln!(out, "{label:<10} {} {}", text(&field["name"]), text(&field["type"]));
            }
        }
    }
    for warning in list(&answer["warnings"]) {
        let _ = writeln!(out, "warning    {}", text(&warning));
    }
    out
}

/// Reads the files of a folder; links are followed no further than to files.
fn gather(folder: &Path, below: &str, files: &mut Files) -> std::io::Result<()> {
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
