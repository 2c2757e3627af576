//! `forebay verify`: a model's answers beside those of the tool that trained it.

use std::{
    fmt::Write,
    path::{Path, PathBuf},
};

use crate::{
    cmd,
    failure::Failure,
    model_arg::ModelArg,
    verify::{
        case::{self, Case},
        own,
    },
};

/// Compares a model's answers with those that the tool which trained it gave
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    model: ModelArg,
    /// Case folders (`case.json`, `input.jsonl`, `expected.jsonl`) to score with MODEL; without it MODEL is a case folder,
    /// or a folder of them
    cases: Option<PathBuf>,
}

pub fn run(args: Args) -> Result<(), Failure> {
    let root = &args.model.model;
    if args.cases.is_none() && root.exists() && case::find(root).map_or(true, |found| found.is_empty()) {
        return own_rows(&args.model);
    }
    let root = args.cases.as_deref().unwrap_or(&args.model.model);
    let folders = folders(root, args.cases.is_some())?;
    let own = args.cases.as_ref().map(|_| &args.model);
    let (mut passed, mut failed) = (0, 0);
    for folder in folders {
        let case = Case::open(&folder);
        let result = match case {
            Ok(None) => continue,
            Ok(Some(case)) => case.run(own),
            Err(error) => Err(error),
        };
        match result {
            Ok(()) => passed += 1,
            Err(error) => {
                failed += 1;
                let name = folder.strip_prefix(root).ok().filter(|name| !name.as_os_str().is_empty());
                let mut line = String::new();
                let _ = writeln!(line, "{}: {error}", name.unwrap_or(&folder).display());
                cmd::print(&line)?;
            }
        }
    }
    cmd::print(&format!("{passed} passed, {failed} failed\n"))?;
    if failed == 0 { Ok(()) } else { Err(Failure::Told) }
}

/// Verifies a model by the rows that it carries.
fn own_rows(model: &ModelArg) -> Result<(), Failure> {
    let opened = model.open()?;
    let Some(verification) = opened.model.verification() else {
        return Err(Failure::refused(format_args!(
            "{} carries no rows to verify it by; give cases: `verify MODEL CASES`",
            model.model.display()
        )));
    };
    own::run(verification, opened.predictor()).map_err(Failure::refused)?;
    cmd::print(&format!("{} rows as the model carries them\n", verification.rows.len()))
}

fn folders(root: &Path, is_cases: bool) -> Result<Vec<PathBuf>, Failure> {
    let folders =
        case::find(root).map_err(|error| Failure::refused(format_args!("cannot read {}: {error}", root.display())))?;
    if folders.is_empty() {
        let hint = if is_cases { "" } else { "; a model that carries no cases is verified with `verify MODEL CASES`" };
        return Err(Failure::refused(format_args!("no case.json at or below {}{hint}", root.display())));
    }
    Ok(folders)
}
