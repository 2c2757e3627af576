//! `forebay events`: what happened to the models of a running server, and what happens.

use std::{fmt::Write, thread, time::Duration};

use serde_json::Value;

use crate::{client::Server, cmd, failure::Failure};

/// Prints what happened to the models of a running server
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Only events after this number
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    since: u64,
    /// Go on with those that come, until interrupted
    #[arg(long)]
    follow: bool,
    /// Print each event as a line of JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: Server,
}

pub fn run(args: Args) -> Result<(), Failure> {
    const LOOK: Duration = Duration::from_millis(500);
    let mut last = args.since;
    loop {
        let answer = args.server.get(&format!("/api/v1/events?since={last}"))?;
        let events = answer["events"].as_array().map(Vec::as_slice).unwrap_or_default();
        let mut out = String::new();
        for event in events {
            last = event["number"].as_u64().unwrap_or(last).max(last);
            let _ = if args.json { writeln!(out, "{event}") } else { writeln!(out, "{}", line(event)) };
        }
        cmd::print(&out)?;
        match (events.is_empty(), args.follow) {
            (false, _) => {}
            (true, true) => thread::sleep(LOOK),
            (true, false) => return Ok(()),
        }
    }
}

fn line(event: &Value) -> String {
    let text = |key: &str| match &event[key] {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    let mut line = format!("{} {} {} {}", text("number"), text("at"), text("kind"), text("model"));
    for (key, shown) in [("version", "version "), ("label", "label "), ("message", ": ")] {
        if !event[key].is_null() {
            let space = if key == "message" { "" } else { " " };
            let _ = write!(line, "{space}{shown}{}", text(key));
        }
    }
    line
}
