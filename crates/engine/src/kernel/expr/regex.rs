//! Functions of regular expressions, with Java's way of walking from match to match.

use bumpalo::{Bump, collections::Vec};
use fancy_regex::{Captures, Regex, RegexBuilder};
use model::FaultValue;
use plan::{Pattern, expr::text::Units};

use super::{
    super::Site,
    general::items_within,
    value::{Fault, Out, Value, Writer, fault},
};
use crate::{
    error::CompileError,
    kernel::text::matches::{HALF, has_pairs},
};

/// Steps back of one match; a text that takes more is refused.
const BACKTRACKS_MAX: usize = 1_000_000;

pub(crate) struct Compiled {
    regex: Regex,
    groups: usize,
    is_empty: bool,
}

#[cold]
fn too_many_steps(text: &str) -> Box<Fault> {
    fault("a text that the pattern matches within 1000000 steps back", FaultValue::text(text))
}

impl Compiled {
    pub(crate) fn new(pattern: &Pattern, site: &Site<'_>) -> Result<Compiled, CompileError> {
        let built = RegexBuilder::new(&pattern.engine).backtrack_limit(BACKTRACKS_MAX).build();
        let regex = built.map_err(|error| CompileError::Pattern {
            step: site.step.clone(),
            pattern: pattern.source.clone(),
            message: error.to_string(),
        })?;
        let groups = regex.captures_len() - 1;
        Ok(Compiled { regex, groups, is_empty: pattern.source.is_empty() })
    }

    pub fn is_found<'a>(&self, text: &str) -> Out<'a> {
        self.regex.is_match(text).map(Value::bool).map_err(|_| too_many_steps(text))
    }

    fn group(&self, group: i32) -> Result<usize, Box<Fault>> {
        let known = usize::try_from(group).ok().filter(|g| *g <= self.groups);
        known.ok_or_else(|| fault("a group that the pattern has", FaultValue::Int(group.into())))
    }

    pub fn extract<'a>(&self, text: &'a str, group: i32) -> Out<'a> {
        let found = self.regex.captures(text).map_err(|_| too_many_steps(text))?;
        // Which group is asked matters only where there is a match.
        if found.is_none() {
            return Ok(Value::Text(""));
        }
        let group = self.group(group)?;
        Ok(Value::Text(found.and_then(|c| c.get(group)).map_or("", |m| m.as_str())))
    }

    /// Calls `each` with every match: the next search begins where the last match ended, or, where it was empty, a character
    /// further on.
    fn each(
        &self,
        text: &str,
        mut each: impl FnMut(usize, usize) -> Result<bool, Box<Fault>>,
    ) -> Result<(), Box<Fault>> {
        let mut at = 0;
        while at <= text.len() {
            let found = self.regex.find_from_pos(text, at).map_err(|_| too_many_steps(text))?;
            let Some(found) = found else { return Ok(()) };
            if !each(found.start(), found.end())? {
                return Ok(());
            }
            at = next(text, found.start(), found.end());
        }
        Ok(())
    }

    fn each_captured<'t>(
        &self,
        text: &'t str,
        mut each: impl FnMut(&Captures<'t, str>) -> Result<(), Box<Fault>>,
    ) -> Result<(), Box<Fault>> {
        let mut at = 0;
        while at <= text.len() {
            let found = self.regex.captures_from_pos(text, at).map_err(|_| too_many_steps(text))?;
            let Some(found) = found else { return Ok(()) };
            each(&found)?;
            let whole = found.get(0).expect("a match has its whole");
            at = next(text, whole.start(), whole.end());
        }
        Ok(())
    }

    /// Returns the text with two [`HALF`] for each character beyond U+FFFF that matches of nothing cut in two, if there is one.
    fn halved(&self, text: &str) -> Result<Option<std::string::String>, Box<Fault>> {
        if !has_pairs(text.as_bytes()) || text.contains(HALF) {
            return Ok(None);
        }
        let find = |text: &str, at: usize| {
            let found = self.regex.find_from_pos(text, at).map_err(|_| too_many_steps(text))?;
            Ok::<_, Box<Fault>>(found.map(|found| (found.start(), found.end())))
        };
        let (mut halves, mut at, mut is_cut) = (text.to_owned(), 0, false);
        while at <= halves.len() {
            let Some((start, end)) = find(&halves, at)? else { break };
            at = next(&halves, start, end);
            if start == end && at - end == 4 {
                halves.replace_range(end..at, &HALF.repeat(2));
                match find(&halves, end + 2)? {
                    Some((within, past)) if within == end + 2 => (at, is_cut) = (at.max(past), true),
                    _ => halves.replace_range(end..at, &text[end..at]),
                }
            }
        }
        Ok(is_cut.then_some(halves))
    }

    pub fn extract_all<'a>(&self, text: &'a str, group: i32, bump: &'a Bump) -> Out<'a> {
        let halves = self.halved(text)?;
        let (text, is_cut) = halves.map_or((text, false), |halves| (&*bump.alloc_str(&halves), true));
        let mut items = Vec::new_in(bump);
        self.each_captured(text, |found| {
            let group = self.group(group)?;
            items_within(items.len() + 1)?;
            items.push(whole(found.get(group).map_or("", |m| m.as_str()), is_cut, bump));
            Ok(())
        })?;
        Ok(Value::List(items.into_bump_slice()))
    }

    pub fn count<'a>(&self, text: &str) -> Out<'a> {
        let halves = self.halved(text)?;
        let mut count = 0;
        self.each(halves.as_deref().unwrap_or(text), |_, _| {
            count += 1;
            Ok(true)
        })?;
        Ok(Value::Int(count))
    }

    pub fn place<'a>(&self, text: &str, units: Units) -> Out<'a> {
        let found = self.regex.find(text).map_err(|_| too_many_steps(text))?;
        let place = found.map_or(0, |found| {
            let before = &text[..found.start()];
            1 + if units == Units::Utf16 { before.encode_utf16().count() } else { before.chars().count() }
        });
        Ok(Value::Int(place as i64))
    }

    pub fn split<'a>(&self, text: &'a str, limit: i32, drops: bool, bump: &'a Bump) -> Out<'a> {
        let limit = if limit > 0 { limit as usize } else { usize::MAX };
        let mut items = Vec::new_in(bump);
        if self.is_empty && !text.is_empty() {
            items_within(text.len())?;
            let mut chars = text.chars();
            while items.len() + 1 < limit || drops && items.len() < limit {
                let from = text.len() - chars.as_str().len();
                let Some(c) = chars.next() else { break };
                items.push(Value::Text(&text[from..from + c.len_utf8()]));
            }
            if !drops && !chars.as_str().is_empty() {
                items.push(Value::Text(chars.as_str()));
            }
            return Ok(Value::List(items.into_bump_slice()));
        }
        let halves = self.halved(text)?;
        let (text, is_cut) = halves.map_or((text, false), |halves| (&*bump.alloc_str(&halves), true));
        let mut begin = 0;
        self.each(text, |start, end| {
            if items.len() + 1 >= limit {
                return Ok(false);
            }
            // A match of no width at the beginning cuts nothing off.
            if end > 0 {
                items_within(items.len() + 2)?;
                items.push(whole(&text[begin..start], is_cut, bump));
                begin = end;
            }
            Ok(true)
        })?;
        items.push(whole(&text[begin..], is_cut, bump));
        Ok(Value::List(items.into_bump_slice()))
    }

    pub fn replace<'a>(&self, text: &'a str, with: &str, from: u32, bump: &'a Bump) -> Out<'a> {
        let Some(from) = text.char_indices().map(|(at, _)| at).chain([text.len()]).nth(from as usize) else {
            return Ok(Value::Text(text));
        };
        if from > 0 && from == text.len() {
            return Ok(Value::Text(text));
        }
        let (head, tail) = text.split_at(from);
        let halves = self.halved(tail)?;
        let tail = halves.as_deref().unwrap_or(tail);
        let mut out = Writer::new(bump);
        out.push(head)?;
        let mut begin = 0;
        let plain = !with.contains(['$', '\\']);
        if plain {
            self.each(tail, |start, end| {
                out.push(&tail[begin..start])?;
                out.push(with)?;
                begin = end;
                Ok(true)
            })?;
        } else {
            self.each_captured(tail, |found| {
                let whole = found.get(0).expect("a match has its whole");
                out.push(&tail[begin..whole.start()])?;
                begin = whole.end();
                self.expand(with, found, &mut out)
            })?;
        }
        out.push(&tail[begin..])?;
        Ok(whole(out.done().text(), halves.is_some(), bump))
    }

    /// Writes a replacement with its groups, by the rules of Java's `Matcher.appendReplacement`.
    fn expand(&self, with: &str, found: &Captures<'_, str>, out: &mut Writer<'_>) -> Result<(), Box<Fault>> {
        let malformed = || fault("a replacement whose $ stands before a group of the pattern", FaultValue::text(with));
        let mut chars = with.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '\\' => out.push_char(chars.next().ok_or_else(malformed)?)?,
                '$' if chars.next_if_eq(&'{').is_some() => {
                    let mut name = std::string::String::new();
                    loop {
                        match chars.next() {
                            Some('}') => break,
                            Some(c) => name.push(c),
                            None => return Err(malformed()),
                        }
                    }
                    if !self.regex.capture_names().flatten().any(|n| n == name) {
                        return Err(malformed());
                    }
                    out.push(found.name(&name).map_or("", |m| m.as_str()))?;
                }
                '$' => {
                    let digit = |c: char| c.to_digit(10).map(|d| d as usize);
                    let mut group = chars.next().and_then(digit).ok_or_else(malformed)?;
                    if group > self.groups {
                        return Err(malformed());
                    }
                    while let Some(d) = chars.peek().copied().and_then(digit) {
                        if group * 10 + d > self.groups {
                            break;
                        }
                        group = group * 10 + d;
                        chars.next();
                    }
                    out.push(found.get(group).map_or("", |m| m.as_str()))?;
                }
                c => out.push_char(c)?,
            }
        }
        Ok(())
    }
}

/// Returns the text, if it may have halves of characters with `?` for each, as Spark writes it.
fn whole<'a>(text: &'a str, is_cut: bool, bump: &'a Bump) -> Value<'a> {
    Value::Text(if is_cut && text.contains(HALF) { bump.alloc_str(&text.replace(HALF, "?")) } else { text })
}

/// Returns where the search after a match begins; past the end there is none.
fn next(text: &str, start: usize, end: usize) -> usize {
    if start < end { end } else { end + text[end..].chars().next().map_or(1, char::len_utf8) }
}
