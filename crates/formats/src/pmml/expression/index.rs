//! `TextIndex` (Transformations, 4.4): how often a term stands in a text.
//!
//! The text is rewritten by the tables of `TextIndexNormalization`, then cut into words; all indices of one text with the same
//! parameters share these steps. Letters of both cases are equal unless `isCaseSensitive`. Rows of a table are replaced
//! wherever they stand, in words or not, and the text is refused where a recursive table never comes to an end.

use std::sync::{Arc, LazyLock};

use plan::{Expr, Func, Pattern, Rewrites, Term as Wanted, TextOp, Words, expr::Math};

use super::{
    super::{error::Fault, fields::DataType, lower::Value, xml::Element},
    inner,
    table::{cell, rows},
    term::{Term, Work},
    texts::pattern,
};
use crate::java_regex;

/// What stands between words where a document does not say.
const BLANKS: &str = r"\s+";

/// It is the same for every term: it is compiled once.
static BLANK_PATTERN: LazyLock<Pattern> =
    LazyLock::new(|| java_regex::pattern(BLANKS).expect("a pattern that the engine takes"));

/// Most rows of one table of replacements, each of which is a pattern.
const ROWS_MAX: usize = 10_000;

/// Returns the term of a `TextIndex`.
pub fn lower<'d>(work: &mut Work<'_, '_, '_, 'd>, at: Element<'d>) -> Result<Term, Fault> {
    let field = work.field(at, at.required("textField")?)?;
    let text = work.cast(at, field, DataType::String)?;
    let term = inner(work, at)?;
    let term = work.cast(at, term, DataType::String)?;
    let weights = at.attr("localTermWeights").unwrap_or("termFrequency");
    let hits_max = match weights {
        "binary" => 1,
        "termFrequency" | "logarithmic" => u32::MAX,
        "augmentedNormalizedTermFrequency" => return refused(work, at, text),
        other => {
            let expected = "termFrequency, binary, logarithmic or augmentedNormalizedTermFrequency";
            return Err(at.fault("attribute localTermWeights", expected, other));
        }
    };
    let best = match at.attr("countHits").unwrap_or("allHits") {
        "allHits" => false,
        "bestHits" => true,
        other => return Err(at.fault("attribute countHits", "allHits or bestHits", other)),
    };
    let fold = !at.bool("isCaseSensitive", false)?;
    let edits_max = at.usize("maxLevenshteinDistance")?.unwrap_or(0).min(u32::MAX as usize) as u32;
    let cut = words_of(at)?;
    let text = work.value(at, &text, "text")?;
    let words = words(work, at, &text, &cut, fold)?;
    let wanted = work.value(at, &term, "term")?;
    let op = TextOp::Occurrences(Wanted { words: cut, fold, edits_max, best, hits_max });
    let count = work.cx.one(at, op, &[&words, &wanted], "hits")?;
    let count = work.input(&count, DataType::Integer);
    if weights != "logarithmic" {
        return Ok(count);
    }
    let plus = Expr::call(Func::Add, [Expr::f64(1.0), Expr::call(Func::ToF64, [count.expr])]);
    Ok(Term::sound(Expr::call(Math::Lg, [plus]), DataType::Double))
}

/// The weight that the evaluators behind our cases do not compute refuses its rows, but for those without a text.
fn refused<'d>(work: &mut Work<'_, '_, '_, 'd>, at: Element<'d>, text: Term) -> Result<Term, Fault> {
    let text = work.leaf(at, text)?;
    let refuse = "another weight than augmentedNormalizedTermFrequency, which is not computed";
    let refuse = Expr::Call(Func::Refuse(refuse, DataType::Double.ty()), Vec::new());
    let expr = Expr::call(Func::If, [text.is_missing(), Expr::null(DataType::Double.ty()), refuse]);
    Ok(Term::sound(expr, DataType::Double))
}

/// Returns how the words of texts and terms are found.
fn words_of(at: Element<'_>) -> Result<Words, Fault> {
    if !at.bool("tokenize", true)? {
        return Ok(Words::Whole);
    }
    match (at.attr("wordRE"), at.attr("wordSeparatorCharacterRE")) {
        (Some(word), _) => Ok(Words::Matches(pattern(at, word)?)),
        (None, None | Some(BLANKS)) => Ok(Words::Between(BLANK_PATTERN.clone())),
        (None, Some(gap)) => Ok(Words::Between(pattern(at, gap)?)),
    }
}

/// Returns the words of a text, made once for all indices that ask for the same.
fn words<'d>(
    work: &mut Work<'_, '_, '_, 'd>,
    at: Element<'d>,
    text: &Value,
    cut: &Words,
    fold: bool,
) -> Result<Value, Fault> {
    let mut text = text.clone();
    let tables: Vec<Element<'d>> = at.all("TextIndexNormalization").collect();
    if !tables.is_empty() {
        let key = format!("rewritten {} {fold} {text:?}", tables[0].id());
        text = work.cx.once(key, |cx| {
            let mut rewrites = Vec::with_capacity(tables.len());
            for table in tables {
                rewrites.push(normalization(table, fold)?);
            }
            cx.one(at, TextOp::Rewrite { tables: rewrites.into() }, &[&text], "normalised")
        })?;
    }
    let key = format!("words {cut:?} {text:?}");
    work.cx.once(key, |cx| cx.one(at, TextOp::Words(cut.clone()), &[&text], "words"))
}

/// Returns a table of replacements.
fn normalization(at: Element<'_>, fold: bool) -> Result<Rewrites, Fault> {
    let (from, to) = (at.attr("inField").unwrap_or("string"), at.attr("outField").unwrap_or("stem"));
    let regex = at.attr("regexField").unwrap_or("regex");
    let fold = match at.attr("isCaseSensitive") {
        Some(_) => !at.bool("isCaseSensitive", false)?,
        None => fold,
    };
    let mut table = Vec::new();
    for row in rows(at)? {
        let text = |column: &str| cell(row, column).ok_or_else(|| row.fault(column, "a cell", "none"));
        let (found, with) = (text(from)?, text(to)?);
        let is_pattern = cell(row, regex).is_some_and(|text| text.trim().eq_ignore_ascii_case("true"));
        let source = if is_pattern { found.to_owned() } else { quoted(found) };
        let source = if fold { format!("(?iu){source}") } else { source };
        table.push((pattern(row, &source)?, Arc::from(with)));
        if table.len() > ROWS_MAX {
            return Err(at.fault("content", format!("at most {ROWS_MAX} rows"), "more"));
        }
    }
    Ok(Rewrites { rows: table.into(), recursive: at.bool("recursive", false)? })
}

/// Returns the pattern that finds a text as it is.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if c.is_ascii_punctuation() {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
