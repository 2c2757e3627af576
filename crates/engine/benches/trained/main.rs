//! Forests of real trainers in the forest kernels: what a row takes, and whether every answer has the trainer's bits.
//!
//! `cargo bench -p engine --bench trained -- DIR` reads the dumps that `acceptance/lib/forest_bench.py` left in a directory (a module for
//! each trainer), with its rows and the trainer's own answers. Each kind of instructions that the processor has answers all rows, in
//! one call and one by one; an answer with other bits ends the run. Then it is timed: 10,000 rows a call (the least of many
//! passes), a row a call (rows in ten blocks, the mean of the blocks' least times), and a row a call with cold caches (the median of
//! calls before each of which 12 MB are read). Ranks are part of all of them. It prints one JSON object.

use std::{
    error::Error,
    fs,
    hint::black_box,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use engine::{
    frame::Scratch,
    kernel::forest::{Isa, Trees, Wants},
};
use plan::{Aggregate, Forest};
use serde_json::{Map, Value, json};

mod lightgbm;
mod sklearn;
mod xgboost;

/// What a dump is read to.
type Read = Result<(Forest, Aggregate), Box<dyn Error>>;

/// How long each figure is measured.
const FOR: Duration = Duration::from_millis(700);
const BLOCKS: usize = 10;
const PASSES_MIN: usize = 3;
const COLD_CALLS: usize = 400;
const COLD_BYTES: usize = 12_000_000;
const SCORES: Wants = Wants { scores: true, leaves: false };

/// A model with its rows, and what its trainer answers to them.
struct Trained {
    name: String,
    forest: Arc<Forest>,
    aggregate: Aggregate,
    rows: Vec<f64>,
    said: Vec<f64>,
}

/// What answers rows, with its room.
struct Answers<'a> {
    trees: Trees,
    trained: &'a Trained,
    scratch: Scratch,
    scores: Vec<f64>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    let Some((folder, names)) = args.split_first() else {
        eprintln!("trained: name the directory that acceptance/lib/forest_bench.py made");
        return Ok(());
    };
    let mut files: Vec<_> = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    files.sort_by_key(|file| file.file_name());
    let mut figures = Map::new();
    for file in files {
        if let Some(trained) = Trained::read(&file.path())?.filter(|t| names.is_empty() || names.contains(&t.name)) {
            eprintln!("timing {}", trained.name);
            figures.insert(trained.name.clone(), trained.measured()?);
        }
    }
    println!("{}", Value::Object(figures));
    Ok(())
}

// === impl Trained ===

impl Trained {
    /// Reads a dump with what lies beside it; nothing where the file is none.
    fn read(path: &Path) -> Result<Option<Trained>, Box<dyn Error>> {
        let read = match path.extension().and_then(|ending| ending.to_str()) {
            Some("txt") => lightgbm::read,
            Some("json") => xgboost::read,
            Some("forest") => sklearn::read,
            _ => return Ok(None),
        };
        let fail = |error: Box<dyn Error>| format!("{}: {error}", path.display());
        let (forest, aggregate) = read(&fs::read_to_string(path)?).map_err(fail)?;
        let numbers = |ending: &str| -> Result<Vec<f64>, Box<dyn Error>> {
            let bytes = fs::read(path.with_extension(ending))?;
            Ok(bytes.as_chunks::<8>().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect())
        };
        let (rows, said) = (numbers("rows")?, numbers("said")?);
        if rows.len() * forest.width as usize != said.len() * forest.features as usize {
            return Err(fail("its rows and answers do not fit".into()).into());
        }
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Some(Trained { name, forest: Arc::new(forest), aggregate, rows, said }))
    }

    fn features(&self) -> usize {
        self.forest.features as usize
    }

    fn count(&self) -> usize {
        self.rows.len() / self.features()
    }

    fn measured(&self) -> Result<Value, Box<dyn Error>> {
        let mut figures = json!({"trees": self.forest.trees(), "nodes": self.forest.split.len(), "rows": self.count()});
        for isa in Isa::all() {
            let laid_out = least(|| Trees::on(isa, &self.forest, self.aggregate, SCORES));
            let trees = Trees::on(isa, &self.forest, self.aggregate, SCORES);
            let mut answers = Answers { trees, trained: self, scratch: Scratch::default(), scores: Vec::new() };
            answers.check(isa)?;
            let batch = least(|| answers.of(0, self.count()));
            figures[format!("{isa:?}").to_lowercase()] = json!({
                "batch_ns": rounded(batch * 1e9 / (self.count() * self.forest.trees()) as f64),
                "row_us": rounded(answers.singles() * 1e6),
                "cold_us": rounded(answers.cold() * 1e6),
                "laid_out_ms": rounded(laid_out * 1e3),
            });
        }
        Ok(figures)
    }
}

// === impl Answers ===

impl Answers<'_> {
    /// Answers some rows in one call.
    fn of(&mut self, from: usize, to: usize) -> f64 {
        let features = self.trained.features();
        self.scores.clear();
        self.trees.scores(&self.trained.rows[from * features..to * features], &mut self.scratch, &mut self.scores);
        self.scores[0]
    }

    /// Fails where an answer is not the trainer's, in a call for all rows or in one for the row alone.
    fn check(&mut self, isa: Isa) -> Result<(), Box<dyn Error>> {
        let (rows, width) = (self.trained.count(), self.trained.forest.width as usize);
        self.of(0, rows);
        let of_all = std::mem::take(&mut self.scores);
        for row in 0..rows {
            let said = &self.trained.said[row * width..(row + 1) * width];
            self.of(row, row + 1);
            for (how, scores) in [("all rows", &of_all[row * width..(row + 1) * width]), ("one row", &self.scores)] {
                if scores.iter().map(|s| s.to_bits()).ne(said.iter().map(|s| s.to_bits())) {
                    let name = &self.trained.name;
                    return Err(
                        format!("{name}, {isa:?}, {how}: row {row} is {scores:?}, its trainer has {said:?}").into()
                    );
                }
            }
        }
        Ok(())
    }

    /// Returns the seconds of a call for one row.
    fn singles(&mut self) -> f64 {
        let block = self.trained.count() / BLOCKS;
        let mut best = [f64::INFINITY; BLOCKS];
        let (begin, mut passes) = (Instant::now(), 0);
        while passes < PASSES_MIN || begin.elapsed() < FOR {
            for (at, best) in best.iter_mut().enumerate() {
                let begin = Instant::now();
                for row in at * block..(at + 1) * block {
                    black_box(self.of(row, row + 1));
                }
                *best = best.min(begin.elapsed().as_secs_f64());
            }
            passes += 1;
        }
        best.iter().sum::<f64>() / (BLOCKS * block) as f64
    }

    /// Returns the seconds of a call for one row when what it needs is in no near cache.
    fn cold(&mut self) -> f64 {
        let other = vec![1_u8; COLD_BYTES];
        let mut calls: Vec<f64> = (0..COLD_CALLS.min(self.trained.count()))
            .map(|row| {
                black_box(black_box(&other).iter().step_by(64).map(|byte| u64::from(*byte)).sum::<u64>());
                let begin = Instant::now();
                black_box(self.of(row, row + 1));
                begin.elapsed().as_secs_f64()
            })
            .collect();
        calls.sort_unstable_by(f64::total_cmp);
        calls.get(calls.len() / 2).copied().unwrap_or(f64::NAN)
    }
}

/// Returns the seconds of the shortest of many passes.
fn least<T>(mut run: impl FnMut() -> T) -> f64 {
    black_box(run());
    let (begin, mut passes, mut best) = (Instant::now(), 0, f64::INFINITY);
    while passes < PASSES_MIN || begin.elapsed() < FOR {
        let begin = Instant::now();
        black_box(run());
        best = best.min(begin.elapsed().as_secs_f64());
        passes += 1;
    }
    best
}

fn rounded(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}
