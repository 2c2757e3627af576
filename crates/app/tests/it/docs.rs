//! The reference pages of commands and keys are what the binary and its sources say.
//!
//! `REFRESH=1 cargo test -p app docs` writes them anew.

use std::{fmt::Write, fs};

use crate::support::run;

/// The struct of each table, by its file.
const TABLES: [(&str, &[(&str, &str)]); 16] = [
    ("server", &[("server/src/config.rs", "Config")]),
    ("batching", &[("server/src/config.rs", "Batching")]),
    ("models", &[("app/src/config.rs", "Models"), ("registry/src/config.rs", "Config")]),
    ("formats", &[("app/src/config/formats.rs", "Formats")]),
    ("engines", &[("app/src/config/engines.rs", "Engines")]),
    ("gateway", &[("gateway/src/config.rs", "Config")]),
    ("mist", &[("server/src/api/mist/routes.rs", "Config")]),
    ("admin", &[("server/src/api/admin/mod.rs", "Config")]),
    ("auth", &[("server/src/auth/config.rs", "Config")]),
    ("capture", &[("server/src/capture/config.rs", "Config")]),
    ("client", &[("app/src/client.rs", "Config")]),
    ("access_log", &[("server/src/access/config.rs", "Config")]),
    ("trace", &[("server/src/trace/config.rs", "Config")]),
    ("catalogue", &[("store/src/config.rs", "Config")]),
    ("log", &[("app/src/logs.rs", "Config")]),
    ("runtime", &[("app/src/config.rs", "Runtime")]),
];

/// Asserts that the page is this text, or makes it so.
fn check(page: &str, text: &str) {
    let path = testkit::files::root().join("docs/reference").join(page);
    if std::env::var_os("REFRESH").is_some() {
        fs::write(&path, text).unwrap();
    }
    let stands = fs::read_to_string(&path).unwrap_or_default();
    assert!(stands == text, "docs/reference/{page} is out of date: REFRESH=1 cargo test -p app docs\n{text}");
}

/// Returns the first documented text of a struct's fields, by their names, in their order.
fn documented(file: &str, name: &str) -> (String, Vec<(String, String)>) {
    let source = fs::read_to_string(testkit::files::root().join("crates").join(file)).unwrap();
    let (before, after) = source.split_once(&format!("\npub struct {name} {{\n")).unwrap();
    let doc_of = |line: &str| line.trim().strip_prefix("///").map(|text| text.trim().to_owned());
    let above = before.lines().rev().skip_while(|line| line.starts_with("#["));
    let mut head: Vec<String> = above.map_while(doc_of).collect();
    head.reverse();
    let (mut doc, mut fields) = (Vec::new(), Vec::new());
    for line in after.lines().take_while(|line| *line != "}") {
        if let Some(text) = doc_of(line) {
            doc.push(text);
        } else if let Some((field, _)) = line.trim().strip_prefix("pub ").and_then(|rest| rest.split_once(':')) {
            fields.push((field.to_owned(), std::mem::take(&mut doc).join(" ")));
        }
    }
    (head.join(" "), fields)
}

/// Returns the default of a key as `config show` prints it.
fn default_of(shown: &str, table: &str, key: &str) -> Option<String> {
    let (_, rest) = shown.split_once(&format!("[{table}]\n"))?;
    let lines = rest.lines().take_while(|line| !line.starts_with('['));
    let value = lines.filter_map(|line| line.strip_prefix(key)?.strip_prefix(" = ")).next()?;
    Some(value.strip_suffix("  # default")?.to_owned())
}

#[test]
fn keys() {
    let shown = run(&["config", "show"]).ok();
    let mut page = String::from(
        "# Configuration\n\nOne TOML file (`--config FILE`), a variable for every scalar key (`FOREBAY_<TABLE>__<KEY>`, as in \
         `FOREBAY_SERVER__HTTP`), a\nfew flags. A flag wins over the environment, that over the file, that over the default. \
         Unknown keys are refused.\n`forebay config show` prints what holds and where each value comes from; `forebay config \
         check FILE` says what is wrong with a\nfile. SIGHUP reads the configuration again: what can change while serving says \
         so below, all else needs a restart.\n",
    );
    let mut keys = 0;
    for (table, parts) in TABLES {
        write!(page, "\n## [{table}]\n\n| key | default | |\n|---|---|---|\n").unwrap();
        for (key, doc) in parts.iter().flat_map(|(file, name)| documented(file, name).1) {
            // The parts of a table that is made of two are no key.
            let Some(default) = default_of(&shown, table, &key) else { continue };
            assert!(!doc.is_empty(), "{table}.{key} is documented");
            writeln!(page, "| `{key}` | `{default}` | {doc} |").unwrap();
            keys += 1;
        }
    }
    for (table, file, name) in [
        ("[[models.sources]]", "app/src/config/sources.rs", "Source"),
        ("[[server.listeners]]", "server/src/config.rs", "Listener"),
        ("[server.tls]", "server/src/tls/config.rs", "Tls"),
        ("[server.cors]", "server/src/config.rs", "Cors"),
        ("[[auth.keys]]", "server/src/auth/config.rs", "Key"),
        ("[auth.jwt]", "server/src/auth/config.rs", "Jwt"),
        ("[[auth.jwt.keys]]", "server/src/auth/config.rs", "JwtKey"),
        ("[[mist.routes]]", "server/src/api/mist/routes.rs", "MistRoute"),
    ] {
        let (what, fields) = documented(file, name);
        write!(page, "\n## {table}\n\n{what}\n\n| key | |\n|---|---|\n").unwrap();
        fields.iter().for_each(|(key, doc)| writeln!(page, "| `{key}` | {doc} |").unwrap());
    }
    assert_eq!(keys, shown.matches("  # default\n").count(), "every key of the binary stands on the page");
    check("configuration.md", &page);
}

#[test]
fn commands() {
    let mut page = String::from(
        "# Commands\n\nWhat `forebay --help` and `forebay COMMAND --help` print. Standard output carries the answer and nothing \
         else; errors go to standard\nerror, one line with the remedy. Exit codes: 0 done, 1 refused (model, input, rows), 2 \
         usage or configuration, 130 interrupted.\n",
    );
    let all: [&[&str]; 16] = [
        &[],
        &["serve"],
        &["score"],
        &["inspect"],
        &["verify"],
        &["bench"],
        &["upload"],
        &["apply"],
        &["models"],
        &["versions"],
        &["labels"],
        &["catalogue"],
        &["events"],
        &["config"],
        &["config", "check"],
        &["config", "show"],
    ];
    for command in all {
        let help = run(&[command, &["--help"]].concat()).ok();
        let title = [&["forebay"], command].concat().join(" ");
        let help: String = help.trim_end().lines().map(|line| line.trim_end().to_owned() + "\n").collect();
        write!(page, "\n## {title}\n\n```\n{help}```\n").unwrap();
    }
    check("commands.md", &page);
}
