//! Texts as Spark reads values from them.

use model::{DType, decimal};

use super::zone::{Clock, DAY_US, Date, SECOND_US};

/// Cuts blanks and control characters of ASCII at both ends.
pub(super) fn trimmed(text: &str) -> &str {
    text.trim_matches(|c: char| c <= ' ' || c == '\x7f')
}

/// Reads an integer; with `fraction` digits after a point are checked, and cut.
pub(super) fn integer(text: &str, fraction: bool) -> Option<i64> {
    let text = trimmed(text);
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    if digits.is_empty() {
        return None;
    }
    let whole = match digits.split_once('.') {
        Some((whole, rest)) if fraction && rest.bytes().all(|b| b.is_ascii_digit()) => whole,
        Some(_) => return None,
        None => digits,
    };
    let size = whole.bytes().try_fold(0i64, |n, b| {
        let digit = b.is_ascii_digit().then(|| i64::from(b - b'0'))?;
        // Downward, so that the least integer is reached too.
        n.checked_mul(10)?.checked_sub(digit)
    })?;
    if negative { Some(size) } else { size.checked_neg() }
}

/// Returns the part of a text that a float is read from, as Java's parser takes it, or the number that a word stands for.
fn float_text(text: &str) -> Option<Result<&str, f64>> {
    let text = text.trim_matches(|c: char| c <= ' ');
    let (sign, word) = match text.as_bytes().first()? {
        b'-' => (-1.0, &text[1..]),
        b'+' => (1.0, &text[1..]),
        _ => (1.0, text),
    };
    if word.eq_ignore_ascii_case("inf") || word.eq_ignore_ascii_case("infinity") {
        return Some(Err(sign * f64::INFINITY));
    }
    if text.eq_ignore_ascii_case("nan") || word == "NaN" {
        return Some(Err(f64::NAN));
    }
    let number = text.strip_suffix(['d', 'D', 'f', 'F']).unwrap_or(text);
    let plain = number.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'));
    plain.then_some(Ok(number))
}

pub(super) fn float64(text: &str) -> Option<f64> {
    match float_text(text)? {
        Ok(number) => number.parse().ok(),
        Err(value) => Some(value),
    }
}

pub(super) fn float32(text: &str) -> Option<f32> {
    match float_text(text)? {
        Ok(number) => number.parse().ok(),
        Err(value) => Some(value as f32),
    }
}

pub(super) fn boolean(text: &str) -> Option<bool> {
    let text = trimmed(text);
    let is = |words: &[&str]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    if is(&["t", "true", "y", "yes", "1"]) {
        return Some(true);
    }
    is(&["f", "false", "n", "no", "0"]).then_some(false)
}

/// Reads a decimal in digits of any script, as Java's `BigDecimal`.
pub(super) fn decimal(text: &str, to: DType) -> Option<i128> {
    let DType::Decimal(precision, scale) = to else { unreachable!("typed as a decimal") };
    let text = text.trim_matches(|c: char| c <= ' ');
    if text.is_ascii() {
        return decimal::read(text)?.rounded(precision, scale);
    }
    let digit = |c: char| {
        let zero = ZEROS.iter().rev().find(|zero| **zero <= c as u32)?;
        char::from_digit(c as u32 - zero, 10)
    };
    let ascii: String = text.chars().map(|c| digit(c).unwrap_or(c)).collect();
    decimal::read(&ascii)?.rounded(precision, scale)
}

/// The zeros of all scripts within 16 bits (Unicode 13, as Java 17 has it); the other digits follow them.
const ZEROS: [u32; 37] = [
    0x30, 0x660, 0x6F0, 0x7C0, 0x966, 0x9E6, 0xA66, 0xAE6, 0xB66, 0xBE6, 0xC66, 0xCE6, 0xD66, 0xDE6, 0xE50, 0xED0,
    0xF20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0, 0x1C40, 0x1C50, 0xA620,
    0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0xFF10,
];

/// Takes digits from the front, so many at least and at most.
fn number(rest: &mut &[u8], least: usize, most: usize) -> Option<i64> {
    let count = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    if count < least || count > most {
        return None;
    }
    let value = rest[..count].iter().fold(0, |n, b| n * 10 + i64::from(b - b'0'));
    *rest = &rest[count..];
    Some(value)
}

fn take(rest: &mut &[u8], byte: u8) -> bool {
    let there = rest.first() == Some(&byte);
    if there {
        *rest = &rest[1..];
    }
    there
}

/// Takes `[+-]y[yyyy][-M[M][-d[d]]]`; answers whether the day was there.
fn date_part(rest: &mut &[u8], digits_max: usize) -> Option<(Date, bool)> {
    let sign = match rest.first()? {
        b'-' => -1,
        _ => 1,
    };
    if matches!(rest[0], b'-' | b'+') {
        *rest = &rest[1..];
    }
    let year = sign * number(rest, 4, digits_max)?;
    let (mut month, mut day, mut whole) = (1, 1, false);
    if take(rest, b'-') {
        month = number(rest, 1, 2)?;
        if take(rest, b'-') {
            day = number(rest, 1, 2)?;
            whole = true;
        }
    }
    Some((Date::new(year, month, day)?, whole))
}

/// Reads a date: after a whole one, anything may stand behind a blank or `T`.
pub(super) fn date(text: &str) -> Option<i64> {
    let mut rest = trimmed(text).as_bytes();
    let (date, whole) = date_part(&mut rest, 7)?;
    let ends = rest.is_empty() || whole && matches!(rest[0], b' ' | b'T');
    Some(date.days()).filter(|days| ends && i32::try_from(*days).is_ok())
}

/// Reads a timestamp; one without a zone is of this clock.
pub(super) fn timestamp(text: &str, clock: &Clock) -> Option<i64> {
    let text = trimmed(text);
    let mut rest = text.as_bytes();
    let (date, whole) = date_part(&mut rest, 6)?;
    let mut local = date.days().checked_mul(DAY_US)?;
    if rest.is_empty() {
        return Some(clock.instant(local));
    }
    if !whole || !(take(&mut rest, b' ') || take(&mut rest, b'T')) {
        return None;
    }
    let hour = number(&mut rest, 1, 2).filter(|h| *h < 24)?;
    let minute = if take(&mut rest, b':') { number(&mut rest, 1, 2).filter(|m| *m < 60)? } else { 0 };
    let has_minute = rest.is_empty() || rest[0] == b':';
    let (mut second, mut us, mut zone) = (0, 0, "");
    if !has_minute {
        return None;
    }
    if take(&mut rest, b':') {
        second = number(&mut rest, 1, 2).filter(|s| *s < 60)?;
        if take(&mut rest, b'.') {
            us = fraction(&mut rest);
        }
        zone = std::str::from_utf8(rest).ok()?;
    } else if !rest.is_empty() {
        return None;
    }
    let clock_us = ((hour * 60 + minute) * 60 + second) * SECOND_US + us;
    local = local.checked_add(clock_us)?;
    match zone.trim_start() {
        "" => Some(clock.instant(local)),
        zone => Some(Clock::of_name(zone)?.instant(local)),
    }
}

/// Whether a text is a time without a day, `T12:30` or `12:30:00`: a timestamp of the day on which Spark reads it.
pub(super) fn is_time_of_day(text: &str) -> bool {
    let text = trimmed(text);
    let (marked, clock) = match text.strip_prefix('T') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let mut rest = clock.as_bytes();
    let Some(0..24) = number(&mut rest, 1, 2) else { return false };
    if rest.is_empty() {
        return marked;
    }
    take(&mut rest, b':') && matches!(number(&mut rest, 1, 2), Some(0..60)) && (rest.is_empty() || rest[0] == b':')
}

/// Takes any number of digits; those past the sixth are cut.
fn fraction(rest: &mut &[u8]) -> i64 {
    let count = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    let digits = &rest[..count];
    *rest = &rest[count..];
    (0..6).fold(0, |us, i| us * 10 + digits.get(i).map_or(0, |b| i64::from(b - b'0')))
}
