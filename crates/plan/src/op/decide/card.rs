//! Scorecards.

use super::{NONE, test::Tests};
use crate::error::PlanError;

/// The points of an attribute.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Points {
    Const(f64),
    /// The value of an input; null refuses the row.
    Input(u32),
}

/// Points for a case of a characteristic.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Attribute {
    pub test: u32,
    pub points: Points,
    /// The number of the reason for having lost (or gained) points here, or [`NONE`] where reasons are not asked for.
    pub reason: u32,
}

/// Cases of which the first whose test is true counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Characteristic {
    /// Its attributes stand one after the other from here on.
    pub first: u32,
    pub count: u32,
    /// The points that an average case has.
    pub baseline: f64,
}

/// What a scorecard gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CardPart {
    Score,
    /// The number of the reason at this place, from 0: reasons fall with their points, equal ones stand in the order of the
    /// characteristics; those of less than 0 points are none. Points of one reason add up. Null where there are not so many.
    Reason(u32),
}

/// A scorecard: `initial` plus the points of each characteristic, in their order. A row for which no test of a characteristic is
/// true is refused.
#[derive(Clone, Debug)]
pub struct Card {
    pub tests: Tests,
    pub characteristics: Vec<Characteristic>,
    pub attributes: Vec<Attribute>,
    pub initial: f64,
    /// Whether a reason's points are those above the baseline, else those below it.
    pub above: bool,
    /// Number of reasons.
    pub reasons: u32,
    /// Whether sums are rounded to 32 bits.
    pub single: bool,
}

impl Card {
    pub(crate) fn inputs(&self) -> u32 {
        let of = |attribute: &Attribute| match attribute.points {
            Points::Input(input) => input + 1,
            Points::Const(_) => 0,
        };
        self.attributes.iter().map(of).max().unwrap_or(0).max(self.tests.inputs())
    }

    pub(crate) fn check(&self) -> Result<(), PlanError> {
        let fail = |what: &str| Err(PlanError::parameters("card", what));
        self.tests.check("card")?;
        if !self.tests.has(self.attributes.iter().map(|attribute| attribute.test)) {
            return fail("an attribute names a test that is not there");
        }
        let there = |c: &Characteristic| c.first as usize + c.count as usize <= self.attributes.len();
        if !self.characteristics.iter().all(there) {
            return fail("a characteristic names attributes that are not there");
        }
        if !self.attributes.iter().all(|a| a.reason == NONE || a.reason < self.reasons) {
            return fail("an attribute names a reason that is not there");
        }
        Ok(())
    }
}
