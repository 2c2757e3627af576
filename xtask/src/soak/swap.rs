//! Models replaced under load: two versions with different answers take turns. No request may fail, every answer must be one
//! of the two, and each new version must answer within a second.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    time::{Duration, Instant},
};

use serde_json::json;

use crate::{
    evidence,
    http::Client,
    server::{Server, binary},
    tree::copy,
};

/// Connections that send one request after the other.
const CLIENTS: usize = 4;

/// The longest that a new version may take to answer.
const LATEST: Duration = Duration::from_secs(1);

const ROW: &[u8] = br#"{"text": "mist makes spark better"}"#;
const PATH: &str = "/api/v1/serve/text?outputs=prediction";

/// What the clients and the swapper saw.
#[derive(Default)]
struct Seen {
    requests: AtomicU64,
    failed: AtomicU64,
    /// Answers that are neither version's.
    other: AtomicU64,
    stop: AtomicBool,
}

pub fn run(root: &Path, short: bool) -> anyhow::Result<()> {
    let (swaps, seconds) = if short { (10, 6) } else { (100, 60) };
    let models = Models::new(root)?;
    let binary = binary(root)?;
    let folder = models.folder.display().to_string();
    let server = Server::start(&binary, &["serve", &folder, "--http", "127.0.0.1:0"], None)?;
    server.ready()?;
    let answers = [models.answer(&server, 0)?, models.answer(&server, 1)?];
    anyhow::ensure!(
        answers[0] != answers[1],
        "the two versions answer alike: {}",
        String::from_utf8_lossy(&answers[0])
    );

    let seen = Seen::default();
    let begin = Instant::now();
    let mut waits = Vec::new();
    std::thread::scope(|scope| -> anyhow::Result<()> {
        for _ in 0..CLIENTS {
            scope.spawn(|| load(&server.address, &answers, &seen));
        }
        let pace = Duration::from_secs(seconds) / swaps;
        let swapped = (0..swaps).try_for_each(|swap| {
            std::thread::sleep((begin + pace * swap).saturating_duration_since(Instant::now()));
            // The version that was put last answers now; the other one comes.
            waits.push(models.swap(&server, &answers[swap as usize % 2])?);
            anyhow::Ok(())
        });
        std::thread::sleep((begin + Duration::from_secs(seconds)).saturating_duration_since(Instant::now()));
        seen.stop.store(true, Relaxed);
        swapped
    })?;
    let late = waits.iter().filter(|&&wait| wait > LATEST).count();
    waits.sort();
    let figures = json!({
        "seconds": begin.elapsed().as_secs(),
        "clients": CLIENTS,
        "requests": seen.requests.load(Relaxed),
        "failed": seen.failed.load(Relaxed),
        "answers_of_neither": seen.other.load(Relaxed),
        "replacements": waits.len(),
        "replacements_later_than_a_second": late,
        "replacement_ms_median": waits[waits.len() / 2].as_millis() as u64,
        "replacement_ms_longest": waits.last().map_or(0, Duration::as_millis) as u64,
        "resident_mib_at_end": server.resident_bytes()? >> 20,
    });
    println!("{figures:#}");
    anyhow::ensure!(figures["requests"].as_u64() > Some(0), "no request was answered");
    anyhow::ensure!(figures["failed"] == 0 && figures["answers_of_neither"] == 0, "requests failed");
    if short {
        return Ok(());
    }
    anyhow::ensure!(late == 0, "{late} replacements took longer than a second");
    evidence::write(root, "swap", "cargo xtask soak swap", &figures)
}

/// Sends requests until told to stop.
fn load(address: &str, answers: &[Vec<u8>; 2], seen: &Seen) {
    let mut client = None;
    while !seen.stop.load(Relaxed) {
        let connected = client.take().map_or_else(|| Client::connect(address), Ok);
        let answer = connected.and_then(|mut c| c.post(PATH, ROW).map(|answer| (c, answer)));
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
}

/// A models directory with one model, of which two forms take turns as versions 1, 2, 3 ...
struct Models {
    folder: PathBuf,
    forms: [PathBuf; 2],
    next: AtomicU64,
}

impl Models {
    fn new(root: &Path) -> anyhow::Result<Models> {
        let base = std::env::temp_dir().join(format!("forebay-swap-{}", std::process::id()));
        let forms = [base.join("form-0"), base.join("form-1")];
        for form in &forms {
            copy(&root.join("examples/models/text"), form)?;
        }
        // The second form wants more certainty before it says 1: another answer to the same row.
        let changed = raise_threshold(&forms[1])?;
        anyhow::ensure!(changed, "the example has a threshold to change");
        let models = Models { folder: base.join("models"), forms, next: AtomicU64::new(1) };
        fs::create_dir_all(models.folder.join("text"))?;
        models.put()?;
        Ok(models)
    }

    /// Puts the form whose turn it is in place as the next version, by one rename, and takes away all but the last two.
    fn put(&self) -> anyhow::Result<()> {
        let version = self.next.fetch_add(1, Relaxed);
        let staged = self.folder.with_file_name(format!("staged-{version}"));
        copy(&self.forms[version as usize % 2], &staged)?;
        fs::rename(&staged, self.folder.join(format!("text/{version}")))?;
        if version > 2 {
            fs::remove_dir_all(self.folder.join(format!("text/{}", version - 2)))?;
        }
        Ok(())
    }

    /// Returns what the server answers now, after putting the other form where `turn` is not the first.
    fn answer(&self, server: &Server, turn: u64) -> anyhow::Result<Vec<u8>> {
        let mut client = Client::connect(&server.address)?;
        let before = client.post(PATH, ROW)?;
        if turn == 0 {
            return Ok(before.body);
        }
        self.put()?;
        let begin = Instant::now();
        while begin.elapsed() < 10 * LATEST {
            let now = client.post(PATH, ROW)?;
            if now.body != before.body {
                return Ok(now.body);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        anyhow::bail!("the second form never answered")
    }

    /// Puts the next version and waits for its answer; returns how long that took.
    fn swap(&self, server: &Server, new: &[u8]) -> anyhow::Result<Duration> {
        let mut client = Client::connect(&server.address)?;
        self.put()?;
        let begin = Instant::now();
        while begin.elapsed() < 10 * LATEST {
            if client.post(PATH, ROW)?.body == new {
                return Ok(begin.elapsed());
            }
            std::thread::sleep(Duration::from_millis(1));
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
