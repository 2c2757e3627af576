//! Functions of texts and bytes. Places count characters; all cuts are on their borders.

use std::fmt::Write;

use bumpalo::Bump;
use model::{DType, FaultValue, Type, decimal, java};
use plan::{
    Expr,
    expr::{TextFunc, text::Ends},
};

use super::{
    super::Site,
    coding,
    regex::Compiled,
    title,
    value::{BYTES_MAX, Fault, Out, Value, Writer, fault, too_long},
};
use crate::error::CompileError;

pub(super) struct TextKernel {
    func: TextFunc,
    types: Box<[Type]>,
    pattern: Option<Compiled>,
}

impl TextKernel {
    pub(super) fn new(
        func: &TextFunc,
        types: &[Type],
        _: &[Expr],
        site: &Site<'_>,
    ) -> Result<TextKernel, CompileError> {
        let pattern = match func {
            TextFunc::Matches(p) | TextFunc::Extract(p) | TextFunc::ExtractAll(p) | TextFunc::Count(p) => Some(p),
            TextFunc::Place { pattern, .. } | TextFunc::Split { pattern, .. } => Some(pattern),
            TextFunc::ReplaceAll { pattern, .. } => Some(pattern),
            _ => None,
        };
        let pattern = pattern.map(|p| Compiled::new(p, site)).transpose()?;
        Ok(TextKernel { func: func.clone(), types: types.into(), pattern })
    }

    pub(super) fn func(&self) -> &TextFunc {
        &self.func
    }

    pub(super) fn call<'a>(&self, args: &[Value<'a>], bump: &'a Bump) -> Out<'a> {
        match &self.func {
            TextFunc::ConcatWs => return concat_ws(args, bump),
            TextFunc::Locate => return Ok(locate(args)),
            TextFunc::Murmur3 => return Ok(coding::murmur3(args, &self.types)),
            TextFunc::XxHash64 => return Ok(coding::xxhash64(args, &self.types)),
            _ => {}
        }
        if args.iter().any(|v| v.is_null()) {
            return Ok(Value::Null);
        }
        if let Some(pattern) = &self.pattern {
            return match &self.func {
                TextFunc::Matches(_) => pattern.is_found(args[0].text()),
                TextFunc::Extract(_) => pattern.extract(args[0].text(), args[1].i32()),
                TextFunc::ExtractAll(_) => pattern.extract_all(args[0].text(), args[1].i32(), bump),
                TextFunc::Count(_) => pattern.count(args[0].text()),
                TextFunc::Place { units, .. } => pattern.place(args[0].text(), *units),
                TextFunc::Split { drops, .. } => pattern.split(args[0].text(), args[1].i32(), *drops, bump),
                TextFunc::ReplaceAll { from, .. } => pattern.replace(args[0].text(), args[1].text(), *from, bump),
                _ => unreachable!("all that hold a pattern were named"),
            };
        }
        if let TextFunc::Printf(pattern) = &self.func {
            return super::printf::number(pattern, args[0], bump);
        }
        if let Value::Bytes(_) = args[0] {
            return self.bytes(args, bump);
        }
        self.plain(args, bump)
    }

    fn bytes<'a>(&self, args: &[Value<'a>], bump: &'a Bump) -> Out<'a> {
        let bytes = args[0].bytes();
        let cut = |from: i32, length: i32| {
            let (start, end) = range(from, length, bytes.len());
            Ok(Value::Bytes(&bytes[start..end]))
        };
        match &self.func {
            TextFunc::Length | TextFunc::OctetLength => Ok(Value::Int(bytes.len() as i64)),
            TextFunc::Concat => {
                let total = args.iter().map(|v| v.bytes().len()).sum();
                if total > BYTES_MAX {
                    return Err(too_long(total));
                }
                let mut out = bumpalo::collections::Vec::with_capacity_in(total, bump);
                args.iter().for_each(|v| out.extend_from_slice_copy(v.bytes()));
                Ok(Value::Bytes(out.into_bump_slice()))
            }
            TextFunc::Substring => cut(args[1].i32(), args[2].i32()),
            TextFunc::Left => cut(1, args[1].i32()),
            TextFunc::Right => right(args[1].i32(), cut),
            func => coding::of_bytes(func, args, bump),
        }
    }

    fn plain<'a>(&self, args: &[Value<'a>], bump: &'a Bump) -> Out<'a> {
        match args[0] {
            Value::Text(text) => self.text(text, args, bump),
            Value::Int(value) => match self.func {
                TextFunc::Space => {
                    let mut out = Writer::new(bump);
                    out.push_times(" ", value.max(0) as usize)?;
                    Ok(out.done())
                }
                TextFunc::FormatNumber => self.format_number(args, bump),
                _ => coding::of_int(&self.func, value, bump),
            },
            _ => self.format_number(args, bump),
        }
    }

    fn text<'a>(&self, text: &'a str, args: &[Value<'a>], bump: &'a Bump) -> Out<'a> {
        let arg = |i: usize| args[i].text();
        let int = |i: usize| args[i].i32();
        let cut = |from: i32, length: i32| Ok(Value::Text(substring(text, from, length)));
        Ok(match &self.func {
            TextFunc::Upper => cased(text, bump, str::make_ascii_uppercase, str::to_uppercase),
            TextFunc::Lower => cased(text, bump, str::make_ascii_lowercase, str::to_lowercase),
            TextFunc::InitCap(how) => return title::init_cap(text, *how, bump),
            TextFunc::Length => Value::Int(text.chars().count() as i64),
            TextFunc::OctetLength => Value::Int(text.len() as i64),
            TextFunc::Trim(ends) => Value::Text(trim(text, *ends, args.get(1).map_or(" ", |v| v.text()))),
            TextFunc::Concat => {
                let mut out = Writer::new(bump);
                args.iter().try_for_each(|v| out.push(v.text()))?;
                out.done()
            }
            TextFunc::Substring => return cut(int(1), int(2)),
            TextFunc::Left => return cut(1, int(1)),
            TextFunc::Right => return right(int(1), cut),
            TextFunc::PadLeft | TextFunc::PadRight => {
                return pad(text, int(1), arg(2), self.func == TextFunc::PadLeft, bump);
            }
            TextFunc::Repeat => {
                let mut out = Writer::new(bump);
                out.push_times(text, int(1).max(0) as usize)?;
                out.done()
            }
            TextFunc::Reverse => {
                let mut out = Writer::new(bump);
                text.chars().rev().try_for_each(|c| out.push_char(c))?;
                out.done()
            }
            TextFunc::Replace => return replace(text, arg(1), arg(2), bump),
            TextFunc::Translate => return translate(text, arg(1), arg(2), bump),
            TextFunc::Instr => Value::Int(text.find(arg(1)).map_or(0, |at| text[..at].chars().count() as i64 + 1)),
            TextFunc::StartsWith => Value::bool(text.starts_with(arg(1))),
            TextFunc::EndsWith => Value::bool(text.ends_with(arg(1))),
            TextFunc::Contains => Value::bool(text.contains(arg(1))),
            TextFunc::Like { escape } => return like(text, arg(1), *escape, bump),
            TextFunc::Ascii => Value::Int(text.chars().next().map_or(0, |c| i64::from(u32::from(c)))),
            TextFunc::Soundex => soundex(text, bump),
            TextFunc::Levenshtein => {
                let distance = levenshtein(text, arg(1), bump)?;
                let is_more = args.get(2).is_some_and(|most| distance.int() > most.int());
                if is_more { Value::Int(-1) } else { distance }
            }
            TextFunc::SplitPart => return split_part(text, arg(1), int(2)),
            TextFunc::SubstringIndex => Value::Text(substring_index(text, arg(1), int(2))),
            TextFunc::FindInSet => {
                let place = arg(1).split(',').position(|part| part == text).filter(|_| !text.contains(','));
                Value::Int(place.map_or(0, |at| at as i64 + 1))
            }
            TextFunc::Overlay => return overlay(text, arg(1), int(2), int(3), bump),
            func => return coding::of_text(func, text, args, bump),
        })
    }

    fn format_number<'a>(&self, args: &[Value<'a>], bump: &'a Bump) -> Out<'a> {
        /// Digits after the point.
        const DIGITS_MAX: usize = 1000;
        let Ok(digits) = usize::try_from(args[1].i32()) else { return Ok(Value::Null) };
        if digits > DIGITS_MAX {
            return Err(fault("at most 1000 digits after the point", args[1].shown()));
        }
        let plain = match (args[0], self.types[0].as_scalar()) {
            (Value::Wide(value), Some(DType::Decimal(_, scale))) => {
                let kept = usize::from(scale).min(digits);
                let cut = u32::from(scale) - kept as u32;
                let power = model::decimal::POWERS[cut as usize];
                let (whole, rest) = (value / power, value % power);
                let half = (rest.abs()).cmp(&(power - rest.abs()));
                let up = cut > 0 && (half.is_gt() || half.is_eq() && whole % 2 != 0);
                let rounded = whole + if up { value.signum() } else { 0 };
                let mut text = model::decimal::to_string(rounded, kept as u8);
                // What is rounded to zero keeps its sign, as of floats.
                if rounded == 0 && value < 0 {
                    text.insert(0, '-');
                }
                if kept == 0 && digits > 0 {
                    text.push('.');
                }
                text.extend(std::iter::repeat_n('0', digits - kept));
                text
            }
            (Value::Int(value), _) => format!("{value}{}{}", if digits > 0 { "." } else { "" }, "0".repeat(digits)),
            (value, _) => {
                let x = value.f64();
                if !x.is_finite() {
                    let word = if x.is_nan() {
                        "NaN"
                    } else if x > 0.0 {
                        "∞"
                    } else {
                        "-∞"
                    };
                    return Ok(Value::Text(word));
                }
                // Java writes zeros past its digits, and rounds by all that there are.
                let mut shortest = plain_text(x);
                let given = shortest.find('.').map_or(0, |point| shortest.len() - point - 1);
                if given > digits {
                    format!("{x:.digits$}")
                } else {
                    if given == 0 && digits > 0 {
                        shortest.push('.');
                    }
                    shortest.extend(std::iter::repeat_n('0', digits - given));
                    shortest
                }
            }
        };
        let mut out = Writer::new(bump);
        let (sign, size) = plain.strip_prefix('-').map_or(("", &*plain), |rest| ("-", rest));
        let whole = size.find('.').unwrap_or(size.len());
        out.push(sign)?;
        for (i, digit) in size[..whole].char_indices() {
            if i > 0 && (whole - i).is_multiple_of(3) {
                out.push(",")?;
            }
            out.push_char(digit)?;
        }
        out.push(&size[whole..])?;
        Ok(out.done())
    }
}

fn cased<'a>(
    text: &'a str,
    bump: &'a Bump,
    ascii: impl Fn(&mut str),
    full: impl Fn(&str) -> std::string::String,
) -> Value<'a> {
    if text.is_ascii() {
        let copy = bump.alloc_str(text);
        ascii(copy);
        return Value::Text(copy);
    }
    Value::Text(bump.alloc_str(&full(text)))
}

/// A float's text without an exponent, by the digits that Java has of it.
fn plain_text(x: f64) -> std::string::String {
    if x.abs() < 2f64.powi(53) {
        return format!("{x}");
    }
    let digits = java::Digits::of_f64(x);
    let written = decimal::read(digits.as_str()).expect("a number as Rust writes it");
    let sign = if x < 0.0 { "-" } else { "" };
    format!("{sign}{}{:0<zeros$}", written.digits, "", zeros = written.exponent.max(0) as usize)
}

fn trim<'a>(text: &'a str, ends: Ends, chars: &str) -> &'a str {
    let is_cut = |c: char| chars.contains(c);
    match ends {
        Ends::Both => text.trim_matches(is_cut),
        Ends::Left => text.trim_start_matches(is_cut),
        Ends::Right => text.trim_end_matches(is_cut),
    }
}

/// Returns which units a substring covers.
fn range(from: i32, length: i32, units: usize) -> (usize, usize) {
    let units = units as i64;
    let start = match i64::from(from) {
        from if from > 0 => from - 1,
        0 => 0,
        from => units + from,
    };
    let end = (start + i64::from(length)).min(units);
    let start = start.clamp(0, units);
    (start as usize, end.max(start) as usize)
}

fn substring(text: &str, from: i32, length: i32) -> &str {
    if text.is_ascii() {
        let (start, end) = range(from, length, text.len());
        return &text[start..end];
    }
    let (start, end) = range(from, length, text.chars().count());
    let mut borders = text.char_indices().map(|(at, _)| at).chain([text.len()]);
    let first = borders.nth(start).unwrap_or(text.len());
    let last = if end > start { borders.nth(end - start - 1).unwrap_or(text.len()) } else { first };
    &text[first..last]
}

fn right<'a>(length: i32, cut: impl Fn(i32, i32) -> Out<'a>) -> Out<'a> {
    if length <= 0 { cut(1, 0) } else { cut(-length, i32::MAX) }
}

fn concat_ws<'a>(args: &[Value<'a>], bump: &'a Bump) -> Out<'a> {
    let Value::Text(separator) = args[0] else { return Ok(Value::Null) };
    let mut out = Writer::new(bump);
    let mut begun = false;
    let mut add = |value: &Value<'a>| -> Result<(), Box<Fault>> {
        let Value::Text(text) = value else { return Ok(()) };
        if std::mem::replace(&mut begun, true) {
            out.push(separator)?;
        }
        out.push(text)
    };
    for arg in &args[1..] {
        match arg {
            Value::List(items) => items.iter().try_for_each(&mut add)?,
            value => add(value)?,
        }
    }
    Ok(out.done())
}

fn locate<'a>(args: &[Value<'a>]) -> Value<'a> {
    let Value::Int(from) = args[2] else { return Value::Int(0) };
    let (Value::Text(part), Value::Text(text)) = (args[0], args[1]) else { return Value::Null };
    if from < 1 {
        return Value::Int(0);
    }
    if part.is_empty() {
        return Value::Int(1);
    }
    let start = text.char_indices().nth(from as usize - 1).map(|(at, _)| at);
    let found = start.and_then(|start| text[start..].find(part));
    Value::Int(found.map_or(0, |at| from + text[start.unwrap_or(0)..][..at].chars().count() as i64))
}

fn pad<'a>(text: &'a str, length: i32, filler: &str, left: bool, bump: &'a Bump) -> Out<'a> {
    let missing = i64::from(length) - text.chars().count() as i64;
    if missing <= 0 || filler.is_empty() {
        return Ok(Value::Text(substring(text, 1, length.max(0))));
    }
    if missing as usize > BYTES_MAX {
        return Err(too_long(missing as usize));
    }
    let mut out = Writer::new(bump);
    if !left {
        out.push(text)?;
    }
    let chars = filler.chars().count();
    out.push_times(filler, missing as usize / chars)?;
    out.push(substring(filler, 1, (missing as usize % chars) as i32))?;
    if left {
        out.push(text)?;
    }
    Ok(out.done())
}

fn replace<'a>(text: &'a str, part: &str, with: &str, bump: &'a Bump) -> Out<'a> {
    if part.is_empty() || !text.contains(part) {
        return Ok(Value::Text(text));
    }
    let mut out = Writer::new(bump);
    for (i, piece) in text.split(part).enumerate() {
        if i > 0 {
            out.push(with)?;
        }
        out.push(piece)?;
    }
    Ok(out.done())
}

fn translate<'a>(text: &'a str, from: &str, to: &str, bump: &'a Bump) -> Out<'a> {
    let mut out = Writer::new(bump);
    for c in text.chars() {
        match from.chars().position(|x| x == c) {
            None => out.push_char(c)?,
            // A zero stands for nothing, as in Spark's table.
            Some(at) => match to.chars().nth(at) {
                Some(c) if c != '\0' => out.push_char(c)?,
                _ => {}
            },
        }
    }
    Ok(out.done())
}

/// One item of a LIKE pattern.
#[derive(Clone, Copy)]
enum Glob {
    Text,
    One,
    Char(char),
}

/// Steps of one match or distance; texts that take more are refused.
const STEPS_MAX: usize = if cfg!(test) { 1 << 20 } else { 1 << 28 };

/// Matches by trying the last `%` again a character further on.
fn like<'a>(text: &str, pattern: &'a str, escape: char, bump: &'a Bump) -> Out<'a> {
    let mut items = bumpalo::collections::Vec::with_capacity_in(pattern.len(), bump);
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        items.push(match c {
            c if c == escape => match chars.next() {
                Some(c) if c == '_' || c == '%' || c == escape => Glob::Char(c),
                _ => {
                    let expected = "a pattern whose escape character stands before itself, _ or %";
                    return Err(fault(expected, FaultValue::text(pattern)));
                }
            },
            '_' => Glob::One,
            '%' => Glob::Text,
            c => Glob::Char(c),
        });
    }
    let (mut rest, mut at) = (text.chars(), 0);
    let mut retry: Option<(std::str::Chars<'_>, usize)> = None;
    for _ in 0..STEPS_MAX {
        let item = items.get(at).copied();
        if let Some(Glob::Text) = item {
            at += 1;
            retry = Some((rest.clone(), at));
            continue;
        }
        let next = rest.next();
        match (item, next) {
            (Some(Glob::One), Some(_)) => at += 1,
            (Some(Glob::Char(want)), Some(c)) if want == c => at += 1,
            (None, None) => return Ok(Value::bool(true)),
            (Some(_), None) => return Ok(Value::bool(false)),
            _ => {
                let Some((from, place)) = &mut retry else { return Ok(Value::bool(false)) };
                from.next();
                (rest, at) = (from.clone(), *place);
            }
        }
    }
    Err(fault("a text that the pattern matches within 268435456 steps", FaultValue::text(text)))
}

fn soundex<'a>(text: &'a str, bump: &'a Bump) -> Value<'a> {
    const CODES: &[u8; 26] = b"01230127022455012623017202";
    let letters = text.as_bytes();
    let Some(first) = letters.first().map(u8::to_ascii_uppercase).filter(u8::is_ascii_uppercase) else {
        return Value::Text(text);
    };
    let mut out = [first, b'0', b'0', b'0'];
    let (mut at, mut last) = (1, CODES[usize::from(first - b'A')]);
    for byte in &letters[1..] {
        let upper = byte.to_ascii_uppercase();
        if !upper.is_ascii_uppercase() {
            last = b'0';
            continue;
        }
        let code = CODES[usize::from(upper - b'A')];
        if code == b'7' {
            continue;
        }
        if code != b'0' && code != last {
            out[at] = code;
            at += 1;
            if at == 4 {
                break;
            }
        }
        last = code;
    }
    Value::Text(bump.alloc_str(std::str::from_utf8(&out).expect("letters and digits")))
}

fn levenshtein<'a>(a: &str, b: &str, bump: &'a Bump) -> Out<'a> {
    let (rows, columns) = (a.chars().count(), b.chars().count());
    if rows.saturating_mul(columns) > STEPS_MAX {
        return Err(fault("texts whose lengths' product is at most 268435456", FaultValue::Size(rows as u64)));
    }
    let line = bump.alloc_slice_fill_iter(0..columns + 1);
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut line[0], i + 1);
        for (j, y) in b.chars().enumerate() {
            let best = (diagonal + usize::from(x != y)).min(line[j] + 1).min(line[j + 1] + 1);
            diagonal = std::mem::replace(&mut line[j + 1], best);
        }
    }
    Ok(Value::Int(line[columns] as i64))
}

fn split_part<'a>(text: &'a str, separator: &str, part: i32) -> Out<'a> {
    let at = part.unsigned_abs() as usize;
    if at == 0 {
        return Err(fault("a part from 1, or below 0 from the end", FaultValue::Int(0)));
    }
    if separator.is_empty() {
        return Ok(Value::Text(if at == 1 { text } else { "" }));
    }
    let found = if part > 0 {
        text.split(separator).nth(at - 1)
    } else {
        // From the front too: where separators overlap, the end would cut them otherwise.
        let count = text.split(separator).count();
        count.checked_sub(at).and_then(|at| text.split(separator).nth(at))
    };
    Ok(Value::Text(found.unwrap_or("")))
}

fn substring_index<'a>(text: &'a str, separator: &str, count: i32) -> &'a str {
    if separator.is_empty() || count == 0 {
        return "";
    }
    let (bytes, part) = (text.as_bytes(), separator.as_bytes());
    let stands = |at: &usize| bytes[*at..].starts_with(part);
    let times = count.unsigned_abs() as usize - 1;
    let places = 0..(bytes.len() + 1).saturating_sub(part.len());
    if count > 0 {
        places.into_iter().filter(stands).nth(times).map_or(text, |at| &text[..at])
    } else {
        places.rev().filter(stands).nth(times).map_or(text, |at| &text[at + part.len()..])
    }
}

fn overlay<'a>(text: &'a str, with: &str, from: i32, length: i32, bump: &'a Bump) -> Out<'a> {
    let length = if length >= 0 { length } else { with.chars().count() as i32 };
    let mut out = Writer::new(bump);
    out.push(substring(text, 1, from.wrapping_sub(1)))?;
    out.push(with)?;
    out.push(substring(text, from.wrapping_add(length), i32::MAX))?;
    Ok(out.done())
}

/// Writes a number in a base.
pub(super) fn write<'a>(what: std::fmt::Arguments<'_>, bump: &'a Bump) -> Value<'a> {
    let mut out = Writer::new(bump);
    out.write_fmt(what).expect("numbers are short");
    out.done()
}
