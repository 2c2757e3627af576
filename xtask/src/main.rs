//! The house rules, as tests, and the tasks around the code: `cargo xtask <verb>`.
//!
//! `cargo test -p xtask` holds the tree to what ARCHITECTURE.md and CONTRIBUTING.md say: which crate may lean on which
//! ([`arrows`]), how files look ([`tidy`]), how many ops a plan may have ([`ops`]), which libraries stand twice
//! ([`duplicates`]), and that generated pages are up to date ([`docs`]). A rule here is a function from the tree to
//! findings; what a finding says is enough to mend it.

use std::process::ExitCode;

mod arrows;
mod bench;
mod docs;
mod duplicates;
mod evidence;
mod http;
mod made;
mod ops;
mod server;
mod soak;
mod tidy;
mod tree;

const USAGE: &str = "usage: cargo xtask <verb>

  check   prints what breaks a house rule
  docs    writes the generated parts of the pages anew
  bench [PART...] [--spark-from FILE]
          measures (rows, batch, forest, pmml, tensors, rest, wire, start; all where none is named) and writes docs/performance.md
  soak NAME [--short]
          a long run; in full it leaves its figures in docs/evidence (drain, lazy, overload, spark-fuzz, swap)";

fn main() -> anyhow::Result<ExitCode> {
    let verbs: Vec<String> = std::env::args().skip(1).collect();
    let root = tree::root();
    match verbs.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["check"] => {
            let findings = check(&root)?;
            findings.iter().for_each(|finding| println!("{finding}"));
            Ok(if findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        ["docs"] => {
            docs::write(&root)?.iter().for_each(|file| println!("wrote {file}"));
            bench::page::write(&root)?;
            Ok(ExitCode::SUCCESS)
        }
        ["bench", ref args @ ..] => bench::run(&root, args).map(|()| ExitCode::SUCCESS),
        ["soak", name, ref args @ ..] => soak::run(&root, name, args).map(|()| ExitCode::SUCCESS),
        _ => {
            eprintln!("{USAGE}");
            Ok(ExitCode::from(2))
        }
    }
}

/// Returns what breaks a house rule, over all of them.
fn check(root: &std::path::Path) -> anyhow::Result<Vec<String>> {
    let sources = tree::sources(root)?;
    let mut findings = arrows::check(root)?;
    findings.extend(tidy::check(&sources));
    findings.extend(ops::check(&sources));
    findings.extend(duplicates::check(root)?);
    findings.extend(docs::stale(root)?);
    findings.extend(bench::page::stale(root)?);
    Ok(findings)
}

/// Fails with all findings, one a line.
#[cfg(test)]
fn none(findings: &[String]) {
    assert!(findings.is_empty(), "\n{}\n", findings.join("\n"));
}
