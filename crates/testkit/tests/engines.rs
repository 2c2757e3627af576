//! What engines of others are told of a model, on every case of tensors: the same signatures as our own ops answer, and no op
//! of a model that we read is said to need an engine.

use std::path::{Path, PathBuf};

use formats::{ReadOptions, foreign::Support};
use model::{Field, Signature};
use testkit::files::{model_files, shared};

/// Names, types and names in the graph.
fn fields(fields: &[Field], with_types: bool) -> Vec<String> {
    let shown = |field: &Field| {
        let ty = if with_types { field.ty().to_string() } else { String::new() };
        let declared = field.declared.as_ref().map(|declared| declared.tensor.to_string()).unwrap_or_default();
        format!("{} {ty} {declared}", field.name)
    };
    // An engine is brought what has no value of its own.
    fields.iter().filter(|field| !field.has_default).map(shown).collect()
}

/// Returns what is wrong with what an engine is told; nothing where our ops do not read the model.
fn check(artifact: &Path, tags: Vec<String>) -> Option<String> {
    let files = model_files(artifact).expect("the artifact is there");
    let options = ReadOptions { tags, ..ReadOptions::default() };
    let native = formats::read(&files, &options).ok()?;
    let runs = formats::detect(&files).and_then(|format| format.foreign).expect("a format of tensors");
    let foreign = match (runs.read)(&files, &options) {
        Ok(foreign) => foreign,
        Err(error) => return Some(error.to_string()),
    };
    for ours in native.signatures() {
        let Some(place) = foreign.signatures.iter().position(|theirs| theirs.name == ours.name) else {
            return Some(format!("no signature {}", ours.name));
        };
        let theirs: &Signature = &foreign.signatures[place];
        let is_open = foreign.open.iter().any(|(signature, _)| *signature == place);
        let inputs = (fields(&ours.inputs, true), fields(&theirs.inputs, true));
        let outputs = (fields(&ours.outputs, !is_open), fields(&theirs.outputs, !is_open));
        for (ours, theirs) in [inputs, outputs] {
            if ours != theirs {
                return Some(format!("{theirs:?}, ours are {ours:?}"));
            }
        }
    }
    let ops = match (runs.ops)(&files, &options) {
        Ok(ops) => ops,
        Err(error) => return Some(error.to_string()),
    };
    let alone: Vec<_> = ops.iter().filter(|used| used.support != Support::Native).map(|used| &used.op).collect();
    (!alone.is_empty()).then(|| format!("{alone:?} are ours"))
}

fn cases(family: &str) -> Vec<PathBuf> {
    let Some(shared) = shared() else { return Vec::new() };
    let entries = std::fs::read_dir(shared.join("conformance").join(family)).expect("the cases are there");
    let mut folders: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    folders.sort();
    folders
}

fn check_all(family: &str, artifact: &str) {
    let mut wrong = Vec::new();
    for folder in cases(family) {
        let path = folder.join(artifact);
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let case = std::fs::read(folder.join("case.json")).unwrap_or_default();
        let case: serde_json::Value = serde_json::from_slice(&case).unwrap_or_default();
        let tags = case["tags"].as_array().into_iter().flatten().filter_map(|tag| Some(tag.as_str()?.to_owned()));
        // A case whose signatures write is answered in part, and by no engine.
        if path.exists() && !path.join("1").is_dir() && name != "tfs_counter" {
            wrong.extend(check(&path, tags.collect()).map(|what| format!("{name}: {what}")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn saved_models() {
    check_all("tensorflow", "model");
}

#[test]
fn frozen_graphs() {
    check_all("tensorflow", "model.pb");
}

#[test]
fn onnx_models() {
    check_all("onnx", "model.onnx");
}
