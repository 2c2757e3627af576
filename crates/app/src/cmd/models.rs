//! `forebay models` and `forebay versions`: what a running server has.

use std::fmt::Write;

use serde_json::Value;

use crate::{
    client::{Server, segment},
    cmd,
    failure::Failure,
};

/// Lists the models of a running server
#[derive(clap::Args, Debug)]
pub struct ModelsArgs {
    /// Print the server's JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: Server,
}

/// Lists the versions of a model on a running server
#[derive(clap::Args, Debug)]
pub struct VersionsArgs {
    /// The model
    name: String,
    /// Print the server's JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: Server,
}

pub fn models(args: ModelsArgs) -> Result<(), Failure> {
    let answer = args.server.get("/api/v1/models")?;
    let all = answer["models"].as_array().map(Vec::as_slice).unwrap_or_default();
    say(&answer, all, args.json)
}

pub fn versions(args: VersionsArgs) -> Result<(), Failure> {
    let answer = args.server.get(&format!("/api/v1/models/{}", segment(&args.name)))?;
    say(&answer, std::slice::from_ref(&answer), args.json)
}

fn say(answer: &Value, models: &[Value], json: bool) -> Result<(), Failure> {
    if json {
        return cmd::print(&format!("{answer:#}\n"));
    }
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    let mut rows = vec![["model", "version", "state", "format", "class", "labels"].map(str::to_owned)];
    let mut health = Vec::new();
    for model in models {
        for version in model["versions"].as_array().into_iter().flatten() {
            let of = |key: &str| text(&version[key]);
            let labels = labels_of(model, &version["version"]);
            rows.push([text(&model["name"]), of("version"), of("state"), of("format"), of("class"), labels]);
            if !version["health"].is_null() {
                health.push(format!("{} version {}: {}", text(&model["name"]), of("version"), of("health")));
            }
        }
        if !model["problem"].is_null() {
            health.push(format!("{}: {}", text(&model["name"]), text(&model["problem"])));
        }
    }
    let widths: [usize; 6] = std::array::from_fn(|i| rows.iter().map(|row| row[i].chars().count()).max().unwrap_or(0));
    let mut out = String::new();
    for row in &rows {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        let _ = writeln!(out, "{}", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
    for line in &health {
        let _ = writeln!(out, "{line}");
    }
    cmd::print(&out)
}

/// Returns the labels that stand at a version.
fn labels_of(model: &Value, version: &Value) -> String {
    let all = model["labels"].as_object().into_iter().flatten().filter(|(_, of)| *of == version);
    all.map(|(label, _)| label.as_str()).collect::<Vec<_>>().join(",")
}
