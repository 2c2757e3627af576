//! A scanner of JSON texts, with the three numbers that JSON does not have.

use std::borrow::Cow;

use super::{TfsError, invalid};

/// Deepest nesting of arrays and objects.
const DEPTH_MAX: usize = 64;

/// Most bytes of a value that a message repeats.
const SHOWN_MAX: usize = 80;

/// A place in a text.
#[derive(Clone, Copy)]
pub(super) struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

/// A value that is neither array nor object.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Scalar<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Float(f64),
    Text(Cow<'a, str>),
}

impl<'a> Scanner<'a> {
    pub fn new(text: &'a str) -> Scanner<'a> {
        Scanner { text, at: 0 }
    }

    fn error(&self, what: &str) -> TfsError {
        invalid(format!("JSON Parse error: {what} at offset: {}", self.at))
    }

    fn bytes(&self) -> &'a [u8] {
        self.text.as_bytes()
    }

    fn blanks(&mut self) {
        while matches!(self.bytes().get(self.at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Returns the next byte that is no blank.
    pub fn peek(&mut self) -> Option<u8> {
        self.blanks();
        self.bytes().get(self.at).copied()
    }

    /// Passes the byte, if it is the next one.
    pub fn take(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    /// Passes the byte, which must be the next one.
    pub fn expect(&mut self, byte: u8) -> Result<(), TfsError> {
        if self.take(byte) { Ok(()) } else { Err(self.error("Invalid value.")) }
    }

    /// Returns whether nothing but blanks is left.
    pub fn is_at_end(&mut self) -> bool {
        self.peek().is_none()
    }

    /// Calls `each` at every element of the array that begins here.
    pub fn array(&mut self, mut each: impl FnMut(&mut Scanner<'a>) -> Result<(), TfsError>) -> Result<(), TfsError> {
        self.expect(b'[')?;
        if self.take(b']') {
            return Ok(());
        }
        loop {
            each(self)?;
            if self.take(b']') {
                return Ok(());
            }
            if !self.take(b',') {
                return Err(self.error("Missing a comma or ] after an array element."));
            }
        }
    }

    /// Calls `each` at every value of the object that begins here, with its key.
    pub fn object(
        &mut self,
        mut each: impl FnMut(&mut Scanner<'a>, Cow<'a, str>) -> Result<(), TfsError>,
    ) -> Result<(), TfsError> {
        self.expect(b'{')?;
        if self.take(b'}') {
            return Ok(());
        }
        loop {
            if self.peek() != Some(b'"') {
                return Err(self.error("Missing a name for object member."));
            }
            let key = self.string()?;
            if !self.take(b':') {
                return Err(self.error("Missing a colon after a name of object member."));
            }
            each(self, key)?;
            if self.take(b'}') {
                return Ok(());
            }
            if !self.take(b',') {
                return Err(self.error("Missing a comma or } after an object member."));
            }
        }
    }

    /// Passes a value, returns its text.
    pub fn skip(&mut self) -> Result<&'a str, TfsError> {
        self.blanks();
        let begin = self.at;
        self.pass(DEPTH_MAX)?;
        Ok(&self.text[begin..self.at])
    }

    fn pass(&mut self, left: usize) -> Result<(), TfsError> {
        if left == 0 {
            return Err(self.error("Values are nested too deeply."));
        }
        match self.peek() {
            Some(b'[') => self.array(|s| s.pass(left - 1)),
            Some(b'{') => self.object(|s, _| s.pass(left - 1)),
            _ => self.scalar().map(|_| ()),
        }
    }

    /// Returns the value that begins here, cut where it is long, and its kind as messages name it.
    pub fn shown(&mut self) -> (String, &'static str) {
        let kind = match self.peek() {
            Some(b'[') => "Array",
            Some(b'{') => "Object",
            Some(b'"') => "String",
            Some(b't') => "True",
            Some(b'f') => "False",
            Some(b'n') => "Null",
            _ => "Number",
        };
        let text = (*self).skip().unwrap_or_default();
        let shown: String = text.chars().take(SHOWN_MAX).collect();
        (if shown.len() < text.len() { format!("{shown}...") } else { shown }, kind)
    }

    /// Reads a value that is neither array nor object.
    pub fn scalar(&mut self) -> Result<Scalar<'a>, TfsError> {
        match self.peek() {
            Some(b'"') => self.string().map(Scalar::Text),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => {
                for (word, value) in [
                    ("null", Scalar::Null),
                    ("true", Scalar::Bool(true)),
                    ("false", Scalar::Bool(false)),
                    ("NaN", Scalar::Float(f64::NAN)),
                    ("Infinity", Scalar::Float(f64::INFINITY)),
                    ("Inf", Scalar::Float(f64::INFINITY)),
                ] {
                    if self.text[self.at..].starts_with(word) {
                        self.at += word.len();
                        return Ok(value);
                    }
                }
                Err(self.error("Invalid value."))
            }
        }
    }

    fn number(&mut self) -> Result<Scalar<'a>, TfsError> {
        let rest = &self.bytes()[self.at..];
        for word in ["-Infinity", "-Inf"] {
            if rest.starts_with(word.as_bytes()) {
                self.at += word.len();
                return Ok(Scalar::Float(f64::NEG_INFINITY));
            }
        }
        let is_part = |byte: &&u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
        let length = rest.iter().take_while(is_part).count();
        let text = &self.text[self.at..self.at + length];
        let digits = text.strip_prefix('-').unwrap_or(text);
        // What Rust reads and JSON does not: leading zeros, a bare point.
        let bytes = digits.as_bytes();
        let begins = bytes.first().is_some_and(u8::is_ascii_digit);
        let leads = bytes.first() == Some(&b'0') && bytes.get(1).is_some_and(u8::is_ascii_digit);
        let bare = [".e", ".E"].iter().any(|part| digits.contains(part)) || digits.ends_with('.');
        let is_json = begins && !leads && !bare;
        let value = match is_json {
            false => None,
            true => match (text.parse::<i64>(), text.parse::<u64>()) {
                (Ok(value), _) => Some(Scalar::Int(value)),
                (_, Ok(value)) => Some(Scalar::Uint(value)),
                _ => text.parse::<f64>().ok().filter(|value| value.is_finite()).map(Scalar::Float),
            },
        };
        let value = value.ok_or_else(|| self.error("Invalid number."))?;
        self.at += length;
        Ok(value)
    }

    /// Reads a text with its quotes.
    pub fn string(&mut self) -> Result<Cow<'a, str>, TfsError> {
        self.expect(b'"')?;
        let begin = self.at;
        let plain = |byte: &&u8| !matches!(**byte, b'"' | b'\\' | 0..=0x1f);
        self.at += self.bytes()[begin..].iter().take_while(plain).count();
        if self.bytes().get(self.at) == Some(&b'"') {
            self.at += 1;
            return Ok(Cow::Borrowed(&self.text[begin..self.at - 1]));
        }
        let mut text = self.text[begin..self.at].to_owned();
        loop {
            match self.bytes().get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(Cow::Owned(text));
                }
                Some(b'\\') => text.push(self.escape()?),
                None | Some(0..=0x1f) => return Err(self.error("Missing a closing quotation mark in string.")),
                Some(_) => {
                    let from = self.at;
                    self.at += self.bytes()[from..].iter().take_while(plain).count();
                    text.push_str(&self.text[from..self.at]);
                }
            }
        }
    }

    fn escape(&mut self) -> Result<char, TfsError> {
        let kind = self.bytes().get(self.at + 1).copied();
        self.at += 2;
        let plain = match kind {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unit(),
            _ => return Err(self.error("Invalid escape character in string.")),
        };
        Ok(plain)
    }

    /// Reads the four digits of `\u`, and the second half of a pair.
    fn unit(&mut self) -> Result<char, TfsError> {
        let mut four = || {
            let digits = self.text.get(self.at..self.at + 4).filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
            self.at += 4;
            digits.and_then(|digits| u32::from_str_radix(digits, 16).ok())
        };
        let first = four();
        let code = match first {
            Some(high @ 0xd800..=0xdbff) => {
                if self.text.get(self.at..self.at + 2) != Some("\\u") {
                    return Err(self.error("The surrogate pair in string is invalid."));
                }
                self.at += 2;
                let digits = self.text.get(self.at..self.at + 4).filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
                self.at += 4;
                let low = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
                low.filter(|low| (0xdc00..=0xdfff).contains(low))
                    .map(|low| 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00))
            }
            other => other,
        };
        code.and_then(char::from_u32).ok_or_else(|| self.error("Incorrect hex digit after \\u escape in string."))
    }
}
