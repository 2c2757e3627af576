//! One row per request over REST: processor time of the server beside axum's, which parses the same body and writes it back.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{
    Bench, CORE, Part,
    inputs::{Inputs, SERVED},
    median, number, rounded,
    start::Folder,
    wrk::{CONNECTIONS, Load, ROUND_S, ROUNDS, build_echo, listed, wrk_installed},
};
use crate::{server::Server, tree::copy};

pub const PART: Part = Part { name: "rest", measure, title: "Requests over REST", render };

fn measure(bench: &Bench<'_>) -> anyhow::Result<Value> {
    wrk_installed()?;
    let echo = build_echo(bench.root, "axum-echo")?;
    let inputs = Inputs::ready(bench)?;
    let folder = Folder::new("rest")?;
    for model in SERVED {
        copy(&inputs.model(model), &folder.0.join("models").join(model))?;
    }
    let models = folder.0.join("models").display().to_string();
    let forebay = Server::start(bench.binary, &["serve", &models, "--http", "127.0.0.1:0"], Some(CORE))?;
    forebay.ready()?;
    let echo = Server::start(&echo, &[], Some(CORE))?;
    let mut figures = json!({"connections": CONNECTIONS, "round_s": ROUND_S});
    for model in SERVED {
        let body = inputs.row(model)?;
        let ours = Load::new(&folder.0, &forebay, &format!("/api/v1/serve/{model}"), &body)?;
        let peers = Load::new(&folder.0, &echo, &format!("/{model}"), &body)?;
        let (mut of_ours, mut of_peers) = (Vec::new(), Vec::new());
        for _ in 0..=ROUNDS {
            of_ours.push(ours.round()?);
            of_peers.push(peers.round()?);
        }
        let (ours, peers) = (&of_ours[1..], &of_peers[1..]);
        let ratios: Vec<f64> =
            ours.iter().zip(peers).map(|(ours, peer)| rounded(ours.cpu_us / peer.cpu_us, 3)).collect();
        figures[model] =
            json!({"forebay": listed(ours), "axum": listed(peers), "ratio": median(&ratios), "ratios": ratios});
    }
    Ok(figures)
}

fn render(figures: &Value) -> String {
    let mut text = format!(
        "One row per request on {CONNECTIONS} connections that stay open, `wrk` on the second core, the server on the first: the processor \
         time (user and system) that the server spends on a request. `bench/axum-echo` is axum 0.8, which parses the same body into \
         typed values and writes them back; Forebay scores the row and writes every default column. The two take turns in rounds of \
         {ROUND_S} s; figures are medians of {ROUNDS} rounds, the ratio is the median of the ratios of neighbours.\n\n\
         | model | server | CPU per request | requests/s | p50 | p99 | ratio |\n|---|---|---|---|---|---|---|\n",
    );
    for model in SERVED {
        for server in ["forebay", "axum"] {
            let of = &figures[model][server];
            let middle = |key: &str| {
                let list: Vec<f64> = of[key].as_array().into_iter().flatten().filter_map(Value::as_f64).collect();
                median(&list)
            };
            let ratio =
                if server == "forebay" { format!("{:.2}", number(&figures[model], "ratio")) } else { String::new() };
            let _ = writeln!(
                text,
                "| {model} | {server} | {:.1} us | {:.0} | {:.0} us | {:.0} us | {ratio} |",
                middle("cpu_us"),
                middle("requests_per_s"),
                middle("p50_us"),
                middle("p99_us"),
            );
        }
    }
    text.push_str("\nThe text pipeline is held to a ratio of 1.8.\n");
    text
}
