//! How soon a server answers, and how much memory it holds.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use serde_json::{Value, json};

use super::{Bench, CORE, Part, median, number, rounded};
use crate::{
    http::Client,
    server::{Server, variable},
    tree::copy,
};

pub const PART: Part = Part { name: "start", measure, title: "Start and memory", render };

const MODELS: usize = 20;
const RUNS: usize = 11;
const ROW: &[u8] = br#"{"text": "mist makes spark better"}"#;

fn measure(bench: &Bench<'_>) -> anyhow::Result<Value> {
    let folder = Folder::new("start")?;
    fs::create_dir_all(folder.0.join("none"))?;
    for number in 0..MODELS {
        let to = folder.0.join(format!("twenty/text-{number:02}"));
        copy(&bench.root.join("examples/models/text"), &to)?;
    }
    let (mut ms, mut resident) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let (took, bytes) = until_answered(bench, &folder.0.join("twenty"), MODELS)?;
        ms.push(rounded(took.as_secs_f64() * 1000.0, 1));
        resident.push(mb(bytes));
    }
    let (_, none) = until_answered(bench, &folder.0.join("none"), 0)?;
    Ok(
        json!({"models": MODELS, "runs": RUNS, "first_answer_ms": ms, "resident_mb": resident, "resident_mb_empty": mb(none)}),
    )
}

fn mb(bytes: u64) -> f64 {
    rounded(bytes as f64 / 1e6, 1)
}

/// Starts a server; returns how long it took until the last of the models answered, and the resident memory then.
fn until_answered(bench: &Bench<'_>, models: &Path, count: usize) -> anyhow::Result<(Duration, u64)> {
    let begin = Instant::now();
    let models = models.display().to_string();
    let server = Server::start(bench.binary, &["serve", &models, "--http", "127.0.0.1:0"], Some(CORE))?;
    let mut client = Client::connect(&server.address)?;
    // The models of a start are taken in together; the last by name is not before the others.
    let path = count.checked_sub(1).map(|last| format!("/api/v1/serve/text-{last:02}"));
    loop {
        let answer = match &path {
            Some(path) => client.post(path, ROW)?,
            None => client.get("/health/ready")?,
        };
        if answer.status == 200 {
            break;
        }
        anyhow::ensure!(begin.elapsed() < Duration::from_secs(10), "status {} for 10 s", answer.status);
        std::thread::sleep(Duration::from_micros(500));
    }
    let took = begin.elapsed();
    let bytes = server.resident_bytes()?;
    for number in 0..count {
        let answer = client.post(&format!("/api/v1/serve/text-{number:02}"), ROW)?;
        anyhow::ensure!(answer.status == 200, "text-{number:02} did not answer when the last one did");
    }
    Ok((took, bytes))
}

fn render(figures: &Value) -> String {
    let list =
        |key: &str| figures[key].as_array().into_iter().flatten().filter_map(Value::as_f64).collect::<Vec<f64>>();
    let (ms, resident) = (list("first_answer_ms"), list("resident_mb"));
    let most = |values: &[f64]| values.iter().copied().fold(f64::NAN, f64::max);
    format!(
        "`forebay serve` on one core with twenty copies of the example text pipeline, from the start of the process to the first \
         answer of the last of them, {RUNS} times; resident memory (VmRSS) at that moment, and of a server without models.\n\n\
         | what | median | most | limit |\n|---|---|---|---|\n\
         | first answer with {MODELS} models | {:.0} ms | {:.0} ms | 100 ms |\n\
         | resident with {MODELS} models | {:.1} MB | {:.1} MB | 50 MB |\n\
         | resident with no model | {:.1} MB | | 30 MB |\n",
        median(&ms),
        most(&ms),
        median(&resident),
        most(&resident),
        number(figures, "resident_mb_empty"),
    )
}

/// A folder of this run, gone afterwards.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new(name: &str) -> anyhow::Result<Folder> {
        let temp = variable("TMPDIR").map_or_else(std::env::temp_dir, PathBuf::from);
        let folder = Folder(temp.join(format!("forebay-bench-{name}-{}", std::process::id())));
        fs::create_dir_all(&folder.0).with_context(|| format!("cannot make {}", folder.0.display()))?;
        Ok(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
