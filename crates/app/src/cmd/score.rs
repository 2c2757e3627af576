//! `forebay score`: a table in, the model's answers out.

use std::{fs, path::PathBuf, sync::Arc, thread};

use clap::ValueEnum;
use codec::{Format, ReadOptions, WriteOptions};
use engine::servable::{WHOLE_ROWS_MAX, rows_max};
use model::OnFault;

use crate::{
    failure::Failure,
    model_arg::{ModelArg, Opened},
    output::Output,
    progress::{Progress, Tally},
    score::{
        pipeline::Run,
        scorer::Scorer,
        table::{self, Input, Tables, Writer},
        v2,
    },
};

/// Scores a table with a model: JSON lines, CSV, Parquet or Arrow in and out; or one Open Inference V2 request
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    model: ModelArg,
    /// The table; standard input where absent or `-`
    input: Option<PathBuf>,
    /// Where answers go, complete or not at all; standard output where absent or `-`
    #[arg(short, long, value_name = "OUT")]
    output: Option<PathBuf>,
    /// Format of the input, where its name does not tell: jsonl, csv, parquet, arrow, v2
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
    /// Format of the output, where its name does not tell; `none` computes every answer and writes nothing
    #[arg(long, value_name = "FORMAT")]
    output_format: Option<String>,
    /// The outputs to compute, instead of the default ones
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    outputs: Option<Vec<String>>,
    /// The signature to call, instead of the default one
    #[arg(long, value_name = "NAME")]
    signature: Option<String>,
    /// What a row does that the model refuses: end the run, or keep its place as {"_error":".."}
    #[arg(long, value_name = "WHAT", default_value = "fail")]
    on_error: OnError,
    /// Threads that score, where rows do not depend on each other; one per core where absent
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Say at the end how many rows were scored, even where standard error is no terminal
    #[arg(long)]
    summary: bool,
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum OnError {
    Fail,
    Row,
}

impl From<OnError> for OnFault {
    fn from(on_error: OnError) -> OnFault {
        match on_error {
            OnError::Fail => OnFault::FailCall,
            OnError::Row => OnFault::MarkRow,
        }
    }
}

/// Below so many bytes, threads cost more than they bring.
const ALONE_BYTES_MAX: u64 = 256 << 10;

pub fn run(args: Args) -> Result<(), Failure> {
    let format = table::format(args.format.as_deref(), args.input.as_deref(), "--format")?;
    if format == Format::V2 {
        return score_v2(&args);
    }
    let output_format = output_format(&args)?;
    let opened = args.model.open()?;
    let scorer = Scorer { discard: output_format.is_none(), ..scorer(&opened, &args)? };
    let input = input(&opened, &args, &scorer, format)?;
    let (output, file) = Output::open(args.output.as_deref())?;
    let on_fault = args.on_error.into();
    let mut writer = Writer::new(file, output_format, WriteOptions { on_fault });
    let progress = Progress::begin(input.total);
    let run = Run {
        scorer: &scorer,
        input: &input.name,
        output: &output.name,
        on_fault,
        as_lines: writer.is_lines(),
        progress: &progress,
    };
    let scored = score(&opened, &args, &run, input.source, &mut writer);
    // What was written before a failure reaches standard output whole; a file is complete or not there.
    let finished = writer.finish().map_err(|error| Failure::sink(&output.name, error));
    let tally = scored?;
    finished?;
    output.finish()?;
    progress.end(tally, args.summary);
    Ok(())
}

/// Answers one Open Inference V2 request with one V2 answer.
fn score_v2(args: &Args) -> Result<(), Failure> {
    if args.output_format.as_deref().is_some_and(|name| name != Format::V2.name()) {
        return Err(Failure::usage("--output-format: a v2 request has a v2 answer"));
    }
    if args.on_error == OnError::Row {
        return Err(Failure::usage("--on-error: a v2 answer has no place for refused rows; one fails the request"));
    }
    let opened = args.model.open()?;
    v2::score(&opened, &scorer(&opened, args)?, args.input.as_deref(), args.output.as_deref())
}

/// Returns the format to write, if anything is to be written.
fn output_format(args: &Args) -> Result<Option<Format>, Failure> {
    match (args.output_format.as_deref(), &args.output) {
        (Some("none"), None) => Ok(None),
        (Some("none"), Some(_)) => {
            Err(Failure::usage("--output-format: none writes nothing, and --output names a file"))
        }
        (named, path) => match table::format(named, path.as_deref(), "--output-format")? {
            Format::V2 => Err(Failure::usage("--output-format: v2 is the answer to a v2 request (--format v2)")),
            format => Ok(Some(format)),
        },
    }
}

fn score(opened: &Opened, args: &Args, run: &Run<'_>, source: Tables, writer: &mut Writer) -> Result<Tally, Failure> {
    let (signature, plan) = opened.signature(args.signature.as_deref())?;
    // Who else computes it takes the rows as one tensor.
    if let Some(rows_max) = plan.map_or(Some(WHOLE_ROWS_MAX), rows_max) {
        // Of no row at all there may still be one group.
        let none = signature.grouped.then(|| opened.no_rows(signature, run.scorer.outputs.as_deref()));
        return run.whole(source, rows_max, none, writer);
    }
    let bytes = args.input.as_ref().and_then(|path| fs::metadata(path).ok()).filter(|meta| meta.is_file());
    let small = bytes.is_some_and(|meta| meta.len() < ALONE_BYTES_MAX);
    let cores = || thread::available_parallelism().map_or(1, usize::from);
    match args.threads.map_or_else(cores, usize::from) {
        threads if threads > 1 && !small => run.together(source, threads, writer),
        _ => run.alone(source, writer),
    }
}

fn scorer<'a>(opened: &'a Opened, args: &Args) -> Result<Scorer<'a>, Failure> {
    let (signature, _) = opened.signature(args.signature.as_deref())?;
    if let Some(unknown) = args.outputs.iter().flatten().find(|name| signature.output(name).is_none()) {
        let known: Vec<&str> = signature.outputs.iter().map(|field| &*field.name).collect();
        let known = known.join(", ");
        return Err(Failure::usage(format_args!("--outputs: the model has no `{unknown}`; there are {known}")));
    }
    let again = |(i, name): &(usize, &String)| args.outputs.iter().flatten().take(*i).any(|before| before == *name);
    if let Some((_, twice)) = args.outputs.iter().flatten().enumerate().find(again) {
        return Err(Failure::usage(format_args!("--outputs: `{twice}` is named twice")));
    }
    let outputs = args.outputs.as_ref().map(|names| names.iter().map(|name| Arc::from(name.as_str())).collect());
    let named = args.signature.as_deref().map(Into::into);
    Ok(Scorer { predictor: opened.predictor(), signature: named, outputs, discard: false, grouped: signature.grouped })
}

/// Opens the input for the columns that the outputs are computed from.
fn input(opened: &Opened, args: &Args, scorer: &Scorer<'_>, format: Format) -> Result<Input, Failure> {
    let (signature, _) = opened.signature(args.signature.as_deref())?;
    let options = opened.read_options(signature, scorer.outputs.as_deref());
    let options = ReadOptions { keep_bad_rows: true, ..options };
    table::open(args.input.as_deref(), format, options)
}
