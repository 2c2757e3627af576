//! A text to the words that a text index counts. The usual gap, blanks of Java's `\s+`, is found without the engine for patterns.

use std::sync::LazyLock;

use fancy_regex::Regex;
use model::{FaultKind, FaultValue};
use plan::Words;

use super::{
    matches::{TooManySteps, each_match, regex},
    refuse_long,
};
use crate::{
    error::CompileError,
    frame::{Env, Home},
    kernel::Site,
    store::{Span, TextStore},
};

/// [`plan::TextOp::Words`], its pattern compiled.
pub struct Cutter {
    by: By,
}

/// Says of one character beyond ASCII whether it is punctuation.
static PUNCTUATION: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\A\p{P}\z").expect("a pattern that the engine takes"));

enum By {
    Whole,
    Blanks,
    Between(Regex),
    Matches(Regex),
}

impl Cutter {
    pub(super) fn new(words: &Words, site: &Site<'_>) -> Result<Cutter, CompileError> {
        let by = match words {
            Words::Whole => By::Whole,
            Words::Between(pattern) if &*pattern.source == r"\s+" => By::Blanks,
            Words::Between(pattern) => By::Between(regex(pattern, site.step)?),
            Words::Matches(pattern) => By::Matches(regex(pattern, site.step)?),
        };
        Ok(Cutter { by })
    }

    pub(super) fn run(&self, env: &Env<'_>, input: Home, output: Home) {
        let texts = env.frame.texts(input);
        let mut lists = env.frame.lists_mut(output);
        lists.clear();
        let shared = texts.shared().cloned();
        if let Some(buffer) = &shared {
            lists.texts_mut().clear_shared(buffer);
        }
        for row in 0..env.frame.rows() {
            if !env.frame.is_live(row) || !texts.is_valid(row) {
                lists.push_null();
                continue;
            }
            let items = lists.texts_mut();
            let span = match shared {
                Some(_) => texts.spans[row],
                None if !items.has_room(texts.row_bytes(row).len()) => {
                    refuse_long(env, row, texts.row_bytes(row).len());
                    lists.push_null();
                    continue;
                }
                None => copied(texts.row_bytes(row), items),
            };
            let done = items.push_cut(|bytes, spans| {
                let first = spans.len();
                let done = self.cut(bytes, span, |word| spans.push(word));
                if done.is_err() {
                    spans.truncate(first);
                }
                done
            });
            match done {
                Ok(()) => lists.end(),
                Err(TooManySteps) => {
                    let kind = FaultKind::Rule("a text that the pattern cuts within 1,000,000 steps back");
                    env.refuse(row, 0, kind, FaultValue::text(texts.text(row)));
                    lists.push_null();
                }
            }
        }
    }

    /// Gives the spans of the text's words; on failure, those before it.
    pub(super) fn cut(&self, bytes: &[u8], text: Span, mut give: impl FnMut(Span)) -> Result<(), TooManySteps> {
        let all = std::str::from_utf8(&bytes[text.start as usize..text.end as usize]);
        let all = all.expect("only texts are in stores");
        let mut push = |start: u32, end: u32| {
            if start < end {
                give(Span { start: text.start + start, end: text.start + end });
            }
        };
        match &self.by {
            By::Whole => {
                push(0, all.len() as u32);
                Ok(())
            }
            By::Blanks => {
                let mut start = 0;
                for part in all.split([' ', '\t', '\n', '\u{b}', '\u{c}', '\r']) {
                    let end = start + part.len() as u32;
                    let (a, b) = Cutter::trimmed(all, start, end);
                    push(a, b);
                    start = end + 1;
                }
                Ok(())
            }
            By::Matches(regex) => each_match(regex, all, push),
            By::Between(regex) => {
                let mut rest = 0;
                let done = each_match(regex, all, |start, end| {
                    let (a, b) = Cutter::trimmed(all, rest, start);
                    push(a, b);
                    rest = end;
                });
                let (a, b) = Cutter::trimmed(all, rest, all.len() as u32);
                push(a, b);
                done
            }
        }
    }

    /// Returns the part without punctuation at its ends.
    fn trimmed(all: &str, start: u32, end: u32) -> (u32, u32) {
        let part = &all[start as usize..end as usize];
        let word = part.trim_end_matches(Cutter::is_punctuation);
        let end = start + word.len() as u32;
        (end - word.trim_start_matches(Cutter::is_punctuation).len() as u32, end)
    }

    fn is_punctuation(c: char) -> bool {
        if c.is_ascii() {
            // The rest of ASCII's punctuation are symbols to Unicode.
            return c.is_ascii_punctuation() && !matches!(c, '$' | '+' | '<' | '=' | '>' | '^' | '`' | '|' | '~');
        }
        !c.is_alphanumeric() && PUNCTUATION.is_match(c.encode_utf8(&mut [0; 4])).unwrap_or(false)
    }
}

/// Copies a text among the items' bytes.
fn copied(text: &[u8], items: &mut TextStore) -> Span {
    let own = items.own_bytes();
    let start = own.len() as u32;
    own.extend_from_slice(text);
    Span { start, end: own.len() as u32 }
}
