//! How often a term stands among words.

use std::ops::Range;

use bumpalo::{Bump, collections::Vec};
use plan::{Term, ValueType};

use super::words::Cutter;
use crate::{
    error::CompileError,
    frame::{Env, Home},
    kernel::Site,
    store::{Span, TextStore},
};

/// [`plan::TextOp::Occurrences`].
pub struct Occurrences {
    term: Term,
    words: Cutter,
}

/// Room for one row: the term's words, and two lines of a table of edits.
struct Room<'a> {
    spans: Vec<'a, Span>,
    lines: [Vec<'a, u32>; 2],
    chars: [Vec<'a, char>; 2],
}

impl Occurrences {
    pub(super) fn new(term: &Term, site: &Site<'_>) -> Result<Occurrences, CompileError> {
        debug_assert!(matches!(site.inputs, [ValueType { .. }, _]));
        Ok(Occurrences { term: term.clone(), words: Cutter::new(&term.words, site)? })
    }

    pub(super) fn run(&self, env: &Env<'_>, inputs: &[Home], output: Home) {
        let (lists, terms) = (env.frame.lists(inputs[0]), env.frame.texts(inputs[1]));
        let out = env.frame.cells(output);
        let mut scratch = env.frame.scratch();
        let mut room = Room::new(&scratch.bump);
        let mut last: Option<&[u8]> = None;
        env.frame.each_live(|row| {
            if !lists.is_valid(row) || !terms.is_valid(row) {
                return out.set(row, None);
            }
            let term = terms.row_bytes(row);
            // The term is nearly always the same in all rows.
            if last != Some(term) {
                room.spans.clear();
                if self.words.cut(term, whole(term), |span| room.spans.push(span)).is_err() {
                    super::refuse_long(env, row, term.len());
                    return out.set(row, None);
                }
                last = Some(term);
            }
            out.set(row, Some(self.count(lists.texts(), lists.range(row), term, &mut room)));
        });
        drop(room);
        scratch.bump.reset();
    }

    fn count(&self, words: &TextStore, range: Range<usize>, term: &[u8], room: &mut Room<'_>) -> u64 {
        let size = room.spans.len();
        if size == 0 {
            return 0;
        }
        let (mut hits, mut best) = (0, u32::MAX);
        for start in range.start..(range.end + 1).saturating_sub(size) {
            let Some(edits) = self.edits(words, start, term, room) else { continue };
            if !self.term.best || edits == best {
                hits += 1;
            } else if edits < best {
                (hits, best) = (1, edits);
            }
            if hits >= self.term.hits_max && (!self.term.best || best == 0) {
                break;
            }
        }
        hits.min(self.term.hits_max).into()
    }

    /// Returns by how many edits the words that begin at `start` differ from the term, where those are not too many.
    fn edits(&self, words: &TextStore, start: usize, term: &[u8], room: &mut Room<'_>) -> Option<u32> {
        let mut edits = 0;
        for i in 0..room.spans.len() {
            let span = room.spans[i];
            let (word, wanted) = (words.row_bytes(start + i), &term[span.start as usize..span.end as usize]);
            if self.same(word, wanted) {
                continue;
            }
            let left = self.term.edits_max - edits;
            edits += if left == 0 { None } else { self.distance(text(word), text(wanted), left, room) }?;
        }
        Some(edits)
    }

    fn same(&self, a: &[u8], b: &[u8]) -> bool {
        if self.term.fold { same_folded(a, b) } else { a == b }
    }

    /// Returns the edit distance, where it is at most `most`.
    fn distance(&self, a: &str, b: &str, most: u32, room: &mut Room<'_>) -> Option<u32> {
        let [x, y] = &mut room.chars;
        for (chars, text) in [(&mut *x, a), (&mut *y, b)] {
            chars.clear();
            chars.extend(text.chars().map(|c| if self.term.fold { folded(c) } else { c }));
        }
        if x.len().abs_diff(y.len()) > most as usize {
            return None;
        }
        let [above, line] = &mut room.lines;
        above.clear();
        above.extend(0..=y.len() as u32);
        for (i, c) in x.iter().enumerate() {
            line.clear();
            line.push(i as u32 + 1);
            for (j, d) in y.iter().enumerate() {
                let changed = above[j] + u32::from(c != d);
                line.push(changed.min(above[j + 1] + 1).min(line[j] + 1));
            }
            if line.iter().all(|&n| n > most) {
                return None;
            }
            std::mem::swap(above, line);
        }
        above.last().copied().filter(|&n| n <= most)
    }
}

impl<'a> Room<'a> {
    fn new(bump: &'a Bump) -> Room<'a> {
        let (spans, lines) = (Vec::new_in(bump), [Vec::new_in(bump), Vec::new_in(bump)]);
        Room { spans, lines, chars: [Vec::new_in(bump), Vec::new_in(bump)] }
    }
}

fn whole(text: &[u8]) -> Span {
    Span { start: 0, end: text.len() as u32 }
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("only texts are in stores")
}

/// Returns whether two texts are equal but for the case of their letters: most differ early, and are ASCII there.
fn same_folded(a: &[u8], b: &[u8]) -> bool {
    for (x, y) in a.iter().zip(b) {
        if (x | y) >= 0x80 {
            return text(a).chars().map(folded).eq(text(b).chars().map(folded));
        }
        if !x.eq_ignore_ascii_case(y) {
            return false;
        }
    }
    a.len() == b.len()
}

/// Returns the letter as Java compares letters of both cases.
fn folded(c: char) -> char {
    if c.is_ascii() {
        return c.to_ascii_lowercase();
    }
    let one = |mut chars: std::iter::Peekable<std::char::ToUppercase>| chars.next().filter(|_| chars.peek().is_none());
    let upper = one(c.to_uppercase().peekable()).unwrap_or(c);
    let mut lower = upper.to_lowercase();
    match (lower.next(), lower.next()) {
        (Some(lower), None) => lower,
        _ => upper,
    }
}
