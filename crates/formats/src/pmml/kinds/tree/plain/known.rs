//! What is known of a feature where a test is asked.

use super::Column;

/// Highest number that counts as a category.
const CATEGORY_MAX: f64 = 4_096.0;

/// What is known of one feature. Bounds and categories hold where it is not missing.
#[derive(Clone, Debug)]
pub struct Known {
    /// Nothing where both may be.
    pub missing: Option<bool>,
    low: f64,
    has_low: bool,
    high: f64,
    has_high: bool,
    pub codes: Codes,
}

/// Categories: those of the set bits, or all others (and whatever is no category).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Codes {
    words: Vec<u64>,
    others: bool,
}

impl Known {
    /// Returns what is known where nothing has been asked.
    pub fn new(column: Column) -> Known {
        let codes = match column {
            Some(count) => Codes { words: Codes::first(count), others: false },
            None => Codes { words: Vec::new(), others: true },
        };
        let (low, high) = (f64::NEG_INFINITY, f64::INFINITY);
        Known { missing: None, low, has_low: true, high, has_high: true, codes }
    }

    /// Returns whether it lies below a bound (`below`: in `x <= bound` where that is closed, else in `x < bound`), or above it.
    pub fn is_within(&self, bound: f64, closed: bool, below: bool) -> bool {
        match below {
            true => self.high < bound || (self.high == bound && (closed || !self.has_high)),
            false => self.low > bound || (self.low == bound && (!closed || !self.has_low)),
        }
    }

    /// Returns the same, but for what is known of its being missing.
    pub fn but(&self, missing: Option<bool>) -> Known {
        Known { missing, ..self.clone() }
    }

    /// Returns the same, but for its categories.
    pub fn of(&self, codes: Codes) -> Known {
        Known { codes, ..self.clone() }
    }

    /// Returns what is known below a bound.
    pub fn below(&self, bound: f64, closed: bool) -> Known {
        Known { high: bound, has_high: closed, ..self.clone() }
    }

    /// Returns what is known above a bound that belongs to the lower part where that is closed.
    pub fn above(&self, bound: f64, closed: bool) -> Known {
        Known { low: bound, has_low: !closed, ..self.clone() }
    }
}

impl Codes {
    /// Returns the categories of these numbers; nothing where one is none that a set of a forest holds.
    pub fn of(values: &[f64]) -> Option<Codes> {
        let mut words = Vec::new();
        for value in values {
            if !(0.0..=CATEGORY_MAX).contains(value) || value.fract() != 0.0 {
                return None;
            }
            let code = *value as usize;
            if words.len() <= code / 64 {
                words.resize(code / 64 + 1, 0);
            }
            words[code / 64] |= 1 << (code % 64);
        }
        Some(Codes { words, others: false })
    }

    fn first(count: u32) -> Vec<u64> {
        let bits = |left: u32| if left >= 64 { u64::MAX } else { (1 << left) - 1 };
        (0..count.div_ceil(64)).map(|word| bits(count - word * 64)).collect()
    }

    /// Returns the set bits.
    pub fn words(&self) -> &[u64] {
        &self.words
    }

    /// Returns whether all of these are in the set or none is; nothing where some are. The set names its members.
    pub fn are_in(&self, set: &Codes) -> Option<bool> {
        let (a, b) = (&self.words, &set.words);
        match self.others {
            // All but some: never all in a set, and none where the set is among those left out.
            true => subset(b, a).then_some(false),
            false if subset(a, b) => Some(true),
            false => a.iter().zip(b).all(|(a, b)| a & b == 0).then_some(false),
        }
    }

    /// Returns those in the set.
    pub fn inside(&self, set: &Codes) -> Codes {
        let keep = |at: usize, word: u64| {
            let mine = self.words.get(at).copied().unwrap_or(0);
            word & if self.others { !mine } else { mine }
        };
        let words = set.words.iter().enumerate().map(|(at, word)| keep(at, *word)).collect();
        Codes { words, others: false }
    }

    /// Returns those that are not in the set.
    pub fn outside(&self, set: &Codes) -> Codes {
        let len = self.words.len().max(if self.others { set.words.len() } else { 0 });
        let of = |words: &[u64], at: usize| words.get(at).copied().unwrap_or(0);
        let word = |at: usize| {
            let (mine, theirs) = (of(&self.words, at), of(&set.words, at));
            if self.others { mine | theirs } else { mine & !theirs }
        };
        Codes { words: (0..len).map(word).collect(), others: self.others }
    }
}

fn subset(a: &[u64], b: &[u64]) -> bool {
    a.iter().enumerate().all(|(at, word)| word & !b.get(at).copied().unwrap_or(0) == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_settle_what_need_not_be_asked() {
        let known = Known::new(None).above(1.0, true);
        assert!(known.is_within(1.0, true, false) && known.is_within(1.0, false, false));
        assert!(!known.is_within(1.0, true, true) && !known.is_within(2.0, true, false));
        let known = Known::new(None).below(1.0, true);
        assert!(known.is_within(1.0, true, true) && !known.is_within(1.0, false, true));
        let known = Known::new(None).below(1.0, false);
        assert!(known.is_within(1.0, false, true));
    }

    #[test]
    fn categories_are_followed() {
        let of = |values: &[f64]| Codes::of(values).expect("whole numbers");
        let all = Known::new(Some(3)).codes;
        assert_eq!(all.are_in(&of(&[0.0, 1.0, 2.0])), Some(true));
        assert_eq!(all.are_in(&of(&[1.0])), None);
        let rest = all.outside(&of(&[1.0]));
        assert_eq!((rest.are_in(&of(&[0.0, 2.0])), rest.are_in(&of(&[1.0]))), (Some(true), Some(false)));
        let any = Known::new(None).codes;
        assert_eq!((any.are_in(&of(&[70.0])), any.inside(&of(&[70.0])).are_in(&of(&[70.0]))), (None, Some(true)));
        let rest = any.outside(&of(&[1.0, 70.0]));
        assert_eq!((rest.are_in(&of(&[70.0])), rest.are_in(&of(&[2.0]))), (Some(false), None));
        assert_eq!((Codes::of(&[0.5]), Codes::of(&[-1.0]), Codes::of(&[1e9])), (None, None, None));
    }
}
