//! Every ONNX case, read and computed. Those that are not passed stand in `onnx_open.txt`, each with the reason; `REFRESH=1` writes
//! it. A number that differs is never a reason. Cases of our own, which `conformance/onnx/make.py` makes, are all passed.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write as _,
    path::{Path, PathBuf},
};

use engine::Servable;
use formats::{ReadError, ReadOptions};
use model::{Kind, Predictor};
use testkit::{
    case::Outcome,
    files::{model_files, root, shared},
    predictor::answer,
    tensors::Case,
};

fn run(folder: &Path) -> Outcome {
    let case = match Case::open(folder) {
        Ok(case) => case,
        Err(error) => return Outcome::Failed(error),
    };
    let files = match model_files(folder) {
        Ok(files) => files,
        Err(error) => return Outcome::Failed(error.to_string()),
    };
    let model = match formats::read(&files, &ReadOptions::default()) {
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

/// Returns the folders of cases below, in order.
fn cases(root: &Path, filter: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root.join("conformance/onnx")).expect("the cases are there");
    let mut folders: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    folders.retain(|path| path.join("case.json").is_file() && path.to_string_lossy().contains(filter));
    folders.sort();
    folders
}

#[test]
fn own_onnx_cases() {
    let failures: Vec<String> = cases(&root(), "")
        .iter()
        .filter_map(|folder| match run(folder) {
            Outcome::Passed => None,
            Outcome::Waits(why) | Outcome::Failed(why) => Some(format!("{}: {why}", folder.display())),
        })
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// What became of the cases of one group.
#[derive(Default)]
struct Group {
    passed: usize,
    waits: usize,
    failed: usize,
}

#[test]
fn shared_onnx_cases() {
    #[allow(clippy::disallowed_methods, reason = "a test's own switches")]
    let (filter, is_ci) = (std::env::var("CASES").unwrap_or_default(), std::env::var_os("CI").is_some());
    let Some(shared) = shared() else {
        assert!(!is_ci, "the shared cases must be there where CI is set");
        return;
    };
    let folders = cases(&shared, &filter);
    let mut groups: BTreeMap<String, Group> = BTreeMap::new();
    let (mut failures, mut open) = (Vec::new(), String::new());
    let mut err = std::io::stderr();
    for folder in &folders {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let group = groups.entry(name.split('_').next().unwrap_or_default().to_owned()).or_default();
        match run(folder) {
            Outcome::Passed => group.passed += 1,
            Outcome::Waits(why) => {
                group.waits += 1;
                open.push_str(&format!("{name}: {why}\n"));
            }
            Outcome::Failed(why) => {
                group.failed += 1;
                failures.push(format!("{name}: {why}"));
            }
        }
    }
    for (name, group) in &groups {
        let of = group.passed + group.waits + group.failed;
        let _ = writeln!(err, "{name}: {} of {of} passed, {} wait, {} failed", group.passed, group.waits, group.failed);
    }
    let passed: usize = groups.values().map(|group| group.passed).sum();
    let _ = writeln!(err, "shared ONNX cases: {passed} of {} passed", folders.len());
    if filter.is_empty() {
        check_open(&open);
    } else {
        let _ = err.write_all(open.as_bytes());
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Compares what is open with the list that says so.
fn check_open(open: &str) {
    let path = root().join("crates/testkit/tests/onnx_open.txt");
    #[allow(clippy::disallowed_methods, reason = "a test's own switch")]
    if std::env::var_os("REFRESH").is_some() {
        std::fs::write(&path, open).expect("the list is written");
        return;
    }
    let held = std::fs::read_to_string(&path).unwrap_or_default();
    let name = |line: &str| line.split(':').next().unwrap_or_default().to_owned();
    let names = |list: &str| list.lines().map(name).collect::<BTreeSet<String>>();
    let (open, held) = (names(open), names(&held));
    let more: Vec<_> = open.difference(&held).collect();
    assert!(more.is_empty(), "no longer passed: {more:?}; CASES=NAME says why");
    let fewer: Vec<_> = held.difference(&open).collect();
    assert!(fewer.is_empty(), "passed now: {fewer:?}; REFRESH=1 takes them off the list");
}
