//! A text to its tokens, as Java cuts it.

use fancy_regex::Regex;
use model::{FaultKind, FaultValue};
use plan::Split;

use super::{
    blanks::{self, Cuts},
    lower::GROWTH_MAX,
    matches::{TooManySteps, each_match, each_match_of_units, has_pairs, regex},
    push_lower, refuse_long, refuse_null,
};
use crate::{
    error::CompileError,
    frame::{Env, Home},
    kernel::Site,
    store::{Span, TextStore},
};

/// [`plan::TextOp::Split`], its pattern compiled.
pub struct Splitter {
    by: By,
    lower: bool,
    units_min: usize,
    cuts: Cuts,
}

enum By {
    Blanks,
    Gaps(Regex),
    Matches(Regex),
}

const TEXTS_ALONE: &str = "only texts are in stores";

/// Where the texts of a tile lie that tokens are parts of.
#[derive(Clone, Copy)]
enum FoundIn {
    /// Where they came from.
    Input,
    /// Among the bytes of the items: all lowered, `first` bytes further to the front than in the input.
    Lowered { first: u32 },
    /// Each is put among the bytes of the items when its row comes.
    Nothing,
}

impl FoundIn {
    fn is_nothing(self) -> bool {
        matches!(self, FoundIn::Nothing)
    }

    /// Returns by how many bytes each text lies further to the front than in the input, where all have their place.
    fn moved_back(self) -> Option<u32> {
        match self {
            FoundIn::Input => Some(0),
            FoundIn::Lowered { first } => Some(first),
            FoundIn::Nothing => None,
        }
    }
}

impl Splitter {
    pub(super) fn new(by: &Split, lower: bool, chars_min: u32, site: &Site<'_>) -> Result<Splitter, CompileError> {
        let by = match by {
            Split::Whitespace => By::Blanks,
            Split::Gaps(pattern) => By::Gaps(regex(pattern, site.step)?),
            Split::Matches(pattern) => By::Matches(regex(pattern, site.step)?),
        };
        Ok(Splitter { by, lower, units_min: chars_min as usize, cuts: Cuts::here() })
    }

    pub(super) fn run(&self, env: &Env<'_>, input: Home, output: Home) {
        let texts = env.frame.texts(input);
        let mut lists = env.frame.lists_mut(output);
        lists.clear();
        let found_in = self.lay_out(&texts, lists.texts_mut());
        let are_all_there = env.frame.all_live() && texts.valid.all();
        if let Some(back) = found_in.moved_back().filter(|_| are_all_there && self.cuts_at_blanks_alone()) {
            let rows = texts.spans.iter().map(|text| text.moved_back(back));
            return lists.push_cut_rows(|bytes, spans, ends| {
                self.cuts.push(bytes, rows, spans, |end| ends.push(end as u32));
            });
        }
        for row in 0..env.frame.rows() {
            if !env.frame.is_live(row) {
                lists.push_null();
                continue;
            }
            if !texts.is_valid(row) {
                refuse_null(env, row);
                lists.push_null();
                continue;
            }
            let items = lists.texts_mut();
            let Some(span) = self.place(&texts, row, found_in, items) else {
                refuse_long(env, row, texts.row_bytes(row).len());
                lists.push_null();
                continue;
            };
            let done = match &self.by {
                By::Gaps(regex) | By::Matches(regex) if found_in.is_nothing() && has_pairs(within(items, span)) => {
                    self.cut_units(regex, items, span)
                }
                _ => items.push_cut(|bytes, spans| self.cut(bytes, span, spans)),
            };
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

    /// Returns whether the tokens are what lies between blanks, however long.
    fn cuts_at_blanks_alone(&self) -> bool {
        matches!(self.by, By::Blanks) && self.units_min == 0
    }

    /// Returns whether a token may hold half a pair, which is then written as a `?` that is not in the text.
    fn may_halve(&self, texts: &TextStore) -> bool {
        !matches!(self.by, By::Blanks) && (0..texts.len()).any(|row| has_pairs(texts.row_bytes(row)))
    }

    /// Puts all texts of the tile at once where tokens can be parts of them, if that can be.
    fn lay_out(&self, texts: &TextStore, items: &mut TextStore) -> FoundIn {
        match texts.shared() {
            Some(buffer) if !self.lower && !self.may_halve(texts) => {
                items.clear_shared(buffer);
                FoundIn::Input
            }
            _ => match self.lower.then(|| lower_all(texts, items)).flatten() {
                Some(first) => FoundIn::Lowered { first },
                None => FoundIn::Nothing,
            },
        }
    }

    /// Returns where the row's text lies among the bytes of the items, put there now if need be; nothing if it has no room.
    #[inline]
    fn place(&self, texts: &TextStore, row: usize, found_in: FoundIn, items: &mut TextStore) -> Option<Span> {
        if let Some(back) = found_in.moved_back() {
            return Some(texts.spans[row].moved_back(back));
        }
        let text = texts.row_bytes(row);
        if !items.has_room(text.len() * GROWTH_MAX) {
            return None;
        }
        let own = items.own_bytes();
        let start = own.len() as u32;
        if self.lower {
            push_lower(own, text)
        } else {
            own.extend_from_slice(text)
        }
        Some(Span { start, end: own.len() as u32 })
    }

    /// Pushes the spans of the text's tokens; on failure none.
    fn cut(&self, bytes: &[u8], text: Span, spans: &mut Vec<Span>) -> Result<(), TooManySteps> {
        let mut tokens = Tokens { bytes, spans, units_min: self.units_min, cuts: self.cuts };
        let regex = match &self.by {
            By::Blanks => {
                tokens.cut_at_blanks(text);
                return Ok(());
            }
            By::Gaps(regex) | By::Matches(regex) => regex,
        };
        let first = tokens.spans.len();
        let all = std::str::from_utf8(&bytes[text.start as usize..text.end as usize]).expect(TEXTS_ALONE);
        let done = tokens.take(self.gaps(), text, |f| each_match(regex, all, f));
        if done.is_err() {
            spans.truncate(first);
        }
        done
    }

    /// As [`Self::cut`], of a text of its own that has pairs: those that are cut in two become `?` and `?`.
    fn cut_units(&self, regex: &Regex, items: &mut TextStore, text: Span) -> Result<(), TooManySteps> {
        let (units_min, cuts, gaps) = (self.units_min, self.cuts, self.gaps());
        let all = std::str::from_utf8(within(items, text)).expect(TEXTS_ALONE);
        let (mut found, mut middles) = (Vec::new(), Vec::new());
        each_match_of_units(regex, all, |start, end| {
            if all.is_char_boundary(start as usize) {
                return found.push((start, end));
            }
            // Of four bytes the first will be one half, the last the other.
            middles.push(start);
            found.push((if gaps { start - 1 } else { start + 1 }, end.max(start + 1)));
        })?;
        for middle in middles {
            let pair = (text.start + middle - 2) as usize;
            items.own_bytes()[pair..pair + 4].fill(b'?');
        }
        items.push_cut(|bytes, spans| {
            Tokens { bytes, spans, units_min, cuts }.take(gaps, text, |f| {
                found.into_iter().for_each(|(start, end)| f(start, end));
                Ok(())
            })
        })
    }

    /// Returns whether tokens are what lies between matches, where there is a pattern.
    fn gaps(&self) -> bool {
        matches!(self.by, By::Gaps(_))
    }
}

/// Lowers all texts of the tile in one go, where they are ASCII alone and nothing much lies between them; returns by how many
/// bytes each then lies further to the front.
fn lower_all(texts: &TextStore, items: &mut TextStore) -> Option<u32> {
    let (mut first, mut last, mut sum) = (u32::MAX, 0, 0);
    for span in texts.spans.iter().filter(|s| s.start < s.end) {
        first = first.min(span.start);
        last = last.max(span.end);
        sum += (span.end - span.start) as usize;
    }
    let all = texts.bytes().get(first as usize..last as usize)?;
    if all.len() > 2 * sum || !all.is_ascii() {
        return None;
    }
    push_lower(items.own_bytes(), all);
    Some(first)
}

/// Where tokens go.
struct Tokens<'a> {
    bytes: &'a [u8],
    spans: &'a mut Vec<Span>,
    units_min: usize,
    cuts: Cuts,
}

impl Tokens<'_> {
    /// Adds a token if it is long enough.
    #[inline]
    fn push(&mut self, start: u32, end: u32) {
        if self.units_min == 0 || self.is_long_enough(start, end) {
            self.spans.push(Span { start, end });
        }
    }

    #[inline]
    fn is_long_enough(&self, start: u32, end: u32) -> bool {
        // A UTF-16 unit takes at most three bytes of UTF-8, and at least one.
        let bytes = (end - start) as usize;
        if bytes < self.units_min || bytes.div_ceil(3) >= self.units_min {
            return bytes >= self.units_min;
        }
        let token = std::str::from_utf8(&self.bytes[start as usize..end as usize]);
        token.expect("cut between characters").chars().map(char::len_utf16).sum::<usize>() >= self.units_min
    }

    /// Ends a split: `rest` is where the last token begins, which is the whole text where nothing was cut.
    #[inline]
    fn finish(&mut self, first: usize, rest: u32, text: Span) {
        match self.units_min {
            0 => blanks::push_last(first, rest, text, self.spans),
            _ => self.push(rest, text.end),
        }
    }

    /// Cuts at every blank: found many bytes at a time, so that one loop, not one in eight bytes, has a random end; and where
    /// no token is too short, many are pushed at a time.
    fn cut_at_blanks(&mut self, text: Span) {
        let first = self.spans.len();
        let bytes = self.bytes;
        if self.units_min == 0 {
            return self.cuts.push(bytes, std::iter::once(text), self.spans, |_| ());
        }
        let (mut rest, mut at) = (text.start, text.start);
        while at < text.end {
            let mut found = blanks::within(bytes, at as usize, text.end as usize);
            while found != 0 {
                let end = at + found.trailing_zeros();
                self.push(rest, end);
                rest = end + 1;
                found &= found - 1;
            }
            at = at.saturating_add(blanks::AT_ONCE as u32);
        }
        self.finish(first, rest, text);
    }

    /// Takes for tokens what `each` finds, or, as `java.util.regex.Pattern.split`, what lies between (`gaps`).
    fn take(
        &mut self,
        gaps: bool,
        text: Span,
        each: impl FnOnce(&mut dyn FnMut(u32, u32)) -> Result<(), TooManySteps>,
    ) -> Result<(), TooManySteps> {
        if !gaps {
            return each(&mut |start, end| self.push(text.start + start, text.start + end));
        }
        let first = self.spans.len();
        let mut rest = 0;
        each(&mut |start, end| {
            // A match of no width at the beginning cuts nothing off.
            if end != 0 {
                self.push(text.start + rest, text.start + start);
                rest = end;
            }
        })?;
        self.finish(first, text.start + rest, text);
        Ok(())
    }
}

fn within(texts: &TextStore, span: Span) -> &[u8] {
    &texts.bytes()[span.start as usize..span.end as usize]
}
