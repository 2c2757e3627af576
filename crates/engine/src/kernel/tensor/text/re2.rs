//! Regular expressions in RE2's syntax, which ONNX and TensorFlow name: <https://github.com/google/re2/wiki/Syntax>.
//!
//! The engine's own know more (what looks around or back is refused here) and mean letters of all scripts by `\w`, `\d`, `\s`
//! and `\b`, where RE2 means ASCII's: those are written out. A search takes time by the text's length, but for `\b`, whose
//! steps are bounded.

use std::sync::Arc;

use fancy_regex::{Regex, RegexBuilder};
use model::PredictError;

use super::super::refuse;
use crate::error::CompileError;

/// An expression, ready to be searched for.
pub(crate) struct Expression(Regex);

/// Between a letter of ASCII's words and what is none, and all other places.
const BOUNDARY: &str = "(?:(?<=[0-9A-Za-z_])(?![0-9A-Za-z_])|(?<![0-9A-Za-z_])(?=[0-9A-Za-z_]))";
const NO_BOUNDARY: &str = "(?:(?<=[0-9A-Za-z_])(?=[0-9A-Za-z_])|(?<![0-9A-Za-z_])(?![0-9A-Za-z_]))";

/// Steps back of one search; a text that takes more is refused.
const BACKTRACKS_MAX: usize = 1_000_000;

/// Longest expression.
const PATTERN_MAX: usize = 1 << 16;

impl Expression {
    /// Returns what matches a text as a whole.
    pub fn whole(pattern: &str, step: &Arc<str>) -> Result<Expression, CompileError> {
        Expression::new(pattern, step, |written| format!(r"\A(?:{written})\z"))
    }

    /// Returns what matches parts of a text.
    pub fn part(pattern: &str, step: &Arc<str>) -> Result<Expression, CompileError> {
        Expression::new(pattern, step, |written| written)
    }

    fn new(pattern: &str, step: &Arc<str>, around: impl FnOnce(String) -> String) -> Result<Expression, CompileError> {
        let fault = |message: String| CompileError::Pattern { step: step.clone(), pattern: pattern.into(), message };
        let written = written(pattern).map_err(|message| fault(message.to_owned()))?;
        // By itself first: parentheses that only the frame closes are its fault.
        RegexBuilder::new(&written).build().map_err(|error| fault(error.to_string()))?;
        let regex = RegexBuilder::new(&around(written)).backtrack_limit(BACKTRACKS_MAX).build();
        regex.map(Expression).map_err(|error| fault(error.to_string()))
    }

    pub fn is_match(&self, text: &str) -> Result<bool, PredictError> {
        self.0.is_match(text).map_err(|_| too_long(text))
    }

    /// Returns all matches, one after the other.
    pub fn all<'t>(&self, text: &'t str) -> Result<Vec<&'t str>, PredictError> {
        self.0.find_iter(text).map(|found| found.map(|found| found.as_str()).map_err(|_| too_long(text))).collect()
    }

    /// Adds what lies between the matches.
    pub fn between<'t>(&self, text: &'t str, to: &mut Vec<&'t str>) -> Result<(), PredictError> {
        let mut begin = 0;
        for found in self.0.find_iter(text) {
            let found = found.map_err(|_| too_long(text))?;
            to.push(&text[begin..found.start()]);
            begin = found.end();
        }
        to.push(&text[begin..]);
        Ok(())
    }
}

#[cold]
fn too_long(text: &str) -> PredictError {
    refuse("a text that the expression can be searched in", text.chars().take(80).collect::<String>())
}

/// Returns the expression as the engine writes it.
fn written(pattern: &str) -> Result<String, &'static str> {
    if pattern.len() > PATTERN_MAX {
        return Err("it is longer than 65536 bytes");
    }
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut rest = pattern.chars();
    let mut in_class = false;
    while let Some(letter) = rest.next() {
        match letter {
            '\\' => escape(&mut rest, in_class, &mut out)?,
            '[' if !in_class => {
                in_class = true;
                out.push('[');
                if rest.as_str().starts_with('^') {
                    rest.next();
                    out.push('^');
                }
                // A bracket that comes first closes nothing.
                if rest.as_str().starts_with(']') {
                    rest.next();
                    out.push_str(r"\]");
                }
            }
            '[' if rest.as_str().starts_with(':') => {
                let name = rest.as_str().split_once(":]").ok_or("a class by name has no end")?.0;
                out.push('[');
                out.push_str(name);
                out.push_str(":]");
                rest = rest.as_str()[name.len() + 2..].chars();
            }
            '[' => out.push_str(r"\["),
            ']' if in_class => {
                in_class = false;
                out.push(']');
            }
            // Operators of sets, which RE2 does not have.
            '&' | '~' if in_class => out.extend(['\\', letter]),
            '(' if !in_class => {
                let looks = ["?=", "?!", "?<=", "?<!", "?>", "?(", "?#"];
                if looks.iter().any(|look| rest.as_str().starts_with(look)) {
                    return Err("RE2 does not look around");
                }
                out.push('(');
            }
            '*' | '+' | '?' | '}' if !in_class && rest.as_str().starts_with('+') => {
                return Err("RE2 has no repetition that keeps all it took");
            }
            letter => out.push(letter),
        }
    }
    Ok(out)
}

fn escape(rest: &mut std::str::Chars<'_>, in_class: bool, out: &mut String) -> Result<(), &'static str> {
    let class = |inside: &str, negated: bool| match (in_class, negated) {
        (true, false) => inside.to_owned(),
        (true, true) => format!("[^{inside}]"),
        (false, false) => format!("[{inside}]"),
        (false, true) => format!("[^{inside}]"),
    };
    let letter = rest.next().ok_or("it ends in a backslash")?;
    match letter {
        'd' | 'D' => out.push_str(&class("0-9", letter == 'D')),
        'w' | 'W' => out.push_str(&class("0-9A-Za-z_", letter == 'W')),
        's' | 'S' => out.push_str(&class(r"\t\n\f\r ", letter == 'S')),
        'b' if !in_class => out.push_str(BOUNDARY),
        'B' if !in_class => out.push_str(NO_BOUNDARY),
        'Q' if !in_class => {
            let text = rest.as_str();
            let end = text.find(r"\E").unwrap_or(text.len());
            out.push_str(&fancy_regex::escape(&text[..end]));
            *rest = text.get(end + 2..).unwrap_or_default().chars();
        }
        'C' => return Err("a byte that is no letter (`\\C`) is not matched"),
        '0'..='7' => {
            let first = rest.clone().next().filter(|next| next.is_digit(8));
            if letter != '0' && first.is_none() {
                return Err("RE2 does not look back");
            }
            let mut code = letter.to_digit(8).unwrap_or(0);
            for _ in 0..2 {
                let Some(digit) = rest.clone().next().and_then(|next| next.to_digit(8)) else { break };
                code = code * 8 + digit;
                rest.next();
            }
            out.push_str(&format!(r"\x{{{code:x}}}"));
        }
        '8' | '9' | 'g' | 'k' | 'G' | 'K' | 'R' | 'X' | 'h' | 'H' | 'Z' | 'e' => {
            return Err("RE2 does not have this escape");
        }
        letter => out.extend(['\\', letter]),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(pattern: &str, text: &str) -> bool {
        Expression::whole(pattern, &"here".into()).unwrap().is_match(text).unwrap()
    }

    #[test]
    fn a_text_matches_as_a_whole() {
        assert!(whole(r"www\.[\w.-]+\.\bcom\b", "www.google.com"));
        assert!(!whole(r"www\.[\w.-]+\.\bcom\b", "www.google.com "));
        assert!(whole("a|ab", "ab"));
        assert!(!whole("a.c", "a\nc") && whole("(?s)a.c", "a\nc"));
        assert!(whole("é.", "éö"));
    }

    #[test]
    fn classes_are_those_of_ascii() {
        assert!(whole(r"\w+", "az_09") && !whole(r"\w+", "é") && whole(r"\W", "é"));
        assert!(!whole(r"\d", "٣") && whole(r"[\d\-x]+", "1-x"));
        assert!(whole(r"[^\s]", "\u{a0}") && whole("[[:alpha:]_]+", "a_") && whole("[]a]+", "]a"));
    }

    #[test]
    fn what_is_quoted_stands_for_itself() {
        assert!(whole(r"\Qa.b\E+", "a.bb") && !whole(r"\Qa.b\E", "axb"));
        assert!(whole(r"\101\x42\x{43}", "ABC"));
    }

    #[test]
    fn what_re2_does_not_know_is_refused() {
        for pattern in [r"(a)\1", "(?=a)", "(?<!a)b", "(?>a)", "a++", r"a\", "(a", r"\C"] {
            assert!(Expression::whole(pattern, &"here".into()).is_err(), "{pattern}");
        }
    }
}
