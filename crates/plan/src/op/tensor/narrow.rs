//! Numbers of fewer bits than a computer has types for: floats of eight and of four bits, integers of four and of two.
//!
//! A plan computes on the wider type that holds each of them (float32, int8, uint8); here stands which of its values they
//! are. Sources: the page of ONNX on 8-bit floats, and the OCP's specification of the Microscaling formats.

use model::DType;

/// A type of few bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Narrow {
    /// No infinities; a NaN of each sign.
    E4M3Fn,
    /// No infinities, no negative zero, one NaN; exponents are one less.
    E4M3FnUz,
    /// As IEEE 754 would have it.
    E5M2,
    /// As `E4M3FnUz`.
    E5M2FnUz,
    /// Neither infinities nor NaN.
    E2M1,
    /// Powers of two, and NaN: neither signs nor zero.
    E8M0(Toward),
    Int {
        bits: u32,
        signed: bool,
    },
}

/// Where a number between two powers of two goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Toward {
    Nearest,
    Up,
    Down,
}

/// How a float's numbers lie.
struct Grid {
    /// Bits behind the point.
    mantissa: i32,
    /// The exponent of the smallest normal number.
    least: i32,
    most: f64,
}

impl Narrow {
    /// Returns the type that holds its values.
    pub fn held_by(self) -> DType {
        match self {
            Narrow::Int { signed: true, .. } => DType::I8,
            Narrow::Int { signed: false, .. } => DType::U8,
            _ => DType::F32,
        }
    }

    fn grid(self) -> Option<Grid> {
        let (mantissa, least, most) = match self {
            Narrow::E4M3Fn => (3, -6, 448.0),
            Narrow::E4M3FnUz => (3, -7, 240.0),
            Narrow::E5M2 => (2, -14, 57_344.0),
            Narrow::E5M2FnUz => (2, -15, 57_344.0),
            Narrow::E2M1 => (1, 0, 6.0),
            Narrow::E8M0(_) | Narrow::Int { .. } => return None,
        };
        Some(Grid { mantissa, least, most })
    }

    /// Returns its number for this one. Floats: the nearest, halves to even; what is beyond the greatest becomes that where
    /// `saturate` says so, else infinity or NaN. Integers: cut toward zero, then to their bits; NaN is 0.
    pub fn round(self, x: f64, saturate: bool) -> f64 {
        match self {
            Narrow::E8M0(toward) => power(x as f32, toward, saturate),
            Narrow::Int { bits, signed } => {
                let all = 1_i64 << bits;
                let low = (x as i64).rem_euclid(all);
                (if signed && low >= all / 2 { low - all } else { low }) as f64
            }
            _ => self.grid().map_or(x, |grid| self.float(x, &grid, saturate)),
        }
    }

    fn float(self, x: f64, grid: &Grid, saturate: bool) -> f64 {
        let has_no_minus = matches!(self, Narrow::E4M3FnUz | Narrow::E5M2FnUz);
        if x.is_nan() {
            return if self == Narrow::E2M1 { 0.0 } else { x };
        }
        let exponent = ((x.abs().to_bits() >> 52) as i32 - 1023).max(grid.least);
        // Of an infinity too large to matter: it is beyond the greatest.
        let step = f64::from_bits(((exponent.min(1000) - grid.mantissa + 1023) as u64) << 52);
        let near = if x.is_finite() { (x / step).round_ties_even() * step } else { x };
        if near.abs() > grid.most {
            return match self {
                _ if saturate || self == Narrow::E2M1 => grid.most.copysign(x),
                Narrow::E5M2 => f64::INFINITY.copysign(x),
                _ => f64::NAN,
            };
        }
        if near == 0.0 && has_no_minus { 0.0 } else { near }
    }

    /// Returns the number that these bits are.
    pub fn value(self, bits: u8) -> f32 {
        let Some(grid) = self.grid() else {
            return match self {
                Narrow::Int { signed: true, .. } => f32::from(bits as i8),
                Narrow::Int { .. } => f32::from(bits),
                _ if bits == 0xff => f32::NAN,
                _ => f32::from_bits(if bits == 0 { 1 << 22 } else { u32::from(bits) << 23 }),
            };
        };
        let (exponents, width) = if self == Narrow::E2M1 { (2, 4) } else { (7 - grid.mantissa, 8) };
        let sign = if bits >> (width - 1) & 1 == 1 { -1.0 } else { 1.0 };
        let exponent = i32::from(bits >> grid.mantissa) & ((1 << exponents) - 1);
        let mantissa = i32::from(bits) & ((1 << grid.mantissa) - 1);
        match self {
            Narrow::E4M3FnUz | Narrow::E5M2FnUz if bits == 0x80 => return f32::NAN,
            Narrow::E4M3Fn if bits & 0x7f == 0x7f => return f32::NAN,
            Narrow::E5M2 if exponent == 31 => return if mantissa == 0 { sign * f32::INFINITY } else { f32::NAN },
            _ => {}
        }
        let (whole, exponent) = if exponent == 0 { (0, 0) } else { (1 << grid.mantissa, exponent - 1) };
        let scale = f32::from_bits(((exponent + grid.least - grid.mantissa + 127) as u32) << 23);
        sign * (whole + mantissa) as f32 * scale
    }
}

/// Returns the power of two for a number, whose sign does not count; of 0 and what is below all, the least.
fn power(x: f32, toward: Toward, saturate: bool) -> f64 {
    let bits = x.to_bits();
    let (exponent, mantissa) = (bits >> 23 & 0xff, bits & 0x7f_ffff);
    if exponent == 0xff {
        return f64::NAN;
    }
    let is_up = match toward {
        Toward::Down => false,
        Toward::Up => mantissa > 0,
        Toward::Nearest => mantissa > 0x40_0000 || mantissa == 0x40_0000 && exponent > 0,
    };
    let exponent = if is_up && !(saturate && exponent == 0xfe) { exponent + 1 } else { exponent };
    f64::from(Narrow::E8M0(toward).value(exponent as u8))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLOATS: [Narrow; 5] = [Narrow::E4M3Fn, Narrow::E4M3FnUz, Narrow::E5M2, Narrow::E5M2FnUz, Narrow::E2M1];

    #[test]
    fn a_number_that_is_there_stays() {
        for narrow in FLOATS {
            for bits in 0..=if narrow == Narrow::E2M1 { 15 } else { 255 } {
                let value = f64::from(narrow.value(bits));
                let same = narrow.round(value, false);
                assert!(same == value || same.is_nan() && value.is_nan(), "{narrow:?} {bits:#x} {value}");
            }
        }
    }

    #[test]
    fn known_numbers() {
        // Rows of the formats' tables: the least, the least normal and the greatest number.
        for (narrow, bits) in [
            (Narrow::E4M3Fn, [(0x01, 2f32.powi(-9)), (0x08, 2f32.powi(-6)), (0x7e, 448.0)]),
            (Narrow::E4M3FnUz, [(0x01, 2f32.powi(-10)), (0x08, 2f32.powi(-7)), (0x7f, 240.0)]),
            (Narrow::E5M2, [(0x01, 2f32.powi(-16)), (0x04, 2f32.powi(-14)), (0x7b, 57_344.0)]),
            (Narrow::E5M2FnUz, [(0x01, 2f32.powi(-17)), (0x04, 2f32.powi(-15)), (0x7f, 57_344.0)]),
            (Narrow::E2M1, [(0x01, 0.5), (0x02, 1.0), (0x07, 6.0)]),
            (Narrow::E8M0(Toward::Up), [(0, 2f32.powi(-127)), (1, 2f32.powi(-126)), (254, 2f32.powi(127))]),
        ] {
            for (bits, value) in bits {
                assert_eq!(narrow.value(bits), value, "{narrow:?} {bits:#x}");
            }
        }
    }

    #[test]
    fn halves_go_to_even_and_what_is_beyond_as_asked() {
        assert_eq!([17.0, 19.0, 464.0, -1e6].map(|x| Narrow::E4M3Fn.round(x, true)), [16.0, 20.0, 448.0, -448.0]);
        assert!(Narrow::E4M3Fn.round(465.0, false).is_nan() && Narrow::E4M3Fn.round(464.0, false) == 448.0);
        assert_eq!(Narrow::E5M2.round(1e6, false), f64::INFINITY);
        assert!(Narrow::E4M3FnUz.round(-1e-9, true).is_sign_positive());
        assert_eq!([0.25, 0.26, -3.5, 9.0, f64::NAN].map(|x| Narrow::E2M1.round(x, false)), [0.0, 0.5, -4.0, 6.0, 0.0]);
    }

    #[test]
    fn integers_keep_their_bits() {
        let (int4, uint4) = (Narrow::Int { bits: 4, signed: true }, Narrow::Int { bits: 4, signed: false });
        assert_eq!([-9.0, -8.7, 7.9, 8.0, f64::NAN].map(|x| int4.round(x, true)), [7.0, -8.0, 7.0, -8.0, 0.0]);
        assert_eq!([-1.0, 15.0, 16.0].map(|x| uint4.round(x, true)), [15.0, 15.0, 0.0]);
    }

    #[test]
    fn powers_of_two() {
        let of = |toward| [3.0, 1.4, 1.5, 0.0].map(|x| Narrow::E8M0(toward).round(x, true));
        let least = 2f64.powi(-127);
        assert_eq!(of(Toward::Up), [4.0, 2.0, 2.0, least]);
        assert_eq!(of(Toward::Down), [2.0, 1.0, 1.0, least]);
        assert_eq!(of(Toward::Nearest), [4.0, 1.0, 2.0, least]);
        assert!(Narrow::E8M0(Toward::Up).round(f64::INFINITY, true).is_nan());
    }
}
