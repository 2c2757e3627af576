//! `forebay bench`: how fast a model is on this machine, without input and output.

use std::{
    fmt::Write,
    hint::black_box,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use engine::{Program, Servable, workspace::with_workspace};
use model::{Batch, Call, OnFault, PredictError, Predictor, Reply};
use serde_json::json;

use crate::{
    cmd,
    failure::Failure,
    model_arg::{ModelArg, Opened},
    score::table,
};

/// Measures a model on this machine: latency of small calls, rows per second of large ones
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    model: ModelArg,
    /// The table whose rows are scored; at most its first 100,000 are read
    input: PathBuf,
    /// Format of the input, where its name does not tell
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
    /// How long each of the two measurements takes
    #[arg(long, value_name = "S", default_value = "2")]
    seconds: f64,
    /// Rows of a small call
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u32).range(1..=1024))]
    rows_per_call: u32,
    /// Threads of the large calls; one per core where absent
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
}

/// Rows that are held in memory.
const ROWS_MAX: usize = 100_000;

/// Rows of a large call.
const CALL_ROWS: usize = 8_192;

/// Microseconds that a round lasts, about.
const ROUND_US: f64 = 5000.0;

/// Latencies kept for the percentiles; with more calls, every so many-th is kept.
const SAMPLES_MAX: usize = 1 << 20;

/// What small calls took, in microseconds.
struct Latency {
    calls: u64,
    p50: f64,
    p90: f64,
    p99: f64,
    max: f64,
    /// A call in the least of the rounds: many calls between two looks at the clock, which itself takes as long as a small call.
    round: f64,
}

pub fn run(args: Args) -> Result<(), Failure> {
    if !(0.01..=600.0).contains(&args.seconds) {
        return Err(Failure::usage(format_args!("--seconds: {} is not between 0.01 and 600", args.seconds)));
    }
    let time = Duration::from_secs_f64(args.seconds);
    let opened = args.model.open()?;
    let batch = rows(&opened, &args)?;
    let rows = batch.rows();
    let call = Call { batch, on_fault: OnFault::MarkRow, ..Call::default() };
    // A model of tensors takes its rows stacked: then a small call is a tensor of its own.
    let Some((_, servable)) = opened.model.plans() else {
        let engine = opened.model.engine().name();
        return Err(Failure::refused(format_args!("bench measures our own ops; {engine} computes this model")));
    };
    let stacked = servable.stacked(&call).map_err(Failure::refused)?;
    let tensors = stacked.is_some();
    let program = servable.program(stacked.as_ref().unwrap_or(&call)).map_err(Failure::refused)?;
    let whole = program.separable().is_err();
    let rows_per_call = if whole { rows } else { (args.rows_per_call as usize).min(rows) };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let threads = if whole { 1 } else { args.threads.map_or(cores, usize::from) };
    let calls = if whole || !tensors { vec![] } else { small_tensors(servable, &call, rows_per_call)? };
    let latency = small_calls(&program, &call, &calls, rows_per_call, time).map_err(Failure::refused)?;
    let rows_per_s = large_calls(servable, &call, threads, time).map_err(Failure::refused)?;
    let Latency { calls, p50, p90, p99, max, round } = latency;
    if args.json {
        let report = json!({
            "name": opened.name, "rows": rows, "rows_per_call": rows_per_call, "calls": calls,
            "latency_us": {"p50": p50, "p90": p90, "p99": p99, "max": max, "round": round},
            "threads": threads, "rows_per_s": rows_per_s.round(),
        });
        return cmd::print(&format!("{report:#}\n"));
    }
    let mut text = String::new();
    let _ = writeln!(text, "model         {} ({rows} rows of input)", opened.name);
    let _ = writeln!(text, "small calls   {calls} of {rows_per_call} row(s), one thread");
    let _ = writeln!(text, "latency us    p50 {p50:.2}   p90 {p90:.2}   p99 {p99:.2}   max {max:.2}");
    let _ = writeln!(text, "               {round:.3} a call in the least of many rounds, the clock aside");
    let _ = writeln!(text, "large calls   {rows_per_s:.0} rows/s, {threads} thread(s)");
    cmd::print(&text)
}

/// Reads the rows that are scored over and over.
fn rows(opened: &Opened, args: &Args) -> Result<Batch, Failure> {
    let format = table::format(args.format.as_deref(), Some(&args.input), "--format")?;
    let (signature, _) = opened.signature(None)?;
    let options = opened.read_options(signature, None);
    let mut input = table::open(Some(&args.input), format, options)?;
    let (mut batches, mut rows) = (Vec::new(), 0);
    while rows < ROWS_MAX {
        let chunk = input.source.next_chunk();
        let chunk = chunk.map_err(|error| Failure::refused(format_args!("{}: {error}", input.name)))?;
        let Some(chunk) = chunk else { break };
        rows += chunk.batch.rows();
        batches.push(chunk.batch);
    }
    if rows == 0 {
        return Err(Failure::refused(format_args!("{}: no rows", input.name)));
    }
    let batch = Batch::concat(&batches);
    Ok(batch.slice(0, rows.min(ROWS_MAX)))
}

/// Returns calls of so many rows each, their tensors made.
fn small_tensors(servable: &Servable, call: &Call, rows: usize) -> Result<Vec<Call>, Failure> {
    let starts = (0..=call.batch.rows() - rows).step_by(rows).take(SAMPLES_MAX);
    let calls = starts.map(|start| {
        let small = Call { batch: call.batch.slice(start, rows), ..call.clone() };
        Ok(servable.stacked(&small).map_err(Failure::refused)?.unwrap_or(small))
    });
    calls.collect()
}

/// Runs calls one after the other in a warm workspace, of rows of `call` or, where there are some, those of `tensors`; their
/// answers stay there.
fn small_calls(
    program: &Arc<Program>,
    call: &Call,
    tensors: &[Call],
    rows: usize,
    time: Duration,
) -> Result<Latency, PredictError> {
    let whole = program.separable().is_err();
    let starts: Vec<usize> = (0..=call.batch.rows() - rows).step_by(rows).collect();
    with_workspace(program, |workspace| {
        let mut calls = starts.iter().cycle().copied();
        let mut answer = |workspace: &mut _| -> Result<(), PredictError> {
            let start = calls.next().expect("there is at least one call");
            if !tensors.is_empty() {
                black_box(program.run(&tensors[start / rows % tensors.len()], 0, 0, workspace)?.rows());
            } else if whole {
                black_box(program.predict(call, workspace)?.rows());
            } else {
                black_box(program.run(call, start, rows, workspace)?.rows());
            }
            Ok(())
        };
        let mut run = |workspace: &mut _| -> Result<u64, PredictError> {
            let begun = Instant::now();
            answer(workspace)?;
            Ok(begun.elapsed().as_nanos() as u64)
        };
        let begun = Instant::now();
        while begun.elapsed() < time / 10 {
            run(workspace)?;
        }
        let (mut samples, mut every, mut count) = (Vec::with_capacity(SAMPLES_MAX), 1, 0u64);
        let (begun, mut slowest) = (Instant::now(), 0);
        while begun.elapsed() < time {
            let took = run(workspace)?;
            slowest = slowest.max(took);
            if count.is_multiple_of(every) {
                if samples.len() == SAMPLES_MAX {
                    samples = samples.into_iter().step_by(2).collect();
                    every *= 2;
                }
                samples.push(took);
            }
            count += 1;
        }
        samples.sort_unstable();
        let at = |share: f64| samples[((samples.len() - 1) as f64 * share).round() as usize] as f64 / 1000.0;
        let in_round = (ROUND_US / at(0.5).max(0.01)).clamp(1.0, 20_000.0) as u32;
        let (begun, mut round) = (Instant::now(), f64::INFINITY);
        while begun.elapsed() < time / 2 {
            let begun = Instant::now();
            for _ in 0..in_round {
                answer(workspace)?;
            }
            round = round.min(begun.elapsed().as_nanos() as f64 / 1000.0 / f64::from(in_round));
        }
        let max = slowest as f64 / 1000.0;
        Ok(Latency { calls: count, p50: at(0.5), p90: at(0.9), p99: at(0.99), max, round })
    })
}

/// Answers the input again and again on each thread, in calls as `score` makes them; returns the rows per second of all.
fn large_calls(servable: &Servable, call: &Call, threads: usize, time: Duration) -> Result<f64, PredictError> {
    let stacked = servable.stacked(call)?;
    let is_stacked = stacked.is_some();
    let program = &servable.program(stacked.as_ref().unwrap_or(call))?;
    let (warm, done, rows) = (AtomicBool::new(false), AtomicBool::new(false), AtomicU64::new(0));
    let all = call.batch.rows();
    let rows_per_call = if program.separable().is_ok() { CALL_ROWS.min(all) } else { all };
    let of = |start: usize| Call { batch: call.batch.slice(start, rows_per_call.min(all - start)), ..call.clone() };
    let calls: Vec<Call> = (0..all).step_by(rows_per_call).map(of).collect();
    let work = || -> Result<(), PredictError> {
        for call in calls.iter().cycle().take_while(|_| !done.load(Ordering::Relaxed)) {
            let answer = match is_stacked {
                true => match servable.call(call.clone()) {
                    Reply::Now(answer) => answer?,
                    Reply::Later(_) => unreachable!("a compiled plan answers at once"),
                },
                false => with_workspace(program, |workspace| program.predict(call, workspace))?,
            };
            if warm.load(Ordering::Relaxed) {
                black_box(answer);
                rows.fetch_add(call.batch.rows() as u64, Ordering::Relaxed);
            }
        }
        Ok(())
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(work)).collect();
        thread::sleep(time / 10);
        warm.store(true, Ordering::Relaxed);
        let begun = Instant::now();
        thread::sleep(time);
        done.store(true, Ordering::Relaxed);
        let panicked = || Err(PredictError::Internal { message: "a thread panicked".to_owned() });
        for worker in workers {
            worker.join().unwrap_or_else(|_| panicked())?;
        }
        // Until the last call ended, which counts whole.
        Ok(rows.load(Ordering::Relaxed) as f64 / begun.elapsed().as_secs_f64())
    })
}
