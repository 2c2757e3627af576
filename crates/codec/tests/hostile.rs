//! Files made to do harm: each is answered with an error or its content, within bounds of time and memory.

#![allow(clippy::unwrap_used, reason = "a test's helpers fail by panicking")]

#[path = "hostile/crafted.rs"]
mod crafted;

use std::{
    io::{Read, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use codec::parquet::{Limits, read};
use model::{Batch, Buffer};

const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// Returns the folder beside the repository, where it exists; where CI is set it has to.
fn shared(below: &str) -> Option<PathBuf> {
    let path = Path::new(REPOSITORY).join("../shared").join(below);
    path.exists().then_some(path).or_else(|| {
        println!("{below} was not found beside the repository");
        assert!(std::env::var_os("CI").is_none(), "the shared files must be there where CI is set");
        None
    })
}

fn read_file(path: &Path) -> Result<Batch, codec::CodecError> {
    read(&Buffer::from(std::fs::read(path).unwrap()), &Limits::default())
}

/// Runs in a process of its own, under a limit of memory: reads the file whose path stands on standard input.
#[test]
fn child_reads() {
    if !is_child() {
        return;
    }
    let mut path = String::new();
    std::io::stdin().read_to_string(&mut path).unwrap();
    // In chunks too: it only has to come back.
    codec::fuzz::parquet(&std::fs::read(path.trim()).unwrap());
    match read_file(Path::new(path.trim())) {
        Ok(batch) => println!("outcome: read {} rows, {} columns", batch.rows(), batch.values().len()),
        Err(error) => println!("outcome: refused: {error}"),
    }
}

/// Set in a process that was started to do the part of one test.
const CHILD: &str = "FOREBAY_TEST_CHILD";

fn is_child() -> bool {
    std::env::var_os(CHILD).is_some()
}

const TIME_MAX: Duration = Duration::from_secs(5);
const MEMORY_KIB: u32 = 512 << 10;

/// Starts a test of this program in a process of its own, under a limit of memory.
fn spawn(test: &str, input: &str) -> Child {
    let limited = format!("ulimit -v {MEMORY_KIB}; exec \"$0\" \"$@\"");
    let mut child = Command::new("sh")
        .args(["-c", &limited])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(CHILD, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child
}

/// Returns the outcome that the test prints, or how its process failed.
fn outcome(test: &str, input: &str, time_max: Duration) -> Result<String, String> {
    let mut child = spawn(test, input);
    let begin = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if begin.elapsed() > time_max {
            child.kill().unwrap();
            return Err(format!("not done within {time_max:?}"));
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
        let outcome = outcome("child_reads", folder.join(name).to_str().unwrap(), TIME_MAX);
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

type Target = fn(&[u8]);

/// What is mutated: every type, in every format, codec and page version.
fn seeds() -> Vec<(Vec<u8>, Target)> {
    let mut seeds: Vec<(Vec<u8>, Target)> = Vec::new();
    for bytes in crafted::parquet_files() {
        seeds.push((bytes, codec::fuzz::parquet));
    }
    for bytes in crafted::arrow_files() {
        seeds.push((bytes, codec::fuzz::arrow_ipc));
    }
    seeds
}

/// Changes the bytes in a way that the numbers choose.
fn mutate(bytes: &mut Vec<u8>, mut random: impl FnMut() -> u64) {
    let at = random() as usize % bytes.len();
    match random() % 5 {
        0 => bytes[at] ^= 1 << (random() % 8),
        1 => bytes[at] = random() as u8,
        2 => bytes.truncate(at),
        3 => {
            let end = bytes.len().min(at + 4);
            bytes[at..end].fill([0, 0x7f, 0xff][random() as usize % 3]);
        }
        _ => {
            let from = random() as usize % bytes.len();
            let byte = bytes[from];
            bytes.insert(at, byte);
        }
    }
    if bytes.is_empty() {
        bytes.push(0);
    }
}

/// Runs in a process of its own, under a limit of memory.
#[test]
fn child_mutates() {
    if !is_child() {
        return;
    }
    // Panics in a decoder are errors to us, and would fill the screen.
    std::panic::set_hook(Box::new(|_| {}));
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut runs = 0;
    for (seed, target) in seeds() {
        target(&seed);
        for _ in 0..150 {
            let mut bytes = seed.clone();
            for _ in 0..=random() % 3 {
                mutate(&mut bytes, &mut random);
            }
            target(&bytes);
            runs += 1;
        }
    }
    println!("outcome: {runs} runs");
}

#[test]
fn mutated_files_are_survived() {
    let outcome = outcome("child_mutates", "", Duration::from_secs(120));
    println!("{outcome:?}");
    assert!(outcome.is_ok(), "{outcome:?}");
}

// === Few bytes that stand for many ===

/// Reads a file of our own making; `expected` is a part of the refusal, or nothing where the file is sound.
fn check(rows: i64, repetition: i32, pages: Vec<crafted::Page>, expected: Option<&str>) {
    let bytes = Buffer::from(crafted::text_file(rows, repetition, pages));
    let limits = Limits { decoded_bytes_max: 16 << 20, ..Limits::default() };
    match (read(&bytes, &limits).map_err(|e| e.to_string()), expected) {
        (Ok(batch), None) => assert_eq!(batch.rows() as i64, rows),
        (Err(error), Some(part)) => assert!(error.contains(part), "{error}"),
        (got, _) => panic!("got {got:?}, expected {expected:?}"),
    }
}

fn varint(mut value: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

fn dictionary(entries: &[&[u8]]) -> crafted::Page {
    let body = entries.iter().flat_map(|entry| [&(entry.len() as u32).to_le_bytes()[..], entry].concat());
    crafted::Page { dictionary: true, values: entries.len() as i32, encoding: 0, body: body.collect() }
}

/// One run of one index.
fn indices(values: i32, index: u8) -> crafted::Page {
    let body = [vec![1], varint((values as u32) << 1), vec![index]].concat();
    crafted::Page { dictionary: false, values, encoding: 8, body }
}

const TOO_LARGE: &str = "more than the limit 16777216 (decoded_bytes_max)";

#[test]
fn a_dictionary_of_a_long_text_is_not_multiplied() {
    let long = vec![b'x'; 1 << 20];
    check(10_000, 0, vec![dictionary(&[&long]), indices(10_000, 0)], Some(TOO_LARGE));
    check(10_000, 0, vec![dictionary(&[b"short", &long]), indices(10_000, 0)], None);
    check(10_000, 0, vec![dictionary(&[b"short"]), indices(10_000, 1)], Some("a number past its dictionary"));
}

#[test]
fn rows_of_nothing_but_nulls_are_paid_for() {
    // Definition levels: one run of zeros.
    let nulls = |values: i32| {
        let levels = [varint((values as u32) << 1), vec![0]].concat();
        let body = [(levels.len() as u32).to_le_bytes().to_vec(), levels].concat();
        vec![crafted::Page { dictionary: false, values, encoding: 0, body }]
    };
    check(1000, 1, nulls(1000), None);
    check(40_000_000, 1, nulls(40_000_000), Some(TOO_LARGE));
}

#[test]
fn beginnings_that_repeat_are_not_multiplied() {
    // A sequence of equal steps needs no bits at all.
    let sequence = |count: u32, first: u32, step: u32| {
        let head = [vec![0x80, 0x01, 0x04], varint(count), varint(first << 1)].concat();
        let block = [varint(step << 1), vec![0; 4]].concat();
        [head, block.repeat((count as usize - 1).div_ceil(128))].concat()
    };
    // Each text is the one before it and one letter more.
    let page = |count: u32| {
        let body = [sequence(count, 0, 1), sequence(count, 1, 0), vec![b'x'; count as usize]].concat();
        vec![crafted::Page { dictionary: false, values: count as i32, encoding: 7, body }]
    };
    check(1000, 0, page(1000), None);
    check(100_000, 0, page(100_000), Some(TOO_LARGE));
}

#[test]
fn claims_that_do_not_agree_are_named() {
    check(5, 0, vec![dictionary(&[b"a"]), indices(4, 0)], Some("the chunk ends 1 values early"));
    check(4, 0, vec![dictionary(&[b"a"]), indices(5, 0)], Some("5 values where the chunk has 4 left"));
    check(4, 0, vec![indices(4, 0)], Some("a dictionary that the chunk does not have"));
    check(4, 0, vec![dictionary(&[b"a"]), dictionary(&[b"a"]), indices(4, 0)], Some("not the first page"));
    let mut short = dictionary(&[b"a"]);
    short.values = 1 << 30;
    check(4, 0, vec![short, indices(4, 0)], Some("a dictionary that claims more entries than it holds"));
}
