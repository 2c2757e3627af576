//! Patterns in Java's dialect.

use plan::op::text::Pattern;

/// Why a pattern is not translated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegexError {
    Unsupported(String),
    Malformed(String),
}

pub fn pattern(source: &str) -> Result<Pattern, RegexError> {
    Ok(Pattern { engine: source.into(), source: source.into() })
}
