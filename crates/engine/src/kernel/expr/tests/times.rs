//! Dates and times.

use super::*;

fn part(part: Part) -> TimeFunc {
    TimeFunc::Part(part, Zone::Utc)
}

fn to(dtype: DType) -> Cast {
    Cast::new(scalar(dtype), CastRule::Legacy)
}

fn berlin() -> Zone {
    Zone::Named("Europe/Berlin".into())
}

#[test]
fn texts_to_times() {
    let (day, time) = (|| to(DType::Date), || to(DType::Timestamp));
    check("cast('2024-2-3' as date)", day(), &[s("2024-2-3")], "2024-02-03");
    check("cast('2024' as date)", day(), &[s("2024")], "2024-01-01");
    check("cast('2024-02-03 xyz' as date)", day(), &[s("2024-02-03 xyz")], "2024-02-03");
    check("cast('2024-02-03Txyz' as date)", day(), &[s("2024-02-03Txyz")], "2024-02-03");
    check("cast('2024-02-30' as date)", day(), &[s("2024-02-30")], "null");
    check("cast('24-02-03' as date)", day(), &[s("24-02-03")], "null");
    check("cast('2024-02-' as date)", day(), &[s("2024-02-")], "null");
    check("cast(' 2024-02-03 ' as date)", day(), &[s(" 2024-02-03 ")], "2024-02-03");
    check("cast('+12024-02-03' as date)", day(), &[s("+12024-02-03")], "+12024-02-03");
    check("cast('2024-02-03 4:5:6.7' as timestamp)", time(), &[s("2024-02-03 4:5:6.7")], "2024-02-03 04:05:06.7");
    check("cast('2024-02-03T04:05' as timestamp)", time(), &[s("2024-02-03T04:05")], "2024-02-03 04:05:00");
    check("cast('2024-02-03 04' as timestamp)", time(), &[s("2024-02-03 04")], "2024-02-03 04:00:00");
    check("cast('2024-02' as timestamp)", time(), &[s("2024-02")], "2024-02-01 00:00:00");
    check("cast('2024-02-03T' as timestamp)", time(), &[s("2024-02-03T")], "null");
    check("cast('2024-02-03 04:05:06Z' as timestamp)", time(), &[s("2024-02-03 04:05:06Z")], "2024-02-03 04:05:06");
    check(
        "cast('2024-02-03 04:05:06+1:30' as timestamp)",
        time(),
        &[s("2024-02-03 04:05:06+1:30")],
        "2024-02-03 02:35:06",
    );
    check(
        "cast('2024-02-03 04:05:06.123456789' as timestamp)",
        time(),
        &[s("2024-02-03 04:05:06.123456789")],
        "2024-02-03 04:05:06.123456",
    );
    check(
        "cast('2024-07-03 04:05:06 Europe/Berlin' as timestamp)",
        time(),
        &[s("2024-07-03 04:05:06 Europe/Berlin")],
        "2024-07-03 02:05:06",
    );
    check("cast('2024-02-03 24:00:00' as timestamp)", time(), &[s("2024-02-03 24:00:00")], "null");
    check("cast('2024-02-03 04:05Z' as timestamp)", time(), &[s("2024-02-03 04:05Z")], "null");
}

#[test]
fn times_to_others() {
    check(
        "cast(timestamp'2024-02-03 04:05:06.789' as date)",
        to(DType::Date),
        &[ts("2024-02-03 04:05:06.789")],
        "2024-02-03",
    );
    check("cast(timestamp'1969-12-31 23:59:59.5' as bigint)", to(DType::I64), &[ts("1969-12-31 23:59:59.5")], "-1");
    check(
        "cast(timestamp'2024-02-03 04:05:06.789' as double)",
        to(DType::F64),
        &[ts("2024-02-03 04:05:06.789")],
        "1.706933106789E9",
    );
    check(
        "cast(timestamp'2024-02-03 04:05:06.789' as decimal(20,3))",
        to(DType::Decimal(20, 3)),
        &[ts("2024-02-03 04:05:06.789")],
        "1706933106.789",
    );
    check("cast(timestamp'2124-02-03 04:05:06' as int)", to(DType::I32), &[ts("2124-02-03 04:05:06")], "567639410");
    check("cast(1.5D as timestamp)", to(DType::Timestamp), &[d(1.5)], "1970-01-01 00:00:01.5");
    check("cast(1.5BD as timestamp)", to(DType::Timestamp), &[dec("1.5", 2, 1)], "1970-01-01 00:00:01.5");
    check("cast(-1L as timestamp)", to(DType::Timestamp), &[l(-1)], "1969-12-31 23:59:59");
    check("cast(date'2024-02-03' as timestamp)", to(DType::Timestamp), &[date("2024-02-03")], "2024-02-03 00:00:00");
    check("cast(date'2024-02-03' as int)", to(DType::I32), &[date("2024-02-03")], "null");
}

#[test]
fn parts_of_dates() {
    let day = || date("2024-12-30");
    check("year(date'2024-12-30')", part(Part::Year), &[day()], "2024");
    check("quarter(date'2024-12-30')", part(Part::Quarter), &[day()], "4");
    check("month(date'2024-12-30')", part(Part::Month), &[day()], "12");
    check("day(date'2024-12-30')", part(Part::Day), &[day()], "30");
    check("dayofweek(date'2024-12-30')", part(Part::DayOfWeek), &[day()], "2");
    check("weekday(date'2024-12-30')", part(Part::WeekDay), &[day()], "0");
    check("dayofyear(date'2024-12-30')", part(Part::DayOfYear), &[day()], "365");
    check("weekofyear(date'2024-12-30')", part(Part::Week), &[day()], "1");
    check("extract(yearofweek from date'2024-12-30')", part(Part::YearOfWeek), &[day()], "2025");
    check("dayofweek(date'1969-12-28')", part(Part::DayOfWeek), &[date("1969-12-28")], "1");
    let time = || ts("1969-12-31 23:59:58.25");
    check("hour(timestamp'1969-12-31 23:59:58.25')", part(Part::Hour), &[time()], "23");
    check("minute(timestamp'1969-12-31 23:59:58.25')", part(Part::Minute), &[time()], "59");
    check("second(timestamp'1969-12-31 23:59:58.25')", part(Part::Second), &[time()], "58");
    check(
        "extract(second from timestamp'1969-12-31 23:59:58.25')",
        TimeFunc::SecondFraction(Zone::Utc),
        &[time()],
        "58.250000",
    );
    check("hour in Berlin", TimeFunc::Part(Part::Hour, berlin()), &[ts("2024-07-01 12:00:00")], "14");
}

#[test]
fn the_first_and_the_last_of_all_times() {
    let end = || Expr::Const(Scalar::Date(i32::MAX));
    check(
        "year(last_day(..))",
        TimeFunc::Part(Part::Year, Zone::Utc),
        &[Expr::call(TimeFunc::LastDay, [end()])],
        "-5877641",
    );
    check(
        "next_day(.., 'MO')",
        TimeFunc::ToDays,
        &[Expr::call(TimeFunc::NextDay(OnFault::Null), [end(), s("MO")])],
        "-2147483646",
    );
    let first = Expr::Const(Scalar::Timestamp(i64::MIN));
    for unit in [Unit::Millisecond, Unit::Second, Unit::Hour, Unit::Day, Unit::Year] {
        check_refused(
            "date_trunc(.., the first of all times)",
            TimeFunc::Trunc(unit, Zone::Offset(-3600)),
            std::slice::from_ref(&first),
        );
    }
}

#[test]
fn reckoning() {
    check("date_add(date'2024-02-28', 2)", TimeFunc::AddDays, &[date("2024-02-28"), i(2)], "2024-03-01");
    check(
        "datediff(date'2024-03-01', date'2024-02-28')",
        TimeFunc::DateDiff,
        &[date("2024-03-01"), date("2024-02-28")],
        "2",
    );
    check("add_months(date'2024-01-31', 1)", TimeFunc::AddMonths, &[date("2024-01-31"), i(1)], "2024-02-29");
    check("add_months(date'2024-02-29', -12)", TimeFunc::AddMonths, &[date("2024-02-29"), i(-12)], "2023-02-28");
    let between = |round| TimeFunc::MonthsBetween { round, zone: Zone::Utc };
    let (a, b) = (|| ts("1997-02-28 10:30:00"), || ts("1996-10-30"));
    check("months_between('1997-02-28 10:30:00', '1996-10-30')", between(true), &[a(), b()], "3.94959677");
    check(
        "months_between('1997-02-28 10:30:00', '1996-10-30', false)",
        between(false),
        &[a(), b()],
        "3.9495967741935485",
    );
    check(
        "months_between('2024-02-29 10:30:00', '2024-01-31')",
        between(true),
        &[ts("2024-02-29 10:30:00"), ts("2024-01-31")],
        "1.0",
    );
    check("last_day(date'2024-02-03')", TimeFunc::LastDay, &[date("2024-02-03")], "2024-02-29");
    check(
        "next_day(date'2015-01-14', 'TU')",
        TimeFunc::NextDay(OnFault::Null),
        &[date("2015-01-14"), s("TU")],
        "2015-01-20",
    );
    check(
        "next_day(date'2015-01-14', 'wednesday')",
        TimeFunc::NextDay(OnFault::Null),
        &[date("2015-01-14"), s("wednesday")],
        "2015-01-21",
    );
    check("next_day(date'2015-01-14', 'xx')", TimeFunc::NextDay(OnFault::Null), &[date("2015-01-14"), s("xx")], "null");
    check(
        "trunc(date'2019-08-04', 'quarter')",
        TimeFunc::TruncDate(Unit::Quarter),
        &[date("2019-08-04")],
        "2019-07-01",
    );
    check("trunc(date'2019-08-04', 'week')", TimeFunc::TruncDate(Unit::Week), &[date("2019-08-04")], "2019-07-29");
    check("trunc(date'2019-08-04', 'hour')", TimeFunc::TruncDate(Unit::Hour), &[date("2019-08-04")], "null");
    let time = || ts("1969-08-04 09:32:05.359");
    check(
        "date_trunc('HOUR', timestamp'1969-08-04 09:32:05.359')",
        TimeFunc::Trunc(Unit::Hour, Zone::Utc),
        &[time()],
        "1969-08-04 09:00:00",
    );
    check(
        "date_trunc('YEAR', timestamp'1969-08-04 09:32:05.359')",
        TimeFunc::Trunc(Unit::Year, Zone::Utc),
        &[time()],
        "1969-01-01 00:00:00",
    );
    check(
        "date_trunc('MILLISECOND', timestamp'1969-08-04 09:32:05.359')",
        TimeFunc::Trunc(Unit::Millisecond, Zone::Utc),
        &[time()],
        "1969-08-04 09:32:05.359",
    );
    check("make_date(2013, 7, 15)", TimeFunc::MakeDate(OnFault::Null), &[i(2013), i(7), i(15)], "2013-07-15");
    check("make_date(2019, 13, 1)", TimeFunc::MakeDate(OnFault::Null), &[i(2019), i(13), i(1)], "null");
    check_refused("ansi: make_date(2019, 13, 1)", TimeFunc::MakeDate(OnFault::Refuse), &[i(2019), i(13), i(1)]);
    let early = || ts("1969-12-31 23:59:59.5");
    check("unix_timestamp(timestamp'1969-12-31 23:59:59.5')", TimeFunc::UnixSeconds, &[early()], "0");
    check("unix_seconds(timestamp'1969-12-31 23:59:59.5')", TimeFunc::ToEpoch { micros: 1_000_000 }, &[early()], "-1");
    check("timestamp_millis(-1L)", TimeFunc::FromEpoch { micros: 1000 }, &[l(-1)], "1969-12-31 23:59:59.999");
    check_refused("timestamp_seconds(9223372036854775807L)", TimeFunc::FromEpoch { micros: 1_000_000 }, &[l(i64::MAX)]);
    check("unix_date(date'1970-01-02')", TimeFunc::ToDays, &[date("1970-01-02")], "1");
    check("date_from_unix_date(1)", TimeFunc::FromDays, &[i(1)], "1970-01-02");
    check(
        "timestamp'2024-01-31 01:02:03' + make_interval(0,1,0,1,0,0,1)",
        TimeFunc::AddInterval(Zone::Utc),
        &[ts("2024-01-31 01:02:03"), i(1), i(1), l(1_000_000)],
        "2024-03-01 01:02:04",
    );
    let tokyo = || Zone::Named("Asia/Tokyo".into());
    check(
        "from_utc_timestamp('2016-08-31', 'Asia/Tokyo')",
        TimeFunc::FromUtc(tokyo()),
        &[ts("2016-08-31")],
        "2016-08-31 09:00:00",
    );
    check(
        "to_utc_timestamp('2016-08-31', 'Asia/Tokyo')",
        TimeFunc::ToUtc(tokyo()),
        &[ts("2016-08-31")],
        "2016-08-30 15:00:00",
    );
    let gap = TimeFunc::ToUtc(berlin());
    check(
        "to_utc_timestamp('2024-03-31 02:30:00', 'Europe/Berlin')",
        gap,
        &[ts("2024-03-31 02:30:00")],
        "2024-03-31 01:30:00",
    );
    let fold = TimeFunc::ToUtc(berlin());
    check(
        "to_utc_timestamp('2024-10-27 02:30:00', 'Europe/Berlin')",
        fold,
        &[ts("2024-10-27 02:30:00")],
        "2024-10-27 00:30:00",
    );
}

fn format(pattern: &str, expected: &str) {
    let func = TimeFunc::Format(DatePattern::new(pattern).unwrap(), Zone::Utc);
    let sql = format!("date_format(timestamp'2024-02-03 14:05:06.078', '{}')", pattern.replace('\'', "\\'"));
    check(&sql, func, &[ts("2024-02-03 14:05:06.078")], expected);
}

fn parse(pattern: &str, text: &str, expected: &str) {
    let pattern_of = DatePattern::new(pattern).unwrap();
    let func = TimeFunc::Parse(pattern_of, Zone::Utc, CastRule::Try);
    let sql = format!("to_timestamp('{text}', '{}')", pattern.replace('\'', "\\'"));
    check(&sql, func, &[s(text)], expected);
}

#[test]
fn written_by_a_pattern() {
    format("yyyy-MM-dd HH:mm:ss.SSS", "2024-02-03 14:05:06.078");
    format("y M d H m s S", "2024 2 3 14 5 6 0");
    format("yy MMM MMMM LLL", "24 Feb February Feb");
    format("E EEEE D DDD", "Sat Saturday 34 034");
    format("hh:mm a KK kk", "02:05 PM 02 14");
    format("Q QQ", "1 01");
    format("yyyy''MM'T'dd", "2024'02T03");
    format("X XXX x xxx Z ZZZZ ZZZZZ VV", "Z Z +00 +00:00 +0000 GMT Z UTC");
    format("SSSSSS SSSSSSSSS", "078000 078000000");
    let named = TimeFunc::Format(DatePattern::new("HH:mm XXX VV").unwrap(), berlin());
    check("in Berlin", named, &[ts("2024-07-01 12:00:00")], "14:00 +02:00 Europe/Berlin");
}

#[test]
fn read_by_a_pattern() {
    parse("yyyy-MM-dd", "2024-02-03", "2024-02-03 00:00:00");
    parse("yyyy-MM-dd", "2024-2-3", "null");
    parse("yyyy-M-d", "2024-12-3", "2024-12-03 00:00:00");
    parse("yyyy-MM-dd", "2024-02-30", "null");
    parse("yyyyMMdd", "20240203", "2024-02-03 00:00:00");
    parse("dd/MM/yyyy HH:mm", "03/02/2024 14:05", "2024-02-03 14:05:00");
    parse("dd MMM yyyy", "03 Feb 2024", "2024-02-03 00:00:00");
    parse("MMMM d, yyyy", "February 3, 2024", "2024-02-03 00:00:00");
    parse("yy-MM-dd", "24-02-03", "2024-02-03 00:00:00");
    parse("hh:mm a", "02:05 PM", "1970-01-01 14:05:00");
    parse("yyyy-MM-dd'T'HH:mm:ss.SSS", "2024-02-03T14:05:06.078", "2024-02-03 14:05:06.078");
    parse("yyyy-MM-dd HH:mm:ss.SSSSSS", "2024-02-03 14:05:06.07", "2024-02-03 14:05:06.07");
    parse("yyyy-MM-dd HH:mm:ssXXX", "2024-02-03 14:05:06+01:00", "2024-02-03 13:05:06");
    parse("yyyy-MM-dd[ HH:mm]", "2024-02-03", "2024-02-03 00:00:00");
    parse("yyyy-MM-dd[ HH:mm]", "2024-02-03 14:05", "2024-02-03 14:05:00");
    parse("yyyy-MM-dd", "2024-02-03x", "null");
    parse("yyyy-DDD", "2024-034", "2024-02-03 00:00:00");
    // Spark 3 refuses what Spark 2 would have read otherwise.
    let of_spark_3 = || TimeFunc::Parse(DatePattern::new("yyyy-MM-dd").unwrap(), Zone::Utc, CastRule::Legacy);
    check("read by Spark 3", of_spark_3(), &[s("2024-02-30")], "null");
    let refused = "refused: column ``: expected a time that Spark 3 reads as Spark 2 did, got \"2024-2-3\"";
    check("read by Spark 2 alone", of_spark_3(), &[s("2024-2-3")], refused);
}

#[test]
fn moments_of_a_clock() {
    let at = |hour, second: &str| [i(2020), i(2), i(29), i(hour), i(59), dec(second, 16, 6)];
    let make = |on| TimeFunc::MakeTimestamp(Zone::Offset(7200), on);
    check("make_timestamp(..)", make(OnFault::Null), &at(23, "5.25"), "2020-02-29 21:59:05.25");
    check("make_timestamp(.., 60)", make(OnFault::Null), &at(1, "60"), "2020-02-29 00:00:00");
    check("make_timestamp(.., 60.1)", make(OnFault::Null), &at(1, "60.1"), "null");
    check("make_timestamp(.., -1)", make(OnFault::Null), &at(1, "-1"), "null");
    check_refused("make_timestamp(.., 24, ..)", make(OnFault::Refuse), &at(24, "1"));
}
