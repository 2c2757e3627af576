//! Patterns over bytes: the reader has translated RE2's syntax to that of crate `regex`.

use model::tensor::Bytes;
use plan::Pattern;
use regex::bytes::{Captures, Regex, RegexBuilder};

use crate::{error::CompileError, kernel::Site};

/// A pattern, ready to match.
pub(in super::super) struct Matcher(Regex);

impl Matcher {
    /// Compiles a pattern; one for whole texts is bound to their ends.
    pub fn new(pattern: &Pattern, whole: bool, site: &Site<'_>) -> Result<Matcher, CompileError> {
        Matcher::compile(&pattern.engine, whole).map_err(|error| CompileError::Pattern {
            step: site.step.clone(),
            pattern: pattern.source.clone(),
            message: error.to_string(),
        })
    }

    fn compile(pattern: &str, whole: bool) -> Result<Matcher, regex::Error> {
        let bound;
        let pattern = match whole {
            true => {
                bound = format!(r"\A(?:{pattern})\z");
                &bound
            }
            false => pattern,
        };
        RegexBuilder::new(pattern).build().map(Matcher)
    }

    pub fn is_match(&self, text: &[u8]) -> bool {
        self.0.is_match(text)
    }

    /// Returns all matches in UTF-8, one after the other.
    pub fn all<'t>(&self, text: &'t str) -> Vec<&'t str> {
        // A pattern may match a byte in the middle of a letter: such a match is none.
        self.0.find_iter(text.as_bytes()).filter_map(|found| text.get(found.range())).collect()
    }

    /// Adds what lies between the matches.
    pub fn between<'t>(&self, text: &'t str, to: &mut Vec<&'t str>) {
        let mut begin = 0;
        for found in self.0.find_iter(text.as_bytes()).filter(|found| text.get(found.range()).is_some()) {
            to.push(&text[begin..found.start()]);
            begin = found.end();
        }
        to.push(&text[begin..]);
    }

    /// Replaces the first match, or each, as RE2's `Replace` and `GlobalReplace` do: an empty match right behind another is
    /// passed over; a group that the pattern has not leaves the text as it is.
    pub fn replace(&self, text: &[u8], by: &[u8], all: bool) -> Bytes {
        if groups(by) >= self.0.captures_len() {
            return text.into();
        }
        let mut to = Vec::with_capacity(text.len());
        let (mut at, mut last) = (0, None);
        while at <= text.len() {
            let Some(found) = self.0.captures_at(text, at) else { break };
            let whole = found.get(0).map_or(at..at, |whole| whole.range());
            to.extend_from_slice(&text[at..whole.start]);
            if last == Some(whole.start) && whole.is_empty() {
                // One character further, or one byte of what is none.
                let next = match std::str::from_utf8(&text[at..text.len().min(at + 4)]) {
                    Ok(valid) => valid.chars().next().map_or(1, char::len_utf8),
                    Err(error) => match std::str::from_utf8(&text[at..at + error.valid_up_to()]) {
                        Ok(valid) => valid.chars().next().map_or(1, char::len_utf8),
                        Err(_) => 1,
                    },
                };
                to.extend_from_slice(&text[at..text.len().min(at + next)]);
                at += next;
                continue;
            }
            write(&found, by, &mut to);
            at = whole.end;
            last = Some(at);
            if !all {
                break;
            }
        }
        to.extend_from_slice(text.get(at..).unwrap_or_default());
        to.into()
    }
}

/// Returns the highest group that a replacement names.
fn groups(by: &[u8]) -> usize {
    let mut highest = 0;
    let mut bytes = by.iter();
    while let Some(byte) = bytes.next() {
        if *byte == b'\\'
            && let Some(digit) = bytes.next().filter(|byte| byte.is_ascii_digit())
        {
            highest = highest.max(usize::from(digit - b'0'));
        }
    }
    highest
}

/// Writes a replacement; from a backslash on that means nothing, no more.
fn write(found: &Captures<'_>, by: &[u8], to: &mut Vec<u8>) {
    let mut bytes = by.iter();
    while let Some(&byte) = bytes.next() {
        match byte {
            b'\\' => match bytes.next() {
                Some(b'\\') => to.push(b'\\'),
                Some(digit @ b'0'..=b'9') => {
                    to.extend_from_slice(found.get(usize::from(digit - b'0')).map_or(&[], |group| group.as_bytes()));
                }
                _ => return,
            },
            byte => to.push(byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replacing_is_that_of_re2() {
        // Rows of RE2's own test of Replace: pattern, replacement, text, first replaced, all replaced.
        for (pattern, by, text, once, all) in [
            (
                "(qu|[b-df-hj-np-tv-z]*)([a-z]+)",
                r"\2\1ay",
                "the quick brown fox",
                "ethay quick brown fox",
                "ethay ickquay ownbray oxfay",
            ),
            ("^", "(START)", "foo", "(START)foo", "(START)foo"),
            ("$", "(END)", "foo", "foo(END)", "foo(END)"),
            ("b", "bb", "ababababab", "abbabababab", "abbabbabbabbabb"),
            ("b*", "bb", "ababababab", "bbababababab", "bbabbabbabbabbabb"),
            ("b*", "bb", "aaaaa", "bbaaaaa", "bbabbabbabbabbabb"),
            ("a*", "(\\0)", "日a", "()日a", "()日(a)"),
        ] {
            let matcher = Matcher::compile(pattern, false).expect("it compiles");
            assert_eq!(
                String::from_utf8_lossy(&matcher.replace(text.as_bytes(), by.as_bytes(), false)),
                once,
                "{pattern}"
            );
            assert_eq!(
                String::from_utf8_lossy(&matcher.replace(text.as_bytes(), by.as_bytes(), true)),
                all,
                "{pattern}"
            );
        }
        let matcher = Matcher::compile("a|ab", true).expect("it compiles");
        assert!(matcher.is_match(b"ab") && !matcher.is_match(b"abc"));
    }
}
