//! The calendar, and the clocks of time zones.

use jiff::{
    Timestamp,
    tz::{AmbiguousOffset, Offset, TimeZone},
};
use plan::expr::Zone;

use super::super::Site;
use crate::error::CompileError;

pub(super) const SECOND_US: i64 = 1_000_000;
pub(super) const DAY_US: i64 = 86_400 * SECOND_US;

/// The clock of a time zone. Past the years -9999 to 9999 a named zone keeps the offset of the last.
pub(super) enum Clock {
    /// Microseconds east of UTC.
    Fixed(i64),
    Named(TimeZone),
}

impl Clock {
    pub fn new(zone: &Zone, site: &Site<'_>) -> Result<Clock, CompileError> {
        Ok(match zone {
            Zone::Utc => Clock::Fixed(0),
            Zone::Offset(seconds) => Clock::Fixed(i64::from(*seconds) * SECOND_US),
            Zone::Named(name) => Clock::of_name(name).ok_or_else(|| {
                CompileError::Unimplemented(format!(
                    "the time zone {name:?}, which the IANA database does not have, in {}",
                    site.step
                ))
            })?,
        })
    }

    /// Returns the clock of `Z`, of an offset (`+h[h][:mm[:ss]]`, `+hhmm`), of `UTC`, `GMT` or `UT` with or without one, or of
    /// a name in the database.
    pub fn of_name(name: &str) -> Option<Clock> {
        if name == "Z" {
            return Some(Clock::Fixed(0));
        }
        let rest = ["UTC", "GMT", "UT"].into_iter().find_map(|prefix| name.strip_prefix(prefix)).unwrap_or(name);
        if rest.is_empty() && !name.is_empty() {
            return Some(Clock::Fixed(0));
        }
        if let Some(seconds) = offset(rest) {
            return Some(Clock::Fixed(seconds * SECOND_US));
        }
        TimeZone::get(name).ok().map(Clock::Named)
    }

    /// Returns what the clock shows at an instant, as microseconds since its own 1970-01-01T00:00.
    pub fn local(&self, us: i64) -> i64 {
        let offset = match self {
            Clock::Fixed(offset) => *offset,
            Clock::Named(zone) => seconds(zone.to_offset(timestamp(us))),
        };
        us.saturating_add(offset)
    }

    /// Returns the instant at which the clock shows this: the earlier of two; where the clock skips it, as far behind the gap.
    pub fn instant(&self, local: i64) -> i64 {
        let offset = match self {
            Clock::Fixed(offset) => *offset,
            Clock::Named(zone) => {
                let shown = Offset::UTC.to_datetime(timestamp(local));
                match zone.to_ambiguous_timestamp(shown).offset() {
                    AmbiguousOffset::Unambiguous { offset } => seconds(offset),
                    AmbiguousOffset::Gap { before, .. } | AmbiguousOffset::Fold { before, .. } => seconds(before),
                }
            }
        };
        local.saturating_sub(offset)
    }

    /// Returns the seconds east of UTC at an instant.
    pub fn offset_seconds(&self, us: i64) -> i64 {
        (self.local(us) - us) / SECOND_US
    }

    /// Returns the day that the clock shows.
    pub fn day(&self, us: i64) -> i64 {
        self.local(us).div_euclid(DAY_US)
    }

    /// Returns the instant at which a day begins.
    pub fn midnight(&self, day: i64) -> i64 {
        self.instant(day.saturating_mul(DAY_US))
    }

    /// Returns the instant at which a day begins, where timestamps reach so far.
    pub fn midnight_within(&self, day: i64) -> Option<i64> {
        day.checked_mul(DAY_US).map(|local| self.instant(local))
    }
}

fn seconds(offset: Offset) -> i64 {
    i64::from(offset.seconds()) * SECOND_US
}

fn timestamp(us: i64) -> Timestamp {
    // A day away from the ends, so that no offset leaves the range.
    let (low, high) = (Timestamp::MIN.as_microsecond() + 2 * DAY_US, Timestamp::MAX.as_microsecond() - 2 * DAY_US);
    Timestamp::from_microsecond(us.clamp(low, high)).expect("within the range of timestamps")
}

/// Reads `+h`, `+hh`, `+hh:mm`, `+hhmm`, `+hh:mm:ss`; at most 18 hours.
fn offset(text: &str) -> Option<i64> {
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let body = &text[1..];
    let number = |t: &str| (t.len() <= 2 && t.bytes().all(|b| b.is_ascii_digit())).then(|| t.parse::<i64>().ok())?;
    let mut parts = body.split(':');
    let first = parts.next()?;
    let (hours, minutes) = match (first.len(), parts.next()) {
        (4, None) if first.is_ascii() => (number(&first[..2])?, number(&first[2..])?),
        (1 | 2, None) => (number(first)?, 0),
        (1 | 2, Some(minutes)) => (number(first)?, number(minutes)?),
        _ => return None,
    };
    let rest = parts.next().map_or(Some(0), number)?;
    let total = hours * 3600 + minutes * 60 + rest;
    (minutes < 60 && rest < 60 && total <= 18 * 3600 && parts.next().is_none()).then_some(sign * total)
}

/// A day of the proleptic Gregorian calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Date {
    pub year: i64,
    pub month: i64,
    pub day: i64,
}

impl Date {
    /// Returns the date of so many days since 1970-01-01 (<https://howardhinnant.github.io/date_algorithms.html>).
    pub fn of(days: i64) -> Date {
        let days = days + 719_468;
        let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
        let day_of_year = day - (365 * year + year / 4 - year / 100);
        let shifted = (5 * day_of_year + 2) / 153;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        let year = year + era * 400 + i64::from(month <= 2);
        Date { year, month, day: day_of_year - (153 * shifted + 2) / 5 + 1 }
    }

    /// Returns the date, where there is such a one.
    pub fn new(year: i64, month: i64, day: i64) -> Option<Date> {
        let date = Date { year, month, day };
        ((1..=12).contains(&month) && 1 <= day && day <= date.month_days()).then_some(date)
    }

    pub fn days(self) -> i64 {
        let year = if self.month <= 2 { self.year - 1 } else { self.year };
        let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
        let day_of_year = (153 * ((self.month + 9) % 12) + 2) / 5 + self.day - 1;
        era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
    }

    pub fn is_leap(self) -> bool {
        self.year % 4 == 0 && (self.year % 100 != 0 || self.year % 400 == 0)
    }

    pub fn month_days(self) -> i64 {
        match self.month {
            2 => 28 + i64::from(self.is_leap()),
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        }
    }

    pub fn day_of_year(self) -> i64 {
        self.days() - Date { month: 1, day: 1, ..self }.days() + 1
    }

    /// Returns the same day so many months on, or the month's last.
    pub fn plus_months(self, months: i64) -> Date {
        let total = self.year * 12 + self.month - 1 + months;
        let moved = Date { year: total.div_euclid(12), month: total.rem_euclid(12) + 1, day: 1 };
        Date { day: self.day.min(moved.month_days()), ..moved }
    }
}

/// Returns the day of the week: 0 is Monday.
pub(super) fn week_day(days: i64) -> i64 {
    (days + 3).rem_euclid(7)
}

/// Returns the ISO year and week of a day.
pub(super) fn iso_week(days: i64) -> (i64, i64) {
    // The week belongs to the year of its Thursday.
    let thursday = days - week_day(days) + 3;
    let date = Date::of(thursday);
    (date.year, (date.day_of_year() - 1) / 7 + 1)
}
