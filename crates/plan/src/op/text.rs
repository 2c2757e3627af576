//! Texts and lists of texts.

use std::sync::Arc;

use model::Type;

use super::{Inferred, same_rows};
use crate::{error::PlanError, plan::ValueType};

/// How a text is cut into tokens. Half of a character above U+FFFF, where a match of no width stands between its two UTF-16 units,
/// is a `?`.
#[derive(Clone, Debug, PartialEq)]
pub enum Split {
    /// At every single one of `\t \n \x0B \f \r` and blank, as Java's `split("\\s")`: neighbouring blanks give empty tokens,
    /// trailing empty tokens are dropped, an empty text gives one empty token.
    Whitespace,
    /// At every match of the pattern, as Java's `Pattern.split`: trailing empty tokens are dropped, a match of no width at
    /// the beginning gives no empty token, a text without a match is one token.
    Gaps(Pattern),
    /// The matches themselves, in order.
    Matches(Pattern),
}

/// A regular expression in the engine's dialect (crate `fancy-regex`), and as its author wrote it.
#[derive(Clone, Debug, PartialEq)]
pub struct Pattern {
    pub engine: Arc<str>,
    pub source: Arc<str>,
}

/// How PMML's text index finds the words of a text.
#[derive(Clone, Debug, PartialEq)]
pub enum Words {
    /// The whole text is one word.
    Whole,
    /// What stands between the matches, without punctuation (Unicode's category P) at its ends.
    Between(Pattern),
    /// The matches themselves.
    Matches(Pattern),
}

/// A table of replacements, one row after the other on the whole text.
#[derive(Clone, Debug, PartialEq)]
pub struct Rewrites {
    /// Each match becomes the text, whose `$1` and backslashes are Java's.
    pub rows: Arc<[(Pattern, Arc<str>)]>,
    /// The table is applied until it changes nothing.
    pub recursive: bool,
}

/// When a run of words is a term.
#[derive(Clone, Debug, PartialEq)]
pub struct Term {
    pub words: Words,
    /// ASCII and other letters are equal in both cases.
    pub fold: bool,
    /// Most edits of all words of the term together (insertion, deletion, another letter).
    pub edits_max: u32,
    /// Only the runs with the fewest edits count.
    pub best: bool,
    /// More hits are not counted.
    pub hits_max: u32,
}

/// Lower case, by full case mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fold {
    /// Without a locale.
    Root,
    /// Of Turkish and Azerbaijani: I and ı are one letter, İ and i another.
    Turkic,
    /// Of Lithuanian: i and j keep their dot below accents.
    Lithuanian,
}

/// Ops on texts.
#[derive(Clone, Debug, PartialEq)]
pub enum TextOp {
    /// Unicode lower case by full case mapping (final sigma, İ to two characters), without a locale. Null stays null.
    Lower,
    /// A text to its tokens, lower-cased first if `lower`; tokens shorter than `chars_min` UTF-16 units are dropped. A null
    /// text is refused.
    Split { by: Split, lower: bool, chars_min: u32 },
    /// Drops the tokens that are among `words`; with `fold` both sides are compared in lower case. Null tokens stay, a null
    /// list is refused.
    Without { words: Arc<[Box<str>]>, fold: Option<Fold> },
    /// Every run of `n` neighbouring tokens, joined by a blank; of fewer tokens, nothing. A null token reads `null`, a null
    /// list is refused.
    NGrams { n: u32 },
    /// A text by tables of replacements, each in turn. Null stays null; a text that goes on changing, or grows past 1 MiB and
    /// eight times its size, is refused.
    Rewrite { tables: Arc<[Rewrites]> },
    /// A text to its words; an empty word is none. Null stays null.
    Words(Words),
    /// A list of words and a text, the term: how many runs of as many words as the term has are the term, an int64. Null where
    /// either is; a term without words is never found.
    Occurrences(Term),
}

impl TextOp {
    pub fn name(&self) -> &'static str {
        match self {
            TextOp::Lower => "lower",
            TextOp::Split { .. } => "split",
            TextOp::Without { .. } => "without",
            TextOp::NGrams { .. } => "n_grams",
            TextOp::Rewrite { .. } => "rewrite",
            TextOp::Words(_) => "words",
            TextOp::Occurrences(_) => "occurrences",
        }
    }

    pub(crate) fn infer(&self, inputs: &[ValueType]) -> Inferred {
        let place = same_rows(inputs);
        let tokens = Type::list(Type::Text);
        if let TextOp::Occurrences(_) = self {
            return match (inputs, place) {
                ([words, term], Some(place)) if words.ty == tokens && term.ty == Type::Text => {
                    Ok(vec![ValueType { ty: Type::I64, place }])
                }
                _ => Err("a column of arrays of strings and one of strings"),
            };
        }
        let (input, output, expected) = match self {
            TextOp::Lower | TextOp::Rewrite { .. } => (Type::Text, Type::Text, "a column of strings"),
            TextOp::Split { .. } | TextOp::Words(_) => (Type::Text, tokens, "a column of strings"),
            TextOp::Without { .. } | TextOp::NGrams { .. } | TextOp::Occurrences(_) => {
                (tokens.clone(), tokens, "a column of arrays of strings")
            }
        };
        match (inputs, place) {
            ([one], Some(place)) if one.ty == input => Ok(vec![ValueType { ty: output, place }]),
            _ => Err(expected),
        }
    }

    pub(crate) fn check(&self) -> Result<(), PlanError> {
        match self {
            TextOp::NGrams { n: 0 } => Err(PlanError::parameters("n_grams", "n must be at least 1")),
            _ => Ok(()),
        }
    }
}
