//! Ten thousand small models in one process, loaded by their first calls: a start, calls by Zipf's law, then one of every
//! model. Every answer is checked; memory stays below a bound, and the first touch of a model is timed by its caller.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::{
    evidence,
    http::Client,
    server::{Server, binary},
    soak::percentile_us,
};

/// Connections that send one request after the other.
const CLIENTS: usize = 4;

/// What all models together may keep resident.
const RESIDENT_MAX: u64 = 1 << 30;

/// The exponent of Zipf's law: model n is asked for in proportion to n^-EXPONENT.
const EXPONENT: f64 = 1.0;

/// How much is asked, in full and short.
struct Size {
    models: usize,
    calls: usize,
    idle: Duration,
}

/// What the clients saw.
struct Seen {
    touched: Vec<AtomicBool>,
    wrong: AtomicU64,
    first_us: Mutex<Vec<u32>>,
    later_us: Mutex<Vec<u32>>,
}

pub fn run(root: &Path, short: bool) -> anyhow::Result<()> {
    let size = match short {
        true => Size { models: 400, calls: 4_000, idle: Duration::from_secs(1) },
        false => Size { models: 10_000, calls: 200_000, idle: Duration::from_secs(20) },
    };
    let models = Models::new(size.models)?;
    let binary = binary(root)?;
    let config = models.base.join("forebay.toml");
    let (path, budget) = (models.base.join("models"), models.bytes / 2);
    let table =
        format!("[models]\npath = {:?}\nload = \"lazy\"\nmemory_bytes_max = {budget}\n", path.display().to_string());
    fs::write(&config, table)?;
    let config = config.display().to_string();
    let begun = Instant::now();
    let server = Server::start(&binary, &["serve", "--config", &config, "--http", "127.0.0.1:0"], None)?;
    server.ready()?;
    let ready = begun.elapsed();
    while metric(&server, "forebay_models{state=\"cold\"}")? < size.models as u64 {
        anyhow::ensure!(begun.elapsed() < Duration::from_secs(600), "the models are not all there after ten minutes");
        std::thread::sleep(Duration::from_millis(20));
    }
    let all_there = begun.elapsed();
    let start_cpu = server.cpu_seconds()?;
    let cold = server.resident_bytes()?;
    std::thread::sleep(size.idle);
    let idle = (server.cpu_seconds()? - start_cpu) / size.idle.as_secs_f64();

    let seen = Seen::new(size.models);
    ask(&server, &by_zipf(size.models, size.calls), &seen)?;
    let by_zipf = (seen.touched.iter().filter(|touched| touched.load(Relaxed)).count(), server.resident_bytes()?);
    ask(&server, &(0..size.models).rev().collect::<Vec<_>>(), &seen)?;
    let loaded = server.resident_bytes()?;
    let evictions = metric(&server, "forebay_evictions_total")?;
    let left = unload_all(&server, size.models)?;

    let figures = json!({
        "models": size.models,
        "bytes_of_all_artifacts": models.bytes,
        "memory_bytes_max": budget,
        "ready_ms": ready.as_millis() as u64,
        "all_available_ms": all_there.as_millis() as u64,
        "start_cpu_seconds": start_cpu,
        "idle_cpu_share": idle,
        "clients": CLIENTS,
        "calls_by_zipf": size.calls,
        "models_touched_by_zipf": by_zipf.0,
        "wrong_answers": seen.wrong.load(Relaxed),
        "first_touch_us": spread(&seen.first_us),
        "later_call_us": spread(&seen.later_us),
        "activations": metric(&server, "forebay_activations_total{result=\"ok\"}")?,
        "evictions": evictions,
        "resident_mib": {
            "cold": cold >> 20,
            "after_zipf": by_zipf.1 >> 20,
            "after_every_model": loaded >> 20,
            "after_unloading_all": left >> 20,
            "peak": server.peak_bytes()? >> 20,
        },
    });
    println!("{figures:#}");
    anyhow::ensure!(seen.wrong.load(Relaxed) == 0, "calls failed or were answered by another model");
    anyhow::ensure!(seen.touched.iter().all(|touched| touched.load(Relaxed)), "a model was never answered");
    anyhow::ensure!(evictions > 0, "nothing was given up for others");
    anyhow::ensure!(server.peak_bytes()? <= RESIDENT_MAX, "more than {} MiB were resident", RESIDENT_MAX >> 20);
    if short {
        return Ok(());
    }
    evidence::write(root, "lazy", "cargo xtask soak lazy", &figures)
}

/// Sends a call for each of the models, and checks the answers.
fn ask(server: &Server, models: &[usize], seen: &Seen) -> anyhow::Result<()> {
    let next = AtomicUsize::new(0);
    let client = || -> anyhow::Result<()> {
        let mut client = Client::connect(&server.address)?;
        while let Some(&model) = models.get(next.fetch_add(1, Relaxed)) {
            let begun = Instant::now();
            let answer = client.post(&format!("/api/v1/serve/{}", name(model)), br#"[{"x": 2}]"#)?;
            let took = u32::try_from(begun.elapsed().as_micros()).unwrap_or(u32::MAX);
            let rows: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
            let is_right = answer.status == 200 && rows[0]["y"].as_f64() == Some(2.0 + model as f64);
            if !is_right {
                seen.wrong.fetch_add(1, Relaxed);
                eprintln!("{}: {} {}", name(model), answer.status, String::from_utf8_lossy(&answer.body));
            }
            let is_first = !seen.touched[model].swap(true, Relaxed);
            let times = if is_first { &seen.first_us } else { &seen.later_us };
            times.lock().expect("no client panics").push(took);
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(client)).collect();
        clients.into_iter().try_for_each(|client| client.join().expect("no client panics"))
    })
}

/// Unloads every model by Triton's repository call, and returns what is resident once that was given back.
fn unload_all(server: &Server, models: usize) -> anyhow::Result<u64> {
    let mut client = Client::connect(&server.address)?;
    for model in 0..models {
        let answer = client.post(&format!("/v2/repository/models/{}/unload", name(model)), b"")?;
        anyhow::ensure!(answer.status == 200, "{} is not unloaded: {}", name(model), answer.status);
    }
    anyhow::ensure!(metric(server, "forebay_loaded_bytes")? == 0, "bytes of unloaded models are still counted");
    std::thread::sleep(Duration::from_secs(3));
    server.resident_bytes()
}

/// Returns what `/metrics` says under this name.
fn metric(server: &Server, name: &str) -> anyhow::Result<u64> {
    let page = Client::connect(&server.address)?.get("/metrics")?;
    let page = String::from_utf8(page.body)?;
    let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    Ok(line.with_context(|| format!("no metric {name}"))?.parse::<f64>()? as u64)
}

/// Returns models by Zipf's law, the same in every run.
fn by_zipf(models: usize, calls: usize) -> Vec<usize> {
    let mut sums: Vec<f64> = Vec::with_capacity(models);
    for rank in 1..=models {
        sums.push(sums.last().unwrap_or(&0.0) + (rank as f64).powf(-EXPONENT));
    }
    let all = sums.last().copied().unwrap_or(0.0);
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut draw = || {
        // Marsaglia's xorshift.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let at = (state >> 11) as f64 / (1u64 << 53) as f64 * all;
        // Ranks are spread over the names.
        sums.partition_point(|sum| *sum < at).min(models - 1) * 7_919 % models
    };
    (0..calls).map(|_| draw()).collect()
}

fn name(model: usize) -> String {
    format!("m{model:05}")
}

fn spread(times: &Mutex<Vec<u32>>) -> Value {
    let mut times = times.lock().expect("no client panics").clone();
    times.sort_unstable();
    json!({"calls": times.len(), "p50": percentile_us(&times, 50.0), "p99": percentile_us(&times, 99.0)})
}

impl Seen {
    fn new(models: usize) -> Seen {
        Seen {
            touched: (0..models).map(|_| AtomicBool::new(false)).collect(),
            wrong: AtomicU64::new(0),
            first_us: Mutex::default(),
            later_us: Mutex::default(),
        }
    }
}

/// A models directory; model n adds n.
struct Models {
    base: PathBuf,
    bytes: u64,
}

impl Models {
    fn new(count: usize) -> anyhow::Result<Models> {
        let base = std::env::temp_dir().join(format!("forebay-lazy-{}", std::process::id()));
        fs::create_dir_all(base.join("models"))?;
        let mut models = Models { base, bytes: 0 };
        for model in 0..count {
            let text = document(model);
            fs::write(models.base.join("models").join(format!("{}.pmml", name(model))), &text)?;
            models.bytes += text.len() as u64;
        }
        Ok(models)
    }
}

impl Drop for Models {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.base);
    }
}

fn document(model: usize) -> String {
    format!(
        r#"<?xml version="1.0"?>
<PMML version="4.4" xmlns="http://www.dmg.org/PMML-4_4">
  <Header/>
  <DataDictionary numberOfFields="2">
    <DataField name="x" optype="continuous" dataType="double"/>
    <DataField name="y" optype="continuous" dataType="double"/>
  </DataDictionary>
  <RegressionModel functionName="regression" modelName="{}">
    <MiningSchema>
      <MiningField name="x"/>
      <MiningField name="y" usageType="target"/>
    </MiningSchema>
    <RegressionTable intercept="{model}">
      <NumericPredictor name="x" coefficient="1"/>
    </RegressionTable>
  </RegressionModel>
</PMML>
"#,
        name(model)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zipf_prefers_few_and_reaches_many() {
        let mut counts = vec![0; 1_000];
        by_zipf(1_000, 20_000).into_iter().for_each(|model| counts[model] += 1);
        counts.sort_unstable_by(|a, b| b.cmp(a));
        // The first has 1 / H(1000), which is 13.4 %.
        assert!((2_200..3_200).contains(&counts[0]), "{}", counts[0]);
        assert!(counts.iter().filter(|&&count| count > 0).count() > 800);
    }
}
