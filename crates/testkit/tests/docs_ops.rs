//! docs/formats/onnx.md and tensorflow.md: the ops that are read. `REFRESH=1` writes the tables; the rest is by hand.

use std::{collections::BTreeMap, fmt::Write as _, fs};

use formats::{onnx, tensorflow};
use testkit::files::root;

const MARKS: (&str, &str) = ("<!-- ops: begin -->\n", "<!-- ops: end -->");

fn onnx_ops() -> String {
    let mut ops: BTreeMap<(&str, &str), Vec<(i64, i64)>> = BTreeMap::new();
    for row in onnx::lower::TABLE.iter().copied().flatten() {
        ops.entry((row.domain, row.op)).or_default().push(row.versions);
    }
    let mut table = "| Op | Domain | Versions |\n|---|---|---|\n".to_owned();
    for ((domain, op), mut versions) in ops {
        versions.sort_unstable();
        let show = |(first, last): &(i64, i64)| match *last {
            i64::MAX => format!("from {first}"),
            last if last == *first => format!("{first}"),
            last => format!("{first} to {last}"),
        };
        let versions = versions.iter().map(show).collect::<Vec<_>>().join(", ");
        let domain = if domain.is_empty() { "ai.onnx" } else { domain };
        let _ = writeln!(table, "| `{op}` | `{domain}` | {versions} |");
    }
    table
}

fn tensorflow_ops() -> String {
    let mut ops: Vec<&str> = tensorflow::lower::TABLE.iter().copied().flatten().map(|row| row.op).collect();
    ops.sort_unstable();
    let mut table = "| Op |\n|---|\n".to_owned();
    ops.iter().for_each(|op| {
        let _ = writeln!(table, "| `{op}` |");
    });
    table
}

/// Holds the table of a page to the reader.
fn check(page: &str, table: &str) {
    let path = root().join(page);
    let held = fs::read_to_string(&path).expect("the page is there");
    let (before, rest) = held.split_once(MARKS.0).expect("the table's begin is marked");
    let (_, after) = rest.split_once(MARKS.1).expect("the table's end is marked");
    let now = format!("{before}{}{table}{}{after}", MARKS.0, MARKS.1);
    #[allow(clippy::disallowed_methods, reason = "a test's own switch")]
    if std::env::var_os("REFRESH").is_some() {
        fs::write(&path, &now).expect("the page is written");
        return;
    }
    assert!(
        now == held,
        "{page} is not as the reader is; write it anew: REFRESH=1 cargo test -p testkit --test docs_ops"
    );
}

#[test]
fn the_page_of_onnx_is_as_the_reader_is() {
    check("docs/formats/onnx.md", &onnx_ops());
}

#[test]
fn the_page_of_tensorflow_is_as_the_reader_is() {
    check("docs/formats/tensorflow.md", &tensorflow_ops());
}
