//! Tests of the inputs, in the logic of three values: a test is true, false, or unknown because an input is null.
//!
//! Tests stand in one table; a join names its operands, which stand before it, so that a table has no cycle. Numbers are
//! compared in the order of Java's `Double.compare`, but for zeros, which are equal: NaN is above everything and equals NaN.

use std::sync::Arc;

use crate::error::PlanError;

/// Deepest nesting of joins.
pub const DEPTH_MAX: usize = 256;

/// How a value stands to a constant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Less,
    AtMost,
    Equal,
    Unequal,
    AtLeast,
    Greater,
}

/// What a join makes of its operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Join {
    /// False where any is false, else unknown where any is.
    All,
    /// True where any is true, else unknown where any is.
    Any,
    /// True where an odd number is true; unknown where any is.
    Odd,
    /// The first that is not unknown: the others stand in for it.
    FirstKnown,
}

/// One test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Test {
    /// True or false whatever the inputs.
    Known(bool),
    /// Unknown where the input is null.
    Compare { input: u32, order: Order, value: f64 },
    /// Whether the input is among a set's numbers, or is not; unknown where it is null.
    In { input: u32, set: u32, negated: bool },
    /// Whether the input is null, or is not; never unknown.
    Missing { input: u32, negated: bool },
    /// `count` entries of [`Tests::operands`] from `first` on.
    Join { join: Join, first: u32, count: u32 },
}

/// A table of tests.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tests {
    pub tests: Vec<Test>,
    /// Numbers of tests, each below that of the join that names it.
    pub operands: Vec<u32>,
    /// Numbers that rise strictly, without NaN.
    pub sets: Vec<Arc<[f64]>>,
    /// Of each input, whether NaN is an invalid value: a row is refused where its path asks for it. Of those behind the last, NaN
    /// is a number.
    pub nan_is_invalid: Vec<bool>,
}

impl Tests {
    /// Adds a test and returns its number.
    pub fn push(&mut self, test: Test) -> u32 {
        self.tests.push(test);
        self.tests.len() as u32 - 1
    }

    /// Adds a join of tests that are there.
    pub fn join(&mut self, join: Join, operands: &[u32]) -> u32 {
        let first = self.operands.len() as u32;
        self.operands.extend_from_slice(operands);
        self.push(Test::Join { join, first, count: operands.len() as u32 })
    }

    /// Adds a set of numbers and returns its place.
    pub fn set(&mut self, mut values: Vec<f64>) -> u32 {
        values.iter_mut().for_each(|v| *v += 0.0);
        values.retain(|v| !v.is_nan());
        values.sort_by(f64::total_cmp);
        values.dedup();
        self.sets.push(values.into());
        self.sets.len() as u32 - 1
    }

    /// Returns the operands of a join.
    pub fn operands_of(&self, first: u32, count: u32) -> &[u32] {
        &self.operands[first as usize..first as usize + count as usize]
    }

    /// Returns one more than the highest input that any test names.
    pub fn inputs(&self) -> u32 {
        let of = |test: &Test| match test {
            Test::Compare { input, .. } | Test::In { input, .. } | Test::Missing { input, .. } => input + 1,
            Test::Known(_) | Test::Join { .. } => 0,
        };
        self.tests.iter().map(of).max().unwrap_or(0)
    }

    pub(crate) fn check(&self, op: &'static str) -> Result<(), PlanError> {
        let fail = |what: String| Err(PlanError::parameters(op, what));
        if self.tests.len() >= u32::MAX as usize || self.operands.len() >= u32::MAX as usize {
            return fail("too many tests".to_owned());
        }
        if !self.sets.iter().all(|set| set.windows(2).all(|w| w[0] < w[1])) {
            return fail("the numbers of a set rise strictly".to_owned());
        }
        let mut depths = vec![0_u16; self.tests.len()];
        for (i, test) in self.tests.iter().enumerate() {
            match *test {
                Test::In { set, .. } if set as usize >= self.sets.len() => {
                    return fail(format!("test {i} names a set that is not there"));
                }
                Test::Join { first, count, .. } => {
                    let range = first as usize..first as usize + count as usize;
                    let Some(operands) = self.operands.get(range).filter(|operands| !operands.is_empty()) else {
                        return fail(format!("test {i} joins nothing, or what is not there"));
                    };
                    let mut depth = 0;
                    for &operand in operands {
                        if operand as usize >= i {
                            return fail(format!("test {i} joins one that does not stand before it"));
                        }
                        depth = depth.max(depths[operand as usize] + 1);
                    }
                    if depth as usize > DEPTH_MAX {
                        return fail(format!("tests are nested deeper than {DEPTH_MAX}"));
                    }
                    depths[i] = depth;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Returns whether every number of a test in `named` is there.
    pub(crate) fn has(&self, mut named: impl Iterator<Item = u32>) -> bool {
        named.all(|test| (test as usize) < self.tests.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_join_names_only_tests_before_it() {
        let mut tests = Tests::default();
        let a = tests.push(Test::Known(true));
        let joined = tests.join(Join::All, &[a, a]);
        assert_eq!(tests.check("tree"), Ok(()));
        tests.operands[0] = joined;
        assert!(tests.check("tree").is_err());
        tests.operands.clear();
        assert!(tests.check("tree").is_err());
    }

    #[test]
    fn joins_are_nested_to_a_bound() {
        let mut tests = Tests::default();
        let mut last = tests.push(Test::Known(true));
        for _ in 0..DEPTH_MAX {
            last = tests.join(Join::Any, &[last]);
        }
        assert_eq!(tests.check("tree"), Ok(()));
        tests.join(Join::Any, &[last]);
        assert!(tests.check("tree").is_err());
    }

    #[test]
    fn a_set_is_sorted_and_names_each_number_once() {
        let mut tests = Tests::default();
        tests.set(vec![2.0, -0.0, 2.0, f64::NAN, 0.0]);
        assert_eq!(tests.sets[0][..], [0.0, 2.0]);
        tests.push(Test::In { input: 0, set: 1, negated: false });
        assert!(tests.check("tree").is_err());
    }
}
