//! Numbers as Java writes them.
//!
//! `Double.toString` and `Float.toString` give digits that read back to the same number, at least one after the point; from
//! 10^7 and below 10^-3 with an exponent. From Java 19 on they are the fewest; before, of some numbers there are more
//! (`2.0E23` is `1.9999999999999998E23`, see [`digits`]). Spark runs on Java 8 to 21, all that we compare with was made by
//! Java 17: we write as before Java 19, and read both ([`parse_f64`]).

use std::io::Write;

mod digits;

use digits::Number;

/// Appends the text of a float64.
pub fn push_f64(out: &mut Vec<u8>, x: f64) {
    write_f64(out, x);
}

/// Appends the text of a float32.
pub fn push_f32(out: &mut Vec<u8>, x: f32) {
    write_f32(out, x);
}

fn write_f64(out: &mut impl Sink, x: f64) {
    push(out, x.is_nan(), x.is_sign_negative(), x.is_infinite(), &Digits::of_f64(x));
}

fn write_f32(out: &mut impl Sink, x: f32) {
    push(out, x.is_nan(), x.is_sign_negative(), x.is_infinite(), &Digits::of_f32(x));
}

/// Returns the text of a float64.
pub fn text_f64(x: f64, buffer: &mut [u8; 32]) -> &str {
    let mut out = Digits::default();
    write_f64(&mut out, x);
    out.text(buffer)
}

/// Returns the text of a float32.
pub fn text_f32(x: f32, buffer: &mut [u8; 32]) -> &str {
    let mut out = Digits::default();
    write_f32(&mut out, x);
    out.text(buffer)
}

/// Returns the number that any Java writes so: its digits may be more than needed, its form is Java's.
pub fn parse_f64(text: &str) -> Option<f64> {
    parse(text, 18, |t| t.parse::<f64>().ok(), |x| x)
}

/// Returns the float32 that any Java writes so.
pub fn parse_f32(text: &str) -> Option<f32> {
    parse(text, 10, |t| t.parse::<f32>().ok(), f64::from)
}

/// The longest is `2.2250738585072014e-308`.
#[derive(Default, Debug)]
pub struct Digits {
    bytes: [u8; 32],
    len: usize,
}

/// What a number is written into.
trait Sink {
    fn push(&mut self, byte: u8);
    fn extend_from_slice(&mut self, bytes: &[u8]);
}

impl Sink for Vec<u8> {
    fn push(&mut self, byte: u8) {
        self.push(byte);
    }

    fn extend_from_slice(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

impl Sink for Digits {
    fn push(&mut self, byte: u8) {
        self.extend_from_slice(&[byte]);
    }

    fn extend_from_slice(&mut self, bytes: &[u8]) {
        self.write_all(bytes).expect("the digits fit");
    }
}

impl Digits {
    /// The digits of the absolute value: `d.dde-dd`, or `de-dd`.
    pub fn of_f64(x: f64) -> Digits {
        Digits::of(Number::of_f64(x), format_args!("{:e}", x.abs()))
    }

    /// The digits of the absolute value: `d.dde-dd`, or `de-dd`.
    pub fn of_f32(x: f32) -> Digits {
        Digits::of(Number::of_f32(x), format_args!("{:e}", x.abs()))
    }

    fn of(number: Number, fewest: std::fmt::Arguments<'_>) -> Digits {
        let mut text = Digits::default();
        text.write_fmt(fewest).expect("the digits fit");
        let (mantissa, exponent) = text.parts();
        if number.differs(mantissa.len().saturating_sub(2) as i32 - exponent) {
            let (digits, power) = number.digits();
            text.len = 0;
            write!(text, "{digits}").expect("the digits fit");
            let power = power + text.len as i32 - 1;
            text.len -= text.as_slice().iter().rev().take_while(|&&b| b == b'0').count();
            if text.len > 1 {
                text.bytes.copy_within(1..text.len, 2);
                text.bytes[1] = b'.';
                text.len += 1;
            }
            write!(text, "e{power}").expect("the digits fit");
        }
        text
    }

    /// Returns the digits, with a point behind the first of several, and the power of ten that the first counts.
    fn parts(&self) -> (&[u8], i32) {
        let text = self.as_slice();
        let at = text.iter().position(|&b| b == b'e').unwrap_or(text.len());
        let exponent = std::str::from_utf8(text.get(at + 1..).unwrap_or_default()).ok().and_then(|e| e.parse().ok());
        (&text[..at], exponent.unwrap_or(0))
    }

    fn text(self, buffer: &mut [u8; 32]) -> &str {
        *buffer = self.bytes;
        std::str::from_utf8(&buffer[..self.len]).expect("numbers are ASCII")
    }

    fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_slice()).expect("numbers are ASCII")
    }
}

impl Write for Digits {
    fn write(&mut self, part: &[u8]) -> std::io::Result<usize> {
        let count = part.len().min(self.bytes.len() - self.len);
        self.bytes[self.len..self.len + count].copy_from_slice(&part[..count]);
        self.len += count;
        Ok(count)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Appends a number whose absolute value has these digits.
fn push(out: &mut impl Sink, nan: bool, negative: bool, infinite: bool, digits: &Digits) {
    if nan {
        return out.extend_from_slice(b"NaN");
    }
    if negative {
        out.push(b'-');
    }
    if infinite {
        return out.extend_from_slice(b"Infinity");
    }
    let (mantissa, exponent) = digits.parts();
    let (first, fraction) = (mantissa[0], mantissa.get(2..).unwrap_or(b"0"));
    match exponent {
        0..=6 => {
            let whole = exponent as usize;
            out.push(first);
            (0..whole).for_each(|i| out.push(fraction.get(i).copied().unwrap_or(b'0')));
            out.push(b'.');
            out.extend_from_slice(fraction.get(whole..).filter(|rest| !rest.is_empty()).unwrap_or(b"0"));
        }
        -3..=-1 => {
            out.extend_from_slice(&b"0.00"[..(1 - exponent) as usize]);
            out.push(first);
            out.extend_from_slice(if fraction == b"0" { b"" } else { fraction });
        }
        _ => {
            out.push(first);
            out.push(b'.');
            out.extend_from_slice(fraction);
            let mut power = Digits::default();
            write!(power, "E{exponent}").expect("the digits fit");
            out.extend_from_slice(power.as_slice());
        }
    }
}

fn parse<T: Copy>(
    text: &str,
    digits_max: usize,
    read: impl Fn(&str) -> Option<T>,
    widen: impl Fn(T) -> f64,
) -> Option<T> {
    if let "NaN" | "Infinity" | "-Infinity" = text {
        return read(text);
    }
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once('E') {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = mantissa.split_once('.')?;
    let all_digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
    let no_zero_first = |t: &str| t == "0" || !t.starts_with('0');
    let plain = all_digits(whole) && no_zero_first(whole) && all_digits(fraction);
    if !plain || fraction.len() > 1 && fraction.ends_with('0') {
        return None;
    }
    let digits = whole.len() + fraction.len();
    if digits - mantissa.bytes().take_while(|&b| b == b'0' || b == b'.').filter(|&b| b == b'0').count() > digits_max {
        return None;
    }
    let number = read(text)?;
    let size = widen(number).abs();
    let is_form = match exponent {
        None => size == 0.0 || (1e-3..1e7).contains(&size),
        Some(e) => {
            let e = e.strip_prefix('-').unwrap_or(e);
            all_digits(e) && no_zero_first(e) && whole.len() == 1 && whole != "0" && !(1e-3..1e7).contains(&size)
        }
    };
    (is_form && size.is_finite()).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(x: f64, expected: &str) {
        let mut out = Vec::new();
        push_f64(&mut out, x);
        assert_eq!(String::from_utf8(out).unwrap(), expected);
        assert_eq!(parse_f64(expected).map(f64::to_bits), Some(x.to_bits()));
    }

    fn check_f32(x: f32, expected: &str) {
        let mut out = Vec::new();
        push_f32(&mut out, x);
        assert_eq!(String::from_utf8(out).unwrap(), expected);
        assert_eq!(parse_f32(expected).map(f32::to_bits), Some(x.to_bits()));
    }

    #[test]
    fn plain_between_a_thousandth_and_ten_million() {
        check(0.0, "0.0");
        check(-0.0, "-0.0");
        check(1.0, "1.0");
        check(-120.5, "-120.5");
        check(0.001, "0.001");
        check(0.0123, "0.0123");
        check(100.0, "100.0");
        check(9_999_999.0, "9999999.0");
        check(1_234_567.125, "1234567.125");
        check(0.1 + 0.2, "0.30000000000000004");
    }

    #[test]
    fn with_an_exponent_outside() {
        check(1e7, "1.0E7");
        check(1e10, "1.0E10");
        check(-1e-5, "-1.0E-5");
        check(9.999e-4, "9.999E-4");
        check(1.234567891e100, "1.234567891E100");
        check(f64::MAX, "1.7976931348623157E308");
        check(f64::MIN_POSITIVE, "2.2250738585072014E-308");
    }

    #[test]
    fn two_digits_are_nearer_than_one() {
        check(5e-324, "4.9E-324");
        check(1e-323, "1.0E-323");
        check(2e-323, "2.0E-323");
        check_f32(1e-45, "1.4E-45");
    }

    #[test]
    fn what_is_no_number() {
        check(f64::INFINITY, "Infinity");
        check(f64::NEG_INFINITY, "-Infinity");
        check(f64::NAN, "NaN");
    }

    #[test]
    fn float32_has_its_own_digits() {
        check_f32(0.1, "0.1");
        check_f32(16_777_216.0, "1.6777216E7");
        check_f32(3.402_823_5e38, "3.4028235E38");
        check_f32(-0.0, "-0.0");
        check_f32(1234.5, "1234.5");
    }

    /// As Java 17 wrote them.
    #[test]
    fn more_digits_than_needed() {
        check(2e23, "1.9999999999999998E23");
        check(4.73e21, "4.729999999999999E21");
        check(4.75e21, "4.750000000000001E21");
        check(231_845_256_772_633_248.0, "2.31845256772633248E17");
        check(6.84798354874497e18, "6.8479835487449702E18");
        check(2.8425884263720994e25, "2.8425884263720993E25");
        check(2f64.powi(-44), "5.6843418860808015E-14");
        check(2f64.powi(183), "1.2259964326927111E55");
        check(7.9e-323, "7.9E-323");
        check(1_125_899_906_842_625.2, "1.1258999068426252E15");
        check_f32(f32::MIN_POSITIVE, "1.17549435E-38");
        check_f32(2.15e9, "2.15000013E9");
        check_f32(2e11, "1.99999996E11");
        check_f32(2_097_152.2, "2097152.2");
        check_f32(328_711.62, "328711.62");
        check_f32(33_554_432.0, "3.3554432E7");
    }

    #[test]
    fn the_fewest_digits_are_read() {
        assert_eq!(parse_f64("2.0E23"), Some(2e23));
        assert_eq!(parse_f64("1.0E23"), Some(1e23));
        assert_eq!(parse_f32("1.1754944E-38"), Some(f32::MIN_POSITIVE));
    }

    #[test]
    fn other_forms_are_not() {
        for text in
            ["1", "1.", ".5", "01.0", "1.00", "1.0e7", "10.0E7", "1.0E+8", "1.0E5", "1.0E-2", "10000000.0", "0.0001"]
        {
            assert_eq!(parse_f64(text), None, "{text}");
        }
        for text in
            ["", "-", "inf", "nan", "+1.0", "1.0E", "1.0E08", "0.5E9", "1.0E999", "1_0.0", " 1.0", "--1.0", "0.0E0"]
        {
            assert_eq!(parse_f64(text), None, "{text}");
        }
    }
}
