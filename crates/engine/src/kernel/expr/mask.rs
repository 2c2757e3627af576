//! What hides or checks the characters of a text: masks, Luhn's rule, the codes of URLs.

use std::sync::LazyLock;

use bumpalo::Bump;
use model::FaultValue;
use plan::expr::text::Units;
use regex::Regex;

use super::value::{BYTES_MAX, Fault, Out, Value, Writer, fault, too_long};

/// Upper-case letters, lower-case letters, digits.
static KINDS: LazyLock<[Regex; 3]> =
    LazyLock::new(|| [r"\p{Lu}", r"\p{Ll}", r"\p{Nd}"].map(|kind| Regex::new(kind).expect("a class of Unicode")));

fn kind(c: char, units: Units) -> usize {
    match c {
        'A'..='Z' => 0,
        'a'..='z' => 1,
        '0'..='9' => 2,
        c if c.is_ascii() => 3,
        // Neither half of a pair is a letter or a digit.
        c if c.len_utf16() == 2 && units == Units::Utf16 => 3,
        c => KINDS.iter().position(|kind| kind.is_match(c.encode_utf8(&mut [0; 4]))).unwrap_or(3),
    }
}

pub(super) fn masked<'a>(text: &str, with: &[Option<char>; 4], units: Units, bump: &'a Bump) -> Out<'a> {
    let mut out = Writer::new(bump);
    for c in text.chars() {
        let count = if units == Units::Utf16 { c.len_utf16() } else { 1 };
        match with[kind(c, units)] {
            None => out.push_char(c)?,
            Some(mask) => (0..count).try_for_each(|_| out.push_char(mask))?,
        }
    }
    Ok(out.done())
}

pub(super) fn luhn(text: &str) -> bool {
    let mut sum = 0;
    for (place, digit) in text.bytes().rev().enumerate() {
        if !digit.is_ascii_digit() {
            return false;
        }
        let digit = u64::from(digit - b'0') << (place % 2);
        sum += if digit > 9 { digit - 9 } else { digit };
    }
    !text.is_empty() && sum % 10 == 0
}

pub(super) fn url_encode<'a>(text: &str, bump: &'a Bump) -> Out<'a> {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut out = Writer::new(bump);
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'*' | b'_' => out.push_char(byte.into())?,
            b' ' => out.push_char('+')?,
            byte => {
                out.push_char('%')?;
                out.push_char(DIGITS[usize::from(byte >> 4)].into())?;
                out.push_char(DIGITS[usize::from(byte & 15)].into())?;
            }
        }
    }
    Ok(out.done())
}

pub(super) fn url_decode<'a>(text: &'a str, bump: &'a Bump) -> Out<'a> {
    if !text.contains(['%', '+']) {
        return Ok(Value::Text(text));
    }
    if text.len() > BYTES_MAX {
        return Err(too_long(text.len()));
    }
    let mut out = Writer::new(bump);
    let mut run = bumpalo::collections::Vec::new_in(bump);
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        if c == '%' {
            run.push(code(text, at)?);
            at += 3;
            continue;
        }
        // Bytes that stand side by side are one text.
        out.push(&std::string::String::from_utf8_lossy(&run))?;
        run.clear();
        out.push_char(if c == '+' { ' ' } else { c })?;
        at += c.len_utf8();
    }
    out.push(&std::string::String::from_utf8_lossy(&run))?;
    Ok(out.done())
}

/// Returns the byte that stands after a percent sign, as Java's `Integer.parseInt` reads it: with a sign, too.
fn code(text: &str, at: usize) -> Result<u8, Box<Fault>> {
    let digits = text.get(at + 1..at + 3).and_then(|digits| i32::from_str_radix(digits, 16).ok());
    let code = digits.and_then(|code| u8::try_from(code).ok());
    code.ok_or_else(|| fault("two digits of base 16 after each %", FaultValue::text(text)))
}
