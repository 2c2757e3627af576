//! Dates and timestamps as ISO 8601 has them, in the proleptic Gregorian calendar.

const DAY_US: i64 = 86_400_000_000;

/// Returns days since 1970-01-01 of `YYYY-MM-DD`.
pub fn parse_date(text: &str) -> Option<i32> {
    let mut rest = text.as_bytes();
    let days = date(&mut rest)?;
    rest.is_empty().then_some(days)
}

/// Returns microseconds since 1970-01-01T00:00:00Z of `YYYY-MM-DD[(T| )HH:MM[:SS[.ffffff]][Z|+HH:MM]]`; without a zone it is
/// UTC. Digits past the microsecond are dropped.
pub fn parse_timestamp(text: &str) -> Option<i64> {
    let mut rest = text.as_bytes();
    let days = i64::from(date(&mut rest)?);
    let Some((b'T' | b't' | b' ', after)) = rest.split_first() else {
        return days.checked_mul(DAY_US).filter(|_| rest.is_empty());
    };
    rest = after;
    let hour = digits(&mut rest, 2).filter(|&h| h < 24)?;
    expect(&mut rest, b':')?;
    let minute = digits(&mut rest, 2).filter(|&m| m < 60)?;
    let (mut second, mut us) = (0, 0);
    if expect(&mut rest, b':').is_some() {
        second = digits(&mut rest, 2).filter(|&s| s < 60)?;
        if expect(&mut rest, b'.').is_some() {
            us = fraction(&mut rest)?;
        }
    }
    let offset_minutes = zone(&mut rest)?;
    let seconds = days * 86_400 + hour * 3600 + (minute - offset_minutes) * 60 + second;
    seconds.checked_mul(1_000_000)?.checked_add(us).filter(|_| rest.is_empty())
}

fn expect(rest: &mut &[u8], byte: u8) -> Option<()> {
    let (first, after) = rest.split_first()?;
    (*first == byte).then(|| *rest = after)
}

fn digits(rest: &mut &[u8], count: usize) -> Option<i64> {
    let (number, after) = rest.split_at_checked(count)?;
    let value = number.iter().try_fold(0, |n, b| b.is_ascii_digit().then(|| n * 10 + i64::from(b - b'0')))?;
    *rest = after;
    Some(value)
}

fn fraction(rest: &mut &[u8]) -> Option<i64> {
    let count = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    let (number, after) = rest.split_at(count);
    *rest = after;
    let mut unit = 1_000_000;
    let us = number.iter().take(6).fold(0, |us, b| {
        unit /= 10;
        us + i64::from(b - b'0') * unit
    });
    (count > 0).then_some(us)
}

fn zone(rest: &mut &[u8]) -> Option<i64> {
    let sign = match rest.first() {
        None => return Some(0),
        Some(b'Z' | b'z') => {
            *rest = &rest[1..];
            return Some(0);
        }
        Some(b'+') => 1,
        Some(b'-') => -1,
        Some(_) => return None,
    };
    *rest = &rest[1..];
    let hours = digits(rest, 2).filter(|&h| h < 24)?;
    let minutes = match expect(rest, b':') {
        Some(()) => digits(rest, 2)?,
        None if rest.is_empty() => 0,
        None => digits(rest, 2)?,
    };
    (minutes < 60).then_some(sign * (hours * 60 + minutes))
}

/// Years of four digits (up to six with a sign), so that every date fits its 32 bits.
fn date(rest: &mut &[u8]) -> Option<i32> {
    let sign = match rest.first()? {
        b'-' => -1,
        b'+' => 1,
        _ => 0,
    };
    if sign != 0 {
        *rest = &rest[1..];
    }
    let count = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    if !(4..=if sign == 0 { 4 } else { 6 }).contains(&count) {
        return None;
    }
    let year = digits(rest, count)? * if sign < 0 { -1 } else { 1 };
    expect(rest, b'-')?;
    let month = digits(rest, 2).filter(|m| (1..=12).contains(m))?;
    expect(rest, b'-')?;
    let day = digits(rest, 2).filter(|d| (1..=31).contains(d))?;
    let days = days_of(year, month, day);
    (civil_of(days) == (year, month, day)).then(|| i32::try_from(days).ok())?
}

/// Days since 1970-01-01; the year begins in March, so that the leap day is its last
/// (<https://howardhinnant.github.io/date_algorithms.html>).
fn days_of(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

fn civil_of(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day_of_year - (153 * shifted + 2) / 5 + 1)
}

/// Writes `YYYY-MM-DD`.
pub(crate) fn write_date(days: i64, out: &mut Vec<u8>) {
    use std::io::Write;
    let (year, month, day) = civil_of(days);
    let written = if (0..=9999).contains(&year) {
        write!(out, "{year:04}-{month:02}-{day:02}")
    } else {
        write!(out, "{year:+05}-{month:02}-{day:02}")
    };
    written.expect("a Vec takes every byte");
}

/// Writes `YYYY-MM-DDTHH:MM:SSZ`, with milli- or microseconds where there are any.
pub(crate) fn write_timestamp(us: i64, out: &mut Vec<u8>) {
    use std::io::Write;
    let (days, rest) = (us.div_euclid(DAY_US), us.rem_euclid(DAY_US));
    write_date(days, out);
    let (seconds, us) = (rest / 1_000_000, rest % 1_000_000);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let written = match us {
        0 => write!(out, "T{hour:02}:{minute:02}:{second:02}Z"),
        us if us % 1000 == 0 => write!(out, "T{hour:02}:{minute:02}:{second:02}.{:03}Z", us / 1000),
        us => write!(out, "T{hour:02}:{minute:02}:{second:02}.{us:06}Z"),
    };
    written.expect("a Vec takes every byte");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let mut out = Vec::new();
        write_timestamp(parse_timestamp(text).expect(text), &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), expected, "{text}");
    }

    #[test]
    fn timestamps_read_back() {
        check("1970-01-01", "1970-01-01T00:00:00Z");
        check("2024-02-29T23:59:59.999999Z", "2024-02-29T23:59:59.999999Z");
        check("2024-02-29 12:00", "2024-02-29T12:00:00Z");
        check("2024-01-01T00:30:00.5+01:00", "2023-12-31T23:30:00.500Z");
        check("1900-03-01T00:00:00-0530", "1900-03-01T05:30:00Z");
        check("-0044-03-15T00:00:00Z", "-0044-03-15T00:00:00Z");
        check("+12024-01-01T00:00:00Z", "+12024-01-01T00:00:00Z");
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for bad in ["", "2023-02-29", "2024-13-01", "2024-1-1", "24-01-01", "2024-01-01T", "2024-01-01T24:00", "x"] {
            assert_eq!(parse_timestamp(bad), None, "{bad}");
        }
        assert_eq!((parse_date("1970-01-02"), parse_date("1969-12-31")), (Some(1), Some(-1)));
        assert_eq!(parse_date("2024-01-01T00:00"), None);
    }
}
