//! Tokenizer, RegexTokenizer, StopWordsRemover, NGram.

use plan::{Fold, Split, TextOp};

use crate::{
    ReadError, java_regex,
    spark::{
        Stage,
        lower::{Accepts, Lowering},
    },
};

/// Tokenizer: lower case, cut at every single blank.
pub fn tokenizer(stage: &Stage<'_>, lowering: &mut Lowering<'_>) -> Result<(), ReadError> {
    let input = lowering.column(stage, stage.input()?, Accepts::Text)?;
    let op = TextOp::Split { by: Split::Whitespace, lower: true, chars_min: 0 };
    lowering.make(stage, op, &[input], &stage.output()?).map(drop)
}

/// RegexTokenizer: cut at a pattern's matches, or take the matches.
pub fn regex_tokenizer(stage: &Stage<'_>, lowering: &mut Lowering<'_>) -> Result<(), ReadError> {
    let source = stage.text_or("pattern", "\\s+")?;
    let pattern = java_regex::pattern(source).map_err(|error| stage.regex_error("pattern", source, error))?;
    let by = if stage.bool_or("gaps", true)? { Split::Gaps(pattern) } else { Split::Matches(pattern) };
    let lower = stage.bool_or("toLowercase", true)?;
    let chars_min = stage.u32_or("minTokenLength", 0, 1)?;
    let input = lowering.column(stage, stage.input()?, Accepts::Text)?;
    lowering.make(stage, TextOp::Split { by, lower, chars_min }, &[input], &stage.output()?).map(drop)
}

/// StopWordsRemover, of one column or several.
pub fn stop_words_remover(stage: &Stage<'_>, lowering: &mut Lowering<'_>) -> Result<(), ReadError> {
    let words = stage.texts("stopWords")?.ok_or_else(|| stage.absent("stopWords", "the words, which Spark saves"))?;
    let locale = stage.text_or("locale", "en")?;
    let fold = match (stage.bool_or("caseSensitive", false)?, locale) {
        (true, _) => None,
        // Three languages have lower cases of their own in Java. Spark takes the whole text for a language, so that a country
        // behind it (`tr_TR`) makes another.
        (false, "tr" | "az") => Some(Fold::Turkic),
        (false, "lt") => Some(Fold::Lithuanian),
        (false, _) => Some(Fold::Root),
    };
    let words: std::sync::Arc<[Box<str>]> = words.into_iter().map(Into::into).collect();
    for (input, output) in stage.pairs()? {
        let input = lowering.column(stage, &input, Accepts::Texts)?;
        lowering.make(stage, TextOp::Without { words: words.clone(), fold }, &[input], &output)?;
    }
    Ok(())
}

/// NGram: neighbouring tokens, joined.
pub fn n_gram(stage: &Stage<'_>, lowering: &mut Lowering<'_>) -> Result<(), ReadError> {
    let n = stage.u32_or("n", 1, 2)?;
    let input = lowering.column(stage, stage.input()?, Accepts::Texts)?;
    lowering.make(stage, TextOp::NGrams { n }, &[input], &stage.output()?).map(drop)
}
