//! docs/performance.md, rendered from the evidence of the parts.

use std::{fmt::Write as _, fs, path::Path};

use anyhow::Context as _;
use serde_json::Value;

use super::{PARTS, Part, soaks};

const PAGE: &str = "docs/performance.md";

const HEAD: &str = "# Performance

<!-- Written by `cargo xtask bench`, from docs/evidence; changes by hand are lost. -->

What Forebay takes on one machine, beside others in the same run. A ratio travels from machine to machine, an absolute time
does not. The models are made with real Spark by `acceptance/lib/spark_bench.py`: *text* is Tokenizer, HashingTF (1000) and
LogisticRegression over sentences of 5 to 12 words; *forest* is StringIndexer, VectorAssembler and a random forest of 100 trees
of depth 10 over a word and 19 numbers; *word2vec* is Tokenizer, Word2Vec (100 numbers a word) and LogisticRegression; *rformula* is
an RFormula with strings, numbers and their interactions before a LogisticRegression; *gbt* is VectorAssembler, VectorIndexer and 50
boosted trees of depth 5; *als* scores users with candidate items, a pair a row, with factors of 16 numbers; *lda* is Tokenizer,
CountVectorizer and LDA with 10 topics. All default columns are computed: every one that Spark's `transform` would show.

`cargo xtask bench` measures everything, `cargo xtask bench PART` one part; where that is Spark, its times can be kept:
`--spark-from FILE` takes what `spark_bench.py` printed before.
";

/// Writes the page from the evidence that is there.
pub fn write(root: &Path) -> anyhow::Result<()> {
    let page = root.join(PAGE);
    fs::write(&page, render(root)?).with_context(|| format!("cannot write {}", page.display()))
}

/// Returns a finding where the page is not what would be written now.
pub fn stale(root: &Path) -> anyhow::Result<Vec<String>> {
    let held = fs::read_to_string(root.join(PAGE)).unwrap_or_default();
    let finding = || format!("{PAGE}: not what its evidence says: cargo xtask docs");
    Ok(if held == render(root)? { Vec::new() } else { vec![finding()] })
}

fn render(root: &Path) -> anyhow::Result<String> {
    let mut text = HEAD.to_owned();
    for part in &PARTS {
        let path = root.join(format!("docs/evidence/bench-{}.json", part.name));
        let evidence = fs::read_to_string(&path).ok();
        let evidence = evidence.map(|text| serde_json::from_str(&text).with_context(|| path.display().to_string()));
        let _ = write!(text, "\n## {}\n\n{}", part.title, section(part, evidence.transpose()?.as_ref()));
    }
    text.push_str(&soaks::section(root)?);
    Ok(text)
}

fn section(part: &Part, evidence: Option<&Value>) -> String {
    let Some(evidence) = evidence else {
        return format!("Not measured yet: `cargo xtask bench {}`.\n", part.name);
    };
    let (figures, machine) = (&evidence["figures"], &evidence["figures"]["machine"]);
    let text = |value: &Value| value.as_str().unwrap_or("unknown").to_owned();
    format!(
        "{}\n`{}` at commit `{}`: {}, {} cores, {} GiB, Linux {}, rustc {}; load average {} before.\n",
        (part.render)(figures),
        text(&evidence["command"]),
        text(&evidence["commit"]),
        text(&machine["cpu"]),
        machine["cores"],
        machine["memory_gib"],
        text(&machine["kernel"]),
        text(&machine["rustc"]),
        machine["load_before"],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_says_what_its_evidence_says() {
        crate::none(&stale(&crate::tree::root()).unwrap());
    }

    #[test]
    fn a_part_without_evidence_says_how_to_measure_it() {
        let part = &PARTS[0];
        assert_eq!(section(part, None), "Not measured yet: `cargo xtask bench rows`.\n");
        let evidence = serde_json::json!({"command": "c", "commit": "abc", "figures": {"text": {"p50_us": 1.5}}});
        let said = section(part, Some(&evidence));
        assert!(said.contains("| text | 1.50 us | NaN us | 3 us |") && said.contains("`c` at commit `abc`"), "{said}");
    }
}
