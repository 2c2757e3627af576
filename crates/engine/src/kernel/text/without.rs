//! A list of tokens without those on a list.

use plan::Fold;
use rustc_hash::FxHashSet;

use super::{push_lower, refuse_null};
use crate::{
    frame::{Env, Home},
    store::TextStore,
};

/// [`plan::TextOp::Without`], its words in a table.
pub struct Without {
    words: FxHashSet<Box<[u8]>>,
    /// Bit `n` is set where a word has `n` bytes: most tokens are told apart by that alone. Words of 63 and more share a bit.
    lengths: u64,
    fold: Option<Fold>,
}

fn length_bit(bytes: usize) -> u64 {
    1 << bytes.min(63)
}

fn push_folded(fold: Fold, out: &mut Vec<u8>, text: &[u8]) {
    match fold {
        Fold::Root => push_lower(out, text),
        Fold::Turkic => push_lower(out, turkic(&String::from_utf8_lossy(text)).as_bytes()),
        Fold::Lithuanian => push_lower(out, lithuanian(&String::from_utf8_lossy(text)).as_bytes()),
    }
}

/// Returns the text with the letters in lower case that are others in Turkish; what remains, the root locale lowers alike.
fn turkic(text: &str) -> String {
    text.replace("I\u{307}", "i").replace('İ', "i").replace('I', "ı")
}

/// Returns the text with the letters in lower case that keep a dot in Lithuanian (Unicode's `SpecialCasing`, `lt`).
fn lithuanian(text: &str) -> String {
    // Accents above a letter (combining class 230), those of the first block.
    let is_above =
        |c: char| matches!(c, '\u{300}'..='\u{314}' | '\u{33d}'..='\u{344}' | '\u{346}' | '\u{34a}'..='\u{34c}');
    let is_below =
        |c: char| matches!(c, '\u{316}'..='\u{333}' | '\u{339}'..='\u{33c}' | '\u{345}' | '\u{347}'..='\u{349}');
    let mut out = String::with_capacity(text.len() + 4);
    for (at, c) in text.char_indices() {
        match c {
            'Ì' => out.push_str("i\u{307}\u{300}"),
            'Í' => out.push_str("i\u{307}\u{301}"),
            'Ĩ' => out.push_str("i\u{307}\u{303}"),
            'I' | 'J' | 'Į' => {
                let accent = text[at + c.len_utf8()..].chars().find(|&next| !is_below(next));
                out.extend(c.to_lowercase());
                if accent.is_some_and(is_above) {
                    out.push('\u{307}');
                }
            }
            c => out.push(c),
        }
    }
    out
}

impl Without {
    pub(super) fn new(words: &[Box<str>], fold: Option<Fold>) -> Without {
        let key = |word: &str| {
            let mut key = Vec::with_capacity(word.len());
            match fold {
                Some(fold) => push_folded(fold, &mut key, word.as_bytes()),
                None => key.extend_from_slice(word.as_bytes()),
            }
            key.into_boxed_slice()
        };
        let words: FxHashSet<Box<[u8]>> = words.iter().map(|w| key(w)).collect();
        let lengths = words.iter().fold(0, |bits, w| bits | length_bit(w.len()));
        Without { words, lengths, fold }
    }

    pub(super) fn run(&self, env: &Env<'_>, input: Home, output: Home) {
        let lists = env.frame.lists(input);
        let mut out = env.frame.lists_mut(output);
        out.clear();
        let (tokens, items) = (lists.texts(), out.texts_mut());
        items.clear_same(tokens);
        for row in 0..env.frame.rows() {
            if !env.frame.is_live(row) {
                out.push_null();
                continue;
            }
            if !lists.is_valid(row) {
                refuse_null(env, row);
                out.push_null();
                continue;
            }
            let items = out.texts_mut();
            for i in lists.range(row) {
                if !tokens.is_valid(i) {
                    items.push_null();
                } else if !self.holds(tokens.row_bytes(i), items) {
                    items.push_span(tokens.spans[i]);
                }
            }
            out.end();
        }
    }

    #[inline]
    fn holds(&self, token: &[u8], items: &mut TextStore) -> bool {
        let Some(fold) = self.fold else {
            return self.lengths & length_bit(token.len()) != 0 && self.words.contains(token);
        };
        // The lower case of ASCII has the same length; that of other texts may not.
        if fold == Fold::Root && token.is_ascii() && self.lengths & length_bit(token.len()) == 0 {
            return false;
        }
        items.scratch.clear();
        push_folded(fold, &mut items.scratch, token);
        self.words.contains(items.scratch.as_slice())
    }
}
