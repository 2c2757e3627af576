//! Networks: one row and many rows a call in process, beside ONNX Runtime on one thread in the same run; what loading one takes.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::Context as _;
use serde_json::{Value, json};

use super::{Bench, CORE, Part, inputs::cache, number, rounded, spent};

pub const PART: Part = Part { name: "tensors", measure, title: "Networks beside ONNX Runtime", render };

/// Runs of ours; the least disturbed counts.
const RUNS: usize = 3;

/// A network of the benchmark, made by `acceptance/lib/tensor_bench.py`.
struct Network {
    name: &'static str,
    what: &'static str,
    /// Rows of the larger of two calls.
    rows: u32,
    /// What one row may take, in microseconds; what either call may take, in times of ONNX Runtime's.
    row_us: Option<f64>,
    times: [Option<f64>; 2],
    /// Where it lies below the shared folder, if it is no file of the benchmark, and whose peer it has.
    saved: Option<(&'static str, &'static str)>,
}

const fn network(name: &'static str, what: &'static str, rows: u32, times: [Option<f64>; 2]) -> Network {
    Network { name, what, rows, row_us: None, times, saved: None }
}

const TUTORIAL: &str = "lineage/lightbend__model-serving-tutorial/data";

const NETWORKS: [Network; 9] = [
    wine("wine", "the tutorial's network (11, 12, 8, 9), as ONNX", None),
    wine("wine-saved", "the same, TensorFlow's SavedModel", Some(("saved/1", "wine"))),
    network("cnn", "`tf2onnx_frozen_conv_bn_maxpool` of the corpus, 12 x 12 x 3", 100, [Some(1.5), Some(1.5)]),
    network("depthwise", "`tf2onnx_frozen_conv_depthwise_avgpool` of the corpus", 100, [Some(1.5), Some(1.5)]),
    network("lstm", "`tf2onnx_saved_lstm_keras3` of the corpus, 6 steps", 100, [Some(1.5), Some(1.5)]),
    network("mlp", "64, 256, 256, 10", 1000, [None; 2]),
    network("digits", "28 x 28, convolutions of 32 and 64 channels, layers of 128 and 10", 100, [None; 2]),
    network("mobile", "64 x 64 x 3, depthwise and pointwise convolutions", 100, [None; 2]),
    network("series", "an LSTM, 32 steps of 16, 64 numbers of state", 100, [None; 2]),
];

const fn wine(name: &'static str, what: &'static str, saved: Option<(&'static str, &'static str)>) -> Network {
    Network { row_us: Some(1.0), saved, ..network(name, what, 1000, [None, Some(1.3)]) }
}

/// What loading the SavedModel may take, in seconds.
const LOAD_S: f64 = 0.01;

fn measure(bench: &Bench<'_>) -> anyhow::Result<Value> {
    let folder = cache()?.join("bench-tensors");
    let shared = bench.root.join("../shared");
    let peers = peers(bench.root, &folder, &shared)?;
    let mut figures = json!({"runs": RUNS});
    for network in &NETWORKS {
        let Some(model) = network.path(&folder, &shared) else { continue };
        let rows = folder.join(format!("{}.jsonl", network.name)).display().to_string();
        let model = model.display().to_string();
        let peer = &peers[network.saved.map_or(network.name, |(_, peer)| peer)];
        let mut of = json!({});
        for count in [1, network.rows].map(|count| count.to_string()) {
            let args =
                ["bench", &model, &rows, "--rows-per-call", &count, "--seconds", "1", "--threads", "1", "--json"];
            let mut least = f64::INFINITY;
            for _ in 0..RUNS {
                let (_, said) = spent::on_core(CORE, bench.binary, &args)?;
                least = least.min(number(&serde_json::from_str(&said)?, "latency_us.round"));
            }
            let peer = number(peer, &count);
            of[count] = json!({"us": rounded(least, 3), "onnxruntime_us": peer, "times": rounded(least / peer, 2)});
        }
        figures[network.name] = of;
    }
    if let Some(network) = NETWORKS.iter().find(|network| network.name == "wine-saved") {
        figures["load"] = load(bench, network, &folder, &shared)?;
    }
    Ok(figures)
}

/// Loads the SavedModel: the least of some runs that score one row with it.
fn load(bench: &Bench<'_>, network: &Network, folder: &Path, shared: &Path) -> anyhow::Result<Value> {
    let Some(model) = network.path(folder, shared) else { return Ok(Value::Null) };
    let (model, row) = (model.display().to_string(), folder.join("wine-saved.row.jsonl"));
    let rows = std::fs::read_to_string(folder.join("wine-saved.jsonl"))?;
    std::fs::write(&row, rows.lines().next().unwrap_or_default())?;
    let row = row.display().to_string();
    let args = ["score", &model, &row, "--threads", "1", "--output-format", "none"];
    let mut least = f64::INFINITY;
    for _ in 0..10 * RUNS {
        least = least.min(spent::on_core(CORE, bench.binary, &args)?.0.wall);
    }
    Ok(json!({"wall_s": least}))
}

/// Makes the networks where they are missing and returns ONNX Runtime's times by network and rows.
fn peers(root: &Path, folder: &Path, shared: &Path) -> anyhow::Result<Value> {
    eprintln!("running ONNX Runtime");
    let script = ". acceptance/lib/python.sh && forebay_forest_bench && \
                  exec taskset -c 0 \"$FOREST_BENCH_PYTHON\" acceptance/lib/tensor_bench.py \"$@\"";
    let mut command = Command::new("bash");
    command.current_dir(root).args(["-c", script, "tensors"]).arg(folder);
    if shared.is_dir() {
        command.arg("--shared").arg(shared);
    }
    let output = command.stderr(Stdio::inherit()).output()?;
    anyhow::ensure!(output.status.success(), "ONNX Runtime did not run");
    serde_json::from_slice(&output.stdout).context("what tensor_bench.py printed")
}

impl Network {
    /// Returns where the network lies; `None` where it is not there.
    fn path(&self, folder: &Path, shared: &Path) -> Option<PathBuf> {
        let path = match self.saved {
            Some((path, _)) => shared.join(TUTORIAL).join(path),
            None => folder.join(format!("{}.onnx", self.name)),
        };
        path.exists().then_some(path)
    }
}

fn render(figures: &Value) -> String {
    let mut text = String::from(
        "`forebay bench --rows-per-call N` calls the compiled network with tensors that are made before, on one core with one thread; a call in \
         the least of many rounds, of three runs. ONNX Runtime 1.31 runs on the same core and rows with one thread, its optimisations on, \
         called from C with its inputs and outputs made before (`acceptance/lib/tensor_bench.c`). It has the wine network as ONNX, whatever \
         form ours comes in. The last four are made with random weights (`acceptance/lib/tensor_bench.py`).\n\n\
         | network | rows a call | Forebay | ONNX Runtime | times | goal |\n|---|---|---|---|---|---|\n",
    );
    for Network { name, what, rows, row_us, times, .. } in &NETWORKS {
        for (i, count) in [1, *rows].into_iter().enumerate() {
            let of = |key: &str| number(&figures[*name][count.to_string()], key);
            let goal = match (row_us, times[i]) {
                (Some(us), _) if i == 0 => format!("{us} us"),
                (_, Some(times)) => format!("{times} times"),
                _ => String::new(),
            };
            let what = if i == 0 { format!("{name}: {what}") } else { (*name).to_owned() };
            let _ = writeln!(
                text,
                "| {what} | {count} | {:.2} us | {:.2} us | {:.2} | {goal} |",
                of("us"),
                of("onnxruntime_us"),
                of("times")
            );
        }
    }
    let _ = writeln!(
        text,
        "\n`forebay score` with one row takes {:.0} ms with the tutorial's SavedModel, from the start of the process to its end; the goal for loading \
         it is {:.0} ms.",
        number(&figures["load"], "wall_s") * 1000.0,
        LOAD_S * 1000.0,
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goals_stand_beside_what_was_measured() {
        let call = |us: f64| json!({"us": us, "onnxruntime_us": 2.5, "times": us / 2.5});
        let text = render(&json!({"wine": {"1": call(0.5), "1000": call(20.0)}, "load": {"wall_s": 0.006}}));
        assert!(text.contains("as ONNX | 1 | 0.50 us | 2.50 us | 0.20 | 1 us |"), "{text}");
        assert!(text.contains("| wine | 1000 | 20.00 us | 2.50 us | 8.00 | 1.3 times |"), "{text}");
        assert!(text.contains("takes 6 ms"), "{text}");
    }
}
