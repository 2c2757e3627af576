//! Dates and timestamps, in the proleptic Gregorian calendar.

use std::{fmt, ops::RangeInclusive, sync::Arc};

use model::{DType, Type};

use super::{CastRule, ClockPattern, OnFault};

/// Where days begin.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Zone {
    Utc,
    /// Seconds east of UTC.
    Offset(i32),
    /// By its name in the IANA database.
    Named(Arc<str>),
}

/// A part of a date or time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    Year,
    Quarter,
    Month,
    Day,
    DayOfYear,
    /// 1 is Sunday.
    DayOfWeek,
    /// 0 is Monday.
    WeekDay,
    /// 1 is Monday.
    IsoDayOfWeek,
    /// By ISO 8601.
    Week,
    /// The year that the ISO week belongs to.
    YearOfWeek,
    Hour,
    Minute,
    Second,
}

/// What a date or time is cut down to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unit {
    Year,
    Quarter,
    Month,
    /// From Monday.
    Week,
    Day,
    Hour,
    Minute,
    Second,
    Millisecond,
    Microsecond,
}

/// Functions of dates and times. `int` is an int32.
#[derive(Clone, Debug, PartialEq)]
pub enum TimeFunc {
    /// Of a date, or of a timestamp in the zone: an int. Hours and below are of timestamps alone.
    Part(Part, Zone),
    /// The second of the minute of a timestamp with its microseconds: decimal(8,6).
    SecondFraction(Zone),
    /// `(date, days int)`; past the range of int32 it wraps.
    AddDays,
    /// `(end date, start date)`: an int.
    DateDiff,
    /// `(date, months int)`: the same day, or the month's last where it has none such.
    AddMonths,
    /// `(end timestamp, start timestamp)`: a float64; whole where both are the same day or both the last of their months,
    /// else with the rest by months of 31 days, rounded to 8 digits where `round`.
    MonthsBetween { round: bool, zone: Zone },
    /// Of a date.
    LastDay,
    /// `(date, day of week text)`: the first such day after; where the text is none, null or by [`OnFault::Refuse`] a
    /// refusal.
    NextDay(OnFault),
    /// Of a date: units from week up, others are null.
    TruncDate(Unit),
    /// Of a timestamp.
    Trunc(Unit, Zone),
    /// `(year int, month int, day int)`: where there is no such date, null or by [`OnFault::Refuse`] a refusal.
    MakeDate(OnFault),
    /// `(year, month, day, hour, minute int, second decimal(16,6))` as the zone's clock shows it: a timestamp. Second 60 is the next
    /// minute's 0. Where there is no such time, null or by [`OnFault::Refuse`] a refusal.
    MakeTimestamp(Zone, OnFault),
    /// A timestamp's text by a pattern.
    Format(DatePattern, Zone),
    /// The text of a date, of a timestamp (in UTC), or of an int64 of seconds since midnight, by a pattern of `strftime`.
    Clock(ClockPattern),
    /// A text to a timestamp by a pattern; what does not read so, null or (ANSI) a refusal. [`CastRule::Legacy`] is Spark 3's:
    /// a refusal too where `SimpleDateFormat` would have read the text.
    Parse(DatePattern, Zone, CastRule),
    /// The seconds of a timestamp, cut toward zero, as Spark's `unix_timestamp`: an int64.
    UnixSeconds,
    /// The microseconds of a timestamp divided by so many, downward (`unix_seconds`, `unix_millis`, `unix_micros`): an int64.
    ToEpoch { micros: i64 },
    /// A timestamp of an int64 of units of so many microseconds; past the range the row is refused.
    FromEpoch { micros: i64 },
    /// The days of a date since 1970-01-01, an int.
    ToDays,
    /// The date of so many days (int) since 1970-01-01.
    FromDays,
    /// `(timestamp, months int, days int, microseconds int64)`: added in this order, days and months by the zone's calendar.
    AddInterval(Zone),
    /// A timestamp whose clock in UTC shows what this one's does in the zone.
    FromUtc(Zone),
    /// A timestamp whose clock in the zone shows what this one's does in UTC.
    ToUtc(Zone),
}

/// A pattern of `java.time.format.DateTimeFormatter` as Spark takes it, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatePattern {
    pub source: Arc<str>,
    pub items: Arc<[Field]>,
}

/// One item of a [`DatePattern`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Field {
    Literal(char),
    /// A letter, and how often it stands.
    Letter(char, u8),
    /// Where an optional section begins.
    Open,
    /// Where it ends.
    Close,
}

impl DatePattern {
    /// Reads a pattern, or says what it holds that has no meaning here.
    pub fn new(source: &str) -> Result<DatePattern, String> {
        /// Longest pattern.
        const CHARS_MAX: usize = 256;
        let chars: Vec<char> = source.chars().take(CHARS_MAX + 1).collect();
        if chars.len() > CHARS_MAX {
            return Err(format!("a date pattern longer than {CHARS_MAX} characters"));
        }
        let (mut items, mut at, mut depth) = (Vec::new(), 0, 0);
        while at < chars.len() {
            let c = chars[at];
            match c {
                'a'..='z' | 'A'..='Z' => {
                    let count = chars[at..].iter().take_while(|&&x| x == c).count();
                    if !letter_is_known(c, count) {
                        return Err(format!("`{}` in the date pattern {source:?}", c.to_string().repeat(count)));
                    }
                    items.push(Field::Letter(c, count as u8));
                    at += count;
                    continue;
                }
                '\'' if chars.get(at + 1) == Some(&'\'') => {
                    items.push(Field::Literal('\''));
                    at += 1;
                }
                '\'' => at = quoted(&chars, at + 1, &mut items).ok_or("a date pattern whose quote does not end")?,
                '[' => {
                    depth += 1;
                    items.push(Field::Open);
                }
                ']' if depth > 0 => {
                    depth -= 1;
                    items.push(Field::Close);
                }
                ']' | '{' | '}' | '#' => return Err(format!("`{c}` in the date pattern {source:?}")),
                _ => items.push(Field::Literal(c)),
            }
            at += 1;
        }
        items.extend((0..depth).map(|_| Field::Close));
        Ok(DatePattern { source: source.into(), items: items.into() })
    }
}

/// Appends a text in quotes that begins at `at`; returns where its closing quote stands.
fn quoted(chars: &[char], mut at: usize, items: &mut Vec<Field>) -> Option<usize> {
    loop {
        match (chars.get(at)?, chars.get(at + 1)) {
            ('\'', Some('\'')) => {
                items.push(Field::Literal('\''));
                at += 2;
            }
            ('\'', _) => return Some(at),
            (c, _) => {
                items.push(Field::Literal(*c));
                at += 1;
            }
        }
    }
}

/// The letters that Spark 3 takes, without those of week-based years, which it refuses, and of texts by locale.
fn letter_is_known(letter: char, count: usize) -> bool {
    match letter {
        'y' => count <= 6,
        'M' | 'L' => count <= 4,
        'd' | 'H' | 'h' | 'k' | 'K' | 'm' | 's' => count <= 2,
        'D' => count <= 3,
        'E' => count <= 4,
        'S' => count <= 9,
        'a' => count == 1,
        'Q' | 'q' => count <= 2,
        'X' | 'x' => count <= 5,
        'Z' => count <= 5,
        'V' => count == 2,
        _ => false,
    }
}

impl TimeFunc {
    pub fn name(&self) -> &'static str {
        match self {
            TimeFunc::Part(part, _) => part.name(),
            TimeFunc::SecondFraction(_) => "second_fraction",
            TimeFunc::AddDays => "add_days",
            TimeFunc::DateDiff => "date_diff",
            TimeFunc::AddMonths => "add_months",
            TimeFunc::MonthsBetween { .. } => "months_between",
            TimeFunc::LastDay => "last_day",
            TimeFunc::NextDay(_) => "next_day",
            TimeFunc::TruncDate(_) => "trunc_date",
            TimeFunc::Trunc(..) => "trunc",
            TimeFunc::MakeDate(_) => "make_date",
            TimeFunc::MakeTimestamp(..) => "make_timestamp",
            TimeFunc::Format(..) => "format_time",
            TimeFunc::Clock(_) => "clock",
            TimeFunc::Parse(..) => "parse_time",
            TimeFunc::UnixSeconds => "unix_seconds",
            TimeFunc::ToEpoch { .. } => "to_epoch",
            TimeFunc::FromEpoch { .. } => "from_epoch",
            TimeFunc::ToDays => "to_days",
            TimeFunc::FromDays => "from_days",
            TimeFunc::AddInterval(_) => "add_interval",
            TimeFunc::FromUtc(_) => "from_utc",
            TimeFunc::ToUtc(_) => "to_utc",
        }
    }

    pub fn arity(&self) -> RangeInclusive<usize> {
        match self {
            TimeFunc::AddDays | TimeFunc::DateDiff | TimeFunc::AddMonths => 2..=2,
            TimeFunc::MonthsBetween { .. } | TimeFunc::NextDay(_) => 2..=2,
            TimeFunc::MakeDate(_) => 3..=3,
            TimeFunc::AddInterval(_) => 4..=4,
            TimeFunc::MakeTimestamp(..) => 6..=6,
            _ => 1..=1,
        }
    }

    pub(crate) fn result(&self, args: &[Type]) -> Option<Type> {
        const DATE: Type = Type::scalar(DType::Date);
        const TIME: Type = Type::scalar(DType::Timestamp);
        const I32: Type = Type::I32;
        let of = |takes: &[Type], gives| (args == takes).then_some(gives);
        match self {
            TimeFunc::Part(Part::Hour | Part::Minute | Part::Second, _) => of(&[TIME], I32),
            TimeFunc::Part(..) if args[0] == TIME => of(&[TIME], I32),
            TimeFunc::Part(..) => of(&[DATE], I32),
            TimeFunc::SecondFraction(_) => of(&[TIME], Type::scalar(DType::Decimal(8, 6))),
            TimeFunc::AddDays | TimeFunc::AddMonths => of(&[DATE, I32], DATE),
            TimeFunc::DateDiff => of(&[DATE, DATE], I32),
            TimeFunc::MonthsBetween { .. } => of(&[TIME, TIME], Type::F64),
            TimeFunc::LastDay | TimeFunc::TruncDate(_) => of(&[DATE], DATE),
            TimeFunc::NextDay(_) => of(&[DATE, Type::Text], DATE),
            TimeFunc::Trunc(..) | TimeFunc::FromUtc(_) | TimeFunc::ToUtc(_) => of(&[TIME], TIME),
            TimeFunc::MakeDate(_) => of(&[I32, I32, I32], DATE),
            TimeFunc::MakeTimestamp(..) => {
                let second = Type::scalar(DType::Decimal(16, 6));
                of(&[I32, I32, I32, I32, I32, second], TIME)
            }
            TimeFunc::Format(..) => of(&[TIME], Type::Text),
            TimeFunc::Clock(pattern) => {
                let (date, time) = pattern.reads();
                let fits = match &args[0] {
                    ty if *ty == TIME => true,
                    ty if *ty == DATE => !time,
                    ty => *ty == Type::I64 && !date,
                };
                fits.then_some(Type::Text)
            }
            TimeFunc::Parse(..) => of(&[Type::Text], TIME),
            TimeFunc::UnixSeconds | TimeFunc::ToEpoch { .. } => of(&[TIME], Type::I64),
            TimeFunc::FromEpoch { .. } => of(&[Type::I64], TIME),
            TimeFunc::ToDays => of(&[DATE], I32),
            TimeFunc::FromDays => of(&[I32], DATE),
            TimeFunc::AddInterval(_) => of(&[TIME, I32, I32, Type::I64], TIME),
        }
    }
}

impl Part {
    pub fn name(self) -> &'static str {
        match self {
            Part::Year => "year",
            Part::Quarter => "quarter",
            Part::Month => "month",
            Part::Day => "day",
            Part::DayOfYear => "day_of_year",
            Part::DayOfWeek => "day_of_week",
            Part::WeekDay => "week_day",
            Part::IsoDayOfWeek => "iso_day_of_week",
            Part::Week => "week",
            Part::YearOfWeek => "year_of_week",
            Part::Hour => "hour",
            Part::Minute => "minute",
            Part::Second => "second",
        }
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Zone::Utc => f.write_str("UTC"),
            Zone::Offset(seconds) => write!(f, "UTC{:+}s", seconds),
            Zone::Named(name) => f.write_str(name),
        }
    }
}
