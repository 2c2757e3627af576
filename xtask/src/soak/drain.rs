//! Servers that are told to stop under load: whoever had asked before is answered, and the process ends well and in time.
//!
//! A request counts as in flight where all of it was sent before the signal. One that is sent later meets a server that stops:
//! it is answered, or its connection closes before anything of an answer came, so that its caller may ask elsewhere.

use std::{
    fs,
    path::Path,
    process::Command,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use anyhow::Context as _;
use serde_json::json;

use crate::{
    evidence,
    http::Client,
    made,
    server::{Server, binary},
    tree::copy,
};

const FIELDS: usize = 8;

/// Longest that a server may take to end: `drain_ms` as configured here.
const DRAIN: Duration = Duration::from_secs(5);

/// A request and when it was sent; answered with what, where it was.
struct Asked {
    sent: Instant,
    status: Option<u16>,
}

pub fn run(root: &Path, short: bool) -> anyhow::Result<()> {
    let rounds = if short { 10 } else { 100 };
    let binary = binary(root)?;
    let folder = super::Scratch::new("drain")?;
    let models = folder.0.join("models");
    copy(&root.join("examples/models/text"), &models.join("text"))?;
    fs::write(models.join("dear.pmml"), made::machine(5_000, FIELDS))?;
    let config = folder.0.join("forebay.toml");
    fs::write(&config, format!("[server]\ndrain_ms = {}\ninline_max_us = 20\n", DRAIN.as_millis()))?;
    let row: Vec<String> = (0..FIELDS).map(|at| format!("\"f{at}\":0.{at}")).collect();
    let row = format!("{{{}}}", row.join(",")).into_bytes();
    let loads: [(&str, &[u8]); 2] =
        [("/api/v1/serve/text", br#"{"text": "mist makes spark better"}"#), ("/api/v1/serve/dear", &row)];
    let (models, config) = (models.display().to_string(), config.display().to_string());
    let (mut answered, mut failed, mut turned_away, mut in_flight) = (0, 0, 0, 0);
    let mut longest = Duration::ZERO;
    for round in 0..rounds {
        let mut server =
            Server::start(&binary, &["serve", &models, "--http", "127.0.0.1:0", "--config", &config], None)?;
        server.ready()?;
        // At another moment of the load in each round.
        let address = server.address.clone();
        let (signal, asked) = under_load(&address, &loads, || {
            std::thread::sleep(Duration::from_millis(100 + round % 10));
            let begun = Instant::now();
            let told = Command::new("kill").args(["-TERM", &server.pid().to_string()]).status()?;
            anyhow::ensure!(told.success(), "kill -TERM failed");
            let exit = server.wait(2 * DRAIN)?;
            anyhow::ensure!(exit.success(), "round {round}: the server ended with {exit}");
            longest = longest.max(begun.elapsed());
            Ok(begun)
        })?;
        for Asked { sent, status } in asked {
            match status {
                Some(200) => answered += 1,
                _ if sent < signal => failed += 1,
                _ => turned_away += 1,
            }
            in_flight += u64::from(sent < signal);
        }
    }
    let figures = json!({
        "rounds": rounds,
        "requests_before_the_signal": in_flight,
        "answered": answered,
        "failed": failed,
        "sent_later_and_turned_away": turned_away,
        "longest_end_ms": longest.as_millis() as u64,
    });
    println!("{figures:#}");
    anyhow::ensure!(answered > 0, "nothing was answered");
    anyhow::ensure!(failed == 0, "{failed} requests that were sent before the signal got no answer");
    if short {
        return Ok(());
    }
    anyhow::ensure!(longest < DRAIN, "a server took {longest:?} to end");
    evidence::write(root, "drain", "cargo xtask soak drain", &figures)
}

/// Asks on eight connections until their server closes them; returns what `during` said, and all that was asked.
fn under_load<T>(
    address: &str,
    loads: &[(&str, &[u8])],
    during: impl FnOnce() -> anyhow::Result<T>,
) -> anyhow::Result<(T, Vec<Asked>)> {
    const CLIENTS: usize = 8;
    let (all, stop) = (Mutex::new(Vec::new()), AtomicBool::new(false));
    let said = std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (path, body) = loads[client % loads.len()];
            let (all, stop) = (&all, &stop);
            scope.spawn(move || {
                let mut asked = Vec::new();
                let Ok(mut client) = Client::connect(address) else { return };
                while !stop.load(Relaxed) {
                    let sent = client.begin(path, body).map(|()| Instant::now());
                    let status = sent.as_ref().ok().and_then(|_| client.answer().ok()).map(|answer| answer.status);
                    asked.push(Asked { sent: sent.unwrap_or_else(|_| Instant::now()), status });
                    if status.is_none() || client.is_closing() {
                        break;
                    }
                }
                all.lock().expect("nobody panics with it").extend(asked);
            });
        }
        let said = during();
        stop.store(true, Relaxed);
        said
    });
    Ok((said.context("while requests came")?, all.into_inner().expect("nobody panics with it")))
}
