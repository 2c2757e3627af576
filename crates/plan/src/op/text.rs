//! Texts and lists of texts.

use std::sync::Arc;

use model::Type;

use super::{Inferred, same_rows};
use crate::{error::PlanError, plan::ValueType};

/// How a text is cut into tokens.
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
}

impl TextOp {
    pub fn name(&self) -> &'static str {
        match self {
            TextOp::Lower => "lower",
            TextOp::Split { .. } => "split",
            TextOp::Without { .. } => "without",
            TextOp::NGrams { .. } => "n_grams",
        }
    }

    pub(crate) fn infer(&self, inputs: &[ValueType]) -> Inferred {
        let place = same_rows(inputs);
        let tokens = Type::list(Type::Text);
        let (input, output, expected) = match self {
            TextOp::Lower => (Type::Text, Type::Text, "a column of strings"),
            TextOp::Split { .. } => (Type::Text, tokens, "a column of strings"),
            TextOp::Without { .. } | TextOp::NGrams { .. } => (tokens.clone(), tokens, "a column of arrays of strings"),
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
