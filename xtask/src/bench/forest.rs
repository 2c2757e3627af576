//! Forests of real trainers: our kernels beside what compiles or evaluates the same models, on the same rows in the same run.

use std::{
    fmt::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::Context as _;
use serde_json::{Value, json};

use super::{Bench, CORE, Part, inputs::cache, number, rounded};

pub const PART: Part = Part { name: "forest", measure, title: "Forests beside what compiles them", render };

/// A model of the benchmark, made by `acceptance/lib/forest_bench.py`.
struct Model {
    name: &'static str,
    what: &'static str,
    /// Nanoseconds of a row and a tree in a batch: with AVX-512 VBMI, AVX2, and neither.
    batch: [Option<f64>; 3],
    /// Microseconds of a lone row.
    row: Option<f64>,
    /// The model that differs in its missing values or its categories alone.
    plain: Option<&'static str>,
}

const fn model(name: &'static str, what: &'static str, batch: [Option<f64>; 3], row: Option<f64>) -> Model {
    Model { name, what, batch, row, plain: None }
}

const fn variant(name: &'static str, what: &'static str, plain: &'static str) -> Model {
    Model { name, what, batch: [None; 3], row: None, plain: Some(plain) }
}

const MODELS: [Model; 8] = [
    model("lgb", "LightGBM, 500 trees of 31 leaves, 28 features", [Some(0.8), Some(2.0), Some(2.6)], Some(1.5)),
    variant("lgb-missing", "the same, a tenth of the values missing", "lgb"),
    variant("lgb-categories", "the same, two features of 40 categories", "lgb"),
    model("xgb", "XGBoost, 500 trees of depth 6, float32", [Some(1.0), Some(2.6), Some(4.0)], Some(1.2)),
    variant("xgb-missing", "the same, a tenth of the values missing", "xgb"),
    variant("xgb-categories", "the same, two features of 40 categories", "xgb"),
    model("rf10", "scikit-learn, 100 trees of depth 10, three classes", [Some(6.5), None, None], Some(1.3)),
    model("ten", "scikit-learn, ten trees of depth 5, 11 features, three classes", [None; 3], Some(0.1)),
];

/// What a lone row of `lgb` may take in portable code, and with cold caches.
const LGB_ROW: (f64, f64) = (6.0, 7.0);

/// What more a row may take where values are missing or are categories.
const VARIANT_MAX: f64 = 1.3;

/// Kinds of instructions, as `crates/engine/benches/trained` calls them, the best first.
const KINDS: [&str; 4] = ["avx512vbmi", "avx512", "avx2", "portable"];
const PEERS: [&str; 3] = ["lleaves", "tl2cgen", "onnx"];
const TRAINERS: [&str; 3] = ["lightgbm", "xgboost", "sklearn"];

/// Seconds for which each figure of a peer is measured.
const SECONDS: &str = "--seconds=1";

fn measure(bench: &Bench<'_>) -> anyhow::Result<Value> {
    let folder = cache()?.join("bench-forest");
    peers(bench.root, &folder, "--make-only", None)?;
    let ours = ours(bench.root, &folder)?;
    let peers = peers(bench.root, &folder, SECONDS, Some(CORE))?;
    let peers: Value = serde_json::from_str(&peers).context("what forest_bench.py printed")?;
    let mut figures = json!({});
    for Model { name, .. } in &MODELS {
        figures[*name] = json!({"forebay": ours[*name], "peers": peers[*name]});
    }
    Ok(figures)
}

/// Runs the kernels over every model; an answer that is not the trainer's ends it.
fn ours(root: &Path, folder: &Path) -> anyhow::Result<Value> {
    let bench = ["bench", "--quiet", "--package", "engine", "--bench", "trained"];
    let built = Command::new(env!("CARGO")).current_dir(root).args(bench).arg("--no-run").status()?;
    anyhow::ensure!(built.success(), "the benchmark does not build");
    let mut command = Command::new("taskset");
    command.args(["-c", &CORE.to_string(), env!("CARGO")]).current_dir(root).args(bench).arg("--").arg(folder);
    let output = command.stderr(Stdio::inherit()).output().context("taskset (Debian: apt-get install util-linux)")?;
    anyhow::ensure!(output.status.success(), "a forest does not answer as its trainer does");
    serde_json::from_slice(&output.stdout).context("what the benchmark printed")
}

/// Trains and compiles what is missing, or returns what the peers take.
fn peers(root: &Path, folder: &Path, arg: &str, core: Option<usize>) -> anyhow::Result<String> {
    let script = ". acceptance/lib/python.sh && forebay_forest_bench && \
                  exec $3 \"$FOREST_BENCH_PYTHON\" acceptance/lib/forest_bench.py \"$1\" \"$2\"";
    let pinned = core.map_or_else(String::new, |core| format!("taskset -c {core}"));
    let output = Command::new("bash")
        .current_dir(root)
        .args(["-c", script, "forest"])
        .arg(folder)
        .args([arg, &pinned])
        .stderr(Stdio::inherit())
        .output()?;
    anyhow::ensure!(output.status.success(), "the trainers and compilers of forests did not run");
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn render(figures: &Value) -> String {
    let mut text = String::from(
        "The kernels alone, in process (`crates/engine/benches/trained`), beside the tools that compile or evaluate the same models \
         on the same rows in the same run, all on one core with one thread. The trainers train (`acceptance/lib/forest_bench.py`); rows are \
         10,000 of the distribution that they learned from: correlated, skewed, some of whole numbers, for on rows of plain gaussians \
         code of branches looks faster than it is. **Every answer of ours has the trainer's bits**, in every kind of instructions, in \
         one call and alone, or the benchmark fails: LightGBM's raw score, XGBoost's margin, scikit-learn's probabilities. Turning \
         numbers into ranks is part of every figure.\n\n\
         lleaves, TL2cgen, and LightGBM's and XGBoost's lone rows are called from C; ONNX Runtime and scikit-learn from Python, \
         which is nothing of a batch and some microseconds of a lone row (scikit-learn's are hundreds). lleaves' lone rows on *lgb* are of a \
         second build without blocks of trees, as its documentation has it. XGBoost and ONNX Runtime take \
         float32, ours takes float64 that holds the same numbers.\n",
    );
    for (title, key, goals) in [
        ("10,000 rows a call: nanoseconds of a row and a tree, the least of many passes.", "batch_ns", true),
        ("One row a call, each call another row: microseconds.", "row_us", true),
        ("One row a call, 12 MB read before each: microseconds, the median.", "cold_us", false),
    ] {
        let _ = write!(
            text,
            "\n{title}\n\n| model | AVX-512 VBMI | AVX-512 | AVX2 | portable | lleaves | TL2cgen | ONNX Runtime | trainer | goal |\n\
             |---|---|---|---|---|---|---|---|---|---|\n"
        );
        for model in &MODELS {
            let _ =
                writeln!(text, "| {} |{} {} |", model.name, cells(&figures[model.name], key), goal(model, key, goals));
        }
    }
    text.push_str("\nModels: ");
    let what = |Model { name, what, .. }: &Model| {
        let ours = &figures[*name]["forebay"];
        let (nodes, laid_out) = (number(ours, "nodes"), best(ours, "laid_out_ms"));
        format!("*{name}* is {what} ({nodes:.0} nodes, laid out in {laid_out:.1} ms)")
    };
    let _ = writeln!(text, "{}.", MODELS.iter().map(what).collect::<Vec<_>>().join("; "));
    text.push_str(&ratios(figures));
    text.push_str(&differences(figures));
    text
}

/// Returns what the best kind of instructions takes that the machine had.
fn best(ours: &Value, key: &str) -> f64 {
    KINDS.iter().map(|kind| number(&ours[*kind], key)).find(|value| !value.is_nan()).unwrap_or(f64::NAN)
}

/// Returns a model's cells: ours by kind, the compilers', its trainer's.
fn cells(figures: &Value, key: &str) -> String {
    let cell = |value: f64| if value.is_nan() { " - |".to_owned() } else { format!(" {value:.2} |") };
    let ours = KINDS.map(|kind| cell(number(&figures["forebay"][kind], key))).concat();
    let peers = PEERS.map(|peer| cell(number(&figures["peers"][peer], key))).concat();
    let trainer = TRAINERS.iter().map(|peer| number(&figures["peers"][*peer], key)).find(|value| !value.is_nan());
    format!("{ours}{peers}{}", cell(trainer.unwrap_or(f64::NAN)))
}

fn goal(model: &Model, key: &str, has: bool) -> String {
    let said = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| value.to_string());
    match (key, model) {
        (_, Model { plain: Some(plain), .. }) if has => format!("{VARIANT_MAX} times {plain}"),
        ("batch_ns", Model { batch, .. }) if batch.iter().any(Option::is_some) => {
            batch.map(said).join(" / ").trim_end_matches(" / -").to_owned()
        }
        ("row_us", Model { name: "lgb", row: Some(row), .. }) => format!("{row}, portable {}", LGB_ROW.0),
        ("row_us", Model { row: Some(row), .. }) => row.to_string(),
        ("cold_us", Model { name: "lgb", .. }) => LGB_ROW.1.to_string(),
        _ => String::new(),
    }
}

/// Returns what the tables come to: how many times faster than the fastest of the others, and what variants cost.
fn ratios(figures: &Value) -> String {
    let mut text = String::from(
        "\nHow many times faster than the fastest of the others the best kind is, and the time of a variant over that of its plain model:\n\n\
         | model | batch | one row | cold | variant, batch | variant, one row |\n|---|---|---|---|---|---|\n",
    );
    for Model { name, plain, .. } in &MODELS {
        let best = |name: &str, key: &str| best(&figures[name]["forebay"], key);
        let others = |key: &str| {
            let peers = PEERS.iter().chain(&TRAINERS).map(|peer| number(&figures[*name]["peers"][*peer], key));
            peers.fold(f64::NAN, f64::min)
        };
        let cell = |value: f64| if value.is_nan() { String::new() } else { rounded(value, 1).to_string() };
        let faster = ["batch_ns", "row_us", "cold_us"].map(|key| cell(others(key) / best(name, key)));
        let costs = ["batch_ns", "row_us"]
            .map(|key| plain.map_or_else(String::new, |plain| format!("{:.2}", best(name, key) / best(plain, key))));
        let _ = writeln!(text, "| {name} | {} | {} |", faster.join(" | "), costs.join(" | "));
    }
    text
}

/// Says whose answers are not the trainer's, and what was left out.
fn differences(figures: &Value) -> String {
    let (mut differ, mut refused) = (Vec::new(), Vec::new());
    for Model { name, .. } in &MODELS {
        for peer in PEERS {
            let of = &figures[*name]["peers"][peer];
            let rows = number(of, "rows_that_differ");
            if rows > 0.0 {
                differ.push(format!("{peer} on {name} in {rows} (at most {:.1e})", number(of, "differ_at_most")));
            }
            if let Some(why) = of["refused"].as_str() {
                refused.push(format!("{peer} on {name} (`{}`)", why.trim()));
            }
        }
    }
    let mut text = String::new();
    if !differ.is_empty() {
        let _ = writeln!(
            text,
            "\nOf the 10,000 rows the others' answers have other numbers than the trainer's: {}.",
            differ.join("; ")
        );
    }
    if !refused.is_empty() {
        let _ = writeln!(text, "\nLeft out, for the tool does not take the model: {}.", refused.join("; "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_measured_stands_as_a_dash() {
        let figures = json!({"forebay": {"avx2": {"batch_ns": 1.25}}, "peers": {"onnx": {"refused": "no"}, "xgboost": {"batch_ns": 9.0}}});
        assert_eq!(cells(&figures, "batch_ns"), " - | - | 1.25 | - | - | - | - | 9.00 |");
        let text = differences(&json!({"xgb": figures}));
        assert_eq!(text, "\nLeft out, for the tool does not take the model: onnx on xgb (`no`).\n");
    }

    #[test]
    fn goals_stand_where_there_are_some() {
        let goals = |key: &str| MODELS.each_ref().map(|model| goal(model, key, key != "cold_us"));
        assert_eq!(goals("batch_ns")[..2], ["0.8 / 2 / 2.6", "1.3 times lgb"]);
        assert_eq!(goals("row_us")[6..], ["1.3", "0.1"]);
        assert_eq!(goals("cold_us")[..2], ["7", ""]);
    }
}
