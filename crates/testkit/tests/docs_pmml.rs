//! docs/formats/pmml.md: what is read of PMML, by element and function, with the section of the standard. `REFRESH=1` writes
//! what stands between its marks; the rest is by hand.

use std::{fmt::Write as _, fs};

use formats::pmml::{elements, expression, kinds};
use testkit::files::root;

const PAGE: &str = "docs/formats/pmml.md";

fn between(page: &str, mark: &str, table: &str) -> String {
    let (begin, end) = (format!("<!-- {mark}: begin -->\n"), format!("<!-- {mark}: end -->"));
    let (before, rest) = page.split_once(&begin).unwrap_or_else(|| panic!("{PAGE} has no mark `{mark}: begin`"));
    let (_, after) = rest.split_once(&end).unwrap_or_else(|| panic!("{PAGE} has no mark `{mark}: end`"));
    format!("{before}{begin}{table}{end}{after}")
}

fn models() -> String {
    let mut table = "| Element | What is read, and what is refused | Section |\n|---|---|---|\n".to_owned();
    let mut all: Vec<_> = kinds::MODELS.iter().collect();
    all.sort_by_key(|kind| kind.element);
    for kind in all {
        let _ = writeln!(table, "| `{}` | {} | {} |", kind.element, kind.doc, kind.section);
    }
    table
}

fn parts() -> String {
    let mut table =
        "| Element or attribute | What is read, and what is refused | Section |\n|---|---|---|\n".to_owned();
    let of_expressions = expression::documented().into_iter().filter(|d| d.arity.is_none());
    let all = elements::ELEMENTS.iter().map(|e| (e.name, e.doc, e.section));
    for (name, doc, section) in all.chain(of_expressions.map(|d| (d.name, d.doc, d.section))) {
        let _ = writeln!(table, "| `{name}` | {doc} | {section} |");
    }
    table
}

fn functions() -> String {
    let mut table = "| Function | Arguments | What it gives |\n|---|---|---|\n".to_owned();
    for function in expression::documented() {
        if let Some(arity) = &function.arity {
            let _ = writeln!(
                table,
                "| `{}` | {arity} | {} |",
                function.name.replace('|', "\\|"),
                function.doc.replace('|', "\\|")
            );
        }
    }
    table
}

#[test]
fn the_page_is_as_the_reader_is() {
    let path = root().join(PAGE);
    let held = fs::read_to_string(&path).expect("the page is there");
    let page = between(&held, "models", &models());
    let page = between(&page, "parts", &parts());
    let page = between(&page, "functions", &functions());
    #[allow(clippy::disallowed_methods, reason = "a test's own switch")]
    if std::env::var_os("REFRESH").is_some() {
        fs::write(&path, &page).expect("the page is written");
    } else {
        assert!(
            page == held,
            "{PAGE} is not as the reader is; `REFRESH=1 cargo test -p testkit --test docs_pmml` writes it"
        );
    }
}
