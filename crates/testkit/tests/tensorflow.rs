//! Every TensorFlow case, read and computed; what is not read yet is counted, by name.

use std::{io::Write as _, path::Path};

use engine::Servable;
use formats::{ReadError, ReadOptions};
use model::{Kind, Predictor};
use testkit::{
    case::Outcome,
    files::{model_files, root, shared},
    predictor::answer,
    tensors::Case,
};

/// Runs the case on one artifact: a file or a folder.
fn run(case: &Case, artifact: &Path) -> Outcome {
    let files = match model_files(artifact) {
        Ok(files) => files,
        Err(error) => return Outcome::Failed(error.to_string()),
    };
    let tags = case.meta["tags"].as_array().into_iter().flatten().filter_map(|tag| Some(tag.as_str()?.to_owned()));
    let options = ReadOptions { tags: tags.collect(), ..ReadOptions::default() };
    let model = match formats::read(&files, &options) {
        Ok(model) => model,
        Err(error @ ReadError::Unimplemented { .. }) => return Outcome::Waits(error.to_string()),
        Err(error) => return Outcome::Failed(error.to_string()),
    };
    let servable = match Servable::new(&model) {
        Ok(servable) => servable,
        Err(error) => return Outcome::Failed(error.to_string()),
    };
    for run in &case.runs {
        let told = |text: String| format!("{}: {text}", run.name);
        if let Some(signature) = &run.signature
            && model.plan(Some(signature)).is_none()
        {
            return Outcome::Waits(told(format!("signature `{signature}`: {}", model.warnings.join("; "))));
        }
        match (answer(servable.call(run.call())), &run.expected) {
            (Err(error), Some(_)) if error.kind() == Kind::Unimplemented => {
                return Outcome::Waits(told(error.to_string()));
            }
            (Err(error), Some(_)) => return Outcome::Failed(told(error.to_string())),
            (Err(_), None) => {}
            (Ok(_), None) => return Outcome::Failed(told("answered what the oracle refuses".to_owned())),
            (Ok(answer), Some(_)) => {
                if let Some(difference) = run.difference(&answer, case.tolerance) {
                    return Outcome::Failed(told(difference));
                }
            }
        }
    }
    Outcome::Passed
}

/// Returns the artifacts of a case: one, or one for each version.
fn artifacts(folder: &Path, layout: &str) -> Vec<std::path::PathBuf> {
    match layout {
        "frozen_graph" => vec![folder.join("model.pb")],
        "versions" => {
            let versions = std::fs::read_dir(folder.join("model")).expect("the versions are there");
            let mut versions: Vec<_> = versions.flatten().map(|entry| entry.path()).collect();
            versions.sort();
            // The runs are those of the newest.
            versions.pop().into_iter().collect()
        }
        _ => vec![folder.join("model")],
    }
}

/// Runs the cases of a folder; returns how many wait for something that is not read yet.
fn run_all(of: &str, cases: &Path) -> usize {
    #[allow(clippy::disallowed_methods, reason = "a test's own switch")]
    let filter = std::env::var("CASES").unwrap_or_default();
    let entries = std::fs::read_dir(cases).expect("the cases are there");
    let mut folders: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    folders.retain(|path| path.join("case.json").is_file() && path.to_string_lossy().contains(&filter));
    folders.sort();
    let (mut passed, mut waits, mut failures) = (0, 0, Vec::new());
    let mut err = std::io::stderr();
    for folder in &folders {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let case = match Case::open(folder) {
            Ok(case) => case,
            Err(error) => {
                failures.push(format!("{name}: {error}"));
                continue;
            }
        };
        let layout = case.meta["layout"].as_str().unwrap_or_default().to_owned();
        for artifact in artifacts(folder, &layout) {
            match run(&case, &artifact) {
                Outcome::Passed => passed += 1,
                Outcome::Waits(why) => {
                    waits += 1;
                    let _ = writeln!(err, "waits: {name}: {why}");
                }
                Outcome::Failed(why) => failures.push(format!("{name}: {why}")),
            }
        }
    }
    let _ = writeln!(err, "{of} TensorFlow cases: {passed} of {} passed", folders.len());
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    waits
}

#[test]
fn shared_tensorflow_cases() {
    #[allow(clippy::disallowed_methods, reason = "a test's own switch")]
    let is_ci = std::env::var_os("CI").is_some();
    match shared() {
        Some(shared) => drop(run_all("shared", &shared.join("conformance/tensorflow"))),
        None => assert!(!is_ci, "the shared cases must be there where CI is set"),
    }
}

#[test]
fn own_tensorflow_cases() {
    assert_eq!(run_all("own", &root().join("conformance/tensorflow")), 0, "own cases are all read");
}
