//! From match to match, as `java.util.regex.Matcher.find` goes.
//!
//! Java's texts are units of UTF-16. After a match of no width the search goes on a unit later: of a character above U+FFFF, which
//! is a pair of units, from its middle. A token that begins or ends there holds half a character; Spark writes `?` for it.

use std::sync::Arc;

use fancy_regex::{Match, Regex, RegexBuilder};
use plan::Pattern;

use crate::error::CompileError;

/// Steps back that a pattern may take in one search; a text that needs more is refused.
const BACKTRACKS_MAX: usize = 1_000_000;

/// What stands for each half of a pair, as long as half of the pair's UTF-8: a character that is assigned to nothing, as the
/// unit by itself is no character.
pub(in crate::kernel) const HALF: &str = "\u{7fb}";

/// The search took more steps than it may.
pub(super) struct TooManySteps;

pub(super) fn regex(pattern: &Pattern, step: &Arc<str>) -> Result<Regex, CompileError> {
    let built = RegexBuilder::new(&pattern.engine).backtrack_limit(BACKTRACKS_MAX).build();
    built.map_err(|error| CompileError::Pattern {
        step: step.clone(),
        pattern: pattern.source.clone(),
        message: error.to_string(),
    })
}

/// Calls `f` with every match: after one of some width an empty one may follow at its end, after an empty one the search goes on
/// a character later.
pub(super) fn each_match(regex: &Regex, text: &str, f: impl FnMut(u32, u32)) -> Result<(), TooManySteps> {
    each(regex, text, |_| Ok(None), f)
}

/// As [`each_match`], the middles of pairs too: a match may begin two bytes behind a pair's first, and, if it is empty, end there.
pub(super) fn each_match_of_units(regex: &Regex, text: &str, f: impl FnMut(u32, u32)) -> Result<(), TooManySteps> {
    let mut halves = text.to_owned();
    let within = |pair: usize| {
        halves.replace_range(pair..pair + 4, &[HALF, HALF].concat());
        let found = find(regex, &halves, pair + 2)?.filter(|found| found.start() == pair + 2).map(|found| found.end());
        halves.replace_range(pair..pair + 4, &text[pair..pair + 4]);
        Ok(found)
    };
    each(regex, text, within, f)
}

/// Returns whether the text has pairs.
pub(in crate::kernel) fn has_pairs(text: &[u8]) -> bool {
    // Without a branch, so that many bytes are seen at a time.
    text.iter().fold(0, |most, byte| most.max(*byte)) >= 0xF0
}

/// `within` says where the match ends that begins in the middle of the pair at this place.
fn each(
    regex: &Regex,
    text: &str,
    mut within: impl FnMut(usize) -> Result<Option<usize>, TooManySteps>,
    mut f: impl FnMut(u32, u32),
) -> Result<(), TooManySteps> {
    let mut from = 0;
    while from <= text.len() {
        let Some(found) = find(regex, text, from)? else { break };
        let (start, end) = (found.start(), found.end());
        f(start as u32, end as u32);
        from = end;
        if start == end {
            let width = text[end..].chars().next().map_or(1, char::len_utf8);
            from += width;
            if width == 4
                && let Some(end) = within(start)?
            {
                f(start as u32 + 2, end as u32);
                from = from.max(end);
            }
        }
    }
    Ok(())
}

fn find<'t>(regex: &Regex, text: &'t str, from: usize) -> Result<Option<Match<'t>>, TooManySteps> {
    regex.find_from_pos(text, from).map_err(|_| TooManySteps)
}
