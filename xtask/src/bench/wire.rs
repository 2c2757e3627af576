//! One row of 28 doubles per request of Open Inference V2, over REST and gRPC: processor time of the server beside axum's and
//! tonic's, which read the same body into typed values and write them back, and beside LightGBM's behind MLServer.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::Context as _;
use serde_json::{Value, json};

use super::{
    Bench, CORE, OTHER_CORE, Part, median, number, rounded,
    start::Folder,
    wrk::{CONNECTIONS, Load, ROUND_S, ROUNDS, Round, build_echo, listed, wrk_installed},
};
use crate::{http::Client, made, server::Server};

pub const PART: Part = Part { name: "wire", measure, title: "Requests of Open Inference V2", render };

const FIELDS: usize = 28;

/// A model: its name, its trees, and the times of the echo that a request may cost.
const MODELS: [(&str, usize, f64); 2] = [("small", 20, 1.8), ("forest", 500, 2.7)];

/// How many times more the peer takes than we do.
const PEER_TIMES: f64 = 40.0;

const GRPC_REQUESTS: usize = 150_000;

/// The peer takes a millisecond a request and more; three rounds tell.
const PEER_ROUNDS: usize = 3;

fn measure(bench: &Bench<'_>) -> anyhow::Result<Value> {
    wrk_installed()?;
    h2load_installed()?;
    let folder = Folder::new("wire")?;
    let models = folder.0.join("models");
    fs::create_dir_all(&models)?;
    for (name, trees, _) in MODELS {
        fs::write(models.join(format!("{name}.pmml")), made::forest(trees, 31, FIELDS))?;
    }
    let forebay =
        Server::start(bench.binary, &["serve", &models.display().to_string(), "--http", "127.0.0.1:0"], Some(CORE))?;
    forebay.ready()?;
    let axum = Server::start(&build_echo(bench.root, "axum-echo")?, &[], Some(CORE))?;
    let tonic = Server::start(&build_echo(bench.root, "tonic-echo")?, &[], Some(CORE))?;
    let mut figures = json!({"connections": CONNECTIONS, "round_s": ROUND_S, "grpc_requests": GRPC_REQUESTS});
    for (model, ..) in MODELS {
        let path = format!("/v2/models/{model}/infer");
        let ours = Load::new(&folder.0, &forebay, &path, &json_body())?;
        let peers = Load::new(&folder.0, &axum, &path, &json_body())?;
        figures["rest"][model] = by_turns("axum", || ours.round(), || peers.round())?;
        let body = folder.0.join(format!("{model}.grpc"));
        fs::write(&body, grpc_body(model))?;
        figures["grpc"][model] = by_turns("tonic", || h2load(&forebay, &body), || h2load(&tonic, &body))?;
    }
    let peer = peer(bench.root, &folder.0)?;
    let [path, body] = ["/v2/models/forest/infer".to_owned(), peer_body()];
    let [theirs, ours] = [&peer, &forebay].map(|server| Load::new(&folder.0, server, &path, &body));
    let (theirs, ours) = (theirs?, ours?);
    theirs.round()?;
    let (mut of_peer, mut of_ours) = (Vec::new(), Vec::new());
    for _ in 0..PEER_ROUNDS {
        of_peer.push(theirs.round()?);
        of_ours.push(ours.round()?);
    }
    let times: Vec<f64> =
        of_peer.iter().zip(&of_ours).map(|(peer, ours)| rounded(peer.cpu_us / ours.cpu_us, 1)).collect();
    figures["peer"] =
        json!({"mlserver": listed(&of_peer), "forebay": listed(&of_ours), "times": median(&times), "all_times": times});
    Ok(figures)
}

/// Measures two servers by turns; the first round of each does not count.
fn by_turns(
    name: &str,
    ours: impl Fn() -> anyhow::Result<Round>,
    peers: impl Fn() -> anyhow::Result<Round>,
) -> anyhow::Result<Value> {
    let (mut of_ours, mut of_peers) = (Vec::new(), Vec::new());
    for _ in 0..=ROUNDS {
        of_ours.push(ours()?);
        of_peers.push(peers()?);
    }
    let (ours, peers) = (&of_ours[1..], &of_peers[1..]);
    let ratios: Vec<f64> = ours.iter().zip(peers).map(|(ours, peer)| rounded(ours.cpu_us / peer.cpu_us, 3)).collect();
    Ok(json!({"forebay": listed(ours), name: listed(peers), "ratio": median(&ratios), "ratios": ratios}))
}

/// The values of the row.
fn values() -> impl Iterator<Item = (String, f64)> {
    (0..FIELDS).map(|at| (format!("f{at}"), f64::from((at * 7919 % 10_000) as u32) / 10_000.0))
}

fn request() -> Value {
    let tensor =
        |(name, value): (String, f64)| json!({"name": name, "shape": [1], "datatype": "FP64", "data": [value]});
    json!({"inputs": values().map(tensor).collect::<Vec<_>>()})
}

fn json_body() -> String {
    request().to_string()
}

/// The same with what tells MLServer that its tensors are the columns of one table.
fn peer_body() -> String {
    let mut request = request();
    request["parameters"] = json!({"content_type": "pd"});
    request.to_string()
}

/// Returns the request as protobuf writes it, in gRPC's frame.
fn grpc_body(model: &str) -> Vec<u8> {
    fn field(out: &mut Vec<u8>, tag: u8, bytes: &[u8]) {
        out.push(tag << 3 | 2);
        // Nothing here is longer than a varint of two bytes says.
        if bytes.len() >= 128 {
            out.push(bytes.len() as u8 | 128);
            out.push((bytes.len() >> 7) as u8);
        } else {
            out.push(bytes.len() as u8);
        }
        out.extend_from_slice(bytes);
    }
    let mut message = Vec::new();
    field(&mut message, 1, model.as_bytes());
    for (name, value) in values() {
        let (mut tensor, mut contents) = (Vec::new(), Vec::new());
        field(&mut tensor, 1, name.as_bytes());
        field(&mut tensor, 2, b"FP64");
        field(&mut tensor, 3, &[1]);
        field(&mut contents, 7, &value.to_le_bytes());
        field(&mut tensor, 5, &contents);
        field(&mut message, 5, &tensor);
    }
    let mut frame = vec![0];
    frame.extend((message.len() as u32).to_be_bytes());
    frame.extend(message);
    frame
}

/// A round of calls over HTTP/2, one after the other on each connection.
fn h2load(server: &Server, body: &Path) -> anyhow::Result<Round> {
    let before = server.cpu_seconds()?;
    let output = Command::new("taskset")
        .args(["-c", &OTHER_CORE.to_string(), "h2load", "--threads", "1", "--max-concurrent-streams", "1"])
        .args(["--clients", &CONNECTIONS.to_string(), "--requests", &GRPC_REQUESTS.to_string(), "--data"])
        .arg(body)
        .args(["--header", "content-type: application/grpc", "--header", "te: trailers"])
        .arg(format!("http://{}/inference.GRPCInferenceService/ModelInfer", server.address))
        .output()?;
    let spent = server.cpu_seconds()? - before;
    let said = String::from_utf8_lossy(&output.stdout);
    anyhow::ensure!(output.status.success(), "h2load failed: {}", String::from_utf8_lossy(&output.stderr));
    parse(&said, spent).with_context(|| format!("what h2load said: {said}"))
}

/// Reads a report of `h2load`; none where calls failed. An error of gRPC has no message, so its answers hold no data.
fn parse(report: &str, cpu_s: f64) -> Option<Round> {
    let line = |start: &str| report.lines().find_map(|line| line.strip_prefix(start));
    let succeeded = line("requests:")?.split(", ").find_map(|part| part.strip_suffix(" succeeded"))?;
    let requests: f64 = succeeded.trim().parse().ok()?;
    let data = line("traffic:")?.rsplit_once('(')?.1.split_once(')')?.0;
    if requests < GRPC_REQUESTS as f64 || data.trim().parse::<f64>().ok()? < 8.0 * requests {
        return None;
    }
    let per_s = line("finished in")?.split(", ").nth(1)?.strip_suffix(" req/s")?.trim().parse().ok()?;
    let mean = line("time for request:")?.split_whitespace().nth(2)?;
    let mean_us = super::wrk::microseconds(mean)?;
    // It tells no percentiles.
    Some(Round { cpu_us: cpu_s * 1e6 / requests, requests_per_s: per_s, p50_us: mean_us, p99_us: f64::NAN })
}

fn h2load_installed() -> anyhow::Result<()> {
    let has = || Command::new("h2load").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !has() {
        eprintln!("installing h2load");
        let _ = Command::new("apt-get").args(["install", "-q", "-y", "nghttp2-client"]).stdout(Stdio::null()).status();
    }
    anyhow::ensure!(has(), "h2load is missing (Debian: apt-get install nghttp2-client)");
    Ok(())
}

/// Starts LightGBM behind MLServer and waits until it answers.
fn peer(root: &Path, folder: &Path) -> anyhow::Result<Server> {
    let script = ". acceptance/lib/python.sh && forebay_wire && printf %s \"$WIRE_PYTHON\"";
    let output = Command::new("bash").current_dir(root).args(["-c", script]).stderr(Stdio::inherit()).output()?;
    anyhow::ensure!(output.status.success(), "the Python environment of the peer could not be made");
    let python = PathBuf::from(String::from_utf8_lossy(&output.stdout).into_owned());
    let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port().to_string();
    let script = root.join("acceptance/lib/wire_peer.py").display().to_string();
    let server = Server::start(&python, &[&script, &folder.join("peer").display().to_string(), &port], Some(CORE))?;
    let begin = std::time::Instant::now();
    while begin.elapsed() < std::time::Duration::from_secs(60) {
        let ask = |mut client: Client| client.post("/v2/models/forest/infer", peer_body().as_bytes());
        if Client::connect(&server.address).and_then(ask).is_ok_and(|answer| answer.status == 200) {
            return Ok(server);
        }
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    anyhow::bail!("MLServer does not answer")
}

fn render(figures: &Value) -> String {
    let mut text = format!(
        "One row of {FIELDS} doubles per request of Open Inference V2, each in a tensor of its own, on {CONNECTIONS} connections that stay open; the load \
         on the second core, the server on the first: the processor time (user and system) that the server spends on a request. The models are PMML \
         documents made by the bench: sums of 20 and of 500 trees of 31 leaves. `bench/axum-echo` and `bench/tonic-echo` read the same bodies into typed \
         values and write them back. By turns, rounds of {ROUND_S} s of `wrk` (REST) and of {GRPC_REQUESTS} calls of `h2load` (gRPC); figures are \
         medians of {ROUNDS} rounds, the ratio is the median of the ratios of neighbours.\n\n\
         | protocol | model | Forebay | echo | requests/s | ratio | held to |\n|---|---|---|---|---|---|---|\n",
    );
    let middle = |of: &Value, key: &str| {
        let list: Vec<f64> = of[key].as_array().into_iter().flatten().filter_map(Value::as_f64).collect();
        median(&list)
    };
    for (protocol, echo) in [("rest", "axum"), ("grpc", "tonic")] {
        for (model, trees, limit) in MODELS {
            let of = &figures[protocol][model];
            let _ = writeln!(
                text,
                "| {protocol} | {trees} trees | {:.1} us | {:.1} us ({echo}) | {:.0} | {:.2} | {limit} |",
                middle(&of["forebay"], "cpu_us"),
                middle(&of[echo], "cpu_us"),
                middle(&of["forebay"], "requests_per_s"),
                number(of, "ratio"),
            );
        }
    }
    let peer = &figures["peer"];
    let _ = writeln!(
        text,
        "\nA peer from PyPI in the same run: LightGBM's 500 trees behind MLServer, which speaks the protocol too and runs in one process here, \
         are asked the very same over REST and take {:.0} us a request, {:.0} times Forebay's {:.1} us (held to {PEER_TIMES}).",
        middle(&peer["mlserver"], "cpu_us"),
        number(peer, "times"),
        middle(&peer["forebay"], "cpu_us"),
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &str = "finished in 2.50s, 60000.00 req/s, 9.50MB/s\n\
        requests: 150000 total, 150000 started, 150000 done, 150000 succeeded, 0 failed, 0 errored, 0 timeout\n\
        status codes: 150000 2xx, 0 3xx, 0 4xx, 0 5xx\n\
        traffic: 23.75MB (24900000) total, 5.15MB (5400000) headers (space savings 80.00%), 14.30MB (15000000) data\n\
        \x20                    min         max         mean         sd        +/- sd\n\
        time for request:      200us      9.50ms      1.05ms       500us    80.00%\n";

    #[test]
    fn a_report_of_h2load() {
        let round = parse(REPORT, 1.5).unwrap();
        assert_eq!((round.cpu_us, round.requests_per_s, round.p50_us), (10.0, 60_000.0, 1050.0));
        assert!(parse(&REPORT.replace("(15000000)", "(0)"), 1.5).is_none(), "errors of gRPC have no data");
        assert!(parse(&REPORT.replace("150000 succeeded", "149999 succeeded"), 1.5).is_none());
    }

    #[test]
    fn a_call_is_framed() {
        let body = grpc_body("small");
        assert_eq!(body.len(), 5 + u32::from_be_bytes([body[1], body[2], body[3], body[4]]) as usize);
        assert_eq!(&body[5..12], b"\x0a\x05small");
    }
}
