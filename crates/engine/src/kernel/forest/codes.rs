//! Categories as codes: a category that some set of a column names has a code of its own, all others share one, a missing one has the last.
//!
//! Of forests with many distinct sets a row has the code of its category, not a side of every set: a node has its set as bits, one for each
//! code.

use super::normal::{Category, SetTest};

/// Codes that a byte has.
const CODES_MAX: usize = 256;

/// Categories that a table of codes may have.
const CATEGORIES_MAX: u32 = 1 << 16;

/// Of each code, whether it goes right: a bit.
pub type Rights = [u8; CODES_MAX / 8];

/// The codes of a column.
#[derive(Clone, Debug)]
pub struct Codes {
    /// Of each category up to the last that a set names.
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
        Some(Codes { of: named.into_iter().map(code).collect(), other })
    }

    /// Returns how many codes there are.
    pub fn count(&self) -> usize {
        usize::from(self.other) + 2
    }

    #[inline]
    pub fn of(&self, category: Category) -> u8 {
        match category {
            Category::Known(category) => self.of.get(category as usize).copied().unwrap_or(self.other),
            Category::Other => self.other,
            Category::Missing => self.other + 1,
        }
    }

    /// Returns what a set sends right.
    pub fn rights(&self, set: &SetTest) -> Rights {
        let mut rights = Rights::default();
        let known = (0..self.of.len() as u32).map(Category::Known);
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
