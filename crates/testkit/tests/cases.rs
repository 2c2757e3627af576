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

/// Cases whose expected answer is not followed, and why. The oracle of each is the second evaluator, where the first one has no answer.
const NOT_FOLLOWED: [(&str, &str); 14] = [
    ("cpml-auditbinaryreg", "a missing result is printed as NaN"),
    ("syn-mm-selectall-cls", "an evaluator without lists gives the last segment's result, under names of its own"),
    ("syn-svm-maxwins", "a missing result is printed as NaN"),
    ("ny-sk-knn-iris", "a missing result is cast to an integer: -9223372036854775808"),
    ("ny-lgbm-bc", "a missing result is cast to an integer: -9223372036854775808"),
    ("ny-xgb-bc", "a missing result is cast to an integer: -9223372036854775808"),
    ("gosc-gradient-boosted-model", "an invalid category is taken as missing, which other cases refuse"),
    ("p4n-spss-sample1", "an evaluator without weightedConfidence refuses; we answer as the other cases of it say"),
    ("syn-fn-median", "a text in a field of doubles; NaN taken as missing, which other cases refuse"),
    ("syn-fn-int-median", "a fraction in a field of integers, which other cases refuse"),
    ("syn-glm-ordinal-cauchit", "the last category has the cumulative probability F(0), not 1"),
    ("syn-glm-ordinal-probit", "the last category has the cumulative probability F(0), not 1"),
    ("syn-glm-ordinal-loglog", "the last category has the cumulative probability F(0), not 1"),
    ("p4s-dmg-general-cox", "an empty text is a category of a field of doubles"),
];

#[test]
fn shared_pmml_cases() {
    let Some(shared) = shared() else {
        assert!(!is_ci(), "the shared cases must be there where CI is set");
        return;
    };
    let tally = Tally::run(&shared.join("conformance/pmml"), &filter());
    say(&format!("shared PMML cases: {}", tally.report()));
    let is_known = |name: &str| NOT_FOLLOWED.iter().any(|(known, _)| *known == name);
    let unknown: Vec<&(String, String)> = tally.failed.iter().filter(|(name, _)| !is_known(name)).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    assert!(!filter().is_empty() || tally.passed.len() >= 420, "{}", tally.report());
    let waiting: Vec<String> = tally.waits.iter().map(|(name, why)| format!("{name}: {why}")).collect();
    if !filter().is_empty() {
        say(&waiting.join("\n"));
    }
}
