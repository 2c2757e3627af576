//! Whole numbers of 256 bits: what the exact results of decimals need before they are rounded.

use model::decimal::POWERS;

/// A sign and a size, little end first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wide {
    negative: bool,
    limbs: [u64; 4],
}

impl Wide {
    pub fn of(value: i128) -> Wide {
        let size = value.unsigned_abs();
        Wide { negative: value < 0, limbs: [size as u64, (size >> 64) as u64, 0, 0] }
    }

    /// Returns the exact product.
    pub fn product(a: i128, b: i128) -> Wide {
        let (x, y) = (Wide::of(a).limbs, Wide::of(b).limbs);
        let mut limbs = [0u64; 4];
        for i in 0..2 {
            let mut carry = 0u128;
            for j in 0..2 {
                let sum = u128::from(x[i]) * u128::from(y[j]) + u128::from(limbs[i + j]) + carry;
                limbs[i + j] = sum as u64;
                carry = sum >> 64;
            }
            limbs[i + 2] = carry as u64;
        }
        Wide { negative: (a < 0) != (b < 0), limbs }
    }

    /// Returns the number times ten to a power, of which the product has at most 76 digits.
    pub fn times_ten(mut self, power: u8) -> Wide {
        for _ in 0..power {
            let mut carry = 0u128;
            for limb in &mut self.limbs {
                let sum = u128::from(*limb) * 10 + carry;
                *limb = sum as u64;
                carry = sum >> 64;
            }
        }
        self
    }

    pub fn plus(self, other: Wide) -> Wide {
        if self.negative == other.negative {
            let (mut limbs, mut carry) = (self.limbs, 0u128);
            for (limb, more) in limbs.iter_mut().zip(other.limbs) {
                let sum = u128::from(*limb) + u128::from(more) + carry;
                *limb = sum as u64;
                carry = sum >> 64;
            }
            return Wide { negative: self.negative, limbs };
        }
        let is_larger = self.limbs.iter().rev().ge(other.limbs.iter().rev());
        let (large, small) = if is_larger { (self, other) } else { (other, self) };
        let (mut limbs, mut borrow) = (large.limbs, false);
        for (limb, less) in limbs.iter_mut().zip(small.limbs) {
            let (difference, under) = limb.overflowing_sub(less);
            let (difference, more) = difference.overflowing_sub(borrow.into());
            *limb = difference;
            borrow = under || more;
        }
        Wide { negative: large.negative, limbs }
    }

    /// Cuts the last digit, and returns it.
    fn cut(&mut self) -> u64 {
        let mut rest = 0u128;
        for limb in self.limbs.iter_mut().rev() {
            let whole = rest << 64 | u128::from(*limb);
            *limb = (whole / 10) as u64;
            rest = whole % 10;
        }
        rest as u64
    }

    /// Returns the number without so many of its last digits, rounded half away from zero.
    pub fn rounded(mut self, digits: u32) -> Wide {
        let mut last = 0;
        for _ in 0..digits.min(80) {
            last = self.cut();
        }
        if digits <= 80 && last >= 5 {
            let one = Wide { negative: self.negative, limbs: [1, 0, 0, 0] };
            return self.plus(one);
        }
        self
    }

    /// Returns how many digits the number has; 0 has none.
    pub fn digits(mut self) -> u32 {
        let mut count = 0;
        while self.limbs != [0; 4] {
            self.cut();
            count += 1;
        }
        count
    }

    pub fn value(self) -> Option<i128> {
        let [a, b, 0, 0] = self.limbs else { return None };
        let size = i128::try_from(u128::from(b) << 64 | u128::from(a)).ok()?;
        Some(if self.negative { -size } else { size })
    }
}

/// Appends digits of `rest / divisor` to a quotient; `rest` is below the divisor, which is below 10^38.
struct Division {
    rest: u128,
    divisor: u128,
}

impl Division {
    fn digit(&mut self) -> u128 {
        let (mut sum, mut digit) = (0u128, 0);
        for _ in 0..10 {
            sum += self.rest;
            if sum >= self.divisor {
                sum -= self.divisor;
                digit += 1;
            }
        }
        self.rest = sum;
        digit
    }
}

/// Returns `(a / 10^sa) / (b / 10^sb)` at scale 38, rounded half up; nothing where its whole part has more than 38 digits.
pub(super) fn quotient(a: i128, sa: u8, b: i128, sb: u8) -> Option<Wide> {
    let (size, divisor) = (a.unsigned_abs(), b.unsigned_abs());
    let mut division = Division { rest: size % divisor, divisor };
    let mut digits = Wide::of((size / divisor) as i128);
    // The quotient's digits stand at scale sa - sb; below 0 they lack that many.
    let mut scale = i32::from(sa) - i32::from(sb);
    let mut count = digits.digits();
    while scale < 39 {
        if count > 75 {
            return None;
        }
        let digit = division.digit();
        digits = digits.times_ten(1).plus(Wide::of(digit as i128));
        count += u32::from(count > 0 || digit > 0);
        scale += 1;
    }
    let result = digits.rounded((scale - 38) as u32);
    Some(Wide { negative: (a < 0) != (b < 0), ..result })
}

/// Returns the whole part of `(a / 10^sa) / (b / 10^sb)`, where 128 bits hold it.
pub(super) fn whole_quotient(a: i128, sa: u8, b: i128, sb: u8) -> Option<i128> {
    let (size, divisor) = (a.unsigned_abs(), b.unsigned_abs());
    let mut whole = i128::try_from(size / divisor).ok()?;
    if sa >= sb {
        whole /= POWERS[usize::from(sa - sb)];
    } else {
        let mut division = Division { rest: size % divisor, divisor };
        for _ in 0..sb - sa {
            whole = whole.checked_mul(10)?.checked_add(division.digit() as i128)?;
        }
    }
    Some(if (a < 0) != (b < 0) { -whole } else { whole })
}

/// Returns the remainder of `(a / 10^sa) / (b / 10^sb)` at the larger scale, with the sign of `a`.
pub(super) fn remainder(a: i128, sa: u8, b: i128, sb: u8) -> i128 {
    let (size, divisor) = (a.unsigned_abs(), b.unsigned_abs());
    let rest = if sa >= sb {
        match divisor.checked_mul(POWERS[usize::from(sa - sb)].unsigned_abs()) {
            Some(divisor) => size % divisor,
            // The divisor is larger than any decimal.
            None => size,
        }
    } else {
        let mut division = Division { rest: size % divisor, divisor };
        (0..sb - sa).for_each(|_| {
            division.digit();
        });
        division.rest
    };
    let rest = i128::try_from(rest).expect("smaller than a decimal");
    if a < 0 { -rest } else { rest }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_numbers_are_exact() {
        let large = 99_999_999_999_999_999_999_999_999_999_999_999_999i128;
        let product = Wide::product(large, -large);
        assert_eq!(product.digits(), 76);
        assert_eq!(product.rounded(38).value(), Some(-(large - 1)));
        assert_eq!(product.plus(Wide::product(large, large)).value(), Some(0));
        assert_eq!(
            quotient(1, 0, 3, 0).and_then(Wide::value),
            Some(33_333_333_333_333_333_333_333_333_333_333_333_333)
        );
        assert_eq!(quotient(-20, 1, 3, 1).map(|q| q.rounded(36).value()), Some(Some(-667)));
        assert_eq!(quotient(2, 38, 1, 0).and_then(Wide::value), Some(2));
        assert_eq!((remainder(-75, 1, 2, 0), remainder(7, 0, 25, 1), remainder(large, 38, large, 0)), (-15, 20, large));
        assert_eq!(whole_quotient(75, 1, 2, 0), Some(3));
        assert_eq!(whole_quotient(7, 0, 25, 1), Some(2));
    }
}
