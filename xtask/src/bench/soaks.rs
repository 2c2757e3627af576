//! What soaks found, for docs/performance.md: of each figure where its evidence has it, and what is asked for.

use std::{fmt::Write as _, fs, path::Path};

use anyhow::Context as _;
use serde_json::Value;

const TITLE: &str = "\n## Under load

`cargo xtask soak NAME`, in full (`docs/evidence/NAME.json`). The load shares the machine's two cores with the server. *overload*: calls of some
milliseconds, one thread that computes, three times as many calls as it carries; *swap*: of three models under a constant load one after the other is
replaced; *drain*: a server under load is told to stop; *lazy*: 10,000 models of which hundreds are in memory at a time.

| soak | figure | seen | asked for |
|---|---|---|---|
";

/// A figure: of which soak, where it stands in the evidence, its name, its unit, and its bound where there is one.
type Figure = (&'static str, &'static str, &'static str, &'static str, &'static str);

const FIGURES: [Figure; 15] = [
    ("overload", "/goodput_share", "answered, as a share of the capacity", "", "0.9 or more"),
    ("overload", "/p99_times", "p99 of answers, times that without load", "", "3"),
    ("overload", "/refusal_ms_median", "a refusal, median", " ms", ""),
    ("overload", "/refusal_ms_p99", "a refusal, p99", " ms", "under 2 ms"),
    ("overload", "/recovery_ms", "until answers are as fast as before", " ms", "under 1,000 ms"),
    ("swap", "/replacements", "replacements", "", "1,000"),
    ("swap", "/failed", "failed requests", "", "0"),
    ("swap", "/not_replaced_us/before/p99", "p99 of the models beside, before", " us", ""),
    ("swap", "/not_replaced_us/meanwhile/p99", "p99 of the models beside, meanwhile", " us", "twice that before"),
    ("swap", "/resident_growth", "growth of resident memory, as a share", "", "0.1"),
    ("drain", "/rounds", "servers stopped under load", "", "100"),
    ("drain", "/failed", "failed requests in flight", "", "0"),
    ("lazy", "/models", "models in one process", "", "10,000"),
    ("lazy", "/resident_mib/peak", "resident memory at most", " MiB", "1,000 MB"),
    ("lazy", "/first_touch_us/p99", "a call that loads its model, p99", " us", ""),
];

/// Returns the section; a soak without evidence is named as not run.
pub fn section(root: &Path) -> anyhow::Result<String> {
    let mut text = TITLE.to_owned();
    for (soak, place, name, unit, asked) in FIGURES {
        let path = root.join(format!("docs/evidence/{soak}.json"));
        let evidence: Option<Value> = match fs::read_to_string(&path) {
            Ok(evidence) => Some(serde_json::from_str(&evidence).with_context(|| path.display().to_string())?),
            Err(_) => None,
        };
        let figure = evidence.as_ref().and_then(|evidence| evidence["figures"].pointer(place));
        let seen = figure.map_or("not run".to_owned(), |figure| format!("{figure}{unit}"));
        let _ = writeln!(text, "| {soak} | {name} | {seen} | {asked} |");
    }
    Ok(text)
}
