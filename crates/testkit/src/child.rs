//! A part of a test in a process of its own, under the limits that hostile files are held to.
//!
//! The test binary starts itself anew for one test, which reads what to do from standard input and prints how it ended. Memory
//! and processor time are limited by the shell that starts it; the time on the wall only ends what waits for nothing.

#![allow(clippy::disallowed_methods, reason = "it starts the test binary anew, and asks its environment")]

use std::{
    io::{Read, Write},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// Set in a process that was started to do the part of one test.
const CHILD: &str = "FOREBAY_TEST_CHILD";

/// Most address space of a child, and most seconds of processor time.
const MEMORY_KIB: u32 = 512 << 10;
const PROCESSOR_S: u32 = 5;

/// Longer than a child within its limits takes on a busy machine.
const HANG: Duration = Duration::from_secs(120);

/// What stands before the outcome on the line that says it.
const OUTCOME: &str = "outcome: ";

/// Does the child's part, where this process is one: `work` gets what the parent gave, and returns how it ended.
pub fn part(work: impl FnOnce(&str) -> String) {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    let mut input = String::new();
    std::io::stdin().read_to_string(&mut input).expect("the parent gives it");
    println!("{OUTCOME}{}", work(&input).replace('\n', " "));
}

/// Returns how the child's part ended (the test of this name calls [`part`]), or how its process failed.
pub fn outcome(test: &str, input: &str) -> Result<String, String> {
    let limited = format!("ulimit -v {MEMORY_KIB}; ulimit -t {PROCESSOR_S}; exec \"$0\" \"$@\"");
    let mut child = Command::new("sh")
        .args(["-c", &limited])
        .arg(std::env::current_exe().expect("this binary"))
        .args(["--exact", test, "--nocapture"])
        .env(CHILD, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| error.to_string())?;
    let given = child.stdin.take().map(|mut stdin| stdin.write_all(input.as_bytes()));
    given.transpose().map_err(|error| error.to_string())?;
    let begin = Instant::now();
    while child.try_wait().map_err(|error| error.to_string())?.is_none() {
        if begin.elapsed() > HANG {
            child.kill().map_err(|error| error.to_string())?;
            return Err(format!("not done within {HANG:?}"));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let output = child.wait_with_output().map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout);
    let outcome = text.split_once(OUTCOME).and_then(|(_, rest)| rest.lines().next());
    match outcome {
        Some(outcome) if output.status.success() => Ok(outcome.to_owned()),
        _ => Err(format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr))),
    }
}
