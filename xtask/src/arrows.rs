//! Which crate may lean on which, and which libraries stay behind which fence.
//!
//! The table is the law: ARCHITECTURE.md shows it (`cargo xtask docs` writes it there), and every `Cargo.toml` is held
//! against it. A crate of tests may lean on what it tests; nothing that ships may lean on it.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path};

use anyhow::Context as _;
use toml::Table;

/// One crate: what it may use of ours, and the question it answers.
pub struct Row {
    pub name: &'static str,
    pub uses: &'static [&'static str],
    pub holds: &'static str,
}

const fn row(name: &'static str, uses: &'static [&'static str], holds: &'static str) -> Row {
    Row { name, uses, holds }
}

/// From the bottom up: a crate uses only rows above its own.
pub const ROWS: [Row; 15] = [
    row("model", &[], "batches, types, signatures, names; what a predictor is; kinds of failure"),
    row("plan", &["model"], "what a model computes, as data"),
    row("codec", &["model"], "batches at the border: JSON, CSV, Arrow, Parquet"),
    row("wire", &[], "messages of gRPC: what the public interfaces say, generated from `.proto` files"),
    row("formats", &["model", "plan", "codec"], "one folder per foreign format: bytes to plan"),
    row("engine", &["model", "plan"], "plan to a predictor that runs fast"),
    row("registry", &["model"], "models and versions; which are up, and what to do next"),
    row("objects", &["model", "registry"], "models in stores elsewhere, as a source"),
    row("gateway", &["model", "registry"], "which predictor answers, and whether it may"),
    row("remote", &["model"], "predictors elsewhere: engines of others in processes of their own"),
    row("store", &["model", "registry"], "the catalogue in SQLite or PostgreSQL, behind the store trait of `registry`"),
    row(
        "server",
        &["model", "codec", "wire", "registry", "gateway"],
        "HTTP and gRPC: one folder per dialect, admin, metrics",
    ),
    row(
        "testkit",
        &["model", "plan", "codec", "formats", "engine", "registry", "gateway"],
        "fakes and the case runner, for tests only",
    ),
    row(
        "app",
        &[
            "model", "plan", "codec", "wire", "formats", "engine", "registry", "objects", "gateway", "remote", "store",
            "server",
        ],
        "the binary: commands, configuration, wiring",
    ),
    row("xtask", &[], "the house rules and the tasks around the code"),
];

/// The crate that only tests may use.
const TESTKIT: &str = "testkit";

/// Libraries that only some crates may ship with.
struct Fence {
    libraries: &'static [&'static str],
    only_in: &'static [&'static str],
    why: &'static str,
}

const FENCES: [Fence; 11] = [
    Fence {
        libraries: &["axum", "hyper", "hyper-util", "http", "http-body-util", "tower"],
        only_in: &["server", "app"],
        why: "the network stays at the border; what computes is a function of its arguments",
    },
    Fence {
        libraries: &["tokio"],
        only_in: &["server", "objects", "store", "app"],
        why: "whoever waits for a network or a database does it in a runtime; what computes waits for nothing",
    },
    Fence { libraries: &["sqlx"], only_in: &["store"], why: "one crate knows databases" },
    Fence {
        libraries: &["serde"],
        only_in: &["codec", "registry", "gateway", "store", "server", "testkit", "app"],
        why: "inner types carry no serialisation; the border makes its own counterpart and converts",
    },
    Fence {
        libraries: &["parquet", "arrow-array", "arrow-ipc", "arrow-schema", "csv"],
        only_in: &["codec"],
        why: "tables of others are read and written in one place",
    },
    Fence {
        libraries: &["object_store", "hdfs-native-object-store", "reqwest", "futures-util"],
        only_in: &["objects"],
        why: "stores elsewhere are asked in one place, on a thread of its own",
    },
    Fence {
        libraries: &["ort", "libloading"],
        only_in: &["remote"],
        why: "code of others runs in a child process, which that crate alone knows",
    },
    Fence {
        libraries: &["prost", "prost-types", "tonic", "tonic-prost"],
        only_in: &["wire"],
        why: "messages of gRPC are generated in one place; artifacts are read by readers of our own, with their bounds",
    },
    Fence {
        libraries: &["rustls", "rustls-webpki", "tokio-rustls", "ring", "jsonwebtoken"],
        only_in: &["server", "objects", "app"],
        why: "who asks is told at the border, and encryption ends there",
    },
    Fence { libraries: &["anyhow"], only_in: &["app", "xtask"], why: "a library states its errors as one enum" },
    Fence {
        libraries: &["clap", "indicatif", "tracing-subscriber"],
        only_in: &["app"],
        why: "what users type and see is decided in the binary alone",
    },
];

/// Returns the crate table as ARCHITECTURE.md shows it.
pub fn table() -> String {
    let mut text = String::from("| crate | holds | may use |\n|---|---|---|\n");
    for Row { name, uses, holds } in &ROWS {
        let uses = if uses.is_empty() { "none of ours".to_owned() } else { format!("`{}`", uses.join("` `")) };
        writeln!(text, "| `{name}` | {holds} | {uses} |").expect("a string takes all");
    }
    text
}

/// Returns the fences as ARCHITECTURE.md shows them.
pub fn fences() -> String {
    let mut text = String::from("| libraries | only in | why |\n|---|---|---|\n");
    for Fence { libraries, only_in, why } in &FENCES {
        let (libraries, only_in) = (libraries.join("` `"), only_in.join("` `"));
        writeln!(text, "| `{libraries}` | `{only_in}` | {why} |").expect("a string takes all");
    }
    text
}

/// Holds every `Cargo.toml` against the table.
pub fn check(root: &Path) -> anyhow::Result<Vec<String>> {
    let mut findings = Vec::new();
    let mut seen = BTreeMap::new();
    for entry in fs::read_dir(root.join("crates"))? {
        let folder = entry?.file_name().to_string_lossy().into_owned();
        seen.insert(folder.clone(), format!("crates/{folder}/Cargo.toml"));
    }
    seen.insert("xtask".to_owned(), "xtask/Cargo.toml".to_owned());
    for (folder, path) in &seen {
        let text = fs::read_to_string(root.join(path)).with_context(|| format!("cannot read `{path}`"))?;
        findings.extend(manifest(folder, &text)?.into_iter().map(|finding| format!("{path}: {finding}")));
    }
    let missing = ROWS.iter().filter(|row| !seen.contains_key(row.name));
    findings.extend(missing.map(|row| format!("crates/{}: stands in the table of xtask and nowhere else", row.name)));
    Ok(findings)
}

/// Returns what is wrong with one manifest.
fn manifest(folder: &str, text: &str) -> anyhow::Result<Vec<String>> {
    let manifest: Table = text.parse()?;
    let Some(row) = ROWS.iter().find(|row| row.name == folder) else {
        return Ok(vec![format!("`{folder}` has no row in the table of xtask/src/arrows.rs")]);
    };
    let mut findings = Vec::new();
    let package = manifest.get("package").and_then(|package| package.get("name")).and_then(|name| name.as_str());
    if package != Some(folder) {
        findings.push(format!("the package is called {package:?}, its folder `{folder}`"));
    }
    if manifest.get("lints").and_then(|lints| lints.get("workspace")).and_then(|it| it.as_bool()) != Some(true) {
        findings.push("the lints of the workspace do not hold here: [lints] workspace = true".to_owned());
    }
    for (section, ships) in [("dependencies", true), ("build-dependencies", true), ("dev-dependencies", false)] {
        let Some(dependencies) = manifest.get(section).and_then(|it| it.as_table()) else { continue };
        for (name, spec) in dependencies {
            if spec.get("workspace").and_then(|it| it.as_bool()) != Some(true) {
                findings.push(format!("`{name}` in [{section}] has a version of its own: {name}.workspace = true"));
            }
            findings.extend(dependency(row, name, ships));
        }
    }
    if manifest.contains_key("target") {
        findings.push("dependencies by target are not looked at by this rule; widen it first".to_owned());
    }
    Ok(findings)
}

/// Returns why a crate may not use a library or one of our crates.
fn dependency(row: &Row, name: &str, ships: bool) -> Option<String> {
    if ROWS.iter().any(|other| other.name == name) {
        let allowed = row.uses.contains(&name) || (!ships && name == TESTKIT);
        return (!allowed).then(|| format!("`{}` may not use `{name}`; it may use {:?}", row.name, row.uses));
    }
    let fence = FENCES.iter().find(|fence| fence.libraries.contains(&name))?;
    let outside = ships && !fence.only_in.contains(&row.name);
    outside.then(|| format!("`{}` may not use {name}, only {:?} may: {}", row.name, fence.only_in, fence.why))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_keeps_to_the_arrows() {
        crate::none(&check(&crate::tree::root()).unwrap());
    }

    #[test]
    fn arrows_run_downward() {
        for (place, row) in ROWS.iter().enumerate() {
            for used in row.uses {
                assert!(ROWS[..place].iter().any(|below| below.name == *used), "{} -> {used}", row.name);
                assert_ne!(*used, TESTKIT, "{} ships", row.name);
            }
        }
    }

    /// A crate, its sections, and a part of each finding.
    fn check_manifest(folder: &str, sections: &str, expected: &[&str]) {
        let text = format!("[package]\nname = '{folder}'\n[lints]\nworkspace = true\n{sections}");
        let got = manifest(folder, &text).unwrap();
        assert_eq!(got.len(), expected.len(), "{got:?}");
        got.iter().zip(expected).for_each(|(got, part)| assert!(got.contains(part), "{got}"));
    }

    #[test]
    fn what_the_table_allows() {
        check_manifest("gateway", "[dependencies]\nregistry.workspace = true\nserde.workspace = true", &[]);
        check_manifest("engine", "[dev-dependencies]\ntestkit.workspace = true\nserde.workspace = true", &[]);
    }

    #[test]
    fn what_it_does_not() {
        check_manifest("registry", "[dependencies]\ngateway.workspace = true", &["`registry` may not use `gateway`"]);
        check_manifest("engine", "[dev-dependencies]\nformats.workspace = true", &["`engine` may not use `formats`"]);
        check_manifest("app", "[dependencies]\ntestkit.workspace = true", &["`app` may not use `testkit`"]);
        check_manifest("gateway", "[dependencies]\ntokio.workspace = true", &["may not use tokio, only"]);
        check_manifest("model", "[build-dependencies]\nserde.workspace = true", &["may not use serde, only"]);
        check_manifest("app", "[dependencies]\nclap = '4'", &["has a version of its own"]);
        check_manifest("nobody", "", &["has no row"]);
        check_manifest("app", "[target.'cfg(unix)'.dependencies]\nx = '1'", &["by target"]);
        let got = manifest("model", "[package]\nname = 'modell'").unwrap();
        assert_eq!(got.len(), 2, "{got:?}");
    }
}
