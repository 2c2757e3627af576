//! Times by a pattern, as `java.time.format.DateTimeFormatter` writes and reads them in English.

use std::fmt::Write;

use bumpalo::Bump;
use plan::expr::{DateField, DatePattern};

use super::{
    value::{Out, Writer, too_long},
    zone::{Clock, DAY_US, Date, SECOND_US, week_day},
};

pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
pub(super) const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

pub(super) fn write<'a>(pattern: &DatePattern, us: i64, clock: &Clock, bump: &'a Bump) -> Out<'a> {
    let mut out = Writer::new(bump);
    write_all(pattern, us, clock, &mut out).map_err(|_| too_long(super::value::BYTES_MAX))?;
    Ok(out.done())
}

fn write_all(pattern: &DatePattern, us: i64, clock: &Clock, out: &mut Writer<'_>) -> std::fmt::Result {
    let local = clock.local(us);
    let (days, rest) = (local.div_euclid(DAY_US), local.rem_euclid(DAY_US));
    let date = Date::of(days);
    let (hour, minute, second) = (rest / (3600 * SECOND_US), rest / (60 * SECOND_US) % 60, rest / SECOND_US % 60);
    for item in &*pattern.items {
        let (letter, count) = match item {
            DateField::Literal(c) => {
                out.write_char(*c)?;
                continue;
            }
            DateField::Letter(letter, count) => (*letter, usize::from(*count)),
            DateField::Open | DateField::Close => continue,
        };
        match letter {
            // Without an era Spark reads `y` as `u`: the year 0 is 0000.
            'y' if count == 2 => write!(out, "{:02}", date.year.abs() % 100)?,
            'y' | 'u' => write_year(date.year, count, out)?,
            'M' | 'L' => write_name(date.month, count, MONTHS[date.month as usize - 1], out)?,
            'd' => write!(out, "{:0count$}", date.day)?,
            'D' => write!(out, "{:0count$}", date.day_of_year())?,
            'E' => out.write_str(
                &DAYS[week_day(days) as usize][..if count < 4 { 3 } else { DAYS[week_day(days) as usize].len() }],
            )?,
            'Q' | 'q' => write!(out, "{:0count$}", (date.month - 1) / 3 + 1)?,
            'a' => out.write_str(if hour < 12 { "AM" } else { "PM" })?,
            'H' => write!(out, "{hour:0count$}")?,
            'k' => write!(out, "{:0count$}", (hour + 23) % 24 + 1)?,
            'K' => write!(out, "{:0count$}", hour % 12)?,
            'h' => write!(out, "{:0count$}", (hour + 11) % 12 + 1)?,
            'm' => write!(out, "{minute:0count$}")?,
            's' => write!(out, "{second:0count$}")?,
            'S' => {
                let mut digits = [0; 64];
                let nanos = super::math::written(format_args!("{:06}000", rest % SECOND_US), &mut digits);
                out.write_str(std::str::from_utf8(&nanos[..count]).expect("digits are ASCII"))?;
            }
            letter => write_zone(letter, count, us, clock, out)?,
        }
    }
    Ok(())
}

fn write_year(year: i64, count: usize, out: &mut Writer<'_>) -> std::fmt::Result {
    // From four letters on, a longer year has a sign.
    let sign = if year < 0 {
        "-"
    } else if count >= 4 && year >= 10_i64.pow(count as u32) {
        "+"
    } else {
        ""
    };
    write!(out, "{sign}{:0count$}", year.abs())
}

fn write_name(number: i64, count: usize, name: &str, out: &mut Writer<'_>) -> std::fmt::Result {
    match count {
        1 | 2 => write!(out, "{number:0count$}"),
        3 => out.write_str(&name[..3]),
        _ => out.write_str(name),
    }
}

fn write_zone(letter: char, count: usize, us: i64, clock: &Clock, out: &mut Writer<'_>) -> std::fmt::Result {
    let seconds = clock.offset_seconds(us);
    if letter == 'V' {
        return match clock {
            Clock::Named(zone) => out.write_str(zone.iana_name().unwrap_or("UTC")),
            Clock::Fixed(0) => out.write_str("UTC"),
            Clock::Fixed(_) => write_offset(seconds, 2, true, false, out),
        };
    }
    if seconds == 0 && (letter == 'X' || letter == 'Z' && count == 5) {
        return out.write_char('Z');
    }
    match (letter, count) {
        ('Z', 1..=3) => write_offset(seconds, 2, false, false, out),
        ('Z', 4) => {
            out.write_str("GMT")?;
            if seconds == 0 { Ok(()) } else { write_offset(seconds, 2, true, false, out) }
        }
        ('Z', _) => write_offset(seconds, 2, true, true, out),
        (_, 1) => write_offset(seconds, 1, false, false, out),
        (_, count) => write_offset(seconds, 2, count % 2 == 1, count > 3, out),
    }
}

/// Writes hours and minutes (with `parts` 1: these only where there are any), with colons, and seconds where there are any.
fn write_offset(seconds: i64, parts: u8, colons: bool, with_seconds: bool, out: &mut Writer<'_>) -> std::fmt::Result {
    let size = seconds.abs();
    let colon = if colons { ":" } else { "" };
    write!(out, "{}{:02}", if seconds < 0 { '-' } else { '+' }, size / 3600)?;
    if parts == 2 || size / 60 % 60 != 0 {
        write!(out, "{colon}{:02}", size / 60 % 60)?;
    }
    if with_seconds && size % 60 != 0 {
        write!(out, "{colon}{:02}", size % 60)?;
    }
    Ok(())
}

/// What was read so far.
#[derive(Clone, Copy, Default)]
struct Read {
    year: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    day_of_year: Option<i64>,
    hour: Option<i64>,
    /// From 0 to 11.
    hour_of_half: Option<i64>,
    afternoon: Option<bool>,
    minute: i64,
    second: i64,
    us: i64,
    offset: Option<i64>,
}

impl Read {
    fn put(&mut self, letter: char, value: i64) {
        match letter {
            'y' | 'u' => self.year = Some(value),
            'M' | 'L' => self.month = Some(value),
            'd' => self.day = Some(value),
            'D' => self.day_of_year = Some(value),
            'H' => self.hour = Some(value),
            'k' => self.hour = Some(value % 24),
            'K' => self.hour_of_half = Some(value),
            'h' => self.hour_of_half = Some(value % 12),
            'a' => self.afternoon = Some(value == 1),
            'm' => self.minute = value,
            's' => self.second = value,
            'S' => self.us = value,
            _ => {}
        }
    }
}

/// Reads a time; what the pattern does not name is 1970-01-01T00:00:00.
pub(super) fn parse(pattern: &DatePattern, text: &str, clock: &Clock) -> Option<i64> {
    let mut read = Read::default();
    let mut named = None;
    let rest = section(&pattern.items, text, &mut read, &mut named)?;
    if !rest.is_empty() {
        return None;
    }
    let year = read.year.unwrap_or(1970);
    let days = match read.day_of_year {
        Some(day) => {
            let first = Date { year, month: 1, day: 1 };
            (1 <= day && day <= 365 + i64::from(first.is_leap())).then(|| first.days() + day - 1)?
        }
        None => Date::new(year, read.month.unwrap_or(1), read.day.unwrap_or(1))?.days(),
    };
    let half = read.hour_of_half.map(|h| h + if read.afternoon == Some(true) { 12 } else { 0 });
    let hour = read.hour.or(half).unwrap_or(0);
    let time = ((hour * 60 + read.minute) * 60 + read.second) * SECOND_US + read.us;
    let local = days.checked_mul(DAY_US)?.checked_add(time)?;
    Some(match (read.offset, named) {
        (Some(seconds), _) => local.checked_sub(seconds * SECOND_US)?,
        (None, Some(clock)) => clock.instant(local),
        (None, None) => clock.instant(local),
    })
}

/// Reads the items of a section, and returns what is left of the text.
fn section<'t>(items: &[DateField], mut text: &'t str, read: &mut Read, named: &mut Option<Clock>) -> Option<&'t str> {
    let mut at = 0;
    while let Some(item) = items.get(at) {
        match item {
            DateField::Literal(c) => text = text.strip_prefix(*c)?,
            DateField::Close => {}
            DateField::Open => {
                let inner = inner_len(&items[at + 1..]);
                let mut tried = *read;
                // An optional section that does not fit is as if it did not stand there.
                if let Some(rest) = section(&items[at + 1..at + 1 + inner], text, &mut tried, named) {
                    (*read, text) = (tried, rest);
                }
                at += inner + 1;
            }
            DateField::Letter(letter, count) => {
                // A number before another number has exactly the letters' width.
                let adjacent = matches!(items.get(at + 1), Some(DateField::Letter(next, n)) if is_number(*next, *n));
                text = letter_of(*letter, usize::from(*count), adjacent, text, read, named)?;
            }
        }
        at += 1;
    }
    Some(text)
}

/// Returns how many items stand before the end of the section.
fn inner_len(items: &[DateField]) -> usize {
    let mut depth = 0;
    for (at, item) in items.iter().enumerate() {
        match item {
            DateField::Open => depth += 1,
            DateField::Close if depth == 0 => return at,
            DateField::Close => depth -= 1,
            _ => {}
        }
    }
    items.len()
}

fn is_number(letter: char, count: u8) -> bool {
    matches!(letter, 'y' | 'u' | 'd' | 'D' | 'H' | 'k' | 'K' | 'h' | 'm' | 's' | 'S')
        || matches!(letter, 'M' | 'L' | 'Q' | 'q') && count <= 2
}

fn letter_of<'t>(
    letter: char,
    count: usize,
    adjacent: bool,
    text: &'t str,
    read: &mut Read,
    named: &mut Option<Clock>,
) -> Option<&'t str> {
    let exactly = |width: usize| number(text, width, width);
    // One letter takes as many digits as there are, two take two.
    let few = |most: usize| if count == 1 && !adjacent { number(text, 1, most) } else { exactly(count) };
    let within = |(value, rest): (i64, &'t str), range: std::ops::RangeInclusive<i64>| {
        range.contains(&value).then_some((value, rest))
    };
    let (value, rest) = match letter {
        'y' | 'u' if count == 2 => {
            let (value, rest) = exactly(2)?;
            (value + 2000, rest)
        }
        'y' | 'u' => {
            let most = if adjacent { count } else { 10 };
            let signed = text.strip_prefix(['+', '-']);
            let (value, rest) = number(signed.unwrap_or(text), count, most.max(count))?;
            let digits = signed.unwrap_or(text).len() - rest.len();
            // A year of more digits than letters has its sign.
            if count >= 4 && (digits > count) != signed.is_some() && !text.starts_with('-') {
                return None;
            }
            (if text.starts_with('-') { -value } else { value }, rest)
        }
        'M' | 'L' if count <= 2 => within(few(2)?, 1..=12)?,
        'M' | 'L' => name(text, &MONTHS, count)?,
        'd' => within(few(2)?, 1..=31)?,
        'D' => within(if count == 1 && !adjacent { number(text, 1, 3)? } else { number(text, count, 3)? }, 1..=366)?,
        'E' => name(text, &DAYS, if count < 4 { 3 } else { 4 })?,
        'H' => within(few(2)?, 0..=23)?,
        'k' => within(few(2)?, 1..=24)?,
        'K' => within(few(2)?, 0..=11)?,
        'h' => within(few(2)?, 1..=12)?,
        'm' | 's' => within(few(2)?, 0..=59)?,
        'S' => {
            // As many digits as letters, or fewer.
            let digits = text.bytes().take(count).take_while(u8::is_ascii_digit).count();
            let value = number(text, 1, digits.max(1))?.0;
            (value * 10_i64.pow(9 - digits as u32) / 1000, &text[digits..])
        }
        'a' => match text.get(..2)? {
            half if half.eq_ignore_ascii_case("AM") => (0, &text[2..]),
            half if half.eq_ignore_ascii_case("PM") => (1, &text[2..]),
            _ => return None,
        },
        'X' | 'x' | 'Z' | 'V' => return zone(letter, text, read, named),
        _ => return None,
    };
    read.put(letter, value);
    Some(rest)
}

fn number(text: &str, least: usize, most: usize) -> Option<(i64, &str)> {
    let digits = text.bytes().take(most).take_while(u8::is_ascii_digit).count();
    if digits < least {
        return None;
    }
    Some((text[..digits].parse().ok()?, &text[digits..]))
}

/// Reads an English name, in any case; of three letters, or (`count` 4) whole.
fn name<'t>(text: &'t str, names: &[&str], count: usize) -> Option<(i64, &'t str)> {
    let len = |name: &str| if count == 3 { 3 } else { name.len() };
    let is = |name: &str| text.get(..len(name)).is_some_and(|t| t.eq_ignore_ascii_case(&name[..len(name)]));
    let at = names.iter().position(|name| is(name))?;
    Some((at as i64 + 1, &text[len(names[at])..]))
}

fn zone<'t>(letter: char, text: &'t str, read: &mut Read, named: &mut Option<Clock>) -> Option<&'t str> {
    if let (Some(rest), 'X' | 'V' | 'Z') = (text.strip_prefix('Z'), letter) {
        read.offset = Some(0);
        return Some(rest);
    }
    let end = match letter {
        'V' => text.find(|c: char| !(c.is_ascii_alphanumeric() || "/_+-:".contains(c))).unwrap_or(text.len()),
        _ => text.find(|c: char| !(c.is_ascii_digit() || "+-:".contains(c))).unwrap_or(text.len()),
    };
    let clock = Clock::of_name(&text[..end]).filter(|_| end > 0)?;
    match clock {
        Clock::Fixed(us) => read.offset = Some(us / SECOND_US),
        clock => *named = Some(clock),
    }
    Some(&text[end..])
}
