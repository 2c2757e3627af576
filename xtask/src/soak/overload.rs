//! Three times the load that a server carries: what it answers stays fast, the rest is refused at once, and when the load is over
//! so is everything that came of it.
//!
//! The model is made dear by support vectors, and a call has some rows: a few milliseconds, so that the load, which shares the
//! machine, and the refusals are little beside it. The server computes on one thread, so that of two cores one is left to them.
//! First a closed load tells the capacity, an open one of a third of it the times without load; then three times the
//! capacity is asked for, and at once after it half of it. Last comes the closed load again: what is answered under load is held
//! beside the mean of the two, for a machine shared with others has not the same pace all the time.

use std::{collections::BTreeMap, fs, path::Path, time::Duration};

use serde_json::json;

use super::load::{self, Seen, percentile_ms};
use crate::{
    evidence,
    http::Client,
    made,
    server::{Server, binary},
};

const FIELDS: usize = 8;
/// Rows of a call.
const ROWS: usize = 3;
const PATH: &str = "/api/v1/serve/dear";
/// More than calls that a burst may have (`docs/load.md`), so that the load stays open.
const CONNECTIONS: usize = 1_024;

/// Times that are too long are counted from here on in what comes after the load.
const RECOVERY: Duration = Duration::from_secs(1);

pub fn run(root: &Path, short: bool) -> anyhow::Result<()> {
    let time = Duration::from_secs(if short { 4 } else { 60 });
    let binary = binary(root)?;
    let folder = super::Scratch::new("overload")?;
    let models = folder.0.join("models");
    fs::create_dir_all(&models)?;
    fs::write(models.join("dear.pmml"), made::machine(if short { 20_000 } else { 60_000 }, FIELDS))?;
    fs::write(folder.0.join("forebay.toml"), "[server]\ncompute_threads = 1\ninline_max_us = 1\n")?;
    let models = models.display().to_string();
    let config = folder.0.join("forebay.toml").display().to_string();
    let server = Server::start(&binary, &["serve", &models, "--http", "127.0.0.1:0", "--config", &config], None)?;
    server.ready()?;
    let row: Vec<String> = (0..FIELDS).map(|at| format!("\"f{at}\":0.{at}")).collect();
    let row = format!("{{{}}}", row.join(","));
    let body = format!("[{}]", vec![row; ROWS].join(",")).into_bytes();
    let answer = Client::connect(&server.address)?.post(PATH, &body)?;
    anyhow::ensure!(answer.status == 200, "it answers {}: {}", answer.status, String::from_utf8_lossy(&answer.body));

    let ask = |rate: f64, time: Duration| load::open(&server.address, PATH, &body, CONNECTIONS, rate, time);
    load::closed(&server.address, PATH, &body, 4, time / 10);
    let full = || load::closed(&server.address, PATH, &body, 4, time / 2);
    let carried = |seen: &[Seen], time: Duration| answers(seen).count() as f64 / time.as_secs_f64();
    let before = full();
    let capacity = carried(&before, time / 2);
    let calm = ask(capacity / 3.0, time / 2);
    let over = ask(3.0 * capacity, time);
    let after = ask(capacity / 2.0, (time / 3).max(2 * RECOVERY));
    let again = full();
    let capacities = [capacity, carried(&again, time / 2)];

    let calm_p99 = percentile_ms(took(&calm, 200), 0.99);
    let over_p99 = percentile_ms(took(&over, 200), 0.99);
    let goodput = carried(&over, time);
    let refused = || over.iter().filter(|seen| seen.status == 503).map(|seen| seen.answered);
    let late = |seen: &Seen| seen.status != 200 || seen.took.as_secs_f64() * 1e3 > 3.0 * calm_p99;
    let others = [&before, &calm, &over, &after, &again].into_iter().flatten();
    let others = others.filter(|seen| ![200, 503].contains(&seen.status));
    let figures = json!({
        "seconds": time.as_secs(),
        "capacity_per_s": {"before": capacities[0].round(), "after": capacities[1].round()},
        "asked_per_s": (over.len() as f64 / time.as_secs_f64()).round(),
        "goodput_per_s": goodput.round(),
        "goodput_share": (goodput / (capacities.iter().sum::<f64>() / 2.0) * 1e3).round() / 1e3,
        "p99_ms_without_load": calm_p99,
        "p99_ms_of_answers": over_p99,
        "p99_times": (over_p99 / calm_p99 * 1e2).round() / 1e2,
        "slow_by_second": slow_by_second(&over, calm_p99),
        "answered": answers(&over).count(),
        "refused": refused().count(),
        "refusal_ms_median": percentile_ms(refused(), 0.5),
        "refusal_ms_p99": percentile_ms(refused(), 0.99),
        "neither_answered_nor_refused": others.count(),
        "recovery_ms": recovered(&after, late).as_millis() as u64,
    });
    println!("{figures:#}");
    let of = |key: &str| figures[key].as_f64().unwrap_or(f64::NAN);
    anyhow::ensure!(of("neither_answered_nor_refused") == 0.0, "requests got another answer, or none");
    anyhow::ensure!(of("refused") > 0.0 && of("answered") > 0.0, "nothing was refused, or all was");
    let last = after.iter().filter(|seen| seen.at > RECOVERY && seen.status != 200).count();
    anyhow::ensure!(last == 0, "{last} requests were refused a second after the load was over");
    if short {
        return Ok(());
    }
    anyhow::ensure!(of("goodput_share") >= 0.9, "less than 90 % of the capacity was answered");
    anyhow::ensure!(of("p99_times") <= 3.0, "answers took more than three times as long as without load");
    anyhow::ensure!(of("refusal_ms_p99") < 2.0, "refusals took two milliseconds or more");
    anyhow::ensure!(of("recovery_ms") < 1000.0, "it took a second or more to recover");
    evidence::write(root, "overload", "cargo xtask soak overload", &figures)
}

/// Returns how many answers took more than three times as long as without load, by the second of the load that they belong to: when it
/// begins, and when all are let in for a moment to see.
fn slow_by_second(seen: &[Seen], calm_p99: f64) -> BTreeMap<u64, usize> {
    let mut slow = BTreeMap::new();
    for seen in seen.iter().filter(|seen| seen.status == 200 && seen.took.as_secs_f64() * 1e3 > 3.0 * calm_p99) {
        *slow.entry(seen.at.as_secs()).or_default() += 1;
    }
    slow
}

/// Returns when the load was got over: the moment from which on of a hundred requests that follow at most one is late.
fn recovered(after: &[Seen], late: impl Fn(&Seen) -> bool) -> Duration {
    let mut left = after.iter().filter(|seen| late(seen)).count();
    for (place, seen) in after.iter().enumerate() {
        if 100 * left <= after.len() - place {
            return if place == 0 { Duration::ZERO } else { seen.at };
        }
        left -= usize::from(late(seen));
    }
    after.last().map_or(Duration::ZERO, |seen| seen.at + seen.took)
}

fn answers(seen: &[Seen]) -> impl Iterator<Item = &Seen> {
    seen.iter().filter(|seen| seen.status == 200)
}

fn took(seen: &[Seen], status: u16) -> impl Iterator<Item = Duration> {
    seen.iter().filter(move |seen| seen.status == status).map(|seen| seen.took)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_is_got_over_when_hardly_any_that_follows_is_late() {
        let asked = |late: &'static [u64]| {
            let seen = move |at| Seen {
                at: Duration::from_millis(at),
                took: Duration::ZERO,
                answered: Duration::ZERO,
                status: if late.contains(&at) { 503 } else { 200 },
            };
            recovered(&(0..300).map(seen).collect::<Vec<_>>(), |seen| seen.status != 200).as_millis()
        };
        assert_eq!([asked(&[]), asked(&[0, 7, 200]), asked(&[0, 1, 2, 3]), asked(&[0, 9, 100, 290])], [0, 0, 2, 10]);
    }
}
