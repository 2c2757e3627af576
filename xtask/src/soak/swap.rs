//! Models replaced under load: three models are called at a constant rate; of one after the other two versions with different
//! answers take turns. No request may fail, every answer must be one of the two, the two models that are not replaced answer
//! about as fast as before, and memory does not grow. Versions are copied before the load and taken away after it: what the kernel does
//! for thousands of files on the same cores is not the server's.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use serde_json::json;

use crate::{
    evidence,
    http::Client,
    server::{Server, binary},
    soak::percentile_us,
    tree::copy,
};

const NAMES: [&str; 3] = ["one", "two", "three"];

/// Connections for each model.
const CLIENTS: usize = 2;

/// Each of them sends a request so often.
const PACE: Duration = Duration::from_millis(5);

/// The longest that a new version may take to answer.
const LATEST: Duration = Duration::from_secs(1);

const ROW: &[u8] = br#"{"text": "mist makes spark better"}"#;

/// What is replaced, where a number of a model is expected: nothing.
const NONE: usize = usize::MAX;

/// What the clients and the swapper saw.
#[derive(Default)]
struct Seen {
    requests: AtomicU64,
    failed: AtomicU64,
    /// Answers that are neither version's.
    other: AtomicU64,
    /// The model that is replaced now.
    swapped: AtomicUsize,
    /// Microseconds of the calls of models that are not replaced: before, and while another is.
    quiet_us: Mutex<Vec<u32>>,
    beside_us: Mutex<Vec<u32>>,
    stop: AtomicBool,
}

/// How long it is.
struct Size {
    /// Of all models together.
    swaps: usize,
    /// Time to call before anything is replaced.
    quiet: Duration,
    /// From one replacement to the next.
    pace: Duration,
}

pub fn run(root: &Path, short: bool) -> anyhow::Result<()> {
    let size = match short {
        true => Size { swaps: 12, quiet: Duration::from_secs(2), pace: Duration::from_millis(400) },
        false => Size { swaps: 1_000, quiet: Duration::from_secs(60), pace: Duration::from_millis(400) },
    };
    let models = Models::new(root, size.swaps)?;
    let binary = binary(root)?;
    let folder = models.folder.display().to_string();
    let server = Server::start(&binary, &["serve", &folder, "--http", "127.0.0.1:0"], None)?;
    server.ready()?;
    let answers = models.answers(&server)?;
    let seen = Seen { swapped: AtomicUsize::new(NONE), ..Seen::default() };
    let begin = Instant::now();
    let (mut waits, mut resident) = (Vec::new(), [0; 2]);
    std::thread::scope(|scope| -> anyhow::Result<()> {
        for client in 0..CLIENTS * NAMES.len() {
            let (address, answers, seen) = (&server.address, &answers, &seen);
            scope.spawn(move || load(address, client % NAMES.len(), answers, seen));
        }
        std::thread::sleep(size.quiet);
        let swapped = swaps(&models, &server, &answers, &seen, &size, &mut waits, &mut resident[0]);
        std::thread::sleep(LATEST);
        seen.stop.store(true, Relaxed);
        swapped
    })?;
    resident[1] = server.resident_bytes()?;
    let late = waits.iter().filter(|&&wait| wait > LATEST).count();
    waits.sort();
    let times = [&seen.quiet_us, &seen.beside_us].map(|times| {
        let mut times = times.lock().expect("no client panics").clone();
        times.sort_unstable();
        times
    });
    let p99 = times.each_ref().map(|times| percentile_us(times, 99.0));
    let grown = resident[1] as f64 / resident[0] as f64 - 1.0;
    let figures = json!({
        "seconds": begin.elapsed().as_secs(),
        "models": NAMES.len(),
        "clients": CLIENTS * NAMES.len(),
        "requests": seen.requests.load(Relaxed),
        "failed": seen.failed.load(Relaxed),
        "answers_of_neither": seen.other.load(Relaxed),
        "replacements": waits.len(),
        "replacements_later_than_a_second": late,
        "replacement_ms_median": waits[waits.len() / 2].as_millis() as u64,
        "replacement_ms_longest": waits.last().map_or(0, Duration::as_millis) as u64,
        "not_replaced_us": {
            "before": {"calls": times[0].len(), "p50": percentile_us(&times[0], 50.0), "p99": p99[0]},
            "meanwhile": {"calls": times[1].len(), "p50": percentile_us(&times[1], 50.0), "p99": p99[1]},
        },
        "resident_mib": {"after_one_replacement_each": resident[0] >> 20, "at_end": resident[1] >> 20},
        "resident_growth": (grown * 1e4).round() / 1e4,
    });
    println!("{figures:#}");
    anyhow::ensure!(figures["requests"].as_u64() > Some(0), "no request was answered");
    anyhow::ensure!(figures["failed"] == 0 && figures["answers_of_neither"] == 0, "requests failed");
    if short {
        return Ok(());
    }
    anyhow::ensure!(late == 0, "{late} replacements took longer than a second");
    anyhow::ensure!(p99[1] <= 2 * p99[0], "the models beside were slower: {} us, before {} us", p99[1], p99[0]);
    anyhow::ensure!(grown <= 0.1, "resident memory grew by {:.1} %", grown * 100.0);
    evidence::write(root, "swap", "cargo xtask soak swap", &figures)
}

/// Replaces the models, one after the other, each its share of times; takes the memory after the first replacement of each.
fn swaps(
    models: &Models,
    server: &Server,
    answers: &[Vec<u8>; 2],
    seen: &Seen,
    size: &Size,
    waits: &mut Vec<Duration>,
    resident: &mut u64,
) -> anyhow::Result<()> {
    let mut swap = |model: usize| -> anyhow::Result<()> {
        let begun = Instant::now();
        seen.swapped.store(model, Relaxed);
        waits.push(models.swap(server, model, answers)?);
        std::thread::sleep(size.pace.saturating_sub(begun.elapsed()));
        Ok(())
    };
    (0..NAMES.len()).try_for_each(&mut swap)?;
    std::thread::sleep(LATEST);
    *resident = server.resident_bytes()?;
    (NAMES.len()..size.swaps).try_for_each(|n| swap(n * NAMES.len() / size.swaps))
}

fn path(model: usize) -> String {
    format!("/api/v1/serve/{}?outputs=prediction", NAMES[model])
}

/// Sends requests at a constant pace until told to stop.
fn load(address: &str, model: usize, answers: &[Vec<u8>; 2], seen: &Seen) {
    let (path, mut client, mut due) = (path(model), None, Instant::now());
    let (mut quiet, mut beside) = (Vec::new(), Vec::new());
    while !seen.stop.load(Relaxed) {
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        due = (due + PACE).max(Instant::now());
        let swapped = seen.swapped.load(Relaxed);
        let connected = client.take().map_or_else(|| Client::connect(address), Ok);
        let begun = Instant::now();
        let answer = connected.and_then(|mut c| c.post(&path, ROW).map(|answer| (c, answer)));
        let took = u32::try_from(begun.elapsed().as_micros()).unwrap_or(u32::MAX);
        match swapped {
            NONE => quiet.push(took),
            other if other != model => beside.push(took),
            _ => {}
        }
        seen.requests.fetch_add(1, Relaxed);
        match answer {
            Ok((kept, answer)) if answer.status == 200 => {
                client = Some(kept);
                if !answers.contains(&answer.body) {
                    seen.other.fetch_add(1, Relaxed);
                }
            }
            _ => {
                seen.failed.fetch_add(1, Relaxed);
            }
        }
    }
    seen.quiet_us.lock().expect("no client panics").extend(quiet);
    seen.beside_us.lock().expect("no client panics").extend(beside);
}

/// A models directory with three models, of each of which two forms take turns as versions 1, 2, 3 ...
struct Models {
    folder: PathBuf,
    next: [AtomicU64; 3],
}

impl Models {
    /// Makes the directory and, beside it, the versions for so many replacements.
    fn new(root: &Path, swaps: usize) -> anyhow::Result<Models> {
        /// Of each model: the first one, the other form's, the first replacement, and what division leaves.
        const MORE: usize = 4;
        let base = std::env::temp_dir().join(format!("forebay-swap-{}", std::process::id()));
        let forms = [base.join("form-0"), base.join("form-1")];
        for form in &forms {
            copy(&root.join("examples/models/text"), form)?;
        }
        // The second form wants more certainty before it says 1: another answer to the same row.
        let changed = raise_threshold(&forms[1])?;
        anyhow::ensure!(changed, "the example has a threshold to change");
        let models = Models { folder: base.join("models"), next: [1; 3].map(AtomicU64::new) };
        for (model, name) in NAMES.iter().enumerate() {
            fs::create_dir_all(models.folder.join(name))?;
            for version in 1..=swaps / NAMES.len() + MORE {
                copy(&forms[version % 2], &models.beside("staged", model, version as u64))?;
            }
            models.put(model)?;
        }
        Ok(models)
    }

    /// Puts the form whose turn it is in place as the next version, by one rename, and takes away all but the last two. Returns
    /// which form it was.
    fn put(&self, model: usize) -> anyhow::Result<usize> {
        let version = self.next[model].fetch_add(1, Relaxed);
        let folder = self.folder.join(NAMES[model]);
        fs::rename(self.beside("staged", model, version), folder.join(version.to_string()))?;
        if version > 2 {
            fs::rename(folder.join((version - 2).to_string()), self.beside("gone", model, version - 2))?;
        }
        Ok(version as usize % 2)
    }

    /// Returns where a version is before it is in place, and after.
    fn beside(&self, what: &str, model: usize, version: u64) -> PathBuf {
        self.folder.with_file_name(format!("{what}-{model}-{version}"))
    }

    /// Returns what each form answers; the first model takes both.
    fn answers(&self, server: &Server) -> anyhow::Result<[Vec<u8>; 2]> {
        let mut client = Client::connect(&server.address)?;
        let before = client.post(&path(0), ROW)?.body;
        let form = self.put(0)?;
        let begin = Instant::now();
        while begin.elapsed() < 10 * LATEST {
            let now = client.post(&path(0), ROW)?.body;
            if now != before {
                return Ok(if form == 1 { [before, now] } else { [now, before] });
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        anyhow::bail!("the other form never answered")
    }

    /// Puts the next version and waits for its answer; returns how long that took.
    fn swap(&self, server: &Server, model: usize, answers: &[Vec<u8>; 2]) -> anyhow::Result<Duration> {
        let mut client = Client::connect(&server.address)?;
        let new = &answers[self.put(model)?];
        let begin = Instant::now();
        while begin.elapsed() < 10 * LATEST {
            if client.post(&path(model), ROW)?.body == *new {
                return Ok(begin.elapsed());
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        anyhow::bail!("a new version did not answer within {:?}", 10 * LATEST)
    }
}

impl Drop for Models {
    fn drop(&mut self) {
        if let Some(base) = self.folder.parent() {
            let _ = fs::remove_dir_all(base);
        }
    }
}

/// Raises the threshold of every stage below the folder that has one.
fn raise_threshold(folder: &Path) -> anyhow::Result<bool> {
    let mut changed = false;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            changed |= raise_threshold(&path)?;
        } else if let Ok(text) = fs::read_to_string(&path) {
            let raised = text.replace("\"threshold\":0.5", "\"threshold\":0.999999");
            changed |= raised != text;
            fs::write(&path, raised)?;
        }
    }
    Ok(changed)
}
