//! Random pipelines of real PySpark on random rows: the binary has to answer what Spark answers, row by row.
//!
//! `conformance/spark/fuzz` draws a pipeline from each seed and tells when its case folder is complete; `forebay score` answers
//! its rows, [`compare`] says how near, and [`figures`] keeps the largest difference of each class, over these and over the
//! cases that are checked in. Folders with a difference stay in the build folder, `--again` compares them anew. Spark takes
//! most of the time, so pipelines may be drawn beforehand (the fuzz's own `--out FOLDER`): `--drawn FOLDER...` compares those.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use serde_json::{Value, json};

use self::{
    case::{Case, Verdict},
    figures::Figures,
};
use crate::{
    evidence,
    server::{binary, target},
};

mod case;
mod compare;
mod figures;

/// An environment of acceptance/lib with real Spark, and how many of its pipelines are asked: in full, and short, where no more begin after
/// [`SHORT`].
struct Spark {
    name: &'static str,
    pipelines: u32,
    short: u32,
    /// Seeds begin here, so that versions draw different pipelines.
    first: u32,
}

/// How long a short run draws pipelines of one Spark, once it has one.
const SHORT: Duration = Duration::from_secs(20);

const SPARKS: [Spark; 2] = [
    Spark { name: "spark35", pipelines: 400, short: 6, first: 1 },
    Spark { name: "spark4", pipelines: 100, short: 3, first: 100_001 },
];

pub fn run(root: &Path, args: &[&str]) -> anyhow::Result<()> {
    let binary = binary(root)?;
    let mut figures = Figures::default();
    let short = match *args {
        [] => false,
        ["--short"] => true,
        ["--again", folder] => {
            folders(Path::new(folder))?.iter().try_for_each(|folder| ask(&binary, folder, &mut figures).map(drop))?;
            return end(root, &figures, true, true);
        }
        ["--drawn", ref drawn @ ..] => {
            let drawn = drawn.iter().map(|folder| folders(Path::new(folder))).collect::<Result<Vec<_>, _>>()?;
            drawn.concat().iter().try_for_each(|folder| ask(&binary, folder, &mut figures).map(drop))?;
            let full: u32 = SPARKS.iter().map(|spark| spark.pipelines).sum();
            anyhow::ensure!(figures.pipelines >= full.into(), "{} pipelines, of {full}", figures.pipelines);
            anyhow::ensure!(figures.waiting.is_empty(), "{} pipelines wait for a class", figures.waiting.len());
            checked_in(root, &binary, &mut figures)?;
            return end(root, &figures, false, true);
        }
        _ => anyhow::bail!("spark-fuzz takes nothing, --short, --again FOLDER, or --drawn FOLDER..."),
    };
    let begun = Instant::now();
    for spark in SPARKS {
        let (count, within) = if short { (spark.short, SHORT) } else { (spark.pipelines, Duration::MAX) };
        fuzz(root, &binary, &spark, count, within, &mut figures)?;
    }
    figures.seconds = begun.elapsed().as_secs();
    if !short {
        checked_in(root, &binary, &mut figures)?;
    }
    end(root, &figures, short, false)
}

/// Says what was found; without a difference it becomes evidence.
fn end(root: &Path, figures: &Figures, short: bool, drawn: bool) -> anyhow::Result<()> {
    let result = figures.json();
    println!("{result:#}");
    anyhow::ensure!(figures.differences.is_empty(), "{} pipelines differ", figures.differences.len());
    if short {
        anyhow::ensure!(figures.compared > 0, "no pipeline was compared");
        anyhow::ensure!(figures.waiting.is_empty(), "{} pipelines wait for a class", figures.waiting.len());
        return Ok(());
    }
    let arguments = if drawn { " --drawn FOLDER..." } else { "" };
    evidence::write(root, "spark-fuzz", &format!("cargo xtask soak spark-fuzz{arguments}"), &result)
}

/// Draws the pipelines of one Spark and asks them as they come. A fit that does not come to its end (some of Spark's own loops
/// do not, on values that are not finite) takes its JVM with it, and the next seed begins with another.
fn fuzz(
    root: &Path,
    binary: &Path,
    spark: &Spark,
    count: u32,
    within: Duration,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    const STUCK: Duration = Duration::from_secs(180);
    let begun = Instant::now();
    let out = target(root).join("spark-fuzz").join(spark.name);
    let end = spark.first + count;
    let mut next = spark.first;
    while next < end {
        let mut child = draw(root, spark, &out, next, end - next)?;
        let output = BufReader::new(child.stdout.take().context("its standard output")?);
        let (to, lines) = mpsc::channel();
        thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| to.send(line)));
        loop {
            // In time, once there is a pipeline.
            let left = within.saturating_sub(begun.elapsed());
            match lines.recv_timeout(if next > spark.first { left.min(STUCK) } else { STUCK }) {
                Ok(line) => next = take(binary, &serde_json::from_str(&line)?, figures)?.unwrap_or(next),
                Err(RecvTimeoutError::Disconnected) => {
                    anyhow::ensure!(child.wait()?.success(), "{}: the fuzz ended badly", spark.name);
                    return Ok(());
                }
                Err(RecvTimeoutError::Timeout) => {
                    // The group, so that the JVM goes too.
                    Command::new("kill").args(["-9", "--", &format!("-{}", child.id())]).status()?;
                    child.wait()?;
                    if begun.elapsed() >= within {
                        return Ok(());
                    }
                    figures.broken.push(format!("seed {next}: Spark: no answer within {} s", STUCK.as_secs()));
                    next += 1;
                    break;
                }
            }
        }
    }
    Ok(())
}

fn draw(root: &Path, spark: &Spark, out: &Path, first: u32, count: u32) -> anyhow::Result<Child> {
    let script = ". acceptance/lib/python.sh && forebay_java && python=$(forebay_env \"$1\") && \
                  exec \"$python\" conformance/spark/fuzz --out \"$2\" --first \"$3\" --count \"$4\"";
    let child = Command::new("bash")
        .current_dir(root)
        .args(["-c", script, "fuzz", spark.name])
        .arg(out)
        .args([first.to_string(), count.to_string()])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()?;
    Ok(child)
}

/// Asks what a line says was drawn; returns the seed after it.
fn take(binary: &Path, line: &Value, figures: &mut Figures) -> anyhow::Result<Option<u32>> {
    let after = line["seed"].as_u64().and_then(|seed| u32::try_from(seed + 1).ok());
    let Some(folder) = line["folder"].as_str() else {
        figures.unfit += u64::from(line["unfit"] == true);
        let broken = line["broken"].as_str().map(|why| format!("seed {}: Spark: {why}", line["seed"]));
        figures.broken.extend(broken);
        return Ok(after);
    };
    if ask(binary, Path::new(folder), figures)? {
        fs::remove_dir_all(folder)?;
    }
    Ok(after)
}

/// Asks one folder; returns whether all its answers are Spark's.
fn ask(binary: &Path, folder: &Path, figures: &mut Figures) -> anyhow::Result<bool> {
    let case = Case::open(folder).with_context(|| folder.display().to_string())?;
    let verdict = case.run(binary)?;
    figures.pipelines += 1;
    let name = format!("{}: {}", case.name(), case.what());
    match verdict {
        Verdict::Waits(what) => {
            println!("waiting  {name}: {what}");
            figures.waiting.push(format!("{name}: {what}"));
        }
        Verdict::Differs(what) => {
            println!("DIFFERS  {name}: {what}");
            figures.differences.push(json!({"pipeline": name, "difference": what}));
        }
        Verdict::Agrees(seen) => {
            figures.compared += 1;
            figures.add(&case, seen);
            return Ok(true);
        }
    }
    Ok(false)
}

/// Takes in the single models among the cases that are checked in, ours and those beside the repository.
fn checked_in(root: &Path, binary: &Path, figures: &mut Figures) -> anyhow::Result<()> {
    for place in [root.join("conformance/spark"), root.join("../shared/conformance/spark")] {
        for folder in folders(&place)? {
            let case = Case::open(&folder).with_context(|| folder.display().to_string())?;
            if !case.is_pipeline()
                && let Verdict::Agrees(seen) = case.run(binary)?
            {
                figures.cases += 1;
                figures.add(&case, seen);
            }
        }
    }
    Ok(())
}

fn folders(place: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let Ok(entries) = fs::read_dir(place) else { return Ok(Vec::new()) };
    let mut found = entries.map(|entry| entry.map(|e| e.path())).collect::<Result<Vec<_>, _>>()?;
    found.retain(|folder| folder.join("case.json").is_file() && folder.join("input.jsonl").is_file());
    found.sort();
    Ok(found)
}
