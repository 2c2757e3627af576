//! docs/formats/onnx.md: the ops that are read of ONNX, with their versions. `REFRESH=1` writes the table; the rest is by hand.

use std::{collections::BTreeMap, fmt::Write as _, fs};

use formats::onnx::lower::TABLE;
use testkit::files::root;

const PAGE: &str = "docs/formats/onnx.md";
const MARKS: (&str, &str) = ("<!-- ops: begin -->\n", "<!-- ops: end -->");

fn ops() -> String {
    let mut ops: BTreeMap<(&str, &str), Vec<(i64, i64)>> = BTreeMap::new();
    for row in TABLE.iter().copied().flatten() {
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

#[test]
fn the_page_is_as_the_reader_is() {
    let path = root().join(PAGE);
    let held = fs::read_to_string(&path).expect("the page is there");
    let (before, rest) = held.split_once(MARKS.0).expect("the table's begin is marked");
    let (_, after) = rest.split_once(MARKS.1).expect("the table's end is marked");
    let page = format!("{before}{}{}{}{after}", MARKS.0, ops(), MARKS.1);
    #[allow(clippy::disallowed_methods, reason = "a test's own switch")]
    if std::env::var_os("REFRESH").is_some() {
        fs::write(&path, &page).expect("the page is written");
        return;
    }
    assert!(
        page == held,
        "{PAGE} is not as the reader is; write it anew: REFRESH=1 cargo test -p testkit --test docs_onnx"
    );
}
