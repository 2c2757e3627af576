//! Categories as codes: a category that some set of a column names has a code of its own, all others share one, a missing one has the last.
//!
//! Of forests with many distinct sets a row has the code of its category, not a side of every set: a node has its set as bits, one for each
//! code.

use plan::{Categories, Precision};

use super::normal::{Category, Column, Rules, SetTest};

/// Codes that a byte has.
const CODES_MAX: usize = 256;

/// Categories that a table of codes may have.
const CATEGORIES_MAX: u32 = 1 << 16;

/// Of each code, whether it goes right: a bit.
pub type Rights = [u8; CODES_MAX / 8];

/// The codes of a column.
#[derive(Clone, Debug)]
pub struct Codes {
    /// Of each category up to the last that a set names, of any other, of a missing one.
    of: Box<[u8]>,
    /// The code of any other; the next is that of a missing one.
    other: u8,
}

impl Codes {
    /// Returns the codes of what these sets name; nothing where a byte has too few.
    pub fn new(sets: &[&SetTest]) -> Option<Codes> {
        let categories = sets.iter().map(|set| set.categories()).max().unwrap_or(0);
        if categories > CATEGORIES_MAX {
            return None;
        }
        let mut named = vec![false; categories as usize];
        for set in sets {
            named.iter_mut().zip(0..).for_each(|(named, category)| *named |= set.holds(category));
        }
        let count = named.iter().filter(|named| **named).count();
        let other = u8::try_from(count).ok().filter(|other| usize::from(*other) + 2 <= CODES_MAX)?;
        let mut next = 0;
        let code = |named: bool| {
            let code = if named { next } else { other };
            next += u8::from(named);
            code
        };
        Some(Codes { of: named.into_iter().map(code).chain([other, other + 1]).collect(), other })
    }

    /// Returns how many codes there are.
    pub fn count(&self) -> usize {
        usize::from(self.other) + 2
    }

    #[inline]
    pub fn of(&self, category: Category) -> u8 {
        self.of[self.place(category) as usize]
    }

    #[inline(always)]
    fn place(&self, category: Category) -> u32 {
        let other = self.of.len() as u32 - 2;
        match category {
            Category::Known(category) => category.min(other),
            Category::Other => other,
            Category::Missing => other + 1,
        }
    }

    /// Writes the codes of the categories that a column has for many rows.
    #[inline(always)]
    pub fn of_block(&self, rules: &Rules, column: &Column, x: &[f64], out: &mut [u8]) {
        // Whatever is the same for all numbers is asked before them.
        match rules.categories() {
            Categories::Exact => self.each(rules, column, |x| Categories::Exact.of(x), x, out),
            Categories::Truncated => self.each(rules, column, |x| Categories::Truncated.of(x), x, out),
            Categories::TruncatedFromZero => self.each(rules, column, |x| Categories::TruncatedFromZero.of(x), x, out),
        }
    }

    #[inline(always)]
    fn each(&self, rules: &Rules, column: &Column, of: impl Fn(f64) -> Option<u32>, x: &[f64], out: &mut [u8]) {
        let (last, is_f32) = (self.of.len() as u32 - 1, rules.compares() == Precision::F32);
        let zero_max = rules.zero_max_of(column);
        let place = |x: f64| {
            let rounded = if is_f32 { f64::from(x as f32) } else { x };
            let place = of(rounded).map_or(last - 1, |category| category.min(last - 1));
            if x.is_nan() | (x.abs() <= zero_max) { last } else { place }
        };
        // Places first: without a look into a table they are found for a register of numbers at once.
        for (x, out) in x.as_chunks::<8>().0.iter().zip(out.as_chunks_mut::<8>().0) {
            *out = x.map(place).map(|place| self.of[place.min(last) as usize]);
        }
    }

    /// Returns what a set sends right.
    pub fn rights(&self, set: &SetTest) -> Rights {
        let mut rights = Rights::default();
        let known = (0..self.of.len() as u32 - 2).map(Category::Known);
        for category in known.chain([Category::Other, Category::Missing]) {
            let code = self.of(category);
            rights[usize::from(code / 8)] |= u8::from(!set.is_left(category)) << (code % 8);
        }
        rights
    }
}

/// Whether a code goes right.
pub fn is_right(rights: &Rights, code: u8) -> bool {
    rights[usize::from(code / 8)] >> (code % 8) & 1 != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_goes_where_its_category_does() {
        let set = |words: &[u64], left_if_in, missing_left| SetTest { words: words.into(), left_if_in, missing_left };
        let sets = [
            set(&[0b1010], true, false),
            set(&[0b1000, 1 << 63], false, true),
            set(&[0, 0, 0, 7], true, true),
            set(&[], false, false),
        ];
        let codes = Codes::new(&sets.each_ref()).expect("few are named");
        assert_eq!(codes.count(), 6 + 2);
        let known = (0..300).map(Category::Known);
        for category in known.chain([Category::Other, Category::Missing]) {
            for set in &sets {
                assert_eq!(
                    is_right(&codes.rights(set), codes.of(category)),
                    !set.is_left(category),
                    "{category:?}, {set:?}"
                );
            }
        }
    }

    #[test]
    fn a_byte_has_room_for_as_many_categories_as_codes_without_two() {
        let named = |count: usize| {
            let words: Vec<u64> = (0..8)
                .map(|word| (0..64).filter(|bit| word * 64 + bit < count).fold(0, |w, bit| w | 1 << bit))
                .collect();
            SetTest { words: words.into(), left_if_in: true, missing_left: false }
        };
        assert_eq!(Codes::new(&[&named(254)]).map(|codes| codes.count()), Some(256));
        assert!(Codes::new(&[&named(255)]).is_none());
        let far = SetTest { words: vec![1; 1025].into(), left_if_in: true, missing_left: false };
        assert!(Codes::new(&[&far]).is_none());
    }
}
