//! The digits of `FloatingDecimal.dtoa` (OpenJDK, before 19) where they are not the fewest that read back.
//!
//! They are the fewest but for numbers from 2^54 (float32: 2^25), powers of two, those below the normal ones, and where the
//! number lies halfway between two texts. Up to 2^63 digits are cut that a unit in the last place outweighs; above, and below
//! 1, digits are made until what is left is less than half such a unit, which counts as symmetrical.

use std::{cmp::Ordering, f64::consts::LOG10_2};

use num_bigint::BigUint;

/// The size of a finite number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Number {
    /// Its bits without the zeros behind the last one.
    odd: u64,
    /// The power of two that its first bit counts.
    top: i32,
    /// The bits that its type has at this size, and at every normal one.
    kept: i32,
    normal: i32,
}

impl Number {
    pub fn of_f64(x: f64) -> Number {
        const HIDDEN: u64 = 1 << 52;
        let (fraction, exponent) = (x.to_bits() & (HIDDEN - 1), (x.to_bits() >> 52 & 0x7FF) as i32);
        let bits = match exponent {
            0 => fraction,
            0x7FF => 0,
            _ => fraction | HIDDEN,
        };
        Number::new(bits, exponent.max(1) - 1075, 53)
    }

    pub fn of_f32(x: f32) -> Number {
        const HIDDEN: u32 = 1 << 23;
        let (fraction, exponent) = (x.to_bits() & (HIDDEN - 1), (x.to_bits() >> 23 & 0xFF) as i32);
        let bits = match exponent {
            0 => fraction,
            0xFF => 0,
            _ => fraction | HIDDEN,
        };
        Number::new(bits.into(), exponent.max(1) - 150, 24)
    }

    /// Of `bits * 2^exponent`.
    fn new(bits: u64, exponent: i32, normal: i32) -> Number {
        let kept = bit_length(bits);
        Number { odd: bits >> bits.trailing_zeros().min(63), top: exponent + kept - 1, kept, normal }
    }

    /// Whether the fewest digits, so many of them behind the point, may be others than Java's.
    pub fn differs(self, decimals: i32) -> bool {
        let is_tie = bit_length(self.odd) - self.top - 1 == decimals + 1;
        self.odd != 0 && (self.kept < self.normal || self.odd == 1 || self.top > self.kept || is_tie)
    }

    /// Returns a whole number and the power of ten that it counts.
    pub fn digits(self) -> (u64, i32) {
        let bits = bit_length(self.odd);
        match self.top {
            0..=62 if bits <= self.top + 1 => self.cut(bits),
            _ => self.made(bits),
        }
    }

    /// A whole number of at most 63 bits, without the digits that the type does not keep.
    fn cut(self, bits: i32) -> (u64, i32) {
        let value = self.odd << (self.top + 1 - bits);
        let lost = (self.top - self.kept - 1).max(0);
        // The whole part of lost * log10(2).
        let lost = if lost < 2 { 0 } else { lost as u32 * 30_103 / 100_000 };
        let unit = 10u64.pow(lost);
        let up = lost > 0 && value % unit >= unit / 2;
        (value / unit + u64::from(up), lost as i32)
    }

    /// Digit after digit, of `b / s`, until `m`, half a unit in the last place, outweighs the rest.
    fn made(self, bits: i32) -> (u64, i32) {
        let mut power = self.power(bits);
        let tiny = (bits - self.top - 1).max(0);
        let (b5, s5) = ((-power).max(0), power.max(0));
        let (b2, s2) = (b5 + tiny + self.top, s5 + tiny);
        let m2 = b2 - self.kept - i32::from(bits == 1);
        let b2 = b2 - (bits - 1);
        let common = b2.min(s2).min(m2);
        let (b2, s2, m2) = (b2 - common, s2 - common, m2 - common);

        let (b_bits, tens_bits) = (bits + b2 + bits_of_five(b5), s2 + 1 + bits_of_five(s5 + 1));
        let scaled =
            |value: u64, five: i32, two: i32| (BigUint::from(value) * BigUint::from(5u8).pow(five as u32)) << two;
        let (b, s, m) = (scaled(self.odd, b5, b2), scaled(1, s5, s2), scaled(1, b5, m2));
        let mut rest = match b_bits.max(tens_bits) {
            ..32 => Rest::Word { b: low(&b), s: low(&s), m: low(&m), wrap: |x| i64::from(x as i32) },
            32..64 => Rest::Word { b: low(&b), s: low(&s), m: low(&m), wrap: |x| x },
            _ => Rest::Large { b, tens: &s * 10u8, s, m },
        };

        let (mut digits, mut is_low, mut is_high) = rest.next();
        let mut count = 1;
        if digits == 0 && !is_high {
            (power, count) = (power - 1, 0);
        }
        if !(-3..8).contains(&power) {
            (is_low, is_high) = (false, false);
        }
        while !is_low && !is_high {
            let digit;
            (digit, is_low, is_high) = rest.next();
            digits = digits * 10 + digit;
            count += 1;
        }
        let up = is_high
            && match rest.beside_half() {
                _ if !is_low => true,
                Ordering::Less => false,
                Ordering::Equal => digits % 2 == 1,
                Ordering::Greater => true,
            };
        (digits + u64::from(up), power + 1 - count)
    }

    /// Estimates the power of ten that the first digit counts; the true one, or one above.
    fn power(self, bits: i32) -> i32 {
        let fraction = self.odd << (53 - bits) & ((1 << 52) - 1);
        let first = f64::from_bits(1023 << 52 | fraction);
        let log = (first - 1.5) * 0.289_529_654 + 0.176_091_259 + f64::from(self.top) * LOG10_2;
        log.floor() as i32
    }
}

/// What is left of a number when digits were made of it.
enum Rest {
    /// In Java's int or long, which wraps.
    Word {
        b: i64,
        s: i64,
        m: i64,
        wrap: fn(i64) -> i64,
    },
    Large {
        b: BigUint,
        s: BigUint,
        m: BigUint,
        tens: BigUint,
    },
}

impl Rest {
    /// Returns the next digit, whether what is left is less than the last place tells, and whether what lacks to the next is.
    fn next(&mut self) -> (u64, bool, bool) {
        match self {
            Rest::Word { b, s, m, wrap } => {
                let digit = *b / *s;
                *b = wrap(10 * (*b % *s));
                *m = wrap(m.wrapping_mul(10));
                let tens = wrap(s.wrapping_mul(10));
                let spent = *m <= 0;
                (digit as u64, spent || *b < *m, spent || wrap(b.wrapping_add(*m)) > tens)
            }
            Rest::Large { b, s, m, tens } => {
                let digit = &*b / &*s;
                *b = (&*b % &*s) * 10u8;
                *m *= 10u8;
                (u64::try_from(digit).expect("below ten"), *b < *m, &*b + &*m >= *tens)
            }
        }
    }

    /// Compares what is left with half of the last digit's place.
    fn beside_half(&self) -> Ordering {
        match self {
            Rest::Word { b, s, wrap, .. } => wrap(wrap(b << 1).wrapping_sub(wrap(s.wrapping_mul(10)))).cmp(&0),
            Rest::Large { b, tens, .. } => (b << 1u8).cmp(tens),
        }
    }
}

/// Returns the number, which has at most 63 bits.
fn low(number: &BigUint) -> i64 {
    i64::try_from(number).expect("at most 63 bits")
}

fn bit_length(bits: u64) -> i32 {
    64 - bits.leading_zeros() as i32
}

/// Returns how many bits a power of five has; of large ones, and of the first, an estimate.
fn bits_of_five(power: i32) -> i32 {
    match power {
        0 => 0,
        1..=26 => bit_length(5u64.pow(power as u32)),
        _ => 3 * power,
    }
}
