//! The binary `forebay`: commands, configuration, and the one place where formats, engine, registry and server meet.
//!
//! Every command is a file of [`cmd`] with its arguments and a `run`; what several of them need lies beside it: [`model_arg`]
//! opens a MODEL, [`loader`] makes a predictor of its files, [`config`] resolves flags, environment and file. Below this
//! crate nothing reads the environment or prints. Standard output carries the answer and nothing else; what goes wrong is
//! one line on standard error, and the exit code says whose fault it is ([`failure`]).

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod client;
mod cmd;
mod config;
mod failure;
mod loader;
mod logs;
mod memory;
mod model_arg;
mod output;
mod progress;
mod score;
mod serve;
mod signals;
mod slices;
mod verify;
mod wait;
mod warm_up;

use failure::Failure;

/// Chunks of tables and frames come and go with every call: memory that is given back to the system and faulted in anew costs
/// more than the work done in it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Serves and scores trained models as their trainers saved them.
#[derive(Parser)]
#[command(name = "forebay", version, arg_required_else_help = true, infer_long_args = false)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Serve(cmd::serve::Args),
    Score(cmd::score::Args),
    Inspect(cmd::inspect::Args),
    Verify(cmd::verify::Args),
    Bench(cmd::bench::Args),
    Config(cmd::config::Args),
    /// Runs a model by an engine of others, for the process that started it
    #[command(hide = true)]
    EngineChild,
    Upload(cmd::upload::Args),
    Apply(cmd::apply::Args),
    Models(cmd::models::ModelsArgs),
    Versions(cmd::models::VersionsArgs),
    Labels(cmd::labels::Args),
    Catalogue(cmd::catalogue::Args),
    Events(cmd::events::Args),
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let done = match cli.command {
        Command::Serve(args) => cmd::serve::run(args),
        Command::Score(args) => signals::interruptible(|| cmd::score::run(args)),
        Command::Inspect(args) => signals::interruptible(|| cmd::inspect::run(args)),
        Command::Verify(args) => signals::interruptible(|| cmd::verify::run(args)),
        Command::Bench(args) => signals::interruptible(|| cmd::bench::run(args)),
        Command::Config(args) => cmd::config::run(args),
        Command::EngineChild => cmd::engine_child::run(),
        Command::Upload(args) => signals::interruptible(|| cmd::upload::run(args)),
        Command::Apply(args) => signals::interruptible(|| cmd::apply::run(args)),
        Command::Models(args) => signals::interruptible(|| cmd::models::models(args)),
        Command::Versions(args) => signals::interruptible(|| cmd::models::versions(args)),
        Command::Catalogue(args) => cmd::catalogue::run(args),
        Command::Events(args) => signals::interruptible(|| cmd::events::run(args)),
        Command::Labels(args) => signals::interruptible(|| cmd::labels::run(args)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

/// Prints help where it was asked for; else the fault in the one line that every error has.
fn usage(error: &clap::Error) -> ExitCode {
    use clap::error::ErrorKind::*;
    match error.kind() {
        DisplayHelp | DisplayVersion => {
            // Whoever closed the pipe does not read the help any more.
            let _ = error.print();
            ExitCode::SUCCESS
        }
        DisplayHelpOnMissingArgumentOrSubcommand | MissingSubcommand => {
            let _ = error.print();
            Failure::usage("").code()
        }
        _ => Failure::usage(one_line(&error.to_string())).report(),
    }
}

/// Returns clap's message as one line, without its prefix and the usage that follows.
fn one_line(message: &str) -> String {
    let message = message.strip_prefix("error: ").unwrap_or(message);
    let told = message.lines().map(str::trim).take_while(|line| !line.starts_with("Usage:"));
    let mut text = told.filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
    if !text.contains("--help") {
        text.push_str("; see `forebay --help`");
    }
    text
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_commands_are_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_usage_error_is_one_line() {
        let Err(error) = Cli::try_parse_from(["forebay", "score", "m", "--on-eror=row"]) else { panic!("accepted") };
        let line = one_line(&error.to_string());
        assert!(line.contains("--on-error") && !line.contains('\n') && line.ends_with("`forebay --help`"), "{line}");
    }
}
