//! Functions of dates and times.

use bumpalo::Bump;
use model::{DType, Type};
use plan::expr::{CastRule, OnFault, Part, TimeFunc, Unit};

use super::{
    super::Site,
    format,
    general::on_fault,
    older,
    value::{Out, Value, fault},
    zone::{Clock, DAY_US, Date, SECOND_US, iso_week, week_day},
};
use crate::error::CompileError;

pub(super) struct TimeKernel {
    func: TimeFunc,
    clock: Clock,
    /// Of the first argument.
    dtype: DType,
}

impl TimeKernel {
    pub(super) fn new(func: &TimeFunc, types: &[Type], site: &Site<'_>) -> Result<TimeKernel, CompileError> {
        let clock = match func {
            TimeFunc::Part(_, zone) | TimeFunc::SecondFraction(zone) | TimeFunc::Trunc(_, zone) => zone,
            TimeFunc::MonthsBetween { zone, .. } | TimeFunc::Format(_, zone) | TimeFunc::Parse(_, zone, _) => zone,
            TimeFunc::MakeTimestamp(zone, _) => zone,
            TimeFunc::AddInterval(zone) | TimeFunc::FromUtc(zone) | TimeFunc::ToUtc(zone) => zone,
            _ => &plan::expr::Zone::Utc,
        };
        let clock = Clock::new(clock, site)?;
        let dtype = types[0].as_scalar().unwrap_or(DType::Timestamp);
        Ok(TimeKernel { func: func.clone(), clock, dtype })
    }

    /// Computes arguments that are not null.
    pub(super) fn call<'a>(&self, args: &[Value<'a>], bump: &'a Bump) -> Out<'a> {
        let int = |i: usize| args[i].int();
        Ok(match &self.func {
            TimeFunc::Parse(pattern, _, rule) => {
                let parsed = format::parse(pattern, args[0].text(), &self.clock);
                return match (parsed, rule) {
                    (Some(us), _) => Ok(Value::Int(us)),
                    (None, CastRule::Legacy) if older::reads(pattern, args[0].text()) => {
                        Err(fault("a time that Spark 3 reads as Spark 2 did", args[0].shown()))
                    }
                    (None, CastRule::Ansi) => Err(fault("a time written as the pattern says", args[0].shown())),
                    (None, _) => Ok(Value::Null),
                };
            }
            TimeFunc::Format(pattern, _) => return format::write(pattern, int(0), &self.clock, bump),
            TimeFunc::Clock(pattern) => {
                let (days, us) = match self.dtype {
                    DType::Date => (int(0), 0),
                    DType::Timestamp => (int(0).div_euclid(DAY_US), int(0).rem_euclid(DAY_US)),
                    _ => (0, int(0).rem_euclid(86_400) * SECOND_US),
                };
                return super::printf::clock(pattern, days, us, bump);
            }
            TimeFunc::Part(part, _) => Value::Int(self.part(*part, int(0))),
            TimeFunc::SecondFraction(_) => Value::Wide(self.clock.local(int(0)).rem_euclid(60 * SECOND_US).into()),
            // Days are 32 bits wide, and wrap as Java's do.
            TimeFunc::AddDays => Value::Int((int(0) as i32).wrapping_add(int(1) as i32).into()),
            TimeFunc::DateDiff => Value::Int((int(0) as i32).wrapping_sub(int(1) as i32).into()),
            TimeFunc::AddMonths => Value::Int(wrapped(Date::of(int(0)).plus_months(int(1)).days())),
            TimeFunc::MonthsBetween { round, .. } => Value::F64(self.months_between(int(0), int(1), *round)),
            TimeFunc::LastDay => {
                let date = Date::of(int(0));
                Value::Int(wrapped(int(0) + date.month_days() - date.day))
            }
            TimeFunc::NextDay(on) => return next_day(int(0), args[1], *on),
            TimeFunc::TruncDate(unit) => match unit {
                Unit::Year | Unit::Quarter | Unit::Month | Unit::Week => Value::Int(wrapped(trunc_days(int(0), *unit))),
                _ => Value::Null,
            },
            TimeFunc::Trunc(unit, _) => match self.trunc(int(0), *unit) {
                Some(us) => Value::Int(us),
                None => return Err(fault("a time within the range of timestamps", args[0].shown())),
            },
            TimeFunc::MakeDate(on) => match Date::new(int(0), int(1), int(2)).map(|d| d.days()) {
                Some(days) if i32::try_from(days).is_ok() => Value::Int(days),
                _ => return on_fault(*on, "a year, month and day of the calendar", args[2]),
            },
            TimeFunc::MakeTimestamp(_, on) => match moment(args) {
                Some(local) => Value::Int(self.clock.instant(local)),
                None => return on_fault(*on, "a time that clocks show", args[0]),
            },
            TimeFunc::UnixSeconds => Value::Int(int(0) / SECOND_US),
            TimeFunc::ToEpoch { micros } => Value::Int(int(0).div_euclid(*micros)),
            TimeFunc::FromEpoch { micros } => match int(0).checked_mul(*micros) {
                Some(us) => Value::Int(us),
                None => return Err(fault("a time within the range of timestamps", args[0].shown())),
            },
            TimeFunc::ToDays | TimeFunc::FromDays => args[0],
            TimeFunc::AddInterval(_) => Value::Int(self.add_interval(int(0), int(1), int(2), int(3))),
            TimeFunc::FromUtc(_) => Value::Int(self.clock.local(int(0))),
            TimeFunc::ToUtc(_) => Value::Int(self.clock.instant(int(0))),
        })
    }

    fn part(&self, part: Part, value: i64) -> i64 {
        let (days, us) = if self.dtype == DType::Timestamp {
            let local = self.clock.local(value);
            (local.div_euclid(DAY_US), local.rem_euclid(DAY_US))
        } else {
            (value, 0)
        };
        let date = Date::of(days);
        match part {
            Part::Year => date.year,
            Part::Quarter => (date.month - 1) / 3 + 1,
            Part::Month => date.month,
            Part::Day => date.day,
            Part::DayOfYear => date.day_of_year(),
            Part::DayOfWeek => (week_day(days) + 1) % 7 + 1,
            Part::WeekDay => week_day(days),
            Part::IsoDayOfWeek => week_day(days) + 1,
            Part::Week => iso_week(days).1,
            Part::YearOfWeek => iso_week(days).0,
            Part::Hour => us / (3600 * SECOND_US),
            Part::Minute => us / (60 * SECOND_US) % 60,
            Part::Second => us / SECOND_US % 60,
        }
    }

    /// Returns where the unit of this instant begins; nothing where that is before the first timestamp.
    fn trunc(&self, us: i64, unit: Unit) -> Option<i64> {
        let floor = |us: i64, unit: i64| us.checked_sub(us.rem_euclid(unit));
        match unit {
            Unit::Microsecond => Some(us),
            Unit::Millisecond => floor(us, 1000),
            Unit::Second => floor(us, SECOND_US),
            // What zones add are whole seconds, of old not whole minutes.
            Unit::Minute | Unit::Hour => {
                let local = self.clock.local(us);
                let width = if unit == Unit::Minute { 60 * SECOND_US } else { 3600 * SECOND_US };
                floor(local, width)?.checked_sub(local - us)
            }
            Unit::Day => self.clock.midnight_within(self.clock.day(us)),
            unit => self.clock.midnight_within(trunc_days(self.clock.day(us), unit)),
        }
    }

    fn months_between(&self, end: i64, start: i64, round: bool) -> f64 {
        let (first, second) = (self.clock.day(end), self.clock.day(start));
        let (a, b) = (Date::of(first), Date::of(second));
        let months = ((a.year - b.year) * 12 + a.month - b.month) as f64;
        let both_last = a.day == a.month_days() && b.day == b.month_days();
        if a.day == b.day || both_last {
            return months;
        }
        let in_day = |us: i64, day: i64| (us - self.clock.midnight(day)).div_euclid(SECOND_US);
        let seconds = (a.day - b.day) * 86_400 + in_day(end, first) - in_day(start, second);
        let difference = months + seconds as f64 / (31 * 86_400) as f64;
        // Java's `Math.round`: half goes up.
        if round { (difference * 1e8 + 0.5).floor() / 1e8 } else { difference }
    }

    fn add_interval(&self, us: i64, months: i64, days: i64, micros: i64) -> i64 {
        let local = self.clock.local(us);
        let (day, time) = (local.div_euclid(DAY_US), local.rem_euclid(DAY_US));
        let moved = if months == 0 { day } else { Date::of(day).plus_months(months).days() } + days;
        let begun =
            if moved == day { us } else { self.clock.instant(moved.saturating_mul(DAY_US).saturating_add(time)) };
        begun.saturating_add(micros)
    }
}

/// Returns the days in 32 bits, as Java's wrap.
fn wrapped(days: i64) -> i64 {
    (days as i32).into()
}

fn trunc_days(days: i64, unit: Unit) -> i64 {
    let date = Date::of(days);
    match unit {
        Unit::Year => Date { month: 1, day: 1, ..date }.days(),
        Unit::Quarter => Date { month: (date.month - 1) / 3 * 3 + 1, day: 1, ..date }.days(),
        Unit::Month => Date { day: 1, ..date }.days(),
        Unit::Week => days - week_day(days),
        _ => days,
    }
}

fn next_day<'a>(days: i64, name: Value<'a>, on: OnFault) -> Out<'a> {
    const NAMES: [&str; 7] = ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"];
    let text = name.text();
    let is = |day: &str| [2, 3, day.len()].iter().any(|&n| text.eq_ignore_ascii_case(&day[..n]));
    match NAMES.iter().position(|day| is(day)) {
        Some(day) => Ok(Value::Int(wrapped(days + 1 + (day as i64 - week_day(days) - 1).rem_euclid(7)))),
        None => on_fault(on, "a day of the week in English", name),
    }
}

/// Returns the microseconds that a clock shows, of a year, month, day, hour, minute and second.
fn moment(args: &[Value<'_>]) -> Option<i64> {
    let int = |i: usize| args[i].int();
    let Value::Wide(second) = args[5] else { unreachable!("typed as a decimal") };
    let us = i64::try_from(second).ok()?;
    // Second 60 is the next minute's 0.
    let is_time = (0..24).contains(&int(3)) && (0..60).contains(&int(4)) && (0..=60 * SECOND_US).contains(&us);
    let days = Date::new(int(0), int(1), int(2)).filter(|_| is_time)?.days();
    days.checked_mul(DAY_US)?.checked_add((int(3) * 60 + int(4)) * 60 * SECOND_US + us)
}
