//! Lower case by full case mapping, without a locale.
//!
//! A Σ is final by Unicode's rule. Java looks for the end of the word with its own word breaks instead: it gives another sigma
//! where Σ stands beside a digit, a hyphen, a colon or an underscore within a word (`ΑΣ-Β` is `ασ-β` there, `ας-β` here).

use super::refuse_long;
use crate::frame::{Env, Home};

/// Bytes that a character's lower case may take for each of its own: Ⱥ has two, ⱥ three.
pub(super) const GROWTH_MAX: usize = 2;

pub(super) fn run(env: &Env<'_>, input: Home, output: Home) {
    let texts = env.frame.texts(input);
    let mut out = env.frame.texts_mut(output);
    out.clear();
    for row in 0..env.frame.rows() {
        if !env.frame.is_live(row) || !texts.is_valid(row) {
            out.push_null();
            continue;
        }
        let text = texts.row_bytes(row);
        if !out.has_room(text.len() * GROWTH_MAX) {
            refuse_long(env, row, text.len());
            out.push_null();
            continue;
        }
        out.push_own(|own| push_lower(own, text));
    }
}

/// Appends the lower case of a text, which is UTF-8.
#[inline]
pub(crate) fn push_lower(out: &mut Vec<u8>, text: &[u8]) {
    if text.is_ascii() {
        let start = out.len();
        out.extend_from_slice(text);
        out[start..].make_ascii_lowercase();
    } else {
        push_lower_unicode(out, text);
    }
}

fn push_lower_unicode(out: &mut Vec<u8>, text: &[u8]) {
    let text = std::str::from_utf8(text).expect("only texts are in stores");
    // The one character whose lower case depends on its neighbours, by a rule that the standard library knows.
    if text.contains('Σ') {
        return out.extend_from_slice(text.to_lowercase().as_bytes());
    }
    for c in text.chars() {
        if c.is_ascii() {
            out.push(c.to_ascii_lowercase() as u8);
        } else {
            for lower in c.to_lowercase() {
                out.extend_from_slice(lower.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
    }
}
