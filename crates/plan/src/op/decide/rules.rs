//! Sets of rules.

use super::{NONE, test::Tests};
use crate::error::PlanError;

/// How the rules that fire decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Criterion {
    /// The first rule that fires answers. A class has the confidence of its first rule that fires.
    FirstHit,
    /// A class has the sum of the weights of its rules that fire, divided by the number of all that fire.
    WeightedSum,
    /// A class has the confidence of the heaviest of its rules that fire, the first of equal ones.
    WeightedMax,
}

/// A rule, or a test that stands before several.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rule {
    pub test: u32,
    /// Where it goes on if the test is not true: past the rules that it stands before; at the next one for a rule.
    pub end: u32,
    /// The class that the rule is for; [`NONE`] for a test before several.
    pub class: u32,
    pub weight: f64,
    pub confidence: f64,
}

/// What the rules give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RulePart {
    /// The number of the rule that answers (the heaviest of the winning class but for [`Criterion::FirstHit`]); null where none
    /// fires.
    Rule,
    /// The class of that rule: of several the first whose value is largest, in the order in which they fire first.
    Score,
    /// Of each class its value, 0 where no rule of it fires.
    Confidences,
}

/// A set of rules. Where none fires the default class answers; where there is none, the row is refused.
#[derive(Clone, Debug)]
pub struct Rules {
    pub tests: Tests,
    pub rules: Vec<Rule>,
    pub criterion: Criterion,
    /// Number of classes.
    pub width: u32,
    /// A class, or [`NONE`].
    pub default_class: u32,
    pub default_confidence: f64,
    /// Whether sums and quotients are rounded to 32 bits.
    pub single: bool,
}

impl Rules {
    pub(crate) fn check(&self) -> Result<(), PlanError> {
        let fail = |what: &str| Err(PlanError::parameters("rules", what));
        self.tests.check("rules")?;
        if !self.tests.has(self.rules.iter().map(|rule| rule.test)) {
            return fail("a rule names a test that is not there");
        }
        let in_class = |class: u32| class == NONE || class < self.width;
        if !in_class(self.default_class) || !self.rules.iter().all(|rule| in_class(rule.class)) {
            return fail("a rule is for a class that is not there");
        }
        let ahead = |(i, rule): (usize, &Rule)| i < rule.end as usize && rule.end as usize <= self.rules.len();
        if !self.rules.iter().enumerate().all(ahead) {
            return fail("a rule goes on where there is none");
        }
        Ok(())
    }
}
