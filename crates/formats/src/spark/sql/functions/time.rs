//! Dates and times. Days begin in the session's time zone.

use plan::{
    Expr, Func, Scalar,
    expr::{Arith, CastRule, DatePattern, OnFault, Part, TimeFunc, Unit, Zone},
};

use super::{Arg, Build, Function, row};
use crate::spark::sql::{
    SqlError,
    ast::{Interval, Literal},
    types::SqlType,
    typing::{Typed, Typer, no_common},
};

const fn of_date(part: Part) -> Build {
    Build::Plain(Func::Time(TimeFunc::Part(part, Zone::Utc)), &[Arg::Date])
}

const fn plain(func: TimeFunc, args: &'static [Arg]) -> Build {
    Build::Plain(Func::Time(func), args)
}

const SECONDS: &str = "yyyy-MM-dd HH:mm:ss";

pub const TABLE: &[Function] = &[
    row("add_months", "add_months(date, n)", "", plain(TimeFunc::AddMonths, &[Arg::Date, Arg::Int])),
    row("date_add", "date_add(date, days)", "", Build::Custom(2, 2, date_add)),
    row("date_diff", "date_diff(end, start)", "In days.", plain(TimeFunc::DateDiff, &[Arg::Date])),
    row("date_format", "date_format(timestamp, pattern)", "Patterns are constants.", Build::Custom(2, 2, format)),
    row("date_from_unix_date", "date_from_unix_date(days)", "", plain(TimeFunc::FromDays, &[Arg::Int])),
    row("date_part", "date_part(field, x)", "As `extract`.", Build::Custom(2, 2, extract)),
    row("date_sub", "date_sub(date, days)", "", Build::Custom(2, 2, date_sub)),
    row("date_trunc", "date_trunc(unit, timestamp)", "", Build::Custom(2, 2, date_trunc)),
    row("dateadd", "dateadd(date, days)", "", Build::Custom(2, 2, date_add)),
    row("datediff", "datediff(end, start)", "In days.", plain(TimeFunc::DateDiff, &[Arg::Date])),
    row("datepart", "datepart(field, x)", "As `extract`.", Build::Custom(2, 2, extract)),
    row("day", "day(date)", "", of_date(Part::Day)),
    row(
        "dayname",
        "dayname(date)",
        "Three letters; from Spark 4.",
        Build::Custom(1, 1, |t, a| named(t, a, "dayname", "EEE")),
    ),
    row("dayofmonth", "dayofmonth(date)", "", of_date(Part::Day)),
    row("dayofweek", "dayofweek(date)", "1 is Sunday.", of_date(Part::DayOfWeek)),
    row("dayofyear", "dayofyear(date)", "", of_date(Part::DayOfYear)),
    row("extract", "extract(field FROM x)", "", Build::Custom(2, 2, extract)),
    row("from_unixtime", "from_unixtime(seconds, pattern)", "", Build::Custom(1, 2, from_unixtime)),
    row(
        "from_utc_timestamp",
        "from_utc_timestamp(timestamp, zone)",
        "",
        Build::Custom(2, 2, |t, a| zoned(t, a, TimeFunc::FromUtc)),
    ),
    row("hour", "hour(timestamp)", "", Build::Custom(1, 1, |t, a| of_time(t, a, Part::Hour))),
    row("last_day", "last_day(date)", "", plain(TimeFunc::LastDay, &[Arg::Date])),
    row("make_date", "make_date(year, month, day)", "", Build::Custom(3, 3, make_date)),
    row(
        "make_timestamp",
        "make_timestamp(year, month, day, hour, minute, second, zone)",
        "",
        Build::Custom(6, 7, |t, a| make_timestamp(t, a, t.on())),
    ),
    row(
        "make_timestamp_ltz",
        "make_timestamp_ltz(year, month, day, hour, minute, second, zone)",
        "As `make_timestamp`.",
        Build::Custom(6, 7, |t, a| make_timestamp(t, a, t.on())),
    ),
    row("minute", "minute(timestamp)", "", Build::Custom(1, 1, |t, a| of_time(t, a, Part::Minute))),
    row("month", "month(date)", "", of_date(Part::Month)),
    row(
        "monthname",
        "monthname(date)",
        "Three letters; from Spark 4.",
        Build::Custom(1, 1, |t, a| named(t, a, "monthname", "MMM")),
    ),
    row("months_between", "months_between(end, start, round)", "", Build::Custom(2, 3, months_between)),
    row("next_day", "next_day(date, weekday)", "", Build::Custom(2, 2, next_day)),
    row("quarter", "quarter(date)", "", of_date(Part::Quarter)),
    row("second", "second(timestamp)", "", Build::Custom(1, 1, |t, a| of_time(t, a, Part::Second))),
    row("timestamp_micros", "timestamp_micros(n)", "", plain(TimeFunc::FromEpoch { micros: 1 }, &[Arg::Long])),
    row("timestamp_millis", "timestamp_millis(n)", "", plain(TimeFunc::FromEpoch { micros: 1_000 }, &[Arg::Long])),
    row("timestamp_seconds", "timestamp_seconds(n)", "Of whole seconds.", Build::Custom(1, 1, timestamp_seconds)),
    row("to_date", "to_date(x, pattern)", "", Build::Custom(1, 2, |t, a| parsed(t, a, &SqlType::Date, t.rule()))),
    row(
        "to_timestamp",
        "to_timestamp(x, pattern)",
        "",
        Build::Custom(1, 2, |t, a| parsed(t, a, &SqlType::Timestamp, t.rule())),
    ),
    row(
        "to_timestamp_ltz",
        "to_timestamp_ltz(x, pattern)",
        "As `to_timestamp`.",
        Build::Custom(1, 2, |t, a| parsed(t, a, &SqlType::Timestamp, t.rule())),
    ),
    row("to_unix_timestamp", "to_unix_timestamp(x, pattern)", "", Build::Custom(0, 2, unix_timestamp)),
    row(
        "to_utc_timestamp",
        "to_utc_timestamp(timestamp, zone)",
        "",
        Build::Custom(2, 2, |t, a| zoned(t, a, TimeFunc::ToUtc)),
    ),
    row("trunc", "trunc(date, unit)", "", Build::Custom(2, 2, trunc)),
    row(
        "try_make_timestamp",
        "try_make_timestamp(year, month, day, hour, minute, second, zone)",
        "Null where there is no such time; from Spark 4.",
        Build::Custom(6, 7, try_make_timestamp),
    ),
    row(
        "try_to_timestamp",
        "try_to_timestamp(x, pattern)",
        "",
        Build::Custom(1, 2, |t, a| parsed(t, a, &SqlType::Timestamp, CastRule::Try)),
    ),
    row("unix_date", "unix_date(date)", "", plain(TimeFunc::ToDays, &[Arg::Date])),
    row("unix_micros", "unix_micros(timestamp)", "", plain(TimeFunc::ToEpoch { micros: 1 }, &[Arg::Timestamp])),
    row("unix_millis", "unix_millis(timestamp)", "", plain(TimeFunc::ToEpoch { micros: 1_000 }, &[Arg::Timestamp])),
    row(
        "unix_seconds",
        "unix_seconds(timestamp)",
        "",
        plain(TimeFunc::ToEpoch { micros: 1_000_000 }, &[Arg::Timestamp]),
    ),
    row("unix_timestamp", "unix_timestamp(x, pattern)", "", Build::Custom(0, 2, unix_timestamp)),
    row("weekday", "weekday(date)", "0 is Monday.", of_date(Part::WeekDay)),
    row("weekofyear", "weekofyear(date)", "By ISO 8601.", of_date(Part::Week)),
    row("year", "year(date)", "", of_date(Part::Year)),
];

fn pair(args: Vec<Typed>, of: &str) -> Result<[Typed; 2], SqlError> {
    <[Typed; 2]>::try_from(args).map_err(|args| no_common(of, &args))
}

fn text_of<'t>(arg: &'t Typed, of: &str) -> Result<&'t str, SqlError> {
    match arg.text() {
        Some(text) => Ok(text),
        None => Err(SqlError::Unsupported(format!("`{of}` with a pattern, unit or zone that is not constant"))),
    }
}

fn pattern(source: &str) -> Result<DatePattern, SqlError> {
    DatePattern::new(source).map_err(SqlError::Unsupported)
}

/// Arithmetic of dates and lengths of time; nothing where neither side is one.
pub fn arithmetic(typer: &Typer<'_>, op: Arith, a: &Typed, b: &Typed) -> Result<Option<Typed>, SqlError> {
    let is_time = |x: &Typed| matches!(x.ty, SqlType::Date | SqlType::Timestamp | SqlType::Interval);
    if !is_time(a) && !is_time(b) {
        return Ok(None);
    }
    let (x, y) = if op == Arith::Add && is_time(b) && !matches!(a.ty, SqlType::Date | SqlType::Timestamp) {
        (b, a)
    } else {
        (a, b)
    };
    let negative = op == Arith::Sub;
    let is_days = matches!(y.ty, SqlType::Byte | SqlType::Short | SqlType::Int);
    let typed = match (&x.ty, &y.constant) {
        _ if !matches!(op, Arith::Add | Arith::Sub) => return Err(no_common(op.name(), &[a.clone(), b.clone()])),
        (SqlType::Date, _) if is_days => {
            let days = typer.cast(y.clone(), &SqlType::Int);
            let days = if negative { negated(typer, days)? } else { days };
            typer.call(TimeFunc::AddDays, vec![x.clone(), days])
        }
        (SqlType::Date | SqlType::Timestamp, Some(Literal::Interval(interval))) => {
            let sign = if negative { -1 } else { 1 };
            let by = Interval {
                months: interval.months.saturating_mul(sign),
                days: interval.days.saturating_mul(sign),
                micros: interval.micros.saturating_mul(sign.into()),
            };
            add(typer, x.clone(), by)
        }
        (SqlType::Date, _) if y.ty == SqlType::Date && negative => {
            return Err(SqlError::Unsupported(
                "the difference of two dates as an interval: `datediff` is served".into(),
            ));
        }
        _ => return Err(no_common(op.name(), &[a.clone(), b.clone()])),
    };
    typed.map(Some)
}

fn negated(typer: &Typer<'_>, days: Typed) -> Result<Typed, SqlError> {
    typer.arith(Arith::Neg, vec![days], OnFault::Wrap, &SqlType::Int)
}

fn add(typer: &Typer<'_>, x: Typed, by: Interval) -> Result<Typed, SqlError> {
    let int = |value| Typed::new(Expr::Const(Scalar::I32(value)), SqlType::Int);
    match (&x.ty, by) {
        (SqlType::Date, Interval { months: 0, days, micros: 0 }) => typer.call(TimeFunc::AddDays, vec![x, int(days)]),
        (SqlType::Date, Interval { months, days: 0, micros: 0 }) => {
            typer.call(TimeFunc::AddMonths, vec![x, int(months)])
        }
        (_, Interval { months, days, micros }) => {
            let x = typer.cast(x, &SqlType::Timestamp);
            let micros = Typed::new(Expr::i64(micros), SqlType::Long);
            typer.call(TimeFunc::AddInterval(typer.session.zone.clone()), vec![x, int(months), int(days), micros])
        }
    }
}

fn timestamp(typer: &Typer<'_>, arg: Typed, of: &str) -> Result<Typed, SqlError> {
    typer.expect(arg, &SqlType::Timestamp, of)
}

fn of_time(typer: &Typer<'_>, args: Vec<Typed>, part: Part) -> Result<Typed, SqlError> {
    let args = args.into_iter().map(|arg| timestamp(typer, arg, part.name())).collect::<Result<_, _>>()?;
    typer.call(TimeFunc::Part(part, typer.session.zone.clone()), args)
}

fn format(typer: &Typer<'_>, args: Vec<Typed>) -> Result<Typed, SqlError> {
    let [x, source] = pair(args, "date_format")?;
    let pattern = pattern(text_of(&source, "date_format")?)?;
    let x = timestamp(typer, x, "date_format")?;
    typer.call(TimeFunc::Format(pattern, typer.session.zone.clone()), vec![x])
}

/// A date's name of this pattern.
fn named(typer: &Typer<'_>, mut args: Vec<Typed>, of: &str, source: &str) -> Result<Typed, SqlError> {
    super::from_spark_4(typer, of)?;
    let date = typer.expect(args.swap_remove(0), &SqlType::Date, of)?;
    let moment = timestamp(typer, date, of)?;
    typer.call(TimeFunc::Format(pattern(source)?, typer.session.zone.clone()), vec![moment])
}

fn date_add(typer: &Typer<'_>, args: Vec<Typed>) -> Result<Typed, SqlError> {
    let (x, days) = date_and_days(typer, args, "date_add")?;
    typer.call(TimeFunc::AddDays, vec![x, days])
}

fn date_sub(typer: &Typer<'_>, args: Vec<Typed>) -> Result<Typed, SqlError> {
    let (x, days) = date_and_days(typer, args, "date_sub")?;
    let days = negated(typer, days)?;
    typer.call(TimeFunc::AddDays, vec![x, days])
}

/// Days are of no wider type than an int.
fn date_and_days(typer: &Typer<'_>, args: Vec<Typed>, of: &str) -> Result<(Typed, Typed), SqlError> {
    let [x, days] = pair(args, of)?;
    if !matches!(days.ty, SqlType::Byte | SqlType::Short | SqlType::Int | SqlType::Text | SqlType::Null) {
        return Err(SqlError::Analysis(format!("`{of}` takes INT, not {}", days.ty)));
    }
    Ok((typer.expect(x, &SqlType::Date, of)?, typer.expect(days, &SqlType::Int, of)?))
}

fn extract(typer: &Typer<'_>, args: Vec<Typed>) -> Result<Typed, SqlError> {
    let [field, x] = pair(args, "extract")?;
    let field = text_of(&field, "extract")?.to_ascii_lowercase();
    let part = match field.as_str() {
        "year" | "y" | "years" | "yr" | "yrs" => Part::Year,
        "yearofweek" => Part::YearOfWeek,
        "quarter" | "qtr" => Part::Quarter,
        "month" | "mon" | "mons" | "months" => Part::Month,
        "week" | "w" | "weeks" => Part::Week,
        "day" | "d" | "days" => Part::Day,
        "dayofweek" | "dow" => Part::DayOfWeek,
        "dayofweek_iso" | "dow_iso" => Part::IsoDayOfWeek,
        "doy" => Part::DayOfYear,
        "hour" | "h" | "hours" | "hr" | "hrs" => return of_time(typer, vec![x], Part::Hour),
        "minute" | "m" | "min" | "mins" | "minutes" => return of_time(typer, vec![x], Part::Minute),
        "second" | "s" | "sec" | "seconds" | "secs" => {
            let x = timestamp(typer, x, "extract")?;
            return typer.call(TimeFunc::SecondFraction(typer.session.zone.clone()), vec![x]);
        }
        other => return Err(SqlError::Unsupported(format!("`extract` of {other}"))),
    };
    let x = typer.expect(x, &SqlType::Date, "extract")?;
    typer.call(TimeFunc::Part(part, Zone::Utc), vec![x])
}

fn unit(name: &str) -> Option<Unit> {
    Some(match name.to_ascii_lowercase().as_str() {
        "year" | "yyyy" | "yy" => Unit::Year,
        "quarter" => Unit::Quarter,
        "month" | "mon" | "mm" => Unit::Month,
        "week" => Unit::Week,
        "day" | "dd" => Unit::Day,
        "hour" => Unit::Hour,
        "minute" => Unit::Minute,
        "second" => Unit::Second,
        "millisecond" => Unit::Millisecond,
        "microsecond" => Unit::Microsecond,
        _ => return None,
    })
}

/// What is no unit makes null.
fn or_null(
    unit: Option<Unit>,
    arg: Typed,
    then: impl FnOnce(Unit, Typed) -> Result<Typed, SqlError>,
) -> Result<Typed, SqlError> {
    match unit {
        Some(unit) => then(unit, arg),
        None => Ok(Typed::new(Expr::null(arg.ty.column()), arg.ty)),
    }
}

fn date_trunc(typer: &Typer<'_>, args: Vec<Typed>) -> Result<Typed, SqlError> {
    let [name, x] = pair(args, "date_trunc")?;
    let unit = unit(text_of(&name, "date_trunc")?);
    let x = timestamp(typer, x, "date_trunc")?;
    or_null(unit, x, |unit, x| typer.call(TimeFunc::Trunc(unit, typer.session.zone.clone()), vec![x]))
}

fn trunc(typer: &Typer<'_>, args: Vec<Typed>) -> Result<Typed, SqlError> {
    let [x, name] = pair(args, "trunc")?;
    let unit = unit(text_of(&name, "trunc")?);
    let unit = unit.filter(|unit| matches!(unit, Unit::Year | Unit::Quarter | Unit::Month | Unit::Week));
    let x = typer.expect(x, &SqlType::Date, "trunc")?;
    or_null(unit, x, |unit, x| typer.call(TimeFunc::TruncDate(unit), vec![x]))
}

fn from_unixtime(typer: &Typer<'_>, args: Vec<Typed>) -> Result<Typed, SqlError> {
    let mut args = args.into_iter();
    let Some(x) = args.next() else { return Err(no_common("from_unixtime", &[])) };
    let source = args.next();
    let source = source.as_ref().map_or(Ok(SECONDS), |source| text_of(source, "from_unixtime"))?;
    let pattern = pattern(source)?;
    // Spark multiplies without a check.
    let x = typer.expect(x, &SqlType::Long, "from_unixtime")?;
    let micros = typer.arith(Arith::Mul, vec![x, micros()], OnFault::Wrap, &SqlType::Long)?;
    let x = typer.call(TimeFunc::FromEpoch { micros: 1 }, vec![micros])?;
    typer.call(TimeFunc::Format(pattern, typer.session.zone.clone()), vec![x])
}

fn zoned(typer: &Typer<'_>, args: Vec<Typed>, func: fn(Zone) -> TimeFunc) -> Result<Typed, SqlError> {
    let [x, name] = pair(args, "from_utc_timestamp")?;
    let zone = zone_of(&name, "from_utc_timestamp")?;
    let x = timestamp(typer, x, "from_utc_timestamp")?;
    typer.call(func(zone), vec![x])
}

fn make_date(typer: &Typer<'_>, args: Vec<Typed>) -> Result<Typed, SqlError> {
    let args = args.into_iter().map(|arg| typer.expect(arg, &SqlType::Int, "make_date")).collect::<Result<_, _>>()?;
    typer.call(TimeFunc::MakeDate(typer.on()), args)
}

fn make_timestamp(typer: &Typer<'_>, mut args: Vec<Typed>, on: OnFault) -> Result<Typed, SqlError> {
    let zone = match args.drain(6..).next() {
        None => typer.session.zone.clone(),
        Some(zone) => zone_of(&zone, "make_timestamp")?,
    };
    let to = |i: usize| if i == 5 { SqlType::Decimal(16, 6) } else { SqlType::Int };
    let each = args.into_iter().enumerate().map(|(i, arg)| typer.expect(arg, &to(i), "make_timestamp"));
    let args = each.collect::<Result<_, _>>()?;
    typer.call(TimeFunc::MakeTimestamp(zone, on), args)
}

fn try_make_timestamp(typer: &Typer<'_>, args: Vec<Typed>) -> Result<Typed, SqlError> {
    super::from_spark_4(typer, "try_make_timestamp")?;
    make_timestamp(typer, args, OnFault::Null)
}

fn zone_of(arg: &Typed, of: &str) -> Result<Zone, SqlError> {
    let name = text_of(arg, of)?;
    crate::spark::sql::zone(name).ok_or_else(|| SqlError::Analysis(format!("no time zone `{name}`")))
}

fn months_between(typer: &Typer<'_>, args: Vec<Typed>) -> Result<Typed, SqlError> {
    let mut args = args.into_iter();
    let (Some(end), Some(start)) = (args.next(), args.next()) else { return Err(no_common("months_between", &[])) };
    let round = match args.next().map(|arg| arg.constant) {
        None => true,
        Some(Some(Literal::Bool(round))) => round,
        Some(_) => return Err(SqlError::Unsupported("`months_between` rounded or not, not constant".to_owned())),
    };
    let args = vec![timestamp(typer, end, "months_between")?, timestamp(typer, start, "months_between")?];
    typer.call(TimeFunc::MonthsBetween { round, zone: typer.session.zone.clone() }, args)
}

fn next_day(typer: &Typer<'_>, args: Vec<Typed>) -> Result<Typed, SqlError> {
    let [x, day] = pair(args, "next_day")?;
    let args = vec![typer.expect(x, &SqlType::Date, "next_day")?, typer.expect(day, &SqlType::Text, "next_day")?];
    typer.call(TimeFunc::NextDay(typer.on()), args)
}

fn timestamp_seconds(typer: &Typer<'_>, args: Vec<Typed>) -> Result<Typed, SqlError> {
    let each = args.into_iter().map(|arg| match arg.ty.is_integer() {
        true => Ok(typer.cast(arg, &SqlType::Long)),
        false => Err(SqlError::Unsupported("`timestamp_seconds` of fractions".to_owned())),
    });
    let args = each.collect::<Result<_, _>>()?;
    typer.call(TimeFunc::FromEpoch { micros: 1_000_000 }, args)
}

/// Spark 3 alone minds what an older version would have read.
fn of_parser(typer: &Typer<'_>, rule: CastRule) -> CastRule {
    if rule == CastRule::Legacy && typer.session.spark_major != 3 { CastRule::Try } else { rule }
}

/// Without a pattern a cast.
fn parsed(typer: &Typer<'_>, args: Vec<Typed>, to: &SqlType, rule: CastRule) -> Result<Typed, SqlError> {
    let mut args = args.into_iter();
    let Some(x) = args.next() else { return Err(no_common("to_date", &[])) };
    let Some(source) = args.next() else { return typer.cast_by(x, to, rule) };
    if x.ty == SqlType::Boolean {
        return Err(SqlError::Unsupported("a time of a BOOLEAN by a pattern".to_owned()));
    }
    if x.ty != SqlType::Text {
        return typer.cast_by(x, to, rule);
    }
    let pattern = pattern(text_of(&source, "to_date")?)?;
    let x = typer.call(TimeFunc::Parse(pattern, typer.session.zone.clone(), of_parser(typer, rule)), vec![x])?;
    typer.cast_by(x, to, rule)
}

fn unix_timestamp(typer: &Typer<'_>, args: Vec<Typed>) -> Result<Typed, SqlError> {
    let mut args = args.into_iter();
    let Some(x) = args.next() else { return Err(super::unknown("now")) };
    let source = args.next();
    let x = if x.ty == SqlType::Text {
        let source = source.as_ref().map_or(Ok(SECONDS), |source| text_of(source, "unix_timestamp"))?;
        typer.call(
            TimeFunc::Parse(pattern(source)?, typer.session.zone.clone(), of_parser(typer, typer.rule())),
            vec![x],
        )?
    } else {
        timestamp(typer, x, "unix_timestamp")?
    };
    // Toward zero, where `unix_seconds` goes downward.
    let x = typer.call(TimeFunc::ToEpoch { micros: 1 }, vec![x])?;
    typer.arith(Arith::IntDiv, vec![x, micros()], OnFault::Wrap, &SqlType::Long)
}

/// Those of a second.
fn micros() -> Typed {
    Typed::new(Expr::i64(1_000_000), SqlType::Long)
}
