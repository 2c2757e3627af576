//! Decimals: an `i128` and a scale, `value / 10^scale`, of at most 38 digits.

/// Most digits.
pub const PRECISION_MAX: u8 = 38;

/// Powers of ten, up to the largest that an `i128` holds.
pub const POWERS: [i128; 39] = {
    let mut powers = [1; 39];
    let mut i = 1;
    while i < 39 {
        powers[i] = powers[i - 1] * 10;
        i += 1;
    }
    powers
};

/// Returns whether the value has at most so many digits.
pub fn fits(value: i128, precision: u8) -> bool {
    value.unsigned_abs() < POWERS[precision.min(PRECISION_MAX) as usize].unsigned_abs()
}

/// Appends the number in plain notation, with all digits of its scale.
pub fn write(value: i128, scale: u8, out: &mut Vec<u8>) {
    let mut digits = [0u8; 40];
    let (mut at, mut left) = (digits.len(), value.unsigned_abs());
    while left > 0 || digits.len() - at <= usize::from(scale) {
        // A scale is 38 at most, so 39 digits are.
        at -= 1;
        digits[at] = b'0' + (left % 10) as u8;
        left /= 10;
    }
    if value < 0 {
        out.push(b'-');
    }
    let (whole, fraction) = digits[at..].split_at(digits.len() - at - usize::from(scale));
    out.extend_from_slice(whole);
    if !fraction.is_empty() {
        out.push(b'.');
        out.extend_from_slice(fraction);
    }
}

/// Returns the number in plain notation.
pub fn to_string(value: i128, scale: u8) -> String {
    let mut out = Vec::new();
    write(value, scale, &mut out);
    String::from_utf8(out).expect("digits are ASCII")
}

/// A number as it is written: `digits * 10^exponent` of at most 38 digits, exactly or (`inexact`) a little more than that in
/// size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    pub negative: bool,
    pub digits: u128,
    pub exponent: i32,
    /// A digit other than 0 was left out behind the others.
    pub inexact: bool,
    /// What was left out is half a unit of the last digit or more.
    pub half: bool,
}

/// Reads `[+-]digits[.digits][(e|E)[+-]digits]`.
pub fn read(text: &str) -> Option<Written> {
    let bytes = text.as_bytes();
    let (negative, bytes) = match bytes.split_first()? {
        (b'-', rest) => (true, rest),
        (b'+', rest) => (false, rest),
        _ => (false, bytes),
    };
    let (mut digits, mut exponent, mut any, mut point) = (0u128, 0i32, false, false);
    let (mut full, mut inexact, mut half) = (false, false, false);
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'0'..=b'9' => {
                any = true;
                let digit = u128::from(byte - b'0');
                if digits < POWERS[37].unsigned_abs() {
                    digits = digits * 10 + digit;
                    exponent = exponent.checked_sub(i32::from(point))?;
                } else {
                    // The digit behind the 38th is what the others are rounded by.
                    half |= !full && digit >= 5;
                    full = true;
                    inexact |= digit != 0;
                    exponent = exponent.checked_add(i32::from(!point))?;
                }
            }
            b'.' if !point => point = true,
            b'e' | b'E' if any => {
                let power = std::str::from_utf8(&bytes[at + 1..]).ok()?;
                let sign_then_digits = power.strip_prefix(['+', '-']).unwrap_or(power);
                if sign_then_digits.is_empty() || !sign_then_digits.bytes().all(|b| b.is_ascii_digit()) {
                    return None;
                }
                exponent = exponent.checked_add(power.parse().ok()?)?;
                break;
            }
            _ => return None,
        }
        at += 1;
    }
    any.then_some(Written { negative, digits, exponent, inexact, half })
}

impl Written {
    /// Returns the number at a scale, rounded half away from zero, where it has at most `precision` digits.
    pub fn rounded(self, precision: u8, scale: u8) -> Option<i128> {
        let shift = self.exponent.checked_add(i32::from(scale))?;
        let size = if self.digits == 0 {
            0
        } else if shift >= 0 {
            let factor = *POWERS.get(shift as usize)?;
            self.digits.checked_mul(factor.unsigned_abs())? + u128::from(self.half)
        } else {
            match POWERS.get(shift.unsigned_abs() as usize) {
                Some(power) => {
                    let power = power.unsigned_abs();
                    self.digits / power + u128::from(self.digits % power >= power - power / 2)
                }
                // Less than half a unit: 38 digits behind a zero at least.
                None => 0,
            }
        };
        let size = i128::try_from(size).ok()?;
        let value = if self.negative { -size } else { size };
        fits(value, precision).then_some(value)
    }

    /// Returns the number at a scale, where nothing is lost.
    pub fn exact(self, precision: u8, scale: u8) -> Option<i128> {
        let shift = self.exponent.checked_add(i32::from(scale))?;
        let lost = shift < 0
            && self.digits != 0
            && POWERS.get(shift.unsigned_abs() as usize).is_none_or(|p| !self.digits.is_multiple_of(p.unsigned_abs()));
        if self.inexact || lost { None } else { self.rounded(precision, scale) }
    }
}

/// Returns the float64 nearest to the number.
pub fn to_f64(value: i128, scale: u8) -> f64 {
    // Both exact: one division rounds once.
    if value.unsigned_abs() < 1 << 53 && scale <= 22 {
        return value as f64 / POWERS[scale as usize] as f64;
    }
    use std::io::Write;
    let mut text = [0u8; 48];
    let mut rest = &mut text[..];
    write!(rest, "{value}e-{scale}").expect("40 digits and an exponent fit");
    let left = rest.len();
    let written = std::str::from_utf8(&text[..48 - left]).expect("digits are ASCII");
    written.parse().expect("a number as Rust writes it")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, precision: u8, scale: u8, expected: Option<&str>) {
        let value = read(text).and_then(|w| w.rounded(precision, scale));
        assert_eq!(value.map(|v| to_string(v, scale)).as_deref(), expected, "{text}");
    }

    #[test]
    fn numbers_are_read_and_written() {
        check("12.345", 10, 2, Some("12.35"));
        check("-12.345", 10, 2, Some("-12.35"));
        check("0.005", 3, 2, Some("0.01"));
        check("0.0049999", 3, 2, Some("0.00"));
        check("1e3", 5, 1, Some("1000.0"));
        check("99.995", 4, 2, None);
        check("99999999999999999999999999999999999999", 38, 0, Some("99999999999999999999999999999999999999"));
        check("100000000000000000000000000000000000000", 38, 0, None);
        check("0.00000000000000000000000000000000000000049", 38, 38, Some("0.00000000000000000000000000000000000000"));
        check("99999999999999999999999999999999999999.4", 38, 0, Some("99999999999999999999999999999999999999"));
        check("99999999999999999999999999999999999998.5", 38, 0, Some("99999999999999999999999999999999999999"));
        check("99999999999999999999999999999999999999.5", 38, 0, None);
        check("9999999999999999999999999999999999999999e-3", 38, 1, None);
        check(
            "-0.999999999999999999999999999999999999994999",
            38,
            38,
            Some("-0.99999999999999999999999999999999999999"),
        );
        check("0.99999999999999999999999999999999999999e-1", 38, 38, Some("0.10000000000000000000000000000000000000"));
        check("99999999999999999999999999999999999999e-39", 38, 0, Some("0"));
        check("1e-400", 38, 38, Some("0.00000000000000000000000000000000000000"));
        check("123456789012345678901234567890123456789012345e-20", 38, 5, Some("1234567890123456789012345.67890"));
        for bad in ["", "-", ".", "1.2.3", "1e", "e5", "1e+", "0x1", " 1", "1e99999999999"] {
            assert_eq!(read(bad), None, "{bad}");
        }
        assert_eq!(read("1.230").and_then(|w| w.exact(5, 2)), Some(123));
        assert_eq!(read("1.234").and_then(|w| w.exact(5, 2)), None);
    }

    #[test]
    fn floats_are_the_nearest() {
        assert_eq!(to_f64(1, 1), 0.1);
        assert_eq!(to_f64(-12345678901234567890123456789, 10), -1234567890123456789.0123456789);
        assert_eq!(to_f64(99999999999999999999999999999999999999, 38), 1.0);
    }
}
