//! Letters that are the same in both cases: under `i` those of ASCII, under `i` and `u` as `java.lang.Character` maps them.
//!
//! Java folds a character by its simple mappings, to upper and then to lower case (`java.util.regex.Pattern`, `SingleU` and
//! `CIRangeU`). Rust has the full mappings: where one gives several characters, Java's simple one is another or none.

use std::sync::OnceLock;

/// How letters are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Fold {
    #[default]
    Exact,
    Ascii,
    Unicode,
}

impl Fold {
    /// Returns the ranges of characters that match this range in some case, besides itself.
    pub(super) fn others(self, from: char, to: char) -> Vec<(char, char)> {
        match self {
            Fold::Exact => Vec::new(),
            Fold::Ascii => ascii(from, to),
            Fold::Unicode => unicode(from, to),
        }
    }
}

fn ascii(from: char, to: char) -> Vec<(char, char)> {
    let mut out = Vec::new();
    for (first, last) in [('a', 'z'), ('A', 'Z')] {
        let (low, high) = (from.max(first), to.min(last));
        if low <= high {
            let other = |c: char| if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
            out.push((other(low), other(high)));
        }
    }
    out
}

fn unicode(from: char, to: char) -> Vec<(char, char)> {
    let mut out: Vec<(char, char)> = Vec::new();
    let add = |c: char| match out.last_mut() {
        Some((_, last)) if *last as u32 + 1 == c as u32 => *last = c,
        _ => out.push((c, c)),
    };
    // The ends of a range stay as they are written.
    if from != to {
        let within = |c: char| (from..=to).contains(&c);
        let matches = |c: char| within(to_upper(c)) || within(folded(c));
        cased().iter().map(|&(_, c)| c).filter(|&c| !within(c) && matches(c)).for_each(add);
        return out;
    }
    // A single character is folded itself.
    let own = folded(from);
    let alike = &by_fold()[by_fold().partition_point(|&(folded, _)| folded < own)..];
    alike.iter().take_while(|&&(folded, _)| folded == own).map(|&(_, c)| c).filter(|&c| c != from).for_each(add);
    // A letter without cases may be what others fold to.
    if own != from && !out.iter().any(|(a, b)| (*a..=*b).contains(&own)) {
        out.push((own, own));
    }
    out
}

fn folded(c: char) -> char {
    to_lower(to_upper(c))
}

/// Returns the characters that a mapping changes, in order, each behind what it folds to.
fn cased() -> &'static [(char, char)] {
    static CASED: OnceLock<Vec<(char, char)>> = OnceLock::new();
    let is_cased = |&c: &char| to_upper(c) != c || to_lower(c) != c;
    CASED.get_or_init(|| ('\0'..=char::MAX).filter(is_cased).map(|c| (folded(c), c)).collect())
}

/// Returns the same, by what they fold to: a long pattern asks for each of its letters.
fn by_fold() -> &'static [(char, char)] {
    static BY_FOLD: OnceLock<Vec<(char, char)>> = OnceLock::new();
    BY_FOLD.get_or_init(|| {
        let mut pairs = cased().to_vec();
        pairs.sort_unstable();
        pairs
    })
}

/// `Character.toUpperCase(int)`.
fn to_upper(c: char) -> char {
    match c as u32 {
        // Greek with an iota below: the simple mapping is the titlecase letter.
        n @ (0x1f80..=0x1f87 | 0x1f90..=0x1f97 | 0x1fa0..=0x1fa7) => char::from_u32(n + 8).unwrap_or(c),
        n @ (0x1fb3 | 0x1fc3 | 0x1ff3) => char::from_u32(n + 9).unwrap_or(c),
        _ => only(c.to_uppercase()).unwrap_or(c),
    }
}

/// `Character.toLowerCase(int)`.
fn to_lower(c: char) -> char {
    match c {
        '\u{130}' => 'i',
        c => only(c.to_lowercase()).unwrap_or(c),
    }
}

fn only(mut mapped: impl Iterator<Item = char>) -> Option<char> {
    let first = mapped.next();
    if mapped.next().is_some() { None } else { first }
}
