//! Conversions between types, as Spark's `Cast` does them.

use std::fmt::Write;

use bumpalo::Bump;
use model::{DType, Type, decimal, java};
use plan::expr::{Cast, CastRule};

use super::{
    super::Site,
    general::to_f64,
    parse,
    value::{Out, Value, Writer, fault},
    zone::{Clock, DAY_US, Date, SECOND_US},
};
use crate::error::CompileError;

pub(super) struct CastKernel {
    from: Type,
    to: Type,
    rule: CastRule,
    clock: Clock,
}

impl CastKernel {
    pub(super) fn new(cast: &Cast, from: &Type, site: &Site<'_>) -> Result<CastKernel, CompileError> {
        let clock = Clock::new(&cast.zone, site)?;
        Ok(CastKernel { from: from.clone(), to: cast.to.clone(), rule: cast.rule, clock })
    }

    /// Converts a value that is not null.
    pub(super) fn call<'a>(&self, value: Value<'a>, bump: &'a Bump) -> Out<'a> {
        self.convert(value, &self.from, &self.to, bump)
    }

    fn convert<'a>(&self, value: Value<'a>, from: &Type, to: &Type, bump: &'a Bump) -> Out<'a> {
        if from == to || value.is_null() {
            return Ok(value);
        }
        match (from, to) {
            (Type::List(from), Type::List(to)) => {
                let items = bump.alloc_slice_copy(value.list());
                for item in items.iter_mut() {
                    *item = self.convert(*item, from, to, bump)?;
                }
                Ok(Value::List(items))
            }
            (Type::Text, Type::Bytes) => Ok(Value::Bytes(value.bytes())),
            (from, Type::Text) => {
                let mut out = Writer::new(bump);
                self.write(value, from, &mut out)?;
                Ok(out.done())
            }
            (from, Type::Bytes) => {
                let bytes = value.int().to_be_bytes();
                let width = from.as_scalar().map_or(8, DType::width);
                Ok(Value::Bytes(bump.alloc_slice_copy(&bytes[8 - width..])))
            }
            (Type::Text, to) => self.parsed(value.text(), to.as_scalar().expect("checked by the plan")),
            (from, to) => {
                let from = from.as_scalar().expect("checked by the plan");
                self.number(value, from, to.as_scalar().expect("checked by the plan"))
            }
        }
    }

    /// Returns null, or refuses the row.
    #[cold]
    fn misfit<'a>(&self, to: DType, value: Value<'_>) -> Out<'a> {
        match self.rule {
            CastRule::Ansi => Err(fault(expected(to), value.shown())),
            CastRule::Legacy | CastRule::Try => Ok(Value::Null),
        }
    }

    fn parsed<'a>(&self, text: &'a str, to: DType) -> Out<'a> {
        let value = match to {
            DType::Bool => parse::boolean(text).map(Value::bool),
            DType::F64 => parse::float64(text).map(Value::F64),
            DType::F32 => parse::float32(text).map(Value::F32),
            DType::Decimal(..) => parse::decimal(text, to).map(Value::Wide),
            DType::Date => parse::date(text).map(Value::Int),
            DType::Timestamp => parse::timestamp(text, &self.clock).map(Value::Int),
            _ => {
                let value = parse::integer(text, self.rule == CastRule::Legacy);
                value.filter(|&v| narrowed(v.into(), to) == i128::from(v)).map(Value::Int)
            }
        };
        if value.is_none() && to == DType::Timestamp && parse::is_time_of_day(text) {
            return Err(fault("a time with its day (of a time alone, Spark takes today)", Value::Text(text).shown()));
        }
        value.map_or_else(|| self.misfit(to, Value::Text(text)), Ok)
    }

    fn number<'a>(&self, value: Value<'a>, from: DType, to: DType) -> Out<'a> {
        match (from, to) {
            (DType::Date, DType::Timestamp) => match self.clock.midnight_within(value.int()) {
                Some(us) => Ok(Value::Int(us)),
                None => Err(fault("a date within the range of timestamps", value.shown())),
            },
            (DType::Timestamp, DType::Date) => Ok(Value::Int(self.clock.day(value.int()))),
            (DType::Date, _) => Ok(Value::Null),
            (_, DType::Timestamp) => self.timestamp(value, from),
            (DType::Timestamp, to) => self.of_timestamp(value, to),
            (_, DType::Bool) => Ok(Value::bool(match value {
                Value::Int(value) => value != 0,
                Value::Wide(value) => value != 0,
                value => value.f64() != 0.0,
            })),
            (from, DType::F64) => Ok(Value::F64(to_f64(from, value))),
            (from, DType::F32) => Ok(Value::F32(match value {
                // By way of float64 a number could be rounded twice.
                Value::Int(value) => value as f32,
                Value::Wide(value) => wide_to_f32(value, from),
                value => value.f64() as f32,
            })),
            (from, DType::Decimal(precision, scale)) => {
                let value_at = self.decimal(value, from, precision, scale);
                value_at.map_or_else(|| self.decimal_misfit(to, value), |v| Ok(Value::Wide(v)))
            }
            (from, to) => self.integer(value, from, to),
        }
    }

    /// A float that is no number is null in ANSI mode too.
    fn decimal_misfit<'a>(&self, to: DType, value: Value<'_>) -> Out<'a> {
        match value {
            Value::F64(x) if !x.is_finite() => Ok(Value::Null),
            Value::F32(x) if !x.is_finite() => Ok(Value::Null),
            value => self.misfit(to, value),
        }
    }

    fn decimal(&self, value: Value<'_>, from: DType, precision: u8, scale: u8) -> Option<i128> {
        let (digits, at) = match (value, from) {
            (Value::Int(value), _) => (i128::from(value), 0),
            (Value::Wide(value), DType::Decimal(_, at)) => (value, at),
            (value, _) => {
                let value = value.f64();
                let mut text = decimal::read(java::Digits::of_f64(value).as_str())?;
                text.negative = value < 0.0;
                return text.rounded(precision, scale);
            }
        };
        let written = decimal::Written {
            negative: digits < 0,
            digits: digits.unsigned_abs(),
            exponent: -i32::from(at),
            inexact: false,
            half: false,
        };
        written.rounded(precision, scale)
    }

    fn integer<'a>(&self, value: Value<'a>, from: DType, to: DType) -> Out<'a> {
        let legacy = self.rule == CastRule::Legacy;
        let whole = match value {
            Value::Int(value) => i128::from(value),
            Value::Wide(value) => {
                let DType::Decimal(_, scale) = from else { unreachable!("typed as a decimal") };
                value / decimal::POWERS[usize::from(scale)]
            }
            value => {
                let x = value.f64();
                // Java narrows a float to an int or a long, which saturates, and an int further, which wraps.
                let saturated = if to == DType::I64 { x as i64 } else { i64::from(x as i32) };
                if legacy {
                    return Ok(Value::Int(narrowed(saturated.into(), to) as i64));
                }
                let (low, high) = limits(to);
                // The largest int64 is no float64: the next above compares equal to it, and saturates.
                if !(x.floor() <= high as f64 && x.ceil() >= low as f64) {
                    return self.misfit(to, value);
                }
                return Ok(Value::Int(x as i64));
            }
        };
        let narrow = narrowed(whole, to);
        if narrow != whole && !legacy {
            return self.misfit(to, value);
        }
        Ok(Value::Int(narrow as i64))
    }

    fn timestamp<'a>(&self, value: Value<'a>, from: DType) -> Out<'a> {
        Ok(Value::Int(match value {
            Value::Int(value) if from == DType::Bool => value,
            Value::Int(value) => value.saturating_mul(SECOND_US),
            Value::Wide(value) => {
                let DType::Decimal(_, scale) = from else { unreachable!("typed as a decimal") };
                // The low 64 bits of the whole microseconds, as `BigDecimal.longValue` has them.
                let us = super::wide::Wide::of(value).times_ten(6);
                let power = decimal::POWERS[usize::from(scale)];
                match us.value() {
                    Some(us) => (us / power) as i64,
                    None => (value / power).wrapping_mul(SECOND_US.into()) as i64,
                }
            }
            value => {
                let us = value.f64() * SECOND_US as f64;
                let fits = us.abs() <= 2f64.powi(63) || self.rule == CastRule::Legacy && value.f64().is_finite();
                if !fits {
                    return self.misfit(DType::Timestamp, value);
                }
                us as i64
            }
        }))
    }

    fn of_timestamp<'a>(&self, value: Value<'a>, to: DType) -> Out<'a> {
        let us = value.int();
        let seconds = us as f64 / SECOND_US as f64;
        match to {
            DType::Bool => Ok(Value::bool(us != 0)),
            DType::F64 => Ok(Value::F64(seconds)),
            DType::F32 => Ok(Value::F32(seconds as f32)),
            DType::Decimal(..) => self.number(Value::F64(seconds), DType::F64, to),
            to => self.integer(Value::Int(us.div_euclid(SECOND_US)), DType::I64, to),
        }
    }

    fn write(&self, value: Value<'_>, from: &Type, out: &mut Writer<'_>) -> Result<(), Box<super::value::Fault>> {
        match (value, from) {
            (Value::Null, _) => return out.push("null"),
            (Value::Text(text), _) => return out.push(text),
            (Value::Bytes(bytes), _) => {
                for chunk in bytes.utf8_chunks() {
                    out.push(chunk.valid())?;
                    if !chunk.invalid().is_empty() {
                        out.push_char(char::REPLACEMENT_CHARACTER)?;
                    }
                }
                return Ok(());
            }
            (Value::List(items), Type::List(item)) => {
                out.push("[")?;
                for (i, value) in items.iter().enumerate() {
                    out.push(if i == 0 { "" } else { ", " })?;
                    self.write(*value, item, out)?;
                }
                return out.push("]");
            }
            _ => {}
        }
        let mut buffer = [0; 32];
        match (value, from.as_scalar()) {
            (Value::F64(x), _) => return out.push(java::text_f64(x, &mut buffer)),
            (Value::F32(x), _) => return out.push(java::text_f32(x, &mut buffer)),
            (Value::Int(b), Some(DType::Bool)) => return out.push(if b == 0 { "false" } else { "true" }),
            (Value::Int(days), Some(DType::Date)) => write_date(days, out),
            (Value::Int(us), Some(DType::Timestamp)) => write_timestamp(self.clock.local(us), out),
            (Value::Int(value), Some(DType::U64)) => write!(out, "{}", value as u64),
            (Value::Int(value), _) => write!(out, "{value}"),
            (Value::Wide(value), Some(DType::Decimal(_, scale))) => {
                write_decimal(value, scale, self.rule == CastRule::Ansi, out)
            }
            _ => unreachable!("checked by the plan"),
        }
        .map_err(|_| super::value::too_long(super::value::BYTES_MAX))
    }
}

fn limits(to: DType) -> (i64, i64) {
    match to {
        DType::I8 => (i8::MIN.into(), i8::MAX.into()),
        DType::I16 => (i16::MIN.into(), i16::MAX.into()),
        DType::I32 => (i32::MIN.into(), i32::MAX.into()),
        _ => (i64::MIN, i64::MAX),
    }
}

/// Returns the low bits of the type's width.
fn narrowed(value: i128, to: DType) -> i128 {
    match to {
        DType::I8 => (value as i8).into(),
        DType::I16 => (value as i16).into(),
        DType::I32 => (value as i32).into(),
        _ => (value as i64).into(),
    }
}

fn wide_to_f32(value: i128, from: DType) -> f32 {
    let DType::Decimal(_, scale) = from else { unreachable!("typed as a decimal") };
    let mut text = [0; 64];
    let text = super::math::written(format_args!("{value}e-{scale}"), &mut text);
    let number = std::str::from_utf8(text).ok().and_then(|t| t.parse().ok());
    number.expect("a number as Rust writes it")
}

fn expected(to: DType) -> &'static str {
    match to {
        DType::Bool => "a value that is a boolean",
        DType::I8 => "a value that is a tinyint",
        DType::I16 => "a value that is a smallint",
        DType::I32 => "a value that is an int",
        DType::I64 => "a value that is a bigint",
        DType::F32 => "a value that is a float",
        DType::F64 => "a value that is a double",
        DType::Decimal(..) => "a value that its decimal type holds",
        DType::Date => "a value that is a date",
        DType::Timestamp => "a value that is a timestamp",
        _ => "a value of the type",
    }
}

/// Writes the year of four digits at least, one beyond 9999 with a sign.
pub(super) fn write_date(days: i64, out: &mut impl Write) -> std::fmt::Result {
    let Date { year, month, day } = Date::of(days);
    match year {
        0..=9999 => write!(out, "{year:04}-{month:02}-{day:02}"),
        _ => write!(out, "{year:+05}-{month:02}-{day:02}"),
    }
}

fn write_timestamp(local: i64, out: &mut impl Write) -> std::fmt::Result {
    let (days, rest) = (local.div_euclid(DAY_US), local.rem_euclid(DAY_US));
    write_date(days, out)?;
    let (seconds, mut us) = (rest / SECOND_US, rest % SECOND_US);
    write!(out, " {:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)?;
    if us == 0 {
        return Ok(());
    }
    let mut width = 6;
    while us % 10 == 0 {
        us /= 10;
        width -= 1;
    }
    write!(out, ".{us:0width$}")
}

/// Writes a decimal plain; else as `BigDecimal.toString`, with an exponent where more than six zeros would stand in front.
fn write_decimal(value: i128, scale: u8, plain: bool, out: &mut impl Write) -> std::fmt::Result {
    let size = value.unsigned_abs();
    let digits = size.checked_ilog10().map_or(1, |log| log as i32 + 1);
    let adjusted = digits - 1 - i32::from(scale);
    if value < 0 {
        out.write_char('-')?;
    }
    let mut text = [0; 64];
    let text = super::math::written(format_args!("{size:0width$}", width = usize::from(scale) + 1), &mut text);
    let text = std::str::from_utf8(text).expect("digits are ASCII");
    if scale == 0 {
        return out.write_str(text);
    }
    if plain || adjusted >= -6 {
        let (whole, fraction) = text.split_at(text.len() - usize::from(scale));
        return write!(out, "{whole}.{fraction}");
    }
    let (first, rest) = text[text.len() - digits as usize..].split_at(1);
    let point = if rest.is_empty() { "" } else { "." };
    write!(out, "{first}{point}{rest}E{adjusted}")
}
