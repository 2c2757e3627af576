//! Rounds of requests by `wrk` from the second core, and what they cost the server on the first.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::Context as _;
use serde_json::{Value, json};

use super::{OTHER_CORE, rounded};
use crate::{
    http::Client,
    server::{Server, target},
};

pub const CONNECTIONS: usize = 64;
pub const ROUND_S: usize = 5;

/// Rounds of each server, in turn, after one that does not count.
pub const ROUNDS: usize = 5;

/// What `wrk` saw in a round, and what the server spent.
pub struct Round {
    pub cpu_us: f64,
    pub requests_per_s: f64,
    pub p50_us: f64,
    pub p99_us: f64,
}

pub fn listed(rounds: &[Round]) -> Value {
    let list = |of: fn(&Round) -> f64| rounds.iter().map(|round| rounded(of(round), 2)).collect::<Vec<f64>>();
    json!({
        "cpu_us": list(|round| round.cpu_us), "requests_per_s": list(|round| round.requests_per_s),
        "p50_us": list(|round| round.p50_us), "p99_us": list(|round| round.p99_us),
    })
}

/// Requests of one kind to one server.
pub struct Load<'a> {
    server: &'a Server,
    script: PathBuf,
    url: String,
}

impl Load<'_> {
    pub fn new<'a>(folder: &Path, server: &'a Server, path: &str, body: &str) -> anyhow::Result<Load<'a>> {
        let answer = Client::connect(&server.address)?.post(path, body.as_bytes())?;
        let said = String::from_utf8_lossy(&answer.body).into_owned();
        anyhow::ensure!(answer.status == 200, "{path} answers {}: {said}", answer.status);
        let script = folder.join(format!("{}{}.lua", server.pid(), path.replace('/', "-")));
        // A JSON text in a long bracket needs no escapes.
        let lua = format!(
            "wrk.method = 'POST'\nwrk.body = [==[{body}]==]\nwrk.headers['Content-Type'] = 'application/json'\n"
        );
        fs::write(&script, lua)?;
        Ok(Load { server, script, url: format!("http://{}{path}", server.address) })
    }

    pub fn round(&self) -> anyhow::Result<Round> {
        let before = self.server.cpu_seconds()?;
        let output = Command::new("taskset")
            .args(["-c", &OTHER_CORE.to_string(), "wrk", "--threads", "1", "--latency", "--timeout", "10s"])
            .args(["--connections", &CONNECTIONS.to_string(), "--duration", &format!("{ROUND_S}s"), "--script"])
            .arg(&self.script)
            .arg(&self.url)
            .output()?;
        let spent = self.server.cpu_seconds()? - before;
        let said = String::from_utf8_lossy(&output.stdout);
        anyhow::ensure!(output.status.success(), "wrk failed: {}", String::from_utf8_lossy(&output.stderr));
        parse(&said, spent).with_context(|| format!("what wrk said: {said}"))
    }
}

/// Reads a report of `wrk`; none where requests failed.
fn parse(report: &str, cpu_s: f64) -> Option<Round> {
    if report.contains("Non-2xx") || report.contains("Socket errors") {
        return None;
    }
    let lines = || report.lines().map(str::trim);
    let requests: f64 = lines().find_map(|line| line.split_once(" requests in "))?.0.parse().ok()?;
    let requests_per_s = lines().find_map(|line| line.strip_prefix("Requests/sec:"))?.trim().parse().ok()?;
    let at = |share: &str| lines().find_map(|line| line.strip_prefix(share)).and_then(|time| microseconds(time.trim()));
    Some(Round { cpu_us: cpu_s * 1e6 / requests, requests_per_s, p50_us: at("50%")?, p99_us: at("99%")? })
}

/// Returns the microseconds of a time such as `1.05ms`.
pub fn microseconds(time: &str) -> Option<f64> {
    let split = time.find(|c: char| c.is_ascii_alphabetic())?;
    let scale = match &time[split..] {
        "us" => 1.0,
        "ms" => 1e3,
        "s" => 1e6,
        _ => return None,
    };
    Some(time[..split].parse::<f64>().ok()? * scale)
}

pub fn wrk_installed() -> anyhow::Result<()> {
    let has = || Command::new("wrk").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !has() {
        eprintln!("installing wrk");
        // Works for root on Debian; everybody else reads the next line.
        let _ = Command::new("apt-get").args(["install", "-q", "-y", "wrk"]).stdout(Stdio::null()).status();
    }
    anyhow::ensure!(has(), "wrk is missing (Debian: apt-get install wrk)");
    Ok(())
}

/// Builds a peer of `bench/`, in a place of its own.
pub fn build_echo(root: &Path, name: &str) -> anyhow::Result<PathBuf> {
    let place = target(root).join("bench");
    let built = Command::new(env!("CARGO"))
        .current_dir(root.join("bench").join(name))
        .args(["build", "--release", "--locked", "--target-dir"])
        .arg(&place)
        .status()?;
    anyhow::ensure!(built.success(), "bench/{name} does not build");
    Ok(place.join("release").join(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &str = "Running 5s test\n  Latency Distribution\n     50%  520.00us\n     75%    1.10ms\n     99%    2.50ms\n  \
                          600000 requests in 5.00s, 90.00MB read\nRequests/sec: 120000.50\nTransfer/sec:     18.00MB\n";

    #[test]
    fn a_report_of_wrk() {
        let round = parse(REPORT, 3.0).unwrap();
        assert_eq!((round.cpu_us, round.requests_per_s), (5.0, 120_000.5));
        assert_eq!((round.p50_us, round.p99_us), (520.0, 2500.0));
    }

    #[test]
    fn a_round_with_failures_counts_not() {
        assert!(parse(&format!("{REPORT}  Non-2xx or 3xx responses: 1\n"), 3.0).is_none());
        assert!(parse(&format!("{REPORT}  Socket errors: connect 0, read 1\n"), 3.0).is_none());
    }
}
