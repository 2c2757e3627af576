//! Generated parts of pages: written by `cargo xtask docs`, held up to date by a test.
//!
//! A part stands between two markers, `<!-- NAME: begin -->` and `<!-- NAME: end -->`; the rest of the page is people's.

use std::{fs, path::Path};

use anyhow::Context as _;

use crate::arrows;

/// One generated part.
struct Part {
    file: &'static str,
    name: &'static str,
    render: fn() -> String,
}

const PARTS: [Part; 2] = [
    Part { file: "ARCHITECTURE.md", name: "arrows", render: arrows::table },
    Part { file: "ARCHITECTURE.md", name: "fences", render: arrows::fences },
];

/// Writes all parts anew; returns the files that changed.
pub fn write(root: &Path) -> anyhow::Result<Vec<&'static str>> {
    let mut changed = Vec::new();
    for part in &PARTS {
        let old = read(root, part)?;
        let new = replaced(&old, part.name, &(part.render)()).with_context(|| part.file)?;
        if new != old {
            fs::write(root.join(part.file), new)?;
            changed.push(part.file);
        }
    }
    changed.dedup();
    Ok(changed)
}

/// Returns a finding for each part that is not what would be written now.
pub fn stale(root: &Path) -> anyhow::Result<Vec<String>> {
    let mut findings = Vec::new();
    for part in &PARTS {
        let old = read(root, part)?;
        match replaced(&old, part.name, &(part.render)()) {
            Ok(new) if new == old => {}
            Ok(_) => findings.push(format!("{}: the part `{}` is out of date: cargo xtask docs", part.file, part.name)),
            Err(error) => findings.push(format!("{}: {error}", part.file)),
        }
    }
    Ok(findings)
}

fn read(root: &Path, part: &Part) -> anyhow::Result<String> {
    fs::read_to_string(root.join(part.file)).with_context(|| format!("cannot read `{}`", part.file))
}

/// Returns the page with this text between the markers of the part.
fn replaced(page: &str, name: &str, text: &str) -> anyhow::Result<String> {
    let (begin, end) = (format!("<!-- {name}: begin -->\n"), format!("<!-- {name}: end -->"));
    let missing = || format!("the marker `{}` is missing", begin.trim_end());
    let (before, rest) = page.split_once(&begin).with_context(missing)?;
    let (_, after) = rest.split_once(&end).with_context(|| format!("the marker `{end}` is missing"))?;
    Ok(format!("{before}{begin}{text}{end}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_parts_are_up_to_date() {
        crate::none(&stale(&crate::tree::root()).unwrap());
    }

    #[test]
    fn only_what_stands_between_the_markers_is_written() {
        let page = "a\n<!-- x: begin -->\nold\n<!-- x: end -->\nb\n";
        assert_eq!(replaced(page, "x", "new\n").unwrap(), page.replace("old", "new"));
        assert!(replaced(page, "y", "").unwrap_err().to_string().contains("<!-- y: begin -->"));
        assert!(replaced("<!-- x: begin -->\n", "x", "").unwrap_err().to_string().contains("<!-- x: end -->"));
    }
}
