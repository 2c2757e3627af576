//! `forebay apply`: documents that state models, brought to a running server.
//!
//! What is stated twice changes nothing the second time: the server compares the files of the newest version, `forebay.toml` among
//! them, with those that it is sent. Everything is tried before anything is changed. Models that no document states are left alone.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    client::{Server, segment},
    cmd,
    cmd::upload::Upload,
    config,
    failure::Failure,
};

/// Brings the models that documents state to a running server
#[derive(clap::Args, Debug)]
pub struct Args {
    /// A document (.toml or .json), or a folder of such
    #[arg(short = 'f', long = "file", value_name = "PATH")]
    file: PathBuf,
    /// Say what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    server: Server,
}

/// What a document states.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Document {
    models: Vec<Wanted>,
}

/// One model that should be there.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    name: String,
    /// The artifact, relative to the document: a file, a directory, or an archive of one.
    path: PathBuf,
    /// Its number; the next one where its files are new.
    version: Option<u64>,
    /// The keys of its `forebay.toml`, in place of one that the artifact has.
    config: Option<toml::Table>,
    /// The labels that stand at this version.
    #[serde(default)]
    labels: Vec<String>,
}

/// One model that is ready to be sent.
struct Ready {
    wanted: Wanted,
    upload: Upload,
    /// What the server says of it.
    tried: Value,
}

pub fn run(args: Args) -> Result<(), Failure> {
    let limits = config::resolve(None, &[])?.settings.models.source;
    let mut ready = Vec::new();
    for wanted in read(&args.file)? {
        let mut upload = Upload::of_path(&wanted.path)?;
        if let Some(config) = &wanted.config {
            let text = toml::to_string(config).map_err(|error| Failure::usage(format_args!("{error}")))?;
            upload = upload.with_config(&text, &limits)?;
        }
        let tried = upload.send(&args.server, &wanted.name, wanted.version, true)?;
        ready.push(Ready { wanted, upload, tried });
    }
    for Ready { wanted, upload, tried } in ready {
        let change = tried["change"].as_str().unwrap_or_default();
        let done = match args.dry_run || change == "unchanged" {
            true => tried.clone(),
            false => upload.send(&args.server, &wanted.name, wanted.version, false)?,
        };
        cmd::print(&told(change, &wanted.name, &done["version"]))?;
        label(&args, &wanted, change == "created", &done["version"])?;
    }
    Ok(())
}

/// Moves the labels of a model that stand elsewhere, or would be moved.
fn label(args: &Args, wanted: &Wanted, is_new: bool, version: &Value) -> Result<(), Failure> {
    if wanted.labels.is_empty() {
        return Ok(());
    }
    let all = format!("/api/v1/models/{}/labels", segment(&wanted.name));
    let known = if is_new { Value::Null } else { args.server.get(&all)? };
    let known: Vec<&Value> = known["labels"].as_array().into_iter().flatten().collect();
    for label in &wanted.labels {
        if known.iter().any(|known| known["label"] == **label && known["version"] == *version) {
            continue;
        }
        if !args.dry_run {
            args.server.put(&format!("{all}/{}", segment(label)), &json!({ "version": version }))?;
        }
        cmd::print(&format!("labelled  {} version {version} {label}\n", wanted.name))?;
    }
    Ok(())
}

fn told(change: &str, name: &str, version: &Value) -> String {
    format!("{change:<9} {name} version {version}\n")
}

/// Reads the models that a document states, or all documents of a folder in the order of their names.
fn read(path: &Path) -> Result<Vec<Wanted>, Failure> {
    let failed =
        |path: &Path, error: &dyn std::fmt::Display| Failure::usage(format_args!("{}: {error}", path.display()));
    let mut files = vec![path.to_owned()];
    if path.is_dir() {
        let entries = fs::read_dir(path).map_err(|error| failed(path, &error))?;
        files = entries.flatten().map(|entry| entry.path()).filter(|path| is_document(path)).collect();
        files.sort();
    }
    let (mut wanted, mut names) = (Vec::new(), BTreeMap::new());
    for file in &files {
        let text = fs::read_to_string(file).map_err(|error| failed(file, &error))?;
        let document = parse(file, &text).map_err(|error| failed(file, &error))?;
        for mut model in document.models {
            if let Some(other) = names.insert(model.name.clone(), file) {
                let twice = format!("model `{}` is stated in {} too; state it once", model.name, other.display());
                return Err(failed(file, &twice));
            }
            model.path = file.parent().unwrap_or(Path::new("")).join(&model.path);
            wanted.push(model);
        }
    }
    if wanted.is_empty() {
        let what = "no model is stated; a document (.toml, .json) has a list `models` of tables with `name` and `path`";
        return Err(failed(path, &what));
    }
    Ok(wanted)
}

fn is_document(path: &Path) -> bool {
    let known: BTreeSet<&str> = ["toml", "json"].into();
    path.is_file() && path.extension().and_then(|end| end.to_str()).is_some_and(|end| known.contains(end))
}

fn parse(path: &Path, text: &str) -> Result<Document, String> {
    if path.extension().is_some_and(|end| end == "json") {
        return serde_json::from_str(text).map_err(|error| error.to_string());
    }
    toml::from_str(text).map_err(|error| {
        let line = error.span().map(|span| 1 + text[..span.start.min(text.len())].matches('\n').count());
        let message = error.message().lines().collect::<Vec<_>>().join(" ");
        line.map_or(message.clone(), |line| format!("line {line}: {message}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, text: &str, expected: Result<&[&str], &str>) {
        let got = parse(Path::new(name), text);
        match (got, expected) {
            (Ok(got), Ok(expected)) => {
                let got: Vec<&str> = got.models.iter().map(|model| model.name.as_str()).collect();
                assert_eq!(got, expected);
            }
            (Err(error), Err(part)) => assert!(error.contains(part), "{error}"),
            (got, expected) => panic!("{got:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn documents() {
        let toml = "[[models]]\nname = 'a'\npath = 'a.pmml'\n[models.config]\noutputs = ['p']\n";
        check("a.toml", toml, Ok(&["a"]));
        check("a.json", r#"{"models": [{"name": "b", "path": "x", "config": {"ansi": true}}]}"#, Ok(&["b"]));
        check("a.toml", "[[models]]\nname = 'a'\n", Err("line 1: missing field `path`"));
        check("a.toml", "[[models]]\nname = 'a'\npath = 'x'\ncolour = 1\n", Err("line 4: unknown field `colour`"));
        check("a.json", r#"{"model": []}"#, Err("unknown field `model`"));
    }
}
