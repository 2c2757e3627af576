//! Numbers written as C's `printf` writes them, and read; bytes in base 64; bytes as numbers.

use std::fmt::Write;

use base64::{
    Engine,
    alphabet::URL_SAFE,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use model::{
    DType, PredictError, Tensor,
    tensor::{Bytes, Data, Element, TENSOR_BYTES_MAX},
};
use plan::tensor::{Fill, Style, Written};

use super::super::{Done, refuse, refuse_type, too_large};
use super::{each, shown, split::stripped, texts};

/// Digits that nobody asks for; a model that does would write a text without end.
const PRECISION_MAX: u32 = 1 << 10;

// === writing ===

/// Writes each number as text.
pub(super) fn write(x: &Tensor, of: Written, out: &mut Tensor) -> Done {
    if of.width.max(of.precision.unwrap_or(0)) > PRECISION_MAX {
        return Err(refuse(format!("a width and a precision of at most {PRECISION_MAX}"), format!("{of:?}")));
    }
    fn all<T: Element>(x: &[T], to: &Tensor, out: &mut Tensor, of: impl Fn(&T) -> String) -> Done {
        let to = out.make::<Bytes>(*to.shape()).map_err(too_large)?;
        to.iter_mut().zip(x).for_each(|(to, x)| *to = of(x).into_bytes().into());
        Ok(())
    }
    let float = |x: f64| padded(x.is_sign_negative(), float(x.abs(), of), x.is_finite(), of);
    macro_rules! ints {
        ($e:expr) => {
            all($e, x, out, |&i| padded(i128::from(i) < 0, i128::from(i).unsigned_abs().to_string(), true, of))
        };
    }
    match x.data() {
        Data::Bool(e) => all(e, x, out, |&b| b.to_string()),
        Data::I8(e) => ints!(e),
        Data::I16(e) => ints!(e),
        Data::I32(e) => ints!(e),
        Data::I64(e) => ints!(e),
        Data::U8(e) => ints!(e),
        Data::U16(e) => ints!(e),
        Data::U32(e) => ints!(e),
        Data::U64(e) => ints!(e),
        Data::F16(e) => all(e, x, out, |f| float(f.to_f64())),
        Data::BF16(e) => all(e, x, out, |f| float(f.to_f64())),
        Data::F32(e) => all(e, x, out, |&f| float(f.into())),
        Data::F64(e) => all(e, x, out, |&f| float(f)),
        Data::C64(e) => all(e, x, out, |c| format!("({},{})", float(c.re.into()), float(c.im.into()))),
        Data::Bytes(e) => {
            let to = out.make::<Bytes>(*x.shape()).map_err(too_large)?;
            to.iter_mut().zip(e.iter()).for_each(|(to, text)| {
                let blanks = vec![b' '; (of.width as usize).saturating_sub(text.len())];
                *to = match of.fill {
                    Fill::Behind => [&**text, &blanks].concat(),
                    _ => [&*blanks, text].concat(),
                }
                .into();
            });
            Ok(())
        }
    }
}

/// Returns the digits of a number that is not negative.
fn float(x: f64, of: Written) -> String {
    if !x.is_finite() {
        return if x.is_nan() { "nan" } else { "inf" }.to_owned();
    }
    let precision = of.precision.unwrap_or(6) as usize;
    match of.style {
        Style::Fixed => format!("{x:.precision$}"),
        Style::Scientific => scientific(x, precision),
        Style::Shortest => shortest(x, precision.max(1)),
    }
}

/// Returns `%e`: at least two digits of exponent, and its sign.
fn scientific(x: f64, precision: usize) -> String {
    let text = format!("{x:.precision$e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |exponent| ('-', exponent));
    format!("{digits}e{sign}{exponent:0>2}")
}

/// Returns `%g`: this many digits in all, without zeros at the end.
fn shortest(x: f64, digits: usize) -> String {
    let exact = format!("{x:.*e}", digits - 1);
    let exponent: i32 = exact.split_once('e').and_then(|(_, exponent)| exponent.parse().ok()).unwrap_or(0);
    let without_zeros = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    };
    if (-4..digits as i64).contains(&i64::from(exponent)) {
        let after = (digits as i64 - 1 - i64::from(exponent)) as usize;
        return without_zeros(&format!("{x:.after$}"));
    }
    let text = scientific(x, digits - 1);
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "+00"));
    format!("{}e{exponent}", without_zeros(mantissa))
}

/// Returns the number with its sign, as wide as asked for.
fn padded(negative: bool, digits: String, is_finite: bool, of: Written) -> String {
    let sign = match (negative, of.fill) {
        (true, _) => "-",
        (false, Fill::Plus) => "+",
        (false, Fill::Blank) => " ",
        _ => "",
    };
    let width = of.width as usize;
    let mut text = String::with_capacity(width.max(digits.len() + 1));
    let written = match of.fill {
        Fill::Zeros if is_finite => {
            let rest = width.saturating_sub(sign.len());
            write!(text, "{sign}{digits:0>rest$}")
        }
        Fill::Behind => write!(text, "{:<width$}", format_args!("{sign}{digits}").to_string()),
        _ => write!(text, "{:>width$}", format_args!("{sign}{digits}").to_string()),
    };
    debug_assert!(written.is_ok(), "a String takes all that is written");
    text
}

// === reading ===

/// Reads the number of each text.
pub(super) fn read(x: &Tensor, to: DType, out: &mut Tensor) -> Done {
    fn all<T: Element + std::str::FromStr>(x: &Tensor, out: &mut Tensor, signs: bool) -> Done {
        each(x, out, |text| {
            let number = std::str::from_utf8(stripped(text)).ok().filter(|text| signs || !text.starts_with('-'));
            let number = number.and_then(|text| text.parse::<T>().ok());
            number.ok_or_else(|| refuse("the text of a number", format!("`{}`", shown(text))))
        })
    }
    match to {
        DType::F32 => all::<f32>(x, out, true),
        DType::F64 => all::<f64>(x, out, true),
        DType::I32 => all::<i32>(x, out, true),
        DType::I64 => all::<i64>(x, out, true),
        DType::U32 => all::<u32>(x, out, false),
        DType::U64 => all::<u64>(x, out, false),
        _ => Err(PredictError::Unimplemented { what: format!("texts read as {to}") }),
    }
}

// === base 64 ===

const BASE64: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, GeneralPurposeConfig::new().with_encode_padding(true));
const BASE64_SHORT: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

pub(super) fn encode_base64(text: &[u8], pad: bool) -> Bytes {
    if pad { BASE64.encode(text) } else { BASE64_SHORT.encode(text) }.into_bytes().into()
}

pub(super) fn decode_base64(text: &[u8]) -> Result<Bytes, PredictError> {
    let decoded =
        BASE64_SHORT.decode(text).map_err(|error| refuse("base 64 in the alphabet for URLs", error.to_string()));
    decoded.map(Bytes::from)
}

// === raw bytes ===

/// Writes the bytes of each text as numbers.
pub(super) fn raw(x: &Tensor, to: DType, little: bool, out: &mut Tensor) -> Done {
    let from = texts(x)?;
    let (width, bytes) = (to.width(), from.first().map_or(0, |text| text.len()));
    if let Some(other) = from.iter().find(|text| text.len() != bytes) {
        return Err(refuse(format!("texts of {bytes} bytes, as the first is"), other.len().to_string()));
    }
    if bytes % width != 0 {
        return Err(refuse(format!("texts whose bytes are numbers of {width} bytes"), bytes.to_string()));
    }
    let shape = x.shape().insert(x.rank(), bytes / width).map_err(too_large)?;
    fn all<T: Element, const N: usize>(
        from: &[Bytes],
        (shape, little): (model::Shape, bool),
        out: &mut Tensor,
        of: impl Fn([u8; N]) -> T,
    ) -> Done {
        let to = out.make::<T>(shape).map_err(too_large)?;
        let numbers = from.iter().flat_map(|text| text.as_chunks::<N>().0);
        to.iter_mut().zip(numbers).for_each(|(to, &bytes)| {
            let mut bytes = bytes;
            if !little {
                bytes.reverse();
            }
            *to = of(bytes);
        });
        Ok(())
    }
    debug_assert!(bytes <= TENSOR_BYTES_MAX, "texts lie within the bounds of tensors");
    let how = (shape, little);
    match to {
        DType::Bool => all(from, how, out, |b: [u8; 1]| b[0] != 0),
        DType::U8 => all(from, how, out, u8::from_le_bytes),
        DType::I8 => all(from, how, out, i8::from_le_bytes),
        DType::U16 => all(from, how, out, u16::from_le_bytes),
        DType::I16 => all(from, how, out, i16::from_le_bytes),
        DType::I32 => all(from, how, out, i32::from_le_bytes),
        DType::I64 => all(from, how, out, i64::from_le_bytes),
        DType::F16 => all(from, how, out, model::tensor::f16::from_le_bytes),
        DType::BF16 => all(from, how, out, model::tensor::bf16::from_le_bytes),
        DType::F32 => all(from, how, out, f32::from_le_bytes),
        DType::F64 => all(from, how, out, f64::from_le_bytes),
        _ => Err(refuse_type(x)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_printf_writes_them() {
        let plain = Written { precision: None, style: Style::Fixed, width: 0, fill: Fill::Before };
        let text = |x: f64, of: Written| padded(x.is_sign_negative(), float(x.abs(), of), x.is_finite(), of);
        let with = |style: Style, precision: Option<u32>| Written { style, precision, ..plain };
        for (x, of, expected) in [
            (1.5, plain, "1.500000"),
            (-0.0, plain, "-0.000000"),
            (f64::NAN, plain, "nan"),
            (f64::NEG_INFINITY, plain, "-inf"),
            (0.125, with(Style::Fixed, Some(2)), "0.12"),
            (12345.678, with(Style::Scientific, None), "1.234568e+04"),
            (1.5e-300, with(Style::Scientific, Some(1)), "1.5e-300"),
            (0.0, with(Style::Scientific, Some(0)), "0e+00"),
            (100000.0, with(Style::Shortest, None), "100000"),
            (1000000.0, with(Style::Shortest, None), "1e+06"),
            (0.0001, with(Style::Shortest, None), "0.0001"),
            (0.00001234, with(Style::Shortest, None), "1.234e-05"),
            (999999.5, with(Style::Shortest, None), "1e+06"),
            (f64::from(0.1f32), with(Style::Shortest, Some(9)), "0.100000001"),
            (0.0, with(Style::Shortest, None), "0"),
            (-1.5, Written { width: 8, precision: Some(1), fill: Fill::Zeros, ..plain }, "-00001.5"),
            (f64::INFINITY, Written { width: 5, fill: Fill::Zeros, ..plain }, "  inf"),
            (1.5, Written { width: 6, precision: Some(1), fill: Fill::Plus, ..plain }, "  +1.5"),
            (1.5, Written { width: 6, precision: Some(1), fill: Fill::Behind, ..plain }, "1.5   "),
        ] {
            assert_eq!(text(x, of), expected, "{x} {of:?}");
        }
    }
}
