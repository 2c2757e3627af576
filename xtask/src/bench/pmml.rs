//! PMML: one row in process beside JPMML-Evaluator and PMML4S in their JVM, and what loading a large document takes.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::Context as _;
use serde_json::{Value, json};

use super::{Bench, CORE, Part, inputs::cache, number, rounded, spent, start::Folder};
use crate::server::Server;

pub const PART: Part = Part { name: "pmml", measure, title: "PMML beside the JVM's evaluators", render };

/// Runs of ours; the least disturbed counts.
const RUNS: usize = 5;

/// A document of the benchmark, made by `acceptance/lib/pmml_bench.py`.
struct Document {
    name: &'static str,
    what: &'static str,
    /// How many times faster than the faster of the two it has to be.
    goal: f64,
}

const DOCUMENTS: [Document; 4] = [
    Document { name: "wine", what: "random forest of lightbend's tutorial, 324 KB", goal: 10.0 },
    Document { name: "gbm", what: "gradient boosting, 25 trees, 10 inputs", goal: 10.0 },
    Document { name: "iris", what: "logistic regression, three classes", goal: 3.0 },
    Document { name: "audit", what: "logistic regression over texts and numbers", goal: 3.0 },
];

/// What loading the large document may take: seconds, and memory as a multiple of its size.
const LOAD_LIMITS: (f64, f64) = (2.0, 4.0);

fn measure(bench: &Bench<'_>) -> anyhow::Result<Value> {
    let folder = cache()?.join("bench-pmml");
    let peers = peers(bench.root, &folder)?;
    let mut figures = json!({"runs": RUNS});
    for Document { name, .. } in &DOCUMENTS {
        let (document, rows) = (folder.join(format!("{name}.pmml")), folder.join(format!("{name}.jsonl")));
        if !document.exists() {
            continue;
        }
        let (document, rows) = (document.display().to_string(), rows.display().to_string());
        let mut least = f64::INFINITY;
        for _ in 0..RUNS {
            let args = ["bench", &document, &rows, "--seconds", "1", "--threads", "1", "--json"];
            let (_, said) = spent::on_core(CORE, bench.binary, &args)?;
            least = least.min(number(&serde_json::from_str(&said)?, "latency_us.round"));
        }
        let of = |engine: &str| number(&peers[*name], &format!("{engine}.cpu_us"));
        let (jpmml, pmml4s) = (of("jpmml"), of("pmml4s"));
        figures[*name] = json!({
            "us": least, "jpmml_cpu_us": rounded(jpmml, 2), "pmml4s_cpu_us": rounded(pmml4s, 2),
            "ratio_jpmml": rounded(jpmml / least, 1), "ratio_pmml4s": rounded(pmml4s / least, 1),
        });
    }
    figures["large"] = large(bench.binary, &folder)?;
    Ok(figures)
}

/// Loads the large document: the least of some runs that score one row with it, and the peak of a server that holds it.
fn large(binary: &Path, folder: &Path) -> anyhow::Result<Value> {
    let document = folder.join("large.pmml");
    let bytes = fs::metadata(&document).with_context(|| document.display().to_string())?.len();
    let (path, row) = (document.display().to_string(), folder.join("large.jsonl").display().to_string());
    let mut least = spent::Spent { wall: f64::INFINITY, cpu: f64::INFINITY };
    for _ in 0..RUNS {
        let args = ["score", &path, &row, "--threads", "1", "--output-format", "none"];
        let (run, _) = spent::on_core(CORE, binary, &args)?;
        least = spent::Spent { wall: least.wall.min(run.wall), cpu: least.cpu.min(run.cpu) };
    }
    let models = Folder::new("pmml")?;
    fs::create_dir(models.0.join("large"))?;
    fs::copy(&document, models.0.join("large/model.pmml"))?;
    let server =
        Server::start(binary, &["serve", &models.0.display().to_string(), "--http", "127.0.0.1:0"], Some(CORE))?;
    server.ready()?;
    let (peak, resident) = (server.peak_bytes()?, server.resident_bytes()?);
    let mb = |bytes: u64| rounded(bytes as f64 / 1e6, 1);
    Ok(json!({
        "document_mb": mb(bytes), "wall_s": least.wall, "cpu_s": rounded(least.cpu, 3),
        "peak_mb": mb(peak), "resident_mb": mb(resident), "peak_ratio": rounded(peak as f64 / bytes as f64, 1),
    }))
}

/// Makes the documents where they are missing and returns the two engines' times by document.
fn peers(root: &Path, folder: &Path) -> anyhow::Result<Value> {
    eprintln!("running JPMML-Evaluator and PMML4S");
    let script =
        ". acceptance/lib/python.sh && forebay_pmml && exec \"$PMML_PYTHON\" acceptance/lib/pmml_bench.py \"$@\"";
    let mut command = Command::new("bash");
    command.current_dir(root).args(["-c", script, "pmml"]).arg(folder);
    let wine: PathBuf = root.join("../shared/lineage/lightbend__model-serving-tutorial/data");
    if wine.is_dir() {
        command.arg("--wine").arg(&wine);
    }
    let output = command.stderr(Stdio::inherit()).output()?;
    anyhow::ensure!(output.status.success(), "the JVM's evaluators did not run");
    serde_json::from_slice(&output.stdout).context("what pmml_bench.py printed")
}

fn render(figures: &Value) -> String {
    let mut text = String::from(
        "`forebay bench` calls the compiled document with one row after the other, on one core, all outputs computed; of five \
         runs of a second the least round counts (5 ms of calls, about, between two looks at the clock). JPMML-Evaluator 1.7 (`evaluate`) and PMML4S 1.5 (`predict`) run inside \
         their JVM on the same rows (`acceptance/lib/PmmlBench.java`): maps of arguments made before, warmed up, processor \
         time of the calling thread alone, the least of 16 rounds of 20,000 rows in two JVMs. scikit-learn trains the \
         documents, sklearn2pmml exports them (`acceptance/lib/pmml_bench.py`).\n\n\
         | document | Forebay | JPMML | PMML4S | JPMML ratio | PMML4S ratio | goal |\n|---|---|---|---|---|---|---|\n",
    );
    for Document { name, what, goal } in &DOCUMENTS {
        let of = |key: &str| number(&figures[*name], key);
        let _ = writeln!(
            text,
            "| {name}: {what} | {:.2} us | {:.2} us | {:.2} us | {:.1} | {:.1} | {goal} |",
            of("us"),
            of("jpmml_cpu_us"),
            of("pmml4s_cpu_us"),
            of("ratio_jpmml"),
            of("ratio_pmml4s"),
        );
    }
    let large = |key: &str| number(&figures["large"], key);
    let (seconds, times) = LOAD_LIMITS;
    let _ = write!(
        text,
        "\nLoading a document of {:.1} MB (a random forest of scikit-learn), on one core: `forebay score` with one row takes {:.2} s \
         from start to end ({:.2} s of processor time; the goal is {seconds} s), and `forebay serve` peaks at {:.0} MB, {:.1} times \
         the document (the goal is {times}), of which {:.0} MB stay.\n",
        large("document_mb"),
        large("wall_s"),
        large("cpu_s"),
        large("peak_mb"),
        large("peak_ratio"),
        large("resident_mb"),
    );
    text
}
