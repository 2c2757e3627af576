//! Query strings and path segments: percent-decoding, and a set of keys of which none is unknown.

use std::borrow::Cow;

use crate::error::{ServeError, asked};

/// Pairs one query may have.
const PAIRS_MAX: usize = 64;

/// Returns the text with its `%XX` read, or nothing where they are broken or are not UTF-8. A `+` is a blank in queries only.
pub(crate) fn decode(text: &str, plus: bool) -> Option<Cow<'_, str>> {
    if !text.bytes().any(|b| b == b'%' || (plus && b == b'+')) {
        return Some(Cow::Borrowed(text));
    }
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(b) = bytes.next() {
        out.push(match b {
            b'%' => {
                let hex = |b: u8| (b as char).to_digit(16);
                (hex(bytes.next()?)? * 16 + hex(bytes.next()?)?) as u8
            }
            b'+' if plus => b' ',
            b => b,
        });
    }
    String::from_utf8(out).ok().map(Cow::Owned)
}

/// Returns the name of a range in an `accept` header, and its weight.
pub(crate) fn weighted(range: &str) -> (&str, f32) {
    let mut parts = range.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default();
    let weight = parts.find_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q=")));
    (name, weight.and_then(|weight| weight.parse().ok()).unwrap_or(1.0))
}

pub(crate) type Pair<'a> = (Cow<'a, str>, Cow<'a, str>);

/// Returns the pairs of a query in their order; a key without `=` has the empty value.
pub(crate) fn pairs(query: &str) -> Result<Vec<Pair<'_>>, ServeError> {
    let parts = query.split('&').filter(|part| !part.is_empty());
    let mut out = Vec::new();
    for part in parts {
        if out.len() == PAIRS_MAX {
            return Err(asked("query", query, format!("at most {PAIRS_MAX} keys")));
        }
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        let broken = || asked("query", part, "percent-encoded UTF-8");
        out.push((decode(key, true).ok_or_else(broken)?, decode(value, true).ok_or_else(broken)?));
    }
    Ok(out)
}

/// Returns the error of a key that the route does not know.
pub(crate) fn unknown(key: &str, known: &[&str]) -> ServeError {
    let known = if known.is_empty() { "no query keys".to_owned() } else { format!("one of {}", known.join(", ")) };
    asked("query key", key, known)
}

/// Refuses a query where the route takes none.
pub(crate) fn none(query: &str) -> Result<(), ServeError> {
    match pairs(query)?.first() {
        Some((key, _)) => Err(unknown(key, &[])),
        None => Ok(()),
    }
}

/// Returns the number that a key holds.
pub(crate) fn number(key: &str, value: &str) -> Result<u64, ServeError> {
    match value.parse::<u64>() {
        Ok(n) if n > 0 => Ok(n),
        _ => Err(asked(key, value, "a whole number above 0")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, plus: bool, expected: Option<&str>) {
        assert_eq!(decode(text, plus).as_deref(), expected, "{text}");
    }

    #[test]
    fn percent_and_plus() {
        check("a-b.c", true, Some("a-b.c"));
        check("a%2Cb%c3%a4", true, Some("a,bä"));
        check("a+b", true, Some("a b"));
        check("a+b", false, Some("a+b"));
        for broken in ["%", "%2", "%zz", "%ff"] {
            check(broken, true, None);
        }
    }

    #[test]
    fn pairs_keep_their_order_and_need_no_value() {
        let pairs = pairs("serve&outputs=a%2Cb&&x=1=2").unwrap();
        let pairs: Vec<_> = pairs.iter().map(|(k, v)| (&**k, &**v)).collect();
        assert_eq!(pairs, [("serve", ""), ("outputs", "a,b"), ("x", "1=2")]);
        assert!(super::pairs(&"a&".repeat(65)).is_err());
    }
}
