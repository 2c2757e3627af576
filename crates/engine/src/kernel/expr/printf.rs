//! Numbers and times by the patterns of C, as `java.util.Formatter` writes them in English.
//!
//! Digits are rounded half up from the shortest decimal text of a float: `%.2f` of 1.005 is `1.01`.

use std::fmt::Write;

use bumpalo::{Bump, collections::String};
use model::java;
use plan::expr::{
    ClockPattern, NumberPattern,
    pattern::{ClockItem, Conversion},
};

use super::{
    format::{DAYS, MONTHS},
    value::{BYTES_MAX, Out, Value, Writer, fault, too_long},
    zone::{Date, SECOND_US, week_day},
};

/// Most digits that tell a float64 from all others.
const DIGITS_MAX: usize = 20;

pub(super) fn number<'a>(pattern: &NumberPattern, value: Value<'a>, bump: &'a Bump) -> Out<'a> {
    let mut out = Writer::new(bump);
    out.push(&pattern.before)?;
    if let Some(conversion) = &pattern.conversion {
        let mut body = Body { negative: false, finite: false, text: String::new_in(bump) };
        body.write(conversion, value).map_err(|_| fault("a number that the pattern writes", value.shown()))?;
        body.pad(conversion, &mut out).map_err(|_| too_long(BYTES_MAX))?;
    }
    out.push(&pattern.after)?;
    Ok(out.done())
}

/// What stands between the blanks: a sign, digits, an exponent.
struct Body<'a> {
    negative: bool,
    /// Whether zeros may fill the width.
    finite: bool,
    text: String<'a>,
}

impl Body<'_> {
    fn write(&mut self, c: &Conversion, value: Value<'_>) -> std::fmt::Result {
        match value {
            Value::Int(value) => self.whole(c, value),
            Value::Text(text) => {
                // Java counts units of UTF-16; of half a character `?` is left.
                let most = c.precision.unwrap_or(u32::MAX) as usize;
                let mut count = 0;
                for letter in text.chars() {
                    let units = letter.len_utf16();
                    match most - count {
                        0 => break,
                        1 if units == 2 => self.text.push('?'),
                        _ if c.letter == 'S' => self.text.extend(letter.to_uppercase()),
                        _ => self.text.push(letter),
                    }
                    count = most.min(count + units);
                }
                Ok(())
            }
            value => self.float(c, value.f64()),
        }
    }

    fn whole(&mut self, c: &Conversion, value: i64) -> std::fmt::Result {
        self.finite = true;
        match c.letter {
            'x' => write!(self.text, "{value:x}"),
            'X' => write!(self.text, "{value:X}"),
            'o' => write!(self.text, "{value:o}"),
            _ => {
                self.negative = value < 0;
                write!(self.text, "{}", value.unsigned_abs())?;
                self.group(c);
                Ok(())
            }
        }
    }

    fn float(&mut self, c: &Conversion, x: f64) -> std::fmt::Result {
        if let 's' | 'S' = c.letter {
            let mut buffer = [0; 32];
            let text = java::text_f64(x, &mut buffer);
            self.text.extend(text.chars().take(c.precision.unwrap_or(u32::MAX) as usize));
            if c.letter == 'S' {
                self.text.make_ascii_uppercase();
            }
            return Ok(());
        }
        self.negative = x.is_sign_negative() && !x.is_nan();
        self.finite = x.is_finite();
        if !self.finite {
            self.text.push_str(if x.is_nan() { "NaN" } else { "Infinity" });
            if c.letter.is_ascii_uppercase() {
                self.text.make_ascii_uppercase();
            }
            return Ok(());
        }
        let precision = c.precision.unwrap_or(6) as usize;
        let digits = Digits::of(x.abs());
        match c.letter {
            'f' => digits.plain(precision, &mut self.text),
            'e' | 'E' => digits.scientific(precision, &mut self.text),
            _ => {
                let precision = precision.max(1);
                // Which form it takes is asked of the rounded number.
                let rounded = digits.rounded(precision as i64 - 1 - digits.exponent);
                if rounded.is_zero() || (-4..precision as i64).contains(&rounded.exponent) {
                    let exponent = if rounded.is_zero() { 0 } else { rounded.exponent };
                    digits.plain((precision as i64 - 1 - exponent).max(0) as usize, &mut self.text);
                } else {
                    digits.scientific(precision - 1, &mut self.text);
                }
            }
        }
        if c.letter.is_ascii_uppercase() {
            self.text.make_ascii_uppercase();
        }
        self.group(c);
        Ok(())
    }

    /// Puts commas between the thousands.
    fn group(&mut self, c: &Conversion) {
        if !c.grouped || !self.finite {
            return;
        }
        let whole = self.text.find('.').unwrap_or(self.text.len());
        (1..whole).rev().filter(|at| (whole - at).is_multiple_of(3)).for_each(|at| self.text.insert(at, ','));
    }

    fn pad(&self, c: &Conversion, out: &mut Writer<'_>) -> std::fmt::Result {
        let (before, after) = match self.negative {
            false if self.text.eq_ignore_ascii_case("nan") => ("", ""),
            true if c.parentheses => ("(", ")"),
            true => ("-", ""),
            false if c.plus => ("+", ""),
            false if c.space => (" ", ""),
            false => ("", ""),
        };
        let used = before.len() + self.text.encode_utf16().count() + after.len();
        let fill = (c.width as usize).saturating_sub(used);
        let zeros = c.zeros && self.finite;
        if !c.left && !zeros {
            write!(out, "{:fill$}", "")?;
        }
        out.write_str(before)?;
        if zeros {
            write!(out, "{:0>fill$}", "")?;
        }
        write!(out, "{}{after}", self.text)?;
        if c.left { write!(out, "{:fill$}", "") } else { Ok(()) }
    }
}

/// The decimal digits that Java has of a float: `d.ddd` times ten to the power of the exponent.
#[derive(Clone, Copy, Default)]
struct Digits {
    digits: [u8; DIGITS_MAX],
    len: usize,
    exponent: i64,
}

impl Digits {
    fn of(x: f64) -> Digits {
        let text = java::Digits::of_f64(x);
        let text = text.as_str().as_bytes();
        let mut read = Digits::default();
        let end = text.iter().position(|&b| b == b'e').unwrap_or(text.len());
        for digit in text[..end].iter().filter(|b| b.is_ascii_digit()) {
            read.push(digit - b'0');
        }
        let exponent = text.get(end + 1..).and_then(|e| std::str::from_utf8(e).ok()).and_then(|e| e.parse().ok());
        read.exponent = exponent.unwrap_or(0);
        read
    }

    fn push(&mut self, digit: u8) {
        self.digits[self.len] = digit;
        self.len += 1;
    }

    fn is_zero(&self) -> bool {
        self.digits[..self.len].iter().all(|d| *d == 0)
    }

    /// Returns the number rounded half up to so many digits after the point.
    fn rounded(&self, after: i64) -> Digits {
        let kept = self.exponent + 1 + after;
        if kept >= self.len as i64 {
            return *self;
        }
        let Ok(kept) = usize::try_from(kept) else { return Digits { len: 1, ..Digits::default() } };
        let mut rounded = Digits { len: kept, exponent: self.exponent, ..Digits::default() };
        rounded.digits[..kept].copy_from_slice(&self.digits[..kept]);
        let (mut at, mut carry) = (kept, self.digits[kept] >= 5);
        while carry && at > 0 {
            at -= 1;
            carry = rounded.digits[at] == 9;
            rounded.digits[at] = if carry { 0 } else { rounded.digits[at] + 1 };
        }
        if carry {
            // All were nines, or there were none: they become a one and zeros.
            rounded.digits[0] = 1;
            rounded.len = kept.max(1);
            rounded.exponent += 1;
        }
        if rounded.is_zero() { Digits { len: 1, ..Digits::default() } } else { rounded }
    }

    /// Returns the digit that counts ten to this power.
    fn at(&self, power: i64) -> char {
        let digit = usize::try_from(self.exponent - power).ok().and_then(|at| self.digits[..self.len].get(at));
        char::from(b'0' + digit.copied().unwrap_or(0))
    }

    fn plain(&self, after: usize, out: &mut String<'_>) {
        let rounded = self.rounded(after as i64);
        out.extend((0..=rounded.exponent.max(0)).rev().map(|power| rounded.at(power)));
        if after > 0 {
            out.push('.');
            out.extend((1..=after as i64).map(|place| rounded.at(-place)));
        }
    }

    fn scientific(&self, after: usize, out: &mut String<'_>) {
        let rounded = self.rounded(after as i64 - self.exponent);
        let exponent = if rounded.is_zero() { 0 } else { rounded.exponent };
        out.push(rounded.at(rounded.exponent));
        if after > 0 {
            out.push('.');
            out.extend((1..=after as i64).map(|place| rounded.at(rounded.exponent - place)));
        }
        let sign = if exponent < 0 { '-' } else { '+' };
        write!(out, "e{sign}{:02}", exponent.abs()).expect("a string takes all");
    }
}

/// Writes a day and the microseconds of its time.
pub(super) fn clock<'a>(pattern: &ClockPattern, days: i64, us: i64, bump: &'a Bump) -> Out<'a> {
    let mut out = Writer::new(bump);
    for item in &*pattern.items {
        match item {
            ClockItem::Text(text) => out.push(text)?,
            ClockItem::Letter(letter) => letters(*letter, days, us, &mut out).map_err(|_| too_long(BYTES_MAX))?,
        }
    }
    Ok(out.done())
}

fn letters(letter: char, days: i64, us: i64, out: &mut Writer<'_>) -> std::fmt::Result {
    let date = Date::of(days);
    let (hour, minute, second) = (us / (3600 * SECOND_US), us / (60 * SECOND_US) % 60, us / SECOND_US % 60);
    let noon = if hour < 12 { "am" } else { "pm" };
    let half = (hour + 11) % 12 + 1;
    let month = MONTHS[date.month as usize - 1];
    let day = DAYS[week_day(days) as usize];
    match letter {
        'Y' => write!(out, "{:04}", date.year),
        'y' => write!(out, "{:02}", date.year.rem_euclid(100)),
        'C' => write!(out, "{:02}", date.year.div_euclid(100)),
        'B' => out.write_str(month),
        'b' | 'h' => out.write_str(&month[..3]),
        'A' => out.write_str(day),
        'a' => out.write_str(&day[..3]),
        'm' => write!(out, "{:02}", date.month),
        'd' => write!(out, "{:02}", date.day),
        'e' => write!(out, "{}", date.day),
        'j' => write!(out, "{:03}", date.day_of_year()),
        'D' => write!(out, "{:02}/{:02}/{:02}", date.month, date.day, date.year.rem_euclid(100)),
        'F' => write!(out, "{:04}-{:02}-{:02}", date.year, date.month, date.day),
        'H' => write!(out, "{hour:02}"),
        'k' => write!(out, "{hour}"),
        'I' => write!(out, "{half:02}"),
        'l' => write!(out, "{half}"),
        'M' => write!(out, "{minute:02}"),
        'S' => write!(out, "{second:02}"),
        'L' => write!(out, "{:03}", us / 1_000 % 1_000),
        'N' => write!(out, "{:06}000", us % SECOND_US),
        'p' => out.write_str(noon),
        'R' => write!(out, "{hour:02}:{minute:02}"),
        'T' => write!(out, "{hour:02}:{minute:02}:{second:02}"),
        'r' => write!(out, "{half:02}:{minute:02}:{second:02} {}", if hour < 12 { "AM" } else { "PM" }),
        's' => write!(out, "{}", days * 86_400 + us / SECOND_US),
        _ => write!(out, "{}", days * 86_400_000 + us / 1_000),
    }
}
