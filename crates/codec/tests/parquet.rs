//! Parquet as others write it: saved models, and files made to do harm.

use std::{
    io::{Read, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use codec::parquet::{Limits, read};
use model::{Batch, Buffer};

const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// Returns the folder beside the repository, where it exists.
fn shared(below: &str) -> Option<PathBuf> {
    let path = Path::new(REPOSITORY).join("../shared").join(below);
    path.exists().then_some(path).or_else(|| {
        println!("{below} was not found beside the repository");
        None
    })
}

fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            files_below(&path, found);
        } else if path.extension().is_some_and(|e| e == "parquet") {
            found.push(path);
        }
    }
}

fn read_file(path: &Path) -> Result<Batch, codec::CodecError> {
    read(&Buffer::from(std::fs::read(path).unwrap()), &Limits::default())
}

#[test]
fn saved_models_are_read() {
    let mut files = Vec::new();
    files_below(&Path::new(REPOSITORY).join("examples"), &mut files);
    for folder in ["conformance/spark", "lineage"] {
        files_below(&shared(folder).unwrap_or_default(), &mut files);
    }
    println!("{} files", files.len());
    for path in files {
        let batch = read_file(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        assert!(!batch.values().is_empty(), "{}", path.display());
    }
}

/// Runs in a process of its own, under a limit of memory: reads the file whose path stands on standard input.
#[test]
#[ignore = "a part of hostile_files_are_survived"]
fn child() {
    let mut path = String::new();
    std::io::stdin().read_to_string(&mut path).unwrap();
    match read_file(Path::new(path.trim())) {
        Ok(batch) => println!("outcome: read {} rows, {} columns", batch.rows(), batch.values().len()),
        Err(error) => println!("outcome: refused: {error}"),
    }
}

const TIME_MAX: Duration = Duration::from_secs(5);
const MEMORY_KIB: u32 = 512 << 10;

fn spawn(path: &Path) -> Child {
    let limited = format!("ulimit -v {MEMORY_KIB}; exec \"$0\" \"$@\"");
    let mut child = Command::new("sh")
        .args(["-c", &limited])
        .arg(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "child", "--nocapture"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(path.to_str().unwrap().as_bytes()).unwrap();
    child
}

/// Returns the outcome of a file, or how the process that read it failed.
fn outcome(path: &Path) -> Result<String, String> {
    let mut child = spawn(path);
    let begin = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if begin.elapsed() > TIME_MAX {
            child.kill().unwrap();
            return Err(format!("not done within {TIME_MAX:?}"));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let outcome = text.split_once("outcome: ").and_then(|(_, rest)| rest.lines().next());
    match outcome {
        Some(outcome) if output.status.success() => Ok(outcome.to_owned()),
        _ => Err(format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr))),
    }
}

#[test]
fn hostile_files_are_survived() {
    let Some(folder) = shared("conformance/hostile/parquet") else { return };
    let index: serde_json::Value = serde_json::from_slice(&std::fs::read(folder.join("index.json")).unwrap()).unwrap();
    let mut failures = Vec::new();
    for entry in index["files"].as_array().unwrap() {
        let name = entry["file"].as_str().unwrap();
        let outcome = outcome(&folder.join(name));
        println!("{name}: {outcome:?}");
        let good = match &outcome {
            Err(_) => false,
            Ok(text) if entry["valid"] == true => text.starts_with("read"),
            Ok(text) => entry["must"] == "survive" || text.starts_with("refused"),
        };
        if !good {
            failures.push(format!("{name} ({}): {outcome:?}", entry["what"]));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
