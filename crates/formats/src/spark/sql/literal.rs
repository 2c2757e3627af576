//! Constants and the names of types.

use std::sync::Arc;

use sqlparser::ast::{
    ArrayElemTypeDef, CharacterLength, DataType, DateTimeField, ExactNumberInfo, Expr, Interval as ParsedInterval,
    ObjectNamePart, TimezoneInfo, TypedString, UnaryOperator, Value,
};

use super::{
    SqlError,
    ast::{Interval, Literal},
    dialect,
    types::{DECIMAL_MAX, SqlType},
};

fn unsupported<T>(what: impl Into<String>) -> Result<T, SqlError> {
    Err(SqlError::Unsupported(what.into()))
}

fn syntax<T>(what: impl Into<String>) -> Result<T, SqlError> {
    Err(SqlError::Syntax(what.into()))
}

/// Returns the constant, with a minus before it if `negative` (which numbers only have).
pub fn of_value(value: &Value, negative: bool) -> Result<Literal, SqlError> {
    match value {
        Value::Null => Ok(Literal::Null),
        Value::Boolean(bit) => Ok(Literal::Bool(*bit)),
        Value::Number(text, long) => number(text, *long, negative),
        Value::SingleQuotedString(text) => Ok(Literal::Text(text.as_str().into())),
        Value::HexStringLiteral(digits) => bytes(digits),
        other => unsupported(format!("the constant {other}")),
    }
}

fn bytes(digits: &str) -> Result<Literal, SqlError> {
    // An odd number of digits has a zero before them.
    let padded = if digits.len() % 2 == 1 { format!("0{digits}") } else { digits.to_owned() };
    let pair = |i: usize| padded.get(i..i + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    let bytes: Option<Arc<[u8]>> = (0..padded.len()).step_by(2).map(pair).collect();
    match bytes {
        Some(bytes) => Ok(Literal::Bytes(bytes)),
        None => syntax(format!("X'{digits}' is not hexadecimal")),
    }
}

/// `1` is an int, or a bigint, or a decimal, the first that holds it; with a point a decimal, with an exponent a double (before
/// Spark 3 a decimal: not told apart here); suffixes say otherwise.
fn number(text: &str, long: bool, negative: bool) -> Result<Literal, SqlError> {
    let sign = if negative { "-" } else { "" };
    let (digits, suffix) = match dialect::suffix_of(text) {
        Some((at, suffix)) => (&text[..at], suffix),
        None if long => (text, "L".to_owned()),
        None => (text, String::new()),
    };
    let signed = format!("{sign}{digits}");
    let out_of_range = || SqlError::Syntax(format!("{sign}{text} is out of its type's range"));
    let is_integer = digits.bytes().all(|b| b.is_ascii_digit());
    match suffix.as_str() {
        "L" => signed.parse().map(Literal::Long).map_err(|_| out_of_range()),
        "S" => signed.parse().map(Literal::Short).map_err(|_| out_of_range()),
        "Y" => signed.parse().map(Literal::Byte).map_err(|_| out_of_range()),
        "F" => signed.parse().ok().filter(|x: &f32| x.is_finite()).map(Literal::Float).ok_or_else(out_of_range),
        "D" => signed.parse().ok().filter(|x: &f64| x.is_finite()).map(Literal::Double).ok_or_else(out_of_range),
        "BD" => decimal(&signed).ok_or_else(out_of_range),
        _ if is_integer => match (signed.parse(), signed.parse()) {
            (Ok(int), _) => Ok(Literal::Int(int)),
            (_, Ok(long)) => Ok(Literal::Long(long)),
            _ => decimal(&signed).ok_or_else(out_of_range),
        },
        _ if digits.contains(['e', 'E']) => {
            signed.parse().ok().filter(|x: &f64| x.is_finite()).map(Literal::Double).ok_or_else(out_of_range)
        }
        _ => decimal(&signed).ok_or_else(out_of_range),
    }
}

/// Returns the decimal with the precision and scale that its text has.
fn decimal(text: &str) -> Option<Literal> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mut value: i128 = format!("{whole}{fraction}").parse().ok()?;
    let mut scale = i32::try_from(fraction.len()).ok()?.checked_sub(exponent)?;
    // Zeros behind a zero count as digits.
    let zeros = if value == 0 { scale.min(0).saturating_neg() } else { 0 };
    scale += zeros;
    while scale < 0 {
        value = value.checked_mul(10)?;
        scale += 1;
    }
    let digits = i32::try_from(value.unsigned_abs().checked_ilog10().map_or(1, |log| log + 1)).ok()?;
    let precision = digits.max(scale).saturating_add(zeros);
    let fits = precision <= i32::from(DECIMAL_MAX);
    fits.then_some(Literal::Decimal { value, precision: precision as u8, scale: scale as u8 })
}

/// `DATE '2020-01-31'`, `TIMESTAMP '2020-01-31 12:00:00'`.
pub fn of_typed(typed: &TypedString) -> Result<Literal, SqlError> {
    let Value::SingleQuotedString(text) = &typed.value.value else {
        return unsupported(format!("the constant {typed}"));
    };
    match &typed.data_type {
        DataType::Date => match date(text.trim()) {
            Some(days) => Ok(Literal::Date(days)),
            None => syntax(format!("{text:?} is no date")),
        },
        DataType::Timestamp(None, TimezoneInfo::None) => Ok(Literal::Timestamp(text.as_str().into())),
        other => unsupported(format!("constants of the type {other}")),
    }
}

/// Returns the days since 1970-01-01 of `y[yyy]-M[-d]`.
fn date(text: &str) -> Option<i32> {
    let mut parts = text.splitn(3, '-');
    let mut part = |digits: std::ops::RangeInclusive<usize>| {
        let part = parts.next()?;
        (digits.contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit())).then(|| part.parse::<i64>().ok())?
    };
    let year = part(4..=4)?;
    let month = part(1..=2).unwrap_or(1);
    let day = part(1..=2).unwrap_or(1);
    if text.matches('-').count() > 2 || !(1..=12).contains(&month) || !(1..=days_of(year, month)).contains(&day) {
        return None;
    }
    i32::try_from(days_from_civil(year, month, day)).ok()
}

fn days_of(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 in the Gregorian calendar: years begin in March, so that leap days come last.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// Returns year, month and day of so many days since 1970-01-01.
pub fn civil(days: i32) -> (i64, i64, i64) {
    let days = i64::from(days) + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day_of_year - (153 * shifted + 2) / 5 + 1)
}

/// Returns the length of time; of one unit each.
pub fn of_interval(interval: &ParsedInterval) -> Result<Literal, SqlError> {
    if interval.last_field.is_some() {
        return unsupported("intervals of two units");
    }
    let (negative, value) = match &*interval.value {
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => (true, &**expr),
        other => (false, other),
    };
    let Expr::Value(value) = value else { return unsupported("intervals that are computed") };
    let (Value::Number(text, false) | Value::SingleQuotedString(text)) = &value.value else {
        return unsupported("intervals that are computed");
    };
    let (count, unit) = match (&interval.leading_field, text.trim().split_once(char::is_whitespace)) {
        (Some(field), None) => (text.trim(), unit(field)),
        (None, Some((count, unit))) => (count, unit.trim().to_ascii_lowercase()),
        _ => return unsupported(format!("the interval {text:?}")),
    };
    let Ok(count) = count.parse::<i32>() else { return unsupported(format!("the interval {text:?}")) };
    let count = if negative { count.saturating_neg() } else { count };
    let zero = Interval::default();
    let micros = |unit: i64| Interval { micros: i64::from(count) * unit, ..zero };
    let many = |unit: i32| count.checked_mul(unit).ok_or_else(|| SqlError::Syntax(format!("{text:?} is too long")));
    Ok(Literal::Interval(match unit.trim_end_matches('s') {
        "year" => Interval { months: many(12)?, ..zero },
        "quarter" => Interval { months: many(3)?, ..zero },
        "month" => Interval { months: count, ..zero },
        "week" => Interval { days: many(7)?, ..zero },
        "day" => Interval { days: count, ..zero },
        "hour" => micros(3_600_000_000),
        "minute" => micros(60_000_000),
        "second" => micros(1_000_000),
        "millisecond" => micros(1_000),
        "microsecond" => micros(1),
        other => return unsupported(format!("intervals of {other}")),
    }))
}

fn unit(field: &DateTimeField) -> String {
    field.to_string().to_ascii_lowercase()
}

/// Returns the type of this name.
pub fn data_type(parsed: &DataType) -> Result<SqlType, SqlError> {
    use DataType as D;
    Ok(match parsed {
        D::Boolean | D::Bool => SqlType::Boolean,
        D::TinyInt(None) => SqlType::Byte,
        D::SmallInt(None) => SqlType::Short,
        D::Int(None) | D::Integer(None) => SqlType::Int,
        D::BigInt(None) => SqlType::Long,
        D::Float(ExactNumberInfo::None) | D::Real => SqlType::Float,
        D::Double(ExactNumberInfo::None) => SqlType::Double,
        D::Decimal(info) | D::Dec(info) | D::Numeric(info) => decimal_type(info)?,
        D::String(None) => SqlType::Text,
        D::Varchar(Some(CharacterLength::IntegerLength { .. })) => SqlType::Text,
        D::Binary(None) => SqlType::Binary,
        D::Date => SqlType::Date,
        D::Timestamp(None, TimezoneInfo::None) => SqlType::Timestamp,
        D::Array(ArrayElemTypeDef::AngleBracket(item)) => SqlType::Array(Box::new(data_type(item)?)),
        D::Custom(name, arguments) if arguments.is_empty() => match name.0.as_slice() {
            [ObjectNamePart::Identifier(name)] => match name.value.to_ascii_lowercase().as_str() {
                "byte" => SqlType::Byte,
                "short" => SqlType::Short,
                "long" => SqlType::Long,
                "timestamp_ltz" => SqlType::Timestamp,
                other => return unsupported(format!("the type {other}")),
            },
            _ => return unsupported(format!("the type {name}")),
        },
        other => return unsupported(format!("the type {other}")),
    })
}

fn decimal_type(info: &ExactNumberInfo) -> Result<SqlType, SqlError> {
    let (precision, scale) = match info {
        ExactNumberInfo::None => (10, 0),
        ExactNumberInfo::Precision(precision) => (*precision, 0),
        ExactNumberInfo::PrecisionAndScale(precision, scale) => (*precision, *scale),
    };
    match (u8::try_from(precision), u8::try_from(scale)) {
        (Ok(precision), Ok(scale)) if (1..=DECIMAL_MAX).contains(&precision) && scale <= precision => {
            Ok(SqlType::Decimal(precision, scale))
        }
        _ => syntax(format!("DECIMAL({precision}, {scale}): at most 38 digits, of which the scale is a part")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_first_type_that_holds_them() {
        let of = |text: &str, negative: bool| number(text, false, negative).unwrap();
        assert_eq!(of("1", false), Literal::Int(1));
        assert_eq!(of("2147483648", true), Literal::Int(i32::MIN));
        assert_eq!(of("2147483648", false), Literal::Long(1 << 31));
        let huge = Literal::Decimal { value: 9_223_372_036_854_775_808, precision: 19, scale: 0 };
        assert_eq!(of("9223372036854775808", false), huge);
        assert_eq!(of("1.50", true), Literal::Decimal { value: -150, precision: 3, scale: 2 });
        assert_eq!(of("0e5BD", false), Literal::Decimal { value: 0, precision: 6, scale: 0 });
        assert_eq!(decimal("0e2147483647"), None);
        assert_eq!(of(".05", false), Literal::Decimal { value: 5, precision: 2, scale: 2 });
        assert_eq!(of("1e3", false), Literal::Double(1000.0));
        assert_eq!(of("1.25BD", false), Literal::Decimal { value: 125, precision: 3, scale: 2 });
        assert!(number("300Y", false, false).is_err());
        assert!(number(&"9".repeat(40), false, false).is_err());
    }

    #[test]
    fn dates_are_days() {
        assert_eq!((date("1970-01-01"), date("2020-2-29"), date("1969")), (Some(0), Some(18_321), Some(-365)));
        assert!((-800_000..800_000).step_by(37).all(|days| {
            let (year, month, day) = civil(days);
            days_from_civil(year, month, day) == i64::from(days)
        }));
        assert_eq!((date("2021-02-29"), date("2020-01-01-1"), date("x")), (None, None, None));
    }
}
