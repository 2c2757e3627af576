//! Every oracle case, in every way to run it.

use std::io::Write as _;

use testkit::{
    case::Tally,
    files::{root, shared},
};

/// Runs a part of the cases: `CASES=hashing cargo test -p testkit`.
fn filter() -> String {
    #[allow(clippy::disallowed_methods, reason = "a test's own switch")]
    std::env::var("CASES").unwrap_or_default()
}

/// Says a line that is seen though the test passes.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

fn is_ci() -> bool {
    #[allow(clippy::disallowed_methods, reason = "a test's own switch")]
    std::env::var_os("CI").is_some()
}

#[test]
fn own_spark_cases() {
    let tally = Tally::run(&root().join("conformance/spark"), &filter());
    say(&format!("own Spark cases: {}", tally.report()));
    assert!(!filter().is_empty() || tally.passed.len() >= 20, "the project's own cases are there");
    assert!(tally.failed.is_empty() && tally.waits.is_empty(), "{}\n{:?}", tally.report(), tally.waits);
}

#[test]
fn shared_spark_cases() {
    let Some(shared) = shared() else {
        assert!(!is_ci(), "the shared cases must be there where CI is set");
        say("the shared cases were not found beside the repository: passed over");
        return;
    };
    let tally = Tally::run(&shared.join("conformance/spark"), &filter());
    say(&format!("shared Spark cases: {}", tally.report()));
    assert!(tally.failed.is_empty(), "{}", tally.report());
}

#[test]
fn own_pmml_cases() {
    let tally = Tally::run(&root().join("conformance/pmml"), &filter());
    say(&format!("own PMML cases: {}", tally.report()));
    assert!(!filter().is_empty() || tally.passed.len() >= 20, "the project's own cases are there");
    assert!(tally.failed.is_empty() && tally.waits.is_empty(), "{}\n{:?}", tally.report(), tally.waits);
}

#[test]
fn shared_pmml_cases() {
    let Some(shared) = shared() else {
        assert!(!is_ci(), "the shared cases must be there where CI is set");
        return;
    };
    let tally = Tally::run(&shared.join("conformance/pmml"), &filter());
    say(&format!("shared PMML cases: {}", tally.report()));
    let waiting: Vec<String> = tally.waits.iter().map(|(name, why)| format!("{name}: {why}")).collect();
    if !filter().is_empty() {
        say(&waiting.join("\n"));
    }
}
