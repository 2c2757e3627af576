//! `forebay labels`: which version of a model is called `stable`, and which is from now on.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::{
    client::{Server, segment},
    cmd,
    failure::Failure,
};

/// Lists, moves and removes the labels of a model on a running server
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The model
    name: String,
    /// What to set or move, each as LABEL=VERSION
    #[arg(value_name = "LABEL=VERSION")]
    moves: Vec<String>,
    /// Labels to remove
    #[arg(long, value_name = "LABEL")]
    remove: Vec<String>,
    /// Print the server's JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: Server,
}

pub fn run(args: Args) -> Result<(), Failure> {
    let wrong = |text: &String| Failure::usage(format_args!("`{text}`: expected LABEL=VERSION, such as stable=3"));
    let moves = args.moves.iter().map(|text| {
        let parts = text.split_once('=').and_then(|(label, number)| Some((label, number.parse::<u64>().ok()?)));
        parts.ok_or_else(|| wrong(text))
    });
    let moves = moves.collect::<Result<Vec<_>, _>>()?;
    let all = format!("/api/v1/models/{}/labels", segment(&args.name));
    for (label, version) in moves {
        args.server.put(&format!("{all}/{}", segment(label)), &json!({ "version": version }))?;
    }
    for label in &args.remove {
        args.server.delete(&format!("{all}/{}", segment(label)))?;
    }
    let answer = args.server.get(&all)?;
    if args.json {
        return cmd::print(&format!("{answer:#}\n"));
    }
    let mut out = String::new();
    for label in answer["labels"].as_array().into_iter().flatten() {
        let source = label["source"].as_str().map(|source| format!(" ({source})")).unwrap_or_default();
        let _ = writeln!(out, "{} {}{source}", text(&label["label"]), text(&label["version"]));
    }
    cmd::print(&out)
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
