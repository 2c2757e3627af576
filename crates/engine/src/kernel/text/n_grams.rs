//! Runs of neighbouring tokens.

use model::{FaultKind, FaultValue};

use super::refuse_null;
use crate::{
    frame::{Env, Home},
    store::{ListStore, Span, TextStore},
};

/// Bytes that the n-grams of one row may have together, each counted whole: runs of runs grow without bound otherwise.
const ROW_BYTES_MAX: usize = 64 << 20;

/// [`plan::TextOp::NGrams`].
pub struct NGrams {
    n: usize,
}

impl NGrams {
    pub(super) fn new(n: u32) -> NGrams {
        NGrams { n: n as usize }
    }

    pub(super) fn run(&self, env: &Env<'_>, input: Home, output: Home) {
        let lists = env.frame.lists(input);
        let mut out = env.frame.lists_mut(output);
        out.clear();
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
            if lists.range(row).len() >= self.n {
                let bytes = self.bytes(&lists, row);
                if bytes > ROW_BYTES_MAX || !items.has_room(bytes) {
                    env.refuse(
                        row,
                        0,
                        FaultKind::Rule("n-grams of at most 64 MiB a row"),
                        FaultValue::Size(bytes as u64),
                    );
                    out.push_null();
                    continue;
                }
                self.push(&lists, row, items);
            }
            out.end();
        }
    }

    /// Returns how many bytes the n-grams of the row have, at most: every token is part of up to `n`.
    fn bytes(&self, lists: &ListStore, row: usize) -> usize {
        let tokens = lists.texts();
        let joined: usize = lists.range(row).map(|i| token(tokens, i).len() + 1).sum();
        joined.saturating_mul(self.n.min(lists.range(row).len() + 1 - self.n))
    }

    /// Joins all tokens of the row once; every n-gram is a part of that.
    fn push(&self, lists: &ListStore, row: usize, items: &mut TextStore) {
        let (tokens, range) = (lists.texts(), lists.range(row));
        let start = items.own_bytes().len();
        for i in range.clone() {
            let own = items.own_bytes();
            if i > range.start {
                own.push(b' ');
            }
            own.extend_from_slice(token(tokens, i));
        }
        let mut begin = start as u32;
        let mut end = begin;
        for i in range.clone() {
            end += token(tokens, i).len() as u32;
            if i + 1 >= range.start + self.n {
                items.push_span(Span { start: begin, end });
                begin += token(tokens, i + 1 - self.n).len() as u32 + 1;
            }
            end += 1;
        }
    }
}

fn token(tokens: &TextStore, i: usize) -> &[u8] {
    if tokens.is_valid(i) { tokens.row_bytes(i) } else { b"null" }
}
