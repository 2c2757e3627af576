//! The numbers that JSON does not have, as some writers put them all the same: bare words.

use std::borrow::Cow;

/// Longer words before those that they begin with.
const WORDS: [(&str, &str); 5] = [
    ("NaN", "\"NaN\""),
    ("-Infinity", "\"-Infinity\""),
    ("Infinity", "\"Infinity\""),
    ("-Inf", "\"-Infinity\""),
    ("Inf", "\"Infinity\""),
];

/// Returns the text with the words `NaN`, `Infinity` and `-Infinity` outside of strings made strings, which numbers may be.
pub fn quoted(text: &[u8]) -> Cow<'_, [u8]> {
    if !text.iter().any(|byte| matches!(byte, b'N' | b'I')) {
        return Cow::Borrowed(text);
    }
    let (mut out, mut begin, mut at) = (Vec::new(), 0, 0);
    while at < text.len() {
        match text[at] {
            b'"' => at = end_of_string(text, at),
            b'N' | b'I' | b'-' => {
                let found = WORDS.iter().find(|(word, _)| text[at..].starts_with(word.as_bytes()));
                let Some((word, string)) = found else {
                    at += 1;
                    continue;
                };
                out.extend_from_slice(&text[begin..at]);
                out.extend_from_slice(string.as_bytes());
                at += word.len();
                begin = at;
            }
            _ => at += 1,
        }
    }
    if begin == 0 {
        return Cow::Borrowed(text);
    }
    out.extend_from_slice(&text[begin..]);
    Cow::Owned(out)
}

/// Returns where the string that begins here is over.
fn end_of_string(text: &[u8], begin: usize) -> usize {
    let mut at = begin + 1;
    while at < text.len() {
        match text[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(quoted(text.as_bytes()), expected.as_bytes(), "{text}");
    }

    #[test]
    fn words_outside_of_strings() {
        check("[1, -2]", "[1, -2]");
        check("[NaN,-Infinity , Infinity,-1,-Inf]", r#"["NaN","-Infinity" , "Infinity",-1,"-Infinity"]"#);
        check(r#"{"NaN": "Inf \" NaN", "a\\": NaN}"#, r#"{"NaN": "Inf \" NaN", "a\\": "NaN"}"#);
        check(r#"["NaN"#, r#"["NaN"#);
        check("\"\\", "\"\\");
        check("IN", "IN");
    }
}
