//! Single values written as text: cells of CSV, keys of JSON objects that are maps.

use model::{Builder, DType, Type};

use crate::time;

/// Returns the float that JSON has no number for.
pub(crate) fn special_float(text: &str) -> Option<f64> {
    match text {
        "NaN" => Some(f64::NAN),
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        _ => None,
    }
}

/// Returns the number that the text is: digits as JSON and every CSV writer has them, `nan`, `inf` and `infinity` in any
/// case.
pub(crate) fn float(text: &str) -> Option<f64> {
    text.parse().ok()
}

/// Returns the truth value that the text is.
pub(crate) fn boolean(text: &str) -> Option<bool> {
    match text {
        "true" | "True" | "TRUE" | "1" => Some(true),
        "false" | "False" | "FALSE" | "0" => Some(false),
        _ => None,
    }
}

/// Ends the row with the text read as a single value of the type; else changes nothing.
pub(crate) fn push(builder: &mut Builder, ty: &Type, text: &str) -> bool {
    let dtype = match ty {
        Type::Text => {
            builder.push_text(text);
            return true;
        }
        Type::Bytes => {
            builder.push_binary(text.as_bytes());
            return true;
        }
        _ => match ty.as_scalar() {
            Some(dtype) => dtype,
            None => return false,
        },
    };
    match dtype {
        DType::Bool => boolean(text).map(|b| builder.push_fixed(u8::from(b))).is_some(),
        DType::Date => time::parse_date(text).map(|days| builder.push_fixed(days)).is_some(),
        DType::Timestamp => time::parse_timestamp(text).map(|us| builder.push_fixed(us)).is_some(),
        DType::Decimal(..) => builder.push_decimal(text),
        DType::U64 => text.parse::<u64>().map(|v| builder.push_fixed(v)).is_ok(),
        dtype if dtype.is_int() => text.parse().is_ok_and(|v| builder.push_int(v)),
        _ => float(text).is_some_and(|v| builder.push_float(v)),
    }
}
