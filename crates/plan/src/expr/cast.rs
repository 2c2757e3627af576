//! Conversion between types, as Spark's `Cast` does it.

use std::fmt;

use model::{DType, Type};

use super::Zone;

/// What becomes of a value that does not fit the other type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CastRule {
    /// Integers wrap at their width, floats are cut toward zero and saturate (to int8 and int16: by way of int32, wrapping), a
    /// text that does not read so and a decimal that does not fit are null: Spark without ANSI mode.
    Legacy,
    /// The row is refused: Spark's ANSI mode.
    Ansi,
    /// Null wherever [`CastRule::Ansi`] refuses: `try_cast`.
    Try,
}

/// Conversion of a value of any scalar type to another, and of lists item by item.
///
/// Text to numbers: blanks around are cut, an integer may have a fraction (which is cut; not in ANSI mode), floats read as Java's
/// `Double.parseDouble` plus `inf`, `infinity`, `nan` in any case; to booleans `t true y yes 1`, `f false n no 0` in any case;
/// to dates and timestamps `y[yyy]-M[-d[( |T)H:m[:s[.f]][zone]]]`. To text: floats as Java writes them, decimals plain (with an
/// exponent as `BigDecimal.toString` where the scale asks for it), dates `yyyy-MM-dd`, timestamps `yyyy-MM-dd HH:mm:ss[.f]` in
/// the zone, bytes as they are, lists `[a, b]`. Decimals round half up. Numbers to timestamps are seconds.
#[derive(Clone, Debug, PartialEq)]
pub struct Cast {
    pub to: Type,
    pub rule: CastRule,
    /// Where texts without a zone, and days, begin.
    pub zone: Zone,
}

impl Cast {
    /// Returns the cast in UTC.
    pub fn new(to: Type, rule: CastRule) -> Cast {
        Cast { to, rule, zone: Zone::Utc }
    }

    /// Returns whether there is such a conversion; ANSI mode has fewer.
    pub fn takes(&self, from: &Type) -> bool {
        takes(from, &self.to, self.rule)
    }
}

fn takes(from: &Type, to: &Type, rule: CastRule) -> bool {
    if from == to {
        return true;
    }
    if let (Type::List(from), Type::List(to)) = (from, to) {
        return takes(from, to, rule);
    }
    let is_number = |d: DType| matches!(d, DType::F32 | DType::F64) || super::arith::is_signed(d) || d.is_decimal();
    let is_plain = |d: DType| is_number(d) || matches!(d, DType::Bool | DType::Date | DType::Timestamp);
    let legacy = rule == CastRule::Legacy;
    match (from, to) {
        (Type::Text, Type::Bytes) | (Type::Bytes, Type::Text) => true,
        (Type::List(item), Type::Text) => takes(item, to, rule),
        // Integers to bytes, big end first; not in ANSI mode's table for floats.
        (from, Type::Bytes) => from.as_scalar().is_some_and(super::arith::is_signed) && legacy,
        (Type::Text, to) => to.as_scalar().is_some_and(is_plain),
        (from, Type::Text) => from.as_scalar().is_some_and(is_plain),
        (from, to) => match (from.as_scalar(), to.as_scalar()) {
            (Some(from), Some(to)) if is_number(from) && is_number(to) => true,
            (Some(DType::Bool), Some(to)) => is_number(to) || to == DType::Timestamp && legacy,
            (Some(from), Some(DType::Bool)) => is_number(from) || from == DType::Timestamp && legacy,
            (Some(DType::Date), Some(DType::Timestamp)) | (Some(DType::Timestamp), Some(DType::Date)) => true,
            (Some(from), Some(DType::Timestamp)) => is_number(from),
            (Some(DType::Timestamp), Some(to)) => is_number(to),
            // A date as a number is always null.
            (Some(DType::Date), Some(to)) => is_number(to) && legacy,
            _ => false,
        },
    }
}

impl fmt::Display for Cast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rule = match self.rule {
            CastRule::Legacy => "cast",
            CastRule::Ansi => "ansi_cast",
            CastRule::Try => "try_cast",
        };
        write!(f, "{rule}[{}]", self.to)
    }
}
